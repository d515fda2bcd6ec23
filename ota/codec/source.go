package codec

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/otavet/otavet/ota/parse"
)

// sourceSize is how far a source reads ahead. 64 KiB is where the decoders that
// read byte by byte no longer notice the cost of a read.
const sourceSize = 64 << 10

// A source is what a decoder reads from. It counts, knows a failed read from
// data that end, and is an io.ByteReader, so that no decoder reads ahead.
type source struct {
	buf     *bufio.Reader
	r       io.Reader
	off     int64 // bytes that were taken
	err     error // the failure of r, other than its end
	reading bool  // r is being read
}

var buffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, sourceSize) }}

func newSource(r io.Reader) *source {
	s := &source{r: r, buf: buffers.Get().(*bufio.Reader)}
	s.buf.Reset(reads{s})
	return s
}

// free gives the buffer back. The source must not be read any more.
func (s *source) free() {
	s.buf.Reset(nil)
	buffers.Put(s.buf)
	s.buf = nil
}

// reads is the source's r, watched.
type reads struct{ s *source }

func (w reads) Read(p []byte) (n int, err error) {
	w.s.reading = true
	// bufio gives up on a reader that gives nothing for ReadByte and Peek, but
	// not for Read, and io.ReadFull would ask for ever.
	for range 100 {
		if n, err = w.s.r.Read(p); n > 0 || err != nil {
			break
		}
	}
	w.s.reading = false
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	if err != nil && err != io.EOF {
		w.s.err = err
	}
	return n, err
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.buf.Read(p)
	s.off += int64(n)
	return n, err
}

func (s *source) ReadByte() (byte, error) {
	b, err := s.buf.ReadByte()
	if err != nil {
		return 0, err
	}
	s.off++
	return b, nil
}

// full reads all of p: io.EOF if nothing is there, else io.ErrUnexpectedEOF.
func (s *source) full(p []byte) error {
	_, err := io.ReadFull(s, p)
	return err
}

// atEnd tells whether nothing follows.
func (s *source) atEnd() (bool, error) {
	_, err := s.buf.Peek(1)
	if err == io.EOF {
		return true, nil
	}
	return false, err
}

// zeros reads up to the end and tells whether all is zero, and how much it was.
func (s *source) zeros() (n int64, all bool, err error) {
	for {
		b, err := s.ReadByte()
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil || b != 0 {
			return n, false, err
		}
		n++
	}
}

// expansion bounds what the rest of the source can become when a byte becomes
// at most ratio bytes: it is known for a source whose end is in sight, and
// without bound for others.
func (s *source) expansion(ratio int64) int64 {
	b, err := s.buf.Peek(sourceSize)
	if err == nil {
		return math.MaxInt64
	}
	return int64(len(b)) * ratio
}

// An endless source is for decoders that know their end by themselves: it ends
// with io.ErrUnexpectedEOF, which no decoder takes for the end of its data.
type endless struct{ *source }

func (e endless) Read(p []byte) (int, error) {
	n, err := e.source.Read(p)
	return n, noEOF(err)
}

func (e endless) ReadByte() (byte, error) {
	b, err := e.source.ReadByte()
	return b, noEOF(err)
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// last ends a decoder after whose data nothing may stand.
func last(m Method, in *source) error {
	end, err := in.atEnd()
	switch {
	case err != nil:
		return err
	case !end:
		return fail(m, in.off, parse.ErrFormat, "bytes behind the end of the stream", nil, nil)
	}
	return io.EOF
}

// A guarded reader is a decoder of others. Where such a decoder panics, the data
// are what it was not made for: these libraries index slices by what they
// decode, and their authors have fixed such panics before. It is malformed data
// for the caller, and the library is named so that the defect can be reported.
// A panic of the source that they read is none of theirs and goes on.
type guarded struct {
	lib    string
	method Method
	in     *source
	r      io.Reader
}

func (g *guarded) Read(p []byte) (n int, err error) {
	defer g.recover(&err)
	return g.r.Read(p)
}

// recover makes the panic of a library an error. It must be deferred itself.
func (g *guarded) recover(err *error) {
	if g.in.reading {
		return
	}
	v := recover()
	if v == nil {
		return
	}
	cause, ok := v.(error)
	if !ok {
		cause = errors.New(fmt.Sprint(v))
	}
	*err = fail(g.method, g.in.off, parse.ErrFormat, g.lib+" gave up: "+reason(cause), nil, cause)
}
