package codec

import (
	"io"

	"github.com/ulikunitz/xz/lzma"

	"github.com/otavet/otavet/ota/parse"
)

// An lzma2Reader reads LZMA2 data up to their end marker: chunks, each with a
// header of up to six bytes that tells its size before and after.
//
// The library decodes; this stands on both sides of it. Below, Read on a chunks
// value parses the headers that it passes on, because the library takes
// properties that xz refuses, and a chunk whose data need fewer bytes than the
// chunk has, and the end of the input, now and then, for the end of the data.
// Above, output is taken chunk by chunk, so that both sides stay in step.
type lzma2Reader struct {
	guarded
	dict int64
	c    chunks
}

// newLZMA2 reads from in with a dictionary of dict bytes.
func newLZMA2(in *source, dict int64) *lzma2Reader {
	return &lzma2Reader{guarded: guarded{lib: libLZMA, method: XZ, in: in}, dict: dict, c: chunks{in: in}}
}

func (l *lzma2Reader) Read(p []byte) (n int, err error) {
	defer l.recover(&err)
	if l.r == nil {
		r, err := lzma.Reader2Config{DictCap: int(max(l.dict, lzmaMinDict))}.NewReader2(&l.c)
		if err != nil {
			return 0, err
		}
		l.r = r
	}
	// One byte where a new chunk begins: the library then parses its header.
	n, err = l.r.Read(p[:min(len(p), max(l.c.out, 1))])
	l.c.out -= n
	switch {
	case err == io.EOF && !l.c.ended:
		return n, io.ErrUnexpectedEOF
	case err == nil && l.c.out == 0 && l.c.left != 0:
		return n, fail(XZ, l.in.off, parse.ErrFormat, "LZMA2 chunk is longer than its data", l.c.left, nil)
	}
	return n, err
}

// chunks passes an LZMA2 stream on.
type chunks struct {
	in     *source
	header []byte // to pass on first
	buf    [6]byte
	left   int // stored bytes of the chunk to pass on after that
	out    int // bytes of the chunk that have not come out
	ended  bool
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.header) == 0 && c.left == 0 {
		if c.ended {
			return 0, io.ErrUnexpectedEOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.header) > 0 {
		n := copy(p, c.header)
		c.header = c.header[n:]
		return n, nil
	}
	n, err := c.in.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, noEOF(err)
}

// next reads the header of a chunk.
func (c *chunks) next() error {
	off := c.in.off
	control, err := c.in.ReadByte()
	if err != nil {
		return noEOF(err)
	}
	c.buf[0] = control
	n := 1
	switch {
	case control == 0: // end of LZMA2 data
		c.ended = true
	case control <= 2: // uncompressed, with (1) or without (2) a new dictionary
		n = 3
	case control < 0x80:
		return fail(XZ, off, parse.ErrFormat, "unknown LZMA2 chunk", control, nil)
	case control < 0xc0: // LZMA; with a new state from 0xa0
		n = 5
	default: // LZMA; with new properties, and a new dictionary from 0xe0
		n = 6
	}
	if err := c.in.full(c.buf[1:n]); err != nil {
		return noEOF(err)
	}
	c.header = c.buf[:n]
	if n == 1 {
		return nil
	}
	c.out = int(c.buf[1])<<8 + int(c.buf[2]) + 1
	c.left = c.out
	if n > 3 {
		c.out += int(control&0x1f) << 16
		c.left = int(c.buf[3])<<8 + int(c.buf[4]) + 1
	}
	if n == 6 {
		return lzmaProperties(XZ, off+5, c.buf[5])
	}
	return nil
}

// dictionarySize reads the one byte of properties that the LZMA2 filter has.
func dictionarySize(off int64, b byte) (int64, error) {
	n, err := lzma.DecodeDictCap(b)
	switch {
	case err != nil:
		return 0, fail(XZ, off, parse.ErrFormat, "LZMA2 dictionary size out of range", b, nil)
	case n > lzmaMaxDict:
		return 0, dictionaryLimit(XZ, off, n)
	}
	return n, nil
}
