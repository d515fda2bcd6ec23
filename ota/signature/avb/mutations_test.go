package avb_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/avb"
)

// A mutation is a line of what testdata/mutate.py wrote: an image with something changed, and what libavb says of it.
type mutation struct {
	name, libavb string
	image        []byte
}

func mutations(t testing.TB, name string, base []byte) []mutation {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var all []mutation
	for line := range strings.Lines(string(text)) {
		field := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		m := mutation{field[0], field[2], bytes.Clone(base)}
		for patch := range strings.FieldsSeq(field[1]) {
			at, digits, _ := strings.Cut(patch, ":")
			off, err1 := strconv.Atoi(at)
			b, err2 := hex.DecodeString(digits)
			if err1 != nil || err2 != nil || copy(m.image[off:], b) != len(b) {
				t.Fatal(line)
			}
		}
		all = append(all, m)
	}
	return all
}

// reasons are what is said of the mutations: the offset is that of what is wrong.
var reasons = map[string]string{
	"none":                     "",
	"magic":                    "no vbmeta struct at byte 0x0",
	"version_major_2":          "a vbmeta struct that needs a later libavb ([2 0]) at byte 0x4",
	"version_major_0":          "a vbmeta struct that needs a later libavb ([0 0]) at byte 0x4",
	"version_minor_4":          "a vbmeta struct that needs a later libavb ([1 4]) at byte 0x4",
	"auth_not_64":              "a block that is not of whole 64 bytes ([321 640]) at byte 0xc",
	"aux_not_64":               "a block that is not of whole 64 bytes ([320 639]) at byte 0xc",
	"auth_too_large":           "the blocks are longer than what holds them, or than 64 KiB ([384 640]) at byte 0xc",
	"aux_too_large":            "the blocks are longer than what holds them, or than 64 KiB ([320 704]) at byte 0xc",
	"auth_wraps":               "the blocks are longer than what holds them, or than 64 KiB ([18446744073709551552 640]) at byte 0xc",
	"aux_wraps":                "the blocks are longer than what holds them, or than 64 KiB ([320 18446744073709551552]) at byte 0xc",
	"sizes_wrap_together":      "the blocks are longer than what holds them, or than 64 KiB ([9223372036854775808 9223372036854775808]) at byte 0xc",
	"auth_less":                "the signature lies outside its block (0x20) at byte 0x0",
	"aux_less":                 "the public key lies outside its block (0x58) at byte 0x0",
	"algorithm_none":           "no signature of this scheme",
	"algorithm_9":              "unknown algorithm 9, not checked at byte 0x1c",
	"algorithm_max":            "unknown algorithm 4294967295, not checked at byte 0x1c",
	"algorithm_sha512":         "the hash that is stored is not as long as the algorithm's (0x20) at byte 0x28",
	"hash_outside":             "the hash lies outside its block (0x121) at byte 0x0",
	"hash_wraps":               "the hash lies outside its block (0xfffffffffffffff0) at byte 0x0",
	"hash_short":               "the hash that is stored is not as long as the algorithm's (0x1f) at byte 0x28",
	"hash_long":                "the hash that is stored is not as long as the algorithm's (0x21) at byte 0x28",
	"hash_empty":               "the hash that is stored is not as long as the algorithm's (0x0) at byte 0x28",
	"sig_outside":              "the signature lies outside its block (0x41) at byte 0x0",
	"sig_wraps":                "the signature lies outside its block (0xfffffffffffffff0) at byte 0x0",
	"key_outside":              "the public key lies outside its block (0x280) at byte 0x0",
	"key_wraps":                "the public key lies outside its block (0xfffffffffffffff8) at byte 0x0",
	"meta_outside":             "the metadata of the public key lies outside its block (0x260) at byte 0x0",
	"meta_wraps":               "the metadata of the public key lies outside its block (0xfffffffffffffff8) at byte 0x0",
	"release_no_end":           "the release string does not end with a zero at byte 0x80",
	"release_zero_inside":      "the release string does not end with a zero at byte 0x80",
	"signature":                "the signature does not hold: signature: the signature is not the key's at byte 0x120",
	"padding_of_auth":          "",
	"descriptors_moved":        "a descriptor of a wrong length (0x25) at byte 0x250",
	"sealed_none":              "",
	"sealed_algorithm_rsa4096": "the public key: not as long as the algorithm's (0x208)",
	"sealed_sig_elsewhere":     "the signature does not hold: signature: the signature is not the key's at byte 0x121",
	"sealed_sig_short":         "the signature does not hold: signature: the RSA signature is not as long as the modulus (0xff) at byte 0x120",
	"sealed_sig_long":          "the signature does not hold: signature: the RSA signature is not as long as the modulus (0x101) at byte 0x120",
	"sealed_sig_empty":         "the signature does not hold: signature: the RSA signature is not as long as the modulus (0x0) at byte 0x120",
	"sealed_key_short":         "the public key: not as long as the algorithm's (0x207)",
	"sealed_key_long":          "the public key: not as long as the algorithm's (0x209)",
	"sealed_key_empty":         "the public key: not as long as the algorithm's (0x0)",
	"sealed_key_bits":          "the public key: of another number of bits than the algorithm's (0x1000)",
	"sealed_key_n0inv":         "the public key: n0inv does not follow from the modulus (0x1)",
	"sealed_key_rr":            "the public key: R squared does not follow from the modulus",
	"sealed_key_even":          "not judged: the public key has no modulus of that many bits (0x800)",

	// What only the header states, and is signed.
	"sealed_version_minor_3": "", "sealed_meta_far_and_empty": "", "sealed_rollback_index": "", "sealed_flags": "",
	"sealed_rollback_location": "", "sealed_release_empty": "", "sealed_reserved": "", "sealed_padding_of_auth": "",

	// The same as without the seal.
	"sealed_algorithm_none": "no signature of this scheme", "sealed_algorithm_9": "unknown algorithm 9, not checked at byte 0x1c",
	"sealed_algorithm_sha512":    "the hash that is stored is not as long as the algorithm's (0x20) at byte 0x28",
	"sealed_hash_short":          "the hash that is stored is not as long as the algorithm's (0x1f) at byte 0x28",
	"sealed_release_zero_inside": "the release string does not end with a zero at byte 0x80",
}

