package ota

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/otavet/otavet/ota/blob"
)

// A blobFS is a folder of blobs: the parts of an image, or a lone file.
type blobFS struct {
	names []string // sorted
	blobs map[string]blob.Blob
}

func newBlobFS() *blobFS { return &blobFS{blobs: map[string]blob.Blob{}} }

// add puts b under a name that is valid and not taken.
func (f *blobFS) add(name string, b blob.Blob) {
	for f.blobs[name] != nil || !fs.ValidPath(name) || name == "." {
		name = "_" + name
	}
	f.blobs[name] = b
	i, _ := slices.BinarySearch(f.names, name)
	f.names = slices.Insert(f.names, i, name)
}

func (f *blobFS) get(op, name string) (blob.Blob, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if b := f.blobs[name]; b != nil {
		return b, nil
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

func (f *blobFS) Blob(name string) (blob.Blob, func() error, error) {
	b, err := f.get("open", name)
	return b, func() error { return nil }, err
}

func (f *blobFS) Open(name string) (fs.File, error) {
	if name == "." {
		return &treeDir{blobInfo{".", nil}, f.entries(), 0}, nil
	}
	b, err := f.get("open", name)
	if err != nil {
		return nil, err
	}
	return &blobFile{blobInfo{name, b}, blob.Reader(b)}, nil
}

func (f *blobFS) Stat(name string) (fs.FileInfo, error) {
	if name == "." {
		return blobInfo{".", nil}, nil
	}
	b, err := f.get("stat", name)
	if err != nil {
		return nil, err
	}
	return blobInfo{name, b}, nil
}

func (f *blobFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		if _, err := f.get("readdir", name); err != nil {
			return nil, err
		}
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a folder")}
	}
	return f.entries(), nil
}

func (f *blobFS) entries() []fs.DirEntry {
	list := make([]fs.DirEntry, len(f.names))
	for i, name := range f.names {
		list[i] = fs.FileInfoToDirEntry(blobInfo{name, f.blobs[name]})
	}
	return list
}

type blobInfo struct {
	name string
	b    blob.Blob // nil: the folder
}

func (i blobInfo) Name() string       { return i.name }
func (i blobInfo) ModTime() time.Time { return time.Time{} }
func (i blobInfo) IsDir() bool        { return i.b == nil }
func (i blobInfo) Sys() any           { return nil }

func (i blobInfo) Size() int64 {
	if i.b == nil {
		return 0
	}
	return i.b.Size()
}

func (i blobInfo) Mode() fs.FileMode {
	if i.b == nil {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

type blobFile struct {
	blobInfo
	*io.SectionReader
}

func (f *blobFile) Size() int64                { return f.blobInfo.Size() }
func (f *blobFile) Stat() (fs.FileInfo, error) { return f.blobInfo, nil }
func (f *blobFile) Close() error               { return nil }
