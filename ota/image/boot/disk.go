package boot

import (
	"strings"

	"github.com/otavet/otavet/ota/parse"
)

const (
	magicBoot   = "ANDROID!" // BOOT_MAGIC
	magicVendor = "VNDRBOOT" // VENDOR_BOOT_MAGIC

	// Sizes of the headers of each version. mkbootimg of Android 10, which Debian
	// 12 has (1:29.0.6), states 1596 for v3 and 2108 for vendor v3.
	lenV0       = 1632 // struct boot_img_hdr_v0
	lenV1       = 1648 // struct boot_img_hdr_v1
	lenV2       = 1660 // struct boot_img_hdr_v2
	lenV3       = 1580 // struct boot_img_hdr_v3
	lenV4       = 1584 // struct boot_img_hdr_v4
	lenVendorV3 = 2112 // struct vendor_boot_img_hdr_v3
	lenVendorV4 = 2128 // struct vendor_boot_img_hdr_v4

	offVersion = 40 // header_version, in all versions of boot images

	lenName       = 16   // BOOT_NAME_SIZE, VENDOR_BOOT_NAME_SIZE
	lenArgs       = 512  // BOOT_ARGS_SIZE
	lenExtraArgs  = 1024 // BOOT_EXTRA_ARGS_SIZE
	lenVendorArgs = 2048 // VENDOR_BOOT_ARGS_SIZE

	pageV3 = 4096 // of versions 3 and 4, which do not state it

	// struct vendor_ramdisk_table_entry_v4: u32 ramdisk_size, u32 ramdisk_offset,
	// u32 ramdisk_type, u8 ramdisk_name[32], u32 board_id[16]
	lenRamdiskEntry = 108
	lenRamdiskName  = 32 // VENDOR_RAMDISK_NAME_SIZE
	lenBoardID      = 16 // VENDOR_RAMDISK_TABLE_ENTRY_BOARD_ID_SIZE, in words

	// MediaTek's header before a part: u32 magic, u32 size, char name[32], then
	// filled up to 512.
	magicMediaTek = 0x58881688
	lenMediaTek   = 512

	// What may follow the parts, and what may stand before the magic.
	magicSamsung  = "SEANDROIDENFORCE"
	magicAVB      = "AVBf" // AVB_FOOTER_MAGIC; its integers are big-endian
	lenAVB        = 64     // AVB_FOOTER_SIZE
	magicVBMeta   = "AVB0" // AVB_MAGIC
	magicChromeOS = "CHROMEOS"
	magicDHTB     = "DHTB\x01\x00\x00\x00"
	magicTegra    = "-SIGNED-BY-SIGNBLOB-"
)

// Types of a vendor Ramdisk.
const (
	RamdiskNone     = 0 // VENDOR_RAMDISK_TYPE_NONE: not stated
	RamdiskPlatform = 1 // VENDOR_RAMDISK_TYPE_PLATFORM: always loaded
	RamdiskRecovery = 2 // VENDOR_RAMDISK_TYPE_RECOVERY
	RamdiskDLKM     = 3 // VENDOR_RAMDISK_TYPE_DLKM: kernel modules
)

// text reads a field of n bytes that ends at the first NUL.
func text(c *parse.Cursor, n int) string {
	s, _, _ := strings.Cut(string(c.Bytes(n)), "\x00")
	return parse.EscapeText(s)
}

// A sizes has what a header says of its parts, in the order of its versions.
type sizes struct {
	kernel, ramdisk, second, recoveryDTBO, dtb, dt, signature uint32
	recoveryDTBOOff                                           uint64

	vendorRamdisk, table, entries, entry, bootconfig uint32
}

// readOld reads struct boot_img_hdr_v0, _v1 or _v2.
func (m *Image) readOld(c *parse.Cursor, s *sizes) {
	c.Skip(len(magicBoot))
	s.kernel = c.U32LE()
	m.Addresses.Kernel = c.U32LE()
	s.ramdisk = c.U32LE()
	m.Addresses.Ramdisk = c.U32LE()
	s.second = c.U32LE()
	m.Addresses.Second = c.U32LE()
	m.Addresses.Tags = c.U32LE()
	m.PageSize = int64(c.U32LE())
	if v := c.U32LE(); v > maxVersion {
		s.dt = v
	}
	m.OSVersion = OSVersion(c.U32LE())
	m.Name = text(c, lenName)
	m.Cmdline = text(c, lenArgs)
	copy(m.ID[:], c.Bytes(len(m.ID)))
	m.Cmdline += text(c, lenExtraArgs)
	if m.Version >= 1 {
		s.recoveryDTBO = c.U32LE()
		s.recoveryDTBOOff = c.U64LE()
		m.HeaderSize = c.U32LE()
	}
	if m.Version >= 2 {
		s.dtb = c.U32LE()
		m.Addresses.DTB = c.U64LE()
	}
}

// readNew reads struct boot_img_hdr_v3 or _v4.
func (m *Image) readNew(c *parse.Cursor, s *sizes) {
	c.Skip(len(magicBoot))
	s.kernel = c.U32LE()
	s.ramdisk = c.U32LE()
	m.OSVersion = OSVersion(c.U32LE())
	m.HeaderSize = c.U32LE()
	c.Skip(16) // reserved
	c.Skip(4)  // header_version
	m.PageSize = pageV3
	m.Cmdline = text(c, lenArgs+lenExtraArgs)
	if m.Version >= 4 {
		s.signature = c.U32LE()
	}
}

// readVendor reads struct vendor_boot_img_hdr_v3 or _v4.
func (m *Image) readVendor(c *parse.Cursor, s *sizes) {
	c.Skip(len(magicVendor) + 4) // header_version
	m.PageSize = int64(c.U32LE())
	m.Addresses.Kernel = c.U32LE()
	m.Addresses.Ramdisk = c.U32LE()
	s.vendorRamdisk = c.U32LE()
	m.Cmdline = text(c, lenVendorArgs)
	m.Addresses.Tags = c.U32LE()
	m.Name = text(c, lenName)
	m.HeaderSize = c.U32LE()
	s.dtb = c.U32LE()
	m.Addresses.DTB = c.U64LE()
	if m.Version >= 4 {
		s.table = c.U32LE()
		s.entries = c.U32LE()
		s.entry = c.U32LE()
		s.bootconfig = c.U32LE()
	}
}

func (r *Ramdisk) read(c *parse.Cursor) (size, off uint32) {
	size, off = c.U32LE(), c.U32LE()
	r.Type = c.U32LE()
	r.Name = text(c, lenRamdiskName)
	for i := range r.BoardID {
		r.BoardID[i] = c.U32LE()
	}
	return size, off
}
