package codec_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/pierrec/lz4/v4"

	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/parse"
)

// lz4Block compresses p with the library's compressors.
func lz4Block(t testing.TB, p []byte, hc bool) []byte {
	t.Helper()
	b := make([]byte, lz4.CompressBlockBound(len(p)))
	var n int
	var err error
	if hc {
		n, err = lz4.CompressBlockHC(p, b, lz4.Level9, nil, nil)
	} else {
		n, err = lz4.CompressBlock(p, b, nil)
	}
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	return b[:n]
}

// Whatever the size of dst, it is filled with the beginning of the data, and
// what stands around it is left alone.
func TestLZ4Partial(t *testing.T) {
	want := bytes.Repeat(file(t, "sample"), 3)
	for _, hc := range []bool{false, true} {
		src := lz4Block(t, want, hc)
		for size := range len(want) + 1 {
			around := bytes.Repeat([]byte{0xa5}, size+32)
			n, err := codec.DecodeLZ4Block(around[16:16+size:16+size], src)
			if n != size || err != nil || !bytes.Equal(around[16:16+n], want[:n]) {
				t.Fatalf("%d bytes of %d: %v", n, size, err)
			}
			if bytes.Trim(around[:16], "\xa5") != nil || bytes.Trim(around[16+size:], "\xa5") != nil {
				t.Fatalf("%d: writes outside", size)
			}
		}
		dst := make([]byte, len(want)+100)
		if n, err := codec.DecodeLZ4Block(dst, src); n != len(want) || err != nil || !bytes.Equal(dst[:n], want) {
			t.Errorf("into more than it needs: %d, %v", n, err)
		}
		// Zeros behind the block are not looked at once dst is full.
		if n, err := codec.DecodeLZ4Block(dst[:len(want)], append(bytes.Clone(src), 0, 0, 0)); n != len(want) || err != nil {
			t.Errorf("with zeros behind: %d, %v", n, err)
		}
		for cut := range src {
			n, err := codec.DecodeLZ4Block(dst, src[:cut])
			if !bytes.Equal(dst[:n], want[:n]) {
				t.Fatalf("cut to %d: other bytes", cut)
			}
			// A block has no end mark: a cut behind literals is a block.
			if err != nil && (!errors.Is(err, io.ErrUnexpectedEOF) || !isParse(err)) {
				t.Fatalf("cut to %d: %v", cut, err)
			}
		}
	}
}

func TestLZ4Malformed(t *testing.T) {
	for _, c := range []struct {
		src  string
		want error
	}{
		{"", io.ErrUnexpectedEOF},
		{"\x00", nil},
		{"\x10", io.ErrUnexpectedEOF},
		{"\xf0", io.ErrUnexpectedEOF},
		{"\xf0\xff\xff", io.ErrUnexpectedEOF},
		{"\x10a\x01", io.ErrUnexpectedEOF},
		{"\x10a\x01\x00", io.ErrUnexpectedEOF}, // ends with a match
		{"\x1fa\x01\x00\xff", io.ErrUnexpectedEOF},
		{"\x10a\x00\x00\x00", parse.ErrFormat}, // offset 0
		{"\x10a\x02\x00\x00", parse.ErrFormat}, // before the block
		{"\x10a\x01\x00\x10b", nil},
	} {
		_, err := codec.DecodeLZ4Block(make([]byte, 1000), []byte(c.src))
		if !errors.Is(err, c.want) || c.want != nil && !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%q: %v; want %v", c.src, err, c.want)
		}
	}
}

// microlzma is sample as liblzma makes it, with the first byte as EROFS has it;
// an end marker stands behind the data.
func microlzma(t testing.TB) []byte {
	b := file(t, "sample.lzma1")
	if b[0] != 0 {
		t.Fatal("not LZMA")
	}
	b[0] = ^byte(0x5d)
	return b
}

func TestMicroLZMA(t *testing.T) {
	want, src := file(t, "sample"), microlzma(t)
	for size := range len(want) + 1 {
		dst := make([]byte, size)
		if n, err := codec.DecodeMicroLZMA(dst, src); n != size || err != nil || !bytes.Equal(dst, want[:size]) {
			t.Fatalf("%d bytes of %d: %v", n, size, err)
		}
	}
	dst := make([]byte, len(want)+1)
	if n, err := codec.DecodeMicroLZMA(dst, src); n != len(want) || !errors.Is(err, parse.ErrFormat) || !bytes.Equal(dst[:n], want) {
		t.Errorf("into more than there is: %d, %v", n, err)
	}
	// liblzma's MicroLZMA encoder has no end marker: cut until the data no longer
	// fill dst. An end marker takes five or six bytes.
	shortest := len(src)
	for cut := len(src) - 1; cut >= 0; cut-- {
		n, err := codec.DecodeMicroLZMA(dst[:len(want)], src[:cut])
		switch {
		case err == nil && n == len(want) && bytes.Equal(dst[:n], want):
			shortest = cut
		case !errors.Is(err, io.ErrUnexpectedEOF) || !isParse(err) || !bytes.Equal(dst[:n], want[:n]):
			t.Fatalf("cut to %d: %d, %v", cut, n, err)
		}
	}
	if d := len(src) - shortest; d < 4 || d > 12 {
		t.Errorf("%d bytes can go", d)
	}
	for _, c := range []struct {
		src  string
		want error
	}{
		{"", io.ErrUnexpectedEOF},
		{"\xa2", io.ErrUnexpectedEOF},
		{"\x00", parse.ErrFormat},      // properties 0xff
		{"\xd3", parse.ErrUnsupported}, // lc 8, lp 4
		{"\xa2\xff\xff\xff\xff\xff\xff", parse.ErrFormat},
	} {
		if _, err := codec.DecodeMicroLZMA(make([]byte, 100), []byte(c.src)); !errors.Is(err, c.want) || !isParse(err) {
			t.Errorf("%q: %v; want %v", c.src, err, c.want)
		}
	}
	if n, err := codec.DecodeMicroLZMA(nil, nil); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range src {
		b := bytes.Clone(src)
		b[i] ^= 1 << r.IntN(8)
		if n, err := codec.DecodeMicroLZMA(dst[:len(want)], b); err != nil && !isParse(err) || err == nil && n != len(want) {
			t.Fatalf("byte %d flipped: %d, %v", i, n, err)
		}
	}
}
