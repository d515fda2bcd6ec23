package codec_test

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"

	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// raw are streams of methods that have no tool.
func raw(t testing.TB) []fixture {
	t.Helper()
	want := file(t, "sample")
	var z, d bytes.Buffer
	zw := zlib.NewWriter(&z)
	zw.Write(want)
	zw.Close()
	dw, err := flate.NewWriter(&d, 9)
	if err != nil {
		t.Fatal(err)
	}
	dw.Write(want)
	dw.Close()
	return []fixture{{"zlib", codec.Zlib, z.Bytes(), want}, {"deflate", codec.Deflate, d.Bytes(), want}}
}

func TestDeflate(t *testing.T) {
	for _, f := range raw(t) {
		if got, err := decode(f.method, f.data, 1<<20); err != nil || !bytes.Equal(got, f.want) {
			t.Errorf("%s: %d bytes, %v", f.name, len(got), err)
		}
		if got, err := decode(f.method, append(f.data, 0), 1<<20); !errors.Is(err, parse.ErrFormat) || !bytes.Equal(got, f.want) {
			t.Errorf("%s and a byte: %d bytes, %v", f.name, len(got), err)
		}
	}
}

// isParse tells that an error is what NewReader promises for bad data.
func isParse(err error) bool {
	var pe *parse.Error
	return errors.As(err, &pe) && (errors.Is(err, parse.ErrFormat) || errors.Is(err, parse.ErrUnsupported) || errors.Is(err, parse.ErrLimit))
}

// step is 1 where every byte is tried. The streams that differ from others in
// a filter only, and bzip2's, which take a millisecond each, are tried at every
// eleventh; so is everything in a short run.
func step(f fixture) int {
	if testing.Short() {
		return 11
	}
	switch f.name {
	case "sample.crc32.xz", "sample.sha256.xz", "sample.x86.xz", "sample.blocks.xz", "sample.multi.xz", "sample.bz2":
		return 1
	}
	if f.method == codec.XZ && len(f.want) > 0 || f.name == "sample.multi.bz2" {
		return 11
	}
	return 1
}

// Every prefix of a stream is an error that matches io.ErrUnexpectedEOF, after
// output that is right as far as it goes. Only where a stream, member or frame
// ends and another would begin is a prefix whole.
func TestTruncated(t *testing.T) {
	for _, f := range append(fixtures(t), raw(t)...) {
		whole := 0
		for n := 0; n < len(f.data); n += step(f) {
			got, err := decode(f.method, f.data[:n], 1<<12)
			if !bytes.HasPrefix(f.want, got) {
				t.Fatalf("%s cut to %d: other bytes come out", f.name, n)
			}
			switch {
			case err == nil:
				whole++
			case !errors.Is(err, parse.ErrFormat) || !errors.Is(err, io.ErrUnexpectedEOF) || !isParse(err):
				t.Fatalf("%s cut to %d: %v", f.name, n, err)
			}
		}
		// The places where a cut cannot be seen, counted by hand.
		allowed := map[string]int{
			"sample.multi.xz":  4,      // behind a stream, each word of padding
			"sample.multi.bz2": 1,      // between the streams, at 352
			"sample.multi.gz":  1 + 37, // between the members, each zero
			"sample.multi.zst": 2,      // around the skippable frame
			"sample.multi.lz4": 2,
			"sample.lz4l":      1, // the magic number alone is a frame
			"kernel.lz4l":      2, // so it is, and before the size word
			// And before and behind the second magic number, and behind the first byte
			// of the second block's size, which is zero.
			"sample.multi.lz4l": 4,
		}[f.name]
		if whole != allowed && !testing.Short() {
			t.Errorf("%s: %d cuts were not seen, not %d", f.name, whole, allowed)
		}
	}
}

