package payload

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/parse"
)

// A segment is a run of blocks of a partition that one operation writes.
type segment struct {
	start, blocks uint64 // in the partition
	skip          uint64 // blocks that the operation has written before
	op            int32  // computed: none does
}

// computed stands for the installer, which writes hash tree and error correction.
const computed = -1

// check judges what the manifest says as a whole. It follows PayloadChecker in
// checker.py, and DeltaPerformer where that is stricter: see the package's
// comment for where it does not.
func (d *decoder) check() error {
	p := d.p
	if n := p.BlockSize; n&(n-1) != 0 || n < 512 || n > 64<<10 {
		return fail(d.at[3], parse.ErrFormat, "the size of a block is no power of two from 512 to 64 KiB", n)
	}
	full := p.Full()
	switch {
	case full && p.MinorVersion != minorFull:
		return fail(d.at[12], parse.ErrFormat, "a full payload is of a minor version other than 0", p.MinorVersion)
	case !full && !p.PartialUpdate && p.MinorVersion == minorFull:
		return fail(lenHeader, parse.ErrFormat, "a delta payload is of minor version 0", nil)
	case !full && p.MinorVersion < minorPartial:
		p.note("update_engine takes no partial or delta update of minor version %d", p.MinorVersion)
	}
	names := make(map[string]bool, len(p.Partitions))
	used := int64(0)
	for _, part := range p.Partitions {
		if names[part.Name] {
			return fail(part.Offset, parse.ErrFormat, "two partitions have one name", part.Name)
		}
		names[part.Name] = true
		if err := d.partitionSize(part); err != nil {
			return err
		}
		for i := range part.Operations {
			if err := d.data(part, i, &used); err != nil {
				return err
			}
			if err := d.op(part, i, full); err != nil {
				return err
			}
		}
		if err := d.cover(part, full); err != nil {
			return err
		}
		d.unhashed.note(part, "there is no hash of the data of")
		d.strange.note(part, "of an unknown type is")
		d.large.note(part, "no smaller than what it becomes is")
	}
	return d.end(used)
}

// A tally counts operations of a partition of which one note is enough.
type tally struct{ count, first int }

func (t *tally) add(i int) {
	if t.count == 0 {
		t.first = i
	}
	t.count++
}

// note notes what was counted, and begins anew.
func (t *tally) note(part *Partition, what string) {
	if t.count > 0 {
		more := ""
		if t.count > 1 {
			more = fmt.Sprintf(", and so for %d more", t.count-1)
		}
		part.p.note("%s operation %d of %s, %v%s", what, t.first, part.Name, part.Operations[t.first].Type, more)
	}
	*t = tally{}
}

func (d *decoder) partitionSize(part *Partition) error {
	if !part.New.Fields.Has(1) {
		return fail(part.Offset, parse.ErrFormat, "it is not said how large the new partition is", part.Name)
	}
	if part.New.Size%int64(d.p.BlockSize) != 0 {
		// The generator pads images: "Rounding UP partition" in brillo_update_payload.
		return fail(part.Offset, parse.ErrFormat, "the new partition ends within a block", part.New.Size)
	}
	if len(part.New.Hash) == 0 {
		d.p.note("there is no hash of the new partition %s", part.Name)
	}
	return d.charge(part.Offset, d.bud.Produce("payload", part.New.Size))
}

// opFail says in which operation something is wrong.
func opFail(part *Partition, i int, kind error, msg string, got any) error {
	op := &part.Operations[i]
	return fail(op.Offset, kind, fmt.Sprintf("operation %d of %s, %v: %s", i, part.Name, op.Type, msg), got)
}

