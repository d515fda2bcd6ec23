package ext4_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/ext4"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

var _ interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadFileFS
	fs.ReadLinkFS
	Blob(string) (blob.Blob, func() error, error)
} = (*ext4.FS)(nil)

// TestSuper: what an image says of itself.
func TestSuper(t *testing.T) {
	for name, want := range map[string]struct {
		size, block  int64
		mounted, has string
		note         string
	}{
		"android":  {4 << 20, 4096, "/system", "uninit_bg", ""},
		"block64k": {16 << 20, 65536, "", "metadata_csum", ""},
		"dirty":    {6 << 20, 1024, "", "needs_recovery", "the journal holds changes that have not been made"},
		"rev0":     {1 << 20, 1024, "", "", ""},
		"tiny":     {72 << 10, 1024, "", "64bit", ""},
		"eainode":  {2 << 20, 4096, "", "ea_inode", ""},
		"bigalloc": {16 << 20, 4096, "", "bigalloc", ""},
	} {
		// A file system in a longer partition.
		f := open(t, append(fixture(t, name+".img"), bytes.Repeat([]byte{0x5a}, 10000)...))
		if f.Size() != want.size || f.BlockSize() != want.block || !strings.HasPrefix(f.MountedAt(), want.mounted) {
			t.Errorf("%s: %d bytes, blocks of %d, mounted at %q", name, f.Size(), f.BlockSize(), f.MountedAt())
		}
		if f.UUID() != "01234567-89ab-cdef-0123-456789abcdef" || f.Label() != "" {
			t.Errorf("%s: UUID %s, label %q", name, f.UUID(), f.Label())
		}
		if want.has != "" && !slices.Contains(f.Features(), want.has) {
			t.Errorf("%s: features %s", name, f.Features())
		}
		if notes := fmt.Sprint(f.Notes()); want.note == "" && notes != "[]" || !strings.Contains(notes, want.note) {
			t.Errorf("%s: notes %s", name, notes)
		}
	}
}

// TestShared: in the image of Android's tools equal files have the same blocks.
func TestShared(t *testing.T) {
	f := open(t, fixture(t, "android.img"))
	if !slices.Contains(f.Features(), "shared_blocks") {
		t.Fatalf("features %s", f.Features())
	}
	if sum(t, f, "plain/again") != sum(t, f, "plain/65536") || sum(t, f, "bin/ping") != sum(t, f, "plain/4097") {
		t.Error("equal files are not equal")
	}
}

// TestEncrypted: what is encrypted is listed, with names that are found again, and refused.
func TestEncrypted(t *testing.T) {
	f := open(t, fixture(t, "crypt.img"))
	if p, err := f.ReadFile("plain"); err != nil || string(p) != "plain\n" {
		t.Errorf("the plain file: %q, %v", p, err)
	}
	list, err := f.ReadDir("secret")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata", "images", "ext4", "crypt.img.debugfs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Count(string(text), "<encrypted (32)>"); want != 12 || len(list) != want {
		t.Errorf("%d entries, debugfs has %d", len(list), want)
	}
	for _, e := range list {
		name := "secret/" + e.Name()
		plain, err := parse.Unescape(e.Name())
		if err != nil || len(plain) != 32 || strings.Contains(e.Name(), "/") {
			t.Errorf("%s is %d bytes, %v", e.Name(), len(plain), err)
		}
		info, err := f.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		m := info.Sys().(*vfs.Meta)
		if line := fmt.Sprintf("%7d  %2s", m.Inode, map[fs.FileMode]string{0: "10", fs.ModeDir: "4", fs.ModeSymlink: "12"}[info.Mode().Type()]); !strings.Contains(string(text), line) || !m.Encrypted {
			t.Errorf("%s: inode %d, mode %v, encrypted %v", name, m.Inode, info.Mode(), m.Encrypted)
		}
		switch info.Mode().Type() {
		case 0:
			_, err = f.ReadFile(name)
			_, openErr := f.Open(name)
			_, _, blobErr := f.Blob(name)
			if !errors.Is(openErr, parse.ErrUnsupported) || !errors.Is(blobErr, parse.ErrUnsupported) {
				t.Errorf("Open: %v; Blob: %v", openErr, blobErr)
			}
		case fs.ModeSymlink:
			_, err = f.ReadLink(name)
		case fs.ModeDir:
			if in, err := f.ReadDir(name); err != nil || len(in) != 1 {
				t.Errorf("%d entries, %v", len(in), err)
			}
			continue
		}
		if !errors.Is(err, parse.ErrUnsupported) || !strings.Contains(err.Error(), "it is encrypted") {
			t.Errorf("%s: %v", name, err)
		}
	}
	x, err := f.Xattrs("secret")
	if err != nil || len(x) != 1 || x[0].Name != "encryption.c" || len(x[0].Value) != 40 {
		t.Errorf("attributes %v, %v", x, err)
	}
	if notes := f.Notes(); len(notes) != 0 {
		t.Errorf("notes %s", notes)
	}
}

