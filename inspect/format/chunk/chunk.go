package chunk

import (
	"encoding/binary"

	"github.com/otavet/otavet/ota/parse"
)

func fail(format string, off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: format, Off: off, Msg: msg, Got: got, Kind: kind}
}

// A Chunk is one chunk, whole.
type Chunk struct {
	Type   uint16
	Header []byte // with the eight bytes that every chunk begins with
	Body   []byte
	Off    int64 // absolute
}

// Size is the number of bytes of the whole chunk.
func (c *Chunk) Size() int { return len(c.Header) + len(c.Body) }

// Whole is the chunk with its header.
func (c *Chunk) Whole() []byte { return c.Header[:c.Size()] }

// Fields reads the header past the part that all chunks share, on behalf of the
// named format.
func (c *Chunk) Fields(format string) *parse.Cursor {
	return parse.NewCursor(format, c.Header[lenHeader:], c.Off+lenHeader)
}

// At reads the chunk that begins at b[off], where base is the absolute offset of
// b, and judges it as validate_chunk does: a header of at least least bytes, no
// longer than the chunk, both multiples of four, and all inside b.
func At(format string, b []byte, base int64, off, least int) (Chunk, error) {
	at := base + int64(off)
	if off < 0 || off > len(b) || len(b)-off < lenHeader {
		return Chunk{}, fail(format, at, parse.ErrFormat, "no room for the header of a chunk", nil)
	}
	p := b[off:]
	typ, header, size := binary.LittleEndian.Uint16(p), binary.LittleEndian.Uint16(p[2:]), binary.LittleEndian.Uint32(p[4:])
	switch {
	case int(header) < max(least, lenHeader):
		return Chunk{}, fail(format, at, parse.ErrFormat, "the header of a chunk is too small", header)
	case uint32(header) > size:
		return Chunk{}, fail(format, at, parse.ErrFormat, "a chunk is smaller than its header", size)
	case (uint32(header)|size)&3 != 0:
		return Chunk{}, fail(format, at, parse.ErrFormat, "the size of a chunk is not a multiple of four", size)
	case uint64(size) > uint64(len(p)):
		return Chunk{}, fail(format, at, parse.ErrFormat, "a chunk runs past what holds it", size)
	}
	// The header's capacity reaches over the whole chunk: see Whole.
	return Chunk{Type: typ, Header: p[:header:size], Body: p[header:size:size], Off: at}, nil
}

// A Walker goes over chunks that lie one after another, as the platform's
// ChunkIterator does.
type Walker struct {
	format string
	b      []byte
	base   int64
	off    int
	cut    bool
	err    error
}

// Walk goes over the chunks in b, whose first byte stands at the absolute offset base.
func Walk(format string, b []byte, base int64) *Walker {
	return &Walker{format: format, b: b, base: base}
}

// Next gives the next chunk, and false at the end and after an error.
func (w *Walker) Next() (Chunk, bool) {
	if w.err != nil || w.cut || w.off == len(w.b) {
		return Chunk{}, false
	}
	// The platform forgives (ChunkIterator::VerifyNextChunkNonFatal) what is
	// not whole after the first chunk: APKs whose tables were padded or cut by
	// obfuscators run on devices, and what stands before is read.
	if rest := w.b[w.off:]; w.off > 0 &&
		(len(rest) < lenHeader || uint64(binary.LittleEndian.Uint32(rest[4:])) > uint64(len(rest))) {
		w.cut = true
		return Chunk{}, false
	}
	c, err := At(w.format, w.b, w.base, w.off, lenHeader)
	if err != nil {
		w.err = err
		return Chunk{}, false
	}
	w.off += c.Size()
	return c, true
}

// Err is the *parse.Error that ended the walk, or nil.
func (w *Walker) Err() error { return w.err }

// Cut tells whether the walk ended before bytes that are no whole chunk, which
// the platform passes over.
func (w *Walker) Cut() bool { return w.cut }

// Offset is the absolute offset of the first byte that was not walked over.
func (w *Walker) Offset() int64 { return w.base + int64(w.off) }
