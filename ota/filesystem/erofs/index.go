package erofs

import (
	"encoding/binary"

	"github.com/otavet/otavet/ota/parse"
)

// A logical is an entry of an index: what a logical cluster of the file, of
// 1 << lbits bytes, has to say of the extent that begins in it or goes through it.
type logical struct {
	n       int64 // which
	kind    uint8 // clusterPlain and so on
	ofs     int64 // of a head: where in it the extent begins
	block   uint32
	back    int64 // of others: how many clusters before it the head is
	blocks  int64 // blocks that the extent takes; 0: not said here
	nextPos int64 // where the pack of entries ends
}

func (z *compressed) bad(msg string, got any) error { return z.at.fail(parse.ErrFormat, msg, got) }

// openIndex finds out where entries stand, and that all are there.
func (z *compressed) openIndex() error {
	z.index = z.at.add(lenMapHeader)
	count := (z.size-1)>>z.lbits + 1
	room := z.f.regionSize(z.at.box) - z.index.off
	if z.full {
		z.index = z.index.add(8) // Z_EROFS_FULL_INDEX_START
		z.entries = count
		if room < 8 || count > (room-8)/lenFullEntry {
			return z.bad("a file larger than its index has room for", z.size)
		}
		return nil
	}
	if z.lbits > 14 {
		return z.at.fail(parse.ErrUnsupported, "a compact index of clusters above 16 KiB", z.lbits)
	}
	// The number of entries counts blocks, whatever the size of a cluster.
	z.entries = (z.size-1)>>z.f.blockBits + 1
	z.initial4 = (32 - z.index.off%32) / 4 & 7
	if z.advise&adviseCompact2B != 0 && z.initial4 < z.entries {
		z.middle2 = (z.entries - z.initial4) &^ 15
		if z.lbits > 12 && z.middle2 > 0 {
			return z.at.fail(parse.ErrUnsupported, "entries of two bytes for clusters above 4 KiB", z.lbits)
		}
	}
	if room < 0 || z.entries > room || 2*z.middle2+4*(count-min(count, z.middle2)) > room {
		return z.bad("a file larger than its index has room for", z.size)
	}
	return nil
}

// load reads entry n.
func (z *compressed) load(n int64) (l logical, err error) {
	if n < 0 || n >= z.entries {
		return l, z.bad("an entry outside the index", n)
	}
	if z.full {
		err = z.loadFull(n, &l)
	} else {
		err = z.loadCompact(n, &l)
	}
	if err == nil && l.kind != clusterNonhead && l.ofs >= 1<<z.lbits {
		err = z.bad("an extent begins behind its cluster", l.ofs)
	}
	return l, err
}

// loadFull reads struct z_erofs_lcluster_index.
func (z *compressed) loadFull(n int64, l *logical) error {
	at := z.index.add(n * lenFullEntry)
	b, i, err := z.f.block(at)
	if err != nil {
		return err
	}
	if len(b)-i < lenFullEntry {
		return at.outside(z.f.regionSize(at.box))
	}
	le := binary.LittleEndian
	l.n, l.kind, l.nextPos = n, b[i]&3, at.off+lenFullEntry
	if l.kind != clusterNonhead {
		// Z_EROFS_LI_PARTIAL_REF, that the cluster goes on behind the extent,
		// makes no difference: decoding stops at the extent's end.
		l.ofs, l.block = int64(le.Uint16(b[i+2:])), le.Uint32(b[i+4:])
		return nil
	}
	l.back = int64(le.Uint16(b[i+4:]))
	return z.counted(l)
}

// counted splits what a cluster that is no head says into distance and count.
func (z *compressed) counted(l *logical) error {
	if l.back&d0Blocks == 0 {
		return nil
	}
	if z.advise&(adviseBig1|adviseBig2) == 0 {
		return z.bad("a large cluster in a file that has none", l.back)
	}
	l.blocks, l.back = l.back&^d0Blocks, 1
	return nil
}

// pack is where the pack that entry n stands in begins, how many entries it
// has and which of them n is.
func (z *compressed) pack(n int64) (off int64, count, i uint) {
	off = z.index.off
	if n >= z.initial4 {
		off += z.initial4 * 4
		n -= z.initial4
		if n < z.middle2 {
			return off + n/16*32, 16, uint(n % 16)
		}
		off += z.middle2 * 2
		n -= z.middle2
	}
	return off + n/2*8, 2, uint(n % 2)
}

