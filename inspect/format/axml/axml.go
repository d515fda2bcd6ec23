package axml

import (
	"encoding/binary"
	"fmt"

	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxFile bounds what is read into memory, of which the tree is a small
	// multiple: manifests are below 2 MiB.
	maxFile = 16 << 20

	// maxDepth bounds how deep elements nest, because who reads the tree is
	// recursive. A view inflated from 200 levels overflows an app's stack, and
	// manifests need six.
	maxDepth = 512

	// maxOverlapping bounds the attributes that share bytes with each other: a
	// size of attributes below their length lets an element of 40 bytes hold
	// 65535 of them. Honest files have none.
	maxOverlapping = 1 << 16

	// maxNotes is how many notes are kept; a file that is bent in more ways is
	// bent in the same ways.
	maxNotes = 32
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "axml", Off: off, Msg: msg, Got: got, Kind: kind}
}

// A Value is the typed value of an attribute or text.
type Value = chunk.Value

// A File is a binary XML file. It does not change; any number of goroutines may
// use it.
type File struct {
	// Root is the first element. It is the only one that the platform's reader
	// of manifests looks at.
	Root *Element

	// More are elements that stand beside Root, which text XML could not have.
	More []*Element

	// Notes say what is odd about the file, in the order in which it was met.
	Notes []string
}

// An Element is an element with all that it holds.
type Element struct {
	Name       string
	Namespace  string // URI; "" for none
	Attributes []Attribute
	Children   []*Element
	Text       []Text
	Scope      []Scope // namespaces declared by chunks just before the element
	Comment    string
	Line       uint32 // in the source, as the compiler says
	Offset     int64  // of the element's chunk
}

// An Attribute is an attribute of an element.
type Attribute struct {
	Namespace string // URI; "" for none
	Name      string
	// ResourceID is the number of the attribute, 0x0101… for one of Android's
	// own; 0 where the file gives none. Where it is given, the platform goes by
	// it and not by Namespace and Name.
	ResourceID uint32
	Raw        string // the text in the source, where HasRaw says that it was kept
	HasRaw     bool
	Value      Value
	Offset     int64
}

// A Text is a piece of text inside an element.
type Text struct {
	String string
	Value  Value
	Before int // how many children stand before it
	Line   uint32
	Offset int64
}

// A Scope is a namespace's declaration.
type Scope struct {
	Prefix, URI string
}

// Attribute is the element's first attribute with the resource id, or nil.
func (e *Element) Attribute(id uint32) *Attribute {
	for i := range e.Attributes {
		if e.Attributes[i].ResourceID == id {
			return &e.Attributes[i]
		}
	}
	return nil
}

// Named is the element's first attribute with that namespace and name and
// without a resource id, or nil. The manifest's "package" is one such.
func (e *Element) Named(namespace, name string) *Attribute {
	for i := range e.Attributes {
		if a := &e.Attributes[i]; a.ResourceID == 0 && a.Name == name && a.Namespace == namespace {
			return a
		}
	}
	return nil
}

// Open reads a binary XML file whole. Elements and attributes are charged to
// bud. The error is a *parse.Error, or that of a read from b.
func Open(b blob.Blob, bud *parse.Budget) (*File, error) {
	if b.Size() > maxFile {
		return nil, fail(0, parse.ErrLimit, "larger than 16 MiB", b.Size())
	}
	if bud == nil {
		bud = parse.NewBudget(parse.Limits{})
	}
	p, err := blob.ReadAll(b, maxFile)
	if err != nil {
		return nil, err
	}
	r := &reader{b: p, bud: bud, texts: map[uint32]*string{}, f: new(File)}
	if err := r.header(); err != nil {
		return nil, err
	}
	if err := r.nodes(); err != nil {
		return nil, err
	}
	return r.f, nil
}

