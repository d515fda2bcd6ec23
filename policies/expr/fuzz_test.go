package expr_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/expr"
)

// A grammar makes expressions of bytes: most are well typed, so that the evaluator is reached
// and not only the parser.
type grammar struct{ data []byte }

func (g *grammar) next(n int) int {
	if len(g.data) == 0 {
		return 0
	}
	b := int(g.data[0])
	g.data = g.data[1:]
	return b % n
}

func (g *grammar) pick(of ...string) string { return of[g.next(len(of))] }

func (g *grammar) boolean(depth int) string {
	if depth <= 0 {
		return g.pick("true", "a.debuggable", "has(a.overlay)", "false", "a.network.cleartext")
	}
	switch g.next(12) {
	case 0:
		return "(" + g.boolean(depth-1) + " && " + g.boolean(depth-1) + ")"
	case 1:
		return "(" + g.boolean(depth-1) + " || " + g.boolean(depth-1) + ")"
	case 2:
		return "!" + g.boolean(depth-1)
	case 3:
		return "(" + g.number(depth-1) + g.pick(" < ", " == ", " >= ", " != ") + g.number(depth-1) + ")"
	case 4:
		return "(" + g.text(depth-1) + g.pick(" == ", " != ", " < ") + g.text(depth-1) + ")"
	case 5:
		return g.list(depth-1) + g.pick(".exists(x, ", ".all(x, ", ".exists_one(x, ") + "x == " + g.text(depth-1) + ")"
	case 6:
		return "facts.signatures.exists(s, s.holds" + g.pick("", " == false", " && has(s.holds)") + ")"
	case 7:
		return g.text(depth-1) + g.pick(".startsWith(", ".contains(", ".matches(", ".endsWith(") + g.text(depth-1) + ")"
	case 8:
		return "(" + g.boolean(depth-1) + " ? " + g.boolean(depth-1) + " : " + g.boolean(depth-1) + ")"
	case 9:
		return "(" + g.text(depth-1) + " in " + g.list(depth-1) + ")"
	case 10:
		return "atLeast(" + g.text(depth-1) + ", " + g.text(depth-1) + ")"
	}
	return g.pick("facts.settings.exists(s, s.default == 'off')", "base.apps.size() > 0", "a.libraries.exists(l, l.required)", "facts.permissions.exists(p, p.max_sdk > 3)")
}

func (g *grammar) number(depth int) string {
	if depth <= 0 {
		return g.pick("0", "1", "a.target_sdk", "-1", "9223372036854775807", "update.size")
	}
	switch g.next(5) {
	case 0:
		return "(" + g.number(depth-1) + g.pick(" + ", " - ", " * ", " / ", " % ") + g.number(depth-1) + ")"
	case 1:
		return "size(" + g.text(depth-1) + ")"
	case 2:
		return "size(" + g.list(depth-1) + ")"
	case 3:
		return "int(" + g.text(depth-1) + ")"
	}
	return "a.version_code"
}

func (g *grammar) text(depth int) string {
	if depth <= 0 {
		return g.pick("a.package", "''", "'4.4.2'", "'(a|b)*'", "update.android", "a.code.form", `"\u202e"`)
	}
	switch g.next(6) {
	case 0:
		return "(" + g.text(depth-1) + " + " + g.text(depth-1) + ")"
	case 1:
		return "string(" + g.number(depth-1) + ")"
	case 2:
		return g.list(depth-1) + "[" + g.number(depth-1) + "]"
	case 3:
		return g.text(depth-1) + ".replace(" + g.text(depth-1) + ", " + g.text(depth-1) + ")"
	case 4:
		return g.list(depth-1) + ".join('x')"
	}
	return g.text(depth-1) + g.pick(".lowerAscii()", ".substring(1)", ".split('.')[0]")
}

func (g *grammar) list(depth int) string {
	if depth <= 0 {
		return g.pick("a.notes", "facts.apps.map(b, b.package)", "['a', 'b']", "facts.components.map(c, c.name)")
	}
	switch g.next(4) {
	case 0:
		return "(" + g.list(depth-1) + " + " + g.list(depth-1) + ")"
	case 1:
		return g.list(depth-1) + ".filter(x, x != " + g.text(depth-1) + ")"
	case 2:
		return g.list(depth-1) + ".map(x, x + " + g.text(depth-1) + ")"
	}
	return g.text(depth-1) + ".split(" + g.text(depth-1) + ")"
}

// Expressions of a grammar: no panic, the same answer twice, and never a pass where an expression failed.
func FuzzStructure(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
	f.Add([]byte{6, 1, 9, 9, 9})
	f.Add([]byte("the quick brown fox jumps over the lazy dog"))
	in := policies.Input{Facts: facts()}
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &grammar{data[:min(len(data), 64)]}
		depth := g.next(5)
		r := expr.Rule{Each: "apps", When: strings.ReplaceAll(g.boolean(depth), "a.", "app."), Undecided: strings.ReplaceAll(g.boolean(depth), "a.", "app."),
			Violations: "[app].filter(a, " + g.boolean(depth) + ")", Message: "${it.package} ${" + strings.ReplaceAll(g.text(depth), "a.", "it.") + "}"}
		c, err := expr.Compile(r, nil)
		if err != nil {
			var e *expr.Error
			if !errors.As(err, &e) {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		js, err := c.Judge(t.Context(), in)
		again, err2 := c.Judge(t.Context(), in)
		if fmt.Sprint(js, err) != fmt.Sprint(again, err2) {
			t.Fatalf("two answers: %v %v, %v %v", js, err, again, err2)
		}
		if err == nil && len(js) == 0 {
			t.Fatal("neither an answer nor an error")
		}
		for _, j := range js {
			if j.Status == policies.StatusPass && err != nil && strings.Contains(err.Error(), j.Subject.ID+": ") {
				t.Fatalf("%v passes, and %v", j.Subject, err)
			}
		}
	})
}
