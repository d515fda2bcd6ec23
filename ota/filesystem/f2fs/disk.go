package f2fs

import (
	"unicode/utf16"

	"github.com/otavet/otavet/ota/parse"
)

// The superblock, struct f2fs_super_block, stands at byte 1024 of block 0, and
// again in block 1.
const (
	superOffset = 1024       // F2FS_SUPER_OFFSET
	superSize   = 3072       // sizeof(struct f2fs_super_block)
	superMagic  = 0xf2f52010 // F2FS_SUPER_MAGIC; the seed of most checksums, too
	superSum    = 3068       // crc: CRC-32 of what is before it
	maxDevices  = 8          // MAX_DEVICES

	logSegment  = 9       // log_blocks_per_seg: what Linux takes
	segment     = 1 << 9  // blocks
	maxSegments = 1 << 23 // F2FS_MAX_SEGMENT
	minLogBlock = 12      // pages of 4 KiB,
	maxLogBlock = 16      // and of 64 KiB

	rootInode  = 3          // root_ino; 1 is node_ino, 2 meta_ino
	nullAddr   = 0          // NULL_ADDR: nowhere
	newAddr    = 0xffffffff // NEW_ADDR: reserved, never written
	packedAddr = 0xfffffffe // COMPRESS_ADDR: the first of a compressed cluster
)

// superblock is what is read of struct f2fs_super_block.
type superblock struct {
	magic        uint32
	logSector    uint32 // log_sectorsize
	logSectors   uint32 // log_sectors_per_block
	logBlock     uint32 // log_blocksize
	logSegment   uint32 // log_blocks_per_seg
	checksumAt   uint32 // checksum_offset
	blocks       uint64 // block_count
	segments     uint32 // segment_count
	ckptSegments uint32 // segment_count_ckpt
	sitSegments  uint32 // segment_count_sit
	natSegments  uint32 // segment_count_nat: of both copies
	ssaSegments  uint32 // segment_count_ssa
	mainSegments uint32 // segment_count_main
	segment0     uint32 // segment0_blkaddr
	cp           uint32 // cp_blkaddr
	sit          uint32 // sit_blkaddr
	nat          uint32 // nat_blkaddr
	ssa          uint32 // ssa_blkaddr
	main         uint32 // main_blkaddr
	root         uint32 // root_ino
	node         uint32 // node_ino
	meta         uint32 // meta_ino
	uuid         [16]byte
	label        string // volume_name
	payload      uint32 // cp_payload: blocks of a checkpoint beyond the first
	version      string // of what wrote last
	feature      uint32
	devices      int // devs: how many have a path
	checksum     uint32
}

func (s *superblock) read(c *parse.Cursor) {
	s.magic = c.U32LE()
	c.Skip(4) // major_ver, minor_ver
	s.logSector = c.U32LE()
	s.logSectors = c.U32LE()
	s.logBlock = c.U32LE()
	s.logSegment = c.U32LE()
	c.Skip(8) // segs_per_sec, secs_per_zone
	s.checksumAt = c.U32LE()
	s.blocks = c.U64LE()
	c.Skip(4) // section_count
	for _, field := range []*uint32{
		&s.segments, &s.ckptSegments, &s.sitSegments, &s.natSegments, &s.ssaSegments, &s.mainSegments,
		&s.segment0, &s.cp, &s.sit, &s.nat, &s.ssa, &s.main, &s.root, &s.node, &s.meta,
	} {
		*field = c.U32LE()
	}
	copy(s.uuid[:], c.Bytes(16))
	s.label = wideText(c.Bytes(1024))
	c.Skip(4 + 64*8) // extension_count, extension_list
	s.payload = c.U32LE()
	s.version = text(c.Bytes(256))
	c.Skip(256) // init_version
	s.feature = c.U32LE()
	c.Skip(1 + 16) // encryption_level, encrypt_pw_salt
	for i := range maxDevices {
		path := c.Bytes(64)
		c.Skip(4) // total_segments
		if i == s.devices && len(path) > 0 && path[0] != 0 {
			s.devices++
		}
	}
	c.Skip(12 + 1)                // qf_ino, hot_ext_count
	c.Skip(2 + 2 + 32 + 16 + 258) // s_encoding, s_encoding_flags, s_stop_reason, s_errors, reserved
	s.checksum = c.U32LE()
}

// Features that change what is read.
const (
	featureExtraAttr     = 0x8    // F2FS_FEATURE_EXTRA_ATTR
	featureInodeSum      = 0x20   // F2FS_FEATURE_INODE_CHKSUM
	featureFlexibleXattr = 0x40   // F2FS_FEATURE_FLEXIBLE_INLINE_XATTR
	featureSuperSum      = 0x800  // F2FS_FEATURE_SB_CHKSUM
	featureCompression   = 0x2000 // F2FS_FEATURE_COMPRESSION
	featureRead          = 0x7fff // all that are read: not F2FS_FEATURE_DEVICE_ALIAS and what came after it
)

