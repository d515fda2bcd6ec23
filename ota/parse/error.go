package parse

import (
	"errors"
	"fmt"
)

// The three kinds of error that a reader of a format may return. Every *Error
// wraps exactly one of them.
var (
	// ErrFormat: the bytes break the format's own rules.
	ErrFormat = errors.New("malformed")
	// ErrUnsupported: the bytes may be right, but this version cannot read them.
	ErrUnsupported = errors.New("unsupported")
	// ErrLimit: reading on would exceed a limit; the limit is named.
	ErrLimit = errors.New("limit reached")
)

// An Error is what a reader of a format answers when it cannot go on.
type Error struct {
	Format string // "zip", "edify", "cms": the package's own word
	Off    int64  // absolute byte offset in the file that was opened; negative: tied to no place
	Msg    string // what is wrong, without the offset
	Got    any    // the value that was seen; nil: none
	Kind   error  // ErrFormat, ErrUnsupported or ErrLimit
}

// Error reads "zip: two entries overlap (0x1f0) at byte 0x140". Text from the
// file is escaped, so that it can be printed.
func (e *Error) Error() string {
	s := e.Format + ": " + e.Msg
	switch v := e.Got.(type) {
	case nil:
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		s += fmt.Sprintf(" (%#x)", v)
	case string:
		s += fmt.Sprintf(" (%s)", Escape(v))
	default:
		s += fmt.Sprintf(" (%s)", Escape(fmt.Sprint(v)))
	}
	if e.Off >= 0 {
		s += fmt.Sprintf(" at byte %#x", e.Off)
	}
	return s
}

// Unwrap gives the kind, for errors.Is.
func (e *Error) Unwrap() error { return e.Kind }
