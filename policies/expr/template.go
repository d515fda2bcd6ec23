package expr

import (
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// A template is a text with expressions in it: "app ${app.package} is open".
type template []piece

// A piece is a text or an expression.
type piece struct {
	text string
	expr cel.Program
}

// maxText bounds what a message may become, in bytes: facts may hold long texts, and a message
// is for people.
const maxText = 2000

var stringsType = reflect.TypeFor[[]string]()

func parseTemplate(env *cel.Env, field, text string) (template, error) {
	var t template
	done := 0
	for {
		open := strings.Index(text[done:], "${")
		if open < 0 {
			return append(t, piece{text: text[done:]}), nil
		}
		open += done
		end := closing(text[open+2:])
		if end < 0 {
			line, col := place(text, open)
			return nil, &Error{field, line, col, "${ without its }"}
		}
		source := text[open+2 : open+2+end]
		p, _, err := program(env, field, source, plain)
		line, col := place(text, open+2)
		if e, ok := err.(*Error); ok {
			if e.Line == 1 {
				e.Column += col - 1
			}
			e.Line += line - 1
			return nil, e
		}
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, &Error{field, line, col, "${} holds no expression"}
		}
		t = append(t, piece{text: text[done:open]}, piece{expr: p})
		done = open + 2 + end + 1
	}
}

// closing finds the brace that ends an expression, past those within it and in its texts.
func closing(s string) int {
	depth := 0
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '{':
			depth++
		case c == '}' && depth == 0:
			return i
		case c == '}':
			depth--
		}
	}
	return -1
}

func place(text string, off int) (line, col int) {
	before := text[:off]
	line = strings.Count(before, "\n") + 1
	return line, len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
}

func plain(t *cel.Type) string {
	switch t.Kind() {
	case types.StringKind, types.IntKind, types.BoolKind, types.UintKind, types.DoubleKind:
		return ""
	case types.ListKind:
		if t.Parameters()[0].IsExactType(cel.StringType) {
			return ""
		}
	}
	return fmt.Sprintf("is %s, want a text, a number, a bool or a list of texts", t)
}

// text fills in the expressions. What is not known, or fails, is said to be so: a
// message never changes an answer.
func (t template) text(r *run) string {
	var b strings.Builder
	for _, p := range t {
		if p.expr == nil {
			b.WriteString(p.text)
			continue
		}
		out, err := r.eval(p.expr)
		switch {
		case err != nil || types.IsUnknownOrError(out):
			b.WriteString("(not known)")
		default:
			switch v := out.Value().(type) {
			case string:
				b.WriteString(v)
			case []string:
				b.WriteString(strings.Join(v, ", "))
			default:
				if list, err := out.ConvertToNative(stringsType); err == nil {
					b.WriteString(strings.Join(list.([]string), ", "))
				} else {
					fmt.Fprint(&b, v)
				}
			}
		}
		if b.Len() > maxText {
			break
		}
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + " …"
	}
	return text
}
