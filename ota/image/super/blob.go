package super

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Blob is the bytes of a partition, read where they lie. The devices are given
// in the order of Metadata.Devices; one that no extent of p lies on may be nil.
// A device that is shorter than an extent needs is an error, whose offset is
// that of the extent's record.
func (m *Metadata) Blob(p *Partition, devices ...blob.Blob) (blob.Blob, error) {
	// Devices are laid end to end, so that a partition on several is one list of runs.
	var (
		start = make([]int64, len(devices))
		all   line
	)
	for i, d := range devices {
		start[i] = all.size
		if d == nil {
			continue
		}
		if d.Size() > math.MaxInt64-all.size {
			return nil, fail(-1, parse.ErrLimit, "block devices are larger than can be counted", d.Size())
		}
		all.add(d)
	}
	runs := make([]blob.Extent, len(p.Extents))
	for i, e := range p.Extents {
		if e.Zero {
			runs[i] = blob.Extent{Len: e.Len, Hole: true}
			continue
		}
		if e.Device >= len(devices) || devices[e.Device] == nil {
			return nil, fail(e.at+20, parse.ErrFormat, "a block device is missing", m.Devices[e.Device].Name)
		}
		if e.Off+e.Len > devices[e.Device].Size() {
			return nil, fail(e.at+12, parse.ErrFormat, "an extent ends behind the image of its block device", uint64(e.Off/sector))
		}
		runs[i] = blob.Extent{Off: start[e.Device] + e.Off, Len: e.Len}
	}
	if len(all.blobs) == 1 {
		return blob.Extents(all.blobs[0], runs)
	}
	return blob.Extents(&all, runs)
}

// A line is blobs end to end.
type line struct {
	blobs []blob.Blob
	start []int64
	size  int64
}

func (l *line) add(b blob.Blob) {
	l.blobs, l.start = append(l.blobs, b), append(l.start, l.size)
	l.size += b.Size()
}

func (l *line) Size() int64 { return l.size }

// ReadAt reads from one blob: no extent reaches from one device into the next.
func (l *line) ReadAt(p []byte, off int64) (int, error) {
	i, found := slices.BinarySearch(l.start, off)
	if !found {
		i--
	}
	if i < 0 {
		return 0, io.EOF
	}
	// Of devices without bytes, which begin where the next does, none is meant.
	for i+1 < len(l.start) && l.start[i+1] <= off {
		i++
	}
	return l.blobs[i].ReadAt(p, off-l.start[i])
}

// check notes groups of s that hold more than they may.
func (m *Image) check(s *Metadata) {
	held := make(map[string]uint64, len(s.Groups))
	for i := range s.Partitions {
		p := &s.Partitions[i]
		if n := held[p.Group]; uint64(p.Size) <= math.MaxUint64-n {
			held[p.Group] = n + uint64(p.Size)
		}
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		if n := held[g.Name]; g.MaximumSize != 0 && n > g.MaximumSize {
			m.note("slot %d: the partitions of group %s take %d bytes, its maximum is %d", s.Slot, g.Name, n, g.MaximumSize)
		}
	}
}

// differences names the partitions that differ between two metadata, or a few of them.
func differences(a, b *Metadata) string {
	const most = 8
	var names []string
	old := make(map[string]bool, len(a.Partitions))
	now := make(map[string]*Partition, len(b.Partitions))
	for i := range b.Partitions {
		now[b.Partitions[i].Name] = &b.Partitions[i]
	}
	for i := range a.Partitions {
		p := &a.Partitions[i]
		old[p.Name] = true
		if q := now[p.Name]; q == nil {
			names = append(names, p.Name+" is gone")
		} else if !p.equal(q) {
			names = append(names, p.Name+" differs")
		}
	}
	for i := range b.Partitions {
		if name := b.Partitions[i].Name; !old[name] {
			names = append(names, name+" is new")
		}
	}
	switch {
	case len(names) == 0:
		return ", but not in its partitions"
	case len(names) > most:
		names = append(names[:most], "and more")
	}
	return fmt.Sprintf(": %s", strings.Join(names, ", "))
}

func (p *Partition) equal(q *Partition) bool {
	return p.Attributes == q.Attributes && p.Group == q.Group && p.Size == q.Size &&
		slices.EqualFunc(p.Extents, q.Extents, func(a, b Extent) bool {
			a.at, b.at = 0, 0
			return a == b
		})
}
