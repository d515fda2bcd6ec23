package ota

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A Pass says what Materialise is to do. The zero value makes every partition, in
// one goroutine, and spools those that have to be decoded.
type Pass struct {
	Jobs     int                   // operations decoded at once; 0: one
	Only     func(*Partition) bool // nil: every partition
	Progress func(Event)

	// Create gives the file that a partition's image is to be written to; it is
	// zero, and of the size that is given. What Create gives is the caller's to close. Where Create is
	// nil, images that payloads write go to unnamed files in Options.Spool, from
	// which they are then read.
	Create func(q *Partition, size int64) (Output, error)

	// ImagesOnly leaves the package's own file unread, but for what the images are made of, and
	// compares nothing but the hashes of images.
	ImagesOnly bool

	// Sinks are fed runs of Package.File while it is read.
	Sinks []Sink
}

// An Output is a file that an image is written to, not in order, and read back from.
type Output interface {
	io.ReaderAt
	io.WriterAt
}

// A Sink takes the bytes First to End, exclusive, of the package's file, in order.
type Sink struct {
	First, End int64
	W          io.Writer
}

// A Made is what became of a partition.
type Made struct {
	Partition *Partition
	SHA256    string // of its image, in hexadecimal; "" where it could not be made
	Size      int64
	Err       error
}

// A Result is what Materialise found.
type Result struct {
	SHA256 string // of the package's file; "" for a folder
	Made   []Made // in the order of Package.Partitions, without trees and those that Only left out
	Sums   []Sum  // what the package says of its bytes, and whether it is so

	// Decoded are the bytes that decoders gave in this pass, Hashed those that went
	// into the hashes of images, Stored those into the hashes of operations.
	Decoded, Hashed, Stored int64
}

// Materialise makes the images of the package's partitions, each operation decoded
// once, and in the same pass computes their hashes and those of the package's
// own file, and compares what the package says of them. Images that payloads
// write are read from a spool from then on.
//
// An image that cannot be made has its error in the Result; Materialise fails only
// when ctx ends, when the package's own file cannot be read, or when there is no room
// for the spool. The Result does not depend on Jobs.
func Materialise(ctx context.Context, p *Package, o Pass) (*Result, error) {
	m := &maker{p: p, o: o, decoded: p.decoded.Load()}
	defer m.release()
	if err := m.plan(ctx); err != nil {
		return nil, err
	}
	if err := m.run(ctx); err != nil {
		return nil, err
	}
	return m.result(ctx)
}

// A maker is one pass.
type maker struct {
	p       *Package
	o       Pass
	jobs    []*job
	tasks   []func(context.Context) error // an error ends the pass
	file    *filePass
	decoded int64
	stored  atomic.Int64
	hashed  atomic.Int64
	bytes   atomic.Int64 // made so far
	total   int64
}

