package erofs

import (
	"encoding/binary"
	"math"

	"github.com/otavet/otavet/ota/parse"
)

// A checkpoint is where the extents before record n end in the image. Records of
// 4 bytes do not say: it follows from the lengths of all before.
type checkpoint struct{ n, off int64 }

// openIndex's other kind: struct z_erofs_extent, of which a record has the first
// 4, 8, 16 or 32 bytes. Extents of the two shorter ones are each as long as a
// logical cluster.
func (z *compressed) openExtents(h *mapHeader) error {
	z.record = 4 << (h.advise >> 1 & 3) // Z_EROFS_ADVISE_EXTRECSZ_BIT
	z.index = z.at.add(lenMapHeader)
	z.index.off = (z.index.off + z.record - 1) &^ (z.record - 1)
	switch z.record {
	case 4:
		var p [8]byte // where the first extent lies
		if err := z.f.read(z.index, p[:]); err != nil {
			return err
		}
		start := binary.LittleEndian.Uint64(p[:])
		if start > math.MaxInt64>>1 {
			return z.bad("an extent behind all addresses", start)
		}
		z.last.Store(&checkpoint{0, int64(start)})
		z.index = z.index.add(8)
		fallthrough
	case 8:
		z.records = (z.size-1)>>z.lbits + 1
	default:
		// h_extents_lo and _hi; the latter stands where algorithms and bits do.
		z.records = int64(h.fragmentoff) | int64(h.raw>>48)<<32
	}
	if room := z.f.regionSize(z.at.box) - z.index.off; room < 0 || z.records > room/z.record {
		return z.bad("more extents than their index has room for", z.records)
	}
	if z.advise&adviseFragment != 0 && (z.packed || z.f.packed == nil) {
		return z.checkFragment()
	}
	if z.record <= 8 {
		return nil
	}
	// They are searched by halves: in any other order, what is found would depend
	// on who seeks.
	for n, before := int64(0), int64(-1); n < z.records; n++ {
		r, err := z.readRecord(n)
		if err != nil {
			return err
		}
		if r.lstart <= before || r.lstart >= z.size {
			return z.bad("extents that do not follow one another", uint64(r.lstart))
		}
		before = r.lstart
	}
	return nil
}

// A record is struct z_erofs_extent.
type record struct {
	plen   uint32
	pstart int64
	lstart int64
}

func (z *compressed) readRecord(n int64) (r record, err error) {
	at := z.index.add(n * z.record)
	b, i, err := z.f.block(at)
	if err != nil {
		return r, err
	}
	if int64(len(b)-i) < z.record {
		return r, at.outside(z.f.regionSize(at.box))
	}
	le := binary.LittleEndian
	r.plen = le.Uint32(b[i:])
	if z.record == 4 {
		return r, nil
	}
	pstart, lstart := uint64(le.Uint32(b[i+4:])), uint64(0)
	if z.record >= 16 {
		pstart |= uint64(le.Uint32(b[i+8:])) << 32
		lstart = uint64(le.Uint32(b[i+12:]))
	}
	if z.record == 32 {
		lstart |= uint64(le.Uint32(b[i+16:])) << 32
	}
	if pstart > math.MaxInt64>>1 || lstart > math.MaxInt64>>1 {
		return r, at.fail(parse.ErrFormat, "an extent behind all addresses", max(pstart, lstart))
	}
	r.pstart, r.lstart = int64(pstart), int64(lstart)
	return r, nil
}

// mapRecord finds the extent of byte off.
func (z *compressed) mapRecord(off int64) (e extent, err error) {
	var (
		r    record
		last bool // it is the last extent of the file
	)
	if z.record <= 8 {
		n := off >> z.lbits
		e.off, e.len = n<<z.lbits, min(1<<z.lbits, z.size-n<<z.lbits)
		last = n == z.records-1
		if r, err = z.fixed(n); err != nil {
			return e, err
		}
	} else if r, last, err = z.search(off, &e); err != nil {
		return e, err
	} else if e.off < 0 {
		// Nothing begins at off or before it: zeros.
		e.off, e.kind = 0, kindHole
		return e, nil
	}
	stored := int64(r.plen & plenMask)
	switch {
	case last && z.advise&adviseFragment != 0:
		e.kind, e.at.off = kindFragment, int64(r.plen)
		if z.record > 4 {
			if r.pstart > math.MaxInt32 {
				return e, z.bad("a fragment behind the end of the packed inode", r.pstart)
			}
			e.at.off |= r.pstart << 32
		}
		return e, nil
	case stored == 0:
		e.kind = kindHole
		return e, nil
	}
	e.at, e.stored = place{off: r.pstart}, stored
	switch alg := r.plen >> plenFmtBit; {
	case alg > algMax:
		return e, z.at.fail(parse.ErrUnsupported, "compression algorithm", alg-1)
	case alg > 0:
		e.kind = uint8(alg - 1)
	case z.advise&adviseInterlaced != 0 && (r.pstart|stored)&z.f.blockMask == 0:
		e.kind = kindInterlaced
	default:
		e.kind = kindShifted
	}
	return e, nil
}

// fixed reads record n of extents that all have one length.
func (z *compressed) fixed(n int64) (record, error) {
	if z.record == 8 {
		return z.readRecord(n)
	}
	from := *z.last.Load()
	if from.n > n {
		var p [8]byte
		if err := z.f.read(z.index.add(-8), p[:]); err != nil {
			return record{}, err
		}
		from = checkpoint{0, int64(binary.LittleEndian.Uint64(p[:]))}
	}
	for {
		r, err := z.readRecord(from.n)
		if err != nil || from.n == n {
			r.pstart = from.off
			z.last.Store(&checkpoint{from.n, from.off})
			return r, err
		}
		from.n++
		// No sum of 2^43 records, which no image has room for, overflows.
		from.off += int64(r.plen & plenMask)
	}
}

// search finds the last extent that begins at off or before it, and says where
// in the file it begins and how long it is. Where there is none, e.off is -1 and
// e.len where the first begins.
func (z *compressed) search(off int64, e *extent) (r record, last bool, err error) {
	low, high := int64(0), z.records
	end := z.size
	e.off = -1
	for low < high {
		mid := low + (high-low)/2
		m, err := z.readRecord(mid)
		switch {
		case err != nil:
			return r, false, err
		case m.lstart > off:
			high, end = mid, m.lstart
		default:
			low = mid + 1
			r, e.off = m, m.lstart
		}
	}
	if e.off < 0 {
		e.len = end
		return r, false, nil
	}
	e.len = end - e.off
	return r, low == z.records, nil
}
