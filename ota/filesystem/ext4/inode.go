package ext4

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// fail is an error about the inode.
func (n *inode) fail(kind error, msg string, got any) error {
	return fail(n.off, kind, fmt.Sprintf("inode %d: %s", n.number, msg), got)
}

// inodeAt gives the bytes of an inode and where they stand.
func (f *FS) inodeAt(number uint32) ([]byte, int64, error) {
	s := &f.super
	if number == 0 || number > s.inodes {
		return nil, 0, fail(-1, parse.ErrFormat, "no such inode", number)
	}
	group, index := (number-1)/s.inodesPerGroup, int64((number-1)%s.inodesPerGroup)
	last := f.lastGroup.Load()
	if last == nil || last.group != group {
		table, err := f.group(group)
		if err != nil {
			return nil, 0, err
		}
		last = &groupTable{group, table}
		f.lastGroup.Store(last)
	}
	size := int64(s.inodeSize)
	data, off, err := f.readBlock(last.table+uint64(index*size/f.block), "the inodes")
	if err != nil {
		return nil, 0, err
	}
	at := index * size % f.block
	return data[at : at+size], off + at, nil
}

// inode reads an inode that an entry of a folder names, as ext4_iget does.
func (f *FS) inode(number uint32) (*inode, error) {
	if number != rootInode && number < f.super.firstInode {
		return nil, fail(-1, parse.ErrFormat, "an inode that is the file system's own", number)
	}
	return f.anyInode(number)
}

func (f *FS) anyInode(number uint32) (*inode, error) {
	p, off, err := f.inodeAt(number)
	if err != nil {
		return nil, err
	}
	n := &inode{f: f, number: number, off: off}
	n.read(parse.NewCursor("ext4", p, off))
	var ok bool
	if n.seed, ok = f.inodeSum(p, number, n.generation); !ok {
		return nil, n.fail(parse.ErrFormat, "it does not have its checksum", nil)
	}
	if n.links == 0 {
		return nil, n.fail(parse.ErrFormat, "it is deleted, and named nevertheless", nil)
	}
	if f.super.roCompat&roCompatHugeFile == 0 {
		n.sectors &= math.MaxUint32
	} else if n.flags&flagHugeFile != 0 {
		n.sectors *= uint64(f.block) / 512
	}
	if f.super.incompat&incompat64Bit == 0 {
		n.attrs &= math.MaxUint32
	}
	if len(p) > lenInode {
		if err := n.readExtra(p); err != nil {
			return nil, err
		}
	}
	return n, n.check(f)
}

// readExtra reads the fields that only larger inodes have.
func (n *inode) readExtra(p []byte) error {
	extra := int(binary.LittleEndian.Uint16(p[lenInode:]))
	end := lenInode + extra
	if end > len(p) || extra%4 != 0 {
		return n.fail(parse.ErrFormat, "its fields do not end within it", extra)
	}
	if end >= 0x8c {
		n.mtimeExtra = binary.LittleEndian.Uint32(p[0x88:])
	}
	// Without any fields there are no attributes either: ext4_iget_extra_inode.
	if extra > 0 && len(p)-end >= 4 && binary.LittleEndian.Uint32(p[end:]) == attrMagic {
		n.body = p[end:]
	}
	return nil
}

// check refuses kinds and sizes that nothing can have.
func (n *inode) check(f *FS) error {
	switch n.mode & modeKind {
	case modeFile:
	case modeDir:
		if f.super.incompat&incompatLargeDir == 0 {
			n.size &= math.MaxUint32 // i_dir_acl is in the place of i_size_high
		}
	case modeLink:
		n.size &= math.MaxUint32
	case modeChar, modeBlock, modeFIFO, modeSocket:
		n.size = 0 // no block of theirs is read
	default:
		return n.fail(parse.ErrFormat, "it is of no kind", n.mode)
	}
	if n.size > f.maxSize(n) {
		return n.fail(parse.ErrFormat, "its size is more than its blocks could be", n.size)
	}
	return nil
}

// maxSize is what the map of an inode's blocks can reach.
func (f *FS) maxSize(n *inode) uint64 {
	blocks := uint64(1) << 32
	if n.flags&flagExtents == 0 {
		per := uint64(f.block) / 4
		blocks = min(blocks, 12+per+per*per+per*per*per)
	}
	return blocks * uint64(f.block)
}

func (n *inode) kind() uint16 { return n.mode & modeKind }

// Attr: see vfs.Inode.
func (n *inode) Attr() vfs.Attr {
	a := vfs.Attr{Mode: vfs.Mode(n.mode), Size: int64(n.size), ModTime: n.modTime(), Meta: vfs.Meta{
		UID: n.uid, GID: n.gid, Inode: uint64(n.number), Links: uint32(n.links),
		Verity: n.flags&flagVerity != 0, Encrypted: n.flags&flagEncrypt != 0, Casefold: n.flags&flagCasefold != 0, Immutable: n.flags&flagImmutable != 0,
	}}
	a.Major, a.Minor = n.device()
	return a
}

// modTime is i_mtime: seconds since 1970, of which i_mtime_extra has two more
// bits and the nanoseconds.
func (n *inode) modTime() time.Time {
	sec := int64(int32(n.mtime)) + int64(n.mtimeExtra&3)<<32
	return time.Unix(sec, int64(n.mtimeExtra>>2)).UTC()
}

// device gives the numbers of a device node: those of the old form are in the
// first word, of the new form in the second.
func (n *inode) device() (major, minor uint32) {
	if k := n.kind(); k != modeChar && k != modeBlock {
		return 0, 0
	}
	if dev := binary.LittleEndian.Uint32(n.block[:]); dev != 0 {
		return vfs.OldDevice(dev)
	}
	return vfs.Device(binary.LittleEndian.Uint32(n.block[4:]))
}
