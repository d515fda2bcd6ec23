package ext4

import (
	"encoding/binary"
	"math"
	"sort"

	"github.com/otavet/otavet/ota/parse"
)

// A run is blocks of a file that follow one another where they are stored, too.
type run struct {
	first, n uint64 // in the file
	at       uint64 // where they are stored; zero: nowhere, they are zeros
}

// A leaf is a part of the map from the blocks of a file to where they are
// stored: that of the blocks from first to before end. Between runs are holes.
type leaf struct {
	first, end uint64
	runs       []run
}

// add appends a run, joined with the one before where that goes on.
func (l *leaf) add(r run) {
	if k := len(l.runs) - 1; k >= 0 {
		last := &l.runs[k]
		if last.first+last.n == r.first && (last.at == 0 && r.at == 0 || last.at != 0 && last.at+last.n == r.at) {
			last.n += r.n
			return
		}
	}
	l.runs = append(l.runs, r)
}

// find gives the run, or the hole, that has the block, which is in l.
func (l *leaf) find(block uint64) run {
	i := sort.Search(len(l.runs), func(i int) bool { return l.runs[i].first+l.runs[i].n > block })
	if i < len(l.runs) && l.runs[i].first <= block {
		return l.runs[i]
	}
	hole := run{first: block, n: l.end - block}
	if i < len(l.runs) {
		hole.n = l.runs[i].first - block
	}
	return hole
}

// leafOf reads the part of an inode's map that has the block.
func (f *FS) leafOf(n *inode, block uint64) (*leaf, error) {
	if n.flags&flagExtents != 0 {
		return f.extents(n, block)
	}
	return f.indirect(n, block)
}

// extents goes from the root of an inode's tree to the leaf that has the block.
// Each level down is one less deep, so that no tree leads in a circle.
func (f *FS) extents(n *inode, block uint64) (*leaf, error) {
	l := &leaf{first: 0, end: math.MaxUint64}
	node, off, depth := n.block[:], n.off+0x28, -1
	for {
		bad := func(msg string, got any) error {
			return fail(off, parse.ErrFormat, inodeWords(n)+msg, got)
		}
		le := binary.LittleEndian
		if magic := le.Uint16(node); magic != extentMagic {
			return nil, bad("its extents begin otherwise", magic)
		}
		count, most, deep := int(le.Uint16(node[2:])), int(le.Uint16(node[4:])), int(le.Uint16(node[6:]))
		switch {
		case most > len(node)/lenExtent-1 || count > most:
			return nil, bad("more extents than there is room for", count)
		case depth < 0 && deep > maxDepth, depth >= 0 && deep != depth-1:
			return nil, bad("its extents are not as deep as they have to be", deep)
		case deep > 0 && count == 0:
			return nil, bad("a node of its extents leads nowhere", nil)
		case depth >= 0 && f.sums && !n.extentSum(node, most):
			return nil, bad("a block of extents does not have its checksum", nil)
		}
		entries := node[lenExtent : lenExtent*(1+count)]
		if deep == 0 {
			return l, f.readExtents(n, l, entries, bad)
		}
		child, err := l.descend(entries, block, bad)
		if err != nil || child == 0 {
			return l, err
		}
		data, at, err := f.readBlock(child, inodeWords(n)+"extents")
		if err != nil {
			return nil, err
		}
		node, off, depth = data, at, deep
	}
}

// descend narrows l to what one entry of an index node has, and gives the block
// of its node; zero if no entry has the block.
func (l *leaf) descend(entries []byte, block uint64, bad func(string, any) error) (child uint64, err error) {
	le := binary.LittleEndian
	first, end := l.first, l.end
	found := false
	for e := entries; len(e) > 0; e = e[lenExtent:] {
		at := uint64(le.Uint32(e))
		if at < first || at >= end || len(e) < len(entries) && at == first {
			return 0, bad("an index of its extents is out of order", at)
		}
		switch first = at; {
		case at > block && !found:
			l.end = at // a hole up to here
			return 0, nil
		case at > block:
			l.end = min(l.end, at)
		default:
			found, l.first = true, at
			child = uint64(le.Uint32(e[4:])) | uint64(le.Uint16(e[8:]))<<32
		}
	}
	if child == 0 {
		return 0, bad("an index of its extents leads to block 0", nil)
	}
	return child, nil
}

// readExtents reads the extents of a leaf.
func (f *FS) readExtents(n *inode, l *leaf, entries []byte, bad func(string, any) error) error {
	le := binary.LittleEndian
	l.runs = make([]run, 0, len(entries)/lenExtent)
	next := l.first
	for e := entries; len(e) > 0; e = e[lenExtent:] {
		r := run{first: uint64(le.Uint32(e)), n: uint64(le.Uint16(e[4:])), at: uint64(le.Uint32(e[8:])) | uint64(le.Uint16(e[6:]))<<32}
		unwritten := r.n > maxInitLen
		if unwritten {
			r.n -= maxInitLen
		}
		switch {
		case r.n == 0:
			return bad("an extent of no blocks", r.first)
		case r.first < next || r.first >= l.end || r.n > l.end-r.first || r.first+r.n > 1<<32:
			return bad("an extent is out of order", r.first)
		case !f.holds(r.at, r.n):
			return bad("an extent lies outside the file system", r.at)
		}
		next = r.first + r.n
		if unwritten {
			r.at = 0
		}
		l.add(r)
	}
	return nil
}
