package super

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxMetadata bounds one copy of the metadata: devices reserve 64 KiB, and
	// 512 KiB is what other readers of it allow.
	maxMetadata = 512 << 10

	// maxSlots bounds the slots. Android names two, _a and _b; devices with
	// snapshots reserve a third.
	maxSlots = 16

	// maxNotes is how many notes are kept: a slot that differs in more partitions
	// differs.
	maxNotes = 64
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "super", Off: off, Msg: msg, Got: got, Kind: kind}
}

// An Image is the metadata of a super image. It does not change; any number of
// goroutines may use it.
type Image struct {
	Geometry Geometry

	// Empty says that this is a super_empty.img: geometry and one copy of the
	// metadata, without a block device around them. Slots then has that one.
	Empty bool

	// Slots has the metadata of each slot; nil where neither copy can be read. One
	// at least can.
	Slots []*Metadata

	// Notes say what is odd: which backup had to be taken and why, what differs
	// between copies and between slots, groups that hold more than they may.
	// Slots of a device that has been updated differ by right.
	Notes []string
}

// Metadata says what a slot's logical partitions are.
type Metadata struct {
	Slot       int
	Backup     bool   // the primary copy cannot be read
	Minor      uint16 // minor_version: 0 to 2
	Flags      uint32 // header flags, of 10.2: FlagVirtualAB and others that are for information only
	Partitions []Partition
	Groups     []Group
	Devices    []Device // the first holds the metadata

	at  int64 // where its copy begins
	sum [lenChecksum]byte
}

// A Partition is a logical partition.
type Partition struct {
	// Name is as stored, spelled with parse.Escape. Where Attributes has
	// AttrSlotSuffixed, a device adds the slot's suffix: see Suffix.
	Name       string
	Attributes uint32
	Group      string
	Size       int64 // in bytes: that of its extents
	Extents    []Extent

	at int64
}

// An Extent is a run of a partition, on a block device or of zeros.
type Extent struct {
	Len    int64 // in bytes
	Zero   bool
	Device int   // index of Metadata.Devices
	Off    int64 // in bytes, on that device

	at int64
}

// A Group is a group of partitions that share a limit.
type Group struct {
	Name        string
	Flags       uint32
	MaximumSize uint64 // in bytes; 0: none

	at int64
}

// A Device is a block device that extents lie on.
type Device struct {
	Name               string
	Flags              uint32
	Size               uint64 // in bytes
	FirstLogicalSector uint64 // the first that a partition may use
	Alignment          uint32 // in bytes
	AlignmentOffset    uint32 // in bytes

	at int64
}

// Suffix is what a device adds to names that are stored without, when it reads
// the metadata of a slot: _a for 0, _b for 1, nothing for others, which no device boots from.
func Suffix(slot int) string {
	if slot == 0 || slot == 1 {
		return [2]string{"_a", "_b"}[slot]
	}
	return ""
}

// Partition is the partition of that name as stored; nil if there is none.
func (m *Metadata) Partition(name string) *Partition {
	for i := range m.Partitions {
		if m.Partitions[i].Name == name {
			return &m.Partitions[i]
		}
	}
	return nil
}

// Metadata is that of the first slot that can be read.
func (m *Image) Metadata() *Metadata {
	for _, s := range m.Slots {
		if s != nil {
			return s
		}
	}
	return nil
}

func (m *Image) note(format string, args ...any) {
	if len(m.Notes) < maxNotes {
		m.Notes = append(m.Notes, fmt.Sprintf(format, args...))
	}
}

