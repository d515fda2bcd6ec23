package avb_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/avb"
	"github.com/otavet/otavet/ota/verity"
)

// fixtures are the images that avbtool made, by name.
func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.img*")
	if err != nil || len(paths) < 10 {
		t.Fatal(len(paths), err)
	}
	all := map[string][]byte{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, packed := strings.CutSuffix(filepath.Base(path), ".gz")
		if packed {
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		all[strings.TrimSuffix(name, ".img")] = b
	}
	return all
}

// info is what avbtool info_image prints of an image.
func info(b []byte, v *avb.VBMeta, f *avb.Footer) string {
	var s strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	sum := func(key []byte) string { return fmt.Sprintf("%x", sha1.Sum(key)) }
	if f != nil {
		p("Footer version:           %d.%d", f.Major, f.Minor)
		p("Image size:               %d bytes", len(b))
		p("Original image size:      %d bytes", f.OriginalSize)
		p("VBMeta offset:            %d", f.VBMetaOffset)
		p("VBMeta size:              %d bytes", f.VBMetaSize)
		p("--")
	}
	r, _ := v.Verify()
	auth := int64(0)
	if r != nil {
		auth = r.Unsigned[0].End - r.Unsigned[0].First
	}
	p("Minimum libavb version:   %d.%d", v.Major, v.Minor)
	p("Header Block:             256 bytes")
	p("Authentication Block:     %d bytes", auth)
	p("Auxiliary Block:          %d bytes", v.Size-256-auth)
	if len(v.PublicKey) > 0 {
		p("Public key (sha1):        %s", sum(v.PublicKey))
	}
	p("Algorithm:                %s", v.Algorithm)
	p("Rollback Index:           %d", v.RollbackIndex)
	p("Flags:                    %d", v.Flags)
	p("Rollback Index Location:  %d", v.RollbackLocation)
	p("Release String:           '%s'", v.Release)
	p("Descriptors:")
	flag := func(on bool) int {
		if on {
			return 1
		}
		return 0
	}
	for _, d := range v.Descriptors {
		switch {
		case d.Property != nil:
			p("    Prop: %s -> '%s'", d.Property.Key, d.Property.Value)
		case d.Hashtree != nil:
			t := d.Hashtree
			p("    Hashtree descriptor:\n      Version of dm-verity:  %d\n      Image Size:            %d bytes\n      Tree Offset:           %d\n      Tree Size:             %d bytes", t.Version, t.ImageSize, t.TreeOffset, t.TreeSize)
			p("      Data Block Size:       %d bytes\n      Hash Block Size:       %d bytes\n      FEC num roots:         %d\n      FEC offset:            %d\n      FEC size:              %d bytes", t.DataBlock, t.HashBlock, t.FECRoots, t.FECOffset, t.FECSize)
			p("      Hash Algorithm:        %s\n      Partition Name:        %s\n      Salt:                  %x\n      Root Digest:           %x\n      Flags:                 %d", t.Algorithm, t.Partition, t.Salt, t.Root, flag(t.DoNotUseAB)+2*flag(t.CheckAtMostOnce))
		case d.Hash != nil:
			h := d.Hash
			p("    Hash descriptor:\n      Image Size:            %d bytes\n      Hash Algorithm:        %s\n      Partition Name:        %s\n      Salt:                  %x\n      Digest:                %x\n      Flags:                 %d", h.ImageSize, h.Algorithm, h.Partition, h.Salt, h.Digest, flag(h.DoNotUseAB))
		case d.Cmdline != nil:
			p("    Kernel Cmdline descriptor:\n      Flags:                 %d\n      Kernel Cmdline:        '%s'", d.Cmdline.Flags, d.Cmdline.Text)
		case d.Chain != nil:
			p("    Chain Partition descriptor:\n      Partition Name:          %s\n      Rollback Index Location: %d\n      Public key (sha1):       %s\n      Flags:                   %d", d.Chain.Partition, d.Chain.RollbackLocation, sum(d.Chain.PublicKey), flag(d.Chain.DoNotUseAB))
		}
	}
	if len(v.Descriptors) == 0 {
		p("    (none)")
	}
	return s.String()
}

