package ext4

import "github.com/otavet/otavet/ota/parse"

// maxBlocks bounds what is kept of blocks of inodes, descriptors and extents, in bytes.
const maxBlocks = 1 << 20

// readBlock gives a block of metadata and where it stands; what says whose it is.
func (f *FS) readBlock(number uint64, what string) (data []byte, off int64, err error) {
	if !f.holds(number, 1) {
		return nil, 0, fail(-1, parse.ErrFormat, what+" lie outside the file system", number)
	}
	data, err = f.blocks.Read(number)
	return data, int64(number) * f.block, err
}

// A groupTable is where the inodes of a group are.
type groupTable struct {
	group uint32
	table uint64
}
