package detached_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/detached"
)

// A tool is the other opinion on one form: whether it takes sig over data.
type tool func(sig, data []byte) bool

// write puts a file into dir.
func write(t testing.TB, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// runs tells whether a command with data as its input ends well.
func runs(t testing.TB, input []byte, name string, args ...string) (string, bool) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		t.Fatal(err)
	}
	return string(out), err == nil
}

func testdata(t testing.TB, name string) string {
	t.Helper()
	if filepath.IsAbs(name) {
		return name
	}
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func minisign(t testing.TB, key string) tool {
	bin, dir := otatest.Tool(t, "minisign"), t.TempDir()
	return func(sig, data []byte) bool {
		_, ok := runs(t, nil, bin, "-V", "-q", "-p", testdata(t, key), "-x", write(t, dir, "sig", sig), "-m", write(t, dir, "data", data))
		return ok
	}
}

func signify(t testing.TB, key string) tool {
	bin, dir := otatest.Tool(t, "signify-openbsd"), t.TempDir()
	return func(sig, data []byte) bool {
		_, ok := runs(t, nil, bin, "-V", "-q", "-p", testdata(t, key), "-x", write(t, dir, "sig", sig), "-m", write(t, dir, "data", data))
		return ok
	}
}

func sshKeygen(t testing.TB, signers, principal, namespace string, more ...string) tool {
	bin, dir := otatest.Tool(t, "ssh-keygen"), t.TempDir()
	return func(sig, data []byte) bool {
		args := []string{"-Y", "verify", "-f", signers, "-I", principal, "-n", namespace, "-s", write(t, dir, "sig", sig)}
		_, ok := runs(t, data, bin, append(args, more...)...)
		return ok
	}
}

// openssl is asked as cosign's signatures are made: base64 in one line.
func openssl(t testing.TB, key, hash string) tool {
	bin, dir := otatest.Tool(t, "openssl"), t.TempDir()
	return func(sig, data []byte) bool {
		raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimRight(string(sig), "\n"))
		if err != nil {
			return false
		}
		path := write(t, dir, "sig", raw)
		if hash == "" {
			_, ok := runs(t, nil, bin, "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", testdata(t, key), "-sigfile", path, "-in", write(t, dir, "data", data))
			return ok
		}
		_, ok := runs(t, data, bin, "dgst", "-"+hash, "-verify", testdata(t, key), "-signature", path)
		return ok
	}
}

// gnupg answers the status of the last signature: GOODSIG, EXPKEYSIG, REVKEYSIG, EXPSIG, BADSIG,
// ERRSIG, or nothing.
func gnupg(t testing.TB, names ...string) func(sig, data []byte, more ...string) string {
	bin := otatest.Tool(t, "gpg")
	home, err := os.MkdirTemp("", "gpg") // t.TempDir's name is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	base := []string{"--homedir", home, "--batch", "--no-tty", "--trust-model", "always", "--no-auto-check-trustdb", "--no-autostart"}
	for _, name := range names {
		runs(t, nil, bin, append(base, "--import", testdata(t, name))...)
	}
	return func(sig, data []byte, more ...string) string {
		args := append(append(base[:len(base):len(base)], more...), "--status-fd", "1", "--verify", write(t, home, "sig", sig), write(t, home, "data", data))
		out, ok := runs(t, nil, bin, args...)
		found := ""
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "[GNUPG:]" {
				switch f[1] {
				case "GOODSIG", "EXPKEYSIG", "REVKEYSIG", "EXPSIG", "BADSIG", "ERRSIG":
					found += " " + f[1]
				}
			}
		}
		if !ok && strings.HasPrefix(found, " GOODSIG") {
			found += " but failed"
		}
		return strings.TrimPrefix(found, " ")
	}
}

// opinions pairs signatures with the tools that judge them.
func opinions(t testing.TB) map[string]tool {
	all := map[string]tool{}
	for _, tc := range whole {
		name, _, _ := strings.Cut(strings.TrimSuffix(tc.sig, filepath.Ext(tc.sig)), "-")
		switch name {
		case "minisign":
			all[tc.sig] = minisign(t, tc.keys)
		case "signify":
			all[tc.sig] = signify(t, tc.keys)
		case "ssh":
			principal := strings.TrimSuffix(tc.sig, ".sig") + "@example.org"
			if tc.sig == "ssh-sha256.sig" {
				principal = "ssh-ed25519@example.org"
			}
			all[tc.sig] = sshKeygen(t, testdata(t, tc.keys), principal, "file")
		case "cosign":
			hash := "sha256"
			if strings.Contains(tc.sig, "ed25519") {
				hash = ""
			}
			all[tc.sig] = openssl(t, tc.keys, hash)
		case "pgp":
			gpg := gnupg(t, tc.keys)
			all[tc.sig] = func(sig, data []byte) bool { return gpg(sig, data) == "GOODSIG" }
		}
	}
	return all
}

