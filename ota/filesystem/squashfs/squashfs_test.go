package squashfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/squashfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// Example shows what an image holds.
func Example() {
	data, err := os.ReadFile("../../../testdata/images/squashfs/tiny-xz.img")
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := squashfs.Open(blob.Bytes(data), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Compression(), f.BlockSize(), f.Size(), f.Features())
	fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Println(st.Mode(), st.Size(), name)
		return nil
	})
	// Output:
	// xz 4096 1427 [duplicates exportable]
	// drwxr-xr-x 0 .
	// -rw-r--r-- 9000 blocks
	// Lrwxrwxrwx 6 link
	// Dcrw-r--r-- 0 null
	// prw-r--r-- 0 pipe
	// drwxr-xr-x 0 sub
	// -rw-r--r-- 100 sub/hard
	// -rw-r--r-- 100 tail
}

// TestLZO: what lzo has compressed is refused by that name.
func TestLZO(t *testing.T) {
	_, err := squashfs.Open(blob.Bytes(fixture(t, "tiny-lzo.img")), nil)
	if !errors.Is(err, parse.ErrUnsupported) || !strings.Contains(err.Error(), "a block that lzo has compressed") {
		t.Error(err)
	}
}

// TestForeignSample: unsquashfs takes what the tests' builder writes.
func TestForeignSample(t *testing.T) {
	for _, export := range []bool{true, false} {
		dir := t.TempDir()
		data := sample(export)
		image := filepath.Join(dir, "image")
		if err := os.WriteFile(image, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := otatest.Run(t, "unsquashfs", "-quiet", "-no-progress", "-no-exit-code", "-processors", "1", "-d", filepath.Join(dir, "x"), image); err != nil {
			t.Fatal(out, err)
		}
		f := open(t, data)
		for _, name := range []string{"file", "sub/hard", "long", "tail"} {
			want, err := os.ReadFile(filepath.Join(dir, "x", name))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := f.ReadFile(name); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
			}
		}
	}
}

// A counting blob counts what is read.
type counting struct {
	blob.Blob
	n atomic.Int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Blob.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

// TestReadsLittle: opening and reading a file touch the blocks that are needed, and what
// several readers ask for at once is read and decoded once.
func TestReadsLittle(t *testing.T) {
	c := &counting{Blob: blob.Bytes(fixture(t, "always-fragments.img"))}
	f, err := squashfs.Open(c, nil)
	if err != nil || c.n.Load() > 12<<10 {
		t.Errorf("%d bytes of %d to open: %v", c.n.Load(), c.Size(), err)
	}
	if _, err := f.ReadDir("."); err != nil {
		t.Error(err)
	}
	c.n.Store(0)
	if p, err := f.ReadFile("size100"); err != nil || len(p) != 100 || c.n.Load() == 0 || c.n.Load() > 4<<10 {
		t.Errorf("%d bytes read: %v", c.n.Load(), err)
	}
	once := c.n.Swap(0)
	if _, err := f.ReadFile("size100"); err != nil || c.n.Load() != 0 {
		t.Errorf("%d bytes read again: %v", c.n.Load(), err)
	}
	g, err := squashfs.Open(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Stat("size100"); err != nil {
		t.Fatal(err)
	}
	c.n.Store(0)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if p, err := g.ReadFile("size100"); err != nil || len(p) != 100 {
				t.Error(err)
			}
		})
	}
	group.Wait()
	// The table of fragments may be read by each.
	if n := c.n.Load(); n > once+7*600 {
		t.Errorf("%d bytes read by eight, %d by one", n, once)
	}
}

// TestMemory: whatever the size of blocks, eight readers at once hold no more than is said
// at FS.
func TestMemory(t *testing.T) {
	dir := t.TempDir()
	var data []byte
	for i := 0; len(data) < 26<<20; i++ {
		data = fmt.Appendf(data, "%d of many lines that become less\n", i)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	size := int64(len(data))
	data = nil
	for _, method := range []string{"gzip", "lz4", "zstd"} {
		image := filepath.Join(dir, method)
		args := []string{filepath.Join(dir, "file"), image, "-quiet", "-no-progress", "-b", "1M", "-comp", method}
		if method != "lz4" {
			args = append(args, "-Xcompression-level", "1")
		}
		if out, err := otatest.Run(t, "mksquashfs", args...); err != nil {
			t.Fatal(out, err)
		}
		file, err := os.Open(image)
		if err != nil {
			t.Fatal(err)
		}
		in, err := blob.NewFile(file)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		f, err := squashfs.Open(&slow{in}, nil)
		if err != nil {
			t.Fatal(err)
		}
		most := liveWhile(func() {
			var group sync.WaitGroup
			for i := range int64(8) {
				group.Go(func() {
					b, _, err := f.Blob("file")
					if err != nil {
						t.Error(err)
						return
					}
					p := make([]byte, 1000)
					for j := range int64(26) { // parts of all blocks, in another order each
						off := (j*7 + i*3) % 26 << 20
						if _, err := b.ReadAt(p, min(off+i, size-1000)); err != nil && err != io.EOF {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
		})
		t.Logf("%s: %d KiB", method, most>>10)
		if most > 22<<20 { // 20 MiB, and what the decompressors hold
			t.Errorf("%s: %d MiB are held", method, most>>20)
		}
	}
}

// A slow blob gives the garbage collector time to see what is in use.
type slow struct{ blob.Blob }

func (s *slow) ReadAt(p []byte, off int64) (int, error) {
	time.Sleep(5 * time.Millisecond)
	return s.Blob.ReadAt(p, off)
}

// liveWhile is how much more the heap holds while run runs, without what is free to go.
func liveWhile(run func()) int64 {
	live := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := live()
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	var most int64
	for {
		select {
		case <-done:
			return max(most, live()-before)
		default:
			most = max(most, live()-before)
			time.Sleep(time.Millisecond)
		}
	}
}
