package squashfs

import (
	"fmt"

	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

const (
	lenHeader = 12 // struct squashfs_dir_header
	lenEntry  = 8  // struct squashfs_dir_entry, without the name
)

// List: see vfs.Inode.
func (n *inode) List(d *vfs.Folder, up uint64) error {
	if err := n.checkPlace(up); err != nil {
		return err
	}
	// Linux has nothing in a list of fewer bytes than that.
	left := int64(n.size) - listBias
	if left <= 0 {
		return nil
	}
	d.Charge(int64(n.indexes) / 16)
	l := &list{n: n, left: left, r: n.f.reader(&n.f.dirs, n.f.dirs.start+int64(n.start), int(n.offset))}
	l.index.open(n)
	for l.left > 0 {
		if err := l.run(d); err != nil {
			return err
		}
	}
	if l.unsorted {
		n.f.notes.Found("inode %d: its list is not in order: Linux may not find all names of it", n.number)
	}
	if l.index.bad || l.index.pending {
		n.f.notes.Found("inode %d: its index does not fit its list: Linux may find other files than the list has", n.number)
	}
	return nil
}

// checkPlace makes sure that a folder is reached from the one that it is in, and that no
// other folder has its number: see the package's comment.
func (n *inode) checkPlace(up uint64) error {
	f := n.f
	if n.ref != f.super.RootInode { // which mksquashfs gives a parent whose number nobody has
		parent, err := f.inode(up)
		if err != nil {
			return err
		}
		if parent.number != n.parent {
			return n.fail(parse.ErrFormat, fmt.Sprintf("a folder in folder %d that says it is in another one", parent.number), n.parent)
		}
	}
	if f.export.start != 0 {
		return nil // checkExport has seen to it
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	first, have := f.folders[n.number]
	if have && first != n.ref {
		return n.fail(parse.ErrFormat, "another folder has its number", first)
	}
	f.folders[n.number] = n.ref
	return nil
}

// A list is the entries of a folder: runs of entries, each behind a header of what they share.
type list struct {
	n        *inode
	r        reader
	left     int64
	index    listIndex
	last     string
	unsorted bool
}

// run reads a header and its entries.
func (l *list) run(d *vfs.Folder) error {
	if l.left < lenHeader+lenEntry+1 {
		return l.n.fail(parse.ErrFormat, "its list ends within a header", l.left)
	}
	l.r.more() // the header is at the beginning of a block rather than at the end of the one before
	at, off := l.r.at, l.r.off
	done := int64(l.n.size) - listBias - l.left
	count, block, number := l.r.u32(), l.r.u32(), l.r.u32()
	l.left -= lenHeader
	if l.r.err == nil && count >= maxCount {
		return l.n.fail(parse.ErrFormat, "a run of more than 256 entries", count)
	}
	for i := range int64(count) + 1 {
		name, err := l.entry(d, block, number)
		if err != nil {
			return err
		}
		if i == 0 {
			l.index.pass(done, at, off, name)
		}
	}
	return nil
}

// entry reads an entry, and adds it.
func (l *list) entry(d *vfs.Folder, block, number uint32) (string, error) {
	off, delta, kind, size := l.r.u16(), l.r.u16(), l.r.u16(), int(l.r.u16())+1
	if l.r.err != nil {
		return "", l.r.err
	}
	if size > maxName {
		return "", l.n.fail(parse.ErrFormat, "a name of more than 256 bytes", size)
	}
	if l.left -= lenEntry + int64(size); l.left < 0 {
		return "", l.n.fail(parse.ErrFormat, "an entry runs past the end of its list", size)
	}
	name := l.r.text(size)
	number += uint32(int32(int16(delta)))
	ref := uint64(block)<<16 | uint64(off)
	switch {
	case l.r.err != nil:
		return "", l.r.err
	case kind > typeSocket:
		return "", l.n.fail(parse.ErrFormat, "an entry of an unknown type", kind)
	case !l.n.f.hasNumber(ref, number):
		return "", l.n.fail(parse.ErrFormat, "an entry states a number that its inode has not", number)
	}
	l.unsorted = l.unsorted || name < l.last
	l.last = name
	if name == "." || name == ".." {
		l.n.f.notes.Found("inode %d: an entry of the name %s is left out", l.n.number, name)
		return name, nil
	}
	return name, d.Add(name, ref, entryType(kind))
}

// hasNumber tells whether an inode has a number. Of one that cannot be read it is true:
// the error comes when something is asked of it.
func (f *FS) hasNumber(ref uint64, number uint32) bool {
	r := f.inodeReader(ref)
	r.skip(12)
	have := r.u32()
	return r.err != nil || have == number
}

// A listIndex is the index of a list, by which Linux finds the block of metadata that a
// name is in. It is not needed here, and compared with the list as that is read.
type listIndex struct {
	n       *inode
	r       reader
	left    int  // entries
	pending bool // an entry was read and its run has not been reached
	bad     bool

	at    int64 // in the list
	block int64
	name  string // of the first entry there
}

func (x *listIndex) open(n *inode) {
	*x = listIndex{n: n, left: int(n.indexes), r: n.f.reader(&n.f.inodes, n.restAt, n.restOff)}
	x.load()
}

// load reads the next entry.
func (x *listIndex) load() {
	x.pending = false
	if x.left == 0 || x.bad {
		return
	}
	x.left--
	x.at, x.block = int64(x.r.u32()), x.n.f.dirs.start+int64(x.r.u32())
	size := x.r.u32()
	if size >= maxName {
		x.bad = true
		return
	}
	x.name = x.r.text(int(size) + 1)
	x.bad = x.r.err != nil
	x.pending = !x.bad
}

// pass compares a run of the list that begins at its byte done, in the block at and there
// at off, with the index.
func (x *listIndex) pass(done, at int64, off int, name string) {
	if x.bad || !x.pending || done < x.at {
		return
	}
	x.bad = done != x.at || at != x.block || int64(off) != (int64(x.n.offset)+done)%metaSize || name != x.name
	x.load()
}
