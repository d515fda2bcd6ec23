package ext4_test

import (
	"encoding/binary"
	"slices"
)

var le = binary.LittleEndian

// A bent is an image in the making that no tool would make: 4096 bytes a block,
// one group, no checksums. Inodes have 256 bytes and count from 1; blocks of
// data count from dataBlock.
type bent struct {
	super  map[int]uint32 // fields of the superblock that are otherwise
	inodes []bentInode    // from 11 on; the first is lost+found's
	root   bentInode
	data   [][]byte
	table  uint32 // where the descriptor says that the inodes are; 0: right
}

type bentInode struct {
	mode, links uint16
	size, flags uint32
	sizeHigh    uint32
	sectors     uint32
	attrs       uint32
	extra       uint16
	block       []byte
	body        []byte
	deleted     bool
}

const (
	bentBlock = 4096
	dataBlock = 8
	extents   = 0x80000
	inline    = 0x10000000
)

// extent is the root of a tree with one extent.
func extent(at, n int) []byte { return tree(0, 4, leafEntry(0, n, at)) }

func leafEntry(first, n, at int) []byte {
	p := le.AppendUint32(nil, uint32(first))
	p = le.AppendUint16(p, uint16(n))
	p = le.AppendUint16(p, 0)
	return le.AppendUint32(p, uint32(at))
}

func indexEntry(first, at int) []byte {
	return le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, uint32(first)), uint32(at)), 0)
}

func tree(depth, most int, entries ...[]byte) []byte {
	p := le.AppendUint16(nil, 0xf30a)
	p = le.AppendUint16(p, uint16(len(entries)))
	p = le.AppendUint16(p, uint16(most))
	p = le.AppendUint16(p, uint16(depth))
	return append(le.AppendUint32(p, 0), slices.Concat(entries...)...)
}

// dirent is an entry of a folder, with a length of its own or, with 0, a right one.
func dirent(inode int, size int, kind byte, name string) []byte {
	right := (8 + len(name) + 3) &^ 3
	p := le.AppendUint32(nil, uint32(inode))
	p = le.AppendUint16(p, uint16(max(size, 0)))
	if size == 0 {
		le.PutUint16(p[4:], uint16(right))
	}
	p = append(p, byte(len(name)), kind)
	p = append(p, name...)
	return append(p, make([]byte, right-len(p))...)
}

// entries are a block of them; the last one goes to its end.
func entries(self, parent int, more ...[]byte) []byte {
	p := slices.Concat(append([][]byte{dirent(self, 0, 2, "."), dirent(parent, 0, 2, "..")}, more...)...)
	end := dirent(0, bentBlock-len(p), 0, "")
	return append(p, append(end, make([]byte, bentBlock-len(p)-len(end))...)...)
}

// folderAt is the inode of a folder in the block.
func folderAt(at int) bentInode {
	return bentInode{mode: 0x41ed, links: 2, size: bentBlock, flags: extents, block: extent(at, 1)}
}

func (n *bentInode) bytes() []byte {
	p := make([]byte, 256)
	if n.mode == 0 {
		return p
	}
	le.PutUint16(p, n.mode)
	le.PutUint32(p[4:], n.size)
	le.PutUint16(p[0x1a:], max(n.links, 1))
	if n.deleted {
		le.PutUint16(p[0x1a:], 0)
	}
	le.PutUint32(p[0x1c:], n.sectors)
	le.PutUint32(p[0x20:], n.flags)
	copy(p[0x28:], n.block)
	le.PutUint32(p[0x68:], n.attrs)
	le.PutUint32(p[0x6c:], n.sizeHigh)
	if n.extra == 0 {
		n.extra = 32
	}
	le.PutUint16(p[0x80:], n.extra)
	copy(p[0xa0:], n.body)
	return p
}

func (b *bent) bytes() []byte {
	blocks := dataBlock + len(b.data)
	p := make([]byte, blocks*bentBlock)
	s := p[1024:]
	const perGroup = 80
	for at, v := range map[int]uint32{0: perGroup, 4: uint32(blocks), 0x18: 2, 0x1c: 2, 0x20: 32768, 0x24: 32768, 0x28: perGroup,
		0x4c: 1, 0x54: 11, 0x60: 0x42} {
		le.PutUint32(s[at:], v)
	}
	le.PutUint32(s[0x38:], 0x1ef53)
	le.PutUint16(s[0x58:], 256)
	for at, v := range b.super {
		le.PutUint32(s[at:], v)
	}
	table := uint32(2)
	if b.table != 0 {
		table = b.table
	}
	le.PutUint32(p[bentBlock+8:], table)
	inodes := p[2*bentBlock:]
	if b.root.mode == 0 {
		b.root = folderAt(dataBlock)
	}
	copy(inodes[256:], b.root.bytes())
	for i := range b.inodes {
		copy(inodes[(10+i)*256:], b.inodes[i].bytes())
	}
	for i, d := range b.data {
		copy(p[(dataBlock+i)*bentBlock:], d)
	}
	return p
}
