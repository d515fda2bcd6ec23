package apk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"io"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// bufSize is what is read at once: small enough for the caches.
const bufSize = 64 << 10

// digest digests the file in one pass: what schemes v2 and v3 cover by the ways
// of want, and the whole of it for v4 by tree, which may be nil.
func (z *zip) digest(ctx context.Context, want []content, tree *merkle) (map[content][]byte, error) {
	out := make(map[content][]byte)
	var sinks []sink
	for _, c := range want {
		switch c {
		case chunkedSHA256:
			sinks = append(sinks, newChunked(c, sha256.New(), z))
		case chunkedSHA512:
			sinks = append(sinks, newChunked(c, sha512.New(), z))
		case veritySHA256:
			sinks = append(sinks, newVerity(z))
		}
	}
	if len(sinks) == 0 && tree == nil {
		return out, nil
	}
	// For the purpose of digests the end record points to the signing block.
	end := bytes.Clone(z.tail)
	binary.LittleEndian.PutUint32(end[eocdDirOffset:], uint32(z.contents))
	buf := make([]byte, min(bufSize, max(z.eocd, 1)))
	for _, part := range []struct {
		first, end int64
		covered    bool
	}{{0, z.contents, true}, {z.contents, z.dir, false}, {z.dir, z.eocd, true}} {
		if !part.covered && tree == nil {
			continue
		}
		for off := part.first; off < part.end; {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			p := buf[:min(int64(len(buf)), part.end-off)]
			if _, err := blob.ReadFull(z.b, p, off); err != nil {
				return nil, err
			}
			off += int64(len(p))
			if tree != nil {
				tree.Write(p)
			}
			if !part.covered {
				continue
			}
			for _, s := range sinks {
				s.Write(p)
			}
		}
		if part.covered {
			for _, s := range sinks {
				s.endPart()
			}
		}
	}
	if tree != nil {
		tree.Write(z.tail)
	}
	for _, s := range sinks {
		s.Write(end)
		s.endPart()
		c, sum := s.sum()
		out[c] = sum
	}
	return out, nil
}

// A sink digests the parts of a file.
type sink interface {
	io.Writer
	endPart()
	sum() (content, []byte)
}

// chunked is the digest of v2: each part is cut into chunks of 1 MiB, whose
// digests are over 0xa5, their size and their bytes; the digest of the file is
// over 0x5a, their number and their digests.
type chunked struct {
	content content
	hash    hash.Hash
	sums    []byte
	left    []int64 // of the parts that are still to come, the first of them begun
	in      int64   // bytes that the chunk still wants
}

func newChunked(c content, h hash.Hash, z *zip) *chunked {
	d := &chunked{content: c, hash: h, left: []int64{z.contents, z.eocd - z.dir, int64(len(z.tail))}}
	n := int64(0)
	for _, size := range d.left {
		n += (size + chunk - 1) / chunk
	}
	d.sums = append(make([]byte, 0, 5+n*int64(h.Size())), 0x5a)
	d.sums = binary.LittleEndian.AppendUint32(d.sums, uint32(n))
	return d
}

func (d *chunked) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if d.in == 0 {
			d.in = min(d.left[0], chunk)
			d.left[0] -= d.in
			var head [5]byte
			head[0] = 0xa5
			binary.LittleEndian.PutUint32(head[1:], uint32(d.in))
			d.hash.Reset()
			d.hash.Write(head[:])
		}
		k := min(int64(len(p)), d.in)
		d.hash.Write(p[:k])
		p = p[k:]
		if d.in -= k; d.in == 0 {
			d.sums = d.hash.Sum(d.sums)
		}
	}
	return n, nil
}

func (d *chunked) endPart() { d.left = d.left[1:] }

func (d *chunked) sum() (content, []byte) {
	d.hash.Reset()
	d.hash.Write(d.sums)
	return d.content, d.hash.Sum(nil)
}

// verity is the digest that fs-verity was to check on the device: the root of a
// Merkle tree over the parts as one, with a salt of eight zeros, and their size.
type verity struct {
	merkle
	size int64
}

func newVerity(z *zip) *verity {
	size := z.contents + z.eocd - z.dir + int64(len(z.tail))
	return &verity{*newMerkle(make([]byte, 8), size, nil), size}
}

func (v *verity) endPart() {}

func (v *verity) sum() (content, []byte) {
	return veritySHA256, binary.LittleEndian.AppendUint64(v.root(), uint64(v.size))
}

