package blob

import (
	"io"
	"math"
	"slices"
	"sort"

	"github.com/otavet/otavet/ota/parse"
)

// An Extent is a run of n bytes of a Blob at Off, or of zeros if Hole is set.
type Extent struct {
	Off, Len int64
	Hole     bool
}

// Extents is the concatenation of runs of b: how payloads, logical partitions,
// sparse images and files of a filesystem are all made.
func Extents(b Blob, runs []Extent) (Blob, error) {
	x := &extents{b: b, runs: slices.Clone(runs), start: make([]int64, len(runs))}
	size := b.Size()
	for i, r := range runs {
		x.start[i] = x.size
		if r.Len < 0 || r.Len > math.MaxInt64-x.size || !r.Hole && (r.Off < 0 || r.Off > size || r.Len > size-r.Off) {
			return nil, &parse.Error{Format: "blob", Off: r.Off, Msg: "an extent lies outside its blob", Got: r.Len, Kind: parse.ErrFormat}
		}
		x.size += r.Len
	}
	return x, nil
}

type extents struct {
	b     Blob
	runs  []Extent
	start []int64 // where each run begins in the concatenation
	size  int64
}

func (x *extents) Size() int64 { return x.size }

func (x *extents) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegative
	}
	done := 0
	// The last run that starts at or before off; empty runs before it are skipped.
	i := sort.Search(len(x.start), func(i int) bool { return x.start[i] > off }) - 1
	for ; done < len(p) && i >= 0 && i < len(x.runs); i++ {
		r, skip := x.runs[i], off+int64(done)-x.start[i]
		if skip >= r.Len {
			continue
		}
		q := p[done:]
		if int64(len(q)) > r.Len-skip {
			q = q[:r.Len-skip]
		}
		if r.Hole {
			clear(q)
			done += len(q)
			continue
		}
		n, err := x.b.ReadAt(q, r.Off+skip)
		done += n
		if n < len(q) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return done, err
		}
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}
