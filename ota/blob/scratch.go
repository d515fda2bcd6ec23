package blob

import (
	"io"
	"os"
)

// A Scratch is a temporary file without a name: a Blob that can be written. Where the
// system allows it, its name is removed at once, so that nothing is left even
// after a crash; elsewhere Close does it.
//
// Blocks of zeros are not written, so that the image of a partition takes no more
// room than its data. Therefore nothing may be written twice.
type Scratch struct {
	f    *os.File
	size int64
	name string // "" once it is removed
}

// NewScratch makes a file of size bytes, all of them zero, in dir; "" means the
// system's folder for temporary files.
func NewScratch(dir string, size int64) (*Scratch, error) {
	f, err := os.CreateTemp(dir, "otavet-spool-*")
	if err != nil {
		return nil, err
	}
	s := &Scratch{f: f, size: size}
	if os.Remove(f.Name()) != nil { // Windows refuses to remove an open file
		s.name = f.Name()
	}
	if err := f.Truncate(size); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Size is the size in bytes.
func (s *Scratch) Size() int64 { return s.size }

// ReadAt: see Blob.
func (s *Scratch) ReadAt(p []byte, off int64) (int, error) {
	return (&File{s.f, s.size}).ReadAt(p, off)
}

// WriteAt writes what is not zero. It refuses what lies outside.
func (s *Scratch) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > s.size || int64(len(p)) > s.size-off {
		return 0, io.ErrShortWrite
	}
	return WriteSparse(s.f, p, off)
}

// grow makes the file larger: a Stream does not know its size beforehand.
func (s *Scratch) grow(size int64) error {
	if size <= s.size {
		return nil
	}
	if err := s.f.Truncate(size); err != nil {
		return err
	}
	s.size = size
	return nil
}

// Close frees the file.
func (s *Scratch) Close() error {
	err := s.f.Close()
	if s.name != "" {
		err = os.Remove(s.name)
	}
	return err
}

// hole is the size of the blocks of zeros that are left out: the block of most
// filesystems of machines that run this.
const hole = 4096

// WriteSparse writes p at off to a file that is zero there, and leaves out blocks
// of zeros. It answers for all of p.
func WriteSparse(w io.WriterAt, p []byte, off int64) (int, error) {
	for at := 0; at < len(p); {
		n := next(p[at:], off+int64(at))
		if zero(p[at : at+n]) {
			at += n
			continue
		}
		end := at + n
		for end < len(p) {
			m := next(p[end:], off+int64(end))
			if zero(p[end : end+m]) {
				break
			}
			end += m
		}
		if n, err := w.WriteAt(p[at:end], off+int64(at)); err != nil {
			return at + n, err
		}
		at = end
	}
	return len(p), nil
}

// next is how many bytes of p, which begins at off, belong to the first block.
func next(p []byte, off int64) int { return int(min(int64(len(p)), hole-off%hole)) }

var zeros [hole]byte

func zero(p []byte) bool { return string(p) == string(zeros[:len(p)]) }
