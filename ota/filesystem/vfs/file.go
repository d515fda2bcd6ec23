package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/otavet/otavet/ota/blob"
)

// fileInfo is what an inode says, and nothing of the blocks that it was read from.
type fileInfo struct {
	name string
	attr Attr
}

// info gives an inode's fs.FileInfo. The size of a folder is zero: what its list
// takes in blocks is nobody's contents.
func info(name string, a Attr) *fileInfo {
	if a.Mode.IsDir() {
		a.Size = 0
	}
	return &fileInfo{name, a}
}

func (i *fileInfo) Name() string       { return i.name }
func (i *fileInfo) Size() int64        { return i.attr.Size }
func (i *fileInfo) Mode() fs.FileMode  { return i.attr.Mode }
func (i *fileInfo) ModTime() time.Time { return i.attr.ModTime }
func (i *fileInfo) IsDir() bool        { return i.attr.Mode.IsDir() }
func (i *fileInfo) String() string     { return fs.FormatFileInfo(i) }

// Sys is a *Meta of the caller's own.
func (i *fileInfo) Sys() any {
	m := i.attr.Meta
	return &m
}

// A dirEntry is an entry of a list. It reads the inode again when that is asked for.
type dirEntry struct {
	f    *FS
	e    *entry
	kind fs.FileMode
}

func (d *dirEntry) Name() string      { return d.e.name }
func (d *dirEntry) IsDir() bool       { return d.kind.IsDir() }
func (d *dirEntry) Type() fs.FileMode { return d.kind }
func (d *dirEntry) String() string    { return fs.FormatDirEntry(d) }

func (d *dirEntry) Info() (fs.FileInfo, error) {
	n, err := d.f.v.Inode(d.e.ref)
	if err != nil {
		return nil, pathError("stat", d.e.name, err)
	}
	return info(d.e.name, n.Attr()), nil
}

// An openFile is an open regular file.
type openFile struct {
	blob.Blob
	fs     *FS
	info   *fileInfo
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
	return n, fmt.Errorf("%s: %s: %w", f.fs.v.Format, f.info.name, err)
}

// copySize is how much of a file WriteTo reads at once: pieces in which few extents
// and clusters are cut.
const copySize = 128 << 10

// WriteTo writes what is left of the file.
func (f *openFile) WriteTo(w io.Writer) (done int64, err error) {
	if f.closed {
		return 0, pathError("read", f.info.name, fs.ErrClosed)
	}
	buf := f.fs.buffer(min(copySize, f.Size()-f.off))
	defer f.fs.buffers.Put(buf)
	for f.off < f.Size() {
		n, err := f.Read(*buf)
		if n > 0 {
			k, err := w.Write((*buf)[:n])
			done += int64(k)
			if err != nil {
				return done, err
			}
			if k < n {
				return done, io.ErrShortWrite
			}
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// buffer gives a buffer of at least n bytes, and at least one.
func (f *FS) buffer(n int64) *[]byte {
	p, _ := f.buffers.Get().(*[]byte)
	if p == nil || int64(cap(*p)) < n {
		p = new([]byte)
		*p = make([]byte, max(n, 1))
	}
	*p = (*p)[:cap(*p)]
	return p
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
	info    *fileInfo
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
