package apk_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// without drops members of an archive, or changes them where change gives bytes.
func without(t testing.TB, file []byte, change map[string][]byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range r.File {
		data, ok := change[f.Name]
		if !ok {
			err = w.Copy(f)
		} else if data != nil {
			g, err := w.Create(f.Name)
			if err != nil {
				t.Fatal(err)
			}
			g.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// prefixed puts bytes before a ZIP and corrects its offsets.
func prefixed(file, prefix []byte) []byte {
	p := split(file)
	n := uint32(len(prefix))
	out := append(bytes.Clone(prefix), p[0]...)
	dir := bytes.Clone(p[1])
	for at := 0; at < len(dir); {
		le := binary.LittleEndian
		le.PutUint32(dir[at+42:], le.Uint32(dir[at+42:])+n)
		at += 46 + int(le.Uint16(dir[at+28:])) + int(le.Uint16(dir[at+30:])) + int(le.Uint16(dir[at+32:]))
	}
	tail := bytes.Clone(p[2])
	binary.LittleEndian.PutUint32(tail[16:], uint32(len(out)))
	return append(append(out, dir...), tail...)
}

// signed has apps signed by apksig, each by some schemes.
func signed(t *testing.T, list ...string) [][]byte {
	t.Helper()
	dir := t.TempDir()
	in := filepath.Join(dir, "in.apk")
	if err := os.WriteFile(in, base(t, 28, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	var commands []string
	for i, schemes := range list {
		commands = append(commands, strings.Join([]string{"sign", in, filepath.Join(dir, fmt.Sprint(i)), "18", schemes, "a", "", ""}, "\t"))
	}
	out := make([][]byte, len(list))
	for i, line := range judge(t, commands) {
		if line != "signed" {
			t.Fatal(line)
		}
		out[i] = read(t, dir, fmt.Sprint(i))
	}
	return out
}

// TestCompose has what schemes say of each other, on files that apksig signed.
func TestCompose(t *testing.T) {
	files := signed(t, "1", "1,2,3")
	v1, all := files[0], files[1]
	stripped := bytes.Join(func() [][]byte { p := split(all); return p[:] }(), nil)
	dex := append([]byte("dex\n035\x00"), make([]byte, 200)...)
	janus := prefixed(v1, dex)
	noDex := without(t, v1, map[string][]byte{"classes.dex": nil, "classes2.dex": nil})
	for _, c := range []struct {
		name   string
		file   []byte
		o      apk.Options
		want   signature.Tri
		reason string
		dex    bool
	}{
		{"v1", v1, apk.Options{MinSDK: 18}, signature.Yes, "", false},
		{"v1, 11 or later wants v2", v1, apk.Options{MinSDK: 18, TargetSDK: 30}, signature.No, "targetSdkVersion 30", false},
		{"v1, before 11", v1, apk.Options{MinSDK: 18, MaxSDK: 29, TargetSDK: 30}, signature.Yes, "", false},
		{"v1, sandbox", v1, apk.Options{MinSDK: 18, TargetSandbox: 2}, signature.No, "targetSandboxVersion 2", false},
		{"v1, sandbox before 8", v1, apk.Options{MinSDK: 18, MaxSDK: 25, TargetSandbox: 2}, signature.Yes, "", false},
		{"v2 of another than v1", build(t, v1, false, testPair{id: idV2, signers: []testSigner{rsaKey("b")}}), apk.Options{MinSDK: 18}, signature.No, "not of the same signers", false},
		{"v2 of another than v1, which is not read", build(t, v1, false, testPair{id: idV2, signers: []testSigner{rsaKey("b")}}), apk.Options{MinSDK: 24}, signature.Yes, "", false},
		{"v3 of another than v1", build(t, v1, false, testPair{id: idV3, signers: []testSigner{rsaKey("b")}}), apk.Options{MinSDK: 18}, signature.No, "has no lineage", false},
		{"block stripped", stripped, apk.Options{MinSDK: 24}, signature.No, "the signature file names APK Signature Scheme v2", false},
		{"block stripped, before 7.0", stripped, apk.Options{MinSDK: 18, MaxSDK: 23}, signature.Yes, "", false},
		{"Janus", janus, apk.Options{MinSDK: 18}, signature.No, "that of a DEX file", false}, // apksig takes it: TestJanus
		{"Janus under v2", build(t, janus, false, testPair{id: idV2, signers: []testSigner{rsaKey("a")}}), apk.Options{MinSDK: 24}, signature.No, "that of a DEX file", false},
		{"prefix under v2", build(t, prefixed(v1, make([]byte, 100)), false, testPair{id: idV2, signers: []testSigner{rsaKey("a")}}), apk.Options{MinSDK: 24}, signature.No, "does not begin with a local header", false},
		{"prefix under v2, before 8.1", build(t, prefixed(v1, make([]byte, 100)), false, testPair{id: idV2, signers: []testSigner{rsaKey("a")}}), apk.Options{MinSDK: 24, MaxSDK: 26}, signature.Yes, "", false},
		{"prefix", prefixed(v1, make([]byte, 100)), apk.Options{MinSDK: 18}, signature.No, "does not begin with a local header", false},
		{"prefix, before 8.1", prefixed(v1, make([]byte, 100)), apk.Options{MinSDK: 18, MaxSDK: 26}, signature.Yes, "", false},
		{"Janus under v2, before 7.0", build(t, janus, false, testPair{id: idV2, signers: []testSigner{rsaKey("a")}}), apk.Options{MinSDK: 18}, signature.No, "that of a DEX file", false},
		{"code stripped", noDex, apk.Options{MinSDK: 18}, signature.No, "classes", false}, // StrictJarFile, from 7.0 on
		{"code stripped, before 7.0", noDex, apk.Options{MinSDK: 18, MaxSDK: 23}, signature.No, "classes", true},
		{"code changed", without(t, v1, map[string][]byte{"classes.dex": []byte("dex\n036")}), apk.Options{MinSDK: 18}, signature.No, "classes.dex", false},
		{"code stripped, and more", without(t, noDex, map[string][]byte{"res/raw/a.bin": nil}), apk.Options{MinSDK: 18}, signature.No, "", false},
		{"code stripped, other changed", without(t, noDex, map[string][]byte{"res/raw/a.bin": []byte("x")}), apk.Options{MinSDK: 18}, signature.No, "res/raw/a.bin", false},
		{"code stripped under v2", without(t, all, map[string][]byte{"classes.dex": nil, "classes2.dex": nil}), apk.Options{MinSDK: 18}, signature.No, "", false},
		{"code stripped under v2, before 7.0", without(t, all, map[string][]byte{"classes.dex": nil, "classes2.dex": nil}), apk.Options{MinSDK: 18, MaxSDK: 23}, signature.No, "", true},
	} {
		if c.want == signature.No && c.reason == "" {
			c.reason = "apk" // any
		}
		r := check(t, c.name, c.file, c.o, c.want, c.reason)
		if r != nil && r.StrippedDex != c.dex {
			t.Errorf("%s: StrippedDex %v", c.name, r.StrippedDex)
		}
	}

	r := check(t, "rows", all, apk.Options{MinSDK: 18}, signature.Yes, "")
	want := "PackageManager 4.3 to 6.0 yes SDK 18 to 23: v1; PackageManager 7.0 to 8.1 yes SDK 24 to 27: v2; PackageManager 9 to 16 yes SDK 28 to 36: v3; " +
		"PackageManager, system partition 4.3 to 6.0 yes SDK 18 to 23: v1; PackageManager, system partition 7.0 to 8.1 yes SDK 24 to 27: v2; " +
		"PackageManager, system partition 9 to 16 yes SDK 28 to 36: v3"
	if got := rows(r); got != want {
		t.Errorf("rows\n%s\nwant\n%s", got, want)
	}
	if r := check(t, "code stripped", noDex, apk.Options{MinSDK: 18, MaxSDK: 23}, signature.No, "classes"); r != nil && !strings.HasSuffix(rows(r), "system partition 4.3 to 6.0 yes SDK 18 to 23: v1") {
		t.Errorf("rows %s", rows(r))
	}
	// What nobody compared is not taken: the archive is refused, or the signature.
	evil := without(t, v1, map[string][]byte{"AndroidManifest.xml": []byte("evil")})
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"sound", v1, "yes SDK 18 to 36: v1"},
		{"code changed", without(t, v1, map[string][]byte{"classes.dex": []byte("dex\n036")}), "yes SDK 18 to 36: v1"},
		{"code stripped", noDex, "system partition 4.3 to 6.0 yes SDK 18 to 23: v1; PackageManager, system partition 7.0 to 16 no SDK 24 to 36: v1: 2 signed members are missing: classes.dex"},
		{"manifest changed", evil, "no SDK 18 to 36: v1: the member is not what was signed: AndroidManifest.xml"},
		{"manifest changed beside two of a name", member(t, member(t, evil, "a", nil), "a", nil), "no SDK 18 to 36: v1: the archive has the member twice: a"},
		{"manifest twice", member(t, v1, "AndroidManifest.xml", []byte("evil")), "no SDK 18 to 36: v1: the archive has the member twice: AndroidManifest.xml"},
		{"manifest changed, block stripped", without(t, stripped, map[string][]byte{"AndroidManifest.xml": []byte("evil")}), "system partition 7.0 to 16 no SDK 24 to 36: v1: the signature file names APK Signature Scheme v2, whose block is not there"},
	} {
		r, err := apk.Verify(t.Context(), blob.Bytes(c.file), apk.Options{MinSDK: 18}, nil)
		if err != nil || !strings.HasSuffix(rows(r), c.want) {
			t.Errorf("%s: %v, rows %s, want %s", c.name, err, rows(r), c.want)
		}
	}
	if r := check(t, "contents changed", flip(all, 40), apk.Options{MinSDK: 28}, signature.No, "differs"); r != nil && !strings.HasSuffix(rows(r), "system partition 9 to 16 yes SDK 28 to 36: v3") {
		t.Errorf("rows %s", rows(r))
	}
}

func rows(r *apk.Report) string {
	var out []string
	for _, p := range r.Accepts {
		out = append(out, fmt.Sprintf("%s %s to %s %v %s", p.Reader, p.Since, p.Until, p.Takes, p.Rule))
	}
	return strings.Join(out, "; ")
}

// TestJanus: the one app of which apksig says yes, and every device since December
// 2017 says no.
func TestJanus(t *testing.T) {
	path := filepath.Join(t.TempDir(), "janus.apk")
	if err := os.WriteFile(path, prefixed(signed(t, "1")[0], []byte("dex\n035\x00")), 0o600); err != nil {
		t.Fatal(err)
	}
	q := []question{{path: path, least: 18, most: 33}}
	ask(t, q)
	if !q[0].answer.intact {
		t.Errorf("apksig refuses it by now: %s", q[0].answer.issues)
	}
	if r, err := verify(t, q[0]); err != nil || r.Intact != signature.No {
		t.Errorf("%v, %v", r, err)
	}
}
