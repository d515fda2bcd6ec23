package vfs

import (
	"sync/atomic"

	"github.com/otavet/otavet/ota/blob"
)

// Blocks reads blocks of metadata and keeps some, each in the one place that its
// number gives. Any number of goroutines may use it.
type Blocks struct {
	b      blob.Blob
	size   int64
	places []atomic.Pointer[block]
}

// A block is bytes that nobody changes.
type block struct {
	number uint64
	data   []byte
}

// NewBlocks reads blocks of size bytes of b, and keeps at most keep bytes of them.
func NewBlocks(b blob.Blob, size, keep int64) *Blocks {
	return &Blocks{b, size, make([]atomic.Pointer[block], max(keep/size, 1))}
}

// Read gives the block of that number, which lies within b, and must not be changed.
func (c *Blocks) Read(number uint64) ([]byte, error) {
	place := &c.places[number%uint64(len(c.places))]
	if m := place.Load(); m != nil && m.number == number {
		return m.data, nil
	}
	data, err := blob.ReadRange(c.b, int64(number)*c.size, c.size)
	if err != nil {
		return nil, err
	}
	place.Store(&block{number, data})
	return data, nil
}
