package ota

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/verity"
)

// A job makes the image of one partition.
type job struct {
	m    *maker
	q    *Partition
	part *payload.Partition // nil: the image is there, and is only read
	size int64
	out  Output // nil: nothing is written

	left   atomic.Int64 // operations that are not done
	opDone []atomic.Bool
	runs   []run // in the order of the image

	mu      sync.Mutex // of what follows
	errs    map[int]error
	differs []int // operations whose data do not have their hash
	bare    int   // operations with data and without a hash

	hashing sync.Mutex
	hash    hash.Hash // of the image; nil: nobody asks
	next    int       // the run that it is in
	done    bool
}

// A run is blocks of the image, in bytes, that one operation writes.
type run struct {
	off, len int64
	op       int
}

func newJob(m *maker, q *Partition) *job {
	return &job{m: m, q: q, part: q.payload, hash: sha256.New(), errs: map[int]error{}}
}

// charge pays for reading an image that is in place or only once decoded: one
// that is all holes may be of any size.
func (j *job) charge() bool {
	if err := j.m.p.budget.Produce("image", j.size); err != nil {
		j.fail(0, err)
		return false
	}
	return true
}

// spooled is how much room the image may take.
func (j *job) spooled() int64 {
	var n int64
	for i := range j.part.Operations {
		if t := j.part.Operations[i].Type; t != payload.Zero && t != payload.Discard {
			n += j.part.OpSize(i)
		}
	}
	return n + int64(j.part.HashTree.Blocks+j.part.FEC.Blocks)*j.block()
}

// block is the size of the payload's blocks.
func (j *job) block() int64 { return int64(j.q.source.BlockSize) }

// open makes the file that operations write to, and the order in which the hash
// goes through them.
func (j *job) open() error {
	if j.m.o.Create != nil {
		out, err := j.m.o.Create(j.q, j.size)
		if err != nil {
			return err
		}
		j.out = out
	} else {
		out, err := blob.NewScratch(j.m.p.opts.Spool, j.size)
		if err != nil {
			return err
		}
		j.out = out
	}
	block := j.block()
	n := len(j.part.Operations)
	j.opDone = make([]atomic.Bool, n)
	j.left.Store(int64(n))
	for i := range j.part.Operations {
		for _, x := range j.part.Operations[i].Dst {
			if x.Start != payload.SparseHole {
				j.runs = append(j.runs, run{int64(x.Start) * block, int64(x.Blocks) * block, i})
			}
		}
	}
	slices.SortFunc(j.runs, func(a, b run) int { return cmp.Compare(a.off, b.off) })
	return nil
}

// fail keeps the error of an operation. Which one is reported must not depend on
// who was first: it is that of the lowest number.
func (j *job) fail(op int, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.errs[op] = err
}

// failedBefore tells whether an operation of a lower number has failed. Those are
// all begun before this one.
func (j *job) failedBefore(op int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.errs {
		if i < op {
			return true
		}
	}
	return false
}

func (j *job) err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	lowest := -1
	for i := range j.errs {
		if lowest < 0 || i < lowest {
			lowest = i
		}
	}
	if lowest < 0 {
		return nil
	}
	return j.errs[lowest]
}

// apply does one operation.
func (j *job) apply(ctx context.Context, i int) error {
	if !j.failedBefore(i) {
		done, err := j.part.Apply(i, j.m.p.decoding(ctx), sparseWriter{j.out})
		j.m.stored.Add(done.Stored)
		j.m.progress(j.part.OpSize(i))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			var pe *parse.Error
			if !errors.As(err, &pe) {
				return fmt.Errorf("%s: %w", j.q.Name, err) // the disk's, not the update's
			}
			j.fail(i, err)
		}
		j.mu.Lock()
		switch done.Hash {
		case payload.HashDiffers:
			j.differs = append(j.differs, i)
		case payload.HashNone:
			if j.part.Operations[i].DataLength > 0 {
				j.bare++
			}
		}
		j.mu.Unlock()
	}
	j.opDone[i].Store(true)
	if j.left.Add(-1) == 0 {
		return j.finish(ctx)
	}
	if j.hashing.TryLock() { // if another is at it, it comes to this run in time, or finish does
		defer j.hashing.Unlock()
		return j.advance(ctx)
	}
	return nil
}

// computed tells whether the installer computes a part of the image.
func (j *job) computed() bool { return j.part.HashTree.Blocks > 0 || j.part.FEC.Blocks > 0 }

// advance hashes as far as operations are done. What they wrote is read back: it is
// still in the system's memory, and may have been written in any order.
func (j *job) advance(ctx context.Context) error {
	if j.hash == nil || j.computed() {
		return nil
	}
	for ; j.next < len(j.runs) && j.opDone[j.runs[j.next].op].Load(); j.next++ {
		r := j.runs[j.next]
		if err := j.feed(ctx, j.hash, r.off, r.len); err != nil {
			return err
		}
	}
	return nil
}

// feed writes a part of the image to w.
func (j *job) feed(ctx context.Context, w io.Writer, off, n int64) error {
	buf := make([]byte, min(n, 1<<20))
	for n > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p := buf[:min(n, int64(len(buf)))]
		if _, err := io.ReadFull(io.NewSectionReader(j.out, off, int64(len(p))), p); err != nil {
			return err
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
		if w == io.Writer(j.hash) {
			j.m.hashed.Add(int64(len(p)))
		}
		off, n = off+int64(len(p)), n-int64(len(p))
	}
	return nil
}

