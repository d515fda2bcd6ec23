package ota_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

var errStopped = errors.New("stopped by the user")

// openFiles is how many files the process has open; -1 where the system does not tell.
func openFiles() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(list)
}

// nothingLeft fails where a spool is left in dir, or its file open.
func nothingLeft(t *testing.T, dir string, before int) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in the folder for temporary files: %v, %v", left, err)
	}
	if n := openFiles(); n > before {
		t.Errorf("%d files are open, %d were", n, before)
	}
}

// Whoever interrupts a pass gets his reason back at once, and nothing is left behind, whatever
// was being decoded; a context of the pass alone does as much as the one of Open.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	empty(t, dir, "system.img", 200<<20)
	small, _, _ := payloadUpdate(t, nil)
	lz4 := compress(t, dir, "system.img", "lz4")
	cases := map[string][]byte{
		"payload.zip":    small,
		"system.img.xz":  compress(t, dir, "system.img", "xz"),
		"system.img.lz4": lz4,
		"lz4.zip":        (&otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "system.img.lz4", Data: lz4}}}).Bytes(),
		"sparse.img":     sparseOf(1<<22, chunk(fill, 1<<22, []byte("abcd"))), // 16 GiB
	}
	for name, b := range cases {
		for _, after := range []int64{0, 64 << 10, 1 << 20} {
			t.Run(fmt.Sprintf("%s after %d", name, after), func(t *testing.T) {
				spool, before := t.TempDir(), openFiles()
				p, err := ota.Open(t.Context(), blob.Bytes(b), name, ota.Options{Spool: spool})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				begun := time.Now()
				go func() { // hashing what is not decoded is interrupted, too
					for ctx.Err() == nil && p.Decoded() < after && time.Since(begun) < 50*time.Millisecond {
						runtime.Gosched()
					}
					cancel(errStopped)
				}()
				_, err = ota.Materialise(ctx, p, ota.Pass{Jobs: 2})
				if !errors.Is(err, errStopped) {
					t.Errorf("%v, want the reason", err)
				}
				if d := time.Since(begun); d > 2*time.Second {
					t.Errorf("it took %v", d)
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
				nothingLeft(t, spool, before)
			})
		}
	}
}

// stopAt is a blob whose reader is interrupted by a read that reaches a byte.
type stopAt struct {
	blob.Blob
	at   int64
	stop func()
	hits atomic.Int64
}

func (s *stopAt) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > s.at {
		s.hits.Add(1)
		s.stop()
	}
	return s.Blob.ReadAt(p, off)
}

// Opening ends with its reason as well: what was met after that is no problem of the update.
func TestOpenInterrupted(t *testing.T) {
	for _, c := range layoutCases {
		b, err := os.ReadFile(images(t, c.file))
		if err != nil {
			t.Fatal(err)
		}
		for part := range int64(8) {
			spool, before := t.TempDir(), openFiles()
			ctx, cancel := context.WithCancelCause(t.Context())
			in := &stopAt{Blob: blob.Bytes(b), at: int64(len(b)) * part / 8, stop: func() { cancel(errStopped) }}
			p, err := ota.Open(ctx, in, filepath.Base(c.file), ota.Options{Spool: spool})
			switch {
			case in.hits.Load() > 0 && !errors.Is(err, errStopped):
				t.Errorf("%s at %d: %v, want the reason", c.file, in.at, err)
			case in.hits.Load() == 0 && err != nil:
				t.Errorf("%s at %d: %v", c.file, in.at, err)
			}
			if p != nil {
				p.Close()
			}
			cancel(nil)
			nothingLeft(t, spool, before)
		}
	}
}

// A folder for temporary files that takes nothing is no fault of the update, and is not called one.
func TestSpoolMissing(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	small, _, _ := payloadUpdate(t, nil)
	read := func(name string) []byte {
		b, err := os.ReadFile(images(t, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, b := range map[string][]byte{
		"payload.zip":    small,
		"system.img.xz":  read("archives/system.img.xz"),
		"AP.tar.md5":     read("archives/AP_NIMBUS.tar.md5"),
		"images.tar.xz":  read("archives/images.tar.xz"),
		"images.tar.bz2": read("archives/images.tar.bz2"),
	} {
		before := openFiles()
		err := whole(t.Context(), b, name, ota.Options{Spool: none})
		if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, parse.ErrFormat) || errors.Is(err, parse.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
		if n := openFiles(); n > before {
			t.Errorf("%s: %d files are open, %d were", name, n, before)
		}
	}
	// What fits into memory needs no folder.
	for _, name := range []string{"archives/update.zip", "super/super.simg", "boot/v4.img"} {
		if err := whole(t.Context(), read(name), filepath.Base(name), ota.Options{Spool: none}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A folder that is too small is found before anything is unpacked: this payload
// states 15 TiB that decompress from a few bytes.
func TestNoRoom(t *testing.T) {
	const blocks = 15 << 28
	u := &otatest.Payload{Temp: t.TempDir(), Partitions: []otatest.PayloadPartition{{Name: "system", Image: blob.Bytes([]byte(strings.Repeat("x", 4096))),
		Op: func(_ int, op *otatest.PayloadOp) {
			op.Type = 8 // REPLACE_XZ
			op.Dst = []otatest.PayloadExtent{{Start: 0, Blocks: blocks}}
		},
		Info: func(size *uint64, _ *[]byte) { *size = blocks * 4096 }}}}
	var b strings.Builder
	if _, err := u.Write(&b); err != nil {
		t.Fatal(err)
	}
	spool, before := t.TempDir(), openFiles()
	p, err := ota.Open(t.Context(), blob.Bytes([]byte(b.String())), "payload.bin", ota.Options{Spool: spool, Limits: parse.Limits{Produced: 1 << 50}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := ota.Materialise(t.Context(), p, ota.Pass{}); !errors.Is(err, ota.ErrNoRoom) || !strings.Contains(err.Error(), "16492674416640 bytes") {
		t.Errorf("%v", err)
	}
	var one [1]byte
	if _, err := p.Partitions[0].Image.ReadAt(one[:], 0); !errors.Is(err, ota.ErrNoRoom) {
		t.Errorf("reading it: %v", err)
	}
	nothingLeft(t, spool, before)
	// By default such a payload is over the limit before that.
	if _, err := ota.Open(t.Context(), blob.Bytes([]byte(b.String())), "payload.bin", ota.Options{}); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("%v", err)
	}
}

// A disk that fills up while an image that is there is copied, or decoded on the way, ends the pass.
func TestDiskFullWhileCopying(t *testing.T) {
	for _, name := range []string{"archives/update.zip", "archives/AP_NIMBUS.tar.md5", "archives/system.img.xz", "super/super.img"} {
		p := open(t, images(t, name))
		_, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2, Create: func(q *ota.Partition, size int64) (ota.Output, error) {
			f, err := os.Create(filepath.Join(t.TempDir(), "x"))
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { f.Close() })
			return newFailing(f, 4096), f.Truncate(size)
		}})
		if !errors.Is(err, errFull) {
			t.Errorf("%s: %v, want the disk's error", name, err)
		}
	}
}