// TestFlags: casefold is told, and other spellings are not found; chattr +i is told.
func TestFlags(t *testing.T) {
	meta := func(f *ext4.FS, name string) *vfs.Meta {
		info, err := f.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*vfs.Meta)
	}
	f := open(t, fixture(t, "casefold.img"))
	if !meta(f, "names").Casefold || meta(f, ".").Casefold {
		t.Error("casefold is not told")
	}
	for name, want := range map[string]string{"names/Mixed": "1", "names/mixed": "2", "names/MIXED": ""} {
		if p, _ := f.ReadFile(name); string(p) != want {
			t.Errorf("%s is %q", name, p)
		}
	}
	f = open(t, fixture(t, "inline.img"))
	if !meta(f, "modes/none").Immutable || meta(f, "modes/high").Immutable {
		t.Error("immutable is not told")
	}
}

// TestNames: what names that are none, and names that lead through something else, come to.
func TestNames(t *testing.T) {
	f := open(t, fixture(t, "ext2.img"))
	for name, want := range map[string]string{
		"/plain": "invalid argument", "plain/": "invalid argument", "": "invalid argument", "../plain": "invalid argument",
		"none": "file does not exist", "plain/none": "file does not exist", "plain/.": "invalid argument",
		"plain/empty/x": "not a folder", "links/folder/target": "a symbolic link, which is not followed",
		"names/%41": "file does not exist", "links/folder": "a symbolic link, which is not followed",
		"nodes/fifo": "neither a regular file nor a folder", "nodes/null": "neither a regular file nor a folder",
		strings.Repeat("a/", 1024) + "a": "more than 1024 folders",
	} {
		if _, err := f.Open(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%.20s): %v", name, err)
		}
		if b, _, err := f.Blob(name); err == nil || b != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Blob(%.20s): %v", name, err)
		}
	}
	for name, op := range map[string]func(string) error{
		"is a folder":         func(n string) error { _, err := f.ReadFile("plain"); return err },
		"a folder":            func(n string) error { _, _, err := f.Blob("plain"); return err },
		"not a folder":        func(n string) error { _, err := f.ReadDir("plain/empty"); return err },
		"not a symbolic link": func(n string) error { _, err := f.ReadLink("plain/empty"); return err },
	} {
		if err := op(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q: %v", name, err)
		}
	}
	if p, err := f.ReadFile("names/%2541"); err != nil || string(p) != "8\n" {
		t.Errorf("the file %%41: %q, %v", p, err)
	}
	if _, err := f.Stat("links/dangling"); err != nil {
		t.Errorf("a link that dangles: %v", err)
	}
}

