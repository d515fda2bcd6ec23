// Package codec decompresses what strangers compressed: one reader for all
// methods, whose output is bounded, and two decoders of raw blocks.
//
// # Methods
//
//	method      format                              decoder                    may follow a stream
//	xz          .xz 1.2.0                           own container, ulikunitz   streams; zeros in fours
//	lzma        .lzma, 13-byte header               ulikunitz                  nothing
//	bzip2       bzip2 1.0                           compress/bzip2             streams; anything
//	gzip        RFC 1952                            klauspost                  members; zeros
//	zlib        RFC 1950                            klauspost                  nothing
//	deflate     RFC 1951, raw                       klauspost                  nothing
//	zstd        RFC 8878                            klauspost, own frame walk  frames, skippable frames
//	brotli      RFC 7932                            andybalholm                nothing
//	lz4         LZ4 frame 1.6.x                     pierrec                    frames, of legacy too; skippable frames
//	lz4-legacy  LZ4 frame, chapter "Legacy frame"   own                        frames; zeros; one size word
//
// The last column is what the reference tool takes without complaint, by its
// exit status: xz 5.4.1, bzip2 1.0.8, gzip 1.12, zstd 1.5.4, brotli 1.0.9 and
// lz4 1.9.4. What a tool skips with a status other than 0 (gzip: garbage that
// is not zero) is an error here, which comes after the last byte of output.
// bzip2's own rule has a price: bytes behind its last stream are seen by nobody.
// For lz4-legacy the reference is Linux, whose lib/decompress_unlz4.c takes
// joined and padded ramdisks and the size that kernel images end with. No bytes
// at all are no stream of any method.
//
// # Bounds
//
// No more comes out than the caller allows. Memory does not follow from a
// header alone: a window or dictionary is as large as its header says, at most
// 64 MiB (LZMA) or 128 MiB (zstd), but no larger than what may come out (and
// 2 MiB, a chunk of LZMA2), and for an input below 64 KiB no larger than what
// that input could expand to. What remains are buffers of fixed size: up to
// 17 MiB for brotli (its largest window), 16 MiB for lz4, 4 MiB for bzip2, below
// 1 MiB for the others. Blocks of lz4-legacy take memory as their bytes arrive.
//
// # Trust
//
// Bytes come out before the checksum over them has been read: only [io.EOF]
// says that they hold. xz without a check, lzma, deflate, brotli, lz4-legacy
// and zstd and lz4 frames without their optional checksums have nothing that
// would notice a changed byte, and lz4-legacy does not notice when whole blocks
// are missing at its end, because it has no end mark.
//
// # What is not held
//
//   - xz: the RISC-V filter (of xz 5.6, newer than the tool that the others are
//     proven with), and checks other than CRC32, CRC64 and SHA-256.
//   - lzma and LZMA2 with lc + lp > 4, which xz refuses as well.
//   - zstd and lz4 frames, and zlib streams, that need a dictionary from outside.
//   - brotli with a window above 16 MiB (large window brotli).
//   - lzip, lzop and compress(1): recognised by Detect, and named.
//   - In LZMA2 an end marker within a chunk is taken, which liblzma refuses;
//     the chunk's sizes must still be exact.
//   - LZ4 blocks may end with fewer than five literals, which liblz4 refuses.
//   - lz4: any magic number 0x184D2Axx is a skippable frame for the library, of
//     which the format has sixteen.
package codec
