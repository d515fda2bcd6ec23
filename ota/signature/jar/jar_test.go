package jar

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// members unpacks a zip with the standard library: these are sound ones.
func members(t testing.TB, path string) fstest.MapFS {
	t.Helper()
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := fstest.MapFS{}
	for _, f := range r.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(rc)
		rc.Close()
		if err != nil {
			t.Fatal(err)
		}
		out[parse.Escape(f.Name)] = &fstest.MapFile{Data: b}
	}
	return out
}

func one(t testing.TB, fsys fs.FS, o Options) *signature.Result {
	t.Helper()
	rs, err := Verify(context.Background(), fsys, o)
	if err != nil || len(rs) != 1 {
		t.Fatalf("%d results, %v", len(rs), err)
	}
	if (rs[0].Intact == signature.Yes) != (rs[0].Reason == nil) {
		t.Fatalf("intact %v, because %v", rs[0].Intact, rs[0].Reason)
	}
	return rs[0]
}

// jarsigner is the other opinion. Its list of disabled algorithms is emptied: that
// SHA-1 is weak is another question.
func jarsigner(t testing.TB, path string) bool {
	t.Helper()
	props := filepath.Join(t.TempDir(), "security")
	if err := os.WriteFile(props, []byte("jdk.jar.disabledAlgorithms=\njdk.security.legacyAlgorithms=\njdk.certpath.disabledAlgorithms=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := otatest.Run(t, "jarsigner", "-J-Djava.security.properties="+props, "-verify", path)
	return strings.Contains(out, "jar verified")
}

func TestRecovery(t *testing.T) {
	for _, tc := range []struct {
		file, digest, key string
		unsigned          int
	}{
		{"jarsigned.zip", "SHA-1", "ef57b690", 0},
		{"otasigned_v1.zip", "SHA-1", "ef57b690", 0},
		{"otasigned_v2.zip", "SHA-1", "877f425e", 0},
		{"otasigned_v3.zip", "SHA-256", "ef57b690", 0},
		{"otasigned_v4.zip", "SHA-256", "877f425e", 0},
		{"ziptest_fake-update.zip", "SHA-1", "6f297e8c", 1},
		{"unsigned.zip", "", "", 0},
		{"ziptest_valid.zip", "", "", 0},
	} {
		t.Run(tc.file, func(t *testing.T) {
			path := otatest.Data(t, "recovery", tc.file)
			fsys := members(t, path)
			if tc.digest == "" {
				if rs, err := Verify(context.Background(), fsys, Options{}); !errors.Is(err, signature.ErrNone) {
					t.Fatalf("%v, %v; want ErrNone", rs, err)
				}
				return
			}
			r := one(t, fsys, Options{})
			if r.Intact != signature.Yes || len(r.Signers) != 1 || len(r.Unsigned) != tc.unsigned {
				t.Fatalf("%+v", r)
			}
			if s := r.Signers[0]; s.Digest != tc.digest || !strings.HasPrefix(s.KeySHA256, tc.key) || (len(s.Weak) > 0) != (tc.digest == "SHA-1") {
				t.Errorf("signer %+v", s)
			}
			if tc.unsigned > 0 && !strings.Contains(r.Unsigned[0].What, "META-INF/com/android/otacert: not signed, as") {
				t.Errorf("unsigned %v", r.Unsigned)
			}
			if known := tc.key == "ef57b690"; (len(r.Known) > 0) != known && tc.key != "877f425e" {
				t.Errorf("known %v", r.Known)
			}
			if !jarsigner(t, path) {
				t.Error("jarsigner does not verify it")
			}
		})
	}
}

// TestTransfer has META-INF folders whose archives are not there. openssl verified
// CERT.SF of lineage14-x00id and secret-os; oppo-k3-ota's text had its CR removed
// when it was stored, and verifies once they are back; rm6785-blockota has none.
func TestTransfer(t *testing.T) {
	for _, tc := range []struct {
		name   string
		crlf   bool
		want   signature.Tri
		digest string
	}{
		{"lineage14-x00id", false, signature.Unknown, "SHA-1"},
		{"oppo-k3-ota", false, signature.No, ""},
		{"oppo-k3-ota", true, signature.Unknown, "SHA-1"},
		{"secret-os", false, signature.Unknown, "SHA-1"},
		{"rm6785-blockota", false, 0, "none"},
	} {
		t.Run(fmt.Sprintf("%s,crlf=%v", tc.name, tc.crlf), func(t *testing.T) {
			fsys := fstest.MapFS{}
			root := otatest.Data(t, "transfer", tc.name)
			err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				b, err := os.ReadFile(filepath.Join(root, p))
				if tc.crlf && (strings.HasSuffix(p, ".SF") || strings.HasSuffix(p, ".MF")) {
					b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
				}
				fsys[p] = &fstest.MapFile{Data: b}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if tc.digest == "none" {
				if _, err := Verify(context.Background(), fsys, Options{Partial: true}); !errors.Is(err, signature.ErrNone) {
					t.Fatal(err)
				}
				return
			}
			if root := filepath.Join(root, "META-INF"); !tc.crlf { // the block alone, by openssl
				out, _ := otatest.Run(t, "openssl", "cms", "-verify", "-noverify", "-binary", "-inform", "DER", "-in", filepath.Join(root, "CERT.RSA"),
					"-content", filepath.Join(root, "CERT.SF"), "-out", os.DevNull)
				if strings.Contains(out, "successful") != (tc.want == signature.Unknown) {
					t.Errorf("openssl says %s", out)
				}
			}
			r := one(t, fsys, Options{Partial: true})
			t.Logf("%v: %v", r.Intact, r.Reason)
			if r.Intact == signature.No && tc.want == signature.Unknown {
				t.Errorf("reason %v", r.Reason)
			}
			if r.Intact != tc.want {
				t.Errorf("intact %v, want %v", r.Intact, tc.want)
			}
			if (len(r.Signers) == 1) != (tc.digest != "") {
				t.Errorf("signers %v", r.Signers)
			}
			if full := one(t, fsys, Options{}); full.Intact != signature.No {
				t.Errorf("as a whole archive it is %v", full.Intact)
			}
		})
	}
}

// TestChanged changes one thing of a signed package.
func TestChanged(t *testing.T) {
	base := func(t *testing.T) fstest.MapFS { return members(t, otatest.Data(t, "recovery", "otasigned_v4.zip")) }
	flip := func(name string, at int) func(fstest.MapFS) {
		return func(m fstest.MapFS) {
			d := bytes.Clone(m[name].Data)
			if at < 0 {
				at += len(d)
			}
			d[at] ^= 1
			m[name] = &fstest.MapFile{Data: d}
		}
	}
	for _, tc := range []struct {
		name   string
		change func(fstest.MapFS)
		o      Options
		want   signature.Tri
		reason string
	}{
		{"member", flip("a", 0), Options{}, signature.No, "the member is not what was signed"},
		{"member cut", func(m fstest.MapFS) { m["b"] = &fstest.MapFile{Data: m["b"].Data[1:]} }, Options{}, signature.No, "the member is not"},
		{"member removed", func(m fstest.MapFS) { delete(m, "a") }, Options{}, signature.No, "1 signed members are missing"},
		{"member removed, partial", func(m fstest.MapFS) { delete(m, "a") }, Options{Partial: true}, signature.Unknown, "not here"},
		{"member changed, partial", flip("a", 0), Options{Partial: true}, signature.No, "not what was signed"},
		{"member added", func(m fstest.MapFS) { m["z"] = &fstest.MapFile{} }, Options{}, signature.Yes, ""},
		{"member twice", func(fstest.MapFS) {}, Options{Duplicates: []string{"a"}}, signature.No, "twice"},
		{"manifest twice", func(fstest.MapFS) {}, Options{Duplicates: []string{"META-INF/MANIFEST.MF"}}, signature.No, "twice"},
		{"manifest digest", flip("META-INF/MANIFEST.MF", -10), Options{}, signature.No, "section is not what"},
		{"manifest main", flip("META-INF/MANIFEST.MF", 20), Options{}, signature.Yes, ""}, // signapk signs its sections; the main one has no digest of its own
		{"manifest gone", func(m fstest.MapFS) { delete(m, "META-INF/MANIFEST.MF") }, Options{}, signature.No, "no manifest"},
		{"manifest has more", func(m fstest.MapFS) {
			f := m["META-INF/MANIFEST.MF"]
			m["META-INF/MANIFEST.MF"] = &fstest.MapFile{Data: append(bytes.Clone(f.Data), "Name: z\r\n\r\n"...)}
		}, Options{}, signature.Yes, ""},
		{"section twice", func(m fstest.MapFS) {
			f := m["META-INF/MANIFEST.MF"]
			m["META-INF/MANIFEST.MF"] = &fstest.MapFile{Data: append(bytes.Clone(f.Data), "Name: a\r\nSHA-256-Digest: 4ljSSP2pTGN1Ngf3xElO4Py+kvGna/2seVydhBAesxc=\r\n\r\n"...)}
		}, Options{}, signature.No, "two sections"},
		{"manifest in two cases", func(m fstest.MapFS) { m["meta-inf/manifest.mf"] = &fstest.MapFile{} }, Options{}, signature.No, "several manifests"},
		{"signature file", flip("META-INF/CERT.SF", -10), Options{}, signature.No, "the signature is not the key's"},
		{"signature file gone", func(m fstest.MapFS) { delete(m, "META-INF/CERT.SF") }, Options{}, signature.No, "no signature file"},
		{"signature", flip("META-INF/CERT.RSA", -1), Options{}, signature.No, "the signature is not the key's"},
		{"block is empty", func(m fstest.MapFS) { m["META-INF/CERT.RSA"] = &fstest.MapFile{} }, Options{}, signature.No, "another element"},
		{"names in lower case", func(m fstest.MapFS) {
			for _, n := range []string{"META-INF/CERT.SF", "META-INF/CERT.RSA", "META-INF/MANIFEST.MF"} {
				m[strings.ToLower(n)] = m[n]
				delete(m, n)
			}
		}, Options{}, signature.Yes, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := base(t)
			tc.change(m)
			r := one(t, m, tc.o)
			if r.Intact != tc.want || tc.reason != "" && !strings.Contains(fmt.Sprint(r.Reason), tc.reason) {
				t.Errorf("%v: %v; want %v: %s", r.Intact, r.Reason, tc.want, tc.reason)
			}
			if (len(r.Unsigned) > 0) != (tc.name == "member added") && r.Intact == signature.Yes {
				t.Errorf("unsigned %v", r.Unsigned)
			}
		})
	}
}

// TestEveryMember flips every byte of every member that the signature is about.
func TestEveryByte(t *testing.T) {
	m := members(t, otatest.Data(t, "recovery", "otasigned_v4.zip"))
	for _, name := range []string{"a", "b", "c", "META-INF/com/android/otacert", "META-INF/CERT.SF"} {
		for i := range m[name].Data {
			m[name].Data[i] ^= 1 << (i % 8)
			if r := one(t, m, Options{}); r.Intact == signature.Yes {
				t.Errorf("%s: byte %d flipped, and it holds", name, i)
			}
			m[name].Data[i] ^= 1 << (i % 8)
		}
	}
}

func TestManifestLines(t *testing.T) {
	for _, eol := range []string{"\r\n", "\n", "\r"} {
		text := strings.ReplaceAll("Manifest-Version: 1.0\n\nName: a-very-long-na\n me-in-\xc3\n \xa9\nSHA-256-Digest: WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQg\n oai6Eb2vgM=\nMD5-Digest: x\n\n\nNAME: b\nsha1-digest: 9XLTlvrpIGYocU+yzgD3LpTyJY8=", "\n", eol)
		m, err := parseManifest([]byte(text))
		if err != nil || len(m.sections) != 2 {
			t.Fatalf("%q: %+v, %v", eol, m, err)
		}
		a, b := m.sections[0], m.sections[1]
		if a.name != "a-very-long-name-in-é" || len(a.digests) != 2 || len(a.digests[0].sum) != 32 || a.digests[1].sum != "" {
			t.Errorf("%q: %+v", eol, a)
		}
		if b.name != "b" || len(b.digests) != 1 || len(b.digests[0].sum) != 20 || !bytes.HasPrefix(b.raw, []byte("NAME")) {
			t.Errorf("%q: %+v", eol, b)
		}
	}
	for _, bad := range []string{"no colon", "A: 1\n\nB: 2\n\n", "A: 1\n\nB: 2\nName: x\n"} {
		if m, err := parseManifest([]byte(bad)); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%q: %+v, %v", bad, m, err)
		}
	}
}

