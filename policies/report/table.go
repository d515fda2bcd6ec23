package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/otavet/otavet/policies"
)

// maxShown is how many subjects of one rule, pieces of evidence of one subject
// and gaps the table shows: as many as a person reads.
const maxShown = 20

func writeTable(w io.Writer, d *Document) error {
	m, err := build(d)
	if err != nil {
		return err
	}
	t := &table{Terminal: d.Terminal, m: m}
	if t.Width <= 0 {
		t.Width = 80
	}
	t.head()
	t.outcome()
	t.results(d)
	t.gaps()
	t.foot()
	_, err = w.Write(t.b.Bytes())
	return err
}

type table struct {
	Terminal
	m *model
	b bytes.Buffer
}

// text writes a paragraph: its first line after first, the others below it,
// after as many spaces. Where first is empty they are indented all the same: what
// begins a line of the table is never text of the facts.
func (t *table) text(first, s string) {
	indent := strings.Repeat(" ", max(len(first), 2))
	// Narrower than this, wrapping helps nobody.
	for i, line := range wrap(t.clean(s), max(t.Width-len(indent), 20)) {
		if i > 0 {
			first = indent
		}
		t.b.WriteString(strings.TrimRight(first+line, " ") + "\n")
	}
}

// head says what was judged. The first line is never broken, so that it can be found.
func (t *table) head() {
	u := &t.m.Update
	line := t.clean(u.Path)
	if line == "" {
		line = "the update"
	}
	if t.m.JudgedFrom == FromFacts {
		line += " (judged from stored facts: the update itself was not read)"
	}
	line += ": " + t.clean(orNone(u.Layout, "layout not known")) + ", " + size(u.Size)
	switch {
	case u.SHA256 != nil:
		line += ", sha256 " + t.short(*u.SHA256)
	case u.TreeSHA256 != nil:
		line += ", sha256 of the tree " + t.short(*u.TreeSHA256)
	}
	t.b.WriteString(line + "\n")
	var about []string
	for _, f := range []struct{ name, value string }{
		{"device", u.Device}, {"Android", u.Android}, {"security patch", u.SecurityPatch},
		{"built", u.BuildTime}, {"build", u.Fingerprint}, {"from", u.Source},
	} {
		if f.value != "" {
			about = append(about, f.name+" "+f.value)
		}
	}
	if u.Incremental != nil && *u.Incremental {
		about = append(about, "incremental")
	}
	if len(about) > 0 {
		t.text("  ", strings.Join(about, ", "))
	}
	t.b.WriteString("\n")
}

func (t *table) short(hash string) string {
	if len(hash) > 16 {
		return t.clean(hash[:16]) + t.ellipsis()
	}
	return t.clean(hash)
}

