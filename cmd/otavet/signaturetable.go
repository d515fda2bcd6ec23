package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/signature/known"
)

// writeSignatureTable says in one line what a signature is worth, and what is wrong with it below; the
// keys, of which many signatures have the same, are a table of their own.
func writeSignatureTable(w io.Writer, f *fact.Facts) {
	if len(f.Signatures) > 0 {
		k := &keyTable{}
		rows := [][]string{{"RESULT", "SCHEME", "SUBJECT", "KEY", "TAKEN", "NOT COVERED"}}
		below := [][]string{nil}
		for _, s := range f.Signatures {
			rows = append(rows, []string{word(s.Holds, "HOLDS", "BROKEN", "NOT JUDGED"), s.Scheme, s.Subject, k.of(&s), taken(&s), uncovered(&s)})
			below = append(below, remarks(&s))
		}
		writeRows(w, rows, below)
		k.write(w)
		if len(signatureGaps(f)) > 0 {
			fmt.Fprintln(w)
		}
	}
	writeSignatureGaps(w, f)
}

// writeRows aligns rows in columns, and puts lines that are not aligned below each.
func writeRows(w io.Writer, rows, below [][]string) {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	t.Flush()
	for i, line := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		if below != nil {
			for _, b := range below[i] {
				fmt.Fprintln(w, "  "+b)
			}
		}
	}
}

// taken sums up what readers would do: yes, no, some, or ? where it cannot be told; - where nothing is known.
func taken(s *fact.Signature) string {
	var yes, no, open bool
	for _, a := range s.Accepts {
		switch {
		case a.Takes == nil:
			open = true
		case *a.Takes:
			yes = true
		default:
			no = true
		}
	}
	switch {
	case yes && (no || open):
		return "some"
	case yes:
		return "yes"
	case open:
		return "?"
	case no:
		return "no"
	}
	return "-"
}

// uncovered is how many bytes, or members, a signature leaves open.
func uncovered(s *fact.Signature) string {
	var n int64
	for _, r := range s.Unsigned {
		n += r.End - r.First
	}
	switch {
	case n > 0:
		return fmt.Sprintf("%d bytes", n)
	case len(s.Unsigned) > 0:
		return fmt.Sprintf("%d things", len(s.Unsigned))
	}
	return "-"
}

// remarks are why a signature does not hold, who would refuse it, and what it switches off.
func remarks(s *fact.Signature) []string {
	var out []string
	if s.Reason != "" {
		out = append(out, s.Reason)
	}
	for _, a := range s.Accepts {
		if a.Takes == nil || !*a.Takes {
			out = append(out, acceptance(a))
		}
	}
	for _, n := range s.Notes {
		if strings.HasPrefix(n, "flags: ") && n != "flags: none" {
			out = append(out, n) // which switch off what the signature is for
		}
	}
	return out
}

// A keyTable numbers keys as they come.
type keyTable struct {
	ids  map[string]int // by certificate, key and algorithm
	rows [][]string
}

// of gives the numbers of a signature's keys.
func (k *keyTable) of(s *fact.Signature) string {
	var out []string
	for _, g := range s.Signers {
		id := g.SHA256 + " " + g.KeySHA256 + " " + g.Digest
		if k.ids == nil {
			k.ids = map[string]int{}
		}
		if k.ids[id] == 0 {
			k.ids[id] = len(k.ids) + 1
			who, digest := g.Subject, "certificate "+g.SHA256
			if who == "" {
				who = "(a key without a name)"
			}
			if g.SHA256 == "" {
				digest = "key " + g.KeySHA256
			}
			k.rows = append(k.rows, []string{fmt.Sprint(len(k.ids)), who, fmt.Sprintf("%s-%d over %s%s", g.Algorithm, g.Bits, g.Digest, weak(g.Weak)), publicly(s, &g), digest})
		}
		if n := fmt.Sprint(k.ids[id]); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, ",")
}

// publicly says what is publicly known of a signer. The signature's own matches may be of other keys: of an app, of those that
// it was rotated from.
func publicly(s *fact.Signature, g *fact.Signer) string {
	list := s.Known
	if len(s.Signers) > 1 || strings.HasPrefix(s.Scheme, "apk") || s.Scheme == "apex" {
		list = nil
		for _, m := range known.Matches(g.SHA256, g.KeySHA256) {
			list = append(list, fact.Known{What: m.What, Private: m.Private})
		}
	}
	var out []string
	for _, m := range list {
		text := fmt.Sprintf("%s (private key public: %s)", m.What, m.Private)
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		return "not listed"
	}
	return strings.Join(out, "; ")
}

func (k *keyTable) write(w io.Writer) {
	if len(k.rows) == 0 {
		return
	}
	fmt.Fprintln(w)
	writeRows(w, append([][]string{{"KEY", "WHO", "HOW", "PUBLICLY KNOWN", "SHA-256"}}, k.rows...), nil)
}
