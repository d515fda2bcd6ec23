package archive

import (
	"bytes"
	"errors"
	"math"
)

// lenBlock is the unit of a tar: a header is one, and data is filled up to the
// next with zeros; BLOCKSIZE of GNU tar.
const lenBlock = 512

// A tarBlock is a header, struct posix_header of POSIX 1003.1-1988 and GNU tar's
// tar.h. Text ends at a NUL or with its field. Numbers are octal digits, or
// base-256: see tarNumber.
//
//	  0 100 name
//	100   8 mode
//	108   8 uid
//	116   8 gid
//	124  12 size
//	136  12 mtime
//	148   8 chksum
//	156   1 typeflag
//	157 100 linkname
//	257   6 magic      absent in v7: zeros
//	263   2 version
//	265  32 uname
//	297  32 gname
//	329   8 devmajor
//	337   8 devminor
//	345 155 prefix     of the name; in GNU tar's own format times and sizes, and
//	386  96 sparse     there: a map of a sparse file
//	482   1 isextended there: the map goes on in the next block
//
// A block that goes on with that map has isextended at 504.
type tarBlock []byte

func (b tarBlock) name() string     { return cString(b[0:100]) }
func (b tarBlock) mode() []byte     { return b[100:108] }
func (b tarBlock) size() []byte     { return b[124:136] }
func (b tarBlock) mtime() []byte    { return b[136:148] }
func (b tarBlock) chksum() []byte   { return b[148:156] }
func (b tarBlock) typeflag() byte   { return b[156] }
func (b tarBlock) linkname() string { return cString(b[157:257]) }
func (b tarBlock) magic() string    { return string(b[257:263]) }
func (b tarBlock) prefix() string   { return cString(b[345:500]) }
func (b tarBlock) full() bool       { return b[470] != 0 } // of the map's four parts here, the last
func (b tarBlock) extended() bool   { return b[482] != 0 }
func (b tarBlock) goesOn() bool     { return b[504] != 0 }

// magicUSTAR is TMAGIC: the header has a prefix. GNU tar's own format has
// "ustar  " over magic and version, and none.
const magicUSTAR = "ustar\x00"

// Type flags. Those that describe the next member, and those that have a name
// of their own; every other one is unknown.
const (
	typeOldRegular = 0   // AREGTYPE
	typeRegular    = '0' // REGTYPE
	typeHardLink   = '1' // LNKTYPE
	typeSymlink    = '2' // SYMTYPE
	typeChar       = '3' // CHRTYPE
	typeBlockDev   = '4' // BLKTYPE
	typeFolder     = '5' // DIRTYPE
	typeFIFO       = '6' // FIFOTYPE
	typeContiguous = '7' // CONTTYPE
	typeGlobal     = 'g' // XGLTYPE: a PAX header for all that follow
	typePAX        = 'x' // XHDTYPE: a PAX header for the next member
	typeSolarisPAX = 'X' // the same by an old Solaris; archive/tar takes it for a member
	typeLongLink   = 'K' // GNUTYPE_LONGLINK
	typeLongName   = 'L' // GNUTYPE_LONGNAME
	typeSparse     = 'S' // GNUTYPE_SPARSE
)

// unsupportedTypes are the type flags that some tar has a meaning for which is
// no file, or one that is not read here.
var unsupportedTypes = map[byte]string{
	typeSparse: "a sparse file (old GNU, type S), which is not supported",
	'A':        "an access control list (Solaris, type A), which is no file",
	'D':        "a folder of an incremental backup (GNU, type D), which is not supported",
	'I':        "a bare inode (star, type I), which is no file",
	'M':        "the rest of a file of another volume (GNU, type M), which is not supported",
	'N':        "long names of an old GNU tar (type N), which are not supported",
	'V':        "a volume's label (GNU, type V), which is no file",
}

// isHeader tells whether p begins with a header: its checksum is the sum of its
// bytes with the checksum itself as spaces. Some old tars took bytes as signed.
func isHeader(p []byte) bool {
	if len(p) < lenBlock {
		return false
	}
	field := tarBlock(p).chksum()
	want, err := tarNumber(field)
	if err != nil || len(bytes.Trim(field, " \x00")) == 0 {
		return false
	}
	var unsigned, signed int64
	for i, c := range p[:lenBlock] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c))
	}
	return want == unsigned || want == signed
}

// IsTar tells whether head, the first 512 bytes or more of a file, begins with a
// tar's header. It goes by the checksum, so that a tar from before there was a
// magic number is known too. An empty tar, which is zeros alone, is not known.
func IsTar(head []byte) bool { return isHeader(head) }

var (
	errNegative = errors.New("is negative")
	errNotOctal = errors.New("is not a number")
	errTooLarge = errors.New("is a number of 2^63 or more")
)

// tarNumber reads a field: octal digits with spaces or NULs around them, where
// what follows a space or NUL does not count; or, where the first bit is set,
// GNU tar's base-256, which is a big-endian number in two's complement whose
// sign is the second bit. An empty field is zero.
func tarNumber(p []byte) (int64, error) {
	if p[0]&0x80 != 0 {
		return base256(p)
	}
	p = bytes.TrimLeft(p, " \x00")
	if i := bytes.IndexAny(p, " \x00"); i >= 0 {
		p = p[:i]
	}
	var n int64
	for _, c := range p {
		if c < '0' || c > '7' {
			return 0, errNotOctal
		}
		n = n<<3 | int64(c-'0') // 12 digits, 36 bits
	}
	return n, nil
}

func base256(p []byte) (int64, error) {
	var sign byte
	if p[0]&0x40 != 0 {
		sign = 0xff
	}
	var n uint64
	for i, c := range p {
		c ^= sign
		if i == 0 {
			c &= 0x7f
		}
		if n > math.MaxInt64>>8 {
			return 0, errTooLarge
		}
		n = n<<8 | uint64(c)
	}
	if sign != 0 {
		return ^int64(n), nil
	}
	return int64(n), nil
}

// cString is the text before the first NUL.
func cString(p []byte) string {
	if i := bytes.IndexByte(p, 0); i >= 0 {
		p = p[:i]
	}
	return string(p)
}

func isZero(p []byte) bool {
	for _, c := range p {
		if c != 0 {
			return false
		}
	}
	return true
}
