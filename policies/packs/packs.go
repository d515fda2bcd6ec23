// Package packs reads packs of rules, and holds those that come with otavet.
//
// A pack is a YAML document (package document). A rule's check is three CEL expressions
// (package expr) or, for what those cannot say, a check in Go that the rule names with builtin
// (builtin.go lists them, the other files hold what they look at, one notion each). Packs of
// users may name the same ones.
//
// A rule never says pass or na on something that this version cannot look at: where
// the facts are not found yet, it exists all the same, answers unknown and names
// what it misses, and keeps the gate from saying pass.
//
// To add a rule: an entry in baseline.yaml or privacy.yaml, with a failing, a passing and an
// unknown case among its tests.
package packs

import (
	"crypto/sha256"
	_ "embed" // the built-in packs
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/document"
	"github.com/otavet/otavet/policies/expr"
)

var (
	//go:embed baseline.yaml
	baseline []byte
	//go:embed privacy.yaml
	privacy []byte
)

// A Pack is a pack with what only its author and its tests need.
type Pack struct {
	*policies.Pack
	Source []byte // as it was written

	doc    *document.Pack
	params map[string]expr.Param
}

// Options of Parse. The zero value takes every parameter's default.
type Options struct {
	// Params are values of parameters, in text form: lists have one entry a line, or
	// between commas. Names that a pack does not declare are not its business: see Declares.
	Params map[string]string
}

// BuiltIn lists the packs that come with otavet. What is wrong with them is a defect that tests
// find, so it panics.
func BuiltIn() []*Pack {
	out, err := ParseBuiltIn(Options{})
	if err != nil {
		panic(err)
	}
	return out
}

// ParseBuiltIn is BuiltIn with parameters.
func ParseBuiltIn(o Options) ([]*Pack, error) {
	var out []*Pack
	for _, src := range []struct {
		name string
		data []byte
	}{{"baseline.yaml", baseline}, {"privacy.yaml", privacy}} {
		p, err := Parse(src.name, src.data, o)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// Policies gives the packs as Evaluate takes them.
func Policies(ps []*Pack) []*policies.Pack {
	var out []*policies.Pack
	for _, p := range ps {
		out = append(out, p.Pack)
	}
	return out
}

// slug is what ids of rules and names of packs and parameters look like: they stand in waivers,
// reports and command lines.
var (
	slug      = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	paramName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// Parse reads a pack. The error is a *document.Error, with the place in the file.
func Parse(name string, data []byte, o Options) (*Pack, error) {
	doc, err := document.DecodePack(name, data)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	p := &Pack{Source: data, doc: doc, Pack: &policies.Pack{Name: doc.Metadata.Name, Version: doc.Metadata.Version,
		Title: doc.Metadata.Title, Digest: hex.EncodeToString(sum[:])}}
	switch {
	case doc.APIVersion != document.APIVersion:
		return nil, doc.ErrorAt("apiVersion", 0, 0, "%q, want %s", doc.APIVersion, document.APIVersion)
	case doc.Kind != document.PackKind:
		return nil, doc.ErrorAt("kind", 0, 0, "%q, want %s", doc.Kind, document.PackKind)
	case !slug.MatchString(p.Name):
		return nil, doc.ErrorAt("metadata.name", 0, 0, "%q: want small letters, digits and single dashes", p.Name)
	case p.Version == "":
		return nil, doc.ErrorAt("metadata", 0, 0, "a pack has a version")
	case "otavet/facts/"+doc.Metadata.Facts != fact.Schema:
		return nil, doc.ErrorAt("metadata.facts", 0, 0, "facts %q: this version judges %s", doc.Metadata.Facts, strings.TrimPrefix(fact.Schema, "otavet/facts/"))
	case len(doc.Rules) == 0:
		return nil, doc.ErrorAt("rules", 0, 0, "a pack without rules asks nothing")
	}
	if err := p.setParams(o.Params); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range doc.Rules {
		r, err := p.policy(i)
		if err != nil {
			return nil, err
		}
		if seen[r.ID] {
			return nil, p.errorAt(i, "id", "two rules are called %s", r.ID)
		}
		seen[r.ID] = true
		p.Policies = append(p.Policies, r)
	}
	return p, nil
}

func (p *Pack) errorAt(rule int, field, format string, args ...any) *document.Error {
	path := fmt.Sprintf("rules[%d].%s", rule, field)
	if e := p.doc.ErrorAt(path, 0, 0, format, args...); e.Line > 0 {
		return e
	}
	e := p.doc.ErrorAt(fmt.Sprintf("rules[%d]", rule), 0, 0, format, args...)
	e.Msg = field + ": " + e.Msg
	return e
}

// setParams gives each parameter its value.
func (p *Pack) setParams(given map[string]string) error {
	p.params = map[string]expr.Param{}
	for _, name := range p.Parameters() {
		decl := p.doc.Parameters[name]
		at := "parameters." + name
		if !paramName.MatchString(name) {
			return p.doc.ErrorAt(at, 0, 0, "a parameter %q: want small letters, digits and _", name)
		}
		v, err := typed(decl.Type, decl.Default)
		if err != nil {
			return p.doc.ErrorAt(at, 0, 0, "the default of %s: %v", name, err)
		}
		if text, ok := given[name]; ok {
			if v, err = fromText(decl.Type, text); err != nil {
				return p.doc.ErrorAt(at, 0, 0, "--param %s: %v", name, err)
			}
		}
		p.params[name] = v
	}
	return nil
}

// typed makes a value of YAML one of the type.
func typed(typ string, v any) (expr.Param, error) {
	switch typ {
	case "int":
		switch n := v.(type) {
		case int64:
			return n, nil
		case uint64:
			if n < 1<<63 {
				return int64(n), nil
			}
		}
	case "string":
		if s, ok := v.(string); ok {
			return s, nil
		}
	case "bool":
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case "list":
		out := []string{}
		all, ok := v.([]any)
		for _, e := range all {
			s, isText := e.(string)
			ok = ok && isText
			out = append(out, s)
		}
		if ok {
			return out, nil
		}
	default:
		return nil, fmt.Errorf("type %q: want int, string, bool or list", typ)
	}
	return nil, fmt.Errorf("%v is no %s", v, typ)
}

func fromText(typ, text string) (expr.Param, error) {
	one := strings.TrimSpace(text)
	switch typ {
	case "int":
		n, err := strconv.ParseInt(one, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no int", one)
		}
		return n, nil
	case "bool":
		if one != "true" && one != "false" {
			return nil, fmt.Errorf("%q: want true or false", one)
		}
		return one == "true", nil
	case "list":
		out := []string{}
		for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ',' }) {
			if s := strings.TrimSpace(line); s != "" {
				out = append(out, s)
			}
		}
		return out, nil
	}
	return strings.TrimSuffix(text, "\n"), nil // a file's last line ends
}

// Parameters lists the names of the pack's parameters.
func (p *Pack) Parameters() []string {
	var names []string
	for name := range p.doc.Parameters {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Parameter gives what a parameter is for and its value, as text.
func (p *Pack) Parameter(name string) (doc, value string) {
	v := p.params[name]
	if l, ok := v.([]string); ok {
		return p.doc.Parameters[name].Doc, strings.Join(l, ",")
	}
	return p.doc.Parameters[name].Doc, fmt.Sprint(v)
}
