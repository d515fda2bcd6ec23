package erofs

import (
	"encoding/binary"
	"io/fs"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxFolder bounds the bytes of a folder: the largest of any device has some
	// ten thousand entries, in 1 MiB at most.
	maxFolder = 4 << 20
	// maxDepth bounds how many folders lie inside one another: no name of Linux,
	// whose PATH_MAX is 4096, has more.
	maxDepth = 2048
)

// An entry is struct erofs_dirent with its name.
type entry struct {
	name string
	nid  uint64
	kind fs.FileMode // its type
	ok   bool        // the type is known
}

// A folder is the list of a folder, by name, without . and .. .
type folder struct {
	node    inode
	entries []entry
}

func (d *folder) find(name string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(d.entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
	if !ok {
		return entry{}, false
	}
	return d.entries[i], true
}

// list reads the folder n, which is reached from the folder up.
func (f *FS) list(n *inode, up uint64) (*folder, error) {
	if n.size > maxFolder {
		return nil, n.at.fail(parse.ErrLimit, "a folder larger than 4 MiB", n.size)
	}
	b, err := f.data(n)
	if err != nil {
		return nil, err
	}
	p, err := blob.ReadAll(b, maxFolder)
	if err != nil {
		return nil, err
	}
	count := 0
	for at := 0; at < len(p); at += 1 << f.blockBits {
		block := p[at:min(at+1<<f.blockBits, len(p))]
		first := 0
		if len(block) >= lenDirent {
			first = int(binary.LittleEndian.Uint16(block[8:]))
		}
		if first < lenDirent || first > len(block) {
			return nil, n.at.fail(parse.ErrFormat, "a block of a folder whose first name is not in it", first)
		}
		count += first / lenDirent
	}
	if err := f.charge(n.nid, count); err != nil {
		return nil, err
	}
	l := lister{f: f, node: n, up: up, folder: &folder{node: *n, entries: make([]entry, 0, count)}}
	for at := 0; at < len(p); at += 1 << f.blockBits {
		if err := l.block(p[at:min(at+1<<f.blockBits, len(p))]); err != nil {
			return nil, err
		}
	}
	return l.folder, l.finish()
}

// charge charges the entries of a folder, once.
func (f *FS) charge(nid uint64, count int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err, counted := f.charged[nid]
	if !counted {
		err = f.bud.Entry("erofs", int64(count))
		f.charged[nid] = err
	}
	return err
}

// A lister makes the list of a folder.
type lister struct {
	f      *FS
	node   *inode
	up     uint64
	folder *folder
	dotdot bool // .. was there
}

// block reads a block of entries, behind which their names stand.
func (l *lister) block(p []byte) error {
	le := binary.LittleEndian
	count := int(le.Uint16(p[8:])) / lenDirent
	for i := range count {
		de := p[i*lenDirent:]
		start, end := int(le.Uint16(de[8:])), len(p)
		if i+1 < count {
			end = int(le.Uint16(de[lenDirent+8:]))
		}
		if start < count*lenDirent || start > end || end > len(p) {
			return l.node.at.fail(parse.ErrFormat, "names of a folder that do not follow one another", start)
		}
		raw := string(p[start:end])
		if i+1 == count {
			raw = cstring(p[start:end])
		}
		if len(raw) > maxName {
			return l.node.at.fail(parse.ErrFormat, "a name of more than 255 bytes", len(raw))
		}
		if err := l.add(raw, le.Uint64(de), de[10]); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) add(raw string, nid uint64, kind uint8) error {
	switch {
	case raw == ".":
		return nil
	case raw == "..":
		if l.dotdot {
			return nil
		}
		l.dotdot = true
		if nid != l.up {
			return l.node.at.fail(parse.ErrFormat, "a folder that is reached from another one than its .. says", nid)
		}
		return nil
	case raw == "" || strings.IndexByte(raw, '/') >= 0:
		l.f.note("folder %d: an entry is left out that no system call can reach: %q", l.node.nid, parse.Escape(raw))
		return nil
	}
	e := entry{name: parse.Escape(raw), nid: nid}
	e.kind, e.ok = entryMode(kind)
	l.folder.entries = append(l.folder.entries, e)
	return nil
}

// finish sorts the list, and sees that it has each name and each folder once.
func (l *lister) finish() error {
	if !l.dotdot {
		return l.node.at.fail(parse.ErrFormat, "a folder without ..", nil)
	}
	list := l.folder.entries
	slices.SortStableFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	l.folder.entries = slices.CompactFunc(list, func(a, b entry) bool {
		if a.name != b.name {
			return false
		}
		l.f.note("folder %d: another entry has the name %s; the first is read", l.node.nid, a.name)
		return true
	})
	var folders []uint64
	for _, e := range l.folder.entries {
		if !e.ok || e.kind == fs.ModeDir {
			folders = append(folders, e.nid)
		}
	}
	slices.Sort(folders)
	for i := 1; i < len(folders); i++ {
		if folders[i] != folders[i-1] {
			continue
		}
		// Two names of one file are a hard link; of one folder, a maze.
		if n, err := l.f.inode(folders[i]); err != nil || n.isDir() {
			return l.node.at.fail(parse.ErrFormat, "a folder that has two names", folders[i])
		}
	}
	return nil
}

// open gives the list of the folder at path. A name that leads through what is no
// folder is an error that says what it is.
func (f *FS) open(path string) (*folder, error) {
	f.mu.Lock()
	d, ok := f.folders.get(path)
	f.mu.Unlock()
	if ok {
		return d, nil
	}
	var (
		n   inode
		up  = f.root
		err error
	)
	if path == "." {
		n, err = f.inode(f.root)
	} else {
		var above *folder
		dir, base := split(path)
		if above, err = f.open(dir); err != nil {
			return nil, err
		}
		up = above.node.nid
		n, err = f.child(above, base)
	}
	switch {
	case err != nil:
		return nil, err
	case n.mode&modeType == modeLink:
		return nil, errLinkOnWay
	case !n.isDir():
		return nil, errNotFolder
	case n.nid == f.root && path != ".":
		// Its .. would be right: that of the root is the root.
		return nil, n.at.fail(parse.ErrFormat, "the root lies in a folder", n.nid)
	}
	if d, err = f.list(&n, up); err != nil {
		return nil, err
	}
	size := int64(len(path)) + 256
	for i := range d.entries {
		size += int64(len(d.entries[i].name)) + 48
	}
	f.mu.Lock()
	f.folders.put(path, d, size)
	f.mu.Unlock()
	return d, nil
}

// child is the inode of an entry.
func (f *FS) child(d *folder, name string) (n inode, err error) {
	e, ok := d.find(name)
	if !ok {
		return n, fs.ErrNotExist
	}
	return f.node(&e)
}

func (f *FS) node(e *entry) (inode, error) {
	n, err := f.inode(e.nid)
	if err != nil {
		return n, err
	}
	if e.ok && n.fileMode().Type() != e.kind {
		return n, n.at.fail(parse.ErrFormat, "an entry of a folder says another type than the inode has", n.mode)
	}
	return n, nil
}

// split is the folder that holds path, "." above the first element, and its last
// element.
func split(path string) (dir, base string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return ".", path
}
