package erofs_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/erofs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

var le = binary.LittleEndian

const super = 1024

// A lie is an image of testdata in which something was changed.
type lie struct {
	name, image string
	path        string // whose inode bend is given; "": the superblock
	bend        func(b []byte, at int)
	do          func(f *erofs.FS) error // nil: Open
	kind        error                   // nil: no error
	msg         string
}

// inodeAt is where the inode of path stands. The images have their metadata at
// their beginning, as all that mkfs.erofs makes.
func inodeAt(t testing.TB, image []byte, path string) int {
	t.Helper()
	f, err := erofs.Open(blob.Bytes(image), nil)
	if err != nil {
		t.Fatal(err)
	}
	i, err := f.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(i.Sys().(*vfs.Meta).Inode)*32 + int(le.Uint32(image[super+40:]))<<image[super+12]
}

// body is where what follows the inode at off and its attributes stands, and its
// attributes.
func body(b []byte, off int) (end, xattrs int) {
	end = off + 32
	if b[off]&1 != 0 {
		end = off + 64
	}
	xattrs = end
	if n := int(le.Uint16(b[off+2:])); n > 0 {
		end += 12 + 4*(n-1)
	}
	return end, xattrs
}

// header is where the map header of the inode at off stands.
func header(b []byte, off int) int {
	end, _ := body(b, off)
	return (end + 7) &^ 7
}

// list is where the first block of the folder at off stands.
func list(b []byte, off int) int {
	if b[off]>>1&7 == 2 && le.Uint64(b[off+8:]) < 512 {
		end, _ := body(b, off)
		return end
	}
	return int(le.Uint32(b[off+16:])) << b[super+12]
}

// dirent is where the entry with that name stands in the folder at off.
func dirent(b []byte, off int, name string) int {
	at := list(b, off)
	first := at + int(le.Uint16(b[at+8:]))
	for i := at; i < first; i += 12 {
		rest := string(b[at+int(le.Uint16(b[i+8:])):])
		if i+12 < first {
			rest = rest[:int(le.Uint16(b[i+12+8:]))-int(le.Uint16(b[i+8:]))]
		}
		if rest == name || i+12 == first && strings.HasPrefix(rest, name) {
			return i
		}
	}
	panic("no entry " + name)
}

