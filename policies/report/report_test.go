package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

func judged(js ...policies.Judgement) policies.Check {
	return policies.CheckFunc(func(context.Context, policies.Input) ([]policies.Judgement, error) { return js, nil })
}

func rule(id, title string, s policies.Severity, js ...policies.Judgement) *policies.Policy {
	return &policies.Policy{ID: id, Title: title, Severity: s, Level: policies.LevelRequired, OnUnknown: policies.UnknownFails,
		Remedy: "Do what\n  has to be done.", Needs: []fact.Kind{fact.KindSignatures}, Check: judged(js...)}
}

func facts() *fact.Facts {
	sum := strings.Repeat("0123456789abcdef", 4)
	full := false
	return &fact.Facts{
		Schema: fact.Schema, Kinds: fact.All(),
		Update: []fact.Update{{Path: "update.zip", SHA256: &sum, Size: 123456789, Layout: "zip-files", Incremental: &full, Device: "d",
			Android: "4.4.4", BuildTime: "2014-08-10T00:00:00Z", Fingerprint: "b/p/d:4.4.4/i/1:user/release-keys"}},
		Partitions: []fact.Partition{{Name: "system", Mount: "/system", Form: "tree", Size: 5, Files: 2, At: fact.Location{Partition: "system"}}},
		Gaps: []fact.Gap{{At: fact.Location{Partition: "boot"}, Reason: "this version does not read boot images", Cause: fact.CauseUnsupported,
			Blinds: []fact.Kind{fact.KindFiles}}},
	}
}

func allStatuses() []*policies.Pack {
	sig := func(id string) fact.Subject { return fact.Subject{Kind: "signature", ID: id} }
	at := fact.Location{Path: "META-INF/com/google/android/updater-script"}.AtLine(12)
	advisory := rule("nice-to-have", "Something nice", policies.SeverityLow, policies.Judgement{Subject: fact.UpdateSubject,
		Violations: []policies.Violation{{Message: "it is not there"}}})
	advisory.Level = policies.LevelAdvisory
	return []*policies.Pack{
		{Name: "first", Version: "1.2.3", Title: "The first pack", Digest: strings.Repeat("ab", 32), Policies: []*policies.Policy{
			rule("all-well", "All is well", policies.SeverityHigh, policies.Judgement{Subject: sig("a"), Status: policies.StatusPass, Message: "well"}),
			rule("well-enough", "All is well enough", policies.SeverityMedium, policies.Judgement{Subject: sig("a"), Status: policies.StatusPass,
				Assumptions: []policies.Assumption{{What: "the sun shines", At: &at}, {What: "the moon too"}}}),
			rule("not-there", "It has none", policies.SeverityInfo, policies.Judgement{Subject: fact.UpdateSubject, Status: policies.StatusNA, Message: "there is none"}),
			rule("bad", "Nothing is bad", policies.SeverityCritical,
				policies.Judgement{Subject: sig("b"), Status: policies.StatusFail, Violations: []policies.Violation{
					{Message: "it is bad", Evidence: []policies.Evidence{{Role: "write", Order: 1, At: at, Detail: `run_program("/sbin/sh")`}}},
					{Message: "and worse than a line of eighty columns can say, so that it is broken into two or even three of them",
						Evidence: []policies.Evidence{{Role: "signer", Order: 1, At: at.AtOffset(16), Detail: "a detail that is long enough to go into a line of its own below the place"}}},
				}},
				policies.Judgement{Subject: sig("a"), Status: policies.StatusPass},
				policies.Judgement{Subject: sig("c"), Status: policies.StatusUnknown, Missing: []policies.Missing{{Kind: fact.KindSignatures, What: "the rest of it", At: &at}}}),
		}},
		{Name: "second", Policies: []*policies.Policy{
			rule("open", "It is decided", policies.SeverityHigh, policies.Judgement{Subject: fact.UpdateSubject, Status: policies.StatusUnknown,
				Missing: []policies.Missing{{Kind: fact.KindSignatures, What: "a thing that nobody has"}}}),
			rule("lost", "It says something", policies.SeverityHigh),
			advisory,
		}},
	}
}

