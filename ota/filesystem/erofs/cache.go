package erofs

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/otavet/otavet/ota/filesystem/vfs"
)

// What an FS keeps in memory, in bytes, beside folders.
const (
	keptBlocks   = 4 << 20 // blocks of metadata, 1024 of them at most
	keptClusters = 8 << 20 // decoded clusters
)

// A metaBlock is a block of metadata, which nobody changes.
type metaBlock struct {
	box  bool
	n    int64 // its number
	data []byte
}

// blockCache keeps blocks of metadata, each in the one place that its number gives.
type blockCache struct{ places []atomic.Pointer[metaBlock] }

func newBlockCache(block int64) blockCache {
	return blockCache{make([]atomic.Pointer[metaBlock], min(keptBlocks/block, 1024))}
}

func (c blockCache) place(box bool, n int64) *atomic.Pointer[metaBlock] {
	at := uint64(n)
	if box {
		// Blocks of the metabox have the numbers of other blocks: elsewhere, then.
		at += uint64(len(c.places) / 2)
	}
	return &c.places[at%uint64(len(c.places))]
}

// A clusterKey says where a compressed cluster lies. Several extents may refer
// to one cluster, and take more or less of it.
type clusterKey struct {
	place
	stored int64
	alg    uint8
}

// A cluster is decoded bytes that some readers use at this moment.
type cluster struct {
	data []byte
	refs int // the cache's own, and each reader's; under its lock
}

// clusters keeps decoded clusters. The memory of one that was forgotten is used
// again once nobody reads it.
type clusters struct {
	mu    sync.Mutex
	kept  vfs.LRU[clusterKey, *cluster]
	pools [bits.UintSize]sync.Pool // of *[]byte, by buffer's class
}

func (c *clusters) init() { c.kept.Init(keptClusters, c.drop) }

// get gives a cluster of which at least n bytes are decoded, or nil. The caller
// releases it.
func (c *clusters) get(key clusterKey, n int64) *cluster {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, _ := c.kept.Get(key)
	if v == nil || int64(len(v.data)) < n {
		return nil
	}
	v.refs++
	return v
}

// add keeps data, which are the cache's from now on, and holds them for the
// caller as get does.
func (c *clusters) add(key clusterKey, data []byte) *cluster {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := &cluster{data, 2}
	c.kept.Put(key, v, int64(cap(data))+256)
	return v
}

func (c *clusters) release(v *cluster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(v)
}

func (c *clusters) drop(v *cluster) {
	if v.refs--; v.refs == 0 {
		c.recycle(v.data)
	}
}

// buffer gives n bytes of any content, of a memory whose size is a power of two.
func (c *clusters) buffer(n int64) []byte {
	class := bits.Len64(uint64(n))
	if p, _ := c.pools[class].Get().(*[]byte); p != nil {
		return (*p)[:n]
	}
	return make([]byte, n, 1<<class)
}

func (c *clusters) recycle(p []byte) { c.pools[bits.Len64(uint64(cap(p)))-1].Put(&p) }
