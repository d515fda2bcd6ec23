package jar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

func judge(t testing.TB, fsys fs.FS, o APKOptions) *APKResult {
	t.Helper()
	r, err := VerifyAPK(context.Background(), fsys, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestVerifyAPK shows all that is said of a sound app.
func TestVerifyAPK(t *testing.T) {
	r := judge(t, members(t, "testdata/v1.apk"), APKOptions{})
	if r.Intact != signature.Yes || r.Scheme != signature.SchemeAPKv1 || len(r.Signers) != 1 {
		t.Fatalf("%+v", r.Result)
	}
	if s := r.Signers[0]; s.Algorithm != "RSA" || s.Bits != 2048 || s.Subject != "CN=k" || strings.Join(s.Weak, " ") != "SHA-1 SHA-1 digests" {
		t.Errorf("signer %+v", s)
	}
	if len(r.Covers) != 1 || r.Covers[0].What != "2 members" || r.Covers[0].End != 12 || len(r.Unsigned) != 0 {
		t.Errorf("covers %v, not %v", r.Covers, r.Unsigned)
	}
	if _, err := VerifyAPK(context.Background(), fstest.MapFS{"META-INF/MANIFEST.MF": {}}, APKOptions{}); !errors.Is(err, signature.ErrNone) {
		t.Errorf("no block: %v", err)
	}
	if _, err := VerifyAPK(context.Background(), fstest.MapFS{}, APKOptions{MinSDK: 9, MaxSDK: 8}); !isParse(err) {
		t.Errorf("no range: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := VerifyAPK(ctx, members(t, "testdata/v1.apk"), APKOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestPlatforms has the rows of Accepts for an app of digests that old releases do
// not look for.
func TestPlatforms(t *testing.T) {
	a := testAPK{members: twoMembers, names: []string{"SHA-256"}, signed: "2", infos: [][]testInfo{{{key: newKey(t, "RSA", "k")}}}}
	z, o := openBytes(t, a.build(t))
	for _, tc := range []struct {
		least, most int
		want        string
	}{
		{0, 0, "..4.2 no SDK 1 to 17: these releases find no digest that they know\n" +
			"4.3..6.0 yes SDK 18 to 23: JAR signature, where no newer scheme's block is found\n" +
			"7.0.. no SDK 24 and later: the signature file names APK Signature Scheme v2, whose block is not there\n"},
		{21, 23, "5.0..6.0 yes SDK 21 to 23: JAR signature, where no newer scheme's block is found\n"},
		{36, 99, "16..SDK 99 no SDK 36 to 99: the signature file names APK Signature Scheme v2, whose block is not there\n"},
		{9, 9, "2.3..2.3 no SDK 9: these releases find no digest that they know\n"},
	} {
		o.MinSDK, o.MaxSDK = tc.least, tc.most
		r := verifyAPK(t, z, o)
		got := ""
		for _, p := range r.Accepts {
			got += fmt.Sprintf("%s..%s %v %s\n", p.Since, p.Until, p.Takes, p.Rule)
		}
		if got != tc.want {
			t.Errorf("%d to %d:\n%swant\n%s", tc.least, tc.most, got, tc.want)
		}
		if fmt.Sprint(r.Schemes) != "[2]" {
			t.Errorf("schemes %v", r.Schemes)
		}
	}
}

// TestNeighbours has releases that refuse, for different reasons.
func TestNeighbours(t *testing.T) {
	info := testInfo{key: newKey(t, "EC", "k"), sig: "1.2.840.10045.2.1", attributes: true}
	z, o := openBytes(t, testAPK{members: twoMembers, names: []string{"SHA1"}, infos: [][]testInfo{{info}}}.build(t))
	var got []string
	for _, p := range verifyAPK(t, z, o).Accepts {
		got = append(got, fmt.Sprint(p.Takes, " ", p.Rule[:strings.Index(p.Rule, ":")]))
	}
	if want := "no SDK 1 to 17, no SDK 18, yes SDK 19 and later"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestHidden has entries that the file system does not show, and whose reasons the
// archive told.
func TestHidden(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		want      signature.Tri
		reason    string
	}{
		{"x", "its local header has another name: y", signature.No, "contradicts itself: x: its local header"},
		{"x", "over the limit: more than 10 entries", signature.Unknown, "not judged: x: over the limit"},
		{"x", "compression method 14 (0xe) is not supported", signature.Unknown, "not judged: x: compression method 14"},
		{"/x/", "the name is an absolute path", signature.Yes, ""},
	} {
		r := judge(t, members(t, "testdata/v1.apk"), APKOptions{Refused: map[string]string{tc.name: tc.why}})
		if r.Intact != tc.want || tc.reason != "" && !strings.Contains(r.Reason.Error(), tc.reason) || len(r.Signers) != 1 {
			t.Errorf("%s: %v: %v by %v", tc.why, r.Intact, r.Reason, r.Signers)
		}
	}
	// Where nobody told, what is signed and hidden is not taken for stripped.
	whole, err := os.ReadFile("testdata/v1.apk")
	if err != nil {
		t.Fatal(err)
	}
	whole = bytes.Replace(whole, []byte("classes.dex"), []byte("Classes.dex"), 1) // in the local header
	z, o := openBytes(t, whole)
	o.Refused = nil
	if r := verifyAPK(t, z, o); r.Intact != signature.Unknown || r.NumMissing != 0 || !strings.Contains(r.Reason.Error(), "local header") {
		t.Errorf("%v: %v", r.Intact, r.Reason)
	}
}

// TestLists has more names than are listed.
func TestLists(t *testing.T) {
	a := testAPK{names: []string{"SHA1"}, infos: [][]testInfo{{{key: newKey(t, "RSA", "k")}}}}
	for i := range 150 {
		a.members = append(a.members, [2]string{fmt.Sprintf("gone%d", i), ""}, [2]string{fmt.Sprintf("new%d", i), ""}, [2]string{fmt.Sprintf("AAchanged%d", i), ""})
	}
	a.after = func(files [][2]string) (out [][2]string) {
		for _, f := range files {
			switch {
			case strings.HasPrefix(f[0], "gone"):
				continue
			case strings.HasPrefix(f[0], "new"):
				f[0] = "n" + f[0]
			case strings.HasPrefix(f[0], "AAchanged"):
				f[1] = "x"
			}
			out = append(out, f)
		}
		return out
	}
	// The manifest is listed wherever it stands among them.
	a.members = append(a.members, [2]string{"AndroidManifest.xml", ""})
	before := a.after
	a.after = func(files [][2]string) [][2]string {
		files = before(files)
		for i := range files {
			if files[i][0] == "AndroidManifest.xml" {
				files[i][1] = "x"
			}
		}
		for i := range 150 {
			files = append(files, [2]string{fmt.Sprintf("A%d", i), ""})
		}
		return files
	}
	z, o := openBytes(t, a.build(t))
	r := verifyAPK(t, z, o)
	if !slices.Contains(r.Changed, "AndroidManifest.xml") {
		t.Error("the manifest is not listed")
	}
	if len(r.Missing) != 100 || r.NumMissing != 300 || len(r.Changed) != 101 || r.NumChanged != 151 || len(r.Added) != 100 || r.NumAdded != 300 {
		t.Errorf("%d of %d missing, %d of %d changed, %d of %d added", len(r.Missing), r.NumMissing, len(r.Changed), r.NumChanged, len(r.Added), r.NumAdded)
	}
	if len(r.Signers) != 1 || r.Missing[0] != "gone0" || r.Changed[0] != "AAchanged0" || r.Added[0] != "A0" {
		t.Errorf("%+v", r)
	}
}

// TestEveryBit flips each bit of what is signed, and of the signature. A bit of
// what is not signed leaves the answer: the main section of a manifest whose
// sections are signed, and in the block what names no key.
func TestEveryBit(t *testing.T) {
	m := members(t, "testdata/v1.apk")
	mf := m["META-INF/MANIFEST.MF"].Data
	main := bytes.Index(mf, []byte("\r\n\r\n"))
	var sf, block string
	for name := range m {
		if strings.HasSuffix(name, ".SF") {
			sf = name
		} else if strings.HasSuffix(name, ".RSA") {
			block = name
		}
	}
	cms, err := signature.ParseCMS(bytes.Clone(m[block].Data))
	if err != nil {
		t.Fatal(err)
	}
	sig := cms.Signers[0]
	cert := cms.Certificates[0]
	at := bytes.Index(m[block].Data, cert.Raw)
	for _, name := range []string{"AndroidManifest.xml", "classes.dex", "META-INF/MANIFEST.MF", sf, block} {
		data := m[name].Data
		held := 0
		for bit := range 8 * len(data) {
			i := bit / 8
			data[i] ^= 1 << (bit % 8)
			r, err := VerifyAPK(context.Background(), m, APKOptions{})
			data[i] ^= 1 << (bit % 8)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case r.Intact != signature.Yes:
			case name == "META-INF/MANIFEST.MF" && i < main+len("\r\n\r\n"):
				held++
				if !strings.Contains(strings.Join(r.Notes, " "), "does not sign the manifest as a whole") {
					t.Errorf("byte %d of the manifest: not named: %v", i, r.Notes)
				}
			case name == block && (i < sig.Offset || i >= sig.Offset+len(sig.Signature)):
				held++
				if in := i >= at && i < at+len(cert.Raw); in == (r.Signers[0].SHA256 == cert.SHA256()) || r.Signers[0].KeySHA256 != cert.KeySHA256() {
					t.Errorf("byte %d of the block: signer %+v", i, r.Signers[0])
				}
			default:
				t.Errorf("%s: bit %d of byte %d flipped, and it holds", name, bit%8, i)
			}
		}
		t.Logf("%s: %d bits, %d leave the answer", name, 8*len(data), held)
	}
}

// TestTruncated cuts the archive.
func TestTruncated(t *testing.T) {
	whole, err := os.ReadFile("testdata/v1.apk")
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		z, err := archive.OpenZip(blob.Bytes(whole[:n]), nil)
		if err != nil {
			continue
		}
		if r, err := VerifyAPK(context.Background(), z, APKOptions{}); err == nil && r.Intact == signature.Yes {
			t.Errorf("%d of %d bytes hold", n, len(whole))
		}
	}
	// And each member, which an archive that is whole would not do.
	for _, name := range []string{"META-INF/MANIFEST.MF", "META-INF/K.SF", "META-INF/K.RSA", "classes.dex"} {
		m := members(t, "testdata/v1.apk")
		data := m[name].Data
		for n := range len(data) {
			m[name].Data = data[:n]
			if r := judge(t, m, APKOptions{}); r.Intact == signature.Yes {
				t.Errorf("%s of %d bytes holds", name, n)
			}
		}
	}
}

// BenchmarkVerifyAPK judges the apps of the public test data beside what it cannot
// do without: inflating them.
func BenchmarkVerifyAPK(b *testing.B) {
	type app struct {
		z *archive.Zip
		o APKOptions
	}
	var apps []app
	var size int64
	for _, path := range otatest.APKs(b) {
		z, o := openAPK(b, path)
		apps = append(apps, app{z, o})
		for _, e := range z.Entries() {
			size += e.Size
		}
	}
	b.Run("verify", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for _, a := range apps {
				if _, err := VerifyAPK(context.Background(), a.z, a.o); err != nil && !errors.Is(err, signature.ErrNone) {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(len(apps)*b.N)/b.Elapsed().Seconds(), "apps/s")
	})
	b.Run("inflate", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		buf := make([]byte, 128<<10)
		for b.Loop() {
			for _, a := range apps {
				for _, e := range a.z.Entries() {
					f, err := a.z.Open(strings.TrimSuffix(e.Name, "/"))
					if err != nil {
						continue
					}
					if info, err := f.Stat(); err == nil && !info.IsDir() {
						_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, f, buf)
					}
					f.Close()
				}
			}
		}
	})
}

func FuzzVerifyAPK(f *testing.F) {
	m := members(f, "testdata/v1.apk")
	f.Add(m["META-INF/MANIFEST.MF"].Data, m["META-INF/K.SF"].Data, m["META-INF/K.RSA"].Data, []byte("code"), uint8(0), uint8(0))
	two := testAPK{members: twoMembers, names: []string{"SHA-256", "SHA1"}, whole: true, main: true, signed: "2, 3", algs: "SHA1 MD5",
		infos: [][]testInfo{{{key: newKey(f, "EC", "k"), sig: "1.2.840.10045.4.1", attributes: true}}}}
	z, err := archive.OpenZip(blob.Bytes(two.build(f)), nil)
	if err != nil {
		f.Fatal(err)
	}
	var seed [3][]byte
	for i, name := range []string{"META-INF/MANIFEST.MF", "META-INF/A.SF", "META-INF/A.RSA"} {
		if seed[i], err = z.ReadFile(name); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(seed[0], seed[1], seed[2], []byte("code"), uint8(19), uint8(30))
	f.Fuzz(func(t *testing.T, manifest, sf, der, member []byte, least, most uint8) {
		fsys := fstest.MapFS{"META-INF/MANIFEST.MF": {Data: manifest}, "META-INF/K.SF": {Data: sf}, "META-INF/K.RSA": {Data: der},
			"AndroidManifest.xml": {Data: []byte("manifest")}, "classes.dex": {Data: member}}
		o := APKOptions{MinSDK: int(least), MaxSDK: int(most)}
		r, err := VerifyAPK(context.Background(), fsys, o)
		var e *parse.Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			return
		}
		if (r.Intact == signature.Yes) != (r.Reason == nil) || r.Reason != nil && !errors.As(r.Reason, &e) || len(r.Accepts) == 0 {
			t.Fatalf("%+v", r.Result)
		}
		// No key of the seeds signed another member.
		if r.Intact == signature.Yes && string(member) != "code" && len(r.Signers) > 0 && r.NumChanged+r.NumAdded == 0 && bytes.Equal(sf, m["META-INF/K.SF"].Data) && bytes.Equal(der, m["META-INF/K.RSA"].Data) {
			t.Fatalf("forged: %+v", r.Result)
		}
		// What no signature stands before: the same, had the block verified.
		a := &apk{verifier: verifier{ctx: context.Background(), fsys: fsys}, o: o, levels: levels(max(o.MinSDK, 1), 40), r: &APKResult{Result: &signature.Result{}}}
		if err := a.list(); err != nil || a.readManifest() != nil {
			return
		}
		s := &apkSigner{name: "META-INF/K.RSA", text: sf, infos: []*apkInfo{}}
		if s.sf, s.unread = parseManifest(sf); s.sf == nil {
			return
		}
		a.signers = []*apkSigner{s}
		for i := range a.levels {
			a.judge(&a.levels[i])
		}
		if err := a.missing(); err != nil {
			t.Fatal(err)
		}
		if err := a.readMembers(); err != nil {
			t.Fatal(err)
		}
		a.finish()
	})
}
