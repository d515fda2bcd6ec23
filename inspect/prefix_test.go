package inspect_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// An app does not hide behind bytes that are put before it: Android reads a zip from its end.
func TestPrefixedApp(t *testing.T) {
	apk, err := os.ReadFile(filepath.Join(otatest.Root(t), "inspect/extract/apk/testdata/codename.apk"))
	if err != nil {
		t.Fatal(err)
	}
	for name, prefix := range map[string]string{"none": "", "dex": "dex\n035\x00", "text": "#!/bin/sh\n", "boot image": "ANDROID!", "an empty zip": "PK\x05\x06junk", "a ramdisk": "070701"} {
		z := &otatest.ZipBuilder{Members: []otatest.ZipMember{
			{Name: "META-INF/com/google/android/updater-script", Data: []byte(`package_extract_dir("system", "/system");`)},
			{Name: "system/build.prop", Data: []byte("a=b\n")},
			{Name: "system/app/A.apk", Data: behind(prefix, apk)},
			{Name: "system/app/B.apk", Data: []byte("no zip at all")},
			{Name: "system/app/C.apk", Data: []byte("an end, and nothing that is right: PK\x05\x06" + strings.Repeat("\xff", 18))},
		}}
		p, err := ota.Open(t.Context(), blob.Bytes(z.Bytes()), "x.zip", ota.Options{Spool: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		facts := run(t, p, []fact.Kind{fact.KindApps}, 1)
		if !slices.ContainsFunc(facts.Gaps, func(g fact.Gap) bool { return g.At.Path == "app/C.apk" }) {
			t.Errorf("%s: no gap of what cannot be read: %v", name, facts.Gaps)
		}
		if len(facts.Apps) != 1 {
			t.Fatalf("%s: %d apps, gaps %v", name, len(facts.Apps), facts.Gaps)
		}
		manifest, closer, err := inspect.Open(t.Context(), p, facts.Apps[0].At.InMember("AndroidManifest.xml"))
		if err != nil || manifest.Size() == 0 {
			t.Fatalf("%s: %v", name, err)
		}
		closer()
		p.Close()
	}
}

// behind puts bytes before a zip, and makes its offsets count from the start of the file again.
func behind(prefix string, zip []byte) []byte {
	b := append([]byte(prefix), zip...)
	end := bytes.LastIndex(b, []byte("PK\x05\x06"))
	shift := func(at int) int {
		off := binary.LittleEndian.Uint32(b[at:]) + uint32(len(prefix))
		binary.LittleEndian.PutUint32(b[at:], off)
		return int(off)
	}
	central := shift(end + 16)
	for at := central; bytes.HasPrefix(b[at:], []byte("PK\x01\x02")); {
		shift(at + 42)
		at += 46 + int(binary.LittleEndian.Uint16(b[at+28:])) + int(binary.LittleEndian.Uint16(b[at+30:])) + int(binary.LittleEndian.Uint16(b[at+32:]))
	}
	return b
}

// A filesystem does not hide behind a mark that is put into its boot block, nor behind a ramdisk there.
func TestHiddenFilesystem(t *testing.T) {
	image := otatest.Fixture(t, filepath.Join(otatest.Root(t), "testdata/images/ext4/android.img.gz"))
	for _, mark := range []string{"", "070701", "hsqs"} {
		b := bytes.Clone(image)
		copy(b, mark)
		p, err := ota.Open(t.Context(), blob.Bytes(b), "system.img", ota.Options{Spool: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Partitions[0].FS(t.Context()); err != nil {
			t.Errorf("%q: %v", mark, err)
		}
		if name, _ := p.Partitions[0].Filesystem(); name != "ext4" {
			t.Errorf("%q: read as %q", mark, name)
		}
		p.Close()
	}
}
