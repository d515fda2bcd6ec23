package inspect_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
)

// bootImage is a boot image of version 0 with that ramdisk.
func bootImage(ramdisk []byte) []byte {
	const page = 2048
	b := make([]byte, 2*page)
	copy(b, "ANDROID!")
	binary.LittleEndian.PutUint32(b[8:], 10)                    // kernel_size
	binary.LittleEndian.PutUint32(b[16:], uint32(len(ramdisk))) // ramdisk_size
	binary.LittleEndian.PutUint32(b[36:], page)
	copy(b[page:], "a kernel!!")
	b = append(b, ramdisk...)
	return append(b, make([]byte, page-len(ramdisk)%page)...)
}

// A ramdisk that cannot be read is a gap, since recovery's keys are in it; a kernel is none, and
// neither hides apps.
func TestRamdiskGap(t *testing.T) {
	for name, tc := range map[string]struct {
		ramdisk []byte
		gaps    int
	}{
		"noise":         {bytes.Repeat([]byte("noise"), 100), 1},
		"broken gzip":   {[]byte("\x1f\x8b\x08\x00broken"), 1},
		"broken cpio":   {[]byte("070701zz"), 1},
		"an older cpio": {[]byte("070707000000000000"), 1},
		"none":          {nil, 1}, // it may stand in the kernel
	} {
		p, err := ota.Open(t.Context(), blob.Bytes(bootImage(tc.ramdisk)), "recovery.img", ota.Options{Spool: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		facts := run(t, p, []fact.Kind{fact.KindCertificates, fact.KindApps}, 1)
		p.Close()
		if len(facts.Gaps) != tc.gaps {
			t.Errorf("%s: gaps %v", name, facts.Gaps)
			continue
		}
		for _, g := range facts.Gaps {
			if got := g.At.String(); got != "recovery:!/ramdisk" || len(g.Subjects) != 1 || g.Subjects[0].ID != got ||
				!slices.Contains(g.Blinds, fact.KindCertificates) || slices.Contains(g.Blinds, fact.KindApps) {
				t.Errorf("%s: %+v", name, g)
			}
		}
	}
}