// data judges where an operation's data are: update_engine reads the payload as
// a stream, and never goes on if they do not begin where the last ones ended.
func (d *decoder) data(part *Partition, i int, used *int64) error {
	op := &part.Operations[i]
	has := op.Fields.Has(2)
	switch {
	case has != op.Fields.Has(3):
		return opFail(part, i, parse.ErrFormat, "of data_offset and data_length it has one", nil)
	case len(op.DataHash) > 0 && !has:
		return opFail(part, i, parse.ErrFormat, "it has a hash and no data", nil)
	case !has:
		return nil
	case op.DataOffset != *used:
		return opFail(part, i, parse.ErrFormat, "its data do not begin where those of the operation before end", op.DataOffset)
	case op.DataLength > d.p.Data.Len-*used:
		return opFail(part, i, parse.ErrFormat, "its data run past the end of the file", op.DataLength)
	}
	*used += op.DataLength
	if len(op.DataHash) == 0 && op.DataLength > 0 {
		d.unhashed.add(i)
	}
	return nil
}

// op judges an operation by its type.
func (d *decoder) op(part *Partition, i int, full bool) error {
	op := &part.Operations[i]
	if len(op.Dst) == 0 && op.Type.Known() {
		return opFail(part, i, parse.ErrFormat, "it writes no blocks", nil)
	}
	size := uint64(d.p.BlockSize)
	blocks := uint64(part.New.Size) / size
	dst, err := d.total(part, i, op.Dst, blocks, full)
	if err != nil {
		return err
	}
	op.size = int64(dst * size)
	old := uint64(maxPartition) / size
	if part.Old != nil {
		old = (uint64(part.Old.Size) + size - 1) / size
	}
	src, err := d.total(part, i, op.Src, old, full)
	if err != nil {
		return err
	}
	data := uint64(op.DataLength)
	has := op.Fields.Has(2)
	switch {
	case op.Type.Source():
		switch {
		case full:
			return opFail(part, i, parse.ErrFormat, "it reads the older image in a full payload", nil)
		case src == 0:
			return opFail(part, i, parse.ErrFormat, "it reads no blocks", nil)
		case (op.Type == SourceCopy || op.Type == Move) && src != dst:
			return opFail(part, i, parse.ErrFormat, "it reads more blocks than it writes, or fewer", src)
		case (op.Type == SourceCopy || op.Type == Move) && has, op.Type != SourceCopy && op.Type != Move && !has:
			return opFail(part, i, parse.ErrFormat, "it has data and needs none, or the other way round", nil)
		}
	case !op.Type.Known():
		d.strange.add(i)
		return nil
	case src > 0:
		return opFail(part, i, parse.ErrFormat, "it has no use for the older image", nil)
	case op.Type == Zero || op.Type == Discard:
		if has {
			return opFail(part, i, parse.ErrFormat, "it has data and needs none, or the other way round", nil)
		}
		return nil
	case !has:
		return opFail(part, i, parse.ErrFormat, "it has data and needs none, or the other way round", nil)
	case op.Type == Replace:
		if data > dst*size || data <= (dst-1)*size {
			return opFail(part, i, parse.ErrFormat, "its data do not fill its blocks", data)
		}
		return nil
	}
	if has && data >= dst*size {
		d.large.add(i)
	}
	return nil
}

// total judges extents of one side of an operation against the number of blocks
// there, and adds them up: no more than a partition can have, so that the sum in
// bytes is a number.
func (d *decoder) total(part *Partition, i int, extents []Extent, blocks uint64, full bool) (n uint64, err error) {
	most := uint64(maxPartition) / uint64(d.p.BlockSize)
	for _, x := range extents {
		hole := x.Start == SparseHole && !full
		if !hole && (x.Start > blocks || x.Blocks > blocks-x.Start) {
			return 0, opFail(part, i, parse.ErrFormat, "an extent lies outside the partition", x.Start)
		}
		if x.Blocks > most-n {
			return 0, opFail(part, i, parse.ErrFormat, "its extents are larger than a partition can be", x.Blocks)
		}
		n += x.Blocks
	}
	return n, nil
}

