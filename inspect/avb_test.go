package inspect_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
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
	return otatest.Fixture(t, filepath.Join(otatest.Root(t), "ota/signature/avb/testdata", name))
}

// Verified boot goes from vbmeta along its chains to the images.
func TestVerifiedBoot(t *testing.T) {
	chain, system, boot := avbImage(t, "chain.img"), avbImage(t, "tree-sha256.img.gz"), avbImage(t, "hash.img.gz")
	noTree := bytes.Clone(system)
	// 20,000 bytes of data take five blocks; the tree is the one after them.
	clear(noTree[20480:24576])
	flipped := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	// The vbmeta image has chains to system and vendor alone: what boot states of itself is
	// read by nobody, and only vendor's struct, which is not here, may state more.
	sound := "avb boot true; avb system true; avb vbmeta true; avb-chain vendor ?; avb-hash boot true; avb-hashtree system true; avb-none boot ?"
	for name, tc := range map[string]struct {
		images map[string][]byte
		want   string
	}{
		"all is right":                     {map[string][]byte{"vbmeta": chain, "system": system, "boot": boot}, sound},
		"with a slot":                      {map[string][]byte{"vbmeta_a": chain, "system_a": system, "boot_a": boot}, strings.NewReplacer("boot ", "boot_a ", "system ", "system_a ", "vbmeta ", "vbmeta_a ").Replace(sound)},
		"a block differs":                  {map[string][]byte{"vbmeta": chain, "system": flipped(system, 5000), "boot": boot}, strings.Replace(sound, "hashtree system true", "hashtree system false", 1)},
		"a kernel differs":                 {map[string][]byte{"vbmeta": chain, "system": system, "boot": flipped(boot, 5000)}, strings.Replace(sound, "hash boot true", "hash boot false", 1)},
		"vbmeta differs":                   {map[string][]byte{"vbmeta": flipped(chain, 130), "system": system, "boot": boot}, strings.Replace(sound, "vbmeta true", "vbmeta false", 1)},
		"another key":                      {map[string][]byte{"vbmeta": chain, "system": boot, "boot": boot}, "avb boot true; avb system false; avb vbmeta true; avb-chain vendor ?; avb-hash boot true; avb-hash boot true; avb-none system ?"},
		"no struct":                        {map[string][]byte{"vbmeta": make([]byte, 4096)}, "avb vbmeta false"},
		"not signed":                       {map[string][]byte{"vbmeta": avbImage(t, "none.img"), "system": avbImage(t, "tree-none.img.gz")}, "avb vbmeta false; avb-none system false"},
		"no struct at the chain's end":     {map[string][]byte{"vbmeta": chain, "system": make([]byte, 8192)}, "avb vbmeta true; avb-chain system false; avb-chain vendor ?"},
		"no tree beside the data":          {map[string][]byte{"vbmeta": chain, "system": noTree}, "avb system true; avb vbmeta true; avb-chain vendor ?; avb-hashtree system false"},
		"whole, and boot is left out":      {map[string][]byte{"vbmeta": avbImage(t, "rsa4096-256.img"), "boot": boot}, "avb boot true; avb vbmeta true; avb-hash boot true; avb-none boot false"},
		"a struct that nobody begins with": {map[string][]byte{"foo": chain, "system": system}, "avb foo true; avb system true; avb-chain vendor ?; avb-hashtree system true; gap avb"},
		"no vbmeta":                        {map[string][]byte{"system": system}, "avb system true; avb-hashtree system true; gap avb"},
		"a vbmeta that is not read":        {map[string][]byte{"vbmeta": make([]byte, 4096), "dtbo": boot}, "avb dtbo true; avb vbmeta false; avb-hash boot ?; avb-none dtbo ?"},
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
		for _, g := range facts.Gaps {
			for _, s := range g.Subjects {
				if s.ID == "avb" {
					got = append(got, "gap "+s.ID)
				}
			}
		}
		if text := strings.Join(slices.Sorted(slices.Values(got)), "; "); text != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, text, tc.want)
		}
	}
}

// A struct that asks for one image to be hashed again and again does not get it.
func TestVerifiedBootTwice(t *testing.T) {
	image := make([]byte, 1<<20)
	sum := sha256.Sum256(image)
	var d []byte // AvbHashDescriptor
	d = binary.BigEndian.AppendUint64(d, 2)
	d = binary.BigEndian.AppendUint64(d, 160)
	d = binary.BigEndian.AppendUint64(d, uint64(len(image)))
	d = append(d, fmt.Sprintf("%-32s", "sha256")...)
	for i, c := range d {
		if c == ' ' {
			d[i] = 0
		}
	}
	d = binary.BigEndian.AppendUint32(d, 4)
	d = binary.BigEndian.AppendUint32(d, 0)
	d = binary.BigEndian.AppendUint32(d, 32)
	d = append(d, make([]byte, 132-len(d))...)
	d = append(append(d, "boot"...), sum[:]...)
	d = append(d, make([]byte, 16+160-len(d))...)
	aux := bytes.Repeat(d, 100)
	aux = append(aux, make([]byte, -len(aux)&63)...)
	head := make([]byte, 256)
	copy(head, "AVB0")
	binary.BigEndian.PutUint32(head[4:], 1)
	binary.BigEndian.PutUint64(head[20:], uint64(len(aux)))
	binary.BigEndian.PutUint64(head[104:], uint64(100*len(d)))
	z := &otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "android-info.txt"}, {Name: "vbmeta.img", Data: append(head, aux...)}, {Name: "boot.img", Data: image}}}
	p, err := ota.Open(t.Context(), blob.Bytes(z.Bytes()), "images.zip", ota.Options{Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	count := map[string]int{}
	for _, s := range run(t, p, []fact.Kind{fact.KindSignatures}, 2).Signatures {
		if s.Scheme == "avb-hash" && s.Holds != nil && *s.Holds {
			count["holds"]++
		} else if s.Scheme == "avb-hash" && strings.Contains(s.Reason, "not judged") {
			count["not judged"]++
		}
	}
	if count["holds"] != 4 || count["not judged"] != 96 {
		t.Error(count)
	}
}
