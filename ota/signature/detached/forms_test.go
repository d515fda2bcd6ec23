package detached_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/detached"
)

// Base64 may be as long as a signature's by newlines alone.
var (
	oneByte  = "M" + strings.Repeat("\n", 60) + "A=="
	fewBytes = "MIE" + strings.Repeat("\n", 60) + "="
)

func TestRecognise(t *testing.T) {
	for _, tc := range []struct {
		text, name string
		want       detached.Form
	}{
		{"", "", detached.FormNone},
		{"untrusted comment: x\n", "x.minisig", detached.FormNone},
		{"d41d8cd98f00b204e9800998ecf8427e  update.zip\n", "", detached.FormDigests},
		{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 *update.zip\n", "update.zip.sig", detached.FormDigests},
		{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "", detached.FormDigests},
		{"SHA256 (update.zip) = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n", "", detached.FormDigests},
		{"e3b0c44298fc1c149afbf4c8996fb924 27ae41e4649b934ca495991b7852b855xx", "", detached.FormDigests},
		{"e3b0c44298fc1c149afbf4c8996fb92427", "", detached.FormNone},
		{`{"base64Signature":"AA=="}`, "", detached.FormBundle},
		{`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`, "", detached.FormBundle},
		{`{"version":1}`, "update.sig", detached.FormNone},
		{"PK\x03\x04", "update.sig", detached.FormNone},
		{strings.Repeat("QUJD", 100), "update.txt", detached.FormNone},
		{strings.Repeat("QUJD", 100), "update.SIG", detached.FormCosign},
		{oneByte, "", detached.FormNone},
		{fewBytes, "", detached.FormNone},
		{fewBytes, "update.sig", detached.FormNone},
		{"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "", detached.FormNone},
		{"-----BEGIN PGP MESSAGE-----\n", "", detached.FormOpenPGP},
		{"\x99\x01\x0d\x04", "", detached.FormNone}, // a public key
		{"\x89\x00\x09\x04", "", detached.FormNone}, // too short
	} {
		if got := detached.Recognise([]byte(tc.text), tc.name); got != tc.want {
			t.Errorf("%q, %s: %q, want %q", tc.text, tc.name, got, tc.want)
		}
	}
	paths, _ := filepath.Glob("testdata/*")
	for _, path := range paths {
		name := filepath.Base(path)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := detached.FormNone
		ext := filepath.Ext(name)
		if ext == ".sig" || ext == ".asc" || ext == ".minisig" {
			kind, _, _ := strings.Cut(strings.TrimSuffix(name, ext), "-")
			want = map[string]detached.Form{"minisign": detached.FormMinisign, "signify": detached.FormSignify, "ssh": detached.FormSSH,
				"cosign": detached.FormCosign, "pgp": detached.FormOpenPGP}[kind]
		}
		if name == "pgp-compressed.sig" {
			want = detached.FormNone // a compressed message, whatever it holds
		}
		if got := detached.Recognise(b, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if want == detached.FormNone {
			if r, err := detached.Verify(context.Background(), b, blob.Bytes(nil), nil, detached.Options{Name: name}); !errors.Is(err, signature.ErrNone) {
				t.Errorf("%s: %v, %v", name, r, err)
			}
		}
	}
}

// ssh-keygen reads nothing behind the armor, on its last line or on others.
func TestBehindSSH(t *testing.T) {
	sig, update := load(t, "ssh-ed25519.sig"), load(t, "update")
	line := bytes.TrimRight(sig, "\n")
	for _, tc := range []struct {
		sig  []byte
		more string // where it is unsigned
	}{
		{sig, ""},
		{line, ""},
		{slices.Concat(line, []byte("\r\n\n")), ""},
		{slices.Concat(sig, []byte("more\n")), "\nmore\n"},
		{slices.Concat(line, []byte(" more")), " more"},
		{slices.Concat(sig, sig), "\n" + string(sig)},
	} {
		r := verify(t, tc.sig, update, keys(t, "signers"), detached.Options{})
		if got := summary(r); got != "ssh yes Ed25519-256 SHA-512; ssh-keygen -Y verify yes" {
			t.Errorf("%q behind it: %s", tc.more, got)
			continue
		}
		more, noted := "", len(r.Notes) > 1 && strings.HasPrefix(r.Notes[0], "more stands behind the signature")
		if len(r.Unsigned) == 1 {
			more = string(tc.sig[r.Unsigned[0].First:r.Unsigned[0].End])
		}
		if more != tc.more || noted != (more != "") {
			t.Errorf("unsigned: %q, want %q; %q", more, tc.more, r.Notes)
		}
		// What is broken stays so.
		if r := verify(t, tc.sig, nil, keys(t, "signers"), detached.Options{}); r.Intact != signature.No {
			t.Error(summary(r))
		}
		t.Run("ssh-keygen", func(t *testing.T) {
			foreign := sshKeygen(t, testdata(t, "signers"), "ssh-ed25519@example.org", "file")
			if !foreign(tc.sig, update) {
				t.Errorf("ssh-keygen refuses it with %q behind it", tc.more)
			}
		})
	}
}

// Lines of allowed signers say what a key may sign, as ssh-keygen reads them.
func TestAllowedSigners(t *testing.T) {
	pub := strings.TrimSpace(string(load(t, "ssh-ed25519.pub")))
	other := strings.TrimSpace(string(load(t, "ssh-rsa2048.pub")))
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	for _, tc := range []struct {
		list string
		o    detached.Options
		want string
	}{
		{list: pub, want: "yes"},
		{list: pub, o: detached.Options{Principal: "me"}, want: "unknown: the key is given without principals"},
		{list: "# me\n\nme@here " + pub, o: detached.Options{Principal: "me@here"}, want: "yes"},
		{list: "me@here " + pub, o: detached.Options{Principal: "you@here"}, want: "no: the key is not that of you@here"},
		{list: "*@here,!you@* " + pub, o: detached.Options{Principal: "you@here"}, want: "no: the key is not that of you@here"},
		{list: "*@here,!you@* " + pub, o: detached.Options{Principal: "a/b[@here"}, want: "yes"},
		{list: `"me, myself" ` + pub, o: detached.Options{Principal: " myself"}, want: "yes"},
		{list: "me cert-authority " + pub, want: "no: the key signs certificates only"},
		{list: `me namespaces="git,f*" ` + pub, want: "yes"},
		{list: `me NAMESPACES="git",cert-authority ` + pub, want: "no: the key signs certificates only"},
		{list: `me namespaces="git" ` + pub, want: "no: the key may not sign for the namespace file"},
		{list: `me namespaces="git" ` + pub + "\nme " + pub, want: "yes"},
		{list: `me valid-after="20260110" ` + pub, want: "unknown: the key is valid for a while only"},
		{list: `me valid-after="20260110" ` + pub, o: detached.Options{Time: day(9)}, want: "no: the key is valid from 2026-01-10 00:00:00 UTC on"},
		{list: `me valid-after="202601100000",valid-before="20260120000000Z" ` + pub, o: detached.Options{Time: day(15)}, want: "yes"},
		{list: `me valid-before="20260120Z" ` + pub, o: detached.Options{Time: day(21)}, want: "no: the key is valid until 2026-01-20 00:00:00 UTC"},
		{list: "me " + other, want: "no: the key SHA256:"},
		{list: "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIJY6yx5dvQVPHVmPHBaNYP4WFQoDNbsCNyvbS5a3JDYLAAAABHNzaDo= x\n" + pub, want: "yes"},
		{list: "ssh-rsa@here " + pub, o: detached.Options{Principal: "ssh-rsa@here"}, want: "yes"},
	} {
		ks, err := detached.ParseKeys([]byte(tc.list + "\n"))
		if err != nil {
			t.Errorf("%s: %v", tc.list, err)
			continue
		}
		r := verify(t, load(t, "ssh-ed25519.sig"), load(t, "update"), ks, tc.o)
		got := r.Accepts[0].Takes.String()
		if r.Accepts[0].Rule != "" {
			got += ": " + r.Accepts[0].Rule
		}
		if r.Intact != signature.Yes || got != tc.want && !(strings.HasSuffix(tc.want, "SHA256:") && strings.HasPrefix(got, tc.want)) {
			t.Errorf("%s: got %s, want %s", tc.list, got, tc.want)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, tc := range []struct {
		name string
		want string // of each key: scheme and comment
	}{
		{"minisign.pub", "minisign minisign public key"},
		{"signify.pub", "minisign signify public key"},
		{"ssh-ecdsa384.pub", "ssh ssh-ecdsa384"},
		{"cosign-ecP-256-cert.pem", "cosign CN=builder"},
		{"pgp-nistp384.pgp", "openpgp nistp384@example.org"},
		{"pgp-sub.pgp", "openpgp sub@example.org"},
	} {
		ks := keys(t, tc.name)
		if got := string(ks[0].Scheme) + " " + ks[0].Comment; len(ks) != 1 || !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		if sums := ks[0].KeySHA256(); len(sums) != 1 || len(sums[0]) != 64 {
			t.Errorf("%s: %q", tc.name, sums)
		}
	}
	for _, tc := range []struct {
		text string
		kind error
		want string
	}{
		{"", parse.ErrFormat, "no key"},
		{"\x80", parse.ErrFormat, "no OpenPGP packet"},
		{"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIJY6yx5dvQVPHVmPHBaNYP4WFQoDNbsCNyvbS5a3JDYLAAAABHNzaDo=\n", parse.ErrUnsupported, "sk-ssh-ed25519"},
		{`me x="y" ` + string(load(t, "ssh-ed25519.pub")), parse.ErrUnsupported, "an option that is not known"},
		{`me namespaces=y ` + string(load(t, "ssh-ed25519.pub")), parse.ErrFormat, "has no quotes"},
		{`me valid-after="2026" ` + string(load(t, "ssh-ed25519.pub")), parse.ErrFormat, "no time as ssh-keygen"},
		{"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", parse.ErrUnsupported, "neither public key nor certificate"},
		// Sizes that are negative where int has 32 bits.
		{"\x9a\x80\x00\x00\x00\x04", parse.ErrFormat, "the OpenPGP packet does not fit into the file (0x80000000)"},
		{"\xc6\xff\xff\xff\xff\xfa\x04", parse.ErrFormat, "the OpenPGP packet does not fit into the file (0xfffffffa)"},
		{"\x94\x01\x04", parse.ErrUnsupported, "a secret key"},
		{string(load(t, "pgp-rsa2048.asc")), parse.ErrUnsupported, "another armor"},
		{strings.Repeat("#\n", 3<<20), parse.ErrLimit, "more bytes of keys"},
		{strings.Repeat(string(load(t, "ssh-ed25519.pub")), 4097), parse.ErrLimit, "more keys"},
		{"\x99" + strings.Repeat("\x00\xb5\x00", 70000), parse.ErrFormat, ""},
		{strings.Repeat("\xb0\x00", 1<<17), parse.ErrLimit, "more OpenPGP packets"},
	} {
		if _, err := detached.ParseKeys([]byte(tc.text)); !errors.Is(err, tc.kind) || !strings.Contains(fmt.Sprint(err), tc.want) {
			t.Errorf("%.60q: %v", tc.text, err)
		}
	}
}

// A bundle of Sigstore, of a key, as cosign and sigstore-go write it with protobuf's JSON.
func bundle(t testing.TB, edit func(top, material, message map[string]any)) []byte {
	t.Helper()
	update := sha256.Sum256(load(t, "update"))
	block, _ := pem.Decode(load(t, "cosign-ecP-256.pem"))
	key := sha256.Sum256(block.Bytes)
	material := map[string]any{"publicKey": map[string]any{"hint": base64.StdEncoding.EncodeToString(key[:])}, "tlogEntries": []any{}}
	message := map[string]any{
		"messageDigest": map[string]any{"algorithm": "SHA2_256", "digest": base64.StdEncoding.EncodeToString(update[:])},
		"signature":     string(load(t, "cosign-ecP-256.sig")),
	}
	top := map[string]any{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": material, "messageSignature": message}
	if edit != nil {
		edit(top, material, message)
	}
	b, err := json.MarshalIndent(top, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBundles(t *testing.T) {
	type m = map[string]any
	key := base64.StdEncoding.EncodeToString(load(t, "cosign-ecP-256.pem"))
	cert := base64.StdEncoding.EncodeToString(load(t, "cosign-ecP-256-cert.pem"))
	sig := string(load(t, "cosign-ecP-256.sig"))
	wrong := sha512.Sum512(load(t, "update"))
	for _, tc := range []struct {
		name string
		b    []byte
		want string
	}{
		{"0.3", bundle(t, nil), "yes EC-256 SHA-256"},
		{"0.1", bundle(t, func(top, _, _ m) { top["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1" }), "yes EC-256 SHA-256"},
		{"0.2", bundle(t, func(top, _, _ m) { top["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2" }), "yes EC-256 SHA-256"},
		{"0.4", bundle(t, func(top, _, _ m) { top["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json" }), "unknown: detached: not judged: a bundle of a version that is not known"},
		{"without digest", bundle(t, func(_, _, message m) { delete(message, "messageDigest") }), "yes EC-256 SHA-256"},
		{"without hint", bundle(t, func(_, material, _ m) { material["publicKey"] = m{} }), "yes EC-256 SHA-256"},
		{"other hint", bundle(t, func(_, material, _ m) {
			material["publicKey"] = m{"hint": base64.StdEncoding.EncodeToString(wrong[:32])}
		}), "yes EC-256 SHA-256"},
		{"other digest", bundle(t, func(_, _, message m) {
			message["messageDigest"].(m)["digest"] = base64.StdEncoding.EncodeToString(wrong[:32])
		}), "no: detached: the bundle's digest is not the file's"},
		{"other hash", bundle(t, func(_, _, message m) {
			message["messageDigest"] = m{"algorithm": "SHA2_512", "digest": base64.StdEncoding.EncodeToString(wrong[:])}
		}), "no: detached: no key given made the signature of these bytes"},
		{"unknown hash", bundle(t, func(_, _, message m) { message["messageDigest"].(m)["algorithm"] = "SHA3_256" }), "unknown: detached: not judged: a digest by a hash"},
		{"keyless", bundle(t, func(_, material, _ m) { delete(material, "publicKey"); material["certificate"] = m{"rawBytes": cert} }), "unknown: detached: not judged: keyless: needs a Fulcio root and an identity policy"},
		{"keyless chain", bundle(t, func(_, material, _ m) { material["x509CertificateChain"] = m{} }), "unknown: detached: not judged: keyless: needs a Fulcio root and an identity policy"},
		{"attestation", bundle(t, func(top, _, _ m) { delete(top, "messageSignature"); top["dsseEnvelope"] = m{} }), "unknown: detached: not judged: an attestation"},
		{"no key", bundle(t, func(_, material, _ m) { delete(material, "publicKey") }), "no: detached: the bundle names no key"},
		{"no signature", bundle(t, func(_, _, message m) { delete(message, "signature") }), "no: detached: no base64"},
		{"twice", []byte(strings.Replace(string(bundle(t, nil)), "{", `{"messageSignature":{},`, 1)), "no: detached: a field occurs twice (messageSignature)"},
		{"other case", []byte(strings.Replace(string(bundle(t, nil)), `"signature"`, `"Signature"`, 1)), "no: detached: no base64"},
		{"more", append(bundle(t, nil), "{}"...), "no: detached: more behind the bundle"},
		{"cosign", []byte(`{"base64Signature":"` + sig + `","cert":"` + key + `","rekorBundle":{"SignedEntryTimestamp":"AA=="}}`), "yes EC-256 SHA-256"},
		{"cosign without key", []byte(`{"base64Signature":"` + sig + `"}`), "yes EC-256 SHA-256"},
		{"cosign keyless", []byte(`{"base64Signature":"` + sig + `","cert":"` + cert + `"}`), "unknown: detached: not judged: keyless: needs a Fulcio root and an identity policy"},
		{"too large", append(bundle(t, nil), strings.Repeat(" ", 1<<20)...), "unknown: detached: not judged: the signature file is too large"},
	} {
		for _, name := range []string{"update.sigstore.json", "update.bundle", ""} {
			r := verify(t, tc.b, load(t, "update"), keys(t, "minisign.pub", "cosign-ecP-256.pem", "cosign-rsa2048.pem"), detached.Options{Name: name})
			if got := summary(r); !strings.HasPrefix(got, "cosign "+tc.want) {
				t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
			}
		}
	}
	// The hint names the key that is missing.
	r := verify(t, bundle(t, nil), load(t, "update"), nil, detached.Options{})
	if want := keys(t, "cosign-ecP-256.pem")[0].ID; !strings.Contains(summary(r), "needs the key "+want) {
		t.Error(summary(r))
	}
	// Each bit of the signature's and the digest's text counts; no other is signed.
	b := bundle(t, nil)
	begin := strings.Index(string(b), sig)
	for at := begin; at < begin+len(sig); at++ {
		for bit := range 8 {
			bent := append([]byte(nil), b...)
			bent[at] ^= 1 << bit
			if r := verify(t, bent, load(t, "update"), keys(t, "cosign-ecP-256.pem"), detached.Options{}); r.Intact == signature.Yes {
				t.Errorf("bit %d of byte %#x is another, and it holds", bit, at)
			}
		}
	}
}

// Ed25519ph is what cosign and sigstore-go sign with by such a key; the vector is that of
// RFC 8032, 7.3. The same key signs files themselves, too.
func TestEd25519ph(t *testing.T) {
	secret := ed25519.NewKeyFromSeed(unhex(t, "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42"))
	sig := unhex(t, "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"+
		"31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406")
	abc := []byte("abc")
	pure := ed25519.Sign(secret, abc)
	der, err := x509.MarshalPKIXPublicKey(secret.Public())
	if err != nil {
		t.Fatal(err)
	}
	ks, err := detached.ParseKeys(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	base := base64.StdEncoding.EncodeToString
	sum, sum256 := sha512.Sum512(abc), sha256.Sum256(abc)
	in := func(sig []byte, hash string, sum []byte) []byte {
		return bundle(t, func(_, _, message map[string]any) {
			message["signature"] = base(sig)
			message["messageDigest"] = map[string]any{"algorithm": hash, "digest": base(sum)}
		})
	}
	for _, tc := range []struct {
		name string
		sig  []byte
		ph   bool
	}{
		{"bundle", in(sig, "SHA2_512", sum[:]), true},
		{"bundle of another hash", in(sig, "SHA2_256", sum256[:]), true},
		{"bundle of the file itself", in(pure, "SHA2_256", sum256[:]), false},
		{"cosign's bundle", []byte(`{"base64Signature":"` + base(sig) + `"}`), true},
		{"update.sig", []byte(base(sig)), true},
		{"update.sig of the file itself", []byte(base(pure)), false},
	} {
		o := detached.Options{Name: "update.sig"}
		r := verify(t, tc.sig, abc, ks, o)
		if got := summary(r); got != "cosign yes Ed25519-256 SHA-512"+cosignAsks {
			t.Errorf("%s: %s", tc.name, got)
		}
		if ph := slices.Contains(r.Notes, "Ed25519ph: the SHA-512 of the file is signed"); ph != tc.ph {
			t.Errorf("%s: %q", tc.name, r.Notes)
		}
		for _, other := range [][]byte{[]byte("abd"), nil, sum[:]} {
			if r := verify(t, tc.sig, other, ks, o); r.Intact != signature.No {
				t.Errorf("%s over %q: %s", tc.name, other, summary(r))
			}
		}
	}
	for i := range 8 * len(sig) {
		bent := bytes.Clone(sig)
		bent[i/8] ^= 1 << (i % 8)
		if r := verify(t, in(bent, "SHA2_512", sum[:]), abc, ks, detached.Options{}); r.Intact != signature.No {
			t.Errorf("bit %d: %s", i, summary(r))
		}
	}
	// It holds over a file that is too large to be in memory, too.
	large := &counter{size: 65 << 20}
	h := sha512.New()
	if _, err := io.Copy(h, io.NewSectionReader(large, 0, large.size)); err != nil {
		t.Fatal(err)
	}
	if sig, err = secret.Sign(nil, h.Sum(nil), crypto.SHA512); err != nil {
		t.Fatal(err)
	}
	r, err := detached.Verify(context.Background(), []byte(base(sig)), large, ks, detached.Options{Name: "update.sig"})
	if err != nil || r.Intact != signature.Yes {
		t.Error(r, err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
