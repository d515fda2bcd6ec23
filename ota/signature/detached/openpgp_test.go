package detached_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/detached"
)

// pieces parts a key ring of gpg, whose packets have headers of the old form.
func pieces(t testing.TB, b []byte) [][]byte {
	t.Helper()
	var out [][]byte
	for len(b) > 0 {
		n := 0
		switch b[0] & 0xc3 {
		case 0x80:
			n = 2 + int(b[1])
		case 0x81:
			n = 3 + int(b[1])<<8 + int(b[2])
		default:
			t.Fatalf("header %#x", b[0])
		}
		out, b = append(out, b[:n]), b[n:]
	}
	return out
}

// What binds a subkey to a primary key cannot be left out or taken from another.
func TestBindings(t *testing.T) {
	// Primary key, user ID, its certification, subkey, its binding.
	sub, part := pieces(t, load(t, "pgp-sub.pgp")), pieces(t, load(t, "pgp-part-revoked.pgp"))
	mine := pieces(t, load(t, "pgp-binary.pgp"))
	sig, update := load(t, "pgp-sub.sig"), load(t, "update")
	expired := pieces(t, load(t, "pgp-part.pgp"))
	longer := pieces(t, load(t, "pgp-part-longer.pgp"))
	for _, tc := range []struct {
		name string
		ring [][]byte
		sig  []byte
		want string
	}{
		{"whole", sub, sig, "yes"},
		{"no certification", slices.Concat(sub[:2], sub[3:]), sig, "not judged: the OpenPGP key has no signature over itself that holds"},
		{"no user", slices.Concat(sub[:1], sub[3:]), sig, "not judged: the OpenPGP key has no signature over itself that holds"},
		{"another user", slices.Concat(sub[:1], mine[1:2], sub[2:]), sig, "not judged: the OpenPGP key has no signature over itself that holds"},
		{"no binding", sub[:4], sig, "not judged: the OpenPGP key is not bound to its primary key"},
		{"the binding of another", slices.Concat(sub[:4], part[4:]), sig, "not judged: the OpenPGP key is not bound to its primary key"},
		// An attacker says that somebody else's subkey is theirs.
		{"stolen", slices.Concat(mine, sub[3:]), sig, "not judged: the OpenPGP key is not bound to its primary key"},
		// The certification in place of a binding: a signature over something else.
		{"certification for binding", slices.Concat(sub[:4], sub[2:3]), sig, "not judged: the OpenPGP key is not bound to its primary key"},
		{"binding before the subkey", slices.Concat(sub[:3], sub[4:], sub[3:4]), sig, "not judged: the OpenPGP key is not bound to its primary key"},
		// The newest statement counts, wherever it stands.
		{"old binding first", slices.Concat(expired[:4], expired[4:5], longer[4:5]), load(t, "pgp-part-after.sig"), "yes"},
		{"old binding last", slices.Concat(longer[:5], expired[4:5]), load(t, "pgp-part-after.sig"), "yes"},
		{"many signatures", slices.Concat(sub[:3], slices.Repeat(sub[2:3], 300), sub[3:]), sig, "not judged: more signatures of an OpenPGP key over itself than are computed with"},
		{"the same key twice", slices.Concat(sub, sub), sig, "yes"},
		{"the same key, unbound, first", slices.Concat(mine, sub[3:4], sub), sig, "yes"},
	} {
		ks, err := detached.ParseKeys(bytes.Join(tc.ring, nil))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		r := verify(t, tc.sig, update, ks, detached.Options{})
		if tc.want == "yes" {
			if r.Intact != signature.Yes || r.Accepts[0].Takes != signature.Yes {
				t.Errorf("%s: %s", tc.name, summary(r))
			}
			continue
		}
		if r.Intact != signature.Unknown || !strings.Contains(r.Reason.Error(), tc.want) {
			t.Errorf("%s: %s, want %s", tc.name, summary(r), tc.want)
		}
	}
}

