package verity

import (
	"bytes"
	"io"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// chunk is how much is read at once: a multiple of every block size.
const chunk = 64 << 10

// Check tells whether tree is t over data and root is its root. It goes from the root
// down, as the kernel does, so that the error is about the first block that is not what
// the block above it says, which itself was found right. The error's offset is that of
// the block in the tree or in the data; its text says in which, and has the block's number.
//
// Unlike the kernel, and like avbtool's verify_image, it wants padding to be zero. A
// tree or root of a size that t does not have is ErrFormat, and so are all differences.
// Other errors are those of Size and of reading.
func (t Tree) Check(data, tree blob.Blob, root []byte) error {
	p, err := t.checkTree(data.Size(), tree, root)
	if err != nil {
		return err
	}
	c := checker{h: t.hasher(), p: p, tree: tree, root: root}
	if len(p.levels) == 0 {
		return c.level(0, data, 0, "the block of data is not what the root says")
	}
	return c.level(0, data, 0, "a block of the data is not what the tree says")
}

// CheckTree is Check without the data, of which only the size is looked at: whether
// the levels of the tree fit together and root is above them. A Builder that was fed
// the data gives their root: if that is the same, nothing else is left to be checked.
// Of a tree of no bytes (see Bare) there is only the length of the root to be looked at.
func (t Tree) CheckTree(size int64, tree blob.Blob, root []byte) error {
	_, err := t.checkTree(size, tree, root)
	return err
}

func (t Tree) checkTree(size int64, tree blob.Blob, root []byte) (plan, error) {
	p, err := t.plan(size)
	if err != nil {
		return plan{}, err
	}
	if tree.Size() != p.size {
		return plan{}, fail(-1, parse.ErrFormat, "the tree has not the size that its data ask for", tree.Size())
	}
	if len(root) != p.sum {
		return plan{}, fail(-1, parse.ErrFormat, "the root is not as long as a digest", len(root))
	}
	c := checker{h: t.hasher(), p: p, tree: tree, root: root}
	for i := len(p.levels); i > 0; i-- {
		what := "a block of the tree is not what the block above it says"
		if i == len(p.levels) {
			what = "the tree's highest block is not what the root says"
		}
		l := p.levels[i-1]
		b, err := blob.Section(tree, l.off, l.size)
		if err != nil {
			return plan{}, err
		}
		if err := c.level(i, b, l.off, what); err != nil {
			return plan{}, err
		}
	}
	return p, nil
}

type checker struct {
	h     *hasher
	p     plan
	tree  blob.Blob
	root  []byte
	above []byte // the block of the level above that has the digests at hand
}

// level compares the blocks of b with the digests that level i has of them: data
// with level 0, level 0 with level 1; above the highest level is the root. Offsets in
// errors count from base.
func (c *checker) level(i int, b blob.Blob, base int64, what string) error {
	size := int64(c.p.block)
	buf := make([]byte, min(chunk, divide(max(b.Size(), 1), size)*size))
	n := int64(0)
	for off := int64(0); off < b.Size(); off += int64(len(buf)) {
		part := buf[:min(int64(len(buf)), b.Size()-off)]
		if err := read(b, part, off); err != nil {
			return err
		}
		// The last block of data may be short.
		whole := divide(int64(len(part)), size) * size
		clear(buf[len(part):whole])
		for at := int64(0); at < whole; at += size {
			want, err := c.want(i, n)
			if err != nil {
				return err
			}
			if !bytes.Equal(c.h.digest(buf[at:at+size]), want) {
				return fail(base+off+at, parse.ErrFormat, what, n)
			}
			n++
		}
	}
	return nil
}

// want is the digest that level i has of the nth block below it. Blocks are asked for
// in order.
func (c *checker) want(i int, n int64) ([]byte, error) {
	if i == len(c.p.levels) {
		return c.root, nil
	}
	l := c.p.levels[i]
	each := int64(c.p.block / c.p.slot)
	at := int(n%each) * c.p.slot
	if at == 0 {
		if err := c.load(l, n/each, min(each, l.count-n)); err != nil {
			return nil, err
		}
	}
	return c.above[at : at+c.p.sum], nil
}

// load reads block n of a level, in which count digests are.
func (c *checker) load(l level, n, count int64) error {
	if c.above == nil {
		c.above = make([]byte, c.p.block)
	}
	off := l.off + n*int64(c.p.block)
	if err := read(c.tree, c.above, off); err != nil {
		return err
	}
	for i, v := range c.above {
		if v != 0 && (i/c.p.slot >= int(count) || i%c.p.slot >= c.p.sum) {
			return fail(off+int64(i), parse.ErrFormat, "a byte of the tree that should be padding is not zero", v)
		}
	}
	return nil
}

// read fills p, which lies inside b.
func read(b blob.Blob, p []byte, off int64) error {
	n, err := b.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
