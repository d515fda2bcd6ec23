package archive

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxAhead bounds one read of headers: half of what Linux reads ahead.
	maxAhead = 64 << 10
	// maxSkip is how much data is rather read than jumped over: a page, which
	// is what a jump costs to read anyway.
	maxSkip = 4 << 10
)

// A tarWalk reads a tar from its beginning to its end. After a jump over data it
// reads what is asked for; as long as there is none to jump over, it reads twice
// as much each time.
type tarWalk struct {
	b     blob.Blob
	size  int64
	buf   []byte
	off   int64 // of buf
	ahead int
	end   int64 // where the archive ends, once that is known
}

// read gives the n bytes at off, fewer where the file ends. They are valid until
// the next read.
func (w *tarWalk) read(off int64, n int) ([]byte, error) {
	if off >= w.size {
		return nil, nil
	}
	n = int(min(int64(n), w.size-off))
	have := w.off + int64(len(w.buf))
	if off >= w.off && off+int64(n) <= have {
		return w.buf[off-w.off:][:n], nil
	}
	if off >= w.off && off <= have+maxSkip {
		w.ahead = min(max(2*w.ahead, lenBlock), maxAhead)
	} else {
		w.ahead = lenBlock
	}
	m := int(min(int64(max(n, w.ahead)), w.size-off))
	if cap(w.buf) < m {
		w.buf = make([]byte, m)
	}
	w.buf, w.off = w.buf[:m], off
	if got, err := w.b.ReadAt(w.buf, off); got < m {
		w.buf = nil
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("tar: at byte %#x: %w", off, err)
	}
	return w.buf[:n], nil
}

// A tarNext is what headers say of the member that follows them.
type tarNext struct {
	off                int64 // of the first of them
	longName, longLink *string
	cut                bool // a long name or link goes on behind a NUL
	pax                *paxHeader
	twice              bool // there are two PAX headers
}

// walk reads all headers into t.entries, and answers the bytes of the names.
func (t *Tar) walk(w *tarWalk, bud *parse.Budget) (raw []string, err error) {
	var (
		off, data int64     // of the header, and of the end of the data before it
		padded    *TarEntry // whose data that is
		next      *tarNext
		mtime     *string // of the last global header
	)
	for {
		p, err := w.read(data, int(off-data)+lenBlock)
		if err != nil {
			return nil, err
		}
		pad := p[:min(len(p), int(off-data))]
		if padded != nil && !isZero(pad) {
			padded.note("the %d bytes behind its data, up to the next block, are not all zeros", off-data)
		}
		head := tarBlock(p[len(pad):])
		if !isHeader(head) {
			if next != nil {
				return nil, failTar(next.off, parse.ErrFormat, "a PAX header or long name has no member behind it", nil)
			}
			return raw, t.stop(w, off, head)
		}
		size, err := tarNumber(head.size())
		if err == nil && size < 0 {
			err = errNegative
		}
		if err != nil {
			return nil, failTar(off+124, parse.ErrFormat, fmt.Sprintf("the size of entry %d %v", len(t.entries), err), nil)
		}
		typ := head.typeflag()
		if typ == typeSolarisPAX {
			typ = typePAX
		}
		switch typ {
		case typePAX, typeGlobal, typeLongName, typeLongLink:
			if next == nil && typ != typeGlobal {
				next = &tarNext{off: off}
			}
			if err := t.describe(w, typ, off, size, next, &mtime); err != nil {
				return nil, err
			}
			data, padded = off+lenBlock+size, nil
		default:
			if err := bud.Entry("tar", 1); err != nil {
				return nil, err
			}
			e, name := newTarEntry(head, off, size, next, mtime)
			e.Index = len(t.entries)
			next = nil
			data = off + lenBlock
			if e.Type == typeSparse && head.extended() {
				if !head.full() {
					e.note("its map goes on in the next block, and is not full in the header: GNU tar then takes that block for a header")
				}
				if data, err = w.sparseMap(data); err != nil {
					return nil, err
				}
			}
			if e.Data >= 0 {
				e.Data = data
				if e.Size > w.size-data {
					return nil, failTar(w.size, parse.ErrFormat, fmt.Sprintf("the file ends within the data of entry %d, %s, of which this many bytes are missing",
						e.Index, clip(e.Name, 80)), e.Size-(w.size-data))
				}
				data += e.Size
			}
			t.entries = append(t.entries, e)
			padded = &t.entries[e.Index]
			raw = append(raw, name)
		}
		off = data + -data&(lenBlock-1)
	}
}

// describe reads the header of type typ at off, which describes what follows.
func (t *Tar) describe(w *tarWalk, typ byte, off, size int64, next *tarNext, mtime **string) error {
	most, what := int64(maxTarName)+1, "a long name is longer than 64 KiB" // and a NUL
	if typ == typePAX || typ == typeGlobal {
		most, what = maxPAX, "a PAX header is longer than 1 MiB"
	}
	if size > most {
		return failTar(off, parse.ErrLimit, what, size)
	}
	p, err := w.read(off+lenBlock, int(size))
	if err != nil {
		return err
	}
	if int64(len(p)) < size {
		return failTar(w.size, parse.ErrFormat, "the file ends within a PAX header or long name", nil)
	}
	switch typ {
	case typeLongName, typeLongLink:
		s := cString(p)
		if typ == typeLongName {
			next.longName = &s
		} else {
			next.longLink = &s
		}
		next.cut = next.cut || !isZero(p[len(s):])
		return nil
	case typePAX:
		h, err := parsePAX(p, off+lenBlock)
		next.twice = next.twice || next.pax != nil
		next.pax = &h
		return err
	}
	h, err := parsePAX(p, off+lenBlock)
	if err != nil {
		return err
	}
	// GNU tar applies these to every later member, archive/tar and older
	// libarchives to none.
	if key := h.disputed(); key != "" {
		return failTar(off, parse.ErrUnsupported, "a global PAX header gives every member one "+key+", which readers disagree on", nil)
	}
	if h.mtime != nil {
		*mtime = h.mtime
	}
	return nil
}

