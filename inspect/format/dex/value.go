package dex

import (
	"math"

	"github.com/otavet/otavet/ota/parse"
)

// A ValueKind is the type of an encoded_value.
type ValueKind uint8

// The types of encoded_value; VALUE_… on the dex-format page.
const (
	ValueByte         ValueKind = 0x00
	ValueShort        ValueKind = 0x02
	ValueChar         ValueKind = 0x03
	ValueInt          ValueKind = 0x04
	ValueLong         ValueKind = 0x06
	ValueFloat        ValueKind = 0x10
	ValueDouble       ValueKind = 0x11
	ValueMethodType   ValueKind = 0x15
	ValueMethodHandle ValueKind = 0x16
	ValueString       ValueKind = 0x17
	ValueType         ValueKind = 0x18
	ValueField        ValueKind = 0x19
	ValueMethod       ValueKind = 0x1a
	ValueEnum         ValueKind = 0x1b
	ValueArray        ValueKind = 0x1c
	ValueAnnotation   ValueKind = 0x1d
	ValueNull         ValueKind = 0x1e
	ValueBoolean      ValueKind = 0x1f
)

// A Value is an encoded_value.
type Value struct {
	Kind ValueKind
	// Bits are an integer, with its sign extended, a boolean (0 or 1), the bits of a float or double,
	// or the index of what Kind says: a prototype for ValueMethodType, a field for ValueEnum.
	Bits       uint64
	Array      []Value     // ValueArray
	Annotation *Annotation // ValueAnnotation; it has no visibility
}

// Int is the number, character or boolean as an integer.
func (v Value) Int() int64 { return int64(v.Bits) }

// Index is the index that an index kind holds.
func (v Value) Index() uint32 { return uint32(v.Bits) }

// Float is the value of a float or double.
func (v Value) Float() float64 {
	if v.Kind == ValueFloat {
		return float64(math.Float32frombits(uint32(v.Bits)))
	}
	return math.Float64frombits(v.Bits)
}

// StaticValues gives the initial values of c's static fields, in their order. There may
// be fewer values than fields: the others start as zero or null. ART refuses a file with more.
func (f *File) StaticValues(c ClassDef) ([]Value, error) {
	if c.staticValues == 0 {
		return nil, nil
	}
	return f.encodedArray(c.staticValues)
}

func (f *File) encodedArray(off uint32) ([]Value, error) {
	r := f.values(off)
	list := r.array(0)
	return list, r.err
}

// A valueReader reads encoded values. The first error stays.
type valueReader struct {
	lebs
	f    *File
	left int // values that may follow
	err  error
}

func (f *File) values(off uint32) *valueReader {
	return &valueReader{lebs{f.b, int(off)}, f, maxValues, nil}
}

func (r *valueReader) fail(at int, kind error, msg string, got any) {
	if r.err == nil {
		r.err = fail(at, kind, msg, got)
	}
}

// count reads how many values of at least width bytes follow.
func (r *valueReader) count(width int) int {
	at := r.off
	n := int64(r.uleb())
	switch {
	case r.err != nil:
		return 0
	case r.off < 0 || n*int64(width) > int64(r.lebs.left()):
		r.fail(at, parse.ErrFormat, "encoded values run past the end of the file", n)
		return 0
	case n > int64(r.left):
		r.fail(at, parse.ErrLimit, "more values in one array or class than are read", n)
		return 0
	}
	r.left -= int(n)
	return int(n)
}

func (r *valueReader) array(depth int) []Value {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	list := make([]Value, 0, n)
	for range n {
		v := r.value(depth)
		if r.err != nil {
			return nil
		}
		list = append(list, v)
	}
	return list
}

func (r *valueReader) value(depth int) Value {
	at := r.off
	b := r.u8()
	v, arg := Value{Kind: ValueKind(b & 0x1f)}, int(b>>5)
	if r.off < 0 {
		r.fail(at, parse.ErrFormat, "an encoded value lies outside the file", at)
		return v
	}
	if depth >= maxDepth {
		r.fail(at, parse.ErrLimit, "values are nested too deep", depth)
		return v
	}
	most := 3 // value_arg of the widest form
	var table uint32 = math.MaxUint32
	switch v.Kind {
	case ValueNull, ValueArray, ValueAnnotation:
		if arg != 0 {
			r.fail(at, parse.ErrFormat, "wrong size of an encoded value", b)
		}
		switch v.Kind {
		case ValueArray:
			v.Array = r.array(depth + 1)
		case ValueAnnotation:
			a := r.annotation(depth + 1)
			v.Annotation = &a
		}
		return v
	case ValueBoolean:
		if arg > 1 {
			r.fail(at, parse.ErrFormat, "wrong size of an encoded value", b)
		}
		v.Bits = uint64(arg)
		return v
	case ValueByte:
		most = 0
	case ValueShort, ValueChar:
		most = 1
	case ValueLong, ValueDouble:
		most = 7
	case ValueInt, ValueFloat:
	case ValueMethodType:
		table = r.f.ProtoIDs.Len
	case ValueMethodHandle:
		table = r.f.MethodHandles.Len
	case ValueString:
		table = r.f.StringIDs.Len
	case ValueType:
		table = r.f.TypeIDs.Len
	case ValueField, ValueEnum:
		table = r.f.FieldIDs.Len
	case ValueMethod:
		table = r.f.MethodIDs.Len
	default:
		r.fail(at, parse.ErrFormat, "no such kind of encoded value", b)
		return v
	}
	if arg > most {
		r.fail(at, parse.ErrFormat, "wrong size of an encoded value", b)
		return v
	}
	for i := range arg + 1 {
		v.Bits |= uint64(r.u8()) << (8 * i)
	}
	if r.off < 0 {
		r.fail(at, parse.ErrFormat, "an encoded value runs past the end of the file", nil)
		return v
	}
	switch v.Kind {
	case ValueByte, ValueShort, ValueInt, ValueLong:
		unused := 8 * (7 - arg)
		v.Bits = uint64(int64(v.Bits<<unused) >> unused)
	case ValueFloat:
		v.Bits <<= 8 * (3 - arg) // zeros are left out on the right
	case ValueDouble:
		v.Bits <<= 8 * (7 - arg)
	}
	if table != math.MaxUint32 && v.Bits >= uint64(table) {
		r.fail(at, parse.ErrFormat, "an encoded value refers to nothing", v.Bits)
	}
	return v
}