// Signatures in one file: one that is refuted refutes all, one whose key is missing is named.
func TestSeveral(t *testing.T) {
	one, two := load(t, "pgp-rsa2048.sig"), load(t, "pgp-ed25519.sig")
	ks, update := keys(t, "pgp-rsa2048.pgp", "pgp-ed25519.pgp"), load(t, "update")
	bent := bytes.Clone(two)
	bent[len(bent)-1] ^= 1
	longer := append(bytes.Clone(one), 0) // inside the packet
	longer[2]++
	for _, tc := range []struct {
		name string
		sig  []byte
		keys []detached.Key
		want string
	}{
		{"both", slices.Concat(one, two), ks, "openpgp yes RSA-2048 SHA-512 Ed25519-256 SHA-256"},
		{"one refuted", slices.Concat(one, bent), ks, "openpgp no: signature: the signature is not the key's"},
		{"one refuted, of a key that is missing", slices.Concat(one, bent), ks[:1], "openpgp yes RSA-2048 SHA-512"},
		{"no key", slices.Concat(one, two), nil, "openpgp unknown: detached: not judged: needs the key "},
		{"many", bytes.Repeat(two, 17), ks, "openpgp unknown: detached: not judged: more OpenPGP signatures than are read"},
		{"more in the packet", longer, ks, "openpgp no: detached: more in the OpenPGP packet than it needs"},
		{"junk", append(bytes.Clone(one), "junk"...), ks, "openpgp no: detached: no OpenPGP packet of stated length"},
		{"a key", slices.Concat(one, load(t, "pgp-binary.pgp")), ks, "openpgp no: detached: a packet that is no OpenPGP signature"},
	} {
		if got := summary(verify(t, tc.sig, update, tc.keys, detached.Options{})); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	r := verify(t, slices.Concat(one, two), update, ks[:1], detached.Options{})
	if !slices.Contains(r.Notes, "another signature: needs the key "+ks[1].ID) {
		t.Error(r.Notes)
	}
}

// gpg makes no signature with a key that may not sign, or that is made later; the library
// does.
func TestUse(t *testing.T) {
	secret, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	created := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	key := packet.NewRSAPrivateKey(created, secret)
	sign := func(sig *packet.Signature, how func() error) []byte {
		t.Helper()
		sig.Version, sig.PubKeyAlgo, sig.Hash, sig.IssuerKeyId, sig.IssuerFingerprint = 4, key.PubKeyAlgo, crypto.SHA256, &key.KeyId, key.Fingerprint
		if err := how(); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := sig.Serialize(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	update := load(t, "update")
	for _, tc := range []struct {
		signs bool
		made  time.Time
		want  string
	}{
		{true, created, "yes"},
		{true, created.Add(-time.Second), "no: the signature is older than its key, of 2020-01-01 00:00:00 UTC"},
		{false, created, "no: the key is not one for signatures"},
	} {
		var ring bytes.Buffer
		user := packet.NewUserId("me", "", "")
		if err := key.PublicKey.Serialize(&ring); err != nil {
			t.Fatal(err)
		}
		if err := user.Serialize(&ring); err != nil {
			t.Fatal(err)
		}
		self := &packet.Signature{SigType: packet.SigTypePositiveCert, CreationTime: created, FlagsValid: true, FlagCertify: true, FlagSign: tc.signs}
		ring.Write(sign(self, func() error { return self.SignUserId("me", &key.PublicKey, key, nil) }))
		h := crypto.SHA256.New()
		h.Write(update)
		over := &packet.Signature{SigType: packet.SigTypeBinary, CreationTime: tc.made}
		sig := sign(over, func() error { return over.Sign(h, key, nil) })
		ks, err := detached.ParseKeys(ring.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if got := summary(verify(t, sig, update, ks, detached.Options{})); got != "openpgp yes RSA-2048 SHA-256; gpg "+tc.want {
			t.Error(got, tc.want)
		}
		if n := len(ks[0].KeySHA256()); (n == 1) != tc.signs {
			t.Errorf("%d keys sign", n)
		}
	}
}

// An attacker binds somebody else's subkey to a key of their own, with the subkey's true
// signature over its owner's key: theirs they cannot make.
func TestStolenSubkey(t *testing.T) {
	secret, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key := packet.NewRSAPrivateKey(time.Unix(1577836800, 0), secret)
	sub := pieces(t, load(t, "pgp-sub.pgp"))
	read := func(b []byte) packet.Packet {
		t.Helper()
		p, err := packet.Read(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	stolen, owners := read(sub[3]).(*packet.PublicKey), read(sub[4]).(*packet.Signature)
	self := &packet.Signature{SigType: packet.SigTypePositiveCert}
	binding := &packet.Signature{SigType: packet.SigTypeSubkeyBinding, FlagsValid: true, FlagSign: true, EmbeddedSignature: owners.EmbeddedSignature}
	for _, sig := range []*packet.Signature{self, binding} {
		sig.Version, sig.PubKeyAlgo, sig.Hash, sig.IssuerKeyId, sig.IssuerFingerprint = 4, key.PubKeyAlgo, crypto.SHA256, &key.KeyId, key.Fingerprint
		sig.CreationTime = key.CreationTime
	}
	if err := self.SignUserId("me", &key.PublicKey, key, nil); err != nil {
		t.Fatal(err)
	}
	if err := binding.SignKey(stolen, key, nil); err != nil {
		t.Fatal(err)
	}
	var ring bytes.Buffer
	for _, p := range []interface{ Serialize(io.Writer) error }{&key.PublicKey, packet.NewUserId("me", "", ""), self, stolen, binding} {
		if err := p.Serialize(&ring); err != nil {
			t.Fatal(err)
		}
	}
	ks, err := detached.ParseKeys(ring.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r := verify(t, load(t, "pgp-sub.sig"), load(t, "update"), ks, detached.Options{})
	if want := "the OpenPGP subkey's signature over its primary key does not hold"; r.Intact != signature.Unknown || !strings.Contains(summary(r), want) {
		t.Error(summary(r))
	}
}
