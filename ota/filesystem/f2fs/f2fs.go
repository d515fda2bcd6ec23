package f2fs

import (
	"errors"
	"sync"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxBlocks bounds the nodes and blocks of the node address table that are
	// kept, in bytes.
	maxBlocks = 2 << 20

	// maxClusters bounds the decoded clusters that are kept, in bytes.
	maxClusters = 8 << 20
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "f2fs", Off: off, Msg: msg, Got: got, Kind: kind}
}

// isOwn tells an error of the file system from one of reading it.
func isOwn(err error) bool {
	var pe *parse.Error
	return errors.As(err, &pe) && pe.Format == "f2fs"
}

// An FS is a file system. It reads as names are asked for and keeps no more
// than 32 MiB of what it read. Any number of goroutines may use it.
//
// Xattrs tells of more attributes than Linux lists: encryption.c, which is the
// policy of an encrypted file, verity.v, and those of unknown namespaces as index-N.
type FS struct {
	*vfs.FS
	b       blob.Blob // as long as the file system
	bud     *parse.Budget
	super   superblock
	block   int64               // bytes
	seed    uint32              // of the checksums of inodes
	natBits []byte              // which copy of each block of the node address table counts
	journal map[uint32]natEntry // nodes that have moved since
	blocks  *vfs.Blocks
	notes   vfs.Notes

	mu       sync.Mutex // of clusters
	clusters vfs.LRU[clusterKey, []byte]

	paying sync.Mutex      // of paid
	paid   map[uint32]bool // folders whose blocks have been charged for
}

// Open opens an F2FS file system that begins at the start of b; what is behind
// its end does not disturb. It reads the superblock, the checkpoint and the root
// folder. The entries of a folder, and its blocks, are charged to bud when it is
// first read; a nil bud stands for the default limits.
//
// The error is a *parse.Error whose offset counts in b, or an error of reading
// b. ErrFormat is what has no superblock, checkpoint or root that is right, and a
// file system longer than b; of superblock and checkpoint there are two, and one
// is enough. ErrUnsupported are several devices, and features that are unknown.
//
// A file's own defects come out when it is met, as a *fs.PathError around a
// *parse.Error. Limits are, beside those of package vfs, folders of 64 MiB.
func Open(b blob.Blob, bud *parse.Budget) (*FS, error) {
	if bud == nil {
		bud = parse.NewBudget(parse.Limits{})
	}
	f := &FS{bud: bud, paid: make(map[uint32]bool)}
	if err := f.openSuper(b); err != nil {
		return nil, err
	}
	in, err := blob.Section(b, 0, f.Size())
	if err != nil {
		return nil, fail(superOffset+0x24, parse.ErrFormat, "the file system is longer than what holds it", f.Size())
	}
	f.b = in
	f.blocks = vfs.NewBlocks(in, f.block, maxBlocks)
	f.clusters.Init(maxClusters, nil)
	if err := f.openCheckpoint(); err != nil {
		return nil, err
	}
	f.FS, err = vfs.New(vfs.Volume{
		Format: "f2fs",
		Root:   rootInode,
		Inode: func(ref uint64) (vfs.Inode, error) {
			n, err := f.inode(uint32(ref)) // which List gave
			if err != nil {
				return nil, err
			}
			return n, nil
		},
		Budget: bud,
		Notes:  &f.notes,
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Size is the size of the file system in bytes, as its superblock states it.
func (f *FS) Size() int64 { return int64(f.super.blocks) * f.block }

// BlockSize is the size of a block in bytes.
func (f *FS) BlockSize() int64 { return f.block }

// Label is the name of the file system, often empty.
func (f *FS) Label() string { return f.super.label }

// Version is what the kernel, or the tool, that wrote last says of itself.
func (f *FS) Version() string { return f.super.version }

// UUID is the identity of the file system, in lower case with dashes; "" if it is zero.
func (f *FS) UUID() string { return vfs.UUID(f.super.uuid) }

// Features are the names that f2fs-tools has for the features that are set.
func (f *FS) Features() []string { return features(f.super.feature) }
