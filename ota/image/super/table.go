package super

import (
	"cmp"
	"math"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// readMetadata reads one copy of the metadata, as ParseMetadata does, and holds
// it against itself.
func readMetadata(b blob.Blob, at int64, g *Geometry) (*Metadata, error) {
	m, header, data, err := readHeader(b, at, g)
	if err != nil {
		return nil, err
	}
	base := at + int64(len(header))
	c := parse.NewCursor("super", header, at)
	c.Skip(80)
	var (
		tables  [4]table
		cursors [4]*parse.Cursor
		counts  [4]int
	)
	for i, size := range [4]uint32{lenPartition, lenExtent, lenGroup, lenDevice} {
		t := readTable(c)
		if t.offset > uint32(len(data)) {
			return nil, fail(t.at, parse.ErrFormat, "a table begins behind all tables", t.offset)
		}
		if t.len != size {
			return nil, fail(t.at+8, parse.ErrFormat, "entries of a table are not as long as they must be", t.len)
		}
		d := parse.NewCursor("super", data[t.offset:], base+int64(t.offset))
		// Every entry has bytes of its own within the 512 KiB of the tables.
		counts[i] = d.Count(uint64(t.num), int64(size), maxMetadata/int64(size))
		if err := d.Err(); err != nil {
			return nil, err
		}
		tables[i], cursors[i] = t, d
	}
	if m.Devices, err = readDevices(cursors[3], counts[3], tables[3], g); err != nil {
		return nil, err
	}
	m.Groups = make([]Group, counts[2])
	for i := range m.Groups {
		m.Groups[i].read(cursors[2])
	}
	extents := make([]Extent, counts[1])
	for i := range extents {
		if err := extents[i].open(cursors[1], m.Devices); err != nil {
			return nil, err
		}
	}
	if err := m.readPartitions(cursors[0], counts[0], extents); err != nil {
		return nil, err
	}
	return m, m.overlaps()
}

func readDevices(c *parse.Cursor, n int, t table, g *Geometry) ([]Device, error) {
	if n == 0 {
		return nil, fail(t.at+4, parse.ErrFormat, "no block device", nil)
	}
	list := make([]Device, n)
	for i := range list {
		d := &list[i]
		d.read(c)
		switch {
		case d.Name == "":
			return nil, fail(d.at+24, parse.ErrFormat, "a block device without a name", nil)
		case d.Size > math.MaxInt64:
			return nil, fail(d.at+16, parse.ErrFormat, "a block device is larger than any can be", d.Size)
		case d.FirstLogicalSector >= d.Size/sector:
			return nil, fail(d.at, parse.ErrFormat, "a block device has no room behind its first logical sector", d.FirstLogicalSector)
		case i == 0 && uint64(g.end()) > d.FirstLogicalSector*sector:
			return nil, fail(d.at, parse.ErrFormat, "partitions may lie where the metadata is", d.FirstLogicalSector)
		}
	}
	return list, nil
}

func (e *Extent) open(c *parse.Cursor, devices []Device) error {
	sectors, target, data, source := e.read(c)
	if sectors > math.MaxInt64/sector {
		return fail(e.at, parse.ErrFormat, "an extent is larger than any can be", sectors)
	}
	e.Len = int64(sectors) * sector
	switch target {
	case targetZero:
		e.Zero = true // data and source must be 0, and are not looked at
		return nil
	case targetLinear:
	default:
		return fail(e.at+8, parse.ErrUnsupported, "an unknown type of extent", target)
	}
	if uint64(source) >= uint64(len(devices)) {
		return fail(e.at+20, parse.ErrFormat, "an extent on a block device that is not there", source)
	}
	e.Device = int(source)
	d := &devices[e.Device]
	if data < d.FirstLogicalSector {
		return fail(e.at+12, parse.ErrFormat, "an extent begins before the first logical sector", data)
	}
	if end := d.Size / sector; data > end || sectors > end-data {
		return fail(e.at+12, parse.ErrFormat, "an extent ends behind its block device", data)
	}
	e.Off = int64(data) * sector
	return nil
}

func (m *Metadata) readPartitions(c *parse.Cursor, n int, extents []Extent) error {
	attrs := uint32(attrsOld)
	if m.Minor >= minorUpdated {
		attrs = attrsAll
	}
	m.Partitions = make([]Partition, n)
	names := make(map[string]bool, n)
	owned := 0
	for i := range m.Partitions {
		var r record
		r.read(c)
		switch {
		case r.Name == "":
			return fail(r.at, parse.ErrFormat, "a partition without a name", nil)
		case names[r.Name]:
			return fail(r.at, parse.ErrFormat, "two partitions of one name", r.Name)
		case r.Attributes&^attrs != 0:
			return fail(r.at+36, parse.ErrUnsupported, "attributes that this version does not have", r.Attributes)
		case uint64(r.first)+uint64(r.num) > uint64(len(extents)):
			return fail(r.at+40, parse.ErrFormat, "a partition has extents that are not there", r.first)
		case uint64(r.group) >= uint64(len(m.Groups)):
			return fail(r.at+48, parse.ErrFormat, "a partition is in a group that is not there", r.group)
		}
		names[r.Name] = true
		// Without this, thousands of partitions could each have all of thousands of extents.
		if owned += int(r.num); owned > len(extents) {
			return fail(r.at+44, parse.ErrFormat, "partitions share extents", r.num)
		}
		r.Group = m.Groups[r.group].Name
		r.Extents = extents[r.first : r.first+r.num : r.first+r.num]
		for j := range r.Extents {
			e := &r.Extents[j]
			if e.Len > math.MaxInt64-r.Size {
				return fail(e.at, parse.ErrFormat, "a partition is larger than any can be", uint64(e.Len))
			}
			r.Size += e.Len
		}
		m.Partitions[i] = r.Partition
	}
	return nil
}

// overlaps finds partitions that have bytes of a device in common.
func (m *Metadata) overlaps() error {
	var all []*Extent
	for i := range m.Partitions {
		for j := range m.Partitions[i].Extents {
			if e := &m.Partitions[i].Extents[j]; !e.Zero && e.Len > 0 {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Extent) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Off, b.Off), cmp.Compare(a.at, b.at))
	})
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; a.Device == b.Device && a.Off+a.Len > b.Off {
			return fail(b.at, parse.ErrFormat, "an extent overlaps another", uint64(b.Off/sector))
		}
	}
	return nil
}
