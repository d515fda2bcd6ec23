package ext4

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

var errNegative = errors.New("ext4: negative offset")

// data is the bytes of an inode as a blob.Blob. It keeps the part of the map
// that was used last.
type data struct {
	f    *FS
	n    *inode
	size int64
	last atomic.Pointer[leaf]
}

// Data gives the bytes of a regular file: see vfs.Inode.
func (n *inode) Data() (blob.Blob, error) {
	if n.flags&flagEncrypt != 0 {
		return nil, n.fail(parse.ErrUnsupported, "it is encrypted", nil)
	}
	return n.f.data(n)
}

// data gives the bytes of an inode, of which the first part of the map is read.
func (f *FS) data(n *inode) (blob.Blob, error) {
	if n.flags&flagInline != 0 {
		return n.inline()
	}
	d := &data{f: f, n: n, size: int64(n.size)}
	if n.size == 0 {
		return d, nil
	}
	_, err := d.leaf(0)
	return d, err
}

func (d *data) Size() int64 { return d.size }

func (d *data) leaf(block uint64) (*leaf, error) {
	if l := d.last.Load(); l != nil && l.first <= block && block < l.end {
		return l, nil
	}
	l, err := d.f.leafOf(d.n, block)
	if err != nil {
		return nil, err
	}
	d.last.Store(l)
	return l, nil
}

// ReadAt: see blob.Blob.
func (d *data) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegative
	}
	if off >= d.size {
		return 0, io.EOF
	}
	var eof error
	if most := d.size - off; int64(len(p)) > most {
		p, eof = p[:most], io.EOF
	}
	block := uint64(d.f.block)
	for done := 0; done < len(p); {
		at := uint64(off) + uint64(done)
		l, err := d.leaf(at / block)
		if err != nil {
			return done, err
		}
		r := l.find(at / block)
		skip := at - r.first*block
		q := p[done:]
		// A hole at the end of the map may be longer than its bytes can be counted.
		if r.n-skip/block <= uint64(len(q))/block+1 {
			q = q[:min(uint64(len(q)), r.n*block-skip)]
		}
		if r.at == 0 {
			clear(q)
		} else if n, err := blob.ReadFull(d.f.b, q, int64(r.at*block+skip)); err != nil {
			return done + n, err
		}
		done += len(q)
	}
	return len(p), eof
}

// inline gives the bytes of a file that is in its inode: 60 in the place of the
// map, the rest in the attribute system.data. A file that was made longer without
// writing goes on with zeros, as ext4_read_inline_folio has it: hole/end in testdata/images/ext4/inline.img.
func (n *inode) inline() (blob.Blob, error) {
	rest, err := n.inlineRest()
	if err != nil {
		return nil, err
	}
	p := append(n.block[:], rest...)
	there := min(int64(n.size), int64(len(p)))
	return blob.Extents(blob.Bytes(p), []blob.Extent{{Len: there}, {Len: int64(n.size) - there, Hole: true}})
}

// inlineRest gives the attribute system.data. An inode without it has no data
// inline, whatever its flag says: ext4_find_inline_data_nolock.
func (n *inode) inlineRest() ([]byte, error) {
	attrs, err := n.bodyAttrs()
	if err != nil {
		return nil, err
	}
	for _, a := range attrs {
		if a.index == attrSystem && a.name == "data" {
			if a.inode != 0 {
				return nil, n.fail(parse.ErrFormat, "its inline data is in another inode", a.inode)
			}
			return a.value, nil
		}
	}
	return nil, n.fail(parse.ErrFormat, "it has no inline data", nil)
}
