package erofs_test

import (
	"crypto/sha256"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/erofs"
	"github.com/otavet/otavet/ota/otatest"
)

// benchTree is a folder of about 20,000 files of this machine, of 500 MB together.
func benchTree(b *testing.B) string {
	dir := b.TempDir()
	left, files := int64(500<<20), 0
	for _, root := range []string{"/usr/bin", "/usr/lib", "/usr/share", "/usr/local"} {
		share := left / 2
		filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || files >= 20000 {
				return nil
			}
			i, err := d.Info()
			if err != nil || i.Size() > 20<<20 || i.Size() > share {
				return nil
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			to := filepath.Join(dir, strconv.Itoa(files/300), strconv.Itoa(files)+"-"+filepath.Base(path))
			if files%300 == 0 {
				os.Mkdir(filepath.Dir(to), 0o755)
			}
			if err := os.WriteFile(to, data, 0o644); err != nil {
				b.Fatal(err)
			}
			share -= i.Size()
			left -= i.Size()
			files++
			return nil
		})
	}
	return dir
}

// BenchmarkWalk opens an image, walks it and hashes every file. "of-sha256" is
// how fast that is of the hash's own speed in the same run, in percent. Beside it
// stands fsck.erofs --extract, which decodes all and hashes nothing.
func BenchmarkWalk(b *testing.B) {
	otatest.Tool(b, "mkfs.erofs")
	tree := benchTree(b)
	for _, m := range []struct {
		name string
		args []string
	}{
		{"plain", nil},
		{"lz4", []string{"-zlz4"}},
		{"lz4hc-64k", []string{"-zlz4hc", "-C65536"}},
	} {
		b.Run(m.name, func(b *testing.B) {
			image := filepath.Join(b.TempDir(), "image")
			if out, err := otatest.Run(b, "mkfs.erofs", append(m.args, image, tree)...); err != nil {
				b.Fatal(out)
			}
			benchImage(b, image)
		})
	}
}

func benchImage(b *testing.B, image string) {
	file, err := os.Open(image)
	if err != nil {
		b.Fatal(err)
	}
	whole, err := blob.NewFile(file)
	if err != nil {
		b.Fatal(err)
	}
	defer whole.Close()
	var size int64
	var all, hash time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		f, err := erofs.Open(whole, nil)
		if err != nil {
			b.Fatal(err)
		}
		err = fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			r, err := f.Open(path)
			if err != nil {
				return err
			}
			defer r.Close()
			h := &timed{Hash: sha256.New()}
			n, err := io.Copy(h, r)
			size += n
			hash += h.spent
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		all += time.Since(start)
	}
	start := time.Now()
	out, err := otatest.Run(b, "fsck.erofs", "--extract", image)
	if err != nil {
		b.Fatal(out)
	}
	mb := float64(size) / 1e6
	b.ReportMetric(mb/float64(b.N)/time.Since(start).Seconds(), "fsck-MB/s")
	b.ReportMetric(mb/all.Seconds(), "MB/s")
	b.ReportMetric(mb/hash.Seconds(), "sha256-MB/s")
	b.ReportMetric(100*hash.Seconds()/all.Seconds(), "of-sha256-%")
}

// A timed hash adds up the time that it takes. Whatever else the machine does in
// the meantime slows both down.
type timed struct {
	hash.Hash
	spent time.Duration
}

func (t *timed) Write(p []byte) (int, error) {
	start := time.Now()
	defer func() { t.spent += time.Since(start) }()
	return t.Hash.Write(p)
}
