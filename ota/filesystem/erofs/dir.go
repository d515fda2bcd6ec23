package erofs

import (
	"encoding/binary"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// maxFolder bounds the bytes of a folder: the largest of any device has some
// ten thousand entries, in 1 MiB at most.
const maxFolder = 4 << 20

// List adds the entries of a folder: see vfs.Inode.
func (n *inode) List(d *vfs.Folder, up uint64) error {
	if n.size > maxFolder {
		return n.at.fail(parse.ErrLimit, "a folder larger than 4 MiB", n.size)
	}
	b, err := n.f.data(n)
	if err != nil {
		return err
	}
	p, err := blob.ReadAll(b, maxFolder)
	if err != nil {
		return err
	}
	l := lister{node: n, up: up, folder: d}
	for size := 1 << n.f.blockBits; len(p) > 0; p = p[min(size, len(p)):] {
		if err := l.block(p[:min(size, len(p))]); err != nil {
			return err
		}
	}
	if !l.dotdot {
		return n.at.fail(parse.ErrFormat, "a folder without ..", nil)
	}
	return nil
}

// A lister makes the list of a folder.
type lister struct {
	node   *inode
	up     uint64
	folder *vfs.Folder
	dotdot bool // .. was there
}

// block reads a block of entries (struct erofs_dirent), behind which their names
// stand. The offset of the first name tells how many there are.
func (l *lister) block(p []byte) error {
	le := binary.LittleEndian
	first := 0
	if len(p) >= lenDirent {
		first = int(le.Uint16(p[8:]))
	}
	if first < lenDirent || first > len(p) {
		return l.node.at.fail(parse.ErrFormat, "a block of a folder whose first name is not in it", first)
	}
	count := first / lenDirent
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
	case raw == ".." && l.dotdot:
		return nil
	case raw == "..":
		l.dotdot = true
		if nid != l.up {
			return l.node.at.fail(parse.ErrFormat, "a folder that is reached from another one than its .. says", nid)
		}
		return nil
	case raw == "" || strings.Contains(raw, "/"):
		l.node.f.notes.Found("inode %d: an entry is left out that no system call can reach: %q", l.node.nid, parse.Escape(raw))
		return nil
	}
	return l.folder.Add(raw, nid, vfs.EntryType(kind))
}
