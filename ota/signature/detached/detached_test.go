package detached_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/detached"
)

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func keys(t testing.TB, names ...string) []detached.Key {
	t.Helper()
	var all []detached.Key
	for _, name := range names {
		k, err := detached.ParseKeys(load(t, name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, k...)
	}
	return all
}

func verify(t testing.TB, sig, update []byte, ks []detached.Key, o detached.Options) *signature.Result {
	t.Helper()
	r, err := detached.Verify(context.Background(), sig, blob.Bytes(update), ks, o)
	if err != nil {
		t.Fatal(err)
	}
	consistent(t, r)
	return r
}

// consistent holds for every Result.
func consistent(t testing.TB, r *signature.Result) {
	t.Helper()
	ofUpdate := 0
	for _, u := range r.Unsigned {
		if !strings.HasPrefix(u.What, "of the signature's file: ") {
			ofUpdate++
		}
	}
	if yes := r.Intact == signature.Yes; yes != (r.Reason == nil) || yes != (len(r.Signers) > 0) || yes && len(r.Covers) != 1 || len(r.Covers)+ofUpdate != 1 {
		t.Fatalf("intact %v, because %v, by %v, covers %v", r.Intact, r.Reason, r.Signers, r.Covers)
	}
	for _, p := range r.Accepts {
		if p.Takes == signature.Yes && r.Intact != signature.Yes {
			t.Fatalf("%v, and %v", r.Intact, p)
		}
	}
}

// summary is a Result on one line.
func summary(r *signature.Result) string {
	s := fmt.Sprintf("%s %v", r.Scheme, r.Intact)
	for _, g := range r.Signers {
		s += fmt.Sprintf(" %s-%d %s", g.Algorithm, g.Bits, g.Digest)
		if len(g.Weak) > 0 {
			s += " weak " + strings.Join(g.Weak, ",")
		}
	}
	for _, p := range r.Accepts {
		s += fmt.Sprintf("; %s %v", p.Reader, p.Takes)
		if p.Rule != "" {
			s += ": " + p.Rule
		}
	}
	if r.Reason != nil {
		s += ": " + r.Reason.Error()
	}
	return s
}

var at2022 = time.Date(2022, 7, 1, 0, 0, 0, 0, time.UTC)

const cosignAsks = "; cosign verify-blob unknown: it also asks for an entry in a transparency log, unless told to ignore that"

// Every signature that a tool made holds with its key, and with no other.
func TestSignatures(t *testing.T) {
	for _, tc := range []struct {
		sig, keys string
		o         detached.Options
		want      string
	}{
		{sig: "minisign.minisig", keys: "minisign.pub", want: "minisign yes Ed25519-256 BLAKE2b-512; minisign yes"},
		{sig: "minisign-legacy.minisig", keys: "minisign.pub", want: "minisign yes Ed25519-256 SHA-512; minisign yes"},
		{sig: "signify.sig", keys: "signify.pub", want: "signify yes Ed25519-256 SHA-512; signify yes"},

		{sig: "ssh-ed25519.sig", keys: "ssh-ed25519.pub", want: "ssh yes Ed25519-256 SHA-512; ssh-keygen -Y verify yes"},
		{sig: "ssh-sha256.sig", keys: "ssh-ed25519.pub", want: "ssh yes Ed25519-256 SHA-256; ssh-keygen -Y verify yes"},
		{sig: "ssh-rsa1024.sig", keys: "signers", want: "ssh yes RSA-1024 SHA-512 weak RSA-1024; ssh-keygen -Y verify yes"},
		{sig: "ssh-rsa2048.sig", keys: "signers", want: "ssh yes RSA-2048 SHA-512; ssh-keygen -Y verify yes"},
		{sig: "ssh-rsa4096.sig", keys: "signers", want: "ssh yes RSA-4096 SHA-512; ssh-keygen -Y verify yes"},
		{sig: "ssh-ecdsa256.sig", keys: "signers", want: "ssh yes EC-256 SHA-512; ssh-keygen -Y verify yes"},
		{sig: "ssh-ecdsa384.sig", keys: "signers", want: "ssh yes EC-384 SHA-512; ssh-keygen -Y verify yes"},
		{sig: "ssh-ecdsa521.sig", keys: "signers", want: "ssh yes EC-521 SHA-512; ssh-keygen -Y verify yes"},
		{sig: "ssh-factory.sig", keys: "signers", o: detached.Options{Namespaces: []string{"file", "factory images"}},
			want: "ssh yes Ed25519-256 SHA-512; ssh-keygen -Y verify yes"},
		{sig: "ssh-factory.sig", keys: "signers",
			want: `ssh no: detached: the signature is made for the namespace "factory images", not for "file"`},
		{sig: "ssh-certified.sig", keys: "signers",
			want: "ssh unknown: detached: not judged: no verifier for this kind of ssh key (ecdsa-sha2-nistp256-cert-v01@openssh.com)"},

		{sig: "cosign-ecP-256.sig", keys: "cosign-ecP-256.pem", want: "cosign yes EC-256 SHA-256" + cosignAsks},
		{sig: "cosign-ecP-256.sig", keys: "cosign-ecP-256-cert.pem", want: "cosign yes EC-256 SHA-256" + cosignAsks},
		{sig: "cosign-ecP-384.sig", keys: "cosign-ecP-384.pem", want: "cosign yes EC-384 SHA-256" + cosignAsks},
		{sig: "cosign-ecP-384-sha384.sig", keys: "cosign-ecP-384.pem", want: "cosign yes EC-384 SHA-384" + cosignAsks},
		{sig: "cosign-ecP-521.sig", keys: "cosign-ecP-521.pem", want: "cosign yes EC-521 SHA-256" + cosignAsks},
		{sig: "cosign-rsa2048.sig", keys: "cosign-rsa2048.pem", o: detached.Options{Name: "update.sig"}, want: "cosign yes RSA-2048 SHA-256" + cosignAsks},
		{sig: "cosign-rsa4096.sig", keys: "cosign-rsa4096.pem", o: detached.Options{Name: "update.sig"}, want: "cosign yes RSA-4096 SHA-256" + cosignAsks},
		{sig: "cosign-ed25519.sig", keys: "cosign-ed25519.pem", o: detached.Options{Name: "update.sig"}, want: "cosign yes Ed25519-256 SHA-512" + cosignAsks},

		{sig: "pgp-rsa1024.sig", keys: "pgp-rsa1024.pgp", want: "openpgp yes RSA-1024 SHA-512 weak RSA-1024; gpg yes"},
		{sig: "pgp-rsa2048.sig", keys: "pgp-rsa2048.pgp", want: "openpgp yes RSA-2048 SHA-512; gpg yes"},
		{sig: "pgp-rsa2048.asc", keys: "pgp-rsa2048.pgp", want: "openpgp yes RSA-2048 SHA-512; gpg yes"},
		{sig: "pgp-rsa4096.sig", keys: "pgp-rsa4096.pgp", want: "openpgp yes RSA-4096 SHA-512; gpg yes"},
		{sig: "pgp-ed25519.sig", keys: "pgp-ed25519.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg yes"},
		{sig: "pgp-ed25519.asc", keys: "pgp-binary.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg yes"},
		{sig: "pgp-nistp256.asc", keys: "pgp-nistp256.pgp", want: "openpgp yes EC-256 SHA-256; gpg yes"},
		{sig: "pgp-nistp384.sig", keys: "pgp-nistp384.pgp", want: "openpgp yes EC-384 SHA-384; gpg yes"},
		{sig: "pgp-nistp521.sig", keys: "pgp-nistp521.pgp", want: "openpgp yes EC-521 SHA-512; gpg yes"},
		{sig: "pgp-dsa2048.sig", keys: "pgp-dsa2048.pgp", want: "openpgp yes DSA-2048 SHA-256; gpg yes"},
		{sig: "pgp-sha1.sig", keys: "pgp-rsa2048.pgp", want: "openpgp yes RSA-2048 SHA-1 weak SHA-1; gpg yes"},
		{sig: "pgp-sub.sig", keys: "pgp-sub.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg yes"},
		{sig: "pgp-two.sig", keys: "pgp-rsa2048.pgp pgp-ed25519.pgp", want: "openpgp yes RSA-2048 SHA-512 Ed25519-256 SHA-256; gpg yes; gpg yes"},
		{sig: "pgp-two.sig", keys: "pgp-ed25519.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg yes"},
		{sig: "pgp-limited.sig", keys: "pgp-rsa2048.pgp", want: "openpgp yes RSA-2048 SHA-512; gpg unknown: the signature expires on 2020-03-02 00:00:00 UTC"},
		{sig: "pgp-limited.sig", keys: "pgp-rsa2048.pgp", o: detached.Options{Time: at2022},
			want: "openpgp yes RSA-2048 SHA-512; gpg no: the signature expired on 2020-03-02 00:00:00 UTC"},
		{sig: "pgp-old-before.sig", keys: "pgp-old.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg yes"},
		{sig: "pgp-old-before.sig", keys: "pgp-old.pgp", o: detached.Options{Time: at2022},
			want: "openpgp yes Ed25519-256 SHA-256; gpg yes: the key has expired since, on 2020-12-31 00:00:00 UTC"},
		{sig: "pgp-old-after.sig", keys: "pgp-old.pgp",
			want: "openpgp yes Ed25519-256 SHA-256; gpg no: the key had expired on 2020-12-31 00:00:00 UTC"},
		{sig: "pgp-lost.sig", keys: "pgp-lost-before.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg yes"},
		{sig: "pgp-lost.sig", keys: "pgp-lost.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg no: the key was revoked on 2020-01-01 00:00:00 UTC"},

		{sig: "pgp-short.sig", keys: "pgp-ed25519.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg yes"},
		{sig: "pgp-users.sig", keys: "pgp-users.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg yes"},
		{sig: "pgp-part-before.sig", keys: "pgp-part.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg yes"},
		{sig: "pgp-part-after.sig", keys: "pgp-part.pgp",
			want: "openpgp yes Ed25519-256 SHA-256; gpg no: the key had expired on 2020-12-31 00:00:00 UTC"},
		{sig: "pgp-part-after.sig", keys: "pgp-part-longer.pgp", want: "openpgp yes Ed25519-256 SHA-256; gpg yes"},
		{sig: "pgp-part-after.sig", keys: "pgp-part-revoked.pgp",
			want: "openpgp yes Ed25519-256 SHA-256; gpg no: the subkey was revoked on 2022-06-01 00:00:00 UTC: compromised (stolen)"},

		{sig: "pgp-sha224.sig", keys: "pgp-rsa2048.pgp", want: "openpgp yes RSA-2048 SHA-224; gpg yes"},
		{sig: "pgp-md5.sig", keys: "pgp-rsa2048.pgp", want: "openpgp unknown: detached: not judged: OpenPGP: openpgp: unsupported feature: hash function 1 at byte 0x0"},
		{sig: "pgp-text.sig", keys: "pgp-rsa2048.pgp", want: "openpgp unknown: detached: not judged: an OpenPGP signature of another kind than that of a file (0x1) at byte 0x0"},
		{sig: "pgp-clear.asc", keys: "pgp-rsa2048.pgp", want: "openpgp unknown: detached: not judged: a signed message, not a signature beside a file (PGP SIGNED MESSAGE) at byte 0x0"},
		{sig: "pgp-inline.sig", keys: "pgp-rsa2048.pgp", want: "openpgp unknown: detached: not judged: a signed message, not a signature beside a file (0x4) at byte 0x0"},
		{sig: "pgp-brainpoolP256r1.sig", keys: "pgp-brainpoolP256r1.pgp", want: "openpgp unknown: detached: not judged: no verifier for this kind of OpenPGP key (0x13)"},
		{sig: "pgp-secp256k1.sig", keys: "pgp-secp256k1.pgp", want: "openpgp unknown: detached: not judged: no verifier for this kind of OpenPGP key (0x13)"},
		{sig: "signify-embedded.sig", keys: "signify.pub", want: "signify unknown: detached: not judged: the message is in the signature's file at byte 0x90"},
	} {
		t.Run(tc.sig, func(t *testing.T) {
			sig, update := load(t, tc.sig), load(t, "update")
			ks := keys(t, strings.Fields(tc.keys)...)
			r := verify(t, sig, update, ks, tc.o)
			if got := summary(r); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if r.Intact != signature.Yes {
				return
			}
			// Another file, one byte more, none at all.
			for _, other := range [][]byte{[]byte("x" + string(update[1:])), append(update[:len(update):len(update)], 0), nil} {
				if r := verify(t, sig, other, ks, tc.o); r.Intact != signature.No {
					t.Errorf("over %q: %s", other, summary(r))
				}
			}
			// The keys of the others.
			var others []detached.Key
			paths, _ := filepath.Glob("testdata/*.p[egu][mpb]")
			mine := map[string]bool{}
			for _, k := range ks {
				mine[k.ID] = true
			}
			for _, path := range paths {
				for _, k := range keys(t, filepath.Base(path)) {
					if !mine[k.ID] && k.KeySHA256() != nil && !sameKey(k, ks) {
						others = append(others, k)
					}
				}
			}
			if len(others) < 10 {
				t.Fatal("too few other keys:", len(others))
			}
			if len(ks) == 1 && tc.sig == "pgp-two.sig" {
				return // the other signer is among the others
			}
			r = verify(t, sig, update, others, tc.o)
			ok := r.Intact == signature.Unknown && strings.Contains(r.Reason.Error(), "needs the key ")
			switch r.Scheme {
			case signature.SchemeSSH:
				ok = r.Intact == signature.Yes && r.Accepts[0].Takes == signature.No && strings.Contains(r.Accepts[0].Rule, "none of those given")
			case signature.SchemeCosign: // which does not say which key it needs
				ok = r.Intact == signature.No && strings.Contains(r.Reason.Error(), "no key given made")
			}
			if !ok {
				t.Errorf("with other keys: %s", summary(r))
			}
		})
	}
}

// sameKey tells whether k is in ks under another name: that of a certificate, or of a
// key before it was revoked.
func sameKey(k detached.Key, ks []detached.Key) bool {
	for _, o := range ks {
		if o.Scheme == k.Scheme && len(k.KeySHA256()) > 0 && len(o.KeySHA256()) > 0 && o.KeySHA256()[0] == k.KeySHA256()[0] {
			return true
		}
	}
	return false
}
