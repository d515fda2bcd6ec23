package cpio

import (
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// Options say how a ramdisk is opened.
type Options struct {
	Spool string // folder for temporary files; "": the system's
}

// An FS is a ramdisk, with what package vfs says of all file systems. Nothing is
// charged for lists, as Open has charged for what is in them. No file has
// extended attributes: the format has none.
type FS struct {
	*vfs.FS
	b        blob.Blob
	spool    *spool
	decoded  blob.Blob // what spool has
	inodes   []*inode  // by their numbers, from 1; nil: no name is left
	archives []Archive
	size     int64
	notes    vfs.Notes
}

// An Archive is a run of entries: up to TRAILER!!!, or to the end of the stream
// or file.
type Archive struct {
	Off     int64        // bytes from the beginning of the ramdisk; of an archive in a stream, where the stream begins
	Method  codec.Method // of the stream; "": not compressed
	Entries int          // without TRAILER!!!
	Sums    bool         // some entries are of the format with sums
}

// Open opens a ramdisk. Files that are not compressed are read where they are. Compressed
// streams are decoded, and what files have of them is kept, up to 4 MiB in memory
// and beyond in temporary files without names, until Close. Data with sums are read once.
//
// Entries, folders that no entry makes, and what streams become are charged to
// bud; a nil bud stands for the default limits. There may be 64 streams, which all
// together may become 1 MiB and 1100 times the size of the ramdisk. While one is
// decoded its window is in memory (see ota/codec). The FS itself, with the lists of
// folders, takes at most 60 MiB, for 131,072 entries and as many files and folders,
// with 8 MiB of names and targets of links.
//
// The error is a *parse.Error, an error of reading b or one of writing a temporary
// file. Its offset counts in b; for what is compressed it is that of the stream.
// ErrFormat is also a file without a single entry; ErrUnsupported is a ramdisk in an
// older format of cpio (070707 or binary) or in a compression that ota/codec does not
// read (lzop, lzip); ErrLimit is a limit of those above, and a file in more than 256 folders.
func Open(b blob.Blob, bud *parse.Budget, o Options) (*FS, error) {
	if bud == nil {
		bud = parse.NewBudget(parse.Limits{})
	}
	f := &FS{b: b, spool: &spool{dir: o.Spool}}
	t := newTree(bud, &f.notes)
	u := &unpacker{fs: f, tree: t, bud: bud, left: most(b.Size())}
	err := u.unpack()
	if err == nil {
		f.decoded, f.inodes = f.spool.blob(), t.finish()
		f.FS, err = vfs.New(vfs.Volume{Format: "cpio", Root: uint64(t.root.in.number), Inode: f.inode, Notes: &f.notes})
	}
	if err != nil {
		f.spool.close()
		return nil, err
	}
	return f, nil
}

// Close removes temporary files. What was compressed cannot be read after.
func (f *FS) Close() error { return f.spool.close() }

// Size is where the last archive ends, in bytes from the beginning of the
// ramdisk: zeros may follow.
func (f *FS) Size() int64 { return f.size }

// Archives are the archives of the ramdisk in their order.
func (f *FS) Archives() []Archive { return slices.Clone(f.archives) }
