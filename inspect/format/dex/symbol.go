package dex

import "strings"

// The functions below answer "?" in place of what does not exist.

func (f *File) str(i uint32) string {
	s, err := f.String(i)
	if err != nil {
		return "?"
	}
	return s
}

// TypeName is the descriptor of type i: "Lcom/x/A;".
func (f *File) TypeName(i uint32) string {
	s, err := f.Type(i)
	if err != nil {
		return "?"
	}
	return f.str(s)
}

// ProtoName is the signature of prototype i: "(ILjava/lang/String;)V".
func (f *File) ProtoName(i uint32) string {
	p, err := f.Proto(i)
	if err != nil {
		return "?"
	}
	params, err := f.Params(p)
	if err != nil {
		return "?"
	}
	var s strings.Builder
	s.WriteByte('(')
	for _, t := range params {
		s.WriteString(f.TypeName(t))
	}
	s.WriteByte(')')
	s.WriteString(f.TypeName(p.Return))
	return s.String()
}

// MethodName is the symbol of method i: "Lcom/x/A;->m(I)V".
func (f *File) MethodName(i uint32) string {
	m, err := f.Method(i)
	if err != nil {
		return "?"
	}
	return f.TypeName(m.Class) + "->" + f.str(m.Name) + f.ProtoName(m.Proto)
}

// FieldName is the symbol of field i: "Lcom/x/A;->f:I".
func (f *File) FieldName(i uint32) string {
	x, err := f.Field(i)
	if err != nil {
		return "?"
	}
	return f.TypeName(x.Class) + "->" + f.str(x.Name) + ":" + f.TypeName(x.Type)
}
