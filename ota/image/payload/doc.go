// Package payload reads payload.bin, the update of a device with two slots: its
// header, its manifest, and its partitions as blobs whose operations are decoded
// when they are touched.
//
// The format is that of update_engine (system/update_engine, Android 7 to 16):
// update_metadata.proto for the manifest, payload_consumer/payload_metadata.cc
// for the header, which is big-endian, payload_consumer/delta_performer.cc for
// the order of data, and scripts/update_payload/checker.py for what a payload
// has to hold beyond that. disk.go has the layout. Sizes and offsets are in
// bytes, extents in blocks of Manifest.BlockSize bytes.
//
// Only major version 2 is read; version 1, of Chrome OS, is named and refused.
//
// # What is kept, what is refused
//
// Fields that are not known, or that are not of the type that they should have,
// are kept in Unknown: which message, which number, how many, how many bytes.
// Operations of an unknown type are kept as they are; the partition then has no
// Blob. Notes say what is odd and yet read: what the device's own reader passes
// over, or what only checker.py objects to.
//
// Refused as malformed is what makes the answer depend on who reads, or what the
// device refuses: an extent outside its partition, a block that is written twice
// (or, in a full payload, not at all), data that do not follow each other in the
// order of the operations without gap or overlap, a signature that is not last,
// bytes behind the end.
//
// That is softer than checker.py in some things: compressed data may be larger
// than what they become, which the device never looks at, and hashes may be
// missing, which leaves nothing to check (both are notes); blocks need not have 4096 bytes; deprecated fields may be there, and
// operations that the minor version did not know yet; src_length and dst_length
// are as they are; a delta payload may have partitions that are new. It is
// stricter in that a partition's name must be its own, that no partition is
// larger than 16 TiB, and that the blocks of delta payloads too are written once.
//
// An operation of a delta payload reads the older image. Such operations are
// listed with their extents, and a partition that has one has no Blob:
// parse.ErrUnsupported, and the error names the operation. The same is said of
// a partition whose hash tree or error correction the installer has to compute;
// Partition.Complete and Apply are for who computes them too.
//
// Signatures are found and taken apart, and judged elsewhere. So are merge
// operations, which say how a device may store the update; their extents are not
// checked.
//
// # Limits
//
// The manifest: 16 MiB. Signature blobs: 64 KiB. Partitions: 1024. Of the whole
// payload: 2^18 operations, 2^20 extents, 2^19 merge operations, 2^12 groups and
// names in them, 2^12 compressed APEXes, and 2^10 kinds of unknown fields. An
// operation that is decoded for reading at random becomes at most 16 MiB; a
// Reader, which reads in order, and Apply have no such limit. Up to 64 MiB of
// decoded operations are kept for the next reader, and none by Apply. Beyond a limit the error is
// parse.ErrLimit.
//
// Open takes at most 40 bytes of memory for each byte of the file, and 1 MiB, and
// never more than 160 MiB; the manifest stays in memory.
package payload
