package ext4

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxEntries bounds the entries of one folder. No image of a device has as
	// many files in all of its folders.
	maxEntries = 1 << 17

	// maxNames bounds the bytes of all names of one folder, as they are spelled.
	maxNames = 8 << 20

	// maxFolder bounds the bytes of a folder, in which there may be no entries at all.
	maxFolder = 64 << 20
)

// A folder is the entries of an inode, but . and .., by name.
type folder struct {
	parent  uint32 // what .. is
	entries []entry
	cost    int // in memory, about
}

// An entry is a name of an inode.
type entry struct {
	name  string
	inode uint32
	kind  uint16 // as the entry states it, in the terms of i_mode; zero: it does not
	twice bool   // an earlier entry of the folder has the same inode
}

// find gives the entry of a name.
func (d *folder) find(name string) *entry {
	i, ok := slices.BinarySearchFunc(d.entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
	if !ok {
		return nil
	}
	return &d.entries[i]
}

// folder reads the folder of an inode, and charges for it when it is read first.
func (f *FS) folder(number uint32) (*folder, error) {
	if d := f.folders.get(number); d != nil {
		return d, nil
	}
	n, err := f.inode(number)
	if err != nil {
		return nil, err
	}
	if n.kind() != modeDir {
		return nil, n.fail(parse.ErrFormat, "no folder", n.mode)
	}
	r := folderReader{f: f, n: n, d: &folder{}}
	if err := r.read(); err != nil {
		return nil, err
	}
	r.finish()
	pay := func() error { return f.bud.Entry("ext4", int64(len(r.d.entries))+r.blocks) }
	if err := f.folders.put(number, r.d, pay); err != nil {
		return nil, err
	}
	return r.d, nil
}

// A folderReader reads the entries of a folder, in the order in which they stand.
type folderReader struct {
	f      *FS
	n      *inode
	d      *folder
	names  int   // bytes
	blocks int64 // beyond the first
	dots   int   // how many of . and .. have been met
}

func (r *folderReader) bad(msg string, got any) error { return r.n.fail(parse.ErrFormat, msg, got) }

func (r *folderReader) read() error {
	if r.n.flags&flagInline != 0 {
		return r.readInline()
	}
	data, err := r.f.data(r.n)
	if err != nil {
		return err
	}
	block := r.f.block
	switch {
	case data.Size()%block != 0 || data.Size() == 0:
		return r.bad("a folder that is not of whole blocks", data.Size())
	case data.Size() > maxFolder:
		return r.n.fail(parse.ErrLimit, fmt.Sprintf("a folder of more than %d bytes", maxFolder), data.Size())
	}
	r.blocks = data.Size()/block - 1
	p := make([]byte, block)
	for at := int64(0); at < data.Size(); at += block {
		if _, err := blob.ReadFull(data, p, at); err != nil {
			return err
		}
		if r.f.sums && !r.sum(p, at == 0) {
			return r.bad("a block of its entries does not have its checksum", at)
		}
		if err := r.readEntries(p, at); err != nil {
			return err
		}
	}
	if r.dots != 2 {
		return r.bad("a folder without . and ..", nil)
	}
	return nil
}

// sum verifies a block, which has the one or the other form: __ext4_read_dirblock.
func (r *folderReader) sum(p []byte, first bool) bool {
	if r.n.flags&flagIndex != 0 && (first || r.recLen(p, len(p)) == len(p)) {
		return r.n.indexSum(p, first)
	}
	return r.n.entriesSum(p)
}

// recLen is the rec_len of an entry in a block of that size. 65536 does not fit
// into 16 bits: ext4_rec_len_from_disk.
func (r *folderReader) recLen(e []byte, block int) int {
	n := int(binary.LittleEndian.Uint16(e[4:]))
	if block == 1<<16 && (n == 0 || n == 1<<16-1) {
		return block
	}
	return n
}

// readEntries reads the entries of p, which are all of it. Those of no inode are
// passed over: deleted ones, the checksum, and the index, which looks like one.
func (r *folderReader) readEntries(p []byte, base int64) error {
	for at := 0; at < len(p); {
		e := p[at:]
		if len(e) < lenEntry {
			return r.bad("an entry runs past its block", base+int64(at))
		}
		size, name := r.recLen(e, len(p)), int(e[6])
		if size < (lenEntry+max(name, 1)+3)&^3 || size%4 != 0 || size > len(e) {
			return r.bad("an entry of a wrong length", size)
		}
		if number := binary.LittleEndian.Uint32(e); number != 0 {
			if err := r.add(number, e[lenEntry:lenEntry+name], e[7]); err != nil {
				return err
			}
		}
		at += size
	}
	return nil
}

// add takes an entry.
func (r *folderReader) add(number uint32, raw []byte, kind byte) error {
	if number > r.f.super.inodes {
		return r.bad("an entry of an inode that does not exist", number)
	}
	// . and .. are the first two, where there are any.
	switch name := string(raw); {
	case r.dots == 0 && name != ".", r.dots == 1 && name != "..":
		return r.bad("a folder that does not begin with . and ..", name)
	case r.dots < 2:
		if r.dots++; r.dots == 2 {
			r.d.parent = number
		} else if number != r.n.number {
			return r.bad("a folder whose . is another one", number)
		}
		return nil
	case name == "." || name == "..":
		r.f.note("inode %d: a further entry %s is left out", r.n.number, name)
		return nil
	case name == "":
		return r.bad("an entry without a name", number)
	}
	e := entry{name: spell(raw), inode: number}
	if r.f.super.incompat&incompatFiletype != 0 && kind < byte(len(kinds)) {
		e.kind = kinds[kind]
	}
	r.names += len(e.name)
	if len(r.d.entries) == maxEntries || r.names > maxNames {
		return r.n.fail(parse.ErrLimit, fmt.Sprintf("a folder of more than %d entries, or %d bytes of names", maxEntries, maxNames), nil)
	}
	r.d.entries = append(r.d.entries, e)
	return nil
}

// spell is the one spelling of a name. A slash can only be in a name that is
// encrypted or broken.
func spell(raw []byte) string {
	return strings.ReplaceAll(parse.Escape(string(raw)), "/", "%2F")
}

// readInline reads a folder that is in its inode: in the place of the map the
// inode of .. and entries, more of them in the attribute system.data.
func (r *folderReader) readInline() error {
	rest, err := r.n.inlineRest()
	if err != nil {
		return err
	}
	if r.n.size != uint64(len(r.n.block)+len(rest)) {
		return r.bad("its size is not that of the bytes in it", r.n.size)
	}
	r.d.parent, r.dots = binary.LittleEndian.Uint32(r.n.block[:]), 2
	if err := r.readEntries(r.n.block[4:], 4); err != nil {
		return err
	}
	return r.readEntries(rest, int64(len(r.n.block)))
}

// finish sorts the entries, and of two with one name keeps the first, which is
// what Linux finds.
func (r *folderReader) finish() {
	d := r.d
	seen := make(map[uint32]bool, len(d.entries))
	for i := range d.entries {
		e := &d.entries[i]
		e.twice = seen[e.inode]
		seen[e.inode] = true
		if strings.Contains(e.name, "%2F") && r.n.flags&flagEncrypt == 0 {
			r.f.note("inode %d: the name %s has a slash in it", r.n.number, e.name)
		}
	}
	slices.SortStableFunc(d.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	d.entries = slices.CompactFunc(d.entries, func(a, b entry) bool {
		if a.name == b.name {
			r.f.note("inode %d: two entries have the name %s; the first is taken", r.n.number, b.name)
		}
		return a.name == b.name
	})
	d.entries = slices.Clip(d.entries)
	d.cost = cap(d.entries)*32 + r.names + 256
}
