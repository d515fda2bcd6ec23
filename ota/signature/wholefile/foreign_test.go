package wholefile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/signature"
)

// openssl is the other opinion on mathematics: whether a public key made a
// signature over some bytes. It is asked once for each question.
type openssl struct {
	t     *testing.T
	dir   string
	known map[[32]byte]bool
	asked int
}

func newOpenSSL(t *testing.T) *openssl {
	otatest.Tool(t, "openssl")
	return &openssl{t: t, dir: t.TempDir(), known: map[[32]byte]bool{}}
}

func (o *openssl) file(name string, b []byte) string {
	o.t.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

// verifies asks openssl dgst.
func (o *openssl) verifies(keyPEM, hash string, signed, sig []byte) bool {
	o.t.Helper()
	h := sha256.New()
	for _, b := range [][]byte{[]byte(keyPEM), []byte(hash), signed, sig} {
		d := sha256.Sum256(b)
		h.Write(d[:])
	}
	id := [32]byte(h.Sum(nil))
	if v, ok := o.known[id]; ok {
		return v
	}
	o.asked++
	out, err := otatest.Run(o.t, "openssl", "dgst", "-"+hash, "-verify", o.file("key", []byte(keyPEM)), "-signature", o.file("sig", sig), o.file("signed", signed))
	o.known[id] = err == nil && strings.Contains(out, "Verified OK")
	return o.known[id]
}

// key is the public key of the signer of a sound file, by openssl.
func (o *openssl) key(der []byte) string {
	o.t.Helper()
	out, err := otatest.Run(o.t, "openssl", "x509", "-inform", "DER", "-in", o.file("cert", der), "-noout", "-pubkey")
	if err != nil {
		o.t.Fatal(out)
	}
	return out + "\n"
}

// expect judges a file by the rules as the table of A1 has them, written a second
// time, and openssl: none, broken, or whether the key made the signature.
func (o *openssl) expect(b []byte, keyPEM, hash string) string {
	n := len(b)
	if n < 6 || b[n-4] != 0xff || b[n-3] != 0xff {
		return "none"
	}
	start, comment := int(b[n-6])|int(b[n-5])<<8, int(b[n-2])|int(b[n-1])<<8
	e := n - comment - 22
	if start > comment || start <= 6 || e < 0 || string(b[e:e+4]) != "PK\x05\x06" || strings.Contains(string(b[e+4:]), "PK\x05\x06") {
		return "no"
	}
	sig := lastOctets(b[n-start : n-6])
	if sig == nil || !o.verifies(keyPEM, hash, b[:e+20], sig) {
		return "no"
	}
	return "yes"
}

// lastOctets is the signature value where the message is as signapk writes it: the
// last element of everything that holds it. Mutations keep that, or break it.
func lastOctets(m []byte) []byte {
	tl := func(p []byte) (tag byte, body, rest []byte) {
		if len(p) < 2 {
			return 0, nil, nil
		}
		n, at := int(p[1]), 2
		if n >= 0x80 {
			k := n & 0x7f
			if k > 7 || len(p) < 2+k {
				return 0, nil, nil
			}
			n = 0
			for _, c := range p[2 : 2+k] {
				n = min(n<<8|int(c), 1<<30)
			}
			at += k
		}
		if n > len(p)-at {
			return 0, nil, nil
		}
		return p[0], p[at : at+n], p[at+n:]
	}
	// The way down: which element of which kind, counted as recovery counts.
	tag, in, _ := tl(m)
	if tag&0x7f != 0x30 {
		return nil
	}
	_, _, in = tl(in) // content type
	if tag, in, _ = tl(in); tag&0xe0 != 0xa0 {
		return nil
	}
	if tag, in, _ = tl(in); tag&0x7f != 0x30 {
		return nil
	}
	for range 3 {
		_, _, in = tl(in)
	}
	for len(in) > 0 && in[0]&0xe0 == 0xa0 {
		_, _, in = tl(in)
	}
	if tag, in, _ = tl(in); tag&0x7f != 0x31 {
		return nil
	}
	if tag, in, _ = tl(in); tag&0x7f != 0x30 {
		return nil
	}
	for range 4 {
		_, _, in = tl(in)
	}
	if tag, in, _ = tl(in); tag != 4 || len(in) == 0 {
		return nil
	}
	return in
}

// A mutation is made from a file by a rule; the table names its places.
type mutation struct {
	name string
	b    []byte
}

// mutations are the table: 200 and more for each file.
func mutations(b []byte) []mutation {
	l, err := readLayout(blob.Bytes(b))
	if err != nil {
		panic(err)
	}
	n := len(b)
	end := int(l.signed()) // of what is signed
	var out []mutation
	flip := func(what string, at int, mask byte) {
		if at < 0 || at >= n {
			return
		}
		c := bytes.Clone(b)
		c[at] ^= mask
		out = append(out, mutation{fmt.Sprintf("%s: byte %#x ^ %#x", what, at, mask), c})
	}
	for i := range 40 { // spread over what is signed
		flip("signed", i*(end-1)/39, 1<<(i%8))
	}
	for i := range 22 { // every byte of the record
		flip("record", end-20+i, 0x10)
	}
	for i := range l.text() {
		flip("text", end+2+i, 0x20)
	}
	at := int(l.messageAt())
	for i := range 60 { // the message's first elements, where its lengths are
		flip("message", at+i, 0x01)
	}
	for i := range 24 { // spread over the message: certificate, signer
		flip("message", at+60+i*(l.start-70)/24, 0x04)
	}
	for i := range 20 { // the signature value and its header
		flip("value", n-6-260+i*13, 0x80)
	}
	for i := range 6 {
		for _, m := range []byte{0x01, 0x80, 0xff} {
			flip("footer", n-6+i, m)
		}
	}
	for _, cut := range []int{1, 2, 6, 7, 100, l.start, l.comment, l.comment + 2, l.comment + 22, n - 6, n - 5} {
		out = append(out, mutation{fmt.Sprintf("cut by %d", cut), bytes.Clone(b[:n-cut])})
	}
	for _, add := range []string{"\x00", "PK\x05\x06", string(b[n-6:]), "\x10\x00\xff\xff\x10\x00"} {
		out = append(out, mutation{fmt.Sprintf("appended %q", add), append(bytes.Clone(b), add...)})
	}
	out = append(out, mutation{"prefix", append([]byte("x"), b...)})
	message := bytes.Clone(l.message())
	for _, junk := range []string{"x", "PK\x05\x06", strings.Repeat("\x00", 1000)} {
		out = append(out, mutation{fmt.Sprintf("junk %.4q", junk), tail(b, canonicalComment, message, []byte(junk))})
	}
	for _, text := range []string{"", "other", strings.Repeat("long", 5000), "PK\x05\x06"} {
		out = append(out, mutation{fmt.Sprintf("text %.4q", text), tail(b, text, message, nil)})
	}
	set := func(name string, at, v int) {
		c := bytes.Clone(b)
		binary.LittleEndian.PutUint16(c[at:], uint16(v))
		out = append(out, mutation{fmt.Sprintf("%s %d", name, v), c})
	}
	for _, v := range []int{0, 5, 6, 7, l.start - 1, l.start + 1, l.comment, l.comment + 1, 65535} {
		set("start", n-6, v)
	}
	for _, v := range []int{0, l.start - 1, l.start, l.comment - 1, l.comment + 1, 65513, 65514, 65535} {
		set("comment", n-2, v)
		set("record's comment", end, v)
	}
	return out
}

func TestMutations(t *testing.T) {
	o := newOpenSSL(t)
	for _, tc := range []struct{ file, hash string }{
		{"otasigned_v1.zip", "sha1"}, {"otasigned_v2.zip", "sha1"}, {"otasigned_v3.zip", "sha256"}, {"otasigned_v4.zip", "sha256"},
		{"ziptest_fake-update.zip", "sha1"},
	} {
		b := load(t, "recovery", tc.file)
		r := verify(t, b)
		key := o.key(r.Signers[0].Certificate)
		trusted, err := signature.ParseCertificate(r.Signers[0].Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if want := o.expect(b, key, tc.hash); want != "yes" {
			t.Fatalf("%s: openssl and the rules say %s", tc.file, want)
		}
		all := mutations(b)
		if len(all) < 200 {
			t.Errorf("%s: only %d mutations", tc.file, len(all))
		}
		count := map[string]int{}
		for _, m := range all {
			want := o.expect(m.b, key, tc.hash)
			count[want]++
			// As a device would: with the key that it trusts.
			r, err := Verify(context.Background(), blob.Bytes(m.b), []*signature.Certificate{trusted})
			got := "none"
			if err == nil {
				got = r.Intact.String()
			} else if !errors.Is(err, signature.ErrNone) {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%s, %s: %s, want %s (%v)", tc.file, m.name, got, want, r)
			}
			if want == "yes" && !bytes.Equal(m.b, b) {
				whole(t, r, m.b, !strings.Contains(fmt.Sprint(r.Unsigned), notCanonical))
			}
		}
		t.Logf("%s: %d mutations, expected %v, openssl asked %d times", tc.file, len(all), count, o.asked)
	}
}

// footless are the mutations of a file that has no footer: most stay without one,
// some get one that says nothing true.
func footless(b []byte) []mutation {
	n := len(b)
	var out []mutation
	for i := range min(n, 60) {
		for _, mask := range []byte{0x01, 0x80, 0xff} {
			c := bytes.Clone(b)
			c[n-1-i] ^= mask
			out = append(out, mutation{fmt.Sprintf("byte %#x ^ %#x", n-1-i, mask), c})
		}
	}
	for _, start := range []int{0, 6, 7, 18, 100, 65535} {
		for _, comment := range []int{0, 6, 18, 22, 100, n, 65535} {
			foot := binary.LittleEndian.AppendUint16(nil, uint16(start))
			foot = binary.LittleEndian.AppendUint16(append(foot, 0xff, 0xff), uint16(comment))
			out = append(out,
				mutation{fmt.Sprintf("a footer: start %d, comment %d", start, comment), append(bytes.Clone(b), foot...)},
				mutation{fmt.Sprintf("in its place: start %d, comment %d", start, comment), append(bytes.Clone(b[:n-6]), foot...)})
		}
	}
	for _, cut := range []int{1, 2, 5, 6, 22, 23, n / 2, n - 7, n - 6, n - 5, n} {
		out = append(out, mutation{fmt.Sprintf("cut by %d", cut), bytes.Clone(b[:n-cut])})
	}
	return out
}

// What was not signed does not become so.
func TestMutationsOfUnsigned(t *testing.T) {
	o := newOpenSSL(t)
	signed := load(t, "recovery", "otasigned_v1.zip")
	key := o.key(verify(t, signed).Signers[0].Certificate)
	for _, file := range []string{"jarsigned.zip", "unsigned.zip", "random.zip", "ziptest_valid.zip"} {
		all := footless(load(t, "recovery", file))
		if len(all) < 200 {
			t.Errorf("%s: only %d mutations", file, len(all))
		}
		count := map[string]int{}
		for _, m := range all {
			want := o.expect(m.b, key, "sha1")
			count[want]++
			r, err := Verify(context.Background(), blob.Bytes(m.b), nil)
			got := "none"
			if err == nil && r.Intact != signature.Unknown {
				got = r.Intact.String()
			} else if err == nil {
				got = "no" // nothing to take a key from: it does not hold with the key that was trusted
			} else if !errors.Is(err, signature.ErrNone) {
				t.Fatal(err)
			}
			if got != want || got == "yes" {
				t.Errorf("%s, %s: %s, want %s (%v)", file, m.name, got, want, r)
			}
		}
		t.Logf("%s: %d mutations, expected %v", file, len(all), count)
	}
}

// TestSignApk signs with the field's own tool.
func TestSignApk(t *testing.T) {
	otatest.Tool(t, "signapk") // Debian's is a JAR under that name
	o := newOpenSSL(t)
	for _, tc := range []struct {
		name, hash, accepts string
		key, cert           []string
	}{
		{"rsa", "sha256", "recovery -4.1 no; recovery 4.2-4.2 no; recovery 4.3- yes; " + javaTakes,
			[]string{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}, []string{"-sha256"}},
		{"rsa sha1", "sha1", "recovery -4.1 no; recovery 4.2- yes; " + javaTakes,
			[]string{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}, []string{"-sha1"}},
		{"rsa e=3", "sha256", "recovery -4.2 no; recovery 4.3- yes; " + javaTakes,
			[]string{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"}, []string{"-sha256"}},
		{"rsa e=17", "sha256", "recovery -4.2 no; recovery 4.3- no; " + javaTakes,
			[]string{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:17"}, []string{"-sha256"}},
		{"rsa 1024", "sha256", "",
			[]string{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"}, []string{"-sha256"}},
		{"rsa 4096", "sha256", "",
			[]string{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"}, []string{"-sha256"}},
		{"ec p256", "sha256", "recovery -4.4 no; recovery 5.0- yes; RecoverySystem 2.2-6.0 unknown; RecoverySystem 7.0- yes",
			[]string{"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"}, []string{"-sha256"}},
		{"ec p384", "sha256", "",
			[]string{"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"}, []string{"-sha256"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			at := func(n string) string { return filepath.Join(dir, n) }
			run := func(name string, args ...string) {
				t.Helper()
				if out, err := otatest.Run(t, name, args...); err != nil {
					t.Fatalf("%s: %v: %s", name, err, out)
				}
			}
			run("openssl", append(tc.key, "-out", at("key.pem"))...)
			run("openssl", "pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", at("key.pem"), "-out", at("key.pk8"))
			run("openssl", append([]string{"req", "-x509", "-new", "-key", at("key.pem"), "-subj", "/CN=otavet test", "-days", "30", "-out", at("cert.pem")}, tc.cert...)...)
			run("java", "-jar", otatest.Tool(t, "signapk"), "-w", at("cert.pem"), at("key.pk8"), otatest.Data(t, "recovery", "unsigned.zip"), at("signed.zip"))
			b, err := os.ReadFile(at("signed.zip"))
			if err != nil {
				t.Fatal(err)
			}
			cs, err := signature.ParseCertificates(must(os.ReadFile(at("cert.pem"))))
			if err != nil {
				t.Fatal(err)
			}
			if got := o.expect(b, o.key(cs[0].Raw), tc.hash); got != "yes" {
				t.Fatalf("openssl says %s", got)
			}
			r := verify(t, b)
			if r.Intact != signature.Yes || len(r.Signers) != 1 || r.Signers[0].SHA256 != cs[0].SHA256() {
				t.Fatalf("%v: %v, %v", r.Intact, r.Reason, r.Signers)
			}
			whole(t, r, b, true)
			if got := accepts(r); tc.accepts != "" && !sameAccepts(got, tc.accepts) {
				t.Errorf("accepts %s\n   want %s", got, tc.accepts)
			}
			t.Log(r.Accepts)
			if got := verify(t, flipped(b, 10)); got.Intact != signature.No {
				t.Errorf("a byte changed, and it is %v", got.Intact)
			}
		})
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func flipped(b []byte, at int) []byte {
	c := bytes.Clone(b)
	c[at] ^= 1
	return c
}

// sameAccepts compares what is taken; rows of one answer may be split by rules.
func sameAccepts(got, want string) bool { return joinRows(got) == joinRows(want) }

func joinRows(s string) string {
	var out []string
	for _, row := range strings.Split(s, "; ") {
		f := strings.Fields(row)
		if n := len(out); n > 0 {
			p := strings.Fields(out[n-1])
			if p[0] == f[0] && p[2] == f[2] && f[0] == recovery {
				since, _, _ := strings.Cut(p[1], "-")
				_, until, _ := strings.Cut(f[1], "-")
				out[n-1] = f[0] + " " + since + "-" + until + " " + f[2]
				continue
			}
		}
		out = append(out, row)
	}
	return strings.Join(out, "; ")
}
