package verity

import (
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// ParseFECHeader reads the header in the last 4096 bytes of b: a file that the fec
// tool made, where the parity begins at 0, or the image of a partition, where it
// begins at the header's Data. Zeros may lie between parity and header. As
// libfec does, it falls back on the copy at the end of the block.
//
// Without a magic number in either place, or where sizes do not fit each other, the
// error is ErrFormat; another version is ErrUnsupported. Neither the parity nor its
// SHA-256 is looked at.
func ParseFECHeader(b blob.Blob) (*FECHeader, error) {
	off := b.Size() - fecBlock
	if off < 0 || off%fecBlock != 0 {
		return nil, fail(-1, parse.ErrFormat, "not of whole blocks, the last of which could be the header of error correction", b.Size())
	}
	block, err := blob.ReadRange(b, off, fecBlock)
	if err != nil {
		return nil, err
	}
	first, ok, err := parseFECHeader(block[:lenHeader], off)
	if err == nil {
		first.Off = off
		return first, nil
	}
	const at = fecBlock - lenHeader
	second, _, err2 := parseFECHeader(block[at:], off+at)
	if err2 == nil {
		second.Off, second.Copy = off, true
		return second, nil
	}
	// What the one with a magic number says is the better reason.
	if ok {
		return nil, err
	}
	return nil, err2
}

// parseFECHeader tells also whether there was a magic number.
func parseFECHeader(p []byte, off int64) (*FECHeader, bool, error) {
	h := new(FECHeader)
	c := parse.NewCursor("verity", p, off)
	magic, version, size := h.read(c)
	if err := c.Err(); err != nil {
		return nil, false, err
	}
	switch {
	case magic != magicFEC:
		return nil, false, fail(off, parse.ErrFormat, "no magic of error correction", magic)
	case version != 0:
		return nil, true, fail(off+4, parse.ErrUnsupported, "version of error correction", version)
	case size != lenHeader:
		return nil, true, fail(off+8, parse.ErrFormat, "the header of error correction has another size", size)
	case h.Roots <= 0 || h.Roots >= codeword:
		return nil, true, fail(off+12, parse.ErrFormat, "codewords of no parity or no data", uint32(h.Roots))
	case h.Data <= 0 || h.Data > maxData || h.Data%fecBlock != 0:
		return nil, true, fail(off+20, parse.ErrFormat, "the size of the data is none of whole blocks", uint64(h.Data))
	case h.Size != paritySize(h.Data, h.Roots, fecBlock):
		return nil, true, fail(off+16, parse.ErrFormat, "the parity has not the size that its data ask for", uint32(h.Size))
	}
	return h, true, nil
}
