package erofs

import (
	"fmt"
	"sync"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// An FS is a file system, with what package vfs says of it. It keeps no more than
// 32 MiB of what it read and decoded last.
type FS struct {
	*vfs.FS
	b blob.Blob

	super     superblock
	blockBits uint
	blockMask int64
	size      int64
	algs      uint16    // bit by algorithm: those that may be used
	root      uint64    // nid
	prefixes  []string  // of attributes' names
	packed    blob.Blob // data of the packed inode; nil: none
	box       blob.Blob // data of the metabox inode; nil: none

	devices     []device
	deviceMask  uint16
	deviceTable int64 // where it lies

	blocks   blockCache
	clusters clusters
	inputs   sync.Pool  // of *[]byte: stored bytes of clusters
	large    sync.Mutex // held while a large cluster is decoded

	notes vfs.Notes
}

// Open opens the file system that begins with b, which may be longer than it.
// The entries of each folder are charged to bud when it is first listed, or when
// a name leads through it.
//
// Errors are *parse.Error: ErrFormat for what breaks the format, ErrUnsupported
// for a feature that is not known, which is named, ErrLimit. Errors of b are
// passed on, wrapped. What is merely odd is said in Notes.
func Open(b blob.Blob, bud *parse.Budget) (*FS, error) { return OpenDevices(b, nil, bud) }

// OpenDevices opens a file system whose data lie on further devices, in the order
// of its device table. One that is nil is not there: files on it cannot be read.
func OpenDevices(b blob.Blob, devices []blob.Blob, bud *parse.Budget) (*FS, error) {
	if bud == nil {
		bud = parse.NewBudget(parse.Limits{})
	}
	f := &FS{b: b}
	f.clusters.init()
	if err := f.readSuper(devices); err != nil {
		return nil, err
	}
	if err := f.special(); err != nil {
		return nil, err
	}
	var err error
	f.FS, err = vfs.New(vfs.Volume{Format: "erofs", Root: f.root, Inode: f.entryInode, Budget: bud, Notes: &f.notes})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// entryInode is the inode that an entry of a folder refers to.
func (f *FS) entryInode(nid uint64) (vfs.Inode, error) {
	n, err := f.inode(nid)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// special opens the inodes that hold parts of others.
func (f *FS) special() error {
	open := func(nid uint64) (blob.Blob, error) {
		if nid&nidMetabox != 0 {
			return nil, fail(superOffset, parse.ErrFormat, "an inode that holds others lies in the metabox", nid)
		}
		n, err := f.inode(nid)
		if err != nil {
			return nil, err
		}
		return f.data(&n)
	}
	var err error
	if f.super.featureIncompat&incompatMetabox != 0 {
		if f.super.sbExtslots == 0 {
			return fail(superOffset, parse.ErrFormat, "a metabox, and no room for its number", nil)
		}
		if f.box, err = open(f.super.metaboxNid); err != nil {
			return err
		}
	}
	if f.super.featureIncompat&incompatFragments != 0 && f.super.packedNid != 0 {
		if f.packed, err = open(f.super.packedNid); err != nil {
			return err
		}
	}
	return f.readPrefixes()
}

// Size is the size of the file system in bytes, as its superblock says, without
// further devices. The image may be longer.
func (f *FS) Size() int64 { return f.size }

// BlockSize is the size of a block in bytes.
func (f *FS) BlockSize() int { return 1 << f.blockBits }

// Label is the name of the volume, spelled with parse.Escape; "" is none.
func (f *FS) Label() string { return parse.Escape(cstring(f.super.volumeName[:])) }

// UUID is the UUID of the volume in its usual form; "" if it is zero.
func (f *FS) UUID() string { return vfs.UUID(f.super.uuid) }

// Created is the time that compact inodes count from: in most images, when it
// was made.
func (f *FS) Created() time.Time { return f.time(f.super.epoch, f.super.fixedNsec) }

// Features are the features that the superblock names, as erofs-utils calls
// them, and then the compression algorithms. Some share a bit: those are one name.
func (f *FS) Features() []string {
	var out []string
	add := func(set uint32, names []string, what string) {
		for i := range 32 {
			switch {
			case set>>i&1 == 0:
			case i < len(names):
				out = append(out, names[i])
			default:
				out = append(out, fmt.Sprintf("%s_%#x", what, uint32(1)<<i))
			}
		}
	}
	add(f.super.featureCompat, compatNames(), "compat")
	add(f.super.featureIncompat, incompatNames(), "incompat")
	if f.super.featureIncompat&incompatComprCfgs != 0 {
		add(uint32(f.algs), algNames(), "algorithm")
	}
	return out
}
