package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// maxReport bounds a report that is read back, in bytes: a ROM of 500 apps makes one of some 20 MB.
const maxReport = 256 << 20

// A Line is one line of what Rule says beyond the rule itself: how it is checked.
type Line struct{ Name, Text string }

// Rule says why a rule exists, what it looks at, what it cannot see and what to do when it
// fails. checked are lines on how it is checked, as its pack has it.
func Rule(w io.Writer, p *policies.Pack, r *policies.Policy, checked []Line, term Terminal) error {
	t := &table{Terminal: term}
	if t.Width <= 0 {
		t.Width = 80
	}
	t.text("", r.ID+": "+oneLine(r.Title))
	var needs []string
	for _, k := range r.Needs {
		needs = append(needs, string(k))
	}
	about := fmt.Sprintf("pack %s %s, severity %s, %s", p.Name, p.Version, r.Severity, r.Level)
	switch {
	case r.Level == policies.LevelAdvisory:
		about += ": shown, and never changes the exit status"
	case r.OnUnknown == policies.UnknownWarns:
		about += ": where it cannot be decided it warns only"
	}
	if !r.Waivable {
		about += "; no waiver covers it"
	}
	if r.TestKeys {
		about += "; advisory with --stage build"
	}
	t.text("  ", about)
	t.text("  ", "needs facts of kind "+strings.Join(needs, ", "))
	for _, s := range []Line{{"Why", r.Rationale}, {"What it looks at", r.LooksAt}, {"When it fails", r.Remedy}} {
		if s.Text != "" {
			t.b.WriteString("\n" + s.Name + ":\n")
			t.text("  ", oneLine(s.Text))
		}
	}
	if len(checked) > 0 {
		t.b.WriteString("\nHow it is checked:\n")
		for _, l := range checked {
			t.text("  "+t.clean(l.Name)+": ", oneLine(l.Text))
		}
	}
	if len(r.References) > 0 {
		t.b.WriteString("\nTo read:\n")
	}
	for _, ref := range r.References {
		text := oneLine(ref.Title)
		if ref.CWE > 0 {
			text += fmt.Sprintf(" (CWE-%d)", ref.CWE)
		}
		if ref.URL != "" {
			text += " " + ref.URL
		}
		t.text("  ", text)
	}
	_, err := w.Write(t.b.Bytes())
	return err
}

// ErrNoResult says that a report has no such result.
var ErrNoResult = errors.New("the report has no such result")

// Explain says of one rule's result in a stored report, in its JSON form, what was found, step by step,
// each with the command that prints the bytes. which is a rule's id, or the beginning of
// a finding's fingerprint, eight characters at the least.
func Explain(w io.Writer, stored io.Reader, which string, term Terminal) error {
	m, err := readModel(stored)
	if err != nil {
		return err
	}
	t := &table{Terminal: term, m: m}
	if t.Width <= 0 {
		t.Width = 80
	}
	found := false
	for i := range m.Results {
		r := &m.Results[i]
		for j := range r.Subjects {
			s := &r.Subjects[j]
			if r.Rule != which && !(len(which) >= 8 && strings.HasPrefix(s.Fingerprint, which)) {
				continue
			}
			if !found {
				t.head()
			}
			found = true
			t.explain(r, s)
		}
	}
	if !found {
		return fmt.Errorf("%w: %s", ErrNoResult, which)
	}
	_, err = w.Write(t.b.Bytes())
	return err
}

// explain says one subject's result.
func (t *table) explain(r *result, s *subject) {
	t.text("", fmt.Sprintf("%s: %s %s", r.Rule, strings.ToUpper(string(s.Status)), subjectName(s.Subject)))
	if s.Message != "" {
		t.text("  ", s.Message)
	}
	for i := range s.Evidence {
		e := &s.Evidence[i]
		line := fmt.Sprintf("%d. %s at %s", i+1, e.Role, e.At.String())
		if e.Detail != "" {
			line += ": " + e.Detail
		}
		t.text("  ", line)
		if cmd := t.look(s.Subject, e.At); cmd != "" {
			// Never wrapped, so that it can be copied.
			t.b.WriteString("     " + t.clean(cmd) + "\n")
		}
	}
	for _, a := range s.Assumptions {
		t.text("  assumed: ", a)
	}
	t.text("  fingerprint: ", s.Fingerprint)
	t.b.WriteString("\n")
}

func subjectName(s fact.Subject) string {
	if s.Kind == s.ID {
		return s.Kind
	}
	return s.Kind + " " + s.ID
}

// readModel reads a report back. Fields that a later version added are passed over.
func readModel(r io.Reader) (*model, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxReport {
		return nil, fmt.Errorf("report: larger than %d bytes", maxReport)
	}
	var m model
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if m.Schema != Schema {
		return nil, fmt.Errorf("report: schema %q, want %s", m.Schema, Schema)
	}
	return &m, nil
}