// testApps compares with java.util.jar, jarsigner's reader, over apps that real firmware and DroidBench
// carry.
func testApps(t *testing.T, j *apksig) {
	var apps []string
	for _, dir := range []string{"rom", "droidbench"} {
		root := otatest.Data(t, dir)
		n := 0
		_ = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(p, ".apk") {
				if n++; dir == "rom" && n%7 == 0 || dir == "droidbench" && n%20 == 0 {
					apps = append(apps, p)
				}
			}
			return nil
		})
	}
	count := map[string]int{}
	for _, app := range apps {
		fsys := members(t, app)
		rs, err := Verify(context.Background(), fsys, Options{})
		ours := "none"
		if err == nil {
			ours = "yes"
			for _, r := range rs {
				if r.Intact != signature.Yes {
					ours = fmt.Sprintf("%v: %v", r.Intact, r.Reason)
				}
			}
		} else if !errors.Is(err, signature.ErrNone) {
			t.Fatal(err)
		}
		theirs := j.ask("jar", app) == "true"
		count[fmt.Sprintf("%.4s/%v", ours, theirs)]++
		if (ours == "yes") != theirs {
			t.Errorf("%s: we say %s, Java says %s", filepath.Base(app), ours, j.ask("jar", app))
		}
	}
	t.Logf("%d apps: %v", len(apps), count)
}

