package edify

import (
	"bytes"

	"github.com/otavet/otavet/ota/parse"
)

func fail(kind error, off int, msg string, got any) *parse.Error {
	return &parse.Error{Format: "edify", Off: int64(off), Msg: msg, Got: got, Kind: kind}
}

// A kind of token is the byte itself for + ( ) , ! ; and one of these letters.
const (
	tokEnd    = 0
	tokString = 's'
	tokIf     = 'i'
	tokThen   = 't'
	tokElse   = 'e'
	tokEndif  = 'f'
	tokAnd    = '&'
	tokOr     = '|'
	tokEqual  = '='
	tokUnlike = '~'
)

type token struct {
	kind byte
	text string // of tokString
	pos  Pos
	end  int
}

type lexer struct {
	src   string
	off   int
	line  int64
	notes []Note
	noted [3]bool // each kind of note once
}

// note keeps a remark of one kind the first time it is due.
func (l *lexer) note(kind int, text string) {
	if !l.noted[kind] {
		l.noted[kind] = true
		l.notes = append(l.notes, Note{Pos{int64(l.off), l.line}, text})
	}
}

const (
	noteReturn = iota
	noteComment
	noteNUL
)

// readable gives the part of a script that is read: a byte order mark before it
// is passed over, and a NUL ends it, as it ends the C string that the device's
// scanner is given.
func (l *lexer) readable(src []byte) {
	const bom = "\xef\xbb\xbf"
	if i := bytes.IndexByte(src, 0); i >= 0 {
		if len(bytes.Trim(src[i:], "\x00\t\r\n ")) > 0 {
			l.notes = append(l.notes, Note{Pos{int64(i), 1 + int64(bytes.Count(src[:i], []byte{'\n'}))},
				"a NUL ends the script for the device; what follows it is not read"})
		}
		src = src[:i]
	}
	if bytes.HasPrefix(src, []byte(bom)) {
		l.notes = append(l.notes, Note{Pos{0, 1}, "the device's scanner refuses a byte order mark"})
		l.off = len(bom)
	}
	l.src = string(src)
}

func (l *lexer) next() (token, *parse.Error) {
	for l.off < len(l.src) {
		switch c := l.src[l.off]; c {
		case ' ', '\t':
			l.off++
		case '\n':
			l.off++
			l.line++
		case '\r':
			// Packagers on Windows write CRLF. AOSP's scanner refuses it; some
			// vendors' updaters, which travel in the package, take it.
			l.note(noteReturn, "the device's scanner refuses a carriage return")
			l.off++
		case '#':
			for l.off < len(l.src) && l.src[l.off] != '\n' {
				l.off++
			}
			if l.off == len(l.src) {
				l.note(noteComment, "the device's scanner refuses a comment that no newline ends")
			}
		default:
			return l.token(c)
		}
	}
	return token{kind: tokEnd, pos: Pos{int64(l.off), l.line}, end: l.off}, nil
}

func (l *lexer) token(c byte) (token, *parse.Error) {
	t := token{kind: c, pos: Pos{int64(l.off), l.line}, end: l.off + 1}
	two := l.src[l.off:min(l.off+2, len(l.src))]
	switch {
	case c == '"':
		return l.quoted(t)
	case bare(c):
		for t.end < len(l.src) && bare(l.src[t.end]) {
			t.end++
		}
		t.kind, t.text = tokString, l.src[l.off:t.end]
		switch t.text {
		case "if":
			t.kind = tokIf
		case "then":
			t.kind = tokThen
		case "else":
			t.kind = tokElse
		case "endif":
			t.kind = tokEndif
		}
	case two == "&&", two == "||", two == "==":
		t.end++
	case two == "!=":
		t.kind = tokUnlike
		t.end++
	case c == '+', c == '(', c == ')', c == ',', c == '!', c == ';':
	default:
		return t, fail(parse.ErrFormat, l.off, "a byte that begins nothing", c)
	}
	l.off = t.end
	return t, nil
}

func bare(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '_' || c == ':' || c == '/' || c == '.'
}

// quoted reads a string in quotes. A backslash that begins none of the five
// escapes stands for itself. A NUL that \x00 makes cuts the string short, because
// the device keeps it as a C string.
func (l *lexer) quoted(t token) (token, *parse.Error) {
	start, cut := l.off+1, -1
	var b []byte // nil while the value is the source itself
	for i := start; i < len(l.src); i++ {
		c := l.src[i]
		size := 1
		switch {
		case c == '"':
			t.kind, t.end = tokString, i+1
			l.off = t.end
			if b == nil {
				t.text = l.src[start:i]
				return t, nil
			}
			if cut >= 0 {
				l.note(noteNUL, "a NUL ends a string for the device; the rest of it is not read")
				b = b[:cut]
			}
			t.text = string(b)
			return t, nil
		case c == '\n':
			l.line++
		case c == '\\':
			if v, n := escape(l.src[i:]); n > 0 {
				c, size = v, n
			}
		}
		if size > 1 && b == nil {
			b = append(make([]byte, 0, i-start+16), l.src[start:i]...)
		}
		if b != nil {
			if c == 0 && cut < 0 {
				cut = len(b)
			}
			b = append(b, c)
		}
		i += size - 1
	}
	return t, fail(parse.ErrFormat, start-1, "a string is not closed", nil)
}

// escape reads the escape at the start of s: its value and length, or length 0.
func escape(s string) (byte, int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case 'n':
		return '\n', 2
	case 't':
		return '\t', 2
	case '"', '\\':
		return s[1], 2
	case 'x':
		if len(s) >= 4 {
			hi, ok := hex(s[2])
			lo, ok2 := hex(s[3])
			if ok && ok2 {
				return hi<<4 | lo, 4
			}
		}
	}
	return 0, 0
}

func hex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
