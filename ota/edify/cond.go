package edify

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxCondition bounds the text of one condition, and maxConditions that of
	// all that a call stands under: enough to recognise them.
	maxCondition  = 160
	maxConditions = 400
	// maxAlternatives bounds what conditions may make of one path.
	maxAlternatives = 16
	// maxReservations bounds the conditions that later calls add to what is
	// already at a path; its Node is conditional after the first.
	maxReservations = 16
)

// A literal is a condition or its opposite. The expression that is evaluated,
// and the run after a reboot that it is evaluated in, are its identity; a negated
// conjunction has none of its own (id 0).
type literal struct {
	id   int64
	not  bool
	text string
}

// conds are conditions that hold together.
type conds []literal

func (c conds) String() string {
	var b strings.Builder
	for i, l := range c {
		if i > 0 {
			b.WriteString(" && ")
		}
		if b.Len() > maxConditions {
			b.WriteString("…")
			break
		}
		if l.not {
			b.WriteString("!(" + l.text + ")")
		} else {
			b.WriteString(l.text)
		}
	}
	return b.String()
}

func (c conds) with(l literal) conds { return append(slices.Clip(c), l) }

// against tells whether c and s cannot hold together.
func (c conds) against(s conds) bool {
	for _, a := range c {
		for _, b := range s {
			if a.id == b.id && a.id != 0 && a.not != b.not {
				return true
			}
		}
	}
	return false
}

// beyond gives the conditions of s that c does not have.
func (s conds) beyond(c conds) conds {
	var d conds
	for _, l := range s {
		if !slices.Contains(c, l) {
			d = append(d, l)
		}
	}
	return d
}

// unless gives c and the opposite of d.
func (c conds) unless(d conds) conds {
	if len(c) >= maxReservations {
		return c
	}
	if len(d) == 1 {
		l := d[0]
		l.not = !l.not
		return c.with(l)
	}
	return c.with(literal{not: true, text: clip(d.String(), maxConditions)})
}

// clip makes one line of at most n bytes or so.
func clip(s string, n int) string {
	s, cut := s[:min(len(s), 2*n)], len(s) > 2*n
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s, cut = s[:n], true
	}
	if cut {
		s += "…"
	}
	return s
}
