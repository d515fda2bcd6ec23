package archive

import (
	"io"
	"io/fs"
)

// A folder is an open folder whose list is complete.
type folder struct {
	info    fs.FileInfo
	entries []fs.DirEntry
	closed  bool
}

func (f *folder) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.info.Name(), Err: errIsFolder}
}

func (f *folder) Close() error {
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.info.Name(), Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}

// ReadDir: see fs.ReadDirFile.
func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
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
