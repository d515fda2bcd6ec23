package cpio

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/parse"
)

// maxStreams bounds the compressed streams, since a decoder can take longer to be made than to
// decode a small one. Bootloaders join less than ten.
const maxStreams = 64

// A stream is one compressed stream of a ramdisk, of which only decoding, or a
// walk over its headers, tells where it ends: what follows may be compressed
// otherwise. package codec reads up to the end of the bytes that it is given, so
// that it gets exactly one stream. Of gzip and bzip2 the end shows by decoding
// alone; these are read with the standard library, which leaves what follows.
type stream struct {
	u      *unpacker
	method codec.Method
	start  int64
	dec    io.Reader
	length func() int64 // of the stream, once dec is at its end
	free   func() error
	err    error
}

// open opens the stream that begins at off.
func (u *unpacker) open(off int64) (*stream, error) {
	rest, err := blob.Section(u.fs.b, off, u.fs.b.Size()-off)
	if err != nil {
		return nil, err
	}
	head, err := blob.ReadRange(rest, 0, min(rest.Size(), codec.DetectSize))
	if err != nil {
		return nil, err
	}
	m, ok := codec.Detect(head)
	if !ok {
		return nil, unknown(off, string(head))
	}
	if u.streams++; u.streams > maxStreams {
		return nil, fail(off, parse.ErrLimit, fmt.Sprintf("more than %d compressed streams", maxStreams), nil)
	}
	s := &stream{u: u, method: m, start: off, free: func() error { return nil }}
	size := rest.Size()
	switch m {
	case codec.Gzip:
		in := newCounted(blob.Reader(rest))
		s.dec, s.length = &member{in: in}, in.used
	case codec.Bzip2:
		// Two letters that begin no further stream, so that the end is always
		// known by them.
		in := newCounted(io.MultiReader(blob.Reader(rest), strings.NewReader("\xff\xff")))
		s.dec, s.length = &bunzip{in, bzip2.NewReader(in.buf)}, func() int64 { return in.used() - 2 }
	case codec.LZMA:
		err = s.lzma(rest)
	default:
		if size, err = u.extent(m, off); err == nil {
			s.length = func() int64 { return size }
			err = s.codec(rest, size)
		}
	}
	if err != nil {
		return nil, s.judge(err)
	}
	return s, nil
}

// most is how many bytes n compressed ones may become.
func most(n int64) int64 { return 1<<20 + min(n, math.MaxInt64/2/parse.MaxRatio)*parse.MaxRatio }

// unknown is the error for bytes that begin neither an archive nor a stream.
func unknown(off int64, head string) error {
	for _, m := range []string{magicBinary, magicSwapped} {
		if strings.HasPrefix(head, m) {
			return fail(off, parse.ErrUnsupported, "the older binary format of cpio", nil)
		}
	}
	return fail(off, parse.ErrFormat, "neither an archive nor a compression that is known", head[:min(len(head), 6)])
}

// codec decodes the n first bytes of b.
func (s *stream) codec(b blob.Blob, n int64) error {
	in, err := blob.Section(b, 0, n)
	if err != nil {
		return err
	}
	r, err := codec.NewReader(s.method, blob.Reader(in), most(n))
	if err != nil {
		return err
	}
	s.dec, s.free = r, r.Close
	return nil
}

func (s *stream) close() { s.free() }

// end is where the stream ends, once all of it was read.
func (s *stream) end() int64 { return s.start + s.length() }

func (s *stream) source() *source {
	return &source{in: bufio.NewReaderSize(s, 64<<10), start: s.start, what: string(s.method)}
}

// Read holds the decoder to the limits, and makes its errors ours.
func (s *stream) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.dec.Read(p)
	if left := &s.u.left; int64(n) > *left {
		n, err = int(*left), fail(s.start, parse.ErrLimit, "the "+string(s.method)+" stream becomes too much for the size of the ramdisk", nil)
	}
	s.u.left -= int64(n)
	if charged := s.u.bud.Produce("cpio", int64(n)); charged != nil {
		n, err = 0, charged
	}
	if err != nil {
		s.err = s.judge(err)
	}
	return n, s.err
}