// A merkle makes a Merkle tree with SHA-256 over blocks of 4 KiB, as apksig's
// VerityTreeBuilder does: digests are over the salt and the block, the last of
// each level is filled with zeros, and there is always one level at least, which
// is where it differs from dm-verity.
type merkle struct {
	salt   []byte
	hash   hash.Hash
	data   level
	levels []level
	stored *storedTree
}

type level struct {
	buf []byte
	n   int
	off int64 // in the stored tree, of the block that buf will be
}

// A storedTree is a tree that somebody else made, to be compared.
type storedTree struct {
	b       blob.Blob
	differs bool
	err     error
}

// maxLevels is more than files of 2^63 bytes need.
const maxLevels = 10

func newMerkle(salt []byte, size int64, stored *storedTree) *merkle {
	m := &merkle{salt: salt, hash: sha256.New(), data: level{buf: make([]byte, page)}, stored: stored}
	var sizes []int64
	for n := size; len(sizes) < maxLevels; {
		n = (n + page - 1) / page * sha256.Size
		sizes = append(sizes, (n+page-1)/page*page)
		if n <= page {
			break
		}
	}
	// The highest level is stored first.
	off := int64(0)
	m.levels = make([]level, len(sizes))
	for i := len(sizes) - 1; i >= 0; i-- {
		m.levels[i] = level{buf: make([]byte, page), off: off}
		off += sizes[i]
	}
	if stored != nil && stored.b.Size() != off {
		stored.differs = true
	}
	return m
}

func (m *merkle) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if m.data.n == 0 && len(p) >= page {
			m.push(0, m.digest(p[:page]))
			p = p[page:]
			continue
		}
		k := copy(m.data.buf[m.data.n:], p)
		p = p[k:]
		if m.data.n += k; m.data.n == page {
			m.push(0, m.digest(m.data.buf))
			m.data.n = 0
		}
	}
	return n, nil
}

func (m *merkle) digest(block []byte) [sha256.Size]byte {
	var sum [sha256.Size]byte
	m.hash.Reset()
	m.hash.Write(m.salt)
	m.hash.Write(block)
	m.hash.Sum(sum[:0])
	return sum
}

// push adds a digest to a level. A full block goes up only where there is a level
// above.
func (m *merkle) push(i int, sum [sha256.Size]byte) {
	l := &m.levels[i]
	if l.n == page {
		m.flush(i)
	}
	l.n += copy(l.buf[l.n:], sum[:])
}

// flush ends the block of a level.
func (m *merkle) flush(i int) [sha256.Size]byte {
	l := &m.levels[i]
	clear(l.buf[l.n:])
	m.compare(l)
	sum := m.digest(l.buf)
	l.n = 0
	l.off += page
	if i+1 < len(m.levels) {
		m.push(i+1, sum)
	}
	return sum
}

func (m *merkle) compare(l *level) {
	if s := m.stored; s != nil && !s.differs && s.err == nil {
		p, err := blob.ReadRange(s.b, l.off, page)
		s.err = err
		s.differs = err == nil && !bytes.Equal(p, l.buf)
	}
}

// root ends the tree.
func (m *merkle) root() []byte {
	if m.data.n > 0 {
		clear(m.data.buf[m.data.n:])
		m.push(0, m.digest(m.data.buf))
		m.data.n = 0
	}
	var sum [sha256.Size]byte
	for i := range m.levels {
		sum = m.flush(i)
	}
	return sum[:]
}

// aligned tells whether the platform makes a verity digest of the file:
// VerityBuilder wants a signing block of whole pages.
func (z *zip) aligned() error {
	if z.contents%page != 0 || z.dir%page != 0 {
		return fail(z.contents, parse.ErrFormat, "a verity digest, but the signing block is not of whole pages", nil)
	}
	return nil
}

// checkVerity is parseVerityDigestAndVerifySourceLength: the digest states the size
// of what it is over, which is looked at even where contents are not.
func (z *zip) checkVerity(digest []byte, off int64) error {
	if len(digest) != sha256.Size+8 {
		return fail(off, parse.ErrFormat, "a verity digest is not of 40 bytes", len(digest))
	}
	if size := binary.LittleEndian.Uint64(digest[sha256.Size:]); size != uint64(z.size-(z.dir-z.contents)) {
		return fail(off, parse.ErrFormat, "the file does not have the size that its verity digest states", size)
	}
	return nil
}
