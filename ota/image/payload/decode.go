package payload

import (
	"fmt"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/wire"
)

// A decoder turns the manifest into what this package shows of it. As
// libprotobuf does, the last of several values of one field counts, and several
// messages where there should be one are merged; both are noted, because other
// readers differ.
type decoder struct {
	p     *Payload
	bud   *parse.Budget
	kinds map[kind]int // where in p.unknown

	last     int // where the last one was
	lastKind kind

	operations, extents, merges, groups int

	arena []Extent // what the next operations' extents are cut from

	unhashed, strange, large tally // of the partition that is checked

	signatures, signaturesSize uint64
	at                         [19]int64 // where the manifest's fields are, by number
}

type kind struct {
	message string
	number  int32
	typ     wire.Type
}

// next gives the next field that desc knows.
func (d *decoder) next(m *wire.Message, desc *message, seen *Fields) (wire.Field, bool) {
	for {
		f, ok := m.Next()
		if !ok {
			return f, false
		}
		if int(f.Number) < len(desc.fields) {
			if known := &desc.fields[f.Number]; known.name != "" && known.typ == f.Type {
				// A manifest can have millions of these: arguments cost memory too.
				if !known.many && seen.Has(int(f.Number)) && !d.p.full() {
					d.p.note("%s has a second %s at byte %#x", desc.name, known.name, f.Off)
				}
				seen.add(f.Number)
				return f, true
			}
		}
		d.keep(m, desc, f)
	}
}

// keep counts a field that is not known. A known number with another type of
// encoding is not known to libprotobuf either.
func (d *decoder) keep(m *wire.Message, desc *message, f wire.Field) {
	k := kind{desc.name, f.Number, f.Type}
	i, ok := d.last, k == d.lastKind // what is unknown comes often, or not at all
	if !ok {
		i, ok = d.kinds[k]
	}
	if !ok {
		if i = len(d.p.unknown); i == maxUnknown {
			m.Fail(f, parse.ErrLimit, "more than 1024 kinds of unknown fields", f.Number)
			return
		}
		if d.kinds == nil {
			d.kinds = make(map[kind]int)
		}
		d.kinds[k] = i
		d.p.unknown = append(d.p.unknown, Unknown{Message: desc.name, Number: f.Number, Type: f.Type, Off: f.Off})
	}
	d.last, d.lastKind = i, k
	u := &d.p.unknown[i]
	u.Count++
	u.Bytes += int64(f.Size)
}

// count gives the number of fields of m with that number, before any of them
// becomes memory. What is wrong with m is found when it is read.
func count(m wire.Message, number int32) (n int) {
	for {
		f, ok := m.Next()
		if !ok {
			return n
		}
		if f.Number == number && f.Type == wire.Bytes {
			n++
		}
	}
}

// room counts the messages of a repeated field that m holds, and charges them.
func (d *decoder) room(m *wire.Message, number int32, have *int, most int, what string) (int, error) {
	n := count(*m, number)
	if n > most-*have {
		return 0, fail(m.Offset(), parse.ErrLimit, fmt.Sprintf("more than %d %s", most, what), n)
	}
	*have += n
	return n, d.charge(m.Offset(), d.bud.Entry("payload", int64(n)))
}

// charge gives an error of the budget its place.
func (d *decoder) charge(off int64, err error) error {
	if pe, ok := err.(*parse.Error); ok {
		return fail(off, pe.Kind, pe.Msg, pe.Got)
	}
	return err
}

