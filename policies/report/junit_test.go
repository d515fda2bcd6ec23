package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

func readJUnit(t *testing.T, text []byte) *junitSuites {
	t.Helper()
	var out junitSuites
	if err := xml.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

// What the schema of Jenkins and Ant lets stand where, in which order, with which
// attributes.
var junitGrammar = map[string]struct{ children, attrs []string }{
	"":           {children: []string{"testsuites"}},
	"testsuites": {[]string{"testsuite"}, []string{"name", "tests", "failures", "errors", "time"}},
	"testsuite":  {[]string{"properties", "testcase", "system-out"}, []string{"name", "tests", "failures", "errors", "time", "skipped"}},
	"properties": {children: []string{"property"}},
	"property":   {attrs: []string{"name", "value"}},
	"testcase":   {[]string{"skipped", "error", "failure", "system-out"}, []string{"name", "classname", "time"}},
	"skipped":    {attrs: []string{"type", "message"}},
	"error":      {attrs: []string{"type", "message"}},
	"failure":    {attrs: []string{"type", "message"}},
	"system-out": {},
}

// structure checks that the text is XML, and JUnit's, and that what the heads of
// the suites count is what is there.
func structure(t *testing.T, name string, text []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(text))
	path, last := []string{""}, []string{""}
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			parent, this := path[len(path)-1], tok.Name.Local
			at := slices.Index(junitGrammar[parent].children, this)
			if at < 0 || at < slices.Index(junitGrammar[parent].children, last[len(last)-1]) {
				t.Errorf("%s: %s in %s after %q", name, this, parent, last[len(last)-1])
			}
			var attrs []string
			for _, a := range tok.Attr {
				attrs = append(attrs, a.Name.Local)
				if a.Name.Local == "time" && a.Value != "0" {
					t.Errorf("%s: time %s", name, a.Value)
				}
			}
			if !slices.Equal(attrs, junitGrammar[this].attrs) {
				t.Errorf("%s: %s has attributes %v", name, this, attrs)
			}
			last[len(last)-1] = this
			path, last = append(path, this), append(last, "")
		case xml.EndElement:
			path, last = path[:len(path)-1], last[:len(last)-1]
		case xml.Comment, xml.Directive:
			t.Errorf("%s: %v", name, tok)
		}
	}
	all := readJUnit(t, text)
	var sum junitCounts
	for _, s := range all.Suites {
		var n junitCounts
		skipped := 0
		for _, c := range s.Cases {
			n.count(&c)
			sum.count(&c)
			if c.Skipped != nil {
				skipped++
			}
			answers := 0
			for _, a := range []*junitAnswer{c.Skipped, c.Error, c.Failure} {
				if a != nil {
					answers++
					if a.Type == "" || a.Message == "" {
						t.Errorf("%s: %s: %+v", name, c.Name, a)
					}
				}
			}
			if answers > 1 || c.Name == "" || !strings.HasPrefix(c.Classname, s.Name+".") {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if n != s.junitCounts || skipped != s.Skipped {
			t.Errorf("%s: suite %s says %+v, %d skipped, and has %+v, %d", name, s.Name, s.junitCounts, s.Skipped, n, skipped)
		}
	}
	if sum != all.junitCounts {
		t.Errorf("%s: says %+v and has %+v", name, all.junitCounts, sum)
	}
}

func TestJUnitGolden(t *testing.T) {
	for name, d := range documents(t) {
		got := render(t, "junit", d)
		if again := render(t, "junit", d); !bytes.Equal(got, again) {
			t.Errorf("%s differs from run to run", name)
		}
		structure(t, name, got)
		gate(t, name, d, got)
		goldenFile(t, name+".junit.xml", got)
	}
}

// gate checks that the file fails a build exactly if the exit status does.
func gate(t *testing.T, name string, d *Document, text []byte) {
	t.Helper()
	all := readJUnit(t, text)
	exit := d.Verdict.Exit(d.Settings)
	switch {
	case (all.Failures+all.Errors > 0) != (exit != policies.ExitPass):
		t.Errorf("%s: %d failures, %d errors, and exit status %d", name, all.Failures, all.Errors, exit)
	case exit == policies.ExitFail && all.Failures == 0, exit == policies.ExitUnknown && all.Failures > 0:
		t.Errorf("%s: %d failures, and exit status %d", name, all.Failures, exit)
	}
}

// Every mix of two subjects' answers, of what a rule says of itself and of the settings.
func TestJUnitGate(t *testing.T) {
	answers := []policies.Judgement{
		{Status: policies.StatusPass}, {Status: policies.StatusNA}, {Violations: []policies.Violation{{Message: "bad"}}},
		{Status: policies.StatusUnknown, Missing: []policies.Missing{{What: "a thing"}}},
	}
	seen := map[string]int{}
	for _, a := range answers {
		for _, b := range answers {
			a.Subject, b.Subject = fact.Subject{Kind: "member", ID: "a"}, fact.Subject{Kind: "member", ID: "b"}
			for _, level := range []policies.Level{policies.LevelRequired, policies.LevelAdvisory} {
				for _, severity := range policies.Severities() {
					for _, own := range []policies.OnUnknown{policies.UnknownFails, policies.UnknownWarns} {
						for _, s := range []policies.Settings{{}, {FailOn: policies.SeverityHigh}, {Unknown: policies.UnknownWarns}, {Unknown: policies.UnknownFails}} {
							p := rule("r", "Nothing is bad", severity, a, b)
							p.Level, p.OnUnknown = level, own
							d := document(t, facts(), []*policies.Pack{{Name: "p", Policies: []*policies.Policy{p}}}, s)
							text := render(t, "junit", d)
							gate(t, string(severity)+" "+string(level), d, text)
							for _, c := range readJUnit(t, text).Suites[0].Cases {
								if c.Skipped != nil {
									why, _, _ := strings.Cut(c.Skipped.Message, ":")
									seen[why]++
								}
							}
						}
					}
				}
			}
		}
	}
	for _, why := range []string{"does not apply", "fails, and the rule is advisory", "unknown, and the rule is advisory", "unknown, and the rule only warns of that",
		"fails, and the rule is of severity medium, below --fail-on high", "fails, and the rule is of severity info, below --fail-on low"} {
		if seen[why] == 0 {
			t.Errorf("never said: %s", why)
		}
	}
}

func TestJUnitSays(t *testing.T) {
	all := readJUnit(t, render(t, "junit", documents(t)["all"]))
	byName := map[string]junitCase{}
	for _, s := range all.Suites {
		for _, c := range s.Cases {
			byName[c.Name+" "+c.Classname] = c
		}
	}
	bad := byName["bad first.signature b"]
	if bad.Failure == nil || bad.Failure.Type != "critical" || !strings.HasPrefix(bad.Failure.Message, "it is bad; and worse") {
		t.Fatalf("%+v", bad)
	}
	for _, want := range []string{"subject: signature b", "at META-INF/com/google/android/updater-script#@12", `write: run_program("/sbin/sh")`,
		"look: otavet cat update.zip", "next: Do what has to be done."} {
		if !strings.Contains(bad.Failure.Text, want) {
			t.Errorf("no %s in\n%s", want, bad.Failure.Text)
		}
	}
	if c := byName["bad first.signature c"]; c.Error == nil || c.Error.Type != "unknown" {
		t.Errorf("%+v", c)
	}
	if c := byName["nice-to-have second.update"]; c.Skipped == nil || c.Skipped.Type != "fail" || !strings.Contains(c.Out, "found: it is not there") {
		t.Errorf("%+v", c)
	}
	if !strings.Contains(all.Suites[0].Out, "not looked at: boot:  this version does not read boot images (unsupported; hides files)") {
		t.Errorf("gaps: %s", all.Suites[0].Out)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(string(render(t, "junit", documents(t)["stored"])), xml.Header), "\n")
	if !strings.Contains(first, "judged from stored facts: the update itself was not read") {
		t.Errorf("the first line: %s", first)
	}
}
