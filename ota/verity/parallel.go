package verity

import (
	"sync"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// segment is how much data is hashed by one call of what a Runner runs: a multiple of every block size,
	// small enough to stay in a processor's cache.
	segment = 1 << 20
	// kept bounds the digests that are kept before they are put together, those of SHA-256 over 128 MiB.
	kept = 1 << 20
)

// A Runner calls f for 0 to n-1, all at once or one after another, and gives the first error in that order. A
// nil Runner is one after another.
type Runner func(n int, f func(i int) error) error

func (r Runner) run(n int, f func(i int) error) error {
	if r != nil {
		return r(n, f)
	}
	for i := range n {
		if err := f(i); err != nil {
			return err
		}
	}
	return nil
}

// Root makes the root of the tree over data, whose blocks run hashes. It takes 1 MiB, and 1 MiB for each call at
// once. The errors are those of Size and of reading.
func (t Tree) Root(data blob.Blob, run Runner) ([]byte, error) {
	b, err := t.NewBuilder(data.Size(), nil)
	if err != nil {
		return nil, err
	}
	type worker struct {
		h   *hasher
		buf []byte
	}
	workers := sync.Pool{New: func() any {
		return &worker{t.hasher(), make([]byte, min(segment, divide(data.Size(), int64(b.size))*int64(b.size)))}
	}}
	total := int(divide(data.Size(), segment))
	each := segment / b.size * t.Hash.Size()
	window := max(kept/each, 1)
	sums := make([]byte, min(window, total)*each)
	for first := 0; first < total; first += window {
		n := min(window, total-first)
		err := run.run(n, func(i int) error {
			w := workers.Get().(*worker)
			defer workers.Put(w)
			off := int64(first+i) * segment
			part := w.buf[:min(int64(len(w.buf)), data.Size()-off)]
			if err := read(data, part, off); err != nil {
				return err
			}
			whole := divide(int64(len(part)), int64(b.size)) * int64(b.size)
			clear(w.buf[len(part):whole])
			out := sums[i*each:]
			for at := int64(0); at < whole; at += int64(b.size) {
				out = out[copy(out, w.h.digest(w.buf[at:at+int64(b.size)])):]
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		blocks := divide(min(int64(n)*segment, data.Size()-int64(first)*segment), int64(b.size))
		if err := b.writeDigests(sums[:blocks*int64(t.Hash.Size())]); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

// writeDigests takes the digests of the next blocks in place of their data.
func (b *Builder) writeDigests(sums []byte) error {
	for n := b.h.h.Size(); len(sums) >= n && b.err == nil; sums = sums[n:] {
		if b.left <= 0 {
			b.err = fail(-1, parse.ErrFormat, "more digests than the tree has blocks of data", nil)
			break
		}
		b.left -= min(b.left, int64(b.size))
		b.add(0, sums[:n])
	}
	return b.err
}
