package archive

import (
	"bufio"
	"errors"
	"fmt"
	"github.com/klauspost/compress/flate"
	"hash/crc32"
	"io"
	"io/fs"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A member is the state that all open members have: how much is still to come,
// and the checksum of what came.
type member struct {
	z      *Zip
	n      *node
	left   int64
	crc    uint32
	err    error // what every later read answers
	closed bool
}

func (m *member) Stat() (fs.FileInfo, error) { return m.n.info(), nil }

// fail makes what is wrong with the member the answer of all later reads.
func (m *member) fail(msg string, got any) error {
	m.err = fail(m.n.entry.Data, parse.ErrFormat, m.n.entry.Name+" "+msg, got)
	return m.err
}

// end is the answer once all declared bytes are read.
func (m *member) end() error {
	if m.crc != m.n.entry.CRC32 {
		return m.fail(fmt.Sprintf("does not have the declared CRC-32 %08x", m.n.entry.CRC32), m.crc)
	}
	m.err = io.EOF
	return m.err
}

func (m *member) closedError(op string) error {
	return &fs.PathError{Op: op, Path: m.n.entry.Name, Err: fs.ErrClosed}
}

// A storedFile is an open member that is not compressed.
type storedFile struct {
	member
	blob.Blob
}

func (f *storedFile) Read(p []byte) (int, error) {
	switch {
	case f.closed:
		return 0, f.closedError("read")
	case f.err != nil:
		return 0, f.err
	case f.left == 0:
		return 0, f.end()
	case len(p) == 0:
		return 0, nil
	}
	p = p[:min(int64(len(p)), f.left)]
	n, err := f.ReadAt(p, f.Size()-f.left)
	f.left -= int64(n)
	f.crc = crc32.Update(f.crc, crc32.IEEETable, p[:n])
	if n < len(p) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		f.err = fmt.Errorf("zip: %s: %w", f.n.entry.Name, err)
		return n, f.err
	}
	return n, nil
}

func (f *storedFile) Close() error {
	if f.closed {
		return f.closedError("close")
	}
	f.closed = true
	return nil
}

// inflate is the part of an open deflated member that is worth keeping for the
// next one.
type inflate struct {
	in  *bufio.Reader // flate does not read beyond the deflate data of an io.ByteReader
	out io.ReadCloser
}

// A deflatedFile is an open member that is compressed.
type deflatedFile struct {
	member
	*inflate
}

// inflate opens the deflated member n.
func (z *Zip) inflate(n *node) fs.File {
	src := io.NewSectionReader(z.b, n.entry.Data, n.entry.Stored)
	d, _ := z.flate.Get().(*inflate)
	if d == nil {
		in := bufio.NewReaderSize(src, 4096)
		d = &inflate{in: in, out: flate.NewReader(in)}
	} else {
		d.in.Reset(src)
		// The type's Reset never fails; it is declared to for zlib's sake.
		_ = d.out.(flate.Resetter).Reset(d.in, nil)
	}
	return &deflatedFile{member{z: z, n: n, left: n.entry.Size}, d}
}

func (f *deflatedFile) Read(p []byte) (int, error) {
	switch {
	case f.closed:
		return 0, f.closedError("read")
	case f.err != nil:
		return 0, f.err
	case len(p) == 0:
		return 0, nil
	case f.left == 0:
		return 0, f.tail()
	}
	p = p[:min(int64(len(p)), f.left)]
	n, err := f.out.Read(p)
	f.left -= int64(n)
	f.crc = crc32.Update(f.crc, crc32.IEEETable, p[:n])
	switch {
	case err == nil:
		return n, nil
	case err != io.EOF:
		return n, f.broken(err)
	case f.left > 0:
		return n, f.fail(fmt.Sprintf("is %d bytes shorter than declared", f.left), nil)
	}
	return n, f.end()
}

// tail sees to it that nothing follows the declared bytes.
func (f *deflatedFile) tail() error {
	var one [1]byte
	for {
		n, err := f.out.Read(one[:])
		switch {
		case n > 0:
			return f.fail("is longer than declared", f.n.entry.Size)
		case err == io.EOF:
			return f.end()
		case err != nil:
			return f.broken(err)
		}
	}
}

// broken tells broken data from a read that failed.
func (f *deflatedFile) broken(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &corrupt):
		f.err = fail(f.n.entry.Data+int64(corrupt), parse.ErrFormat, f.n.entry.Name+" is not deflate data", nil)
		return f.err
	case err == io.ErrUnexpectedEOF:
		return f.fail("ends within its deflate data", nil)
	}
	f.err = fmt.Errorf("zip: %s: %w", f.n.entry.Name, err)
	return f.err
}

func (f *deflatedFile) Close() error {
	if f.closed {
		return f.closedError("close")
	}
	f.closed = true
	f.z.flate.Put(f.inflate)
	f.inflate = nil
	return nil
}
