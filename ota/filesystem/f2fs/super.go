package f2fs

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// crc is the CRC-32 of F2FS, f2fs_chksum: that of IEEE with a seed of its own
// and without the last inversion.
func crc(seed uint32, p []byte) uint32 { return ^crc32.Update(^seed, crc32.IEEETable, p) }

// openSuper takes the first superblock that is right, as Linux does, and tells of
// the other one.
func (f *FS) openSuper(b blob.Blob) error {
	s, raw, err := readSuper(b, 0)
	if err == nil {
		f.setSuper(s)
		_, again, err := readSuper(b, f.block)
		switch {
		case err != nil && !isOwn(err):
			return err
		case err != nil:
			f.notes.State("the second superblock cannot be read: %v", err)
		case raw != again:
			f.notes.State("the second superblock is another one")
		}
		return nil
	}
	if !isOwn(err) || !errors.Is(err, parse.ErrFormat) {
		return err
	}
	// Where the second one is depends on the size of blocks, which it states.
	for log := uint32(minLogBlock); log <= maxLogBlock; log++ {
		s, _, other := readSuper(b, 1<<log)
		if other != nil && !isOwn(other) {
			return other
		}
		if other == nil && s.logBlock == log {
			f.setSuper(s)
			f.notes.State("the first superblock cannot be read: %v", err)
			return nil
		}
	}
	return err
}

func (f *FS) setSuper(s *superblock) {
	f.super = *s
	f.block = 1 << s.logBlock
	if s.feature&featureInodeSum != 0 {
		f.seed = crc(math.MaxUint32, s.uuid[:])
	}
}

// readSuper reads the superblock in the block at base, and as bytes.
func readSuper(b blob.Blob, base int64) (*superblock, [superSize]byte, error) {
	var raw [superSize]byte
	off := base + superOffset
	if off > b.Size() || superSize > b.Size()-off {
		return nil, raw, fail(b.Size(), parse.ErrFormat, "too short for a superblock", nil)
	}
	if _, err := blob.ReadFull(b, raw[:], off); err != nil {
		return nil, raw, err
	}
	s := &superblock{}
	c := parse.NewCursor("f2fs", raw[:], off)
	s.read(c)
	if err := c.Err(); err != nil {
		return nil, raw, err
	}
	return s, raw, s.check(raw[:], off)
}

// check refuses what Linux refuses to mount, sanity_check_raw_super.
func (s *superblock) check(raw []byte, off int64) error {
	bad := func(at int64, msg string, got any) error { return fail(off+at, parse.ErrFormat, msg, got) }
	switch {
	case s.magic != superMagic:
		return bad(0, "no superblock of F2FS", s.magic)
	case s.feature&featureSuperSum != 0 && s.checksumAt != superSum:
		return bad(0x20, "the checksum of the superblock is in another place", s.checksumAt)
	case s.feature&featureSuperSum != 0 && crc(superMagic, raw[:superSum]) != s.checksum:
		return bad(superSum, "the superblock does not have its checksum", s.checksum)
	case s.logBlock < minLogBlock || s.logBlock > maxLogBlock:
		return bad(0x10, "blocks of a size that no machine has", s.logBlock)
	case s.logSegment != logSegment:
		return bad(0x14, "segments that are not of 512 blocks", s.logSegment)
	case s.logSector < 9 || s.logSector > s.logBlock || s.logSector+s.logSectors != s.logBlock:
		return bad(0x08, "sectors that do not make a block", s.logSector)
	case s.node != 1 || s.meta != 2 || s.root != rootInode:
		return bad(0x60, "other inodes than Linux has for the root and its own", s.root)
	case s.segments > maxSegments || s.mainSegments == 0 || s.natSegments < 2 || s.ckptSegments < 2:
		return bad(0x30, "too many segments, or too few", s.segments)
	case s.payload >= segment-2-allLogs:
		return bad(0x680, "checkpoints larger than their segment", s.payload)
	}
	if err := s.checkAreas(bad); err != nil {
		return err
	}
	if s.devices > 1 {
		return fail(off+0x899, parse.ErrUnsupported, "a file system on several devices", s.devices)
	}
	if more := s.feature &^ featureRead; more != 0 {
		return fail(off+0x884, parse.ErrUnsupported, fmt.Sprintf("the features %q", features(more)), nil)
	}
	return nil
}

// checkAreas wants the areas one behind the other: sanity_check_area_boundary.
func (s *superblock) checkAreas(bad func(int64, string, any) error) error {
	at := uint64(s.segment0)
	if s.segment0 != s.cp {
		return bad(0x48, "the checkpoints are not in the first segment", s.cp)
	}
	for _, area := range [...]struct {
		name           string
		segments, next uint32
	}{
		{"checkpoints do", s.ckptSegments, s.sit},
		{"segment table (SIT) does", s.sitSegments, s.nat},
		{"node table (NAT) does", s.natSegments, s.ssa},
		{"summaries (SSA) do", s.ssaSegments, s.main},
	} {
		at += uint64(area.segments) * segment
		if at != uint64(area.next) {
			return bad(0x48, "the "+area.name+" not end where the next area begins", area.next)
		}
	}
	at += uint64(s.mainSegments) * segment
	if at > uint64(s.segment0)+uint64(s.segments)*segment || at > s.blocks || s.blocks > 1<<32 {
		return bad(0x24, "the areas do not fit into the blocks there are", s.blocks)
	}
	return nil
}

// holds tells whether a block is in the main area, where all nodes and data are.
func (s *superblock) holds(addr uint32) bool {
	return s.main <= addr && uint64(addr) < uint64(s.main)+uint64(s.mainSegments)*segment
}

func features(bits uint32) []string {
	var names []string
	for i := range 32 {
		switch {
		case bits>>i&1 == 0:
		case i < len(featureNames):
			names = append(names, featureNames[i])
		default:
			names = append(names, fmt.Sprintf("%#x", uint32(1)<<i))
		}
	}
	return names
}
