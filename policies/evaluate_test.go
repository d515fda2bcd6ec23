package policies_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

var (
	subA = fact.Subject{Kind: "signature", ID: "a"}
	subB = fact.Subject{Kind: "signature", ID: "b"}
)

func says(js ...policies.Judgement) policies.Check {
	return policies.CheckFunc(func(context.Context, policies.Input) ([]policies.Judgement, error) { return js, nil })
}

func is(s fact.Subject, status policies.Status) policies.Judgement {
	j := policies.Judgement{Subject: s, Status: status}
	switch status {
	case policies.StatusFail:
		j.Violations = []policies.Violation{{Message: "bad"}}
	case policies.StatusUnknown:
		j.Missing = []policies.Missing{{What: "a thing"}}
	}
	return j
}

func rule(id string, c policies.Check) *policies.Policy {
	return &policies.Policy{ID: id, Severity: policies.SeverityHigh, Level: policies.LevelRequired,
		OnUnknown: policies.UnknownFails, Needs: []fact.Kind{fact.KindSignatures}, Check: c}
}

func pack(rules ...*policies.Policy) []*policies.Pack {
	return []*policies.Pack{{Name: "p", Policies: rules}}
}

func facts() *fact.Facts {
	return &fact.Facts{Kinds: fact.All(), Update: []fact.Update{{Path: "x"}}}
}

