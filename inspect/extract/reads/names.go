package reads

import (
	"fmt"
	"strings"
)

// maxName is the longest name that is spelled, where compilers write below a kilobyte. A hostile file can have
// a few long strings and refer to them from every prototype: spelling those out has no end.
const maxName = 4 << 10

// shortName is the longest signature that is kept for the next time.
const shortName = 512

// str is a string that is a name; "" stands for one that is too long.
func (f *file) str(i uint32) string {
	if s, ok := f.names[i]; ok {
		return s
	}
	var s string
	if raw, err := f.MUTF8(i); err == nil && len(raw) <= maxName {
		s, _ = f.String(i)
	}
	f.names[i] = s
	return s
}

func (f *file) typeName(i uint32) string {
	s, err := f.Type(i)
	if err != nil {
		return ""
	}
	return f.str(s)
}

// protoName is a prototype's signature: "(ILjava/lang/String;)V"; "" where it is too long.
func (f *file) protoName(i uint32) string {
	if s, ok := f.protos[i]; ok {
		return s
	}
	p, err := f.Proto(i)
	if err != nil {
		return ""
	}
	params, err := f.Params(p)
	if err != nil {
		return ""
	}
	var s strings.Builder
	s.WriteByte('(')
	for _, t := range params {
		name := f.typeName(t)
		if s.WriteString(name); name == "" || s.Len() > maxName {
			return ""
		}
	}
	result := f.typeName(p.Return)
	if result == "" {
		return ""
	}
	name := s.String() + ")" + result
	if len(name) <= shortName {
		f.protos[i] = name
	}
	return name
}

// member is a method's name and signature: "m(I)V"; "" where they are too long.
func (f *file) member(i uint32) string {
	m, err := f.Method(i)
	if err != nil {
		return ""
	}
	name, proto := f.str(m.Name), f.protoName(m.Proto)
	if name == "" || proto == "" {
		return ""
	}
	return name + proto
}

// symbol is a method as dexdump names it: "Lcom/x/A;->m(I)V"; where that is too long, by its number.
func (f *file) symbol(i uint32) string {
	m, err := f.Method(i)
	class, member := f.typeName(m.Class), f.member(i)
	if err != nil || class == "" || member == "" {
		return fmt.Sprintf("method_id %d", i)
	}
	return class + "->" + member
}

// A field is what a field is called in any file.
type field struct{ class, name, typ string }

// field names a field; texts that are too long are empty.
func (f *file) field(i uint32) field {
	x, err := f.Field(i)
	if err != nil {
		return field{}
	}
	return field{f.typeName(x.Class), f.str(x.Name), f.typeName(x.Type)}
}
