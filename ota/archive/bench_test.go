package archive_test

import (
	stdzip "archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// largeZip is a file of 2 GiB that holds little but holes: 5,000 stored members
// of 400 KiB of zeros, every second one with a data descriptor.
func largeZip(t testing.TB) *blob.File {
	t.Helper()
	const members, size = 5000, 400 << 10
	name := filepath.Join(t.TempDir(), "large.zip")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	empty := make([]byte, size)
	descriptor := otatest.ZipDescriptor(empty, size, true, false)
	crc := binary.LittleEndian.Uint32(descriptor[4:])
	var (
		off int64
		dir builder
	)
	for i := range members {
		m := otatest.ZipMember{Name: fmt.Sprintf("system/app/Application%04d/lib/arm64/libapplication.so", i)}
		m.Local = func(h *header) { h.CRC, h.Stored, h.Size = crc, size, size }
		if i%2 == 1 {
			m.Local = func(h *header) { h.Flags = 8 }
		}
		at := off
		m.Central = func(h *header) { m.Local(h); h.CRC, h.Stored, h.Size, h.Offset = crc, size, size, uint32(at) }
		one := builder{Members: []member{m}}
		head := one.Bytes()[:30+len(m.Name)]
		if _, err := f.WriteAt(head, off); err != nil {
			t.Fatal(err)
		}
		off += int64(len(head)) + size
		if i%2 == 1 {
			if _, err := f.WriteAt(descriptor, off); err != nil {
				t.Fatal(err)
			}
			off += int64(len(descriptor))
		}
		m.NoLocal = true
		dir.Members = append(dir.Members, m)
	}
	dir.End = func(e *otatest.ZipEnd) { e.Offset = uint32(off) }
	if _, err := f.WriteAt(dir.Bytes(), off); err != nil {
		t.Fatal(err)
	}
	b, err := blob.NewFile(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// TestOpenLargeZip bounds the work of opening, which does not depend on the
// machine: bytes read, reads, and memory.
func TestOpenLargeZip(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a sparse file of 2 GiB")
	}
	c := &counting{Blob: largeZip(t)}
	if c.Size() < 2e9 {
		t.Fatalf("%d bytes", c.Size())
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	z, err := archive.OpenZip(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	entries := z.Entries()
	runtime.ReadMemStats(&after)
	if len(entries) != 5000 || len(z.Notes()) != 0 {
		t.Errorf("%d entries, notes %q", len(entries), z.Notes())
	}
	for _, e := range entries {
		if e.Refused != "" || len(e.Notes) > 0 {
			t.Fatalf("%+v", e)
		}
	}
	memory := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d bytes read in %d calls, %d bytes allocated", c.n.Load(), c.calls.Load(), memory)
	if n := c.n.Load(); n > 1e6 {
		t.Errorf("%d bytes were read", n)
	}
	if n := c.calls.Load(); n > 5000+2500+10 {
		t.Errorf("%d reads", n)
	}
	if memory > 32<<20 {
		t.Errorf("%d bytes were allocated", memory)
	}
}

func BenchmarkOpenZip5000(b *testing.B) {
	c := &counting{Blob: largeZip(b)}
	b.ReportAllocs()
	for b.Loop() {
		c.n.Store(0)
		z, err := archive.OpenZip(c, nil)
		if err != nil || len(z.Entries()) != 5000 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.n.Load()), "read-B/op")
}

// BenchmarkStandardOpenZip5000 is the same with archive/zip, which reads no
// local header: DataOffset of each is the part of it that can be compared.
func BenchmarkStandardOpenZip5000(b *testing.B) {
	for _, headers := range []bool{false, true} {
		b.Run(fmt.Sprintf("headers=%v", headers), func(b *testing.B) {
			c := &counting{Blob: largeZip(b)}
			b.ReportAllocs()
			for b.Loop() {
				c.n.Store(0)
				z, err := stdzip.NewReader(c, c.Size())
				if err != nil || len(z.File) != 5000 {
					b.Fatal(err)
				}
				for _, f := range z.File {
					if !headers {
						break
					}
					if _, err := f.DataOffset(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(c.n.Load()), "read-B/op")
		})
	}
}

func BenchmarkInflate(b *testing.B) {
	text := bytes.Repeat([]byte("some text that is compressed well, "), 30000)
	data := built(zipOf(member{Name: "x", Data: text, Deflate: true}))
	b.Run("archive", func(b *testing.B) {
		z := openZip(b, data)
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			f, err := z.Open("x")
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, f); err != nil {
				b.Fatal(err)
			}
			f.Close()
		}
	})
	b.Run("standard", func(b *testing.B) {
		z, err := stdzip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			f, err := z.File[0].Open()
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, f); err != nil {
				b.Fatal(err)
			}
			f.Close()
		}
	})
}
