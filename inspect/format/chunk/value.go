package chunk

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// A Value is a typed value: struct Res_value. Its data is not changed by what
// the type says of it; String is the string that the data names, where the type
// is String and the pool holds it.
type Value struct {
	Type   Type
	Data   uint32
	String string
}

// ReadValue reads the first LenValue bytes of p, which must be there. The size
// that the value declares of itself is returned too: the platform's XML reader
// ignores it, its table reader does not.
func ReadValue(p []byte) (v Value, size uint16) {
	return Value{Type: Type(p[3]), Data: binary.LittleEndian.Uint32(p[4:])}, binary.LittleEndian.Uint16(p)
}

// Bool is what Android makes of the value where it wants a boolean: any integer
// but zero is true. The second result tells whether it is an integer at all.
func (v Value) Bool() (value, ok bool) {
	return v.Data != 0, v.Type >= firstInt && v.Type <= lastInt
}

// Int is the value of an integer of any form, colors and booleans included.
func (v Value) Int() (value int32, ok bool) {
	return int32(v.Data), v.Type >= firstInt && v.Type <= lastInt
}

// Float is the value of a float.
func (v Value) Float() (value float32, ok bool) {
	return math.Float32frombits(v.Data), v.Type == Float
}

// IsReference tells whether the value names another resource, and not null.
func (v Value) IsReference() bool {
	return (v.Type == Reference || v.Type == DynamicReference) && v.Data != 0
}

// Complex gives number and unit of a dimension or fraction. The unit is "px",
// "dp", "sp", "pt", "in", "mm", "%" or "%p"; "" where it is none of them. A
// fraction of one half is 0.5 with the unit "%".
func (v Value) Complex() (number float32, unit string, ok bool) {
	var units []string
	switch v.Type {
	case Dimension:
		units = []string{"px", "dp", "sp", "pt", "in", "mm"}
	case Fraction:
		units = []string{"%", "%p"}
	default:
		return 0, "", false
	}
	mantissa := int32(v.Data & (mantissaMask << mantissaShift))
	// The radix point stands behind 23, 16, 8 or 0 bits of the mantissa.
	scale := []int{0, 7, 15, 23}[v.Data>>radixShift&radixMask] + mantissaShift
	number = float32(math.Ldexp(float64(mantissa), -scale))
	if u := int(v.Data & unitMask); u < len(units) {
		unit = units[u]
	}
	return number, unit, true
}

// Text is the value as one would write it in a resource file, references and
// attributes by their number: "12", "0x1f", "true", "16dp", "50%p", "#ff00ff00",
// "@0x7f010001", "?0x01010036", "@null", "@empty"; a string stands for itself. A
// value of a type that nobody has defined reads "(type 0x20)0x1".
func (v Value) Text() string {
	switch v.Type {
	case Null:
		if v.Data == 1 { // DATA_NULL_EMPTY
			return "@empty"
		}
		return "@null"
	case Reference, DynamicReference:
		if v.Data == 0 {
			return "@null"
		}
		return fmt.Sprintf("@0x%08x", v.Data)
	case Attribute, DynamicAttribute:
		return fmt.Sprintf("?0x%08x", v.Data)
	case String:
		return v.String
	case Float:
		f, _ := v.Float()
		return number(f)
	case Dimension, Fraction:
		f, unit, _ := v.Complex()
		if v.Type == Fraction {
			f *= 100
		}
		if unit == "" {
			unit = fmt.Sprintf("(unit %#x)", v.Data&unitMask)
		}
		return number(f) + unit
	case Dec:
		return strconv.Itoa(int(int32(v.Data)))
	case Hex:
		return fmt.Sprintf("0x%x", v.Data)
	case Bool:
		return strconv.FormatBool(v.Data != 0)
	case ColorARGB8, ColorARGB4:
		return fmt.Sprintf("#%08x", v.Data)
	case ColorRGB8, ColorRGB4:
		return fmt.Sprintf("#%06x", v.Data&0xffffff)
	}
	return fmt.Sprintf("(type 0x%x)0x%x", uint8(v.Type), v.Data)
}

func number(f float32) string { return strconv.FormatFloat(float64(f), 'g', -1, 32) }
