package ota

import (
	"context"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/image/sparse"
	"github.com/otavet/otavet/ota/parse"
)

// An unwrapped is what a member holds once compression and sparse form are undone.
type unwrapped struct {
	blob  blob.Blob
	name  string   // the member's base name, without the endings of what was undone
	forms []string // what was undone, outermost first
	// head gives the first bytes, at most maxHead, and decodes no more than those.
	head func(n int) ([]byte, error)
}

// maxHead is as much as anybody looks at to tell what an image is: the metadata of
// a super image, with three slots and their backups.
const maxHead = 1 << 20

// maxWraps bounds how often something is compressed: a sparse image in lz4 in a
// zip is what vendors do.
const maxWraps = 4

// unwrap undoes compression and sparse form of b, as often as there is any. It reads
// heads alone, unless what is compressed has to be read to the end to be understood.
func (p *Package) unwrap(ctx context.Context, b blob.Blob, name string) (*unwrapped, error) {
	u := &unwrapped{blob: b, name: name}
	u.head = func(n int) ([]byte, error) { return peek(u.blob, n) }
	for {
		head, err := u.head(lenKind)
		if err != nil {
			return nil, err
		}
		if hasSparseMagic(head) {
			return u, p.expand(ctx, u)
		}
		method, ok := methodOf(head, u.name)
		if !ok {
			return u, nil
		}
		if len(u.forms) == maxWraps {
			return nil, errWraps()
		}
		in, err := p.decompressed(ctx, u.blob, method, -1)
		if err != nil {
			return nil, err
		}
		u.blob, u.name = in, trimEnding(u.name)
		u.forms = append(u.forms, string(method))
	}
}

func errWraps() error {
	return &parse.Error{Format: "update", Off: -1, Msg: "compressed more than four times over", Kind: parse.ErrLimit}
}

func hasSparseMagic(head []byte) bool { return strings.HasPrefix(string(head), "\x3a\xff\x26\xed") }

// lenKind is as much as tells compression, sparse form and a super image from each other: the
// head is kept, and is not decoded a second time.
const lenKind = 4096 + 512

// methodOf tells how a member is compressed. Its name has to say that it is: a partition may hold
// a kernel or a ramdisk that begins as a compressed file does.
func methodOf(head []byte, name string) (codec.Method, bool) {
	if trimEnding(name) == name {
		return "", false
	}
	return methodOfFile(head, name)
}

// methodOfFile tells how a file that stands alone is compressed, whatever it is called;
// brotli has nothing to tell it by but the name.
func methodOfFile(head []byte, name string) (codec.Method, bool) {
	if m, ok := codec.Detect(head); ok {
		return m, true
	}
	return codec.Brotli, strings.HasSuffix(strings.ToLower(name), ".br")
}

// trimEnding takes the ending of a compressed file off its name.
func trimEnding(name string) string {
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".gz", ".xz", ".lzma", ".bz2", ".zst", ".zstd", ".lz4", ".br":
		return name[:len(name)-len(ext)]
	case ".tgz":
		return name[:len(name)-len(ext)] + ".tar"
	}
	return name
}

// expand undoes the sparse form. Where the image has to be decoded, its
// chunks are not looked at before somebody reads beyond the head.
func (p *Package) expand(ctx context.Context, u *unwrapped) error {
	in := u.blob
	u.forms = append(u.forms, "sparse")
	if inPlace(in) {
		m, err := sparse.Open(in, p.budget)
		if err != nil {
			return err
		}
		u.blob = m
		return nil
	}
	_, size, err := sparse.Head(in, 0)
	if err != nil {
		return err
	}
	u.blob = newLazy(size, func() (blob.Blob, error) {
		if err := drain(ctx, in); err != nil {
			return nil, err
		}
		return sparse.Open(in, p.budget)
	})
	u.head = func(n int) ([]byte, error) {
		head, _, err := sparse.Head(in, int64(n))
		return head, err
	}
	return nil
}

// A lazyBlob is made when somebody reads it.
type lazyBlob struct {
	size int64
	open func() (blob.Blob, error)
}

// newLazy gives a Blob of a known size that open makes; what it makes must have that size.
func newLazy(size int64, open func() (blob.Blob, error)) *lazyBlob {
	return &lazyBlob{size, sync.OnceValues(func() (blob.Blob, error) {
		b, err := open()
		if err == nil && b.Size() != size {
			err = &parse.Error{Format: "image", Off: -1, Msg: "it is not as large as its head says", Got: b.Size(), Kind: parse.ErrFormat}
		}
		return b, err
	})}
}

func (l *lazyBlob) Size() int64          { return l.size }
func (l *lazyBlob) Known() (int64, bool) { return l.size, true }

func (l *lazyBlob) ReadAt(p []byte, off int64) (int, error) {
	b, err := l.open()
	if err != nil {
		return 0, err
	}
	return b.ReadAt(p, off)
}

// A headBlob is the first bytes of something larger.
type headBlob struct {
	head []byte
	size int64
}

func (h *headBlob) Size() int64 { return h.size }

func (h *headBlob) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= h.size {
		return 0, io.EOF
	}
	if off >= int64(len(h.head)) {
		return 0, errBeyondHead
	}
	n := copy(p, h.head[off:])
	if n < len(p) {
		return n, errBeyondHead
	}
	return n, nil
}

var errBeyondHead = io.ErrNoProgress
