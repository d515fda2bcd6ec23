package expr_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/expr"
)

var yes, no = true, false

func facts() *fact.Facts {
	text := "off"
	apk := fact.Location{Partition: "system", Path: "app/A.apk", Device: "/system/app/A.apk"}
	f := &fact.Facts{
		Kinds:  fact.All(),
		Update: []fact.Update{{Path: "u.zip", Android: "4.4.2", Layout: "zip-files"}},
		Apps: []fact.App{
			{Package: "a", TargetSDK: 17, Debuggable: true, At: apk},
			{Package: "b", TargetSDK: 28, At: fact.Location{Partition: "system", Path: "app/B.apk"}},
		},
		Components: []fact.Component{
			{App: "a", Kind: "receiver", Name: "a.R", Exported: true, Filters: []fact.Filter{{Actions: []string{"x", "y"}}}, At: apk.InMember("AndroidManifest.xml")},
			{App: "gone", Kind: "service", Name: "gone.S", At: fact.Location{Partition: "system", Path: "app/G.apk"}},
		},
		Signatures: []fact.Signature{{Scheme: "wholefile", Subject: "update", Holds: &yes}, {Scheme: "jar", Subject: "x"}, {Scheme: "jar", Subject: "y", Holds: &no}},
		Settings:   []fact.Setting{{Store: "preferences", App: "a", Key: "cloud", Default: &text, Layers: []fact.Layer{{Source: "screen", Value: &text, At: apk}}}, {Store: "secure", Key: "k"}},
	}
	f.Sort()
	return f
}

// judge gives "subject: status", with messages and what is missing, in the order of the facts.
func judge(t *testing.T, r expr.Rule, params map[string]expr.Param, in policies.Input) (string, error) {
	t.Helper()
	c, err := expr.Compile(r, params)
	if err != nil {
		t.Fatal(err)
	}
	js, err := c.Judge(t.Context(), in)
	var out []string
	for _, j := range js {
		s := j.Subject.ID + ": " + string(j.Status)
		for _, v := range j.Violations {
			s += " (" + v.Message + ")"
			for _, e := range v.Evidence {
				s += " " + e.Role + "@" + e.At.String()
			}
		}
		for _, m := range j.Missing {
			s += " [" + m.What + "]"
		}
		out = append(out, s)
	}
	return strings.Join(out, "\n"), err
}

