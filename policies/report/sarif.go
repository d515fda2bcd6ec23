package report

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// SARIF 2.1.0 (OASIS, errata 01): one run, and in it one result for each rule and
// subject, whatever its status: kind is pass, fail, open (unknown) or
// notApplicable, and a waived one is a fail with a suppression. Texts are made for being
// shown (see sarifText); who wants them to the byte takes the JSON report.
//
// GitHub's code scanning, as its documentation has it, refuses files that are
// larger than the limits below. It shows every result as an alert, whatever
// its kind or suppressions: who uploads there first leaves out what is no alert, with
//
//	jq 'del(.runs[].results[] | select(.kind == "pass" or .kind == "notApplicable" or any(.suppressions[]?; true)))'

// What GitHub takes.
const (
	maxSARIFResults   = 25_000     // a run's; it shows 5,000
	maxSARIFLocations = 100        // a result's that it shows, related ones included
	maxSARIFTags      = 20         // a rule's; it shows 10
	maxSARIFBytes     = 10_000_000 // of the file, compressed with gzip
	maxSARIFText      = 1024       // characters of a rule's descriptions
)

const (
	maxSARIFGaps    = 1000 // as many as a person might look through
	maxSARIFHelp    = 8000 // characters of one section of a rule's help
	maxSARIFAssumed = 20   // assumptions of one result
)

func writeSARIF(w io.Writer, d *Document) error {
	m, err := build(d)
	if err != nil {
		return err
	}
	s := &sarif{m: m, d: d}
	found := s.findings()
	n := min(len(found), maxSARIFResults)
	for {
		text, err := s.encode(found, n)
		if err != nil {
			return err
		}
		size, err := gzipped(text)
		if err != nil {
			return err
		}
		if size <= maxSARIFBytes || n == 0 {
			_, err = w.Write(text)
			return err
		}
		// A little less than what would fit if all were of one size.
		n = min(n-1, int(0.9*float64(n)*maxSARIFBytes/float64(size)))
	}
}

// gzipped is about how many bytes a text compresses to: what is small enough as
// it is, is not tried.
func gzipped(text []byte) (int, error) {
	if len(text) <= maxSARIFBytes {
		return len(text), nil
	}
	var n counter
	zw := gzip.NewWriter(&n)
	if _, err := zw.Write(text); err != nil {
		return 0, err
	}
	err := zw.Close()
	return int(n), err
}

// A counter is a writer that only counts.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

type sarif struct {
	m *model
	d *Document
}

// A finding is what a rule says about a subject.
type finding struct {
	rule    int // index in the model
	subject *subject
}

// findings lists all, the worst first, so that what does not fit matters least.
func (s *sarif) findings() []finding {
	var all []finding
	for i := range s.m.Results {
		for j := range s.m.Results[i].Subjects {
			all = append(all, finding{i, &s.m.Results[i].Subjects[j]})
		}
	}
	badness := func(f finding) int { return slices.Index(policies.Severities(), s.m.Results[f.rule].Severity) }
	slices.SortStableFunc(all, func(a, b finding) int {
		return cmp.Or(cmp.Compare(urgency(a.subject.Status), urgency(b.subject.Status)), cmp.Compare(badness(b), badness(a)))
	})
	return all
}

