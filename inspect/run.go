package inspect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Run finds the wanted kinds of facts, and those that they need; nil means all
// but files. Nothing else runs. An error of one file or analysis becomes a gap
// in the facts; Run itself fails only when ctx ends, when the update's own file
// cannot be read, or with *ErrInternal.
func Run(ctx context.Context, p *ota.Package, s Suite, want []fact.Kind, o Options) (*fact.Facts, error) {
	if want == nil {
		want = slices.DeleteFunc(s.Kinds(), func(k fact.Kind) bool { return k == fact.KindFiles })
	}
	want = s.close(want)
	analyses, err := s.order(want)
	if err != nil {
		return nil, err
	}
	r := &run{p: p, o: o, want: want}
	for _, x := range s.Extractors {
		if intersects(x.Emits, want) {
			r.extractors = append(r.extractors, x)
		}
	}
	facts := &fact.Facts{Schema: fact.Schema, Tool: o.Version, Kinds: []fact.Kind{fact.KindGaps}}
	for _, k := range s.Kinds() {
		if slices.Contains(want, k) {
			facts.Kinds = append(facts.Kinds, k)
		}
	}
	if err := r.materialise(ctx); err != nil {
		return nil, err
	}
	digest := digestOnce(p, r.made, o.Progress)
	own, err := r.own(ctx)
	if err != nil {
		return nil, err
	}
	facts.Merge(own)
	found, err := r.files(ctx)
	if err != nil {
		return nil, err
	}
	facts.Merge(found)
	facts.Sort()
	for _, a := range analyses {
		pass := &Pass{Package: p, Facts: facts, Source: o.Source, Jobs: max(o.Jobs, 1), Progress: o.Progress, digest: digest,
			Detached: o.Detached, Keys: o.Keys, SDK: o.SDK}
		if r.made != nil {
			pass.Sums = r.made.Sums
		}
		got, err := guarded(a.Name, func() (fact.Facts, error) { return a.Run(ctx, pass) })
		if fatal(ctx, err) {
			return nil, err
		}
		if err != nil {
			got.Gaps = append(got.Gaps, GapOf(fact.Location{}, fmt.Errorf("%s: %w", a.Name, err), a.Emits...))
		}
		facts.Merge(&got)
		facts.Sort()
	}
	if p.Budget().Exhausted() {
		return nil, &parse.Error{Format: "update", Off: -1, Kind: parse.ErrLimit,
			Msg: "its containers together unpack to more than is allowed for the whole"}
	}
	if err := r.stamp(ctx, facts, digest); err != nil {
		return nil, err
	}
	facts.Sort()
	return facts, nil
}

// stamp gives every place in the package's own file that file's hash, which is
// known only once it has been read to the end.
func (r *run) stamp(ctx context.Context, facts *fact.Facts, digest func(context.Context) (string, error)) error {
	sum, err := digest(ctx)
	if err != nil {
		return fmt.Errorf("reading the update: %w", err)
	}
	facts.Locations(func(l *fact.Location) {
		if l.Partition == "" && l.Path == "" && len(l.Inner) == 0 {
			l.SHA256 = sum
		}
	})
	return nil
}

// guarded turns a panic into *ErrInternal.
func guarded(name string, f func() (fact.Facts, error)) (got fact.Facts, err error) {
	err = caught(name, func() (err error) { got, err = f(); return err })
	return got, err
}

// fatal tells errors that end the run from those that become gaps.
func fatal(ctx context.Context, err error) bool {
	var internal *ErrInternal
	return err != nil && (ctx.Err() != nil || errors.As(err, &internal))
}

type run struct {
	p          *ota.Package
	o          Options
	want       []fact.Kind
	extractors []*Extractor
	made       *ota.Result // nil: nobody asks for what images hold
	done       atomic.Int64
	total      int64
}

// materialise makes the partitions' images and computes every hash there is, in
// one pass, if anything is wanted that follows from them.
func (r *run) materialise(ctx context.Context) (err error) {
	if !r.wants(fact.KindPartitions) && !r.wants(fact.KindSignatures) {
		return nil
	}
	_, err = guarded("materialise", func() (fact.Facts, error) {
		var err error
		r.made, err = ota.Materialise(ctx, r.p, ota.Pass{Jobs: r.o.Jobs, Progress: r.o.Progress})
		return fact.Facts{}, err
	})
	return err
}

func (r *run) wants(k fact.Kind) bool { return slices.Contains(r.want, k) }

func (r *run) progress(phase string, done, total int64, unit string) {
	if r.o.Progress != nil {
		r.o.Progress(ota.Event{Phase: phase, Done: done, Total: total, Unit: unit})
	}
}

// files looks at every file, several at a time. The results are joined in the
// order of the walk, so that the number of workers does not show.
func (r *run) files(ctx context.Context) (*fact.Facts, error) {
	if len(r.extractors) == 0 && !r.wants(fact.KindFiles) {
		return &fact.Facts{}, nil
	}
	visits, gaps := r.visits(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r.total = int64(len(visits))
	results := make([]*fact.Facts, len(visits)) // nil for the many files that say nothing
	errs := make([]error, len(visits))
	err := Each(ctx, r.o.Jobs, len(visits), func(i int) error {
		var found fact.Facts
		errs[i] = caught(visits[i].at.String(), func() error { return r.visit(ctx, visits[i], &found) })
		if fatal(ctx, errs[i]) {
			return errs[i]
		}
		found.Locations(func(*fact.Location) { results[i] = &found })
		r.progress("inspect", r.done.Add(1), r.total, "files")
		return nil
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	all := &fact.Facts{Gaps: gaps}
	for i := range results {
		if results[i] != nil {
			all.Merge(results[i])
		}
		if errs[i] != nil {
			all.Gaps = append(all.Gaps, fileGap(visits[i].at, errs[i], r.emits()))
		}
	}
	return all, nil
}

// emits lists what the extractors of this run make, files included.
func (r *run) emits() []fact.Kind {
	kinds := []fact.Kind{fact.KindFiles}
	for _, x := range r.extractors {
		kinds = append(kinds, x.Emits...)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Hash is the SHA-256 of b in hexadecimal. progress, if any, hears of the bytes
// that have been read.
func Hash(ctx context.Context, b blob.Blob, progress func(ota.Event)) (string, error) {
	h := sha256.New()
	// 1 MiB at a time: fewer calls, and cancellation is seen within a millisecond.
	buf := make([]byte, min(max(b.Size(), 1), 1<<20))
	var done int64
	rd := blob.Reader(blob.WithContext(ctx, b))
	for {
		n, err := rd.Read(buf)
		h.Write(buf[:n])
		done += int64(n)
		if progress != nil && n > 0 {
			progress(ota.Event{Phase: "hash", Done: done, Total: b.Size(), Unit: "bytes"})
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
	}
	if done != b.Size() {
		return "", io.ErrUnexpectedEOF
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