// stricter says why a mutation may be refused here that a tool takes; "" none is known.
func stricter(name, reason string) string {
	for _, s := range []struct{ form, reason, why string }{
		{"minisign", "no base64", "minisign passes over what stands behind the base64"},
		{"minisign", "more behind the global signature", "minisign does not read on"},
		{"signify", "the message is in", "signify does not read on"},
		{"ssh-", "a version of ssh's signatures", "ssh-keygen also takes version 0"},
		{"ssh-", "what is reserved is used", "ssh-keygen passes over the field"},
		{"ssh-", "no base64", "ssh-keygen passes over bits that base64 leaves open"},
		{"cosign", "no key given made", "openssl passes over what stands behind the sequence, which cosign does not"},
		{"pgp-", "the length of an integer", "gpg takes any number of bits that has the right number of bytes"},
		{"pgp-", "the digest is not the one", "gpg does not look at the digest's first two bytes"},
		{"pgp-", "not judged: needs the key", "gpg finds the key by what is not hashed"},
		{"pgp-", "no base64 in the OpenPGP armor", "gpg passes over characters that base64 does not have"},
		{"pgp-", "OpenPGP armor", "gpg passes over lines before and behind an armor"},
		{"pgp-", "does not fit into the file", "gpg takes the file's end for the packet's"},
		{"pgp-", "no OpenPGP packet", "gpg also reads packets whose length is not stated"},
		{"pgp-", "no signature of this scheme", "gpg reads on where a file begins with something else"},
	} {
		if strings.HasPrefix(name, s.form) && strings.Contains(reason, s.reason) {
			return s.why
		}
	}
	return ""
}

// What a tool takes of mutated signatures holds here, and nothing else; where we are
// stricter the reason is in a list.
func TestForeignMutations(t *testing.T) {
	const perFile = 15
	asked, differ := 0, map[string]int{}
	update := load(t, "update")
	all := opinions(t)
	for _, tc := range whole {
		foreign := all[tc.sig]
		sig, ks := load(t, tc.sig), keys(t, tc.keys)
		try := func(what string, sig []byte) {
			asked++
			theirs := foreign(sig, update)
			ours, reason := false, ""
			r, err := detached.Verify(context.Background(), sig, blob.Bytes(update), ks, detached.Options{Name: tc.sig, Time: at2022})
			switch {
			case errors.Is(err, signature.ErrNone):
				reason = err.Error()
			case err != nil:
				t.Fatal(err)
			case r.Reason != nil:
				reason = r.Reason.Error()
			default:
				ours = len(r.Accepts) > 0 && r.Accepts[0].Takes != signature.No
			}
			why := stricter(tc.sig, reason)
			switch {
			case ours && !theirs:
				t.Errorf("%s, %s: the tool refuses it", tc.sig, what)
			case !ours && theirs && why == "":
				t.Errorf("%s, %s: the tool takes it; we say: %s", tc.sig, what, reason)
			case !ours && theirs:
				differ[why]++
			}
		}
		try("as it is", sig)
		for i := range perFile {
			at := i * (len(sig) - 1) / (perFile - 1)
			bent := bytes.Clone(sig)
			bent[at] ^= 1 << (i % 8)
			try(fmt.Sprintf("bit %d of byte %#x", i%8, at), bent)
		}
		for _, n := range []int{1, 2, len(sig) / 3, len(sig) / 2} {
			try(fmt.Sprintf("without its last %d bytes", n), sig[:len(sig)-n])
		}
		try("with more behind it", append(bytes.Clone(sig), "more\n"...))
	}
	t.Logf("%d questions", asked)
	for why, n := range differ {
		t.Logf("%d times: %s", n, why)
	}
}

