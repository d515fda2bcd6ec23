// Package wire reads protobuf messages out of untrusted bytes. It is the only
// door to protobuf: google.golang.org/protobuf/encoding/protowire does the
// decoding of tags and values, and nothing else of that module is used, so that
// a message is never turned into more memory than its reader asks for.
//
// A Message hands out its fields in the order of the file, each with the offset
// of its tag. It knows no schema: the caller compares numbers and types, and
// decides what becomes of a field that it does not know. Nothing is copied;
// strings of bytes share memory with what was read.
//
// The encoding is that of https://protobuf.dev/programming-guides/encoding,
// little-endian where integers have a fixed size, and read as libprotobuf reads
// it: varints of up to ten bytes need not be of the shortest form, field numbers
// run from 1 to 2^29-1, an end of a group must name the group that it ends.
//
// Limits: messages and groups may be nested 100 deep, libprotobuf's own limit
// (ErrLimit beyond). Reading all fields of a message of n bytes takes time in
// proportion to n and no memory.
package wire

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otavet/otavet/ota/parse"
)

// A Type is how a value is encoded.
type Type uint8

// The types, with the names and numbers of the encoding guide. Group stands for
// all that lies between a start (SGROUP) and its end (EGROUP, 4).
const (
	Varint  Type = 0 // VARINT: int32, int64, uint32, uint64, sint32, sint64, bool, enum
	Fixed64 Type = 1 // I64: fixed64, sfixed64, double
	Bytes   Type = 2 // LEN: string, bytes, messages, packed repeated fields
	Group   Type = 3 // SGROUP
	Fixed32 Type = 5 // I32: fixed32, sfixed32, float

	endGroup Type = 4 // EGROUP
)

// String is the name that the encoding guide uses.
func (t Type) String() string {
	switch t {
	case Varint:
		return "VARINT"
	case Fixed64:
		return "I64"
	case Bytes:
		return "LEN"
	case Group:
		return "SGROUP"
	case Fixed32:
		return "I32"
	}
	return "EGROUP"
}

// maxDepth is libprotobuf's CodedInputStream::default_recursion_limit_.
const maxDepth = 100

// A Field is one field of a message.
type Field struct {
	Number int32  // from 1 to 2^29-1
	Type   Type   // never EGROUP
	Off    int64  // absolute offset of its tag, in bytes
	Size   int    // bytes of the whole field: tag, length, value, end of group
	Value  uint64 // of a Varint, Fixed32 or Fixed64
	Data   []byte // of Bytes, or what a Group holds; shares memory with the message

	start int // where Data begins, counted from Off
}

// Uint32 is the value of a uint32 field: libprotobuf drops what does not fit.
func (f *Field) Uint32() uint32 { return uint32(f.Value) }

// Int32 is the value of an int32 or enum field: libprotobuf drops what does not fit.
func (f *Field) Int32() int32 { return int32(f.Value) }

// Int64 is the value of an int64 field.
func (f *Field) Int64() int64 { return int64(f.Value) }

// Bool is the value of a bool field.
func (f *Field) Bool() bool { return f.Value != 0 }

// A Message is read field by field. Copying it makes a second reader of what is
// left; it is not safe for concurrent use.
type Message struct {
	format string
	b      []byte
	base   int64
	off    int
	depth  int
	err    error
}

// Read reads b as a message, whose first byte stands at the absolute offset
// base of the file, on behalf of the named format. It does no work yet.
func Read(format string, b []byte, base int64) Message {
	return Message{format: format, b: b, base: base}
}

// Err is the first error, a *parse.Error with an offset, or nil.
func (m *Message) Err() error { return m.err }

// Offset is the absolute offset of the next field.
func (m *Message) Offset() int64 { return m.base + int64(m.off) }

// Fail makes the message fail at a field that was read, unless it failed
// before: Next then answers false.
func (m *Message) Fail(f Field, kind error, msg string, got any) {
	if m.err == nil {
		m.err = &parse.Error{Format: m.format, Off: f.Off, Msg: msg, Got: got, Kind: kind}
	}
}

func (m *Message) fail(at int, kind error, msg string, got any) {
	m.Fail(Field{Off: m.base + int64(at)}, kind, msg, got)
}