func evaluate(t *testing.T, in policies.Input, s policies.Settings, rules ...*policies.Policy) *policies.Verdict {
	t.Helper()
	v, err := policies.Evaluate(context.Background(), in, pack(rules...), s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStatusOverSubjects(t *testing.T) {
	const pass, fail, unknown, na = policies.StatusPass, policies.StatusFail, policies.StatusUnknown, policies.StatusNA
	for _, tc := range []struct{ a, b, want policies.Status }{
		{pass, pass, pass}, {pass, na, pass}, {na, na, na}, {pass, unknown, unknown}, {na, unknown, unknown},
		{unknown, fail, fail}, {pass, fail, fail}, {na, fail, fail},
	} {
		for _, js := range [][]policies.Judgement{{is(subA, tc.a), is(subB, tc.b)}, {is(subB, tc.b), is(subA, tc.a)},
			{is(subA, tc.a), is(subA, tc.b)}, {is(subA, tc.b), is(subA, tc.a)}} {
			v := evaluate(t, policies.Input{Facts: facts()}, policies.Settings{}, rule("r", says(js...)))
			r := v.Results[0]
			if r.Status != tc.want || len(r.Defects) > 0 {
				t.Errorf("%v: %s, defects %q; want %s", js, r.Status, r.Defects, tc.want)
			}
			if js[0].Subject == js[1].Subject && len(r.Judgements) != 1 {
				t.Errorf("one subject has %d judgements", len(r.Judgements))
			}
			if r.Judgements[0].Subject != subA {
				t.Error("judgements are not sorted")
			}
		}
	}
}

// What a Check answers is never taken at its word where it would open the gate.
func TestFailClosed(t *testing.T) {
	withGap := func(subjects ...fact.Subject) *fact.Facts {
		f := facts()
		f.Gaps = []fact.Gap{{Reason: "cut short", Cause: fact.CauseFormat, Blinds: []fact.Kind{fact.KindSignatures}, Subjects: subjects}}
		return f
	}
	without := func(k fact.Kind) *fact.Facts {
		f := facts()
		f.Kinds = nil
		for _, have := range fact.All() {
			if have != k {
				f.Kinds = append(f.Kinds, have)
			}
		}
		return f
	}
	broken := errors.New("broken")
	for _, tc := range []struct {
		name    string
		facts   *fact.Facts
		base    *fact.Facts
		change  func(*policies.Policy)
		check   policies.Check
		s       policies.Settings
		want    policies.Status
		missing string // somewhere in the result
		defect  string
	}{
		{name: "as it is", check: says(is(subA, policies.StatusPass)), want: policies.StatusPass},
		{name: "kind not looked for", facts: without(fact.KindSignatures), check: says(is(subA, policies.StatusPass)), want: policies.StatusUnknown, missing: "not looked for in this run"},
		{name: "kind not looked for, na", facts: without(fact.KindSignatures), check: says(is(subA, policies.StatusNA)), want: policies.StatusUnknown, missing: "signatures"},
		{name: "kind not looked for, nothing judged", facts: without(fact.KindSignatures), check: says(), want: policies.StatusUnknown, missing: "not looked for"},
		{name: "kind not looked for, fail all the same", facts: without(fact.KindSignatures), check: says(is(subA, policies.StatusFail)), want: policies.StatusFail},
		{name: "kind not built", change: func(p *policies.Policy) { p.Needs = []fact.Kind{fact.KindMounts} }, check: says(is(subA, policies.StatusPass)), want: policies.StatusUnknown, missing: "this version of otavet cannot find"},
		{name: "gap for all", facts: withGap(), check: says(is(subA, policies.StatusPass)), want: policies.StatusUnknown, missing: "cut short"},
		{name: "gap for all, na", facts: withGap(), check: says(is(subA, policies.StatusNA)), want: policies.StatusUnknown, missing: "cut short"},
		{name: "gap for all, fail", facts: withGap(), check: says(is(subA, policies.StatusFail)), want: policies.StatusFail},
		{name: "gap for the subject", facts: withGap(subB, subA), check: says(is(subA, policies.StatusPass), is(subB, policies.StatusPass)), want: policies.StatusUnknown, missing: "cut short"},
		{name: "gap for a subject of which nothing is left", facts: withGap(subB), check: says(is(subA, policies.StatusPass)), want: policies.StatusUnknown, missing: "cut short"},
		{name: "gap that does not concern the rule", facts: withGap(), change: func(p *policies.Policy) { p.Concerns = func(*fact.Gap) bool { return false } }, check: says(is(subA, policies.StatusPass)), want: policies.StatusPass},
		{name: "gap of another kind", facts: withGap(), change: func(p *policies.Policy) { p.Needs = []fact.Kind{fact.KindUpdate} }, check: says(is(subA, policies.StatusPass)), want: policies.StatusPass},
		{name: "nothing judged", check: says(), want: policies.StatusUnknown, defect: "looked at nothing"},
		{name: "error", check: policies.CheckFunc(func(context.Context, policies.Input) ([]policies.Judgement, error) {
			return []policies.Judgement{is(subA, policies.StatusPass)}, broken
		}), want: policies.StatusUnknown, defect: "broken"},
		{name: "error after a fail", check: policies.CheckFunc(func(context.Context, policies.Input) ([]policies.Judgement, error) {
			return []policies.Judgement{is(subA, policies.StatusFail)}, broken
		}), want: policies.StatusFail, defect: "broken"},
		{name: "panic", check: policies.CheckFunc(func(_ context.Context, in policies.Input) ([]policies.Judgement, error) {
			return []policies.Judgement{is(fact.Subject{ID: in.Facts.Files[7].Device}, policies.StatusPass)}, nil
		}), want: policies.StatusUnknown, defect: "panic"},
		{name: "pass with a violation", check: says(policies.Judgement{Subject: subA, Status: policies.StatusPass, Violations: []policies.Violation{{Message: "bad"}}}), want: policies.StatusFail},
		{name: "na with a violation", check: says(policies.Judgement{Subject: subA, Status: policies.StatusNA, Violations: []policies.Violation{{Message: "bad"}}}), want: policies.StatusFail},
		{name: "fail without one", check: says(policies.Judgement{Subject: subA, Status: policies.StatusFail}), want: policies.StatusUnknown, defect: "without a violation"},
		{name: "no status", check: says(policies.Judgement{Subject: subA}), want: policies.StatusUnknown, defect: "status"},
		{name: "waived by the rule itself", check: says(policies.Judgement{Subject: subA, Status: policies.StatusWaived}), want: policies.StatusUnknown, defect: "waived"},
		{name: "no subject", check: says(policies.Judgement{Status: policies.StatusPass}), want: policies.StatusPass, defect: "no subject"},
		{name: "unknown without a reason", check: says(policies.Judgement{Subject: subA, Status: policies.StatusUnknown}), want: policies.StatusUnknown, defect: "misses"},
		{name: "assumption", check: says(policies.Judgement{Subject: subA, Status: policies.StatusPass, Assumptions: []policies.Assumption{{What: "luck"}}}), want: policies.StatusPass},
		{name: "assumption, strict", s: policies.Settings{Strict: true}, check: says(policies.Judgement{Subject: subA, Status: policies.StatusPass, Assumptions: []policies.Assumption{{What: "luck"}}}), want: policies.StatusUnknown, missing: "luck"},
		{name: "no base", change: func(p *policies.Policy) { p.NeedsBase = true }, check: says(is(subA, policies.StatusPass)), want: policies.StatusUnknown, missing: "--base"},
		{name: "base", base: facts(), change: func(p *policies.Policy) { p.NeedsBase = true }, check: says(is(subA, policies.StatusPass)), want: policies.StatusPass},
		{name: "kind not looked for in the base", base: without(fact.KindSignatures), change: func(p *policies.Policy) { p.NeedsBase = true }, check: says(is(subA, policies.StatusPass)), want: policies.StatusUnknown, missing: "update before this one"},
		{name: "gap in the base", base: withGap(), change: func(p *policies.Policy) { p.NeedsBase = true }, check: says(is(subA, policies.StatusPass)), want: policies.StatusUnknown, missing: "cut short"},
		{name: "gap in a base that does not matter", base: withGap(), check: says(is(subA, policies.StatusPass)), want: policies.StatusPass},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := rule("r", tc.check)
			if tc.change != nil {
				tc.change(r)
			}
			f := tc.facts
			if f == nil {
				f = facts()
			}
			v := evaluate(t, policies.Input{Facts: f, Base: tc.base}, tc.s, r)
			res := v.Results[0]
			if res.Status != tc.want {
				t.Errorf("status %s, want %s: %+v", res.Status, tc.want, res.Judgements)
			}
			var missing []string
			for _, j := range res.Judgements {
				for _, m := range j.Missing {
					missing = append(missing, m.What)
				}
			}
			if !strings.Contains(strings.Join(missing, "\n"), tc.missing) {
				t.Errorf("missing %q, want %q", missing, tc.missing)
			}
			if got := strings.Join(res.Defects, "\n"); (got == "") != (tc.defect == "") || !strings.Contains(got, tc.defect) {
				t.Errorf("defects %q, want %q", got, tc.defect)
			}
			if len(res.Judgements) == 0 || v.Counts.Total() != 1 || v.SubjectCounts.Total() != len(res.Judgements) {
				t.Errorf("counts %+v, %+v over %d judgements", v.Counts, v.SubjectCounts, len(res.Judgements))
			}
		})
	}
}