// TestOdd: images that are odd are read, and Notes says in what.
func TestOdd(t *testing.T) {
	two := []bentInode{regular(4, extent(9, 1)), regular(4, extent(10, 1))}
	for name, tc := range map[string]struct {
		list [][]byte
		want string // names
		note string
	}{
		"two of one name": {[][]byte{dirent(12, 0, 1, "a"), dirent(13, 0, 1, "a")}, "a", "inode 2: two entries have the name a; the first is taken"},
		"slash":           {[][]byte{dirent(12, 0, 1, "../x")}, "..%2Fx", "inode 2: the name ..%2Fx has a slash in it"},
		"NUL":             {[][]byte{dirent(12, 0, 1, "a\x00b")}, "a%00b", ""},
		"dots":            {[][]byte{dirent(12, 0, 1, ".."), dirent(12, 0, 1, "."), dirent(12, 0, 1, "...")}, "...", "inode 2: a further entry . is left out"},
		"other kind":      {[][]byte{dirent(12, 0, 2, "a")}, "a", "inode 12: its entry a says that it is another kind of file"},
		"no kind":         {[][]byte{dirent(12, 0, 0, "a"), dirent(12, 0, 200, "b")}, "a b", ""},
		"deleted entry":   {[][]byte{dirent(0, 0, 1, "gone"), dirent(12, 0, 1, "a")}, "a", ""},
		"broken inode":    {[][]byte{dirent(20, 0, 7, "a")}, "a", ""},
	} {
		f := open(t, root(tc.list, [][]byte{[]byte("one\n"), []byte("two\n")}, two...).bytes())
		list, err := f.ReadDir(".")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var names []string
		for _, e := range list {
			names = append(names, e.Name())
			info, err := e.Info()
			if name == "broken inode" {
				if err == nil || e.Type() != fs.ModeSymlink {
					t.Errorf("%v, %v, %v", e, info, err)
				}
				continue
			}
			if p, err := f.ReadFile(e.Name()); err != nil || string(p) != "one\n" || !e.Type().IsRegular() {
				t.Errorf("%s: %v is %q, %v", name, e, p, err)
			}
		}
		if got := strings.Join(names, " "); got != tc.want {
			t.Errorf("%s: names %s", name, got)
		}
		if notes := fmt.Sprint(f.Notes()); tc.note == "" && notes != "[]" || !strings.Contains(notes, tc.note) {
			t.Errorf("%s: notes %s", name, notes)
		}
	}
}

// TestBackup: a broken superblock is an error that tells of the other one.
func TestBackup(t *testing.T) {
	image := fixture(t, "htree.img")
	image[1024+0x38] ^= 1
	_, err := ext4.Open(blob.Bytes(image), nil)
	if want := "ext4: no superblock; a backup superblock at byte 0x800400 is not used (0xef52) at byte 0x438"; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	clear(image[8193<<10:][:1024])
	if _, err = ext4.Open(blob.Bytes(image), nil); !errors.Is(err, parse.ErrFormat) || strings.Contains(err.Error(), "backup") {
		t.Error(err)
	}
}

// TestBudget: entries are charged once a folder, where it is first read.
func TestBudget(t *testing.T) {
	image := fixture(t, "htree.img")
	bud := parse.NewBudget(parse.Limits{Entries: 3600})
	f, err := ext4.Open(blob.Bytes(image), bud)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if list, err := f.ReadDir("many"); err != nil || len(list) != 3001 {
			t.Fatalf("%d entries, %v", len(list), err)
		}
	}
	f, err = ext4.Open(blob.Bytes(image), parse.NewBudget(parse.Limits{Entries: 3000}))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := f.ReadDir("many"); !errors.Is(err, parse.ErrLimit) {
			t.Error(err)
		}
	}
	if _, err := f.ReadDir("plain"); err != nil {
		t.Error(err)
	}
	if _, err := ext4.Open(blob.Bytes(image), parse.NewBudget(parse.Limits{Entries: 3})); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}