// featureNames are what f2fs-tools calls the bits of feature.
var featureNames = [...]string{"encrypt", "blkzoned", "atomic_write", "extra_attr", "project_quota", "inode_checksum", "flexible_inline_xattr",
	"quota", "inode_crtime", "lost_found", "verity", "sb_checksum", "casefold", "compression", "ro", "device_alias", "packed_ssa"}

// checkpoint is what is read of struct f2fs_checkpoint. One begins each of two
// segments, with a copy that ends what was written with it, its pack.
type checkpoint struct {
	version    uint64 // checkpoint_ver
	flags      uint32 // ckpt_flags
	blocks     uint32 // cp_pack_total_block_count
	startSum   uint32 // cp_pack_start_sum: a block of the pack
	sitBitmap  uint32 // sit_ver_bitmap_bytesize
	natBitmap  uint32 // nat_ver_bitmap_bytesize
	checksumAt uint32 // checksum_offset
}

func (k *checkpoint) read(c *parse.Cursor) {
	k.version = c.U64LE()
	c.Skip(132 - 8) // user_block_count to cur_data_blkoff
	k.flags = c.U32LE()
	k.blocks = c.U32LE()
	k.startSum = c.U32LE()
	c.Skip(12) // valid_node_count, valid_inode_count, next_free_nid
	k.sitBitmap = c.U32LE()
	k.natBitmap = c.U32LE()
	k.checksumAt = c.U32LE()
}

const lenCheckpoint = 192 // CP_MIN_CHKSUM_OFFSET: sit_nat_version_bitmap begins here

// Flags of a checkpoint, ckpt_flags.
const (
	cpUnmounted = 0x1   // CP_UMOUNT_FLAG
	cpOrphans   = 0x2   // CP_ORPHAN_PRESENT_FLAG
	cpCompact   = 0x4   // CP_COMPACT_SUM_FLAG
	cpError     = 0x8   // CP_ERROR_FLAG
	cpFsck      = 0x10  // CP_FSCK_FLAG
	cpFastboot  = 0x20  // CP_FASTBOOT_FLAG
	cpLargeNAT  = 0x400 // CP_LARGE_NAT_BITMAP_FLAG
	cpResize    = 0x4000
)

// A summary block, struct f2fs_summary_block: B/8 entries of 7 bytes, a journal
// (u16 n_nats and as many struct nat_journal_entry: u32 nid and a NAT entry),
// a footer of 5 bytes. Compact summaries begin with the journal.
const (
	lenSummary    = 7
	lenSumFooter  = 5
	lenJournalNAT = 13
	dataLogs      = 3 // NR_CURSEG_DATA_TYPE
	allLogs       = 6 // NR_CURSEG_PERSIST_TYPE
)

// struct f2fs_nat_entry: u8 version, u32 ino, u32 block_addr.
const lenNAT = 9

// A node, struct f2fs_node, is an inode, 4-byte addresses or 4-byte numbers of
// nodes, and struct node_footer: u32 nid, u32 ino, u32 flag (its place in the
// file << 3), u64 cp_ver, u32 next_blkaddr.
const (
	lenFooter   = 24
	nodeShift   = 3                    // OFFSET_BIT_SHIFT
	xattrPlace  = 1<<32>>nodeShift - 1 // XATTR_NODE_OFFSET
	inodeAddrs  = 360                  // i_addr, and what of it is taken by extra attributes
	inodeNIDs   = 20                   // i_nid: two direct nodes, two indirect, one double indirect
	minExtra    = 4                    // F2FS_MIN_EXTRA_ATTR_SIZE
	maxExtra    = 36                   // F2FS_TOTAL_EXTRA_ATTR_SIZE
	inodeSum    = 368                  // i_inode_checksum
	xattrWords  = 50                   // DEFAULT_INLINE_XATTR_ADDRS
	minInline   = 40                   // MIN_INLINE_DENTRY_SIZE
	minLogUnits = 2                    // MIN_COMPRESS_LOG_SIZE
	maxLogUnits = 8                    // MAX_COMPRESS_LOG_SIZE
)

// Flags of an inode: i_advise, i_inline and i_flags.
const (
	adviseEncrypt = 0x4  // FADVISE_ENCRYPT_BIT
	adviseVerity  = 0x40 // FADVISE_VERITY_BIT

	inlineXattr  = 0x1  // F2FS_INLINE_XATTR
	inlineData   = 0x2  // F2FS_INLINE_DATA
	inlineDentry = 0x4  // F2FS_INLINE_DENTRY
	inlineDots   = 0x10 // F2FS_INLINE_DOTS
	inlineExtra  = 0x20 // F2FS_EXTRA_ATTR
	inlineFreed  = 0x80 // F2FS_COMPRESS_RELEASED

	flagCompressed = 0x4        // F2FS_COMPR_FL
	flagImmutable  = 0x10       // F2FS_IMMUTABLE_FL
	flagCasefold   = 0x40000000 // F2FS_CASEFOLD_FL
)

