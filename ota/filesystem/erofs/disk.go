package erofs

import (
	"encoding/binary"
	"fmt"

	"github.com/otavet/otavet/ota/parse"
)

const (
	superOffset = 1024       // EROFS_SUPER_OFFSET
	superMagic  = 0xe0f5e1e2 // EROFS_SUPER_MAGIC_V1
	lenSuper    = 128        // struct erofs_super_block without extension slots
	lenExtSlot  = 16         // EROFS_SB_EXTSLOT_SIZE
	offChecksum = 4          // of checksum in the superblock
	lenDevice   = 128        // EROFS_DEVT_SLOT_SIZE
	lenDirent   = 12         // sizeof(struct erofs_dirent)
	lenNid      = 5          // EROFS_ISLOTBITS: inodes stand on slots of 32 bytes
	maxName     = 255        // EROFS_NAME_LEN

	minBlockBits = 9
	maxBlockBits = 16 // EROFS_MAX_BLOCK_SIZE on machines with pages of 64 KiB
)

// feature_compat.
const (
	compatChecksum             = 1 << 0 // EROFS_FEATURE_COMPAT_SB_CHKSUM
	compatSharedMetabox        = 1 << 3 // EROFS_FEATURE_COMPAT_SHARED_EA_IN_METABOX
	compatPlainXattrPfx        = 1 << 4 // EROFS_FEATURE_COMPAT_PLAIN_XATTR_PFX
	incompatComprCfgs          = 1 << 1 // EROFS_FEATURE_INCOMPAT_COMPR_CFGS, also BIG_PCLUSTER
	incompatDeviceTable        = 1 << 3 // EROFS_FEATURE_INCOMPAT_DEVICE_TABLE, also COMPR_HEAD2
	incompatFragments          = 1 << 5 // EROFS_FEATURE_INCOMPAT_FRAGMENTS, also DEDUPE
	incompat48Bit              = 1 << 7 // EROFS_FEATURE_INCOMPAT_48BIT
	incompatMetabox            = 1 << 8 // EROFS_FEATURE_INCOMPAT_METABOX
	incompatKnown              = incompatMetabox<<1 - 1
	nidMetabox          uint64 = 1 << 63 // EROFS_DIRENT_NID_METABOX_BIT
)

// The names of the features, by bit. A bit with two names does not tell which.
func compatNames() []string {
	return []string{"sb_chksum", "mtime", "xattr_filter", "shared_ea_in_metabox", "plain_xattr_pfx", "ishare_xattrs"}
}

func incompatNames() []string {
	return []string{"zero_padding", "compr_cfgs/big_pcluster", "chunked_file", "device_table/compr_head2", "ztailpacking",
		"fragments/dedupe", "xattr_prefixes", "48bit", "metabox"}
}

// Compression algorithms.
const (
	algLZ4     = 0 // Z_EROFS_COMPRESSION_LZ4
	algLZMA    = 1 // Z_EROFS_COMPRESSION_LZMA
	algDeflate = 2 // Z_EROFS_COMPRESSION_DEFLATE
	algZstd    = 3 // Z_EROFS_COMPRESSION_ZSTD
	algMax     = 4 // Z_EROFS_COMPRESSION_MAX
)

func algNames() []string { return []string{"lz4", "lzma", "deflate", "zstd"} }

// A superblock is struct erofs_super_block.
type superblock struct {
	magic, checksum, featureCompat uint32
	blkszbits, sbExtslots          uint8
	rootnid2b                      uint16 // with 48BIT: blocks_hi
	epoch                          int64
	fixedNsec                      uint32
	blocksLo                       uint32
	metaBlkaddr, xattrBlkaddr      uint32
	uuid, volumeName               [16]byte
	featureIncompat                uint32
	comprAlgs                      uint16 // available_compr_algs; without COMPR_CFGS lz4_max_distance
	extraDevices, devtSlotoff      uint16
	dirblkbits, xattrPrefixCount   uint8
	xattrPrefixStart               uint32
	packedNid, rootnid8b           uint64
	metaboxNid                     uint64
}

func (s *superblock) read(c *parse.Cursor) {
	s.magic, s.checksum, s.featureCompat = c.U32LE(), c.U32LE(), c.U32LE()
	s.blkszbits, s.sbExtslots = c.U8(), c.U8()
	s.rootnid2b = c.U16LE()
	c.Skip(8) // inos
	s.epoch, s.fixedNsec = int64(c.U64LE()), c.U32LE()
	s.blocksLo, s.metaBlkaddr, s.xattrBlkaddr = c.U32LE(), c.U32LE(), c.U32LE()
	copy(s.uuid[:], c.Bytes(16))
	copy(s.volumeName[:], c.Bytes(16))
	s.featureIncompat, s.comprAlgs = c.U32LE(), c.U16LE()
	s.extraDevices, s.devtSlotoff = c.U16LE(), c.U16LE()
	s.dirblkbits, s.xattrPrefixCount = c.U8(), c.U8()
	s.xattrPrefixStart, s.packedNid = c.U32LE(), c.U64LE()
	c.Skip(8) // xattr_filter_reserved, ishare_xattr_prefix_id, reserved, build_time
	s.rootnid8b = c.U64LE()
	c.Skip(8)
	if s.sbExtslots > 0 {
		s.metaboxNid = c.U64LE()
		c.Skip(8)
	}
}

