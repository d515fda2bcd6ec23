package squashfs

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// maxBlocks bounds the blocks of one file: 256 GiB of the smallest ones, 8 TiB of those
// that mksquashfs writes unless told otherwise. To find the last block the sizes of all
// others are read.
const maxBlocks = 1 << 26

// A file is the bytes of a regular file: blocks one behind another, and a part of a
// fragment.
type file struct {
	f      *FS
	n      *inode
	size   int64
	blocks int64 // of its own
	tail   int64 // bytes in the fragment

	last  atomic.Pointer[span] // used last
	mu    sync.Mutex
	marks []mark // of the spans that have been reached, and the next one
}

// runBlocks is how many sizes of blocks are read at once.
const runBlocks = 512

// A span is the sizes of up to runBlocks blocks.
type span struct {
	first int64
	words []uint32
	at    []int64 // where the blocks are
}

// A mark is where a span is, and the first of its blocks.
type mark struct {
	restAt  int64
	restOff int
	at      int64
}

// Data: see vfs.Inode.
func (n *inode) Data() (blob.Blob, error) {
	f := n.f
	d := &file{f: f, n: n, size: int64(n.size)}
	log := f.super.BlockLog
	d.blocks = (d.size + f.block - 1) >> log
	if n.fragment != noFragment {
		d.blocks, d.tail = d.size>>log, d.size&(f.block-1)
		if int64(n.fragment) >= f.fragments.count {
			return nil, n.fail(parse.ErrFormat, "a fragment that is not in the table", n.fragment)
		}
	}
	// A block of metadata takes three bytes at least.
	if room := ((f.inodes.end-n.restAt)/3 + 1) * metaSize / 4; d.blocks > room {
		return nil, n.fail(parse.ErrFormat, "a file of more blocks than the inodes have room to list", d.blocks)
	}
	if d.blocks > maxBlocks {
		return nil, n.fail(parse.ErrLimit, fmt.Sprintf("a file of more than %d blocks", maxBlocks), d.blocks)
	}
	if d.blocks > 0 && n.start > uint64(f.size) {
		return nil, n.fail(parse.ErrFormat, "its blocks are not in the file system", n.start)
	}
	d.marks = []mark{{n.restAt, n.restOff, int64(n.start)}} // of no meaning without blocks
	return d, nil
}

func (d *file) Size() int64 { return d.size }

var errNegative = errors.New("squashfs: negative offset")

// ReadAt: see blob.Blob.
func (d *file) ReadAt(p []byte, off int64) (done int, err error) {
	if off < 0 {
		return 0, errNegative
	}
	for done < len(p) {
		if off >= d.size {
			return done, io.EOF
		}
		n, err := d.readSome(p[done:], off)
		if err != nil {
			return done, err
		}
		done += n
		off += int64(n)
	}
	return done, nil
}

// readSome reads what one block has of the bytes from off on.
func (d *file) readSome(p []byte, off int64) (int, error) {
	f := d.f
	i, in := off>>f.super.BlockLog, off&(f.block-1)
	size := min(f.block, d.size-i<<f.super.BlockLog) // of what the block becomes
	p = p[:min(int64(len(p)), size-in)]
	if i == d.blocks {
		return len(p), d.readTail(p, in)
	}
	word, at, err := d.locate(i)
	if err != nil {
		return 0, err
	}
	switch {
	case word == 0: // a block of zeros is not stored
		clear(p)
		return len(p), nil
	case word&blockPlain != 0:
		if n, err := f.checkBlock(at, word); err != nil || n != size {
			return 0, d.inBlock(i, err, n)
		}
		return len(p), f.read(p, at+in)
	case int64(len(p)) == size:
		if err := f.readInto(p, at, word); err != nil {
			return 0, d.inBlock(i, err, 0)
		}
		return len(p), nil
	}
	b, err := f.cached(at, word)
	if err != nil || int64(len(b)) != size {
		return 0, d.inBlock(i, err, int64(len(b)))
	}
	return copy(p, b[in:]), nil
}

