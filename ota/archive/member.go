package archive

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A walk looks at what stands before the directory: local headers, data
// descriptors, and what lies between them. It reads with a window of its own,
// so that no more than the headers themselves is read.
type walk struct {
	b   blob.Blob
	end int64 // of the members: where the directory begins
	buf []byte
}

// read gives the n bytes at off, fewer where the members end. They are valid
// until the next read.
func (w *walk) read(off int64, n int) ([]byte, error) {
	if off < 0 || off > w.end {
		return nil, nil
	}
	n = int(min(int64(n), w.end-off))
	if cap(w.buf) < n {
		w.buf = make([]byte, n)
	}
	p := w.buf[:n]
	if m, err := w.b.ReadAt(p, off); m < n {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("zip: at byte %#x: %w", off, err)
	}
	return p, nil
}

// A local is the part of a local header that the directory repeats.
type local struct {
	flags, method     uint16
	crc               uint32
	stored, size      int64
	nameLen, extraLen int
}

// header reads e's local header and sets e.Data. It answers false when none
// stands there, or when it is another entry's.
func (w *walk) header(e *Entry, raw string) (l local, ok bool, err error) {
	if e.Header < 0 {
		return l, false, nil
	}
	p, err := w.read(e.Header, lenLocal+len(raw))
	if err != nil {
		return l, false, err
	}
	if len(p) < lenLocal {
		e.refuse("its local header does not lie before the directory")
		return l, false, nil
	}
	c := parse.NewCursor("zip", p, e.Header)
	if c.U32LE() != sigLocal {
		e.refuse("no local header stands at its offset")
		return l, false, nil
	}
	c.Skip(2)
	l.flags, l.method = c.U16LE(), c.U16LE()
	c.Skip(4)
	l.crc = c.U32LE()
	l.stored, l.size = int64(c.U32LE()), int64(c.U32LE())
	l.nameLen, l.extraLen = int(c.U16LE()), int(c.U16LE())
	data := e.Header + lenLocal + int64(l.nameLen) + int64(l.extraLen)
	if data > w.end {
		e.refuse("its local header runs into the directory")
		return l, false, nil
	}
	e.Data = data
	// FindEntry: "lfh name did not match central directory", kInconsistentInformation.
	if l.nameLen != len(raw) || string(p[lenLocal:]) != raw {
		e.refuse("its local header has another name: %s", w.localName(e.Header, l.nameLen))
		return l, false, nil
	}
	return l, true, nil
}

// localName is the name of the local header at off, for a message.
func (w *walk) localName(off int64, n int) string {
	const most = 80
	p, err := w.read(off+lenLocal, min(n, most))
	if err != nil {
		return "unreadable"
	}
	s := parse.Escape(string(p))
	if n > most {
		s += "…"
	}
	return s
}

// check compares the local header with the directory as FindEntry and
// ValidateDataDescriptor of libziparchive do. It gives the end of what belongs
// to the member; what lies behind a header that contradicts the directory is
// not known to belong to it.
func (w *walk) check(e *Entry, l local) (end int64, err error) {
	if e.Stored < 0 {
		return e.Data, nil // refused already: the size is not known
	}
	if e.Stored > w.end-e.Data {
		e.refuse("its data runs into the directory")
		return e.Data, nil
	}
	end = e.Data + e.Stored
	if l.method != e.Method {
		e.note("its local header says method %d, which a reader of streams follows; Android reads the directory", l.method)
	}
	if diff := (l.flags ^ e.Flags) & flagsCompared; diff != 0 {
		e.note("its local header has the flags %#04x, the directory %#04x", l.flags, e.Flags)
	}
	if l.stored == max32 || l.size == max32 {
		if why, err := w.zip64(e, &l); err != nil || why != "" {
			if err == nil {
				e.refuse("in its local header %s", why)
			}
			return e.Data, err
		}
	}
	if l.flags&flagDescriptor != 0 {
		// The fields of the local header are to be zero then, and nobody looks.
		return w.descriptor(e, end)
	}
	if l.stored != e.Stored || l.size != e.Size || l.crc != e.CRC32 {
		e.refuse("its local header contradicts the directory: %d bytes stored as %d, CRC %08x; the directory: %d, %d, %08x",
			l.size, l.stored, l.crc, e.Size, e.Stored, e.CRC32)
		return e.Data, nil
	}
	return end, nil
}

// zip64 puts the sizes of the local header's zip64 field into l.
func (w *walk) zip64(e *Entry, l *local) (why string, err error) {
	if l.stored != max32 || l.size != max32 {
		return "one size alone refers to a zip64 field", nil
	}
	extra, err := w.read(e.Data-int64(l.extraLen), l.extraLen)
	if err != nil {
		return "", err
	}
	return zip64Fields(extra, &l.size, &l.stored), nil
}

// descriptor checks the data descriptor at off, 4.3.9: crc, stored and
// uncompressed size, with or without a signature, with sizes of 4 or 8 bytes.
func (w *walk) descriptor(e *Entry, off int64) (end int64, err error) {
	const narrow, most = 4 + 4 + 4 + 4, 4 + 4 + 8 + 8
	wide := e.Stored >= max32 || e.Size >= max32
	n := narrow
	if wide {
		n = most
	}
	p, err := w.read(off, n)
	if err != nil {
		return off, err
	}
	length, ok := findDescriptor(e, p, wide)
	if !ok && !wide {
		// Some writers give all sizes 8 bytes.
		if p, err = w.read(off, most); err != nil {
			return off, err
		}
		if length, ok = findDescriptor(e, p, true); ok {
			e.note("its data descriptor has sizes of 8 bytes: libziparchive does not extract it")
		}
	}
	if ok {
		return off + int64(length), nil
	}
	if isDir(e.Name) && e.Size == 0 {
		e.note("its data descriptor is missing")
		return off, nil
	}
	e.refuse("its data descriptor contradicts the directory or is missing")
	return off, nil
}

// findDescriptor looks for e's data descriptor at the beginning of p and
// answers how long it is.
func findDescriptor(e *Entry, p []byte, wide bool) (n int, ok bool) {
	var space [20]byte
	want := binary.LittleEndian.AppendUint32(space[:0], e.CRC32)
	if wide {
		want = binary.LittleEndian.AppendUint64(want, uint64(e.Stored))
		want = binary.LittleEndian.AppendUint64(want, uint64(e.Size))
	} else {
		want = binary.LittleEndian.AppendUint32(want, uint32(e.Stored))
		want = binary.LittleEndian.AppendUint32(want, uint32(e.Size))
	}
	if len(p) >= 4 && binary.LittleEndian.Uint32(p) == sigDescriptor && bytes.HasPrefix(p[4:], want) {
		return 4 + len(want), true
	}
	return len(want), bytes.HasPrefix(p, want)
}
