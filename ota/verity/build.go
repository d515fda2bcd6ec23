package verity

import (
	"io"

	"github.com/otavet/otavet/ota/parse"
)

// A Builder makes a tree out of data that are written to it once and in order. It
// holds one block of each level, writes each block of the tree as soon as it is
// complete, and reads nothing back.
type Builder struct {
	h       *hasher
	w       io.WriterAt
	size    int    // of a block
	slot    int    // bytes from one digest to the next
	left    int64  // data that are still to come
	block   []byte // data of a block that is not complete
	pending []pending
	root    []byte
	err     error
}

// pending is the block of a level that is being filled.
type pending struct {
	off int64 // in the tree
	buf []byte
}

// NewBuilder makes the tree t over size bytes of data. Blocks of the tree are
// written to w, in which the tree begins at 0 and takes Size bytes; each block is
// written once, not in order. With a nil w only the root is made. The errors are
// those of Size.
func (t Tree) NewBuilder(size int64, w io.WriterAt) (*Builder, error) {
	p, err := t.plan(size)
	if err != nil {
		return nil, err
	}
	b := &Builder{h: t.hasher(), w: w, size: p.block, slot: p.slot, left: size}
	b.block = make([]byte, 0, b.size)
	for _, l := range p.levels {
		b.pending = append(b.pending, pending{l.off, make([]byte, 0, b.size)})
	}
	return b, nil
}

// Write takes the next bytes of the data. More bytes than the tree is of are
// ErrFormat; an error of writing the tree is given as it is. Both stay.
func (b *Builder) Write(p []byte) (n int, err error) {
	if b.err == nil && int64(len(p)) > b.left {
		b.err = fail(-1, parse.ErrFormat, "more data than the tree is of", int64(len(p))-b.left)
	}
	for len(p) > 0 && b.err == nil {
		block := p
		if len(b.block) > 0 || len(p) < b.size {
			k := min(len(p), b.size-len(b.block))
			b.block = append(b.block, p[:k]...)
			block = b.block
			p, n = p[k:], n+k
			b.left -= int64(k)
			if len(block) < b.size {
				break
			}
			b.block = b.block[:0]
		} else {
			block = p[:b.size]
			p, n = p[b.size:], n+b.size
			b.left -= int64(b.size)
		}
		b.add(0, b.h.digest(block))
	}
	return n, b.err
}

// add puts a digest into a level; that of the highest level's only block is the root.
func (b *Builder) add(level int, digest []byte) {
	if level == len(b.pending) {
		b.root = append([]byte(nil), digest...)
		return
	}
	l := &b.pending[level]
	n := len(l.buf) + b.slot
	copy(l.buf[len(l.buf):n], digest) // what is between digests was zero, and stays so
	l.buf = l.buf[:n]
	if n == b.size {
		b.flush(level)
	}
}

// flush writes a level's block, the rest of which is filled with zeros.
func (b *Builder) flush(level int) {
	l := &b.pending[level]
	clear(l.buf[len(l.buf):b.size])
	block := l.buf[:b.size]
	if b.w != nil {
		if _, b.err = b.w.WriteAt(block, l.off); b.err != nil {
			return
		}
	}
	l.off += int64(b.size)
	l.buf = l.buf[:0]
	b.add(level+1, b.h.digest(block))
}

// Finish completes the tree and gives its root. Data that ended before the size
// which NewBuilder was told are ErrFormat.
func (b *Builder) Finish() ([]byte, error) {
	if b.err == nil && b.left > 0 {
		b.err = fail(-1, parse.ErrFormat, "the data end before the size that the tree is of", b.left)
	}
	if n := len(b.block); n > 0 && b.err == nil {
		clear(b.block[n:b.size])
		b.add(0, b.h.digest(b.block[:b.size]))
		b.block = b.block[:0]
	}
	for i := range b.pending {
		if len(b.pending[i].buf) > 0 && b.err == nil {
			b.flush(i)
		}
	}
	if b.err != nil {
		return nil, b.err
	}
	return b.root, nil
}
