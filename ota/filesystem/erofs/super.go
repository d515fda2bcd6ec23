package erofs

import (
	"hash/crc32"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// readSuper reads the superblock and what belongs to it.
func (f *FS) readSuper(devices []blob.Blob) error {
	size := f.b.Size()
	if size < superOffset+lenSuper {
		return fail(size, parse.ErrFormat, "ends before the superblock does", nil)
	}
	p := make([]byte, min(lenSuper+lenExtSlot, size-superOffset))
	if _, err := blob.ReadFull(f.b, p, superOffset); err != nil {
		return place{off: superOffset}.broken(err)
	}
	c := parse.NewCursor("erofs", p, superOffset)
	s := &f.super
	s.read(c)
	if s.magic != superMagic {
		return fail(superOffset, parse.ErrFormat, "no magic of a superblock", s.magic)
	}
	if c.Err() != nil {
		return c.Err()
	}
	if s.blkszbits < minBlockBits || s.blkszbits > maxBlockBits {
		return fail(superOffset+12, parse.ErrUnsupported, "block size: not 512 bytes to 64 KiB", s.blkszbits)
	}
	f.blockBits, f.blockMask = uint(s.blkszbits), 1<<s.blkszbits-1
	f.blocks = newBlockCache(f.blockMask + 1)
	if err := f.checksum(); err != nil {
		return err
	}
	if unknown := s.featureIncompat &^ incompatKnown; unknown != 0 {
		return fail(superOffset+80, parse.ErrUnsupported, "incompatible features that are not known", unknown)
	}
	if s.dirblkbits != 0 {
		return fail(superOffset+90, parse.ErrUnsupported, "blocks of folders of another size", s.dirblkbits)
	}
	blocks := uint64(s.blocksLo)
	f.root = uint64(s.rootnid2b)
	if s.featureIncompat&incompat48Bit != 0 && s.rootnid8b != 0 {
		f.root = s.rootnid8b
		blocks |= uint64(s.rootnid2b) << 32
	}
	if blocks > math.MaxInt64>>f.blockBits {
		return fail(superOffset+36, parse.ErrFormat, "larger than any device", blocks)
	}
	f.size = int64(blocks) << f.blockBits
	if f.size > size {
		f.notes.State("the image has %d bytes, its superblock says %d", size, f.size)
	}
	if err := f.algorithms(); err != nil {
		return err
	}
	return f.readDevices(devices)
}

// checksum checks the superblock's, which is over its block from the superblock
// on, or if blocks are no larger than 1024 bytes, over as many as a block has.
func (f *FS) checksum() error {
	if f.super.featureCompat&compatChecksum == 0 {
		return nil
	}
	n := f.blockMask + 1
	if n > superOffset {
		n -= superOffset
	}
	if size := f.b.Size(); n > size-superOffset {
		return fail(size, parse.ErrFormat, "ends before the superblock's block does", nil)
	}
	p := make([]byte, n)
	if _, err := blob.ReadFull(f.b, p, superOffset); err != nil {
		return place{off: superOffset}.broken(err)
	}
	clear(p[offChecksum : offChecksum+4])
	// crc32c of the kernel inverts neither before nor after.
	if sum := ^crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)); sum != f.super.checksum {
		return fail(superOffset+offChecksum, parse.ErrFormat, "the checksum of the superblock is wrong", f.super.checksum)
	}
	return nil
}

// algorithms reads which there are, and passes over their configurations: what
// they bound (distances, windows) our decoders bound by themselves.
func (f *FS) algorithms() error {
	s := &f.super
	if s.featureIncompat&incompatComprCfgs == 0 {
		f.algs = 1 << algLZ4
		return nil
	}
	f.algs = s.comprAlgs
	if unknown := f.algs &^ (1<<algMax - 1); unknown != 0 {
		return fail(superOffset+84, parse.ErrUnsupported, "compression algorithms that are not known", unknown)
	}
	at := place{off: superOffset + lenSuper + lenExtSlot*int64(s.sbExtslots)}
	for range bits.OnesCount16(f.algs) {
		at.off = (at.off + 3) &^ 3
		var size [2]byte
		if err := f.read(at, size[:]); err != nil {
			return err
		}
		n := int64(size[0]) | int64(size[1])<<8
		if n == 0 || n > f.b.Size()-at.off-2 {
			return at.fail(parse.ErrFormat, "the configuration of a compression algorithm has no such size", n)
		}
		at = at.add(2 + n)
	}
	return nil
}

// readDevices reads the device table.
func (f *FS) readDevices(given []blob.Blob) error {
	s := &f.super
	if s.featureIncompat&incompatDeviceTable == 0 || s.extraDevices == 0 {
		return nil
	}
	n := int64(s.extraDevices)
	f.deviceTable = int64(s.devtSlotoff) * lenDevice
	if size := f.b.Size(); f.deviceTable > size || n > (size-f.deviceTable)/lenDevice {
		return fail(superOffset+86, parse.ErrFormat, "the device table does not fit into the image", n)
	}
	p := make([]byte, n*lenDevice)
	if err := f.read(place{off: f.deviceTable}, p); err != nil {
		return err
	}
	c := parse.NewCursor("erofs", p, f.deviceTable)
	f.devices = make([]device, n)
	f.deviceMask = uint16(1<<bits.Len16(s.extraDevices) - 1)
	wide := s.featureIncompat&incompat48Bit != 0
	for i := range f.devices {
		d := &f.devices[i]
		d.at = c.Offset()
		d.tag = parse.Escape(cstring(c.Bytes(64)))
		blocks, start := uint64(c.U32LE()), uint64(c.U32LE())
		blocksHi, startHi := uint64(c.U32LE()), uint64(c.U16LE())
		c.Skip(50)
		if wide {
			// blocks_hi has 32 bits in the structure, of which erofs-utils takes 16.
			blocks |= blocksHi & 0xffff << 32
			start |= startHi << 32
		}
		if start > math.MaxInt64>>(f.blockBits+1) || blocks > math.MaxInt64>>(f.blockBits+1) {
			return fail(d.at, parse.ErrFormat, "a device larger than any", blocks)
		}
		d.start, d.size = int64(start)<<f.blockBits, int64(blocks)<<f.blockBits
		if i < len(given) {
			d.blob = given[i]
		}
	}
	return c.Err()
}

func (f *FS) time(sec int64, nsec uint32) time.Time { return time.Unix(sec, int64(nsec)).UTC() }

// cstring is p up to its first NUL.
func cstring(p []byte) string {
	s, _, _ := strings.Cut(string(p), "\x00")
	return s
}
