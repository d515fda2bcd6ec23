package dtbo_test

import (
	"errors"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/dtbo"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen opens any bytes. Nothing panics; errors are *parse.Error with a place
// in the file; memory is bounded by the file; entries can be read.
func FuzzOpen(f *testing.F) {
	for _, name := range fixtures {
		b := fixture(f, name+".img")
		f.Add(b[:min(len(b), 4096)])
	}
	for _, h := range hostiles(f) {
		if len(h.data) < 1<<12 {
			f.Add(h.data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		var a otatest.Allocations
		before := a.Read()
		table, err := dtbo.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{}))
		if used := a.Read() - before; used > uint64(8*len(data)+1<<16+otatest.AllocationNoise) {
			t.Fatalf("%d bytes of memory for %d", used, len(data))
		}
		if err != nil {
			var pe *parse.Error
			if !errors.As(err, &pe) || pe.Format != "dtbo" || pe.Off < 0 || pe.Off > int64(len(data)) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if len(table.Notes) > 33 || table.Size > int64(len(data)) {
			t.Fatalf("%d notes, %d bytes of %d", len(table.Notes), table.Size, len(data))
		}
		for i, e := range table.Entries {
			if e.Blob.Size() != e.Size || e.Off+e.Size > int64(len(data)) || (e.Tree != 0 && (e.Compression != "" || table.ACPI)) {
				t.Fatalf("entry %d: %+v", i, e)
			}
			if i < 100 {
				if _, err := blob.ReadAll(e.Blob, 1<<14); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
