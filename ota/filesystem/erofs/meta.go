package erofs

import (
	"errors"
	"fmt"
	"io"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A place is an offset in the image, or in the data of the metabox inode.
type place struct {
	box bool
	off int64
}

func (p place) add(n int64) place { return place{p.box, p.off + n} }

// fail is the one constructor of this package's errors.
func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "erofs", Off: off, Msg: msg, Got: got, Kind: kind}
}

// fail is an error at p. An offset in the metabox is none in the image.
func (p place) fail(kind error, msg string, got any) error {
	if p.box {
		return fail(-1, kind, fmt.Sprintf("metabox, byte %#x: %s", p.off, msg), got)
	}
	return fail(p.off, kind, msg, got)
}

// region is where metadata is read from.
func (f *FS) region(box bool) blob.Blob {
	if box {
		return f.box
	}
	return f.b
}

// regionSize is 0 for a metabox that is not there.
func (f *FS) regionSize(box bool) int64 {
	if r := f.region(box); r != nil {
		return r.Size()
	}
	return 0
}

// block gives the block of metadata that p lies in, and where in it. Only the
// last block of a region may be shorter. The bytes must not be changed.
func (f *FS) block(p place) (b []byte, at int, err error) {
	size := f.regionSize(p.box)
	if p.off < 0 || p.off >= size {
		return nil, 0, p.outside(size)
	}
	number := p.off >> f.blockBits
	at = int(p.off & f.blockMask)
	kept := f.blocks.place(p.box, number)
	m := kept.Load()
	if m == nil || m.n != number || m.box != p.box {
		start := number << f.blockBits
		m = &metaBlock{p.box, number, make([]byte, min(1<<f.blockBits, size-start))}
		if _, err := blob.ReadFull(f.region(p.box), m.data, start); err != nil {
			return nil, 0, place{p.box, start}.broken(err)
		}
		kept.Store(m)
	}
	return m.data, at, nil
}

// read fills b with metadata at p.
func (f *FS) read(p place, b []byte) error {
	if size := f.regionSize(p.box); p.off < 0 || p.off > size || int64(len(b)) > size-p.off {
		return p.outside(size)
	}
	for len(b) > 0 {
		block, at, err := f.block(p)
		if err != nil {
			return err
		}
		n := copy(b, block[at:])
		b, p = b[n:], p.add(int64(n))
	}
	return nil
}

// outside is the error for what should lie at p.
func (p place) outside(size int64) error {
	if p.box {
		return fail(-1, parse.ErrFormat, "lies outside the metabox", p.off)
	}
	return fail(size, parse.ErrFormat, "the image ends before what it refers to", p.off)
}

// broken passes on what went wrong when the image itself was read at p. What is
// no error of a format is the caller's own, wrapped.
func (p place) broken(err error) error {
	var pe *parse.Error
	if errors.As(err, &pe) {
		return err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("erofs: at byte %#x: %w", p.off, err)
}

// device reads data at off of the device with that id: 0 is the image, whose
// addresses may stand for others.
func (f *FS) device(id uint16, p []byte, off int64) error {
	b, n := f.b, int64(len(p))
	if id > 0 || len(f.devices) > 0 {
		d := f.find(id, off)
		switch {
		case d == nil && id > 0:
			return fail(f.deviceTable, parse.ErrFormat, "data on a device that is not in the table", id)
		case d == nil:
		case d.blob == nil:
			return fail(d.at, parse.ErrUnsupported, "the data lie on another device, which is not given: "+d.name(), nil)
		case id == 0:
			off -= d.start
			fallthrough
		default:
			b = d.blob
		}
	}
	if size := b.Size(); off < 0 || off > size || n > size-off {
		if b == f.b {
			return place{off: off}.outside(size)
		}
		return fail(f.deviceTable, parse.ErrFormat, "a device ends before the data", off)
	}
	if _, err := blob.ReadFull(b, p, off); err != nil {
		return place{off: off}.broken(err)
	}
	return nil
}

// find is the device with that id, or for 0 the one whose addresses off is of.
func (f *FS) find(id uint16, off int64) *device {
	if id > 0 {
		if int(id) > len(f.devices) {
			return nil
		}
		return &f.devices[id-1]
	}
	for i := range f.devices {
		if d := &f.devices[i]; d.start > 0 && off >= d.start && off-d.start < d.size {
			return d
		}
	}
	return nil
}

// A device is a record of the device table: struct erofs_deviceslot.
type device struct {
	at    int64 // of the record
	tag   string
	start int64 // uniaddr: where it begins among the addresses of the image; 0: nowhere
	size  int64 // in bytes
	blob  blob.Blob
}

func (d *device) name() string {
	if d.tag == "" {
		return "without a tag"
	}
	return d.tag
}
