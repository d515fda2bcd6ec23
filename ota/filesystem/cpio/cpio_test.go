package cpio_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/cpio"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// Example shows what a ramdisk holds.
func Example() {
	data, err := os.ReadFile("../../../testdata/images/cpio/mkbootfs.cpio")
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := cpio.Open(blob.Bytes(data), nil, cpio.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Println(st.Mode(), st.Size(), name)
		return nil
	})
	// Output:
	// drwxr-xr-x 0 .
	// drwxr-xr-x 0 first_stage_ramdisk
	// -rw-r--r-- 130 first_stage_ramdisk/fstab.nimbus
	// -rwxr-x--- 1950 init
	// drwxr-xr-x 0 lib
	// drwxr-xr-x 0 lib/modules
	// -rw-r--r-- 2600 lib/modules/a.ko
	// drwxr-xr-x 0 mnt
	// drwxr-xr-x 0 system
	// drwxr-xr-x 0 system/bin
	// Lrwxrwxrwx 16 system/bin/ueventd
}

// TestFS runs the suite of all file systems over what the tools made.
func TestFS(t *testing.T) {
	for _, image := range []string{
		"gnu.cpio", "gnu.cpio.gz", "gnu.cpio.lz4l", "bsd.cpio", "busybox.cpio", "mkbootfs.cpio", "joined.img", "many.cpio.xz",
		"names.img", "kinds.img", "links.img", "trailer.img", "lost.img",
	} {
		t.Run(image, func(t *testing.T) { otatest.TestFileSystem(t, open(t, fixture(t, image))) })
	}
}

