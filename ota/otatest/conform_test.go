package otatest_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// A verdict is a test that writes down how it went.
type verdict struct {
	testing.TB
	mu     sync.Mutex
	failed []string
}

func (v *verdict) Helper() {}

func (v *verdict) Error(args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.failed = append(v.failed, fmt.Sprint(args...))
}

func (v *verdict) Errorf(format string, args ...any) { v.Error(fmt.Sprintf(format, args...)) }

func (v *verdict) Fatalf(format string, args ...any) {
	v.Errorf(format, args...)
	panic(v)
}

// judge tells what a suite has to say.
func judge(suite func(testing.TB)) (failed []string) {
	v := new(verdict)
	defer func() {
		if p := recover(); p != nil && p != any(v) {
			panic(p)
		}
		failed = v.failed
	}()
	suite(v)
	return v.failed
}

type bad struct {
	blob.Blob
	read func(b blob.Blob, p []byte, off int64) (int, error)
}

func (b bad) ReadAt(p []byte, off int64) (int, error) { return b.read(b.Blob, p, off) }

// The suite passes what keeps to the rules, and finds each way not to.
func TestTestBlob(t *testing.T) {
	for _, size := range []int{0, 1, 7, 4096, 100_000, 3 << 20} {
		want := text(size)
		otatest.TestBlob(t, blob.Bytes(want), want)
	}
	want := text(100_000)
	for name, read := range map[string]func(b blob.Blob, p []byte, off int64) (int, error){
		"negative offsets": func(b blob.Blob, p []byte, off int64) (int, error) { return b.ReadAt(p, max(off, 0)) },
		"no io.EOF": func(b blob.Blob, p []byte, off int64) (int, error) {
			n, err := b.ReadAt(p, off)
			if err == io.EOF {
				err = nil
			}
			return n, err
		},
		"another error": func(b blob.Blob, p []byte, off int64) (int, error) {
			n, err := b.ReadAt(p, off)
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		},
		"short at borders": func(b blob.Blob, p []byte, off int64) (int, error) {
			n, err := b.ReadAt(p, off)
			if at := off / 4096 * 4096; n > 0 && off+int64(n) > at+4096 {
				n = int(at + 4096 - off)
			}
			return n, err
		},
		"a wrong byte": func(b blob.Blob, p []byte, off int64) (int, error) {
			n, err := b.ReadAt(p, off)
			if off <= 70_000 && off+int64(n) > 70_000 {
				p[70_000-off] ^= 1
			}
			return n, err
		},
		"EOF too early": func(b blob.Blob, p []byte, off int64) (int, error) {
			n, err := b.ReadAt(p, off)
			return n, errors.Join(err, io.EOF)
		},
	} {
		if failed := judge(func(t testing.TB) { otatest.TestBlob(t, bad{blob.Bytes(want), read}, want) }); len(failed) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
	}
	lazy := bad{blob.Bytes(make([]byte, 5000)), func(b blob.Blob, p []byte, off int64) (int, error) {
		return b.ReadAt(make([]byte, len(p)), off)
	}}
	if failed := judge(func(t testing.TB) { otatest.TestBlob(t, lazy, make([]byte, 5000)) }); len(failed) == 0 {
		t.Error("zeros that are not written: nothing is found")
	}
	// A reader that keeps its place between calls breaks where others read too.
	var place atomic.Int64
	shared := bad{blob.Bytes(want), func(b blob.Blob, p []byte, off int64) (int, error) {
		place.Store(off)
		runtime.Gosched()
		return b.ReadAt(p, place.Load())
	}}
	if failed := judge(func(t testing.TB) { otatest.TestBlob(t, shared, want) }); len(failed) == 0 {
		t.Error("a shared place: nothing is found")
	}
	if failed := judge(func(t testing.TB) { otatest.TestBlob(t, blob.Bytes(want), want[1:]) }); len(failed) != 1 || !strings.Contains(failed[0], "size") {
		t.Errorf("another size: %q", failed)
	}
}

// open reads a format of one length byte and as many bytes.
func open(b blob.Blob) error {
	p, err := blob.ReadAll(b, 1<<20)
	if err != nil {
		return err
	}
	c := parse.NewCursor("toy", p, 0)
	c.Bytes(int(c.U8()))
	return c.Err()
}

func TestTestTruncation(t *testing.T) {
	whole := []byte("\x05hello")
	otatest.TestTruncation(t, whole, open)
	otatest.TestTruncation(t, append(whole, "more"...), open, 6, 7, 8, 9)
	for name, c := range map[string]struct {
		whole string
		open  func(blob.Blob) error
		want  string
		count int
	}{
		"it opens":           {"\x05hellomore", open, "6 of 10 bytes: they open", 4},
		"the whole does not": {"\x06hello", open, "the whole file: ", 1},
		"panic": {string(whole), func(b blob.Blob) error {
			if b.Size() == 3 {
				panic("ouch")
			}
			return open(b)
		}, "3 of 6 bytes: no *parse.Error: panic: ouch", 1},
		"no parse.Error": {string(whole), func(b blob.Blob) error {
			if open(b) != nil {
				return io.ErrUnexpectedEOF
			}
			return nil
		}, "0 of 6 bytes: no *parse.Error", 6},
		"no offset": {string(whole), func(b blob.Blob) error {
			if open(b) != nil {
				return &parse.Error{Format: "toy", Off: -1, Kind: parse.ErrFormat}
			}
			return nil
		}, "0 of 6 bytes: -1 is no offset", 6},
	} {
		failed := judge(func(t testing.TB) { otatest.TestTruncation(t, []byte(c.whole), c.open) })
		if len(failed) != c.count || !strings.HasPrefix(failed[0], c.want) {
			t.Errorf("%s: %q, want %d like %q", name, failed, c.count, c.want)
		}
	}
}
