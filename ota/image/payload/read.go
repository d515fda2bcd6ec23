package payload

import (
	"bufio"
	"errors"
	"fmt"
	"hash"
	"io"
	"sort"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A Decoder undoes one compression, of the kind "bzip2", "xz" or "zstd". What it
// gives ends with io.EOF after at most size bytes; it may, but need not, refuse
// data that would give more. Reads of r are buffered, and r is an io.ByteReader.
type Decoder func(kind string, r io.Reader, size int64) (io.ReadCloser, error)

// Options say how operations are decoded.
type Options struct {
	// Decode is asked for what is compressed. Where it is nil, there are only
	// operations that are not.
	Decode Decoder
}

// Blob is the new partition, whose operations are decoded when they are touched.
// It is safe for concurrent readers. Nothing is compared with a hash: see
// CheckData and Check.
//
// The error is parse.ErrUnsupported and names the operation where one needs the
// older image or is not known, or where the installer would compute a part, or
// where blocks of a delta payload are not written at all. Reading gives a
// *parse.Error where an operation cannot be decoded, becomes more bytes than its
// extents have, or leaves a block of them empty, and parse.ErrLimit where one
// that is compressed becomes more than 16 MiB: a Reader has no such limit.
func (part *Partition) Blob(o Options) (blob.Blob, error) {
	return part.image(o)
}

func (part *Partition) image(o Options) (*image, error) {
	if err := part.Complete(); err != nil {
		return nil, err
	}
	if part.HashTree.Blocks > 0 || part.FEC.Blocks > 0 {
		return nil, fail(part.Offset, parse.ErrUnsupported, "the installer computes the hash tree or error correction of "+part.Name, nil)
	}
	return &image{part, o.Decode, int64(part.p.BlockSize)}, nil
}

// Data is what the payload has for an operation, as it is stored; empty where it
// has nothing.
func (part *Partition) Data(i int) (blob.Blob, error) {
	op := &part.Operations[i]
	return blob.Section(part.p.b, part.p.Data.Off+op.DataOffset, op.DataLength)
}

// An image is a partition that is written by the operations of the payload.
type image struct {
	*Partition
	decode Decoder
	block  int64 // bytes
}

func (im *image) Size() int64 { return im.New.Size }

var errNegative = errors.New("payload: negative offset")

// find gives the segment that holds the byte at off, which is inside.
func (im *image) find(off int64) *segment {
	b := uint64(off / im.block)
	i := sort.Search(len(im.segments), func(i int) bool { return im.segments[i].start > b })
	return &im.segments[i-1]
}

// place gives where the byte at off is in what the segment's operation becomes,
// and how many bytes of the segment remain.
func (im *image) place(s *segment, off int64) (in, left int64) {
	in = off - int64(s.start)*im.block
	return int64(s.skip)*im.block + in, int64(s.blocks)*im.block - in
}

func (im *image) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errNegative
	}
	for n < len(p) && off < im.New.Size {
		s := im.find(off)
		in, left := im.place(s, off)
		m := int(min(int64(len(p)-n), left))
		if err := im.readOp(p[n:n+m], int(s.op), in); err != nil {
			return n, err
		}
		n, off = n+m, off+int64(m)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readOp reads what an operation becomes, at off.
func (im *image) readOp(p []byte, i int, off int64) error {
	op := &im.Operations[i]
	switch op.Type {
	case Zero, Discard:
		clear(p)
		return nil
	case Replace:
		n := max(0, min(int64(len(p)), op.DataLength-off))
		clear(p[n:])
		m, err := im.p.b.ReadAt(p[:n], im.p.Data.Off+op.DataOffset+off)
		if int64(m) == n {
			return nil
		}
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if op.size > maxCached {
		return opFail(im.Partition, i, parse.ErrLimit, "it becomes more than 16 MiB, and can only be read in order", op.size)
	}
	b, err := im.p.cache.get(op, func() ([]byte, error) {
		r, err := im.open(i)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		b := make([]byte, op.size)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		return b, nil
	})
	if err == nil {
		copy(p, b[off:])
	}
	return err
}

// open begins to decode a compressed operation.
func (im *image) open(i int) (*opReader, error) {
	r, err := im.reader(i)
	if err != nil {
		return nil, err
	}
	if err := r.decode(); err != nil {
		return nil, err
	}
	return r, nil
}

// reader is one that has yet to decode.
func (im *image) reader(i int) (*opReader, error) {
	data, err := im.Data(i)
	if err != nil {
		return nil, err
	}
	return &opReader{im: im, i: i, size: im.Operations[i].size, src: &source{r: blob.Reader(data), left: data.Size()}}, nil
}

// A source remembers why data could not be read: that is not the decoder's error.
type source struct {
	r    io.Reader
	left int64 // bytes that are there to be read
	err  error
	hash hash.Hash // of what was read; nil: none
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.left -= int64(n)
	if err == io.EOF && s.left > 0 { // the file has shrunk
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	if s.hash != nil {
		s.hash.Write(p[:n])
	}
	return n, err
}

// An opReader gives exactly the bytes that an operation writes, and then an error
// if there are more.
type opReader struct {
	im   *image
	i    int
	r    io.ReadCloser
	src  *source
	at   int64
	made int64 // at, without zeros that fill the last block
	size int64
	pad  bool // what was decoded has ended
}

// decode sets a decoder to work on the source, where it is compressed.
func (r *opReader) decode() (err error) {
	kind := kinds[r.im.Operations[r.i].Type]
	switch {
	case kind == "":
		r.r = io.NopCloser(r.src)
		return nil
	case r.im.decode == nil:
		return opFail(r.im.Partition, r.i, parse.ErrUnsupported, "there is no decoder of "+kind, nil)
	}
	in := bufio.NewReaderSize(r.src, int(min(64<<10, max(16, r.src.left))))
	if r.r, err = r.im.decode(kind, in, r.size); err != nil {
		return r.broken(err)
	}
	return nil
}

func (r *opReader) Close() error { return r.r.Close() }

func (r *opReader) Read(p []byte) (int, error) {
	p = p[:min(int64(len(p)), r.size-r.at)]
	if len(p) == 0 {
		return 0, io.EOF
	}
	var n int
	for tries := 0; n == 0; tries++ {
		var err error
		if r.pad {
			clear(p)
			n = len(p)
		} else {
			n, err = r.r.Read(p)
			r.made += int64(n)
			if err != nil && err != io.EOF {
				return n, r.broken(err)
			}
		}
		if err == io.EOF {
			// What the device leaves in a block that is not written is not known.
			if r.at+int64(n) <= r.size-r.im.block {
				return n, opFail(r.im.Partition, r.i, parse.ErrFormat, "its data become too few bytes for its blocks", r.at+int64(n))
			}
			r.pad = true
		} else if n == 0 && tries == 100 {
			return 0, r.broken(io.ErrNoProgress)
		}
	}
	if r.at += int64(n); r.at == r.size && !r.pad {
		if err := r.ended(); err != nil {
			return 0, err // io.ReadFull would drop it
		}
	}
	return n, nil
}

// ended makes sure that nothing is left when all blocks are full.
func (r *opReader) ended() error {
	var one [1]byte
	for range 100 {
		n, err := r.r.Read(one[:])
		switch {
		case n > 0:
			return opFail(r.im.Partition, r.i, parse.ErrFormat, "its data become more bytes than its blocks have", r.size)
		case err == io.EOF:
			return nil
		case err != nil:
			return r.broken(err)
		}
	}
	return r.broken(io.ErrNoProgress)
}

// broken turns a decoder's error into one of this format, at the data.
func (r *opReader) broken(err error) error {
	if r.src.err != nil {
		return r.src.err
	}
	kind := parse.ErrFormat
	for _, k := range []error{parse.ErrUnsupported, parse.ErrLimit} {
		if errors.Is(err, k) {
			kind = k
		}
	}
	op := &r.im.Operations[r.i]
	return fail(r.im.p.Data.Off+op.DataOffset, kind, fmt.Sprintf("operation %d of %s, %v: its data cannot be decoded", r.i, r.im.Name, op.Type), err.Error())
}
