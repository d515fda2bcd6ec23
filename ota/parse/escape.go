package parse

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const upperhex = "0123456789ABCDEF"

// Escape spells a name so that it is valid UTF-8, prints on one line without
// effects, and cannot be mistaken for the syntax of a Location. It is applied
// once, where a name enters (an archive's directory, a filesystem), and
// Unescape undoes it exactly.
//
// These bytes are written %XX: bytes that are no UTF-8; the characters that
// Unicode does not call printable (controls, bidirectional marks, zero-width
// characters, separators other than the ASCII space); and % ! # : because
// a Location's text form uses the last three.
func Escape(s string) string { return escape(s, plain) }

// EscapeText spells a value (a property, a comment, a certificate's subject) like
// Escape, but leaves ! # : alone: it stands beside a Location, never in one.
func EscapeText(s string) string { return escape(s, printable) }

func escape(s string, plain func(rune, int) bool) string {
	if !needsEscape(s, plain) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if plain(r, n) {
			b.WriteString(s[i : i+n])
		} else {
			for _, c := range []byte(s[i : i+n]) {
				b.WriteByte('%')
				b.WriteByte(upperhex[c>>4])
				b.WriteByte(upperhex[c&15])
			}
		}
		i += n
	}
	return b.String()
}

func needsEscape(s string, plain func(rune, int) bool) bool {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !plain(r, n) {
			return true
		}
		i += n
	}
	return false
}

func plain(r rune, size int) bool {
	return r != '!' && r != '#' && r != ':' && printable(r, size)
}

func printable(r rune, size int) bool {
	switch r {
	case '%':
		return false
	case utf8.RuneError:
		return size > 1 // U+FFFD itself, three bytes long, is a character like any other
	}
	return unicode.IsPrint(r)
}

// Unescape undoes Escape and EscapeText. A % that is not followed by two hexadecimal digits is
// an error: such a text did not come from them.
func Unescape(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", &Error{Format: "name", Off: int64(i), Msg: "a % needs two hexadecimal digits", Kind: ErrFormat}
		}
		hi, ok1 := unhex(s[i+1])
		lo, ok2 := unhex(s[i+2])
		if !ok1 || !ok2 {
			return "", &Error{Format: "name", Off: int64(i), Msg: "a % needs two hexadecimal digits", Kind: ErrFormat}
		}
		b = append(b, hi<<4|lo)
		i += 2
	}
	return string(b), nil
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
