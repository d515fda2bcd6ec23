package erofs

import (
	"bytes"
	"errors"
	"io"

	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// extentsAtOnce is how many extents are looked up before they are read, so
	// that those that lie side by side are read at once, up to readAtOnce bytes.
	extentsAtOnce = 16
	readAtOnce    = 128 << 10

	// largeCluster is the decoded size from which on one is decoded after the
	// other: of the largest, with the window that goes with it, two take 48 MiB.
	largeCluster = 1 << 20
)

func (z *compressed) Size() int64 { return z.size }

// ReadAt decodes extents that lie within p where they belong, and keeps others
// for the next reader.
func (z *compressed) ReadAt(p []byte, off int64) (int, error) {
	p, end, err := within(p, off, z.size)
	if err != nil || len(p) == 0 {
		return 0, err
	}
	var (
		run  [extentsAtOnce]extent
		in   = input{f: z.f}
		done int
	)
	defer in.free()
	for done < len(p) {
		n, failed := z.run(run[:], off+int64(done), off+int64(len(p)))
		for i := range n {
			k, err := z.part(p[done:], off+int64(done), run[i:n], &in)
			done += k
			if err != nil {
				return done, err
			}
		}
		if failed != nil {
			return done, failed
		}
	}
	return done, end
}

// run looks up extents from off on.
func (z *compressed) run(run []extent, off, end int64) (n int, err error) {
	for n < len(run) && off < end {
		if run[n], err = z.extent(off); err != nil {
			return n, err
		}
		off = run[n].off + run[n].len
		n++
	}
	return n, nil
}

// part reads from off on what run[0] has of it; the others may be read next.
func (z *compressed) part(p []byte, off int64, run []extent, in *input) (int, error) {
	e := &run[0]
	skip := off - e.off
	n := min(int64(len(p)), e.len-skip)
	p = p[:n]
	switch e.kind {
	case kindHole:
		clear(p)
		return len(p), nil
	case kindFragment:
		n, err := z.f.packed.ReadAt(p, e.at.off+skip)
		if n == len(p) {
			err = nil
		}
		return n, err
	case kindShifted:
		return done(p, z.f.stored(p, e, skip))
	case kindInterlaced:
		return done(p, z.interlaced(p, e, skip))
	}
	key := clusterKey{e.at, e.stored, e.kind}
	if e.inline {
		key.place.box = z.at.box
	}
	if c := z.f.clusters.get(key, e.len); c != nil {
		copy(p, c.data[skip:])
		z.f.clusters.release(c)
		return len(p), nil
	}
	src, err := in.get(run)
	if err != nil {
		return 0, err
	}
	if e.len > largeCluster {
		z.f.large.Lock()
		defer z.f.large.Unlock()
	}
	if n == e.len {
		return done(p, z.f.decode(p, src, e))
	}
	data := z.f.clusters.buffer(e.len)
	if err := z.f.decode(data, src, e); err != nil {
		z.f.clusters.recycle(data)
		return 0, err
	}
	copy(p, data[skip:])
	z.f.clusters.release(z.f.clusters.add(key, data))
	return len(p), nil
}

func done(p []byte, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// stored reads what is stored of e, from byte off of it on.
func (f *FS) stored(p []byte, e *extent, off int64) error {
	if e.inline {
		return f.read(e.at.add(off), p)
	}
	return f.device(0, p, e.at.off+off)
}

// interlaced reads a plain cluster whose bytes stand in their blocks where they
// stand in the blocks of the file: what comes first, up to the end of a block of
// the file, is at the cluster's end.
func (z *compressed) interlaced(p []byte, e *extent, skip int64) error {
	first := z.f.blockMask + 1 - e.off&z.f.blockMask
	if e.stored&z.f.blockMask != 0 || first > e.stored {
		return e.at.fail(parse.ErrUnsupported, "an interlaced cluster that is no whole block", e.stored)
	}
	if skip < first {
		n := min(int64(len(p)), first-skip)
		if err := z.f.stored(p[:n], e, e.stored-first+skip); err != nil {
			return err
		}
		p, skip = p[n:], skip+n
	}
	if len(p) == 0 {
		return nil
	}
	return z.f.stored(p, e, skip-first)
}

// An input is the stored bytes of clusters that one read takes, in its order.
type input struct {
	f   *FS
	buf *[]byte
	off int64 // of what is there, in the image
	n   int64
}

// get gives what is stored of run[0], and reads what follows it in both run and
// image at once.
func (in *input) get(run []extent) ([]byte, error) {
	e := &run[0]
	if in.buf == nil {
		in.buf, _ = in.f.inputs.Get().(*[]byte)
		if in.buf == nil {
			in.buf = new([]byte)
		}
	}
	if e.inline {
		in.n = 0
		p := in.room(e.stored)
		return p, in.f.stored(p, e, 0)
	}
	if at := e.at.off - in.off; at >= 0 && at+e.stored <= in.n {
		return (*in.buf)[at : at+e.stored], nil
	}
	size := e.stored
	for i := 1; i < len(run); i++ {
		next := &run[i]
		if next.inline || next.kind >= kindShifted || next.at.off != e.at.off+size || size+next.stored > readAtOnce {
			break
		}
		size += next.stored
	}
	in.off, in.n = e.at.off, 0
	p := in.room(size)
	if err := in.f.device(0, p, in.off); err != nil {
		if size == e.stored {
			return nil, err
		}
		// What follows may be what is not there.
		p = p[:e.stored]
		if err := in.f.device(0, p, in.off); err != nil {
			return nil, err
		}
	}
	in.n = int64(len(p))
	return p[:e.stored], nil
}

func (in *input) room(n int64) []byte {
	if int64(cap(*in.buf)) < n {
		*in.buf = make([]byte, max(n, 16<<10))
	}
	*in.buf = (*in.buf)[:n]
	return *in.buf
}

func (in *input) free() {
	if in.buf != nil {
		in.f.inputs.Put(in.buf)
	}
}

// decode fills dst from the stored bytes of e.
func (f *FS) decode(dst, src []byte, e *extent) error {
	// Data stand at the end of their blocks, behind zeros, but for LZ4 in file
	// systems without zero_padding; and no block of LZ4 begins with a zero.
	for len(src) > 0 && src[0] == 0 {
		src = src[1:]
	}
	var (
		n   int
		err error
	)
	switch e.kind {
	case algLZ4:
		n, err = codec.DecodeLZ4Block(dst, src)
	case algLZMA:
		n, err = codec.DecodeMicroLZMA(dst, src)
	case algDeflate:
		n, err = stream(codec.Deflate, dst, src)
	case algZstd:
		n, err = stream(codec.Zstd, dst, src)
	}
	if err == nil && n == len(dst) {
		return nil
	}
	msg, kind := "a compressed cluster ends before its data do", parse.ErrFormat
	var pe *parse.Error
	if errors.As(err, &pe) {
		msg, kind = "a compressed cluster: "+pe.Format+": "+pe.Msg, pe.Kind
	}
	return e.at.fail(kind, msg, nil)
}

func stream(m codec.Method, dst, src []byte) (int, error) {
	r, err := codec.NewReader(m, bytes.NewReader(src), int64(len(dst)))
	if err != nil {
		return 0, err
	}
	defer r.Close()
	n, err := io.ReadFull(r, dst)
	if n == len(dst) {
		err = nil
	}
	return n, err
}
