package cpio

// An entry of the "newc" format, as Documentation/driver-api/early-userspace/buffer-format.rst
// of Linux has it: a header of 110 letters, the name with a NUL behind it, zeros up to a multiple of
// four, the data, zeros up to a multiple of four. All numbers are eight hexadecimal digits.
const (
	lenHeader = 110
	lenMagic  = 6
	lenField  = 8

	magicNew = "070701" // c_magic of newc
	magicCRC = "070702" // c_magic of newc with a sum of the data in c_check
	magicODC = "070707" // c_magic of the POSIX format, in octal digits
	// The format before that is binary: a 16-bit word, of either byte order.
	magicBinary  = "\xc7\x71"
	magicSwapped = "\x71\xc7"

	trailer = "TRAILER!!!" // the name of the last entry of an archive
)

// The fields of the header, in their order.
const (
	fieldIno      = iota // c_ino
	fieldMode            // c_mode
	fieldUID             // c_uid
	fieldGID             // c_gid
	fieldNlink           // c_nlink
	fieldMtime           // c_mtime
	fieldFilesize        // c_filesize
	fieldMaj             // c_maj
	fieldMin             // c_min
	fieldRmaj            // c_rmaj
	fieldRmin            // c_rmin
	fieldNamesize        // c_namesize, with the NUL
	fieldCheck           // c_chksum
	fields
)

// The bits of c_mode.
const (
	modeType    = 0o170000 // S_IFMT
	modeSocket  = 0o140000 // S_IFSOCK
	modeLink    = 0o120000 // S_IFLNK
	modeRegular = 0o100000 // S_IFREG
	modeBlock   = 0o060000 // S_IFBLK
	modeFolder  = 0o040000 // S_IFDIR
	modeChar    = 0o020000 // S_IFCHR
	modePipe    = 0o010000 // S_IFIFO
)

// Limits of Linux on names.
const (
	pathMax = 4096 // PATH_MAX, with the NUL
	nameMax = 255  // NAME_MAX
	maxLink = 40   // MAXSYMLINKS
)

// A header is an entry's.
type header struct {
	sums                     bool // newc with sums
	ino, uid, gid, nlink     uint32
	mode                     uint32 // 16 bits; Linux drops the others
	mtime                    uint32 // seconds from 1970
	size                     uint32 // of the data, in bytes
	devMajor, devMinor       uint32 // what ino belongs to
	deviceMajor, deviceMinor uint32 // of a device
	name                     uint32 // size, in bytes
	sum                      uint32 // of the bytes of the data, modulo 2^32
}

// readHeader reads p, of lenHeader bytes. bad is where a digit is none, or -1.
func readHeader(p []byte) (h header, bad int) {
	var v [fields]uint32
	for i := range v {
		for j := range lenField {
			at := lenMagic + i*lenField + j
			d := digit(p[at])
			if d > 15 {
				return h, at
			}
			v[i] = v[i]<<4 | d
		}
	}
	return header{
		sums: string(p[:lenMagic]) == magicCRC,
		ino:  v[fieldIno], uid: v[fieldUID], gid: v[fieldGID], nlink: v[fieldNlink],
		mode: v[fieldMode] & 0xffff, mtime: v[fieldMtime], size: v[fieldFilesize],
		devMajor: v[fieldMaj], devMinor: v[fieldMin], deviceMajor: v[fieldRmaj], deviceMinor: v[fieldRmin],
		name: v[fieldNamesize], sum: v[fieldCheck],
	}, -1
}

func digit(c byte) uint32 {
	switch {
	case '0' <= c && c <= '9':
		return uint32(c - '0')
	case 'a' <= c && c <= 'f':
		return uint32(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return uint32(c-'A') + 10
	}
	return 16
}

// stored is how many bytes a name of n takes: header and name end at a multiple
// of four. N_ALIGN
func stored(n uint32) int64 { return (int64(n)+1)&^3 + 2 }

// pad is how many zeros follow n bytes of data.
func pad(n uint32) int64 { return -int64(n) & 3 }