// Open reads the metadata of all slots of b, which is the block device that
// holds it (the only one, but on devices that were given logical partitions by
// an update), or a super_empty.img. Partitions, extents, groups and devices are
// charged to bud as entries.
//
// As in liblp the backup of the geometry serves where the primary one does not,
// and the backup of a slot's metadata likewise; a note says so. That no slot
// can be read is an error: the one of the first slot's primary copy.
//
// Errors are *parse.Error, whose offset counts in b, or errors of reading b.
// Unsupported are other major versions, minor versions above 2, unknown
// attributes of partitions and unknown types of extents; limits are 512 KiB of
// metadata and 16 slots. Beyond what liblp checks, names must not be empty and
// those of partitions must differ, and extents must lie within their device as
// the metadata states it, behind its first logical sector, and not overlap.
// A group that holds more than its maximum is a note, as no reader looks at it.
func Open(b blob.Blob, bud *parse.Budget) (*Image, error) {
	m := &Image{}
	if g, found, err := readGeometry(b, 0); found {
		if err != nil {
			return nil, err
		}
		return m.opened(m.openEmpty(b, *g, bud))
	}
	first, _, err := readGeometry(b, reserved)
	second, _, err2 := readGeometry(b, reserved+geometrySize)
	switch {
	case err == nil:
		m.Geometry = *first
		if err2 != nil {
			m.note("the backup of the geometry cannot be read: %v", err2)
		} else if *second != *first {
			m.note("the backup of the geometry differs")
		}
	case !isParse(err):
		return nil, err
	case err2 == nil:
		m.Geometry = *second
		m.note("the geometry is that of the backup: %v", err)
	default:
		return nil, err
	}
	return m.opened(m.openSlots(b, bud))
}

func (m *Image) opened(err error) (*Image, error) {
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Image) openEmpty(b blob.Blob, g Geometry, bud *parse.Budget) error {
	m.Empty, m.Geometry = true, g
	s, err := readMetadata(b, geometrySize, &g)
	if err != nil {
		return err
	}
	m.Slots = []*Metadata{s}
	m.check(s)
	return s.charge(bud)
}

func (m *Image) openSlots(b blob.Blob, bud *parse.Budget) error {
	m.Slots = make([]*Metadata, m.Geometry.SlotCount)
	var whole error
	for i := range m.Slots {
		s, err := readMetadata(b, m.Geometry.primary(i), &m.Geometry)
		backup, err2 := readMetadata(b, m.Geometry.backup(i), &m.Geometry)
		for _, err := range []error{err, err2} {
			if err != nil && !isParse(err) {
				return err
			}
		}
		switch {
		case err == nil && err2 != nil:
			m.note("slot %d: the backup cannot be read: %v", i, err2)
		case err == nil && s.sum != backup.sum:
			m.note("slot %d: the backup differs from the primary copy%s", i, differences(s, backup))
		case err != nil && err2 == nil:
			s = backup
			s.Backup = true
			m.note("slot %d: the metadata is that of the backup: %v", i, err)
		case err != nil:
			m.note("slot %d: neither copy of the metadata can be read: %v", i, err)
			if whole == nil {
				whole = err
			}
			continue
		}
		s.Slot = i
		if err := s.charge(bud); err != nil {
			return err
		}
		m.Slots[i] = s
	}
	one := m.Metadata()
	if one == nil {
		return whole
	}
	m.check(one)
	for _, s := range m.Slots {
		if s != nil && s != one && s.sum != one.sum {
			m.note("slot %d differs from slot %d%s", s.Slot, one.Slot, differences(one, s))
			m.check(s)
		}
	}
	if size := one.Devices[0].Size; uint64(b.Size()) < size {
		m.note("the image has %d bytes, its metadata says %d", b.Size(), size)
	}
	return nil
}

func (m *Metadata) charge(bud *parse.Budget) error {
	n := len(m.Partitions) + len(m.Groups) + len(m.Devices)
	for i := range m.Partitions {
		n += len(m.Partitions[i].Extents)
	}
	return bud.Entry("super", int64(n))
}

func isParse(err error) bool {
	var pe *parse.Error
	return errors.As(err, &pe)
}

// readGeometry follows ParseGeometry. It also tells whether there is one, right or wrong.
func readGeometry(b blob.Blob, at int64) (g *Geometry, found bool, err error) {
	if b.Size()-at < geometrySize {
		return nil, false, fail(b.Size(), parse.ErrFormat, "the file ends before or within the geometry", nil)
	}
	buf, err := blob.ReadRange(b, at, lenGeometry)
	if err != nil {
		return nil, false, err
	}
	if m := binary.LittleEndian.Uint32(buf); m != magicGeometry {
		return nil, false, fail(at, parse.ErrFormat, "no magic of a super image's geometry", m)
	}
	g, err = parseGeometry(buf, at)
	return g, true, err
}

