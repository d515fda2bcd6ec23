package otatest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// TestBlob holds a Blob against the bytes that it should have and against the
// rules of blob.Blob and io.ReaderAt: any offset and length, over all borders of
// blocks and chunks, at the end and behind it, and from eight sides at once.
func TestBlob(t testing.TB, b blob.Blob, want []byte) {
	t.Helper()
	size := int64(len(want))
	if b.Size() != size {
		t.Fatalf("a size of %d, want %d", b.Size(), size)
	}
	for _, off := range []int64{-1, -size - 1, -1 << 63} {
		if n, err := b.ReadAt(make([]byte, 1), off); n != 0 || err == nil || err == io.EOF {
			t.Errorf("%d bytes at %d, which is negative: %v", n, off, err)
		}
	}
	fail := func(err error) {
		if err != nil {
			t.Helper()
			t.Error(err)
		}
	}
	fail(readAt(b, want, 0, len(want)))
	fail(readAt(b, want, 0, len(want)+1))
	for _, off := range []int64{0, 1, size / 2, size - 1, size, size + 1, size + 4097, 1<<63 - 1} {
		for _, n := range []int{0, 1, 2, 7, 4095, 4096, 4097} {
			fail(readAt(b, want, max(off, 0), n))
		}
	}
	step := int64(512) // in large blobs not every border, but those of blocks
	if size > 1<<20 {
		step = 4096 * (1 + size>>22)
	}
	for border := step; border <= size; border += step {
		fail(readAt(b, want, border-3, 7))
	}
	var group sync.WaitGroup
	for seed := range uint64(8) {
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, 0))
			for range 200 {
				most := min(size+10, 4<<10<<r.IntN(8))
				if err := readAt(b, want, r.Int64N(size+10), int(r.Int64N(most))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// readAt reads n bytes at off, and tells what is wrong about it.
func readAt(b blob.Blob, want []byte, off int64, n int) error {
	p := bytes.Repeat([]byte{0xa5}, n) // dirt, so that zeros have to be written
	got, err := b.ReadAt(p, off)
	rest := want[min(off, int64(len(want))):]
	switch most := min(n, len(rest)); {
	case got != most:
		return fmt.Errorf("%d bytes at %d: got %d (%v), want %d", n, off, got, err, most)
	case !bytes.Equal(p[:got], rest[:got]):
		return fmt.Errorf("%d bytes at %d: not the right ones", n, off)
	case got < n && err != io.EOF:
		return fmt.Errorf("%d bytes at %d, beyond the end: error %v, want io.EOF", n, off, err)
	case got == n && err != nil && (err != io.EOF || n < len(rest)):
		return fmt.Errorf("%d bytes at %d, all of them there: error %v", n, off, err)
	}
	return nil
}

// TestTruncation opens every beginning of a well-formed file, from no bytes to
// all but the last. Each has to be a *parse.Error with an offset in the whole
// file, and none may panic; beginnings of the lengths in allowed may open.
// The whole file has to open.
func TestTruncation(t testing.TB, whole []byte, open func(blob.Blob) error, allowed ...int) {
	t.Helper()
	if err := calmly(open, whole); err != nil {
		t.Errorf("the whole file: %v", err)
	}
	for n := range whole {
		err := calmly(open, whole[:n:n])
		var e *parse.Error
		switch {
		case err == nil && slices.Contains(allowed, n):
		case err == nil:
			t.Errorf("%d of %d bytes: they open", n, len(whole))
		case !errors.As(err, &e):
			t.Errorf("%d of %d bytes: no *parse.Error: %v", n, len(whole), err)
		case e.Off < 0 || e.Off > int64(len(whole)):
			t.Errorf("%d of %d bytes: %d is no offset in the file: %v", n, len(whole), e.Off, err)
		}
	}
}

// calmly turns a panic into an error.
func calmly(open func(blob.Blob) error, b []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return open(blob.Bytes(b))
}
