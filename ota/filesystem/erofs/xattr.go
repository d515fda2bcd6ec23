package erofs

import (
	"encoding/binary"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// readPrefixes reads the long prefixes, which stand in the image, in the packed
// inode or in the metabox.
func (f *FS) readPrefixes() error {
	s := &f.super
	if s.xattrPrefixCount == 0 {
		return nil
	}
	src := f.b
	if s.featureCompat&compatPlainXattrPfx == 0 {
		switch {
		case f.box != nil:
			src = f.box
		case f.packed != nil:
			src = f.packed
		}
	}
	off := int64(s.xattrPrefixStart) * 4
	for range s.xattrPrefixCount {
		off = (off + 3) &^ 3
		var p [2 + 1 + maxName]byte
		n, err := readSome(src, p[:], off)
		if err != nil {
			return err
		}
		size := int(p[0]) | int(p[1])<<8
		if size < 1 || size > 1+maxName || 2+size > n {
			return fail(superOffset+92, parse.ErrFormat, "a prefix of attributes' names has no such length", size)
		}
		// struct erofs_xattr_long_prefix
		f.prefixes = append(f.prefixes, xattrPrefix(p[2])+string(p[3:2+size]))
		off += 2 + int64(size)
	}
	return nil
}

// readSome reads as much at off as there is.
func readSome(b blob.Blob, p []byte, off int64) (int, error) {
	n := min(int64(len(p)), b.Size()-off)
	if n <= 0 {
		return 0, nil
	}
	if _, err := blob.ReadFull(b, p[:n], off); err != nil {
		return 0, place{off: off}.broken(err)
	}
	return int(n), nil
}

// Xattrs gives the extended attributes: those of the inode before those that are
// shared, as in Linux. Namespaces that Linux does not know are index-N.
func (n *inode) Xattrs() ([]vfs.Xattr, error) {
	f := n.f
	if n.xattrSize == 0 {
		return nil, nil
	}
	if n.xattrSize == lenXattrHeader {
		return nil, n.xattrs.fail(parse.ErrUnsupported, "room for attributes that has room for none", n.xattrSize)
	}
	if n.xattrSize > f.regionSize(n.at.box) {
		return nil, n.xattrs.outside(f.regionSize(n.at.box))
	}
	p := make([]byte, n.xattrSize) // at most 256 KiB
	if err := f.read(n.xattrs, p); err != nil {
		return nil, err
	}
	shared := int64(p[4]) // h_shared_count
	entries := lenXattrHeader + 4*shared
	if entries > n.xattrSize {
		return nil, n.xattrs.fail(parse.ErrFormat, "more shared attributes than there is room for", shared)
	}
	var out []vfs.Xattr
	for at := entries; at < n.xattrSize; {
		size, err := f.xattr(&out, p[at:], n.xattrs.add(at))
		if err != nil {
			return nil, err
		}
		at += int64(size+3) &^ 3
	}
	base := place{f.super.featureCompat&compatSharedMetabox != 0, int64(f.super.xattrBlkaddr) << f.blockBits}
	for i := range shared {
		at := base.add(4 * int64(binary.LittleEndian.Uint32(p[lenXattrHeader+4*i:])))
		if err := f.sharedXattr(&out, at); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (f *FS) sharedXattr(out *[]vfs.Xattr, at place) error {
	var head [lenXattrEntry]byte
	if err := f.read(at, head[:]); err != nil {
		return err
	}
	p := make([]byte, lenXattrEntry+int(head[0])+int(binary.LittleEndian.Uint16(head[2:])))
	if err := f.read(at, p); err != nil {
		return err
	}
	_, err := f.xattr(out, p, at)
	return err
}

// xattr reads struct erofs_xattr_entry, and says how many bytes it has.
func (f *FS) xattr(out *[]vfs.Xattr, p []byte, at place) (int, error) {
	if len(p) < lenXattrEntry {
		return 0, at.fail(parse.ErrFormat, "an attribute runs out of its room", len(p))
	}
	nameLen, index, valueSize := int(p[0]), p[1], int(binary.LittleEndian.Uint16(p[2:]))
	size := lenXattrEntry + nameLen + valueSize
	if size > len(p) {
		return 0, at.fail(parse.ErrFormat, "an attribute runs out of its room", size)
	}
	prefix := xattrPrefix(index)
	if index&xattrLongPrefix != 0 {
		i := int(index &^ xattrLongPrefix)
		if i >= len(f.prefixes) {
			return 0, at.fail(parse.ErrFormat, "an attribute with a prefix that is not there", index)
		}
		prefix = f.prefixes[i]
	}
	name := string(p[lenXattrEntry : lenXattrEntry+nameLen])
	if index > 0 || nameLen > 0 || valueSize > 0 { // else it fills room
		value := slices.Clone(p[lenXattrEntry+nameLen : size])
		*out = append(*out, vfs.Xattr{Name: parse.Escape(prefix + name), Value: value})
	}
	return size, nil
}