func TestJudge(t *testing.T) {
	for _, tc := range []struct {
		name   string
		rule   expr.Rule
		params map[string]expr.Param
		want   string
		err    string
	}{
		{name: "facts that are violations", rule: expr.Rule{Each: "apps", Violations: "[app].filter(a, a.debuggable)", Message: "${it.package} targets ${it.target_sdk}"},
			want: "a: fail (a targets 17) source@system:app/A.apk\nb: pass"},
		{name: "texts that are violations", rule: expr.Rule{Each: "apps", Violations: "app.debuggable ? ['open'] : []"},
			want: "a: fail (open) source@system:app/A.apk\nb: pass"},
		{name: "who is no subject is not judged", rule: expr.Rule{Each: "apps", When: "app.target_sdk >= params.least", Violations: "[app]", Message: "x"},
			params: map[string]expr.Param{"least": int64(20)}, want: "b: fail (x) source@system:app/B.apk"},
		{name: "nobody is", rule: expr.Rule{Each: "apps", When: "app.package == 'c'", Violations: "[app]", Message: "x"},
			want: "update: na"},
		{name: "nobody is, and that is good", rule: expr.Rule{Each: "apps", When: "false", Violations: "[app]", Message: "x", None: "pass"}, want: "update: pass"},
		{name: "no flow is a pass of the update", rule: expr.Rule{Each: "flows", Violations: "[flow]", Message: "x"}, want: "update: pass"},
		{name: "a null is not false", rule: expr.Rule{Each: "signatures", Violations: "[signature].filter(s, s.holds == false)", Message: "broken"},
			want: "jar x: unknown [signature.holds: the facts do not tell]\njar y: fail (broken) source@.\nwholefile update: pass"},
		{name: "a null that is asked for", rule: expr.Rule{Each: "signatures", Violations: "[signature].filter(s, has(s.holds) && !s.holds)", Message: "broken",
			Undecided: "!has(signature.holds)", Missing: "whether ${signature.scheme} holds"},
			want: "jar x: unknown [whether jar holds]\njar y: fail (broken) source@.\nwholefile update: pass"},
		{name: "the app of a component", rule: expr.Rule{Each: "components", When: "component.exported", Violations: "[component].filter(c, app.target_sdk < 31)", Message: "${it.filters[0].actions}"},
			want: "a a.R: fail (x, y) source@system:app/A.apk!/AndroidManifest.xml"},
		{name: "a component without an app", rule: expr.Rule{Each: "components", When: "component.app == 'gone'", Violations: "[component].filter(c, app.debuggable)", Message: "x"},
			want: "gone gone.S: unknown [app: the facts do not tell]"},
		{name: "layers are evidence", rule: expr.Rule{Each: "settings", Violations: "[setting].filter(s, has(s.default) && s.default == 'off')", Message: "${it.key} is ${it.default}"},
			want: "a preferences cloud: fail (cloud is off) layer@system:app/A.apk\nsecure k: pass"},
		{name: "the update", rule: expr.Rule{Each: "update", When: "atLeast(update.android, '4.4')", Violations: "facts.apps.filter(a, a.debuggable)", Message: "${it.package}"},
			want: "update: fail (a) source@system:app/A.apk"},
		{name: "releases are numbers", rule: expr.Rule{Each: "update", Violations: "atLeast('4.10', '4.9') && !atLeast('4.4', '4.4.1') && atLeast('5', '5.0') ? [] : ['no']"}, want: "update: pass"},
		{name: "a release that nobody knows", rule: expr.Rule{Each: "update", When: "atLeast('Tiramisu', '4.4')", Violations: "['x']"},
			want: "update: unknown [whether the rule is about it: the Android release: the facts do not tell]"},
		{name: "no base", rule: expr.Rule{Each: "update", Violations: "base.apps.size() > facts.apps.size() ? ['lost'] : []"},
			want: "update: unknown [base: the facts do not tell]"},
		{name: "an index out of range is no pass", rule: expr.Rule{Each: "apps", When: "app.package == 'a'", Violations: "app.notes[3] == 'x' ? ['x'] : []"},
			want: "a: unknown [whether it is violated: the expression failed]", err: "out of bounds"},
		{name: "an expression without an end", rule: expr.Rule{Each: "update",
			Violations: "range.all(a, range.all(b, range.all(c, range.all(d, a+b+c+d >= 0)))) ? [] : ['x']"}, err: "cost"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			params := tc.params
			if strings.Contains(tc.rule.Violations, "range") {
				list := "[" + strings.Repeat("1,", 100) + "1]"
				tc.rule.Violations = strings.ReplaceAll(tc.rule.Violations, "range", list)
			}
			got, err := judge(t, tc.rule, params, policies.Input{Facts: facts()})
			if tc.want != "" && got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Errorf("error %v, want %q", err, tc.err)
			}
		})
	}
}

func TestBase(t *testing.T) {
	old := facts()
	in := policies.Input{Facts: facts(), Base: old}
	in.Facts.Apps = in.Facts.Apps[:1]
	got, err := judge(t, expr.Rule{Each: "update", Violations: "base.apps.filter(o, !facts.apps.exists(n, n.package == o.package))", Message: "${it.package} is gone"}, nil, in)
	if err != nil || got != "update: fail (b is gone) source@system:app/B.apk" {
		t.Errorf("%s %v", got, err)
	}
}