// libavb refuses an unknown algorithm as it does a malformed header, and computes with any modulus; of neither is
// said here that the signature is broken.
var notJudged = map[string]bool{"algorithm_9": true, "algorithm_max": true, "sealed_algorithm_9": true, "sealed_key_even": true}

// Descriptors are read before the hash is compared; libavb reads them after, and refuses both.
var readEarlier = map[string]bool{"descriptors_moved": true}

// Each field is changed by itself: the answer is libavb's, and the reason the exact one.
func TestMutations(t *testing.T) {
	all := mutations(t, "mutations.tsv", fixtures(t)["rsa2048-256"])
	for _, m := range all {
		v, err := avb.Open(blob.Bytes(m.image), nil)
		opened := err == nil
		intact := signature.No
		if opened {
			var r *signature.Result
			if r, err = v.Verify(); err == nil {
				intact, err = r.Intact, r.Reason
			}
			if r != nil && (len(r.Signers) > 0) != (r.Intact == signature.Yes) {
				t.Errorf("%s: intact %s with %d signers", m.name, r.Intact, len(r.Signers))
			}
		}
		ours := "INVALID_VBMETA_HEADER"
		switch {
		case !opened && errors.Is(err, parse.ErrUnsupported):
			ours = "UNSUPPORTED_VERSION"
		case !opened || err != nil && strings.Contains(err.Error(), "not as long as the algorithm's") && strings.Contains(err.Error(), "hash"):
		case errors.Is(err, signature.ErrNone):
			ours = "OK_NOT_SIGNED"
		case intact == signature.Yes:
			ours = "OK"
		case intact == signature.Unknown:
			ours = m.libavb
			if !notJudged[m.name] {
				t.Errorf("%s is not judged: %v", m.name, err)
			}
		case strings.Contains(err.Error(), "do not have the hash"):
			ours = "HASH_MISMATCH"
		default:
			ours = "SIGNATURE_MISMATCH"
		}
		if ours != m.libavb && !readEarlier[m.name] {
			t.Errorf("%s: %s (%v), libavb says %s", m.name, ours, err, m.libavb)
		}
		want, ok := reasons[m.name]
		if !ok && m.libavb == "HASH_MISMATCH" {
			want = "header and descriptors do not have the hash that is stored at byte 0x0"
		} else if !ok {
			t.Errorf("%s has no reason", m.name)
		}
		got := ""
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "avb: ")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", m.name, got, want)
		}
	}
	t.Logf("%d fields changed, all judged as libavb does but for those named", len(all))
}

