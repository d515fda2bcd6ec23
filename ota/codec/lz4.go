package codec

import (
	"encoding/binary"

	"github.com/otavet/otavet/ota/parse"
)

const (
	lz4MinMatch = 4   // MINMATCH
	lz4Ratio    = 255 // a byte of a length stands for that many bytes; nothing stands for more
)

// DecodeLZ4Block decodes one raw LZ4 block, as in lz4_Block_format.md: no frame,
// no checksum, no size. It fills dst and stops, whether the block ends there or
// goes on (what follows is then not looked at), which is how the clusters of
// EROFS are read; a block that ends before leaves the rest of dst, n tells where.
//
// Errors are *parse.Error of kind ErrFormat with the offset in src; then, too,
// n bytes have been decoded. Bytes of dst behind n have no meaning. dst and src
// must not overlap.
func DecodeLZ4Block(dst, src []byte) (n int, err error) {
	n, _, err = decodeLZ4(dst, src)
	return n, err
}

// decodeLZ4 tells as well how much of src it used.
func decodeLZ4(dst, src []byte) (di, si int, err error) {
	for di < len(dst) {
		if si == len(src) {
			return di, si, short(LZ4, int64(si))
		}
		token := src[si]
		si++

		lit := int(token >> 4)
		if lit == 15 {
			if lit, si = lz4Length(lit, src, si); si < 0 {
				return di, len(src), short(LZ4, int64(len(src)))
			}
		}
		if lit <= 16 && len(src)-si >= 16 && len(dst)-di >= 16 {
			// Most runs are short, and a copy of fixed size is inlined. What is
			// copied too much lies within dst and is written over.
			copy(dst[di:di+16], src[si:si+16])
			di += lit
			si += lit
		} else {
			n := copy(dst[di:], src[si:si+min(lit, len(src)-si)])
			di += n
			si += n
			if n < lit {
				if di == len(dst) {
					break
				}
				return di, si, short(LZ4, int64(si))
			}
		}
		if si == len(src) {
			return di, si, nil // a block ends with literals
		}
		if di == len(dst) {
			break
		}

		if len(src)-si < 2 {
			return di, len(src), short(LZ4, int64(len(src)))
		}
		off := int(binary.LittleEndian.Uint16(src[si:]))
		if off == 0 || off > di {
			return di, si, fail(LZ4, int64(si), parse.ErrFormat, "offset lies before the block", off, nil)
		}
		si += 2
		m := int(token & 15)
		if m == 15 {
			if m, si = lz4Length(m, src, si); si < 0 {
				return di, len(src), short(LZ4, int64(len(src)))
			}
		}
		m += lz4MinMatch
		if m <= 16 && off >= 16 && len(dst)-di >= 16 {
			copy(dst[di:di+16], dst[di-off:di-off+16])
			di += m
			continue
		}
		m = min(m, len(dst)-di)
		// The source grows by what was copied, so that an offset of 1 takes few
		// rounds.
		for start := di - off; m > 0; {
			n := copy(dst[di:di+m], dst[start:di])
			di += n
			m -= n
		}
	}
	return di, si, nil
}

// lz4Length reads the further bytes of a length. The new si is -1 if src ends
// first. Lengths beyond 1 GiB, which no block has room for, are not counted up,
// so that they cannot overflow.
func lz4Length(n int, src []byte, si int) (int, int) {
	for {
		if si == len(src) {
			return n, -1
		}
		b := src[si]
		si++
		if n < 1<<30 {
			n += int(b)
		}
		if b != 255 {
			return n, si
		}
	}
}
