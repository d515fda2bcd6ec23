package erofs

import (
	"io"
	"io/fs"

	"github.com/otavet/otavet/ota/blob"
)

// A file is an open regular file.
type file struct {
	blob.Blob
	fs     *FS
	info   fs.FileInfo
	off    int64
	closed bool
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *file) Read(p []byte) (int, error) {
	switch {
	case f.closed:
		return 0, f.closedError("read")
	case len(p) == 0:
		return 0, nil
	case f.off >= f.Size():
		return 0, io.EOF
	}
	n, err := f.ReadAt(p, f.off)
	f.off += int64(n)
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

// WriteTo writes what is left of the file, in pieces in which few extents are cut.
func (f *file) WriteTo(w io.Writer) (int64, error) {
	if f.closed {
		return 0, f.closedError("read")
	}
	n := min(128<<10, max(f.Size()-f.off, 0))
	p, _ := f.fs.copies.Get().(*[]byte)
	if p == nil || int64(cap(*p)) < n {
		p = new([]byte)
		*p = make([]byte, n)
	}
	defer f.fs.copies.Put(p)
	var (
		buf  = (*p)[:cap(*p)]
		done int64
	)
	for f.off < f.Size() {
		n, err := f.Read(buf)
		if n > 0 {
			k, err := w.Write(buf[:n])
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

func (f *file) closedError(op string) error {
	return &fs.PathError{Op: op, Path: f.info.Name(), Err: fs.ErrClosed}
}

func (f *file) Close() error {
	if f.closed {
		return f.closedError("close")
	}
	f.closed = true
	return nil
}

// An openFolder is an open folder whose list is complete.
type openFolder struct {
	info    fs.FileInfo
	entries []fs.DirEntry
	closed  bool
}

func (f *openFolder) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.info.Name(), Err: errIsFolder}
}

func (f *openFolder) Close() error {
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.info.Name(), Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}

// ReadDir: see fs.ReadDirFile.
func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if f.closed {
		return nil, &fs.PathError{Op: "readdir", Path: f.info.Name(), Err: fs.ErrClosed}
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
