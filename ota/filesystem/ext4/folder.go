package ext4

import (
	"encoding/binary"
	"fmt"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// maxFolder bounds the bytes of a folder, in which there may be no entries at all.
const maxFolder = 64 << 20

// List adds the entries of a folder: see vfs.Inode.
func (n *inode) List(d *vfs.Folder, up uint64) error {
	r := folderReader{f: n.f, n: n, d: d}
	if err := r.read(); err != nil {
		return err
	}
	if uint64(r.parent) != up || n.number == rootInode && up != rootInode {
		return fail(-1, parse.ErrFormat, fmt.Sprintf("inode %d: a folder in folder %d, whose own .. is %d", n.number, up, r.parent), nil)
	}
	d.Charge(r.blocks)
	return nil
}

// A folderReader reads the entries of a folder, in the order in which they stand.
type folderReader struct {
	f      *FS
	n      *inode
	d      *vfs.Folder
	parent uint32 // what .. is
	blocks int64  // beyond the first
	dots   int    // how many of . and .. have been met
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
			r.parent = number
		} else if number != r.n.number {
			return r.bad("a folder whose . is another one", number)
		}
		return nil
	case name == "." || name == "..":
		r.f.notes.Found("inode %d: a further entry %s is left out", r.n.number, name)
		return nil
	}
	typ := vfs.Untyped
	if r.f.super.incompat&incompatFiletype != 0 {
		typ = vfs.EntryType(kind)
	}
	return r.d.Add(string(raw), uint64(number), typ)
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
	r.parent, r.dots = binary.LittleEndian.Uint32(r.n.block[:]), 2
	if err := r.readEntries(r.n.block[4:], 4); err != nil {
		return err
	}
	return r.readEntries(rest, int64(len(r.n.block)))
}