func parseGeometry(buf []byte, at int64) (*Geometry, error) {
	c := parse.NewCursor("super", buf, at)
	c.Skip(4)
	if n := c.U32LE(); n > lenGeometry {
		return nil, fail(at+4, parse.ErrUnsupported, "the geometry has fields that are not known", n)
	} else if n < lenGeometry {
		return nil, fail(at+4, parse.ErrFormat, "the geometry is too short", n)
	}
	sum := bytes.Clone(c.Bytes(lenChecksum))
	clear(buf[offGeometrySum:][:lenChecksum])
	if have := sha256.Sum256(buf); !bytes.Equal(have[:], sum) {
		return nil, fail(at+offGeometrySum, parse.ErrFormat, "the checksum of the geometry is wrong", nil)
	}
	g := &Geometry{MetadataMaxSize: c.U32LE(), SlotCount: c.U32LE(), LogicalBlockSize: c.U32LE()}
	switch {
	case g.SlotCount == 0:
		return nil, fail(at+44, parse.ErrFormat, "no slots", nil)
	case g.SlotCount > maxSlots:
		return nil, fail(at+44, parse.ErrLimit, "more than 16 slots", g.SlotCount)
	case g.MetadataMaxSize%sector != 0:
		return nil, fail(at+40, parse.ErrFormat, "the space for metadata is no multiple of a sector", g.MetadataMaxSize)
	case g.MetadataMaxSize > maxMetadata:
		return nil, fail(at+40, parse.ErrLimit, "more than 512 KiB of metadata", g.MetadataMaxSize)
	case g.LogicalBlockSize == 0 || g.LogicalBlockSize%sector != 0:
		return nil, fail(at+48, parse.ErrFormat, "the logical block size is no multiple of a sector", g.LogicalBlockSize)
	}
	return g, nil
}

// readHeader reads header and tables of one copy, and holds their checksums
// against them: ReadMetadataHeader. The rest of its bytes come from two reads.
func readHeader(b blob.Blob, at int64, g *Geometry) (m *Metadata, header, tables []byte, err error) {
	read := func(off, n int64) ([]byte, error) {
		if left := b.Size() - off; left < n {
			return nil, fail(b.Size(), parse.ErrFormat, "the file ends within the metadata", nil)
		}
		return blob.ReadRange(b, off, n)
	}
	if header, err = read(at, lenHeader); err != nil {
		return nil, nil, nil, err
	}
	if m := binary.LittleEndian.Uint32(header); m != magicHeader {
		return nil, nil, nil, fail(at, parse.ErrFormat, "no magic of metadata", m)
	}
	c := parse.NewCursor("super", header, at)
	c.Skip(4)
	m = &Metadata{at: at}
	if v := c.U16LE(); v != major {
		return nil, nil, nil, fail(at+4, parse.ErrUnsupported, "major version", v)
	}
	if m.Minor = c.U16LE(); m.Minor > minorMost {
		return nil, nil, nil, fail(at+6, parse.ErrUnsupported, "minor version", m.Minor)
	}
	want := uint32(lenHeader)
	if m.Minor >= minorExpanded {
		want = lenHeaderExpanded
	}
	if n := c.U32LE(); n != want {
		return nil, nil, nil, fail(at+8, parse.ErrFormat, "the header is not as long as its version has it", n)
	}
	if header, err = read(at, int64(want)); err != nil {
		return nil, nil, nil, err
	}
	copy(m.sum[:], header[offHeaderSum:])
	summed := bytes.Clone(header)
	clear(summed[offHeaderSum:][:lenChecksum])
	if sha256.Sum256(summed) != m.sum {
		return nil, nil, nil, fail(at+offHeaderSum, parse.ErrFormat, "the checksum of the header is wrong", nil)
	}
	if m.Minor >= minorExpanded {
		m.Flags = binary.LittleEndian.Uint32(header[lenHeader:])
	}
	size := binary.LittleEndian.Uint32(header[44:])
	if size > g.MetadataMaxSize {
		return nil, nil, nil, fail(at+44, parse.ErrFormat, "the tables are larger than the space for metadata", size)
	}
	if tables, err = read(at+int64(want), int64(size)); err != nil {
		return nil, nil, nil, err
	}
	if have := sha256.Sum256(tables); !bytes.Equal(have[:], header[48:80]) {
		return nil, nil, nil, fail(at+48, parse.ErrFormat, "the checksum of the tables is wrong", nil)
	}
	return m, header, tables, nil
}
