package archive_test

import (
	stdtar "archive/tar"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
)

// largeTar is a file that holds little but holes: members of size zeros each.
// With PAX, each has a header of that kind before it.
func largeTar(t testing.TB, members int, size int64, withPAX bool) *blob.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "large.tar"))
	if err != nil {
		t.Fatal(err)
	}
	var off int64
	for i := range members {
		m := tarFile(fmt.Sprintf("system/app/Application%04d/lib/arm64/libapplication.so", i), "")
		m.size = fmt.Sprintf("%011o\x00", size)
		head := m.bytes()
		if withPAX {
			head = append(pax('x', "mtime", "1715000000.123456789").bytes(), head...)
		}
		if _, err := f.WriteAt(head, off); err != nil {
			t.Fatal(err)
		}
		off += int64(len(head)) + (size+511)&^511
	}
	if _, err := f.WriteAt(make([]byte, 10240), off); err != nil {
		t.Fatal(err)
	}
	b, err := blob.NewFile(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// TestTarReads: the headers are read, and none of the data.
func TestTarReads(t *testing.T) {
	for _, tc := range []struct {
		members   int
		size      int64
		pax       bool
		most      int64
		mostReads int64
	}{
		{30, 170<<20 + 1, false, 50e3, 40},
		{30, 170<<20 + 1, true, 100e3, 70},
		{5000, 400 << 10, false, 2.6e6, 5010},
		{5000, 700, false, 9e6, 150},
	} {
		c := &counting{Blob: largeTar(t, tc.members, tc.size, tc.pax)}
		z, err := archive.OpenTar(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(z.Entries()); n != tc.members || len(z.Notes()) > 0 {
			t.Errorf("%d entries, notes %q", n, z.Notes())
		}
		t.Logf("%d members in %d MB: %d bytes in %d reads", tc.members, c.Size()/1e6, c.n.Load(), c.calls.Load())
		if c.n.Load() > tc.most || c.calls.Load() > tc.mostReads {
			t.Errorf("%d bytes were read in %d reads", c.n.Load(), c.calls.Load())
		}
	}
}

func BenchmarkOpenTar5000(b *testing.B) {
	for _, size := range []int64{700, 400 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := &counting{Blob: largeTar(b, 5000, size, false)}
			b.ReportAllocs()
			for b.Loop() {
				c.n.Store(0)
				z, err := archive.OpenTar(c, nil)
				if err != nil || len(z.Entries()) != 5000 {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(c.n.Load()), "read-B/op")
		})
	}
}

// BenchmarkStandardTar5000 is the same with archive/tar, which skips data by
// seeking.
func BenchmarkStandardTar5000(b *testing.B) {
	for _, size := range []int64{700, 400 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := &counting{Blob: largeTar(b, 5000, size, false)}
			b.ReportAllocs()
			for b.Loop() {
				c.n.Store(0)
				r := stdtar.NewReader(io.NewSectionReader(c, 0, c.Size()))
				n := 0
				for {
					_, err := r.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != 5000 {
					b.Fatal(n)
				}
			}
			b.ReportMetric(float64(c.n.Load()), "read-B/op")
		})
	}
}
