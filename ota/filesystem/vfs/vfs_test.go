package vfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// A file is an inode that is written down in a test.
type file struct {
	mode    uint16
	up      uint64  // what .. of a folder is
	entries []entry // of a folder
	text    string  // of a file, or the target of a link
	xattrs  []vfs.Xattr
}

type entry struct {
	name string
	ref  uint64
	kind fs.FileMode
}

type inode struct {
	number uint64
	*file
}

func (n inode) Attr() vfs.Attr {
	return vfs.Attr{Mode: vfs.Mode(n.mode), Size: int64(len(n.text)), ModTime: time.Unix(1, 0), Meta: vfs.Meta{Inode: n.number, UID: 1000}}
}

func (n inode) List(d *vfs.Folder, up uint64) error {
	if up != n.up {
		return &parse.Error{Format: "test", Off: -1, Msg: "another parent", Got: up, Kind: parse.ErrFormat}
	}
	for _, e := range n.entries {
		if err := d.Add(e.name, e.ref, e.kind); err != nil {
			return err
		}
	}
	return nil
}

func (n inode) Data() (blob.Blob, error)     { return blob.Bytes([]byte(n.text)), nil }
func (n inode) Target() (string, error)      { return n.text, nil }
func (n inode) Xattrs() ([]vfs.Xattr, error) { return slices.Clone(n.xattrs), nil }

const folder, regular, link, fifo = 0o040755, 0o100644, 0o120777, 0o010600

// open opens a volume of files by their numbers, the first of which is the root.
func open(t testing.TB, limit int64, files map[uint64]*file) (*vfs.FS, error) {
	t.Helper()
	return vfs.New(vfs.Volume{Format: "test", Root: 1, Budget: parse.NewBudget(parse.Limits{Entries: limit}), Notes: new(vfs.Notes),
		Inode: func(ref uint64) (vfs.Inode, error) {
			if n := files[ref]; n != nil {
				return inode{ref, n}, nil
			}
			return nil, &parse.Error{Format: "test", Off: -1, Msg: "no such inode", Got: ref, Kind: parse.ErrFormat}
		}})
}

