package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

func writeJSON(w io.Writer, d *Document) error {
	m, err := build(d)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return err
	}
	_, err = w.Write(escapeJSON(b.Bytes()))
	return err
}

// escapeJSON writes as \u what a terminal might act on and what changes the
// direction of text. encoding/json escapes only the controls of ASCII. All such
// characters stand in strings, so what the JSON says stays the same.
func escapeJSON(text []byte) []byte {
	if bytes.IndexFunc(text, risky) < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case !risky(r):
			out = append(out, text[:n]...)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[n:]
	}
	return out
}

func risky(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
