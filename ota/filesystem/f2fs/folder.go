package f2fs

import (
	"encoding/binary"
	"fmt"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// maxFolder bounds the bytes of a folder, in which there may be no entries at
// all, and of its nodes.
const maxFolder = 64 << 20

// List adds the entries of a folder: see vfs.Inode. Its blocks are charged for as
// they are read, until all of them could be: a folder that cannot be read, and has a
// thousand names, would else be read for each.
func (n *inode) List(d *vfs.Folder, up uint64) error {
	f := n.f
	r := folderReader{f: f, n: n, d: d, up: up}
	f.paying.Lock()
	if r.paid = f.paid[n.number]; r.paid {
		f.paying.Unlock()
		return r.read()
	}
	defer f.paying.Unlock() // so that two who come at once do not both pay
	if err := r.read(); err != nil {
		return err
	}
	f.paid[n.number] = true
	return nil
}

// A folderReader reads the entries of a folder, in the order in which they stand.
type folderReader struct {
	f      *FS
	n      *inode
	d      *vfs.Folder
	up     uint64 // what .. has to be
	paid   bool
	blocks int64  // of entries and of nodes
	self   bool   // . has been met
	parent uint32 // what .. is
	in     *bucket
	lost   bool // there are entries that Linux does not find
	second bool // those are read now
}

func (r *folderReader) bad(msg string, got any) error { return r.n.fail(parse.ErrFormat, msg, got) }

// read adds first what Linux finds, so that of two entries of one name that one counts.
func (r *folderReader) read() error {
	if err := r.readAll(); err != nil {
		return err
	}
	switch {
	case r.parent != 0:
	case r.n.inline&inlineDots != 0: // __recover_dot_dentries makes .. of it
		if err := r.setParent(r.n.parent); err != nil {
			return err
		}
	default:
		return r.bad("a folder without ..", nil)
	}
	if r.lost {
		r.second = true
		return r.readAll()
	}
	return nil
}

// setParent takes what .. is. So each folder has one place, and no way leads in a circle.
func (r *folderReader) setParent(number uint32) error {
	r.parent = number
	if uint64(number) != r.up {
		return r.bad(fmt.Sprintf("a folder in folder %d, whose own .. is another one", r.up), number)
	}
	return nil
}

func (r *folderReader) readAll() error {
	if r.n.inline&inlineDentry != 0 {
		return r.readEntries(r.n.inlined())
	}
	return r.readBlocks()
}

// readBlocks reads the blocks of the levels of hashes, one after another. Most
// of the later ones are holes.
func (r *folderReader) readBlocks() error {
	bytes := uint64(r.f.block)
	blocks := (r.n.size + bytes - 1) / bytes
	p := make([]byte, bytes)
	for block := uint64(0); block < blocks; {
		l, err := r.f.leafOf(r.n, block)
		if err != nil {
			return err
		}
		if err := r.count(); err != nil {
			return err
		}
		if l.addrs == nil {
			block = l.end
			continue
		}
		for ; block < min(l.end, blocks); block++ {
			addr := l.addr(block)
			if addr == nullAddr || addr == newAddr {
				continue
			}
			if !r.f.super.holds(addr) {
				return r.bad("a block of its entries lies outside the main area", addr)
			}
			if err := r.count(); err != nil {
				return err
			}
			if _, err := blob.ReadFull(r.f.b, p, int64(addr)*r.f.block); err != nil {
				return err
			}
			in := bucketOf(block, r.n.dirLevel)
			r.in = &in
			if err := r.readEntries(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *folderReader) count() error {
	if r.blocks++; r.blocks*r.f.block > maxFolder {
		return r.n.fail(parse.ErrLimit, fmt.Sprintf("a folder of more than %d bytes", maxFolder), nil)
	}
	if r.paid {
		return nil
	}
	return r.f.bud.Entry("f2fs", 1)
}

// readEntries reads the entries of a block, or of what is inline, which has the
// same form in another size: make_dentry_ptr, f2fs_fill_dentries.
func (r *folderReader) readEntries(p []byte) error {
	slots := len(p) * 8 / ((lenEntry+lenSlot)*8 + 1)
	entries := p[len(p)-slots*(lenEntry+lenSlot):]
	names := entries[slots*lenEntry:]
	for i := 0; i < slots; {
		if p[i/8]>>(i%8)&1 == 0 {
			i++
			continue
		}
		e := dirEntry{}
		e.read(entries[i*lenEntry:])
		if e.size == 0 {
			r.f.notes.Found("inode %d: an entry without a name is left out", r.n.number)
			i++
			continue
		}
		name := names[i*lenSlot:]
		if e.size > maxName || e.size > len(name) {
			return r.bad("a name runs past its block", e.size)
		}
		if err := r.add(&e, string(name[:e.size])); err != nil {
			return err
		}
		i += (e.size + lenSlot - 1) / lenSlot
	}
	return nil
}

func (e *dirEntry) read(p []byte) {
	le := binary.LittleEndian
	e.hash, e.inode, e.size, e.kind = le.Uint32(p), le.Uint32(p[4:]), int(le.Uint16(p[8:])), p[10]
}

// add takes an entry.
func (r *folderReader) add(e *dirEntry, name string) error {
	if e.inode < rootInode || uint64(e.inode) >= r.f.maxNode() {
		return r.bad("an entry of an inode that does not exist", e.inode)
	}
	switch {
	case name == "." || name == "..":
		if r.second {
			return nil
		}
		return r.addDots(e, name)
	case r.finds(e, name) == r.second:
		r.lost = true
		return nil
	case r.second:
		r.f.notes.Found("inode %d: its entry %s is listed by Linux, and not found", r.n.number, parse.Escape(name))
	}
	return r.d.Add(name, uint64(e.inode), vfs.EntryType(e.kind))
}

// finds tells whether Linux looks for a name where its entry is, and by the hash
// that the entry has. How names are folded is not known here.
func (r *folderReader) finds(e *dirEntry, name string) bool {
	if r.n.flags&flagCasefold != 0 {
		return true
	}
	return e.hash == hashName(name) && (r.in == nil || r.in.holds(e.hash, r.n.depth))
}

func (r *folderReader) addDots(e *dirEntry, name string) error {
	switch {
	case name == "." && !r.self:
		if r.self = true; e.inode != r.n.number {
			return r.bad("a folder whose . is another one", e.inode)
		}
		return nil
	case name == ".." && r.parent == 0:
		return r.setParent(e.inode)
	}
	r.f.notes.Found("inode %d: a further entry %s is left out", r.n.number, name)
	return nil
}
