package squashfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/squashfs"
	"github.com/otavet/otavet/ota/parse"
)

// walk reads all that there is, but of large files a part, and gives the first error of a reader.
func walk(f *squashfs.FS) (files int, err error) {
	left := int64(32 << 20)
	err = fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		files++
		if _, err := d.Info(); err != nil {
			return err
		}
		if _, err := f.Xattrs(name); err != nil {
			return err
		}
		switch d.Type() {
		case fs.ModeSymlink:
			_, err := f.ReadLink(name)
			return err
		case 0:
			b, _, err := f.Blob(name)
			if err != nil {
				return err
			}
			if b.Size() > left {
				var p [10]byte
				for _, off := range []int64{0, b.Size() / 2, b.Size() - 10} {
					if n, err := b.ReadAt(p[:], off); n < len(p) {
						return err
					}
				}
				return nil
			}
			left -= b.Size()
			_, err = io.Copy(io.Discard, blob.Reader(b))
			return err
		}
		return nil
	})
	return files, err
}

// TestTree: folders that are no tree are refused where they are met, and no walk
// takes for ever.
func TestTree(t *testing.T) {
	maze := func(m *image) ent { // 2^40 ways
		at := m.dir(9, 8)
		for i := range uint32(40) {
			// Two folders of one number have the same one in them.
			n := 10 * (i + 1)
			e1 := m.dir(n-2, n+1, at.as("x"))
			e2 := m.dir(n-2, n+2, at.as("x"))
			d1, d2 := m.dir(n+1, n+9, e1.as("x")), m.dir(n+2, n+9, e2.as("x"))
			parent := n + 8
			if i == 39 {
				parent = root
			}
			at = m.dir(n+9, parent, d1.as("1"), d2.as("2"))
		}
		return m.top(at.as("x"))
	}
	for _, tc := range []struct {
		name   string
		export bool
		build  func(m *image) ent
		says   string
	}{
		{"a folder in itself", false, func(m *image) ent {
			next := ent{ref: refTo(len(m.inodes)), number: 5, kind: 1}
			return m.top(m.dir(5, 5, next.as("a")).as("a"))
		}, "inode 5: a folder in folder 1000000 that says it is in another one (0x5)"},
		{"the root in itself", false, func(m *image) ent {
			return m.dir(root, root, ent{"a", refTo(len(m.inodes)), root, 1})
		}, "a folder that is in two places"},
		{"the root in a folder", false, func(m *image) ent {
			sub := m.dir(5, root, ent{"up", refTo(len(m.inodes) + 32), root, 1})
			return m.dir(root, 5, sub.as("a"))
		}, "a folder that is in two places"},
		{"two folders in one another", false, func(m *image) ent {
			a := ent{ref: refTo(len(m.inodes) + 32), number: 6, kind: 1}
			b := m.dir(5, 6, a.as("a"))
			m.dir(6, 5, b.as("b"))
			return m.top(a.as("a"))
		}, "inode 6: a folder in folder 1000000 that says it is in another one (0x5)"},
		{"a circle of the root's number", false, func(m *image) ent {
			a := ent{ref: refTo(len(m.inodes) + 32), number: root, kind: 1}
			b := m.dir(root, root, a.as("a"))
			m.dir(root, root, b.as("b"))
			return m.top(a.as("a"))
		}, "inode 1000000: another folder has its number"},
		{"a circle of one number", false, func(m *image) ent {
			a := ent{ref: refTo(len(m.inodes) + 32), number: 7, kind: 1}
			b := m.dir(7, 7, a.as("a"))
			m.dir(7, root, b.as("b"))
			return m.top(a.as("a"))
		}, "inode 7: another folder has its number"},
		{"a folder twice", false, func(m *image) ent {
			a := m.dir(0, root)
			return m.top(a.as("a"), a.as("b"))
		}, "a folder that is in two places"},
		{"a folder in two folders", false, func(m *image) ent {
			c := m.dir(7, 5)
			return m.top(m.dir(5, root, c.as("c")).as("a"), m.dir(6, root, c.as("c")).as("b"))
		}, "inode 7: a folder in folder 6 that says it is in another one (0x5)"},
		{"2^40 ways", false, maze, "another folder has its number"},
		{"2^40 ways, and a table", true, maze, "a number above that of all inodes"},
		{"one number twice, and a table", true, func(m *image) ent {
			a := m.dir(1, 3)
			b := m.dir(1, 3)
			return m.dir(3, 4, a.as("a"), b.as("b"))
		}, "inode 1: the table for NFS has another inode of this number (0x0)"},
		{"two files of one number, and a table", true, func(m *image) ent {
			a := m.inode(3, 1, uint32(1), uint32(1), "a")
			b := m.inode(3, 1, uint32(1), uint32(1), "b")
			return m.dir(3, 4, a.as("a"), b.as("b"))
		}, "inode 1: the table for NFS has another inode of this number (0x0)"},
		{"a number that is not the inode's", false, func(m *image) ent {
			e := m.link("x").as("x")
			e.number++
			return m.top(e)
		}, "inode 1000000: an entry states a number that its inode has not (0x2)"},
		{"number 0", false, func(m *image) ent {
			e := m.link("x").as("x")
			e.number = 0
			clear(m.inodes[12:16])
			return m.top(e)
		}, "a number that there is not"},
	} {
		m := image{export: tc.export}
		f, err := squashfs.Open(blob.Bytes(m.bytes(tc.build(&m))), nil)
		if err == nil {
			_, err = walk(f)
		}
		var pe *parse.Error
		if !errors.As(err, &pe) || !errors.Is(err, parse.ErrFormat) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if f == nil {
			continue
		}
		// Those who go on after an error come to an end, too; so do several at once.
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				n := 0
				fs.WalkDir(f, ".", func(string, fs.DirEntry, error) error { n++; return nil })
				if n > 1000 {
					t.Errorf("%s: %d names", tc.name, n)
				}
			})
		}
		group.Wait()
	}
}

