package squashfs

import (
	"fmt"

	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// maxXattrs bounds names and values of the attributes of one file, in bytes, and with
// them how many there are. Linux lists no more than 64 KiB of names.
const maxXattrs = 1 << 20

// Xattrs: see vfs.Inode.
func (n *inode) Xattrs() ([]vfs.Xattr, error) {
	// Linux passes over attributes where there is no table of them.
	if n.xattr == noXattr || n.f.super.XattrIDTableStart == noTable {
		return nil, nil
	}
	t, r, count, err := n.openXattrs()
	if err != nil {
		return nil, err
	}
	var list []vfs.Xattr
	for left := maxXattrs; count > 0; count-- {
		kind, size := r.u16(), int(r.u16()) // struct squashfs_xattr_entry
		if left -= size + 8; left < 0 && r.err == nil {
			return nil, n.tooMany()
		}
		name := r.text(size)
		value, err := n.value(&r, t, kind, left)
		if err != nil {
			return nil, err
		}
		left -= len(value)
		space, known := namespace(kind)
		if !known {
			n.f.notes.Found("inode %d: an extended attribute of the unknown type %#x is left out", n.number, kind)
			continue
		}
		list = append(list, vfs.Xattr{Name: space + parse.Escape(name), Value: value})
	}
	return list, nil
}

func (n *inode) tooMany() error {
	return n.fail(parse.ErrLimit, fmt.Sprintf("extended attributes of more than %d bytes", maxXattrs), nil)
}

// openXattrs gives the table of attributes, a reader of those of the inode, and how many they are.
func (n *inode) openXattrs() (*table, reader, uint32, error) {
	f, none := n.f, reader{}
	start := f.super.XattrIDTableStart
	if start < lenSuper || start > uint64(f.size-lenXattrs) {
		return nil, none, 0, fail(atXattrIDTable, parse.ErrFormat, "the table of attributes is not in the file system", start)
	}
	var head [lenXattrs]byte // struct squashfs_xattr_id_table
	if err := f.read(head[:], int64(start)); err != nil {
		return nil, none, 0, err
	}
	first, ids := le.Uint64(head[:]), le.Uint32(head[8:])
	switch {
	case first < lenSuper || first >= start:
		return nil, none, 0, fail(int64(start), parse.ErrFormat, "the attributes are not before their table", first)
	case n.xattr >= ids:
		return nil, none, 0, n.fail(parse.ErrFormat, "its attributes are not in the table", n.xattr)
	}
	x, err := f.index("the table of attributes", atXattrIDTable, start+lenXattrs, uint64(ids), lenXattrID)
	if err != nil {
		return nil, none, 0, err
	}
	r, err := f.entry(&x, int64(n.xattr))
	if err != nil {
		return nil, none, 0, err
	}
	ref, count := r.u64(), r.u32() // and what the attributes take in listxattr(2)
	if r.err != nil {
		return nil, none, 0, r.err
	}
	t := &table{"the attributes", int64(first), int64(start)}
	return t, f.xattrReader(t, ref), count, nil
}

func (f *FS) xattrReader(t *table, ref uint64) reader {
	return f.reader(t, t.start+int64(ref>>16), int(ref&0xffff))
}

// value reads a value of at most most bytes: struct squashfs_xattr_val. It may be a
// reference of where another file has the same.
func (n *inode) value(r *reader, t *table, kind uint16, most int) ([]byte, error) {
	size := r.u32()
	from := r
	if kind&xattrAside != 0 {
		if r.err == nil && size != 8 {
			return nil, n.fail(parse.ErrFormat, "an attribute's value is elsewhere, and not where", size)
		}
		aside := n.f.xattrReader(t, r.u64())
		from = &aside
		if r.err == nil {
			size = aside.u32()
		}
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case from.err != nil:
		return nil, from.err
	case int64(size) > int64(most):
		return nil, n.tooMany()
	}
	p := make([]byte, size)
	from.fill(p)
	return p, from.err
}
