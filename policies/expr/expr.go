// Package expr makes checks of CEL expressions over the facts. It is the only door to
// CEL.
//
// A rule looks at each fact of one kind, or at the update as a whole, and has three
// expressions: when (is this a subject; true where it is left out), violations (a list, of
// facts or of texts) and undecided (is something missing to tell). What they see:
//
//	update                  for every rule
//	app, component, setting, signature, …   the fact that is looked at, named by its kind
//	app                     for components, permissions and settings: the app it belongs to
//	facts, base             all facts of the update, and of the older one
//	params.NAME             the pack's parameters
//	it                      in the message: the violation
//	atLeast(a, b)           whether release a, such as "4.4.2", is b or later
//
// The names of fields are those of the facts' JSON form. A field that does not exist is an
// error of the pack, with line and column.
//
// A null in the facts says that something is not known, and so is what an expression makes of it:
// reading one gives CEL's unknown, which && and || absorb as far as logic
// allows. has(x.field) asks whether there is a value. An expression that ends unknown or in an
// error makes the subject unknown, never a pass.
//
// Work is bounded by CEL's own cost, so that the same facts always meet the same limit.
package expr

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

const (
	// maxSource bounds an expression, in characters; Kubernetes has the same bound.
	maxSource = 10_000
	// maxCost bounds one evaluation, some 0.1 s; Kubernetes has the same bound.
	maxCost = 1_000_000
	// maxRuleCost bounds all evaluations of a rule: fifty such.
	maxRuleCost = 50 * maxCost
)

// A Rule is what a pack says of one rule's check.
type Rule struct {
	Each       fact.Kind // what each subject is; update for the update as a whole
	When       string
	Violations string
	Undecided  string
	Message    string          // of a violation; ${…} holds an expression
	Missing    string          // what would settle it where Undecided holds; like Message
	None       policies.Status // the answer where nothing is a subject; "" not applicable
}

// Param is the type and value of a parameter: int64, string, bool or []string.
type Param any

// An Error says what is wrong with one field of a rule. Line and Column count in the
// field's text, from 1.
type Error struct {
	Field        string // when, violations, …
	Line, Column int
	Msg          string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d:%d: %s", e.Field, e.Line, e.Column, e.Msg) }

// common is the environment that all rules share, without what each declares.
var common = sync.OnceValues(func() (*cel.Env, error) {
	env, err := cel.NewEnv(
		ext.NativeTypes(reflect.TypeFor[fact.Facts](), ext.ParseStructTag("json")),
		ext.Strings(ext.StringsVersion(4)),
		cel.ParserExpressionSizeLimit(maxSource),
		cel.Variable("facts", cel.ObjectType("fact.Facts")),
		cel.Variable("base", cel.ObjectType("fact.Facts")),
		cel.Variable("update", cel.ObjectType("fact.Update")),
		cel.Function("atLeast", cel.Overload("at_least_string_string", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType,
			cel.BinaryBinding(atLeast))),
	)
	if err != nil {
		return nil, err
	}
	return env.Extend(cel.CustomTypeProvider(nulls{env.CELTypeProvider()}))
})

// nulls makes a null of the facts unknown: the native types of CEL would read it
// as false, 0 or "", which is an answer that nobody gave.
type nulls struct{ types.Provider }

// FindStructFieldType finds a field, and wraps how it is read where it can be null.
func (p nulls) FindStructFieldType(typ, field string) (*types.FieldType, bool) {
	ft, ok := p.Provider.FindStructFieldType(typ, field)
	if !ok || ft.Type == nil || !scalar(ft.Type) {
		return ft, ok
	}
	if !nullable(typ, field) {
		return ft, ok
	}
	name := strings.ToLower(strings.TrimPrefix(typ, "fact.")) + "." + field
	return &types.FieldType{Type: ft.Type, IsSet: ft.IsSet, GetFrom: func(obj any) (any, error) {
		if !ft.IsSet(obj) {
			return types.NewUnknown(1, types.NewAttributeTrail(name)), nil
		}
		return ft.GetFrom(obj)
	}}, true
}

func scalar(t *types.Type) bool {
	return t.IsExactType(types.BoolType) || t.IsExactType(types.IntType) || t.IsExactType(types.StringType)
}

// pointers are the fields of the facts that are null where something is not known, by
// "fact.Type.field".
var pointers = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(t.Elem())
		case reflect.Struct:
			if seen[t] {
				return
			}
			seen[t] = true
			for i := range t.NumField() {
				f := t.Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if f.Type.Kind() == reflect.Pointer {
					out["fact."+t.Name()+"."+name] = true
				}
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeFor[fact.Facts]())
	return out
})

func nullable(typ, field string) bool { return pointers()[typ+"."+field] }

// atLeast compares releases by their numbers; a release that is not known, or no number, is
// unknown.
func atLeast(a, b ref.Val) ref.Val {
	have, ok1 := numbers(string(a.(types.String)))
	want, ok2 := numbers(string(b.(types.String)))
	if !ok1 || !ok2 {
		return types.NewUnknown(2, types.NewAttributeTrail("the Android release"))
	}
	for i := range max(len(have), len(want)) {
		var h, w int
		if i < len(have) {
			h = have[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if h != w {
			return types.Bool(h > w)
		}
	}
	return types.True
}

func numbers(s string) ([]int, bool) {
	var out []int
	for _, part := range strings.Split(s, ".") {
		n := 0
		if part == "" || len(part) > 6 {
			return nil, false
		}
		for _, c := range part {
			if c < '0' || c > '9' {
				return nil, false
			}
			n = n*10 + int(c-'0')
		}
		out = append(out, n)
	}
	return out, true
}