func FuzzVerify(f *testing.F) {
	mf := "Manifest-Version: 1.0\r\n\r\nName: a\r\nSHA-256-Digest: WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=\r\n\r\n"
	f.Add([]byte(mf), []byte("Signature-Version: 1.0\r\nSHA1-Digest-Manifest: x\r\nX-Android-APK-Signed: 2, 3\r\n\r\nName: a\r\nSHA1-Digest: y\r\n\r\n"), []byte{0x30, 0x80})
	z, err := zip.OpenReader("../../../testdata/updates/jar.zip")
	if err != nil {
		f.Fatal(err)
	}
	defer z.Close()
	var seed [3][]byte
	for i, name := range []string{"META-INF/MANIFEST.MF", "META-INF/CERT.SF", "META-INF/CERT.RSA"} {
		if seed[i], err = fs.ReadFile(z, name); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(seed[0], seed[1], seed[2])
	f.Fuzz(func(t *testing.T, manifest, sf, der []byte) {
		fsys := fstest.MapFS{"META-INF/MANIFEST.MF": {Data: manifest}, "META-INF/C.SF": {Data: sf}, "META-INF/C.RSA": {Data: der}, "a": {Data: []byte("text")}}
		rs, err := Verify(context.Background(), fsys, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var e *parse.Error
		if len(rs) != 1 || rs[0].Intact == signature.Yes && rs[0].Reason != nil || rs[0].Intact != signature.Yes && !errors.As(rs[0].Reason, &e) {
			t.Fatalf("%+v", rs)
		}
		m, err := parseManifest(manifest)
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			m = &manifest0
		}
		// What no signature stands before: the signature file's own reading.
		if s, err := parseManifest(sf); err == nil {
			b := &block{name: "x"}
			b.match(s, m)
			if b.reason == nil && b.open == nil {
				v := &verifier{ctx: context.Background(), fsys: fsys}
				checks, err := v.check(m, []*block{b})
				if err != nil {
					t.Fatal(err)
				}
				v.result(b, m, checks)
			}
		} else if !errors.As(err, &e) {
			t.Fatal(err)
		}
	})
}

var manifest0 manifest