func lies() []lie {
	F, U, L := parse.ErrFormat, parse.ErrUnsupported, parse.ErrLimit
	read := func(path string) func(f *erofs.FS) error {
		return func(f *erofs.FS) error { _, err := f.ReadFile(path); return err }
	}
	stat := func(path string) func(f *erofs.FS) error {
		return func(f *erofs.FS) error { _, err := f.Stat(path); return err }
	}
	readdir := func(path string) func(f *erofs.FS) error {
		return func(f *erofs.FS) error { _, err := f.ReadDir(path); return err }
	}
	xattrs := func(path string) func(f *erofs.FS) error {
		return func(f *erofs.FS) error { _, err := f.Xattrs(path); return err }
	}
	link := func(path string) func(f *erofs.FS) error {
		return func(f *erofs.FS) error { _, err := f.ReadLink(path); return err }
	}
	put16 := func(off int, v uint16) func([]byte, int) {
		return func(b []byte, at int) { le.PutUint16(b[at+off:], v) }
	}
	put32 := func(off int, v uint32) func([]byte, int) {
		return func(b []byte, at int) { le.PutUint32(b[at+off:], v) }
	}
	put64 := func(off int, v uint64) func([]byte, int) {
		return func(b []byte, at int) { le.PutUint64(b[at+off:], v) }
	}
	set := func(off int, v byte) func([]byte, int) { return func(b []byte, at int) { b[at+off] = v } }
	mapped := func(off int, v byte) func([]byte, int) {
		return func(b []byte, at int) { b[header(b, at)+off] = v }
	}
	return []lie{
		{"as it was", "tiny-plain", "", func([]byte, int) {}, read("text"), nil, ""},
		{"no magic", "tiny-plain", "", put32(0, 1), nil, F, "no magic"},
		{"checksum", "plain", "", put32(4, 1), nil, F, "checksum"},
		{"blocks of 256", "tiny-plain", "", set(12, 8), nil, U, "block size"},
		{"blocks of 128 KiB", "tiny-plain", "", set(12, 17), nil, U, "block size"},
		{"an unknown feature", "tiny-plain", "", put32(80, 0x200), nil, U, "incompatible features that are not known"},
		{"folders of other blocks", "tiny-plain", "", set(90, 1), nil, U, "blocks of folders"},
		{"an unknown algorithm", "tiny-lz4", "", put16(84, 0x11), nil, U, "algorithms that are not known"},
		{"none for a cluster", "tiny-lz4", "", put16(84, 0), read("text"), F, "does not name"},
		{"a root outside", "tiny-plain", "", put16(14, 0xffff), nil, F, "the image ends before"},
		{"devices outside", "tiny-plain", "", func(b []byte, at int) { b[at+80], b[at+86], b[at+89] = 8, 1, 0xff }, nil, F, "device table"},
		{"a metabox without room", "tiny-plain", "", put32(80, 0x100), nil, F, "no room"},
		{"a metabox in the metabox", "tiny-metabox", "", put64(128, 1<<63), nil, F, "lies in the metabox"},
		{"a metabox outside", "tiny-metabox", "", put64(128, 1<<40), nil, F, "the image ends before"},
		{"a packed inode that is a folder", "tiny-packed", "", func(b []byte, at int) { le.PutUint64(b[at+96:], uint64(le.Uint16(b[at+14:]))) }, read("text"), F, ""},

		{"an unknown format of inode", "tiny-plain", "text", set(0, 0x25), stat("text"), U, "format of inode"},
		{"layout 5", "tiny-plain", "text", set(0, 5<<1|1), stat("text"), U, "layout"},
		{"a mode of nothing", "tiny-plain", "text", put16(4, 0o644), stat("text"), F, "no kind of file"},
		{"another type than the entry", "tiny-plain", "text", put16(4, 0o20644), func(f *erofs.FS) error {
			list, err := f.ReadDir(".")
			if i := slices.IndexFunc(list, func(e fs.DirEntry) bool { return e.Name() == "text" }); err == nil && list[i].Type() != fs.ModeDevice|fs.ModeCharDevice {
				err = errors.New(fs.FormatDirEntry(list[i]))
			}
			if notes := fmt.Sprint(f.Notes()); err == nil && !strings.Contains(notes, "its entry text says that it is another kind of file") {
				err = errors.New(notes)
			}
			return err
		}, nil, ""},
		{"2^63 bytes", "tiny-plain", "text", put64(8, 1<<63), stat("text"), F, "larger than any"},
		{"2^40 bytes", "tiny-plain", "text", put64(8, 1<<40+392), read("text"), F, "ends before the data"},
		{"data outside", "tiny-plain", "text", put32(16, 0xfffffff0), read("text"), F, "ends before the data"},
		{"inline data behind their block", "tiny-plain", "text", put64(8, 5119), read("text"), F, "do not fit"},
		{"zeros without blocks", "tiny-plain", "holes", func(b []byte, at int) {
			b[at] &^= 0xe
			le.PutUint32(b[at+16:], 1<<32-1)
			le.PutUint16(b[at+6:], 1<<16-1)
		},
			func(f *erofs.FS) error {
				p, err := f.ReadFile("holes")
				if strings.Trim(string(p), "\x00") != "" {
					return errors.New("not zeros")
				}
				return err
			}, nil, ""},
		{"a link of 2^40 bytes", "tiny-plain", "link", put64(8, 1<<40), link("link"), L, "longer than 4096"},
		{"a folder of 2^40 bytes", "tiny-plain", "sub", put64(8, 1<<40), readdir("sub"), L, "larger than 4 MiB"},

		{"an unknown format of chunks", "tiny-chunks", "text", put16(16, 0x80), read("text"), U, "format of chunks"},
		{"2^60 bytes in chunks", "tiny-chunks", "text", put64(8, 1<<60), read("text"), F, "index has room for"},
		{"chunks of 2^43 bytes", "tiny-chunks", "text", func(b []byte, at int) { b[at+16] |= 31; le.PutUint64(b[at+8:], 1<<44) }, read("text"), L, "larger than 268435456 bytes"},

		{"names nowhere", "tiny-plain", "sub", func(b []byte, at int) { clear(b[list(b, at)+8 : list(b, at)+10]) }, readdir("sub"), F, "first name"},
		{"names back and forth", "tiny-plain", "sub", func(b []byte, at int) { le.PutUint16(b[list(b, at)+12+8:], 300) }, readdir("sub"), F, "do not follow"},
		{".. elsewhere", "tiny-plain", "sub", func(b []byte, at int) { b[dirent(b, at, "..")]++ }, readdir("sub"), F, ".. says"},
		{"the root in a folder", "tiny-plain", "sub", func(b []byte, at int) {
			copy(b[dirent(b, at, "again"):][:8], b[dirent(b, at, ".."):][:8])
			b[dirent(b, at, "again")+10] = 2
		}, readdir("sub/again"), F, "two places"},
		{"the root in itself", "tiny-plain", ".", func(b []byte, at int) {
			copy(b[dirent(b, at, "text"):][:8], b[dirent(b, at, "."):][:8])
			b[dirent(b, at, "text")+10] = 2
		}, readdir("text"), F, "two places"},
		{"a folder in its child", "tiny-plain", "sub", func(b []byte, at int) {
			copy(b[dirent(b, at, "again"):][:8], b[dirent(b, at, "."):][:8])
			b[dirent(b, at, "again")+10] = 2
		}, readdir("sub/again"), F, ".. says"},
		{"a folder of two names", "tiny-plain", ".", func(b []byte, at int) {
			copy(b[dirent(b, at, "text"):][:8], b[dirent(b, at, "sub"):][:8])
			b[dirent(b, at, "text")+10] = 2
		}, readdir("text"), F, "two places"},
		{"an entry of no type", "tiny-plain", "sub", func(b []byte, at int) { b[dirent(b, at, "again")+10] = 99 }, func(f *erofs.FS) error {
			list, err := f.ReadDir("sub")
			if err == nil && (list[0].Name() != "again" || list[0].Type() != 0) {
				err = errors.New("another type")
			}
			return err
		}, nil, ""},
		{"no ..", "tiny-plain", "sub", func(b []byte, at int) {
			i := dirent(b, at, "..")
			b[list(b, at)+int(le.Uint16(b[i+8:]))] = 'x'
		}, readdir("sub"), F, "without .."},

		{"more shared attributes than room", "tiny-lz4", "text", func(b []byte, at int) { _, x := body(b, at); b[x+4] = 255 }, xattrs("text"), F, "more shared"},
		{"attributes that run out", "tiny-lz4", "text", func(b []byte, at int) { _, x := body(b, at); b[x+4] = 0; le.PutUint16(b[x+14:], 60000) }, xattrs("text"), F, "runs out"},
		{"a prefix that is not there", "tiny-inline", "text", func(b []byte, at int) {
			_, x := body(b, at)
			b[x+12+4*int(b[x+4])+1] = 0x90
		}, xattrs("text"), F, "prefix that is not there"},
		{"an attribute of Lustre", "tiny-lz4", "text", func(b []byte, at int) { _, x := body(b, at); b[x+12+4*int(b[x+4])+1] = 5 }, func(f *erofs.FS) error {
			x, err := f.Xattrs("text")
			if err == nil && (len(x) != 2 || x[0].Name != "index-5.project.of.names" && x[0].Name != "index-5.selinux") {
				err = errors.New(x[0].Name)
			}
			return err
		}, nil, ""},
		{"room for no attribute", "tiny-plain", "noise", put16(2, 1), xattrs("noise"), U, "room for none"},

		{"algorithm 5", "tiny-lz4", "text", mapped(6, 5), read("text"), U, "algorithm"},
		{"one kind of cluster alone is large", "tiny-lz4", "text", mapped(4, 3), read("text"), F, "alone is large"},
		{"a fragment, and no packed inode", "tiny-lz4", "text", mapped(7, 0x80), read("text"), F, "no packed inode"},
		{"a fragment outside", "tiny-packed", "sub/tail", mapped(4, 1), read("sub/tail"), F, ""},
		{"2^50 bytes compressed", "tiny-lz4", "text", put64(8, 1<<50), read("text"), F, "index has room for"},
		{"2^31 extents", "tiny-extents16", "sub/again", func(b []byte, at int) { le.PutUint32(b[header(b, at):], 1<<31) }, read("sub/again"), F, "index has room for"},
		{"an extent of algorithm 6", "tiny-extents16", "sub/again", func(b []byte, at int) {
			b[(header(b, at)+8+15)&^15+3] = 0x70
		}, read("sub/again"), U, "algorithm"},
		{"an extent before the one before it", "tiny-extents16", "sub/again", func(b []byte, at int) {
			le.PutUint32(b[(header(b, at)+8+15)&^15+16+12:], 5000)
		}, read("sub/again"), F, "do not follow"},
		{"an extent outside", "tiny-extents16", "sub/again", func(b []byte, at int) {
			b[(header(b, at)+8+15)&^15+9] = 1
		}, read("sub/again"), F, "ends before"},
	}
}

