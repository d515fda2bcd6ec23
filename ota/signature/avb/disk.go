package avb

import "github.com/otavet/otavet/ota/parse"

// struct AvbVBMetaImageHeader, of 256 bytes.
const (
	lenHeader = 256
	magic     = "AVB0"
	major     = 1 // AVB_VERSION_MAJOR
	maxMinor  = 3 // AVB_VERSION_MINOR

	// maxVBMeta bounds a vbmeta struct: VBMETA_MAX_SIZE of avb_slot_verify.c.
	maxVBMeta = 64 << 10
)

type header struct {
	major, minor     uint32 // required_libavb_version_major, _minor
	auth, aux        uint64 // authentication_data_block_size, auxiliary_data_block_size
	algorithm        uint32 // algorithm_type
	hash, sig        span   // hash_offset, hash_size; signature_offset, signature_size: in the authentication block
	key, keyMeta     span   // public_key_…, public_key_metadata_…: in the auxiliary block
	descriptors      span   // descriptors_…: likewise
	rollback         uint64 // rollback_index
	flags            uint32
	rollbackLocation uint32 // rollback_index_location
	release          []byte // release_string, of 48 bytes
}

// A span is a run of bytes of a block.
type span struct{ off, size uint64 }

func readSpan(c *parse.Cursor) span { return span{c.U64BE(), c.U64BE()} }

func (h *header) read(c *parse.Cursor) {
	c.Skip(4)
	h.major, h.minor = c.U32BE(), c.U32BE()
	h.auth, h.aux = c.U64BE(), c.U64BE()
	h.algorithm = c.U32BE()
	h.hash, h.sig, h.key, h.keyMeta, h.descriptors = readSpan(c), readSpan(c), readSpan(c), readSpan(c), readSpan(c)
	h.rollback = c.U64BE()
	h.flags, h.rollbackLocation = c.U32BE(), c.U32BE()
	h.release = c.Bytes(48)
}

// Flags of a vbmeta struct: AvbVBMetaImageFlags.
const (
	FlagHashtreeDisabled     = 1 << 0 // AVB_VBMETA_IMAGE_FLAGS_HASHTREE_DISABLED
	FlagVerificationDisabled = 1 << 1 // AVB_VBMETA_IMAGE_FLAGS_VERIFICATION_DISABLED
)

// struct AvbFooter, in the last 64 bytes of an image.
const (
	lenFooter   = 64
	footerMagic = "AVBf"
	footerMajor = 1 // AVB_FOOTER_VERSION_MAJOR
)

// Tags of descriptors: AvbDescriptorTag. Each begins with tag and num_bytes_following.
const (
	lenDescriptor = 16
	tagProperty   = 0
	tagHashtree   = 1
	tagHash       = 2
	tagCmdline    = 3
	tagChain      = 4
)

// Flags of hash and hashtree descriptors.
const (
	flagDoNotUseAB      = 1 << 0 // AVB_HASH_DESCRIPTOR_FLAGS_DO_NOT_USE_AB, and of hashtrees
	flagCheckAtMostOnce = 1 << 1 // AVB_HASHTREE_DESCRIPTOR_FLAGS_CHECK_AT_MOST_ONCE
)

// The structs of libavb_cert's avb_cert_types.h, packed. Their integers are read as the processor has them:
// little-endian on all devices, and as avbtool writes them.
const (
	certVersion = 1

	lenCertKey      = 8 + 1024                         // AVB_CERT_PUBLIC_KEY_SIZE
	lenCertSigned   = 4 + lenCertKey + 32*2 + 8        // AvbCertCertificateSignedData: version, public_key, subject, usage, key_version
	lenCertSig      = 512                              // AVB_RSA4096_NUM_BYTES
	lenCertMetadata = 4 + 2*(lenCertSigned+lenCertSig) // AvbCertPublicKeyMetadata: version, then both certificates
	lenAttributes   = 4 + lenCertKey + 16              // AvbCertPermanentAttributes: version, product_root_public_key, product_id
)
