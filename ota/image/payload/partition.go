package payload

import (
	"math"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/wire"
)

func (d *decoder) partition(m wire.Message, part *Partition) error {
	operations, err := d.room(&m, 8, &d.operations, maxOperations, "operations")
	if err != nil {
		return err
	}
	merges, err := d.room(&m, 18, &d.merges, maxMerges, "merge operations")
	if err != nil {
		return err
	}
	extents := d.extents
	part.Operations, part.Merges = make([]Operation, 0, operations), make([]Merge, 0, merges)
	for {
		f, ok := d.next(&m, &partitionMessage, &part.Fields)
		if !ok {
			break
		}
		var err error
		switch f.Number {
		case 1:
			part.Name = parse.Escape(string(f.Data))
		case 2:
			part.RunPostinstall = f.Bool()
		case 3:
			part.PostinstallPath = string(f.Data)
		case 4:
			part.FilesystemType = string(f.Data)
		case 5:
			if len(part.NewSignatures) == maxSignatures/64 {
				return fail(f.Off, parse.ErrLimit, "more than 1024 signatures of a partition", nil)
			}
			var s Signature
			s, err = d.signature(m.Sub(f), f.Off)
			part.NewSignatures = append(part.NewSignatures, s)
		case 6:
			if part.Old == nil {
				part.Old = new(Info)
			}
			err = d.info(m.Sub(f), part.Old)
		case 7:
			err = d.info(m.Sub(f), &part.New)
		case 8:
			part.Operations = append(part.Operations, Operation{Offset: f.Off})
			err = d.operation(m.Sub(f), &part.Operations[len(part.Operations)-1])
		case 9:
			part.PostinstallOptional = f.Bool()
		case 10:
			err = d.extent(m.Sub(f), f, &part.HashTreeData)
		case 11:
			err = d.extent(m.Sub(f), f, &part.HashTree)
		case 12:
			part.HashTreeAlgorithm = string(f.Data)
		case 13:
			part.HashTreeSalt = f.Data
		case 14:
			err = d.extent(m.Sub(f), f, &part.FECData)
		case 15:
			err = d.extent(m.Sub(f), f, &part.FEC)
		case 16:
			part.FECRoots = f.Uint32()
		case 17:
			part.Version = string(f.Data)
		case 18:
			part.Merges = append(part.Merges, Merge{})
			err = d.merge(m.Sub(f), &part.Merges[len(part.Merges)-1])
		case 19:
			part.EstimateCowSize = f.Value
		case 20:
			part.EstimateOpCountMax = f.Value
		}
		if err != nil {
			return err
		}
	}
	if m.Err() == nil && part.Name == "" {
		return fail(part.Offset, parse.ErrFormat, "a partition has no name", nil)
	}
	if m.Err() != nil {
		return m.Err()
	}
	return d.charge(part.Offset, d.bud.Entry("payload", int64(d.extents-extents)))
}

func (d *decoder) info(m wire.Message, info *Info) error {
	for {
		f, ok := d.next(&m, &infoMessage, &info.Fields)
		if !ok {
			return m.Err()
		}
		switch f.Number {
		case 1:
			if f.Value > maxPartition {
				return fail(f.Off, parse.ErrLimit, "a partition is larger than 16 TiB", f.Value)
			}
			info.Size = int64(f.Value)
		case 2:
			info.Hash = f.Data
			d.hash(&m, f)
		}
	}
}

// hash judges the length of a SHA-256. An empty one is none, as for update_engine.
func (d *decoder) hash(m *wire.Message, f wire.Field) {
	if len(f.Data) != 0 && len(f.Data) != lenSHA256 {
		m.Fail(f, parse.ErrFormat, "a SHA-256 has not 32 bytes", len(f.Data))
	}
}

func (d *decoder) operation(m wire.Message, op *Operation) error {
	src, dst := count(m, 4), count(m, 6)
	if src+dst > maxExtents-d.extents {
		return fail(op.Offset, parse.ErrLimit, "more than 2^20 extents", src+dst)
	}
	d.extents += src + dst
	op.Src, op.Dst = d.cut(src), d.cut(dst)
	src, dst = 0, 0
	for {
		f, ok := d.next(&m, &operationMessage, &op.Fields)
		if !ok {
			break
		}
		switch f.Number {
		case 1:
			op.Type = OpType(f.Int32())
		case 2, 3:
			if f.Value > math.MaxInt64 {
				return fail(f.Off, parse.ErrFormat, "an operation's data lie outside the file", f.Value)
			}
			if f.Number == 2 {
				op.DataOffset = int64(f.Value)
			} else {
				op.DataLength = int64(f.Value)
			}
		case 4:
			if err := d.extent(m.Sub(f), f, &op.Src[src]); err != nil {
				return err
			}
			src++
		case 5:
			op.SrcLength = f.Value
		case 6:
			if err := d.extent(m.Sub(f), f, &op.Dst[dst]); err != nil {
				return err
			}
			dst++
		case 7:
			op.DstLength = f.Value
		case 8:
			op.DataHash = f.Data
			d.hash(&m, f)
		case 9:
			op.SrcHash = f.Data
			d.hash(&m, f)
		}
	}
	if m.Err() == nil && !op.Fields.Has(1) {
		return fail(op.Offset, parse.ErrFormat, "an operation has no type", nil)
	}
	return m.Err()
}

// cut gives n extents, of many at once where there are few.
func (d *decoder) cut(n int) []Extent {
	if n == 0 {
		return nil
	}
	if n > len(d.arena) {
		d.arena = make([]Extent, max(n, 256))
	}
	x := d.arena[:n:n]
	d.arena = d.arena[n:]
	return x
}

// extent reads one that is not empty and says both where it is and how large,
// as checker.py demands.
func (d *decoder) extent(m wire.Message, at wire.Field, x *Extent) error {
	var seen Fields
	for {
		f, ok := d.next(&m, &extentMessage, &seen)
		if !ok {
			break
		}
		if f.Number == 1 {
			x.Start = f.Value
		} else {
			x.Blocks = f.Value
		}
	}
	if m.Err() != nil {
		return m.Err()
	}
	if !seen.Has(1) || !seen.Has(2) || x.Blocks == 0 {
		return fail(at.Off, parse.ErrFormat, "an extent has no start, or no blocks", nil)
	}
	return nil
}

func (d *decoder) merge(m wire.Message, g *Merge) error {
	for {
		f, ok := d.next(&m, &mergeMessage, &g.Fields)
		if !ok {
			return m.Err()
		}
		var err error
		switch f.Number {
		case 1:
			g.Type = f.Int32()
		case 2:
			err = d.extent(m.Sub(f), f, &g.Src)
		case 3:
			err = d.extent(m.Sub(f), f, &g.Dst)
		case 4:
			g.SrcOffset = f.Uint32()
		}
		if err != nil {
			return err
		}
	}
}
