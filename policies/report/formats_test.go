package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// documents are the golden ones, and one with a waiver, which Evaluate does not
// give yet.
func documents(t *testing.T) map[string]*Document {
	t.Helper()
	all := golden(t)
	d := document(t, facts(), allStatuses(), policies.Settings{})
	for i := range d.Verdict.Results {
		r := &d.Verdict.Results[i]
		if r.Policy.ID != "bad" && r.Policy.ID != "open" {
			continue
		}
		for k := range r.Judgements {
			j := &r.Judgements[k]
			if j.Status == policies.StatusFail || j.Status == policies.StatusUnknown {
				d.Verdict.SubjectCounts = moved(d.Verdict.SubjectCounts, j.Status)
				j.Status, j.Message = policies.StatusWaived, "the vendor has until spring"
			}
		}
		d.Verdict.Counts = moved(d.Verdict.Counts, r.Status)
		r.Status = policies.StatusWaived
	}
	d.Verdict.Outcome = policies.StatusUnknown // of the rule that is lost
	all["waived"] = d
	return all
}

func moved(c policies.Counts, from policies.Status) policies.Counts {
	if from == policies.StatusFail {
		c.Fail--
	} else {
		c.Unknown--
	}
	c.Waived++
	return c
}

func tally(all []policies.Status) (c policies.Counts) {
	for _, s := range all {
		switch s {
		case policies.StatusPass:
			c.Pass++
		case policies.StatusFail:
			c.Fail++
		case policies.StatusUnknown:
			c.Unknown++
		case policies.StatusNA:
			c.NA++
		case policies.StatusWaived:
			c.Waived++
		}
	}
	return c
}

// ofRules joins the statuses of subjects, rule by rule, as a verdict does.
func ofRules(byRule map[string][]policies.Status) policies.Counts {
	var all []policies.Status
	for _, subjects := range byRule {
		worst := subjects[0]
		for _, s := range subjects {
			if urgency(s) < urgency(worst) {
				worst = s
			}
		}
		all = append(all, worst)
	}
	return tally(all)
}

// counters read from each format what it counts: rules and subjects, from what
// it shows and, where it has such, from its own sums.
var counters = map[string]func(*testing.T, []byte) (rules, subjects policies.Counts){
	"table": func(t *testing.T, text []byte) (rules, subjects policies.Counts) {
		words := strings.Join(strings.Fields(string(text)), " ")
		for head, c := range map[string]*policies.Counts{"Rules:": &rules, "Subjects:": &subjects} {
			_, after, _ := strings.Cut(words, head)
			if _, err := fmt.Sscanf(after, "%d pass, %d fail, %d unknown, %d na, %d waived", &c.Pass, &c.Fail, &c.Unknown, &c.NA, &c.Waived); err != nil {
				t.Error(err)
			}
		}
		return rules, subjects
	},
	"json": func(t *testing.T, text []byte) (policies.Counts, policies.Counts) {
		var m struct {
			Counts   policies.Counts
			Subjects policies.Counts `json:"subject_counts"`
			Results  []struct {
				Rule     string
				Subjects []struct{ Status policies.Status }
			}
		}
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		byRule, all := map[string][]policies.Status{}, []policies.Status{}
		for _, r := range m.Results {
			for _, s := range r.Subjects {
				byRule[r.Rule] = append(byRule[r.Rule], s.Status)
				all = append(all, s.Status)
			}
		}
		if ofRules(byRule) != m.Counts || tally(all) != m.Subjects {
			t.Errorf("JSON says %+v and %+v, and shows others", m.Counts, m.Subjects)
		}
		return m.Counts, m.Subjects
	},
	"sarif": func(t *testing.T, text []byte) (policies.Counts, policies.Counts) {
		run := readSARIF(t, text)
		byRule := map[string][]policies.Status{}
		for _, r := range run.Results {
			byRule[r.RuleID] = append(byRule[r.RuleID], sarifStatus(r))
		}
		rules, subjects := ofRules(byRule), sarifCounts(t, text)
		if rules != run.Properties.Counts || subjects != run.Properties.SubjectCounts {
			t.Errorf("SARIF says %+v and %+v, and shows others", run.Properties.Counts, run.Properties.SubjectCounts)
		}
		return rules, subjects
	},
	"junit": func(t *testing.T, text []byte) (policies.Counts, policies.Counts) {
		byRule, all := map[string][]policies.Status{}, []policies.Status{}
		for _, s := range readJUnit(t, text).Suites {
			for _, c := range s.Cases {
				status := policies.StatusPass
				switch {
				case c.Failure != nil:
					status = policies.StatusFail
				case c.Error != nil:
					status = policies.StatusUnknown
				case c.Skipped != nil:
					status = policies.Status(c.Skipped.Type)
				}
				byRule[c.Name] = append(byRule[c.Name], status)
				all = append(all, status)
			}
		}
		return ofRules(byRule), tally(all)
	},
}

