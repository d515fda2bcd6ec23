package boot

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	maxVersion = 4

	// Pages are of 2 KiB to 128 KiB: mkbootimg allows up to 16 KiB, its forks for
	// devices with large flash pages up to 128 KiB.
	minPage, maxPage = 2 << 10, 128 << 10

	// leastDT is the least size of Qualcomm's device tree table: a field of the
	// version below it is the version of a header that is not known.
	leastDT = 512

	// maxRamdisks bounds the vendor ramdisks; devices have two or three.
	maxRamdisks = 1024

	maxNotes = 16
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "boot", Off: off, Msg: msg, Got: got, Kind: kind}
}

// An Image is a boot, init_boot or vendor_boot image. It does not change; any
// number of goroutines may use it.
type Image struct {
	Vendor     bool   // vendor_boot
	Version    uint32 // header_version: 0 to 4
	HeaderSize uint32 // header_size as stated; 0 in version 0, which does not
	PageSize   int64  // page_size; 4096 in boot images from version 3 on
	Name       string // name of the product; "" in boot images from version 3 on
	Cmdline    string // of the kernel, with what extra_cmdline adds
	OSVersion  OSVersion
	ID         [32]byte // id, up to version 2: see CheckID
	Addresses  Addresses

	// Parts are the parts of the image that are not empty, in the order of their headers' fields.
	Parts []Part

	// Ramdisks are those that a vendor_boot image of version 4 has in its part
	// PartVendorRamdisk.
	Ramdisks []Ramdisk

	// Trailers are what was recognised behind the parts.
	Trailers []Trailer

	// Notes say what is odd about the image.
	Notes []string
}

// Addresses are where a boot loader puts things; zero where the version does not say.
type Addresses struct {
	Kernel, Ramdisk, Second, Tags uint32
	DTB                           uint64
}

// Names of parts.
const (
	PartKernel        = "kernel"
	PartRamdisk       = "ramdisk"
	PartSecond        = "second"
	PartRecoveryDTBO  = "recovery_dtbo"  // or recovery_acpio: versions 1 and 2
	PartDTB           = "dtb"            // version 2, vendor_boot
	PartDT            = "dt"             // Qualcomm's table in images of version 0
	PartSignature     = "signature"      // version 4: a vbmeta image
	PartVendorRamdisk = "vendor_ramdisk" // all ramdisks of vendor_boot
	PartRamdiskTable  = "ramdisk_table"  // vendor_boot of version 4
	PartBootconfig    = "bootconfig"     // vendor_boot of version 4
)

// A Part is a part of the image.
type Part struct {
	Name    string // PartKernel and so on
	Off     int64  // in the image
	Blob    blob.Blob
	Wrapper *Wrapper // a vendor's header at the start of the part; nil: none
}

// A Wrapper is a vendor's header before what a part holds.
type Wrapper struct {
	Vendor string // "MediaTek"
	Name   string // what the header says it is: "KERNEL", "ROOTFS", "RECOVERY"
	Blob   blob.Blob
}

// A Ramdisk is one of the vendor's ramdisks.
type Ramdisk struct {
	Name    string
	Type    uint32 // RamdiskPlatform and so on
	BoardID [lenBoardID]uint32
	Blob    blob.Blob
}

// Part is the part of that name; nil if the image has none.
func (m *Image) Part(name string) *Part {
	for i := range m.Parts {
		if m.Parts[i].Name == name {
			return &m.Parts[i]
		}
	}
	return nil
}

// Init tells whether this is what an init_boot partition holds: an image of
// version 3 or 4 with a ramdisk and no kernel.
func (m *Image) Init() bool {
	return !m.Vendor && m.Version >= 3 && m.Part(PartKernel) == nil && m.Part(PartRamdisk) != nil
}

// OSVersion is a release of Android and its patch level, as headers have it:
// 7 bits each for three numbers and the year since 2000, 4 bits for the month.
type OSVersion uint32

// Release is "11.0.0"; "" where the header does not say.
func (v OSVersion) Release() string {
	if v>>11 == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", v>>25, v>>18&0x7f, v>>11&0x7f)
}

// PatchLevel is "2021-08"; "" where the header does not say.
func (v OSVersion) PatchLevel() string {
	if v&0x7ff == 0 {
		return ""
	}
	return fmt.Sprintf("%04d-%02d", 2000+v>>4&0x7f, v&0xf)
}

