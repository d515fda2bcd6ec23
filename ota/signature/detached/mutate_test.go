package detached_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/detached"
)

// whole are signatures that hold, with their keys.
var whole = []struct{ sig, keys string }{
	{"minisign.minisig", "minisign.pub"}, {"minisign-legacy.minisig", "minisign.pub"}, {"signify.sig", "signify.pub"},
	{"ssh-ed25519.sig", "signers"}, {"ssh-sha256.sig", "signers"}, {"ssh-rsa2048.sig", "signers"}, {"ssh-ecdsa256.sig", "signers"},
	{"ssh-ecdsa384.sig", "signers"}, {"ssh-ecdsa521.sig", "signers"},
	{"cosign-ecP-256.sig", "cosign-ecP-256.pem"}, {"cosign-ecP-384.sig", "cosign-ecP-384.pem"}, {"cosign-ecP-521.sig", "cosign-ecP-521.pem"},
	{"cosign-rsa2048.sig", "cosign-rsa2048.pem"}, {"cosign-ed25519.sig", "cosign-ed25519.pem"},
	{"pgp-rsa2048.sig", "pgp-rsa2048.pgp"}, {"pgp-rsa2048.asc", "pgp-rsa2048.pgp"}, {"pgp-ed25519.sig", "pgp-ed25519.pgp"},
	{"pgp-ed25519.asc", "pgp-ed25519.pgp"}, {"pgp-nistp256.sig", "pgp-nistp256.pgp"}, {"pgp-nistp384.asc", "pgp-nistp384.pgp"},
	{"pgp-nistp521.sig", "pgp-nistp521.pgp"}, {"pgp-dsa2048.sig", "pgp-dsa2048.pgp"}, {"pgp-sub.sig", "pgp-sub.pgp"},
}

// open tells which bytes of a signature file may be others without the signature being
// broken: the untrusted comment, and what OpenPGP signs not, the area of subpackets
// that hold the key ID; of ssh's, the line end behind the armor.
func open(name string, sig []byte) func(at int) bool {
	switch {
	case bytes.HasPrefix(sig, []byte("untrusted comment: ")):
		end := bytes.IndexByte(sig, '\n')
		return func(at int) bool { return at >= len("untrusted comment: ") && at < end }
	case strings.HasPrefix(name, "ssh-"):
		return func(at int) bool { return at == len(sig)-1 }
	case strings.HasPrefix(name, "pgp-"):
		begin, raw := 0, sig
		if body, ok := bytes.CutPrefix(sig, []byte("-----BEGIN PGP SIGNATURE-----\n\n")); ok {
			begin = len(sig) - len(body)
			body, _, _ = bytes.Cut(body, []byte("\n="))
			raw, _ = base64.StdEncoding.DecodeString(string(body))
		}
		head := 2
		if raw[0] == 0x89 {
			head = 3
		}
		hashed := int(raw[head+4])<<8 | int(raw[head+5])
		first := head + 6 + hashed
		last := first + 2 + (int(raw[first])<<8 | int(raw[first+1]))
		if begin > 0 {
			return func(int) bool { return false } // the checksum covers it
		}
		return func(at int) bool { return at >= first+2 && at < last }
	}
	return func(int) bool { return false }
}

