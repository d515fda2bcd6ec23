package ota_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// A checksum that stands behind all data is looked at, though the reader of what is in it
// has no use for the last bytes: those of a sparse image are a chunk of nothing.
func TestChecksumsAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	data := []byte(strings.Repeat("0123456789abcdef", 512))
	sparse := append(sparseOf(5, chunk(raw, 2, data), chunk(dontCare, 3, nil)), make([]byte, 100<<10)...)
	super := append(superFixture(t), make([]byte, 2<<20)...) // more than the head that is looked at
	for what, img := range map[string][]byte{"sparse": sparse, "super": super, "raw": data} {
		name := map[string]string{"sparse": "system.img", "super": "super.img", "raw": "boot.img"}[what]
		write(t, dir, name, img)
		for _, ending := range []string{"gz", "bz2", "xz", "zst", "lz4"} {
			b := compress(t, dir, name, ending)
			for _, broken := range []bool{false, true} {
				if broken {
					b[len(b)-3] ^= 1 // in the checksum, or of xz in the footer
				}
				zip := (&otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: name + "." + ending, Data: b}}}).Bytes()
				files := map[string][]byte{"update.zip": zip, name + "." + ending: b}
				if what == "raw" {
					delete(files, name+"."+ending) // it would not be known for an image
				}
				for as, file := range files {
					err := whole(t.Context(), file, as, ota.Options{})
					if broken && !errors.Is(err, parse.ErrFormat) || !broken && err != nil {
						t.Errorf("%s in %s in %s, broken %v: %v", what, ending, as, broken, err)
					}
				}
			}
		}
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(images(t, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, b := range map[string][]byte{
		"system.img":               sparse,
		"super.img":                super,
		"boot.img":                 data,
		"system.img_sparsechunk.0": sparse,
		"system.img.lz4":           compress(t, dir, "system.img", "lz4"),
		"image-x.zip":              read("archives/update.zip"),
		"AP.tar.md5":               read("archives/AP_NIMBUS.tar.md5"),
	} {
		for _, broken := range []bool{false, true} {
			m := otatest.ZipMember{Name: name, Data: b, Deflate: true}
			if broken {
				m.Local = func(h *otatest.ZipHeader) { h.CRC ^= 1 }
				m.Central = m.Local
			}
			err := whole(t.Context(), (&otatest.ZipBuilder{Members: []otatest.ZipMember{m}}).Bytes(), "update.zip", ota.Options{})
			if broken && !errors.Is(err, parse.ErrFormat) || !broken && err != nil {
				t.Errorf("%s deflated, broken %v: %v", name, broken, err)
			}
		}
	}
}
