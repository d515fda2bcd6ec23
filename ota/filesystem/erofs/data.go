package erofs

import (
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// data is the bytes of a file, folder or link, of any layout.
func (f *FS) data(n *inode) (blob.Blob, error) {
	switch n.layout {
	case layoutPlain, layoutInline:
		return f.flat(n)
	case layoutChunk:
		return f.chunked(n)
	}
	return f.compressed(n)
}

var errNegative = errors.New("erofs: negative offset")

// within cuts p to what lies before the end of size bytes, as io.ReaderAt has it:
// end is what follows after all of the rest was read.
func within(p []byte, off, size int64) (rest []byte, end error, err error) {
	switch {
	case off < 0:
		return nil, nil, errNegative
	case len(p) == 0:
		return nil, nil, nil
	case off >= size:
		return nil, nil, io.EOF
	case int64(len(p)) > size-off:
		return p[:size-off], io.EOF, nil
	}
	return p, nil, nil
}

// A flat file lies in one piece, but for its tail, which may follow the inode.
type flat struct {
	f     *FS
	size  int64
	start int64 // of the piece, in the image
	whole int64 // bytes of it
	tail  place // of the rest
	hole  bool
}

func (f *FS) flat(n *inode) (blob.Blob, error) {
	d := &flat{f: f, size: n.size, whole: n.size, hole: n.hole}
	if n.layout == layoutInline && n.size > 0 {
		blocks := (n.size + f.blockMask) >> f.blockBits
		d.whole = (blocks - 1) << f.blockBits
		d.tail = n.body
		if d.tail.off&f.blockMask+n.size-d.whole > f.blockMask+1 {
			return nil, n.at.fail(parse.ErrFormat, "inline data do not fit into their block", n.size-d.whole)
		}
	}
	if d.hole || d.whole == 0 {
		return d, nil
	}
	if n.startblk > math.MaxInt64>>(f.blockBits+1) {
		return nil, n.at.fail(parse.ErrFormat, "data begin behind all addresses", n.startblk)
	}
	d.start = int64(n.startblk) << f.blockBits
	if size := f.b.Size(); len(f.devices) == 0 && (d.start > size || d.whole > size-d.start) {
		return nil, n.at.fail(parse.ErrFormat, "the image ends before the data of a file", n.startblk)
	}
	return d, nil
}

func (d *flat) Size() int64 { return d.size }

func (d *flat) ReadAt(p []byte, off int64) (int, error) {
	p, end, err := within(p, off, d.size)
	if err != nil || len(p) == 0 {
		return 0, err
	}
	if d.hole {
		clear(p)
		return len(p), end
	}
	n := 0
	if off < d.whole {
		n = int(min(int64(len(p)), d.whole-off))
		if err := d.f.device(0, p[:n], d.start+off); err != nil {
			return 0, err
		}
	}
	if n < len(p) {
		if err := d.f.read(d.tail.add(off+int64(n)-d.whole), p[n:]); err != nil {
			return n, err
		}
	}
	return len(p), end
}

// A chunked file lies in pieces of one size, each anywhere or nowhere.
type chunked struct {
	f     *FS
	size  int64
	bits  uint  // of a piece's size
	index place // of the first entry
	unit  int64 // bytes of an entry
	mask  uint64
}

func (f *FS) chunked(n *inode) (blob.Blob, error) {
	d := &chunked{f: f, size: n.size, bits: f.blockBits + uint(n.chunk&chunkBits), unit: 4, mask: null32}
	if n.chunk&chunkIndexes != 0 {
		d.unit = 8 // struct erofs_inode_chunk_index
		if n.chunk&chunk48Bit != 0 {
			d.mask = null48
		}
	}
	d.index = place{n.body.box, (n.body.off + d.unit - 1) &^ (d.unit - 1)}
	count := int64(uint64(n.size)+1<<d.bits-1) >> d.bits
	if room := f.regionSize(n.body.box) - d.index.off; count > 0 && (room < 0 || count > room/d.unit) {
		return nil, n.at.fail(parse.ErrFormat, "a file larger than its chunks' index has room for", n.size)
	}
	return d, nil
}

func (d *chunked) Size() int64 { return d.size }

// chunk is where chunk i lies; hole if it lies nowhere.
func (d *chunked) chunk(i int64) (dev uint16, off int64, hole bool, err error) {
	b, at, err := d.f.block(d.index.add(i * d.unit))
	if err != nil {
		return 0, 0, false, err
	}
	if len(b)-at < int(d.unit) {
		return 0, 0, false, d.index.outside(d.f.regionSize(d.index.box))
	}
	var start uint64
	if d.unit == 4 {
		start = uint64(binary.LittleEndian.Uint32(b[at:]))
	} else {
		start = uint64(binary.LittleEndian.Uint16(b[at:]))<<32 | uint64(binary.LittleEndian.Uint32(b[at+4:]))
		dev = binary.LittleEndian.Uint16(b[at+2:]) & d.f.deviceMask
	}
	start &= d.mask
	if start == d.mask {
		return 0, 0, true, nil
	}
	if start > math.MaxInt64>>(d.f.blockBits+1) {
		return 0, 0, false, d.index.fail(parse.ErrFormat, "a chunk behind all addresses", start)
	}
	return dev, int64(start) << d.f.blockBits, false, nil
}

func (d *chunked) ReadAt(p []byte, off int64) (int, error) {
	p, end, err := within(p, off, d.size)
	if err != nil {
		return 0, err
	}
	done := 0
	for done < len(p) {
		i := (off + int64(done)) >> d.bits
		skip := (off + int64(done)) & (1<<d.bits - 1)
		dev, at, hole, err := d.chunk(i)
		if err != nil {
			return done, err
		}
		// Chunks that follow one another are read at once.
		want := int64(len(p) - done)
		n := min(want, 1<<d.bits-skip)
		for !hole && n < want {
			i++
			dev2, at2, hole2, err := d.chunk(i)
			if err != nil || hole2 || dev2 != dev || at2 != at+skip+n {
				break // an error is met again
			}
			n = min(want, n+1<<d.bits)
		}
		q := p[done : done+int(n)]
		if hole {
			clear(q)
		} else if err := d.f.device(dev, q, at+skip); err != nil {
			return done, err
		}
		done += int(n)
	}
	return done, end
}
