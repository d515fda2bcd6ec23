package sparse

import (
	"encoding/binary"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A window reads the small structures of a file, many of which lie close
// together. It goes forward only, and reads no byte twice.
type window struct {
	b   blob.Blob
	at  int64
	buf []byte
}

// windowSize covers two dozen chunks without data, and no more than one page of
// data that nobody asked for where they have some.
const windowSize = 512

// bytes gives the n bytes at off, n being below 2^16. They stay right until the next call.
func (w *window) bytes(off int64, n int) ([]byte, error) {
	if off >= w.at && off+int64(n) <= w.at+int64(len(w.buf)) {
		return w.buf[off-w.at:][:n], nil
	}
	left := w.b.Size() - off
	if left < int64(n) {
		return nil, fail(off, parse.ErrFormat, "the file ends within a header", max(left, 0))
	}
	buf := make([]byte, min(left, int64(max(n, windowSize))))
	if err := w.read(buf, off); err != nil {
		return nil, err
	}
	w.at, w.buf = off, buf
	return buf[:n], nil
}

// read fills p with what is at off, which lies inside the file.
func (w *window) read(p []byte, off int64) error {
	if off >= w.at && off < w.at+int64(len(w.buf)) {
		n := copy(p, w.buf[off-w.at:])
		p, off = p[n:], off+int64(n)
	}
	if len(p) == 0 {
		return nil
	}
	_, err := readFull(w.b, p, off)
	return err
}

func (w *window) header() (h Header, err error) {
	head, err := w.bytes(0, lenHeader)
	if err != nil {
		return h, err
	}
	if m := binary.LittleEndian.Uint32(head); m != magic {
		return h, fail(0, parse.ErrFormat, "no magic of a sparse image", m)
	}
	h.read(parse.NewCursor("sparse", head, 0))
	switch {
	case h.Major != major:
		err = fail(4, parse.ErrUnsupported, "major version", h.Major)
	case h.HeaderSize < lenHeader:
		err = fail(8, parse.ErrFormat, "the header is shorter than a header", h.HeaderSize)
	case h.ChunkHeaderSize < lenChunk:
		err = fail(10, parse.ErrFormat, "headers of chunks are shorter than such a header", h.ChunkHeaderSize)
	case h.BlockSize == 0 || h.BlockSize%4 != 0:
		err = fail(12, parse.ErrFormat, "the block size is no multiple of 4", h.BlockSize)
	case h.BlockSize > maxBlock:
		err = fail(12, parse.ErrLimit, "blocks are larger than 64 MiB", h.BlockSize)
	case h.Chunks > maxChunks:
		err = fail(20, parse.ErrLimit, "more than 2^22 chunks", h.Chunks)
	}
	return h, err
}

// size is that of the expanded image.
func (h *Header) size() int64 { return int64(h.Blocks) * int64(h.BlockSize) }

// few is the error where the chunks end before the image does.
func (h *Header) few() error {
	return fail(16, parse.ErrFormat, "chunks hold fewer blocks than the header says", h.Blocks)
}

// A chunk is one that agrees with itself. Its data may run past the end of the file.
type chunk struct {
	kind         uint16
	at           int64 // of its header, in bytes of the file
	data, stored int64 // where its data are, and how many bytes
	n            int64 // bytes of the expanded image that it makes
	word         uint32
}

// cut is the error where the file ends within a raw chunk.
func (c *chunk) cut() error {
	return fail(c.at+8, parse.ErrFormat, "a raw chunk runs past the end of the file", uint32(c.data-c.at+c.stored))
}

// chunk reads the chunk at at, of which left bytes of the expanded image may come.
func (w *window) chunk(h *Header, at, left int64) (c chunk, err error) {
	head, err := w.bytes(at, int(h.ChunkHeaderSize))
	if err != nil {
		return c, err
	}
	var (
		blocks = binary.LittleEndian.Uint32(head[4:])
		total  = binary.LittleEndian.Uint32(head[8:])
	)
	c = chunk{
		kind:   binary.LittleEndian.Uint16(head),
		at:     at,
		data:   at + int64(h.ChunkHeaderSize),
		stored: int64(total) - int64(h.ChunkHeaderSize),
		n:      int64(blocks) * int64(h.BlockSize),
	}
	switch c.kind {
	case chunkRaw:
		if c.stored != c.n {
			return c, fail(at+8, parse.ErrFormat, "the size of a raw chunk is not that of its blocks", total)
		}
	case chunkFill, chunkCRC32:
		if c.stored != 4 {
			return c, fail(at+8, parse.ErrFormat, "the size of a chunk of one word is wrong", total)
		}
		b, err := w.bytes(c.data, 4)
		if err != nil {
			return c, err
		}
		c.word = binary.LittleEndian.Uint32(b)
		if c.kind == chunkCRC32 {
			c.n = 0 // the reference does not look at its chunk_sz
		}
	case chunkDontCare:
		if c.stored != 0 {
			return c, fail(at+8, parse.ErrFormat, "a chunk without data has some", total)
		}
	case chunkSony:
		return c, fail(at, parse.ErrUnsupported, "a type of chunk that only Sony has", c.kind)
	default:
		return c, fail(at, parse.ErrUnsupported, "an unknown type of chunk", c.kind)
	}
	if c.n > left {
		return c, fail(at+4, parse.ErrFormat, "chunks hold more blocks than the header says", blocks)
	}
	return c, nil
}
