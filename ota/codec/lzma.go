package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/ulikunitz/xz/lzma"

	"github.com/otavet/otavet/ota/parse"
)

const (
	lzmaHeaderSize  = 13             // properties, dictionary, size
	lzmaUnknownSize = math.MaxUint64 // in the header: the data have an end marker
	lzmaLCLPMax     = 4              // LZMA_LCLP_MAX of liblzma and of XZ Embedded
	lzmaMinDict     = lzma.MinDictCap
	lzmaMaxChunk    = 2 << 20 // what an LZMA2 chunk becomes

	// lzmaMaxDict bounds the dictionary. 64 MiB is what update_engine gives to
	// its decoder (kXzMaxDictSize in xz_extent_writer.cc) and the largest that
	// any preset of xz asks for.
	lzmaMaxDict = 64 << 20

	// lzmaRatio bounds what a byte of LZMA becomes: a match of 273 bytes, which
	// none exceeds, takes 14 bits, each of which costs no less than
	// log2(2048/2017) bit: 7087 bytes.
	lzmaRatio = 8 << 10
)

// newLZMA reads a .lzma file (lzma-file-format.txt of XZ Utils): a header of 13
// bytes and LZMA data of known size, with an end marker, or both. Nothing may
// follow.
func newLZMA(in *source, most int64) io.Reader {
	return &lzmaReader{guarded: guarded{lib: libLZMA, method: LZMA, in: in}, most: most}
}

type lzmaReader struct {
	guarded
	most int64
	cut  bool // the dictionary is smaller than the header says
}

func (l *lzmaReader) Read(p []byte) (n int, err error) {
	defer l.recover(&err)
	if l.r == nil {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	n, err = l.r.Read(p)
	switch {
	case err == io.EOF:
		err = last(LZMA, l.in)
	case err != nil && l.cut && strings.Contains(err.Error(), "distance out of range"):
		// The library has come upon a distance that reaches beyond what may
		// come out, or beyond what came out, and does not tell which.
		msg := fmt.Sprintf("a distance exceeds the %d bytes that may come out, or the data are corrupt", l.most)
		err = fail(LZMA, l.in.off, parse.ErrLimit, msg, nil, err)
	}
	return n, err
}

// open reads the header and gives the library one that calls for no larger
// dictionary than can be made use of.
func (l *lzmaReader) open() error {
	var h [lzmaHeaderSize]byte
	if err := l.in.full(h[:]); err != nil {
		return noEOF(err)
	}
	if err := lzmaProperties(LZMA, 0, h[0]); err != nil {
		return err
	}
	dict := int64(binary.LittleEndian.Uint32(h[1:]))
	if dict > lzmaMaxDict {
		return dictionaryLimit(LZMA, 1, dict)
	}
	size := binary.LittleEndian.Uint64(h[5:])
	if size != lzmaUnknownSize && size >= 1<<50 {
		// The library refuses it as well; no device holds a pebibyte.
		return fail(LZMA, 5, parse.ErrFormat, "size is not one", size, nil)
	}
	if size == 0 {
		// The library wants an end marker here. Without one, the range coder's
		// five first bytes, which say nothing, are all there is.
		if b, err := l.in.buf.Peek(6); err == io.EOF && bytes.Equal(b, make([]byte, 5)) {
			return io.EOF
		}
	}
	use := min(dict, l.in.expansion(lzmaRatio))
	if use > l.most {
		use, l.cut = l.most+1, size == lzmaUnknownSize || size > uint64(l.most)
	}
	binary.LittleEndian.PutUint32(h[1:], uint32(max(use, lzmaMinDict)))
	r, err := lzma.NewReader(&headed{head: h[:], rest: endless{l.in}})
	if err != nil {
		return err
	}
	l.r = r
	return nil
}

// lzmaProperties checks the byte that has lc, lp and pb. It stands at off.
func lzmaProperties(m Method, off int64, b byte) error {
	p, err := lzma.PropertiesForCode(b)
	switch {
	case err != nil:
		return fail(m, off, parse.ErrFormat, "properties byte out of range", b, nil)
	case p.LC+p.LP > lzmaLCLPMax:
		// xz takes no such data either. Their probability tables are up to 6 MiB,
		// set up anew by as few as twelve bytes.
		return fail(m, off, parse.ErrUnsupported, fmt.Sprintf("lc %d + lp %d exceed %d", p.LC, p.LP, lzmaLCLPMax), nil, nil)
	}
	return nil
}

func dictionaryLimit(m Method, off, size int64) error {
	msg := fmt.Sprintf("dictionary of %d bytes, more than %d MiB", size, lzmaMaxDict>>20)
	return fail(m, off, parse.ErrLimit, msg, nil, nil)
}

// A headed reader is a header that was put together and what follows it.
type headed struct {
	head []byte
	rest interface {
		io.Reader
		io.ByteReader
	}
}

func (h *headed) Read(p []byte) (int, error) {
	if len(h.head) == 0 {
		return h.rest.Read(p)
	}
	n := copy(p, h.head)
	h.head = h.head[n:]
	return n, nil
}

func (h *headed) ReadByte() (byte, error) {
	if len(h.head) == 0 {
		return h.rest.ReadByte()
	}
	b := h.head[0]
	h.head = h.head[1:]
	return b, nil
}
