package payload

import (
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxManifest bounds what is read into memory. The manifest of an
	// incremental update of 100,000 operations has 8 MiB; avbroot's limit too.
	maxManifest = 16 << 20

	// maxSignatures bounds a blob of signatures: thirty of RSA-16384. Real ones
	// have 267 bytes, or twice that.
	maxSignatures = 64 << 10

	// maxPartition is what ext4 can address with blocks of 4 KiB, and keeps all
	// arithmetic on blocks far below 2^63.
	maxPartition = 1 << 44

	// maxPartitions is ten times what large devices have.
	maxPartitions = 1024

	// Each costs 152 bytes here. A full update of 8 GiB has 4,000 operations of
	// 2 MiB, an incremental one about one for each file.
	maxOperations = 1 << 18

	// Each costs 16 bytes, and 24 where it is written to.
	maxExtents = 1 << 20

	// A merge operation costs 56 bytes. Updates of fragmented images have 10^5.
	maxMerges = 1 << 19

	maxGroups  = 1 << 12 // with the names of partitions in them; a device has two groups
	maxApexes  = 1 << 12 // a device has 40
	maxUnknown = 1 << 10 // pairs of a message and a number
	maxNotes   = 32      // notes that are kept
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "payload", Off: off, Msg: msg, Got: got, Kind: kind}
}

// A Range is a run of bytes of the file.
type Range struct{ Off, Len int64 }

// A Payload is an opened payload.bin. It does not change; any number of
// goroutines may use it.
type Payload struct {
	Manifest
	Partitions []*Partition

	// The parts of the file. Metadata, the header and the manifest, is what the
	// metadata signature signs; the payload signature signs Metadata and the
	// Data in front of it.
	Metadata          Range
	MetadataSignature Range // Len is 0 where there is none
	Data              Range // of all operations, without the payload signature
	PayloadSignature  Range // Len is 0 where there is none

	b       blob.Blob
	unknown []Unknown
	notes   []string
	more    int // notes that are not kept
	cache   cache
}

// Open reads the header and the manifest of the payload in b, and checks that
// each can be read in one way only: see the package's comment. It reads no data.
//
// Partitions, operations, extents and merge operations are charged to bud as
// entries, and the sizes of the new partitions as decoded bytes, in the order
// of the file. A payload may be compressed more than parse.MaxRatio, so that
// bud should be that of the update and not come from Budget.Inside.
//
// The error is a *parse.Error with an offset, or that of a read from b.
func Open(b blob.Blob, bud *parse.Budget) (*Payload, error) {
	p := &Payload{b: b, Manifest: Manifest{BlockSize: defaultBlockSize}}
	head, err := blob.ReadRange(b, 0, min(b.Size(), lenHeader))
	if err != nil {
		return nil, err
	}
	if n := min(len(head), len(magic)); string(head[:n]) != magic[:n] {
		return nil, fail(0, parse.ErrFormat, "does not begin with CrAU", string(head[:n]))
	}
	c := parse.NewCursor("payload", head, 0)
	c.Skip(len(magic))
	switch v := c.U64BE(); {
	case c.Err() != nil:
		return nil, c.Err()
	case v == majorChromeOS:
		// Its header has no metadata_signature_size, and its manifest no partitions.
		return nil, fail(offVersion, parse.ErrUnsupported, "major version 1, of Chrome OS", nil)
	case v != majorBrillo:
		return nil, fail(offVersion, parse.ErrUnsupported, "the major version is not 2", v)
	}
	size, signature := c.U64BE(), c.U32BE()
	if c.Err() != nil {
		return nil, c.Err()
	}
	left := b.Size() - lenHeader
	switch {
	case size > uint64(left):
		return nil, fail(offManifestSize, parse.ErrFormat, "the manifest is larger than the file", size)
	case size > maxManifest:
		return nil, fail(offManifestSize, parse.ErrLimit, "the manifest is larger than 16 MiB", size)
	case int64(signature) > left-int64(size):
		return nil, fail(offSignatureSize, parse.ErrFormat, "the metadata signature is larger than the file", signature)
	}
	p.Metadata = Range{0, lenHeader + int64(size)}
	p.MetadataSignature = Range{p.Metadata.Len, int64(signature)}
	at := p.Metadata.Len + int64(signature)
	p.Data = Range{at, b.Size() - at}
	manifest, err := blob.ReadRange(b, lenHeader, int64(size))
	if err != nil {
		return nil, err
	}
	d := &decoder{p: p, bud: bud}
	if err := d.manifest(manifest); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	slices.SortFunc(p.unknown, func(a, b Unknown) int { return int(a.Off - b.Off) })
	for _, u := range p.unknown {
		p.note("%v is not known", u)
	}
	return p, nil
}

// Full tells whether the payload installs on any device, whatever it runs: as in
// update_engine, no partition has an old one, and the update is not partial.
func (p *Payload) Full() bool {
	return !p.PartialUpdate && !slices.ContainsFunc(p.Partitions, func(part *Partition) bool { return part.Old != nil })
}

// Partition gives the partition with that name, or nil.
func (p *Payload) Partition(name string) *Partition {
	for _, part := range p.Partitions {
		if part.Name == name {
			return part
		}
	}
	return nil
}

// Unknown are the fields that are not known, in the order of their first ones.
func (p *Payload) Unknown() []Unknown { return p.unknown }

// Notes say what is odd about the payload and yet read: at most 32, and how many
// more there are.
func (p *Payload) Notes() []string {
	if p.more > 0 {
		return append(slices.Clone(p.notes), fmt.Sprintf("and %d more", p.more))
	}
	return p.notes
}

// full tells whether no more notes are kept, and counts the one that is not.
func (p *Payload) full() bool {
	if len(p.notes) == maxNotes {
		p.more++
		return true
	}
	return false
}

func (p *Payload) note(format string, args ...any) {
	if p.full() {
		return
	}
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}
