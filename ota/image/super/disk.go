package super

import (
	"strings"

	"github.com/otavet/otavet/ota/parse"
)

const (
	sector = 512 // LP_SECTOR_SIZE

	reserved     = 4096 // LP_PARTITION_RESERVED_BYTES, before all else
	geometrySize = 4096 // LP_METADATA_GEOMETRY_SIZE: what each copy of the geometry takes

	magicGeometry = 0x616c4467 // LP_METADATA_GEOMETRY_MAGIC
	magicHeader   = 0x414c5030 // LP_METADATA_HEADER_MAGIC

	major          = 10 // LP_METADATA_MAJOR_VERSION
	minorUpdated   = 1  // LP_METADATA_VERSION_FOR_UPDATED_ATTR
	minorExpanded  = 2  // LP_METADATA_VERSION_FOR_EXPANDED_HEADER
	minorMost      = 2  // LP_METADATA_MINOR_VERSION_MAX
	lenName        = 36
	lenChecksum    = 32
	offGeometrySum = 8
	offHeaderSum   = 12

	// struct LpMetadataGeometry: u32 magic, u32 struct_size, u8 checksum[32], u32
	// metadata_max_size, u32 metadata_slot_count, u32 logical_block_size
	lenGeometry = 52

	// struct LpMetadataHeader: u32 magic, u16 major_version, u16 minor_version, u32
	// header_size, u8 header_checksum[32], u32 tables_size, u8
	// tables_checksum[32], four LpMetadataTableDescriptor: partitions, extents,
	// groups, block_devices; from 10.2 on u32 flags, u8 reserved[124]
	lenHeader         = 128
	lenHeaderExpanded = 256

	lenPartition = 52 // struct LpMetadataPartition
	lenExtent    = 24 // struct LpMetadataExtent
	lenGroup     = 48 // struct LpMetadataPartitionGroup
	lenDevice    = 64 // struct LpMetadataBlockDevice

	targetLinear = 0 // LP_TARGET_TYPE_LINEAR
	targetZero   = 1 // LP_TARGET_TYPE_ZERO
)

// Attributes of a Partition.
const (
	AttrReadonly     = 1 << 0 // LP_PARTITION_ATTR_READONLY
	AttrSlotSuffixed = 1 << 1 // LP_PARTITION_ATTR_SLOT_SUFFIXED: the device adds _a or _b to the name
	AttrUpdated      = 1 << 2 // LP_PARTITION_ATTR_UPDATED: made for an update with snapshots
	AttrDisabled     = 1 << 3 // LP_PARTITION_ATTR_DISABLED: not to be mapped

	attrsOld = AttrReadonly | AttrSlotSuffixed // LP_PARTITION_ATTRIBUTE_MASK_V0
	attrsAll = attrsOld | AttrUpdated | AttrDisabled
)

// Flags of a Metadata, from 10.2 on, of a Group and of a Device.
const (
	FlagVirtualAB = 1 << 0 // LP_HEADER_FLAG_VIRTUAL_AB_DEVICE

	FlagSlotSuffixed = 1 << 0 // LP_GROUP_SLOT_SUFFIXED, LP_BLOCK_DEVICE_SLOT_SUFFIXED
)

// A Geometry says where metadata lies.
type Geometry struct {
	MetadataMaxSize  uint32 // metadata_max_size: bytes that one copy may take
	SlotCount        uint32 // metadata_slot_count: each slot has a primary copy and a backup
	LogicalBlockSize uint32 // logical_block_size, in bytes
}

func (g *Geometry) primary(slot int) int64 {
	return reserved + 2*geometrySize + int64(g.MetadataMaxSize)*int64(slot)
}

func (g *Geometry) backup(slot int) int64 { return g.primary(int(g.SlotCount) + slot) }

// end is where metadata ends: GetTotalMetadataSize.
func (g *Geometry) end() int64 { return g.primary(2 * int(g.SlotCount)) }

// A table is struct LpMetadataTableDescriptor.
type table struct {
	at               int64 // where it is stated
	offset, num, len uint32
}

func readTable(c *parse.Cursor) table {
	return table{c.Offset(), c.U32LE(), c.U32LE(), c.U32LE()}
}

// name reads a name in a field of 36 bytes, which ends at the first NUL.
func name(c *parse.Cursor) string {
	s, _, _ := strings.Cut(string(c.Bytes(lenName)), "\x00")
	return parse.Escape(s)
}

// A record is struct LpMetadataPartition before its extents are looked up.
type record struct {
	Partition
	first, num, group uint32
}

func (r *record) read(c *parse.Cursor) {
	r.at = c.Offset()
	r.Name = name(c)
	r.Attributes = c.U32LE()
	r.first = c.U32LE()
	r.num = c.U32LE()
	r.group = c.U32LE()
}

func (e *Extent) read(c *parse.Cursor) (sectors uint64, target uint32, data uint64, source uint32) {
	e.at = c.Offset()
	return c.U64LE(), c.U32LE(), c.U64LE(), c.U32LE()
}

func (g *Group) read(c *parse.Cursor) {
	g.at = c.Offset()
	g.Name = name(c)
	g.Flags = c.U32LE()
	g.MaximumSize = c.U64LE()
}

func (d *Device) read(c *parse.Cursor) {
	d.at = c.Offset()
	d.FirstLogicalSector = c.U64LE()
	d.Alignment = c.U32LE()
	d.AlignmentOffset = c.U32LE()
	d.Size = c.U64LE()
	d.Name = name(c)
	d.Flags = c.U32LE()
}
