package archive

// The records of a zip, with the sizes of their fixed parts. All integers are
// little-endian. Section numbers are those of APPNOTE.TXT 6.3.10.
const (
	sigLocal      = 0x04034b50 // 4.3.7 local file header signature; LOCSIG
	sigDescriptor = 0x08074b50 // 4.3.9 data descriptor signature, optional; EXTSIG
	sigCentral    = 0x02014b50 // 4.3.12 central file header signature; CENSIG
	sigSignature  = 0x05054b50 // 4.3.13 digital signature of the directory
	sigEnd64      = 0x06064b50 // 4.3.14 zip64 end of central dir signature
	sigLocator64  = 0x07064b50 // 4.3.15 zip64 end of central dir locator signature
	sigEnd        = 0x06054b50 // 4.3.16 end of central dir signature; ENDSIG

	lenLocal     = 30 // LOCHDR
	lenCentral   = 46 // CENHDR
	lenEnd       = 22 // ENDHDR
	lenEnd64     = 56 // fixed part of the zip64 end record
	lenLocator64 = 20

	max16 = 0xffff     // a 16-bit field that says: see the zip64 record
	max32 = 0xffffffff // a 32-bit field that says: see the zip64 record
)

// Compression methods, 4.4.5. Android's readers know these two only.
const (
	methodStore   = 0 // kCompressStored
	methodDeflate = 8 // kCompressDeflated
)

// General purpose bits, 4.4.4.
const (
	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3 // crc and sizes follow the data; kGPBDDFlagMask
	flagStrong     = 1 << 6 // strong encryption
	flagUTF8       = 1 << 11
	flagMasked     = 1 << 13 // central directory encryption

	// flagsCompared are the bits that change how a member is read. The others
	// say how hard the compressor tried, and differ in honest archives.
	flagsCompared = flagEncrypted | flagDescriptor | flagStrong | flagUTF8 | flagMasked
)

// Ids of extra fields, 4.5.2 and 4.6.1.
const (
	extraZip64     = 0x0001 // ZIP64 extended information; Zip64ExtendedInfo::kHeaderId
	extraTimestamp = 0x5455 // "UT", Info-ZIP's extended timestamp
)

// Systems that made an entry: the high byte of "version made by", 4.4.2.
const (
	madeByDOS    = 0
	madeByUnix   = 3 // CENVEM_UNIX
	madeByNTFS   = 10
	madeByVFAT   = 14
	madeByDarwin = 19
)

// Unix modes in the high half of the external attributes, and the MS-DOS bits
// in the low half.
const (
	unixTypeMask = 0xf000 // S_IFMT
	unixSocket   = 0xc000 // S_IFSOCK
	unixLink     = 0xa000 // S_IFLNK
	unixRegular  = 0x8000 // S_IFREG
	unixBlock    = 0x6000 // S_IFBLK
	unixDir      = 0x4000 // S_IFDIR
	unixChar     = 0x2000 // S_IFCHR
	unixFIFO     = 0x1000 // S_IFIFO
	unixSetuid   = 0x800  // S_ISUID
	unixSetgid   = 0x400  // S_ISGID
	unixSticky   = 0x200  // S_ISVTX

	dosReadOnly  = 0x01
	dosDirectory = 0x10
)

// The end of an APK signing block, which stands between the members and the
// directory: its size once more, and this.
const signingBlockMagic = "APK Sig Block 42"
