package signature

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 old updates are signed with it
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/mldsa"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

var text = []byte("what is signed")

func sum256() []byte { d := sha256.Sum256(text); return d[:] }

// kind is the error's kind in one word.
func kind(err error) string {
	var e *parse.Error
	switch {
	case err == nil:
		return "holds"
	case !errors.As(err, &e):
		return "no *parse.Error: " + err.Error()
	case errors.Is(err, parse.ErrFormat):
		return "wrong"
	case errors.Is(err, parse.ErrLimit):
		return "limit"
	}
	return "not judged"
}

func TestVerifyRSA(t *testing.T) {
	digest := sum256()
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	sig := must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest))
	d1 := sha1.Sum(text)
	sig1 := must(rsa.SignPKCS1v15(nil, key, crypto.SHA1, d1[:]))
	plus := func(n int64) []byte { // the same number, one modulus further
		v := new(big.Int).Add(new(big.Int).SetBytes(sig), new(big.Int).Mul(key.N, big.NewInt(n)))
		return v.Bytes()
	}
	large := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 16384, 1), E: 3}
	small := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 511, 1), E: 3}
	even := &rsa.PublicKey{N: new(big.Int).Sub(key.N, big.NewInt(1)), E: 65537}
	for _, tc := range []struct {
		name   string
		pub    crypto.PublicKey
		hash   crypto.Hash
		digest []byte
		sig    []byte
		want   string
	}{
		{"right", &key.PublicKey, crypto.SHA256, digest, sig, "holds"},
		{"SHA-1", &key.PublicKey, crypto.SHA1, d1[:], sig1, "holds"},
		{"other hash", &key.PublicKey, crypto.SHA1, d1[:], sig, "wrong"},
		{"other digest", &key.PublicKey, crypto.SHA256, make([]byte, 32), sig, "wrong"},
		{"digest of another length", &key.PublicKey, crypto.SHA256, d1[:], sig, "wrong"},
		{"no digest", &key.PublicKey, crypto.SHA256, []byte{}, sig, "wrong"},
		{"trailing byte", &key.PublicKey, crypto.SHA256, digest, append(bytes.Clone(sig), 0), "wrong"},
		{"leading zero", &key.PublicKey, crypto.SHA256, digest, append([]byte{0}, sig...), "wrong"},
		{"short", &key.PublicKey, crypto.SHA256, digest, sig[:255], "wrong"},
		{"empty", &key.PublicKey, crypto.SHA256, digest, nil, "wrong"},
		{"plus the modulus", &key.PublicKey, crypto.SHA256, digest, plus(1), "wrong"},
		{"zero", &key.PublicKey, crypto.SHA256, digest, make([]byte, 256), "wrong"},
		{"MD5", &key.PublicKey, crypto.MD5, make([]byte, 16), sig, "wrong"},
		{"RIPEMD-160", &key.PublicKey, crypto.RIPEMD160, make([]byte, 20), sig, "not judged"},
		{"no hash", &key.PublicKey, 0, digest, sig, "not judged"},
		{"RSA-512", small, crypto.SHA256, digest, make([]byte, 64), "not judged"},
		{"RSA-16385", large, crypto.SHA256, digest, make([]byte, 2049), "limit"},
		{"even modulus", even, crypto.SHA256, digest, sig, "not judged"},
		{"even exponent", &rsa.PublicKey{N: key.N, E: 4}, crypto.SHA256, digest, sig, "not judged"},
		{"no key", nil, crypto.SHA256, digest, sig, "not judged"},
	} {
		if got := kind(Verify(tc.pub, tc.hash, tc.digest, nil, tc.sig)); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	k1024 := must(rsa.GenerateKey(rand.Reader, 1024))
	sig = must(rsa.SignPKCS1v15(nil, k1024, crypto.SHA256, digest))
	if got := kind(Verify(&k1024.PublicKey, crypto.SHA256, digest, nil, sig)); got != "holds" {
		t.Errorf("RSA-1024: %s", got)
	}
}

