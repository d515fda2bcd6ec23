package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is the longest text of the facts that the table shows: more than a
// path, a distinguished name or a script's call takes, and less than what would bury
// the report.
const maxText = 1000

// clean makes a text safe for a terminal: one line, nothing that a terminal acts
// on, nothing that changes the direction of what follows. Names were spelled so
// where they entered; this is for facts that come from elsewhere. What is
// not printable is written %XX, as everywhere; the ASCII space is the only one
// that stays.
func (t Terminal) clean(s string) string {
	var b strings.Builder
	shown := 0
	for i := 0; i < len(s); {
		if shown == maxText {
			fmt.Fprintf(&b, "%s (%d bytes more)", t.ellipsis(), len(s)-i)
			break
		}
		shown++
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) || t.ASCII && r > unicode.MaxASCII {
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

func (t Terminal) ellipsis() string {
	if t.ASCII {
		return "..."
	}
	return "…"
}

// wrap breaks a clean text at spaces into lines of at most width columns. A word that
// is longer, such as a path, stays whole, so that it can be copied.
func wrap(s string, width int) []string {
	var lines []string
	var line string
	columns := 0
	for _, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case line == "":
			line, columns = word, n
		case columns+1+n <= width:
			line, columns = line+" "+word, columns+1+n
		default:
			lines = append(lines, line)
			line, columns = word, n
		}
	}
	return append(lines, line)
}
