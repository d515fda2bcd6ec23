package verity

import "github.com/otavet/otavet/ota/parse"

const (
	magicFEC  = 0xfecfecfe // FEC_MAGIC
	fecBlock  = 4096       // FEC_BLOCKSIZE: of the header, and of data that have one
	lenHeader = 60         // sizeof(struct fec_header), packed

	// What init_rs_char is called with (FEC_PARAMS).
	codeword   = 255   // FEC_RSM: bytes of a codeword
	polynomial = 0x11d // gfpoly
)

// A FECHeader is what AOSP's fec tool writes behind the parity: struct fec_header of
// libfec's io.h, little-endian. Images of Android 6 to 8 without AVB end in its
// block; AVB and payloads state the same in descriptor and manifest and leave it out.
type FECHeader struct {
	Roots  int      // roots: bytes of parity in a codeword, 1 to 254
	Size   int64    // fec_size: of the parity in bytes
	Data   int64    // inp_size: of the data in bytes
	SHA256 [32]byte // hash: of the parity

	Off  int64 // where the header's block begins
	Copy bool  // read from the copy at the block's end: the one at its start is broken
}

func (h *FECHeader) read(c *parse.Cursor) (magic, version, size uint32) {
	magic = c.U32LE()
	version = c.U32LE()
	size = c.U32LE()
	h.Roots = int(c.U32LE())
	h.Size = int64(c.U32LE())
	h.Data = int64(c.U64LE())
	copy(h.SHA256[:], c.Bytes(len(h.SHA256)))
	return magic, version, size
}
