package cpio

import (
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// inode gives an inode by its number.
func (f *FS) inode(ref uint64) (vfs.Inode, error) {
	if ref == 0 || ref > uint64(len(f.inodes)) || f.inodes[ref-1] == nil {
		return nil, fail(-1, parse.ErrFormat, "no such inode", ref)
	}
	return file{f, f.inodes[ref-1]}, nil
}

// A file is an inode of a ramdisk of which all is unpacked.
type file struct {
	f  *FS
	in *inode
}

// Attr: the time is one from 1970 to 2106, or none for a folder that no entry has made.
func (n file) Attr() vfs.Attr {
	in := n.in
	a := vfs.Attr{
		Mode: vfs.Mode(uint16(in.mode)),
		Size: in.data.size,
		Meta: vfs.Meta{UID: in.uid, GID: in.gid, Inode: uint64(in.number), Links: in.links, Major: in.major, Minor: in.minor, Implied: in.implied},
	}
	if in.kind() == modeLink {
		a.Size = int64(len(in.target))
	}
	if !in.implied {
		a.ModTime = time.Unix(int64(in.mtime), 0).UTC()
	}
	return a
}

// List adds the names of a folder. In a tree each has one place, so that up is it.
func (n file) List(d *vfs.Folder, _ uint64) error {
	for _, c := range n.in.list {
		if err := d.Add(c.name, uint64(c.in.number), vfs.Mode(uint16(c.in.mode)).Type()); err != nil {
			return err
		}
	}
	return nil
}

// Data gives the bytes of a regular file.
func (n file) Data() (blob.Blob, error) {
	r := n.in.data
	if r.decoded {
		return blob.Section(n.f.decoded, r.off, r.size)
	}
	return blob.Section(n.f.b, r.off, r.size)
}

func (n file) Target() (string, error) { return n.in.target, nil }

// Xattrs: the format has none. The labels of a ramdisk's files are what init makes
// of file_contexts.
func (n file) Xattrs() ([]vfs.Xattr, error) { return nil, nil }
