package packs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/document"
	"github.com/otavet/otavet/policies/expr"
)

// policy makes the rule at an index of the document.
func (p *Pack) policy(i int) (*policies.Policy, error) {
	d := &p.doc.Rules[i]
	r := &policies.Policy{ID: d.ID, Title: d.Title, Rationale: text(d.Rationale), LooksAt: text(d.LooksAt), Remedy: text(d.Remediation),
		Severity: policies.Severity(d.Severity), Level: policies.Level(d.Level), OnUnknown: policies.OnUnknown(d.OnUnknown),
		Waivable: d.Waivable == nil || *d.Waivable, TestKeys: d.TestKeys, NeedsBase: d.Base}
	if r.Level == "" {
		r.Level = policies.LevelRequired
	}
	if r.OnUnknown == "" {
		r.OnUnknown = policies.UnknownFails
	}
	for _, ref := range d.References {
		r.References = append(r.References, policies.Reference{Title: ref.Title, URL: ref.URL, CWE: ref.CWE})
	}
	known := append(fact.All(), fact.Later()...)
	for _, n := range d.Needs {
		if !slices.Contains(known, fact.Kind(n)) {
			return nil, p.errorAt(i, "needs", "there are no facts of kind %q: %v", n, known)
		}
		r.Needs = append(r.Needs, fact.Kind(n))
	}
	switch {
	case !slug.MatchString(d.ID):
		return nil, p.errorAt(i, "id", "%q: want small letters, digits and single dashes", d.ID)
	case r.Title == "":
		return nil, p.errorAt(i, "title", "a rule has a title: what holds when it passes")
	case !slices.Contains(policies.Severities(), r.Severity):
		return nil, p.errorAt(i, "severity", "%q: want one of %v", d.Severity, policies.Severities())
	case r.Level != policies.LevelRequired && r.Level != policies.LevelAdvisory:
		return nil, p.errorAt(i, "level", "%q: want required or advisory", d.Level)
	case r.OnUnknown != policies.UnknownFails && r.OnUnknown != policies.UnknownWarns:
		return nil, p.errorAt(i, "on_unknown", "%q: want fail or warn", d.OnUnknown)
	case len(r.Needs) == 0:
		return nil, p.errorAt(i, "needs", "a rule names the kinds of facts that it needs")
	case len(d.Tests) == 0:
		return nil, p.errorAt(i, "tests", "a rule without tests is not to be trusted")
	}
	if err := p.setCheck(i, d, r); err != nil {
		return nil, err
	}
	return r, nil
}

// setCheck gives a rule what judges.
func (p *Pack) setCheck(i int, d *document.Rule, r *policies.Policy) error {
	if d.Builtin == "" {
		if !slices.Contains(r.Needs, fact.Kind(d.Each)) && d.Each != string(fact.KindUpdate) {
			return p.errorAt(i, "needs", "the rule looks at each of %q and does not need it", d.Each)
		}
		c, err := expr.Compile(expr.Rule{Each: fact.Kind(d.Each), When: d.When, Violations: d.Violations, Undecided: d.Undecided,
			Message: d.Message, Missing: d.Missing, None: policies.Status(d.None)}, p.params)
		var e *expr.Error
		if errors.As(err, &e) {
			if at := p.doc.ErrorAt(fmt.Sprintf("rules[%d].%s", i, e.Field), e.Line, e.Column, "%s", e.Msg); at.Line > 0 {
				return at
			}
			return p.errorAt(i, e.Field, "%s", e.Msg)
		}
		r.Check = c
		if len(d.Schemes) > 0 {
			r.Concerns = aboutSchemes(d.Schemes)
		}
		return err
	}
	for _, f := range [][2]string{{"each", d.Each}, {"when", d.When}, {"violations", d.Violations}, {"undecided", d.Undecided},
		{"message", d.Message}, {"none", d.None}, {"schemes", strings.Join(d.Schemes, " ")}} {
		if f[1] != "" {
			return p.errorAt(i, f[0], "a rule has either builtin or %s", f[0])
		}
	}
	if d.Builtin == notBuiltName {
		if d.Missing == "" {
			return p.errorAt(i, "missing", "a rule that cannot be answered says what is missing")
		}
		r.Check, r.Concerns = notBuilt(r.Needs[len(r.Needs)-1], text(d.Missing)), aboutNothing
		return nil
	}
	if d.Missing != "" {
		return p.errorAt(i, "missing", "a builtin says itself what is missing")
	}
	b, ok := builtins()[d.Builtin]
	if !ok {
		return p.errorAt(i, "builtin", "no check in Go is called %q: %v", d.Builtin, Builtins())
	}
	r.Check, r.Concerns = b.check, b.concerns
	return nil
}

// text joins the lines of a text of the document: it is laid out anew wherever it is shown.
func text(s string) string { return strings.Join(strings.Fields(s), " ") }

// Checked says how a rule of the pack is checked: its expressions by name, or the check in Go.
func (p *Pack) Checked(id string) [][2]string {
	for i := range p.doc.Rules {
		d := &p.doc.Rules[i]
		if d.ID != id {
			continue
		}
		if d.Builtin != "" {
			return [][2]string{{"builtin", d.Builtin}}
		}
		out := [][2]string{{"each", d.Each}}
		for _, f := range [][2]string{{"when", d.When}, {"violations", d.Violations}, {"undecided", d.Undecided}} {
			if strings.TrimSpace(f[1]) != "" {
				out = append(out, [2]string{f[0], text(f[1])})
			}
		}
		return out
	}
	return nil
}