// What libavb refuses of certificates is refused, bit by bit, and what it takes holds.
func TestCertificates(t *testing.T) {
	base := fixtures(t)["cert"]
	b, err := os.ReadFile("testdata/attributes.bin")
	if err != nil {
		t.Fatal(err)
	}
	device, err := avb.ParseAttributes(b)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(b []byte, device *avb.Attributes) *signature.Result {
		t.Helper()
		v, err := avb.Open(blob.Bytes(b), nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := v.VerifyCert(device)
		if err != nil {
			t.Fatal(err)
		}
		if (r.Reason == nil) != (r.Intact == signature.Yes) {
			t.Fatalf("%+v", r)
		}
		return r
	}
	r := verify(base, device)
	if r.Intact != signature.Yes || len(r.Signers) != 2 || len(r.Known) != 2 || r.Notes[0] != "PIK version: 42" || r.Notes[1] != "PSK version: 42" {
		t.Errorf("%+v", r)
	}
	r = verify(base, nil)
	if r.Intact != signature.Unknown || len(r.Signers) != 1 {
		t.Errorf("without the root key: %+v", r)
	}
	trusted := mutations(t, "cert.tsv", base)
	if len(trusted) != 1 || trusted[0].name != "none" {
		t.Fatalf("libavb trusts %d", len(trusted))
	}
	first, end := r.Covers[0].First-4, r.Unsigned[1].End
	if end-first != 3244 {
		t.Fatal(first, end)
	}
	for at := first; at < end; at++ {
		bent := bytes.Clone(base)
		bent[at] ^= 1 << (at % 8)
		if r := verify(bent, device); r.Intact == signature.Yes {
			t.Errorf("byte %d is another, and it holds", at)
		}
	}

	// A certificate of the right keys for another use; the use of the PIK without its signature, which cannot be judged.
	unlock, err := os.ReadFile("testdata/unlock.bin")
	if err != nil {
		t.Fatal(err)
	}
	bent := bytes.Clone(base)
	copy(bent[r.Covers[1].First:], unlock)
	for _, attributes := range []*avb.Attributes{device, nil} {
		if r := verify(bent, attributes); r.Intact != signature.No || !strings.Contains(r.Reason.Error(), "the PSK certificate is for another use") {
			t.Errorf("%+v", r)
		}
	}
	bent = bytes.Clone(base)
	bent[r.Covers[0].First+4+1032+32] ^= 1
	if r := verify(bent, nil); r.Intact != signature.No || !strings.Contains(r.Reason.Error(), "the PIK certificate is for another use") {
		t.Errorf("%+v", r)
	}
	bent[r.Covers[0].First] = 2
	if r := verify(bent, nil); r.Intact != signature.No || !strings.Contains(r.Reason.Error(), "another version of the PIK certificate") {
		t.Errorf("%+v", r)
	}

	// The device is another one.
	for name, tc := range map[string]struct {
		bend func(*avb.Attributes)
		want string
	}{
		"product": {func(a *avb.Attributes) { a.ProductID[15] = 1 }, "avb: the PSK certificate is for another product"},
		"key":     {func(a *avb.Attributes) { a.RootKey = verifyKey(t, base) }, "avb: the signature of the PIK certificate does not hold"},
		"no key":  {func(a *avb.Attributes) { a.RootKey = nil }, "avb: the public key: not as long as the algorithm's"},
	} {
		other := *device
		tc.bend(&other)
		if r := verify(base, &other); r.Intact != signature.No || !strings.HasPrefix(r.Reason.Error(), tc.want) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for n := range len(b) {
		if _, err := avb.ParseAttributes(b[:n]); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%d bytes of attributes: %v", n, err)
		}
	}
	if _, err := avb.ParseAttributes(append([]byte{2}, b[1:]...)); !errors.Is(err, parse.ErrUnsupported) {
		t.Error(err)
	}
	v, err := avb.Open(blob.Bytes(fixtures(t)["chain"]), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.VerifyCert(device); !errors.Is(err, signature.ErrNone) {
		t.Error(err)
	}
	v.KeyMetadata = make([]byte, 16)
	other, err := avb.Open(blob.Bytes(base), nil)
	if err != nil {
		t.Fatal(err)
	}
	other.PublicKey = v.PublicKey
	if r, err := other.VerifyCert(device); err != nil || r.Intact != signature.No || !strings.Contains(r.Reason.Error(), "of another key than the vbmeta struct's") {
		t.Error(r, err)
	}
	if r, err := v.VerifyCert(device); err != nil || r.Intact != signature.Unknown {
		t.Error(r, err)
	}
}

// verifyKey is the key of the vbmeta struct, which is no root key.
func verifyKey(t *testing.T, b []byte) []byte {
	t.Helper()
	v, err := avb.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return v.PublicKey
}

// ML-DSA: what OpenSSL signed holds, and with one bit of any byte changed it does not.
func TestMLDSA(t *testing.T) {
	for name, tc := range map[string]struct {
		algorithm string
		sig       int
	}{"mldsa65": {"ML-DSA-65", 3309}, "mldsa87": {"ML-DSA-87", 4627}} {
		b, err := os.ReadFile("testdata/" + name + ".vbmeta")
		if err != nil {
			t.Fatal(err)
		}
		judge := func(b []byte) (*signature.Result, error) {
			v, err := avb.Open(blob.Bytes(b), nil)
			if err != nil {
				return nil, err
			}
			return v.Verify()
		}
		r, err := judge(b)
		if err != nil || r.Intact != signature.Yes || len(r.Signers) != 1 || r.Signers[0].Algorithm != tc.algorithm {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
		auth := int(r.Unsigned[0].End)
		key := auth + int(binary.BigEndian.Uint64(b[64:]))
		step := 1
		if name == "mldsa87" {
			step = 5 // the code is the same, and slower
		}
		for at := 0; at < len(b); at += step {
			bent := bytes.Clone(b)
			bent[at] ^= 1 << (at % 8)
			r, err := judge(bent)
			padding := at >= 256+tc.sig && at < auth
			if (err == nil && r.Intact == signature.Yes) != padding {
				t.Fatalf("%s, byte %d: %+v, %v", name, at, r, err)
			}
		}
		for what, tc := range map[string]struct {
			at   int
			to   byte
			want string
		}{
			"a hash":        {47, 32, "the hash that is stored is not as long as the algorithm's (0x20) at byte 0x28"},
			"an RSA key":    {31, 1, "the hash that is stored is not as long as the algorithm's (0x0) at byte 0x28"},
			"the other set": {31, 15 - b[31], "the public key: not as long as the algorithm's"},
			"its length":    {key + 3, b[key+3] + 1, "the public key: it states another length than the algorithm's"},
			"a short one":   {63, b[63] - 1, "the signature does not hold: signature: the signature is not as long as one of " + tc.algorithm},
		} {
			bent := bytes.Clone(b)
			bent[tc.at] = tc.to
			if r, err := judge(bent); err != nil || r.Intact != signature.No || !strings.Contains(fmt.Sprint(r.Reason), tc.want) {
				t.Errorf("%s, %s: %+v, %v", name, what, r, err)
			}
		}
	}
}