// TestOddNames reads names that no tool writes, and says so.
func TestOddNames(t *testing.T) {
	var m image
	a, b := m.link("a"), m.link("b")
	f := open(t, m.bytes(m.top(a.as("."), b.as(".."), a.as("a"), b.as("a"), a.as("a/b"), b.as("n\x00l"), a.as("b"), b.as("Z"))))
	list, err := f.ReadDir(".")
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	if want := []string{"Z", "a", "a%2Fb", "b", "n%00l"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v", names, err)
	}
	for _, name := range []string{"a", "a%2Fb"} {
		if target, err := f.ReadLink(name); target != "a" || err != nil {
			t.Errorf("%s: of two the first: %q, %v", name, target, err)
		}
	}
	want := []string{
		"inode 1000000: an entry of the name . is left out",
		"inode 1000000: an entry of the name .. is left out",
		"inode 1000000: its list is not in order: Linux may not find all names of it",
		"inode 1000000: the name a%2Fb has a slash in it",
		"inode 1000000: two entries have the name a; the first is taken",
	}
	if got := f.Notes(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestEntryTypes: what an inode says of itself counts, and not what its entry says.
func TestEntryTypes(t *testing.T) {
	var m image
	e := m.link("x").as("x")
	untyped := e.as("y")
	e.kind, untyped.kind = 1, 0
	f := open(t, m.bytes(m.top(e, untyped)))
	list, err := f.ReadDir(".")
	if err != nil || list[0].Type() != fs.ModeSymlink || list[1].Type() != fs.ModeSymlink {
		t.Errorf("%v, %v", list, err)
	}
	if n := f.Notes(); len(n) != 1 || n[0] != "inode 1: its entry x says that it is another kind of file" {
		t.Errorf("%q", n)
	}
}

// TestIndex: the index of a list is compared with it.
func TestIndex(t *testing.T) {
	build := func(size int, change func(at, block *uint32, name *string, n *uint16)) []string {
		m := image{dirBlock: size}
		e := m.link("x")
		var entries []ent
		for i := range 500 {
			entries = append(entries, e.as(fmt.Sprintf("%03d", i)))
		}
		m.dir(5, 5, entries...) // of 23 bytes each, with their headers: the 400th is in the second block
		at, block, name, n := uint32(0), uint32(0), "000", uint16(2)
		at2, block2, name2 := uint32(23*400), uint32(8194), "400"
		change(&at2, &block2, &name2, &n)
		top := m.inode(8, root, uint32(2), uint32(500*23+3), uint32(0), uint32(root+1), n, uint16(0), none,
			at, block, uint32(len(name)-1), name, at2, block2, uint32(len(name2)-1), name2)
		f := open(t, m.bytes(top))
		if list, err := f.ReadDir("."); len(list) != 500 || err != nil {
			t.Errorf("%d entries, %v", len(list), err)
		}
		return f.Notes()
	}
	bad := []string{"inode 1000000: its index does not fit its list: Linux may find other files than the list has"}
	for _, tc := range []struct {
		name   string
		change func(at, block *uint32, name *string, n *uint16)
		notes  []string
	}{
		{"as it should be", func(at, block *uint32, name *string, n *uint16) {}, nil},
		{"fewer", func(at, block *uint32, name *string, n *uint16) { *n = 1 }, nil},
		{"none", func(at, block *uint32, name *string, n *uint16) { *n = 0 }, nil},
		{"another block", func(at, block *uint32, name *string, n *uint16) { *block = 0 }, bad},
		{"another place", func(at, block *uint32, name *string, n *uint16) { *at++ }, bad},
		{"behind the end", func(at, block *uint32, name *string, n *uint16) { *at = 500 * 23 }, bad},
		{"backwards", func(at, block *uint32, name *string, n *uint16) { *at = 0 }, bad},
		{"another name", func(at, block *uint32, name *string, n *uint16) { *name = "300" }, bad},
		{"a long name", func(at, block *uint32, name *string, n *uint16) { *name = strings.Repeat("x", 300) }, bad},
		{"more than there are", func(at, block *uint32, name *string, n *uint16) { *n = 3 }, bad},
	} {
		if got := build(8192, tc.change); !slices.Equal(got, tc.notes) {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
	// Linux takes it that all blocks but the last are of full length.
	if got := build(5000, func(_, block *uint32, _ *string, _ *uint16) { *block = 5002 }); !slices.Equal(got, bad) {
		t.Errorf("short blocks: %q", got)
	}
}

// TestLarge: folders have a limit, and lists that several folders share are charged to each.
func TestLarge(t *testing.T) {
	var m image
	e := m.link("x")
	var entries []ent
	for i := range 1<<17 + 1 {
		entries = append(entries, e.as(fmt.Sprintf("%06d", i)))
	}
	if _, err := squashfs.Open(blob.Bytes(m.bytes(m.top(entries...))), nil); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
	m = image{}
	m.link("x")
	if n, err := walk(open(t, m.bytes(m.top(entries[1:]...)))); n != 1<<17+1 || err != nil {
		t.Errorf("%d: %v", n, err)
	}
	data := fixture(t, "many.img")
	for _, tc := range []struct {
		entries int64
		ok      bool
	}{{3001, true}, {3000, false}} {
		f, err := squashfs.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{Entries: tc.entries}))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := f.ReadDir("many"); (err == nil) != tc.ok || err != nil && !errors.Is(err, parse.ErrLimit) {
				t.Errorf("%d entries: %v", tc.entries, err)
			}
		}
	}
}
