package sparse

import (
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// maxHead bounds what Head makes in memory: what tells one filesystem from
// another lies within its first 2 MiB.
const maxHead = 16 << 20

// Head gives the first n bytes of the expanded image, fewer where the image is
// smaller, and the size of all of it in bytes, as the header states it. n is at
// most 16 MiB: beyond that the error is parse.ErrLimit.
//
// It is for an image behind a slow decoder, whose list of chunks ends where the
// file does: b is read from its beginning on, each byte once, as far as
// the chunks go that hold those n bytes, and no more than 512 bytes beyond what is
// needed. What comes later may be missing or wrong. Up to there the errors are
// those of Open; nothing is charged.
//
// Of an image that was split into several files, it reads one: what the others
// hold is zeros.
func Head(b blob.Blob, n int64) (head []byte, size int64, err error) {
	if n < 0 || n > maxHead {
		return nil, 0, fail(-1, parse.ErrLimit, "the head of an image has at most 16 MiB", n)
	}
	w := window{b: b}
	h, err := w.header()
	if err != nil {
		return nil, 0, err
	}
	size = h.size()
	head = make([]byte, min(n, size))
	at, rest := int64(h.HeaderSize), head
	for i, left := uint32(0), size; len(rest) > 0; i++ {
		if i == h.Chunks {
			return nil, 0, h.few()
		}
		c, err := w.chunk(&h, at, left)
		if err != nil {
			return nil, 0, err
		}
		p := rest[:min(c.n, int64(len(rest)))]
		switch c.kind {
		case chunkRaw:
			if int64(len(p)) > b.Size()-c.data {
				return nil, 0, c.cut()
			}
			if err := w.read(p, c.data); err != nil {
				return nil, 0, err
			}
		case chunkFill:
			repeat(p, c.word, 0)
		}
		rest, left, at = rest[len(p):], left-c.n, c.data+c.stored
	}
	return head, size, nil
}
