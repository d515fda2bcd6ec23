package ota

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/otavet/otavet/ota/image/transfer"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/wire"
)

const otaMetadata = "META-INF/com/android/metadata"

// maxTriples bounds what property files are compared, each with every member: updates have
// some twenty.
const maxTriples = 256

// fileSums compares where the metadata say that members lie with where they are. An updater that
// streams reads those bytes without looking at the zip.
func (p *Package) fileSums(ctx context.Context, _ *filePass) ([]Sum, error) {
	if len(p.Entries) == 0 {
		return nil, nil
	}
	text, err := p.text(ctx, otaMetadata)
	if err != nil {
		return unread(ctx, SumFiles, otaMetadata, err)
	}
	var sums []Sum
	for _, l := range lines(text, "=") {
		if !strings.HasSuffix(l.key, "property-files") {
			continue
		}
		for _, triple := range strings.Split(l.value, ",") {
			if triple = strings.TrimSpace(triple); triple == "" {
				continue
			}
			if len(sums) == maxTriples {
				return append(sums, Sum{Kind: SumFiles, Subject: otaMetadata, Member: otaMetadata, Line: l.n, Off: l.off, Err: &parse.Error{Format: "metadata",
					Off: l.off, Msg: "more property files than are compared", Got: maxTriples, Kind: parse.ErrLimit}}), nil
			}
			s := Sum{Kind: SumFiles, Subject: parse.EscapeText(l.key + " " + triple), Member: otaMetadata, Line: l.n, Off: l.off}
			s.Err = p.propertyFile(triple)
			sums = append(sums, s)
		}
	}
	return sums, nil
}

// payloadMetadata is the name that stands for header, manifest and metadata signature of payload.bin.
const payloadMetadata = "payload_metadata.bin"

// propertyFile compares one NAME:OFFSET:SIZE; names are those of members without their folders.
func (p *Package) propertyFile(triple string) error {
	part := strings.Split(triple, ":")
	if len(part) != 3 {
		return differ("%q is no NAME:OFFSET:SIZE", triple)
	}
	off, err1 := strconv.ParseInt(part[1], 10, 64)
	size, err2 := strconv.ParseInt(part[2], 10, 64)
	if err1 != nil || err2 != nil {
		return differ("%q is no NAME:OFFSET:SIZE", triple)
	}
	if part[0] == payloadMetadata {
		for _, pl := range p.Payloads {
			if pl.Member != payloadBin {
				continue
			}
			at, ok := p.payloadAt(pl)
			if !ok {
				return fmt.Errorf("%s is not stored as it is: %w", payloadBin, ErrUndecided)
			}
			if want := pl.Metadata.Len + pl.MetadataSignature.Len; off != at || size != want {
				return differ("%s, and the payload's metadata lie at %d and have %d bytes", triple, at, want)
			}
			return nil
		}
		return differ("%s, and there is no payload that can be read", triple)
	}
	var found bool
	var at, have int64
	for i := range p.Entries {
		e := &p.Entries[i]
		if e.Name != part[0] && path.Base(e.Name) != part[0] || e.Refused != "" {
			continue
		}
		if e.Data == off && e.Size == size {
			if e.Method != 0 {
				return differ("%s, and that member is compressed", triple)
			}
			return nil
		}
		if !found || e.Name == part[0] {
			found, at, have = true, e.Data, e.Size
		}
	}
	if !found {
		return differ("%s, and no member has that name", triple)
	}
	return differ("%s, and the member lies at %d and has %d bytes", triple, at, have)
}

// Fields of CareMap and CareMap.PartitionInfo, of care_map.proto (system/update_engine,
// bootable/recovery/update_verifier).
const (
	careMapPartitions   = 1
	careMapName         = 1
	careMapRanges       = 2
	careMapFingerprint  = 4
	maxCareMapPartition = 1024
)

