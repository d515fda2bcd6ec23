package apk

// The end of central directory record of a ZIP, of 22 bytes and a comment.
const (
	lenEOCD        = 22
	eocdMagic      = "PK\x05\x06"
	eocdDirSize    = 12 // uint32: size of the central directory
	eocdDirOffset  = 16 // uint32: its offset
	eocdComment    = 20 // uint16: length of the comment
	maxComment     = 0xffff
	lenLocator64   = 20
	locator64Magic = "PK\x06\x07"
	localMagic     = "PK\x03\x04" // of a local header, which begins the file
	dexMagic       = "dex\n"
)

// The APK Signing Block lies before the central directory: uint64 size of what
// follows, pairs of (uint64 size, uint32 id, value), uint64 size again, magic.
const (
	blockMagic   = "APK Sig Block 42"
	lenBlockHead = 8
	lenBlockFoot = 24
	minBlock     = 32
	lenPairHead  = 12
)

// Ids of pairs of the signing block.
const (
	idV2     = 0x7109871a // APK_SIGNATURE_SCHEME_V2_BLOCK_ID
	idV3     = 0xf05368c0 // APK_SIGNATURE_SCHEME_V3_BLOCK_ID
	idV31    = 0x1b93ad61 // APK_SIGNATURE_SCHEME_V31_BLOCK_ID
	idStamp1 = 0x2b09189e // V1_SOURCE_STAMP_BLOCK_ID
	idStamp2 = 0x6dff800d // V2_SOURCE_STAMP_BLOCK_ID
)

// Ids of additional attributes.
const (
	attrStripping      = 0xbeeff00d // v2 STRIPPING_PROTECTION_ATTR_ID: the scheme that must be there as well
	attrRotation       = 0x3ba06f8c // v3 PROOF_OF_ROTATION_ATTR_ID
	attrRotationMinSDK = 0x559f8b02 // v3 ROTATION_MIN_SDK_VERSION_ATTR_ID: where v3.1 begins
	attrDevRelease     = 0xc2a6b3ba // v3.1 ROTATION_ON_DEV_RELEASE_ATTR_ID
	attrStampRotation  = 0x9d6303f7 // stamp PROOF_OF_ROTATION_ATTR_ID
	attrStampTime      = 0xe43c5946 // stamp STAMP_TIME_ATTR_ID: uint64, seconds since 1970
)

// Schemes as numbers: in X-Android-APK-Signed, attributes and Report.Scheme.
const (
	schemeV1  = 1
	schemeV2  = 2
	schemeV3  = 3
	schemeV31 = 31
)

// Releases that matter to which scheme is read.
const (
	sdkN      = 24 // 7.0: v2
	sdkO      = 26 // 8.0: targetSandboxVersion
	sdkO1     = 27 // 8.1: a file must begin with a local header
	sdkP      = 28 // 9: v3, v2's stripping protection, verity algorithms
	sdkR      = 30 // 11: least scheme of targetSdkVersion
	sdkT      = 33 // 13: v3.1
	sdkNewest = 36
)

// The file of v4, an .idsig.
const (
	v4Version      = 2 // V4Signature.CURRENT_VERSION
	v4SHA256       = 1 // HASHING_ALGORITHM_SHA256
	v4Log2Block    = 12
	maxV4Salt      = 32
	maxV4Signing   = 7168 // MAX_SIGNING_INFOS_SIZE
	stampName      = "stamp-cert-sha256"
	manifestName   = "META-INF/MANIFEST.MF"
	androidXMLName = "AndroidManifest.xml"
)

// Bounds on what is read. No real file comes near them.
const (
	maxValue      = 4 << 20 // of one pair that is read: a certificate has a few KiB
	maxSignersV2  = 10      // MAX_V2_SIGNERS of the platform
	maxSigners    = 64
	maxRecords    = 64  // signatures, digests or attributes of one signer
	maxSignerCert = 64  // certificates of one signer, levels of one lineage
	maxNotes      = 8   // of the archive
	maxVerified   = 128 // signatures of one file: the largest keys take tens of milliseconds each
	chunk         = 1 << 20
	page          = 4096
)
