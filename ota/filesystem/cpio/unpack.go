package cpio

import (
	"bytes"
	"fmt"
	"io"

	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/parse"
)

// An unpacker goes through a ramdisk as unpack_to_rootfs of Linux does.
type unpacker struct {
	fs      *FS
	tree    *tree
	left    int64 // bytes that streams may still become
	streams int
	bud     *parse.Budget
	current *Archive // nil: none is open
	entries int
	buf     [lenHeader + pathMax + 4]byte
	piece   []byte // of data
}

// unpack reads all archives.
func (u *unpacker) unpack() error {
	in := inPlace(u.fs.b, 0)
	for plain := false; ; {
		first, err := in.zeros()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if plain && in.off&3 != 0 {
			return in.fail(parse.ErrFormat, "not a multiple of four bytes between archives", in.off)
		}
		if plain = first == '0' && in.off&3 == 0; plain {
			if err := u.entry(in); err != nil {
				return err
			}
			u.fs.size = in.off
			continue
		}
		u.close("")
		end, err := u.compressed(in.off)
		if err != nil {
			return err
		}
		u.close("")
		u.fs.size = end
		in.seek(end)
	}
	u.close("")
	if u.entries == 0 {
		return fail(0, parse.ErrFormat, "no entry of a cpio archive", nil)
	}
	return nil
}

// compressed reads a compressed stream, and gives the offset of its end.
func (u *unpacker) compressed(off int64) (int64, error) {
	s, err := u.open(off)
	if err != nil {
		return 0, err
	}
	defer s.close()
	if err := u.archive(s.source()); err != nil {
		return 0, err
	}
	return s.end(), nil
}

// archive reads what a stream becomes: archives with zeros between them, none of
// them compressed again.
func (u *unpacker) archive(in *source) error {
	for {
		_, err := in.zeros()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if in.off&3 != 0 {
			return in.fail(parse.ErrFormat, "not a multiple of four bytes between archives", in.off)
		}
		if err := u.entry(in); err != nil {
			return err
		}
	}
}

// close ends the archive that is open.
func (u *unpacker) close(name string) {
	if u.current == nil {
		return
	}
	if name == "" {
		u.fs.notes.State("the archive at byte %#x has no %s", u.current.Off, trailer)
	}
	u.fs.archives = append(u.fs.archives, *u.current)
	u.current = nil
}

// entry reads one entry.
func (u *unpacker) entry(in *source) error {
	at := *in // for errors
	p := u.buf[:lenHeader]
	if err := in.take(p[:lenMagic]); err != nil {
		return err
	}
	switch string(p[:lenMagic]) {
	case magicNew, magicCRC:
	case magicODC:
		return at.fail(parse.ErrUnsupported, "the older format odc of cpio", magicODC)
	default:
		return at.fail(parse.ErrFormat, "no header of an entry", string(p[:lenMagic]))
	}
	if err := in.take(p[lenMagic:]); err != nil {
		return err
	}
	h, bad := readHeader(p)
	if bad >= 0 {
		at.off += int64(bad)
		return at.fail(parse.ErrFormat, "not a hexadecimal digit", p[bad])
	}
	if err := u.bud.Entry("cpio", 1); err != nil {
		return err
	}
	if u.entries++; u.entries > maxEntries {
		return at.fail(parse.ErrLimit, fmt.Sprintf("more than %d entries", maxEntries), nil)
	}
	if u.current == nil {
		u.current = &Archive{Off: at.off}
		if in.place == nil {
			u.current.Off, u.current.Method = in.start, codec.Method(in.what)
		}
	}
	u.current.Sums = u.current.Sums || h.sums
	why, err := u.body(in, &at, &h)
	if err != nil {
		return err
	}
	if why != "" {
		u.current.Entries++
		u.fs.notes.State("the entry at %s is passed over: %s", at.position(), why)
	}
	return nil
}

// position is where the source is, in words.
func (s *source) position() string {
	if s.place != nil {
		return fmt.Sprintf("byte %#x", s.off)
	}
	return fmt.Sprintf("byte %#x of the stream at %#x", s.off, s.start)
}

// body reads what follows a header, or passes over it for a reason.
func (u *unpacker) body(in, at *source, h *header) (why string, err error) {
	kind := h.mode & modeType
	switch {
	case h.name == 0 || h.name > pathMax:
		why = "its name is empty or longer than 4096 bytes"
	case kind == modeLink && h.size > pathMax:
		why = "the target of its link is longer than 4095 bytes"
	case kind != modeLink && kind != modeRegular && h.size > 0:
		why = "not a regular file, and it has data"
	}
	if why != "" {
		return why, in.pass(stored(h.name) + int64(h.size) + pad(h.size))
	}
	p := u.buf[:stored(h.name)]
	if err := in.take(p); err != nil {
		return "", err
	}
	if p[h.name-1] != 0 {
		// Linux before 6.13 goes on reading up to a NUL, wherever it is.
		return "", at.fail(parse.ErrFormat, "a name without a NUL at its end", h.name)
	}
	name := string(p[:bytes.IndexByte(p, 0)])
	if len(name) != int(h.name)-1 {
		u.fs.notes.State("%s: bytes follow the NUL that ends its name", spell(name))
	}
	if name == trailer && kind != modeLink {
		u.tree.trailer()
		u.close(name)
		return "", in.pass(int64(h.size) + pad(h.size))
	}
	u.current.Entries++
	e := entry{header: h, name: name}
	switch {
	case kind == modeLink:
		p := u.buf[:h.size]
		if err := in.take(p); err != nil {
			return "", err
		}
		if i := bytes.IndexByte(p, 0); i >= 0 {
			p = p[:i]
		}
		e.target = string(p)
	case h.size > 0:
		if e.data, err = u.data(in, at, h); err != nil {
			return "", err
		}
	}
	if err := u.tree.put(&e); err != nil {
		return "", err
	}
	return "", in.pass(pad(h.size))
}

// A run is where the data of a file are.
type run struct {
	decoded   bool // in FS.decoded; else in FS.b
	off, size int64
}

// data passes over the data of a file and keeps those that were decoded.
func (u *unpacker) data(in, at *source, h *header) (run, error) {
	r := run{decoded: in.place == nil, off: in.off, size: int64(h.size)}
	switch {
	case r.decoded:
		r.off = u.fs.spool.size
	case !h.sums:
		return r, in.pass(r.size)
	case r.size > in.place.Size()-in.off: // before all of them are read
		return r, in.pass(r.size)
	}
	if u.piece == nil {
		u.piece = make([]byte, 64<<10)
	}
	var sum uint32
	for left := r.size; left > 0; {
		p := u.piece[:min(left, int64(len(u.piece)))]
		if err := in.take(p); err != nil {
			return r, err
		}
		left -= int64(len(p))
		if h.sums {
			for _, c := range p {
				sum += uint32(c)
			}
		}
		if !r.decoded {
			continue
		}
		if _, err := u.fs.spool.Write(p); err != nil {
			return r, err
		}
	}
	if h.sums && sum != h.sum {
		return r, at.fail(parse.ErrFormat, "the data do not have the sum of their header", sum)
	}
	return r, nil
}
