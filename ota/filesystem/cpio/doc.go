// Package cpio reads initial ramdisks, as a file system of Go: cpio archives of
// the format "newc" (070701), and of that with sums (070702), which are
// compared with the data.
//
// The format and its rules are those of Linux (init/initramfs.c and
// Documentation/driver-api/early-userspace/buffer-format.rst). A ramdisk is any
// number of archives one after another with zeros between them, each as it is
// or compressed; Android's bootloaders join the ramdisks of vendor_boot and
// init_boot so. What is shown is what Linux 6.1 would have in memory after it had
// unpacked all of them, in their order:
//
//   - A later entry takes the place of an earlier one of the same name. A file
//     is written over, so that its hard links change with it. A folder that
//     is there keeps its contents and its time and takes the new owner and
//     mode. A folder that is not empty is not replaced. A device that is
//     there keeps its numbers.
//   - An entry that is of no kind removes the file of its name.
//   - A name is a path from the root, whatever it begins with: /init, ./init
//     and init are one file. It may have "." and "..", and lead through
//     links that earlier entries have made, of which the last element is none.
//   - Entries with more than one link (c_nlink) and the same numbers (c_ino, c_maj,
//     c_min) are names of one file, up to the archive's end. Whichever has data gives them.
//   - The archive's end, TRAILER!!!, need not be there. Notes tells when it is not.
//   - Entries that Linux passes over are passed over, and Notes tells of them: names and
//     targets of links above 4096 bytes, elements above 255, files other than regular
//     ones that have data.
//
// In some things it is otherwise. An entry in a folder that no entry has made
// is left out by Linux; here the folder is made (Meta.Implied), since the ramdisk
// may be joined to another that makes it. Nothing that Linux has is changed by
// what was put in such a folder: a name that leads out of one is left out. Linux also keeps what it
// unpacked before an error, and takes a ramdisk that ends within an entry; here
// both are errors. What bootloaders alone could unpack is read, LZ4 frames and xz
// with other checks than CRC32, and Notes tells of it.
//
// Compressed archives are decoded once, when they are opened: see [Open].
package cpio
