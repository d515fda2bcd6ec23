package erofs

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// An inode is struct erofs_inode_compact or erofs_inode_extended.
type inode struct {
	f      *FS
	at     place
	nid    uint64
	layout uint8
	mode   uint16
	size   int64
	time   time.Time
	meta   vfs.Meta

	xattrs    place // struct erofs_xattr_ibody_header
	xattrSize int64
	body      place  // what follows inode and attributes: inline data or indexes
	startblk  uint64 // of flat data
	chunk     uint16 // the format of chunks
	hole      bool   // flat data that are all zeros
}

func (n *inode) isDir() bool { return n.mode&modeType == modeDir }

// place is where the inode with that number stands.
func (f *FS) place(nid uint64) (place, bool) {
	box := nid&nidMetabox != 0
	slot := nid &^ nidMetabox
	if slot > math.MaxInt64>>(lenNid+2) {
		return place{}, false
	}
	p := place{box, int64(slot) << lenNid}
	if !box {
		p.off += int64(f.super.metaBlkaddr) << f.blockBits
	}
	return p, p.off >= 0
}

// inode reads an inode.
func (f *FS) inode(nid uint64) (n inode, err error) {
	at, ok := f.place(nid)
	if !ok || at.box && f.box == nil {
		return n, fail(-1, parse.ErrFormat, "no inode has such a number", nid)
	}
	var p [lenExtended]byte
	if err := f.read(at, p[:lenCompact]); err != nil {
		return n, err
	}
	le := binary.LittleEndian
	n.f, n.at, n.nid, n.meta.Inode = f, at, nid, nid
	format := le.Uint16(p[:])
	n.layout = uint8(format >> 1 & 7)
	n.mode = le.Uint16(p[4:])
	switch {
	case format&^formatKnown != 0:
		return n, at.fail(parse.ErrUnsupported, "format of inode", format)
	case n.layout > layoutChunk:
		return n, at.fail(parse.ErrUnsupported, "layout of data", n.layout)
	}
	var size uint64
	length := int64(lenCompact)
	u, high := le.Uint32(p[16:]), le.Uint16(p[6:]) // i_u, i_nb
	mask := uint64(null48)
	if format&formatExtended != 0 {
		length = lenExtended
		if err := f.read(at.add(lenCompact), p[lenCompact:]); err != nil {
			return n, err
		}
		size = le.Uint64(p[8:])
		n.meta.UID, n.meta.GID = le.Uint32(p[24:]), le.Uint32(p[28:])
		n.time = f.time(int64(le.Uint64(p[32:])), le.Uint32(p[40:]))
		n.meta.Links = le.Uint32(p[44:])
	} else {
		size = uint64(le.Uint32(p[8:]))
		n.meta.UID, n.meta.GID = uint32(le.Uint16(p[24:])), uint32(le.Uint16(p[26:]))
		n.time = f.time(f.super.epoch+int64(le.Uint32(p[12:])), f.super.fixedNsec)
		if format&formatNlink1 != 0 && !n.isDir() {
			n.meta.Links = 1
		} else {
			n.meta.Links, high = uint32(high), 0
			mask = null32
		}
	}
	if size > math.MaxInt64>>1 {
		return n, at.fail(parse.ErrFormat, "a file larger than any", size)
	}
	n.size = int64(size)
	n.xattrs = at.add(length)
	if icount := int64(le.Uint16(p[2:])); icount > 0 {
		n.xattrSize = lenXattrHeader + 4*(icount-1)
	}
	n.body = n.xattrs.add(n.xattrSize)
	switch n.mode & modeType {
	case modeFile, modeDir, modeLink:
		n.startblk = uint64(high)<<32 | uint64(u)
		n.hole = n.layout == layoutPlain && n.startblk == mask
	case modeChar, modeBlock:
		n.meta.Major, n.meta.Minor = vfs.Device(u)
	case modePipe, modeSocket:
	default:
		return n, at.fail(parse.ErrFormat, "a mode that is of no kind of file", n.mode)
	}
	if n.layout == layoutChunk {
		n.chunk = uint16(u)
		if n.chunk&^chunkKnown != 0 {
			return n, at.fail(parse.ErrUnsupported, "format of chunks", n.chunk)
		}
	}
	return n, nil
}

// Attr: see vfs.Inode.
func (n *inode) Attr() vfs.Attr {
	return vfs.Attr{Mode: vfs.Mode(n.mode), Size: n.size, ModTime: n.time, Meta: n.meta}
}

// Data gives the bytes of a regular file: see vfs.Inode.
func (n *inode) Data() (blob.Blob, error) { return n.f.data(n) }

// Target gives the target of a symbolic link: see vfs.Inode.
func (n *inode) Target() (string, error) {
	if n.size > vfs.MaxLink {
		return "", n.at.fail(parse.ErrLimit, fmt.Sprintf("the target of a link is longer than %d bytes", vfs.MaxLink), n.size)
	}
	b, err := n.f.data(n)
	if err != nil {
		return "", err
	}
	p, err := blob.ReadAll(b, vfs.MaxLink)
	return string(p), err
}
