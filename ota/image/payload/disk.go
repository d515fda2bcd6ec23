package payload

import "github.com/otavet/otavet/ota/wire"

// The header: payload_metadata.cc. All integers are big-endian.
//
//	 0  char[4]  magic
//	 4  u64      file_format_version, "major version"
//	12  u64      manifest_size
//	20  u32      metadata_signature_size; not there in version 1
//	24           manifest, a DeltaArchiveManifest
//	             metadata signature, a Signatures
//	             data of the operations
//	             payload signature, a Signatures
//
// Offsets in the manifest count from the first byte of the data.
const (
	magic = "CrAU" // kDeltaMagic

	majorChromeOS = 1 // kChromeOSMajorPayloadVersion
	majorBrillo   = 2 // kBrilloMajorPayloadVersion

	offVersion       = 4  // kDeltaVersionOffset
	offManifestSize  = 12 // kDeltaManifestSizeOffset
	offSignatureSize = 20
	lenHeader        = 24
)

// Values of the manifest.
const (
	defaultBlockSize = 4096
	defaultFECRoots  = 2

	minorFull    = 0 // kFullPayloadMinorVersion
	minorInPlace = 1 // kInPlaceMinorPayloadVersion: the source is the partition that is written
	minorPartial = 2 // least that update_engine takes for a delta or partial update: kSourceMinorPayloadVersion

	lenSHA256 = 32

	// SparseHole is the Start of an Extent that is no place: it reads as zeros,
	// and what is written to it is lost.
	SparseHole = 1<<64 - 1 // kSparseHole
)

// An OpType is InstallOperation.Type.
type OpType int32

// The types of operations, in the words of update_metadata.proto.
const (
	Replace         OpType = 0  // REPLACE: data as they are
	ReplaceBZ       OpType = 1  // REPLACE_BZ: data in bzip2
	Move            OpType = 2  // MOVE, of minor version 1
	Bsdiff          OpType = 3  // BSDIFF, of minor version 1
	SourceCopy      OpType = 4  // SOURCE_COPY
	SourceBsdiff    OpType = 5  // SOURCE_BSDIFF
	Zero            OpType = 6  // ZERO
	Discard         OpType = 7  // DISCARD: undefined to read; both of update_engine's ways leave zeros
	ReplaceXZ       OpType = 8  // REPLACE_XZ: data in xz
	Puffdiff        OpType = 9  // PUFFDIFF
	BrotliBsdiff    OpType = 10 // BROTLI_BSDIFF
	Zucchini        OpType = 11 // ZUCCHINI
	LZ4diffBsdiff   OpType = 12 // LZ4DIFF_BSDIFF
	LZ4diffPuffdiff OpType = 13 // LZ4DIFF_PUFFDIFF
	ReplaceZstd     OpType = 14 // REPLACE_ZSTD: data in Zstandard
)

var opNames = [...]string{"REPLACE", "REPLACE_BZ", "MOVE", "BSDIFF", "SOURCE_COPY", "SOURCE_BSDIFF", "ZERO", "DISCARD", "REPLACE_XZ",
	"PUFFDIFF", "BROTLI_BSDIFF", "ZUCCHINI", "LZ4DIFF_BSDIFF", "LZ4DIFF_PUFFDIFF", "REPLACE_ZSTD"}

// kinds are the names under which a Decoder is asked for.
var kinds = map[OpType]string{ReplaceBZ: "bzip2", ReplaceXZ: "xz", ReplaceZstd: "zstd"}

// A message is what update_metadata.proto says of one.
type message struct {
	name   string
	fields []field // by number
}

// A field of a message. many: it is repeated.
type field struct {
	name string
	typ  wire.Type
	many bool
}

var extentMessage = message{"Extent", []field{
	1: {"start_block", wire.Varint, false},
	2: {"num_blocks", wire.Varint, false},
}}

var signaturesMessage = message{"Signatures", []field{
	1: {"signatures", wire.Bytes, true},
}}

var signatureMessage = message{"Signature", []field{
	1: {"version", wire.Varint, false}, // deprecated
	2: {"data", wire.Bytes, false},
	3: {"unpadded_signature_size", wire.Fixed32, false},
}}

