package ota

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/parse"
)

// memberBlob gives the bytes of a member: in place where they are stored, else as a
// Stream, which decodes no further than somebody reads. They are kept until the
// package is closed, and decoding ends with ctx.
//
// A member of the package itself is opened once, so that it is decoded once for all
// partitions that it is written to.
func (p *Package) memberBlob(ctx context.Context, name string) (blob.Blob, error) {
	if b := p.blobs[name]; b != nil {
		return b, nil
	}
	b, err := p.blobOf(ctx, p.Members, name)
	if err == nil {
		if p.blobs == nil {
			p.blobs = map[string]blob.Blob{}
		}
		p.blobs[name] = b
	}
	return b, err
}

// blobOf is memberBlob for the files of an archive within the package too, and opens each time.
func (p *Package) blobOf(ctx context.Context, fsys fs.FS, name string) (blob.Blob, error) {
	if in, ok := fsys.(archive.BlobFS); ok {
		b, release, err := in.Blob(name)
		if err == nil {
			p.keep(release)
			return blob.WithContext(ctx, b), nil
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return nil, err
		}
	}
	st, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	return p.stream(ctx, st.Size(), func() (io.ReadCloser, error) { return fsys.Open(name) }), nil
}

// decompressed gives what b decompresses to. Only the decoder knows how much
// that is, unless size says so.
func (p *Package) decompressed(ctx context.Context, b blob.Blob, method codec.Method, size int64) (blob.Blob, error) {
	stored := b.Size()
	most := mostOf(stored)
	if size >= 0 {
		most = min(most, size)
	}
	paid := new(int64)
	return p.stream(ctx, size, func() (io.ReadCloser, error) {
		// The decoders ask for single bytes: ulikunitz/xz is four times slower without.
		r, err := codec.NewReader(method, bufio.NewReaderSize(blob.Reader(b), 64<<10), most)
		if err != nil {
			return nil, err
		}
		if size >= 0 {
			return r, nil // whoever stated the size has paid for it
		}
		return &charged{ReadCloser: r, budget: p.budget, method: string(method), paid: paid}, nil
	}), nil
}

// mostOf bounds what so many stored bytes may decompress to. Images of mostly
// nothing go beyond MaxRatio with good reason: an empty partition of
// 256 MiB is 38 KiB in xz and 200 bytes in bzip2.
func mostOf(stored int64) int64 {
	const small = 256 << 20
	if stored > 1<<40 {
		stored = 1 << 40 // no overflow; the budget is below what this allows
	}
	return max(small, stored*parse.MaxRatio)
}

// charged pays for what comes out of a decoder, once: a stream that begins anew
// after a pause gives the same bytes again. A Stream decodes in one goroutine.
type charged struct {
	io.ReadCloser
	budget *parse.Budget
	method string
	at     int64
	paid   *int64
}

func (c *charged) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.at += int64(n); c.at > *c.paid {
		if over := c.budget.Produce(c.method, c.at-*c.paid); over != nil {
			return 0, over
		}
		*c.paid = c.at
	}
	return n, err
}

func (p *Package) stream(ctx context.Context, size int64, open func() (io.ReadCloser, error)) *blob.Stream {
	s := blob.NewStream(func() (io.ReadCloser, error) {
		r, err := open()
		if err != nil {
			return nil, err
		}
		return &counted{r, ctx, p}, nil
	}, size, p.opts.Spool)
	p.mu.Lock()
	p.streams = append(p.streams, s)
	p.mu.Unlock()
	p.keep(s.Close)
	return s
}

// counted counts what is decoded, and ends with the context.
type counted struct {
	io.ReadCloser
	ctx context.Context
	p   *Package
}

func (c *counted) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.ReadCloser.Read(b)
	c.p.decoded.Add(int64(n))
	return n, err
}

// pause frees the decoders of all streams of which only the head was read.
func (p *Package) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.streams {
		s.Pause()
	}
}

// Decoded is how many bytes decoders have given so far: what a test holds against
// the size of the package's images, to prove that nothing is decoded twice.
func (p *Package) Decoded() int64 { return p.decoded.Load() }

// peek reads up to n bytes at the start of b, without asking for its size: that
// could decode all of it.
func peek(b blob.Blob, n int) ([]byte, error) {
	head := make([]byte, n)
	m, err := b.ReadAt(head, 0)
	if m == n || err == io.EOF {
		err = nil
	}
	return head[:m], err
}

// sizeOf is the size of b, if it is known without decoding.
func sizeOf(b blob.Blob) (int64, bool) {
	if s, ok := b.(interface{ Known() (int64, bool) }); ok {
		return s.Known()
	}
	return b.Size(), true
}

// inPlace tells whether b is read where it lies, without decoding.
func inPlace(b blob.Blob) bool {
	_, decoded := b.(interface{ Known() (int64, bool) })
	return !decoded
}