// finish computes what the installer computes, and the rest of the hash.
func (j *job) finish(ctx context.Context) error {
	j.hashing.Lock()
	defer j.hashing.Unlock()
	if j.err() != nil {
		return nil
	}
	defer func() { j.done = true }()
	if !j.computed() {
		return j.advance(ctx)
	}
	if err := j.verity(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if ofMachine(err) {
			return fmt.Errorf("%s: %w", j.q.Name, err)
		}
		j.fail(len(j.part.Operations), kindless(fmt.Errorf("%s: %w", j.q.Name, err), parse.ErrFormat))
		return nil
	}
	if j.hash == nil {
		return nil
	}
	return j.feed(ctx, j.hash, 0, j.size)
}

// verity computes the hash tree, and then error correction over data and tree, as
// verity_writer_android.cc does.
func (j *job) verity(ctx context.Context) error {
	block := j.block()
	image, err := blob.Section(&outputBlob{j.out, j.size}, 0, j.size)
	if err != nil {
		return err
	}
	if x := j.part.HashTree; x.Blocks > 0 {
		h, err := verity.ParseHash(j.part.HashTreeAlgorithm)
		if err != nil {
			return err
		}
		tree := verity.Tree{Hash: h, Salt: j.part.HashTreeSalt, BlockSize: int(block)}
		data := j.part.HashTreeData
		size, err := tree.Size(int64(data.Blocks) * block)
		if err != nil {
			return err
		}
		if size != int64(x.Blocks)*block {
			return &parse.Error{Format: "payload", Off: j.part.Offset, Msg: "the hash tree does not fit its extent", Got: size, Kind: parse.ErrFormat}
		}
		b, err := tree.NewBuilder(int64(data.Blocks)*block, io.NewOffsetWriter(j.out, int64(x.Start)*block))
		if err != nil {
			return err
		}
		if err := j.feed(ctx, b, int64(data.Start)*block, int64(data.Blocks)*block); err != nil {
			return err
		}
		if _, err := b.Finish(); err != nil {
			return err
		}
	}
	if x := j.part.FEC; x.Blocks > 0 {
		f := verity.FEC{Roots: int(j.part.FECRoots), BlockSize: int(block)}
		data, err := blob.Section(image, int64(j.part.FECData.Start)*block, int64(j.part.FECData.Blocks)*block)
		if err != nil {
			return err
		}
		size, err := f.Size(data.Size())
		if err != nil {
			return err
		}
		if size != int64(x.Blocks)*block {
			return &parse.Error{Format: "payload", Off: j.part.Offset, Msg: "the error correction does not fit its extent", Got: size, Kind: parse.ErrFormat}
		}
		return f.Encode(io.NewOffsetWriter(j.out, int64(x.Start)*block), blob.WithContext(ctx, data))
	}
	return nil
}

// outputBlob is what has been written so far.
type outputBlob struct {
	io.ReaderAt
	size int64
}

func (o *outputBlob) Size() int64 { return o.size }

// sparseWriter leaves out blocks of zeros, whatever the output.
type sparseWriter struct{ Output }

func (s sparseWriter) WriteAt(p []byte, off int64) (int, error) {
	if _, ok := s.Output.(*blob.Scratch); ok {
		return s.Output.WriteAt(p, off) // it does so itself
	}
	return blob.WriteSparse(s.Output, p, off)
}

// copy reads an image that is there, in order, and writes it where one was created.
func (j *job) copy(ctx context.Context) error {
	if j.m.o.Create != nil {
		var err error
		if j.out, err = j.m.o.Create(j.q, j.size); err != nil {
			return err
		}
	}
	b := blob.WithContext(ctx, j.q.Image)
	buf := make([]byte, min(j.size, 1<<20))
	for off := int64(0); off < j.size; {
		p := buf[:min(int64(len(buf)), j.size-off)]
		n, err := b.ReadAt(p, off)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if n < len(p) || err != nil && err != io.EOF {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			if ofMachine(err) {
				return fmt.Errorf("%s: %w", j.q.Name, err)
			}
			j.fail(0, kindless(err, parse.ErrFormat))
			return nil
		}
		j.hash.Write(p)
		if j.out != nil {
			if _, err := blob.WriteSparse(j.out, p, off); err != nil {
				return fmt.Errorf("%s: %w", j.q.Name, err)
			}
		}
		off += int64(n)
		j.m.hashed.Add(int64(n))
		j.m.progress(int64(n))
	}
	j.done = true
	return nil
}

// sums are what the payload says of the partition.
func (j *job) sums() []Sum {
	if j.part == nil {
		return nil
	}
	s := Sum{Kind: SumPartition, Subject: j.q.Name, Member: j.q.Outer[0], Off: j.part.Offset}
	slices.Sort(j.differs)
	switch err := j.err(); {
	case err != nil:
		s.Err = err
	case len(j.differs) > 0:
		op := &j.part.Operations[j.differs[0]]
		s.Off = op.Offset
		s.Err = &parse.Error{Format: "payload", Off: op.Offset, Got: len(j.differs), Kind: parse.ErrFormat,
			Msg: fmt.Sprintf("the data of operation %d do not have their hash; operations of which that is so", j.differs[0])}
	case len(j.part.New.Hash) == 0:
		s.Err = &parse.Error{Format: "payload", Off: j.part.Offset, Msg: "the payload states no hash of the partition", Kind: parse.ErrUnsupported}
	case !bytes.Equal(j.part.New.Hash, j.hash.Sum(nil)):
		s.Err = &parse.Error{Format: "payload", Off: j.part.Offset, Msg: "the partition does not have the hash that the payload states for it; it has",
			Got: hex.EncodeToString(j.hash.Sum(nil)), Kind: parse.ErrFormat}
	}
	s.Note = "operations: " + fmt.Sprint(len(j.part.Operations))
	if j.bare > 0 {
		s.Note += fmt.Sprintf(", of which %d have data and no hash of them", j.bare)
	}
	return []Sum{s}
}
