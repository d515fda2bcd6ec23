package dtbo

const (
	magicDTBO  = 0xd7b7ab1e // DT_TABLE_MAGIC
	magicACPIO = 0x41435049 // ACPI_TABLE_MAGIC: "ACPI"

	// struct dt_table_header: u32 magic, total_size, header_size, dt_entry_size,
	// dt_entry_count, dt_entries_offset, page_size, version
	lenHeader = 32

	offTotalSize     = 4
	offHeaderSize    = 8
	offEntrySize     = 12
	offEntryCount    = 16
	offEntriesOffset = 20
	offVersion       = 28

	// struct dt_table_entry: u32 dt_size, dt_offset, id, rev, custom[4]
	//
	// struct dt_table_entry_v1: u32 dt_size, dt_offset, id, rev, flags, custom[3]
	//
	// struct dt_table_entry_v2: u32 dt_size, dt_offset, id, rev, flags, custom[11]
	lenEntry   = 32 // versions 0 and 1
	lenEntryV2 = 64

	maxVersion = 2

	maskCompression = 0xf // of flags: enum dt_compression_info

	// struct fdt_header of the Devicetree Specification begins: u32 magic, totalsize
	magicTree = 0xd00dfeed // FDT_MAGIC
	lenTree   = 8
)

// compressions are the names of enum dt_compression_info.
var compressions = [...]string{
	"",     // NO_COMPRESSION
	"zlib", // ZLIB_COMPRESSION
	"gzip", // GZIP_COMPRESSION
	"lz4",  // LZ4_COMPRESSION: frames
}

// size of an entry, by the version.
func size(version uint32) uint32 {
	if version < 2 {
		return lenEntry
	}
	return lenEntryV2
}
