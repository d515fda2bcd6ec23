// Package squashfs reads squashfs 4.0, a compressed read-only file system, without
// mounting it.
//
// The format is that of Linux (fs/squashfs/squashfs_fs.h) and of squashfs-tools. All
// integers are little-endian; offsets and sizes of this package are bytes.
//
// # What is read
//
//   - blocks of 4 KiB to 1 MiB that are compressed by gzip (zlib, that is), lz4, xz with
//     its filters for machine code, zstd or lzma, or are not compressed
//   - inodes of all kinds, basic and extended; holes; fragments, in which ends of files
//     are packed together; blocks that several files share
//   - extended attributes, with values that are stored once for several files
//   - file systems with the table of inodes for NFS and without it
//
// A block that lzo has compressed is refused by that name, and so are versions 1 to 3,
// whose superblocks are little-endian or big-endian.
//
// Nothing in the format is a checksum but what xz and zlib have in each of their blocks:
// with lz4, lzma and zstd, as mksquashfs writes them, a changed byte may go unnoticed.
//
// # What has to hold
//
// Linux finds an inode that it has in memory by the number that an entry states, without
// looking at the place that the entry states as well. So the two have to belong together
// here: an entry has to state the number that its inode has. Where there is a table for
// NFS, it has to have each inode's number at its place. Where there is none, as in
// Android's images, two folders cannot have one number: the one that is read first keeps it,
// and the other one cannot be entered. So each folder has one way from the root, and a walk ends.
// Two files of one number are not noticed without that table.
//
// An entry . or .., which no name of Linux can reach, is left out and noted. A list that
// is not in order, and an index that does not fit its list, are noted as well: the whole
// of the list is read here, while Linux looks up a name with the help of both.
package squashfs
