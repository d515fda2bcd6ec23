package boot_test

import (
	"errors"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/boot"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen opens any bytes. Nothing panics; errors are *parse.Error; parts,
// ramdisks, wrappers and trailers lie within the image and can be read.
func FuzzOpen(f *testing.F) {
	for _, name := range images {
		b := fixture(f, name+".img")
		f.Add(b[:min(len(b), 1<<14)])
	}
	for _, h := range hostiles(f) {
		f.Add(h.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<15 {
			return
		}
		m, err := boot.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{}))
		if err != nil {
			var pe *parse.Error
			if !errors.As(err, &pe) || pe.Format != "boot" {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		size := int64(len(data))
		whole := func(b blob.Blob) {
			if b.Size() > size {
				t.Fatalf("%d bytes of %d", b.Size(), size)
			}
			if _, err := blob.ReadAll(b, size); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range m.Parts {
			if p.Off < 0 || p.Off+p.Blob.Size() > size || p.Blob.Size() == 0 {
				t.Fatalf("%+v", p)
			}
			whole(p.Blob)
			if p.Wrapper != nil {
				whole(p.Wrapper.Blob)
			}
		}
		for _, r := range m.Ramdisks {
			whole(r.Blob)
		}
		for _, tr := range m.Trailers {
			if tr.Off < 0 || tr.Off >= size || tr.Len < 0 {
				t.Fatalf("%+v", tr)
			}
		}
		if len(m.Notes) > 16 {
			t.Fatal(m.Notes)
		}
		m.Init()
		_ = m.OSVersion.Release() + m.OSVersion.PatchLevel()
		if _, err := m.CheckID(); err != nil {
			t.Fatal(err)
		}
	})
}
