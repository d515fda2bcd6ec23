package bootsig_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/bootsig"
)

func bootImage(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata/images/boot", name+".img"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signed is an image of mkbootimg's that BootSignature signed.
func signed(t testing.TB, name string) (whole []byte, end int) {
	t.Helper()
	version, _, _ := strings.Cut(name, ".")
	image := bootImage(t, version)
	sig, err := os.ReadFile("testdata/" + name + ".sig")
	if err != nil {
		t.Fatal(err)
	}
	return append(image, sig...), len(image)
}

var signatures = []struct{ name, partition, signer string }{
	{"v0.rsa2048", "boot", "RSA 2048 SHA-256"},
	{"v1.rsa2048", "boot", "RSA 2048 SHA-256"},
	{"v2.rsa2048", "boot", "RSA 2048 SHA-256"},
	{"v0.rsa4096", "recovery", "RSA 4096 SHA-256"},
	{"v0.ec256", "boot", "EC 256 SHA-256"},
	{"v0.ec384", "boot", "EC 384 SHA-384"},
	{"v0.ec521", "boot", "EC 521 SHA-512"},
}

func verify(t testing.TB, b []byte, partition string) *signature.Result {
	t.Helper()
	r, err := bootsig.Verify(blob.Bytes(b), partition)
	if err != nil {
		t.Fatal(err)
	}
	if (r.Reason == nil) != (r.Intact == signature.Yes) || (len(r.Signers) > 0) != (r.Intact == signature.Yes) {
		t.Fatalf("%+v", r)
	}
	return r
}

// What BootSignature signs holds, for the partition that it was signed for.
func TestBootSignature(t *testing.T) {
	for _, tc := range signatures {
		b, end := signed(t, tc.name)
		r := verify(t, b, tc.partition)
		if r.Intact != signature.Yes || r.Accepts[0].Takes != signature.Yes {
			t.Errorf("%s: %+v", tc.name, r)
			continue
		}
		s := r.Signers[0]
		if got := s.Algorithm + " " + strconv.Itoa(s.Bits) + " " + s.Digest; got != tc.signer {
			t.Errorf("%s: %s", tc.name, got)
		}
		if lk := r.Accepts[1].Takes == signature.Yes; lk != strings.HasSuffix(tc.name, "rsa2048") {
			t.Errorf("%s: Little Kernel %v", tc.name, lk)
		}
		if r.Covers[0].End != int64(end) {
			t.Errorf("%s: %+v", tc.name, r.Covers)
		}
		// Ranges touch, and nothing is left out.
		all := append(slices.Clone(r.Covers), r.Unsigned...)
		slices.SortFunc(all, func(a, b signature.Range) int { return int(a.First - b.First) })
		at := int64(0)
		for _, x := range all {
			if x.First != at {
				t.Errorf("%s: %+v", tc.name, all)
			}
			at = x.End
		}
		if at != int64(len(b)) {
			t.Errorf("%s: %+v", tc.name, all)
		}
		// In another place, and on a partition that is padded with zeros.
		for _, p := range []string{"system", tc.partition + "2", ""} {
			r := verify(t, append(bytes.Clone(b), make([]byte, 5000)...), p)
			if r.Intact != signature.Yes || (r.Accepts[0].Takes == signature.Yes) != (p == "") {
				t.Errorf("%s in %q: %+v", tc.name, p, r)
			}
		}
		if r := verify(t, b, tc.partition); r.Notes[0] != "target: /"+tc.partition || r.Notes[1] != "length: "+strconv.Itoa(end) {
			t.Errorf("%s: %q", tc.name, r.Notes)
		}
	}
}

// One bit of each byte is another: what is signed is refused, and the answer is BootSignature's, but within the certificate,
// which is not signed: Verify reads no more of it than its key, Java reads all of it, and neither is what a bootloader reads.
func TestBootFlips(t *testing.T) {
	flips, looser, stricter := 0, 0, 0
	for _, tc := range signatures {
		b, end := signed(t, tc.name)
		text, err := os.ReadFile("testdata/" + tc.name + ".valid")
		if err != nil {
			t.Fatal(err)
		}
		valid := map[int]bool{}
		for n := range strings.FieldsSeq(string(text)) {
			at, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			valid[at] = true
		}
		whole := verify(t, b, tc.partition)
		certificate := int64(bytes.Index(b, whole.Signers[0].Certificate))
		for at := range b {
			sampled := at >= end || at <= 64 || at%97 == 0 // by Judge.java
			if !sampled && (tc.name != "v0.rsa2048" || at%3 > 0) {
				continue
			}
			bent := bytes.Clone(b)
			bent[at] ^= 1 << (at % 8)
			r, err := bootsig.Verify(blob.Bytes(bent), tc.partition)
			if err != nil && !errors.Is(err, signature.ErrNone) {
				t.Fatal(err)
			}
			holds := err == nil && r.Intact == signature.Yes
			for _, c := range whole.Covers {
				if int64(at) >= c.First && int64(at) < c.End && holds {
					t.Errorf("%s: byte %d, which is signed, is another, and it holds", tc.name, at)
				}
			}
			if !sampled {
				continue
			}
			flips++
			inside := int64(at) >= certificate && int64(at) < certificate+int64(len(whole.Signers[0].Certificate))
			switch {
			case holds == valid[at]:
			case !inside:
				t.Errorf("%s, byte %d: it holds %v, BootSignature says %v", tc.name, at, holds, valid[at])
			case holds:
				looser++
			default:
				stricter++
				t.Logf("%s, byte %d (%d in the certificate): %+v, %v", tc.name, at, int64(at)-certificate, r, err)
			}
		}
	}
	t.Logf("%d flips; in certificates %d that Verify takes and BootSignature does not, %d the other way", flips, looser, stricter)
}

// What is not so at all is ErrNone; what begins as a signature and goes on otherwise is broken.
func TestBootForms(t *testing.T) {
	b, end := signed(t, "v0.rsa2048")
	sig := b[end:]
	image := b[:end:end]
	with := func(parts ...[]byte) []byte { return slices.Concat(append([][]byte{image}, parts...)...) }
	edit := func(at int, v byte) []byte {
		c := bytes.Clone(b)
		c[at] = v
		return c
	}
	field := func(at int, v uint32) []byte {
		c := bytes.Clone(b)
		binary.LittleEndian.PutUint32(c[at:], v)
		return c
	}
	for name, tc := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing follows":         {image, "no signature of this scheme"},
		"zeros follow":            {with(make([]byte, 9000)), "no signature of this scheme"},
		"a vbmeta struct follows": {with([]byte("AVB0"), make([]byte, 300)), "no signature of this scheme"},
		"Samsung's mark":          {with([]byte("SEANDROIDENFORCE"), sig[:512]), "no signature of this scheme: SEANDROIDENFORCE, Samsung's mark, before a signature of their own"},
		"a bare signature":        {with(sig[len(sig)-256:]), "no signature of this scheme: what follows the image is no signature of this form"},
		"a bare certificate":      {with(sig[7:]), "no signature of this scheme: what follows the image is no signature of this form"},
		"no boot image":           {append([]byte("ANDROID?"), b[8:]...), "no signature of this scheme"},
		"empty":                   {nil, "no signature of this scheme"},
		"a head alone":            {b[:40], "no signature of this scheme"},
		"version 4":               {field(40, 4), "no signature of this scheme"},
		"pages of 0":              {field(36, 0), "no signature of this scheme"},
		"pages of 2^31":           {field(36, 1<<31), "no signature of this scheme"},
		"kernel of 4 GiB":         {field(8, 1<<32-1), "no signature of this scheme: the image is shorter than its header says"},
		"ramdisk of 4 GiB":        {field(16, 1<<32-1), "no signature of this scheme: the image is shorter than its header says"},
		"version 2, wrong header": {field(40, 2), "no signature of this scheme: the header states another size than its version has"},
		"another version":         {edit(end+6, 2), "no: bootsig: not judged: another version of boot signatures (0x2) at byte 0x2800"},
		"cut off":                 {b[:len(b)-1], "no signature of this scheme: what follows the image is no signature of this form"},
	} {
		r, err := bootsig.Verify(blob.Bytes(tc.b), "boot")
		got := ""
		if err != nil {
			got = err.Error()
			if !errors.Is(err, signature.ErrNone) {
				t.Errorf("%s: %v", name, err)
			}
		} else {
			got = "no: " + r.Reason.Error()
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	// A length that is not the image's, an algorithm that is not the key's.
	at := bytes.LastIndex(b, []byte("/boot"))
	for name, tc := range map[string]struct {
		at   int
		to   []byte
		want string
	}{
		"length":    {at + 7, []byte{0x28, 0x01}, "the signature is of an image of another length (0x2801)"},
		"target":    {at, []byte("/root"), "the signature does not hold"},
		"algorithm": {bytes.Index(b[end:], []byte{0x30, 0x0b, 0x06, 0x09}) + end + 12, []byte{0x05}, "the signature does not hold"},
		"MD5":       {bytes.Index(b[end:], []byte{0x30, 0x0b, 0x06, 0x09}) + end + 12, []byte{0x04}, "not judged: an algorithm that BootSignature does not know (1.2.840.113549.1.1.4)"},
	} {
		bent := bytes.Clone(b)
		copy(bent[tc.at:], tc.to)
		if r := verify(t, bent, "boot"); r.Intact == signature.Yes || !strings.Contains(r.Reason.Error(), tc.want) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// More elements than the form has: BootSignature passes over them, OpenSSL's reader in Little Kernel does not.
func TestBootMoreElements(t *testing.T) {
	b, end := signed(t, "v0.rsa2048")
	null := []byte{5, 0}
	// The outer SEQUENCE has a length of two bytes, that of the attributes one; these are the element before the last.
	grow := func(b []byte) []byte {
		b = bytes.Clone(b)
		binary.BigEndian.PutUint16(b[end+2:], binary.BigEndian.Uint16(b[end+2:])+2)
		return b
	}
	r := verify(t, b, "boot")
	at := r.Covers[1]
	inside := grow(b)
	inside[at.First+1] += 2
	for name, bent := range map[string][]byte{
		"behind the signature":  append(grow(b), null...),
		"behind the attributes": slices.Insert(inside, int(at.End), null...),
	} {
		if r := verify(t, bent, "boot"); r.Intact != signature.No || !strings.Contains(r.Reason.Error(), "bytes after the last element") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// A device tree table of Qualcomm's, whose size stands in place of the version, is signed with the image.
func TestBootDeviceTree(t *testing.T) {
	image := bootImage(t, "v0")
	binary.LittleEndian.PutUint32(image[40:], 3000)
	image = append(image, make([]byte, 4096)...)
	b, _ := signed(t, "v0.rsa2048")
	r := verify(t, append(image, b[len(b)-1102:]...), "boot")
	if r.Intact != signature.No || r.Covers[0].End != int64(len(image)) || !strings.Contains(r.Notes[0], "Qualcomm") {
		t.Errorf("%+v", r)
	}
}

// Images of a real build are signed with the key of AOSP's sources, which anybody has; those of mkbootimg are not signed.
func TestBootReal(t *testing.T) {
	for _, name := range []string{"boot", "recovery"} {
		b, err := os.ReadFile(otatest.Data(t, "deltas", "imgdiff", name+".img"))
		if err != nil {
			t.Fatal(err)
		}
		r := verify(t, b, name)
		if r.Intact != signature.Yes || r.Accepts[0].Takes != signature.Yes || r.Accepts[1].Takes != signature.Yes || len(r.Known) == 0 || r.Known[0].Private != "yes" {
			t.Errorf("%s: %+v", name, r)
		}
		for _, at := range []int64{0, r.Covers[0].End - 1, r.Covers[1].First, r.Covers[1].End - 1, int64(len(b)) - 1} {
			bent := bytes.Clone(b)
			bent[at] ^= 1
			if r, err := bootsig.Verify(blob.Bytes(bent), name); err == nil && r.Intact == signature.Yes {
				t.Errorf("%s, byte %d is another: %+v", name, at, r)
			}
		}
	}
	paths, err := filepath.Glob(filepath.Join(otatest.Root(t), "testdata/images/boot/*.img"))
	if err != nil || len(paths) < 10 {
		t.Fatal(len(paths), err)
	}
	for _, path := range append(paths, otatest.Data(t, "avb", "moto-dtbo.img")) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := bootsig.Verify(blob.Bytes(b), "boot"); err != signature.ErrNone {
			t.Errorf("%s: %+v, %v", path, r, err)
		}
	}
}

// openssl verifies the same bytes with the same key.
func TestBootOpenSSL(t *testing.T) {
	for _, tc := range signatures {
		b, _ := signed(t, tc.name)
		r := verify(t, b, tc.partition)
		dir := t.TempDir()
		file := func(name string, b []byte) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		key, err := otatest.Run(t, "openssl", "x509", "-inform", "DER", "-in", file("cert", r.Signers[0].Certificate), "-noout", "-pubkey")
		if err != nil {
			t.Fatal(key, err)
		}
		var message []byte
		for _, c := range r.Covers {
			message = append(message, b[c.First:c.End]...)
		}
		// The signature is the last element: an OCTET STRING, whose length has one, two or three bytes.
		octets := b[r.Covers[1].End:]
		head := 2
		if octets[1]&0x80 != 0 {
			head += int(octets[1] & 0x7f)
		}
		hash := "-" + strings.ToLower(strings.ReplaceAll(r.Signers[0].Digest, "-", ""))
		out, err := otatest.Run(t, "openssl", "dgst", hash, "-verify", file("key", []byte(key)), "-signature", file("sig", octets[head:]), file("message", message))
		if err != nil {
			t.Errorf("%s: %s, %v", tc.name, out, err)
		}
	}
}

func TestBootTruncated(t *testing.T) {
	b, _ := signed(t, "v0.rsa2048")
	otatest.TestTruncation(t, b, func(in blob.Blob) error {
		r, err := bootsig.Verify(in, "boot")
		if err == nil && r.Intact == signature.Yes {
			return nil
		}
		return &parse.Error{Format: "test", Kind: parse.ErrFormat}
	})
}
