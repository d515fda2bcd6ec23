package codec_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/pierrec/lz4/v4"

	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/parse"
)

var fuzzed = []codec.Method{codec.XZ, codec.LZMA, codec.Bzip2, codec.Gzip, codec.Zlib, codec.Deflate, codec.Zstd, codec.Brotli,
	codec.LZ4, codec.LZ4Legacy}

// FuzzReader reads any bytes with the method that the first one chooses.
// Whatever they are: nothing panics, no more comes out than may, the error is a
// *parse.Error of one of the three kinds, and a smaller limit gives the same
// bytes, up to that limit.
func FuzzReader(f *testing.F) {
	for _, x := range append(fixtures(f), raw(f)...) {
		for i, m := range fuzzed {
			if m == x.method {
				f.Add(append([]byte{byte(i)}, x.data...))
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 1<<14 {
			return
		}
		const most = 1 << 14
		m, data := fuzzed[int(data[0])%len(fuzzed)], data[1:]
		got, err := decode(m, data, most)
		if len(got) > most || err != nil && !isParse(err) {
			t.Fatalf("%s: %d bytes, %T %v", m, len(got), err, err)
		}
		if len(got) == 0 {
			return
		}
		less, err := decode(m, data, int64(len(got)-1))
		if !bytes.HasPrefix(got, less) {
			t.Fatalf("%s: other bytes with a smaller limit", m)
		}
		if len(less) == len(got)-1 && !errors.Is(err, parse.ErrLimit) && !isParse(err) {
			t.Fatalf("%s: %d bytes of %d: %v", m, len(less), len(got), err)
		}
	})
}

// FuzzLZ4Block decodes any block into any room. What the library takes, we take
// alike; what we take and it does not is a partial block, or one whose last token
// has a match length that nothing follows, which liblz4 ignores.
func FuzzLZ4Block(f *testing.F) {
	sample := file(f, "sample")
	f.Add(lz4Block(f, sample, true), uint16(len(sample)))
	f.Add(lz4Block(f, sample, false), uint16(700))
	f.Add([]byte("\x1fa\x01\x00\xff\xff\x00\x10b"), uint16(1000))
	f.Fuzz(func(t *testing.T, src []byte, room uint16) {
		around := bytes.Repeat([]byte{0xa5}, int(room)+32)
		dst := around[16 : 16+room]
		n, err := codec.DecodeLZ4Block(dst, src)
		if bytes.Trim(around[:16], "\xa5") != nil || bytes.Trim(around[16+int(room):], "\xa5") != nil {
			t.Fatal("writes outside")
		}
		if err != nil && !isParse(err) {
			t.Fatal(err)
		}
		if n < len(dst) && err == nil && len(src) == 0 {
			t.Fatal("nothing is a block")
		}
		peer := make([]byte, room)
		k, perr := lz4.UncompressBlock(src, peer)
		// The library takes blocks that end with a match, which no decoder of the
		// format's own takes, and no block for an empty one.
		ended := errors.Is(err, io.ErrUnexpectedEOF)
		if perr == nil && len(src) > 0 && !ended && (err != nil || n != k || !bytes.Equal(dst[:n], peer[:k])) {
			t.Fatalf("%d, %v; the library %d", n, err, k)
		}
		if perr == nil && ended && !bytes.Equal(dst[:n], peer[:k]) {
			t.Fatalf("%d bytes, %v; the library %d", n, err, k)
		}
		// Less room gives a prefix.
		less := make([]byte, room/2)
		if k, _ := codec.DecodeLZ4Block(less, src); !bytes.HasPrefix(dst[:n], less[:k]) || k != min(n, len(less)) {
			t.Fatalf("%d bytes into half the room, %d into the whole", k, n)
		}
	})
}

// FuzzMicroLZMA decodes any bytes into any room: no panic, no more than there is
// room for, and less room gives a prefix.
func FuzzMicroLZMA(f *testing.F) {
	f.Add(microlzma(f), uint16(2512))
	f.Add(microlzma(f), uint16(700))
	f.Fuzz(func(t *testing.T, src []byte, room uint16) {
		dst := make([]byte, room)
		n, err := codec.DecodeMicroLZMA(dst, src)
		if err != nil && !isParse(err) || err == nil && n != len(dst) {
			t.Fatalf("%d of %d: %v", n, room, err)
		}
		less := make([]byte, n/2)
		if k, err := codec.DecodeMicroLZMA(less, src); err != nil || k != len(less) || !bytes.HasPrefix(dst[:n], less) {
			t.Fatalf("%d of %d: %v", k, len(less), err)
		}
	})
}
