package wholefile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

func load(t testing.TB, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(otatest.Data(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func verify(t testing.TB, b []byte, keys ...*signature.Certificate) *signature.Result {
	t.Helper()
	r, err := Verify(context.Background(), blob.Bytes(b), keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// accepts writes a Result's platforms as "recovery -4.1 no".
func accepts(r *signature.Result) string {
	var s []string
	for _, p := range r.Accepts {
		s = append(s, fmt.Sprintf("%s %s-%s %v", p.Reader, p.Since, p.Until, p.Takes))
	}
	return strings.Join(s, "; ")
}

const (
	allTake   = "recovery -4.1 yes; recovery 4.2-9 yes; recovery 10- yes"
	javaTakes = "RecoverySystem 2.2-6.0 yes; RecoverySystem 7.0- yes"
)

func TestRecovery(t *testing.T) {
	for _, tc := range []struct {
		file, cert, key, digest, accepts string
		known                            int
	}{
		{"otasigned_v1.zip", "testkey_v1", "ef57b690", "SHA-1", "recovery - yes; " + javaTakes, 2},
		{"otasigned_v2.zip", "testkey_v2", "877f425e", "SHA-1", "recovery -4.1 no; recovery 4.2- yes; " + javaTakes, -1},
		{"otasigned_v3.zip", "testkey_v3", "ef57b690", "SHA-256", "recovery -4.2 no; recovery 4.3- yes; " + javaTakes, 2},
		{"otasigned_v4.zip", "testkey_v4", "877f425e", "SHA-256", "recovery -4.1 no; recovery 4.2-4.2 no; recovery 4.3- yes; " + javaTakes, -1},
		{"ziptest_fake-update.zip", "", "6f297e8c", "SHA-1", "recovery - yes; " + javaTakes, 0},
		{file: "jarsigned.zip"}, {file: "unsigned.zip"}, {file: "random.zip"}, {file: "ziptest_valid.zip"},
	} {
		t.Run(tc.file, func(t *testing.T) {
			b := load(t, "recovery", tc.file)
			if tc.key == "" {
				if r, err := Verify(context.Background(), blob.Bytes(b), nil); r != nil || !errors.Is(err, signature.ErrNone) {
					t.Fatalf("%v, %v; want ErrNone", r, err)
				}
				return
			}
			r := verify(t, b)
			if r.Intact != signature.Yes || len(r.Signers) != 1 {
				t.Fatalf("%v: %v", r.Intact, r.Reason)
			}
			s := r.Signers[0]
			if !strings.HasPrefix(s.KeySHA256, tc.key) || s.Digest != tc.digest || s.Bits != 2048 || s.Algorithm != "RSA" {
				t.Errorf("signer %+v", s)
			}
			if got := accepts(r); got != tc.accepts {
				t.Errorf("accepts %s\n   want %s", got, tc.accepts)
			}
			if tc.known >= 0 && len(r.Known) != tc.known || tc.known < 0 && len(r.Known) == 0 {
				t.Errorf("known %v", r.Known)
			}
			whole(t, r, b, true)
			if tc.cert == "" {
				return
			}
			for n := 1; n <= 4; n++ {
				name := fmt.Sprintf("testkey_v%d", n)
				cs, err := signature.ParseCertificates(load(t, "recovery", name+".x509.pem"))
				if err != nil {
					t.Fatal(err)
				}
				same := cs[0].SHA256() == s.SHA256
				if same != (name == tc.cert) {
					t.Errorf("%s is the signer: %v", name, same)
				}
				// Recovery with this certificate: the key and the hash must both be right.
				if got := verify(t, b, cs...).Signers[0].SHA256 == cs[0].SHA256(); got != (cs[0].KeySHA256() == s.KeySHA256) {
					t.Errorf("%s verifies: %v", name, got)
				}
			}
		})
	}
}

// whole checks that covered and unsigned ranges divide the file.
func whole(t testing.TB, r *signature.Result, b []byte, canonical bool) {
	t.Helper()
	seen := make([]byte, len(b))
	for _, list := range [][]signature.Range{r.Covers, r.Unsigned} {
		for _, g := range list {
			for i := g.First; i < g.End; i++ {
				seen[i]++
			}
		}
	}
	for i, n := range seen {
		if n != 1 {
			t.Fatalf("byte %#x is in %d ranges: %v %v", i, n, r.Covers, r.Unsigned)
		}
	}
	odd := false
	for _, g := range r.Unsigned {
		odd = odd || strings.HasSuffix(strings.TrimSuffix(g.What, " (after it)"), notCanonical)
	}
	if odd == canonical {
		t.Errorf("canonical: %v in %v", !odd, r.Unsigned)
	}
}

// TestEveryBit flips every bit of a small file. In the signed range and in the
// signature value it must break the signature; elsewhere the byte must be named.
func TestEveryBit(t *testing.T) {
	b := load(t, "recovery", "otasigned_v1.zip")
	r := verify(t, b)
	protected := make([]bool, len(b))
	for _, g := range r.Covers {
		for i := g.First; i < g.End; i++ {
			protected[i] = true
		}
	}
	broke := 0
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			got, err := Verify(context.Background(), blob.Bytes(b), nil)
			switch {
			case err != nil && !errors.Is(err, signature.ErrNone):
				t.Fatal(err)
			case protected[i] && err == nil && got.Intact == signature.Yes:
				t.Errorf("byte %#x bit %d flipped, and it holds", i, bit)
			case protected[i]:
				broke++
			}
			b[i] ^= 1 << bit
		}
	}
	if want := int(r.Covers[0].End+256) * 8; broke != want {
		t.Errorf("%d flips broke it, want %d", broke, want)
	}
}

// tail rebuilds the end of a file around its message.
func tail(b []byte, text string, message, junk []byte) []byte {
	l, err := readLayout(blob.Bytes(b))
	if err != nil {
		panic(err)
	}
	out := bytes.Clone(b[:l.signed()])
	size := len(text) + len(message) + len(junk) + 6
	out = binary.LittleEndian.AppendUint16(out, uint16(size))
	out = append(append(append(out, text...), message...), junk...)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(message)+len(junk)+6))
	out = append(out, 0xff, 0xff)
	return binary.LittleEndian.AppendUint16(out, uint16(size))
}

func TestUnsignedParts(t *testing.T) {
	b := load(t, "recovery", "otasigned_v3.zip")
	l, err := readLayout(blob.Bytes(b))
	if err != nil {
		t.Fatal(err)
	}
	message := bytes.Clone(l.message())
	if got := tail(b, canonicalComment, message, nil); !bytes.Equal(got, b) {
		t.Fatal("tail does not rebuild the file")
	}
	var other []byte
	if o, err := readLayout(blob.Bytes(load(t, "recovery", "otasigned_v4.zip"))); err == nil {
		other = o.message()
	}
	set := func(at int, v byte) []byte {
		c := bytes.Clone(b)
		c[(at+len(c))%len(c)] = v
		return c
	}
	for _, tc := range []struct {
		name, want, what string
		b                []byte
		intact           signature.Tri
	}{
		{name: "text", what: "comment text Not signed" + notCanonical, b: tail(b, "Not signed", message, nil), intact: signature.Yes},
		{name: "no text", b: tail(b, "", message, nil), intact: signature.Yes},
		{name: "junk", what: "bytes after the CMS message" + notCanonical, b: tail(b, canonicalComment, message, []byte("junk")), intact: signature.Yes},
		{name: "length", what: "comment length, 1536 where", b: set(int(l.signed()), 0), intact: signature.Yes},
		{name: "certificate", what: "around the signature value", b: set(int(l.messageAt())+200, b[l.messageAt()+200]^1), intact: signature.Yes},
		{name: "other certificate", what: "whose signer is another certificate", b: tail(b, canonicalComment, swap(message, other), nil), intact: signature.No},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := verify(t, tc.b)
			if r.Intact != tc.intact {
				t.Fatalf("%v: %v", r.Intact, r.Reason)
			}
			found := ""
			for _, g := range r.Unsigned {
				if tc.what != "" && strings.Contains(g.What, tc.what) {
					found = g.What
				}
			}
			if found == "" && tc.what != "" {
				t.Errorf("%q is not among %v", tc.what, r.Unsigned)
			}
			if tc.name != "no text" {
				whole(t, r, tc.b, false)
			}
			t.Log(accepts(r))
		})
	}
}