func (m *Image) note(format string, args ...any) {
	if len(m.Notes) < maxNotes {
		m.Notes = append(m.Notes, fmt.Sprintf(format, args...))
	}
}

// Open reads the header of an image, and of its trailers and wrappers so much
// as to name them. Each part and ramdisk is charged to bud as an entry.
//
// Errors are *parse.Error, whose offset counts in b, or errors of reading b.
// Unsupported are other versions, and images that a vendor wrapped as a whole
// (ChromeOS, DHTB, Tegra), which are named. Pages must be a power of two of
// 2 KiB to 128 KiB. Every part must lie within the image; padding behind the
// last one may be missing.
func Open(b blob.Blob, bud *parse.Budget) (*Image, error) {
	head, err := blob.ReadRange(b, 0, min(b.Size(), lenVendorV4))
	if err != nil {
		return nil, err
	}
	m := &Image{}
	c := parse.NewCursor("boot", head, 0)
	var s sizes
	switch {
	case bytes.HasPrefix(head, []byte(magicBoot)):
		err = m.openBoot(c, head, &s)
	case bytes.HasPrefix(head, []byte(magicVendor)):
		err = m.openVendor(c, head, &s)
	default:
		for _, w := range []string{magicChromeOS, magicDHTB, magicTegra} {
			if bytes.HasPrefix(head, []byte(w)) {
				return nil, fail(0, parse.ErrUnsupported, "an image in a vendor's wrapper", w)
			}
		}
		if len(head) < len(magicBoot) {
			return nil, fail(int64(len(head)), parse.ErrFormat, "the file ends within the magic", nil)
		}
		return nil, fail(0, parse.ErrFormat, "no magic of a boot image", string(head[:len(magicBoot)]))
	}
	if err != nil {
		return nil, err
	}
	l := layout{m: m, b: b}
	if m.Vendor {
		l.vendor(&s)
	} else {
		l.boot(&s)
	}
	if l.err != nil {
		return nil, l.err
	}
	if err := bud.Entry("boot", int64(len(m.Parts)+len(m.Ramdisks))); err != nil {
		return nil, err
	}
	if err := l.trailers(); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Image) openBoot(c *parse.Cursor, head []byte, s *sizes) error {
	if len(head) < offVersion+4 {
		return fail(int64(len(head)), parse.ErrFormat, "the file ends within the header", nil)
	}
	m.Version = binary.LittleEndian.Uint32(head[offVersion:])
	if m.Version > maxVersion {
		if m.Version < leastDT {
			return fail(offVersion, parse.ErrUnsupported, "header version", m.Version)
		}
		m.Version = 0 // builds for Qualcomm's boards had dt_size here before there were versions
	}
	if m.Version >= 3 {
		m.readNew(c, s)
	} else {
		m.readOld(c, s)
	}
	if err := c.Err(); err != nil {
		return err
	}
	m.checkHeaderSize([]uint32{0, lenV1, lenV2, lenV3, lenV4}[m.Version])
	return m.checkPage(36)
}

func (m *Image) openVendor(c *parse.Cursor, head []byte, s *sizes) error {
	if len(head) < 12 {
		return fail(int64(len(head)), parse.ErrFormat, "the file ends within the header", nil)
	}
	m.Vendor = true
	m.Version = binary.LittleEndian.Uint32(head[8:])
	if m.Version != 3 && m.Version != 4 {
		return fail(8, parse.ErrUnsupported, "header version of vendor_boot", m.Version)
	}
	m.readVendor(c, s)
	if err := c.Err(); err != nil {
		return err
	}
	m.checkHeaderSize([]uint32{lenVendorV3, lenVendorV4}[m.Version-3])
	return m.checkPage(12)
}

// checkHeaderSize: boot loaders take the size of the version's header, not the stated one.
func (m *Image) checkHeaderSize(want uint32) {
	if m.HeaderSize != want {
		m.note("the header says that it has %d bytes, those of version %d have %d", m.HeaderSize, m.Version, want)
	}
}

func (m *Image) checkPage(at int64) error {
	switch p := m.PageSize; {
	case p < minPage || p&(p-1) != 0:
		return fail(at, parse.ErrFormat, "the page size is no power of two from 2048 on", p)
	case p > maxPage:
		return fail(at, parse.ErrLimit, "pages are larger than 128 KiB", p)
	}
	return nil
}
