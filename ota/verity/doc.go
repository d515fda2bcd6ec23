// Package verity makes and checks what Android keeps beside a partition's data so
// that a device can tell whether a block was changed, and mend it: dm-verity hash
// trees and Reed-Solomon forward error correction (FEC).
//
// A payload states where they go and the installer computes them, a transfer list
// has a command for the tree, AVB's hashtree descriptors name both, and Android 4.4
// to 7 had them without AVB. All of these use one form. Its sources are AOSP's
// hash_tree_builder.cpp and fec (system/extras/verity), avbtool.py (external/avb),
// verity_writer_android.cc (system/update_engine), and the kernel's dm-verity
// targets.
//
// # Hash trees
//
// The digest of a block is H(salt ‖ block). Digests of the data's blocks in order,
// each filled up with zeros to a power of two and all of them to whole blocks, are
// the lowest level; digests of its blocks are the next, and so on up to a level of
// one block, whose digest is the root. The file has the highest level first. This
// is dm-verity's format 1; format 0 (Chromium OS), with the salt behind the block,
// is not read.
//
// # Forward error correction
//
// Data of B blocks are laid out as 255-roots rows of equal length, the length being
// the smallest number of whole blocks that does it and the rest zeros. Each column is
// a message of 255-roots bytes of a Reed-Solomon code over GF(2^8), polynomial
// 0x11d, generator (x-1)(x-α)…(x-α^(roots-1)), and has roots bytes of parity, highest
// power first. The parity of all columns in order is the file: any of AOSP's rounds
// of blocks is a run of columns. Only encoding and comparing are done here: nothing
// is corrected, and of parity that differs it is not said which block is to blame.
//
// Sizes and offsets count bytes. Work is in proportion to the data, and memory stays
// below 1 MiB whatever their size; who hands in a blob asks for its Size first.
package verity