// cover puts what the operations write in the order of the partition, and finds
// what is written twice or not at all.
func (d *decoder) cover(part *Partition, full bool) error {
	n := 2
	for i := range part.Operations {
		n += len(part.Operations[i].Dst)
	}
	segs := make([]segment, 0, n)
	blocks := uint64(part.New.Size) / uint64(d.p.BlockSize)
	for _, c := range []struct{ data, made Extent }{{part.HashTreeData, part.HashTree}, {part.FECData, part.FEC}} {
		x := c.made
		for _, x := range []Extent{c.data, x} {
			if x.Start > blocks || x.Blocks > blocks-x.Start {
				return fail(part.Offset, parse.ErrFormat, "the hash tree or error correction, or what they are of, lies outside the partition "+part.Name, x.Start)
			}
		}
		if x.Blocks > 0 {
			if x.Start < c.data.Start+c.data.Blocks { // InstallPlan::Partition::ParseVerityConfig
				return fail(part.Offset, parse.ErrFormat, "the hash tree or error correction does not lie behind what it is of in "+part.Name, x.Start)
			}
			segs = append(segs, segment{start: x.Start, blocks: x.Blocks, op: computed})
		}
	}
	unknown := false
	for i := range part.Operations {
		op := &part.Operations[i]
		unknown = unknown || !op.Type.Known()
		skip := uint64(0)
		for _, x := range op.Dst {
			if x.Start != SparseHole {
				segs = append(segs, segment{start: x.Start, blocks: x.Blocks, skip: skip, op: int32(i)})
			}
			skip += x.Blocks
		}
	}
	slices.SortFunc(segs, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.op, b.op), cmp.Compare(a.skip, b.skip))
	})
	end, gap := uint64(0), uint64(0)
	gaps := uint64(0)
	for _, s := range segs {
		switch {
		case s.start > end:
			if gaps == 0 {
				gap = end
			}
			gaps += s.start - end
		case s.start < end && d.p.MinorVersion != minorInPlace:
			if s.op == computed {
				return fail(part.Offset, parse.ErrFormat, "the hash tree or error correction is written over other blocks of "+part.Name, s.start)
			}
			return opFail(part, int(s.op), parse.ErrFormat, "it writes blocks that something else writes too", s.start)
		}
		end = max(end, s.start+s.blocks)
	}
	if end < blocks {
		if gaps == 0 {
			gap = end
		}
		gaps += blocks - end
	}
	if gaps > 0 && full && !unknown {
		return fail(part.Offset, parse.ErrFormat, "no operation writes all blocks of "+part.Name+"; the first that is left out", gap)
	}
	part.segments = segs
	part.whole = gaps == 0 && d.p.MinorVersion != minorInPlace
	return nil
}

// end judges the signature, which must come last, and that nothing follows.
func (d *decoder) end(used int64) error {
	p := d.p
	if p.Manifest.Fields.Has(4) != p.Manifest.Fields.Has(5) {
		return fail(max(d.at[4], d.at[5]), parse.ErrFormat, "of signatures_offset and signatures_size there is one", nil)
	}
	if p.Manifest.Fields.Has(4) {
		left := uint64(p.Data.Len - used)
		switch {
		case d.signatures != uint64(used):
			return fail(d.at[4], parse.ErrFormat, "the payload signature does not begin where the operations' data end", d.signatures)
		case d.signaturesSize > left:
			return fail(d.at[5], parse.ErrFormat, "the payload signature runs past the end of the file", d.signaturesSize)
		}
		p.PayloadSignature = Range{p.Data.Off + used, int64(d.signaturesSize)}
	}
	if end := p.Data.Off + used + p.PayloadSignature.Len; end != p.Data.Off+p.Data.Len {
		return fail(end, parse.ErrFormat, "bytes follow that belong to nothing", p.Data.Off+p.Data.Len-end)
	}
	p.Data.Len = used
	return nil
}