func TestGapOfOneSubjectLeavesTheOthers(t *testing.T) {
	f := facts()
	f.Gaps = []fact.Gap{{Reason: "cut short", Blinds: []fact.Kind{fact.KindSignatures}, Subjects: []fact.Subject{subA}}}
	v := evaluate(t, policies.Input{Facts: f}, policies.Settings{}, rule("r", says(is(subA, policies.StatusPass), is(subB, policies.StatusPass))))
	if js := v.Results[0].Judgements; js[0].Status != policies.StatusUnknown || js[1].Status != policies.StatusPass {
		t.Errorf("%+v", js)
	}
}

// Very many gaps do not make very long judgements.
func TestManyGaps(t *testing.T) {
	f := facts()
	for range 10_000 {
		f.Gaps = append(f.Gaps, fact.Gap{Reason: "no", Blinds: []fact.Kind{fact.KindSignatures}},
			fact.Gap{Blinds: []fact.Kind{fact.KindSignatures}, Subjects: []fact.Subject{subA, {}}})
	}
	v := evaluate(t, policies.Input{Facts: f}, policies.Settings{}, rule("r", says(is(subA, policies.StatusPass))))
	if n := len(v.Results[0].Judgements[0].Missing); v.Outcome != policies.StatusUnknown || n > 20 {
		t.Errorf("%s with %d reasons", v.Outcome, n)
	}
}

