package f2fs_test

import (
	"io/fs"
	"math"
	"testing"

	"github.com/otavet/otavet/ota/filesystem/vfs"
)

// A field is where an image has a number of some bytes, and where a copy of it.
type field struct {
	at, again int64
	size      int
}

// A map of an image is where its numbers are, and what they may well be.
type imageMap struct {
	image  []byte
	fields []field
	values []uint64
}

func (m *imageMap) add(at int64, size int) { m.fields = append(m.fields, field{at, at, size}) }

// words adds n numbers of 4 bytes.
func (m *imageMap) words(at int64, n int) {
	for i := range int64(n) {
		m.add(at+4*i, 4)
	}
}

// mapImage finds the fields of all that a walk reads.
func mapImage(t testing.TB, name string) *imageMap {
	m := &imageMap{
		image:  fixture(t, name+".img"),
		values: []uint64{0, 1, 2, 3, 6, 8, 1 << 9, 1 << 12, 0xffff, 1 << 31, math.MaxUint32, math.MaxUint32 - 1, 1 << 63, math.MaxUint64},
	}
	e := edit(m.image)
	for at := int64(super); at < super+124; at += 4 {
		m.fields = append(m.fields, field{at, at + block, 4})
	}
	for _, at := range []int64{super + 1664, super + 2180, super + 2201, super + 2269} {
		m.fields = append(m.fields, field{at, at + block, 4})
	}
	k := e.checkpoint()
	last := k + (int64(le.Uint32(e.get(k+136)))-1)*block
	for _, at := range []int64{0, 4, 132, 136, 140, 156, 160, 164, 192, 196, 256, 260} {
		m.fields = append(m.fields, field{k + at, last + at, 4})
	}
	m.add(e.journal(), 2)
	for i := range int64(10) {
		m.add(e.journal()+2+13*i, 4)
		m.add(e.journal()+11+13*i, 4)
	}
	seen := map[uint32]bool{}
	err := fs.WalkDir(open(t, m.image), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if number := uint32(info.Sys().(*vfs.Meta).Inode); !seen[number] && len(seen) < 40 {
			seen[number] = true
			m.inode(t, e, number, d.IsDir())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// inode adds the fields of an inode and of its nodes.
func (m *imageMap) inode(t testing.TB, e *edited, number uint32, folder bool) {
	m.values = append(m.values, uint64(number), uint64(e.node(t, number)/block))
	m.add(e.entryOf(number)+1, 4)
	m.add(e.entryOf(number)+5, 4)
	n := e.node(t, number)
	for _, f := range []field{{at: 0, size: 2}, {at: 2, size: 1}, {at: 3, size: 1}, {at: 12, size: 4}, {at: 16, size: 8}, {at: 48, size: 8},
		{at: 68, size: 4}, {at: 72, size: 4}, {at: 76, size: 4}, {at: 80, size: 4}, {at: 84, size: 4}, {at: 347, size: 1}, {at: 360, size: 2},
		{at: 362, size: 2}, {at: 384, size: 8}, {at: 392, size: 1}, {at: 393, size: 1}, {at: 394, size: 2}} {
		m.add(n+f.at, f.size)
	}
	m.words(n+360, 24)
	m.words(n+block-44, 8) // numbers of nodes, and the footer
	raw := e.get(n)
	p := &patient{edited: e, t: t}
	first := n + block - int64(len(p.addrsAt(n)))
	if le.Uint32(raw[76:]) != 0 {
		m.node(t, e, le.Uint32(raw[76:]), 20)
	}
	for i := int64(block - 44); i < block-24; i += 4 {
		if nid := le.Uint32(raw[i:]); nid != 0 {
			m.node(t, e, nid, 4)
		}
	}
	attrs := 200
	if raw[3]&0x20 != 0 && le.Uint32(e.get(superFeature))&0x40 != 0 {
		attrs = 4 * int(le.Uint16(raw[362:]))
	}
	m.words(n+block-44-int64(attrs), 20)
	switch addr := int64(le.Uint32(e.get(first))); {
	case folder && raw[3]&4 != 0:
		inline := block - 44 - attrs - int(first-n) - 4
		m.entries(first+4, int64(inline))
	case folder && addr > 0 && addr < e.size/block:
		m.entries(addr*block, block)
	case addr == math.MaxUint32-1: // a compressed cluster
		m.words(int64(le.Uint32(e.get(first+4)))*block, 16)
	}
}

// node adds the fields of another node.
func (m *imageMap) node(t testing.TB, e *edited, nid uint32, words int) {
	m.values = append(m.values, uint64(nid))
	n := e.node(t, nid)
	if n == 0 || n >= e.size {
		return
	}
	m.add(e.entryOf(nid)+1, 4)
	m.add(e.entryOf(nid)+5, 4)
	m.words(n, words)
	m.words(n+block-24, 3)
}

// entries adds those of a folder, of size bytes.
func (m *imageMap) entries(at, size int64) {
	slots := size * 8 / 153
	for i := range min(slots, 40) {
		m.add(at+i/8, 1)
		for _, f := range []field{{at: 0, size: 4}, {at: 4, size: 4}, {at: 8, size: 2}, {at: 10, size: 1}} {
			m.add(at+size-19*slots+11*i+f.at, f.size)
		}
		m.add(at+size-8*slots+8*i, 4)
	}
}

// apply makes a field another number: one of those that it may well be, or one that
// is not far from what it is.
func (m *imageMap) apply(e *edited, which uint16, value byte) {
	f := m.fields[int(which)%len(m.fields)]
	var raw [8]byte
	copy(raw[:f.size], e.get(f.at))
	v := le.Uint64(raw[:])
	if n := int(value); n >= 128 {
		v ^= 1 << (n & 31)
		if n&32 != 0 {
			v = v ^ 1<<(n&31) + uint64(n&64)/32 - 1
		}
	} else {
		v = m.values[n%len(m.values)]
	}
	le.PutUint64(raw[:], v)
	copy(e.at(f.at), raw[:f.size])
	copy(e.at(f.again), raw[:f.size])
}

// FuzzFields changes numbers of small images to others that mean something, such as
// those of other inodes, and makes the checksums hold: an edit is a field (two bytes)
// and a value (one).
func FuzzFields(f *testing.F) {
	var maps []*imageMap
	for _, name := range []string{"tiny", "journal", "normal", "large"} {
		maps = append(maps, mapImage(f, name))
	}
	for i, m := range maps {
		for n := 0; n < len(m.fields); n += 5 {
			f.Add(byte(i), []byte{byte(n), byte(n >> 8), byte(n * 7)})
		}
	}
	f.Fuzz(func(t *testing.T, which byte, edits []byte) {
		m := maps[int(which)%len(maps)]
		e := edit(m.image)
		for ; len(edits) >= 3 && len(e.blocks) < 16; edits = edits[3:] {
			m.apply(e, le.Uint16(edits), edits[2])
		}
		e.mend()
		try(t, e)
	})
}
