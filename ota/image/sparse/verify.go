package sparse

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/otavet/otavet/ota/parse"
)

// Verify checks every checksum that the files state: the one in a header, if it
// is not zero, and those of chunks of their own, which cover the image up to
// there. It tells how many there were; images made by img2simg or fastboot have
// none, and are then not read. Else every stored byte is read once, and fills
// and holes of any size are counted without being made.
//
// Checksums are CRC-32 (IEEE) of the expanded image of one file, with zeros for
// what nobody cares about: so the format says, and so libsparse's reader
// counts. Its writer (output_file.cpp) counts one block of each fill, and
// nothing of what nobody cares about; a sum that holds in that way is accepted
// too. The witnesses are crc-fill.simg and crc-hole.simg in
// testdata/images/sparse, whose sums libsparse wrote and does not accept.
func (m *Image) Verify() (int, error) {
	checked := 0
	for i, p := range m.parts {
		err := p.verify()
		if err != nil && len(m.parts) > 1 {
			err = fmt.Errorf("file %d: %w", i, err)
		}
		if err != nil {
			return checked, err
		}
		checked += len(p.sums)
	}
	return checked, nil
}

func (p *part) verify() error {
	if len(p.sums) == 0 {
		return nil
	}
	// The header's checksum comes first in the file and last in the image.
	sums := slices.Clone(p.sums)
	slices.SortStableFunc(sums, func(a, b sum) int { return cmp.Compare(a.n, b.n) })

	var (
		said, wrote uint32 // as the format says, and as libsparse's writer counts
		done        int64
		buf         []byte
		word        [4]byte
	)
	zeros := func(upto int64) {
		said = combine(said, repeated([]byte{0}, upto-done), upto-done)
		done = upto
	}
	check := func(upto int64) error {
		for ; len(sums) > 0 && sums[0].n <= upto; sums = sums[1:] {
			s := sums[0]
			zeros(s.n)
			if s.want != said && s.want != wrote {
				return fail(s.at, parse.ErrFormat, fmt.Sprintf("a checksum is wrong: that of the image is %#08x", said), s.want)
			}
		}
		return nil
	}
	for i := range p.runs {
		r := &p.runs[i]
		if err := check(r.off); err != nil {
			return err
		}
		zeros(r.off)
		if r.kind == Fill {
			binary.LittleEndian.PutUint32(word[:], r.fill)
			said = combine(said, repeated(word[:], r.n/4), r.n)
			block := int64(p.header.BlockSize)
			wrote = combine(wrote, repeated(word[:], block/4), block)
			done += r.n
			continue
		}
		if buf == nil {
			buf = make([]byte, 256<<10)
		}
		for at, left := r.at, r.n; left > 0; {
			q := buf[:min(left, int64(len(buf)))]
			if _, err := readFull(p.b, q, at); err != nil {
				return err
			}
			said, wrote = crc32.Update(said, crc32.IEEETable, q), crc32.Update(wrote, crc32.IEEETable, q)
			at, left = at+int64(len(q)), left-int64(len(q))
		}
		done += r.n
	}
	return check(p.size)
}

// The polynomial of CRC-32 (IEEE), its bits reversed. As zlib does, a CRC is
// continued by n zero bytes by a multiplication with x^8n modulo it.
const poly = 0xedb88320

// combine is the CRC of two runs of bytes, from the CRC of each and the second's length.
func combine(a, b uint32, n int64) uint32 { return multiply(power(uint64(n)), a) ^ b }

// repeated is the CRC of n copies of p, in as many steps as n has bits.
func repeated(p []byte, n int64) uint32 {
	var crc uint32
	one, size := crc32.ChecksumIEEE(p), int64(len(p))
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			crc = combine(crc, one, size)
		}
		one, size = combine(one, one, size), size*2
	}
	return crc
}

// multiply multiplies two polynomials modulo the CRC's.
func multiply(a, b uint32) (p uint32) {
	for m := uint32(1 << 31); m != 0; m >>= 1 {
		if a&m != 0 {
			p ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= poly
		}
	}
	return p
}

// power is x^8n modulo the CRC's polynomial.
func power(n uint64) uint32 {
	p, square := uint32(1<<31), uint32(1<<23) // x^0, x^8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			p = multiply(p, square)
		}
		square = multiply(square, square)
	}
	return p
}
