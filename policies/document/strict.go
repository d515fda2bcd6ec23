package document

import (
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// unknownKey finds the first key, in the order of the document, that the type has no field for; nil
// there is none. The YAML package's own strict mode names any of several, another one each time.
func unknownKey(n ast.Node, typ reflect.Type) ast.Node {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if bad := unknownIn(v, typ); bad != nil {
				return bad
			}
		}
	case *ast.MappingValueNode:
		return unknownIn(n, typ)
	case *ast.SequenceNode:
		if typ.Kind() != reflect.Slice {
			return nil // another type: the decoder says so
		}
		for _, v := range n.Values {
			if bad := unknownKey(v, typ.Elem()); bad != nil {
				return bad
			}
		}
	}
	return nil
}

// unknownIn looks at one key and its value.
func unknownIn(v *ast.MappingValueNode, typ reflect.Type) ast.Node {
	switch typ.Kind() {
	case reflect.Map:
		return unknownKey(v.Value, typ.Elem())
	case reflect.Struct:
		key := v.Key.GetToken().Value
		for i := range typ.NumField() {
			f := typ.Field(i)
			if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name == key && f.IsExported() {
				return unknownKey(v.Value, f.Type)
			}
		}
		return v.Key
	}
	return nil
}