func mustOpen(t testing.TB, files map[uint64]*file) *vfs.FS {
	t.Helper()
	f, err := open(t, 0, files)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func typed(name string, ref uint64, kind fs.FileMode) entry { return entry{name, ref, kind} }

func untyped(name string, ref uint64) entry { return entry{name, ref, vfs.Untyped} }

// tree is a volume of everything that is right.
func tree() map[uint64]*file {
	return map[uint64]*file{
		1: {mode: folder, up: 1, entries: []entry{untyped("sub", 2), typed("text", 3, 0), untyped("again", 3), typed("link", 4, fs.ModeSymlink), untyped("pipe", 5)}},
		2: {mode: folder, up: 1, entries: []entry{untyped("one", 6), untyped("two", 7)}},
		3: {mode: regular, text: "text\n", xattrs: []vfs.Xattr{{Name: "user.b", Value: []byte("1")}, {Name: "security.selinux"}, {Name: "user.b", Value: []byte("2")}}},
		4: {mode: link, text: "sub/one\x00behind"},
		5: {mode: fifo},
		6: {mode: regular | 0o4000, text: "1"},
		7: {mode: regular, text: strings.Repeat("2", 300_000)},
	}
}

func TestSuite(t *testing.T) {
	f := mustOpen(t, tree())
	otatest.TestFileSystem(t, f)
	sub, err := fs.Sub(f, "sub")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(sub, "one", "two"); err != nil {
		t.Error(err)
	}
	info, err := f.Stat("sub/one")
	if err != nil || info.Mode() != 0o644|fs.ModeSetuid || info.Sys().(*vfs.Meta).UID != 1000 || info.Sys().(*vfs.Meta).Inode != 6 {
		t.Error(info, err)
	}
	if target, err := f.ReadLink("link"); err != nil || target != "sub/one" {
		t.Errorf("the target is %q, %v", target, err)
	}
	x, err := f.Xattrs("text")
	if err != nil || len(x) != 2 || x[0].Name != "security.selinux" || string(x[1].Value) != "1" {
		t.Errorf("%v, %v", x, err)
	}
	if got := fmt.Sprint(f.Notes()); got != "[inode 3: two extended attributes have one name; the first is taken]" {
		t.Error(got)
	}
}

// TestNames is what hostile names come to.
func TestNames(t *testing.T) {
	for _, tc := range []struct {
		names []string
		list  string
		note  string
	}{
		{[]string{"b", "a"}, "a b", ""},
		{[]string{"a", "b", "a"}, "a b", "inode 1: two entries have the name a; the first is taken"},
		{[]string{"../../etc", "."}, ". ..%2F..%2Fetc", "inode 1: the name ..%2F..%2Fetc has a slash in it"},
		{[]string{"a\nb", "\xff", "x\x00y"}, "%FF a%0Ab x%00y", ""},
		{[]string{"%41", "A"}, "%2541 A", ""},
	} {
		files := map[uint64]*file{1: {mode: folder, up: 1}}
		for i, name := range tc.names {
			if name == "." {
				continue // no reader adds it
			}
			ref := uint64(i + 2)
			files[1].entries = append(files[1].entries, untyped(name, ref))
			files[ref] = &file{mode: regular, text: fmt.Sprint(i)}
		}
		f := mustOpen(t, files)
		list, err := f.ReadDir(".")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range list {
			names = append(names, e.Name())
			if _, err := f.ReadFile(e.Name()); err != nil {
				t.Error(err)
			}
		}
		if got := strings.Join(names, " "); got != strings.TrimPrefix(tc.list, ". ") {
			t.Errorf("%q: %s", tc.names, got)
		}
		if got := strings.Join(f.Notes(), "; "); got != tc.note {
			t.Errorf("%q: notes %s", tc.names, got)
		}
	}
	f := mustOpen(t, map[uint64]*file{1: {mode: folder, up: 1, entries: []entry{untyped("a", 2), untyped("a", 3)}}, 2: {mode: regular, text: "first"}, 3: {mode: regular}})
	if p, err := f.ReadFile("a"); string(p) != "first" {
		t.Errorf("of two files of one name: %q, %v", p, err)
	}
}

// TestHostile: no tree leads in a circle, or to one folder in two ways.
func TestHostile(t *testing.T) {
	root := func(e ...entry) *file { return &file{mode: folder, up: 1, entries: e} }
	for name, tc := range map[string]struct {
		files map[uint64]*file
		path  string
		want  string
	}{
		"the root is a file":        {map[uint64]*file{1: {mode: regular}}, "", "the root is not a folder"},
		"the root is a link":        {map[uint64]*file{1: {mode: link, text: "."}}, "", "the root is not a folder"},
		"the root is not there":     {map[uint64]*file{}, "", "no such inode"},
		"an entry without a name":   {map[uint64]*file{1: root(untyped("", 2))}, "", "without a name"},
		"the root in itself":        {map[uint64]*file{1: root(untyped("a", 1))}, "a", "in two places"},
		"the root in a folder":      {map[uint64]*file{1: root(untyped("a", 2)), 2: {mode: folder, up: 1, entries: []entry{untyped("b", 1)}}}, "a/b", "in two places"},
		"a folder of two names":     {map[uint64]*file{1: root(untyped("a", 2), untyped("b", 2)), 2: {mode: folder, up: 1}}, "b", "in two places"},
		"a folder of two parents":   {map[uint64]*file{1: root(untyped("a", 2), untyped("b", 3)), 2: {mode: folder, up: 1, entries: []entry{untyped("c", 3)}}, 3: {mode: folder, up: 1}}, "a/c", "another parent"},
		"a folder in its own child": {map[uint64]*file{1: root(untyped("a", 2)), 2: {mode: folder, up: 1, entries: []entry{untyped("b", 2)}}}, "a/b", "another parent"},
		"an inode that is missing":  {map[uint64]*file{1: root(untyped("a", 9))}, "a", "no such inode"},
	} {
		f, err := open(t, 0, tc.files)
		if err == nil {
			_, err = f.ReadDir(tc.path)
		}
		if err == nil || !errors.Is(err, parse.ErrFormat) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	// What is walked all the same comes to an end.
	f := mustOpen(t, map[uint64]*file{1: root(untyped("a", 2), untyped("b", 2)), 2: {mode: folder, up: 1, entries: []entry{untyped("c", 2), untyped("d", 1)}}})
	var names []string
	fs.WalkDir(f, ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil {
			names = append(names, name)
		}
		return nil
	})
	if got := strings.Join(names, " "); got != ". a a/c a/d b" {
		t.Errorf("walked %s", got)
	}
}

// TestTypes: an inode's type counts, and an entry's where that cannot be read.
func TestTypes(t *testing.T) {
	f := mustOpen(t, map[uint64]*file{
		1: {mode: folder, up: 1, entries: []entry{typed("file", 2, fs.ModeDir), typed("gone", 9, fs.ModeSymlink), untyped("lost", 10)}},
		2: {mode: regular},
	})
	list, err := f.ReadDir(".")
	if err != nil || len(list) != 3 || list[0].Type() != 0 || list[1].Type() != fs.ModeSymlink || list[2].Type() != vfs.Untyped {
		t.Fatal(list, err)
	}
	if _, err := list[1].Info(); err == nil {
		t.Error("an inode that is not there has an info")
	}
	if got := fmt.Sprint(f.Notes()); got != "[inode 2: its entry file says that it is another kind of file]" {
		t.Error(got)
	}
}

// TestBounds: entries are charged once, and names, folders and files have limits.
func TestBounds(t *testing.T) {
	files := map[uint64]*file{1: {mode: folder, up: 1}, 2: {mode: regular}}
	for i := range 1000 {
		files[1].entries = append(files[1].entries, untyped(fmt.Sprint(i), 2))
	}
	if _, err := open(t, 999, files); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("more entries than the budget has: %v", err)
	}
	f, err := open(t, 1000, files)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if list, err := f.ReadDir("."); err != nil || len(list) != 1000 {
			t.Error(len(list), err)
		}
	}
	var many []entry
	for i := range 1<<17 + 1 {
		many = append(many, untyped(fmt.Sprint(i), 2))
	}
	long := slices.Repeat([]entry{untyped(strings.Repeat("x", 64<<10), 2)}, 129)
	for _, entries := range [][]entry{many, long} {
		files[1].entries = entries
		if _, err := open(t, 0, files); !errors.Is(err, parse.ErrLimit) {
			t.Errorf("%d entries: %v", len(entries), err)
		}
	}
	f = mustOpen(t, tree())
	if _, err := f.Stat(strings.Repeat("a/", 1024) + "a"); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}