// A flipped bit is an error, or, where nothing checks, other output; never a
// panic, and never output beyond the limit.
func TestFlipped(t *testing.T) {

	checked := map[string]bool{"sample.crc32.xz": true, "sample.crc64.xz": true, "sample.sha256.xz": true, "sample.blocks.xz": true,
		"sample.bz2": true, "sample.zst": true, "sample.lz4": true}
	for _, f := range append(fixtures(t), raw(t)...) {
		b := bytes.Clone(f.data)
		for i := 0; i < len(b); i += step(f) {
			bit := byte(1) << (i % 8)
			b[i] ^= bit
			got, err := decode(f.method, b, 1<<12)
			b[i] ^= bit
			switch {
			case len(got) > 1<<12:
				t.Fatalf("%s: byte %d: %d bytes come out", f.name, i, len(got))
			case err != nil && !isParse(err):
				t.Fatalf("%s: byte %d: %v", f.name, i, err)
			case err == nil && checked[f.name] && !bytes.Equal(got, f.want):
				t.Errorf("%s: byte %d: other bytes come out", f.name, i)
			}
		}
	}
}

// Small data that become much stop at the limit.
func TestBombs(t *testing.T) {
	const size, most = 8 << 20, 1 << 20
	zeros := func(w io.WriteCloser) {
		p := make([]byte, 1<<20)
		for range size / len(p) {
			w.Write(p)
		}
		w.Close()
	}
	var gz, lz, zs bytes.Buffer
	zeros(gzip.NewWriter(&gz))
	lw, _ := lzma.NewWriter(&lz)
	zeros(lw)
	zw, _ := zstd.NewWriter(&zs)
	zeros(zw)
	bombs := []fixture{{"gzip", codec.Gzip, gz.Bytes(), nil}, {"lzma", codec.LZMA, lz.Bytes(), nil}, {"zstd", codec.Zstd, zs.Bytes(), nil}}
	// A legacy block of matches of 2^28 bytes, and a block header of zstd again and
	// again: 128 KiB of one byte.
	block := append(append([]byte{0x1f, 'a', 1, 0}, bytes.Repeat([]byte{255}, 100000)...), 0)
	legacy := binary.LittleEndian.AppendUint32([]byte("\x02\x21\x4c\x18"), uint32(len(block)))
	bombs = append(bombs, fixture{"lz4-legacy", codec.LZ4Legacy, append(legacy, block...), nil})
	rle := append([]byte("\x28\xb5\x2f\xfd\x00\x88"), bytes.Repeat([]byte{2, 0, 16, 'a'}, 100000)...)
	bombs = append(bombs, fixture{"zstd RLE", codec.Zstd, rle, nil})
	for _, b := range bombs {
		got, err := decode(b.method, b.data, most)
		if len(got) != most || !errors.Is(err, parse.ErrLimit) || !strings.Contains(err.Error(), "1048576 bytes") {
			t.Errorf("%s: %d bytes of %d: %v", b.name, len(got), len(b.data), err)
		}
	}
	// With no limit in the way, a block that becomes more than a block may.
	if _, err := decode(codec.LZ4Legacy, append(legacy, block...), 1<<40); !errors.Is(err, parse.ErrFormat) {
		t.Errorf("legacy block of more than 8 MiB: %v", err)
	}
}

// xzHeader is a stream header and a block header with a filter.
func xzHeader(filters ...byte) []byte {
	b := []byte("\xfd7zXZ\x00\x00\x01")
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[6:]))
	h := append([]byte{0, 0}, filters...)
	for len(h)%4 != 0 {
		h = append(h, 0)
	}
	h[0] = byte(len(h) / 4)
	return append(b, binary.LittleEndian.AppendUint32(h, crc32.ChecksumIEEE(h))...)
}