// gpg takes what Accepts says that it takes.
func TestForeignOpenPGP(t *testing.T) {
	for _, tc := range []struct{ sig, keys, status string }{
		{"pgp-rsa1024.sig", "pgp-rsa1024.pgp", "GOODSIG"}, {"pgp-rsa2048.asc", "pgp-rsa2048.pgp", "GOODSIG"}, {"pgp-rsa4096.sig", "pgp-rsa4096.pgp", "GOODSIG"},
		{"pgp-ed25519.sig", "pgp-binary.pgp", "GOODSIG"}, {"pgp-nistp256.sig", "pgp-nistp256.pgp", "GOODSIG"}, {"pgp-nistp384.sig", "pgp-nistp384.pgp", "GOODSIG"},
		{"pgp-nistp521.sig", "pgp-nistp521.pgp", "GOODSIG"}, {"pgp-dsa2048.sig", "pgp-dsa2048.pgp", "GOODSIG"}, {"pgp-sub.sig", "pgp-sub.pgp", "GOODSIG"},
		{"pgp-sha1.sig", "pgp-rsa2048.pgp", "GOODSIG"}, {"pgp-two.sig", "pgp-rsa2048.pgp pgp-ed25519.pgp", "GOODSIG GOODSIG"},
		{"pgp-limited.sig", "pgp-rsa2048.pgp", "EXPSIG"}, {"pgp-old-before.sig", "pgp-old.pgp", "EXPKEYSIG"}, {"pgp-old-after.sig", "pgp-old.pgp", "EXPKEYSIG"},
		{"pgp-lost.sig", "pgp-lost-before.pgp", "GOODSIG"}, {"pgp-lost.sig", "pgp-lost.pgp", "REVKEYSIG"}, {"pgp-rsa2048.sig", "pgp-ed25519.pgp", "ERRSIG"},
		{"pgp-md5.sig", "pgp-rsa2048.pgp", "ERRSIG"}, {"pgp-short.sig", "pgp-ed25519.pgp", "GOODSIG"}, {"pgp-users.sig", "pgp-users.pgp", "GOODSIG"},
		{"pgp-part-before.sig", "pgp-part.pgp", "EXPKEYSIG"}, {"pgp-part-after.sig", "pgp-part.pgp", "EXPKEYSIG"},
		{"pgp-part-after.sig", "pgp-part-revoked.pgp", "REVKEYSIG"},
	} {
		names := strings.Fields(tc.keys)
		var when []string
		if tc.status == "REVKEYSIG" { // which has expired since, what gpg says first
			when = []string{"--faked-system-time", "20230101T000000!"}
		}
		if got := gnupg(t, names...)(load(t, tc.sig), load(t, "update"), when...); got != tc.status {
			t.Errorf("%s: gpg says %s, the table %s", tc.sig, got, tc.status)
		}
		r := verify(t, load(t, tc.sig), load(t, "update"), keys(t, names...), detached.Options{Time: time.Now()})
		takes := r.Intact == signature.Yes
		for _, p := range r.Accepts {
			takes = takes && p.Takes == signature.Yes
		}
		// EXPKEYSIG is a signature that holds by a key that has expired, whenever it was
		// made; we tell before from after.
		want := strings.HasPrefix(tc.status, "GOODSIG") || strings.HasSuffix(tc.sig, "-before.sig")
		if takes != want {
			t.Errorf("%s: %s, gpg: %s", tc.sig, summary(r), tc.status)
		}
	}
}

// Lists of allowed signers say to ssh-keygen what they say here.
func TestForeignAllowedSigners(t *testing.T) {
	pub := strings.TrimSpace(string(load(t, "ssh-ed25519.pub")))
	sig, update := load(t, "ssh-ed25519.sig"), load(t, "update")
	asked := 0
	for _, principals := range []string{"me@here", "*@here", "you@here,me@*", "!me@here,*", "m?@here", "*", `"me@here"`, "me@her", "[m]e@here", "ssh-rsa"} {
		for _, options := range []string{"", `namespaces="file"`, `namespaces="git"`, `namespaces="git,f*"`, `namespaces="!file,*"`, "cert-authority", `valid-after="20260101"`,
			`valid-before="20260101"`, `valid-after="20250101",valid-before="202512312359"`, `valid-before="20270101000000",namespaces="file"`, `NAMESPACES="git"`,
			`what="x"`, "what", `namespaces=file`, `namespaces=""`, `valid-after="2026"`, `valid-after="20261301"`} {
			line := principals + " " + options
			line = strings.TrimSpace(line) + " " + pub + "\n"
			ks, err := detached.ParseKeys([]byte(line))
			ours := false
			now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
			if err == nil {
				r := verify(t, sig, update, ks, detached.Options{Principal: "me@here", Time: now})
				ours = r.Accepts[0].Takes == signature.Yes
			} else if e := (*parse.Error)(nil); !errors.As(err, &e) {
				t.Fatal(err)
			}
			asked++
			path := write(t, t.TempDir(), "signers", []byte(line))
			if theirs := sshKeygen(t, path, "me@here", "file", "-Overify-time=20260601")(sig, update); ours != theirs {
				t.Errorf("%q: %v, ssh-keygen %v (%v)", line, ours, theirs, err)
			}
		}
	}
	t.Log(asked, "lines")
}