// short is a blob that ends before its size.
type short struct{ blob.Blob }

func (s short) Size() int64 { return s.Blob.Size() + 10 }

// TestShort: bytes that are missing are never an end of file.
func TestShort(t *testing.T) {
	f, err := vfs.New(vfs.Volume{Format: "test", Root: 1, Budget: parse.NewBudget(parse.Limits{}), Notes: new(vfs.Notes),
		Inode: func(ref uint64) (vfs.Inode, error) {
			if ref == 1 {
				return inode{1, &file{mode: folder, up: 1, entries: []entry{untyped("a", 2)}}}, nil
			}
			return cut{inode{2, &file{mode: regular, text: "text"}}}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, copy := range []func(io.Writer, io.Reader) (int64, error){io.Copy, func(w io.Writer, r io.Reader) (int64, error) {
		return io.Copy(w, struct{ io.Reader }{r})
	}} {
		file, err := f.Open("a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := copy(io.Discard, file); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	}
}

type cut struct{ inode }

func (n cut) Data() (blob.Blob, error) { return short{blob.Bytes([]byte(n.text))}, nil }

func TestNotes(t *testing.T) {
	var n vfs.Notes
	n.State("z")
	for i := range 100 {
		n.Found("%03d", 99-i)
		n.Found("%03d", 99-i)
	}
	list := n.List()
	if len(list) != 32 || list[0] != "z" || list[1] != "000" || list[31] != "030" {
		t.Error(list)
	}
}

func TestBlocks(t *testing.T) {
	p := make([]byte, 8<<10)
	for i := range p {
		p[i] = byte(i >> 10)
	}
	b := vfs.NewBlocks(blob.Bytes(p), 1024, 2048)
	for _, n := range []uint64{0, 2, 0, 1, 7, 5, 7} {
		got, err := b.Read(n)
		if err != nil || len(got) != 1024 || got[0] != byte(n) {
			t.Errorf("block %d: %v", n, err)
		}
	}
	if _, err := b.Read(8); err == nil {
		t.Error("a block behind the end is read")
	}
}

func TestLRU(t *testing.T) {
	var gone []int
	var c vfs.LRU[string, int]
	c.Init(3, func(v int) { gone = append(gone, v) })
	c.Put("a", 1, 1)
	c.Put("b", 2, 1)
	c.Get("a")
	c.Put("c", 3, 2) // no room for b, which was used longest ago
	c.Put("c", 4, 2)
	if _, ok := c.Get("b"); ok || !slices.Equal(gone, []int{2, 3}) {
		t.Error(gone)
	}
	c.Put("d", 5, 9)
	if _, ok := c.Get("d"); ok || len(gone) != 5 {
		t.Error("what is larger than all is kept", gone)
	}
}
