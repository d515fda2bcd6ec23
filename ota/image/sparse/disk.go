package sparse

import "github.com/otavet/otavet/ota/parse"

const (
	magic = 0xed26ff3a // SPARSE_HEADER_MAGIC
	major = 1          // SPARSE_HEADER_MAJOR_VER: readers reject others

	// struct sparse_header: u32 magic, u16 major_version, u16 minor_version, u16
	// file_hdr_sz, u16 chunk_hdr_sz, u32 blk_sz, u32 total_blks, u32
	// total_chunks, u32 image_checksum. Later revisions may be longer: what
	// follows is skipped.
	lenHeader = 28 // SPARSE_HEADER_LEN

	// struct chunk_header: u16 chunk_type, u16 reserved1, u32 chunk_sz (blocks of
	// output), u32 total_sz (bytes of the file, this header included)
	lenChunk = 12 // CHUNK_HEADER_LEN
)

// Types of chunks.
const (
	chunkRaw      = 0xcac1 // CHUNK_TYPE_RAW: chunk_sz blocks follow
	chunkFill     = 0xcac2 // CHUNK_TYPE_FILL: one u32 follows, which fills chunk_sz blocks
	chunkDontCare = 0xcac3 // CHUNK_TYPE_DONT_CARE: nothing follows
	chunkCRC32    = 0xcac4 // CHUNK_TYPE_CRC32: one u32 follows, the CRC of all output so far
	chunkSony     = 0xcac5 // in no release of AOSP; reported of Sony's firmware, of which no file was at hand
)

// A Header is what a sparse image says of itself at its start.
type Header struct {
	Major           uint16 // major_version: 1
	Minor           uint16 // minor_version: any
	HeaderSize      uint16 // file_hdr_sz, in bytes, at least 28
	ChunkHeaderSize uint16 // chunk_hdr_sz, in bytes, at least 12
	BlockSize       uint32 // blk_sz, in bytes: a multiple of 4, nearly always 4096
	Blocks          uint32 // total_blks of the expanded image
	Chunks          uint32 // total_chunks of the file
	Checksum        uint32 // image_checksum: CRC-32 of the expanded image; 0: not stated
}

func (h *Header) read(c *parse.Cursor) {
	c.Skip(4)
	h.Major = c.U16LE()
	h.Minor = c.U16LE()
	h.HeaderSize = c.U16LE()
	h.ChunkHeaderSize = c.U16LE()
	h.BlockSize = c.U32LE()
	h.Blocks = c.U32LE()
	h.Chunks = c.U32LE()
	h.Checksum = c.U32LE()
}