// swap puts the first certificate of another message into a message: both have one,
// in [0].
func swap(message, other []byte) []byte {
	_, _, mine, ok1 := walk(message)
	_, _, theirs, ok2 := walk(other)
	if !ok1 || !ok2 {
		panic("no message")
	}
	i := bytes.Index(message, mine[0])
	head := bytes.Clone(message[:i])
	grow := len(theirs[0]) - len(mine[0])
	// The lengths of ContentInfo, [0], SignedData and the certificates' [0], all of
	// two bytes.
	for _, at := range lengths(message, i) {
		binary.BigEndian.PutUint16(head[at:], uint16(int(binary.BigEndian.Uint16(head[at:]))+grow))
	}
	return append(append(head, theirs[0]...), message[i+len(mine[0]):]...)
}

func lengths(message []byte, end int) []int {
	var out []int
	for i := 0; i+3 < end+1; i++ {
		if message[i+1] == 0x82 && (message[i] == 0x30 || message[i] == 0xA0) {
			out = append(out, i+2)
		}
	}
	return out
}

func TestFooterRules(t *testing.T) {
	eocd := append([]byte("PK\x05\x06"), make([]byte, 18)...)
	file := func(start, magic, comment int, body []byte) []byte {
		b := append([]byte("file"), body...)
		b = binary.LittleEndian.AppendUint16(b, uint16(start))
		b = binary.LittleEndian.AppendUint16(b, uint16(magic))
		return binary.LittleEndian.AppendUint16(b, uint16(comment))
	}
	with := func(n int, s string) []byte { return append(bytes.Clone(eocd), append(make([]byte, n), s...)...) }
	for _, tc := range []struct {
		name string
		b    []byte
		want string // "": ErrNone
	}{
		{"empty", nil, ""},
		{"five bytes", []byte{0, 0, 0xff, 0xff, 0}, ""},
		{"magic", file(10, 0xfffe, 20, with(14, "")), ""},
		{"start over comment", file(21, 0xffff, 20, with(14, "")), msgBefore},
		{"start 0", file(0, 0xffff, 20, with(14, "")), "in the footer"},
		{"start 6", file(6, 0xffff, 20, with(14, "")), "in the footer"},
		{"comment over file", file(10, 0xffff, 65535, with(14, "")), "smaller than its comment"},
		{"comment 65513", file(65513, 0xffff, 65513, with(65000, "")), "smaller than its comment"},
		{"comment 65535", file(65535, 0xffff, 65535, with(65529, "")), "another element"},
		{"no record", file(10, 0xffff, 19, with(14, "")), "does not follow"},
		{"second record", file(16, 0xffff, 20, with(0, "12345678PK\x05\x061 ")), "a second end"},
		{"second record at the end", file(16, 0xffff, 20, with(0, "1234567890PK\x05\x06")), "a second end"},
		{"no message", file(16, 0xffff, 20, with(14, "")), "another element"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := Verify(context.Background(), blob.Bytes(tc.b), nil)
			if tc.want == "" {
				if !errors.Is(err, signature.ErrNone) {
					t.Fatalf("%+v, %v", r, err)
				}
				return
			}
			var e *parse.Error
			if err != nil || r.Intact != signature.No || !errors.As(r.Reason, &e) || !strings.Contains(e.Msg, tc.want) {
				t.Fatalf("%+v, %v; want %s", r, err, tc.want)
			}
		})
	}
}