func orNone(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

func size(n int64) string {
	if n < 10_000 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, unit := float64(n)/1e3, "kB"
	for _, u := range []string{"MB", "GB", "TB"} {
		if f < 1000 {
			break
		}
		f, unit = f/1e3, u
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

// outcome says the verdict in a sentence.
func (t *table) outcome() {
	fail, unknown, warn := 0, 0, 0
	for i := range t.m.Results {
		r := &t.m.Results[i]
		switch {
		case r.Level == policies.LevelAdvisory:
		case r.Status == policies.StatusFail:
			fail++
		case r.warns:
			warn++
		case r.Status == policies.StatusUnknown:
			unknown++
		}
	}
	var s string
	switch t.m.Outcome {
	case policies.StatusFail:
		s = count(fail, "required rule") + " failed"
		if unknown > 0 {
			s += fmt.Sprintf(", and %d could not be decided", unknown)
		}
		s += "."
	case policies.StatusUnknown:
		s = fmt.Sprintf("nothing failed that counts, but %s could not be decided, which is no pass.", count(unknown, "required rule"))
	default:
		s = "no required rule stands against this update."
		if fail > 0 {
			s = fmt.Sprintf("no required rule of severity %s or above failed; %s below it did.", t.m.Settings.FailOn, count(fail, "milder one"))
		}
	}
	if warn > 0 {
		s += fmt.Sprintf(" Warning: %s could not be decided.", count(warn, "other rule"))
	}
	word := strings.ToUpper(string(t.m.Outcome))
	lines := wrap(word+": "+s, t.Width)
	lines[0] = strings.Replace(lines[0], word, t.paint(t.m.Outcome, word), 1)
	t.b.WriteString(strings.Join(lines, "\n") + "\n")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// paint colours a word that says the same without colour.
func (t *table) paint(s policies.Status, word string) string {
	if !t.Color {
		return word
	}
	sgr := "33" // yellow
	switch s {
	case policies.StatusPass:
		sgr = "32"
	case policies.StatusFail:
		sgr = "31"
	case policies.StatusNA, policies.StatusWaived:
		sgr = "36"
	}
	return "\x1b[1;" + sgr + "m" + word + "\x1b[0m"
}

// results writes the rules pack by pack, the worst first.
func (t *table) results(d *Document) {
	hidden := 0
	for _, p := range d.Verdict.Packs {
		var rs []*result
		for i := range t.m.Results {
			r := &t.m.Results[i]
			if d.Verdict.Results[i].Pack != p {
				continue
			}
			if d.MinSeverity != "" && !r.Severity.AtLeast(d.MinSeverity) {
				hidden++
				continue
			}
			rs = append(rs, r)
		}
		slices.SortStableFunc(rs, func(a, b *result) int { return urgency(a.Status) - urgency(b.Status) })
		t.b.WriteString("\n")
		t.text("", strings.TrimSpace(p.Name+" "+p.Version)+": "+oneLine(p.Title))
		for i, r := range rs {
			detailed := urgency(r.Status) < urgency(policies.StatusPass)
			if detailed || i > 0 && urgency(rs[i-1].Status) < urgency(policies.StatusPass) {
				t.b.WriteString("\n")
			}
			t.result(r, detailed)
		}
	}
	if hidden > 0 {
		t.b.WriteString("\n")
		t.text("", fmt.Sprintf("%s below severity %s not shown; the counts include them.", count(hidden, "rule"), d.MinSeverity))
	}
}

func urgency(s policies.Status) int {
	switch s {
	case policies.StatusFail:
		return 0
	case policies.StatusWaived:
		return 2
	case policies.StatusPass:
		return 3
	case policies.StatusNA:
		return 4
	}
	return 1
}

// indent is where a rule's title begins: after status and severity.
const indent = "                   "

func (t *table) result(r *result, detailed bool) {
	title := r.Title + " [" + r.Rule + "]"
	if r.Level == policies.LevelAdvisory {
		title += " (advisory)"
	}
	if r.warns && r.Level != policies.LevelAdvisory {
		title += " (warns only)"
	}
	word := strings.ToUpper(string(r.Status))
	lines := wrap(t.clean(title), max(t.Width-len(indent), 20))
	fmt.Fprintf(&t.b, "%s%*s %-9s %s\n", t.paint(r.Status, t.clean(word)), 8-len(word), "", t.clean(string(r.Severity)), lines[0])
	for _, l := range lines[1:] {
		t.b.WriteString(indent + l + "\n")
	}
	if !detailed {
		t.compact(r)
		return
	}
	shown, more := 0, 0
	for i := range r.Subjects {
		s := &r.Subjects[i]
		if urgency(s.Status) >= urgency(policies.StatusPass) {
			continue
		}
		if shown == maxShown {
			more++
			continue
		}
		shown++
		t.subject(r, s)
	}
	if more > 0 {
		t.text("  ", fmt.Sprintf("and %d more (use --format json)", more))
	}
	for _, m := range r.Missing {
		if strings.HasPrefix(m, "a defect of the rule: ") {
			t.text("  ", m)
		}
	}
	if r.remedy != "" {
		t.text("  Next: ", r.remedy)
	}
}

// compact says what a rule that did not fail took for granted.
func (t *table) compact(r *result) {
	n := 0
	var first string
	for i := range r.Subjects {
		if a := r.Subjects[i].Assumptions; len(a) > 0 {
			if n == 0 {
				first = a[0]
			}
			n += len(a)
		}
	}
	switch {
	case n == 1:
		t.text(indent+"assumed: ", first)
	case n > 1:
		t.text(indent+"assumed: ", fmt.Sprintf("%s; and %d more (use --format json)", first, n-1))
	case r.Status == policies.StatusNA && len(r.Subjects) > 0:
		t.text(indent, r.Subjects[0].Message)
	}
}

func (t *table) subject(r *result, s *subject) {
	name := s.Subject.Kind + " " + s.Subject.ID
	if s.Subject.Kind == s.Subject.ID {
		name = s.Subject.Kind
	}
	if s.Status != r.Status {
		name = strings.ToUpper(string(s.Status)) + " " + name
	}
	t.text("  ", name+": "+s.Message)
	t.evidence(s)
	if s.Status == policies.StatusFail {
		if again := t.again(s); again != "" {
			t.b.WriteString("    Look: " + t.clean(again) + "\n")
		}
	}
	for i, a := range s.Assumptions {
		if i == maxShown {
			t.text("    ", fmt.Sprintf("and %d more (use --format json)", len(s.Assumptions)-i))
			break
		}
		t.text("    assumed: ", a)
	}
}

func (t *table) evidence(s *subject) {
	last := ""
	for i, e := range s.Evidence {
		if i == maxShown {
			t.text("    ", fmt.Sprintf("and %d more (use --format json)", len(s.Evidence)-i))
			break
		}
		line := "    at " + t.clean(e.At.String())
		// What a place lacks is said by the message already.
		if e.Role != "absent" || !strings.Contains(s.Message, e.Detail) {
			if detail := t.clean(e.Detail); detail != "" && len(line)+2+len(detail) <= t.Width {
				line += "  " + detail
			} else if detail != "" {
				t.b.WriteString(line + "\n")
				t.text("       ", e.Detail)
				continue
			}
		}
		if line != last {
			t.b.WriteString(line + "\n")
		}
		last = line
	}
}

// gaps lists what could not be looked at.
func (t *table) gaps() {
	if len(t.m.Gaps) == 0 {
		return
	}
	t.b.WriteString("\nNot looked at:\n")
	for i, g := range t.m.Gaps {
		if i == maxShown {
			t.text("  ", fmt.Sprintf("and %d more (use --format json)", len(t.m.Gaps)-i))
			break
		}
		kinds := make([]string, len(g.Blinds))
		for i, k := range g.Blinds {
			kinds[i] = string(k)
		}
		t.b.WriteString("  at " + t.clean(g.At.String()) + "\n")
		line := orNone(g.Reason, "no reason was recorded") + " (" + string(g.Cause)
		if len(kinds) > 0 {
			line += "; hides " + strings.Join(kinds, ", ")
		}
		t.text("     ", line+")")
	}
}

// foot counts, and says what the exit status means.
func (t *table) foot() {
	say := func(c policies.Counts) string {
		return fmt.Sprintf("%d pass, %d fail, %d unknown, %d na, %d waived", c.Pass, c.Fail, c.Unknown, c.NA, c.Waived)
	}
	t.b.WriteString("\n")
	t.text("Rules:    ", say(t.m.Counts))
	t.text("Subjects: ", say(t.m.SubjectCounts))
	meaning := "every required rule passed or does not stand in the way"
	switch t.m.Exit {
	case policies.ExitFail:
		meaning = fmt.Sprintf("a required rule of severity %s or above failed", t.m.Settings.FailOn)
	case policies.ExitUnknown:
		meaning = "nothing failed that counts, but a required rule could not be decided"
	}
	t.text("", fmt.Sprintf("Exit status %d: %s.", t.m.Exit, meaning))
}
