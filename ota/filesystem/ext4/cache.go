package ext4

import (
	"sync"
	"sync/atomic"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// maxBlocks bounds what blockCache keeps, in bytes.
const maxBlocks = 1 << 20

// A blockCache keeps blocks of inodes, descriptors and extents, each in the one
// place that its number gives.
type blockCache struct {
	places []atomic.Pointer[metaBlock]
}

// A metaBlock is a block of metadata, which nobody changes.
type metaBlock struct {
	number uint64
	off    int64
	data   []byte
}

func (c *blockCache) init(block int64) {
	c.places = make([]atomic.Pointer[metaBlock], maxBlocks/block)
}

// readBlock gives a block of metadata; what says whose it is.
func (f *FS) readBlock(number uint64, what string) (*metaBlock, error) {
	place := &f.blocks.places[number%uint64(len(f.blocks.places))]
	if m := place.Load(); m != nil && m.number == number {
		return m, nil
	}
	if !f.holds(number, 1) {
		return nil, fail(-1, parse.ErrFormat, what+" lie outside the file system", number)
	}
	off := int64(number) * f.block
	data, err := blob.ReadRange(f.b, off, f.block)
	if err != nil {
		return nil, err
	}
	m := &metaBlock{number, off, data}
	place.Store(m)
	return m, nil
}

// A groupTable is where the inodes of a group are.
type groupTable struct {
	group uint32
	table uint64
}

// maxFolders bounds what folderCache keeps, in bytes: somewhat more than the
// largest folder takes.
const maxFolders = 20 << 20

// A folderCache keeps folders by their inodes, until they are too many.
type folderCache struct {
	mu      sync.Mutex
	folders map[uint32]*folder
	cost    int
	charged map[uint32]bool // folders that have been paid for
}

func (c *folderCache) get(number uint32) *folder {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.folders[number]
}

// put keeps d, which pay charges for unless that has been done. All others are
// dropped when there is no room: which one is asked for next nobody knows.
func (c *folderCache) put(number uint32, d *folder, pay func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.charged[number] {
		if err := pay(); err != nil {
			return err
		}
		if c.charged == nil {
			c.charged = make(map[uint32]bool)
		}
		c.charged[number] = true
	}
	if c.folders[number] != nil {
		return nil
	}
	if c.folders == nil || c.cost+d.cost > maxFolders {
		c.folders, c.cost = make(map[uint32]*folder), 0
	}
	c.folders[number] = d
	c.cost += d.cost
	return nil
}
