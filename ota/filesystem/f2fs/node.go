package f2fs

import (
	"encoding/binary"
	"fmt"

	"github.com/otavet/otavet/ota/parse"
)

// A node is a block of an inode, of its map, or of its extended attributes.
type node struct {
	data []byte // shared with a cache
	off  int64
}

func (m *node) footer() []byte { return m.data[len(m.data)-lenFooter:] }

// place is the place in its file that the node states: ofs_of_node.
func (m *node) place() uint64 {
	return uint64(binary.LittleEndian.Uint32(m.footer()[8:]) >> nodeShift)
}

// maxNode is the number behind the last that a node can have: max_nid.
func (f *FS) maxNode() uint64 {
	return uint64(f.super.natSegments/2) * segment * uint64(f.block/lenNAT)
}

// lookup gives where a node is. The journal of the checkpoint is newer than the
// table, of each block of which there are two.
func (f *FS) lookup(nid uint32) (natEntry, error) {
	if nid < rootInode || uint64(nid) >= f.maxNode() {
		return natEntry{}, fail(-1, parse.ErrFormat, "a node of a number that none can have", nid)
	}
	if e, ok := f.journal[nid]; ok {
		return e, nil
	}
	per := uint32(f.block / lenNAT)
	block, at := nid/per, nid%per*lenNAT
	addr := uint64(f.super.nat) + uint64(block)*2 - uint64(block%segment) // current_nat_addr
	if f.natBits[block/8]<<(block%8)&0x80 != 0 {
		addr += segment
	}
	data, err := f.blocks.Read(addr)
	if err != nil {
		return natEntry{}, err
	}
	p := data[at : at+lenNAT]
	return natEntry{binary.LittleEndian.Uint32(p[1:]), binary.LittleEndian.Uint32(p[5:])}, nil
}

// node reads a node, which has to be of the file inode.
func (f *FS) node(nid, inode uint32) (*node, error) {
	e, err := f.lookup(nid)
	if err != nil {
		return nil, err
	}
	if e.addr == nullAddr || e.addr == newAddr {
		return nil, fail(-1, parse.ErrFormat, fmt.Sprintf("inode %d: no such node", inode), nid)
	}
	if !f.super.holds(e.addr) {
		return nil, fail(-1, parse.ErrFormat, fmt.Sprintf("inode %d: node %d lies outside the main area", inode, nid), e.addr)
	}
	data, err := f.blocks.Read(uint64(e.addr))
	if err != nil {
		return nil, err
	}
	m := &node{data, int64(e.addr) * f.block}
	foot := m.footer()
	if have, file := binary.LittleEndian.Uint32(foot), binary.LittleEndian.Uint32(foot[4:]); have != nid || file != inode || e.inode != inode {
		return nil, fail(m.off, parse.ErrFormat, fmt.Sprintf("inode %d: in the place of its node %d is node %d of inode %d", inode, nid, have, file), nil)
	}
	return m, nil
}

// nodeAt reads a node of a file, which has to state that it is in that place of
// it: so none is in two places, and no way leads in a circle.
func (n *inode) nodeAt(nid uint32, place uint64) (*node, error) {
	m, err := n.f.node(nid, n.number)
	if err != nil {
		return nil, err
	}
	if have := m.place(); have != place {
		return nil, fail(m.off, parse.ErrFormat, fmt.Sprintf("inode %d: node %d is not in its place in the file", n.number, nid), have)
	}
	return m, nil
}
