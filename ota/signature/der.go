package signature

import (
	"errors"

	"github.com/otavet/otavet/ota/parse"
)

// The tags of X.690 that certificates and CMS messages use.
const (
	tagInteger   = 0x02
	tagBitString = 0x03
	tagOctets    = 0x04
	tagOID       = 0x06
	tagSequence  = 0x30
	tagSet       = 0x31
	tagContext   = 0xA0 // [0], constructed; [n] is tagContext + n
)

// A der reads elements one after another. It never recurses: a reader enters
// exactly the elements that it knows, so hostile depth costs nothing. Lengths
// must be definite; they need not be the shortest, because certificates with
// long forms exist (apksig has some among its tests) and digests are made over
// the bytes as they stand.
type der struct {
	c *parse.Cursor
	b []byte // what c reads
}

func newDER(b []byte, base int64) *der { return &der{parse.NewCursor("signature", b, base), b} }

func (d *der) err() error { return d.c.Err() }

func (d *der) more() bool { return d.c.Len() > 0 }

// peek is the next tag; zero at the end.
func (d *der) peek() byte {
	if n := d.c.Len(); n > 0 {
		return d.b[len(d.b)-n]
	}
	return 0
}

// next gives the next element's tag, its contents, and all its bytes.
func (d *der) next() (tag byte, contents, all []byte) {
	start := len(d.b) - d.c.Len()
	tag = d.c.U8()
	if tag&0x1f == 0x1f {
		d.c.Fail(parse.ErrUnsupported, "a tag of several bytes", tag)
	}
	n := uint64(d.c.U8())
	switch {
	case n == 0x80:
		d.c.Fail(parse.ErrUnsupported, "BER with an indefinite length", nil)
	case n > 0x84:
		d.c.Fail(parse.ErrFormat, "a length of too many bytes", n)
	case n > 0x80:
		size := n & 0x7f
		n = 0
		for range size {
			n = n<<8 | uint64(d.c.U8())
		}
	}
	contents = d.c.Bytes(d.c.Count(n, 1, maxDER))
	if d.c.Err() != nil {
		return 0, nil, nil
	}
	end := len(d.b) - d.c.Len()
	return tag, contents, d.b[start:end:end]
}

// read gives the contents of the next element, which must have the tag.
func (d *der) read(tag byte) []byte {
	contents, _ := d.readAll(tag)
	return contents
}

func (d *der) readAll(tag byte) (contents, all []byte) {
	if d.c.Err() == nil && d.peek() != tag {
		d.c.Fail(parse.ErrFormat, "another element was expected", d.peek())
		return nil, nil
	}
	_, contents, all = d.next()
	return contents, all
}

// enter reads the elements inside the next element, which must have the tag.
// Where there is none the reader that it gives has failed as well.
func (d *der) enter(tag byte) *der {
	contents := d.read(tag)
	in := newDER(contents, d.c.Offset()-int64(len(contents)))
	if d.c.Err() != nil {
		var e *parse.Error
		errors.As(d.c.Err(), &e)
		in.c.Fail(e.Kind, e.Msg, e.Got)
	}
	return in
}

// end fails unless nothing is left.
func (d *der) end() {
	if d.more() {
		d.c.Fail(parse.ErrFormat, "bytes after the last element", nil)
	}
}

// first is the first error of several readers.
func first(ds ...*der) error {
	for _, d := range ds {
		if d.err() != nil {
			return d.err()
		}
	}
	return nil
}
