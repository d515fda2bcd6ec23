package blob

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// A Stream is a Blob over what a decoder gives from its first byte to its last. The
// decoder runs only as far as somebody has read, and never twice over what it gave:
// that is kept, up to 4 MiB in memory and more in a Scratch. So the head of an image
// that is compressed costs no more than the head.
type Stream struct {
	open func() (io.ReadCloser, error)
	dir  string

	done atomic.Int64 // bytes that are kept
	fast atomic.Int64 // those that can be read from the file, and vouched for
	file atomic.Pointer[Scratch]

	mu   sync.Mutex // held by who decodes, or reads mem
	mem  []byte     // until there is a file
	r    io.ReadCloser
	size int64 // -1: not known before the end
	end  bool  // the decoder has ended well
	err  error // why it cannot go on
}

// NewStream gives the bytes that the reader of open has. size is how many they must
// be, or -1 where only the end tells: Size then decodes all. Temporary files
// lie in dir, "" for the system's folder.
//
// A stream that is shorter or longer than size is a *parse.Error of kind ErrFormat,
// which whoever reads its last byte gets.
func NewStream(open func() (io.ReadCloser, error), size int64, dir string) *Stream {
	return &Stream{open: open, dir: dir, size: size}
}

// Size is the size in bytes. Where it is not known it decodes all there is, and
// is the size up to an error, which reading then meets.
func (s *Stream) Size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size < 0 {
		s.decode(1<<63 - 1)
		return s.done.Load()
	}
	return s.size
}

// Known is the size, and whether it is known without decoding.
func (s *Stream) Known() (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size, s.size >= 0
}

// Pause frees the decoder. If somebody reads on, it begins anew and passes over
// what is kept: for the many images of which only the head was looked at.
func (s *Stream) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.r == nil {
		return nil
	}
	err := s.r.Close()
	s.r = nil
	return err
}

// Close frees what the stream holds. It must not be read after.
func (s *Stream) Close() error {
	err := s.Pause()
	if f := s.file.Swap(nil); f != nil {
		err = errors.Join(err, f.Close())
	}
	return err
}

// ReadAt: see Blob.
func (s *Stream) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegative
	}
	if len(p) == 0 {
		return 0, nil
	}
	if f := s.file.Load(); f != nil && off+int64(len(p)) <= s.fast.Load() {
		return f.f.ReadAt(p, off)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	want := off + int64(len(p))
	if want < 0 {
		want = 1<<63 - 1
	}
	s.decode(want)
	have := s.done.Load() - off
	if have <= 0 {
		return 0, s.stop()
	}
	n := int(min(int64(len(p)), have))
	if f := s.file.Load(); f != nil {
		if n, err := f.f.ReadAt(p[:n], off); err != nil {
			return n, err
		}
	} else {
		copy(p[:n], s.mem[off:])
	}
	if n < len(p) || s.err != nil && int64(n) == have {
		return n, s.stop()
	}
	return n, nil
}

func (s *Stream) stop() error {
	if s.err != nil {
		return s.err
	}
	return io.EOF
}

// atOnce is the size up to which a stream is decoded whole when it is touched: less
// work than beginning anew after a pause.
const atOnce = 64 << 10

// decode goes on until there are want bytes, or no more. The last byte of a stream
// of known size is not given before its end was seen: that is where checksums are.
func (s *Stream) decode(want int64) {
	if s.size >= 0 {
		want = min(want, s.size)
		if s.size <= atOnce {
			want = s.size
		}
	}
	if s.end || s.err != nil || s.done.Load() >= want && (want != s.size || s.size < 0) {
		return
	}
	if s.r == nil {
		if s.err = s.start(); s.err != nil {
			return
		}
	}
	buf := make([]byte, min(64<<10, max(8<<10, want-s.done.Load()))) // of many streams a head alone is read
	for idle := 0; s.err == nil && !s.end; {
		done := s.done.Load()
		if done >= want && done != s.size {
			return
		}
		n, err := s.r.Read(buf)
		if s.size >= 0 && int64(n) > s.size-done {
			n, err = int(s.size-done), lengthError(s.size)
		}
		if kept := s.keep(buf[:n]); kept != nil {
			s.err = kept // what was not kept is not done
			break
		}
		switch {
		case err == io.EOF && s.size >= 0 && s.done.Load() < s.size:
			s.err = lengthError(s.size)
		case err == io.EOF:
			s.end, s.size = true, s.done.Load()
			s.fast.Store(s.size)
		case err != nil:
			s.err = err
		case n > 0:
			idle = 0
		default:
			if idle++; idle == 100 {
				s.err = io.ErrNoProgress
			}
		}
	}
	s.r.Close()
	s.r = nil
}

// start opens the decoder and passes over what is kept.
func (s *Stream) start() error {
	r, err := s.open()
	if err != nil {
		return err
	}
	if done := s.done.Load(); done > 0 {
		if _, err := io.CopyN(io.Discard, r, done); err != nil {
			r.Close()
			return noEOF(err)
		}
	}
	s.r = r
	return nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (s *Stream) keep(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	done := s.done.Load()
	f := s.file.Load()
	if f == nil && done+int64(len(p)) <= spoolMemory {
		s.mem = append(s.mem, p...)
		s.done.Add(int64(len(p)))
		return nil
	}
	if f == nil {
		var err error
		if f, err = NewScratch(s.dir, max(s.size, done)); err != nil {
			return err
		}
		if _, err := f.WriteAt(s.mem, 0); err != nil {
			f.Close()
			return err
		}
		s.file.Store(f)
		s.mem = nil
	}
	if s.size < 0 { // by large steps: each is a call to the system
		if err := f.grow((done + int64(len(p)) + 1<<24) &^ (1<<24 - 1)); err != nil {
			return err
		}
	}
	if _, err := f.WriteAt(p, done); err != nil {
		return err
	}
	s.fast.Store(s.done.Add(int64(len(p))) - 1) // the last byte waits for the end
	return nil
}
