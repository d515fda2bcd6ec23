package ota_test

import (
	"strings"
	"testing"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// A manifest beside images makes no app of them.
func TestManifestBesideImages(t *testing.T) {
	z := &otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "AndroidManifest.xml"}, {Name: "boot.img", Data: []byte("ANDROID!" + strings.Repeat("\x00", 4096))}}}
	p, err := ota.Open(t.Context(), blob.Bytes(z.Bytes()), "x.zip", ota.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Layout == ota.LayoutAPK || len(p.Partitions) != 1 {
		t.Error(p.Layout, len(p.Partitions))
	}
}
