package otatest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/otavet/otavet/ota/blob"
)

// A Payload writes a payload.bin of major version 2, and lets a test lie in it.
// Its encoders are the C tools xz, bzip2 and zstd: ask Tool for those that
// Methods name. The layout is that of update_engine's payload_metadata.cc and
// update_metadata.proto; integers of the header are big-endian.
type Payload struct {
	Partitions         []PayloadPartition
	BlockSize          int    // 0: 4096
	MinorVersion       uint64 // 0: a full payload
	Partial            bool
	MaxTimestamp       uint64 // seconds since 1970
	SecurityPatchLevel string
	Extra              Proto  // behind the manifest's own fields
	Fast               bool   // compress with less effort than AOSP
	Temp               string // the folder for temporary files; "": the system's

	// Sign gives the Signatures message over a SHA-256 digest, always of the
	// same size; see PayloadSignatures. It is asked for the metadata's and for
	// the payload's, and for that of zeros to learn the size. nil: unsigned.
	Sign func(digest []byte) []byte

	Header func(*PayloadHeader) // changes the header
	Tail   []byte               // behind everything
}

// A PayloadPartition becomes operations of one chunk each. Chunks of zeros are
// of type ZERO, and data that do not shrink of type REPLACE, as in AOSP.
type PayloadPartition struct {
	Name    string
	Image   blob.Blob
	Chunk   int64    // bytes of an operation; 0: 2 MiB
	Methods []string // operation by operation, in turn: "xz", "bz", "zstd", "replace"; nil: "replace"
	Version string

	// Blocks of the hash tree and of the error correction are not written by
	// operations: the installer computes them. Image has them all the same.
	HashTreeData, HashTree PayloadExtent
	HashTreeAlgorithm      string
	HashTreeSalt           []byte
	FECData, FEC           PayloadExtent
	FECRoots               uint64

	Op    func(i int, op *PayloadOp)         // changes operation i
	Info  func(size *uint64, sha256 *[]byte) // changes new_partition_info
	Extra Proto                              // behind the partition's own fields
}

// A PayloadExtent is a run of blocks.
type PayloadExtent struct{ Start, Blocks uint64 }

// A PayloadOp is an operation. Its data are at Offset behind the signature of
// the metadata; Length 0 means that there are none.
type PayloadOp struct {
	Type              uint64
	Offset, Length    uint64
	Src, Dst          []PayloadExtent
	DataHash, SrcHash []byte
	Extra             Proto
}

// A PayloadHeader is what a payload begins with.
type PayloadHeader struct {
	Magic         string // CrAU
	Version       uint64
	ManifestSize  uint64
	SignatureSize uint32 // of the metadata
}

// PayloadProperties are what payload_properties.txt says. Sizes are in bytes.
type PayloadProperties struct {
	FileHash, MetadataHash []byte // SHA-256
	FileSize, MetadataSize int64  // the metadata are header and manifest, without signature
	Lines                  []string
}

// Text is payload_properties.txt.
func (p *PayloadProperties) Text() string {
	b64 := base64.StdEncoding.EncodeToString
	s := fmt.Sprintf("FILE_HASH=%s\nFILE_SIZE=%d\nMETADATA_HASH=%s\nMETADATA_SIZE=%d\n", b64(p.FileHash), p.FileSize, b64(p.MetadataHash), p.MetadataSize)
	for _, l := range p.Lines {
		s += l + "\n"
	}
	return s
}

// PayloadSignatures is the Signatures message that Payload.Sign gives. Each
// signature is padded with zeros to size, and says how many bytes count.
func PayloadSignatures(size int, signatures ...[]byte) []byte {
	var p Proto
	for _, s := range signatures {
		padded := append(append([]byte(nil), s...), make([]byte, size-len(s))...)
		p = p.Bytes(1, Proto(nil).Bytes(2, padded).Fixed32(3, uint32(len(s))))
	}
	return p
}

// Write writes the payload. Data of operations wait in a temporary file, since
// the manifest stands before them; of an image only a few chunks are in memory.
func (p *Payload) Write(w io.Writer) (PayloadProperties, error) {
	b, err := p.build()
	if err != nil {
		return PayloadProperties{}, err
	}
	defer b.close()
	return b.properties, b.writeTo(w)
}

// A builtPayload is a payload whose data lie in a temporary file.
type builtPayload struct {
	head       []byte // header, manifest, signature of the metadata
	metadata   int    // bytes of head without the signature
	data       *os.File
	dataSize   int64
	tail       []byte // signature of the payload, and Payload.Tail
	ops        []builtOp
	properties PayloadProperties
}

// A builtOp says where in the payload's data an operation's are, and what they become.
type builtOp struct {
	method                 string
	offset, stored, output int64
}

func (b *builtPayload) size() int64 { return int64(len(b.head)) + b.dataSize + int64(len(b.tail)) }

func (b *builtPayload) writeTo(w io.Writer) error {
	if _, err := w.Write(b.head); err != nil {
		return err
	}
	if _, err := io.Copy(w, io.NewSectionReader(b.data, 0, b.dataSize)); err != nil {
		return err
	}
	_, err := w.Write(b.tail)
	return err
}

func (b *builtPayload) close() {
	b.data.Close()
	os.Remove(b.data.Name())
}

