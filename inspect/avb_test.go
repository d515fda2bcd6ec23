package inspect_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// avbImage is an image that avbtool made: see ota/signature/avb/testdata.
func avbImage(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(otatest.Root(t), "ota/signature/avb/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(name, ".gz") {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

// Verified boot goes from vbmeta along its chains to the images.
func TestVerifiedBoot(t *testing.T) {
	chain, system, boot := avbImage(t, "chain.img"), avbImage(t, "tree-sha256.img.gz"), avbImage(t, "hash.img.gz")
	flipped := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	sound := "avb boot true; avb system true; avb vbmeta true; avb-chain vendor ?; avb-hash boot true; avb-hashtree system true"
	for name, tc := range map[string]struct {
		images map[string][]byte
		want   string
	}{
		"all is right":     {map[string][]byte{"vbmeta": chain, "system": system, "boot": boot}, sound},
		"with a slot":      {map[string][]byte{"vbmeta_a": chain, "system_a": system, "boot_a": boot}, strings.NewReplacer("boot ", "boot_a ", "system ", "system_a ", "vbmeta ", "vbmeta_a ").Replace(sound)},
		"a block differs":  {map[string][]byte{"vbmeta": chain, "system": flipped(system, 5000), "boot": boot}, strings.Replace(sound, "hashtree system true", "hashtree system false", 1)},
		"a kernel differs": {map[string][]byte{"vbmeta": chain, "system": system, "boot": flipped(boot, 5000)}, strings.Replace(sound, "hash boot true", "hash boot false", 1)},
		"vbmeta differs":   {map[string][]byte{"vbmeta": flipped(chain, 130), "system": system, "boot": boot}, strings.Replace(sound, "vbmeta true", "vbmeta false", 1)},
		"another key":      {map[string][]byte{"vbmeta": chain, "system": boot, "boot": boot}, "avb boot true; avb system false; avb vbmeta true; avb-chain vendor ?; avb-hash boot true; avb-hash boot true"},
		"no struct":        {map[string][]byte{"vbmeta": make([]byte, 4096)}, "avb vbmeta false"},
		"not signed":       {map[string][]byte{"vbmeta": avbImage(t, "none.img"), "system": avbImage(t, "tree-none.img.gz")}, "avb vbmeta false"},
	} {
		z := &otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "android-info.txt"}}}
		for image, b := range tc.images {
			z.Members = append(z.Members, otatest.ZipMember{Name: image + ".img", Data: b})
		}
		p, err := ota.Open(t.Context(), blob.Bytes(z.Bytes()), "images.zip", ota.Options{Spool: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		facts := run(t, p, []fact.Kind{fact.KindSignatures}, 2)
		p.Close()
		var got []string
		for _, s := range facts.Signatures {
			if !strings.HasPrefix(s.Scheme, "avb") {
				continue
			}
			holds := "?"
			if s.Holds != nil {
				holds = fmt.Sprint(*s.Holds)
			}
			got = append(got, s.Scheme+" "+s.Subject+" "+holds)
		}
		if text := strings.Join(slices.Sorted(slices.Values(got)), "; "); text != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, text, tc.want)
		}
	}
}
