package squashfs

import (
	"encoding/binary"
	"io/fs"

	"github.com/otavet/otavet/ota/filesystem/vfs"
)

// The layout is that of fs/squashfs/squashfs_fs.h of Linux.
const (
	magic        = "hsqs" // SQUASHFS_MAGIC
	magicSwapped = "sqsh" // SQUASHFS_MAGIC_SWAP: versions 1 to 3 on machines of the other byte order

	lenSuper    = 96 // struct squashfs_super_block
	lenFragment = 16 // struct squashfs_fragment_entry
	lenXattrID  = 16 // struct squashfs_xattr_id
	lenXattrs   = 16 // struct squashfs_xattr_id_table
	lenExport   = 8  // a reference of an inode
	lenID       = 4

	minBlockLog = 12
	maxBlockLog = 20 // SQUASHFS_FILE_MAX_LOG

	metaSize   = 8192    // SQUASHFS_METADATA_SIZE: what a block of metadata becomes at most
	metaPlain  = 1 << 15 // SQUASHFS_COMPRESSED_BIT: it is not compressed
	blockPlain = 1 << 24 // SQUASHFS_COMPRESSED_BIT_BLOCK: likewise a block of data or a fragment

	noFragment = 1<<32 - 1 // SQUASHFS_INVALID_FRAG
	noXattr    = 1<<32 - 1 // SQUASHFS_INVALID_XATTR
	noTable    = 1<<64 - 1 // SQUASHFS_INVALID_BLK

	maxName  = 256 // SQUASHFS_NAME_LEN
	maxCount = 256 // SQUASHFS_DIR_COUNT
	listBias = 3   // the size of a list is that of its entries and as much for . and ..
)

// Compressions.
const (
	compressionZlib = 1 // ZLIB_COMPRESSION
	compressionLZMA = 2 // LZMA_COMPRESSION
	compressionLZO  = 3 // LZO_COMPRESSION
	compressionXZ   = 4 // XZ_COMPRESSION
	compressionLZ4  = 5 // LZ4_COMPRESSION
	compressionZstd = 6 // ZSTD_COMPRESSION
)

// compressionName is the name that squashfs-tools have for it; "" is none.
func compressionName(id uint16) string {
	names := [...]string{
		compressionZlib: "gzip", compressionLZMA: "lzma", compressionLZO: "lzo",
		compressionXZ: "xz", compressionLZ4: "lz4", compressionZstd: "zstd",
	}
	if int(id) >= len(names) {
		return ""
	}
	return names[id]
}

// lz4Legacy is LZ4_LEGACY, the one version of the options of lz4.
const lz4Legacy = 1

// Flags of the superblock that say how to read; the others are advice.
const flagOptions = 1 << 10 // SQUASHFS_COMP_OPT

// flagNames are all flags, by bit.
func flagNames() []string {
	return []string{
		"uncompressed_inodes",    // SQUASHFS_NOI
		"uncompressed_data",      // SQUASHFS_NOD
		"check",                  // SQUASHFS_CHECK, of older versions
		"uncompressed_fragments", // SQUASHFS_NOF
		"no_fragments",           // SQUASHFS_NO_FRAG
		"always_fragments",       // SQUASHFS_ALWAYS_FRAG
		"duplicates",             // SQUASHFS_DUPLICATE: they are stored once
		"exportable",             // SQUASHFS_EXPORT
		"uncompressed_xattrs",    // SQUASHFS_NOX
		"no_xattrs",              // SQUASHFS_NO_XATTR
		"compressor_options",     // SQUASHFS_COMP_OPT
		"uncompressed_ids",       // SQUASHFS_NOID
	}
}

// A superblock is struct squashfs_super_block.
type superblock struct {
	Magic               [4]byte
	Inodes              uint32
	MkfsTime            uint32
	BlockSize           uint32
	Fragments           uint32
	Compression         uint16
	BlockLog            uint16
	Flags               uint16
	NoIDs               uint16
	Major, Minor        uint16
	RootInode           uint64
	BytesUsed           uint64
	IDTableStart        uint64
	XattrIDTableStart   uint64
	InodeTableStart     uint64
	DirectoryTableStart uint64
	FragmentTableStart  uint64
	LookupTableStart    uint64
}

// Offsets of its fields, for errors.
const (
	atBlockSize      = 0x0c
	atCompression    = 0x14
	atIDs            = 0x1a
	atVersion        = 0x1c
	atRootInode      = 0x20
	atBytesUsed      = 0x28
	atIDTable        = 0x30
	atXattrIDTable   = 0x38
	atInodeTable     = 0x40
	atDirectoryTable = 0x48
	atFragmentTable  = 0x50
	atLookupTable    = 0x58
)

// Types of inodes. An extended one is that of its kind and seven more. Entries of
// folders have the basic ones only.
const (
	typeDir     = 1 // SQUASHFS_DIR_TYPE
	typeReg     = 2 // SQUASHFS_REG_TYPE
	typeSymlink = 3 // SQUASHFS_SYMLINK_TYPE
	typeBlkdev  = 4 // SQUASHFS_BLKDEV_TYPE
	typeChrdev  = 5 // SQUASHFS_CHRDEV_TYPE
	typeFIFO    = 6 // SQUASHFS_FIFO_TYPE
	typeSocket  = 7 // SQUASHFS_SOCKET_TYPE
	extended    = 7 // SQUASHFS_LDIR_TYPE - SQUASHFS_DIR_TYPE
)

// modeTypes are the types as a mode of Linux has them.
func modeType(kind uint16) uint16 {
	return [...]uint16{
		typeDir: 0o040000, typeReg: 0o100000, typeSymlink: 0o120000, typeBlkdev: 0o060000,
		typeChrdev: 0o020000, typeFIFO: 0o010000, typeSocket: 0o140000,
	}[kind]
}

// entryType is the type that an entry states.
func entryType(kind uint16) fs.FileMode {
	if kind == 0 {
		return vfs.Untyped
	}
	return vfs.Mode(modeType(kind))
}

// Extended attributes.
const (
	xattrPrefix = 0xff  // SQUASHFS_XATTR_PREFIX_MASK
	xattrAside  = 0x100 // SQUASHFS_XATTR_VALUE_OOL: the value stands elsewhere
)

// namespace is what a name begins with: SQUASHFS_XATTR_USER, _TRUSTED, _SECURITY.
func namespace(kind uint16) (string, bool) {
	names := [...]string{"user.", "trusted.", "security."}
	space := int(kind & xattrPrefix)
	if kind&^(xattrPrefix|xattrAside) != 0 || space >= len(names) {
		return "", false
	}
	return names[space], true
}

var le = binary.LittleEndian
