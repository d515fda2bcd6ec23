package jar

import (
	"crypto"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/signature"
)

var twoMembers = [][2]string{{"AndroidManifest.xml", "manifest"}, {"classes.dex", "code"}}

// testAlgorithms signs with every pair of algorithms that a SignerInfo may name,
// and asks apksig about the ends of each run of releases.
func testAlgorithms(t *testing.T, j *apksig) {
	keys := map[string]*testKey{}
	for _, kind := range []string{"RSA", "EC", "DSA"} {
		keys[kind] = newKey(t, kind, kind)
	}
	digests := map[string]crypto.Hash{"1.2.840.113549.2.5": crypto.MD5, oidSHA1: crypto.SHA1, "2.16.840.1.101.3.4.2.4": crypto.SHA224,
		"2.16.840.1.101.3.4.2.1": crypto.SHA256, "2.16.840.1.101.3.4.2.2": crypto.SHA384, "2.16.840.1.101.3.4.2.3": crypto.SHA512}
	path := filepath.Join(t.TempDir(), "a.apk")
	n, yes := 0, 0
	for digest, hash := range digests {
		for sig, alg := range apkSignatures {
			info := testInfo{key: keys[alg.key], digest: digest, sig: sig, hash: hash, sigHash: alg.hash}
			b := testAPK{members: twoMembers, names: []string{"SHA1"}, whole: true, infos: [][]testInfo{{info}}}.build(t)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			z, o := openBytes(t, b)
			for i, sdk := range bands {
				last := 40
				if i+1 < len(bands) {
					last = bands[i+1] - 1
				}
				for _, at := range [][2]int{{sdk, sdk}, {last, last}, {sdk, 0}} {
					o.MinSDK, o.MaxSDK = at[0], at[1]
					if at[1] == 0 && i%3 != 0 {
						continue
					}
					r := verifyAPK(t, z, o)
					theirs, issues, _ := j.verify(path, o)
					if takes(r) != theirs {
						t.Errorf("%v with %v, SDK %d to %d: we say %v: %v, apksig %v: %s", hash, alg, at[0], at[1], r.Intact, r.Reason, theirs, issues)
					}
					if n++; theirs {
						yes++
					} else if issues != "JAR_SIG_UNSUPPORTED_SIG_ALG" {
						t.Errorf("%v with %v: %s", hash, alg, issues)
					}
				}
			}
		}
	}
	t.Logf("%d questions, %d verify", n, yes)
}

// testMatrix judges apps that apksig signed, by kinds and sizes of keys and the
// least SDK that they are for, and the same with a byte changed.
func testMatrix(t *testing.T, j *apksig) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.apk")
	if err := os.WriteFile(in, zipOf(t, append([][2]string{{"res/a b", strings.Repeat("x", 70000)}, {"empty", ""}, {"META-INF/services/x", "y"}}, twoMembers...)), 0o600); err != nil {
		t.Fatal(err)
	}
	n, yes := 0, 0
	ask := func(name, path string, ranges [][2]int) {
		t.Helper()
		z, o := openAPK(t, path)
		for _, r := range ranges {
			o.MinSDK, o.MaxSDK = r[0], r[1]
			res := verifyAPK(t, z, o)
			theirs, issues, certs := j.verify(path, o)
			ours := takes(res)
			n++
			switch {
			case ours != theirs && strings.HasPrefix(name, "RSA 512") && res.Intact == signature.Unknown && strings.Contains(res.Reason.Error(), "too small"):
				// No key of this size is computed with.
			case ours != theirs || ours && signers(res) != certs:
				t.Errorf("%s, SDK %d to %d: we say %v: %v by %s, apksig %v: %s by %s", name, r[0], r[1], res.Intact, res.Reason, signers(res), theirs, issues, certs)
			case ours:
				yes++
			}
		}
	}
	var names []string
	for _, k := range []struct {
		alg   string
		sizes []int
	}{{"RSA", []int{512, 1024, 2048, 4096}}, {"EC", []int{256, 384, 521}}, {"DSA", []int{1024, 2048, 3072}}} {
		for _, size := range k.sizes {
			name := fmt.Sprint(k.alg, " ", size)
			names = append(names, name)
			j.do("key", name, k.alg, fmt.Sprint(size))
			for _, least := range []int{1, 17, 18, 21, 24, 33} {
				out := filepath.Join(dir, "out.apk")
				if s := j.ask("sign", in, out, fmt.Sprint(least), fmt.Sprint(least%2 == 0 && size != 512), name); s != "ok" {
					if least < 18 && k.alg == "EC" || least < 21 && k.alg == "DSA" && size > 1024 {
						continue // which these releases do not know
					}
					t.Fatalf("%s for SDK %d: %s", name, least, s)
				}
				ask(fmt.Sprint(name, " for ", least), out, [][2]int{{least, 0}, {1, 0}, {18, 23}})
				b, err := os.ReadFile(out)
				if err != nil {
					t.Fatal(err)
				}
				if least == 1 { // classes.dex has no descriptor, so its CRC is where its data is
					z, _ := openBytes(t, b)
					for _, e := range z.Entries() {
						if e.Name == "META-INF/MANIFEST.MF" {
							b[e.Data+e.Stored/2] ^= 1
						}
					}
					if err := os.WriteFile(out, b, 0o600); err != nil {
						t.Fatal(err)
					}
					ask(name+" changed", out, [][2]int{{1, 0}})
				}
			}
		}
	}
	for _, several := range [][]string{names[2:4], {names[2], names[4], names[7]}, names[1:]} {
		out := filepath.Join(dir, "several.apk")
		j.do(append([]string{"sign", in, out, "21", "false"}, several...)...)
		ask(strings.Join(several, " and "), out, ranges)
	}
	t.Logf("%d questions, %d verify", n, yes)
}

// testJarsigner judges what jarsigner writes: whole manifests, their main sections,
// and digests that apksig does not choose.
func testJarsigner(t *testing.T, j *apksig) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.zip"), filepath.Join(dir, "out.zip")
	if err := os.WriteFile(in, zipOf(t, twoMembers), 0o600); err != nil {
		t.Fatal(err)
	}
	j.do("key", "k", "RSA", "2048")
	for _, tc := range [][2]string{{"SHA-1", "SHA1withRSA"}, {"SHA-256", "SHA1withRSA"}, {"SHA-256", "SHA256withRSA"}, {"SHA-384", "SHA256withRSA"}, {"SHA-512", "SHA512withRSA"}} {
		j.do("jarsign", in, out, tc[0], tc[1], "k")
		z, o := openAPK(t, out)
		for _, r := range ranges {
			o.MinSDK, o.MaxSDK = r[0], r[1]
			res := verifyAPK(t, z, o)
			if theirs, issues, certs := j.verify(out, o); takes(res) != theirs || theirs && signers(res) != certs {
				t.Errorf("%s, SDK %d to %d: we say %v: %v, apksig %v: %s", tc, r[0], r[1], res.Intact, res.Reason, theirs, issues)
			}
		}
	}
}