// Each bit of a signature file is either covered, so that another one breaks the
// signature, or lies where open says. Each byte of the update is covered.
func TestEveryBit(t *testing.T) {
	for _, tc := range whole {
		sig, update, ks := load(t, tc.sig), load(t, "update"), keys(t, tc.keys)
		free, held, broke := open(tc.sig, sig), 0, 0
		o := detached.Options{Name: tc.sig}
		try := func(sig, update []byte) bool {
			r, err := detached.Verify(context.Background(), sig, blob.Bytes(update), ks, o)
			if err != nil {
				if !errors.Is(err, signature.ErrNone) {
					t.Fatal(err)
				}
				return false
			}
			consistent(t, r)
			if r.Intact == signature.Yes && r.Scheme == signature.SchemeSSH && r.Accepts[0].Takes != signature.Yes {
				t.Fatal("another key made the signature")
			}
			return r.Intact == signature.Yes
		}
		if !try(sig, update) {
			t.Fatal(tc.sig)
		}
		// Of keys whose verification takes a millisecond one bit of each byte.
		slow := strings.Contains(tc.sig, "521") || strings.Contains(tc.sig, "384") || strings.Contains(tc.sig, "dsa2048")
		for at := range sig {
			for bit := range 8 {
				if slow && bit != at%8 {
					continue
				}
				bent := bytes.Clone(sig)
				bent[at] ^= 1 << bit
				switch ok := try(bent, update); {
				case ok && !free(at):
					t.Errorf("%s: bit %d of byte %#x is another, and it holds", tc.sig, bit, at)
				case ok:
					held++
				default:
					broke++
				}
			}
		}
		for at := range update {
			for bit := range 8 {
				if slow && bit != at%8 {
					continue
				}
				bent := bytes.Clone(update)
				bent[at] ^= 1 << bit
				if try(sig, bent) {
					t.Errorf("%s: bit %d of the update's byte %#x is another, and it holds", tc.sig, bit, at)
				}
			}
		}
		t.Logf("%s: %d flips broke it, %d did not", tc.sig, broke, held)
	}
}

// The beginning of a signature file is no signature, or a broken one.
func TestTruncated(t *testing.T) {
	for _, tc := range whole {
		sig, ks := load(t, tc.sig), keys(t, tc.keys)
		for n := range sig {
			r, err := detached.Verify(context.Background(), sig[:n], blob.Bytes(load(t, "update")), ks, detached.Options{Name: tc.sig})
			if errors.Is(err, signature.ErrNone) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			consistent(t, r)
			if r.Intact == signature.Yes && len(bytes.TrimRight(sig[n:], "\n")) > 0 {
				t.Errorf("%s, %d bytes of it: it holds", tc.sig, n)
			}
		}
	}
}

// Files of keys are read or refused at any length, with an offset in them.
func TestTruncatedKeys(t *testing.T) {
	for _, name := range []string{"minisign.pub", "ssh-ecdsa384.pub", "pgp-ed25519.pgp", "pgp-sub.pgp", "cosign-rsa2048.pem", "cosign-ecP-256-cert.pem"} {
		b := load(t, name)
		var may []int
		for n := 1; n < len(b); n++ {
			// Without its line end or comment, and after a whole packet, a key is a key.
			if _, err := detached.ParseKeys(b[:n]); err == nil {
				if rest := b[n:]; !strings.HasSuffix(name, "sub.pgp") && len(bytes.TrimSpace(rest)) > 0 && !strings.HasPrefix(name, "ssh-") {
					t.Errorf("%s, %d bytes of it: they are keys", name, n)
				}
				may = append(may, n)
			}
		}
		if len(may) > 20 {
			t.Errorf("%s: %d lengths are keys", name, len(may))
		}
		otatest.TestTruncation(t, b, func(in blob.Blob) error {
			b, err := blob.ReadAll(in, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			_, err = detached.ParseKeys(b)
			return err
		}, may...)
	}
}

// An OpenPGP key of which one bit is another is another key, or none, or one that
// nothing binds. What may differ is what no signature covers: the subpackets that are
// not hashed, of the user ID, the subkey and the subkey's own signature.
func TestEveryBitOfKey(t *testing.T) {
	key, sig, update := load(t, "pgp-sub.pgp"), load(t, "pgp-sub.sig"), load(t, "update")
	for at := range key {
		for bit := range 8 {
			bent := bytes.Clone(key)
			bent[at] ^= 1 << bit
			ks, err := detached.ParseKeys(bent)
			if err != nil {
				var bad *parse.Error
				if !errors.As(err, &bad) {
					t.Fatal(err)
				}
				continue
			}
			r := verify(t, sig, update, ks, detached.Options{})
			free := at >= 0x165 && at < 0x16e || at >= 0x2d3 && at < 0x2de || at >= 0x304 && at < 0x30d
			if r.Intact == signature.Yes && !free {
				t.Errorf("bit %d of byte %#x is another, and the key is the same", bit, at)
			}
			if r.Intact == signature.No {
				t.Errorf("bit %d of byte %#x: the signature is not refuted by another key: %s", bit, at, summary(r))
			}
		}
	}
}

// A counter counts the bytes that are read.
type counter struct {
	blob.Blob
	read int64
	size int64
}

func (c *counter) Size() int64 { return c.size }
func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	if n := c.size - off; n < int64(len(p)) {
		return 0, io.ErrUnexpectedEOF
	}
	c.read += int64(len(p))
	clear(p)
	return len(p), nil
}

