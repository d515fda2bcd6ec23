package packs

import (
	"fmt"
	"strings"

	"github.com/otavet/otavet/policies"
)

// Lint says what the pack lacks to be given to others, each a *document.Error: texts that say
// why, what is looked at and what to do, and tests of a fail, a pass and an unknown.
func (p *Pack) Lint() []error {
	var out []error
	for i := range p.doc.Rules {
		d := &p.doc.Rules[i]
		lacks := func(field, format string, args ...any) {
			out = append(out, p.errorAt(i, field, "%s: %s", d.ID, fmt.Sprintf(format, args...)))
		}
		for _, t := range []struct{ field, text, what string }{
			{"rationale", d.Rationale, "why a person should care"},
			{"looks_at", d.LooksAt, "which evidence it looks at, and what it cannot see"},
			{"remediation", d.Remediation, "what to do when it fails"},
		} {
			if strings.TrimSpace(t.text) == "" {
				lacks(t.field, "nothing says %s", t.what)
			}
		}
		if strings.HasSuffix(d.Title, ".") {
			lacks("title", "a title has no full stop")
		}
		names, tested := map[string]bool{}, map[policies.Status]bool{}
		for _, t := range d.Tests {
			if t.Name == "" || names[t.Name] {
				lacks("tests", "its tests need names, each its own")
			}
			names[t.Name] = true
			tested[policies.Status(t.Expect.Status)] = true
		}
		want := []policies.Status{policies.StatusFail, policies.StatusPass, policies.StatusUnknown}
		if d.Builtin == notBuiltName {
			want = want[2:] // it has no other answer
		}
		for _, s := range want {
			if !tested[s] {
				lacks("tests", "no test expects %s", s)
			}
		}
	}
	return out
}
