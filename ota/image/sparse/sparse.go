package sparse

import (
	"encoding/binary"
	"fmt"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxChunks bounds what a file's chunks cost in memory, 40 bytes each. An image
	// of 16 GiB in which every second block is a hole has 2^22.
	maxChunks = 1 << 22

	// maxBlock keeps total_blks × blk_sz below 2^58. Android's tools write 4096;
	// 64 MiB is what libsparse puts into one chunk at most (MAX_BACKED_BLOCK_SIZE).
	maxBlock = 64 << 20

	// maxParts bounds the files of a split image: fastboot splits at what the
	// device takes at once, and a super image of 16 GiB at 64 MiB makes 256.
	maxParts = 1024
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "sparse", Off: off, Msg: msg, Got: got, Kind: kind}
}

// An Image is an expanded sparse image: a blob.Blob whose bytes are read where
// they lie in the sparse file, or follow from a few bytes of it. Blocks that
// nobody cares about read as zeros, as they do when the image is written to an
// empty file. An Image does not change; any number of goroutines may use it.
type Image struct {
	// Headers are those of the files that the image was made of, in the order given.
	Headers []Header

	// Notes say what is odd about the files, in the order in which it was met.
	Notes []string

	parts []*part
	runs  []run // data, in order, not overlapping; between them are holes
	size  int64
}

// A part is one sparse file.
type part struct {
	b      blob.Blob
	header Header
	runs   []run
	sums   []sum
	size   int64 // of its expanded image, in bytes
	tail   int64 // bytes of the file after the last chunk
}

// A run is data of the expanded image.
type run struct {
	off, n int64 // in the expanded image
	at     int64 // of raw data in the part's file
	part   int32
	kind   Kind
	fill   uint32
}

func (r *run) end() int64 { return r.off + r.n }

// A sum is a CRC-32 that the file states of the first n bytes of the expanded image.
type sum struct {
	n    int64
	want uint32
	at   int64 // where it is stated
}

// Open reads the headers of a sparse image and of all its chunks, but no data.
// Each chunk is charged to bud as an entry. The expanded size is not charged: a
// hole or fill of terabytes costs nothing until somebody reads it, and who
// reads an image as a whole asks for its Size first.
//
// The error is a *parse.Error whose offset counts in b, or an error of reading
// b. Unsupported are other major versions and types of chunks that AOSP does
// not know; limits are 2^22 chunks and blocks of 64 MiB. The totals of the
// header must agree with the chunks, and the size of each chunk with what it
// holds. Checksums are not looked at: see Verify.
//
// An image that is split into several files is opened by Join.
func Open(b blob.Blob, bud *parse.Budget) (*Image, error) {
	p, err := readPart(b, bud)
	if err != nil {
		return nil, err
	}
	m := &Image{Headers: []Header{p.header}, parts: []*part{p}, runs: p.runs, size: p.size}
	if p.tail > 0 {
		m.Notes = append(m.Notes, tailNote(p))
	}
	return m, nil
}

func tailNote(p *part) string {
	return fmt.Sprintf("%d bytes follow the last chunk, which no reader looks at", p.tail)
}