func TestVerifyMLDSA(t *testing.T) {
	for _, set := range []mldsa.Parameters{mldsa.MLDSA65(), mldsa.MLDSA87()} {
		key := must(mldsa.NewPrivateKey(set, sum256()))
		pub := must(MLDSAKey(key.PublicKey().Bytes()))
		sig := must(key.SignDeterministic(text, nil))
		other := must(key.SignDeterministic(text, &mldsa.Options{Context: "x"}))
		for name, tc := range map[string]struct {
			message, sig []byte
			want         string
		}{
			"right":             {text, sig, "holds"},
			"of a context":      {text, other, "wrong"},
			"other message":     {text[1:], sig, "wrong"},
			"no message":        {nil, sig, "not judged"},
			"empty message":     {[]byte{}, sig, "wrong"},
			"trailing byte":     {text, append(bytes.Clone(sig), 0), "wrong"},
			"short":             {text, sig[1:], "wrong"},
			"empty":             {text, nil, "wrong"},
			"of the digest":     {sum256(), sig, "wrong"},
			"another signature": {text, make([]byte, len(sig)), "wrong"},
		} {
			if got := kind(Verify(pub, 0, nil, tc.message, tc.sig)); got != tc.want {
				t.Errorf("%s, %s: %s, want %s", set, name, got, tc.want)
			}
		}
	}
	for _, n := range []int{0, 1312, 1951, 1953, 2593} { // 1312: ML-DSA-44, which no update has
		if _, err := MLDSAKey(make([]byte, n)); kind(err) != "wrong" {
			t.Errorf("a key of %d bytes: %v", n, err)
		}
	}
}

// must is for what cannot fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestBleichenbacher forges a signature for e=3 as of 2006: a cube root of
// 00 01 ff… 00 DigestInfo digest garbage. A verifier that does not look at the
// garbage takes it.
func TestBleichenbacher(t *testing.T) {
	digest := sum256()
	info := append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, digest...)
	for _, pad := range []int{8, 1, 0} {
		block := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, pad)...)
		block = append(append(block, 0), info...)
		block = append(block, bytes.Repeat([]byte{0xff}, 256-len(block))...)
		// The cube root, rounded down, leaves the front as it is.
		root := cubeRoot(new(big.Int).SetBytes(block))
		cube := new(big.Int).Exp(root, big.NewInt(3), nil).FillBytes(make([]byte, 256))
		if !bytes.Equal(cube[:len(info)+3+pad], block[:len(info)+3+pad]) {
			t.Fatal("the forgery is not one")
		}
		n := new(big.Int).Lsh(big.NewInt(1), 2048) // any modulus above the cube does
		n.Sub(n, big.NewInt(159))
		pub := &rsa.PublicKey{N: n, E: 3}
		if got := kind(Verify(pub, crypto.SHA256, digest, nil, root.FillBytes(make([]byte, 256)))); got != "wrong" {
			t.Errorf("padding of %d: %s", pad, got)
		}
	}
}

func cubeRoot(n *big.Int) *big.Int {
	lo, hi := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), uint(n.BitLen()/3+1))
	for one := big.NewInt(1); new(big.Int).Sub(hi, lo).Cmp(one) > 0; {
		mid := new(big.Int).Rsh(new(big.Int).Add(lo, hi), 1)
		if new(big.Int).Exp(mid, big.NewInt(3), nil).Cmp(n) <= 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

func TestVerifyOther(t *testing.T) {
	digest := sum256()
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	sig := must(ecdsa.SignASN1(rand.Reader, ec, digest))
	r, s, _ := readRS(sig)
	raw := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	der := func(v ...*big.Int) []byte { return must(asn1.Marshal(v)) }
	epub, epriv, _ := ed25519.GenerateKey(rand.Reader)
	esig := ed25519.Sign(epriv, text)
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	var ds dsa.PrivateKey
	if err := dsa.GenerateParameters(&ds.Parameters, rand.Reader, dsa.L1024N160); err != nil {
		t.Fatal(err)
	}
	if err := dsa.GenerateKey(&ds, rand.Reader); err != nil {
		t.Fatal(err)
	}
	dr, dss, err := dsa.Sign(rand.Reader, &ds, digest[:20])
	if err != nil {
		t.Fatal(err)
	}
	dsig := der(dr, dss)
	hugeP := ds.PublicKey
	hugeP.P = new(big.Int).Lsh(ds.P, 4000)
	zero := new(big.Int)
	minus := new(big.Int).Neg(r)
	for _, tc := range []struct {
		name    string
		pub     crypto.PublicKey
		hash    crypto.Hash
		digest  []byte
		message []byte
		sig     []byte
		want    string
	}{
		{"EC", &ec.PublicKey, crypto.SHA256, digest, nil, sig, "holds"},
		{"EC, r and s side by side", &ec.PublicKey, crypto.SHA256, digest, nil, raw, "wrong"},
		{"EC, trailing byte", &ec.PublicKey, crypto.SHA256, digest, nil, append(bytes.Clone(sig), 0), "wrong"},
		{"EC, s too large", &ec.PublicKey, crypto.SHA256, digest, nil, der(r, new(big.Int).Add(s, ec.Params().N)), "wrong"},
		{"EC, zero", &ec.PublicKey, crypto.SHA256, digest, nil, der(zero, zero), "wrong"},
		{"EC, negative", &ec.PublicKey, crypto.SHA256, digest, nil, der(minus, s), "wrong"},
		{"EC, one integer", &ec.PublicKey, crypto.SHA256, digest, nil, der(r), "wrong"},
		{"EC, three integers", &ec.PublicKey, crypto.SHA256, digest, nil, der(r, s, s), "wrong"},
		{"EC, empty", &ec.PublicKey, crypto.SHA256, digest, nil, nil, "wrong"},
		{"EC P-224", &p224.PublicKey, crypto.SHA256, digest, nil, must(ecdsa.SignASN1(rand.Reader, p224, digest)), "holds"},
		{"Ed25519", epub, crypto.SHA512, nil, text, esig, "holds"},
		{"Ed25519, other message", epub, crypto.SHA512, nil, digest, esig, "wrong"},
		{"Ed25519, no message", epub, crypto.SHA512, digest, nil, esig, "not judged"},
		{"Ed25519, short", epub, crypto.SHA512, nil, text, esig[:63], "wrong"},
		{"DSA", &ds.PublicKey, crypto.SHA256, digest, nil, dsig, "holds"},
		{"DSA, other digest", &ds.PublicKey, crypto.SHA256, make([]byte, 32), nil, dsig, "wrong"},
		{"DSA, trailing byte", &ds.PublicKey, crypto.SHA256, digest, nil, append(bytes.Clone(dsig), 0), "wrong"},
		{"DSA, swapped", &ds.PublicKey, crypto.SHA256, digest, nil, der(dss, dr), "wrong"},
		{"DSA, too large", &hugeP, crypto.SHA256, digest, nil, dsig, "limit"},
		{"another kind", struct{}{}, crypto.SHA256, digest, nil, sig, "not judged"},
	} {
		if got := kind(Verify(tc.pub, tc.hash, tc.digest, tc.message, tc.sig)); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// message has openssl sign text.
func message(t testing.TB, newkey []string, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	at := func(n string) string { return filepath.Join(dir, n) }
	if err := os.WriteFile(at("text"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, a := range [][]string{
		append([]string{"req", "-x509", "-nodes", "-newkey"}, append(newkey, "-keyout", at("key"), "-out", at("cert"), "-subj", "/CN=a\x1b[2J:b", "-days", "9")...),
		append([]string{"cms", "-sign", "-binary", "-outform", "DER", "-in", at("text"), "-signer", at("cert"), "-inkey", at("key"), "-out", at("cms")}, args...),
	} {
		if out, err := exec.Command(otatest.Tool(t, "openssl"), a...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", a, out)
		}
	}
	return must(os.ReadFile(at("cms")))
}

func TestCMS(t *testing.T) {
	rsaKey, ecKey := []string{"rsa:2048"}, []string{"ec", "-pkeyopt", "ec_paramgen_curve:P-256"}
	for _, tc := range []struct {
		name       string
		key, args  []string
		attributes bool
		content    bool
		hash       crypto.Hash
		want       string
	}{
		{"signed attributes", rsaKey, nil, true, false, crypto.SHA256, "holds"},
		{"no attributes", rsaKey, []string{"-noattr"}, false, false, crypto.SHA256, "holds"},
		{"SHA-1", rsaKey, []string{"-noattr", "-md", "sha1"}, false, false, crypto.SHA1, "holds"},
		{"SHA-512", rsaKey, []string{"-md", "sha512"}, true, false, crypto.SHA512, "holds"},
		{"content", rsaKey, []string{"-nodetach"}, true, true, crypto.SHA256, "holds"},
		{"key id", rsaKey, []string{"-keyid"}, true, false, crypto.SHA256, "holds"},
		{"EC", ecKey, nil, true, false, crypto.SHA256, "holds"},
		{"PSS", rsaKey, []string{"-keyopt", "rsa_padding_mode:pss"}, true, false, crypto.SHA256, "not judged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			der := message(t, tc.key, tc.args...)
			m, err := ParseCMS(append(bytes.Clone(der), "junk"...))
			if err != nil || m.Len != len(der) || len(m.Signers) != 1 || len(m.Certificates) != 1 {
				t.Fatalf("%+v, %v", m, err)
			}
			s, c := m.Signers[0], m.Certificates[0]
			if (s.Attributes != nil) != tc.attributes || (m.Content != nil) != tc.content || s.Hash != tc.hash || m.Certificate(s) != c {
				t.Errorf("%+v", s)
			}
			if m.Content != nil && !bytes.Equal(m.Content, text) {
				t.Errorf("content %q", m.Content)
			}
			if !bytes.Equal(der[s.Offset:s.Offset+len(s.Signature)], s.Signature) {
				t.Error("the signature is not at its offset")
			}
			if want := "CN=a%1B[2J:b"; c.Subject != want || c.Issuer != want {
				t.Errorf("subject %q, want %q", c.Subject, want)
			}
			h := s.Hash.New()
			h.Write(text)
			digest := h.Sum(nil)
			if got := kind(m.Verify(s, c, digest, text)); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
			if tc.want != "holds" {
				return
			}
			digest[0] ^= 1
			if got := kind(m.Verify(s, c, digest, nil)); got != "wrong" {
				t.Errorf("another digest: %s", got)
			}
			digest[0] ^= 1
			for i := range s.Attributes { // every byte of them is signed, and their digest is read
				s.Attributes[i] ^= 4
				if got := kind(m.Verify(s, c, digest, nil)); got == "holds" {
					t.Errorf("attributes' byte %d changed, and it holds", i)
				}
				s.Attributes[i] ^= 4
			}
			for i := range der { // truncated anywhere: an error, no panic
				if _, err := ParseCMS(der[:i]); kind(err) != "wrong" {
					t.Fatalf("cut to %d bytes: %v", i, err)
				}
			}
		})
	}
}

// TestCertificates compares with openssl and crypto/x509.
func TestCertificates(t *testing.T) {
	for _, n := range []string{"testkey_v1", "testkey_v2", "testkey_v3", "testkey_v4"} {
		path := otatest.Data(t, "recovery", n+".x509.pem")
		cs, err := ParseCertificates(must(os.ReadFile(path)))
		if err != nil || len(cs) != 1 {
			t.Fatal(cs, err)
		}
		c := cs[0]
		if c.X509 == nil || c.X509.SerialNumber.Cmp(c.Serial) != 0 || !c.X509.NotAfter.Equal(c.NotAfter) || !c.X509.NotBefore.Equal(c.NotBefore) ||
			!bytes.Equal(c.X509.RawSubjectPublicKeyInfo, c.SPKI) || c.X509.SignatureAlgorithm.String() != c.SignatureAlgorithm {
			t.Errorf("%s: %+v", n, c)
		}
		out, _ := otatest.Run(t, "openssl", "x509", "-in", path, "-noout", "-subject", "-nameopt", "RFC2253")
		if want := "subject=" + strings.Replace(c.Subject, "EMAILADDRESS", "emailAddress", 1); out != want {
			t.Errorf("%s: %s, want %s", n, want, out)
		}
		out, _ = otatest.Run(t, "openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha256")
		if want := strings.ToLower(strings.ReplaceAll(out[strings.IndexByte(out, '=')+1:], ":", "")); c.SHA256() != want {
			t.Errorf("%s: %s, want %s", n, c.SHA256(), want)
		}
	}
	// A negative serial number, which crypto/x509 refuses.
	c := must(ParseCertificates(must(os.ReadFile(otatest.Data(t, "recovery", "testkey_v1.x509.pem")))))[0]
	raw := bytes.Clone(c.Raw)
	i := bytes.Index(raw, append([]byte{2, 9, 0}, c.Serial.Bytes()...))
	raw[i+2] = 0xff
	neg, err := ParseCertificate(raw)
	if err != nil || neg.X509 != nil || neg.X509Error == nil || neg.Key == nil || neg.Serial.Sign() >= 0 || neg.KeySHA256() != c.KeySHA256() {
		t.Errorf("negative serial: %+v, %v", neg, err)
	}
	for _, bad := range [][]byte{nil, {0x30}, raw[:len(raw)-1], append(bytes.Clone(raw), 0), []byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")} {
		if _, err := ParseCertificates(bad); kind(err) != "wrong" {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestTri(t *testing.T) {
	if (Yes.String() + No.String() + Unknown.String() + Tri(9).String()) != "yesnounknownunknown" {
		t.Error("wrong words")
	}
}

func FuzzCMS(f *testing.F) {
	for _, name := range []string{"example.zip", "ec.zip", "sha1.zip"} {
		b := must(os.ReadFile(filepath.Join("../../testdata/updates", name)))
		n := len(b)
		start := int(b[n-6]) | int(b[n-5])<<8 // recovery's footer: where the message begins, from the end
		f.Add(b[n-start : n-6])
	}
	f.Add([]byte{0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseCMS(b)
		if err != nil {
			if k := kind(err); strings.HasPrefix(k, "no ") {
				t.Fatal(k)
			}
			return
		}
		if m.Len > len(b) || len(m.Certificates) > maxCertificates || len(m.Signers) > maxSigners {
			t.Fatalf("%+v", m)
		}
		for _, s := range m.Signers {
			if !bytes.Equal(b[s.Offset:s.Offset+len(s.Signature)], s.Signature) {
				t.Fatal("the signature is not at its offset")
			}
			if c := m.Certificate(s); c != nil {
				if k := kind(m.Verify(s, c, make([]byte, 32), nil)); strings.HasPrefix(k, "no ") {
					t.Fatal(k)
				}
			}
		}
	})
}