// sarifStatus is what the standard's own properties say, without ours.
func sarifStatus(r sarifResult) policies.Status {
	if len(r.Suppressions) > 0 {
		return policies.StatusWaived
	}
	return map[string]policies.Status{"pass": policies.StatusPass, "fail": policies.StatusFail, "open": policies.StatusUnknown,
		"notApplicable": policies.StatusNA}[r.Kind]
}

func sarifCounts(t *testing.T, text []byte) policies.Counts {
	t.Helper()
	var all []policies.Status
	for _, r := range readSARIF(t, text).Results {
		if sarifStatus(r) != r.Properties.Status {
			t.Errorf("%s: kind %s, status %s", r.RuleID, r.Kind, r.Properties.Status)
		}
		all = append(all, sarifStatus(r))
	}
	return tally(all)
}

func TestAllFormatsCountTheSame(t *testing.T) {
	for name, d := range documents(t) {
		for _, f := range Formats() {
			count := counters[f.Name]
			if count == nil {
				t.Fatalf("nobody counts what %s shows", f.Name)
			}
			rules, subjects := count(t, render(t, f.Name, d))
			if rules != d.Verdict.Counts || subjects != d.Verdict.SubjectCounts {
				t.Errorf("%s as %s: rules %+v, subjects %+v; want %+v and %+v", name, f.Name, rules, subjects, d.Verdict.Counts, d.Verdict.SubjectCounts)
			}
		}
	}
}

// What would leave its place in XML, HTML, Markdown, SARIF's messages or a CI's log.
const escaping = "]]></failure></testcase><script>alert(1)</script>&amp;&#0;\"' -->\n::error file=a::b\n::set-output name=x::y" +
	"\r\n##[error]c\n##vso[task.setvariable variable=z]d ###[group]e\n [click](https://evil.example/) \\[a](b) {0} {1} `x` *y* \n# h\n- i\n| j |"