// loadCompact reads an entry of a pack: two of 4 bytes each, or sixteen of 2. Of
// each entry a few bits are put together as the address of the pack's first block.
func (z *compressed) loadCompact(n int64, l *logical) error {
	off, count, i := z.pack(n)
	size := int(count * 4)
	width := uint(16) // bits of an entry
	if count == 16 {
		size, width = 32, 14
	}
	b, at, err := z.f.block(place{z.index.box, off})
	if err != nil {
		return err
	}
	if len(b)-at < size {
		return place{z.index.box, off}.outside(z.f.regionSize(z.index.box))
	}
	b = b[at : at+size]
	lobits := max(z.lbits, 12)
	entry := func(i uint) (lo int64, kind uint8) {
		v := binary.LittleEndian.Uint32(b[i*width/8:]) >> (i * width & 7)
		return int64(v & (1<<lobits - 1)), uint8(v >> lobits & 3)
	}
	lo, kind := entry(i)
	l.n, l.kind, l.nextPos = n, kind, off+int64(size)
	if kind == clusterNonhead {
		if l.back = lo; lo&d0Blocks == 0 && i+1 == count {
			// The last of a pack says how far the next head is. How far the last
			// one is follows from the entry before it.
			l.back = 1
			if lo, kind = entry(i - 1); kind == clusterNonhead && lo&d0Blocks == 0 {
				l.back = lo + 1
			} else if kind == clusterNonhead {
				l.back = 2
			}
			return nil
		}
		return z.counted(l)
	}
	l.ofs = lo
	// The address follows from those of the extents that begin before it.
	var blocks int64
	if z.advise&adviseBig1 == 0 {
		blocks = 1
		for j := int64(i) - 1; j >= 0; j-- {
			if lo, kind := entry(uint(j)); kind == clusterNonhead {
				if j -= lo; j < 0 {
					break
				}
			}
			blocks++
		}
	} else {
		for j := int64(i) - 1; j >= 0; j-- {
			lo, kind := entry(uint(j))
			switch {
			case kind != clusterNonhead:
				blocks++
			case lo&d0Blocks != 0:
				j--
				blocks += lo &^ d0Blocks
			case lo <= 1:
				return z.bad("a large cluster without its size", n)
			default:
				j -= lo - 2
			}
		}
	}
	l.block = binary.LittleEndian.Uint32(b[size-4:]) + uint32(blocks)
	return nil
}

// head finds the entry that the extent of byte off begins in, and where the pack
// of the entry for off itself ends.
func (z *compressed) head(off int64) (l logical, end int64, err error) {
	l, err = z.load(off >> z.lbits)
	if err != nil {
		return l, 0, err
	}
	end = l.nextPos
	least := l.n - maxDecoded>>z.lbits - 1
	if l.kind != clusterNonhead {
		if off&(1<<z.lbits-1) >= l.ofs {
			return l, end, nil
		}
		l.back = 1 // it is of the extent that ends here
	}
	for {
		switch {
		case l.back == 0 || l.back > l.n:
			return l, 0, z.bad("no head of an extent where an entry says there is one", l.n)
		case l.n-l.back < least:
			return l, 0, z.at.fail(parse.ErrUnsupported, "a cluster of more than 12 MiB decoded", off)
		}
		if l, err = z.load(l.n - l.back); err != nil {
			return l, 0, err
		}
		if l.kind != clusterNonhead {
			return l, end, nil
		}
	}
}

// mapCluster finds the extent of byte off.
func (z *compressed) mapCluster(off int64) (e extent, err error) {
	if z.tail == 0 && z.tailStored == 0 {
		return extent{len: z.size, at: place{off: z.fragment}, kind: kindFragment}, nil
	}
	l, _, err := z.head(off)
	if err != nil {
		return e, err
	}
	e.off = l.n<<z.lbits + l.ofs
	first, next, err := z.next(l.n)
	if err != nil {
		return e, err
	}
	e.len = min(next, z.size) - e.off
	if e.off > off || off >= e.off+e.len {
		return e, z.bad("extents that do not follow one another", off)
	}
	switch l.kind {
	case clusterPlain:
		e.kind = kindShifted
		if z.advise&adviseInterlaced != 0 {
			e.kind = kindInterlaced
		}
	case clusterHead1:
		e.kind = z.algs[0]
	case clusterHead2:
		e.kind = z.algs[1]
	}
	switch {
	case l.n == z.tail && z.tailStored == 0:
		e.kind, e.at = kindFragment, place{off: z.fragment}
		return e, nil
	case l.n == z.tail:
		e.at, e.stored, e.inline = z.tailInline, z.tailStored, true
		return e, nil
	}
	blocks := int64(1)
	big := z.advise&adviseBig2 != 0
	if l.kind == clusterHead1 {
		big = z.advise&adviseBig1 != 0
	}
	if big && first.kind == clusterNonhead && (l.n+1)<<z.lbits < z.size {
		if blocks = first.blocks; blocks == 0 {
			return e, z.bad("a large cluster without its size", l.n)
		}
	}
	e.at = place{off: int64(l.block) << z.f.blockBits}
	e.stored = blocks << z.f.blockBits
	return e, nil
}

// next is where the extent ends whose head is entry n, and the entry behind that.
func (z *compressed) next(n int64) (first logical, end int64, err error) {
	most := n + maxDecoded>>z.lbits + 2
	for i := n + 1; ; i++ {
		if i<<z.lbits >= z.size {
			return first, z.size, nil
		}
		if i > most {
			return first, 0, z.at.fail(parse.ErrUnsupported, "a cluster of more than 12 MiB decoded", n)
		}
		l, err := z.load(i)
		if err != nil {
			return first, 0, err
		}
		if i == n+1 {
			first = l
		}
		if l.kind != clusterNonhead {
			return first, i<<z.lbits + l.ofs, nil
		}
		// Who reads from here has to find the same head: maybe not at once, since
		// a distance has eleven bits.
		if l.back == 0 || l.back > i-n {
			return first, 0, z.bad("no head of an extent where an entry says there is one", i)
		}
	}
}