// judge makes the error of a decoder one of this package, whose offset counts in
// the ramdisk.
func (s *stream) judge(err error) error {
	var pe *parse.Error
	var flaw flaw
	switch {
	case err == io.EOF:
		return err
	case errors.As(err, &pe) && pe.Format == "cpio":
		return err
	case errors.As(err, &pe):
		return fail(s.at(pe.Off), pe.Kind, string(s.method)+": "+pe.Msg, pe.Got)
	case errors.As(err, &flaw):
		return fail(s.at(flaw.off), parse.ErrFormat, string(s.method)+": "+flaw.Error(), nil)
	}
	return err
}

// at is the offset in the ramdisk of one in the stream.
func (s *stream) at(off int64) int64 { return min(s.start+max(off, 0), s.u.fs.b.Size()) }

// lzma decodes the stream at the beginning of b, of which package codec tells by an
// error that something follows. Where it does so it decodes that much again, to
// be sure that it was that.
func (s *stream) lzma(b blob.Blob) error {
	if err := s.codec(b, b.Size()); err != nil {
		return err
	}
	l := &lzmaReader{s: s, b: b, r: s.dec, size: b.Size()}
	s.dec, s.length = l, func() int64 { return l.size }
	return nil
}

type lzmaReader struct {
	s    *stream
	b    blob.Blob
	r    io.Reader
	n    int64 // bytes that came out
	size int64
}

func (l *lzmaReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.n += int64(n)
	var pe *parse.Error
	if errors.As(err, &pe) && pe.Kind == parse.ErrFormat && pe.Off > 0 && pe.Off < l.b.Size() {
		l.s.close()
		if l.s.codec(l.b, pe.Off) != nil {
			return n, err
		}
		again := l.s.dec
		l.s.dec = l
		if all, wrong := io.Copy(io.Discard, again); wrong == nil && all == l.n {
			l.size, err = pe.Off, io.EOF
		}
	}
	return n, err
}

// A flaw is an error of the standard library's decoders.
type flaw struct {
	off int64 // bytes that were read
	error
}

// A counted reader knows how many bytes were read of it, and its own errors.
type counted struct {
	buf *bufio.Reader // what a decoder reads, which takes no more than it needs
	r   io.Reader
	got int64
	err error // other than its end
}

func newCounted(r io.Reader) *counted {
	c := &counted{r: r}
	c.buf = bufio.NewReaderSize(c, 64<<10)
	return c
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.got += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// used is how many bytes the decoder has read.
func (c *counted) used() int64 { return c.got - int64(c.buf.Buffered()) }

// flaw is the error of a decoder that reads from c.
func (c *counted) flaw(err error) error {
	switch {
	case c.err != nil:
		return c.err
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return flaw{c.used(), errors.New("ends within its data")}
	}
	return flaw{c.used(), fmt.Errorf("is corrupt: %w", err)}
}

// A member is one member of a gzip file.
type member struct {
	in *counted
	z  *gzip.Reader
}

func (m *member) Read(p []byte) (int, error) {
	if m.z == nil {
		z, err := gzip.NewReader(m.in.buf)
		if err != nil {
			return 0, m.in.flaw(err)
		}
		z.Multistream(false)
		m.z = z
	}
	n, err := m.z.Read(p)
	if err != nil && err != io.EOF {
		err = m.in.flaw(err)
	}
	return n, err
}

// A bunzip is one or several bzip2 streams, as pbzip2 makes them of one. Linux would want an
// archive's end, or zeros, at the end of each.
type bunzip struct {
	in *counted
	r  io.Reader
}

func (b *bunzip) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	var bad bzip2.StructuralError
	switch {
	case err == nil:
	case errors.As(err, &bad) && bad == "bad magic value in continuation file":
		err = io.EOF
	default:
		err = b.in.flaw(err)
	}
	return n, err
}
