package squashfs

import (
	"fmt"
	"sync"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// An FS is a file system. What holds for its names, links and files is said at
// [vfs.FS]. It reads as names are asked for, and keeps at most 12 MiB of what it has
// decoded, and the numbers of the folders that were listed, beside what a vfs.FS keeps;
// readers that run at once take no more than 4 MiB for decoding, what the decompressors
// need, and a block each. Any number of goroutines may use it.
type FS struct {
	*vfs.FS
	b     blob.Blob
	super superblock
	size  int64 // bytes_used
	block int64 // bytes
	notes vfs.Notes

	inodes, dirs, rest table // where blocks of metadata are
	fragments, export  index
	ids                []uint32

	metas  metaCache
	blocks blockCache

	mu      sync.Mutex
	folders map[uint32]uint64 // the reference of each folder, by number; where there is no table
}

// Open opens the file system that begins with b, which may be longer than it. It reads
// the superblock, the owners and the root folder. The entries of each folder are
// charged to bud when it is first read.
//
// Errors are *parse.Error, whose offsets count in b: ErrFormat for what breaks the
// format, ErrUnsupported for another version and for a compression that is not read,
// both named, ErrLimit. Errors of b are passed on, wrapped. What is broken further on is the
// error of who comes upon it, as a *fs.PathError around a *parse.Error. Limits are
// those of vfs, 2^26 blocks of one file, and 1 MiB of extended attributes of one file.
func Open(b blob.Blob, bud *parse.Budget) (*FS, error) {
	f := &FS{b: b, folders: make(map[uint32]uint64)}
	f.metas.init()
	if err := f.readSuper(); err != nil {
		return nil, err
	}
	f.blocks.init(f.block)
	for _, read := range []func() error{f.readOptions, f.readTables, f.readIDs} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	var err error
	f.FS, err = vfs.New(vfs.Volume{
		Format: format,
		Root:   f.super.RootInode,
		Inode: func(ref uint64) (vfs.Inode, error) {
			n, err := f.inode(ref)
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

// Size is the size of the file system in bytes, as its superblock says. The image may
// be longer.
func (f *FS) Size() int64 { return f.size }

// BlockSize is the size of a block of data in bytes, before it is compressed.
func (f *FS) BlockSize() int { return int(f.block) }

// Compression is the name that squashfs-tools have for the compression: gzip, lz4,
// lzma, lzo, xz or zstd. There may be nothing that is compressed.
func (f *FS) Compression() string { return compressionName(f.super.Compression) }

// Created is when the file system was made, or something was last added to it.
func (f *FS) Created() time.Time { return time.Unix(int64(f.super.MkfsTime), 0).UTC() }

// Features are the flags of the superblock, by names like those of squashfs-tools'
// options. One that is not known is flag_ and its value.
func (f *FS) Features() []string {
	var out []string
	names := flagNames()
	for i := range 16 {
		switch {
		case f.super.Flags>>i&1 == 0:
		case i < len(names):
			out = append(out, names[i])
		default:
			out = append(out, fmt.Sprintf("flag_%#x", 1<<i))
		}
	}
	return out
}

const format = "squashfs"

// fail is the one constructor of this package's errors.
func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: format, Off: off, Msg: msg, Got: got, Kind: kind}
}

// read reads from the image what is known to lie in it.
func (f *FS) read(p []byte, off int64) error {
	if _, err := blob.ReadFull(f.b, p, off); err != nil {
		return fmt.Errorf("%s: %w", format, err)
	}
	return nil
}
