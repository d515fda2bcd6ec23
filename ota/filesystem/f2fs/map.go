package f2fs

import (
	"encoding/binary"

	"github.com/otavet/otavet/ota/parse"
)

// A leaf is a part of the map from the blocks of a file to where they are
// stored: that of the blocks from first to before end.
type leaf struct {
	first, end uint64
	addrs      []byte // 4 bytes a block; nil: none of them is stored
}

// addr is where a block is, which is in l.
func (l *leaf) addr(block uint64) uint32 {
	if l.addrs == nil {
		return nullAddr
	}
	return binary.LittleEndian.Uint32(l.addrs[4*(block-l.first):])
}

// perNode is how many addresses, or numbers of nodes, a node of a map has.
func (f *FS) perNode() uint64 { return uint64(f.block-lenFooter) / 4 }

// whole gives the greatest multiple of a file's clusters that is not more than
// count, so that no cluster is in two nodes.
func (n *inode) whole(count uint64) uint64 {
	if n.compressed {
		count &^= 1<<n.logCluster - 1
	}
	return count
}

// direct is how many blocks the inode itself has the addresses of.
func (n *inode) direct() uint64 { return n.whole(uint64(len(n.addrs()) / 4)) }

// maxBlocks is how many blocks the map of a file can have.
func (n *inode) maxBlocks() uint64 {
	per := n.f.perNode()
	leaf := n.whole(per)
	return n.direct() + 2*leaf + 2*leaf*per + leaf*per*per
}

// leafOf reads the part of a file's map that has the block: get_node_path.
func (f *FS) leafOf(n *inode, block uint64) (*leaf, error) {
	first := n.direct()
	if block < first {
		return &leaf{0, first, n.addrs()[:4*first]}, nil
	}
	per := f.perNode()
	nids := n.block[len(n.block)-lenFooter-inodeNIDs:]
	place := uint64(1)
	for i, depth := range [...]int{0, 0, 1, 1, 2} {
		span, nodes := n.whole(per), uint64(1) // blocks, and nodes, below i_nid[i]
		for range depth {
			span, nodes = span*per, nodes*per+1
		}
		if block-first < span {
			return n.descend(binary.LittleEndian.Uint32(nids[4*i:]), leaf{first: first, end: first + span}, block, depth, place)
		}
		first += span
		place += nodes
	}
	return nil, n.fail(parse.ErrFormat, "a block that its nodes cannot have", block)
}

// descend goes from a node, which has the blocks of at, to the leaf with the block.
func (n *inode) descend(nid uint32, at leaf, block uint64, depth int, place uint64) (*leaf, error) {
	per := n.f.perNode()
	for {
		if nid == 0 {
			return &at, nil // a hole
		}
		m, err := n.nodeAt(nid, place)
		if err != nil {
			return nil, err
		}
		if depth == 0 {
			at.addrs = m.data[:4*(at.end-at.first)]
			return &at, nil
		}
		depth--
		span, nodes := (at.end-at.first)/per, uint64(1)
		for range depth {
			nodes = nodes*per + 1
		}
		i := (block - at.first) / span
		nid = binary.LittleEndian.Uint32(m.data[4*i:])
		place += 1 + i*nodes
		at.first += i * span
		at.end = at.first + span
	}
}
