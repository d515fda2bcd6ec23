package parse

import "encoding/binary"

// A Cursor reads integers and runs of bytes from a slice that came out of a
// file. It never panics: the first read past the end makes it fail, and from
// then on every read answers zero and Err tells where and why.
type Cursor struct {
	format string
	b      []byte
	base   int64
	off    int
	err    error
}

// NewCursor reads b, whose first byte stands at the absolute offset base of
// the file, on behalf of the named format.
func NewCursor(format string, b []byte, base int64) *Cursor {
	return &Cursor{format: format, b: b, base: base}
}

// Err is the first error, a *Error, or nil.
func (c *Cursor) Err() error { return c.err }

// Offset is the absolute offset of the next byte.
func (c *Cursor) Offset() int64 { return c.base + int64(c.off) }

// Len is the number of bytes that remain; zero once the cursor has failed.
func (c *Cursor) Len() int {
	if c.err != nil {
		return 0
	}
	return len(c.b) - c.off
}

// Fail makes the cursor fail at its present offset, unless it failed before.
func (c *Cursor) Fail(kind error, msg string, got any) {
	if c.err == nil {
		c.err = &Error{Format: c.format, Off: c.Offset(), Msg: msg, Got: got, Kind: kind}
	}
}

// Bytes gives the next n bytes; they share memory with the slice.
func (c *Cursor) Bytes(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > len(c.b)-c.off {
		c.Fail(ErrFormat, "runs past its end", n)
		return nil
	}
	p := c.b[c.off : c.off+n : c.off+n]
	c.off += n
	return p
}

// Skip passes over n bytes.
func (c *Cursor) Skip(n int) { c.Bytes(n) }

// U8 reads one byte.
func (c *Cursor) U8() uint8 {
	if p := c.Bytes(1); p != nil {
		return p[0]
	}
	return 0
}

// U16LE, U32LE, U64LE read little-endian integers; U16BE, U32BE, U64BE big-endian ones.
func (c *Cursor) U16LE() uint16 {
	if p := c.Bytes(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

// U32LE: see U16LE.
func (c *Cursor) U32LE() uint32 {
	if p := c.Bytes(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

// U64LE: see U16LE.
func (c *Cursor) U64LE() uint64 {
	if p := c.Bytes(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

// U16BE: see U16LE.
func (c *Cursor) U16BE() uint16 {
	if p := c.Bytes(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

// U32BE: see U16LE.
func (c *Cursor) U32BE() uint32 {
	if p := c.Bytes(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

// U64BE: see U16LE.
func (c *Cursor) U64BE() uint64 {
	if p := c.Bytes(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// Count turns a count from the file into one that may become memory: n records
// of at least size bytes each must fit into what remains (ErrFormat if not),
// and there may be no more than most of them (ErrLimit).
func (c *Cursor) Count(n uint64, size, most int64) int {
	if c.err != nil {
		return 0
	}
	if n > uint64(most) {
		c.Fail(ErrLimit, "more records than are read", n)
		return 0
	}
	if size > 0 && n > uint64(c.Len())/uint64(size) {
		c.Fail(ErrFormat, "a count is larger than the bytes that remain", n)
		return 0
	}
	return int(n)
}
