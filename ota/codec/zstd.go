package codec

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"github.com/klauspost/compress/zstd"

	"github.com/otavet/otavet/ota/parse"
)

// zstdMaxWindow bounds the window of a frame: 128 MiB is what the zstd command
// takes unless it is told otherwise (ZSTD_WINDOWLOG_LIMIT_DEFAULT), so that
// nobody sends more to a device unasked.
const zstdMaxWindow = 128 << 20

const (
	zstdMagic    = 0xfd2fb528 // Magic_Number
	zstdMaxBlock = 128 << 10  // Block_Maximum_Size
	zstdRatio    = 32 << 10   // an RLE_Block of 4 bytes becomes 128 KiB, and nothing becomes more
)

// isSkippable tells the magic numbers of Skippable_Frames, which LZ4 shares.
func isSkippable(magic uint32) bool { return magic&^0xf == 0x184d2a50 }

// newZstd reads zstd frames.
func newZstd(in *source, most int64) io.Reader {
	z := &zstdReader{guarded: guarded{lib: libZstd, method: Zstd, in: in}}
	z.walk = zstdWalk{in: in, most: most}
	return z
}

type zstdReader struct {
	guarded
	walk zstdWalk
	dec  *zstd.Decoder
}

func (z *zstdReader) Read(p []byte) (n int, err error) {
	defer z.recover(&err)
	if z.dec == nil {
		// The walk bounds the window; the library's own bound is out of its way.
		z.dec, err = zstd.NewReader(&z.walk, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(2*zstdMaxWindow), zstd.WithDecoderMaxMemory(2*zstdMaxWindow))
		if err != nil {
			return 0, err
		}
	}
	n, err = z.dec.Read(p)
	if err == io.EOF && !z.walk.done {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (z *zstdReader) free() {
	if z.dec != nil {
		z.dec.Close()
	}
}

// A zstdWalk passes frames on to the library and walks them on the way, for
// three reasons: the library allocates what the frame header calls for, before
// there is any data; it takes an input that ends within a magic number for one
// that ends before it; and only who knows where frames end can say what follows.
type zstdWalk struct {
	in       *source
	most     int64
	frames   int
	ready    []byte // to pass on first
	buf      [24]byte
	left     int64 // bytes of a block to pass on after that
	blocks   bool  // block headers follow
	checksum bool  // a Content_Checksum ends the frame
	done     bool
}

func (w *zstdWalk) Read(p []byte) (int, error) {
	for len(w.ready) == 0 && w.left == 0 {
		if err := w.step(); err != nil {
			return 0, err
		}
	}
	if len(w.ready) > 0 {
		n := copy(p, w.ready)
		w.ready = w.ready[n:]
		return n, nil
	}
	n, err := w.in.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	return n, noEOF(err)
}

// step goes on to the next part of a frame.
func (w *zstdWalk) step() error {
	if !w.blocks {
		return w.frame()
	}
	h := w.buf[:3] // Block_Header
	if err := w.in.full(h); err != nil {
		return noEOF(err)
	}
	w.ready = h
	v := uint32(h[0]) | uint32(h[1])<<8 | uint32(h[2])<<16
	w.left = int64(v >> 3) // Block_Size
	switch v >> 1 & 3 {    // Block_Type
	case 1: // RLE_Block
		w.left = 1
	case 3: // Reserved
		return fail(Zstd, w.in.off-3, parse.ErrFormat, "reserved block type", nil, nil)
	}
	if v&1 != 0 { // Last_Block
		w.blocks = false
		if w.checksum {
			w.left += 4
		}
	}
	return nil
}

// frame reads a Frame_Header, or passes over a skippable frame.
func (w *zstdWalk) frame() error {
	off := w.in.off
	b := w.buf[:5]
	switch err := w.in.full(b[:4]); {
	case err == io.EOF && w.frames > 0:
		w.done = true
		return io.EOF
	case err != nil:
		return noEOF(err)
	}
	magic := binary.LittleEndian.Uint32(b)
	if isSkippable(magic) {
		w.frames++
		return w.skip()
	}
	if magic != zstdMagic {
		msg := "not a zstd frame"
		if w.frames > 0 {
			msg = "bytes behind the end of the last frame"
		}
		return fail(Zstd, off, parse.ErrFormat, msg, magic, nil)
	}
	w.frames++
	if err := w.in.full(b[4:]); err != nil {
		return noEOF(err)
	}
	// Frame_Header_Descriptor: the sizes of the fields that follow.
	fhd := b[4]
	single := fhd>>5&1 != 0 // Single_Segment_flag
	dict := [...]int{0, 1, 2, 4}[fhd&3]
	fcs := [...]int{0, 2, 4, 8}[fhd>>6]
	window := 1
	if single {
		window = 0
		fcs = max(fcs, 1)
	}
	rest := w.buf[5 : 5+window+dict+fcs]
	if err := w.in.full(rest); err != nil {
		return noEOF(err)
	}
	w.blocks, w.checksum = true, fhd>>2&1 != 0
	need := w.need()
	var size uint64
	if single {
		size = contentSize(rest[dict:])
		if size > windowSize(need) {
			// The same frame with a window of its own, set below: one byte more.
			copy(w.buf[6:], append([]byte(nil), rest...))
			w.buf[4] &^= 1 << 5
			window = 1
		}
	} else {
		size = windowSize(rest[0])
	}
	if size > zstdMaxWindow {
		msg := fmt.Sprintf("window of %d bytes, more than %d MiB", size, zstdMaxWindow>>20)
		return fail(Zstd, off, parse.ErrLimit, msg, nil, nil)
	}
	if size > windowSize(need) {
		w.buf[5] = need
	}
	w.ready = w.buf[:5+window+dict+fcs]
	return nil
}

// need is the Window_Descriptor of the largest window that can be made use of. A match reaches back over
// what came out at most, which is bounded by the limit and the block that the
// library decodes before it is seen, or by what the input can become. Blocks may
// be as large as the window, so that it stays above their largest size.
func (w *zstdWalk) need() byte {
	out := min(w.most, zstdMaxWindow) + zstdMaxBlock + 1
	out = max(zstdMaxBlock, min(out, w.in.expansion(zstdRatio)))
	return byte(bits.Len64(uint64(out-1))-10) << 3 // the next power of two
}

// skip passes over a Skippable_Frame.
func (w *zstdWalk) skip() error {
	var size [4]byte
	if err := w.in.full(size[:]); err != nil {
		return noEOF(err)
	}
	_, err := io.CopyN(io.Discard, w.in, int64(binary.LittleEndian.Uint32(size[:])))
	return noEOF(err)
}

// contentSize reads the Frame_Content_Size.
func contentSize(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b)) + 256
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// windowSize reads a Window_Descriptor.
func windowSize(b byte) uint64 {
	base := uint64(1) << (10 + b>>3)
	return base + base/8*uint64(b&7)
}