func (d *decoder) manifest(b []byte) error {
	p := d.p
	m := wire.Read("payload", b, lenHeader)
	n, err := d.room(&m, 13, new(int), maxPartitions, "partitions")
	if err != nil {
		return err
	}
	p.Partitions = make([]*Partition, 0, n)
	if n, err = d.room(&m, 17, new(int), maxApexes, "compressed APEXes"); err != nil {
		return err
	}
	p.Apexes = make([]Apex, 0, n)
	for {
		f, ok := d.next(&m, &manifestMessage, &p.Manifest.Fields)
		if !ok {
			return m.Err()
		}
		d.at[f.Number] = f.Off
		switch f.Number {
		case 3:
			p.BlockSize = f.Uint32()
		case 4:
			d.signatures = f.Value
		case 5:
			d.signaturesSize = f.Value
		case 12:
			p.MinorVersion = f.Uint32()
		case 13:
			part := &Partition{p: p, Offset: f.Off, FECRoots: defaultFECRoots}
			if err := d.partition(m.Sub(f), part); err != nil {
				return err
			}
			p.Partitions = append(p.Partitions, part)
		case 14:
			p.MaxTimestamp = f.Int64()
		case 15:
			if p.Dynamic == nil {
				p.Dynamic = new(Dynamic)
			}
			if err := d.dynamic(m.Sub(f), p.Dynamic); err != nil {
				return err
			}
		case 16:
			p.PartialUpdate = f.Bool()
		case 17:
			var a Apex
			if err := d.apex(m.Sub(f), &a); err != nil {
				return err
			}
			p.Apexes = append(p.Apexes, a)
		case 18:
			p.SecurityPatchLevel = string(f.Data)
		}
	}
}

func (d *decoder) dynamic(m wire.Message, y *Dynamic) error {
	n, err := d.room(&m, 1, &d.groups, maxGroups, "groups and names in them")
	if err != nil {
		return err
	}
	if y.Groups == nil {
		y.Groups = make([]Group, 0, n)
	}
	for {
		f, ok := d.next(&m, &dynamicMessage, &y.Fields)
		if !ok {
			return m.Err()
		}
		var err error
		switch f.Number {
		case 1:
			var g Group
			err = d.group(m.Sub(f), f, &g)
			y.Groups = append(y.Groups, g)
		case 2:
			y.SnapshotEnabled = f.Bool()
		case 3:
			y.VABCEnabled = f.Bool()
		case 4:
			y.VABCCompressionParam = string(f.Data)
		case 5:
			y.CowVersion = f.Uint32()
		case 6:
			if y.VABCFeatures == nil {
				y.VABCFeatures = new(VABCFeatures)
			}
			err = d.vabc(m.Sub(f), y.VABCFeatures)
		case 7:
			y.CompressionFactor = f.Value
		}
		if err != nil {
			return err
		}
	}
}

func (d *decoder) vabc(m wire.Message, v *VABCFeatures) error {
	for {
		f, ok := d.next(&m, &vabcMessage, &v.Fields)
		if !ok {
			return m.Err()
		}
		if f.Number == 1 {
			v.Threaded = f.Bool()
		} else {
			v.BatchWrites = f.Bool()
		}
	}
}

func (d *decoder) group(m wire.Message, at wire.Field, g *Group) error {
	n, err := d.room(&m, 3, &d.groups, maxGroups, "groups and names in them")
	if err != nil {
		return err
	}
	g.Partitions = make([]string, 0, n)
	for {
		f, ok := d.next(&m, &groupMessage, &g.Fields)
		if !ok {
			break
		}
		switch f.Number {
		case 1:
			g.Name = parse.Escape(string(f.Data))
		case 2:
			g.Size = f.Value
		case 3:
			g.Partitions = append(g.Partitions, parse.Escape(string(f.Data)))
		}
	}
	if m.Err() == nil && !g.Fields.Has(1) {
		return fail(at.Off, parse.ErrFormat, "a group has no name", nil)
	}
	return m.Err()
}

func (d *decoder) apex(m wire.Message, a *Apex) error {
	for {
		f, ok := d.next(&m, &apexMessage, &a.Fields)
		if !ok {
			return m.Err()
		}
		switch f.Number {
		case 1:
			a.Package = string(f.Data)
		case 2:
			a.Version = f.Int64()
		case 3:
			a.Compressed = f.Bool()
		case 4:
			a.DecompressedSize = f.Int64()
		}
	}
}
