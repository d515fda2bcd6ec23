package ext4

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// openSuper reads the superblock and checks what is counted with later.
func (f *FS) openSuper(b blob.Blob) error {
	if b.Size() < superOffset+superSize {
		return fail(b.Size(), parse.ErrFormat, "no room for a superblock", b.Size())
	}
	p, err := blob.ReadRange(b, superOffset, superSize)
	if err != nil {
		return err
	}
	s := &f.super
	c := parse.NewCursor("ext4", p, superOffset)
	s.read(c)
	if err := c.Err(); err != nil {
		return err
	}
	if s.magic != superMagic {
		return fail(superOffset+0x38, parse.ErrFormat, "no superblock", s.magic)
	}
	if err := s.features(); err != nil {
		return err
	}
	if f.sums = s.roCompat&roCompatMetadataCsum != 0; f.sums {
		if s.checksumType != 1 { // EXT4_CRC32C_CHKSUM
			return fail(superOffset+0x175, parse.ErrUnsupported, "another kind of checksums than CRC-32C", s.checksumType)
		}
		if sum := crc32c(math.MaxUint32, p[:superSum]); sum != s.checksum {
			return fail(superOffset+superSum, parse.ErrFormat, "the superblock does not have its checksum", sum)
		}
	}
	if f.seed = crc32c(math.MaxUint32, s.uuid[:]); s.incompat&incompatCsumSeed != 0 {
		f.seed = s.checksumSeed
	}
	if err := f.geometry(); err != nil {
		return err
	}
	f.stateNotes()
	return nil
}

// features refuses what cannot be read.
func (s *superblock) features() error {
	if s.revision > 1 { // EXT4_DYNAMIC_REV
		return fail(superOffset+0x4c, parse.ErrUnsupported, "a later revision of the format", s.revision)
	}
	if bad := s.incompat &^ incompatRead; bad != 0 {
		return fail(superOffset+0x60, parse.ErrUnsupported, "features that are not read: "+strings.Join(features(1, bad), ", "), bad)
	}
	return nil
}

// geometry checks sizes and counts, as ext4_fill_super does.
func (f *FS) geometry() error {
	s := &f.super
	bad := func(at int64, msg string, got any) error { return fail(superOffset+at, parse.ErrFormat, msg, got) }
	if s.logBlock > 6 {
		return bad(0x18, "a block size that is none", s.logBlock)
	}
	f.block = 1024 << s.logBlock
	bits := uint64(f.block) * 8 // blocks that the bitmap of a group can count
	if s.roCompat&roCompatBigalloc != 0 {
		if s.logCluster < s.logBlock || s.logCluster > 20 { // EXT2_MAX_CLUSTER_LOG_SIZE, less 10
			return bad(0x1c, "a cluster size that is none", s.logCluster)
		}
		bits <<= s.logCluster - s.logBlock
	}
	if s.revision == 0 {
		s.inodeSize, s.firstInode = lenInode, oldFirst
	}
	size := int64(s.inodeSize)
	if size < lenInode || size > f.block || size&(size-1) != 0 {
		return bad(0x58, "an inode size that is none", s.inodeSize)
	}
	if f.descSize = lenDesc; s.incompat&incompat64Bit != 0 {
		f.descSize = int(s.descSize)
		if f.descSize < lenDesc64 || f.descSize > 1024 || f.descSize&(f.descSize-1) != 0 { // EXT4_MIN_BLOCK_SIZE
			return bad(0xfe, "a size of group descriptors that is none", s.descSize)
		}
	} else {
		s.blocks &= math.MaxUint32
	}
	if s.blocks > math.MaxInt64/uint64(f.block) || s.blocks == 0 {
		return bad(4, "a count of blocks that cannot be", s.blocks)
	}
	if first := superOffset / f.block; int64(s.firstBlock) != first && (s.firstBlock != 0 || s.roCompat&roCompatBigalloc == 0) || uint64(s.firstBlock) >= s.blocks {
		return bad(0x14, "the first block of data is another one", s.firstBlock)
	}
	if s.blocksPerGroup == 0 || uint64(s.blocksPerGroup) > bits {
		return bad(0x20, "a count of blocks of a group that cannot be", s.blocksPerGroup)
	}
	if n := s.inodesPerGroup; n == 0 || uint64(n) > uint64(f.block)*8 {
		return bad(0x28, "a count of inodes of a group that cannot be", n)
	}
	groups := (s.blocks - uint64(s.firstBlock) + uint64(s.blocksPerGroup) - 1) / uint64(s.blocksPerGroup)
	if s.inodes < rootInode || uint64(s.inodes) > groups*uint64(s.inodesPerGroup) {
		return bad(0, "a count of inodes that its groups cannot have", s.inodes)
	}
	return nil
}