// sparseMap skips the blocks that go on with the map of an old GNU sparse file.
func (w *tarWalk) sparseMap(off int64) (int64, error) {
	for {
		p, err := w.read(off, lenBlock)
		if err != nil {
			return 0, err
		}
		if len(p) < lenBlock {
			return 0, failTar(w.size, parse.ErrFormat, "the file ends within the map of a sparse file", nil)
		}
		off += lenBlock
		if !tarBlock(p).goesOn() {
			return off, nil
		}
	}
}

// newTarEntry makes the entry of one member: of its header, which stands at off, and
// of what stands before it. Data is 0 where the type has data, else -1.
func newTarEntry(head tarBlock, off, size int64, next *tarNext, mtime *string) (e TarEntry, name string) {
	e = TarEntry{Type: head.typeflag(), Header: off, Size: size}
	name, link := head.name(), head.linkname()
	if head.magic() == magicUSTAR && head.prefix() != "" {
		name = head.prefix() + "/" + name
	}
	if mode, err := tarNumber(head.mode()); err != nil {
		e.note("its mode %v", err)
	} else {
		e.Mode = unixMode(uint16(mode & 0o7777))
	}
	if sec, err := tarNumber(head.mtime()); err != nil {
		e.note("its time %v", err)
	} else {
		e.Modified = time.Unix(sec, 0).UTC()
	}
	if next == nil {
		next = &tarNext{}
	}
	if next.cut {
		e.note("its long name goes on behind a NUL byte, where C programs end it")
	}
	if next.twice {
		e.note("it has two PAX headers, of which the last counts")
	}
	e.choose(&name, next.longName, nil, "name")
	e.choose(&link, next.longLink, nil, "link")
	if p := next.pax; p != nil {
		if p.size != nil {
			e.Size = *p.size
		}
		if p.mtime != nil {
			mtime = p.mtime
		}
		path := p.path
		if p.sparseName != nil {
			path = p.sparseName
		}
		e.choose(&name, path, next.longName, "name")
		e.choose(&link, p.linkpath, next.longLink, "link")
		if p.sparse != "" {
			e.refuse("a sparse file (%s), which is not supported", p.sparse)
		}
	}
	if mtime != nil {
		var err error
		if e.Modified, err = paxTime(*mtime); err != nil {
			e.note("its time %v", err)
		}
	}
	e.Name = parse.Escape(name)
	e.setType(name)
	if e.Type == typeHardLink || e.Type == typeSymlink {
		e.Link = parse.Escape(link)
	}
	return e, name
}

// choose puts what a describing header says in place of what the header has;
// other is what one of the other kind says.
func (e *TarEntry) choose(have, said, other *string, what string) {
	switch {
	case said == nil:
		return
	case other != nil && *other != *said:
		// archive/tar takes the long name, GNU tar the PAX header.
		e.refuse("its long %s and its PAX header contradict each other", what)
	case *said == "":
		// archive/tar keeps what the header has, POSIX says that there is none.
		e.refuse("its long %s is empty", what)
		return
	}
	*have = *said
}

// setType settles what follows from the type flag and a trailing slash.
func (e *TarEntry) setType(name string) {
	none := true
	switch e.Type {
	case typeOldRegular, typeRegular, typeContiguous:
		// tar before POSIX had no type for folders, and GNU tar goes by the
		// slash whatever the type.
		none = false
		if isDir(name) {
			e.Mode |= fs.ModeDir
			if e.Size > 0 {
				e.note("a folder with %d bytes of data", e.Size)
			}
		}
	case typeFolder:
		e.Mode |= fs.ModeDir
	case typeHardLink:
	case typeSymlink:
		e.Mode |= fs.ModeSymlink
	case typeChar:
		e.Mode |= fs.ModeDevice | fs.ModeCharDevice
	case typeBlockDev:
		e.Mode |= fs.ModeDevice
	case typeFIFO:
		e.Mode |= fs.ModeNamedPipe
	default:
		none = false
		e.Mode |= fs.ModeIrregular
		if why, ok := unsupportedTypes[e.Type]; ok {
			e.refuse("%s", why)
		} else {
			e.refuse("type %s (%#x) is unknown", parse.EscapeText(string([]byte{e.Type})), e.Type)
		}
	}
	if !none {
		return
	}
	e.Data = -1
	if e.Size == 0 {
		return
	}
	// GNU tar 1.34, bsdtar, busybox and archive/tar unpack what stands right
	// behind the header.
	switch e.Type {
	case typeHardLink, typeFolder:
		e.note("its header declares %d bytes, which its type does not have", e.Size)
	default:
		e.note("its header declares %d bytes, which its type does not have: GNU tar skips as many when it lists the archive, and none when it unpacks it", e.Size)
	}
	e.Size = 0
}

// unixMode is the permissions of a Unix mode.
func unixMode(u uint16) fs.FileMode {
	m := fs.FileMode(u & 0o777)
	if u&unixSetuid != 0 {
		m |= fs.ModeSetuid
	}
	if u&unixSetgid != 0 {
		m |= fs.ModeSetgid
	}
	if u&unixSticky != 0 {
		m |= fs.ModeSticky
	}
	return m
}

// clip is s, or the beginning of it that is short enough for a message.
func clip(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
