package document_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/otavet/otavet/policies/document"
)

const small = `apiVersion: otavet/policy/v1
kind: PolicyPack
metadata: {name: house, version: 1.0.0, title: Rules of the house, facts: v0}
parameters:
  least: {type: int, default: 2048, doc: bits}
rules:
  - id: no-debug
    title: No app can be debugged
    each: apps
    when: "true"
    violations: '[app].filter(a, a.debuggable)'
    undecided: |
      false ||
        false
    tests:
      - name: fails
        facts: {apps: [{package: a, debuggable: true}]}
        expect: {status: fail, count: 1}
`

func TestDecodePack(t *testing.T) {
	p, err := document.DecodePack("house.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	r := p.Rules[0]
	if p.Metadata.Name != "house" || r.ID != "no-debug" || r.Tests[0].Expect.Status != "fail" || *r.Tests[0].Expect.Count != 1 {
		t.Errorf("%+v", p)
	}
	if r.Waivable != nil || r.Undecided != "false ||\n  false\n" {
		t.Errorf("%+v", r)
	}
}

// Errors of expressions name the place in the file, whichever way the text is written.
func TestErrorAt(t *testing.T) {
	p, err := document.DecodePack("house.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path      string
		line, col int
		wantLine  int
		points    string // what the caret stands below
	}{
		{"rules[0].violations", 1, 2, 11, "app]"},
		{"rules[0].when", 1, 1, 10, "true"},
		{"rules[0].undecided", 1, 1, 13, "false"},
		{"rules[0].undecided", 2, 3, 14, "false"},
		{"metadata.name", 0, 0, 3, "house"},
		{"rules[0].none", 0, 0, 0, ""},
	} {
		e := p.ErrorAt(tc.path, tc.line, tc.col, "odd")
		if e.Line != tc.wantLine {
			t.Errorf("%s: line %d, want %d", tc.path, e.Line, tc.wantLine)
		}
		if tc.points == "" {
			continue
		}
		if line := strings.Split(small, "\n")[e.Line-1]; e.Column < 1 || !strings.HasPrefix(line[e.Column-1:], tc.points) {
			t.Errorf("%s %d:%d: points at %d:%d %q, want %q\n%s", tc.path, tc.line, tc.col, e.Line, e.Column, line, tc.points, e.Excerpt)
		}
	}
}

func TestStrict(t *testing.T) {
	deep := "rules:\n" + strings.Repeat("[", 400)
	var laugh strings.Builder
	laugh.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 26; i++ {
		p := string(rune('a' + i))
		laugh.WriteString(p + "z: &" + p + "z [*a0,*a0]\n")
	}
	for _, tc := range []struct{ name, text, says string }{
		{"misspelt key", strings.Replace(small, "violations:", "violation:", 1), "house.yaml:11:5: unknown field \"violation\""},
		{"key twice", strings.Replace(small, "    when:", "    each: apps\n    when:", 1), "house.yaml:10:5: mapping key \"each\" already defined"},
		{"another type", strings.Replace(small, "count: 1", "count: one", 1), "house.yaml:18:"},
		{"broken", "rules: [", "house.yaml:1:"},
		{"empty", "", "0 documents"},
		{"two documents", small + "---\n" + small, "2 documents"},
		{"alias bomb", laugh.String(), "anchors, aliases"},
		{"merge", "a: &x {b: 1}\nc: {<<: *x}\n", "anchors, aliases"},
		{"deep brackets", deep, "nested more than"},
		{"deep dashes", strings.Repeat("- ", 5000) + "x", "nested more than"},
		{"deep keys", strings.Repeat("? ", 5000) + "x", "nested more than"},
		{"large", "# " + strings.Repeat("x", 2<<20), "larger than"},
		{"control characters", "rules: \x1b[2J\x9b", "house.yaml"},
		{"tab", "rules:\n\t- id: x", "house.yaml:"},
		{"tag", "rules: !!binary x", "house.yaml"},
	} {
		_, err := document.DecodePack("house.yaml", []byte(tc.text))
		var e *document.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if !strings.Contains(e.Error(), tc.says) {
			t.Errorf("%s: %q, want %q\n%s", tc.name, e.Error(), tc.says, e.Excerpt)
		}
	}
}

func FuzzDecodePack(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("rules: [{id: x, tests: [{facts: {apps: [{a: [1, 2.5, null, true]}]}}]}]"))
	f.Add([]byte("rules:\n- id: |-\n    x\n  title: >\n    y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := document.DecodePack("x", data)
		if err == nil {
			err = p.ErrorAt("rules[0].when", 1, 1, "odd")
		}
		var e *document.Error
		if !errors.As(err, &e) {
			t.Fatalf("%T %v", err, err)
		}
		for _, r := range e.Error() + e.Excerpt {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("%q does not print", e.Error()+e.Excerpt)
			}
		}
	})
}

// A pack whose lines are moved, doubled, cut, indented and filled with what YAML holds: what is read
// is read alike twice, and what is not is an *Error.
func FuzzStructure(f *testing.F) {
	f.Add([]byte{3, 1, 0, 7, 2, 5})
	f.Add([]byte{11, 4, 12, 5, 13, 6, 14, 7})
	fills := []string{"", "null", "[a, b]", "{a: b}", "|\n  x\n", ">-\n  x", "'a'", "\"\\u202e\"", "&a x", "*a", "!!int 1", "1e999", "-", "? x", "#", "0x1f", "2014-08-10", "\t"}
	f.Fuzz(func(t *testing.T, ops []byte) {
		lines := strings.Split(small, "\n")
		for i := 0; i+2 < len(ops) && i < 48; i += 3 {
			at := int(ops[i+1]) % len(lines)
			arg := int(ops[i+2])
			switch ops[i] % 7 {
			case 0:
				lines = append(lines[:at:at], lines[at+1:]...)
			case 1:
				lines = append(lines[:at:at], append([]string{lines[arg%len(lines)]}, lines[at:]...)...)
			case 2:
				lines[at] = strings.Repeat(" ", arg%12) + strings.TrimLeft(lines[at], " ")
			case 3:
				key, _, _ := strings.Cut(lines[at], ":")
				lines[at] = key + ": " + fills[arg%len(fills)]
			case 4:
				lines[at] = lines[at][:arg%(len(lines[at])+1)]
			case 5:
				lines[at] += fills[arg%len(fills)]
			default:
				lines[at], lines[arg%len(lines)] = lines[arg%len(lines)], lines[at]
			}
			if len(lines) == 0 {
				return
			}
		}
		text := []byte(strings.Join(lines, "\n"))
		p, err := document.DecodePack("x", text)
		q, err2 := document.DecodePack("x", text)
		if (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
			t.Fatalf("%v, %v", err, err2)
		}
		var e *document.Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if len(p.Rules) != len(q.Rules) {
			t.Fatal("two readings")
		}
		if e := p.ErrorAt("rules[0].violations", 1, 1, "odd"); e == nil {
			t.Fatal("no error")
		}
	})
}
