package dex

import (
	"math"

	"github.com/otavet/otavet/ota/parse"
)

// Visibilities of annotations.
const (
	VisibilityBuild   = 0x00 // VISIBILITY_BUILD
	VisibilityRuntime = 0x01 // VISIBILITY_RUNTIME
	VisibilitySystem  = 0x02 // VISIBILITY_SYSTEM
)

// An Annotation is a type and named values.
type Annotation struct {
	Visibility uint8
	Type       uint32
	Elements   []Element
}

// An Element is one value of an annotation; Name is a string's index.
type Element struct {
	Name  uint32
	Value Value
}

// Annotations are those of a class and its members.
type Annotations struct {
	Class   []Annotation
	Fields  []MemberAnnotations
	Methods []MemberAnnotations
	Params  []ParamAnnotations
}

// MemberAnnotations are those of the field or method of index Member.
type MemberAnnotations struct {
	Member uint32
	List   []Annotation
}

// ParamAnnotations are those of a method's parameters, in their order.
type ParamAnnotations struct {
	Method uint32
	Params [][]Annotation
}

// Annotations gives the annotations of c and its members. Decoding them for every
// class of a hostile file may take long: classes may share one directory.
func (f *File) Annotations(c ClassDef) (Annotations, error) {
	var a Annotations
	if c.annotations == 0 {
		return a, nil
	}
	off := int(c.annotations)
	if off%4 != 0 || int64(c.annotations)+16 > int64(len(f.b)) {
		return a, fail(off, parse.ErrFormat, "no annotations where a class says", off)
	}
	r := f.values(0)
	a.Class = r.set(f.u32(off))
	at := off + 16
	nf, nm, np := f.u32(off+4), f.u32(off+8), f.u32(off+12)
	if need := 8 * (uint64(nf) + uint64(nm) + uint64(np)); need > uint64(len(f.b)-at) {
		return a, fail(off, parse.ErrFormat, "annotations run past the end of the file", need)
	}
	a.Fields, at = r.members(at, nf, f.FieldIDs.Len)
	a.Methods, at = r.members(at, nm, f.MethodIDs.Len)
	for i := range int(np) {
		p := ParamAnnotations{Method: f.u32(at + 8*i)}
		if p.Method >= f.MethodIDs.Len {
			r.fail(at, parse.ErrFormat, "annotations of no method", p.Method)
		}
		p.Params = r.sets(f.u32(at + 8*i + 4))
		if r.err != nil {
			return a, r.err
		}
		a.Params = append(a.Params, p)
	}
	return a, r.err
}

// members reads n field_annotation or method_annotation items at at.
func (r *valueReader) members(at int, n, most uint32) ([]MemberAnnotations, int) {
	var list []MemberAnnotations
	for range n {
		m := MemberAnnotations{Member: r.f.u32(at)}
		if m.Member >= most {
			r.fail(at, parse.ErrFormat, "annotations of no member", m.Member)
		}
		m.List = r.set(r.f.u32(at + 4))
		if r.take(at); r.err != nil {
			return list, at
		}
		list = append(list, m)
		at += 8
	}
	return list, at
}

// take counts one value.
func (r *valueReader) take(at int) {
	if r.left--; r.left < 0 {
		r.fail(at, parse.ErrLimit, "more values in one array or class than are read", nil)
	}
}

// list reads the length of the list of offsets at off and the offset behind it.
func (r *valueReader) list(off uint32) (n, at int) {
	b := r.f.b
	if off%4 != 0 || int64(off)+4 > int64(len(b)) || 4*int64(r.f.u32(int(off))) > int64(len(b))-int64(off)-4 {
		r.fail(int(off), parse.ErrFormat, "no list of annotations where one should be", off)
		return 0, 0
	}
	return int(r.f.u32(int(off))), int(off) + 4
}

// sets reads an annotation_set_ref_list.
func (r *valueReader) sets(off uint32) [][]Annotation {
	n, at := r.list(off)
	var list [][]Annotation
	for i := range n {
		set := r.set(r.f.u32(at + 4*i))
		if r.take(at); r.err != nil {
			return nil
		}
		list = append(list, set)
	}
	return list
}

// set reads an annotation_set_item; zero stands for an empty one.
func (r *valueReader) set(off uint32) []Annotation {
	if off == 0 || r.err != nil {
		return nil
	}
	n, at := r.list(off)
	var list []Annotation
	for i := range n {
		item := r.f.u32(at + 4*i)
		r.off = int(min(item, math.MaxInt32))
		v := r.u8()
		if r.off < 0 || v > VisibilitySystem {
			r.fail(int(item), parse.ErrFormat, "no annotation where one should be", v)
		}
		if r.take(at); r.err != nil {
			return nil
		}
		a := r.annotation(0)
		a.Visibility = v
		list = append(list, a)
	}
	return list
}

// annotation reads an encoded_annotation.
func (r *valueReader) annotation(depth int) Annotation {
	at := r.off
	a := Annotation{Type: r.uleb()}
	n := r.count(2)
	if r.err == nil && a.Type >= r.f.TypeIDs.Len {
		r.fail(at, parse.ErrFormat, "an annotation is of no type", a.Type)
	}
	if r.err != nil || n == 0 {
		return a
	}
	a.Elements = make([]Element, 0, n)
	for range n {
		at := r.off
		e := Element{Name: r.uleb()}
		if e.Name >= r.f.StringIDs.Len {
			r.fail(at, parse.ErrFormat, "a value of an annotation has no name", e.Name)
		}
		e.Value = r.value(depth)
		if r.err != nil {
			return a
		}
		a.Elements = append(a.Elements, e)
	}
	return a
}