// inBlock is err, or that a block is n bytes long, with the name of who has the block.
func (d *file) inBlock(i int64, err error, n int64) error {
	if err != nil {
		var pe *parse.Error
		if errors.As(err, &pe) && pe.Format == format {
			return fail(pe.Off, pe.Kind, fmt.Sprintf("inode %d: block %d: %s", d.n.number, i, pe.Msg), pe.Got)
		}
		return err
	}
	return d.n.fail(parse.ErrFormat, fmt.Sprintf("block %d does not become as long as it has to be", i), n)
}

// readTail reads from the fragment.
func (d *file) readTail(p []byte, in int64) error {
	f, off := d.f, int64(d.n.offset)
	at, word, err := f.fragment(int64(d.n.fragment))
	if err != nil {
		return err
	}
	if word&blockPlain != 0 {
		n, err := f.checkBlock(at, word)
		switch {
		case err != nil:
			return d.inBlock(d.blocks, err, 0)
		case off+d.tail > n:
			return d.n.fail(parse.ErrFormat, "its fragment is shorter than what it has of it", n)
		}
		return f.read(p, at+off+in)
	}
	b, err := f.cached(at, word)
	if err != nil {
		return d.inBlock(d.blocks, err, 0)
	}
	if off+d.tail > int64(len(b)) {
		return d.n.fail(parse.ErrFormat, "its fragment is shorter than what it has of it", len(b))
	}
	copy(p, b[off+in:])
	return nil
}

// fragment is where a fragment is, and its size word: struct squashfs_fragment_entry.
func (f *FS) fragment(i int64) (at int64, word uint32, err error) {
	r, err := f.entry(&f.fragments, i)
	if err != nil {
		return 0, 0, err
	}
	start, word := r.u64(), r.u32()
	if r.err == nil && start > uint64(f.size) {
		r.err = fail(r.at, parse.ErrFormat, "a fragment that is not in the file system", start)
	}
	return int64(start), word, r.err
}

// locate gives the size word of block i, and where the block is.
func (d *file) locate(i int64) (word uint32, at int64, err error) {
	s := d.last.Load()
	if s == nil || i < s.first || i >= s.first+int64(len(s.words)) {
		if s, err = d.span(i / runBlocks); err != nil {
			return 0, 0, err
		}
		d.last.Store(s)
	}
	return s.words[i-s.first], s.at[i-s.first], nil
}

// span reads a span, and those before it that nobody has come to.
func (d *file) span(i int64) (*span, error) {
	d.mu.Lock()
	have := min(int64(len(d.marks))-1, i)
	m := d.marks[have]
	d.mu.Unlock()
	for {
		s, next, err := d.readSpan(have, m)
		if err != nil || have == i {
			return s, err
		}
		have, m = have+1, next
		d.mu.Lock()
		if have == int64(len(d.marks)) {
			d.marks = append(d.marks, m)
		}
		d.mu.Unlock()
	}
}

func (d *file) readSpan(i int64, m mark) (*span, mark, error) {
	first := i * runBlocks
	n := min(runBlocks, d.blocks-first)
	s := &span{first, make([]uint32, n), make([]int64, n)}
	r := d.f.reader(&d.f.inodes, m.restAt, m.restOff)
	at := m.at
	for j := range s.words {
		word := r.u32()
		switch {
		case r.err != nil:
			return nil, m, r.err
		case word >= 2*blockPlain:
			return nil, m, d.n.fail(parse.ErrFormat, fmt.Sprintf("block %d has no size", first+int64(j)), word)
		}
		s.words[j], s.at[j] = word, at
		if at += int64(word &^ blockPlain); at > d.f.size {
			return nil, m, d.n.fail(parse.ErrFormat, fmt.Sprintf("block %d is not in the file system", first+int64(j)), word)
		}
	}
	return s, mark{r.at, r.off, at}, nil
}
