package cpio

import (
	"encoding/binary"
	"io"

	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/parse"
)

// extent is how many bytes the stream of the method m takes that begins at off,
// by its headers alone. Package codec then reads just these, and judges them: a
// walk that is wrong makes an error there.
func (u *unpacker) extent(m codec.Method, off int64) (int64, error) {
	w := &walk{source: inPlace(u.fs.b, off)}
	switch m {
	case codec.LZ4Legacy:
		w.legacy()
	case codec.LZ4:
		u.fs.notes.State("the stream at byte %#x is of LZ4 frames: Linux unpacks those of the legacy kind only", off)
		w.lz4()
	case codec.Zstd:
		w.zstd()
	case codec.XZ:
		if w.xz() > 1 { // xz makes CRC64 unless it is told otherwise
			u.fs.notes.State("the stream at byte %#x is of xz with another check than CRC32: Linux does not unpack it", off)
		}
	default:
		return 0, fail(off, parse.ErrUnsupported, "the compression "+string(m), nil)
	}
	return w.off - off, w.err
}

// A walk goes over headers. Its first error stays.
type walk struct {
	*source
	err error
	buf [16]byte
}

// skip passes over n bytes.
func (w *walk) skip(n int64) {
	if w.err == nil {
		w.err = w.pass(n)
	}
}

// next gives the next n bytes, at most 16; zeros after an error.
func (w *walk) next(n int) []byte {
	p := w.buf[:n]
	if w.err == nil {
		w.err = w.take(p)
	}
	if w.err != nil {
		clear(p)
	}
	return p
}

func (w *walk) u32() uint32 { return binary.LittleEndian.Uint32(w.next(4)) }
func (w *walk) u8() byte    { return w.next(1)[0] }

func (w *walk) bad(msg string) {
	if w.err == nil {
		w.err = w.fail(parse.ErrFormat, msg, nil)
	}
}

// legacy walks LZ4 frames of the legacy kind, which have no end mark: Linux reads
// blocks up to a word of zeros or to the end (lib/decompress_unlz4.c), and takes
// further frames for the same stream.
func (w *walk) legacy() {
	const magic = 0x184c2102
	w.skip(4)
	for w.err == nil {
		p, err := w.in.Peek(4)
		if len(p) < 4 {
			if err != io.EOF {
				w.err = err
			}
			return
		}
		size := binary.LittleEndian.Uint32(p)
		if size == 0 {
			return
		}
		w.skip(4)
		if size != magic {
			w.skip(int64(size))
		}
	}
}

// lz4 walks an LZ4 frame (lz4_Frame_format.md).
func (w *walk) lz4() {
	if w.u32() != 0x184d2204 {
		w.bad("not an LZ4 frame")
	}
	flags := w.u8() // FLG
	w.skip(1)       // BD
	if flags>>3&1 != 0 {
		w.skip(8) // Content Size
	}
	if flags&1 != 0 {
		w.skip(4) // Dictionary ID
	}
	w.skip(1) // Header Checksum
	for w.err == nil {
		size := int64(w.u32() &^ (1 << 31)) // without the bit of a block that is not compressed
		if size == 0 {                      // EndMark
			break
		}
		if flags>>4&1 != 0 {
			size += 4 // Block checksum
		}
		w.skip(size)
	}
	if flags>>2&1 != 0 {
		w.skip(4) // Content Checksum
	}
}

// zstd walks a zstd frame (RFC 8878).
func (w *walk) zstd() {
	if w.u32() != 0xfd2fb528 {
		w.bad("not a zstd frame")
	}
	fhd := w.u8() // Frame_Header_Descriptor
	single := fhd >> 5 & 1
	fields := [...]int64{0, 2, 4, 8}[fhd>>6] + [...]int64{0, 1, 2, 4}[fhd&3]
	if single == 0 || fhd>>6 == 0 {
		fields++ // Window_Descriptor, or a Frame_Content_Size of one byte
	}
	w.skip(fields)
	for w.err == nil {
		p := w.next(3) // Block_Header
		h := uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16
		if h>>1&3 == 1 { // RLE_Block
			w.skip(1)
		} else {
			w.skip(int64(h >> 3))
		}
		if h&1 != 0 { // Last_Block
			break
		}
	}
	if fhd>>2&1 != 0 {
		w.skip(4) // Content_Checksum
	}
}

// xz walks a stream (xz-file-format.txt), whose blocks are of LZMA2, and gives
// its Check ID: 0 for none, 1 for CRC32.
func (w *walk) xz() (check byte) {
	start := w.off
	w.skip(6)                 // Header Magic Bytes
	check = w.next(2)[1] & 15 // Stream Flags
	size := [...]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[check]
	w.skip(4)
	for w.err == nil {
		header := w.u8()
		if header == 0 { // Index Indicator
			break
		}
		w.skip(int64(header)*4 + 3) // Block Header
		w.lzma2()
		w.skip(-(w.off-start)&3 + size) // Block Padding, Check
	}
	index := w.off - 1
	for n := 2 * w.vli(); n > 0 && w.err == nil; n-- { // Number of Records
		w.vli()
	}
	w.skip(-(w.off-index)&3 + 4 + 12) // Index Padding, CRC32, Stream Footer
	return check
}

// lzma2 walks the chunks of a block.
func (w *walk) lzma2() {
	for w.err == nil {
		switch c := w.u8(); {
		case c == 0:
			return
		case c <= 2: // not compressed
			p := w.next(2)
			w.skip(int64(binary.BigEndian.Uint16(p)) + 1)
		case c < 0x80:
			w.bad("not an LZMA2 chunk")
		default:
			w.skip(2) // size of what it becomes
			size := int64(binary.BigEndian.Uint16(w.next(2))) + 1
			if c >= 0xc0 {
				size++ // new properties
			}
			w.skip(size)
		}
	}
}

// vli reads a multibyte integer. What is too long for one is an error to package
// codec, which finds the block or record that is missing.
func (w *walk) vli() uint64 {
	var v uint64
	for shift := 0; shift < 63; shift += 7 {
		b := w.u8()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	return v
}