func readPart(b blob.Blob, bud *parse.Budget) (*part, error) {
	p := &part{b: b}
	w := window{b: b}
	head, err := w.bytes(0, lenHeader)
	if err != nil {
		return nil, err
	}
	if m := binary.LittleEndian.Uint32(head); m != magic {
		return nil, fail(0, parse.ErrFormat, "no magic of a sparse image", m)
	}
	h := &p.header
	h.read(parse.NewCursor("sparse", head, 0))
	switch {
	case h.Major != major:
		return nil, fail(4, parse.ErrUnsupported, "major version", h.Major)
	case h.HeaderSize < lenHeader:
		return nil, fail(8, parse.ErrFormat, "the header is shorter than a header", h.HeaderSize)
	case h.ChunkHeaderSize < lenChunk:
		return nil, fail(10, parse.ErrFormat, "headers of chunks are shorter than such a header", h.ChunkHeaderSize)
	case h.BlockSize == 0 || h.BlockSize%4 != 0:
		return nil, fail(12, parse.ErrFormat, "the block size is no multiple of 4", h.BlockSize)
	case h.BlockSize > maxBlock:
		return nil, fail(12, parse.ErrLimit, "blocks are larger than 64 MiB", h.BlockSize)
	case h.Chunks > maxChunks:
		return nil, fail(20, parse.ErrLimit, "more than 2^22 chunks", h.Chunks)
	case int64(h.Chunks) > max(b.Size()-int64(h.HeaderSize), 0)/int64(h.ChunkHeaderSize):
		return nil, fail(20, parse.ErrFormat, "more chunks than the file has room for", h.Chunks)
	}
	if err := bud.Entry("sparse", int64(h.Chunks)); err != nil {
		return nil, err
	}
	p.size = int64(h.Blocks) * int64(h.BlockSize)
	if h.Checksum != 0 {
		p.sums = append(p.sums, sum{n: p.size, want: h.Checksum, at: 24})
	}
	if err := p.readChunks(&w); err != nil {
		return nil, err
	}
	return p, nil
}

// readChunks follows process_chunk and sparse_file_read_sparse.
func (p *part) readChunks(w *window) error {
	h := &p.header
	at, done := int64(h.HeaderSize), int64(0)
	for range h.Chunks {
		head, err := w.bytes(at, int(h.ChunkHeaderSize))
		if err != nil {
			return err
		}
		var (
			kind   = binary.LittleEndian.Uint16(head)
			blocks = int64(binary.LittleEndian.Uint32(head[4:]))
			total  = int64(binary.LittleEndian.Uint32(head[8:]))
			n      = blocks * int64(h.BlockSize)
			data   = at + int64(h.ChunkHeaderSize)
			stored = total - int64(h.ChunkHeaderSize)
			word   uint32
		)
		if kind == chunkFill || kind == chunkCRC32 {
			if stored != 4 {
				return fail(at+8, parse.ErrFormat, "the size of a chunk of one word is wrong", uint32(total))
			}
			b, err := w.bytes(data, 4)
			if err != nil {
				return err
			}
			word = binary.LittleEndian.Uint32(b)
		}
		switch kind {
		case chunkRaw:
			if stored != n {
				return fail(at+8, parse.ErrFormat, "the size of a raw chunk is not that of its blocks", uint32(total))
			}
			if stored > p.b.Size()-data {
				return fail(at+8, parse.ErrFormat, "a raw chunk runs past the end of the file", uint32(total))
			}
		case chunkFill:
		case chunkDontCare:
			if stored != 0 {
				return fail(at+8, parse.ErrFormat, "a chunk without data has some", uint32(total))
			}
		case chunkCRC32:
			n = 0 // the reference does not look at its chunk_sz
			p.sums = append(p.sums, sum{n: done, want: word, at: data})
		case chunkSony:
			return fail(at, parse.ErrUnsupported, "a type of chunk that only Sony has", kind)
		default:
			return fail(at, parse.ErrUnsupported, "an unknown type of chunk", kind)
		}
		if n > p.size-done {
			return fail(at+4, parse.ErrFormat, "chunks hold more blocks than the header says", uint32(blocks))
		}
		if n > 0 && kind == chunkRaw {
			p.runs = append(p.runs, run{off: done, n: n, at: data, kind: Raw})
		} else if n > 0 && kind == chunkFill {
			p.runs = append(p.runs, run{off: done, n: n, kind: Fill, fill: word})
		}
		done += n
		at = data + stored
	}
	if done != p.size {
		return fail(16, parse.ErrFormat, "chunks hold fewer blocks than the header says", p.header.Blocks)
	}
	p.tail = p.b.Size() - at
	return nil
}

// A window reads the small structures of a file, many of which lie close together.
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
	buf, err := blob.ReadRange(w.b, off, min(left, int64(max(n, windowSize))))
	if err != nil {
		return nil, err
	}
	w.at, w.buf = off, buf
	return buf[:n], nil
}
