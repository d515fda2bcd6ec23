package cpio_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/cpio"
	"github.com/otavet/otavet/ota/otatest"
)

// ramdisk is an archive by GNU cpio of 1280 files of 32 KiB on average, half of them of few
// letters: 40 MiB, as much as a large recovery ramdisk.
func ramdisk(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	var names bytes.Buffer
	for i := range 1280 {
		p := make([]byte, r.IntN(64<<10))
		for j := range p {
			p[j] = byte(r.Uint32() >> (i % 2 * 28))
		}
		name := fmt.Sprint("file-", i)
		if err := os.WriteFile(filepath.Join(dir, name), p, 0o644); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&names, name)
	}
	return pipe(t, dir, names.Bytes(), "cpio", "--quiet", "-o", "-H", "newc")
}

func hashAll(b *testing.B, f *cpio.FS) {
	buf := make([]byte, 64<<10)
	err := fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		file, err := f.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.CopyBuffer(struct{ io.Writer }{sha256.New()}, struct{ io.Reader }{file}, buf)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkWalk opens a ramdisk and hashes every file, beside the hash of as many bytes, and
// beside tools that unpack it to files, which nobody hashes.
func BenchmarkWalk(b *testing.B) {
	plain := ramdisk(b)
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			sha256.Sum256(plain)
		}
	})
	for _, c := range []struct {
		name         string
		pack, unpack []string
	}{
		{"plain", []string{"cat"}, []string{"cat"}},
		{"gzip", []string{"gzip", "-6"}, []string{"gzip", "-dc"}},
		{"lz4-legacy", []string{"lz4", "-q", "-l", "-3"}, []string{"lz4", "-q", "-dc"}},
		{"zstd", []string{"zstd", "-q", "-3"}, []string{"zstd", "-q", "-dc"}},
		{"xz", []string{"xz", "-1", "--check=crc32"}, []string{"xz", "-dc"}},
		{"lzma", []string{"xz", "-1", "--format=lzma"}, []string{"xz", "-dc"}},
	} {
		data := pipe(b, "", plain, c.pack...)
		run := func(b *testing.B, data []byte, hash bool) {
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				f, err := cpio.Open(blob.Bytes(data), nil, cpio.Options{Spool: b.TempDir()})
				if err != nil {
					b.Fatal(err)
				}
				if hash {
					hashAll(b, f)
				}
				f.Close()
			}
		}
		b.Run(c.name+"/open", func(b *testing.B) { run(b, data, false) })
		b.Run(c.name+"/hash", func(b *testing.B) { run(b, data, true) })
		b.Run(c.name+"/tools", func(b *testing.B) {
			otatest.Tool(b, c.unpack[0])
			packed := filepath.Join(b.TempDir(), "packed")
			if err := os.WriteFile(packed, data, 0o600); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				unpack, take := exec.Command(c.unpack[0], append(c.unpack[1:], packed)...), exec.Command("cpio", "--quiet", "-idm")
				take.Dir = b.TempDir()
				var err error
				if take.Stdin, err = unpack.StdoutPipe(); err != nil {
					b.Fatal(err)
				}
				if err := unpack.Start(); err != nil {
					b.Fatal(err)
				}
				if err := take.Run(); err != nil {
					b.Fatal(err)
				}
				if err := unpack.Wait(); err != nil {
					b.Fatal(err)
				}
				os.RemoveAll(take.Dir)
			}
		})
		if c.name == "lzma" || c.name == "gzip" {
			b.Run(c.name+"/padded", func(b *testing.B) { run(b, append(bytes.Clone(data), make([]byte, 4096)...), false) })
		}
	}
}
