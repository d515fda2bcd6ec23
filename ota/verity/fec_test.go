package verity_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/verity"
)

// covered is what the parity of a fixture is of.
func (c fecCase) covered(t testing.TB) []byte {
	data := stream(c.size)
	for len(data)%c.fec.BlockSize != 0 {
		data = append(data, 0)
	}
	if c.tree != "-" {
		data = append(data, fixture(t, c.tree)...)
	}
	return data
}

func encode(t testing.TB, f verity.FEC, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := f.Encode(&out, blob.Bytes(data)); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Size(int64(len(data))); n != int64(out.Len()) || err != nil {
		t.Fatalf("%d bytes, Size says %d, %v", out.Len(), n, err)
	}
	return out.Bytes()
}

// TestParity makes the parity that avbtool, fec and veritysetup made, and finds theirs right.
func TestParity(t *testing.T) {
	_, fecs := cases(t)
	for _, c := range fecs {
		t.Run(c.file, func(t *testing.T) {
			want, data := fixture(t, c.file), c.covered(t)
			if c.header {
				h, err := verity.ParseFECHeader(blob.Bytes(want))
				if err != nil {
					t.Fatal(err)
				}
				if h.Roots != c.fec.Roots || h.Data != c.size || h.Copy || h.Off != int64(len(want)-4096) {
					t.Errorf("%+v", h)
				}
				want = want[:h.Size]
				if sha256.Sum256(want) != h.SHA256 {
					t.Error("the header has another digest of the parity")
				}
			}
			if !bytes.Equal(encode(t, c.fec, data), want) {
				t.Errorf("the parity is not %s's", c.tool)
			}
			if err := c.fec.Check(blob.Bytes(data), blob.Bytes(want)); err != nil {
				t.Error(err)
			}
			for i := 0; i < len(want); i += 97 {
				want[i] ^= 1
				err := c.fec.Check(blob.Bytes(data), blob.Bytes(want))
				want[i] ^= 1
				var pe *parse.Error
				if !errors.As(err, &pe) || pe.Kind != parse.ErrFormat || pe.Off != int64(i) {
					t.Fatalf("byte %#x of the parity: %v", i, err)
				}
			}
			// A byte of data changes the parity of its column and no other.
			row := len(want) / c.fec.Roots
			for i := 0; i < len(data); i += 4099 * 7 {
				data[i] ^= 0x80
				err := c.fec.Check(blob.Bytes(data), blob.Bytes(want))
				data[i] ^= 0x80
				var pe *parse.Error
				if !errors.As(err, &pe) || int(pe.Off)/c.fec.Roots != i%row {
					t.Fatalf("byte %#x of the data: %v", i, err)
				}
			}
		})
	}
}

// TestCodewords holds the parity against what a codeword is: a polynomial that is
// zero at 1, α, α², …; and columns against a byte-wise reading of AOSP's fec_ecc_interleave.
func TestCodewords(t *testing.T) {
	power := make([]byte, 255)
	for i, x := 0, 1; i < 255; i++ {
		power[i] = byte(x)
		if x <<= 1; x > 255 {
			x ^= 0x11d
		}
	}
	times := func(a byte, log int) byte {
		if a == 0 {
			return 0
		}
		return power[(bytes.IndexByte(power, a)+log)%255]
	}
	check := func(roots, block, blocks, step int) {
		f := verity.FEC{Roots: roots, BlockSize: block}
		n := 255 - roots
		data := bytes.Repeat(stream(8191*8), 1+blocks*block/(8191*8))[:blocks*block]
		parity := encode(t, f, data)
		rounds := (blocks + n - 1) / n
		for c := 0; c < rounds*block; c += step {
			var word []byte
			for j := range n {
				i := c*n + j
				at := i/n + i%n*rounds*block
				if at >= len(data) {
					word = append(word, 0)
				} else {
					word = append(word, data[at])
				}
			}
			word = append(word, parity[c*roots:][:roots]...)
			for root := range roots {
				v := byte(0)
				for _, w := range word {
					v = times(v, root) ^ w
				}
				if v != 0 {
					t.Fatalf("%d roots, codeword %d: not zero at the generator's root %d", roots, c, root)
				}
			}
		}
	}
	for roots := 2; roots <= 24; roots++ {
		n := 255 - roots
		check(roots, 512, []int{1, n - 1, n, n + 1}[roots%4], 31)
	}
	// More codewords than are made at once.
	check(2, 4096, 253*8+1, 631)
	check(24, 4096, 231*8+1, 631)
}

