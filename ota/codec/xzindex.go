package codec

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/crc32"

	"github.com/otavet/otavet/ota/parse"
)

// xzRecords are the records of an index (4.3): the Unpadded Size and the
// Uncompressed Size of each block. Only their number and a hash of them are kept,
// as liblzma does, so that a file of many blocks takes no more memory than one.
type xzRecords struct {
	n   uint64
	sum hash.Hash
}

func newRecords() xzRecords { return xzRecords{sum: sha256.New()} }

func (r *xzRecords) add(unpadded, uncompressed uint64) {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], unpadded)
	binary.LittleEndian.PutUint64(b[8:], uncompressed)
	r.sum.Write(b[:])
	r.n++
}

// readIndex reads an Index, whose indicator has been read, holds it against the
// blocks that there were, and gives its size.
func readIndex(in *source, blocks *xzRecords) (size int64, err error) {
	x := indexReader{in: in, start: in.off - 1, crc: crc32.Update(0, crc32.IEEETable, []byte{0})}
	bad := func(msg string, got any) (int64, error) {
		return 0, fail(XZ, in.off, parse.ErrFormat, msg, got, nil)
	}
	n, err := x.vli() // Number of Records
	if err != nil {
		return 0, err
	}
	if n != blocks.n {
		return bad("index does not have as many records as there are blocks", n)
	}
	told := newRecords()
	for range n {
		unpadded, err := x.vli()
		if err != nil {
			return 0, err
		}
		uncompressed, err := x.vli()
		if err != nil {
			return 0, err
		}
		told.add(unpadded, uncompressed)
	}
	if string(told.sum.Sum(nil)) != string(blocks.sum.Sum(nil)) {
		return bad("index does not have the sizes of the blocks", nil)
	}
	for (in.off-x.start)&3 != 0 { // Index Padding
		b, err := x.byte()
		if err != nil {
			return 0, err
		}
		if b != 0 {
			return bad("index padding is not zero", b)
		}
	}
	var crc [4]byte
	if err := in.full(crc[:]); err != nil {
		return 0, noEOF(err)
	}
	if binary.LittleEndian.Uint32(crc[:]) != x.crc {
		return bad("index has a wrong CRC32", nil)
	}
	return in.off - x.start, nil
}

// An indexReader reads an index and keeps its CRC32.
type indexReader struct {
	in    *source
	start int64
	crc   uint32
}

func (x *indexReader) byte() (byte, error) {
	b, err := x.in.ReadByte()
	if err != nil {
		return 0, noEOF(err)
	}
	x.crc = crc32.Update(x.crc, crc32.IEEETable, []byte{b})
	return b, nil
}

// vli reads a multibyte integer, of up to nine bytes.
func (x *indexReader) vli() (uint64, error) {
	var raw [9]byte
	off := x.in.off
	for i := range raw {
		b, err := x.byte()
		if err != nil {
			return 0, err
		}
		raw[i] = b
		if b < 0x80 || i == len(raw)-1 {
			c := parse.NewCursor(string(XZ), raw[:i+1], off)
			v := vli(c)
			return v, c.Err()
		}
	}
	panic("unreachable")
}