// What is wrong with a rule is found before any facts are there, with its place.
func TestCompileErrors(t *testing.T) {
	for _, tc := range []struct {
		name, at string
		rule     expr.Rule
	}{
		{"misspelt field", "violations:2:7: undefined field 'debugable'", expr.Rule{Each: "apps", Violations: "  [app].filter(a,\n     a.debugable)", Message: "x"}},
		{"misspelt parameter", "when:1:1: undeclared reference to 'params'", expr.Rule{Each: "apps", When: "params.lest > 1", Violations: "[app]", Message: "x"}},
		{"not a bool", "when:1:1: the expression is string, want bool", expr.Rule{Each: "apps", When: "app.package", Violations: "[app]", Message: "x"}},
		{"not a list", "violations:1:1: the expression is bool, want a list", expr.Rule{Each: "apps", Violations: "app.debuggable"}},
		{"a list of anything", "violations:1:1: the expression is list", expr.Rule{Each: "apps", Violations: "[1, 'x']"}},
		{"none", "violations:1:1: there is no expression", expr.Rule{Each: "apps"}},
		{"no message", "violations:1:1: the violations are facts", expr.Rule{Each: "apps", Violations: "[app]"}},
		{"another kind's name", "violations:1:2: undeclared reference to 'component'", expr.Rule{Each: "apps", Violations: "[component]", Message: "x"}},
		{"a kind that cannot be walked", "each:1:1: no facts of kind", expr.Rule{Each: "gaps", Violations: "[app]", Message: "x"}},
		{"message", "message:2:7: undefined field 'pakage'", expr.Rule{Each: "apps", Violations: "[app]", Message: "the app\n  ${it.pakage} x"}},
		{"message without an end", "message:1:3: ${ without its }", expr.Rule{Each: "apps", Violations: "[app]", Message: "a ${it.package"}},
		{"empty expression", "message:1:5: ${} holds no expression", expr.Rule{Each: "apps", Violations: "[app]", Message: "a ${ }"}},
		{"a record in a text", "message:1:3: the expression is fact.App", expr.Rule{Each: "apps", Violations: "[app]", Message: "${it}"}},
		{"none of", "none:1:1: \"maybe\"", expr.Rule{Each: "apps", Violations: "[app]", Message: "x", None: "maybe"}},
		{"syntax", "violations:1:5: Syntax error", expr.Rule{Each: "apps", Violations: "[app", Message: "x"}},
		{"nested without end", "violations:", expr.Rule{Each: "apps", Violations: strings.Repeat("[", 3000), Message: "x"}},
		{"long", "violations:", expr.Rule{Each: "apps", Violations: strings.Repeat("[app]+", 3000) + "[app]", Message: "x"}},
	} {
		_, err := expr.Compile(tc.rule, nil)
		var e *expr.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Error(), tc.at) {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.at)
		}
	}
}

func TestCancel(t *testing.T) {
	c, err := expr.Compile(expr.Rule{Each: "apps", Violations: "[app]", Message: "x"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Judge(ctx, policies.Input{Facts: facts()}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Whatever a pack holds, it compiles or says where not, and judges or says why not.
func FuzzCompile(f *testing.F) {
	f.Add("app.debuggable", "[app].filter(a, a.debuggable)", "x ${it.package}")
	f.Add("true", "app.notes.map(n, n.lowerAscii())", "")
	f.Add("has(app.overlay)", "app.code.dex[0] == 'x' ? [] : ['y']", "")
	in := policies.Input{Facts: facts()}
	f.Fuzz(func(t *testing.T, when, violations, message string) {
		c, err := expr.Compile(expr.Rule{Each: "apps", When: when, Violations: violations, Message: message}, nil)
		if err != nil {
			var e *expr.Error
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		js, err := c.Judge(t.Context(), in)
		if err == nil && len(js) == 0 {
			t.Fatal("neither an answer nor an error")
		}
	})
}

// 100 rules over 500 apps; the peer is the same question asked in Go.
func BenchmarkRules(b *testing.B) {
	f := &fact.Facts{Kinds: fact.All(), Update: []fact.Update{{Android: "9"}}}
	for i := range 500 {
		f.Apps = append(f.Apps, fact.App{Package: fmt.Sprintf("com.example.app%03d", i), TargetSDK: int64(i % 35), Network: fact.Network{Cleartext: i%3 == 0}})
	}
	in := policies.Input{Facts: f}
	rule := func(i int) expr.Rule {
		return expr.Rule{Each: "apps", When: fmt.Sprintf("app.target_sdk >= %d && !app.package.startsWith('com.android.')", i%30),
			Violations: "[app].filter(a, a.network.cleartext && a.enabled)", Undecided: "app.code.form == 'undecided'", Message: "${it.package}"}
	}
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			for i := range 100 {
				if _, err := expr.Compile(rule(i), nil); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	var checks []policies.Check
	for i := range 100 {
		c, err := expr.Compile(rule(i), nil)
		if err != nil {
			b.Fatal(err)
		}
		checks = append(checks, c)
	}
	b.Run("evaluate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, c := range checks {
				if _, err := c.Judge(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("peer: Go", func(b *testing.B) {
		n := 0
		for b.Loop() {
			for i := range 100 {
				for j := range f.Apps {
					a := &f.Apps[j]
					if a.TargetSDK >= int64(i%30) && !strings.HasPrefix(a.Package, "com.android.") && a.Network.Cleartext && a.Enabled {
						n++
					}
				}
			}
		}
		_ = n
	})
}
