// Package blob holds random-access bytes: a file, a window into one, a list of
// runs, or what a decoder produced. Every format reader takes a Blob and every
// container gives Blobs, so that a member of an archive in a partition of an
// update is read in place.
package blob

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"

	"github.com/otavet/otavet/ota/parse"
)

// A Blob is a run of bytes of known size that any number of goroutines may read
// at once. ReadAt follows io.ReaderAt: fewer bytes than asked for come with an
// error, io.EOF at the end.
type Blob interface {
	io.ReaderAt
	Size() int64
}

// Bytes is a Blob over b, which must not change afterwards.
func Bytes(b []byte) Blob { return bytes.NewReader(b) }

// Section is the window of n bytes at off. It sees nothing outside, and a window
// that does not fit into b is an error.
func Section(b Blob, off, n int64) (Blob, error) {
	size := b.Size()
	if off < 0 || n < 0 || off > size || n > size-off {
		return nil, &parse.Error{Format: "blob", Off: off, Msg: "a section lies outside its blob", Got: n, Kind: parse.ErrFormat}
	}
	// One layer is enough: a section of a section reads from the ground.
	if s, ok := b.(*section); ok {
		b, off = s.b, s.off+off
	}
	return &section{b, off, n}, nil
}

type section struct {
	b      Blob
	off, n int64
}

func (s *section) Size() int64 { return s.n }

func (s *section) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegative
	}
	if off >= s.n {
		return 0, io.EOF
	}
	if most := s.n - off; int64(len(p)) > most {
		n, err := s.b.ReadAt(p[:most], s.off+off)
		if err == nil {
			err = io.EOF
		}
		return n, err
	}
	return s.b.ReadAt(p, s.off+off)
}

var errNegative = errors.New("blob: negative offset")

// Reader reads b from its first byte to its last.
func Reader(b Blob) *io.SectionReader { return io.NewSectionReader(b, 0, b.Size()) }

// ReadAll reads the whole of b into memory, which may be at most most bytes.
func ReadAll(b Blob, most int64) ([]byte, error) {
	if b.Size() > most {
		return nil, &parse.Error{Format: "blob", Off: -1, Msg: "too large to be read into memory", Got: b.Size(), Kind: parse.ErrLimit}
	}
	return ReadRange(b, 0, b.Size())
}

// ReadFull fills p from off on. Fewer bytes than that are an error.
func ReadFull(b Blob, p []byte, off int64) (int, error) {
	n, err := b.ReadAt(p, off)
	if n < len(p) {
		return n, noEOF(cmp.Or(err, io.EOF))
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadRange reads the n bytes at off. The caller has bounded n.
func ReadRange(b Blob, off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > b.Size() || n > b.Size()-off {
		return nil, &parse.Error{Format: "blob", Off: off, Msg: "a range lies outside its blob", Got: n, Kind: parse.ErrFormat}
	}
	p := make([]byte, n)
	if _, err := ReadFull(b, p, off); err != nil {
		return nil, err
	}
	return p, nil
}

// WithContext is b, whose reads fail with the cause once ctx has ended: the way
// to stop a parser that knows nothing of contexts.
func WithContext(ctx context.Context, b Blob) Blob { return &withContext{ctx, b} }

type withContext struct {
	ctx context.Context
	Blob
}

func (w *withContext) ReadAt(p []byte, off int64) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.Blob.ReadAt(p, off)
}

// A File is a Blob that owns an open file.
type File struct {
	f    *os.File
	size int64
}

// NewFile takes over f, which must be a regular file: pipes and devices have no
// size and could block for ever.
func NewFile(f *os.File) (*File, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, &parse.Error{Format: "blob", Off: -1, Msg: "not a regular file", Got: st.Mode().String(), Kind: parse.ErrUnsupported}
	}
	return &File{f, st.Size()}, nil
}

// ReadAt: see Blob. A file that shrank since it was opened ends early, with
// io.ErrUnexpectedEOF.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegative
	}
	if off >= f.size {
		return 0, io.EOF
	}
	want := len(p)
	if most := f.size - off; int64(want) > most {
		want = int(most)
	}
	n, err := f.f.ReadAt(p[:want], off)
	if n < want {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
	if want < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Size is the size at the time of opening.
func (f *File) Size() int64 { return f.size }

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }
