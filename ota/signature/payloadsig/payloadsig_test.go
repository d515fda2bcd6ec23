package payloadsig_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/payloadsig"
)

// A key signs, and has a certificate.
type key struct {
	path string
	priv crypto.Signer
	cert *signature.Certificate
}

func load(t testing.TB, name string) *key {
	t.Helper()
	k := &key{path: filepath.Join(otatest.Root(t), "testdata/updates/key", name)}
	der, err := os.ReadFile(k.path + ".pk8")
	if err != nil {
		t.Fatal(err)
	}
	priv, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	k.priv = priv.(crypto.Signer)
	text, err := os.ReadFile(k.path + ".x509.pem")
	if err != nil {
		t.Fatal(err)
	}
	certs, err := signature.ParseCertificates(text)
	if err != nil {
		t.Fatal(err)
	}
	k.cert = certs[0]
	return k
}

func (k *key) sign(t testing.TB, digest []byte) []byte {
	t.Helper()
	s, err := k.priv.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// build makes a payload with what sign gives for each of its two digests.
func build(t testing.TB, sign func(digest []byte) []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	p := &otatest.Payload{Temp: t.TempDir(), Partitions: []otatest.PayloadPartition{{Name: "p", Image: blob.Bytes(bytes.Repeat([]byte("data"), 2048))}}, Sign: sign}
	if _, err := p.Write(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func verify(t testing.TB, b []byte, keys ...*signature.Certificate) ([]*signature.Result, error) {
	t.Helper()
	p, err := payload.Open(blob.Bytes(b), nil)
	if err != nil {
		return nil, err
	}
	return payloadsig.Verify(t.Context(), blob.Bytes(b), p, keys)
}

func words(r *signature.Result) string {
	s := fmt.Sprintf("%s %s %s", r.Scheme, r.Name, r.Intact)
	for _, g := range r.Signers {
		s += fmt.Sprintf(" by %s-%d", g.Algorithm, g.Bits)
	}
	for _, a := range r.Accepts {
		s += fmt.Sprintf("; %s %s", a.Reader, a.Takes)
	}
	if r.Reason != nil {
		s += ": " + r.Reason.Error()
	}
	return s
}

func TestVerify(t *testing.T) {
	mine, ec := load(t, "example"), load(t, "ec")
	blobOf := func(sigs ...[]byte) []byte { return otatest.PayloadSignatures(300, sigs...) }
	none := func(r string) string {
		return "payload " + r + " unknown; update_engine unknown; update_engine in recovery "
	}
	both := []*signature.Certificate{ec.cert, mine.cert}
	for name, tc := range map[string]struct {
		sign func(digest []byte) []byte
		keys []*signature.Certificate
		want [2]string
	}{
		"RSA": {func(d []byte) []byte { return blobOf(mine.sign(t, d)) }, both, [2]string{
			"payload metadata yes by RSA-2048; update_engine yes; update_engine in recovery yes", "payload payload yes by RSA-2048; update_engine yes; update_engine in recovery yes"}},
		"EC, padded": {func(d []byte) []byte { return blobOf(ec.sign(t, d)) }, both, [2]string{
			"payload metadata yes by EC-256; update_engine yes; update_engine in recovery yes", "payload payload yes by EC-256; update_engine yes; update_engine in recovery yes"}},
		"the second of three": {func(d []byte) []byte {
			return blobOf([]byte("x"), mine.sign(t, d), ec.sign(t, []byte(strings.Repeat("y", 32))))
		}, both, [2]string{
			"payload metadata yes by RSA-2048; update_engine yes; update_engine in recovery yes", "payload payload yes by RSA-2048; update_engine yes; update_engine in recovery yes"}},
		"no key": {func(d []byte) []byte { return blobOf(mine.sign(t, d)) }, nil, [2]string{none("metadata") + "unknown: payload signature: whose it is", none("payload") + "yes: payload signature: whose it is"}},
		"another key": {func(d []byte) []byte { return blobOf(mine.sign(t, d)) }, both[:1], [2]string{
			none("metadata") + "unknown: payload signature: none of the 1 keys", none("payload") + "yes: payload signature: none of the 1 keys"}},
		"more than there is": {func(d []byte) []byte {
			return otatest.Proto(nil).Bytes(1, otatest.Proto(nil).Bytes(2, make([]byte, 256)).Fixed32(3, 257))
		}, both, [2]string{
			"payload metadata no; update_engine no; update_engine in recovery no: payload: ", "payload payload no; update_engine no; update_engine in recovery yes: payload: "}},
		"an empty blob": {func(d []byte) []byte { return otatest.Proto(nil).Varint(9, 1) }, both, [2]string{
			"payload metadata no; update_engine no; update_engine in recovery no: payload signature: the blob", "payload payload no; update_engine no; update_engine in recovery yes: payload signature: the blob"}},
	} {
		rs, err := verify(t, build(t, tc.sign), tc.keys...)
		if err != nil || len(rs) != 2 {
			t.Errorf("%s: %d results, %v", name, len(rs), err)
			continue
		}
		for i, r := range rs {
			if got := words(r); !strings.HasPrefix(got, tc.want[i]) {
				t.Errorf("%s: got %s, want %s", name, got, tc.want[i])
			}
		}
	}
	if _, err := verify(t, build(t, nil)); !errors.Is(err, signature.ErrNone) {
		t.Errorf("a payload that is not signed: %v", err)
	}
}

// A key that update_engine has no padding for holds, and is not taken.
func TestRefusedKey(t *testing.T) {
	priv, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &priv.PublicKey, priv)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := signature.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	k := &key{priv: priv, cert: cert}
	rs, err := verify(t, build(t, func(d []byte) []byte { return otatest.PayloadSignatures(384, k.sign(t, d)) }), cert)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"payload metadata yes by RSA-3072; update_engine no; update_engine in recovery no", "payload payload yes by RSA-3072; update_engine no; update_engine in recovery yes"}
	for i, r := range rs {
		if got := words(r); got != want[i] || !strings.Contains(fmt.Sprint(r.Notes), "this is RSA-3072") {
			t.Errorf("got %s %v, want %s", got, r.Notes, want[i])
		}
	}
}

// Many signatures and many keys do not take the time of all their pairs.
func TestTries(t *testing.T) {
	ec, mine := load(t, "ec"), load(t, "example")
	b := build(t, func(d []byte) []byte {
		list := slices.Repeat([][]byte{ec.sign(t, []byte(strings.Repeat("y", 32)))}, 100)
		return otatest.PayloadSignatures(80, list...)
	})
	rs, err := verify(t, b, slices.Repeat([]*signature.Certificate{mine.cert}, 1000)...)
	if err != nil || rs[0].Intact != signature.Unknown || !errors.Is(rs[0].Reason, parse.ErrLimit) {
		t.Error(words(rs[0]), err)
	}
}

// What openssl signs holds, too.
func TestOpenssl(t *testing.T) {
	otatest.Tool(t, "openssl")
	for _, name := range []string{"example", "ec"} {
		k := load(t, name)
		b := build(t, func(digest []byte) []byte {
			cmd := exec.Command("openssl", "pkeyutl", "-sign", "-inkey", k.path+".pk8", "-keyform", "DER", "-pkeyopt", "digest:sha256")
			cmd.Stdin = bytes.NewReader(digest)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			return otatest.PayloadSignatures(300, out)
		})
		rs, err := verify(t, b, k.cert)
		if err != nil || rs[0].Intact != signature.Yes || rs[1].Intact != signature.Yes {
			t.Error(name, rs, err)
		}
	}
}

// Each bit that a signature covers makes it fail when it is turned; others leave the answer.
func TestBits(t *testing.T) {
	k := load(t, "example")
	b := build(t, func(d []byte) []byte { return otatest.PayloadSignatures(256, k.sign(t, d)) })
	whole, err := verify(t, b, k.cert)
	if err != nil {
		t.Fatal(err)
	}
	covered := func(r *signature.Result, at int64) bool {
		for _, c := range r.Covers {
			if c.First <= at && at < c.End {
				return true
			}
		}
		return false
	}
	tried := 0
	for at := range b {
		bent := bytes.Clone(b)
		bent[at] ^= 1 << (at % 8)
		rs, err := verify(t, bent, k.cert)
		if err != nil {
			var bad *parse.Error
			if !errors.As(err, &bad) && !errors.Is(err, signature.ErrNone) {
				t.Fatal(err)
			}
			continue // no payload any more
		}
		tried++
		for i, r := range rs {
			if covered(whole[i], int64(at)) && r.Intact == signature.Yes {
				t.Errorf("byte %d is covered by the %s signature, which holds all the same", at, r.Name)
			}
		}
	}
	if tried < len(b)/2 {
		t.Errorf("%d of %d", tried, len(b))
	}
}

// The public payloads say of themselves what can be said without their keys.
func TestReal(t *testing.T) {
	for _, name := range []string{"full_payload.bin", "delta_payload.bin"} {
		b, err := os.ReadFile(otatest.Data(t, "payload", name))
		if err != nil {
			t.Fatal(err)
		}
		rs, err := verify(t, b, load(t, "example").cert)
		switch {
		case errors.Is(err, signature.ErrNone):
			t.Logf("%s is not signed", name)
		case err != nil:
			t.Error(name, err)
		default:
			for _, r := range rs {
				t.Logf("%s: %s %v", name, words(r), r.Notes)
			}
		}
	}
}

// Where keys change a payload is signed with the old one and the new one: both made it.
func TestTwoSigners(t *testing.T) {
	one, two := load(t, "example"), load(t, "ec")
	b := build(t, func(d []byte) []byte { return otatest.PayloadSignatures(256, one.sign(t, d), two.sign(t, d)) })
	rs, err := verify(t, b, two.cert, one.cert)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		if r.Intact != signature.Yes || len(r.Signers) != 2 {
			t.Errorf("%s: %v, %d signers", r.Name, r.Intact, len(r.Signers))
		}
	}
}
