package inspect_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// signedUpdate is an A/B update whose payload a key signs, and which names a certificate.
func signedUpdate(t *testing.T, key, certificate string) []byte {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata/updates/key", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	u := &otatest.UpdateZip{Payload: &otatest.Payload{Partitions: []otatest.PayloadPartition{{Name: "system", Image: blob.Bytes(make([]byte, 8192))}}},
		Members: []otatest.ZipMember{{Name: "META-INF/com/android/otacert", Data: read(certificate + ".x509.pem")}}}
	if key != "" {
		priv, err := x509.ParsePKCS8PrivateKey(read(key + ".pk8"))
		if err != nil {
			t.Fatal(err)
		}
		u.Payload.Sign = func(digest []byte) []byte {
			s, err := priv.(crypto.Signer).Sign(rand.Reader, digest, crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			return otatest.PayloadSignatures(300, s)
		}
	}
	b, err := u.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The signatures of a payload are judged with the keys that the update names.
func TestPayloadSignatures(t *testing.T) {
	for _, tc := range []struct{ key, certificate, want string }{
		{"example", "example", "payload.bin metadata true RSA; payload.bin payload true RSA"},
		{"ec", "ec", "payload.bin metadata true EC; payload.bin payload true EC"},
		{"example", "ec", "payload.bin metadata ?; payload.bin payload ?"},
		{"", "example", ""},
	} {
		p, err := ota.Open(t.Context(), blob.Bytes(signedUpdate(t, tc.key, tc.certificate)), "update.zip", ota.Options{Spool: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		facts := run(t, p, []fact.Kind{fact.KindSignatures}, 1)
		p.Close()
		var got []string
		for _, s := range facts.Signatures {
			if s.Scheme != "payload" {
				continue
			}
			said := s.Subject + " ?"
			if s.Holds != nil {
				said = fmt.Sprintf("%s %t %s", s.Subject, *s.Holds, s.Signers[0].Algorithm)
			}
			got = append(got, said)
		}
		if text := strings.Join(got, "; "); text != tc.want {
			t.Errorf("signed by %q, named %q: %s, want %s", tc.key, tc.certificate, text, tc.want)
		}
	}
}
