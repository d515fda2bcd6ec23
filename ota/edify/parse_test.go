package edify

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/parse"
)

// shape writes an expression with all its parentheses.
func shape(e *Expr) string {
	if e == nil {
		return "nil"
	}
	if e.Op == Literal {
		return fmt.Sprintf("%q", e.Text)
	}
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = shape(a)
	}
	if e.Op == Call {
		return e.Text + "(" + strings.Join(args, ",") + ")"
	}
	name := [...]string{Concat: "+", Equal: "==", NotEqual: "!=", And: "&&", Or: "||", Not: "!", If: "if", Sequence: ";"}[e.Op]
	return "[" + name + " " + strings.Join(args, " ") + "]"
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`a`, `"a"`},
		{`"a"`, `"a"`},
		{`a.b:c/d_0`, `"a.b:c/d_0"`},
		{`"\n\t\"\\\x41\x4g\q"`, `"\n\t\"\\A\\x4g\\q"`},
		{"\"a\nb\"", `"a\nb"`},
		{`"ab\x00cd"`, `"ab"`},
		{`a + b + c`, `[+ "a" "b" "c"]`},
		{`a || b && c || d`, `[|| "a" [&& "b" "c"] "d"]`},
		{`a == b + c && d != e`, `[&& [== "a" [+ "b" "c"]] [!= "d" "e"]]`},
		{`a == b == c`, `[== [== "a" "b"] "c"]`},
		{`!a == b`, `[== [! "a"] "b"]`},
		{`!!a + b`, `[+ [! [! "a"]] "b"]`},
		{`!(a + b)`, `[! [+ "a" "b"]]`},
		{`a; b; c`, `[; "a" "b" "c"]`},
		{`a; b;`, `[; "a" "b"]`},
		{`a;;`, `"a"`},
		{`a; + b`, `[+ "a" "b"]`},
		{`a || b; c`, `[; [|| "a" "b"] "c"]`},
		{`f()`, `f()`},
		{`"f"(a)`, `f("a")`},
		{`f(a, b;, c; d)`, `f("a","b",[; "c" "d"])`},
		{`assert(a || abort("x"););`, `assert([|| "a" abort("x")])`},
		{`f ( a , g(b) )`, `f("a",g("b"))`},
		{`if a then b endif`, `[if "a" "b"]`},
		{`if a; b then c; else d; e endif; f`, `[; [if [; "a" "b"] "c" [; "d" "e"]] "f"]`},
		{`if a then b else if c then d endif endif`, `[if "a" "b" [if "c" "d"]]`},
		{`iffy(then1)`, `iffy("then1")`},
		{`"if"`, `"if"`},
		{"# one\na # two ; ) \n", `"a"`},
		{"\xef\xbb\xbfa;\r\nb;\r\n", `[; "a" "b"]`},
		{"a;\n# last", `"a"`},
		{"a;\x00)))", `"a"`},
	} {
		s, err := Parse([]byte(c.src))
		if got := shape(s.Body); got != c.want || err != nil {
			t.Errorf("%q: %s, %v; want %s", c.src, got, err, c.want)
		}
	}
}

