package codec

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/otavet/otavet/ota/parse"
)

// The .xz file format, xz-file-format.txt 1.2.0.

const (
	xzMagic       = "\xfd7zXZ\x00" // Header Magic Bytes
	xzFooterMagic = "YZ"           // Footer Magic Bytes
)

// The types of Check, and the sizes of all that there may ever be.
const (
	xzNone   = 0x0 // None
	xzCRC32  = 0x1 // CRC32
	xzCRC64  = 0x4 // CRC64
	xzSHA256 = 0xa // SHA-256
)

var ecma = crc64.MakeTable(crc64.ECMA)

// An xzReader reads streams one after another.
type xzReader struct {
	in     *source
	left   int64 // bytes that may still come out
	stream bool  // a stream header was read, and its footer was not
	flags  [2]byte
	block  *xzBlock // the open block
	blocks xzRecords
	first  bool // the first stream header has been read
}

func newXZ(in *source, most int64) io.Reader { return &xzReader{in: in, left: most} }

func (x *xzReader) Read(p []byte) (int, error) {
	for {
		if x.block == nil {
			if err := x.next(); err != nil {
				return 0, err
			}
			continue
		}
		n, err := x.block.Read(p)
		x.left -= int64(n)
		if err == io.EOF {
			err = x.endBlock()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// next goes on where no block is open: io.EOF at the end of the file.
func (x *xzReader) next() error {
	if !x.stream {
		return x.openStream()
	}
	size, err := x.in.ReadByte()
	if err != nil {
		return noEOF(err)
	}
	if size == 0 { // Index Indicator
		return x.closeStream()
	}
	return x.openBlock(int(size))
}

// openStream reads a Stream Header, and the Stream Padding before it.
func (x *xzReader) openStream() error {
	off := x.in.off
	b := make([]byte, 12)
	for {
		// Padding comes in fours, and only between and behind streams.
		switch err := x.in.full(b[:4]); {
		case err == io.EOF && x.first:
			return io.EOF
		case err != nil:
			return noEOF(err)
		}
		if !x.first || binary.LittleEndian.Uint32(b) != 0 {
			break
		}
	}
	if err := x.in.full(b[4:]); err != nil {
		if string(b[:4]) != xzMagic[:4] && x.first {
			return x.fail(off, "bytes behind the end of the last stream", nil)
		}
		return noEOF(err)
	}
	off = x.in.off - 12
	switch {
	case string(b[:6]) != xzMagic && x.first:
		return x.fail(off, "bytes behind the end of the last stream", nil)
	case string(b[:6]) != xzMagic:
		return x.fail(off, "not an xz stream", nil)
	case binary.LittleEndian.Uint32(b[8:]) != crc32.ChecksumIEEE(b[6:8]):
		return x.fail(off+8, "stream header has a wrong CRC32", nil)
	case b[6] != 0 || b[7] > 0xf:
		return fail(XZ, off+6, parse.ErrUnsupported, "reserved stream flags", binary.BigEndian.Uint16(b[6:]), nil)
	case newCheck(b[7]) == nil:
		return fail(XZ, off+7, parse.ErrUnsupported, "check type", b[7], nil)
	}
	x.flags = [2]byte(b[6:8])
	x.stream, x.first = true, true
	x.blocks = newRecords()
	return nil
}

// closeStream reads the Index, behind its indicator, and the Stream Footer.
func (x *xzReader) closeStream() error {
	size, err := readIndex(x.in, &x.blocks)
	if err != nil {
		return err
	}
	off := x.in.off
	b := make([]byte, 12)
	if err := x.in.full(b); err != nil {
		return noEOF(err)
	}
	switch {
	case string(b[10:]) != xzFooterMagic:
		return x.fail(off+10, "stream footer without its magic bytes", nil)
	case binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:10]):
		return x.fail(off, "stream footer has a wrong CRC32", nil)
	case (int64(binary.LittleEndian.Uint32(b[4:]))+1)*4 != size: // Backward Size
		return x.fail(off+4, "stream footer has a wrong size of the index", nil)
	case [2]byte(b[8:10]) != x.flags:
		return x.fail(off+8, "stream footer and header differ", nil)
	}
	x.stream = false
	return nil
}

func (x *xzReader) fail(off int64, msg string, got any) error {
	return fail(XZ, off, parse.ErrFormat, msg, got, nil)
}

// An xzBlock is an open block.
type xzBlock struct {
	r      io.Reader
	check  hash.Hash // nil: none
	header int64     // size of the Block Header
	start  int64     // offset of the Compressed Data
	stored int64     // declared size of the Compressed Data; -1: unknown
	size   int64     // declared size of what comes out; -1: unknown
	n      int64     // what came out
}

func (b *xzBlock) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.check.Write(p[:n])
	b.n += int64(n)
	return n, err
}

// endBlock checks the sizes of the block, and reads its padding and check.
func (x *xzReader) endBlock() error {
	b := x.block
	stored := x.in.off - b.start
	if b.stored >= 0 && b.stored != stored {
		return x.fail(b.start, fmt.Sprintf("block of %d bytes, declared as %d", stored, b.stored), nil)
	}
	if b.size >= 0 && b.size != b.n {
		return x.fail(b.start, fmt.Sprintf("block becomes %d bytes, declared as %d", b.n, b.size), nil)
	}
	var tail [3 + sha256.Size]byte
	pad := int(-stored & 3)
	t := tail[:pad+b.check.Size()]
	off := x.in.off
	if err := x.in.full(t); err != nil {
		return noEOF(err)
	}
	for _, c := range t[:pad] {
		if c != 0 {
			return x.fail(off, "block padding is not zero", nil)
		}
	}
	if sum := b.check.Sum(nil); string(sum) != string(t[pad:]) {
		return x.fail(off+int64(pad), checkNames[x.flags[1]]+" of a block does not match", nil)
	}
	x.blocks.add(uint64(b.header+stored+int64(b.check.Size())), uint64(b.n))
	x.block = nil
	return nil
}

var checkNames = map[byte]string{xzCRC32: "CRC32", xzCRC64: "CRC64", xzSHA256: "SHA-256"}

// newCheck makes a Check of that type whose Sum is as it is stored; nil if there
// is none.
func newCheck(typ byte) hash.Hash {
	switch typ {
	case xzNone:
		return noCheck{}
	case xzCRC32:
		return littleEndian{crc32.NewIEEE()}
	case xzCRC64:
		return littleEndian{crc64.New(ecma)}
	case xzSHA256:
		return sha256.New()
	}
	return nil
}

// littleEndian turns the sum of a hash, which package hash has big-endian.
type littleEndian struct{ hash.Hash }

func (l littleEndian) Sum(b []byte) []byte {
	sum := l.Hash.Sum(nil)
	for i := len(sum) - 1; i >= 0; i-- {
		b = append(b, sum[i])
	}
	return b
}

// noCheck is the Check that is none.
type noCheck struct{}

func (noCheck) Write(p []byte) (int, error) { return len(p), nil }
func (noCheck) Sum(b []byte) []byte         { return b }
func (noCheck) Reset()                      {}
func (noCheck) Size() int                   { return 0 }
func (noCheck) BlockSize() int              { return 1 }