// Every field of every fixture is what avbtool says that it is, and every signature holds.
func TestAgainstAvbtool(t *testing.T) {
	for name, b := range fixtures(t) {
		v, f, err := avb.OpenImage(blob.Bytes(b), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		if got := info(b, v, f); got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		r, err := v.Verify()
		if v.Algorithm == 0 {
			if !errors.Is(err, signature.ErrNone) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || r.Intact != signature.Yes || len(r.Signers) != 1 || len(r.Known) == 0 || r.Known[0].Private != "yes" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// What descriptors say of an image holds, and one byte more or less does not.
func TestImages(t *testing.T) {
	for name, b := range fixtures(t) {
		v, f, err := avb.OpenImage(blob.Bytes(b), nil)
		if err != nil || f == nil {
			continue
		}
		check := func(b []byte) (root, stored error) {
			d := v.Descriptors[0]
			if d.Hash != nil {
				err := d.Hash.Check(blob.Bytes(b))
				return err, err
			}
			return d.Hashtree.Check(blob.Bytes(b), nil)
		}
		root, stored := check(b)
		if root != nil || (stored != nil) != (name == "tree-none") {
			t.Errorf("%s: %v; %v", name, root, stored)
		}
		for _, at := range []int{0, 4095, 4096, 19999} {
			bent := bytes.Clone(b)
			bent[at] ^= 1
			if root, _ := check(bent); !errors.Is(root, parse.ErrFormat) {
				t.Errorf("%s: byte %d is another: %v", name, at, root)
			}
		}
		if d := v.Descriptors[0].Hashtree; d != nil && d.TreeSize > 0 {
			bent := bytes.Clone(b)
			bent[d.TreeOffset] ^= 1
			if root, stored := check(bent); root != nil || !errors.Is(stored, parse.ErrFormat) {
				t.Errorf("%s: another tree: %v; %v", name, root, stored)
			}
		}
		if root, _ := check(b[:10000]); !errors.Is(root, parse.ErrFormat) {
			t.Errorf("%s, cut off: %v", name, root)
		}
	}
}

// Each bit below a signature makes it fail; those of the authentication block that are no part of hash or signature
// leave the answer.
func TestBits(t *testing.T) {
	b := fixtures(t)["rsa2048-256"]
	for at := range b {
		for bit := range 8 {
			bent := bytes.Clone(b)
			bent[at] ^= 1 << bit
			v, err := avb.Open(blob.Bytes(bent), nil)
			if err != nil {
				var bad *parse.Error
				if !errors.As(err, &bad) {
					t.Fatal(err)
				}
				continue
			}
			r, err := v.Verify()
			padding := at >= 256+32+256 && at < 256+320
			if (err == nil && r.Intact == signature.Yes) != padding {
				t.Fatalf("bit %d of byte %d: %+v, %v", bit, at, r, err)
			}
		}
	}
}

func TestTruncated(t *testing.T) {
	for _, b := range fixtures(t) {
		if len(b) > 4096 {
			continue
		}
		otatest.TestTruncation(t, b, func(in blob.Blob) error {
			_, err := avb.Open(in, nil)
			return err
		})
	}
}

// Real vbmeta images are what is said of them beside the data.
func TestReal(t *testing.T) {
	for name, want := range map[string]string{
		"moto-vbmeta.img":        "SHA256_RSA2048 yes, flags: none, 1 chains, 0 known",
		"moto-vbmeta_system.img": "SHA256_RSA2048 yes, flags: none, 0 chains, 0 known",
		"oppo-k3-vbmeta.img":     "SHA256_RSA4096 yes, flags: none, 5 chains, 0 known",
		"rm6785-vbmeta.img":      "SHA256_RSA4096 yes, flags: HASHTREE_DISABLED, VERIFICATION_DISABLED, 0 chains, 1 known",
		"lineage-a51-vbmeta.img": "NONE, flags: none, 0 chains",
		"moto-dtbo.img":          "avb: no vbmeta struct at byte 0x0",
	} {
		b, err := os.ReadFile(otatest.Data(t, "avb", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := words(avb.OpenImage(blob.Bytes(b), nil)); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func words(v *avb.VBMeta, _ *avb.Footer, err error) string {
	if err != nil {
		return err.Error()
	}
	chains := 0
	for _, d := range v.Descriptors {
		if d.Chain != nil {
			chains++
		}
	}
	r, err := v.Verify()
	if err != nil {
		return fmt.Sprintf("%s, %s, %d chains", v.Algorithm, v.Notes()[1], chains)
	}
	return fmt.Sprintf("%s %s, %s, %d chains, %d known", v.Algorithm, r.Intact, v.Notes()[1], chains, len(r.Known))
}

// The images of real modules are what truth.csv says: algorithm, key in the module, hash tree. Its column of
// SHA-1 is of something else than the key as it is stored: avbtool has the same digests as we have. And of one
// module it says that its stored tree is right, of which avbtool prints "Tree Size: 0 bytes".
func TestModules(t *testing.T) {
	f, err := os.Open(otatest.Data(t, "apex", "truth.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, row := range rows[1:] {
		file, payload, same, tree := row[0], row[4], row[6], row[7]
		if payload == "" || payload == "missing" {
			continue
		}
		if file == "com.android.apex.cts.shim.v2_unsigned_apk_container.apex" {
			tree = "FAIL"
		}
		members := map[string][]byte{}
		otatest.Members(t, otatest.Data(t, "apex", file), func(name string, read func() ([]byte, error)) {
			if name == "apex_payload.img" || name == "apex_pubkey" {
				if members[name], err = read(); err != nil {
					t.Fatal(err)
				}
			}
		})
		image := blob.Bytes(members["apex_payload.img"])
		footer, err := avb.ReadFooter(image)
		if err != nil || footer == nil {
			if payload != "unsigned/no AVB footer" {
				t.Errorf("%s: no footer, %v", file, err)
			}
			held++
			continue
		}
		v, _, err := avb.OpenImage(image, nil)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		r, err := v.Verify()
		if err != nil || r.Intact != signature.Yes || v.Algorithm.String() != payload {
			t.Errorf("%s: %s, %+v, %v", file, v.Algorithm, r, err)
		}
		if bytes.Equal(v.PublicKey, members["apex_pubkey"]) != (same == "same") {
			t.Errorf("%s: apex_pubkey is another", file)
		}
		for _, d := range v.Descriptors {
			if d.Hashtree != nil {
				root, stored := d.Hashtree.Check(image, nil)
				if root != nil || (stored == nil) != (tree == "ok") {
					t.Errorf("%s: %v; %v; want %s", file, root, stored, tree)
				}
			}
		}
		held++
	}
	if held < 10 {
		t.Errorf("%d modules", held)
	}
}

// FuzzOpen: nothing that is read of a file, and nothing that is asked of it then, panics or takes long, and errors
// say where they are.
func FuzzOpen(f *testing.F) {
	for _, b := range fixtures(f) {
		if len(b) < 8192 {
			f.Add(b)
		}
	}
	for _, name := range []string{"mldsa65", "mldsa87"} {
		b, err := os.ReadFile("testdata/" + name + ".vbmeta")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		image := blob.Bytes(b)
		v, _, err := avb.OpenImage(image, nil)
		if err != nil {
			placed(t, err)
			return
		}
		if v.Offset+v.Size > int64(len(b)) {
			t.Errorf("%d bytes at %d of %d", v.Size, v.Offset, len(b))
		}
		for _, verify := range []func() (*signature.Result, error){v.Verify, func() (*signature.Result, error) { return v.VerifyCert(nil) }} {
			r, err := verify()
			if errors.Is(err, signature.ErrNone) {
				continue
			}
			if err != nil || (r.Reason == nil) != (r.Intact == signature.Yes) || r.Intact == signature.Yes && len(r.Signers) == 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			placed(t, r.Reason)
		}
		placed(t, v.CheckMain())
		for _, d := range v.Descriptors {
			switch {
			case d.Chain != nil:
				placed(t, d.Chain.Check(v))
			case d.Hash != nil:
				placed(t, d.Hash.Check(image))
			case d.Hashtree != nil:
				root, stored := d.Hashtree.Check(image, nil)
				placed(t, root)
				placed(t, stored)
				if err := d.Hashtree.CheckFEC(image); err != verity.ErrNoFEC {
					placed(t, err)
				}
			}
		}
	})
}

// placed wants a *parse.Error, or none.
func placed(t *testing.T, err error) {
	t.Helper()
	var bad *parse.Error
	if err != nil && !errors.As(err, &bad) {
		t.Fatal(err)
	}
}
