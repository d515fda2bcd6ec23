// Package super reads the metadata of logical partitions, which says where in
// the block device "super" (or in several, on devices that were given logical
// partitions by an update) the bytes of system, vendor and their like lie.
//
// The format is liblp's metadata_format.h (AOSP, system/core/fs_mgr/liblp),
// major version 10, minor versions 0 to 2. All integers are little-endian;
// sectors are 512 bytes, everything else counts bytes. What is accepted is what
// liblp's reader.cpp accepts, and beyond that what Open says.
//
// A super image in sparse form is unwrapped first, by package sparse.
//
// Images that AOSP's lpmake wrote read as its lpunpack reads them. No tool of
// AOSP's writes extents of zeros; those are unproven against another's image.
package super
