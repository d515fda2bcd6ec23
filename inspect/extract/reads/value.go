package reads

import (
	"math"
	"strconv"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/dex"
)

type valueKind uint8

const (
	unknown  valueKind = iota
	number             // n: 32 bits with their sign extended; zero is null and false, too
	wide               // n: 64 bits, in this register and the next
	wideHigh           // the second half of a wide
	text               // n: a string of the file whose code this is
	foreign            // n: a string of another file: index of the file, index there
	resource           // n: id of a resource that was just read; from says how
	param              // n: the argument that the method was called with, counted in registers
)

// A value is what is known of a register. Two are the same constant iff they are
// equal; two of unknown are not.
type value struct {
	kind valueKind
	from resourceType
	n    int64
}

// A resourceType is what a resource was read as.
type resourceType uint8

const (
	asBoolean resourceType = 1 + iota
	asInteger
	asString
)

// asType is how a resource is read where a default of the type is wanted.
var asType = map[string]resourceType{"boolean": asBoolean, "int": asInteger, "string": asString}

// encoded is a static field's initial value, as an sget in the same file gives it.
func encoded(v dex.Value) value {
	switch v.Kind {
	case dex.ValueByte, dex.ValueShort, dex.ValueChar, dex.ValueInt, dex.ValueBoolean:
		return value{kind: number, n: v.Int()}
	case dex.ValueFloat:
		return value{kind: number, n: int64(int32(uint32(v.Bits)))}
	case dex.ValueLong, dex.ValueDouble:
		return value{kind: wide, n: v.Int()}
	case dex.ValueNull:
		return value{kind: number}
	case dex.ValueString:
		return value{kind: text, n: v.Int()}
	}
	return value{}
}

// str is the string that v is.
func (c *container) str(f *file, v value) (string, bool) {
	switch v.kind {
	case text:
		s, err := f.String(uint32(v.n))
		return s, err == nil
	case foreign:
		s, err := c.files[v.n>>32].String(uint32(v.n))
		return s, err == nil
	}
	return "", false
}

// Why a key or value is not given.
const (
	noteComputed = "is computed"
	noteParam    = "is a parameter of the method"
	noteBig      = "was not followed: the method is too large"
	noteNull     = "null"
)

// literal prints a constant as a default of the getter's type; ok is false where it is none,
// and note says why.
func (c *container) literal(f *file, v value, g *getter) (s, note string, ok bool) {
	switch {
	case v.kind == param:
		return "", "the default " + noteParam, false
	case (g.typ == "string" || g.typ == "set") && v.kind == number && v.n == 0:
		if g.store == fact.StoreProperty {
			return "", "null, for which the platform answers an empty string", true
		}
		return "", noteNull, false
	case g.typ == "string":
		if s, ok = c.str(f, v); ok {
			return s, "", true
		}
	case g.typ == "boolean" && v.kind == number:
		if v.n == 0 || v.n == 1 {
			return strconv.FormatBool(v.n == 1), "", true
		}
	case g.typ == "int" && v.kind == number:
		return strconv.FormatInt(int64(int32(v.n)), 10), "", true
	case g.typ == "long" && v.kind == wide:
		return strconv.FormatInt(v.n, 10), "", true
	case g.typ == "float" && v.kind == number:
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(v.n))), 'g', -1, 32), "", true
	}
	return "", "the default " + noteComputed, false
}
