package dex

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash/adler32"

	"github.com/otavet/otavet/ota/parse"
)

// fail is the one constructor of this format's errors.
func fail(off int, kind error, msg string, got any) error {
	return &parse.Error{Format: "dex", Off: int64(off), Msg: msg, Got: got, Kind: kind}
}

// A Table is a run of records of equal size: Len of them at Off.
type Table struct{ Len, Off uint32 }

// A MapItem is one line of the table of contents: Len items of a type at Off.
type MapItem struct {
	Type     uint16
	Len, Off uint32
}

// A File is one DEX file: one header and what it refers to.
type File struct {
	Version int   // 35 to 41
	Off     int64 // of the header; not zero in a container only
	Size    int64 // file_size
	// The tables of the header, and the two that only the map tells of.
	StringIDs, TypeIDs, ProtoIDs, FieldIDs, MethodIDs, ClassDefs, CallSiteIDs, MethodHandles Table
	// Map is the map_list, among it items of types that this package does not read.
	Map []MapItem
	// Notes say in words what is odd but read, and who refuses it.
	Notes []string
	// CodeUnits is the sum over all methods of the sizes of their code, in units of two
	// bytes; code that two methods share counts twice. Unreadable code counts nothing.
	CodeUnits int64
	// Dialect says how to read opcodes that plain DEX files do not use. Open leaves it
	// Plain; whoever took the file out of another container sets it before use.
	Dialect Dialect

	b []byte // of the container
}

// Open reads the DEX file in b, or, in version 041, all files of the container, in
// their order: whoever takes the first only, misses code. Bytes behind the end are noted.
// The code of all files is charged to bud. An error is a *parse.Error.
func Open(b []byte, bud *parse.Budget) ([]*File, error) {
	var files []*File
	shared := sharing{most: maxShared * (int64(len(b)) + 1<<10)}
	for off := 0; ; {
		if len(files) == maxFiles {
			return nil, fail(off, parse.ErrLimit, "more files in one container than are read", maxFiles)
		}
		f, end, err := open(b, off, &shared)
		if err != nil {
			return nil, err
		}
		if err := bud.Produce("dex", 2*f.CodeUnits); err != nil {
			return nil, err
		}
		files = append(files, f)
		off += int(f.Size)
		if f.Version < 41 {
			end = off
		}
		if off < end {
			continue
		}
		if end < len(b) {
			f.note("%d bytes follow the end: ART 11 refuses the file, today's reads it", len(b)-end)
		}
		return files, nil
	}
}

// sharing counts what may be referred to several times.
type sharing struct{ strings, code, most int64 }

// open reads the header at off and what follows from it. end is where the container ends.
func open(b []byte, off int, shared *sharing) (f *File, end int, err error) {
	f = &File{Off: int64(off), b: b}
	if f.Version, err = version(b, off); err != nil {
		return nil, 0, err
	}
	need := lenHeader
	if f.Version >= 41 {
		need = lenHeaderV41
	}
	if len(b)-off < need {
		return nil, 0, fail(off, parse.ErrFormat, "shorter than a header", len(b)-off)
	}
	if off > 0 && f.Version < 41 {
		return nil, 0, fail(off+hdrVersion, parse.ErrFormat, "a file of a container is of a version that knows none", f.Version)
	}
	h := b[off:]
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(h[at:]) }
	switch tag := u32(hdrEndianTag); tag {
	case endianConstant:
	case reverseEndianConstant:
		return nil, 0, fail(off+hdrEndianTag, parse.ErrUnsupported, "big-endian, which no Android reads", tag)
	default:
		return nil, 0, fail(off+hdrEndianTag, parse.ErrFormat, "wrong endian tag", tag)
	}
	if n := u32(hdrHeaderSize); n != uint32(need) {
		return nil, 0, fail(off+hdrHeaderSize, parse.ErrFormat, "wrong header size", n)
	}
	size := int64(u32(hdrFileSize))
	if size < int64(need) || size > int64(len(b)-off) {
		return nil, 0, fail(off+hdrFileSize, parse.ErrFormat, "the file size is not that of the file", size)
	}
	f.Size, end = size, off+int(size)
	if f.Version >= 41 {
		if end, err = container(b, off, size); err != nil {
			return nil, 0, err
		}
	}
	f.b = b[:end]
	if err := f.tables(h, off); err != nil {
		return nil, 0, err
	}
	if err := f.readMap(int(u32(hdrMapOff))); err != nil {
		return nil, 0, err
	}
	if err := f.checkStrings(shared); err != nil {
		return nil, 0, err
	}
	if err := f.checkIDs(); err != nil {
		return nil, 0, err
	}
	return f, end, f.countCode(shared)
}

