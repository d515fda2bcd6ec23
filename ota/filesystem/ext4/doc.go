// Package ext4 reads ext2, ext3 and ext4 file systems, as a file system of Go,
// without mounting anything and without writing anything.
//
// The format is that of Linux (fs/ext4, Documentation/filesystems/ext4) and of
// e2fsprogs; Android's writers (make_ext4fs, mke2fs with e2fsdroid) use parts of
// it. All integers are little-endian; offsets and sizes of this package are
// bytes, numbers of blocks and inodes are said to be such.
//
// Read are all block sizes from 1 to 64 KiB, block maps and extents of any
// depth, inline data, meta_bg, flex_bg, bigalloc, shared blocks, extended
// attributes in the inode, in a block and in inodes of their own. The checksums
// of superblock, group descriptors, inodes, extent blocks, directories and
// attributes are verified where the file system has them. Directories are read
// from their first block to their last, so that an index (htree) is not needed.
// The journal is not replayed; Notes tells where one should be.
//
// Encrypted files are listed under the names that are stored, and cannot be
// read. Names of case-insensitive (casefold) directories are what is stored:
// no other spelling of them is found.
package ext4
