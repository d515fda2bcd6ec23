package codec

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/otavet/otavet/ota/parse"
)

// The filters of xz-file-format.txt 5.3, by Filter ID.
const (
	xzDelta    = 0x03 // Delta
	xzX86      = 0x04 // BCJ filter for x86 (32-bit and 64-bit)
	xzPowerPC  = 0x05 // BCJ filter for PowerPC (big endian)
	xzIA64     = 0x06 // BCJ filter for Itanium (IA-64)
	xzARM      = 0x07 // BCJ filter for ARM
	xzARMThumb = 0x08 // BCJ filter for ARM-Thumb
	xzSPARC    = 0x09 // BCJ filter for SPARC
	xzARM64    = 0x0a // BCJ filter for ARM64
	xzRISCV    = 0x0b // BCJ filter for RISC-V
	xzLZMA2    = 0x21 // LZMA2

	xzReserved = 1 << 62 // Filter IDs from here on belong to liblzma itself
)

// A filter is one of the Filter Flags of a block.
type filter struct {
	id    uint64
	off   int64 // where its properties stand
	props []byte
}

// openBlock reads a Block Header whose first byte, its size, has been read.
func (x *xzReader) openBlock(size int) error {
	off := x.in.off - 1
	b := make([]byte, (size+1)*4) // at most 1 KiB
	b[0] = byte(size)
	if err := x.in.full(b[1:]); err != nil {
		return noEOF(err)
	}
	end := len(b) - 4
	if binary.LittleEndian.Uint32(b[end:]) != crc32.ChecksumIEEE(b[:end]) {
		return x.fail(off+int64(end), "block header has a wrong CRC32", nil)
	}
	c := parse.NewCursor(string(XZ), b[:end], off)
	c.Skip(1)
	flags := c.U8() // Block Flags
	if flags&0x3c != 0 {
		return fail(XZ, off+1, parse.ErrUnsupported, "reserved block flags", flags, nil)
	}
	block := &xzBlock{header: int64(len(b)), stored: -1, size: -1}
	if flags&0x40 != 0 {
		if block.stored = int64(vli(c)); block.stored == 0 {
			c.Fail(parse.ErrFormat, "block without compressed data", nil)
		}
	}
	if flags&0x80 != 0 {
		block.size = int64(vli(c))
	}
	filters := make([]filter, 0, 4)
	for range flags&3 + 1 {
		id, n := vli(c), vli(c)
		f := filter{id: id, off: c.Offset()}
		if n > uint64(c.Len()) {
			c.Fail(parse.ErrFormat, "filter properties overrun the block header", n)
			break
		}
		f.props = c.Bytes(int(n))
		filters = append(filters, f)
	}
	for _, pad := range c.Bytes(c.Len()) {
		if pad != 0 {
			// xz refuses these as options it does not know: a later version of
			// the format may put something there.
			c.Fail(parse.ErrUnsupported, "header padding is not zero", pad)
		}
	}
	if err := c.Err(); err != nil {
		return err
	}
	block.start = x.in.off
	block.check = newCheck(x.flags[1])
	var err error
	if block.r, err = x.chain(filters, block.size); err != nil {
		return err
	}
	x.block = block
	return nil
}

// chain puts the decoders of a block together, from the last filter to the first.
func (x *xzReader) chain(filters []filter, size int64) (io.Reader, error) {
	last := len(filters) - 1
	f := filters[last]
	if f.id != xzLZMA2 {
		return nil, f.unsupported("as the last filter")
	}
	if len(f.props) != 1 {
		return nil, x.fail(f.off, "LZMA2 properties of a wrong size", len(f.props))
	}
	dict, err := dictionarySize(f.off, f.props[0])
	if err != nil {
		return nil, err
	}
	// The library is given no more dictionary than the block can make use of: the
	// bytes that may come out, and what is decoded before that is seen, which is a
	// chunk and what the filters hold.
	if x.left < lzmaMaxDict {
		dict = min(dict, x.left+lzmaMaxChunk+4*branchBuffer)
	}
	dict = min(dict, x.in.expansion(lzmaRatio))
	if size >= 0 {
		dict = min(dict, size)
	}
	var r io.Reader = newLZMA2(x.in, dict)
	for i := last - 1; i >= 0; i-- {
		if r, err = filters[i].undo(r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// undo is a reader of what r gives without the filter.
func (f filter) undo(r io.Reader) (io.Reader, error) {
	if f.id == xzDelta {
		if len(f.props) != 1 {
			return nil, fail(XZ, f.off, parse.ErrFormat, "delta properties of a wrong size", len(f.props), nil)
		}
		return &deltaReader{r: r, dist: f.props[0]}, nil
	}
	var b branch
	align := uint32(4)
	switch f.id {
	case xzX86:
		b, align = newX86(), 1
	case xzPowerPC:
		b = bcjPowerPC{}
	case xzIA64:
		b, align = bcjIA64{}, 16
	case xzARM:
		b = bcjARM{}
	case xzARMThumb:
		b, align = bcjARMThumb{}, 2
	case xzSPARC:
		b = bcjSPARC{}
	case xzARM64:
		b = bcjARM64{}
	default:
		return nil, f.unsupported("before LZMA2")
	}
	var start uint32
	switch len(f.props) {
	case 0:
	case 4:
		start = binary.LittleEndian.Uint32(f.props)
	default:
		return nil, fail(XZ, f.off, parse.ErrFormat, "branch filter properties of a wrong size", len(f.props), nil)
	}
	if start%align != 0 {
		return nil, fail(XZ, f.off, parse.ErrFormat, "start offset is not aligned", start, nil)
	}
	return newBranchReader(r, b, start), nil
}

var filterNames = map[uint64]string{
	xzDelta: "delta", xzX86: "x86", xzPowerPC: "PowerPC", xzIA64: "IA-64", xzARM: "ARM", xzARMThumb: "ARM-Thumb",
	xzSPARC: "SPARC", xzARM64: "ARM64", xzRISCV: "RISC-V", xzLZMA2: "LZMA2",
}

// unsupported names the filter.
func (f filter) unsupported(where string) error {
	if f.id >= xzReserved {
		return fail(XZ, f.off, parse.ErrFormat, "reserved filter ID", f.id, nil)
	}
	name := filterNames[f.id]
	if name == "" {
		name = "unknown"
	}
	return fail(XZ, f.off, parse.ErrUnsupported, fmt.Sprintf("%s filter %s", name, where), f.id, nil)
}

// vli reads a multibyte integer (1.2): seven bits a byte, the lowest first.
func vli(c *parse.Cursor) uint64 {
	var v uint64
	for shift := 0; shift < 63; shift += 7 {
		b := c.U8()
		if b == 0 && shift > 0 && c.Err() == nil {
			c.Fail(parse.ErrFormat, "integer is longer than it need be", nil)
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 || c.Err() != nil {
			return v
		}
	}
	c.Fail(parse.ErrFormat, "integer exceeds 63 bits", nil)
	return 0
}