// counted counts what is read of a blob.
type counted struct {
	blob.Blob
	mu    sync.Mutex
	bytes int64
	reads [][2]int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.mu.Lock()
	c.bytes += int64(len(p))
	c.reads = append(c.reads, [2]int64{off, int64(len(p))})
	c.mu.Unlock()
	return c.Blob.ReadAt(p, off)
}

// TestTouched: opening and reading one file reads its blocks and those on the way.
func TestTouched(t *testing.T) {
	c := &counted{Blob: blob.Bytes(fixture(t, "htree.img"))}
	f, err := ext4.Open(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.ReadFile("plain/4097")
	if err != nil || len(p) != 4097 {
		t.Fatal(len(p), err)
	}
	// Superblock, descriptors, inodes of the root, the folder and the file, and two folders.
	if c.bytes > 4097+12<<10 {
		t.Errorf("%d bytes are read", c.bytes)
	}
}

// TestMemory: a folder of the most entries, whose names are long, a file in the
// most pieces and a walk over all stay below 64 MB.
func TestMemory(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	const n = 131072
	var data [][]byte
	block, names := []byte(nil), 0
	for i := 0; i < n; {
		block = slices.Concat(dirent(2, 0, 2, "."), dirent(2, 0, 2, ".."))
		if len(data) > 0 {
			block = nil
		}
		for ; i < n && len(block) < bentBlock-144; i++ {
			e := dirent(12, 0, 1, fmt.Sprintf("%050d", i))
			block, names = append(block, e...), names+1
		}
		end := dirent(0, bentBlock-len(block), 0, "")
		data = append(data, append(block, append(end, make([]byte, bentBlock-len(block)-len(end))...)...))
	}
	size := len(data) * bentBlock
	b := &bent{root: bentInode{mode: 0x41ed, links: 2, size: uint32(size), flags: extents, block: extent(dataBlock, len(data))}, data: data,
		inodes: []bentInode{{}, regular(4, extent(8, 1))}}
	image := b.bytes()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := open(t, image)
	list, err := f.ReadDir(".")
	if err != nil || len(list) != n {
		t.Fatalf("%d entries, %v", len(list), err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 40<<20 {
		t.Errorf("%d MiB for a folder of %d entries", used>>20, n)
	}
	t.Logf("%d MiB held, %d MiB in all", (after.HeapAlloc-before.HeapAlloc)>>20, (after.TotalAlloc-before.TotalAlloc)>>20)
	if got := after.TotalAlloc - before.TotalAlloc; got > 200<<20 {
		t.Errorf("%d MiB in all", got>>20)
	}
	runtime.KeepAlive(list)
	runtime.KeepAlive(f)

	// One entry more is too many.
	end := b.data[len(data)-1]
	at := bytes.LastIndex(end, []byte(fmt.Sprintf("%050d", n-1))) - 8 + 60
	copy(end[at:], append(dirent(12, bentBlock-at, 1, "more"), 0))
	if _, err := ext4.Open(blob.Bytes(b.bytes()), nil); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("one entry more: %v", err)
	}
}

// TestHuge: a file of terabytes that has no blocks is read in pieces, and not whole.
func TestHuge(t *testing.T) {
	n := regular(0, tree(0, 4, leafEntry(math.MaxUint32, 1, 9)))
	n.sizeHigh = 1 << 12
	f := open(t, file(n, bytes.Repeat([]byte("data"), 1024)).bytes())
	b, _, err := f.Blob("f")
	if err != nil || b.Size() != 1<<44 {
		t.Fatal(b, err)
	}
	p := make([]byte, 8192)
	if _, err := b.ReadAt(p, b.Size()-8192); err != nil && err != io.EOF || string(p[4088:4100]) != "\x00\x00\x00\x00\x00\x00\x00\x00data" {
		t.Errorf("%q, %v", p[4088:4100], err)
	}
	if _, err := f.ReadFile("f"); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}
