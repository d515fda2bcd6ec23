package axml

import (
	"encoding/binary"
	"slices"

	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/parse"
)

// nodes builds the tree, as ResXMLParser::nextNode walks. Ends of elements close
// what is open, whatever they are called: so does the platform, which only counts.
func (r *reader) nodes() error {
	var (
		open  []*Element
		scope []Scope
	)
	for at := r.first; at < len(r.b); {
		c, err := r.node(at)
		if err != nil {
			// The platform reads nodes only as it needs them, and its readers
			// stop at the end of the root element.
			if r.f.Root != nil && len(open) == 0 {
				r.note("what follows the root element is broken: %v", err)
				return nil
			}
			return err
		}
		at += c.Size()
		line, comment := binary.LittleEndian.Uint32(c.Header[8:]), binary.LittleEndian.Uint32(c.Header[12:])
		switch c.Type {
		case chunk.TypeXMLStartNamespace:
			if len(scope) == maxDepth {
				return fail(c.Off, parse.ErrLimit, "more than 512 namespaces in a row", nil)
			}
			scope = append(scope, Scope{r.str(ref(c.Body, 0)), r.str(ref(c.Body, 4))})
		case chunk.TypeXMLStartElement:
			if len(open) == maxDepth {
				return fail(c.Off, parse.ErrLimit, "elements are nested more than 512 deep", nil)
			}
			e := &Element{
				Namespace: r.str(ref(c.Body, 0)), Name: r.str(ref(c.Body, 4)),
				Scope: scope, Comment: r.str(comment), Line: line, Offset: c.Off,
			}
			scope = nil
			if err := r.attributes(e, c); err != nil {
				return err
			}
			switch {
			case len(open) > 0:
				up := open[len(open)-1]
				up.Children = append(up.Children, e)
			case r.f.Root == nil:
				r.f.Root = e
			default:
				r.note("an element beside the root at byte %#x", c.Off)
				r.f.More = append(r.f.More, e)
			}
			open = append(open, e)
		case chunk.TypeXMLEndElement:
			if len(open) == 0 {
				r.note("the end of an element that was not begun at byte %#x", c.Off)
				continue
			}
			open = open[:len(open)-1]
		case chunk.TypeXMLText:
			if len(open) == 0 {
				r.note("text outside all elements at byte %#x", c.Off)
				continue
			}
			if err := r.bud.Entry("axml", 1); err != nil {
				return err
			}
			up := open[len(open)-1]
			up.Text = append(up.Text, Text{
				String: r.str(ref(c.Body, 0)), Value: r.value(c.Body[4:]),
				Before: len(up.Children), Line: line, Offset: c.Off,
			})
		}
	}
	if len(open) > 0 {
		r.note("%d elements are not closed", len(open))
	}
	if r.f.Root == nil {
		return fail(int64(r.first), parse.ErrFormat, "there is no element", nil)
	}
	return nil
}

func ref(p []byte, off int) uint32 { return binary.LittleEndian.Uint32(p[off:]) }

// node reads the node at at as validateNode and nextNode judge it.
func (r *reader) node(at int) (chunk.Chunk, error) {
	c, err := chunk.At("axml", r.b, 0, at, lenNode)
	if err != nil {
		return c, err
	}
	if len(c.Header) != lenNode {
		r.note("a node's header is %d bytes long, not 16, at byte %#x", len(c.Header), at)
	}
	least := 0
	switch c.Type {
	case chunk.TypeXMLStartNamespace, chunk.TypeXMLEndNamespace:
		least = lenNamespace
	case chunk.TypeXMLStartElement:
		least = lenStartElement
	case chunk.TypeXMLEndElement:
		least = lenEndElement
	case chunk.TypeXMLText:
		least = lenText
	default:
		r.note("a node of the unknown type %#x at byte %#x", c.Type, at)
	}
	if len(c.Body) < least {
		return c, fail(c.Off, parse.ErrFormat, "a node is too small for its type", len(c.Body))
	}
	return c, nil
}

// attributes reads the attributes of e, whose node is c. They lie where the
// element says and as far apart as it says.
func (r *reader) attributes(e *Element, c chunk.Chunk) error {
	u16 := func(off int) int { return int(binary.LittleEndian.Uint16(c.Body[off:])) }
	start, stride, count := u16(8), u16(10), u16(12)
	if start+stride*count > len(c.Body) {
		return fail(c.Off, parse.ErrFormat, "the attributes of an element run past it", start+stride*count)
	}
	if err := r.bud.Entry("axml", 1+int64(count)); err != nil {
		return err
	}
	if count == 0 {
		return nil
	}
	if start != lenStartElement || stride != lenAttribute {
		r.note("attributes begin at %d and are %d bytes apart, not 20 and 20, at byte %#x", start, stride, c.Off)
	}
	if stride < lenAttribute {
		// The last may then reach beyond the node, which the platform reads all the same.
		if r.overlapping += count; r.overlapping > maxOverlapping {
			return fail(c.Off, parse.ErrLimit, "more than 65536 attributes overlap", count)
		}
	}
	first := int(c.Off) + len(c.Header) + start
	if end := first + stride*(count-1) + lenAttribute; end > len(r.b) {
		return fail(c.Off, parse.ErrFormat, "the attributes of an element run past the file", end)
	}
	e.Attributes = make([]Attribute, count)
	for i := range e.Attributes {
		off := first + stride*i
		p := r.b[off : off+lenAttribute]
		a := &e.Attributes[i]
		name := ref(p, 4)
		a.Namespace, a.Name = r.str(ref(p, 0)), r.str(name)
		a.Raw, a.HasRaw = r.text(ref(p, 8))
		a.Value = r.value(p[12:])
		a.Offset = int64(off)
		if uint64(name) < uint64(len(r.ids)/4) {
			a.ResourceID = ref(r.ids, 4*int(name))
		}
	}
	return nil
}

// All gives the element and all below it, in the order of the file.
func (e *Element) All(yield func(*Element) bool) {
	stack := []*Element{e}
	for len(stack) > 0 {
		e := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !yield(e) {
			return
		}
		n := len(stack)
		stack = append(stack, e.Children...)
		slices.Reverse(stack[n:])
	}
}
