package squashfs

import (
	"fmt"
	"time"

	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// An inode is what was read of one. Its reference is where it begins: the block of the
// table of inodes, counted from its first one, and in the lowest 16 bits the place in
// what that block becomes.
type inode struct {
	f        *FS
	ref      uint64
	kind     uint16 // the basic type
	mode     uint16 // with the type
	uid, gid uint32
	mtime    uint32
	number   uint32
	links    uint32
	xattr    uint32 // noXattr: none
	rdev     uint32

	size     uint64 // of a file, a link's target, or a list
	start    uint64 // of a file's blocks, or of the block of a list
	offset   uint32 // in the fragment, or in the block of a list
	fragment uint32
	parent   uint32 // number of the folder that a folder is in
	indexes  uint16 // entries of the index of a list

	// The place of what follows: sizes of blocks, target of a link, index of a list.
	restAt  int64
	restOff int
}

func (n *inode) fail(kind error, msg string, got any) error {
	return fail(n.f.inodes.start+int64(n.ref>>16), kind, fmt.Sprintf("inode %d: %s", n.number, msg), got)
}

// inodeReader reads from the inode with that reference on.
func (f *FS) inodeReader(ref uint64) reader {
	return f.reader(&f.inodes, f.inodes.start+int64(ref>>16), int(ref&0xffff))
}

// inode reads an inode.
func (f *FS) inode(ref uint64) (*inode, error) {
	r := f.inodeReader(ref)
	n := &inode{f: f, ref: ref, links: 1, xattr: noXattr, fragment: noFragment}
	kind := r.u16()
	n.mode = r.u16()
	uid, gid := r.u16(), r.u16()
	n.mtime, n.number = r.u32(), r.u32()
	if r.err != nil {
		return nil, r.err
	}
	if kind == 0 || kind > 2*extended {
		return nil, n.fail(parse.ErrFormat, "an unknown type", kind)
	}
	n.kind = (kind-1)%extended + 1
	if typ := modeType(n.kind); n.mode&0o170000 != 0 && n.mode&0o170000 != typ {
		return nil, n.fail(parse.ErrFormat, "a mode of another type", n.mode)
	} else {
		n.mode |= typ
	}
	if int(uid) >= len(f.ids) || int(gid) >= len(f.ids) {
		return nil, n.fail(parse.ErrFormat, "an owner that is not in the table", max(uid, gid))
	}
	n.uid, n.gid = f.ids[uid], f.ids[gid]
	n.readKind(&r, kind > extended)
	if r.err != nil {
		return nil, r.err
	}
	switch {
	case n.number == 0: // as Linux has it
		return nil, n.fail(parse.ErrFormat, "a number that there is not", nil)
	case n.size > 1<<62:
		return nil, n.fail(parse.ErrFormat, "a file that is larger than any", n.size)
	case n.kind == typeSymlink && n.size > vfs.MaxLink:
		return nil, n.fail(parse.ErrLimit, fmt.Sprintf("the target of a link of more than %d bytes", vfs.MaxLink), n.size)
	}
	n.restAt, n.restOff = r.at, r.off
	if n.kind == typeSymlink && kind > extended {
		r.skip(int(n.size))
		if n.xattr = r.u32(); r.err != nil {
			return nil, r.err
		}
	}
	return n, f.checkExport(n)
}

// readKind reads what inodes of the type have.
func (n *inode) readKind(r *reader, long bool) {
	switch n.kind {
	case typeDir:
		if long {
			n.links = r.u32()
			n.size, n.start = uint64(r.u32()), uint64(r.u32())
			n.parent = r.u32()
			n.indexes = r.u16()
			n.offset = uint32(r.u16())
			n.xattr = r.u32()
			return
		}
		n.start = uint64(r.u32())
		n.links = r.u32()
		n.size = uint64(r.u16())
		n.offset = uint32(r.u16())
		n.parent = r.u32()
	case typeReg:
		if long {
			n.start, n.size = r.u64(), r.u64()
			r.u64() // sparse: bytes in holes
			n.links = r.u32()
			n.fragment, n.offset = r.u32(), r.u32()
			n.xattr = r.u32()
			return
		}
		n.start = uint64(r.u32())
		n.fragment, n.offset = r.u32(), r.u32()
		n.size = uint64(r.u32())
	case typeSymlink: // attributes of an extended one stand behind its target
		n.links = r.u32()
		n.size = uint64(r.u32())
	default:
		n.links = r.u32()
		if n.kind == typeBlkdev || n.kind == typeChrdev {
			n.rdev = r.u32()
		}
		if long {
			n.xattr = r.u32()
		}
	}
}

// checkExport compares an inode with the table for NFS, where there is one: it is the
// only inode of its number.
func (f *FS) checkExport(n *inode) error {
	if f.export.start == 0 {
		return nil
	}
	if int64(n.number) > f.export.count {
		return n.fail(parse.ErrFormat, "a number above that of all inodes", f.export.count)
	}
	r, err := f.entry(&f.export, int64(n.number)-1)
	if err != nil {
		return err
	}
	ref := r.u64()
	if r.err == nil && ref != n.ref {
		return n.fail(parse.ErrFormat, "the table for NFS has another inode of this number", ref)
	}
	return r.err
}

// Attr: see vfs.Inode.
func (n *inode) Attr() vfs.Attr {
	a := vfs.Attr{
		Mode:    vfs.Mode(n.mode),
		Size:    int64(n.size),
		ModTime: time.Unix(int64(n.mtime), 0).UTC(),
		Meta:    vfs.Meta{UID: n.uid, GID: n.gid, Inode: uint64(n.number), Links: n.links},
	}
	a.Major, a.Minor = vfs.Device(n.rdev)
	return a
}

// Target: see vfs.Inode.
func (n *inode) Target() (string, error) {
	r := n.f.reader(&n.f.inodes, n.restAt, n.restOff)
	s := r.text(int(n.size))
	return s, r.err
}
