package cpio

import (
	"errors"

	"github.com/otavet/otavet/ota/blob"
)

// What was decoded is kept in memory up to spoolMemory, and beyond in temporary files. One file cannot be
// enlarged, so that each is as large as all before, from the first to the last size.
const (
	spoolMemory = 4 << 20
	firstFile   = 16 << 20
	lastFile    = 1 << 30
)

// A spool keeps the data of the files that lie in compressed streams, all of them
// together: many small streams take no more memory than a large one.
type spool struct {
	dir   string
	mem   []byte
	files []*blob.Scratch
	room  int64 // in the last of them
	size  int64
}

// Write never keeps a part of p without an error.
func (s *spool) Write(p []byte) (int, error) {
	all := len(p)
	if n := min(len(p), spoolMemory-len(s.mem)); n > 0 {
		s.mem = append(s.mem, p[:n]...)
		p = p[n:]
		s.size += int64(n)
	}
	for len(p) > 0 {
		if s.room == 0 {
			if err := s.enlarge(); err != nil {
				return 0, err
			}
		}
		f := s.files[len(s.files)-1]
		n := min(int64(len(p)), s.room)
		if _, err := f.WriteAt(p[:n], f.Size()-s.room); err != nil {
			return 0, err
		}
		p = p[n:]
		s.room -= n
		s.size += n
	}
	return all, nil
}

func (s *spool) enlarge() error {
	size := min(max(s.size, firstFile), lastFile)
	f, err := blob.NewScratch(s.dir, size)
	if err != nil {
		return err
	}
	s.files = append(s.files, f)
	s.room = size
	return nil
}

// blob gives what was written. No more may be.
func (s *spool) blob() blob.Blob {
	parts := []blob.Blob{blob.Bytes(s.mem)}
	for _, f := range s.files {
		parts = append(parts, f)
	}
	return blob.Concat(parts...)
}

func (s *spool) close() error {
	var err error
	for _, f := range s.files {
		err = errors.Join(err, f.Close())
	}
	s.files = nil
	return err
}
