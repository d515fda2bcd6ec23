package squashfs_test

import (
	"encoding/binary"
	"math"

	"github.com/otavet/otavet/ota/otatest"
)

var le = binary.LittleEndian

// An image is one to be written without compression, right or wrong.
type image struct {
	data, inodes, dirs, fragments, xattrs, xattrIDs []byte
	refs                                            []uint64 // of inodes, by number, from 1 on
	export                                          bool     // there is a table of them
	dirBlock                                        int      // how long blocks of lists are, if not 8192 bytes
	change                                          func(super []byte)
}

// An ent is an entry of a folder.
type ent struct {
	name   string
	ref    uint64
	number uint32
	kind   uint16
}

func (e ent) as(name string) ent {
	e.name = name
	return e
}

// metadata makes table into blocks of metadata.
func metadata(table []byte) []byte { return metadataOf(table, 8192) }

func metadataOf(table []byte, size int) []byte {
	var out []byte
	for len(table) > 0 {
		n := min(len(table), size)
		out = append(le.AppendUint16(out, uint16(n)|0x8000), table[:n]...)
		table = table[n:]
	}
	return out
}

// refTo is the reference of byte n of a table.
func refTo(n int) uint64 { return uint64(n/8192*8194)<<16 | uint64(n%8192) }

// inode writes an inode. Its number is the next one if it is zero.
func (m *image) inode(kind uint16, number uint32, rest ...any) ent {
	m.refs = append(m.refs, refTo(len(m.inodes)))
	if number == 0 {
		number = uint32(len(m.refs))
	}
	e := ent{ref: refTo(len(m.inodes)), number: number, kind: kind}
	if kind > 7 {
		e.kind -= 7
	}
	m.inodes = append(m.inodes, otatest.LE(kind, uint16(0o755), uint16(0), uint16(0), uint32(1700000000), number)...)
	for _, r := range rest {
		if s, ok := r.(string); ok {
			r = []byte(s)
		}
		m.inodes = append(m.inodes, otatest.LE(r)...)
	}
	return e
}

// dir writes a folder, which says that it is in the folder of number parent.
func (m *image) dir(number, parent uint32, entries ...ent) ent {
	at := refTo(len(m.dirs))
	size := 3
	for _, e := range entries {
		p := otatest.LE(uint32(0), uint32(e.ref>>16), e.number, uint16(e.ref), int16(0), e.kind, uint16(len(e.name)-1), []byte(e.name))
		m.dirs = append(m.dirs, p...)
		size += len(p)
	}
	if size > math.MaxUint16 {
		return m.inode(8, number, uint32(2), uint32(size), uint32(at>>16), parent, uint16(0), uint16(at), none)
	}
	return m.inode(1, number, uint32(at>>16), uint32(2), uint16(size), uint16(at), parent)
}

const (
	none = uint32(math.MaxUint32)
	root = 1000000 // the number of the root, where nothing else is said
)

// top is the root, whose parent has no number that there is.
func (m *image) top(entries ...ent) ent { return m.dir(root, root+1, entries...) }

// file writes a file of one block of 4 KiB.
func (m *image) file() ent {
	at := 96 + len(m.data)
	for i := range 4096 {
		m.data = append(m.data, byte(i*i>>4))
	}
	return m.inode(2, 0, uint32(at), none, uint32(0), uint32(4096), uint32(4096|1<<24))
}

func (m *image) link(target string) ent { return m.inode(3, 0, uint32(1), uint32(len(target)), target) }

// bytes puts the image together.
func (m *image) bytes(top ent) []byte {
	out := append(make([]byte, 96), m.data...)
	put := func(at int, v int) { le.PutUint64(out[at:], uint64(v)) }
	table := func(at int, entries []byte) { // with an index behind its blocks
		start := len(out)
		out = append(out, metadata(entries)...)
		put(at, len(out))
		for i := range (len(entries) + 8191) / 8192 {
			out = le.AppendUint64(out, uint64(start+i*8194))
		}
	}
	put(64, len(out))
	out = append(out, metadata(m.inodes)...)
	put(72, len(out))
	if m.dirBlock == 0 {
		m.dirBlock = 8192
	}
	out = append(out, metadataOf(m.dirs, m.dirBlock)...)
	table(80, m.fragments)
	put(88, -1)
	if m.export {
		table(88, otatest.LE(m.refs))
	}
	table(48, otatest.LE(uint32(12345)))
	put(56, -1)
	if m.xattrIDs != nil {
		start := len(out)
		out = append(out, metadata(m.xattrs)...)
		ids := len(out)
		out = append(out, metadata(m.xattrIDs)...)
		put(56, len(out))
		out = append(out, otatest.LE(uint64(start), uint32(len(m.xattrIDs)/16), uint32(0), uint64(ids))...)
	}
	copy(out, otatest.LE([]byte("hsqs"), uint32(len(m.refs)), uint32(1700000000), uint32(4096), uint32(len(m.fragments)/16),
		uint16(1), uint16(12), uint16(0), uint16(1), uint16(4), uint16(0), top.ref, uint64(len(out))))
	if m.change != nil {
		m.change(out)
	}
	return out
}

// sample is an image of everything that the builder writes.
func sample(export bool) []byte {
	m := image{export: export}
	file, link := m.file(), m.link("file")
	m.xattrs = otatest.LE(uint16(2), uint16(1), []byte("a"), uint32(1), []byte("b"), uint16(0x102), uint16(1), []byte("c"), uint32(8), uint64(5))
	m.xattrIDs = otatest.LE(uint64(0), uint32(2), uint32(0))
	m.fragments = otatest.LE(uint64(96), uint32(4096|1<<24), uint32(0))
	tail := m.inode(2, 0, uint32(96), uint32(0), uint32(5), uint32(100))
	attrs := m.inode(10, 0, uint32(1), uint32(1), "x", uint32(0))
	long := m.inode(9, 0, uint64(96), uint64(12000), uint64(4096), uint32(2), uint32(0), uint32(96), none, uint32(4096|1<<24), uint32(0))
	dev := m.inode(12, 0, uint32(1), uint32(0x103), uint32(0))
	sub := m.dir(uint32(len(m.refs)+1), uint32(len(m.refs)+2), attrs.as("attrs"), file.as("hard"))
	return m.bytes(m.dir(uint32(len(m.refs)+1), uint32(len(m.refs)+2), dev.as("dev"), file.as("file"), link.as("link"), long.as("long"), sub.as("sub"), tail.as("tail")))
}
