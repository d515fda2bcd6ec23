package packs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/document"
	"github.com/otavet/otavet/policies/expr"
)

// A Trial is what became of one test of a rule.
type Trial struct {
	Rule, Test string
	Err        error // nil: as expected; else a *document.Error at the test
}

// Try runs the tests of the pack. Files of facts that tests name are read from files; nil where
// there are none.
func (p *Pack) Try(ctx context.Context, files fs.FS) ([]Trial, error) {
	var out []Trial
	for i, d := range p.doc.Rules {
		for j := range d.Tests {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			out = append(out, Trial{d.ID, d.Tests[j].Name, p.try(ctx, i, j, files)})
		}
	}
	return out, nil
}

func (p *Pack) try(ctx context.Context, i, j int, files fs.FS) error {
	d := &p.doc.Rules[i]
	t := &d.Tests[j]
	wrong := func(field, format string, args ...any) error {
		e := p.doc.ErrorAt(fmt.Sprintf("rules[%d].tests[%d].%s", i, j, field), 0, 0, format, args...)
		if e.Line == 0 {
			e = p.doc.ErrorAt(fmt.Sprintf("rules[%d].tests[%d]", i, j), 0, 0, format, args...)
		}
		return e
	}
	if !slices.Contains([]policies.Status{policies.StatusPass, policies.StatusFail, policies.StatusUnknown, policies.StatusNA}, policies.Status(t.Expect.Status)) {
		return wrong("expect", "expect a status of pass, fail, unknown or na, not %q", t.Expect.Status)
	}
	in := policies.Input{}
	var err error
	switch {
	case t.File != "" && t.Facts != nil:
		return wrong("file", "a test has either facts or a file of them")
	case t.File != "":
		if in.Facts, err = readFacts(files, t.File); err != nil {
			return wrong("file", "%v", err)
		}
	default:
		if in.Facts, err = p.facts(t.Facts, p.Policies[i]); err != nil {
			return wrong("facts", "%v", err)
		}
	}
	if t.Base != nil {
		if in.Base, err = p.facts(t.Base, p.Policies[i]); err != nil {
			return wrong("base", "%v", err)
		}
	}
	for role, keys := range t.Trust {
		if in.Trust == nil {
			in.Trust = map[policies.Role][]string{}
		}
		in.Trust[policies.Role(role)] = keys
	}
	rule := p.Policies[i]
	if t.Params != nil {
		if rule, err = p.with(i, t.Params); err != nil {
			return wrong("params", "%v", err)
		}
	}
	v, err := policies.Evaluate(ctx, in, []*policies.Pack{{Name: p.Name, Version: p.Version, Policies: []*policies.Policy{rule}}}, policies.Settings{})
	if err != nil {
		return wrong("facts", "%v", err)
	}
	if why := differs(&v.Results[0], t.Expect); why != "" {
		return wrong("expect", "%s", why)
	}
	return nil
}

// with is the rule with other values of parameters.
func (p *Pack) with(i int, params map[string]any) (*policies.Policy, error) {
	q := &Pack{Pack: p.Pack, doc: p.doc, params: map[string]expr.Param{}}
	for name, v := range p.params {
		q.params[name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		v := params[name]
		decl, ok := p.doc.Parameters[name]
		if !ok {
			return nil, fmt.Errorf("the pack has no parameter %q", name)
		}
		val, err := typed(decl.Type, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		q.params[name] = val
	}
	return q.policy(i)
}

func differs(r *policies.Result, want document.Expect) string {
	said := words(r)
	switch {
	case len(r.Defects) > 0 && want.Status != string(policies.StatusUnknown):
		return "the rule has defects: " + strings.Join(r.Defects, "; ")
	case r.Status != policies.Status(want.Status):
		return fmt.Sprintf("it is %s, not %s: %s", r.Status, want.Status, said)
	case !strings.Contains(said, want.Says):
		return fmt.Sprintf("it does not say %q: %s", want.Says, said)
	}
	if want.Count == nil {
		return ""
	}
	n := 0
	for _, j := range r.Judgements {
		if j.Status == r.Status {
			n++
		}
	}
	if n != *want.Count {
		return fmt.Sprintf("%d subjects are %s, not %d: %s", n, r.Status, *want.Count, said)
	}
	return ""
}

// words is all that a result says.
func words(r *policies.Result) string {
	var out []string
	add := func(s string) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, j := range r.Judgements {
		add(j.Message)
		for _, v := range j.Violations {
			add(v.Message)
			for _, e := range v.Evidence {
				add(e.Detail)
			}
		}
		for _, m := range j.Missing {
			add(m.What)
		}
		for _, a := range j.Assumptions {
			add(a.What)
		}
	}
	return strings.Join(out, "; ")
}

func readFacts(files fs.FS, name string) (*fact.Facts, error) {
	if files == nil {
		return nil, fmt.Errorf("%s: this pack has no files beside it", name)
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return fact.Decode(f)
}

// facts makes facts of what a test gives: kinds as in a facts file, beside from, a fixture
// whose other kinds are kept, and kinds, those that were looked for. Left out, the kinds are
// the fixture's, or those that are given and those that the rule needs. A place may have its text form.
func (p *Pack) facts(given map[string]any, r *policies.Policy) (*fact.Facts, error) {
	all := map[string]any{"schema": fact.Schema, "tool": "pack test"}
	from, has := given["from"]
	if has {
		name, _ := from.(string)
		base, ok := p.doc.Fixtures[name]
		if !ok {
			return nil, fmt.Errorf("no fixture is called %q", name)
		}
		for k, v := range base {
			all[k] = v
		}
	}
	for k, v := range given {
		if k != "from" {
			all[k] = v
		}
	}
	if _, ok := all["update"]; !ok {
		all["update"] = []any{map[string]any{"path": "update.zip", "layout": "zip-files"}}
	}
	if _, ok := all["kinds"]; !ok {
		kinds := []string{string(fact.KindUpdate), string(fact.KindGaps)}
		for _, k := range fact.All() {
			if _, there := all[string(k)]; there || slices.Contains(r.Needs, k) {
				kinds = append(kinds, string(k))
			}
		}
		all["kinds"] = kinds
	}
	if err := places(all); err != nil {
		return nil, err
	}
	text, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	return fact.Decode(bytes.NewReader(text))
}

// places makes Locations of those that stand in their text form.
func places(v any) error {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if err := places(e); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, e := range v {
			text, isText := e.(string)
			if k != "at" || !isText {
				if err := places(e); err != nil {
					return err
				}
				continue
			}
			at, err := fact.ParseLocation(text)
			if err != nil {
				return err
			}
			v[k] = at
		}
	}
	return nil
}
