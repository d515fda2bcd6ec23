package payload

import (
	"fmt"

	"github.com/otavet/otavet/ota/wire"
)

// Texts are the file's own, and can hold anything: parse.EscapeText makes them
// printable. Names of partitions and groups are spelled with parse.Escape; they
// can hold a slash. Bytes share memory with the manifest.

// Fields are the fields that a message has, by their numbers in
// update_metadata.proto: some have a default that is also a value.
type Fields uint32

// Has tells whether the field with that number is there.
func (f Fields) Has(number int) bool { return number > 0 && number < 32 && f>>number&1 != 0 }

func (f *Fields) add(number int32) { *f |= 1 << number }

// A Manifest is DeltaArchiveManifest, without partitions and signatures.
type Manifest struct {
	BlockSize          uint32 // bytes; a power of two from 512 to 64 KiB
	MinorVersion       uint32 // 0: full
	MaxTimestamp       int64  // seconds since 1970: the youngest system that takes the update
	PartialUpdate      bool   // other partitions stay as they are
	SecurityPatchLevel string
	Dynamic            *Dynamic // nil: not there
	Apexes             []Apex
	Fields             Fields
}

// Dynamic is DynamicPartitionMetadata.
type Dynamic struct {
	Groups               []Group
	SnapshotEnabled      bool
	VABCEnabled          bool
	VABCCompressionParam string
	CowVersion           uint32
	VABCFeatures         *VABCFeatures // nil: not there
	CompressionFactor    uint64        // bytes
	Fields               Fields
}

// A Group is DynamicPartitionGroup.
type Group struct {
	Name       string
	Size       uint64 // bytes; 0: no limit
	Partitions []string
	Fields     Fields
}

// VABCFeatures is VABCFeatureSet.
type VABCFeatures struct {
	Threaded, BatchWrites bool
	Fields                Fields
}

// An Apex is ApexInfo: an APEX that the device unpacks when it boots.
type Apex struct {
	Package          string
	Version          int64
	Compressed       bool
	DecompressedSize int64 // bytes
	Fields           Fields
}

// A Partition is PartitionUpdate.
type Partition struct {
	Name   string
	Offset int64 // of the message in the file
	Fields Fields

	RunPostinstall      bool
	PostinstallPath     string
	FilesystemType      string
	PostinstallOptional bool
	NewSignatures       []Signature // of the new partition's hash

	Old *Info // nil: not there
	New Info

	Operations []Operation

	// What the installer computes, after the operations. Extent.Blocks is 0
	// where there is none.
	HashTreeData, HashTree Extent
	HashTreeAlgorithm      string
	HashTreeSalt           []byte
	FECData, FEC           Extent
	FECRoots               uint32

	Version            string // against downgrades: the time of the build, in most partitions
	Merges             []Merge
	EstimateCowSize    uint64 // bytes
	EstimateOpCountMax uint64

	p        *Payload
	segments []segment // in the order of the partition
	whole    bool      // each block is written by one of segments
}

// An Info is PartitionInfo.
type Info struct {
	Size   int64  // bytes
	Hash   []byte // SHA-256; empty: none
	Fields Fields
}

// An Operation is InstallOperation.
type Operation struct {
	Type   OpType
	Fields Fields
	Offset int64 // of the message in the file

	DataOffset, DataLength int64 // in Payload.Data; see Partition.Data
	Src, Dst               []Extent
	SrcLength, DstLength   uint64 // bytes; of old deltas only
	DataHash, SrcHash      []byte // SHA-256; empty: none

	size int64 // bytes that Dst has
}

// An Extent is a run of blocks.
type Extent struct{ Start, Blocks uint64 }

// A Merge is CowMergeOperation.
type Merge struct {
	Type      int32 // 0 COW_COPY, 1 COW_XOR, 2 COW_REPLACE
	SrcOffset uint32
	Src, Dst  Extent
	Fields    Fields
}

// String is the name in update_metadata.proto, or "type 77".
func (t OpType) String() string {
	if t.Known() {
		return opNames[t]
	}
	return fmt.Sprintf("type %d", int32(t))
}

// Known tells whether t is one of the types that have a name here.
func (t OpType) Known() bool { return t >= 0 && int(t) < len(opNames) }

// Source tells whether operations of that type read the older image.
func (t OpType) Source() bool {
	switch t {
	case Move, Bsdiff, SourceCopy, SourceBsdiff, Puffdiff, BrotliBsdiff, Zucchini, LZ4diffBsdiff, LZ4diffPuffdiff:
		return true
	}
	return false
}

// An Unknown is all fields of one number and type of encoding that messages of
// one kind have, and that update_metadata.proto does not.
type Unknown struct {
	Message string // its name in update_metadata.proto
	Number  int32
	Type    wire.Type
	Count   int
	Bytes   int64 // of all of them, with tags
	Off     int64 // of the first in the file
}

// String reads "field 99 of PartitionUpdate (2 times LEN, 24 bytes, first at byte 0x1f0)".
func (u Unknown) String() string {
	return fmt.Sprintf("field %d of %s (%d times %v, %d bytes, first at byte %#x)", u.Number, u.Message, u.Count, u.Type, u.Bytes, u.Off)
}