// inode is what is read of struct f2fs_inode.
type inode struct {
	f          *FS
	number     uint32
	mode       uint16
	advise     uint8
	inline     uint8
	uid, gid   uint32
	links      uint32
	size       uint64
	mtime      int64
	mtimeNano  uint32 // i_mtime_nsec
	generation uint32
	depth      uint32 // i_current_depth: levels of hashes of a folder
	xattrNode  uint32 // i_xattr_nid
	flags      uint32
	parent     uint32 // i_pino
	dirLevel   uint8  // i_dir_level: what the first of them is like

	extra      int // i_extra_isize, in words of 4 bytes
	attrs      int // words at the end of i_addr that are left to extended attributes
	compressed bool
	algorithm  uint8  // i_compress_algorithm
	logCluster uint8  // i_log_cluster_size
	compress   uint16 // i_compress_flag
	packed     uint64 // i_compr_blocks: blocks that compression saved

	block []byte // the node; shared with a cache
	off   int64  // where it stands
}

func (n *inode) read(c *parse.Cursor) {
	n.mode = c.U16LE()
	n.advise = c.U8()
	n.inline = c.U8()
	n.uid = c.U32LE()
	n.gid = c.U32LE()
	n.links = c.U32LE()
	n.size = c.U64LE()
	c.Skip(8 + 8 + 8) // i_blocks, i_atime, i_ctime
	n.mtime = int64(c.U64LE())
	c.Skip(4 + 4) // i_atime_nsec, i_ctime_nsec
	n.mtimeNano = c.U32LE()
	n.generation = c.U32LE()
	n.depth = c.U32LE() // or i_gc_failures
	n.xattrNode = c.U32LE()
	n.flags = c.U32LE()
	n.parent = c.U32LE()
	c.Skip(4 + 255) // i_namelen, i_name
	n.dirLevel = c.U8()
}

// Algorithms of compression, i_compress_algorithm.
const (
	packLZO    = 0 // COMPRESS_LZO
	packLZ4    = 1 // COMPRESS_LZ4
	packZstd   = 2 // COMPRESS_ZSTD
	packLZORLE = 3 // COMPRESS_LZORLE

	packSum = 1 // COMPRESS_CHKSUM, a bit of i_compress_flag
)

// A compressed cluster, struct compress_data: u32 clen, u32 chksum, u32
// reserved[4], cdata.
const lenPacked = 24 // COMPRESS_HEADER_SIZE

// A block of directory entries has a bit for each slot, padding, struct
// f2fs_dir_entry (u32 hash_code, u32 ino, u16 name_len, u8 file_type) for each
// slot, and 8 bytes of name for each slot. Longer names take more slots.
const (
	lenEntry = 11  // SIZE_OF_DIR_ENTRY
	lenSlot  = 8   // F2FS_SLOT_LEN
	maxName  = 255 // F2FS_NAME_LEN
)

// dirEntry is struct f2fs_dir_entry.
type dirEntry struct {
	hash  uint32 // hash_code
	inode uint32 // ino
	size  int    // name_len
	kind  uint8  // file_type
}

// Extended attributes: struct f2fs_xattr_header (u32 h_magic, h_refcount,
// h_reserved[4]), then struct f2fs_xattr_entry: u8 e_name_index, u8 e_name_len, u16
// e_value_size, name, value, padding to 4 bytes. Four zeros end them.
const (
	xattrMagic = 0xf2f52011 // F2FS_XATTR_MAGIC
	lenXattrs  = 24
	lenXattr   = 4
)

// attrPrefixes are what e_name_index stands for. Some are the whole name.
var attrPrefixes = [...]string{1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default", 4: "trusted.", 6: "security.",
	7: "system.advise", 9: "encryption.", 11: "verity."}

// text is a field of characters up to the first NUL, spelled with parse.EscapeText.
func text(p []byte) string {
	for i, c := range p {
		if c == 0 {
			p = p[:i]
			break
		}
	}
	return parse.EscapeText(string(p))
}

// wideText is text in UTF-16.
func wideText(p []byte) string {
	var w []uint16
	for ; len(p) >= 2; p = p[2:] {
		c := uint16(p[0]) | uint16(p[1])<<8
		if c == 0 {
			break
		}
		w = append(w, c)
	}
	return parse.EscapeText(string(utf16.Decode(w)))
}
