// Package sparse reads Android sparse images: a partition's bytes with runs of
// one repeated word and runs that nobody cares about left out, as fastboot
// takes them and as factory packages hold them. An image that was split into
// several files (system.img_sparsechunk.0 and on) is joined.
//
// The format is libsparse's sparse_format.h (AOSP, system/core/libsparse); what
// is accepted is what its reader, sparse_read.cpp, accepts. All integers are
// little-endian. Sizes in the file count blocks of the image's own block size;
// this package counts bytes.
package sparse