func passing() []*policies.Pack {
	warns := rule("open", "It is decided", policies.SeverityHigh, policies.Judgement{Subject: fact.UpdateSubject, Status: policies.StatusUnknown,
		Missing: []policies.Missing{{What: "a thing that nobody has"}}})
	warns.OnUnknown = policies.UnknownWarns
	return []*policies.Pack{{Name: "first", Version: "1", Title: "The first pack", Policies: []*policies.Policy{
		rule("all-well", "All is well", policies.SeverityHigh, policies.Judgement{Subject: fact.UpdateSubject, Status: policies.StatusPass}), warns,
		rule("mild", "Nothing is mild", policies.SeverityInfo, policies.Judgement{Subject: fact.UpdateSubject, Violations: []policies.Violation{{Message: "it is mild"}}}),
	}}}
}

func document(t *testing.T, f *fact.Facts, packs []*policies.Pack, s policies.Settings) *Document {
	t.Helper()
	v, err := policies.Evaluate(context.Background(), policies.Input{Facts: f}, packs, s)
	if err != nil {
		t.Fatal(err)
	}
	d := New(f, v, s)
	d.Version = "0.0.0-test"
	return d
}

func render(t *testing.T, name string, d *Document) []byte {
	t.Helper()
	for _, f := range Formats() {
		if f.Name == name {
			var b bytes.Buffer
			if err := f.Write(&b, d); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
	}
	t.Fatalf("no format %s", name)
	return nil
}

func many(n int) []*policies.Pack {
	var js []policies.Judgement
	for i := range n {
		js = append(js, policies.Judgement{Subject: fact.Subject{Kind: "member", ID: fmt.Sprintf("m%03d", i)},
			Violations: []policies.Violation{{Message: "it is bad"}}})
	}
	return []*policies.Pack{{Name: "p", Policies: []*policies.Policy{rule("bad", "Nothing is bad", policies.SeverityHigh, js...)}}}
}

// golden lists the documents that the golden files show.
func golden(t *testing.T) map[string]*Document {
	stored := document(t, facts(), allStatuses(), policies.Settings{})
	stored.JudgedFrom = FromFacts
	stored.Inputs = []Input{{Role: "facts", Name: "facts.json", SHA256: strings.Repeat("cd", 32)}}
	folder := facts()
	folder.Update[0].TreeSHA256, folder.Update[0].SHA256 = folder.Update[0].SHA256, nil
	folder.Update[0].Size, folder.Update[0].Layout, folder.Update[0].Path, folder.Gaps = 77, "folder", "tree", nil
	wide := document(t, facts(), allStatuses(), policies.Settings{})
	wide.Terminal = Terminal{Width: 160, Color: true, ASCII: true}
	wide.MinSeverity = policies.SeverityHigh
	return map[string]*Document{
		"all":     document(t, facts(), allStatuses(), policies.Settings{}),
		"stored":  stored,
		"passing": document(t, folder, passing(), policies.Settings{}),
		"strict":  document(t, folder, passing(), policies.Settings{Strict: true, Unknown: policies.UnknownFails, FailOn: policies.SeverityCritical, Stage: policies.StageBuild}),
		"wide":    wide,
		"many":    document(t, facts(), many(30), policies.Settings{}),
		"empty":   document(t, &fact.Facts{}, passing(), policies.Settings{}),
	}
}

func TestGolden(t *testing.T) {
	validate := compiled(t)
	for name, d := range golden(t) {
		for format, ext := range map[string]string{"json": ".json", "table": ".txt"} {
			got := render(t, format, d)
			if again := render(t, format, d); !bytes.Equal(got, again) {
				t.Errorf("%s: %s differs from run to run", name, format)
			}
			if format == "json" {
				if err := validate(got); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			file := filepath.Join("testdata", "golden", name+ext)
			if *updateFiles {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not what is written (go test ./policies/report -update, and look at the difference):\n%s", file, got)
			}
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	validate := compiled(t)
	text := render(t, "json", document(t, facts(), allStatuses(), policies.Settings{}))
	for _, change := range [][2]string{
		{`"outcome": "fail"`, `"outcome": "good"`}, {`"judged_from"`, `"judged_form"`}, {`"claims": []`, `"claims": [{}]`},
		{`"exit": 1`, `"exit": 77`}, {`"waiver": null`, `"waiver": {}`},
	} {
		if !bytes.Contains(text, []byte(change[0])) {
			t.Fatalf("no %s in the report", change[0])
		}
		if validate(bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)) == nil {
			t.Errorf("the schema takes %s", change[1])
		}
	}
}

// Every format counts the same.
func TestCountsAreEqual(t *testing.T) {
	for name, d := range golden(t) {
		want := fmt.Sprintf("%d pass, %d fail, %d unknown, %d na, %d waived", d.Verdict.Counts.Pass, d.Verdict.Counts.Fail,
			d.Verdict.Counts.Unknown, d.Verdict.Counts.NA, d.Verdict.Counts.Waived)
		table := strings.Join(strings.Fields(string(render(t, "table", d))), " ")
		if !strings.Contains(table, "Rules: "+want) {
			t.Errorf("%s: the table does not count %s:\n%s", name, want, table)
		}
		var report struct {
			Exit          int
			Counts        policies.Counts
			SubjectCounts policies.Counts `json:"subject_counts"`
			Results       []struct {
				Status   policies.Status
				Subjects []struct{ Status policies.Status }
			}
		}
		if err := json.Unmarshal(render(t, "json", d), &report); err != nil {
			t.Fatal(err)
		}
		rules, subjects := map[policies.Status]int{}, map[policies.Status]int{}
		for _, r := range report.Results {
			rules[r.Status]++
			for _, s := range r.Subjects {
				subjects[s.Status]++
			}
		}
		for _, c := range []struct {
			counts policies.Counts
			found  map[policies.Status]int
			want   policies.Counts
		}{{report.Counts, rules, d.Verdict.Counts}, {report.SubjectCounts, subjects, d.Verdict.SubjectCounts}} {
			if got := (policies.Counts{Pass: c.found["pass"], Fail: c.found["fail"], Unknown: c.found["unknown"], NA: c.found["na"],
				Waived: c.found["waived"]}); c.counts != c.want || got != c.want {
				t.Errorf("%s: JSON says %+v, holds %+v, want %+v", name, c.counts, got, c.want)
			}
		}
		if report.Exit != d.Verdict.Exit(d.Settings) || !strings.Contains(table, fmt.Sprintf("Exit status %d:", report.Exit)) {
			t.Errorf("%s: exit %d", name, report.Exit)
		}
	}
}

// Status words stand there without colour, and colour adds nothing but itself.
func TestColour(t *testing.T) {
	d := document(t, facts(), allStatuses(), policies.Settings{})
	plain := render(t, "table", d)
	d.Terminal.Color = true
	coloured := render(t, "table", d)
	if bytes.Equal(plain, coloured) || bytes.ContainsRune(plain, 0x1b) {
		t.Error("colour is not a choice")
	}
	if got := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAll(coloured, nil); !bytes.Equal(got, plain) {
		t.Errorf("colour says more than itself:\n%s", got)
	}
}

// poison sets every string of a value, wherever it is, to something that a terminal would act
// on or that would lead an eye astray.
func poison(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + text)
	case reflect.Int64:
		v.SetInt(-7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		poison(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		poison(v.Index(0), text)
	case reflect.Struct:
		for i := range v.NumField() {
			poison(v.Field(i), text)
		}
	}
}

// hostile strings: screen and title commands, C1 controls, direction, lines of one's
// own, bytes that are no text, zero width, a long one.
const hostile = "\x1b[2J\x1b]0;t\a\u009b31m\u202e\u2066\r\nPASS all\t\x00\x7f\xff\u200b\u2028\U000e0041%s%n"

func TestHostileFacts(t *testing.T) {
	validate := compiled(t)
	for _, text := range []string{hostile, hostile + strings.Repeat("long ", 10_000), strings.Repeat("x", 1<<16)} {
		var f fact.Facts
		poison(reflect.ValueOf(&f).Elem(), text)
		f.Kinds = fact.All()
		f.Gaps[0].Blinds = []fact.Kind{fact.KindSignatures}
		f.Gaps[0].Cause = fact.CauseFormat
		at := f.Signatures[0].At
		s := fact.Subject{Kind: text, ID: text}
		packs := []*policies.Pack{{Name: "p", Version: text, Title: text, Policies: []*policies.Policy{
			rule("r", "A title", policies.SeverityHigh,
				policies.Judgement{Subject: s, Violations: []policies.Violation{{Message: text, Evidence: []policies.Evidence{{Role: text, At: at, Detail: text}}}},
					Assumptions: []policies.Assumption{{What: text, At: &at}}},
				policies.Judgement{Subject: fact.UpdateSubject, Status: policies.StatusPass, Message: text}),
			rule("q", "A title", policies.SeverityHigh, policies.Judgement{Subject: s, Status: policies.StatusPass, Message: text,
				Assumptions: []policies.Assumption{{What: text}}}),
		}}}
		for _, term := range []Terminal{{}, {ASCII: true}, {Width: 1}, {Width: 1 << 30}} {
			d := document(t, &f, packs, policies.Settings{})
			d.Version, d.Terminal = text, term
			d.Inputs = []Input{{text, text, text, text}}
			table := render(t, "table", d)
			printable(t, table, term.ASCII)
			if len(table) > 200_000 {
				t.Errorf("the table has %d bytes", len(table))
			}
			if regexp.MustCompile(`(?m)^PASS all`).Match(table) {
				t.Error("the facts wrote a line of their own")
			}
			text := render(t, "json", d)
			printable(t, text, false)
			if err := validate(text); err != nil {
				t.Error(err)
			}
		}
	}
}

func printable(t *testing.T, text []byte, ascii bool) {
	t.Helper()
	if !utf8.Valid(text) {
		t.Error("not UTF-8")
	}
	for i, r := range string(text) {
		if r != '\n' && !unicode.IsPrint(r) || ascii && r > unicode.MaxASCII {
			t.Fatalf("%U at byte %d: %q", r, i, text[max(0, i-40):min(len(text), i+40)])
		}
	}
}

// What \u writes is what was there.
func TestEscapedJSONSaysTheSame(t *testing.T) {
	f := facts()
	f.Update[0].Source = "a\u202eb\u009bc\U000e0041d<>&\u2028\x7f"
	text := render(t, "json", document(t, f, passing(), policies.Settings{}))
	var got struct{ Update struct{ Source string } }
	if err := json.Unmarshal(text, &got); err != nil || got.Update.Source != f.Update[0].Source {
		t.Errorf("%q, %v", got.Update.Source, err)
	}
}

func TestNoVerdictNoReport(t *testing.T) {
	for _, f := range Formats() {
		if f.Doc == "" {
			t.Errorf("%s has no doc", f.Name)
		}
		if err := f.Write(&bytes.Buffer{}, &Document{}); err == nil {
			t.Errorf("%s: a report without a verdict", f.Name)
		}
	}
}

// The facts alone decide: a document of stored facts has the same results.
func TestStoredFactsGiveTheSameResults(t *testing.T) {
	docs := golden(t)
	var a, b map[string]json.RawMessage
	for _, x := range []struct {
		name string
		into *map[string]json.RawMessage
	}{{"all", &a}, {"stored", &b}} {
		if err := json.Unmarshal(render(t, "json", docs[x.name]), x.into); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"results", "counts", "subject_counts", "outcome", "exit"} {
		if !bytes.Equal(a[key], b[key]) {
			t.Errorf("%s differs", key)
		}
	}
	table := render(t, "table", docs["stored"])
	if first, _, _ := strings.Cut(string(table), "\n"); !strings.Contains(first, "judged from stored facts: the update itself was not read") {
		t.Errorf("the first line: %s", first)
	}
}

func TestWrap(t *testing.T) {
	for _, line := range wrap(strings.Repeat("word ", 100), 30) {
		if utf8.RuneCountInString(line) > 30 {
			t.Errorf("%q", line)
		}
	}
	if got := wrap("a "+strings.Repeat("x", 50)+" b", 10); len(got) != 3 {
		t.Errorf("a long word is broken: %q", got)
	}
	if got := wrap("", 10); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"update.zip":       "update.zip",
		"system:bin/a@2.0": "system:bin/a@2.0",
		"a b":              "'a b'",
		"x#@0x1":           "'x#@0x1'",
		"$(reboot)":        "'$(reboot)'",
		"it's; reboot":     `'it'\''s; reboot'`,
		"":                 "''",
		"-rf":              "'-rf'",
		"`a`":              "'`a`'",
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}