func TestLies(t *testing.T) {
	var heap otatest.Allocations
	for _, l := range lies() {
		t.Run(l.name, func(t *testing.T) {
			image, _ := fixture(t, l.image)
			at := super
			if l.path != "" {
				at = inodeAt(t, image, l.path)
			}
			b := slices.Clone(image)
			l.bend(b, at)
			if l.name != "checksum" {
				mend(b)
			}
			before := heap.Read()
			f, err := erofs.Open(blob.Bytes(b), nil)
			if err == nil && l.do != nil {
				err = l.do(f)
			}
			if n := heap.Read() - before; n > 1<<20 {
				t.Errorf("%d bytes of memory", n)
			}
			if l.kind == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var pe *parse.Error
			if !errors.As(err, &pe) || !errors.Is(err, l.kind) || !strings.Contains(err.Error(), l.msg) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestNotes: what is left out of a folder, and what is read all the same.
func TestNotes(t *testing.T) {
	image, _ := fixture(t, "tiny-plain")
	at := inodeAt(t, image, "sub")
	name := func(b []byte, entry string) []byte {
		return b[list(b, at)+int(le.Uint16(b[dirent(b, at, entry)+8:])):]
	}
	for _, tc := range []struct {
		bend func(b []byte)
		list string
		note string
	}{
		{func(b []byte) { copy(name(b, "hard"), "a/b!") }, "again tail", "an entry is left out that no system call can reach: \"a/b%21\""},
		{func(b []byte) { copy(name(b, "hard"), "tail") }, "again tail", "two entries have the name tail; the first is taken"},
		{func(b []byte) { copy(name(b, "hard"), "h\x00/d") }, "again tail", "an entry is left out"},
		{func(b []byte) { copy(name(b, "hard"), "h\x00rd") }, "again h%00rd tail", ""},
	} {
		b := slices.Clone(image)
		tc.bend(b)
		f, err := erofs.Open(blob.Bytes(b), nil)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := f.ReadDir("sub")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
			if _, err := f.Stat("sub/" + e.Name()); err != nil {
				t.Error(err)
			}
		}
		notes := strings.Join(f.Notes(), "; ")
		if got := strings.Join(names, " "); got != tc.list || !strings.Contains(notes, tc.note) || (notes == "") != (tc.note == "") {
			t.Errorf("%s; %s", got, notes)
		}
	}
}

// TestRewritten reads what mkfs.erofs does not write, made out of what it wrote,
// with the same meaning: heads of the second kind.
func TestRewritten(t *testing.T) {
	image, tree := fixture(t, "lz4-legacy")
	b, done := slices.Clone(image), 0
	f := mount(t, "lz4-legacy", image)
	for path, w := range tree {
		if w.kind != "file" || strings.HasPrefix(path, "hard") || path == "size/hard3" {
			continue
		}
		i, err := f.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		at := inodeAt(t, image, path)
		if b[at]>>1&7 != 1 {
			continue
		}
		h := header(b, at)
		b[h+6] = 0x03 // LZ4 for HEAD2, and for HEAD1 what these heads are not of
		for n := range (i.Size() + 4095) / 4096 {
			if e := h + 16 + 8*int(n); b[e]&3 == 1 {
				b[e] |= 3
				done++
			}
		}
	}
	mend(b)
	if done < 4 {
		t.Fatalf("%d heads", done)
	}
	compare(t, mount(t, "lz4-legacy", b), tree, false)
}

// TestUnified reads chunks of a device by addresses that go on behind those of
// the image, as the device table may say, which mkfs.erofs does not write either.
func TestUnified(t *testing.T) {
	image, tree := fixture(t, "device")
	b := slices.Clone(image)
	slot := int(le.Uint16(b[super+88:])) * 128
	const start = 5000
	le.PutUint32(b[slot+68:], start)
	for _, path := range []string{"text", "mixed", "holes"} {
		at := inodeAt(t, image, path)
		size, err := strconv.Atoi(tree[path].size)
		if err != nil {
			t.Fatal(err)
		}
		chunk := 4096 << (b[at+16] & 31)
		for i := range (size + chunk - 1) / chunk {
			e := b[header(b, at)+8*i:]
			if le.Uint32(e[4:]) != 1<<32-1 {
				le.PutUint16(e[2:], 0)
				le.PutUint32(e[4:], le.Uint32(e[4:])+start)
			}
		}
	}
	mend(b)
	compare(t, mount(t, "device", b), tree, false)
}

// TestShared reads a cluster that two files share, of which one has but a part:
// what is kept for one is not enough for the other.
func TestShared(t *testing.T) {
	image, _ := fixture(t, "lz4-legacy")
	b := slices.Clone(image)
	long, short := inodeAt(t, image, "holes"), inodeAt(t, image, "zeros")
	copy(b[header(b, short):][:16+25*8], b[header(b, long):]) // 100,000 bytes
	mend(b)
	want, err := mount(t, "lz4-legacy", image).ReadFile("holes")
	if err != nil {
		t.Fatal(err)
	}
	f := mount(t, "lz4-legacy", b)
	for _, path := range []string{"zeros", "holes", "zeros"} {
		r, _, err := f.Blob(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(0); at < r.Size(); at += 97 {
			p := []byte("xxx")
			if n, _ := r.ReadAt(p, at); string(p[:n]) != string(want[at:at+int64(n)]) || n == 0 {
				t.Fatalf("%s at %d: %q", path, at, p[:n])
			}
		}
	}
}
