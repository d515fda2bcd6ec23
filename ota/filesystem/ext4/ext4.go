package ext4

import (
	"fmt"
	"sync/atomic"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "ext4", Off: off, Msg: msg, Got: got, Kind: kind}
}

// An FS is a file system, with what package vfs says of it. It reads as names are
// asked for and keeps no more than 32 MiB of what it read. Of an encrypted file,
// Open gives an error of kind ErrUnsupported.
type FS struct {
	*vfs.FS
	b         blob.Blob // as long as the file system
	super     superblock
	block     int64 // bytes
	descSize  int
	seed      uint32 // of all checksums with metadata_csum
	sums      bool   // metadata_csum
	blocks    *vfs.Blocks
	lastGroup atomic.Pointer[groupTable]
	notes     vfs.Notes
}

// Open opens an ext2, ext3 or ext4 file system that begins at the start of b;
// what is behind its end does not disturb. It reads the superblock and the root
// folder. The entries of a folder, and its blocks, are charged to bud when it is
// first read; a nil bud stands for the default limits.
//
// The error is a *parse.Error whose offset counts in b, or an error of reading
// b. ErrFormat is a superblock, descriptor or root that is broken, and a file
// system longer than b; ErrUnsupported are features that are not read:
// compression, a journal's device, dirdata, and any incompatible one that is unknown.
// Backups of the superblock are not used: the error tells of one where the first is broken.
//
// A file's own defects come out when it is met, as a *fs.PathError around a
// *parse.Error. Limits are folders of 131,072 entries, 8 MiB of names or 64 MiB,
// names of 1024 folders, targets of links of 4096 bytes, and 1 MiB of extended
// attributes of one file.
func Open(b blob.Blob, bud *parse.Budget) (*FS, error) {
	if bud == nil {
		bud = parse.NewBudget(parse.Limits{})
	}
	f := &FS{}
	if err := f.openSuper(b); err != nil {
		return nil, tellBackup(b, err)
	}
	in, err := blob.Section(b, 0, f.Size())
	if err != nil {
		return nil, fail(4, parse.ErrFormat, "the file system is longer than what holds it", f.Size())
	}
	f.b = in
	f.blocks = vfs.NewBlocks(f.b, f.block, maxBlocks)
	f.FS, err = vfs.New(vfs.Volume{Format: "ext4", Root: rootInode, Inode: f.entryInode, Budget: bud, Notes: &f.notes})
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

// MountedAt is where the file system was last mounted; Android's tools write where it is to be.
func (f *FS) MountedAt() string { return f.super.mounted }

// UUID is the identity of the file system, in lower case with dashes; "" if it is zero.
func (f *FS) UUID() string { return vfs.UUID(f.super.uuid) }

// Features are the names that e2fsprogs has for the features that are set; one
// that it has no name for is called by its word and bit, such as incompat_0x800000.
func (f *FS) Features() []string {
	var names []string
	for word, bits := range [...]uint32{f.super.compat, f.super.incompat, f.super.roCompat} {
		names = append(names, features(word, bits)...)
	}
	return names
}

func features(word int, bits uint32) []string {
	var names []string
	for i := range 32 {
		if bits>>i&1 == 0 {
			continue
		}
		name := featureNames[word][i]
		if name == "" {
			name = fmt.Sprintf("%s_%#x", [...]string{"compat", "incompat", "ro_compat"}[word], uint32(1)<<i)
		}
		names = append(names, name)
	}
	return names
}

// entryInode is the inode that an entry of a folder refers to.
func (f *FS) entryInode(ref uint64) (vfs.Inode, error) {
	n, err := f.inode(uint32(ref)) // entries have 32 bits
	if err != nil {
		return nil, err
	}
	return n, nil
}
