package super_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/super"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen opens any bytes, as they are and with checksums that hold. Nothing
// panics; errors are *parse.Error; partitions have the bytes that their extents
// say, and no two share any.
func FuzzOpen(f *testing.F) {
	f.Add(fixture(f, "super_empty.img"), false)
	f.Add(fixture(f, "super.img")[:28672], false)
	f.Add(fixture(f, "super-vab.img")[:28672], true)
	f.Add(fixture(f, "updated.img")[:28672], false)
	f.Add(fixture(f, "retrofit-system.img")[:28672], true)
	for _, h := range hostiles() {
		if data := h.b.empty(); len(data) < 1<<15 {
			f.Add(data, true)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, mend bool) {
		if len(data) > 1<<15 {
			return
		}
		if mend {
			data = mended(data)
		}
		try(t, data)
	})
}

// mended is data whose checksums hold wherever a structure may begin.
func mended(data []byte) []byte {
	data = append([]byte(nil), data...)
	for _, at := range []int{0, 4096, 8192} {
		if len(data) >= at+52 && le.Uint32(data[at:]) == 0x616c4467 {
			clear(data[at+8 : at+40])
			sum := sha256.Sum256(data[at : at+52])
			copy(data[at+8:], sum[:])
		}
	}
	for at := 4096; at+256 <= len(data); at += 4096 {
		h := data[at:]
		size, tables := int(le.Uint32(h[8:])), int64(le.Uint32(h[44:]))
		if le.Uint32(h) != 0x414c5030 || size != 128 && size != 256 {
			continue
		}
		if int64(size)+tables <= int64(len(h)) {
			sum := sha256.Sum256(h[size : size+int(tables)])
			copy(h[48:], sum[:])
		}
		clear(h[12:44])
		sum := sha256.Sum256(h[:size])
		copy(h[12:], sum[:])
	}
	return data
}

func try(t *testing.T, data []byte) {
	b := blob.Bytes(data)
	m, err := super.Open(b, parse.NewBudget(parse.Limits{}))
	if err != nil {
		var pe *parse.Error
		if !errors.As(err, &pe) || pe.Format != "super" {
			t.Fatalf("%T: %v", err, err)
		}
		return
	}
	if m.Metadata() == nil || len(m.Notes) > 64 {
		t.Fatalf("%+v", m)
	}
	for _, s := range m.Slots {
		if s == nil {
			continue
		}
		var sum uint64
		for i := range s.Partitions {
			p := &s.Partitions[i]
			size := int64(0)
			for _, e := range p.Extents {
				size += e.Len
				if e.Zero {
					continue
				}
				d := s.Devices[e.Device]
				if sum += uint64(e.Len); e.Off < int64(d.FirstLogicalSector)*512 || uint64(e.Off+e.Len) > d.Size {
					t.Fatalf("%+v on %+v", e, d)
				}
			}
			if size != p.Size {
				t.Fatalf("%+v", p)
			}
			devices := make([]blob.Blob, len(s.Devices))
			for i := range devices {
				devices[i] = b
			}
			x, err := s.Blob(p, devices...)
			if err != nil {
				var pe *parse.Error
				if !errors.As(err, &pe) {
					t.Fatalf("%T: %v", err, err)
				}
				continue
			}
			if x.Size() != p.Size {
				t.Fatalf("%d bytes of %d", x.Size(), p.Size)
			}
			if _, err := x.ReadAt(make([]byte, 600), p.Size/2); err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
		var room uint64
		for _, d := range s.Devices {
			room += d.Size
		}
		if sum > room && room > 0 && len(s.Devices) == 1 {
			t.Fatalf("partitions of %d bytes on %d", sum, room)
		}
	}
}