// Windows and dictionaries that headers ask for are not got: with nothing behind
// the header, with little, and with a limit that is small.
func TestHeaderAllocates(t *testing.T) {
	lzmaHeader := func(dict uint32) []byte {
		b := binary.LittleEndian.AppendUint32([]byte{0x5d}, dict)
		return append(b, "\xff\xff\xff\xff\xff\xff\xff\xff\x00\x12\x34\x56\x78\x9a"...)
	}
	zeros := make([]byte, 1<<20)
	for _, c := range []struct {
		name   string
		method codec.Method
		data   []byte
		most   int64
		kind   error
		allow  uint64
	}{
		{"lzma, 4 GiB", codec.LZMA, lzmaHeader(1<<32 - 1), 1 << 40, parse.ErrLimit, 0},
		{"lzma, 64 MiB and a byte", codec.LZMA, lzmaHeader(64<<20 + 1), 1 << 40, parse.ErrLimit, 0},
		{"lzma, 64 MiB", codec.LZMA, lzmaHeader(64 << 20), 1 << 40, parse.ErrFormat, 256 << 10},
		{"lzma, 64 MiB, much data", codec.LZMA, append(lzmaHeader(64<<20), zeros...), 1 << 10, nil, 128 << 10},
		{"xz, 4 GiB", codec.XZ, xzHeader(0x21, 1, 40), 1 << 40, parse.ErrLimit, 0},
		{"xz, 96 MiB", codec.XZ, xzHeader(0x21, 1, 31), 1 << 40, parse.ErrLimit, 0},
		{"xz, 64 MiB", codec.XZ, append(xzHeader(0x21, 1, 28), 0xe0, 0, 0), 1 << 40, parse.ErrFormat, 64 << 10},
		{"xz, 64 MiB, much data", codec.XZ, append(xzHeader(0x21, 1, 28), zeros...), 10, parse.ErrFormat, 3 << 20},
		{"zstd, 1 TiB", codec.Zstd, []byte("\x28\xb5\x2f\xfd\x00\xf0\x01\x00\x00"), 1 << 40, parse.ErrLimit, 0},
		{"zstd, 128 MiB", codec.Zstd, []byte("\x28\xb5\x2f\xfd\x00\x88\x05\x00\x00"), 1 << 40, parse.ErrFormat, 1 << 20},
		{"zstd, 128 MiB, small limit", codec.Zstd, append([]byte("\x28\xb5\x2f\xfd\x00\x88\x05\x00\x00"), zeros...), 10, parse.ErrFormat, 1 << 20},
		{"zstd, one segment of 128 MiB", codec.Zstd, []byte("\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x08\x05\x00\x00"), 1 << 40, parse.ErrFormat, 1 << 20},
		{"zstd, one segment of 4 GiB", codec.Zstd, []byte("\x28\xb5\x2f\xfd\xa0\x00\xff\xff\xff\x05\x00\x00"), 1 << 40, parse.ErrLimit, 0},
		{"lz4-legacy, block of 8 MiB", codec.LZ4Legacy, []byte("\x02\x21\x4c\x18\x00\x00\x80\x00\x00"), 1 << 40, parse.ErrFormat, 64 << 10},
	} {
		decode(c.method, c.data, c.most) // fills pools
		var mem otatest.Allocations
		before := mem.Read()
		_, err := decode(c.method, c.data, c.most)
		used := mem.Read() - before
		if c.kind != nil && !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", c.name, err)
		}
		if used > c.allow+otatest.AllocationNoise {
			t.Errorf("%s: %d bytes allocated", c.name, used)
		}
	}
}

// What is not built is named.
func TestUnsupported(t *testing.T) {
	lzma2 := []byte{0x21, 1, 22}
	check := []byte("\xfd7zXZ\x00\x00\x02")
	check = binary.LittleEndian.AppendUint32(check, crc32.ChecksumIEEE(check[6:]))
	two := xzHeader(append([]byte{0x0b, 0}, lzma2...)...)
	two[13] = 1 // two filters
	binary.LittleEndian.PutUint32(two[len(two)-4:], crc32.ChecksumIEEE(two[12:len(two)-4]))
	for _, c := range []struct {
		method codec.Method
		data   string
		want   string
	}{
		{codec.XZ, string(check), "check type (0x2)"},
		{codec.XZ, string(two), "RISC-V filter before LZMA2 (0xb)"},
		{codec.XZ, string(xzHeader(0x04, 0)), "x86 filter as the last filter (0x4)"},
		{codec.XZ, string(xzHeader(0x7f, 0)), "unknown filter as the last filter (0x7f)"},
		{codec.XZ, string(xzHeader(0x21, 1, 22)) + "\xe0\x00\x00\x00\x05\x2c", "lc 8 + lp 4 exceed 4"},
		{codec.LZMA, "\x2c\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00", "lc 8 + lp 4 exceed 4"},
		{codec.Zlib, "\x78\xbb\x00\x00\x00\x02\x00\x00", "dictionary"},
		{codec.Zstd, "\x28\xb5\x2f\xfd\x21\x07\x00\x01\x00\x00", "dictionary"},
		{codec.LZ4, "\x04\x22\x4d\x18\x61\x40\x01\x00\x00\x00\xd0", "dictionary"},
	} {
		_, err := decode(c.method, []byte(c.data), 1<<20)
		if !errors.Is(err, parse.ErrUnsupported) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v; want %q", c.method, err, c.want)
		}
	}
	// The standard library has an error without a value for this one.
	const randomised = "BZh11AY&SY\x00\x00\x00\x00\x80\x00\x00\x00"
	_, err := io.ReadAll(bzip2.NewReader(strings.NewReader(randomised)))
	if err == nil || !strings.Contains(err.Error(), "randomized") {
		t.Fatalf("compress/bzip2: %v", err)
	}
	if _, err := decode(codec.Bzip2, []byte(randomised), 1); !errors.Is(err, parse.ErrUnsupported) {
		t.Errorf("bzip2: %v", err)
	}
}