// encode writes the log with the first n findings. The others are counted.
func (s *sarif) encode(found []finding, n int) ([]byte, error) {
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: s.m.Tool.Name, Version: sarifName(s.m.Tool.Version),
		InformationURI: "https://github.com/otavet/otavet", Rules: []sarifRule{}, Notifications: sarifNotices()}
	// Rules stand in the order of the packs. One without a result is not listed.
	index := map[int]int{}
	for _, f := range found[:n] {
		index[f.rule] = 0
	}
	for i := range s.m.Results {
		if _, ok := index[i]; ok {
			index[i] = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, s.rule(i))
		}
	}
	suppress := slices.ContainsFunc(found[:n], func(f finding) bool { return f.subject.Status == policies.StatusWaived })
	for _, f := range found[:n] {
		r := s.result(f)
		r.RuleIndex = index[f.rule]
		if suppress && r.Suppressions == nil {
			r.Suppressions = []sarifSuppression{} // not suppressed, as opposed to not known
		}
		run.Results = append(run.Results, r)
	}
	run.Invocations = []sarifInvocation{s.invocation(found[n:], index)}
	run.AutomationDetails = s.automation()
	run.OriginalURIBaseIDs = map[string]sarifURI{
		uriBaseUpdate: {Description: &sarifMessage{"What the update installs, as PARTITION/PATH, and the members of the package."}},
		uriBaseOlder:  {Description: &sarifMessage{"The same of the older update that this one is held against."}},
	}
	artifact := sarifArtifact{Location: sarifURI{URI: s.updateURI()}, Roles: []string{"analysisTarget"}}
	if sum := s.m.Update.SHA256; sum != nil {
		artifact.Hashes = map[string]string{"sha-256": sarifName(*sum)}
	}
	if size := s.m.Update.Size; size > 0 {
		artifact.Length = size
	}
	run.Artifacts = []sarifArtifact{artifact}
	run.Properties = sarifRunProperties{s.m.JudgedFrom, s.m.Outcome, s.m.Counts, s.m.SubjectCounts, s.m.Update, s.m.Inputs, s.m.Settings}

	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(sarifLog{sarifSchema, "2.1.0", []sarifRun{run}}); err != nil {
		return nil, err
	}
	// A CI that reads its log for commands takes "##[" and "##vso[" wherever they
	// stand in a line. All # of the text are in strings.
	return bytes.ReplaceAll(escapeJSON(b.Bytes()), []byte("##"), []byte(`\u0023\u0023`)), nil
}

func (s *sarif) result(f finding) sarifResult {
	r, j := &s.m.Results[f.rule], f.subject
	out := sarifResult{
		RuleID: sarifName(r.Rule), Kind: sarifKind(j.Status), Level: "none",
		Message:             sarifMessage{sarifText(sentence(r, j), maxSARIFText)},
		PartialFingerprints: map[string]string{"otavet/v1": j.Fingerprint, "primaryLocationLineHash": j.Fingerprint + ":1"},
		Properties: sarifResultProperties{Status: j.Status, Subject: fact.Subject{Kind: sarifName(j.Subject.Kind),
			ID: sarifName(j.Subject.ID)}},
	}
	if out.Kind == "fail" {
		out.Level = sarifLevel(r)
	}
	if j.Status == policies.StatusWaived {
		out.Suppressions = []sarifSuppression{{Kind: "external", Status: "accepted", Justification: sarifText(j.Message, maxSARIFText)}}
	}
	if j.Baseline != nil {
		out.BaselineState = map[string]string{"new": "new", "known": "unchanged", "fixed": "absent"}[*j.Baseline]
	}
	out.Locations, out.RelatedLocations = s.locations(j)
	if left := len(j.Evidence) - len(out.Locations) - len(out.RelatedLocations); left > 0 {
		out.Properties.EvidenceLeftOut = left
	}
	if j.Status == policies.StatusFail {
		out.Properties.Look = sarifName((&table{m: s.m}).again(j))
	}
	for i, a := range j.Assumptions {
		if i == maxSARIFAssumed {
			a = fmt.Sprintf("and %d more (use --format json)", len(j.Assumptions)-i)
		}
		out.Properties.Assumptions = append(out.Properties.Assumptions, sarifName(a))
		if i == maxSARIFAssumed {
			break
		}
	}
	return out
}

// sentence says what is with a subject; it is never empty.
func sentence(r *result, j *subject) string {
	said := orNone(j.Message, orNone(r.Title, r.Rule))
	if j.Subject == fact.UpdateSubject {
		return said
	}
	return j.name() + ": " + said
}

// name says for people what a subject is.
func (j *subject) name() string {
	if j.Subject.Kind == j.Subject.ID {
		return j.Subject.Kind
	}
	return j.Subject.Kind + " " + j.Subject.ID
}

func sarifKind(s policies.Status) string {
	switch s {
	case policies.StatusPass:
		return "pass"
	case policies.StatusFail, policies.StatusWaived:
		return "fail"
	case policies.StatusNA:
		return "notApplicable"
	}
	return "open"
}

// sarifLevel is how loud a fail is. An advisory rule is never louder than a note.
func sarifLevel(r *result) string {
	switch {
	case r.Level == policies.LevelAdvisory, !r.Severity.AtLeast(policies.SeverityMedium):
		return "note"
	case r.Severity == policies.SeverityMedium:
		return "warning"
	}
	return "error"
}

