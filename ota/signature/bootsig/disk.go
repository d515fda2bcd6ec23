package bootsig

import "github.com/otavet/otavet/ota/parse"

// The head of a boot image, little-endian: struct boot_img_hdr of bootimg.h, versions 0 to 2.
const (
	magicBoot = "ANDROID!" // BOOT_MAGIC

	lenHead = 1660 // sizeof(struct boot_img_hdr_v2)
	lenV1   = 1648 // sizeof(struct boot_img_hdr_v1)
	lenV0   = 48   // as far as it is read

	// Pages are of 2 KiB to 128 KiB: see package boot.
	minPage, maxPage = 2 << 10, 128 << 10

	// leastDT is the least size of Qualcomm's device tree table, which its builds have in place of the version.
	leastDT = 512
)

// sizes are the parts of a boot image that a signature is behind.
type sizes struct {
	kernel, ramdisk, second, page, version uint32
	recoveryDTBO, headerSize, dtb          uint32 // from version 1, 1 and 2
}

func readSizes(p []byte) sizes {
	var s sizes
	c := parse.NewCursor("bootsig", p, 0)
	c.Skip(len(magicBoot))
	s.kernel = c.U32LE()
	c.Skip(4)
	s.ramdisk = c.U32LE()
	c.Skip(4)
	s.second = c.U32LE()
	c.Skip(8)
	s.page, s.version = c.U32LE(), c.U32LE()
	if s.version > 0 && s.version <= 2 && len(p) >= lenV1 {
		c = parse.NewCursor("bootsig", p[1632:], 1632) // BOOT_IMAGE_HEADER_V1_RECOVERY_DTBO_SIZE_OFFSET
		s.recoveryDTBO = c.U32LE()
		c.Skip(8)
		s.headerSize = c.U32LE()
		if s.version == 2 && len(p) >= lenHead {
			s.dtb = c.U32LE() // BOOT_IMAGE_HEADER_V2_DTB_SIZE_OFFSET
		}
	}
	return s
}

// The block of metadata behind a filesystem, little-endian: struct verity_header of libfec's fec_private.h, and the table.
const (
	magicVerity   = 0xb001b001 // VERITY_MAGIC
	magicDisabled = 0x46464f56 // VERITY_MAGIC_DISABLE: "VOFF"

	lenVerity  = 32 << 10 // VERITY_METADATA_SIZE
	lenHeader  = 4 + 4 + 256 + 4
	minTable   = 20 // VERITY_MIN_TABLE_SIZE
	maxTable   = lenVerity - lenHeader
	tableParts = 10   // VERITY_TABLE_ARGS
	blockSize  = 4096 // FEC_BLOCKSIZE: of all that Android builds
)

// /verity_key, little-endian: struct RSAPublicKey of libmincrypt's rsa.h, and of android_pubkey.cpp later.
const (
	lenKey   = 4 + 4 + 256 + 256 + 4
	keyWords = 64 // RSANUMWORDS
)
