package ext4

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crc32c goes on with sum over p, without the inversions before and after that
// hash/crc32 makes: ext4_chksum.
func crc32c(sum uint32, p []byte) uint32 { return ^crc32.Update(^sum, castagnoli, p) }

func crc32cWord(sum, word uint32) uint32 {
	var p [4]byte
	binary.LittleEndian.PutUint32(p[:], word)
	return crc32c(sum, p[:])
}

// crc16 is lib/crc16.c of Linux: the polynomial 0x8005, least bit first.
func crc16(sum uint16, p []byte) uint16 {
	for _, c := range p {
		sum ^= uint16(c)
		for range 8 {
			sum = sum>>1 ^ 0xa001&-(sum&1)
		}
	}
	return sum
}

var zeros [4]byte

// descSum is the checksum of a group descriptor, or what it says itself where
// there are none: ext4_group_desc_csum.
func (f *FS) descSum(group uint32, d []byte) uint16 {
	switch {
	case f.sums:
		sum := crc32cWord(f.seed, group)
		sum = crc32c(sum, d[:descSum])
		sum = crc32c(sum, zeros[:2])
		return uint16(crc32c(sum, d[descSum+2:]))
	case f.super.roCompat&roCompatGdtCsum != 0:
		var p [4]byte
		binary.LittleEndian.PutUint32(p[:], group)
		sum := crc16(0xffff, f.super.uuid[:])
		sum = crc16(sum, p[:])
		sum = crc16(sum, d[:descSum])
		return crc16(sum, d[descSum+2:])
	}
	return binary.LittleEndian.Uint16(d[descSum:])
}

// inodeSum tells whether p, of the inode number, has its checksum, and gives the seed of
// the checksums of what belongs to it: ext4_inode_csum.
func (f *FS) inodeSum(p []byte, number, generation uint32) (seed uint32, ok bool) {
	seed = crc32cWord(crc32cWord(f.seed, number), generation)
	if !f.sums || f.super.creator != 0 { // EXT4_OS_LINUX: others have no checksums
		return seed, true
	}
	want := uint32(binary.LittleEndian.Uint16(p[inodeSum:]))
	sum := crc32c(seed, p[:inodeSum])
	sum = crc32c(sum, zeros[:2])
	sum = crc32c(sum, p[inodeSum+2:lenInode])
	if len(p) == lenInode {
		return seed, uint16(sum) == uint16(want)
	}
	rest := p[lenInode:]
	if binary.LittleEndian.Uint16(rest) < inodeSumHi+2-lenInode { // i_extra_isize
		return seed, uint16(crc32c(sum, rest)) == uint16(want)
	}
	want |= uint32(binary.LittleEndian.Uint16(p[inodeSumHi:])) << 16
	sum = crc32c(sum, rest[:inodeSumHi-lenInode])
	sum = crc32c(sum, zeros[:2])
	return seed, crc32c(sum, p[inodeSumHi+2:]) == want
}

// extentSum tells whether a block of extents with room for most entries has its
// checksum: ext4_extent_block_csum. The checksum stands behind the last.
func (n *inode) extentSum(p []byte, most int) bool {
	end := lenExtent * (1 + most)
	return end+4 <= len(p) && crc32c(n.seed, p[:end]) == binary.LittleEndian.Uint32(p[end:])
}

// attrsSum tells whether a block of attributes has its checksum: ext4_xattr_block_csum.
func (f *FS) attrsSum(p []byte, block uint64) bool {
	var at [8]byte
	binary.LittleEndian.PutUint64(at[:], block)
	sum := crc32c(f.seed, at[:])
	sum = crc32c(sum, p[:attrsSum])
	sum = crc32c(sum, zeros[:4])
	return crc32c(sum, p[attrsSum+4:]) == binary.LittleEndian.Uint32(p[attrsSum:])
}

// entriesSum tells whether a block of directory entries has its checksum, in an
// entry of its own at the end: ext4_dirblock_csum_verify.
func (n *inode) entriesSum(p []byte) bool {
	tail := p[len(p)-lenTail:]
	if binary.LittleEndian.Uint32(tail) != 0 || binary.LittleEndian.Uint16(tail[4:]) != lenTail || tail[6] != 0 || tail[7] != tailType {
		return false
	}
	return crc32c(n.seed, p[:len(p)-lenTail]) == binary.LittleEndian.Uint32(tail[8:])
}

// indexSum tells whether a block of a directory's index has its checksum, behind
// the room for its entries: ext4_dx_csum_verify. Before the entries stands struct
// dx_root with . and .., or struct dx_node, which is one empty entry as long as the block.
func (n *inode) indexSum(p []byte, root bool) bool {
	first := 8
	if root {
		first = 32
	}
	limit, count := int(binary.LittleEndian.Uint16(p[first:])), int(binary.LittleEndian.Uint16(p[first+2:]))
	tail := first + limit*8 // struct dx_entry: u32 hash, u32 block
	if count > limit || tail+8 > len(p) {
		return false
	}
	sum := crc32c(n.seed, p[:first+count*8])
	sum = crc32c(sum, p[tail:tail+4]) // dt_reserved
	sum = crc32c(sum, zeros[:4])
	return sum == binary.LittleEndian.Uint32(p[tail+4:])
}
