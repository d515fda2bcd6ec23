package vfs

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/otavet/otavet/ota/parse"
)

// Untyped is the type of an entry that does not tell it.
const Untyped = fs.ModeIrregular

// A Folder takes the entries of a folder, which the reader of the format adds.
type Folder struct {
	format  string
	entries []entry
	names   int   // bytes
	charge  int64 // beside the entries
}

// An entry is a name of an inode.
type entry struct {
	name  string // spelled
	ref   uint64
	kind  fs.FileMode // the type that the entry states; Untyped: none
	twice bool        // an earlier entry of the folder has the same inode
}

// Add adds an entry: its name as it is stored, the reference of its inode, and what it
// says of its type, or Untyped. An empty name is an error, and so are too many.
func (d *Folder) Add(name string, ref uint64, kind fs.FileMode) error {
	if name == "" {
		return &parse.Error{Format: d.format, Off: -1, Msg: "an entry of a folder without a name", Got: ref, Kind: parse.ErrFormat}
	}
	e := entry{name: spell(name), ref: ref, kind: kind}
	d.names += len(e.name)
	if len(d.entries) == maxEntries || d.names > maxNames {
		return &parse.Error{Format: d.format, Off: -1, Msg: fmt.Sprintf("a folder of more than %d entries, or %d bytes of names", maxEntries, maxNames), Kind: parse.ErrLimit}
	}
	d.entries = append(d.entries, e)
	return nil
}

// Charge charges n entries more than there are: for blocks that had to be read.
func (d *Folder) Charge(n int64) { d.charge += n }

// spell is the one spelling of a name.
func spell(raw string) string {
	return strings.ReplaceAll(parse.Escape(raw), "/", "%2F")
}

// finish sorts the entries, and of two with one name keeps the first.
func (d *Folder) finish(n Attr, note func(string, ...any)) {
	seen := make(map[uint64]bool, len(d.entries))
	for i := range d.entries {
		e := &d.entries[i]
		e.twice = seen[e.ref]
		seen[e.ref] = true
		if strings.Contains(e.name, "%2F") && !n.Encrypted {
			note("inode %d: the name %s has a slash in it", n.Inode, e.name)
		}
	}
	slices.SortStableFunc(d.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	d.entries = slices.CompactFunc(d.entries, func(a, b entry) bool {
		if a.name == b.name {
			note("inode %d: two entries have the name %s; the first is taken", n.Inode, b.name)
		}
		return a.name == b.name
	})
	d.entries = slices.Clip(d.entries)
}

// find gives the entry of a name.
func (d *Folder) find(name string) *entry {
	i, ok := slices.BinarySearchFunc(d.entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
	if !ok {
		return nil
	}
	return &d.entries[i]
}

// cost is about what the folder takes in memory.
func (d *Folder) cost() int { return cap(d.entries)*40 + d.names + 256 }

// enter gives the folder of an inode that was reached from the folder up. The error
// of what is none is errLinkOnWay or errNotFolder.
func (f *FS) enter(ref, up uint64) (*Folder, error) {
	at := way{ref, up}
	if d := f.folders.get(at); d != nil {
		return d, nil
	}
	n, err := f.v.Inode(ref)
	if err != nil {
		return nil, err
	}
	a := n.Attr()
	switch {
	case a.Mode.Type() == fs.ModeSymlink:
		return nil, errLinkOnWay
	case !a.Mode.IsDir():
		return nil, errNotFolder
	}
	d := &Folder{format: f.v.Format}
	if err := n.List(d, up); err != nil {
		return nil, err
	}
	d.finish(a, f.v.Notes.Found)
	pay := func() error { return f.v.Budget.Entry(f.v.Format, int64(len(d.entries))+d.charge) }
	return d, f.folders.put(at, d, pay)
}

// A way is how a folder was reached.
type way struct{ ref, up uint64 }

// A folderCache keeps folders until they are too many.
type folderCache struct {
	mu      sync.Mutex
	folders map[way]*Folder
	cost    int
	charged map[way]bool // folders that have been paid for
}

func (c *folderCache) get(at way) *Folder {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.folders[at]
}

// put keeps d, which pay charges for unless that has been done. All others are
// dropped when there is no room: which one is asked for next nobody knows.
func (c *folderCache) put(at way, d *Folder, pay func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.charged[at] {
		if err := pay(); err != nil {
			return err
		}
		if c.charged == nil {
			c.charged = make(map[way]bool)
		}
		c.charged[at] = true
	}
	if c.folders[at] != nil {
		return nil
	}
	if c.folders == nil || c.cost+d.cost() > maxFolders {
		c.folders, c.cost = make(map[way]*Folder), 0
	}
	c.folders[at] = d
	c.cost += d.cost()
	return nil
}