// The file is read once, and not at all where no key could have signed; it is not taken into
// memory where only its digest is signed.
func TestReads(t *testing.T) {
	for _, tc := range whole {
		for _, size := range []int64{0, 1, 1<<20 + 1, 200 << 20} {
			if size > 1<<21 && tc.sig != "minisign.minisig" && tc.sig != "minisign-legacy.minisig" && tc.sig != "cosign-ed25519.sig" {
				continue
			}
			c := &counter{size: size}
			alloc := new(otatest.Allocations)
			before := alloc.Read()
			r, err := detached.Verify(context.Background(), load(t, tc.sig), c, keys(t, tc.keys), detached.Options{Name: tc.sig})
			if err != nil || r.Intact == signature.Yes {
				t.Fatal(r, err)
			}
			if used := alloc.Read() - before; used > 16<<20 {
				t.Errorf("%s: %d bytes of memory", tc.sig, used)
			}
			want := size
			if size > 64<<20 && tc.sig != "minisign.minisig" {
				if tc.sig != "cosign-ed25519.sig" { // whose digest may be what is signed
					want = 0
				}
				if !errors.Is(r.Reason, parse.ErrLimit) || r.Intact != signature.Unknown {
					t.Error(summary(r))
				}
			}
			if c.read != want {
				t.Errorf("%s: %d bytes read of %d", tc.sig, c.read, size)
			}
			if tc.sig[:3] == "ssh" {
				continue // which has its key
			}
			c.read = 0
			if r, err = detached.Verify(context.Background(), load(t, tc.sig), c, nil, detached.Options{Name: tc.sig}); err != nil || c.read > 0 ||
				r.Intact != signature.Unknown || !strings.Contains(r.Reason.Error(), "needs the key ") {
				t.Errorf("%s without key: %d bytes read, %v, %v", tc.sig, c.read, r, err)
			}
		}
	}
}

// A key of Ed25519 beside the one that signed does not ask for the file in memory.
func TestLargeAndSeveralKeys(t *testing.T) {
	c := &counter{size: 100 << 20}
	r, err := detached.Verify(context.Background(), load(t, "cosign-ecP-256.sig"), c, keys(t, "cosign-ed25519.pem", "cosign-ecP-256.pem"), detached.Options{})
	if err != nil || r.Intact != signature.No || c.read != c.size {
		t.Error(r, err, c.read)
	}
}

// What cannot be read is no answer.
func TestReadErrors(t *testing.T) {
	broken := &counter{size: 100}
	short := struct{ blob.Blob }{blob.Bytes(nil)}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r, err := detached.Verify(ctx, load(t, "minisign.minisig"), broken, keys(t, "minisign.pub"), detached.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(r, err)
	}
	if r, err := detached.Verify(context.Background(), load(t, "minisign.minisig"), shrunk{short, 10}, keys(t, "minisign.pub"), detached.Options{}); err == nil {
		t.Error(r)
	}
}

// A shrunk file has fewer bytes than it had.
type shrunk struct {
	blob.Blob
	size int64
}

func (s shrunk) Size() int64 { return s.size }