func TestContext(t *testing.T) {
	b := load(t, "recovery", "ziptest_fake-update.zip")
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	cancel(why)
	if _, err := Verify(ctx, blob.Bytes(b), nil); !errors.Is(err, why) {
		t.Errorf("err = %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	for _, name := range []string{"example.zip", "ec.zip", "sha1.zip"} {
		b, err := os.ReadFile(filepath.Join("../../../testdata/updates", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[len(b)-1200:]) // the end of it, which is what is parsed, as a file of its own
	}
	f.Add(append([]byte("PK\x05\x06................\x08\x00"), 0x30, 0, 8, 0, 0xff, 0xff, 8, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Verify(context.Background(), blob.Bytes(b), nil)
		if errors.Is(err, signature.ErrNone) {
			return
		}
		var e *parse.Error
		if err != nil || (r.Intact == signature.Yes) != (r.Reason == nil) || r.Reason != nil && !errors.As(r.Reason, &e) || len(r.Accepts) == 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		// The message on its own: the footer hides it from mutation.
		walk(b)
	})
}

// big is a signed file of n bytes, made without a key: what counts is that all of
// it is read.
func big(b *testing.B, n int) blob.Blob {
	sample := load(b, "recovery", "otasigned_v4.zip")
	body := make([]byte, n, n+len(sample))
	for i := range body {
		body[i] = byte(i * 7)
	}
	path := filepath.Join(b.TempDir(), "big")
	if err := os.WriteFile(path, append(body, sample...), 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	bl, err := blob.NewFile(f)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { bl.Close() })
	runtime.GC()
	return bl
}

const bigSize = 256 << 20

func BenchmarkVerify(b *testing.B) {
	f := big(b, bigSize)
	b.SetBytes(f.Size())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Verify(context.Background(), f, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSHA256 hashes the same file, as sha256sum does: what Verify is measured
// against.
func BenchmarkSHA256(b *testing.B) {
	f := big(b, bigSize)
	b.SetBytes(f.Size())
	for b.Loop() {
		h := sha256.New()
		if _, err := io.Copy(h, blob.Reader(f)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSHA256Memory hashes the same bytes where they are in memory already.
func BenchmarkSHA256Memory(b *testing.B) {
	f := big(b, bigSize)
	p, err := blob.ReadAll(f, 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		sha256.Sum256(p)
	}
}
