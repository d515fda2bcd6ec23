// Package bootsig reads and verifies what Verified Boot 1.0 signs, before vbmeta structs (AVB 2.0, package avb) took
// its place with Android 8: boot images by a signature behind them, filesystems by a signed table of dm-verity, behind
// them as well, whose hash tree covers each block.
//
// The boot signature is that of BootSignature.java (AOSP's system/extras/verity) and of the bootloaders that verify it, of which
// one is public (boot_verifier.c of Qualcomm's Little Kernel). The table is that of build_verity_metadata.py and
// libfec's fec_verity.cpp (system/extras), and of fs_mgr_verity.c and .cpp (system/core).
//
// What a signature says is kept apart from what a device does: the key to compare with stands in its bootloader or, for
// tables, in its boot image as /verity_key. Sizes and offsets count bytes of the image.
package bootsig
