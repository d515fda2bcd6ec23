package ext4

import "github.com/otavet/otavet/ota/parse"

// The superblock, struct ext4_super_block, stands at byte 1024 and has as many bytes.
const (
	superOffset = 1024
	superSize   = 1024
	superMagic  = 0xef53 // EXT4_SUPER_MAGIC
	superSum    = 0x3fc  // s_checksum: CRC-32C of what is before it
)

// superblock is what is read of struct ext4_super_block.
type superblock struct {
	inodes         uint32 // s_inodes_count
	blocks         uint64 // s_blocks_count_lo, s_blocks_count_hi
	firstBlock     uint32 // s_first_data_block
	logBlock       uint32 // s_log_block_size: 1024 << it
	logCluster     uint32 // s_log_cluster_size
	blocksPerGroup uint32 // s_blocks_per_group
	inodesPerGroup uint32 // s_inodes_per_group
	magic          uint16 // s_magic
	state          uint16 // s_state
	creator        uint32 // s_creator_os
	revision       uint32 // s_rev_level
	firstInode     uint32 // s_first_ino
	inodeSize      uint16 // s_inode_size
	groupNumber    uint16 // s_block_group_nr: of a backup, the group it is in
	compat         uint32 // s_feature_compat
	incompat       uint32 // s_feature_incompat
	roCompat       uint32 // s_feature_ro_compat
	uuid           [16]byte
	label          string // s_volume_name
	mounted        string // s_last_mounted
	descSize       uint16 // s_desc_size
	firstMetaGroup uint32 // s_first_meta_bg
	checksumType   uint8  // s_checksum_type
	backups        [2]uint32
	checksumSeed   uint32 // s_checksum_seed
	checksum       uint32 // s_checksum
}

func (s *superblock) read(c *parse.Cursor) {
	s.inodes = c.U32LE()
	blocks := c.U32LE()
	c.Skip(0x14 - 0x08) // s_r_blocks_count_lo, s_free_blocks_count_lo, s_free_inodes_count
	s.firstBlock = c.U32LE()
	s.logBlock = c.U32LE()
	s.logCluster = c.U32LE()
	s.blocksPerGroup = c.U32LE()
	c.Skip(4) // s_clusters_per_group
	s.inodesPerGroup = c.U32LE()
	c.Skip(0x38 - 0x2c) // s_mtime, s_wtime, s_mnt_count, s_max_mnt_count
	s.magic = c.U16LE()
	s.state = c.U16LE()
	c.Skip(0x48 - 0x3c) // s_errors, s_minor_rev_level, s_lastcheck, s_checkinterval
	s.creator = c.U32LE()
	s.revision = c.U32LE()
	c.Skip(4) // s_def_resuid, s_def_resgid
	s.firstInode = c.U32LE()
	s.inodeSize = c.U16LE()
	s.groupNumber = c.U16LE()
	s.compat = c.U32LE()
	s.incompat = c.U32LE()
	s.roCompat = c.U32LE()
	copy(s.uuid[:], c.Bytes(16))
	s.label = text(c.Bytes(16))
	s.mounted = text(c.Bytes(64))
	c.Skip(0xfe - 0xc8) // s_algorithm_usage_bitmap to s_jnl_backup_type and s_reserved
	s.descSize = c.U16LE()
	c.Skip(4) // s_default_mount_opts
	s.firstMetaGroup = c.U32LE()
	c.Skip(0x150 - 0x108) // s_mkfs_time, s_jnl_blocks
	s.blocks = uint64(c.U32LE())<<32 | uint64(blocks)
	c.Skip(0x175 - 0x154) // s_r_blocks_count_hi to s_log_groups_per_flex
	s.checksumType = c.U8()
	c.Skip(0x24c - 0x176) // s_encryption_level to s_grp_quota_inum and s_overhead_blocks
	s.backups = [2]uint32{c.U32LE(), c.U32LE()}
	c.Skip(0x270 - 0x254) // s_encrypt_algos to s_prj_quota_inum
	s.checksumSeed = c.U32LE()
	c.Skip(superSum - 0x274)
	s.checksum = c.U32LE()
}

// The state of the file system, s_state.
const (
	stateClean  = 1 // EXT4_VALID_FS
	stateErrors = 2 // EXT4_ERROR_FS
)

