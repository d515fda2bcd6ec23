package squashfs

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/otavet/otavet/ota/parse"
)

// readSuper reads the superblock and checks what does not depend on anything else.
func (f *FS) readSuper() error {
	size := f.b.Size()
	p := make([]byte, min(size, lenSuper))
	if err := f.read(p, 0); err != nil {
		return err
	}
	// The version stands at the same place in all of them, before the end of the smallest.
	if len(p) >= atVersion+4 {
		if err := checkVersion(p); err != nil {
			return err
		}
	}
	s := &f.super
	if n, err := binary.Decode(p, le, s); err != nil || n != lenSuper {
		return fail(size, parse.ErrFormat, "ends before the superblock does", nil)
	}
	switch {
	case compressionName(s.Compression) == "":
		return fail(atCompression, parse.ErrUnsupported, "a compression that is not known", s.Compression)
	case s.BlockLog < minBlockLog || s.BlockLog > maxBlockLog || s.BlockSize != 1<<s.BlockLog:
		return fail(atBlockSize, parse.ErrFormat, "a size of blocks that is not 4 KiB to 1 MiB, or not that of its logarithm", s.BlockSize)
	case s.BytesUsed < lenSuper || s.BytesUsed > uint64(size):
		return fail(atBytesUsed, parse.ErrFormat, fmt.Sprintf("the file system does not end within the %d bytes of the image", size), s.BytesUsed)
	}
	f.size, f.block = int64(s.BytesUsed), int64(s.BlockSize)
	return nil
}

// checkVersion looks at the magic number and the version.
func checkVersion(p []byte) error {
	major, minor := le.Uint16(p[atVersion:]), le.Uint16(p[atVersion+2:])
	switch string(p[:4]) {
	case magic:
	case magicSwapped:
		major, minor = bits.ReverseBytes16(major), bits.ReverseBytes16(minor)
		return fail(atVersion, parse.ErrUnsupported, fmt.Sprintf("version %d.%d, big-endian; only 4.0 is read", major, minor), nil)
	default:
		return fail(0, parse.ErrFormat, "no magic of a superblock", le.Uint32(p))
	}
	if major != 4 || minor != 0 {
		return fail(atVersion, parse.ErrUnsupported, fmt.Sprintf("version %d.%d; only 4.0 is read", major, minor), nil)
	}
	return nil
}

// readOptions reads the options of the compressor, which stand behind the superblock.
// All that they say of how to decompress is in the compressed blocks as well, but for
// the version of lz4.
func (f *FS) readOptions() error {
	lz4 := f.super.Compression == compressionLZ4
	if f.super.Flags&flagOptions == 0 {
		if lz4 { // as Linux demands
			return fail(atCompression, parse.ErrFormat, "lz4 without its options", nil)
		}
		return nil
	}
	var p [2 + 8]byte
	size := f.size - lenSuper
	if size < 2 {
		return fail(f.size, parse.ErrFormat, "ends before the options of the compressor do", nil)
	}
	if err := f.read(p[:min(size, int64(len(p)))], lenSuper); err != nil {
		return err
	}
	head := le.Uint16(p[:])
	n := int64(head &^ metaPlain)
	switch {
	case head&metaPlain == 0:
		return fail(lenSuper, parse.ErrFormat, "compressed options of the compressor", head)
	case n == 0 || n > metaSize || n > size-2:
		return fail(lenSuper, parse.ErrFormat, "options of the compressor of a wrong size", n)
	case lz4 && n < 8:
		return fail(lenSuper, parse.ErrFormat, "options of lz4 of a wrong size", n)
	case lz4 && le.Uint32(p[2:]) != lz4Legacy:
		return fail(lenSuper+2, parse.ErrUnsupported, "a version of lz4 that is not known", le.Uint32(p[2:]))
	}
	return nil
}

// readTables finds where the tables are. Those of inodes and of folders' lists are
// blocks of metadata one after another; the others have an index of where their blocks are.
func (f *FS) readTables() error {
	s, size := &f.super, uint64(f.size)
	f.rest = table{"tables", lenSuper, f.size}
	end := size // of the lists: what comes next
	for _, x := range []struct {
		index        *index
		name         string
		at           int64 // in the superblock
		start, count uint64
		entry        int64
	}{
		{&f.fragments, "the table of fragments", atFragmentTable, s.FragmentTableStart, uint64(s.Fragments), lenFragment},
		{&f.export, "the table of inodes for NFS", atLookupTable, s.LookupTableStart, uint64(s.Inodes), lenExport},
	} {
		if x.start == noTable && x.index == &f.export || x.count == 0 {
			continue
		}
		var err error
		if *x.index, err = f.index(x.name, x.at, x.start, x.count, x.entry); err != nil {
			return err
		}
		end = min(end, x.start)
	}
	if s.InodeTableStart < lenSuper || s.InodeTableStart >= s.DirectoryTableStart {
		return fail(atInodeTable, parse.ErrFormat, "the inodes are not between the superblock and the folders", s.InodeTableStart)
	}
	if s.DirectoryTableStart >= end {
		return fail(atDirectoryTable, parse.ErrFormat, "the folders are not before the tables that follow", s.DirectoryTableStart)
	}
	f.inodes = table{"the inodes", int64(s.InodeTableStart), int64(s.DirectoryTableStart)}
	f.dirs = table{"the folders", int64(s.DirectoryTableStart), int64(end)}
	if s.RootInode>>48 != 0 || s.RootInode&0xffff >= metaSize {
		return fail(atRootInode, parse.ErrFormat, "no place of an inode", s.RootInode)
	}
	return nil
}

// readIDs reads the owners. There are at most 65,535.
func (f *FS) readIDs() error {
	count := int64(f.super.NoIDs)
	if count == 0 {
		return fail(atIDs, parse.ErrFormat, "no owners", nil)
	}
	x, err := f.index("the table of owners", atIDTable, f.super.IDTableStart, uint64(count), lenID)
	if err != nil {
		return err
	}
	f.ids = make([]uint32, 0, count)
	for int64(len(f.ids)) < count {
		r, err := f.entry(&x, int64(len(f.ids)))
		if err != nil {
			return err
		}
		for range min(count-int64(len(f.ids)), metaSize/lenID) {
			f.ids = append(f.ids, r.u32())
		}
		if r.err != nil {
			return r.err
		}
	}
	return nil
}
