package avb_test

import (
	"errors"
	"os"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature/avb"
)

// Keys as avbtool writes them have the digest that others give their SubjectPublicKeyInfo: openssl of those
// of RSA, OpenSSL's ML-DSA (by way of Python's cryptography 50) of the others.
func TestParseKey(t *testing.T) {
	for file, want := range map[string]string{
		"rsa2048-256.img": "27f501a05553b8086eaea2ddabeb46c96b3ca30cd6ceb0d4f30e5bc0c543d507",
		"mldsa65.vbmeta":  "3489ac056192279686c0fcc059bb73b76c51202fbef609373d28647b7e2f184f",
		"mldsa87.vbmeta":  "1f9f7e2baf6b31ac591923a9b19c007dcd55253ec8af0ff2d97b1060dcc7aff5",
	} {
		b, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := avb.Open(blob.Bytes(b), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := avb.ParseKey(v.PublicKey)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v", file, got, err)
		}
		r, err := v.Verify()
		if err != nil || r.Signers[0].KeySHA256 != got {
			t.Errorf("%s: %v, %v", file, r, err)
		}
		for n := range len(v.PublicKey) {
			if _, err := avb.ParseKey(v.PublicKey[:n]); !errors.Is(err, parse.ErrFormat) {
				t.Fatalf("%s: %d bytes: %v", file, n, err)
			}
		}
	}
}
