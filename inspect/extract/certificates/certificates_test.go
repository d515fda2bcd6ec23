package certificates

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

func TestRole(t *testing.T) {
	for _, tc := range []struct{ at, want string }{
		{"META-INF/com/android/otacert", "ota"},
		{"system:META-INF/com/android/otacert", "other"},
		{"system:etc/security/otacerts.zip!/release.x509.pem", "otacerts"},
		{"system:system/etc/security/otacerts.zip!/release.x509.pem", "otacerts"},
		{"system:etc/security/otacerts.zip!/readme.txt", "other"},
		{"system:etc/security/otacerts.zip!/in.zip!/release.x509.pem", "other"},
		{"system:etc/security/cacerts/00673b5b.0", "ca"},
		{"system:etc/security/cacerts/more/00673b5b.0", "other"},
		{"META-INF/org/lineageos/releasekey", "other"},
		{"recovery:!/ramdisk!/system/etc/security/otacerts.zip!/release.x509.pem", "otacerts"},
		{"vendor_boot:!/vendor_ramdisk_recovery!/system/etc/security/otacerts.zip!/release.x509.pem", "otacerts"},
		{"system:app/x.apk!/assets/etc/security/otacerts.zip!/release.x509.pem", "other"},
		{"recovery:!/ramdisk!/res/keys", "otacerts"},
		{"recovery:root/res/keys", "otacerts"},
		{"system:app/x.apk!/res/keys", "other"},
		{"res/keys", "other"},
	} {
		at, err := fact.ParseLocation(tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := role(at); got != tc.want {
			t.Errorf("role(%s) = %s, want %s", tc.at, got, tc.want)
		}
	}
}

func read(t testing.TB, data []byte) (fact.Facts, error) {
	return run(t.Context(), &inspect.File{At: fact.Location{Path: "META-INF/com/android/otacert"}, Blob: blob.Bytes(data)})
}

// A list of keys makes facts of keys without certificates; what is broken in it is an error.
func TestKeyList(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(otatest.Root(t), "ota/signature/testdata/testkey.keys"))
	if err != nil {
		t.Fatal(err)
	}
	at := fact.Location{Partition: "recovery", Inner: []string{"ramdisk", "res/keys"}}
	f, err := run(t.Context(), &inspect.File{At: at, Blob: blob.Bytes(append(text, ",v2 "+string(text)...))})
	if err != nil || len(f.Certificates) != 2 {
		t.Fatal(f, err)
	}
	if c := f.Certificates[0]; c.Role != roleOTACerts || c.SHA256 != "" || len(c.Known) != 1 || c.Known[0].Match != "key" || *c.At.Offset != 0 {
		t.Errorf("the first key is %+v", c)
	}
	if c := f.Certificates[1]; len(c.Known) != 0 || *c.At.Offset != int64(len(text))+1 {
		t.Errorf("the second key is %+v", c)
	}
	if _, err := run(t.Context(), &inspect.File{At: at, Blob: blob.Bytes(text[:100])}); !errors.Is(err, parse.ErrFormat) {
		t.Error(err)
	}
}

// openssl reads the same.
func TestAgainstOpenssl(t *testing.T) {
	keys, err := filepath.Glob(filepath.Join(otatest.Root(t), "testdata/updates/key/*.x509.pem"))
	if err != nil || len(keys) == 0 {
		t.Fatal("no certificates")
	}
	for _, path := range keys {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := read(t, data)
		if err != nil || len(f.Certificates) != 1 {
			t.Fatalf("%s: %d certificates, %v", path, len(f.Certificates), err)
		}
		c := f.Certificates[0]
		sum, err := otatest.Run(t, "sh", "-c", fmt.Sprintf("openssl x509 -in %s -outform DER | openssl dgst -sha256 -r | cut -c1-64", path))
		if err != nil || sum != c.SHA256 {
			t.Errorf("%s: SHA-256 %s, openssl %s", path, c.SHA256, sum)
		}
		key, err := otatest.Run(t, "sh", "-c", fmt.Sprintf("openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -c1-64", path))
		if err != nil || key != c.KeySHA256 {
			t.Errorf("%s: key %s, openssl %s", path, c.KeySHA256, key)
		}
		end, err := otatest.Run(t, "openssl", "x509", "-in", path, "-noout", "-enddate", "-dateopt", "iso_8601")
		if err != nil || end[len("notAfter="):len("notAfter=")+10] != c.NotAfter[:10] {
			t.Errorf("%s: ends %s, openssl %s", path, c.NotAfter, end)
		}
	}
}

func TestBroken(t *testing.T) {
	for name, data := range map[string]string{
		"no certificate": "hello",
		"cut short":      "-----BEGIN CERTIFICATE-----\nMIIB",
		"another thing":  "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n",
	} {
		f, err := read(t, []byte(data))
		var pe *parse.Error
		if !errors.As(err, &pe) || len(f.Certificates) > 0 {
			t.Errorf("%s: %v, %v", name, f.Certificates, err)
		}
	}
}

func FuzzRun(f *testing.F) {
	keys, err := filepath.Glob("../../../testdata/updates/key/*.x509.pem")
	if err != nil || len(keys) == 0 {
		f.Fatal("no certificates")
	}
	for _, path := range keys {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		// The bytes that PEM wraps: what the fuzzer should change.
		if block, _ := pem.Decode(data); block != nil {
			f.Add(block.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := read(t, data)
		var pe *parse.Error
		if err != nil && !errors.As(err, &pe) {
			t.Fatalf("%T: %v", err, err)
		}
		// What crypto/x509 takes, we take, and name the same key.
		if c, err := x509.ParseCertificate(data); err == nil {
			if len(facts.Certificates) != 1 || fmt.Sprint(c.SerialNumber) != facts.Certificates[0].Serial {
				t.Fatalf("crypto/x509 reads serial %v, we %+v", c.SerialNumber, facts.Certificates)
			}
		}
	})
}