func (f *FS) stateNotes() {
	s := &f.super
	note := f.notes.State
	if s.incompat&incompatRecover != 0 {
		note("the journal holds changes that have not been made (needs_recovery); the file system is read as it is")
	} else if s.state&stateClean == 0 {
		note("the file system was not unmounted (s_state %#x)", s.state)
	}
	if s.state&stateErrors != 0 {
		note("the file system knows of errors in itself (s_state %#x)", s.state)
	}
	if more := s.roCompat &^ roCompatKnown; more != 0 {
		note("features that forbid writing and are not known: %s", strings.Join(features(2, more), ", "))
	}
}

// tellBackup adds to an error about a broken superblock that another copy is
// there. It is not read on from: what the device mounts is the first or nothing.
func tellBackup(b blob.Blob, err error) error {
	pe, ok := err.(*parse.Error)
	if !ok || pe.Kind != parse.ErrFormat {
		return err
	}
	for log := range 7 {
		block := int64(1024) << log
		at := block * block * 8 // group 1, where its bitmap is one block
		if log == 0 {
			at += block
		}
		p, readErr := blob.ReadRange(b, at, superSize)
		if readErr != nil {
			break
		}
		var s superblock
		s.read(parse.NewCursor("ext4", p, at))
		if s.magic == superMagic && s.groupNumber == 1 && int(s.logBlock) == log {
			more := *pe
			more.Msg += fmt.Sprintf("; a backup superblock at byte %#x is not used", at)
			return &more
		}
	}
	return err
}

// group gives the first block of the inodes of a group.
func (f *FS) group(group uint32) (table uint64, err error) {
	s := &f.super
	perBlock := uint32(f.block) / uint32(f.descSize)
	desc, off, err := f.readBlock(f.descBlock(group/perBlock, perBlock), "the group descriptors")
	if err != nil {
		return 0, err
	}
	at := int64(group%perBlock) * int64(f.descSize)
	d := desc[at : at+int64(f.descSize)]
	at += off
	if sum := binary.LittleEndian.Uint16(d[descSum:]); sum != f.descSum(group, d) {
		return 0, fail(at+descSum, parse.ErrFormat, fmt.Sprintf("the descriptor of group %d does not have its checksum", group), sum)
	}
	table = uint64(binary.LittleEndian.Uint32(d[descTable:]))
	if f.descSize >= lenDesc64 {
		table |= uint64(binary.LittleEndian.Uint32(d[descTabHi:])) << 32
	}
	size := (uint64(s.inodesPerGroup)*uint64(s.inodeSize) + uint64(f.block) - 1) / uint64(f.block)
	if !f.holds(table, size) {
		return 0, fail(at+descTable, parse.ErrFormat, fmt.Sprintf("the inodes of group %d lie outside the file system", group), table)
	}
	return table, nil
}

// descBlock is the block of the descriptors nr, as descriptor_loc finds it.
func (f *FS) descBlock(nr, perBlock uint32) uint64 {
	s := &f.super
	if s.incompat&incompatMetaBG == 0 || nr < s.firstMetaGroup {
		return uint64(superOffset/f.block) + uint64(nr) + 1
	}
	group := uint64(nr) * uint64(perBlock)
	block := group*uint64(s.blocksPerGroup) + uint64(s.firstBlock)
	if s.hasSuper(group) {
		block++
	}
	if f.block == 1024 && nr == 0 && s.firstBlock == 0 {
		block++
	}
	return block
}

// hasSuper tells whether a group begins with a copy of the superblock.
func (s *superblock) hasSuper(group uint64) bool {
	switch {
	case group == 0:
		return true
	case s.compat&compatSparseSuper2 != 0:
		return group == uint64(s.backups[0]) || group == uint64(s.backups[1])
	case group == 1 || s.roCompat&roCompatSparseSuper == 0:
		return true
	}
	for _, base := range [...]uint64{3, 5, 7} {
		n := base
		for n < group {
			n *= base
		}
		if n == group {
			return true
		}
	}
	return false
}

// holds tells whether n blocks from first on can be anybody's data.
func (f *FS) holds(first, n uint64) bool {
	return first > uint64(f.super.firstBlock) && first < f.super.blocks && n <= f.super.blocks-first
}
