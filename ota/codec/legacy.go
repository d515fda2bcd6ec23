package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/otavet/otavet/ota/parse"
)

// The LZ4 legacy frame: a magic number, then blocks of a size and as many bytes,
// each of which becomes 8 MiB, the last one less. There is no end mark. Linux
// packs kernels and initial ramdisks so (lz4 -l), and so does Android.
const (
	legacyMagic = 0x184c2102                              // ARCHIVE_MAGICNUMBER
	legacyBlock = 8 << 20                                 // LZ4_DEFAULT_UNCOMPRESSED_CHUNK_SIZE
	legacyMost  = legacyBlock + legacyBlock/lz4Ratio + 16 // LZ4_COMPRESSBOUND(8 MiB)
)

// A legacyReader takes what Linux takes (lib/decompress_unlz4.c), which is more
// than lz4 does:
//
//   - further frames behind one another, as in ramdisks that were joined;
//   - zeros behind the last block, with which initial ramdisks are padded (Linux
//     2c484419efc0, "correctly handle zero-padding around initrds"; vendor_boot's
//     ramdisks). They must go on up to the end here;
//   - one word behind the last block with the size of the output, which the
//     kernel's own makefiles append to an image (scripts/Makefile.lib,
//     size_append), for its loader to find. testdata/kernel.lz4l has one.
type legacyReader struct {
	in    *source
	left  int64 // bytes that may still come out
	magic bool  // was read
	sum   uint32
	block []byte // the block as it is stored
	out   []byte // what is decoded
	ready []byte // the part of out that has not been given
}

func newLegacy(in *source, most int64) io.Reader { return &legacyReader{in: in, left: most} }

func (l *legacyReader) Read(p []byte) (int, error) {
	for len(l.ready) == 0 {
		if err := l.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.ready)
	l.ready = l.ready[n:]
	l.left -= int64(n)
	return n, nil
}

// next decodes a block: io.EOF if there is none.
func (l *legacyReader) next() error {
	off := l.in.off
	var word [4]byte
	n, err := io.ReadFull(l.in, word[:])
	size := binary.LittleEndian.Uint32(word[:])
	switch {
	case !l.magic:
		if err != nil {
			return noEOF(err)
		}
		if size != legacyMagic {
			return fail(LZ4Legacy, off, parse.ErrFormat, "not a legacy frame", size, nil)
		}
		l.magic = true
		return nil
	case err == io.ErrUnexpectedEOF && [4]byte(word) == [4]byte{} && n > 0:
		return io.EOF // fewer than four zeros
	case err != nil:
		return err
	case size == legacyMagic:
		l.sum = 0
		return nil
	case size == 0:
		_, all, err := l.in.zeros()
		switch {
		case err != nil:
			return err
		case !all:
			return fail(LZ4Legacy, off, parse.ErrFormat, "block without bytes", nil, nil)
		}
		return io.EOF
	}
	if size == l.sum {
		// Unless a block of that size follows.
		if end, err := l.in.atEnd(); end || err != nil {
			if err == nil {
				err = io.EOF
			}
			return err
		}
	}
	if size > legacyMost {
		return fail(LZ4Legacy, off, parse.ErrFormat, "block is larger than 8 MiB can become", size, nil)
	}
	if err := l.read(int64(size)); err != nil {
		return err
	}
	return l.decode(off + 4)
}

// read reads a block of n bytes. Its buffer grows with the bytes that are there.
func (l *legacyReader) read(n int64) error {
	b := bytes.NewBuffer(l.block[:0])
	_, err := io.CopyN(b, l.in, n)
	l.block = b.Bytes()
	return noEOF(err)
}

// decode decodes the block that was read from off.
func (l *legacyReader) decode(off int64) error {
	// One byte more than may come out, or than a block may become, so that both
	// are seen; and no more than these bytes can become.
	n := int(min(l.left, legacyBlock) + 1)
	n = min(n, lz4Ratio*len(l.block)+16)
	if cap(l.out) < n {
		l.out = make([]byte, n)
	}
	n, used, err := decodeLZ4(l.out[:n], l.block)
	if err != nil {
		return fail(LZ4Legacy, off+int64(used), parse.ErrFormat, "block is corrupt", nil, err)
	}
	if n > legacyBlock {
		msg := fmt.Sprintf("block becomes more than %d MiB", legacyBlock>>20)
		return fail(LZ4Legacy, off, parse.ErrFormat, msg, nil, nil)
	}
	l.sum += uint32(n)
	l.ready = l.out[:n]
	return nil
}
