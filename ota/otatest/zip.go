package otatest

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
)

// A ZipBuilder writes a zip record by record and lets a test lie in each field.
// It shares no code with the reader. The zero value is an empty archive.
type ZipBuilder struct {
	Prefix  []byte // before everything; offsets count from behind it, unless Shift is set
	Shift   bool   // offsets count from the start of the file
	Members []ZipMember
	Gap     []byte // between the last member and the directory
	Extra   []byte // in the directory, behind its last record
	Behind  []byte // between the directory and what ends it
	Comment string
	Zip64   bool // a zip64 end record and locator, and an end record that refers to them

	End64   func(*ZipEnd64)     // changes the zip64 end record
	Locator func(*ZipLocator64) // changes its locator
	End     func(*ZipEnd)       // changes the end record
	Tail    []byte              // behind the comment
}

// A ZipMember is a local header, data and a central record.
type ZipMember struct {
	Name    string
	Data    []byte // uncompressed; sizes and CRC follow from it
	Deflate bool
	Raw     []byte // if not nil, stored in place of Data, whether compressed or not
	Before  []byte // before the local header

	Descriptor []byte // if not nil, behind the data; sets bit 3 and zeroes sizes and CRC of the local header
	Mode       uint32 // Unix mode; if not zero, the entry was made by Unix
	NoLocal    bool   // no local header and data: Central says where they are
	NoCentral  bool   // no central record

	Local   func(*ZipHeader) // changes the local header
	Central func(*ZipHeader) // changes the central record
}

// A ZipHeader is a local header or a central record; the former has a part of
// the fields only. Lengths of less than zero are those of the text.
type ZipHeader struct {
	Signature, MadeBy, Needs, Flags, Method, Time, Date uint32
	CRC, Stored, Size                                   uint32
	NameLen, ExtraLen, CommentLen                       int
	Disk, Internal, External, Offset                    uint32
	Name, Extra, Comment                                string
}

// A ZipEnd is the end of central directory record.
type ZipEnd struct {
	Signature, Disk, DirDisk, OnDisk, Count, Size, Offset uint32
	CommentLen                                            int
}

// A ZipEnd64 is the zip64 end record.
type ZipEnd64 struct {
	Signature                   uint32
	Disk, DirDisk               uint32
	OnDisk, Count, Size, Offset uint64
}

// A ZipLocator64 is the zip64 end record's locator.
type ZipLocator64 struct {
	Signature uint32
	Offset    uint64
}

// Deflate compresses p.
func Deflate(p []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	w.Write(p)
	w.Close()
	return b.Bytes()
}

// ZipDescriptor is the data descriptor of a member with that data, whose stored
// form has stored bytes: with a signature or without, with sizes of 8 bytes or
// of 4.
func ZipDescriptor(data []byte, stored int, signature, wide bool) []byte {
	var p []byte
	le := binary.LittleEndian
	if signature {
		p = le.AppendUint32(p, 0x08074b50)
	}
	p = le.AppendUint32(p, crc32.ChecksumIEEE(data))
	if wide {
		p = le.AppendUint64(p, uint64(stored))
		return le.AppendUint64(p, uint64(len(data)))
	}
	p = le.AppendUint32(p, uint32(stored))
	return le.AppendUint32(p, uint32(len(data)))
}

// ZipExtra is an extra field.
func ZipExtra(id uint16, data ...uint64) string {
	le := binary.LittleEndian
	p := le.AppendUint16(nil, id)
	p = le.AppendUint16(p, uint16(8*len(data)))
	for _, v := range data {
		p = le.AppendUint64(p, v)
	}
	return string(p)
}

// Bytes is the archive.
func (b *ZipBuilder) Bytes() []byte {
	out := bytes.Clone(b.Prefix)
	base := len(b.Prefix)
	if b.Shift {
		base = 0
	}
	var dir []byte
	count := 0
	for _, m := range b.Members {
		out = append(out, m.Before...)
		h := m.header(uint32(len(out) - base))
		if !m.NoLocal {
			local := h
			if m.Descriptor != nil {
				local.CRC, local.Stored, local.Size = 0, 0, 0
			}
			if m.Local != nil {
				m.Local(&local)
			}
			out = local.appendLocal(out)
			out = append(out, m.stored()...)
			out = append(out, m.Descriptor...)
		}
		if !m.NoCentral {
			if m.Mode != 0 {
				h.MadeBy = 3<<8 | 20
				h.External = m.Mode << 16
			}
			if m.Central != nil {
				m.Central(&h)
			}
			dir = h.appendCentral(dir)
			count++
		}
	}
	out = append(out, b.Gap...)
	off := len(out) - base
	dir = append(dir, b.Extra...)
	out = append(out, dir...)
	out = append(out, b.Behind...)
	return b.appendEnd(out, base, count, len(dir), off)
}