// Features that change what is read.
const (
	compatSparseSuper2 = 0x200 // COMPAT_SPARSE_SUPER2

	incompatFiletype   = 0x2     // INCOMPAT_FILETYPE
	incompatRecover    = 0x4     // INCOMPAT_RECOVER
	incompatMetaBG     = 0x10    // INCOMPAT_META_BG
	incompat64Bit      = 0x80    // INCOMPAT_64BIT
	incompatEAInode    = 0x400   // INCOMPAT_EA_INODE
	incompatCsumSeed   = 0x2000  // INCOMPAT_CSUM_SEED
	incompatLargeDir   = 0x4000  // INCOMPAT_LARGEDIR
	incompatInlineData = 0x8000  // INCOMPAT_INLINE_DATA
	incompatRead       = 0x3e7d6 // all that are read: not COMPRESSION, JOURNAL_DEV, DIRDATA

	roCompatSparseSuper  = 0x1     // RO_COMPAT_SPARSE_SUPER
	roCompatHugeFile     = 0x8     // RO_COMPAT_HUGE_FILE
	roCompatGdtCsum      = 0x10    // RO_COMPAT_GDT_CSUM, uninit_bg
	roCompatBigalloc     = 0x200   // RO_COMPAT_BIGALLOC
	roCompatMetadataCsum = 0x400   // RO_COMPAT_METADATA_CSUM
	roCompatKnown        = 0x1ffff // all that featureNames has
)

// featureNames are what e2fsprogs calls the bits of the three words of features.
var featureNames = [3][32]string{
	{"dir_prealloc", "imagic_inodes", "has_journal", "ext_attr", "resize_inode", "dir_index", "lazy_bg", "", // COMPAT
		"snapshot_bitmap", "sparse_super2", "fast_commit", "stable_inodes", "orphan_file"},
	{"compression", "filetype", "needs_recovery", "journal_dev", "meta_bg", "", "extent", "64bit", // INCOMPAT
		"mmp", "flex_bg", "ea_inode", "", "dirdata", "metadata_csum_seed", "large_dir", "inline_data", "encrypt", "casefold"},
	{"sparse_super", "large_file", "", "huge_file", "uninit_bg", "dir_nlink", "extra_isize", "snapshot", // RO_COMPAT
		"quota", "bigalloc", "metadata_csum", "replica", "read-only", "project", "shared_blocks", "verity", "orphan_present"},
}

// A group descriptor, struct ext4_group_desc, of 32 bytes, or more with 64bit.
const (
	lenDesc    = 32 // EXT4_MIN_DESC_SIZE
	lenDesc64  = 64 // EXT4_MIN_DESC_SIZE_64BIT
	descTable  = 0x08
	descSum    = 0x1e // bg_checksum
	descTabHi  = 0x28 // bg_inode_table_hi
	rootInode  = 2    // EXT4_ROOT_INO
	oldFirst   = 11   // EXT4_GOOD_OLD_FIRST_INO
	lenInode   = 128  // EXT4_GOOD_OLD_INODE_SIZE
	inodeSum   = 0x7c // l_i_checksum_lo
	inodeSumHi = 0x82 // i_checksum_hi
)

// Flags of an inode, i_flags.
const (
	flagImmutable = 0x10       // EXT4_IMMUTABLE_FL
	flagEncrypt   = 0x800      // EXT4_ENCRYPT_FL
	flagIndex     = 0x1000     // EXT4_INDEX_FL
	flagHugeFile  = 0x40000    // EXT4_HUGE_FILE_FL
	flagExtents   = 0x80000    // EXT4_EXTENTS_FL
	flagVerity    = 0x100000   // EXT4_VERITY_FL
	flagEAInode   = 0x200000   // EXT4_EA_INODE_FL
	flagInline    = 0x10000000 // EXT4_INLINE_DATA_FL
	flagCasefold  = 0x40000000 // EXT4_CASEFOLD_FL
)

// Kinds of files in i_mode.
const (
	modeFIFO   = 0x1000 // S_IFIFO
	modeChar   = 0x2000 // S_IFCHR
	modeDir    = 0x4000 // S_IFDIR
	modeBlock  = 0x6000 // S_IFBLK
	modeFile   = 0x8000 // S_IFREG
	modeLink   = 0xa000 // S_IFLNK
	modeSocket = 0xc000 // S_IFSOCK
	modeKind   = 0xf000 // S_IFMT
)

