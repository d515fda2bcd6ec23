package packs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/otavet/otavet/policies/document"
	"github.com/otavet/otavet/policies/packs"
)

// What `pack test` and `pack lint` say of the built-in packs.
func TestBuiltInPacks(t *testing.T) {
	for _, p := range builtIn() {
		trials, err := p.Try(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range trials {
			if tr.Err != nil {
				t.Errorf("%s, %s: %v", tr.Rule, tr.Test, tr.Err)
			}
		}
		t.Logf("%d tests of pack %s", len(trials), p.Name)
		for _, err := range p.Lint() {
			t.Error(err)
		}
	}
}

const house = `apiVersion: otavet/policy/v1
kind: PolicyPack
metadata: {name: house, version: 1.0.0, title: Rules of the house, facts: v0}
parameters:
  least: {type: int, default: 20}
  names: {type: list, default: [a, b]}
rules:
  - id: new-apps
    title: Apps are built for a new release
    severity: low
    needs: [apps]
    each: apps
    when: app.package in params.names
    violations: '[app].filter(a, a.target_sdk < params.least)'
    message: ${it.package} targets ${it.target_sdk}
    tests:
      - {name: old, facts: {apps: [{package: a, target_sdk: 19}]}, expect: {status: fail, says: a targets 19}}
`

func TestParse(t *testing.T) {
	p, err := packs.Parse("house.yaml", []byte(house), packs.Options{Params: map[string]string{"least": "18", "names": "b, c", "other": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, v := p.Parameter("names"); v != "b,c" {
		t.Errorf("names = %s", v)
	}
	trials, err := p.Try(t.Context(), nil)
	if err != nil || len(trials) != 1 || trials[0].Err == nil || !strings.Contains(trials[0].Err.Error(), "house.yaml:17:") ||
		!strings.Contains(trials[0].Err.Error(), "it is na, not fail") {
		t.Errorf("%v %v", trials, err)
	}
	if lint := p.Lint(); len(lint) != 5 {
		t.Errorf("%v", lint)
	}
}

// Each mistake is an error of the pack, at its place.
func TestMistakes(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"misspelt key", "when:", "wen:", `house.yaml:13:5: unknown field "wen"`},
		{"misspelt field", "a.target_sdk", "a.target", "house.yaml:14:35: undefined field 'target'"},
		{"misspelt parameter", "params.least", "params.leest", "house.yaml:14:"},
		{"misspelt field of the message", "${it.target_sdk}", "${it.target}", "house.yaml:15:"},
		{"another version", "policy/v1", "policy/v2", "house.yaml:1:13:"},
		{"another kind", "PolicyPack", "Waivers", "house.yaml:2:7:"},
		{"other facts", "facts: v0", "facts: v9", "house.yaml:3:"},
		{"no name", "name: house", "name: House", "house.yaml:3:18:"},
		{"severity", "severity: low", "severity: bad", "house.yaml:10:15:"},
		{"no severity", "    severity: low\n", "", "house.yaml:8:"},
		{"a kind that is none", "needs: [apps]", "needs: [appz]", "house.yaml:11:12:"},
		{"what it looks at is not needed", "needs: [apps]", "needs: [files]", "house.yaml:11:12:"},
		{"both ways", "each: apps", "each: apps\n    builtin: no-downgrade", "house.yaml:1"},
		{"a check that is none", "each: apps\n    when: app.package in params.names\n    violations: '[app].filter(a, a.target_sdk < params.least)'\n    message: ${it.package} targets ${it.target_sdk}", "builtin: nothing", "house.yaml:12:14:"},
		{"no tests", "    tests:\n      - {name: old, facts: {apps: [{package: a, target_sdk: 19}]}, expect: {status: fail, says: a targets 19}}\n", "", "house.yaml:8:"},
		{"default of another type", "default: 20", "default: twenty", "house.yaml:5:"},
		{"type that is none", "type: int", "type: float", "house.yaml:5:"},
		{"two of an id", "rules:\n", "rules:\n  - {id: new-apps, title: x, severity: low, needs: [apps], each: apps, violations: '[app]', message: x, tests: [{name: x}]}\n", "house.yaml:9:9:"},
	} {
		text := strings.Replace(house, tc.old, tc.new, 1)
		if text == house {
			t.Fatalf("%s changes nothing", tc.name)
		}
		_, err := packs.Parse("house.yaml", []byte(text), packs.Options{})
		var e *document.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
		}
	}
	if _, err := packs.Parse("house.yaml", []byte(house), packs.Options{Params: map[string]string{"least": "x"}}); err == nil {
		t.Error("a value of another type is taken")
	}
}

// A test that is wrong itself says where.
func TestTryMistakes(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"a field that facts have not", "target_sdk: 19", "sdk: 19", "unknown field"},
		{"a status that is none", "status: fail", "status: bad", "expect a status"},
		{"a fixture that is none", "facts: {apps", "facts: {from: x, apps", "no fixture is called"},
		{"a count that is off", "says: a targets 19", "count: 2", "1 subjects are fail, not 2"},
		{"words that nobody says", "says: a targets 19", "says: hello", "does not say"},
		{"a place that is none", "package: a", "package: a, at: 'a#b#c'", "location"},
		{"a parameter that is none", "name: old", "name: old, params: {x: 1}", "no parameter"},
	} {
		p, err := packs.Parse("house.yaml", []byte(strings.Replace(house, tc.old, tc.new, 1)), packs.Options{})
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		trials, err := p.Try(t.Context(), nil)
		if err != nil || trials[0].Err == nil || !strings.Contains(trials[0].Err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.name, trials, tc.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(house))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := packs.Parse("x", data, packs.Options{})
		if err != nil {
			var e *document.Error
			if !errors.As(err, &e) {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		p.Lint()
		if _, err := p.Try(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	})
}