// xz data that are well-formed in all but one place, by what the error says.
func TestXZLies(t *testing.T) {
	for _, c := range []struct {
		name, want string
		at         int // from the end if negative
		to         byte
		fix        func(b []byte)
	}{
		{"sample.crc32.xz", "not an xz stream", 0, 'x', nil},
		{"sample.crc32.xz", "stream header has a wrong CRC32", 8, 0, nil},
		{"sample.crc32.xz", "block header has a wrong CRC32", 14, 0, nil},
		{"sample.crc32.xz", "stream footer without its magic bytes", -1, 0, nil},
		{"sample.crc32.xz", "stream footer has a wrong CRC32", -12, 0, nil},
		{"sample.crc32.xz", "stream footer has a wrong size of the index", -8, 9, footer},
		{"sample.crc32.xz", "stream footer and header differ", -3, 4, footer},
		{"sample.crc32.xz", "index has a wrong CRC32", -13, 0, nil},
		{"sample.crc32.xz", "index does not have as many records", -23, 2, nil},
		{"sample.crc32.xz", "index does not have the sizes", -19, 1, nil},
		{"sample.crc32.xz", "CRC32 of a block does not match", -25, 0, nil},
	} {
		b := file(t, c.name)
		at := c.at
		if at < 0 {
			at += len(b)
		}
		if b[at] == c.to {
			c.to++
		}
		b[at] = c.to
		if c.fix != nil {
			c.fix(b)
		}
		_, err := decode(codec.XZ, b, 1<<20)
		if !errors.Is(err, parse.ErrFormat) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("byte %d: %v; want %q", c.at, err, c.want)
		}
	}
}

// footer makes the stream footer's CRC32 right.
func footer(b []byte) {
	f := b[len(b)-12:]
	binary.LittleEndian.PutUint32(f, crc32.ChecksumIEEE(f[4:10]))
}

// A chunk of LZMA2 with a byte more than its data need, which the library alone
// would take for the next chunk's header.
func TestChunkTooLong(t *testing.T) {
	b := file(t, "sample.none.xz")
	// The chunk begins behind the 12-byte headers; its stored size, less one.
	size := binary.BigEndian.Uint16(b[27:])
	long := append(bytes.Clone(b[:30+int(size)+1]), append([]byte{0}, b[30+int(size)+1:]...)...)
	binary.BigEndian.PutUint16(long[27:], size+1)
	_, err := decode(codec.XZ, long, 1<<20)
	if !errors.Is(err, parse.ErrFormat) || !strings.Contains(err.Error(), "LZMA2 chunk is longer than its data") {
		t.Error(err)
	}
}

// Empty streams one after another come to an end, in memory that does not grow.
func TestManyEmpty(t *testing.T) {
	for _, f := range fixtures(t) {
		if len(f.want) > 0 || f.method == codec.LZMA || f.method == codec.Brotli {
			continue
		}
		if got, err := decode(f.method, bytes.Repeat(f.data, 5000), 1); len(got) > 0 || err != nil {
			t.Errorf("%s: %d bytes, %v", f.name, len(got), err)
		}
	}
}
