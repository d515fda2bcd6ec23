package ext4

import (
	"encoding/binary"
	"fmt"

	"github.com/otavet/otavet/ota/parse"
)

const direct = 12 // EXT4_NDIR_BLOCKS; one more each is indirect, twice and three times indirect

func inodeWords(n *inode) string { return fmt.Sprintf("inode %d: ", n.number) }

// indirect reads the part of the map of ext2 and ext3 that has the block. Zero
// stands for a hole, as large as what would be behind the pointer.
func (f *FS) indirect(n *inode, block uint64) (*leaf, error) {
	le := binary.LittleEndian
	if block < direct {
		return f.pointers(n, 0, n.block[:4*direct], n.off+0x28)
	}
	per := uint64(f.block) / 4
	first, span, level := uint64(direct), per, 1
	for block-first >= span {
		if level == 3 {
			return nil, n.fail(parse.ErrFormat, "its blocks are more than its map has", block)
		}
		first, span, level = first+span, span*per, level+1
	}
	pointer, at := uint64(le.Uint32(n.block[4*(direct+level-1):])), n.off+0x28+int64(4*(direct+level-1))
	for {
		if pointer == 0 {
			return &leaf{first: first, end: first + span}, nil
		}
		if !f.holds(pointer, 1) {
			return nil, fail(at, parse.ErrFormat, inodeWords(n)+"a block of its map lies outside the file system", pointer)
		}
		data, off, err := f.readBlock(pointer, inodeWords(n)+"its map")
		if err != nil {
			return nil, err
		}
		if level == 1 {
			return f.pointers(n, first, data, off)
		}
		span, level = span/per, level-1
		i := (block - first) / span
		first += i * span
		pointer, at = uint64(le.Uint32(data[4*i:])), off+int64(4*i)
	}
}

// pointers reads the leaf of the pointers p, the first of which is to the block first.
func (f *FS) pointers(n *inode, first uint64, p []byte, off int64) (*leaf, error) {
	l := &leaf{first: first, end: first + uint64(len(p)/4)}
	for i := uint64(0); i < l.end-first; i++ {
		at := uint64(binary.LittleEndian.Uint32(p[4*i:]))
		if at == 0 {
			continue
		}
		if !f.holds(at, 1) {
			return nil, fail(off+int64(4*i), parse.ErrFormat, inodeWords(n)+"a block of it lies outside the file system", at)
		}
		l.add(run{first: first + i, n: 1, at: at})
	}
	return l, nil
}
