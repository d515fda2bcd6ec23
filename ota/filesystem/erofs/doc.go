// Package erofs reads EROFS, the compressed read-only file system of Android's
// partitions and APEXes, without mounting it.
//
// The format is that of Linux's fs/erofs/erofs_fs.h, of which disk.go has the
// parts that are read; all integers are little-endian. What is accepted is what
// Linux and fsck.erofs of erofs-utils 1.9.4 accept, but for what is said below.
//
// # What is read
//
//   - inodes, compact and extended; hard links, devices, attributes inline and
//     shared, long prefixes of attributes' names
//   - data: flat, with the tail inline, in chunks with holes, on further devices
//   - compressed data: full and compact indexes (4 and 2 bytes an entry), extents
//     of erofs-utils 1.9 (records of 4 to 32 bytes), clusters of up to 1 MiB,
//     tails inline, fragments in the packed inode, clusters that are shared by
//     reference in part, plain clusters shifted and interlaced; in LZ4 (with zero
//     padding or without), MicroLZMA, deflate and zstd
//   - 48-bit addresses and metadata in a file of its own (48BIT, METABOX)
//   - blocks of 512 bytes to 64 KiB
//
// The superblock's checksum is checked where there is one. EROFS has no other.
//
// # Where Linux differs
//
// Each folder has one way from the root: its entry .. must be the folder that it
// is reached from, and no folder has two names, as fsck.erofs demands and Linux
// does not. So a walk ends. Entries whose name no system call can reach (empty,
// with a slash, a second one of the same name) are left out and noted. An entry
// that says another type than its inode is refused. So is a folder of more than
// 4 MiB, or below more than 2048 others.
//
// # What is not proven by another's image
//
// mkfs.erofs writes neither heads of the second kind (HEAD2) nor addresses of
// devices behind those of the image: these are tested with what it wrote, rewritten.
// Untested are plain clusters of several blocks, fragments behind 4 GiB of the
// packed inode, and addresses of more than 32 bits.
package erofs