func (p *Payload) build() (_ *builtPayload, err error) {
	f, err := os.CreateTemp(p.Temp, "otatest-payload-*")
	if err != nil {
		return nil, err
	}
	b := &builtPayload{data: f}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	var partitions Proto
	for i := range p.Partitions {
		m, err := b.partition(p, &p.Partitions[i])
		if err != nil {
			return nil, fmt.Errorf("partition %s: %w", p.Partitions[i].Name, err)
		}
		partitions = partitions.Bytes(13, m)
	}
	size := 0
	if p.Sign != nil {
		size = len(p.Sign(make([]byte, sha256.Size)))
	}
	b.addHead(p, p.manifest(partitions, b.dataSize, size), size)
	return b, b.seal(p, size)
}

// manifest is DeltaArchiveManifest.
func (p *Payload) manifest(partitions Proto, data int64, signature int) Proto {
	m := Proto(nil).Varint(3, uint64(p.blockSize()))
	if p.Sign != nil {
		m = m.Varint(4, uint64(data)).Varint(5, uint64(signature))
	}
	m = append(m.Varint(12, p.MinorVersion), partitions...)
	m = m.optional(14, p.MaxTimestamp).flag(16, p.Partial).text(18, p.SecurityPatchLevel)
	return append(m, p.Extra...)
}

func (b *builtPayload) addHead(p *Payload, manifest Proto, signature int) {
	h := PayloadHeader{"CrAU", 2, uint64(len(manifest)), uint32(signature)}
	if p.Header != nil {
		p.Header(&h)
	}
	b.head = binary.BigEndian.AppendUint64([]byte(h.Magic), h.Version)
	b.head = binary.BigEndian.AppendUint64(b.head, h.ManifestSize)
	b.head = binary.BigEndian.AppendUint32(b.head, h.SignatureSize)
	b.head = append(b.head, manifest...)
	b.metadata = len(b.head)
}

// seal adds the signatures and computes the properties. The payload's signature
// does not cover that of the metadata, nor itself; the hash of the file covers all.
func (b *builtPayload) seal(p *Payload, signature int) error {
	digest := sha256.Sum256(b.head)
	signed, file := sha256.New(), sha256.New()
	signed.Write(b.head)
	if p.Sign != nil {
		b.head = append(b.head, p.Sign(digest[:])...)
	}
	file.Write(b.head)
	if _, err := io.Copy(io.MultiWriter(signed, file), io.NewSectionReader(b.data, 0, b.dataSize)); err != nil {
		return err
	}
	if p.Sign != nil {
		b.tail = p.Sign(signed.Sum(nil))
	}
	if len(b.head) != b.metadata+signature || len(b.tail) != signature {
		return errors.New("signatures differ in size")
	}
	b.tail = append(b.tail, p.Tail...)
	file.Write(b.tail)
	b.properties = PayloadProperties{FileHash: file.Sum(nil), MetadataHash: digest[:], FileSize: b.size(), MetadataSize: int64(b.metadata)}
	return nil
}

func (p *Payload) blockSize() int64 {
	if p.BlockSize != 0 {
		return int64(p.BlockSize)
	}
	return 4096
}

// partition writes the data of a partition and gives its PartitionUpdate.
func (b *builtPayload) partition(p *Payload, part *PayloadPartition) (Proto, error) {
	sum := sha256.New()
	ops, err := b.operations(p, part, sum)
	if err != nil {
		return nil, err
	}
	size, digest := uint64(part.Image.Size()), sum.Sum(nil)
	if part.Info != nil {
		part.Info(&size, &digest)
	}
	m := Proto(nil).Text(1, part.Name).Bytes(7, Proto(nil).Varint(1, size).Bytes(2, digest))
	for i := range ops {
		if part.Op != nil {
			part.Op(i, &ops[i])
		}
		m = m.Bytes(8, ops[i].message())
	}
	m = m.extent(10, part.HashTreeData).extent(11, part.HashTree).text(12, part.HashTreeAlgorithm).text(13, string(part.HashTreeSalt))
	m = m.extent(14, part.FECData).extent(15, part.FEC).optional(16, part.FECRoots).text(17, part.Version)
	return append(m, part.Extra...), nil
}

// operations compresses in parallel and keeps the order.
func (b *builtPayload) operations(p *Payload, part *PayloadPartition, sum hash.Hash) (ops []PayloadOp, err error) {
	return ops, packAll(p, part, sum, func(c *chunk) error {
		op := PayloadOp{Type: opTypes[c.method], Dst: []PayloadExtent{c.blocks}}
		if c.method != "zero" {
			digest := sha256.Sum256(c.packed)
			op.Offset, op.Length, op.DataHash = uint64(b.dataSize), uint64(len(c.packed)), digest[:]
		}
		ops = append(ops, op)
		b.ops = append(b.ops, builtOp{c.method, b.dataSize, int64(len(c.packed)), int64(len(c.data))})
		n, err := b.data.Write(c.packed)
		b.dataSize += int64(n)
		return err
	})
}

// opTypes are InstallOperation.Type.
var opTypes = map[string]uint64{"replace": 0, "bz": 1, "zero": 6, "xz": 8, "zstd": 14}

func (op *PayloadOp) message() Proto {
	m := Proto(nil).Varint(1, op.Type)
	if op.Length > 0 {
		m = m.Varint(2, op.Offset).Varint(3, op.Length)
	}
	for _, e := range op.Src {
		m = m.extent(4, e)
	}
	for _, e := range op.Dst {
		m = m.extent(6, e)
	}
	return append(m.text(8, string(op.DataHash)).text(9, string(op.SrcHash)), op.Extra...)
}

// extent leaves out what has no blocks.
func (p Proto) extent(number int, e PayloadExtent) Proto {
	if e.Blocks == 0 {
		return p
	}
	return p.Bytes(number, Proto(nil).Varint(1, e.Start).Varint(2, e.Blocks))
}