// TestNames asks for files by good and by bad names.
func TestNames(t *testing.T) {
	f := open(t, fixture(t, "gnu.cpio"))
	for _, tc := range []struct {
		name, file, err string // what Open and Blob give
		stat            error
	}{
		{"size5", "size5", "", nil},
		{"caf%E9", "x\n", "", nil},
		{"a b%2541%21%23%3A", "y\n", "", nil},
		{"grün", "u\n", "", nil},
		{"caf\xe9", "", "invalid argument", fs.ErrInvalid},
		{"a b%41!#:", "", "file does not exist", fs.ErrNotExist},
		{"size5/", "", "invalid argument", fs.ErrInvalid},
		{"/size5", "", "invalid argument", fs.ErrInvalid},
		{"sub/../size5", "", "invalid argument", fs.ErrInvalid},
		{"size5/x", "", "file does not exist\nnot a folder", fs.ErrNotExist},
		{"fast", "", "a symbolic link, which is not followed", nil},
		{"fast/x", "", "a symbolic link, which is not followed", errors.ErrUnsupported},
		{"null", "", "neither a regular file nor a folder", nil},
		{"socket", "", "neither a regular file nor a folder", nil},
	} {
		if tc.file == "size5" {
			p, _ := f.ReadFile("size5")
			tc.file = string(p)
		}
		b, release, err := f.Blob(tc.name)
		_, opened := f.Open(tc.name)
		if tc.err == "" {
			if err != nil || opened != nil {
				t.Errorf("%s: %v, %v", tc.name, err, opened)
				continue
			}
			otatest.TestBlob(t, b, []byte(tc.file))
			if err := release(); err != nil {
				t.Error(err)
			}
		} else {
			for _, err := range []error{err, opened} {
				var pe *fs.PathError
				if !errors.As(err, &pe) || pe.Path != tc.name || pe.Err.Error() != tc.err {
					t.Errorf("%s: %v", tc.name, err)
				}
			}
		}
		_, err = f.Stat(tc.name)
		if (err == nil) != (tc.stat == nil) || tc.stat != errors.ErrUnsupported && !errors.Is(err, tc.stat) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if _, err := f.ReadLink("size5"); err == nil || !strings.Contains(err.Error(), "not a symbolic link") {
		t.Error(err)
	}
	if _, err := f.ReadDir("size5"); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Error(err)
	}
	if _, err := f.ReadFile("sub"); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Error(err)
	}
	if x, err := f.Xattrs("size5"); x != nil || err != nil {
		t.Error(x, err)
	}
	if _, err := f.Xattrs("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestBudget: entries and what is decoded are charged when a ramdisk is opened, and
// never again when it is walked. Files in place are not.
func TestBudget(t *testing.T) {
	for _, tc := range []struct {
		name             string
		entries, decoded int64
	}{
		{"gnu.cpio", 61, 0}, {"gnu.cpio.gz", 61, 27136}, {"gnu.cpio.lzma", 61, 27136}, {"many.cpio.xz", 3003, 392704},
		{"names.img", 41 + 1, 0}, // one folder that no entry makes
		{"lost.img", 40 + 7, 0},  // seven,
	} {
		data := fixture(t, tc.name)
		for _, l := range []parse.Limits{{Entries: tc.entries, Produced: max(tc.decoded, 1)}, {Entries: tc.entries - 1}, {Produced: tc.decoded - 1}} {
			want := l.Entries == tc.entries || l.Produced == -1
			f, err := cpio.Open(blob.Bytes(data), parse.NewBudget(l), cpio.Options{})
			if err == nil {
				err = walk(f)
			}
			if want != (err == nil) || !want && !errors.Is(err, parse.ErrLimit) {
				t.Errorf("%s with %+v: %v", tc.name, l, err)
			}
		}
	}
}

// A counting blob counts what is read.
type counting struct {
	blob.Blob
	n int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Blob.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

// TestReadsLittle: of files that are not compressed only the headers are read.
func TestReadsLittle(t *testing.T) {
	var b builder
	for i := range 16 {
		b.add(entry{name: fmt.Sprint("f", i), mode: 0o100644, data: bytes.Repeat([]byte{byte(i)}, 1<<20)})
	}
	b.add(entry{name: "TRAILER!!!"})
	c := &counting{Blob: blob.Bytes(b.Bytes())}
	f, err := cpio.Open(c, nil, cpio.Options{})
	if err != nil || c.n > 64<<10 {
		t.Fatalf("%d bytes of %d: %v", c.n, c.Size(), err)
	}
	c.n = 0
	if p, err := f.ReadFile("f7"); err != nil || len(p) != 1<<20 || p[0] != 7 || c.n != 1<<20 {
		t.Errorf("%d bytes read: %v", c.n, err)
	}
}

// spools counts the temporary files that are open, where the system tells.
func spools(t *testing.T) (n int) {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Log(err)
	}
	for _, fd := range open {
		if name, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(name, "otavet-spool-") {
			n++
		}
	}
	return n
}

// TestSpool: what is decoded goes to temporary files in the folder that is given, and Close
// removes them.
func TestSpool(t *testing.T) {
	var b builder
	var want [][]byte
	for i := range 5 {
		want = append(want, bytes.Repeat([]byte(fmt.Sprintf("file %d ", i)), 1<<20))
		b.add(entry{name: fmt.Sprint(i), mode: 0o100644, data: want[i]})
	}
	data := gzipped(t, b.Bytes())
	if _, err := cpio.Open(blob.Bytes(data), nil, cpio.Options{Spool: "/nowhere"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	dir := t.TempDir()
	before := spools(t)
	broken := bytes.Clone(data)
	broken[len(broken)-8]++ // the sum of the whole stream
	for _, bad := range [][]byte{broken, data[:len(data)-1], append(bytes.Clone(data), "junk"...)} {
		if _, err := cpio.Open(blob.Bytes(bad), nil, cpio.Options{Spool: dir}); !errors.Is(err, parse.ErrFormat) {
			t.Error(err)
		}
	}
	if _, err := cpio.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{Produced: 30 << 20}), cpio.Options{Spool: dir}); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
	if after := spools(t); after > before {
		t.Errorf("errors leave %d temporary files open", after-before)
	}
	f, err := cpio.Open(blob.Bytes(data), nil, cpio.Options{Spool: dir})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		p, err := f.ReadFile(fmt.Sprint(i))
		if err != nil || !bytes.Equal(p, w) {
			t.Errorf("%d: %d bytes, %v", i, len(p), err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.ReadFile("4"); err == nil {
		t.Error("read after Close")
	}
	if after := spools(t); after > before {
		t.Errorf("Close leaves %d temporary files open", after-before)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// TestImplied: nothing is known of a folder that no entry makes.
func TestImplied(t *testing.T) {
	f := open(t, fixture(t, "names.img"))
	for name, implied := range map[string]bool{".": false, "a": false, "a/nodir": true, "a/nodir/x": false} {
		st, err := f.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := st.Sys().(*vfs.Meta); m.Implied != implied || st.ModTime().IsZero() != implied {
			t.Errorf("%s: %+v, %v", name, m, st.ModTime())
		}
	}
}

// TestPacked: what Linux does not unpack is read and noted.
func TestPacked(t *testing.T) {
	data := fixture(t, "mkbootfs.cpio")
	const other = "the stream at byte 0x0 is of xz with another check than CRC32: Linux does not unpack it"
	for check, note := range map[string]string{"none": "", "crc32": "", "crc64": other, "sha256": other} {
		f := open(t, pipe(t, "", data, "xz", "--check="+check))
		if s := strings.Join(f.Notes(), "; "); s != note || len(lines(t, f, false)) != 10 {
			t.Errorf("%s: notes %q", check, s)
		}
	}
	// pbzip2 joins streams of one archive.
	half := len(data) / 2
	packed := append(pipe(t, "", data[:half], "bzip2"), pipe(t, "", data[half:], "bzip2")...)
	if f := open(t, packed); len(lines(t, f, false)) != 10 {
		t.Error("two streams of bzip2 are not one archive")
	}
}

func TestNotesBounded(t *testing.T) {
	f := open(t, fixture(t, "kinds.img"))
	n := f.Notes()
	if len(n) != 32 || n[0] != "70: an entry is left out: it is of no kind that there is" {
		t.Errorf("%d: %s", len(n), n[0])
	}
	want := []string{
		"g1: an entry of no kind removes it",
		"g2: an entry is left out: the file that it is a name of is gone: g1",
		"h1: a later entry takes its place",
		"h1: an entry is left out: the file that it is a name of is gone: h1",
		"i2: a later entry takes its place",
		"j2: a later entry takes its place",
		"j3: an entry is left out: a folder that is not empty is there",
		"c2: a later entry takes its place",
		"the archive at byte 0x12a8 has no TRAILER!!!",
	}
	if n := open(t, fixture(t, "links.img")).Notes(); !slices.Equal(n, want) {
		t.Errorf("%q", n)
	}
}