func (b *ZipBuilder) appendEnd(out []byte, base, count, size, off int) []byte {
	le := binary.LittleEndian
	e := ZipEnd{0x06054b50, 0, 0, uint32(count), uint32(count), uint32(size), uint32(off), -1}
	if b.Zip64 {
		at := len(out) - base
		e64 := ZipEnd64{0x06064b50, 0, 0, uint64(count), uint64(count), uint64(size), uint64(off)}
		if b.End64 != nil {
			b.End64(&e64)
		}
		out = le.AppendUint32(out, e64.Signature)
		out = le.AppendUint64(out, 44)
		out = le.AppendUint16(out, 45)
		out = le.AppendUint16(out, 45)
		for _, v := range []uint32{e64.Disk, e64.DirDisk} {
			out = le.AppendUint32(out, v)
		}
		for _, v := range []uint64{e64.OnDisk, e64.Count, e64.Size, e64.Offset} {
			out = le.AppendUint64(out, v)
		}
		l := ZipLocator64{0x07064b50, uint64(at)}
		if b.Locator != nil {
			b.Locator(&l)
		}
		out = le.AppendUint32(out, l.Signature)
		out = le.AppendUint32(out, 0)
		out = le.AppendUint64(out, l.Offset)
		out = le.AppendUint32(out, 1)
		e.OnDisk, e.Count, e.Size, e.Offset = 0xffff, 0xffff, 0xffffffff, 0xffffffff
	}
	if b.End != nil {
		b.End(&e)
	}
	if e.CommentLen < 0 {
		e.CommentLen = len(b.Comment)
	}
	out = le.AppendUint32(out, e.Signature)
	for _, v := range []uint32{e.Disk, e.DirDisk, e.OnDisk, e.Count} {
		out = le.AppendUint16(out, uint16(v))
	}
	out = le.AppendUint32(out, e.Size)
	out = le.AppendUint32(out, e.Offset)
	out = le.AppendUint16(out, uint16(e.CommentLen))
	out = append(out, b.Comment...)
	return append(out, b.Tail...)
}

// stored is the member's bytes as they lie in the archive.
func (m *ZipMember) stored() []byte {
	switch {
	case m.Raw != nil:
		return m.Raw
	case m.Deflate:
		return Deflate(m.Data)
	}
	return m.Data
}

// header is the honest header of a member at off.
func (m *ZipMember) header(off uint32) ZipHeader {
	h := ZipHeader{
		Signature: 0x04034b50, MadeBy: 20, Needs: 20,
		Date:   uint32(2009-1980)<<9 | 1<<5 | 1, // what signapk writes, 2009-01-01
		CRC:    crc32.ChecksumIEEE(m.Data),
		Stored: uint32(len(m.stored())), Size: uint32(len(m.Data)),
		NameLen: -1, ExtraLen: -1, CommentLen: -1,
		Offset: off, Name: m.Name,
	}
	if m.Deflate {
		h.Method = 8
	}
	if m.Descriptor != nil {
		h.Flags |= 8
	}
	return h
}

func length(n int, s string) uint16 {
	if n < 0 {
		return uint16(len(s))
	}
	return uint16(n)
}

func (h *ZipHeader) appendLocal(p []byte) []byte {
	le := binary.LittleEndian
	p = le.AppendUint32(p, h.Signature)
	for _, v := range []uint32{h.Needs, h.Flags, h.Method, h.Time, h.Date} {
		p = le.AppendUint16(p, uint16(v))
	}
	for _, v := range []uint32{h.CRC, h.Stored, h.Size} {
		p = le.AppendUint32(p, v)
	}
	p = le.AppendUint16(p, length(h.NameLen, h.Name))
	p = le.AppendUint16(p, length(h.ExtraLen, h.Extra))
	p = append(p, h.Name...)
	return append(p, h.Extra...)
}

func (h *ZipHeader) appendCentral(p []byte) []byte {
	le := binary.LittleEndian
	if h.Signature == 0x04034b50 {
		h.Signature = 0x02014b50
	}
	p = le.AppendUint32(p, h.Signature)
	for _, v := range []uint32{h.MadeBy, h.Needs, h.Flags, h.Method, h.Time, h.Date} {
		p = le.AppendUint16(p, uint16(v))
	}
	for _, v := range []uint32{h.CRC, h.Stored, h.Size} {
		p = le.AppendUint32(p, v)
	}
	p = le.AppendUint16(p, length(h.NameLen, h.Name))
	p = le.AppendUint16(p, length(h.ExtraLen, h.Extra))
	p = le.AppendUint16(p, length(h.CommentLen, h.Comment))
	p = le.AppendUint16(p, uint16(h.Disk))
	p = le.AppendUint16(p, uint16(h.Internal))
	p = le.AppendUint32(p, h.External)
	p = le.AppendUint32(p, h.Offset)
	p = append(p, h.Name...)
	p = append(p, h.Extra...)
	return append(p, h.Comment...)
}