// What notifications are about.
const (
	noticeFacts   = "stored-facts"
	noticeGap     = "not-looked-at"
	noticeLeftOut = "left-out"
	noticeDefect  = "rule-defect"
)

func sarifNotices() []sarifNotice {
	return []sarifNotice{
		{noticeFacts, sarifMessage{"The verdict is about stored facts; the update itself was not read."}},
		{noticeGap, sarifMessage{"Something of the update could not be looked at."}},
		{noticeLeftOut, sarifMessage{"This file does not hold everything that was found."}},
		{noticeDefect, sarifMessage{"A rule did not work as it should."}},
	}
}

// invocation says how it went: what was not looked at, and what this file does
// not hold.
func (s *sarif) invocation(left []finding, index map[int]int) sarifInvocation {
	out := sarifInvocation{ExitCode: s.m.Exit, ExitCodeDescription: "the verdict is " + string(s.m.Outcome), ExecutionSuccessful: true,
		Execution: []sarifNotification{}}
	note := func(id, level, text string) *sarifNotification {
		out.Execution = append(out.Execution, sarifNotification{Descriptor: sarifReference{ID: id}, Level: level, Message: sarifMessage{text}})
		return &out.Execution[len(out.Execution)-1]
	}
	if s.m.JudgedFrom == FromFacts {
		note(noticeFacts, "note", "Judged from stored facts: the update itself was not read.")
	}
	if len(left) > 0 {
		var c policies.Counts
		for _, f := range left {
			switch f.subject.Status {
			case policies.StatusPass:
				c.Pass++
			case policies.StatusFail:
				c.Fail++
			case policies.StatusNA:
				c.NA++
			case policies.StatusWaived:
				c.Waived++
			default:
				c.Unknown++
			}
		}
		note(noticeLeftOut, "warning", fmt.Sprintf("%d of %d results are left out, because code scanning takes no more: "+
			"%d pass, %d fail, %d unknown, %d na, %d waived. The counts include them, and --format json has them.",
			len(left), s.m.SubjectCounts.Total(), c.Pass, c.Fail, c.Unknown, c.NA, c.Waived))
	}
	for i, g := range s.m.Gaps {
		if i == maxSARIFGaps {
			note(noticeLeftOut, "warning", fmt.Sprintf("%d more places were not looked at: --format json has them.", len(s.m.Gaps)-i))
			break
		}
		n := note(noticeGap, "warning", sarifText(gapText(&g), maxSARIFText))
		n.Locations = []sarifLocation{s.location(g.At)}
	}
	for i := range s.m.Results {
		at, ok := index[i]
		if !ok {
			continue
		}
		for _, d := range s.d.Verdict.Results[i].Defects {
			out.Configuration = append(out.Configuration, sarifNotification{Descriptor: sarifReference{ID: noticeDefect}, Level: "error",
				Message:        sarifMessage{sarifText("A defect of the rule: "+d, maxSARIFText)},
				AssociatedRule: &sarifReference{sarifName(s.m.Results[i].Rule), &at}})
		}
	}
	return out
}

// gapText says why something was not looked at, and what that hides.
func gapText(g *fact.Gap) string {
	line := orNone(g.Reason, "no reason was recorded") + " (" + string(g.Cause)
	for i, k := range g.Blinds {
		if i == 0 {
			line += "; hides "
		} else {
			line += ", "
		}
		line += string(k)
	}
	return line + ")"
}

// automation names the run: the category, up to the last slash, is the same for
// every build of a device, so that GitHub holds one against the other; the rest is
// this update.
func (s *sarif) automation() sarifAutomation {
	id := "otavet/"
	if s.m.Update.Device != "" {
		id += sarifSegment(s.m.Update.Device) + "/"
	}
	if sum := s.m.Update.SHA256; sum != nil {
		id += sarifSegment(*sum)
	} else if sum := s.m.Update.TreeSHA256; sum != nil {
		id += sarifSegment(*sum)
	}
	return sarifAutomation{id, sarifMessage{sarifText(orNone(s.m.Update.Path, "the update")+": "+strings.ToUpper(string(s.m.Outcome)), maxSARIFText)}}
}
