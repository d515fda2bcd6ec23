package erofs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/erofs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

var (
	_ fs.ReadDirFS  = (*erofs.FS)(nil)
	_ fs.StatFS     = (*erofs.FS)(nil)
	_ fs.ReadFileFS = (*erofs.FS)(nil)
	_ fs.ReadLinkFS = (*erofs.FS)(nil)
)

// TestSuite runs the suite of all readers over each image.
func TestSuite(t *testing.T) {
	for _, name := range images {
		t.Run(name, func(t *testing.T) {
			image, _ := fixture(t, name)
			otatest.TestFileSystem(t, mount(t, name, image))
		})
	}
}

// TestStatements is what the superblock says for people.
func TestStatements(t *testing.T) {
	for _, tc := range []struct {
		name, label string
		block       int
		size        int64
		features    string
	}{
		{"plain", "", 4096, 3764224, "sb_chksum mtime"},
		{"blockmap", "label", 4096, 0, "mtime xattr_filter chunked_file"},
		{"block512", "", 512, 0, "sb_chksum mtime xattr_filter zero_padding compr_cfgs/big_pcluster lz4"},
		{"all", "", 4096, 0, "sb_chksum mtime xattr_filter zero_padding compr_cfgs/big_pcluster ztailpacking fragments/dedupe xattr_prefixes lzma"},
		{"metabox", "", 4096, 0, "sb_chksum mtime xattr_filter zero_padding compr_cfgs/big_pcluster fragments/dedupe xattr_prefixes 48bit metabox lzma"},
		{"device", "", 4096, 0, "sb_chksum mtime xattr_filter chunked_file device_table/compr_head2"},
	} {
		image, _ := fixture(t, tc.name)
		f := mount(t, tc.name, image)
		size := tc.size
		if size == 0 {
			size = int64(len(image))
		}
		got := strings.Join(f.Features(), " ")
		if f.Label() != tc.label || f.BlockSize() != tc.block || f.Size() != size || got != tc.features || f.UUID() != "01234567-89ab-cdef-0123-456789abcdef" {
			t.Errorf("%s: %q, %d, %d, %s, %q", tc.name, f.Label(), f.BlockSize(), f.Size(), f.UUID(), got)
		}
	}
}

// TestWords is what is not there, or is not to be opened: the error says why.
func TestWords(t *testing.T) {
	image, _ := fixture(t, "lzma-prefix")
	f := mount(t, "lzma-prefix", image)
	open := func(name string) error { _, err := f.Open(name); return err }
	stat := func(name string) error { _, err := f.Stat(name); return err }
	list := func(name string) error { _, err := f.ReadDir(name); return err }
	read := func(name string) error { _, err := f.ReadFile(name); return err }
	link := func(name string) error { _, err := f.ReadLink(name); return err }
	take := func(name string) error { _, _, err := f.Blob(name); return err }
	mark := func(name string) error { _, err := f.Xattrs(name); return err }
	for _, tc := range []struct {
		do         func(string) error
		name, want string
		is         error
	}{
		{open, "fast", "open fast: a symbolic link, which is not followed", nil},
		{open, "dirlink/00001", "open dirlink/00001: a symbolic link, which is not followed", nil},
		{stat, "dirlink/00001", "stat dirlink/00001: a symbolic link, which is not followed", nil},
		{list, "dirlink", "readdir dirlink: a symbolic link, which is not followed", nil},
		{open, "null", "open null: neither a regular file nor a folder", nil},
		{take, "pipe", "blob pipe: neither a regular file nor a folder", nil},
		{take, "size", "blob size: is a folder", nil},
		{read, "size", "read size: is a folder", nil},
		{list, "text", "readdir text: not a folder", nil},
		{link, "text", "readlink text: not a symbolic link", nil},
		{stat, "text/x", "stat text/x: file does not exist\nnot a folder", fs.ErrNotExist},
		{open, "nothing", "open nothing: file does not exist", fs.ErrNotExist},
		{open, "nothing/x", "open nothing/x: file does not exist", fs.ErrNotExist},
		{mark, "nothing", "xattrs nothing: file does not exist", fs.ErrNotExist},
		{list, "../x", "readdir ../x: invalid argument", fs.ErrInvalid},
		{stat, "/text", "stat /text: invalid argument", fs.ErrInvalid},
		{stat, "size/", "stat size/: invalid argument", fs.ErrInvalid},
		{stat, "odd %!#:\n\x01\x7f name", "stat odd %!#:\n\x01\x7f name: file does not exist", fs.ErrNotExist},
		{stat, "%74ext", "stat %74ext: file does not exist", fs.ErrNotExist}, // not another spelling of text
		{stat, strings.Repeat("a/", 2048) + "a", "", parse.ErrLimit},
	} {
		err := tc.do(tc.name)
		var pe *fs.PathError
		if !errors.As(err, &pe) || tc.want != "" && err.Error() != tc.want || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%.40q: %.200v", tc.name, err)
		}
	}
	for _, name := range []string{"fast", "odd %25%21%23%3A%0A%01%7F name", "raw-%FF%FE%80", "."} {
		if err := stat(name); err != nil {
			t.Error(err)
		}
	}
}

