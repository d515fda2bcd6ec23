// Package avb reads and verifies what Android Verified Boot 2.0 signs: vbmeta structs,
// in a vbmeta image or, by way of a footer, in any other; their descriptors; and what these
// say of images.
//
// The format and its rules are those of libavb and avbtool (external/avb, 2025): avb_vbmeta_image.c
// for the order of checks, avb_rsa.c and avb_mldsa.c for keys, avb_footer.c, the headers of each
// descriptor, avb_slot_verify.c for what chains may be, and libavb_cert for certificates of keys. Integers
// are big-endian but for libavb_cert's, sizes and offsets count bytes.
//
// What a signature says is kept apart from what a device does: it compares the key
// with one in its bootloader, and the rollback index with one that it has stored; neither stands
// in a file.
package avb
