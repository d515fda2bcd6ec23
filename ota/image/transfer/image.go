package transfer

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A write is a run of blocks and where its bytes are.
type write struct {
	Range
	off  int64 // in the new data; -1 zeros, or nothing that is said
	seq  int   // the later write counts
	said bool  // the list says what the blocks hold
}

// writes lists what the commands leave, in their order.
func (l *List) writes() []write {
	var out []write
	var off int64
	for i := range l.Commands {
		c := &l.Commands[i]
		for _, r := range c.Target {
			switch c.Op {
			case OpNew:
				out = append(out, write{r, off, len(out), true})
				off += (r.End - r.First) * BlockSize
			case OpZero:
				out = append(out, write{r, -1, len(out), true})
			case OpErase, OpComputeHashTree:
				out = append(out, write{r, -1, len(out), false})
			}
		}
	}
	return out
}

// latest holds the writes that cover a place, the last of them first.
type latest []*write

func (h latest) Len() int           { return len(h) }
func (h latest) Less(i, j int) bool { return h[i].seq > h[j].seq }
func (h latest) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *latest) Push(x any)        { *h = append(*h, x.(*write)) }
func (h *latest) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// A run is a run of blocks and the write that counts there; nil: no command writes them.
type run struct {
	Range
	by *write
}

// runs lays the writes over each other, in n·log n however they overlap.
func (l *List) runs() []run {
	ws := l.writes()
	byStart := make([]*write, len(ws))
	edges := make([]int64, 0, 2*len(ws)+1)
	edges = append(edges, 0)
	for i := range ws {
		byStart[i] = &ws[i]
		edges = append(edges, ws[i].First, ws[i].End)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	slices.SortStableFunc(byStart, func(a, b *write) int { return cmp.Compare(a.First, b.First) })
	var out []run
	var over latest
	next := 0
	for i := 0; i+1 < len(edges); i++ {
		at := Range{edges[i], edges[i+1]}
		for ; next < len(byStart) && byStart[next].First == at.First; next++ {
			heap.Push(&over, byStart[next])
		}
		for len(over) > 0 && over[0].End <= at.First {
			heap.Pop(&over)
		}
		var by *write
		if len(over) > 0 {
			by = over[0]
		}
		if n := len(out); n > 0 && out[n-1].by == by && out[n-1].End == at.First {
			out[n-1].End = at.End
			continue
		}
		out = append(out, run{at, by})
	}
	return out
}

// Account says what becomes of the blocks of an image, each counted once.
type Account struct {
	New, Zero int64
	Unsaid    int64 // erased, or a hash tree that is computed on the device
	Untouched int64 // no command writes them
}

// Account counts blocks up to Size. It is meant for full updates: see Incremental.
func (l *List) Account() Account {
	var a Account
	for _, r := range l.runs() {
		n := r.End - r.First
		switch {
		case r.by == nil:
			a.Untouched += n
		case !r.by.said:
			a.Unsaid += n
		case r.by.off < 0:
			a.Zero += n
		default:
			a.New += n
		}
	}
	return a
}

// Image is the image that a full update writes, over its new data, which is decompressed. Blocks that are
// erased or that no command writes read as zeros. New data of another size than the commands take, and
// lists that are incremental, are errors.
func (l *List) Image(data blob.Blob) (blob.Blob, error) {
	if c := l.Incremental(); c != nil {
		return nil, &parse.Error{Format: "transfer list", Off: c.Offset, Msg: "it needs the image before it: " + c.Op, Kind: parse.ErrUnsupported}
	}
	if want := l.NewData(); data.Size() != want {
		return nil, &parse.Error{Format: "transfer list", Off: -1, Msg: "the new data has another size than the commands take", Got: data.Size(), Kind: parse.ErrFormat}
	}
	var ext []blob.Extent
	for _, r := range l.runs() {
		e := blob.Extent{Len: (r.End - r.First) * BlockSize, Hole: true}
		if r.by != nil && r.by.off >= 0 {
			e.Hole, e.Off = false, r.by.off+(r.First-r.by.First)*BlockSize
		}
		ext = append(ext, e)
	}
	return blob.Extents(data, ext)
}
