package sparse

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Join opens an image that was split into several sparse files, given in their
// order: each says with chunks without data where its part lies, and what one
// leaves out the others may hold. The image is as large as the largest of them;
// a note says where they differ in size, because the reference then cuts the
// image at the size of the last.
//
// All must have one block size, and there may be 1024 of them. Blocks that two
// of them hold must be equal: the reference would let the later file win, so
// that what is installed depended on an order that no file states. The bytes
// that are read to compare them are charged to bud as produced.
//
// An error that one file is to blame for says which, counted from 0, and wraps
// what Open would give for it.
func Join(files []blob.Blob, bud *parse.Budget) (*Image, error) {
	if len(files) == 0 {
		return nil, fail(-1, parse.ErrFormat, "an image of no files", nil)
	}
	if len(files) > maxParts {
		return nil, fail(-1, parse.ErrLimit, "more than 1024 files", len(files))
	}
	m := &Image{}
	chunks := 0
	for i, b := range files {
		p, err := readPart(b, bud)
		if err == nil && i > 0 && p.header.BlockSize != m.Headers[0].BlockSize {
			err = fail(12, parse.ErrFormat, "the block size differs from that of the first file", p.header.BlockSize)
		}
		if chunks += len(p.chunks()); err == nil && chunks > maxChunks {
			err = fail(-1, parse.ErrLimit, "more than 2^22 chunks in all files", chunks)
		}
		if err != nil {
			return nil, fmt.Errorf("file %d: %w", i, err)
		}
		if p.tail > 0 {
			m.Notes = append(m.Notes, fmt.Sprintf("file %d: %s", i, tailNote(p)))
		}
		if i > 0 && p.size != m.parts[i-1].size {
			m.Notes = append(m.Notes, fmt.Sprintf("file %d is of an image of %d bytes, the one before of %d", i, p.size, m.parts[i-1].size))
		}
		for j := range p.runs {
			p.runs[j].part = int32(i)
		}
		m.Headers = append(m.Headers, p.header)
		m.parts = append(m.parts, p)
		m.size = max(m.size, p.size)
	}
	if err := m.merge(bud); err != nil {
		return nil, err
	}
	return m, nil
}

// chunks are the runs of a part that could be read; nil has none.
func (p *part) chunks() []run {
	if p == nil {
		return nil
	}
	return p.runs
}

// merge lays the runs of all parts over one another.
func (m *Image) merge(bud *parse.Budget) error {
	var all []run
	for _, p := range m.parts {
		all = append(all, p.runs...)
	}
	slices.SortStableFunc(all, func(a, b run) int { return cmp.Compare(a.off, b.off) })
	out := all[:0] // is never ahead of what is read
	for _, r := range all {
		if len(out) == 0 || out[len(out)-1].end() <= r.off {
			out = append(out, r)
			continue
		}
		// Since runs come in the order of their start, and those kept do not overlap,
		// the last of them alone can reach into r.
		last := out[len(out)-1]
		n := min(last.end(), r.end()) - r.off
		if err := m.same(last, r, n, bud); err != nil {
			return err
		}
		if n < r.n {
			r.off, r.n, r.at = r.off+n, r.n-n, r.at+n
			out = append(out, r)
		}
	}
	m.runs = slices.Clip(out)
	return nil
}

// same compares the first n bytes of b with those that a has there.
func (m *Image) same(a, b run, n int64, bud *parse.Budget) error {
	differ := func(at int64) error {
		return fail(-1, parse.ErrFormat, fmt.Sprintf("files %d and %d hold different data for byte %#x of the image", a.part, b.part, at), nil)
	}
	if a.kind == Fill && b.kind == Fill {
		if a.fill != b.fill {
			return differ(b.off)
		}
		return nil
	}
	if err := bud.Produce("sparse", n); err != nil {
		return err
	}
	const step = 256 << 10
	x, y := make([]byte, min(n, step)), make([]byte, min(n, step))
	for done := int64(0); done < n; {
		k := int(min(n-done, step))
		if _, err := m.readRun(&a, x[:k], b.off-a.off+done); err != nil {
			return err
		}
		if _, err := m.readRun(&b, y[:k], done); err != nil {
			return err
		}
		if !bytes.Equal(x[:k], y[:k]) {
			for i := range k {
				if x[i] != y[i] {
					return differ(b.off + done + int64(i))
				}
			}
		}
		done += int64(k)
	}
	return nil
}