func TestExit(t *testing.T) {
	level := func(r *policies.Policy, l policies.Level) *policies.Policy { r.Level = l; return r }
	severity := func(r *policies.Policy, s policies.Severity) *policies.Policy { r.Severity = s; return r }
	warns := func(r *policies.Policy) *policies.Policy { r.OnUnknown = policies.UnknownWarns; return r }
	keys := func(r *policies.Policy) *policies.Policy { r.TestKeys = true; return r }
	on := func(id string, s policies.Status) *policies.Policy { return rule(id, says(is(subA, s))) }
	pass, na := on("pass", policies.StatusPass), on("na", policies.StatusNA)
	fails := func() *policies.Policy { return on("fail", policies.StatusFail) }
	unknown := func() *policies.Policy { return on("unknown", policies.StatusUnknown) }
	for _, tc := range []struct {
		name  string
		rules []*policies.Policy
		s     policies.Settings
		want  int
	}{
		{"pass", []*policies.Policy{pass, na}, policies.Settings{}, 0},
		{"fail", []*policies.Policy{pass, fails()}, policies.Settings{}, 1},
		{"unknown", []*policies.Policy{pass, unknown()}, policies.Settings{}, 4},
		{"fail before unknown", []*policies.Policy{unknown(), fails(), pass}, policies.Settings{}, 1},
		{"advisory", []*policies.Policy{level(fails(), policies.LevelAdvisory), level(unknown(), policies.LevelAdvisory)}, policies.Settings{}, 0},
		{"info is below the default", []*policies.Policy{severity(fails(), policies.SeverityInfo)}, policies.Settings{}, 0},
		{"low is not", []*policies.Policy{severity(fails(), policies.SeverityLow)}, policies.Settings{}, 1},
		{"fail-on critical", []*policies.Policy{fails()}, policies.Settings{FailOn: policies.SeverityCritical}, 0},
		{"fail-on does not excuse an unknown", []*policies.Policy{unknown()}, policies.Settings{FailOn: policies.SeverityCritical}, 4},
		{"an excused fail hides no unknown", []*policies.Policy{rule("both", says(is(subA, policies.StatusFail), is(subB, policies.StatusUnknown)))},
			policies.Settings{FailOn: policies.SeverityCritical}, 4},
		{"fail-on info", []*policies.Policy{severity(fails(), policies.SeverityInfo)}, policies.Settings{FailOn: policies.SeverityInfo}, 1},
		{"a rule that warns", []*policies.Policy{warns(unknown())}, policies.Settings{}, 0},
		{"unknown=fail wins", []*policies.Policy{warns(unknown())}, policies.Settings{Unknown: policies.UnknownFails}, 4},
		{"unknown=warn wins", []*policies.Policy{unknown()}, policies.Settings{Unknown: policies.UnknownWarns}, 0},
		{"test keys, released", []*policies.Policy{keys(fails())}, policies.Settings{}, 1},
		{"test keys, signed", []*policies.Policy{keys(fails())}, policies.Settings{Stage: policies.StageSigned}, 1},
		{"test keys, build", []*policies.Policy{keys(fails())}, policies.Settings{Stage: policies.StageBuild}, 0},
	} {
		v := evaluate(t, policies.Input{Facts: facts()}, tc.s, tc.rules...)
		got := v.Exit(tc.s)
		want := map[int]policies.Status{0: policies.StatusPass, 1: policies.StatusFail, 4: policies.StatusUnknown}[tc.want]
		if got != tc.want || v.Outcome != want {
			t.Errorf("%s: exit %d, outcome %s; want %d", tc.name, got, v.Outcome, tc.want)
		}
	}
}

func TestWorstExit(t *testing.T) {
	order := []int{0, 4, 1, 2, 3, 5, 130}
	for i, a := range order {
		for j, b := range order {
			if got := policies.WorstExit(a, b); got != order[max(i, j)] {
				t.Errorf("WorstExit(%d, %d) = %d", a, b, got)
			}
		}
	}
	if policies.WorstExit() != 0 || policies.WorstExit(0, 77) != 5 {
		t.Error("no status is 0, one that does not exist is 5")
	}
}