// careMapSums compares the blocks that update_verifier reads after the first boot
// with the sizes of the partitions that the update writes.
func (p *Package) careMapSums(ctx context.Context, _ *filePass) ([]Sum, error) {
	const member, old = "care_map.pb", "care_map.txt"
	text, err := p.text(ctx, old)
	if err != nil {
		return unread(ctx, SumCareMap, old, err)
	}
	var sums []Sum
	// The text has lines in pairs: the partition, and its ranges.
	if rows := lines(text, "\n"); len(rows) > 0 {
		for i := 0; i+1 < len(rows); i += 2 {
			sums = append(sums, Sum{Kind: SumCareMap, Subject: parse.EscapeText(rows[i].key), Member: old, Line: rows[i+1].n, Off: rows[i+1].off,
				Err: p.careMap(path.Base(rows[i].key), rows[i+1].key)})
		}
	}
	data, err := p.text(ctx, member)
	if err != nil {
		return unread(ctx, SumCareMap, member, err)
	}
	if data == nil {
		return sums, nil
	}
	m := wire.Read("care_map", data, 0)
	for n := 0; ; n++ {
		f, ok := m.Next()
		if !ok || n == maxCareMapPartition {
			break
		}
		if f.Number != careMapPartitions || f.Type != wire.Bytes {
			continue
		}
		name, ranges := "", ""
		sub := m.Sub(f)
		for {
			g, ok := sub.Next()
			if !ok {
				break
			}
			switch {
			case g.Number == careMapName && g.Type == wire.Bytes:
				name = string(g.Data)
			case g.Number == careMapRanges && g.Type == wire.Bytes:
				ranges = string(g.Data)
			}
		}
		s := Sum{Kind: SumCareMap, Subject: parse.EscapeText(name), Member: member, Off: f.Off}
		if s.Err = sub.Err(); s.Err == nil {
			s.Err = p.careMap(name, ranges)
		}
		sums = append(sums, s)
	}
	if err := m.Err(); err != nil {
		return append(sums, Sum{Kind: SumCareMap, Subject: member, Member: member, Off: offsetOf(err), Err: err}), nil
	}
	return sums, nil
}

// careMap compares the ranges of one partition, which may be those of a device that
// has the partition by another name.
func (p *Package) careMap(name, ranges string) error {
	set, err := transfer.ParseRanges(ranges)
	if err != nil {
		return differ("the ranges of %s are none: %v", name, err)
	}
	q := p.partition(name)
	if q == nil {
		return fmt.Errorf("the update writes no partition %s: %w", parse.EscapeText(name), ErrMissing)
	}
	size, known := q.Size()
	if !known {
		return fmt.Errorf("the size of %s is not known: %w", q.Name, ErrUndecided)
	}
	for _, r := range set {
		if r.End > (size+transfer.BlockSize-1)/transfer.BlockSize {
			return differ("blocks up to %d of %s are to be read, and it has %d", r.End, name, size/transfer.BlockSize)
		}
	}
	return nil
}

// dynamicSums compares the sizes that logical partitions are given before blocks
// are written with the images that are written.
func (p *Package) dynamicSums(ctx context.Context, _ *filePass) ([]Sum, error) {
	const member = "dynamic_partitions_op_list"
	text, err := p.text(ctx, member)
	if err != nil {
		return unread(ctx, SumDynamic, member, err)
	}
	var sums []Sum
	for _, l := range lines(text, " ") {
		s := Sum{Kind: SumDynamic, Subject: parse.EscapeText(l.key + " " + l.value), Member: member, Line: l.n, Off: l.off}
		arg := strings.Fields(l.value)
		want := map[string]int{"resize": 2, "remove": 1, "add": 2, "move": 2, "add_group": 2, "resize_group": 2, "remove_group": 1, "remove_all_groups": 0}
		n, known := want[l.key]
		switch {
		case strings.HasPrefix(l.key, "#"):
			continue
		case !known:
			s.Err = &parse.Error{Format: "dynamic partitions", Off: l.off, Msg: "an operation that is not known", Got: l.key, Kind: parse.ErrUnsupported}
		case len(arg) != n:
			s.Err = differ("%s takes %d arguments", l.key, n)
		case l.key == "resize":
			s.Err = p.resized(arg[0], arg[1])
		default:
			continue // nothing in the package to hold it against
		}
		sums = append(sums, s)
	}
	return sums, nil
}

func (p *Package) resized(name, text string) error {
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 0 {
		return differ("%q is no size", text)
	}
	q := p.partition(name)
	if q == nil {
		return nil // it may be resized without being written
	}
	have, known := q.Size()
	if !known {
		return fmt.Errorf("the size of %s is not known: %w", q.Name, ErrUndecided)
	}
	if have > size {
		return differ("%s is made %d bytes large, and %d are written", name, size, have)
	}
	return nil
}
