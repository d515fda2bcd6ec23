package codec

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"strings"

	"github.com/ulikunitz/xz/lzma"

	"github.com/otavet/otavet/ota/parse"
)

const microLZMA Method = "microlzma" // for errors only: nothing but DecodeMicroLZMA reads it

// DecodeMicroLZMA decodes MicroLZMA, the form of LZMA that EROFS stores
// (lzma_microlzma_decoder of liblzma, xz_dec_microlzma of Linux): one LZMA stream
// without header and end marker, whose first byte, which is zero in all LZMA,
// holds the inverted properties. Sizes are the caller's to know; src must not
// have the zeros with which EROFS fills a cluster before the data.
//
// It fills dst and stops, whether the data end there or go on: what follows is
// not vouched for. Data that do not fill dst are an error, and n tells how much
// there was. Errors are *parse.Error: ErrFormat, with the offset in src where
// decoding had come to, or ErrUnsupported for lc + lp > 4, which Linux refuses.
func DecodeMicroLZMA(dst, src []byte) (n int, err error) {
	if len(dst) == 0 {
		return 0, nil
	}
	if len(src) == 0 {
		return 0, short(microLZMA, 0)
	}
	props := ^src[0]
	if err := lzmaProperties(microLZMA, 0, props); err != nil {
		return 0, err
	}
	// The library knows .lzma: this is its header, and the zero byte. The
	// dictionary is dst over again, no larger than the data can become; distances
	// reach no further, whatever dictionary the data were made with.
	head := make([]byte, lzmaHeaderSize+1)
	head[0] = props
	dict := min(int64(len(dst)), int64(len(src))*lzmaRatio, math.MaxUint32)
	binary.LittleEndian.PutUint32(head[1:], uint32(max(dict, lzmaMinDict)))
	binary.LittleEndian.PutUint64(head[5:], uint64(len(dst)))
	in := newSource(bytes.NewReader(src[1:]))
	defer in.free()
	g := guarded{libLZMA, microLZMA, in, &micro{head: head, rest: endless{in}}}
	for n < len(dst) && err == nil {
		var k int
		k, err = g.Read(dst[n:])
		n += k
	}
	switch {
	case n == len(dst):
		return n, nil
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return n, short(microLZMA, in.off+1)
	}
	return n, fail(microLZMA, in.off+1, parse.ErrFormat, "is corrupt: "+reason(err), nil, err)
}

// A micro reads through the library, as far as it can be made to go.
type micro struct {
	head []byte
	rest endless
	r    *lzma.Reader
}

func (m *micro) Read(p []byte) (int, error) {
	if m.r == nil {
		r, err := lzma.NewReader(&headed{m.head, m.rest})
		if err != nil {
			return 0, err
		}
		m.r = r
	}
	n, err := m.r.Read(p)
	if err != nil && (err == io.ErrUnexpectedEOF || strings.HasSuffix(err.Error(), "wrong uncompressed data size")) {
		// Data that go on beyond dst, or end without a marker, are wrong for the
		// library. It has decoded all it could, and gives what it still holds.
		k, again := io.ReadFull(m.r, p[n:])
		if n += k; n < len(p) {
			return n, again
		}
		return n, err
	}
	return n, err
}
