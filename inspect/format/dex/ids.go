package dex

import (
	"cmp"

	"github.com/otavet/otavet/ota/parse"
)

// A ProtoID is a method prototype: indices of a string and of types.
type ProtoID struct {
	Shorty, Return uint32
	params         uint32 // parameters_off
}

// A FieldID names a field: indices of the type that is asked for it, of its type and of the
// string that is its name.
type FieldID struct{ Class, Type, Name uint32 }

// A MethodID names a method: indices of the type that is asked for it, of its
// prototype and of the string that is its name.
type MethodID struct{ Class, Proto, Name uint32 }

// Proto gives the prototype of index i.
func (f *File) Proto(i uint32) (ProtoID, error) {
	if i >= f.ProtoIDs.Len {
		return ProtoID{}, noSuch("prototype", i)
	}
	return f.proto(i), nil
}

// Field gives the field of index i.
func (f *File) Field(i uint32) (FieldID, error) {
	if i >= f.FieldIDs.Len {
		return FieldID{}, noSuch("field", i)
	}
	return f.field(i), nil
}

// Method gives the method of index i.
func (f *File) Method(i uint32) (MethodID, error) {
	if i >= f.MethodIDs.Len {
		return MethodID{}, noSuch("method", i)
	}
	return f.method(i), nil
}

// Type gives the index of the string that is the descriptor of type i.
func (f *File) Type(i uint32) (uint32, error) {
	if i >= f.TypeIDs.Len {
		return 0, noSuch("type", i)
	}
	return f.typ(i), nil
}

// Params gives the indices of the types of p's parameters.
func (f *File) Params(p ProtoID) ([]uint32, error) { return f.typeList(p.params, maxParams) }

func noSuch(what string, i uint32) error {
	return fail(-1, parse.ErrFormat, "no such "+what, i)
}

// The four below take an index that was checked.

func (f *File) typ(i uint32) uint32 { return f.u32(int(f.TypeIDs.Off + i*lenTypeID)) }

func (f *File) proto(i uint32) ProtoID {
	at := int(f.ProtoIDs.Off + i*lenProtoID)
	return ProtoID{f.u32(at), f.u32(at + 4), f.u32(at + 8)}
}

func (f *File) field(i uint32) FieldID {
	at := int(f.FieldIDs.Off + i*lenFieldID)
	return FieldID{f.u16(at), f.u16(at + 2), f.u32(at + 4)}
}

func (f *File) method(i uint32) MethodID {
	at := int(f.MethodIDs.Off + i*lenMethodID)
	return MethodID{f.u16(at), f.u16(at + 2), f.u32(at + 4)}
}

// typeList reads the type_list at off; zero stands for an empty one.
func (f *File) typeList(off, most uint32) ([]uint32, error) {
	if off == 0 {
		return nil, nil
	}
	n, err := f.typeListLen(off, most)
	if err != nil {
		return nil, err
	}
	list := make([]uint32, n)
	for i := range list {
		at := int(off) + 4 + 2*i
		if list[i] = f.u16(at); list[i] >= f.TypeIDs.Len {
			return nil, fail(at, parse.ErrFormat, "no such type", list[i])
		}
	}
	return list, nil
}

func (f *File) typeListLen(off, most uint32) (int, error) {
	if off%4 != 0 || int64(off)+4 > int64(len(f.b)) {
		return 0, fail(int(off), parse.ErrFormat, "no type list where one should be", off)
	}
	n := f.u32(int(off))
	if int64(n)*2 > int64(len(f.b))-int64(off)-4 {
		return 0, fail(int(off), parse.ErrFormat, "a type list runs past the end of the file", n)
	}
	if n > most {
		return 0, fail(int(off), parse.ErrLimit, "more types in a list than are read", n)
	}
	return int(n), nil
}

// checkIDs holds the id tables against each other: every index is one of its table, and
// every table is sorted and without duplicates, as ART demands.
func (f *File) checkIDs() error {
	for i := range f.TypeIDs.Len {
		at := int(f.TypeIDs.Off + i*lenTypeID)
		if f.typ(i) >= f.StringIDs.Len {
			return fail(at, parse.ErrFormat, "a type has no descriptor", f.typ(i))
		}
		if i > 0 && f.typ(i-1) >= f.typ(i) {
			return fail(at, parse.ErrFormat, "type_ids are not sorted", i)
		}
	}
	if err := f.checkProtos(); err != nil {
		return err
	}
	var last FieldID
	for i := range f.FieldIDs.Len {
		at, x := int(f.FieldIDs.Off+i*lenFieldID), f.field(i)
		if x.Class >= f.TypeIDs.Len || x.Type >= f.TypeIDs.Len || x.Name >= f.StringIDs.Len {
			return fail(at, parse.ErrFormat, "a field refers to nothing", i)
		}
		if i > 0 && cmp.Or(cmp.Compare(last.Class, x.Class), cmp.Compare(last.Name, x.Name), cmp.Compare(last.Type, x.Type)) >= 0 {
			return fail(at, parse.ErrFormat, "field_ids are not sorted", i)
		}
		last = x
	}
	var lastM MethodID
	for i := range f.MethodIDs.Len {
		at, x := int(f.MethodIDs.Off+i*lenMethodID), f.method(i)
		if x.Class >= f.TypeIDs.Len || x.Proto >= f.ProtoIDs.Len || x.Name >= f.StringIDs.Len {
			return fail(at, parse.ErrFormat, "a method refers to nothing", i)
		}
		if i > 0 && cmp.Or(cmp.Compare(lastM.Class, x.Class), cmp.Compare(lastM.Name, x.Name), cmp.Compare(lastM.Proto, x.Proto)) >= 0 {
			return fail(at, parse.ErrFormat, "method_ids are not sorted", i)
		}
		lastM = x
	}
	return nil
}

func (f *File) checkProtos() error {
	var last ProtoID
	for i := range f.ProtoIDs.Len {
		at, x := int(f.ProtoIDs.Off+i*lenProtoID), f.proto(i)
		if x.Shorty >= f.StringIDs.Len || x.Return >= f.TypeIDs.Len {
			return fail(at, parse.ErrFormat, "a prototype refers to nothing", i)
		}
		if x.params != 0 {
			n, err := f.typeListLen(x.params, maxParams)
			if err != nil {
				return err
			}
			for j := range n {
				if t := f.u16(int(x.params) + 4 + 2*j); t >= f.TypeIDs.Len {
					return fail(int(x.params), parse.ErrFormat, "no such type", t)
				}
			}
		}
		if i > 0 && cmp.Or(cmp.Compare(last.Return, x.Return), f.compareParams(last.params, x.params)) >= 0 {
			return fail(at, parse.ErrFormat, "proto_ids are not sorted", i)
		}
		last = x
	}
	return nil
}

// compareParams compares two type lists that were checked.
func (f *File) compareParams(a, b uint32) int {
	if a == b {
		return 0
	}
	var na, nb uint32
	if a != 0 {
		na = f.u32(int(a))
	}
	if b != 0 {
		nb = f.u32(int(b))
	}
	for i := range int(min(na, nb)) {
		if c := cmp.Compare(f.u16(int(a)+4+2*i), f.u16(int(b)+4+2*i)); c != 0 {
			return c
		}
	}
	return cmp.Compare(na, nb)
}