// i_format.
const (
	formatExtended = 1 << 0 // EROFS_I_VERSION_BIT: 64 bytes, not 32
	formatNlink1   = 1 << 4 // EROFS_I_NLINK_1_BIT of compact inodes; of folders EROFS_I_DOT_OMITTED_BIT
	formatKnown    = 1<<5 - 1

	lenCompact  = 32 // sizeof(struct erofs_inode_compact)
	lenExtended = 64 // sizeof(struct erofs_inode_extended)

	layoutPlain   = 0 // EROFS_INODE_FLAT_PLAIN
	layoutFull    = 1 // EROFS_INODE_COMPRESSED_FULL
	layoutInline  = 2 // EROFS_INODE_FLAT_INLINE
	layoutCompact = 3 // EROFS_INODE_COMPRESSED_COMPACT
	layoutChunk   = 4 // EROFS_INODE_CHUNK_BASED
)

// i_mode, as everywhere in Unix.
const (
	modeType   = 0o170000
	modeSocket = 0o140000
	modeLink   = 0o120000
	modeFile   = 0o100000
	modeBlock  = 0o060000
	modeDir    = 0o040000
	modeChar   = 0o020000
	modePipe   = 0o010000
)

// The format of chunks.
const (
	chunkBits    = 0x1f // EROFS_CHUNK_FORMAT_BLKBITS_MASK
	chunkIndexes = 0x20 // EROFS_CHUNK_FORMAT_INDEXES: struct erofs_inode_chunk_index, not a block number
	chunk48Bit   = 0x40 // EROFS_CHUNK_FORMAT_48BIT
	chunkKnown   = chunk48Bit<<1 - 1

	null32 = 1<<32 - 1 // EROFS_NULL_ADDR: a hole
	null48 = 1<<48 - 1
)

// h_advise of struct z_erofs_map_header.
const (
	adviseCompact2B  = 1 << 0 // Z_EROFS_ADVISE_COMPACTED_2B
	adviseExtents    = 1 << 0 // Z_EROFS_ADVISE_EXTENTS, in a full layout
	adviseBig1       = 1 << 1 // Z_EROFS_ADVISE_BIG_PCLUSTER_1
	adviseBig2       = 1 << 2 // Z_EROFS_ADVISE_BIG_PCLUSTER_2
	adviseInline     = 1 << 3 // Z_EROFS_ADVISE_INLINE_PCLUSTER
	adviseInterlaced = 1 << 4 // Z_EROFS_ADVISE_INTERLACED_PCLUSTER
	adviseFragment   = 1 << 5 // Z_EROFS_ADVISE_FRAGMENT_PCLUSTER

	lenMapHeader = 8
	lenFullEntry = 8 // sizeof(struct z_erofs_lcluster_index)

	plenMask    = 1<<21 - 1 // Z_EROFS_EXTENT_PLEN_MASK
	plenPartial = 1 << 27   // Z_EROFS_EXTENT_PLEN_PARTIAL
	plenFmtBit  = 28        // Z_EROFS_EXTENT_PLEN_FMT_BIT: 0 plain, else the algorithm and one

	maxStored  = 1 << 20  // Z_EROFS_PCLUSTER_MAX_SIZE
	maxDecoded = 12 << 20 // Z_EROFS_PCLUSTER_MAX_DSIZE
)

// A mapHeader is struct z_erofs_map_header.
type mapHeader struct {
	fragmentoff uint32 // also idata_size (its upper half), and h_extents_lo
	advise      uint16
	algorithm   uint8 // algorithmtype: low four bits HEAD1, high four HEAD2; also part of h_extents_hi
	clusterbits uint8
	raw         uint64
}

func (h *mapHeader) read(p *[lenMapHeader]byte) {
	h.fragmentoff = binary.LittleEndian.Uint32(p[:])
	h.advise = binary.LittleEndian.Uint16(p[4:])
	h.algorithm, h.clusterbits = p[6], p[7]
	h.raw = binary.LittleEndian.Uint64(p[:])
}

// Types of logical clusters.
const (
	clusterPlain   = 0 // Z_EROFS_LCLUSTER_TYPE_PLAIN
	clusterHead1   = 1 // Z_EROFS_LCLUSTER_TYPE_HEAD1
	clusterNonhead = 2 // Z_EROFS_LCLUSTER_TYPE_NONHEAD
	clusterHead2   = 3 // Z_EROFS_LCLUSTER_TYPE_HEAD2

	d0Blocks = 1 << 11 // Z_EROFS_LI_D0_CBLKCNT: what follows is the number of stored blocks
)

// Name indexes of attributes.
const (
	xattrLongPrefix = 0x80 // EROFS_XATTR_LONG_PREFIX
	lenXattrHeader  = 12   // sizeof(struct erofs_xattr_ibody_header)
	lenXattrEntry   = 4    // sizeof(struct erofs_xattr_entry)
)

// xattrPrefix is what a name index stands for.
func xattrPrefix(index uint8) string {
	switch index {
	case 1: // EROFS_XATTR_INDEX_USER
		return "user."
	case 2: // EROFS_XATTR_INDEX_POSIX_ACL_ACCESS
		return "system.posix_acl_access"
	case 3: // EROFS_XATTR_INDEX_POSIX_ACL_DEFAULT
		return "system.posix_acl_default"
	case 4: // EROFS_XATTR_INDEX_TRUSTED
		return "trusted."
	case 6: // EROFS_XATTR_INDEX_SECURITY
		return "security."
	}
	return fmt.Sprintf("index-%d.", index) // EROFS_XATTR_INDEX_LUSTRE among others: Linux shows none
}
