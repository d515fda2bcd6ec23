package codec

import (
	"compress/bzip2"
	"errors"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/otavet/otavet/ota/parse"
)

// The libraries, as errors name them.
const (
	libFlate  = "klauspost/compress/flate"
	libZstd   = "klauspost/compress/zstd"
	libBzip2  = "compress/bzip2"
	libBrotli = "andybalholm/brotli"
	libLZ4    = "pierrec/lz4"
	libLZMA   = "ulikunitz/xz/lzma"
)

// foreignKind tells what a library's error is, and of what kind.
func foreignKind(err error) (msg string, kind error) {
	switch {
	case errors.Is(err, zstd.ErrUnknownDictionary), errors.Is(err, zlib.ErrDictionary):
		return "needs a dictionary from outside", parse.ErrUnsupported
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zlib.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return "checksum does not match", parse.ErrFormat
	}
	// These have no value of their own to compare with; tests hold the texts.
	switch s := err.Error(); {
	case strings.HasPrefix(s, "lz4: invalid or unsupported frame descriptor: dictionary ID"):
		return "needs a dictionary from outside", parse.ErrUnsupported
	case strings.HasSuffix(s, "deprecated randomized files"):
		return "randomised blocks of bzip2 0.9.0 and older", parse.ErrUnsupported
	case strings.HasSuffix(s, "checksum mismatch"), strings.Contains(s, "checksum: got"):
		return "checksum does not match", parse.ErrFormat
	}
	return "is corrupt", parse.ErrFormat
}

// newBzip2 reads bzip2. The library takes streams one after another; what does
// not begin like one is ignored by bzip2, which says so and exits with 0.
func newBzip2(in *source, _ int64) io.Reader {
	return &bzip2Reader{guarded{libBzip2, Bzip2, in, bzip2.NewReader(in)}}
}

type bzip2Reader struct{ guarded }

func (b *bzip2Reader) Read(p []byte) (int, error) {
	n, err := b.guarded.Read(p)
	var bad bzip2.StructuralError
	if errors.As(err, &bad) && bad == "bad magic value in continuation file" {
		err = io.EOF
	}
	return n, err
}

// newDeflate reads raw deflate data.
func newDeflate(in *source, _ int64) io.Reader {
	return &lastReader{guarded{libFlate, Deflate, in, flate.NewReader(in)}}
}

// A lastReader is a decoder after whose data nothing may stand.
type lastReader struct{ guarded }

func (l *lastReader) Read(p []byte) (int, error) {
	n, err := l.guarded.Read(p)
	if err == io.EOF {
		err = last(l.method, l.in)
	}
	return n, err
}

// newZlib reads a zlib stream, as squashfs has them under the name of gzip.
func newZlib(in *source, _ int64) io.Reader {
	return &zlibReader{guarded{lib: libFlate, method: Zlib, in: in}}
}

type zlibReader struct{ guarded }

func (z *zlibReader) Read(p []byte) (n int, err error) {
	defer z.recover(&err)
	if z.r == nil {
		r, err := zlib.NewReader(z.in)
		if err != nil {
			return 0, noEOF(err)
		}
		z.r = r
	}
	n, err = z.r.Read(p)
	if err == io.EOF {
		err = last(Zlib, z.in)
	}
	return n, err
}

// newGzip reads gzip members. Zero bytes may follow the last, as tape blocks
// and the paddings of images leave them; gzip ignores them and exits with 0.
func newGzip(in *source, _ int64) io.Reader {
	return &gzipReader{guarded: guarded{lib: libFlate, method: Gzip, in: in}}
}

type gzipReader struct {
	guarded
	z *gzip.Reader
}

func (g *gzipReader) Read(p []byte) (n int, err error) {
	defer g.recover(&err)
	if g.z == nil {
		// No members at all are no gzip file, though the library takes them.
		if g.z, err = gzip.NewReader(g.in); err != nil {
			g.z = nil
			return 0, noEOF(err)
		}
		g.z.Multistream(false)
	}
	for {
		n, err = g.z.Read(p)
		if n > 0 && err == io.EOF {
			return n, nil // the library says io.EOF again
		}
		if err != io.EOF {
			return n, err
		}
		if err = g.next(); err != nil {
			return 0, err
		}
	}
}

// next goes to the next member: io.EOF if there is none.
func (g *gzipReader) next() error {
	b, err := g.in.buf.Peek(1)
	if err != nil {
		return err
	}
	if b[0] == 0 {
		_, all, err := g.in.zeros()
		switch {
		case err != nil:
			return err
		case !all:
			return fail(Gzip, g.in.off, parse.ErrFormat, "bytes behind the end of the last member", nil, nil)
		}
		return io.EOF
	}
	if err := g.z.Reset(g.in); err != nil {
		return noEOF(err)
	}
	g.z.Multistream(false)
	return nil
}

// newBrotli reads one brotli stream. The library finds bytes that follow in what
// it has read ahead, and stops reading at its end: what it has not read is
// looked for here.
func newBrotli(in *source, _ int64) io.Reader {
	return &lastReader{guarded{libBrotli, Brotli, in, brotli.NewReader(in)}}
}

// newLZ4 reads LZ4 frames. The library starts no goroutines when it is told to
// use one.
func newLZ4(in *source, _ int64) io.Reader {
	z := lz4.NewReader(in)
	err := z.Apply(lz4.ConcurrencyOption(1))
	return &lz4Reader{guarded{libLZ4, LZ4, in, z}, err}
}

type lz4Reader struct {
	guarded
	err error
}

func (z *lz4Reader) Read(p []byte) (int, error) {
	if z.err != nil {
		return 0, z.err
	}
	n, err := z.guarded.Read(p)
	if err == io.EOF && z.in.off == 0 {
		err = io.ErrUnexpectedEOF // the library takes nothing for no frames
	}
	return n, err
}
