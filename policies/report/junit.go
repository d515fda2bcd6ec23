package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/otavet/otavet/policies"
)

// JUnit XML: a suite for each pack, a test case for each rule and subject.
//
// A CI that goes by the file decides as one that goes by the exit status: a case
// has a failure or an error exactly where it counts for it. Everything else that
// did not pass is skipped, with the status as its type and the reason as its message: what
// does not apply, what is waived, and also what failed or is unknown by a rule that is
// advisory, milder than --fail-on, or told to warn only. The evidence of those stands in
// system-out.
//
// Time is always 0 and there is no time of day, so that the same update gives the
// same bytes.

func writeJUnit(w io.Writer, d *Document) error {
	m, err := build(d)
	if err != nil {
		return err
	}
	j := &junit{m: m, d: d}
	text, err := xml.MarshalIndent(j.suites(), "", "  ")
	if err != nil {
		return err
	}
	// See writeSARIF. In names of this format and in &#xA; a # stands alone.
	text = bytes.ReplaceAll(text, []byte("##"), []byte("&#35;&#35;"))
	_, err = io.WriteString(w, xml.Header+string(text)+"\n")
	return err
}

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Suites []junitSuite `xml:"testsuite"`
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Time     int `xml:"time,attr"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Skipped    int             `xml:"skipped,attr"` // the schema of Jenkins has it here only
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out,omitempty"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string       `xml:"name,attr"`
	Classname string       `xml:"classname,attr"`
	Time      int          `xml:"time,attr"`
	Skipped   *junitAnswer `xml:"skipped"`
	Error     *junitAnswer `xml:"error"`
	Failure   *junitAnswer `xml:"failure"`
	Out       string       `xml:"system-out,omitempty"`
}

type junitAnswer struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type junit struct {
	Terminal // its zero value: text for a file
	m        *model
	d        *Document
}

func (j *junit) suites() *junitSuites {
	out := &junitSuites{Name: "otavet: " + j.clean(orNone(j.m.Update.Path, "the update"))}
	if j.m.JudgedFrom == FromFacts {
		out.Name += " (judged from stored facts: the update itself was not read)"
	}
	for i := range j.m.Results {
		pack := j.d.Verdict.Results[i].Pack
		if i == 0 || pack != j.d.Verdict.Results[i-1].Pack {
			out.Suites = append(out.Suites, junitSuite{Name: j.clean(j.m.Results[i].Pack), Properties: j.properties(pack)})
		}
		suite := &out.Suites[len(out.Suites)-1]
		for k := range j.m.Results[i].Subjects {
			c := j.testCase(i, &j.m.Results[i].Subjects[k])
			suite.count(&c)
			out.count(&c)
			if c.Skipped != nil {
				suite.Skipped++
			}
			suite.Cases = append(suite.Cases, c)
		}
	}
	if len(out.Suites) > 0 {
		out.Suites[0].Out = j.gaps() // there is no place for what is about all of them
	}
	return out
}

func (n *junitCounts) count(c *junitCase) {
	n.Tests++
	switch {
	case c.Failure != nil:
		n.Failures++
	case c.Error != nil:
		n.Errors++
	}
}

func (j *junit) properties(p *policies.Pack) []junitProperty {
	var out []junitProperty
	add := func(name, value string) {
		if value != "" {
			out = append(out, junitProperty{name, j.clean(value)})
		}
	}
	add("otavet.version", j.m.Tool.Version)
	add("otavet.judged_from", j.m.JudgedFrom)
	add("otavet.outcome", string(j.m.Outcome))
	add("otavet.exit", strconv.Itoa(j.m.Exit))
	if p != nil {
		add("pack.version", p.Version)
		add("pack.sha256", p.Digest)
	}
	add("update.path", j.m.Update.Path)
	if sum := j.m.Update.SHA256; sum != nil {
		add("update.sha256", *sum)
	}
	if sum := j.m.Update.TreeSHA256; sum != nil {
		add("update.tree_sha256", *sum)
	}
	add("update.layout", j.m.Update.Layout)
	add("update.device", j.m.Update.Device)
	add("update.fingerprint", j.m.Update.Fingerprint)
	for _, in := range j.m.Inputs {
		if in.Role != "pack" {
			add("input."+j.clean(in.Role), strings.TrimSpace(in.Name+" "+in.Version+" "+in.SHA256))
		}
	}
	add("settings.fail_on", string(j.m.Settings.FailOn))
	if j.m.Settings.Unknown != nil {
		add("settings.unknown", string(*j.m.Settings.Unknown))
	}
	add("settings.strict", strconv.FormatBool(j.m.Settings.Strict))
	add("settings.stage", string(j.m.Settings.Stage))
	return out
}

func (j *junit) testCase(i int, s *subject) junitCase {
	r := &j.m.Results[i]
	c := junitCase{Name: j.clean(r.Rule), Classname: j.clean(r.Pack) + "." + j.clean(s.name())}
	message := j.clean(orNone(s.Message, r.Title))
	skip := func(why string) {
		c.Skipped = &junitAnswer{Type: string(s.Status), Message: why + ": " + message}
	}
	why := j.excuse(i, s.Status)
	switch s.Status {
	case policies.StatusPass:
		c.Out = j.assumptions(s)
	case policies.StatusNA:
		skip("does not apply")
	case policies.StatusWaived:
		skip("waived")
		c.Out = j.body(r, s)
	case policies.StatusFail:
		if why != "" {
			skip("fails, and " + why)
			c.Out = j.body(r, s)
			break
		}
		c.Failure = &junitAnswer{string(r.Severity), message, j.body(r, s)}
	default:
		if why != "" {
			skip("unknown, and " + why)
			c.Out = j.body(r, s)
			break
		}
		c.Error = &junitAnswer{string(policies.StatusUnknown), message, j.body(r, s)}
	}
	return c
}

// excuse says why a fail or an unknown of a rule does not make the exit status;
// "" if it does. What does is for Exit alone to say.
func (j *junit) excuse(i int, status policies.Status) string {
	r := j.d.Verdict.Results[i]
	r.Status, r.Judgements = status, nil
	alone := policies.Verdict{Results: []policies.Result{r}}
	switch {
	case r.Level == policies.LevelAdvisory:
		return "the rule is advisory"
	case alone.Exit(j.d.Settings) != policies.ExitPass:
		return ""
	case status == policies.StatusUnknown:
		return "the rule only warns of that"
	}
	return fmt.Sprintf("the rule is of severity %s, below --fail-on %s", j.m.Results[i].Severity, j.m.Settings.FailOn)
}

// body is what a person reads who opens the case. No line begins with text of
// the facts: a CI that prints it might take that for a command.
func (j *junit) body(r *result, s *subject) string {
	lines := []string{"rule: " + j.clean(r.Title) + " [" + j.clean(r.Rule) + "]", "subject: " + j.clean(s.name()), "found: " + j.clean(s.Message)}
	for i, e := range s.Evidence {
		if i == maxShown {
			lines = append(lines, j.more(len(s.Evidence)-i))
			break
		}
		line := "at " + j.clean(e.At.String())
		if e.Role != "absent" || !strings.Contains(s.Message, e.Detail) {
			line += strings.TrimRight("  "+j.clean(e.Role)+": "+j.clean(e.Detail), " :")
		}
		lines = append(lines, line)
	}
	if look := (&table{m: j.m}).again(s); look != "" && s.Status == policies.StatusFail {
		lines = append(lines, "look: "+j.clean(look))
	}
	if assumed := j.assumptions(s); assumed != "" {
		lines = append(lines, assumed)
	}
	if r.remedy != "" {
		lines = append(lines, "next: "+j.clean(r.remedy))
	}
	return strings.Join(lines, "\n")
}

func (j *junit) more(n int) string { return fmt.Sprintf("and %d more (use --format json)", n) }

func (j *junit) assumptions(s *subject) string {
	var lines []string
	for i, a := range s.Assumptions {
		if i == maxShown {
			lines = append(lines, j.more(len(s.Assumptions)-i))
			break
		}
		lines = append(lines, "assumed: "+j.clean(a))
	}
	return strings.Join(lines, "\n")
}

// gaps lists what could not be looked at.
func (j *junit) gaps() string {
	var lines []string
	for i := range j.m.Gaps {
		if i == maxShown {
			lines = append(lines, j.more(len(j.m.Gaps)-i))
			break
		}
		g := &j.m.Gaps[i]
		lines = append(lines, "not looked at: "+j.clean(g.At.String())+"  "+j.clean(gapText(g)))
	}
	return strings.Join(lines, "\n")
}
