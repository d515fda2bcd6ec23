package report

import (
	"strings"

	"github.com/otavet/otavet/inspect/fact"
)

// again is the command that shows the first piece of evidence; "" if there is none.
func (t *table) again(s *subject) string {
	if len(s.Evidence) == 0 {
		return ""
	}
	return t.look(s.Subject, s.Evidence[0].At)
}

// look is the command that prints what stands at a place; "" if there is none.
func (t *table) look(s fact.Subject, at fact.Location) string {
	switch {
	case t.m.JudgedFrom == FromFacts || t.m.Update.Path == "":
		return ""
	case at.Update != "":
		return "" // another file, whose name is not known here
	case at.Path != "" || at.Partition != "":
		return "otavet cat " + quote(t.m.Update.Path) + " " + quote(at.String())
	case s.Kind == "signature":
		return "otavet signatures --detail " + quote(t.m.Update.Path)
	case s.Kind == "member":
		return "otavet facts --kinds members --format jsonl " + quote(t.m.Update.Path)
	}
	return ""
}

// quote spells an argument for a shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/-:@%+=,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 && s[0] != '-' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