var infoMessage = message{"PartitionInfo", []field{
	1: {"size", wire.Varint, false},
	2: {"hash", wire.Bytes, false},
}}

var operationMessage = message{"InstallOperation", []field{
	1: {"type", wire.Varint, false},
	2: {"data_offset", wire.Varint, false},
	3: {"data_length", wire.Varint, false},
	4: {"src_extents", wire.Bytes, true},
	5: {"src_length", wire.Varint, false},
	6: {"dst_extents", wire.Bytes, true},
	7: {"dst_length", wire.Varint, false},
	8: {"data_sha256_hash", wire.Bytes, false},
	9: {"src_sha256_hash", wire.Bytes, false},
}}

var mergeMessage = message{"CowMergeOperation", []field{
	1: {"type", wire.Varint, false},
	2: {"src_extent", wire.Bytes, false},
	3: {"dst_extent", wire.Bytes, false},
	4: {"src_offset", wire.Varint, false},
}}

var partitionMessage = message{"PartitionUpdate", []field{
	1:  {"partition_name", wire.Bytes, false},
	2:  {"run_postinstall", wire.Varint, false},
	3:  {"postinstall_path", wire.Bytes, false},
	4:  {"filesystem_type", wire.Bytes, false},
	5:  {"new_partition_signature", wire.Bytes, true},
	6:  {"old_partition_info", wire.Bytes, false},
	7:  {"new_partition_info", wire.Bytes, false},
	8:  {"operations", wire.Bytes, true},
	9:  {"postinstall_optional", wire.Varint, false},
	10: {"hash_tree_data_extent", wire.Bytes, false},
	11: {"hash_tree_extent", wire.Bytes, false},
	12: {"hash_tree_algorithm", wire.Bytes, false},
	13: {"hash_tree_salt", wire.Bytes, false},
	14: {"fec_data_extent", wire.Bytes, false},
	15: {"fec_extent", wire.Bytes, false},
	16: {"fec_roots", wire.Varint, false},
	17: {"version", wire.Bytes, false},
	18: {"merge_operations", wire.Bytes, true},
	19: {"estimate_cow_size", wire.Varint, false},
	20: {"estimate_op_count_max", wire.Varint, false},
}}

var groupMessage = message{"DynamicPartitionGroup", []field{
	1: {"name", wire.Bytes, false},
	2: {"size", wire.Varint, false},
	3: {"partition_names", wire.Bytes, true},
}}

var vabcMessage = message{"VABCFeatureSet", []field{
	1: {"threaded", wire.Varint, false},
	2: {"batch_writes", wire.Varint, false},
}}

var dynamicMessage = message{"DynamicPartitionMetadata", []field{
	1: {"groups", wire.Bytes, true},
	2: {"snapshot_enabled", wire.Varint, false},
	3: {"vabc_enabled", wire.Varint, false},
	4: {"vabc_compression_param", wire.Bytes, false},
	5: {"cow_version", wire.Varint, false},
	6: {"vabc_feature_set", wire.Bytes, false},
	7: {"compression_factor", wire.Varint, false},
}}

var apexMessage = message{"ApexInfo", []field{
	1: {"package_name", wire.Bytes, false},
	2: {"version", wire.Varint, false},
	3: {"is_compressed", wire.Varint, false},
	4: {"decompressed_size", wire.Varint, false},
}}

// Of major version 1, and unknown to version 2: 1 install_operations, 2
// kernel_install_operations, 6 to 9 {old,new}_{kernel,rootfs}_info, 10 and 11
// {old,new}_image_info.
var manifestMessage = message{"DeltaArchiveManifest", []field{
	3:  {"block_size", wire.Varint, false},
	4:  {"signatures_offset", wire.Varint, false},
	5:  {"signatures_size", wire.Varint, false},
	12: {"minor_version", wire.Varint, false},
	13: {"partitions", wire.Bytes, true},
	14: {"max_timestamp", wire.Varint, false},
	15: {"dynamic_partition_metadata", wire.Bytes, false},
	16: {"partial_update", wire.Varint, false},
	17: {"apex_info", wire.Bytes, true},
	18: {"security_patch_level", wire.Bytes, false},
}}