type reader struct {
	b           []byte // the root chunk; what the file has behind it is cut off
	first       int    // offset of the first node
	bud         *parse.Budget
	pool        *chunk.Pool
	ids         []byte // the resource map: u32 for each of the first strings
	texts       map[uint32]*string
	overlapping int
	f           *File
}

func (r *reader) note(format string, args ...any) {
	if len(r.f.Notes) < maxNotes {
		r.f.Notes = append(r.f.Notes, fmt.Sprintf(format, args...))
	}
}

// header follows ResXMLTree::setTo: up to the first node it finds the string
// pool and the resource map.
func (r *reader) header() error {
	c := parse.NewCursor("axml", r.b, 0)
	typ, headerSize, size := c.U16LE(), c.U16LE(), c.U32LE()
	if err := c.Err(); err != nil {
		return err
	}
	if uint32(headerSize) > size || uint64(size) > uint64(len(r.b)) {
		return fail(0, parse.ErrFormat, "the file is shorter than its header says", size)
	}
	if typ != chunk.TypeXML {
		r.note("the first chunk has type %#x, not XML: Android 16 refuses it, others do not", typ)
	}
	if headerSize != lenHeader {
		r.note("the header is %d bytes long, not 8", headerSize)
	}
	if more := len(r.b) - int(size); more > 0 {
		r.note("%d bytes follow the end that the header gives", more)
	}
	r.b = r.b[:size]
	var poolErr error
	for at := int(headerSize); ; {
		// So does the platform end its search; a last chunk that ends with the
		// file is not looked at.
		if at >= len(r.b)-8 {
			return fail(int64(at), parse.ErrFormat, "there is no node", nil)
		}
		if size := binary.LittleEndian.Uint32(r.b[at+4:]); uint64(size) >= uint64(len(r.b)-at) {
			return fail(int64(at), parse.ErrFormat, "there is no node before the last chunk", size)
		}
		c, err := chunk.At("axml", r.b, 0, at, 8)
		if err != nil {
			return err
		}
		switch {
		case c.Type == chunk.TypeStringPool:
			if r.pool != nil || poolErr != nil {
				r.note("a second string pool at byte %#x takes the place of the first", at)
			}
			if len(c.Header) != lenPool {
				r.note("the header of the string pool is %d bytes long, not 28", len(c.Header))
			}
			r.pool, poolErr = chunk.OpenPool("axml", c)
		case c.Type == chunk.TypeXMLResourceMap:
			if len(c.Header) != lenHeader {
				r.note("the header of the resource map is %d bytes long, not 8", len(c.Header))
			}
			r.ids = c.Body[:len(c.Body)&^3]
		case c.Type >= chunk.TypeXMLFirst && c.Type <= chunk.TypeXMLLast:
			if poolErr != nil {
				return poolErr
			}
			if r.pool == nil {
				return fail(int64(at), parse.ErrFormat, "there is no string pool before the first node", nil)
			}
			r.first = at
			return nil
		default:
			r.note("a chunk of the unknown type %#x at byte %#x", c.Type, at)
		}
		at += c.Size()
	}
}

// text is string i of the pool. It decodes each string once.
func (r *reader) text(i uint32) (string, bool) {
	if i == noString {
		return "", false
	}
	if s, ok := r.texts[i]; ok {
		if s == nil {
			return "", false
		}
		return *s, true
	}
	s, ok := r.pool.String(i)
	if !ok {
		if int32(i) >= 0 {
			r.note("string %d is missing", i)
		}
		if len(r.texts) < r.pool.Len() {
			r.texts[i] = nil
		}
		return "", false
	}
	r.texts[i] = &s
	return s, true
}

func (r *reader) str(i uint32) string {
	s, _ := r.text(i)
	return s
}

// value reads a typed value with its string.
func (r *reader) value(p []byte) Value {
	v, _ := chunk.ReadValue(p)
	if v.Type == chunk.String {
		v.String = r.str(v.Data)
	}
	return v
}