// Sub reads the message or group that a field of m holds. The new message has
// an error of its own, which the caller asks for.
func (m *Message) Sub(f Field) Message {
	s := Message{format: m.format, b: f.Data, base: f.Off + int64(f.start), depth: m.depth + 1}
	if s.depth > maxDepth {
		s.Fail(f, parse.ErrLimit, "messages are nested more than 100 deep", nil)
	}
	return s
}

// Next gives the next field. It is false at the end of the message, and from
// the first error on.
func (m *Message) Next() (f Field, ok bool) {
	if m.err != nil || m.off == len(m.b) {
		return Field{}, false
	}
	at := m.off
	number, typ, n := m.tag(at)
	if n == 0 {
		return Field{}, false
	}
	f = Field{Number: number, Type: typ, Off: m.base + int64(at)}
	rest := m.b[at+n:]
	size := 0
	switch typ {
	case Varint:
		f.Value, size = protowire.ConsumeVarint(rest)
	case Fixed32:
		var v uint32
		v, size = protowire.ConsumeFixed32(rest)
		f.Value = uint64(v)
	case Fixed64:
		f.Value, size = protowire.ConsumeFixed64(rest)
	case Bytes:
		f.Data, size = protowire.ConsumeBytes(rest)
		f.Data = f.Data[:len(f.Data):len(f.Data)]
		f.start = n + size - len(f.Data)
	case Group:
		var end int
		if end, size = m.group(number, at+n); size == 0 {
			return Field{}, false
		}
		f.Data, f.start = rest[:end:end], n
	default:
		m.fail(at, parse.ErrFormat, "a group ends that did not begin", number)
		return Field{}, false
	}
	if size < 0 {
		m.bad(at, size)
		return Field{}, false
	}
	f.Size = n + size
	m.off += f.Size
	return f, true
}

// tag reads the tag at the offset at; n is zero if that fails.
func (m *Message) tag(at int) (number int32, typ Type, n int) {
	v, n := protowire.ConsumeVarint(m.b[at:])
	if n < 0 {
		m.bad(at, n)
		return 0, 0, 0
	}
	if number := v >> 3; number == 0 || number > uint64(protowire.MaxValidNumber) {
		m.fail(at, parse.ErrFormat, "a field has no number from 1 to 2^29-1", number)
		return 0, 0, 0
	}
	if typ := v & 7; typ > 5 {
		m.fail(at, parse.ErrFormat, "a field is of a reserved wire type", typ)
		return 0, 0, 0
	}
	return int32(v >> 3), Type(v & 7), n
}

// bad translates protowire's error codes, for what begins at the offset at.
func (m *Message) bad(at, code int) {
	msg := "a field runs past the end of its message"
	if protowire.ParseError(code) != errCut {
		msg = "a varint is longer than 64 bits"
	}
	m.fail(at, parse.ErrFormat, msg, nil)
}

var errCut = protowire.ParseError(-1) // io.ErrUnexpectedEOF

// group passes over the fields of a group up to its end: end is the number of
// bytes before the tag that ends it, size the number with that tag, or zero if
// there was an error. It does not recurse, so that depth costs no stack.
func (m *Message) group(number int32, from int) (end, size int) {
	var open [maxDepth]int32
	if m.depth >= maxDepth {
		m.fail(from, parse.ErrLimit, "groups are nested more than 100 deep", nil)
		return 0, 0
	}
	open[0] = number
	depth := 1
	for at := from; ; {
		if at == len(m.b) {
			m.fail(at, parse.ErrFormat, "a group does not end", open[depth-1])
			return 0, 0
		}
		num, typ, n := m.tag(at)
		if n == 0 {
			return 0, 0
		}
		rest, skip := m.b[at+n:], 0
		switch typ {
		case Group:
			if m.depth+depth >= maxDepth {
				m.fail(at, parse.ErrLimit, "groups are nested more than 100 deep", nil)
				return 0, 0
			}
			open[depth] = num
			depth++
		case endGroup:
			if num != open[depth-1] {
				m.fail(at, parse.ErrFormat, "a group ends that did not begin", num)
				return 0, 0
			}
			if depth--; depth == 0 {
				return at - from, at + n - from
			}
		default: // what ends at once does not recurse
			skip = protowire.ConsumeFieldValue(protowire.Number(num), protowire.Type(typ), rest)
		}
		if skip < 0 {
			m.bad(at, skip)
			return 0, 0
		}
		at += n + skip
	}
}
