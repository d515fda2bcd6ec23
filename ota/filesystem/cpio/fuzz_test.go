package cpio_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/cpio"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen opens any bytes and reads everything. Nothing panics; errors are
// *parse.Error; what opens can be read, and has all it lists.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"links.img", "lost.img", "trailer.img", "sums.img", "sums-bad.img", "stream.img", "stream-cut.img", "joined.img", "mkbootfs.cpio", "odc.cpio", "bin.cpio"} {
		f.Add(fixture(f, name))
	}
	f.Add(fixture(f, "names.img")[:0xf00])
	f.Add(fixture(f, "kinds.img")[:0x2000])
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		z, err := cpio.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{Produced: 1 << 20, Entries: 2000}), cpio.Options{})
		if err != nil {
			var pe *parse.Error
			if !errors.As(err, &pe) || pe.Format != "cpio" {
				t.Fatalf("%T: %v", err, err)
			}
			if pe.Off > int64(len(data)) {
				t.Fatalf("%d is no offset of %d bytes: %v", pe.Off, len(data), err)
			}
			return
		}
		defer z.Close()
		if err := walk(z); err != nil {
			t.Fatal(err)
		}
		if z.Size() <= 0 || z.Size() > int64(len(data)) {
			t.Fatalf("%d of %d bytes", z.Size(), len(data))
		}
		entries, end := 0, int64(-1)
		for _, a := range z.Archives() {
			if a.Off < end || a.Method == "" && a.Off == end {
				t.Fatalf("archives are not in order: %+v", z.Archives())
			}
			entries, end = entries+a.Entries, a.Off
		}
		notes := z.Notes()
		if len(notes) > 32 {
			t.Fatalf("%d notes", len(notes))
		}
		for _, n := range notes {
			if strings.ContainsFunc(n, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("note %q", n)
			}
		}
	})
}
