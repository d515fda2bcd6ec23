package ota

import (
	"errors"
	"io/fs"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
)

// subFS is a folder of a file system, with the abilities that fs.Sub drops.
type subFS struct {
	fs.FS
	dir string
}

func (s *subFS) full(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return join(s.dir, name), nil
}

func (s *subFS) Open(name string) (fs.File, error) {
	full, err := s.full("open", name)
	if err != nil {
		return nil, err
	}
	return s.FS.Open(full)
}

func (s *subFS) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := s.full("readdir", name)
	if err != nil {
		return nil, err
	}
	return fs.ReadDir(s.FS, full)
}

func (s *subFS) Stat(name string) (fs.FileInfo, error) {
	full, err := s.full("stat", name)
	if err != nil {
		return nil, err
	}
	return fs.Stat(s.FS, full)
}

func (s *subFS) Lstat(name string) (fs.FileInfo, error) {
	full, err := s.full("lstat", name)
	if err != nil {
		return nil, err
	}
	return fs.Lstat(s.FS, full)
}

func (s *subFS) ReadLink(name string) (string, error) {
	full, err := s.full("readlink", name)
	if err != nil {
		return "", err
	}
	return fs.ReadLink(s.FS, full)
}

func (s *subFS) Blob(name string) (blob.Blob, func() error, error) {
	full, err := s.full("open", name)
	if err != nil {
		return nil, nil, err
	}
	if in, ok := s.FS.(archive.BlobFS); ok {
		return in.Blob(full)
	}
	return nil, nil, errors.ErrUnsupported
}
