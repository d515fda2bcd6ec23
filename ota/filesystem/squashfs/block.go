package squashfs

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// keptBlocks is how many bytes of decoded blocks and fragments are kept: eight of
	// the largest.
	keptBlocks = 8 << 20

	// decoding bounds the bytes that readers use for decoding at one time. With what is kept,
	// and a block each that eight readers copy from after it has been forgotten, it is 20 MiB.
	decoding = 4 << 20
)

// A blockCache keeps blocks and fragments of which a part was read.
type blockCache struct {
	mu      sync.Mutex
	kept    vfs.LRU[blockKey, *kept]
	slots   chan struct{} // one for each reader that may decode
	buffers buffers       // of a block and a byte
}

// A blockKey is where a block is, and its size word.
type blockKey struct {
	at   int64
	word uint32
}

// A kept block is decoded by the first of those who ask for it; the others wait.
type kept struct {
	once   sync.Once
	data   []byte // nobody changes it
	err    error
	failed atomic.Bool
}

func (c *blockCache) init(block int64) {
	c.kept.Init(keptBlocks, nil)
	c.slots = make(chan struct{}, min(decoding/(2*block), 16))
	c.buffers.size = block + 1
}

// Buffers are memory of one size that is used again and again.
type buffers struct {
	pool sync.Pool // of *[]byte
	size int64
}

func (b *buffers) get() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return p
	}
	p := make([]byte, b.size)
	return &p
}

func (b *buffers) free(p *[]byte) { b.pool.Put(p) }

// get gives the place of a block. One that could not be read is tried again.
func (c *blockCache) get(k blockKey, block int64) *kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, _ := c.kept.Get(k)
	if v == nil || v.failed.Load() {
		v = new(kept)
		c.kept.Put(k, v, block)
	}
	return v
}

// shrink says how long a block is now that this is known.
func (c *blockCache) shrink(k blockKey, v *kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now, _ := c.kept.Get(k); now == v {
		c.kept.Put(k, v, int64(len(v.data))+256)
	}
}

// cached gives what the block at at becomes.
func (f *FS) cached(at int64, word uint32) ([]byte, error) {
	k := blockKey{at, word}
	v := f.blocks.get(k, f.block)
	v.once.Do(func() {
		if v.data, v.err = f.readBlock(at, word); v.err != nil {
			v.failed.Store(true)
			return
		}
		f.blocks.shrink(k, v)
	})
	return v.data, v.err
}

// checkBlock looks at the size word of a block, and at where it is.
func (f *FS) checkBlock(at int64, word uint32) (size int64, err error) {
	size = int64(word &^ blockPlain)
	switch {
	case size == 0 || size > f.block:
		return 0, fail(at, parse.ErrFormat, "a block of a wrong size", word)
	case at < lenSuper || at > f.size-size:
		return 0, fail(at, parse.ErrFormat, "a block that is not in the file system", word)
	}
	return size, nil
}

// readBlock gives what a compressed block becomes.
func (f *FS) readBlock(at int64, word uint32) ([]byte, error) {
	size, err := f.checkBlock(at, word)
	if err != nil {
		return nil, err
	}
	f.blocks.slots <- struct{}{}
	defer func() { <-f.blocks.slots }()
	buf := f.blocks.buffers.get()
	defer f.blocks.buffers.free(buf)
	src := (*buf)[:size]
	if err := f.read(src, at); err != nil {
		return nil, err
	}
	return f.decode(&f.blocks.buffers, src, int(f.block), at)
}

// readInto reads a compressed block that becomes len(dst) bytes.
func (f *FS) readInto(dst []byte, at int64, word uint32) error {
	size, err := f.checkBlock(at, word)
	if err != nil {
		return err
	}
	f.blocks.slots <- struct{}{}
	defer func() { <-f.blocks.slots }()
	buf := f.blocks.buffers.get()
	defer f.blocks.buffers.free(buf)
	src := (*buf)[:size]
	if err := f.read(src, at); err != nil {
		return err
	}
	n := 0
	if f.super.Compression == compressionLZ4 {
		// Only with room behind it can be seen that it does not go on.
		out := f.blocks.buffers.get()
		defer f.blocks.buffers.free(out)
		n, err = f.unpack((*out)[:len(dst)+1], src, at)
		copy(dst, (*out)[:n])
	} else {
		n, err = f.unpack(dst, src, at)
	}
	if err == nil && n != len(dst) {
		err = f.wrongSize(at, n)
	}
	return err
}

func (f *FS) wrongSize(at int64, n int) error {
	return fail(at, parse.ErrFormat, "a block that does not become as long as it has to be", n)
}

// decode gives what src, which is at at, becomes: at most most bytes, one less than a
// buffer has.
func (f *FS) decode(b *buffers, src []byte, most int, at int64) ([]byte, error) {
	buf := b.get()
	defer b.free(buf)
	dst := (*buf)[:most]
	if f.super.Compression == compressionLZ4 {
		dst = (*buf)[:most+1]
	}
	n, err := f.unpack(dst, src, at)
	if err == nil && n > most {
		err = f.wrongSize(at, n)
	}
	if err != nil {
		return nil, err
	}
	return bytes.Clone(dst[:n]), nil
}

// unpack decodes src into dst, which has room for all of it: of lz4 the rest would be
// left out.
func (f *FS) unpack(dst, src []byte, at int64) (n int, err error) {
	switch f.super.Compression {
	case compressionZlib:
		n, err = stream(codec.Zlib, dst, src)
	case compressionLZMA:
		n, err = stream(codec.LZMA, dst, src)
	case compressionXZ:
		n, err = stream(codec.XZ, dst, src)
	case compressionZstd:
		n, err = stream(codec.Zstd, dst, src)
	case compressionLZ4:
		n, err = codec.DecodeLZ4Block(dst, src)
	default:
		return 0, fail(at, parse.ErrUnsupported, "a block that lzo has compressed", nil)
	}
	var pe *parse.Error
	if errors.As(err, &pe) {
		kind := pe.Kind
		if kind == parse.ErrLimit {
			kind = parse.ErrFormat // nothing that a block of this size may need
		}
		err = fail(at+max(pe.Off, 0), kind, "a compressed block: "+pe.Format+": "+pe.Msg, pe.Got)
	}
	return n, err
}

// stream decodes src to its end.
func stream(m codec.Method, dst, src []byte) (int, error) {
	r, err := codec.NewReader(m, bytes.NewReader(src), int64(len(dst)))
	if err != nil {
		return 0, err
	}
	defer r.Close()
	n, err := io.ReadFull(r, dst)
	switch err {
	case nil: // the end is still to be seen
		_, err = r.Read(make([]byte, 1))
	case io.ErrUnexpectedEOF:
		err = io.EOF
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}
