package squashfs_test

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/squashfs"
	"github.com/otavet/otavet/ota/otatest"
)

// benchTree makes 4,000 files of 24 KiB on average, and a few large ones: 100 MB, a fifth of
// an image of 20,000 files. They become about half as large.
func benchTree(b *testing.B, dir string) (total int64) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	words := make([][]byte, 4096)
	for i := range words {
		words[i] = make([]byte, 2+r.IntN(12))
		for j := range words[i] {
			words[i][j] = byte(r.Uint32())
		}
	}
	for i := range 4001 {
		size := min(int(r.ExpFloat64()*24000), 1<<20)
		if i%1000 == 0 {
			size = 1 << 20
		}
		p := make([]byte, 0, size+16)
		for len(p) < size {
			p = append(p, words[r.IntN(len(words))]...)
		}
		name := filepath.Join(dir, fmt.Sprint("dir-", i%50), fmt.Sprint("file-", i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, p[:size], 0o644); err != nil {
			b.Fatal(err)
		}
		total += int64(size)
	}
	return total
}

// BenchmarkWalk opens an image, walks it and hashes every file. "of-sha256" is how fast
// that is of the hash's own speed in the same run, in percent. Beside it stands unsquashfs
// with one processor, which writes all files, to memory where there is a file system for that, and hashes nothing.
func BenchmarkWalk(b *testing.B) {
	otatest.Tool(b, "unsquashfs")
	dir := b.TempDir()
	total := benchTree(b, filepath.Join(dir, "tree"))
	for _, options := range []string{"gzip", "gzip -noI -noD -noF", "lz4", "lz4 -b 4K", "lz4 -b 1M", "zstd -Xcompression-level 9", "xz", "lzma"} {
		b.Run(strings.ReplaceAll(options, " ", ""), func(b *testing.B) {
			image := filepath.Join(dir, "image")
			args := append([]string{filepath.Join(dir, "tree"), image, "-noappend", "-no-progress", "-quiet", "-comp"}, strings.Fields(options)...)
			if out, err := otatest.Run(b, "mksquashfs", args...); err != nil {
				b.Fatal(out, err)
			}
			benchImage(b, image, total)
		})
	}
}

func benchImage(b *testing.B, image string, total int64) {
	file, err := os.Open(image)
	if err != nil {
		b.Fatal(err)
	}
	whole, err := blob.NewFile(file)
	if err != nil {
		b.Fatal(err)
	}
	defer whole.Close()
	var all, spent time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		n, hashing := hashAll(b, whole)
		if n != total {
			b.Fatalf("%d bytes of %d", n, total)
		}
		all += time.Since(start)
		spent += hashing
	}
	to, err := os.MkdirTemp("/dev/shm", "unsquashfs")
	if err != nil {
		to = b.TempDir()
	}
	defer os.RemoveAll(to)
	start := time.Now()
	if out, err := otatest.Run(b, "unsquashfs", "-quiet", "-no-progress", "-processors", "1", "-d", filepath.Join(to, "x"), image); err != nil {
		b.Fatal(out, err)
	}
	mb := float64(total) / 1e6
	b.ReportMetric(mb/time.Since(start).Seconds(), "unsquashfs-MB/s")
	b.ReportMetric(mb*float64(b.N)/all.Seconds(), "MB/s")
	b.ReportMetric(mb*float64(b.N)/(all-spent).Seconds(), "unhashed-MB/s")
	b.ReportMetric(mb*float64(b.N)/spent.Seconds(), "sha256-MB/s")
	b.ReportMetric(100*spent.Seconds()/all.Seconds(), "of-sha256-%")
}

// hashAll hashes every file, and tells how much of the time the hash took.
func hashAll(b *testing.B, image blob.Blob) (total int64, hashing time.Duration) {
	f, err := squashfs.Open(image, nil)
	if err != nil {
		b.Fatal(err)
	}
	err = fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		file, err := f.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		h := &timed{Hash: sha256.New()}
		n, err := io.Copy(h, file)
		total += n
		hashing += h.spent
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return total, hashing
}

// A timed hash adds up the time that it takes. Whatever else the machine does in the
// meantime slows both down.
type timed struct {
	hash.Hash
	spent time.Duration
}

func (t *timed) Write(p []byte) (int, error) {
	start := time.Now()
	defer func() { t.spent += time.Since(start) }()
	return t.Hash.Write(p)
}