// plan lays out what is to be done. All that is charged to a budget is charged
// here, in the order of the partitions.
func (m *maker) plan(ctx context.Context) error {
	if m.p.File != nil && !m.o.ImagesOnly {
		m.file = newFilePass(m.p, m.o.Sinks)
		m.total += m.p.File.Size()
		m.tasks = append(m.tasks, m.readFile)
	}
	var spool int64
	for _, q := range m.p.Partitions {
		if q.tree != nil || m.o.Only != nil && !m.o.Only(q) {
			continue
		}
		j := newJob(m, q)
		m.jobs = append(m.jobs, j)
		if q.Image == nil {
			j.fail(0, q.err)
			continue
		}
		if q.payload == nil {
			size, known := q.Size()
			if !known {
				size = wholeSize(ctx, q.Image)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if j.size = size; j.charge() {
				m.tasks = append(m.tasks, j.copy)
				m.total += size
			}
			continue
		}
		j.size = q.payload.New.Size
		m.total += j.size
		if m.o.Create == nil {
			spool += j.spooled()
		}
	}
	if err := enoughRoom(m.p.opts.Spool, spool); err != nil {
		return err
	}
	for _, j := range m.jobs {
		if j.part == nil || len(j.errs) > 0 {
			continue
		}
		if err := j.open(); err != nil {
			return err
		}
		for i := range j.part.Operations {
			m.tasks = append(m.tasks, func(ctx context.Context) error { return j.apply(ctx, i) })
		}
		if len(j.part.Operations) == 0 {
			m.tasks = append(m.tasks, j.finish)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// wholeSize decodes an image of which only the end tells the size. It stops when ctx ends;
// an error is met again by who reads.
func wholeSize(ctx context.Context, b blob.Blob) int64 {
	var one [1]byte
	for off := int64(0); ; off += 1 << 20 {
		if ctx.Err() != nil {
			return 0
		}
		if n, err := b.ReadAt(one[:], off); n == 0 || err != nil {
			return b.Size()
		}
	}
}

// run does the tasks in their order, several at once.
func (m *maker) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	var once sync.Once
	var failed error
	for range min(max(m.o.Jobs, 1), max(len(m.tasks), 1)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(m.tasks) || ctx.Err() != nil {
					return
				}
				if err := m.tasks[i](ctx); err != nil {
					once.Do(func() { failed = err })
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return failed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (m *maker) result(ctx context.Context) (*Result, error) {
	r := &Result{Hashed: m.hashed.Load(), Stored: m.stored.Load(), Decoded: m.p.decoded.Load() - m.decoded}
	if m.file != nil {
		r.SHA256 = hex.EncodeToString(m.file.sum.Sum(nil))
	}
	for _, j := range m.jobs {
		made := Made{Partition: j.q, Size: j.size, Err: j.err()}
		if made.Err == nil {
			made.SHA256 = hex.EncodeToString(j.hash.Sum(nil))
		}
		r.Made = append(r.Made, made)
		r.Sums = append(r.Sums, j.sums()...)
	}
	if m.o.ImagesOnly {
		return r, nil
	}
	sums, err := m.p.statements(ctx, m.file)
	r.Sums = append(r.Sums, sums...)
	m.p.hashMembers(ctx, m.file, r.Sums)
	return r, err
}

// release puts spooled images where partitions are read from, and frees those that
// came to nothing.
func (m *maker) release() {
	for _, j := range m.jobs {
		s, ok := j.out.(*blob.Scratch)
		if !ok || m.o.Create != nil {
			continue
		}
		if j.done && j.err() == nil {
			j.q.Image = s
			m.p.keep(s.Close)
		} else {
			s.Close()
		}
	}
}

func (m *maker) progress(n int64) {
	done := m.bytes.Add(n)
	if m.o.Progress != nil {
		m.o.Progress(Event{Phase: "unpack", Done: done, Total: m.total, Unit: "bytes"})
	}
}

// readFile reads the package's own file once for all who want its bytes.
func (m *maker) readFile(ctx context.Context) error {
	if err := m.file.run(ctx, m.p.File, m.progress); err != nil {
		return fmt.Errorf("reading the update: %w", err)
	}
	return nil
}

// build makes the image of one partition for somebody who reads it before, or
// without, Materialise.
func (p *Package) build(ctx context.Context, q *Partition) (blob.Blob, error) {
	m := &maker{p: p}
	j := newJob(m, q)
	j.size, j.hash = q.payload.New.Size, nil
	if err := enoughRoom(p.opts.Spool, j.spooled()); err != nil {
		return nil, err
	}
	m.jobs = append(m.jobs, j)
	if err := j.open(); err != nil {
		return nil, err
	}
	for i := range j.part.Operations {
		if err := j.apply(ctx, i); err != nil {
			j.out.(*blob.Scratch).Close()
			return nil, err
		}
	}
	out := j.out.(*blob.Scratch)
	if err := j.err(); err != nil {
		out.Close()
		return nil, err
	}
	p.keep(out.Close)
	return out, nil
}

// ErrNoRoom: the folder for temporary files is too small.
var ErrNoRoom = errors.New("not enough room")

// enoughRoom refuses to begin what cannot end, where the system tells.
func enoughRoom(dir string, need int64) error {
	free, ok := freeBytes(dir)
	if !ok || need <= free {
		return nil
	}
	return fmt.Errorf("unpacking may take %d bytes and the folder for temporary files has %d left: %w (name another with --spool)", need, free, ErrNoRoom)
}

// kindless gives an error one of the kinds that gaps know, if it has none.
func kindless(err error, kind error) error {
	for _, k := range []error{parse.ErrFormat, parse.ErrUnsupported, parse.ErrLimit, ErrMissing, ErrUndecided} {
		if errors.Is(err, k) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", err, kind)
}

func sortedSums(sums []Sum) []Sum {
	slices.SortStableFunc(sums, compareSums)
	return sums
}
