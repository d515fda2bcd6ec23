package cpio_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/cpio"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// An entry is one to be written, right or wrong.
type entry struct {
	name         string
	mode, nlink  uint32
	ino          uint32
	data         []byte
	size         int64  // in the header, if it is not that of data
	namesize     uint32 // likewise
	magic, field string // the whole magic, and the first field
}

// A builder writes archives.
type builder struct{ bytes.Buffer }

func (b *builder) add(e entry) {
	if e.size == 0 {
		e.size = int64(len(e.data))
	}
	if e.namesize == 0 {
		e.namesize = uint32(len(e.name)) + 1
	}
	if e.magic == "" {
		e.magic = "070701"
	}
	if e.field == "" {
		e.field = fmt.Sprintf("%08x", e.ino)
	}
	start := b.Len()
	fmt.Fprintf(b, "%s%s%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", e.magic, e.field, e.mode, 0, 0, e.nlink, 0, e.size, 0, 0, 0, 0, e.namesize, 0, e.name)
	b.Write(make([]byte, -(b.Len()-start)&3))
	b.Write(e.data)
	b.Write(make([]byte, -len(e.data)&3))
}

func gzipped(t testing.TB, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func one(e entry) []byte {
	var b builder
	b.add(e)
	return b.Bytes()
}

// TestHostile opens what is wrong in one way each.
func TestHostile(t *testing.T) {
	file := entry{name: "file", mode: 0o100644, data: []byte("data")}
	with := func(change func(*entry)) []byte {
		e := file
		change(&e)
		return one(e)
	}
	good := one(file)
	deep := func(n int) []byte { return one(entry{name: strings.Repeat("d/", n) + "f", mode: 0o100644}) }
	var climb builder // a link to the parent of the folder that it is in, through which names lead
	climb.add(entry{name: "d", mode: 0o040755})
	climb.add(entry{name: "d/l", mode: 0o120777, data: []byte(strings.Repeat("../d/", 800))})
	for range 3000 {
		climb.add(entry{name: strings.Repeat("d/l/", 1) + strings.Repeat("l/", 30) + "f", mode: 0o100644})
	}
	var names builder
	for i := range 3000 {
		names.add(entry{name: fmt.Sprint(i, "/", strings.Repeat("x", 250)), mode: 0o120777, data: bytes.Repeat([]byte{'t'}, 4000)})
	}
	var downward builder // folders through links, deeper than any name
	downward.add(entry{name: "a", mode: 0o040755})
	downward.add(entry{name: "l0", mode: 0o120777, data: []byte("a")})
	for i := range 30 {
		downward.add(entry{name: fmt.Sprintf("l%d/%s", i, strings.Repeat("d/", 50)), mode: 0o040755})
		downward.add(entry{name: fmt.Sprintf("l%d", i+1), mode: 0o120777, data: []byte(fmt.Sprintf("l%d/%s", i, strings.Repeat("d/", 49)) + "d")})
	}
	for _, tc := range []struct {
		name string
		data []byte
		kind error // nil: it opens
		says string
	}{
		{"as it should be", good, nil, ""},
		{"no bytes", nil, parse.ErrFormat, "no entry of a cpio archive"},
		{"zeros", make([]byte, 10000), parse.ErrFormat, "no entry of a cpio archive"},
		{"text", []byte("text"), parse.ErrFormat, "neither an archive nor a compression that is known (text) at byte 0x0"},
		{"a digit that is none", with(func(e *entry) { e.field = "0000000g" }), parse.ErrFormat, "not a hexadecimal digit (0x67) at byte 0xd"},
		{"a sign", with(func(e *entry) { e.field = "+0000001" }), parse.ErrFormat, "not a hexadecimal digit (0x2b) at byte 0x6"},
		{"0x", with(func(e *entry) { e.field = "0x000001" }), parse.ErrFormat, "not a hexadecimal digit (0x78) at byte 0x7"},
		{"magic", with(func(e *entry) { e.magic = "070703" }), parse.ErrFormat, "no header of an entry (070703) at byte 0x0"},
		{"odc", with(func(e *entry) { e.magic = "070707" }), parse.ErrUnsupported, "the older format odc"},
		{"data of 4 GiB", with(func(e *entry) { e.size = 1<<32 - 1 }), parse.ErrFormat, "the ramdisk ends early at byte 0x78"},
		{"data of 4 GiB with a sum", with(func(e *entry) { e.size, e.magic = 1<<32-1, "070702" }), parse.ErrFormat, "the ramdisk ends early at byte 0x78"},
		{"a name of 4 GiB", with(func(e *entry) { e.namesize = 1<<32 - 1 }), parse.ErrFormat, "the ramdisk ends early"},
		{"a name that does not end", with(func(e *entry) { e.namesize = 4 }), parse.ErrFormat, "a name without a NUL at its end (0x4) at byte 0x0"},
		{"a folder of 4 GiB", with(func(e *entry) { e.mode, e.size = 0o040755, 1<<32-1 }), parse.ErrFormat, "the ramdisk ends early"},
		{"a link of 4 GiB", with(func(e *entry) { e.mode, e.size = 0o120777, 1<<32-1 }), parse.ErrFormat, "the ramdisk ends early"},
		{"a byte between", append(append(bytes.Clone(good), 0), good...), parse.ErrFormat, "not a multiple of four bytes between archives (0x79) at byte 0x79"},
		{"a byte before", append([]byte{0}, good...), parse.ErrFormat, "neither an archive nor a compression that is known (070701) at byte 0x1"},
		{"a byte between, in a stream", gzipped(t, append(append(bytes.Clone(good), 0), good...)), parse.ErrFormat, "not a multiple of four bytes between archives, at byte 0x79 of what the gzip stream becomes"},
		{"four bytes between", append(append(bytes.Clone(good), 0, 0, 0, 0), good...), nil, ""},
		{"compressed twice", gzipped(t, gzipped(t, good)), parse.ErrFormat, "no header of an entry"},
		{"lzop", []byte("\x89LZO\x00\r\n\x1a\n0000"), parse.ErrUnsupported, "the compression lzop at byte 0x0"},
		{"lzip", []byte("LZIP\x01\x0c0000000"), parse.ErrUnsupported, "the compression lzip"},
		{"a bomb", gzipped(t, append(one(entry{name: "f", mode: 0o100644, size: 1 << 26}), make([]byte, 1<<26)...)), nil, ""},
		{"256 folders", deep(255), nil, ""},
		{"257 folders", deep(256), parse.ErrLimit, "a file in more than 256 folders"},
		{"2047 folders", deep(2046), parse.ErrLimit, "a file in more than 256 folders"},
		{"folders through links", downward.Bytes(), parse.ErrLimit, "a file in more than 256 folders"},
		{"names that lead far", climb.Bytes(), parse.ErrLimit, "names have more than 10485760 elements in all"},
		{"long targets", names.Bytes(), parse.ErrLimit, "names and targets of links have more than 8388608 bytes"},
	} {
		f, err := cpio.Open(blob.Bytes(tc.data), nil, cpio.Options{Spool: t.TempDir()})
		var pe *parse.Error
		switch {
		case tc.kind == nil && err == nil:
			f.Close()
		case tc.kind == nil:
			t.Errorf("%s: %v", tc.name, err)
		case !errors.As(err, &pe) || pe.Kind != tc.kind || pe.Format != "cpio" || !strings.Contains(err.Error(), tc.says):
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// TestBomb: a stream becomes no more than 1100 times its size.
func TestBomb(t *testing.T) {
	// Deflate reaches 1032, which is less; these go beyond.
	data := append(one(entry{name: "f", mode: 0o100644, size: 8 << 20}), make([]byte, 8<<20)...)
	for _, tool := range [][]string{{"bzip2", "-9"}, {"zstd", "-19"}, {"xz", "--check=crc32"}} {
		packed := pipe(t, "", data, tool...)
		_, err := cpio.Open(blob.Bytes(packed), nil, cpio.Options{Spool: t.TempDir()})
		if !errors.Is(err, parse.ErrLimit) {
			t.Errorf("%s, %d bytes: %v", tool[0], len(packed), err)
		}
	}
}

// TestEntriesBounded: the tree has an end, and stays small.
func TestEntriesBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 131,073 entries")
	}
	for _, tc := range []struct {
		what string
		name func(i int) string
		n    int
	}{
		{"folders", func(i int) string { return fmt.Sprintf("%d", i) }, 1 << 17},
		{"folders, each in one of its own", func(i int) string { return fmt.Sprintf("%d/%d", i%5, i) }, 1 << 17},
		{"folders in a folder", func(i int) string { return fmt.Sprintf("d/%042d", i) }, 1<<17 - 2},
		{"folders in folders", func(i int) string { return fmt.Sprintf("d%d/%040d", i%300, i) }, 1<<17 - 301},
		{"long names", func(i int) string { return fmt.Sprintf("%055d", i) }, 1<<17 - 1},
		{"names that become three times as long", func(i int) string { return strings.Repeat("%", 10) + fmt.Sprintf("%024x", i) }, 1<<17 - 1},
	} {
		var b builder
		for i := range tc.n {
			b.add(entry{name: tc.name(i), mode: 0o040755})
		}
		data := b.Bytes()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		f, err := cpio.Open(blob.Bytes(data), nil, cpio.Options{})
		if err == nil {
			if err := walk(f); err != nil {
				t.Error(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		t.Logf("%d %s: %d KiB are held, %d KiB were allocated; %v", tc.n, tc.what, held>>10, (after.TotalAlloc-before.TotalAlloc)>>10, err)
		if tc.n == 1<<17 && !errors.Is(err, parse.ErrLimit) || tc.n < 1<<17 && err != nil {
			t.Errorf("%d %s: %v", tc.n, tc.what, err)
		}
		if held > 60<<20 {
			t.Errorf("%d %s: %d bytes of memory", tc.n, tc.what, held)
		}
		runtime.KeepAlive(f)
		runtime.KeepAlive(data)
	}
}

// walk reads all of a ramdisk, as far as it can be read; err is the first error
// that is not one of a reader.
func walk(f *cpio.FS) error {
	return fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type() == fs.ModeSymlink {
			_, err := f.ReadLink(name)
			return err
		}
		if !d.Type().IsRegular() {
			return nil
		}
		file, err := f.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(io.Discard, file)
		return err
	})
}

// TestTruncated cuts ramdisks everywhere: an error, but where an entry or stream has
// ended, and in the zeros that follow. Then all archives but the last are those of the whole.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"stream.img", "mkbootfs.cpio", "sums.img"} {
		data := fixture(t, name)
		full := open(t, data)
		var ends []int // the beginnings that may open
		last := int64(0)
		for n := range data {
			f, err := cpio.Open(blob.Bytes(data[:n:n]), nil, cpio.Options{})
			if err != nil {
				continue
			}
			if size := f.Size(); size != last && size != int64(n) || len(bytes.Trim(data[size:n], "\x00")) > 0 {
				t.Errorf("%s: %d of %d bytes open, of which %d are archives", name, n, len(data), size)
			}
			last = f.Size()
			got, want := f.Archives(), full.Archives()
			if i := len(got) - 1; !slices.Equal(got[:i], want[:i]) || got[i].Entries > want[i].Entries {
				t.Errorf("%s: %d of %d bytes open, archives %v of %v", name, n, len(data), got, want)
			}
			if got := got[len(got)-1]; got.Entries < full.Archives()[0].Entries && !strings.Contains(strings.Join(f.Notes(), "; "), "has no TRAILER!!!") {
				t.Errorf("%s: %d of %d bytes open, notes %q", name, n, len(data), f.Notes())
			}
			ends = append(ends, n)
		}
		otatest.TestTruncation(t, data, func(b blob.Blob) error {
			_, err := cpio.Open(b, nil, cpio.Options{})
			return err
		}, ends...)
	}
	for _, name := range []string{"gnu.cpio.gz", "gnu.cpio.bz2", "gnu.cpio.xz", "gnu.cpio.lzma", "gnu.cpio.zst", "gnu.cpio.lz4"} {
		data := fixture(t, name)
		for n := 1; n < len(data); n += 1 + len(data)/200 {
			_, err := cpio.Open(blob.Bytes(data[:n]), nil, cpio.Options{})
			var pe *parse.Error
			if !errors.As(err, &pe) || pe.Off < 0 || pe.Off > int64(n) {
				t.Errorf("%s: %d bytes: %v", name, n, err)
			}
		}
	}
}

// TestFlipped changes every bit of small ramdisks: each gives an error or a tree
// that can be read.
func TestFlipped(t *testing.T) {
	for _, name := range []string{"stream.img", "joined.img", "sums.img", "links.img", "lost.img"} {
		data := bytes.Clone(fixture(t, name))
		opened, bits, step := 0, 8, 1
		if name == "joined.img" {
			bits, step = 1, 2 // decoders of all kinds take their time
		}
		for i := 0; i < len(data); i += step {
			for bit := range bits {
				bit := (bit + i/step) % 8
				data[i] ^= 1 << bit
				f, err := cpio.Open(blob.Bytes(data), nil, cpio.Options{})
				var pe *parse.Error
				if err != nil {
					if !errors.As(err, &pe) {
						t.Fatalf("%s: bit %d of byte %d: %v", name, bit, i, err)
					}
				} else if err := walk(f); err != nil {
					t.Fatalf("%s: bit %d of byte %d: %v", name, bit, i, err)
				} else {
					opened++
				}
				data[i] ^= 1 << bit
			}
		}
		t.Logf("%s: %d of %d open", name, opened, len(data)/step*bits)
	}
}

// A broken blob cannot be read behind some byte.
type broken struct {
	blob.Blob
	from int64
}

var errBroken = errors.New("broken disk")

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.from {
		n, _ := b.Blob.ReadAt(p[:max(0, b.from-off)], off)
		return n, errBroken
	}
	return b.Blob.ReadAt(p, off)
}

// TestReadErrors: an error of the disk stays what it is.
func TestReadErrors(t *testing.T) {
	for _, name := range []string{"gnu.cpio", "crc.cpio", "gnu.cpio.gz", "gnu.cpio.bz2", "gnu.cpio.xz", "gnu.cpio.lzma", "gnu.cpio.zst", "gnu.cpio.lz4", "gnu.cpio.lz4l"} {
		data := fixture(t, name)
		for from := range int64(len(data)) {
			if from%97 != 0 {
				continue
			}
			_, err := cpio.Open(broken{blob.Bytes(data), from}, nil, cpio.Options{})
			var pe *parse.Error
			if !errors.Is(err, errBroken) || errors.As(err, &pe) {
				t.Errorf("%s from %d: %v", name, from, err)
			}
		}
	}
}
