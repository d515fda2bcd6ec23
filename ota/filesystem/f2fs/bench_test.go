package f2fs_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/otatest"
)

// largeImage is an image of 20,000 files, of 500 MB together, that sload.f2fs wrote.
func largeImage(b *testing.B) (*blob.File, int64) {
	b.Helper()
	dir := b.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	total := int64(0)
	for i := range 20000 {
		if i%100 == 0 {
			if err := os.MkdirAll(filepath.Join(dir, "tree", fmt.Sprint(i/100)), 0o755); err != nil {
				b.Fatal(err)
			}
		}
		size := min(int(r.ExpFloat64()*25000), len(noise)) // of the files of a device most are small
		at := r.IntN(len(noise) - size + 1)
		if err := os.WriteFile(filepath.Join(dir, "tree", fmt.Sprint(i/100), fmt.Sprint(i)), noise[at:at+size], 0o644); err != nil {
			b.Fatal(err)
		}
		total += int64(size)
	}
	name := filepath.Join(dir, "image")
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		b.Fatal(err)
	}
	if err := os.Truncate(name, 1<<30); err != nil {
		b.Fatal(err)
	}
	for _, command := range [][]string{
		{"mkfs.f2fs", "-f", "-O", "extra_attr,inode_checksum,sb_checksum", name},
		{"sload.f2fs", "-f", filepath.Join(dir, "tree"), "-t", "/", name},
	} {
		if out, err := otatest.Run(b, command[0], command[1:]...); err != nil {
			b.Fatalf("%s: %v\n%.500s", command, err, out)
		}
	}
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	in, err := blob.NewFile(f)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close() })
	return in, total
}

// BenchmarkWalk hashes all files of an image, and beside it the same number of
// bytes from memory: what hashing alone takes.
func BenchmarkWalk(b *testing.B) {
	image, total := largeImage(b)
	buf := make([]byte, 1<<20)
	b.Run("walk", func(b *testing.B) {
		b.SetBytes(total)
		b.ReportAllocs()
		for b.Loop() {
			walk(b, image, buf, total)
		}
	})
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(total)
		for b.Loop() {
			h := sha256.New()
			for n := total; n > 0; n -= int64(len(buf)) {
				h.Write(buf[:min(n, int64(len(buf)))])
			}
		}
	})
}

func walk(b *testing.B, image blob.Blob, buf []byte, total int64) {
	f, err := f2fs.Open(image, nil)
	if err != nil {
		b.Fatal(err)
	}
	n := int64(0)
	err = fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		file, err := f.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		h := sha256.New()
		some, err := io.CopyBuffer(struct{ io.Writer }{h}, file, buf)
		n += some
		return err
	})
	if err != nil || n != total {
		b.Fatal(n, err)
	}
}

// BenchmarkPacked reads a file of 5 MB in compressed clusters of 16 KiB.
func BenchmarkPacked(b *testing.B) {
	for name, path := range map[string]string{"ro": "5000000", "features": "packed/zstd,compress_log_size=2/nodes"} {
		f := open(b, fixture(b, name+".img"))
		b.Run(name, func(b *testing.B) {
			p, err := f.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				if _, err := f.ReadFile(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
