package squashfs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/filesystem/squashfs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// fixture is a file of testdata/images/squashfs, without the compression that its name
// tells of.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata", "images", "squashfs", name))
	if err != nil {
		t.Fatal(err)
	}
	method := map[string]codec.Method{".gz": codec.Gzip, ".xz": codec.XZ}[filepath.Ext(name)]
	if method == "" {
		return data
	}
	r, err := codec.NewReader(method, bytes.NewReader(data), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if data, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return data
}

func open(t testing.TB, data []byte) *squashfs.FS {
	t.Helper()
	f, err := squashfs.Open(blob.Bytes(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// truth is what list.py says of a tree, by name.
func truth(t *testing.T, name string) [][]string {
	t.Helper()
	var lines [][]string
	for l := range strings.Lines(string(fixture(t, name))) {
		lines = append(lines, strings.Split(strings.TrimSuffix(l, "\n"), "\t"))
	}
	return lines
}

// spell is the spelling of names in the listings.
func spell(t testing.TB, name string) string {
	t.Helper()
	var b strings.Builder
	for _, c := range []byte(raw(t, name)) {
		if strings.IndexByte("._/+@-", c) >= 0 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func raw(t testing.TB, name string) string {
	t.Helper()
	s, err := parse.Unescape(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unixMode is the mode as stat(2) has it.
func unixMode(m fs.FileMode) uint32 {
	u := uint32(m.Perm())
	for _, bit := range []struct {
		name fs.FileMode
		unix uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&bit.name != 0 {
			u |= bit.unix
		}
	}
	return u | map[fs.FileMode]uint32{
		0: 0o100000, fs.ModeDir: 0o040000, fs.ModeSymlink: 0o120000, fs.ModeDevice: 0o060000,
		fs.ModeDevice | fs.ModeCharDevice: 0o020000, fs.ModeNamedPipe: 0o010000, fs.ModeSocket: 0o140000,
	}[m.Type()]
}

// line is what list.py says of a file.
func line(t testing.TB, f *squashfs.FS, name string, first map[uint64]string) []string {
	t.Helper()
	st, err := f.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	m := st.Sys().(*vfs.Meta)
	if first[m.Inode] == "" {
		first[m.Inode] = name
	}
	what := "-"
	switch st.Mode().Type() {
	case 0:
		what = sum(t, f, name)
	case fs.ModeSymlink:
		target, err := f.ReadLink(name)
		if err != nil {
			t.Fatal(err)
		}
		what = spell(t, target)
	}
	return strings.Fields(fmt.Sprintf("%o %d %d %d %d:%d %d %d %s %s %s %s", unixMode(st.Mode()), m.UID, m.GID, m.Links, m.Major, m.Minor,
		st.Size(), st.ModTime().Unix(), spell(t, first[m.Inode]), what, attributes(t, f, name), spell(t, name)))
}

func attributes(t testing.TB, f *squashfs.FS, name string) string {
	t.Helper()
	list, err := f.Xattrs(name)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, x := range list {
		value := hex.EncodeToString(x.Value)
		if len(x.Value) > 64 {
			s := sha256.Sum256(x.Value)
			value = hex.EncodeToString(s[:])
		}
		words = append(words, x.Name+"="+value)
	}
	if words == nil {
		return "-"
	}
	return strings.Join(words, ",")
}

func sum(t testing.TB, f fs.FS, name string) string {
	t.Helper()
	file, err := f.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// listing is what list.py says of a tree.
func listing(t testing.TB, f *squashfs.FS) [][]string {
	t.Helper()
	var names []string
	if err := fs.WalkDir(f, ".", func(name string, _ fs.DirEntry, err error) error {
		names = append(names, name)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(names, func(a, b string) int { // by their bytes, the root first
		return strings.Compare(strings.TrimPrefix(raw(t, a), "."), strings.TrimPrefix(raw(t, b), "."))
	})
	first := map[uint64]string{}
	var lines [][]string
	for _, name := range names {
		lines = append(lines, line(t, f, name, first))
	}
	return lines
}

// compare compares two lists of files.
func compare(t testing.TB, got, want [][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("%s, want\n%s", got[i], want[i])
		}
	}
}

// TestImages holds images of mksquashfs against the trees that it was given. Linux and
// unsquashfs found the same in them when they were made. Notes would say that an index
// does not fit its list.
func TestImages(t *testing.T) {
	for _, tc := range []struct {
		name, truth, compression string
		block                    int
		features                 string
	}{
		{"gzip.img", "all.txt", "gzip", 128 << 10, "duplicates exportable"},
		{"gzip-options.img", "all.txt", "gzip", 16 << 10, "duplicates exportable compressor_options"},
		{"lz4.img", "all.txt", "lz4", 128 << 10, "duplicates exportable compressor_options"},
		{"lz4-4k.img", "all.txt", "lz4", 4 << 10, "no_fragments compressor_options"},
		{"xz.img", "all.txt", "xz", 128 << 10, "duplicates exportable"},
		{"xz-bcj.img", "all.txt", "xz", 8 << 10, "duplicates exportable compressor_options"},
		{"zstd.img", "all.txt", "zstd", 1 << 20, "duplicates exportable"},
		{"lzma.img", "all.txt", "lzma", 4 << 10, "duplicates exportable"},
		{"plain.img.gz", "all.txt", "gzip", 4 << 10, "uncompressed_inodes uncompressed_data uncompressed_fragments duplicates exportable uncompressed_xattrs"},
		{"plain-inodes.img.gz", "all.txt", "gzip", 4 << 10, "uncompressed_inodes duplicates"},
		{"plain-rest.img", "all.txt", "gzip", 64 << 10, "duplicates exportable uncompressed_xattrs uncompressed_ids"},
		{"no-fragments.img", "all.txt", "gzip", 4 << 10, "no_fragments duplicates exportable"},
		{"always-fragments.img", "all.txt", "gzip", 4 << 10, "always_fragments duplicates exportable"},
		{"no-xattrs.img", "", "gzip", 128 << 10, "duplicates exportable no_xattrs"},
		{"large-xz.img", "large.txt", "xz", 1 << 20, "duplicates exportable"},
		{"holes.img", "holes.txt", "gzip", 4 << 10, "duplicates"},
		{"many.img", "many.txt.xz", "xz", 128 << 10, "duplicates exportable"},
		{"empty.img", "empty.txt", "gzip", 128 << 10, "duplicates exportable"},
		{"append.img", "append.txt", "zstd", 4 << 10, "duplicates exportable"},
		{"tiny-gzip.img", "tiny.txt", "gzip", 4 << 10, "duplicates exportable"},
		{"tiny-lz4.img", "tiny.txt", "lz4", 4 << 10, "duplicates exportable compressor_options"},
		{"tiny-xz.img", "tiny.txt", "xz", 4 << 10, "duplicates exportable"},
		{"tiny-zstd.img", "tiny.txt", "zstd", 4 << 10, "duplicates exportable"},
		{"tiny-lzma.img", "tiny.txt", "lzma", 4 << 10, "duplicates exportable"},
		{"tiny-plain.img", "tiny.txt", "gzip", 4 << 10, "uncompressed_inodes uncompressed_data uncompressed_fragments duplicates exportable uncompressed_xattrs"},
		{"tiny-plain-lz4.img", "tiny.txt", "lz4", 4 << 10, "uncompressed_inodes duplicates uncompressed_xattrs compressor_options"},
		// gensquashfs, of squashfs-tools-ng, has another way of counting links, and leaves out empty attributes.
		{"ng-xz.img", "ng-xz.txt.xz", "xz", 128 << 10, "always_fragments duplicates exportable"},
		{"ng-lz4.img", "ng-lz4.txt", "lz4", 4 << 10, "always_fragments duplicates compressor_options"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data := fixture(t, tc.name)
			// What follows belongs to somebody else.
			f := open(t, append(bytes.Clone(data), bytes.Repeat([]byte{0xff}, 5000)...))
			if f.Size() > int64(len(data)) || f.Size() < int64(len(data))-1023 || f.Compression() != tc.compression || f.BlockSize() != tc.block || f.Created().Unix() != 1700000000 && !strings.HasPrefix(tc.name, "ng-") {
				t.Errorf("%d bytes of %d, %s, blocks of %d, %v", f.Size(), len(data), f.Compression(), f.BlockSize(), f.Created())
			}
			if got := strings.Join(f.Features(), " "); got != tc.features {
				t.Errorf("features %s", got)
			}
			want := truth(t, "all.txt")
			for _, w := range want { // of an image without owners and attributes
				w[1], w[2], w[9] = "0", "0", "-"
			}
			if tc.truth != "" {
				want = truth(t, tc.truth)
			}
			compare(t, listing(t, f), want)
			if notes := f.Notes(); len(notes) > 0 {
				t.Errorf("%q", notes)
			}
		})
	}
}

// TestPadded: mksquashfs fills up to 4 KiB, and the file system knows where it ends.
func TestPadded(t *testing.T) {
	data := fixture(t, "tiny-padded.img")
	f := open(t, data)
	if len(data) != 4096 || f.Size() >= 2048 {
		t.Errorf("%d bytes of %d", f.Size(), len(data))
	}
	compare(t, listing(t, f), truth(t, "tiny.txt"))
	if got := open(t, data[:f.Size()]); got.Size() != f.Size() {
		t.Error(got.Size())
	}
}

// TestSuite is what all file systems have to pass.
func TestSuite(t *testing.T) {
	for _, name := range []string{
		"gzip.img", "gzip-options.img", "lz4.img", "lz4-4k.img", "xz.img", "xz-bcj.img", "zstd.img", "lzma.img", "plain.img.gz", "plain-inodes.img.gz",
		"plain-rest.img", "no-fragments.img", "always-fragments.img", "no-xattrs.img", "large-xz.img", "empty.img", "tiny-padded.img", "many.img", "ng-xz.img", "ng-lz4.img",
	} {
		t.Run(name, func(t *testing.T) {
			otatest.TestFileSystem(t, open(t, fixture(t, name)))
		})
	}
}