// inode is what is read of struct ext4_inode.
type inode struct {
	f          *FS
	number     uint32
	mode       uint16 // i_mode
	uid, gid   uint32 // i_uid, l_i_uid_high; i_gid, l_i_gid_high
	links      uint16 // i_links_count
	flags      uint32 // i_flags
	generation uint32 // i_generation
	size       uint64 // i_size_lo, i_size_high
	sectors    uint64 // i_blocks_lo, l_i_blocks_high
	attrs      uint64 // i_file_acl_lo, l_i_file_acl_high: a block
	atime      uint32 // i_atime; of an inode that holds an attribute, its hash
	mtime      uint32 // i_mtime
	mtimeExtra uint32 // i_mtime_extra
	block      [60]byte
	body       []byte // attributes behind the fields, with their header; shared with a cache
	seed       uint32 // of the checksums of what belongs to the inode
	off        int64  // where it stands
}

func (n *inode) read(c *parse.Cursor) {
	n.mode = c.U16LE()
	n.uid = uint32(c.U16LE())
	n.size = uint64(c.U32LE())
	n.atime = c.U32LE()
	c.Skip(4) // i_ctime
	n.mtime = c.U32LE()
	c.Skip(4) // i_dtime
	n.gid = uint32(c.U16LE())
	n.links = c.U16LE()
	n.sectors = uint64(c.U32LE())
	n.flags = c.U32LE()
	c.Skip(4) // osd1
	copy(n.block[:], c.Bytes(60))
	n.generation = c.U32LE()
	n.attrs = uint64(c.U32LE())
	n.size |= uint64(c.U32LE()) << 32
	c.Skip(4) // i_obso_faddr
	n.sectors |= uint64(c.U16LE()) << 32
	n.attrs |= uint64(c.U16LE()) << 32
	n.uid |= uint32(c.U16LE()) << 16
	n.gid |= uint32(c.U16LE()) << 16
	c.Skip(4) // l_i_checksum_lo, l_i_reserved
}

// struct ext4_extent_header: u16 eh_magic, u16 eh_entries, u16 eh_max, u16
// eh_depth, u32 eh_generation. Behind it eh_entries of
//
//   - struct ext4_extent: u32 ee_block, u16 ee_len, u16 ee_start_hi, u32 ee_start_lo, or
//   - struct ext4_extent_idx: u32 ei_block, u32 ei_leaf_lo, u16 ei_leaf_hi, u16 ei_unused
//
// and, in a block with checksums, behind eh_max entries struct ext4_extent_tail: u32 et_checksum.
const (
	extentMagic = 0xf30a // EXT4_EXT_MAGIC
	lenExtent   = 12
	maxDepth    = 5     // EXT4_MAX_EXTENT_DEPTH
	maxInitLen  = 32768 // EXT_INIT_MAX_LEN: more are unwritten
)

// struct ext4_dir_entry_2: u32 inode, u16 rec_len, u8 name_len, u8 file_type, name.
const (
	lenEntry = 8
	maxName  = 255  // EXT4_NAME_LEN
	lenTail  = 12   // struct ext4_dir_entry_tail: an empty entry whose name is the checksum
	tailType = 0xde // EXT4_FT_DIR_CSUM
)

// Extended attributes: in the inode behind h_magic, in a block behind struct
// ext4_xattr_header (u32 h_magic, h_refcount, h_blocks, h_hash, h_checksum,
// h_reserved[3]). Then struct ext4_xattr_entry: u8 e_name_len, u8 e_name_index,
// u16 e_value_offs, u32 e_value_inum, u32 e_value_size, u32 e_hash, e_name.
const (
	attrMagic  = 0xea020000 // EXT4_XATTR_MAGIC
	lenAttrs   = 32
	attrsSum   = 0x10 // h_checksum
	lenAttr    = 16
	attrSystem = 7 // EXT4_XATTR_INDEX_SYSTEM
)

// attrPrefixes are what e_name_index stands for. Some are the whole name.
var attrPrefixes = [...]string{1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default", 4: "trusted.", 6: "security.",
	attrSystem: "system.", 8: "system.richacl", 9: "encryption.", 10: "gnu.", 11: "verity."}

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
