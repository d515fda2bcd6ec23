// Package boot reads the images that a boot loader starts from: boot, recovery
// and init_boot images of header versions 0 to 4, and vendor_boot images of
// versions 3 and 4. It gives what their headers say and where kernel, ramdisks
// and device trees lie; what those hold is for others to read.
//
// The format is AOSP's bootimg.h (system/tools/mkbootimg/include/bootimg). All
// integers are little-endian, all sizes and offsets count bytes, addresses are
// physical. Two things of vendors' are known beside it, from their tools and
// images: the size of a device tree table that Qualcomm's builds have in place
// of the version (mkbootimg --dt), and MediaTek's headers of 512 bytes before
// kernel and ramdisk. No tool of theirs was at hand to make images for the
// tests, which build such images by hand.
package boot
