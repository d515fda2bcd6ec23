// Package f2fs reads F2FS file systems, as a file system of Go, without mounting
// anything and without writing anything.
//
// The format is that of Linux (include/linux/f2fs_fs.h, fs/f2fs) and of f2fs-tools,
// whose make_f2fs and sload_f2fs write Android's images. All integers are
// little-endian; offsets and sizes of this package are bytes, numbers of blocks,
// nodes and inodes are said to be such.
//
// An inode is a node, a block of its own, which the node address table (NAT) has
// the place of. Which of the two copies of each block of that table counts, and
// what has changed since it was written, says the newer of two checkpoints.
//
// Read are blocks of 4 to 64 KiB (those larger than 4 by the kernel's text, as no image
// of them was at hand), data and entries in the inode or in blocks of
// their own, files compressed by LZ4 and zstd, extended attributes in the inode
// and in a node. The checksums of superblock, checkpoint, inodes and compressed
// clusters are verified where the file system has them; nodes have to be those
// that were asked for. Of two entries with one name that one counts whose hash and
// place are right, as Linux looks for it by these; Notes tells of names that Linux
// lists and does not find. What was written behind the last checkpoint is not
// recovered; Notes tells where Linux would look for it.
//
// Encrypted files are listed under the names that are stored, and cannot be
// read. Names of case-insensitive (casefold) directories are what is stored:
// no other spelling of them is found. Files compressed by LZO, and file systems
// on several devices, are refused.
package f2fs
