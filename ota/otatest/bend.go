package otatest

import (
	"encoding/binary"
	"runtime/metrics"
	"slices"
)

// A Chunks is a file of chunks taken apart, so that fuzzing can bend one field
// and leave all sizes around it right: most of what a fuzzer that knows nothing
// of the format does ends at the first wrong size.
type Chunks struct{ roots []*part }

// A part is one chunk. Sizes are computed when it is written, and changed then
// where it shall lie.
type part struct {
	typ          uint16
	header, body []byte // the header's own part; body is nil where there are kids
	kids         []*part
	headerLie    uint16 // added to the size of the header, and
	sizeLie      uint32 // to that of the chunk, as written
}

// Split takes a well-formed file apart.
func Split(b []byte) *Chunks { return &Chunks{split(b)} }

func split(b []byte) (parts []*part) {
	for len(b) > 0 {
		typ, header, size := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])
		p := &part{typ: typ, header: b[8:header:header]}
		switch body := b[header:size:size]; typ {
		case 0x0002, 0x0003, 0x0200, 0x0204: // table, XML, package, overlayable
			p.kids = split(body)
		default:
			p.body = body
		}
		parts = append(parts, p)
		b = b[size:]
	}
	return parts
}

// odd are values that break what is not careful.
var odd = [...]uint32{0, 1, 2, 3, 4, 7, 8, 12, 16, 20, 28, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x10000,
	0x01010003, 0x7f010000, 0x7f010001, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xfffffffc, 0xfffffffe, 0xffffffff}

var types = [...]uint16{0, 1, 2, 3, 0x100, 0x101, 0x102, 0x103, 0x104, 0x150, 0x17f, 0x180, 0x200, 0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207, 0x208, 0x777}

// lenEdit is the number of bytes that say one change: what, where, at which
// field, and a value.
const lenEdit = 7

// MaxEdits is the number of bytes that say twelve changes, which is how many are
// made to one file: more find nothing new, and chunks that are doubled again and
// again would grow it without end.
const MaxEdits = 12 * lenEdit

// Bent is the file with the changes that the bytes of edits say, any bytes. It
// leaves c as it is.
func (c *Chunks) Bent(edits []byte) []byte {
	top := &part{kids: clone(c.roots)}
	var tail []byte
	for edits = edits[:min(len(edits), MaxEdits)]; len(edits) >= lenEdit; edits = edits[lenEdit:] {
		tail = top.bend(edits[:lenEdit], tail)
	}
	var b []byte
	for _, p := range top.kids {
		b = p.append(b)
	}
	return append(b, tail...)
}

func clone(parts []*part) []*part {
	nodes, list := make([]part, len(parts)), make([]*part, len(parts))
	for i, p := range parts {
		nodes[i] = *p // bytes are shared until they change
		if p.kids != nil {
			nodes[i].kids = clone(p.kids)
		}
		list[i] = &nodes[i]
	}
	return list
}

func (p *part) append(b []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint16(b, p.typ)
	b = binary.LittleEndian.AppendUint16(b, uint16(8+len(p.header))+p.headerLie)
	b = append(append(append(b, 0, 0, 0, 0), p.header...), p.body...)
	for _, k := range p.kids {
		b = k.append(b)
	}
	binary.LittleEndian.PutUint32(b[at+4:], uint32(len(b)-at)+p.sizeLie)
	return b
}

// find gives the chunk with that number in the order of the file, and its place
// among its siblings.
func (p *part) find(n *int) (up *part, at int) {
	for i, k := range p.kids {
		if *n--; *n < 0 {
			return p, i
		}
		if up, at := k.find(n); up != nil {
			return up, at
		}
	}
	return nil, 0
}

func (p *part) len() int {
	n := len(p.kids)
	for _, k := range p.kids {
		n += k.len()
	}
	return n
}

func (top *part) pick(n byte) (up *part, at int) {
	total := top.len()
	if total == 0 {
		return nil, 0
	}
	i := int(n) % total
	return top.find(&i)
}

// bend makes one change. It returns what then stands behind the last chunk.
func (top *part) bend(e, tail []byte) []byte {
	up, at := top.pick(e[1])
	if up == nil {
		return tail
	}
	p := up.kids[at]
	raw, where := binary.LittleEndian.Uint32(e[3:]), int(e[2])
	change := func(old uint32) uint32 {
		switch e[0] >> 4 & 3 {
		case 0:
			return raw
		case 1:
			return odd[raw%uint32(len(odd))]
		case 2:
			return old + uint32(int32(int8(raw)))
		}
		return old ^ 1<<(raw&31)
	}
	// data is the header or the body, and this change's own copy of it.
	data := func() []byte {
		d := &p.body
		if e[0]&0x40 != 0 || len(p.body) == 0 {
			d = &p.header
		}
		*d = slices.Clone(*d)
		return *d
	}
	switch e[0] & 0xf {
	case 0, 1, 2, 3:
		if d := data(); len(d) >= 4 {
			f := d[where*4%(len(d)&^3):]
			binary.LittleEndian.PutUint32(f, change(binary.LittleEndian.Uint32(f)))
		}
	case 4, 5, 6:
		if d := data(); len(d) >= 2 {
			f := d[where*2%(len(d)&^1):]
			binary.LittleEndian.PutUint16(f, uint16(change(uint32(binary.LittleEndian.Uint16(f)))))
		}
	case 7:
		if d := data(); len(d) > 0 {
			d[where%len(d)] = byte(change(uint32(d[where%len(d)])))
		}
	case 8:
		p.typ = types[where%len(types)]
	case 9:
		p.sizeLie = change(0)
	case 10:
		p.headerLie = uint16(change(0))
	case 11:
		up.kids = slices.Delete(up.kids, at, at+1)
	case 12: // the chunk once more
		up.kids = slices.Insert(up.kids, at, clone(up.kids[at : at+1])[0])
	case 13: // the chunk goes elsewhere, but not below itself
		up.kids = slices.Delete(up.kids, at, at+1)
		if to, at := top.pick(e[3]); to != nil {
			to.kids = slices.Insert(to.kids, at, p)
		}
	case 14: // bytes come or go, and the sizes around them follow
		d := &p.body
		if e[0]&0x40 != 0 || p.kids != nil {
			d = &p.header
		}
		if n := int(raw%8) * 4; raw&8 != 0 {
			*d = slices.Insert(slices.Clone(*d), where%(len(*d)+1)&^3, make([]byte, n)...)
		} else {
			*d = (*d)[:len(*d)-min(n, len(*d))]
		}
	case 15:
		return append(tail, e[3:3+where%5]...)
	}
	return tail
}

// Allocations counts the bytes that the process takes from the heap. It counts
// small ones in runs: the difference of two readings is true up to AllocationNoise.
type Allocations struct{ s [1]metrics.Sample }

// AllocationNoise is how far Allocations may be wrong: the spans of 68 sizes of
// objects, which are counted when they are full.
const AllocationNoise = 2 << 20

// Read is the number of bytes allocated since the process began.
func (a *Allocations) Read() uint64 {
	a.s[0].Name = "/gc/heap/allocs:bytes"
	metrics.Read(a.s[:])
	return a.s[0].Value.Uint64()
}
