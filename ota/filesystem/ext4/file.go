package ext4

import (
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/otavet/otavet/ota/blob"
)

// Meta is what Sys of a fs.FileInfo points to.
type Meta struct {
	UID, GID     uint32 // owner
	Inode        uint64 // names of one file have the same
	Links        uint32 // how many names it has; of a folder, its subfolders, too, or 1 where they are too many
	Major, Minor uint32 // of a device node
	Verity       bool   // fs-verity: the contents have a hash tree, which is not checked
	Encrypted    bool   // the contents, and in a folder the names, are encrypted
	Casefold     bool   // a folder in which Linux does not tell upper from lower case
	Immutable    bool
}

// fileInfo is what an inode says, and nothing of the blocks that it was read from.
type fileInfo struct {
	name     string
	size     int64
	mode     fs.FileMode
	modified time.Time
	meta     Meta
}

// info is the inode as a fs.FileInfo. The size of a folder is zero: what it
// takes in blocks is nobody's contents.
func (n *inode) info(name string) fileInfo {
	i := fileInfo{name: name, size: int64(n.size), mode: n.fileMode(), modified: n.modTime(), meta: Meta{
		UID: n.uid, GID: n.gid, Inode: uint64(n.number), Links: uint32(n.links),
		Verity: n.flags&flagVerity != 0, Encrypted: n.flags&flagEncrypt != 0, Casefold: n.flags&flagCasefold != 0, Immutable: n.flags&flagImmutable != 0,
	}}
	i.meta.Major, i.meta.Minor = n.device()
	if i.IsDir() {
		i.size = 0
	}
	return i
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return i.modified }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) String() string     { return fs.FormatFileInfo(i) }

// Sys is a *Meta of the caller's own.
func (i fileInfo) Sys() any { return &i.meta }

// A dirEntry is an entry of a list. It reads the inode again when that is asked for.
type dirEntry struct {
	f     *FS
	name  string
	inode uint32
	mode  fs.FileMode
}

func (f *FS) dirEntry(e *entry) dirEntry {
	d := dirEntry{f, e.name, e.inode, fileType(e.kind)}
	if n, err := f.inode(e.inode); err == nil {
		d.mode = fileType(n.kind())
		if e.kind != 0 && e.kind != n.kind() {
			f.note("inode %d: its entry %s says that it is another kind of file", e.inode, e.name)
		}
	}
	return d
}

func (d dirEntry) Name() string      { return d.name }
func (d dirEntry) IsDir() bool       { return d.mode.IsDir() }
func (d dirEntry) Type() fs.FileMode { return d.mode }
func (d dirEntry) String() string    { return fs.FormatDirEntry(d) }

func (d dirEntry) Info() (fs.FileInfo, error) {
	n, err := d.f.inode(d.inode)
	if err != nil {
		return nil, pathError("stat", d.name, err)
	}
	return n.info(d.name), nil
}

// An openFile is an open regular file.
type openFile struct {
	blob.Blob
	info   fileInfo
	off    int64
	closed bool
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *openFile) Read(p []byte) (int, error) {
	switch {
	case f.closed:
		return 0, pathError("read", f.info.name, fs.ErrClosed)
	case len(p) == 0:
		return 0, nil
	case f.off == f.Size():
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), f.Size()-f.off)]
	n, err := f.ReadAt(p, f.off)
	f.off += int64(n)
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, fmt.Errorf("ext4: %s: %w", f.info.name, err)
}

func (f *openFile) Close() error {
	if f.closed {
		return pathError("close", f.info.name, fs.ErrClosed)
	}
	f.closed = true
	return nil
}

// An openFolder is an open folder whose list is complete.
type openFolder struct {
	info    fileInfo
	entries []fs.DirEntry
	closed  bool
}

func (f *openFolder) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *openFolder) Read([]byte) (int, error) { return 0, pathError("read", f.info.name, errIsFolder) }

func (f *openFolder) Close() error {
	if f.closed {
		return pathError("close", f.info.name, fs.ErrClosed)
	}
	f.closed = true
	return nil
}

// ReadDir: see fs.ReadDirFile.
func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if f.closed {
		return nil, pathError("readdir", f.info.name, fs.ErrClosed)
	}
	if n <= 0 {
		out := f.entries
		f.entries = nil
		return out, nil
	}
	if len(f.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.entries))
	out := f.entries[:n:n]
	f.entries = f.entries[n:]
	return out, nil
}
