package erofs

import (
	"sync/atomic"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A compressed file is a row of extents. Where each begins and lies says an index
// of logical clusters, or of extents.
type compressed struct {
	f      *FS
	at     place // of the map header
	size   int64
	packed bool // this is the packed inode, which has no fragments itself

	advise uint16
	lbits  uint     // of a logical cluster's size
	algs   [2]uint8 // of HEAD1 and HEAD2

	// The index of logical clusters, full or compact: see cluster.go.
	full     bool
	index    place // of the first entry
	entries  int64 // how many there are
	initial4 int64 // of a compact index: entries of 4 bytes before those of 2
	middle2  int64 // entries of 2 bytes

	// The index of extents: see extents.go.
	record  int64 // size of a record in bytes; 0: there is no such index
	records int64
	last    atomic.Pointer[checkpoint]

	// The last extent may lie elsewhere.
	tail       int64 // its first logical cluster; -1: it does not
	tailInline place
	tailStored int64 // bytes inline; 0: it is a fragment
	fragment   int64 // where in the packed inode
}

// An extent is a run of bytes of a file that is stored in one piece.
type extent struct {
	off, len int64 // in the file
	at       place // where it is stored; of a fragment, in the packed inode
	stored   int64 // bytes
	kind     uint8 // an algorithm or one of those below
	inline   bool  // stored among metadata
}

const (
	kindShifted    = 0x80 + iota // Z_EROFS_COMPRESSION_SHIFTED: as it is
	kindInterlaced               // Z_EROFS_COMPRESSION_INTERLACED: as it is, but rotated
	kindFragment
	kindHole
)

// compressed reads the map header of n.
func (f *FS) compressed(n *inode) (blob.Blob, error) {
	z := &compressed{f: f, size: n.size, tail: -1, full: n.layout == layoutFull, at: n.body}
	z.at.off = (z.at.off + 7) &^ 7
	z.packed = f.super.featureIncompat&incompatFragments != 0 && n.nid == f.super.packedNid
	if n.size == 0 {
		return z, nil
	}
	var p [lenMapHeader]byte
	if err := f.read(z.at, p[:]); err != nil {
		return nil, err
	}
	var h mapHeader
	h.read(&p)
	if h.clusterbits>>7 != 0 { // Z_EROFS_FRAGMENT_INODE_BIT: all of the file is a fragment
		z.tail, z.fragment = 0, int64(h.raw&^(1<<63))
		z.advise = adviseFragment
		return z, z.checkFragment()
	}
	z.advise = h.advise
	z.lbits = f.blockBits + uint(h.clusterbits&15)
	if z.full && z.advise&adviseExtents != 0 {
		return z, z.openExtents(&h)
	}
	z.algs = [2]uint8{h.algorithm & 15, h.algorithm >> 4}
	for _, a := range z.algs {
		if a >= algMax {
			return nil, z.at.fail(parse.ErrUnsupported, "compression algorithm", a)
		}
	}
	big := z.advise & (adviseBig1 | adviseBig2)
	switch {
	case big != 0 && f.super.featureIncompat&incompatComprCfgs == 0:
		return nil, z.at.fail(parse.ErrFormat, "large clusters in a file system that has none", z.advise)
	case !z.full && big != 0 && big != adviseBig1|adviseBig2:
		return nil, z.at.fail(parse.ErrFormat, "a compact index where one kind of cluster alone is large", z.advise)
	}
	if err := z.openIndex(); err != nil {
		return nil, err
	}
	return z, z.openTail(&h)
}

// openTail finds the extent of the last byte, if it lies elsewhere.
func (z *compressed) openTail(h *mapHeader) error {
	switch {
	case z.advise&adviseFragment != 0:
		head, _, err := z.head(z.size - 1)
		if err != nil {
			return err
		}
		z.tail, z.fragment = head.n, int64(h.fragmentoff)
		if z.full {
			z.fragment |= int64(head.block) << 32
		}
		return z.checkFragment()
	case z.advise&adviseInline != 0 && h.fragmentoff>>16 != 0:
		head, end, err := z.head(z.size - 1)
		if err != nil {
			return err
		}
		z.tail, z.tailStored = head.n, int64(h.fragmentoff>>16)
		z.tailInline = place{z.at.box, end}
		if end&z.f.blockMask+z.tailStored > z.f.blockMask+1 {
			return z.at.fail(parse.ErrFormat, "inline data do not fit into their block", z.tailStored)
		}
	}
	return nil
}

func (z *compressed) checkFragment() error {
	switch {
	case z.packed:
		return z.at.fail(parse.ErrFormat, "a fragment of the packed inode in the packed inode", nil)
	case z.f.packed == nil:
		return z.at.fail(parse.ErrFormat, "a fragment, and no packed inode", nil)
	case z.fragment < 0 || z.fragment > z.f.packed.Size():
		return z.at.fail(parse.ErrFormat, "a fragment behind the end of the packed inode", uint64(z.fragment))
	}
	return nil
}

// extent is the extent that byte off of the file lies in.
func (z *compressed) extent(off int64) (e extent, err error) {
	if z.record > 0 {
		e, err = z.mapRecord(off)
	} else {
		e, err = z.mapCluster(off)
	}
	if err != nil {
		return e, err
	}
	switch {
	case e.kind == kindFragment:
		if size := z.f.packed.Size(); e.at.off > size || e.len > size-e.at.off {
			return e, z.at.fail(parse.ErrFormat, "a fragment behind the end of the packed inode", e.at.off)
		}
		return e, nil
	case e.kind == kindHole:
		return e, nil
	case e.stored > maxStored || e.len > maxDecoded:
		return e, z.at.fail(parse.ErrUnsupported, "a cluster of more than 1 MiB, or of more than 12 MiB decoded", e.len)
	case e.kind >= kindShifted && e.len > e.stored:
		return e, z.at.fail(parse.ErrFormat, "a plain cluster shorter than what it holds", e.stored)
	case e.kind < kindShifted && z.f.algs>>e.kind&1 == 0:
		return e, z.at.fail(parse.ErrFormat, "an algorithm that the superblock does not name", e.kind)
	}
	return e, nil
}