// A counted blob counts bytes that were read, block by block.
type counted struct {
	blob.Blob
	mu   sync.Mutex
	seen map[int64]bool
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := off &^ 4095; at < off+int64(len(p)); at += 4096 {
		c.seen[at] = true
	}
	return c.Blob.ReadAt(p, off)
}

// TestTouched opens an image and reads one file: no block is read that is not
// needed for that.
func TestTouched(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		most       int
	}{
		// Superblock, inodes, list and index of the file, and its own blocks.
		{"lz4hc-64k", "size/04097", 4},
		{"lz4hc-64k", "text", 6},
		{"lz4hc-64k", "noise", 6},
		{"chunks", "text", 8},
		{"metabox", "text", 12},
	} {
		image, _ := fixture(t, tc.name)
		c := &counted{Blob: blob.Bytes(image), seen: make(map[int64]bool)}
		f, err := erofs.Open(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadFile(tc.path); err != nil {
			t.Fatal(err)
		}
		if len(c.seen) > tc.most {
			t.Errorf("%s, %s: %d blocks of %d, want at most %d", tc.name, tc.path, len(c.seen), len(image)>>12, tc.most)
		}
	}
}

// TestFile is what fs.File has, and what is left after a part was read.
func TestFile(t *testing.T) {
	image, _ := fixture(t, "zstd-dedupe")
	f := mount(t, "zstd-dedupe", image)
	want, err := f.ReadFile("mixed")
	if err != nil {
		t.Fatal(err)
	}
	file, err := f.Open("mixed")
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 1000)
	if _, err := io.ReadFull(file, head); err != nil || !bytes.Equal(head, want[:1000]) {
		t.Error(err)
	}
	var rest bytes.Buffer
	if n, err := io.Copy(&rest, file); err != nil || n != int64(len(want)-1000) || !bytes.Equal(rest.Bytes(), want[1000:]) {
		t.Error(n, err)
	}
	if i, err := file.Stat(); err != nil || i.Name() != "mixed" || i.Size() != int64(len(want)) {
		t.Error(i, err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	for _, err := range []error{file.Close(), func() error { _, err := file.Read(head); return err }()} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
	}
}

// TestBudget charges each folder once, and meets the limit where it lists.
func TestBudget(t *testing.T) {
	image, _ := fixture(t, "all")
	open := func(most int64) *erofs.FS {
		f, err := erofs.Open(blob.Bytes(image), parse.NewBudget(parse.Limits{Entries: most}))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := open(3200)
	for range 3 {
		if _, err := f.ReadDir("many"); err != nil {
			t.Fatal(err)
		}
	}
	f = open(3000)
	for range 2 {
		if _, err := f.ReadDir("many"); !errors.Is(err, parse.ErrLimit) {
			t.Error(err)
		}
		if _, err := f.Stat("many/0000-entry"); !errors.Is(err, parse.ErrLimit) {
			t.Error(err)
		}
		if _, err := f.ReadDir("size"); err != nil {
			t.Error(err)
		}
	}
}

// TestDeviceMissing reads an image whose device is not given: what is not on it.
func TestDeviceMissing(t *testing.T) {
	image, _ := fixture(t, "device")
	f, err := erofs.Open(blob.Bytes(image), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadFile("text"); !errors.Is(err, parse.ErrUnsupported) || !strings.Contains(err.Error(), "another device") {
		t.Error(err)
	}
	if got, err := f.ReadLink("fast"); got != "text" {
		t.Error(got, err)
	}
}

// failing is a blob that cannot be read.
type failing struct {
	blob.Blob
	after int64
}

var errDisk = os.ErrDeadlineExceeded

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.after {
		return 0, errDisk
	}
	return f.Blob.ReadAt(p, off)
}

// TestDisk passes on what goes wrong below.
func TestDisk(t *testing.T) {
	image, _ := fixture(t, "lz4hc-64k")
	whole := blob.Bytes(image)
	if _, err := erofs.Open(failing{whole, 2000}, nil); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	f, err := erofs.Open(failing{whole, 20 << 10}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadFile("noise"); !errors.Is(err, errDisk) {
		t.Error(err)
	}
}

// TestInfo: entries, Stat and Open agree.
func TestInfo(t *testing.T) {
	image, _ := fixture(t, "extents16")
	f := mount(t, "extents16", image)
	entries, err := f.ReadDir(".")
	if err != nil || !slices.IsSortedFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) }) {
		t.Fatal(err)
	}
	for _, e := range entries {
		a, err := e.Info()
		b, err2 := f.Lstat(e.Name())
		if err != nil || err2 != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%v, %v; %v, %v", a, err, b, err2)
		}
	}
}
