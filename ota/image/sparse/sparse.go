package sparse

import (
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
	w := window{b: b}
	h, err := w.header()
	if err != nil {
		return nil, err
	}
	if int64(h.Chunks) > max(b.Size()-int64(h.HeaderSize), 0)/int64(h.ChunkHeaderSize) {
		return nil, fail(20, parse.ErrFormat, "more chunks than the file has room for", h.Chunks)
	}
	if err := bud.Entry("sparse", int64(h.Chunks)); err != nil {
		return nil, err
	}
	p := &part{b: b, header: h, size: h.size()}
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
	at, done := int64(p.header.HeaderSize), int64(0)
	for range p.header.Chunks {
		c, err := w.chunk(&p.header, at, p.size-done)
		if err != nil {
			return err
		}
		switch {
		case c.kind == chunkRaw:
			if c.stored > p.b.Size()-c.data {
				return c.cut()
			}
			if c.n > 0 {
				p.runs = append(p.runs, run{off: done, n: c.n, at: c.data, kind: Raw})
			}
		case c.kind == chunkFill && c.n > 0:
			p.runs = append(p.runs, run{off: done, n: c.n, kind: Fill, fill: c.word})
		case c.kind == chunkCRC32:
			p.sums = append(p.sums, sum{n: done, want: c.word, at: c.data})
		}
		done += c.n
		at = c.data + c.stored
	}
	if done != p.size {
		return p.header.few()
	}
	p.tail = p.b.Size() - at
	return nil
}
