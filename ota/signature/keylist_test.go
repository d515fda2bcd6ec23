package signature_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/known"
)

// testdata/testkey.keys is what AOSP's dumpkey made of its test key, as it was published with
// the recoveries of many devices; the list of known keys has its digest from the certificate.
func TestKeyList(t *testing.T) {
	text, err := os.ReadFile("testdata/testkey.keys")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := signature.ParseKeyList(text)
	if err != nil || len(keys) != 1 {
		t.Fatal(len(keys), err)
	}
	k := keys[0]
	if k.Version != 1 || k.Hash != crypto.SHA1 || k.Algorithm != "RSA" || k.Bits != 2048 || len(known.Matches("", k.KeySHA256())) == 0 {
		t.Errorf("version %d, %v, %s %d, %s", k.Version, k.Hash, k.Algorithm, k.Bits, k.KeySHA256())
	}
	two, err := signature.ParseKeyList(slices.Concat([]byte("v3 "), text, []byte(",\n v2 "), text, []byte("\n")))
	if err != nil || len(two) != 2 || two[0].Hash != crypto.SHA256 || two[0].KeySHA256() != k.KeySHA256() || two[1].Version != 2 || two[1].KeySHA256() == k.KeySHA256() {
		t.Errorf("%d keys, %v", len(two), err)
	}
}

func TestKeyListEC(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata/updates/key/ec.x509.pem"))
	if err != nil {
		t.Fatal(err)
	}
	certs, err := signature.ParseCertificates(data)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.ParsePKIXPublicKey(certs[0].SPKI)
	if err != nil {
		t.Fatal(err)
	}
	point, err := pub.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := signature.ParseKeyList([]byte("v5 {32,{" + bytesFromLeast(point[1:33]) + "},{" + bytesFromLeast(point[33:]) + "}}"))
	if err != nil || len(keys) != 1 || keys[0].KeySHA256() != certs[0].KeySHA256() || keys[0].Algorithm != "EC" {
		t.Error(keys, err)
	}
}

func bytesFromLeast(p []byte) string {
	var s []string
	for _, b := range slices.Backward(p) {
		s = append(s, fmt.Sprint(b))
	}
	return strings.Join(s, ",")
}

func TestKeyListBroken(t *testing.T) {
	whole, err := os.ReadFile("testdata/testkey.keys")
	if err != nil {
		t.Fatal(err)
	}
	text := string(whole)
	for _, tc := range []struct {
		text string
		kind error
		want string
	}{
		{"", parse.ErrFormat, "no {"},
		{"v6 " + text, parse.ErrUnsupported, "version 6"},
		{"v1 " + text, parse.ErrUnsupported, "version 1"},
		{strings.Replace(text, "0xc926ad21", "0xc926ad23", 1), parse.ErrFormat, "n0inv"},
		{strings.Replace(text, "{64", "{65", 1), parse.ErrFormat, "no ,"},
		{strings.Replace(text, "{64", "{4000000000", 1), parse.ErrUnsupported, "words"},
		{strings.Replace(text, "2141396315", "99999999999", 1), parse.ErrFormat, "32 bits"},
		{text + " x", parse.ErrFormat, "no ,"},
		{text + ",", parse.ErrFormat, "no {"},
		{strings.Repeat(text+",", 257), parse.ErrLimit, "more than 256"},
		{"v5 {32,{" + strings.Repeat("1,", 31) + "1},{" + strings.Repeat("1,", 31) + "1}}", parse.ErrFormat, "no point"},
		{"v5 {33,{1}}", parse.ErrUnsupported, "33 bytes"},
	} {
		_, err := signature.ParseKeyList([]byte(tc.text))
		if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.40q: %v, want %s", tc.text, err, tc.want)
		}
	}
	for i := range whole {
		if _, err := signature.ParseKeyList(whole[:i]); err == nil {
			t.Errorf("%d bytes are a list", i)
		}
	}
}

func FuzzParseKeyList(f *testing.F) {
	text, err := os.ReadFile("testdata/testkey.keys")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(slices.Concat([]byte("v4 "), text, []byte(","), text))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := signature.ParseKeyList(text)
		var pe *parse.Error
		if err != nil && !errors.As(err, &pe) {
			t.Error(err)
		}
		for _, k := range keys {
			if _, err := x509.ParsePKIXPublicKey(k.SPKI); err != nil && k.Bits >= 1024 {
				t.Error(err)
			}
		}
	})
}