func TestHostileTextsInEveryFormat(t *testing.T) {
	report, log := compiled(t), sarifValid(t)
	for _, text := range []string{hostile, escaping, hostile + strings.Repeat("long ", 10_000), strings.Repeat("](", 1<<15), strings.Repeat("{", 1<<16)} {
		var f fact.Facts
		poison(reflect.ValueOf(&f).Elem(), text)
		f.Kinds = fact.All()
		f.Gaps[0].Blinds = []fact.Kind{fact.KindSignatures}
		f.Gaps[0].Cause = fact.CauseFormat
		at := f.Signatures[0].At
		s := fact.Subject{Kind: text, ID: text}
		p := rule("r"+text, text, policies.SeverityHigh,
			policies.Judgement{Subject: s, Violations: []policies.Violation{{Message: text, Evidence: []policies.Evidence{{Role: text, At: at, Detail: text}, {At: at}}}},
				Assumptions: []policies.Assumption{{What: text, At: &at}}},
			policies.Judgement{Subject: fact.UpdateSubject, Status: policies.StatusPass, Message: text},
			policies.Judgement{Subject: fact.Subject{Kind: "x", ID: text}, Status: policies.StatusUnknown, Missing: []policies.Missing{{What: text, At: &at}}})
		p.Rationale, p.LooksAt, p.Remedy = text, text, text
		p.References = []policies.Reference{{Title: text, URL: text, CWE: 1}, {Title: text, URL: "https://example.org/" + text}}
		broken := rule("q", text, policies.SeverityInfo, policies.Judgement{Subject: s, Status: policies.Status(text)})
		d := document(t, &f, []*policies.Pack{{Name: text, Version: text, Title: text, Digest: text, Policies: []*policies.Policy{p, broken}}}, policies.Settings{})
		d.Version = text
		d.Inputs = []Input{{text, text, text, text}}
		for _, format := range Formats() {
			got := render(t, format.Name, d)
			printable(t, got, false)
			rules, subjects := counters[format.Name](t, got)
			if rules != d.Verdict.Counts || subjects != d.Verdict.SubjectCounts {
				t.Errorf("%s counts %+v and %+v", format.Name, rules, subjects)
			}
			if bytes.Contains(got, []byte("\n::")) {
				t.Errorf("%s: the facts wrote a line of their own", format.Name)
			}
			switch format.Name {
			case "json":
				if err := report(got); err != nil {
					t.Error(err)
				}
			case "sarif":
				if err := log(got); err != nil {
					t.Error(err)
				}
				github(t, "hostile", got)
				shown(t, got)
			case "junit":
				structure(t, "hostile", got)
				harmless(t, got)
			}
			if (format.Name == "sarif" || format.Name == "junit") && (bytes.Contains(got, []byte("##")) || bytes.Contains(got, []byte("<script"))) {
				t.Errorf("%s holds a command for a CI, or HTML", format.Name)
			}
		}
	}
}

var (
	command = regexp.MustCompile(`(?m)^\s*(::|##)`)
	brace   = regexp.MustCompile(`\{\d+\}`)
)

// shown checks the texts that a SARIF viewer shows, after it has read the JSON.
func shown(t *testing.T, text []byte) {
	t.Helper()
	run := readSARIF(t, text)
	name := func(text string) {
		t.Helper()
		for _, r := range text {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("%U in %.200q", r, text)
			}
		}
	}
	check := func(text string, markdown bool) {
		t.Helper()
		name(text)
		if placeholder := strings.NewReplacer("{{", "", "}}", "").Replace(text); brace.MatchString(placeholder) {
			t.Errorf("a placeholder: %.200q", text)
		}
		if strings.Contains(text, "](") && !markdown || command.MatchString(text) {
			t.Errorf("a link or a command: %.200q", text)
		}
		if markdown && (strings.ContainsAny(text, "<>") || strings.Contains(text, " [click") || strings.Contains(text, "\n#")) {
			t.Errorf("markup: %.200q", text)
		}
	}
	for _, r := range run.Tool.Driver.Rules {
		name(r.ID)
		check(r.ShortDescription.Text, false)
		check(r.FullDescription.Text, false)
		check(r.Help.Text, false)
		check(r.Help.Markdown, true)
		name(strings.Join(r.Properties.Tags, "\n"))
	}
	for _, r := range run.Results {
		check(r.Message.Text, false)
		name(r.Properties.Subject.Kind + " " + r.Properties.Subject.ID)
		for _, l := range append(r.Locations, r.RelatedLocations...) {
			name(l.LogicalLocations[0].FullyQualifiedName + " " + l.LogicalLocations[0].Name)
			if l.Message != nil {
				check(l.Message.Text, false)
			}
		}
	}
	in := run.Invocations[0]
	for _, n := range append(in.Execution, in.Configuration...) {
		check(n.Message.Text, false)
	}
}

// harmless checks every value of a JUnit file, after it has been read.
func harmless(t *testing.T, text []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(text))
	check := func(text string) {
		for _, r := range text {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("%U in %.200q", r, text)
			}
		}
		if command.MatchString(text) {
			t.Errorf("a command: %.300q", text)
		}
	}
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.CharData:
			check(string(tok))
		case xml.StartElement:
			for _, a := range tok.Attr {
				check("=" + a.Value) // attributes are not printed by themselves
			}
		}
	}
}
