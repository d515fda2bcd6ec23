package squashfs

import (
	"sync"

	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// keptMetas is how many bytes of decoded metadata are kept.
const keptMetas = 4 << 20

// A meta is a block of metadata that was decoded, or some pointers of an index. Nobody
// changes it.
type meta struct {
	data []byte
	next int64 // where the block behind it begins
}

type metaKey struct {
	at       int64
	pointers bool
}

// A metaCache keeps what was used last.
type metaCache struct {
	mu      sync.Mutex
	kept    vfs.LRU[metaKey, *meta]
	buffers buffers // of a block, its size, and a byte
}

func (c *metaCache) init() {
	c.kept.Init(keptMetas, nil)
	c.buffers.size = 2 + metaSize + 1
}

func (c *metaCache) get(k metaKey) *meta {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, _ := c.kept.Get(k)
	return m
}

func (c *metaCache) put(k metaKey, m *meta) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Put(k, m, int64(cap(m.data))+256)
}

// A table is blocks of metadata one after another.
type table struct {
	name       string
	start, end int64
}

// meta gives the block of metadata at at.
func (f *FS) meta(t *table, at int64) (*meta, error) {
	if at < t.start || at >= t.end {
		return nil, fail(t.start, parse.ErrFormat, "a block of metadata that is not where "+t.name+" are", at)
	}
	if m := f.metas.get(metaKey{at: at}); m != nil {
		return m, nil
	}
	buf := f.metas.buffers.get()
	defer f.metas.buffers.free(buf)
	// The block and its size are read at once.
	p := (*buf)[:min(2+metaSize, f.size-at)]
	if len(p) < 2 {
		return nil, fail(at, parse.ErrFormat, "a block of metadata runs past the end of the file system", nil)
	}
	if err := f.read(p, at); err != nil {
		return nil, err
	}
	head := le.Uint16(p)
	n := int(head &^ metaPlain)
	switch {
	case n == 0 || n > metaSize: // zero stands for 32 KiB, which is too much as well
		return nil, fail(at, parse.ErrFormat, "a block of metadata of a wrong size", head)
	case n > len(p)-2:
		return nil, fail(at, parse.ErrFormat, "a block of metadata runs past the end of the file system", head)
	}
	p = p[2 : 2+n]
	m := &meta{next: at + 2 + int64(n)}
	if head&metaPlain != 0 {
		m.data = append([]byte(nil), p...)
	} else {
		var err error
		if m.data, err = f.decode(&f.metas.buffers, p, metaSize, at+2); err != nil {
			return nil, err
		}
	}
	if len(m.data) == 0 {
		return nil, fail(at, parse.ErrFormat, "a block of metadata that is empty", head)
	}
	f.metas.put(metaKey{at: at}, m)
	return m, nil
}

// A reader reads metadata from some place on, over the borders of blocks. After an
// error it gives zeros.
type reader struct {
	f   *FS
	t   *table
	at  int64 // the block
	off int   // in what it becomes
	m   *meta // the block, once it was read
	err error
	buf [8]byte
}

func (f *FS) reader(t *table, at int64, off int) reader { return reader{f: f, t: t, at: at, off: off} }

// more makes sure that the block has a byte at off.
func (r *reader) more() bool {
	for r.err == nil {
		if r.m == nil {
			if r.m, r.err = r.f.meta(r.t, r.at); r.err != nil {
				break
			}
			if r.off > len(r.m.data) {
				r.err = fail(r.at, parse.ErrFormat, "a place behind the end of its block of metadata", r.off)
				break
			}
		}
		if r.off < len(r.m.data) {
			return true
		}
		r.at, r.off, r.m = r.m.next, 0, nil
	}
	return false
}

// fill reads len(p) bytes.
func (r *reader) fill(p []byte) {
	for done := 0; done < len(p); {
		if !r.more() {
			clear(p)
			return
		}
		n := copy(p[done:], r.m.data[r.off:])
		done += n
		r.off += n
	}
}

// skip passes over n bytes, which are few.
func (r *reader) skip(n int) {
	for n > 0 && r.more() {
		k := min(n, len(r.m.data)-r.off)
		n -= k
		r.off += k
	}
}

// next gives n bytes, at most eight, which hold until the next call.
func (r *reader) next(n int) []byte {
	if r.more() && len(r.m.data)-r.off >= n {
		r.off += n
		return r.m.data[r.off-n : r.off]
	}
	r.fill(r.buf[:n])
	return r.buf[:n]
}

func (r *reader) u16() uint16 { return le.Uint16(r.next(2)) }
func (r *reader) u32() uint32 { return le.Uint32(r.next(4)) }
func (r *reader) u64() uint64 { return le.Uint64(r.next(8)) }

// text reads a name of n bytes.
func (r *reader) text(n int) string {
	if r.more() && len(r.m.data)-r.off >= n {
		r.off += n
		return string(r.m.data[r.off-n : r.off])
	}
	p := make([]byte, n)
	r.fill(p)
	return string(p)
}
