// Package avb reads and verifies what Android Verified Boot 2.0 signs: vbmeta structs,
// in a vbmeta image or, by way of a footer, in any other; their descriptors; and what these
// say of images.
//
// The format and its rules are those of libavb and avbtool (external/avb, 2025): avb_vbmeta_image.c
// for the order of checks, avb_rsa.c for keys, avb_footer.c, and the headers of each
// descriptor. All integers are big-endian, sizes and offsets count bytes.
//
// What a signature says is kept apart from what a device does: it compares the key
// with one in its bootloader, and the rollback index with one that it has stored; neither stands
// in a file.
package avb