func TestNoVerdict(t *testing.T) {
	ok := rule("r", says(is(subA, policies.StatusPass)))
	bad := func(change func(*policies.Policy)) []*policies.Pack {
		r := *ok
		change(&r)
		return pack(&r)
	}
	in := policies.Input{Facts: facts()}
	for name, tc := range map[string]struct {
		in    policies.Input
		packs []*policies.Pack
		s     policies.Settings
	}{
		"no facts":         {policies.Input{}, pack(ok), policies.Settings{}},
		"nil pack":         {in, []*policies.Pack{nil}, policies.Settings{}},
		"nil rule":         {in, pack(nil), policies.Settings{}},
		"two of a name":    {in, append(pack(ok), &policies.Pack{Name: "q", Policies: []*policies.Policy{ok}}), policies.Settings{}},
		"severity":         {in, bad(func(p *policies.Policy) { p.Severity = "hihg" }), policies.Settings{}},
		"level":            {in, bad(func(p *policies.Policy) { p.Level = "" }), policies.Settings{}},
		"on_unknown":       {in, bad(func(p *policies.Policy) { p.OnUnknown = "ignore" }), policies.Settings{}},
		"no check":         {in, bad(func(p *policies.Policy) { p.Check = nil }), policies.Settings{}},
		"kind":             {in, bad(func(p *policies.Policy) { p.Needs = []fact.Kind{"flow"} }), policies.Settings{}},
		"settings fail-on": {in, pack(ok), policies.Settings{FailOn: "never"}},
		"settings unknown": {in, pack(ok), policies.Settings{Unknown: "ok"}},
		"settings stage":   {in, pack(ok), policies.Settings{Stage: "early"}},
	} {
		if v, err := policies.Evaluate(context.Background(), tc.in, tc.packs, tc.s); err == nil || v != nil {
			t.Errorf("%s: %+v, no error", name, v)
		}
	}
	for _, packs := range [][]*policies.Pack{nil, pack()} {
		if _, err := policies.Evaluate(context.Background(), in, packs, policies.Settings{}); !errors.Is(err, policies.ErrNoRules) {
			t.Errorf("no rules: %v", err)
		}
	}
	cause := errors.New("out of time")
	ctx, cancel := context.WithCancelCause(context.Background())
	stops := rule("r", policies.CheckFunc(func(context.Context, policies.Input) ([]policies.Judgement, error) {
		cancel(cause)
		return []policies.Judgement{is(subA, policies.StatusPass)}, nil
	}))
	if v, err := policies.Evaluate(ctx, in, pack(stops), policies.Settings{}); !errors.Is(err, cause) || v != nil {
		t.Errorf("ended by its context: %v, %v", v, err)
	}
}

// Evaluate leaves what it is given as it was, so that a pack can judge twice.
func TestInputsAreNotChanged(t *testing.T) {
	js := []policies.Judgement{
		{Subject: subB, Status: policies.StatusFail, Violations: []policies.Violation{{Message: "m",
			Evidence: []policies.Evidence{{Order: 2}, {Order: 1}}}}},
		{Subject: subA, Status: policies.StatusPass, Assumptions: append(make([]policies.Assumption, 0, 4), policies.Assumption{What: "w"})},
	}
	before := []policies.Judgement{js[0], js[1]}
	r := rule("r", says(js...))
	one := evaluate(t, policies.Input{Facts: facts()}, policies.Settings{Strict: true}, r)
	two := evaluate(t, policies.Input{Facts: facts()}, policies.Settings{Strict: true}, r)
	if !reflect.DeepEqual(js, before) || js[0].Violations[0].Evidence[0].Order != 2 {
		t.Errorf("judgements were changed: %+v", js)
	}
	if !reflect.DeepEqual(one.Results[0].Judgements, two.Results[0].Judgements) {
		t.Error("two evaluations differ")
	}
	if one.Results[0].Judgements[1].Violations[0].Evidence[0].Order != 1 {
		t.Error("evidence is not in order")
	}
}

func TestFingerprint(t *testing.T) {
	if policies.Fingerprint("r", subA) != fact.Fingerprint("r", subA) {
		t.Error("two recipes")
	}
}
