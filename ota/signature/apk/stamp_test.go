package apk_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// member adds a stored member to an archive.
func member(t testing.TB, file []byte, name string, data []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range r.File {
		if err := w.Copy(f); err != nil {
			t.Fatal(err)
		}
	}
	f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	f.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// stamp signs an app by v3 and stamps it; change is made to the stamp's value.
func stamp(t testing.TB, file []byte, key string, change func([]byte) []byte) []byte {
	t.Helper()
	cert := sha256.Sum256(certOf(t, key))
	return stampBlock(t, member(t, file, "stamp-cert-sha256", cert[:]), key, change)
}

// stampBlock does so for a file that names the certificate.
func stampBlock(t testing.TB, file []byte, key string, change func([]byte) []byte) []byte {
	t.Helper()
	s := testSigner{key: "ec256", algs: []uint32{0x0201}, min: 28, max: 1<<31 - 1}
	digest := split(file).digest(0x0201)
	alg := uint32(0x0201)
	signed := func(p []byte) []byte { return lp(lp(u32(alg), lp(sign(t, key, alg, p)))) }
	attrs := lp(attr(0xe43c5946, binary.LittleEndian.AppendUint64(nil, 1700000000)))
	value := bytes.Join([][]byte{lp(certOf(t, key)), lp(lp(u32(3), signed(lp(u32(1), lp(digest))))), lp(attrs), signed(attrs)}, nil)
	if change != nil {
		value = change(value)
	}
	return build(t, file, false, testPair{id: idV3, signers: []testSigner{s}}, testPair{id: 0x6dff800d, raw: lp(value)},
		testPair{id: 0x2b09189e, raw: lp(lp(certOf(t, key)), signed(lp(u32(1), lp(digest))))})
}

// hidden signs an app with a stamp's member and a JAR manifest, of which the archive
// does not show one: its compression is not known.
func hidden(t testing.TB, name string, sign func([]byte) []byte) []byte {
	t.Helper()
	cert := sha256.Sum256(certOf(t, "ec256"))
	file := member(t, member(t, base(t, 28, 0), "stamp-cert-sha256", cert[:]), "META-INF/MANIFEST.MF", []byte("Manifest-Version: 1.0\r\n\r\n"))
	at := bytes.LastIndex(file, []byte(name)) // in the central directory
	binary.LittleEndian.PutUint16(file[at-46+10:], 99)
	return sign(file)
}

// TestStamp: a stamp of ours, with what apksig 31 does not make (time, the first
// form); what it makes is in the matrix. A broken one takes nothing from the app.
func TestStamp(t *testing.T) {
	u := base(t, 28, 0)
	other := func([]byte) []byte { return lp(certOf(t, "ec384")) }
	whole := stamp(t, u, "ec256", nil)
	bare := build(t, member(t, u, "stamp-cert-sha256", make([]byte, 32)), false, testPair{id: idV3, signers: []testSigner{rsaKey("a")}})
	for _, c := range []struct {
		name, reason string
		file         []byte
		want         signature.Tri
	}{
		{"good", "", whole, signature.Yes},
		{"signature broken", "the signature is not the key's", stamp(t, u, "ec256", func(p []byte) []byte { return flip(p, len(p)-3) }), signature.No},
		{"another certificate", "runs past its end", stamp(t, u, "ec256", other), signature.No},
		{"contents changed", "the file is not the one that was stamped", flip(whole, bytes.Index(whole, []byte{1, 2, 3, 1, 2, 3})), signature.No},
		{"member not shown", "not judged: stamp-cert-sha256", hidden(t, "stamp-cert-sha256", func(file []byte) []byte { return stampBlock(t, file, "ec256", nil) }), signature.Unknown},
		{"manifest not shown", "not judged: META-INF/MANIFEST.MF", hidden(t, "META-INF/MANIFEST.MF", func(file []byte) []byte { return stampBlock(t, file, "ec256", nil) }), signature.Unknown},
		{"member not shown, block missing", "not judged: stamp-cert-sha256", hidden(t, "stamp-cert-sha256", func(file []byte) []byte {
			return build(t, file, false, testPair{id: idV3, signers: []testSigner{rsaKey("a")}})
		}), signature.Unknown},
		{"block missing", "whose block is missing", bare, signature.No},
	} {
		app, why := signature.Yes, ""
		if c.name == "contents changed" {
			app, why = signature.No, "SHA-256 of 1 MiB chunks differs"
		}
		r := check(t, "stamp "+c.name, c.file, apk.Options{MinSDK: 28}, app, why)
		if r == nil {
			continue
		}
		found := false
		for _, x := range r.Results {
			if x.Scheme != signature.SchemeAPKStamp || x.Name == "v1" {
				continue
			}
			found = true
			if x.Intact != c.want || c.reason != "" && (x.Reason == nil || !bytes.Contains([]byte(x.Reason.Error()), []byte(c.reason))) {
				t.Errorf("%s: %v, %v", c.name, x.Intact, x.Reason)
			}
			if c.name == "good" && (len(x.Notes) != 1 || x.Notes[0] != "stamped at 2023-11-14T22:13:20Z") {
				t.Errorf("notes %q", x.Notes)
			}
		}
		if !found {
			t.Errorf("%s: no result", c.name)
		}
	}
}