// version reads the magic at off.
func version(b []byte, off int) (int, error) {
	if len(b)-off < lenHeader {
		return 0, fail(off, parse.ErrFormat, "shorter than a header", len(b)-off)
	}
	m := b[off : off+8]
	if string(m[:4]) != magic || m[7] != 0 {
		return 0, fail(off, parse.ErrFormat, "no DEX file: wrong magic", string(m))
	}
	switch v := string(m[4:7]); v {
	case "035", "037", "038", "039", "040", "041":
		return int(v[1]-'0')*10 + int(v[2]-'0'), nil
	default: // 036 is an odex's own, which ART skips too
		return 0, fail(off+hdrVersion, parse.ErrUnsupported, "unknown version", v)
	}
}

// container reads the last two fields of a header of version 041 and gives the
// container's end.
func container(b []byte, off int, size int64) (int, error) {
	total := int64(binary.LittleEndian.Uint32(b[off+hdrContainerSize:]))
	at := int64(binary.LittleEndian.Uint32(b[off+hdrHeaderOffset:]))
	if at != int64(off) {
		return 0, fail(off+hdrHeaderOffset, parse.ErrFormat, "a header does not stand where it says", at)
	}
	if total > int64(len(b)) || total-at < size {
		return 0, fail(off+hdrContainerSize, parse.ErrFormat, "the container size is not that of the container", total)
	}
	if off > 0 && total != int64(binary.LittleEndian.Uint32(b[hdrContainerSize:])) {
		return 0, fail(off+hdrContainerSize, parse.ErrFormat, "the files of a container disagree on its size", total)
	}
	return int(total), nil
}

// tables reads the sizes and offsets of the header h at off.
func (f *File) tables(h []byte, off int) error {
	var link, data Table
	for _, t := range []struct {
		at, width, align int
		most             uint32
		to               *Table
		name             string
	}{
		{hdrLink, 1, 1, NoIndex, &link, "link"},
		{hdrStringIDs, lenStringID, 4, NoIndex, &f.StringIDs, "string_ids"},
		{hdrTypeIDs, lenTypeID, 4, maxTypes, &f.TypeIDs, "type_ids"},
		{hdrProtoIDs, lenProtoID, 4, maxTypes, &f.ProtoIDs, "proto_ids"},
		{hdrFieldIDs, lenFieldID, 4, NoIndex, &f.FieldIDs, "field_ids"},
		{hdrMethodIDs, lenMethodID, 4, NoIndex, &f.MethodIDs, "method_ids"},
		{hdrClassDefs, lenClassDef, 4, NoIndex, &f.ClassDefs, "class_defs"},
		{hdrData, 1, 1, NoIndex, &data, "data"},
	} {
		t.to.Len = binary.LittleEndian.Uint32(h[t.at:])
		t.to.Off = binary.LittleEndian.Uint32(h[t.at+4:])
		switch {
		case t.to.Len == 0:
			if t.to.Off != 0 {
				f.note("%s is empty and has an offset: ART of some releases refuses the file", t.name)
			}
		case t.to.Len > t.most:
			return fail(off+t.at, parse.ErrFormat, "more "+t.name+" than a 16-bit index can name", t.to.Len)
		case int64(t.to.Off) < f.Off || !f.holds(*t.to, t.width):
			return fail(off+t.at, parse.ErrFormat, t.name+" lies outside the file", t.to.Off)
		case t.to.Off%uint32(t.align) != 0:
			return fail(off+t.at+4, parse.ErrFormat, t.name+" is not aligned", t.to.Off)
		}
	}
	return nil
}

// holds tells whether the records of t, each of width bytes, lie in the file.
func (f *File) holds(t Table, width int) bool {
	return uint64(t.Off)+uint64(t.Len)*uint64(width) <= uint64(len(f.b))
}

func (f *File) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

// ChecksumOK tells whether the header's adler32 is that of the file. ART asks for it where it
// opens a file that nobody compiled ahead of time.
func (f *File) ChecksumOK() bool {
	h := f.b[f.Off:][:f.Size]
	return binary.LittleEndian.Uint32(h[hdrChecksum:]) == adler32.Checksum(h[hdrSignature:])
}

// SignatureOK tells whether the header's SHA-1 is that of the file.
func (f *File) SignatureOK() bool {
	h := f.b[f.Off:][:f.Size]
	return [20]byte(h[hdrSignature:]) == sha1.Sum(h[hdrFileSize:])
}

func (f *File) u16(off int) uint32 { return uint32(binary.LittleEndian.Uint16(f.b[off:])) }
func (f *File) u32(off int) uint32 { return binary.LittleEndian.Uint32(f.b[off:]) }
