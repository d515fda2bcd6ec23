package verity

import (
	"bytes"
	"errors"
	"io"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// ErrNoFEC says that data have no error correction, which is another thing than one
// that does not fit them.
var ErrNoFEC = errors.New("no forward error correction")

// FEC says how error correction is made.
type FEC struct {
	// Roots is the number of bytes of parity in a codeword of 255 bytes: 2 to 24, as
	// dm-verity takes; 2 if nobody says otherwise.
	Roots int

	// BlockSize is that of the data: a power of two from 512 to 65536. AOSP's fec and
	// libfec have 4096 only; others are the kernel's and veritysetup's.
	BlockSize int
}

// maxRoots is the kernel's and veritysetup's (255 less DM_VERITY_FEC_MIN_RSN); AOSP's
// tools would take up to 254, and no device what they make of it.
const maxRoots = 24

// Size is the size of the parity of data of that size, which must be whole blocks:
// AOSP's tools take no others. The header of the fec tool is not in it.
//
// Numbers of roots that no codeword has, and wrong sizes, are ErrFormat; roots that the
// kernel does not take ErrUnsupported; data of more than 2^60 bytes ErrLimit.
func (f FEC) Size(data int64) (int64, error) {
	if err := checkSizes(f.BlockSize, data); err != nil {
		return 0, err
	}
	switch {
	case data%int64(f.BlockSize) != 0:
		return 0, fail(-1, parse.ErrFormat, "data that end within a block", data)
	case f.Roots <= 0 || f.Roots >= codeword:
		return 0, fail(-1, parse.ErrFormat, "codewords of no parity or no data", f.Roots)
	case f.Roots < 2 || f.Roots > maxRoots:
		return 0, fail(-1, parse.ErrUnsupported, "codewords with other than 2 to 24 bytes of parity", f.Roots)
	}
	return paritySize(data, f.Roots, int64(f.BlockSize)), nil
}

func paritySize(data int64, roots int, block int64) int64 {
	return rowSize(data, roots, block) * int64(roots)
}

// rowSize is the length of a row of the data, which is also the number of codewords.
func rowSize(data int64, roots int, block int64) int64 {
	return divide(divide(data, block), int64(codeword-roots)) * block
}

const (
	// span is how many codewords are made at once, and bytes of a row read at once.
	// What it takes of memory is largest with 24 roots: 800 KiB.
	span = 32 << 10

	step = 1024 // how many codewords are written at once
)

// Encode writes the parity of data, Size bytes, to w in order. Each byte of the data is
// read once, in runs of 32 KiB that lie far apart: what costs much to read out of order
// should be in a spool by then. Errors are those of Size, of reading and of writing.
func (f FEC) Encode(w io.Writer, data blob.Blob) error {
	size := data.Size()
	if _, err := f.Size(size); err != nil {
		return err
	}
	var (
		row = rowSize(size, f.Roots, int64(f.BlockSize))
		n   = int(min(row, span))
		buf = make([]byte, n)
		out = make([]byte, 0, f.Roots*step)
		enc = newEncoder(f.Roots, n)
	)
	for from := int64(0); from < row; from += int64(n) {
		n = int(min(row-from, span))
		enc.reset(n)
		for j := range int64(codeword - f.Roots) {
			// Behind the data are zeros.
			off := from + j*row
			have := max(min(int64(n), size-off), 0)
			if have > 0 {
				if err := read(data, buf[:have], off); err != nil {
					return err
				}
			}
			clear(buf[have:n])
			enc.row(buf[:n])
		}
		for i := 0; i < n; i += step {
			if _, err := w.Write(enc.parity(out, i, min(i+step, n))); err != nil {
				return err
			}
		}
	}
	return nil
}

// Check makes the parity of data and compares. The error's offset is that of the first
// byte of fec that differs; which byte of its column is to blame it does not say.
// Parity of another size, or that differs, is ErrFormat; other errors are Encode's.
func (f FEC) Check(data, fec blob.Blob) error {
	size, err := f.Size(data.Size())
	if err != nil {
		return err
	}
	if fec.Size() != size {
		return fail(-1, parse.ErrFormat, "the parity has not the size that its data ask for", fec.Size())
	}
	return f.Encode(&comparer{b: fec}, data)
}

// A comparer compares what is written to it with a blob that is at least as long.
type comparer struct {
	b   blob.Blob
	off int64
	buf [maxRoots * step]byte
}

func (c *comparer) Write(p []byte) (int, error) {
	have := c.buf[:len(p)]
	if err := read(c.b, have, c.off); err != nil {
		return 0, err
	}
	if !bytes.Equal(have, p) {
		i := 0
		for have[i] == p[i] {
			i++
		}
		return i, fail(c.off+int64(i), parse.ErrFormat, "a byte of parity is not that of the data", have[i])
	}
	c.off += int64(len(p))
	return len(p), nil
}