// TestFECSizes holds sizes against those that fec -s says, less the block of its header.
func TestFECSizes(t *testing.T) {
	for _, c := range []struct {
		roots      int
		data, size int64
	}{
		{2, 4096, 12288}, {24, 4096, 102400},
		{2, 4096 * 253, 12288}, {2, 4096 * 254, 20480}, {24, 4096 * 254, 200704},
		{2, 16 << 30, 135819264}, {24, 16 << 30, 1785008128},
		{2, 1 << 40, 8691798016}, {24, 1 << 40, 114235052032},
	} {
		got, err := verity.FEC{Roots: c.roots, BlockSize: 4096}.Size(c.data)
		if err != nil || got != c.size-4096 {
			t.Errorf("%d roots, %d: %d, %v; want %d", c.roots, c.data, got, err, c.size-4096)
		}
	}
	for _, c := range []struct {
		roots, block int
		data         int64
		kind         error
	}{
		{0, 4096, 4096, parse.ErrFormat}, {-2, 4096, 4096, parse.ErrFormat}, {255, 4096, 4096, parse.ErrFormat},
		{1, 4096, 4096, parse.ErrUnsupported}, {25, 4096, 4096, parse.ErrUnsupported}, {254, 4096, 4096, parse.ErrUnsupported},
		{2, 4095, 4095, parse.ErrFormat}, {2, 4096, 4095, parse.ErrFormat}, {2, 4096, 0, parse.ErrFormat}, {2, 4096, -4096, parse.ErrFormat},
		{2, 4096, 1<<60 + 4096, parse.ErrLimit},
	} {
		f := verity.FEC{Roots: c.roots, BlockSize: c.block}
		if _, err := f.Size(c.data); !errors.Is(err, c.kind) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	f := verity.FEC{Roots: 2, BlockSize: 4096}
	for i, err := range []error{
		f.Check(blob.Bytes(make([]byte, 4096)), blob.Bytes(make([]byte, 8191))),
		f.Check(blob.Bytes(make([]byte, 4095)), blob.Bytes(make([]byte, 8192))),
		f.Check(blob.Bytes(nil), blob.Bytes(nil)),
		f.Encode(&bytes.Buffer{}, blob.Bytes(nil)),
	} {
		if !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestFECHeader breaks a header of the fec tool's: the copy serves as long as it is right.
func TestFECHeader(t *testing.T) {
	good := fixture(t, "fec-padded.fec")
	first, second := len(good)-4096, len(good)-60
	le := binary.LittleEndian
	for _, c := range []struct {
		name  string
		spoil func(p []byte)
		kind  error
		text  string
	}{
		{"no magic", func(p []byte) { p[0]++ }, parse.ErrFormat, "magic"},
		{"version", func(p []byte) { p[4]++ }, parse.ErrUnsupported, "version"},
		{"size", func(p []byte) { p[8]++ }, parse.ErrFormat, "header"},
		{"no roots", func(p []byte) { le.PutUint32(p[12:], 0) }, parse.ErrFormat, "codewords"},
		{"roots", func(p []byte) { le.PutUint32(p[12:], 1<<31) }, parse.ErrFormat, "codewords"},
		{"other roots", func(p []byte) { p[12]++ }, parse.ErrFormat, "parity"},
		{"parity", func(p []byte) { p[17]++ }, parse.ErrFormat, "parity"},
		{"data", func(p []byte) { p[20]++ }, parse.ErrFormat, "data"},
		{"no data", func(p []byte) { le.PutUint64(p[20:], 0) }, parse.ErrFormat, "data"},
		{"huge data", func(p []byte) { le.PutUint64(p[20:], 1<<62) }, parse.ErrFormat, "data"},
		{"more data", func(p []byte) { le.PutUint64(p[20:], 1<<63) }, parse.ErrFormat, "data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := bytes.Clone(good)
			c.spoil(p[first:])
			h, err := verity.ParseFECHeader(blob.Bytes(p))
			if err != nil || !h.Copy || h.Roots != 3 || h.Off != int64(first) {
				t.Errorf("with the copy: %+v, %v", h, err)
			}
			c.spoil(p[second:])
			var pe *parse.Error
			if _, err = verity.ParseFECHeader(blob.Bytes(p)); !errors.As(err, &pe) || pe.Kind != c.kind || !strings.Contains(pe.Msg, c.text) {
				t.Errorf("both broken: %v", err)
			}
			clear(p[second:])
			if _, err = verity.ParseFECHeader(blob.Bytes(p)); !errors.As(err, &pe) || pe.Kind != c.kind {
				t.Errorf("no copy: %v", err)
			}
		})
	}
	for n := range first {
		if n%4096 == 0 || n == first-1 { // the parity of this file has no magic number at such places
			if _, err := verity.ParseFECHeader(blob.Bytes(good[:n])); !errors.Is(err, parse.ErrFormat) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
	}
	for n := first; n < len(good); n++ {
		if _, err := verity.ParseFECHeader(blob.Bytes(good[:n])); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