// What was understood before an error is kept.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ src, body, err string }{
		{``, `nil`, "edify: the script is empty at byte 0x0"},
		{"# only a comment\n", `nil`, "edify: the script is empty at byte 0x11"},
		{`;a`, `nil`, "edify: something stands where an expression should (;) at byte 0x0"},
		{`a; b(c, `, `"a"`, "edify: the script ends where an expression should stand at byte 0x8"},
		{`a; b(c d); e`, `"a"`, "edify: an argument list goes on with neither comma nor parenthesis (d) at byte 0x7"},
		{`a; b(c,); e`, `"a"`, "edify: something stands where an expression should ()) at byte 0x7"},
		{`a; b() c`, `[; "a" b()]`, "edify: something stands where the script should end or go on with an operator (c) at byte 0x7"},
		{`a; "b`, `"a"`, "edify: a string is not closed at byte 0x3"},
		{`a & b`, `"a"`, "edify: a byte that begins nothing (0x26) at byte 0x2"},
		{`a; é`, `"a"`, "edify: a byte that begins nothing (0xc3) at byte 0x3"},
		{`a || `, `"a"`, "edify: the script ends where an expression should stand at byte 0x5"},
		{`(a; b`, `[; "a" "b"]`, "edify: a parenthesis is not closed at byte 0x5"},
		{`if a b`, `"a"`, "edify: an if goes on without then (b) at byte 0x5"},
		{`if a then b; c(`, `[if "a" "b"]`, "edify: the script ends where an expression should stand at byte 0xf"},
		{`if a then b else c; )`, `[if "a" "b" "c"]`, "edify: an if goes on with neither else nor endif ()) at byte 0x14"},
	} {
		s, err := Parse([]byte(c.src))
		if got := shape(s.Body); got != c.body || err == nil || err.Error() != c.err {
			t.Errorf("%q: %s, %v; want %s, %s", c.src, got, err, c.body, c.err)
		}
		u := s.Plan(nil).Unfollowed
		if len(u) == 0 || u[len(u)-1].Cause != CauseFormat || u[len(u)-1].Prefix != "" {
			t.Errorf("%q: unfollowed %v", c.src, u)
		}
	}
}

func TestLimits(t *testing.T) {
	for name, src := range map[string]string{
		"parentheses": strings.Repeat("(", 1e6),
		"not":         strings.Repeat("!", 1e6) + "a",
		"calls":       strings.Repeat("f(", 1e6),
		"equal":       "a" + strings.Repeat("==a", 1e5),
		"mixed":       strings.Repeat("a||b&&(", 1e5),
		"if":          strings.Repeat("if ", 1e5),
		"many":        strings.Repeat("a;", 1e6),
		"size":        strings.Repeat("\n", maxSize+1),
	} {
		s, err := Parse([]byte(src))
		if !errors.Is(err, parse.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
		if u := s.Plan(nil).Unfollowed; len(u) != 1 || u[0].Cause != CauseLimit {
			t.Errorf("%s: unfollowed %v", name, u)
		}
	}
	for name, src := range map[string]string{
		"sequence": strings.Repeat("a();", 1e5),
		"concat":   "a" + strings.Repeat("+a", 1e5),
		"or":       "a()" + strings.Repeat("||a()", 1e4),
		"nested":   strings.Repeat("(", maxDepth-2) + "a" + strings.Repeat(")", maxDepth-2),
	} {
		if _, err := Parse([]byte(src)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNotes(t *testing.T) {
	s := mustParse(t, "\xef\xbb\xbfa;\r\n\"b\\x00\";\r\n# c\x00d")
	var got []string
	for _, n := range s.Notes {
		got = append(got, fmt.Sprintf("%d@%d %s", n.Line, n.Offset, n.Text))
	}
	want := "3@20 a NUL ends the script for the device; what follows it is not read\n" +
		"1@0 the device's scanner refuses a byte order mark\n" +
		"1@5 the device's scanner refuses a carriage return\n" +
		"2@14 a NUL ends a string for the device; the rest of it is not read\n" +
		"3@20 the device's scanner refuses a comment that no newline ends"
	if g := strings.Join(got, "\n"); g != want {
		t.Errorf("got\n%s\nwant\n%s", g, want)
	}
}

func TestPos(t *testing.T) {
	const src = "a(\n \"x\ny\",\n (b()));\nif c then\n d() endif"
	p := mustParse(t, src).Plan(nil)
	want := map[string]Pos{"a": {0, 1}, "b": {13, 4}, "d": {31, 6}}
	for _, c := range p.Calls {
		if c.Pos != want[c.Name] {
			t.Errorf("%s at %v, want %v", c.Name, c.Pos, want[c.Name])
		}
	}
	if len(p.Calls) != len(want) {
		t.Errorf("%d calls", len(p.Calls))
	}
}
