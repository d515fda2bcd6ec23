package jar

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/signature"
)

// An apkCase breaks or bends one rule. issue is what apksig says of the range; ""
// if it verifies. differs is why we say something else than it.
type apkCase struct {
	name    string
	change  func(*testAPK)
	sdk     [2]int
	want    signature.Tri
	takes   bool // all releases of the range
	reason  string
	issue   string
	differs string
	blocks  []int
	raw     func([]byte) []byte
}

func replace(from, to string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, from) {
			panic("nothing to replace: " + from)
		}
		return strings.Replace(s, from, to, 1)
	}
}

// testRules has one change for each rule, and apksig's opinion of it.
func testRules(t *testing.T, j *apksig) {
	path := filepath.Join(t.TempDir(), "a.apk")
	keys := []*testKey{newKey(t, "RSA", "one"), newKey(t, "RSA", "two"), newKey(t, "EC", "three")}
	for _, tc := range apkCases(t, keys) {
		t.Run(tc.name, func(t *testing.T) {
			a := testAPK{members: twoMembers, names: []string{"SHA1"}, infos: [][]testInfo{{{key: keys[0]}}}}
			if tc.change != nil {
				tc.change(&a)
			}
			b := a.build(t)
			if tc.raw != nil {
				b = tc.raw(b)
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			z, o := openBytes(t, b)
			o.MinSDK, o.MaxSDK, o.Blocks = tc.sdk[0], tc.sdk[1], tc.blocks
			r := verifyAPK(t, z, o)
			if r.Intact != tc.want || takes(r) != tc.takes || !strings.Contains(fmt.Sprint(r.Reason, r.Accepts), tc.reason) {
				t.Errorf("%v: %v, %v; want %v: %s", r.Intact, r.Reason, r.Accepts, tc.want, tc.reason)
			}
			j.t = t
			theirs, issues, certs := j.verify(path, o)
			if !strings.HasPrefix(issues, tc.issue) || tc.issue == "" && issues != "" {
				t.Errorf("apksig %v: %s, want %s", theirs, issues, tc.issue)
			}
			if same := theirs == takes(r) && (!theirs || certs == signers(r)); same != (tc.differs == "") {
				t.Errorf("we say %v by %s, apksig %v by %s: %s", takes(r), signers(r), theirs, certs, tc.differs)
			}
		})
	}
}

func apkCases(t *testing.T, keys []*testKey) []apkCase {
	after := func(f func(name, data string) [][2]string) func(*testAPK) {
		return func(a *testAPK) {
			a.after = func(files [][2]string) (out [][2]string) {
				for _, m := range files {
					out = append(out, f(m[0], m[1])...)
				}
				return out
			}
		}
	}
	member := func(name string, to ...[2]string) func(*testAPK) {
		return after(func(n, data string) [][2]string {
			if n != name {
				return [][2]string{{n, data}}
			}
			return to
		})
	}
	with := func(name string) func(*testAPK) {
		return after(func(n, data string) [][2]string {
			if n == "META-INF/A.SF" {
				return [][2]string{{n, data}, {name, "new"}}
			}
			return [][2]string{{n, data}}
		})
	}
	info := func(f func(*testInfo)) func(*testAPK) {
		return func(a *testAPK) { f(&a.infos[0][0]) }
	}
	two := func(f func(*testAPK)) func(*testAPK) {
		return func(a *testAPK) {
			a.infos = [][]testInfo{{{key: keys[0]}}, {{key: keys[1]}}}
			if f != nil {
				f(a)
			}
		}
	}
	names := func(names ...string) func(*testAPK) {
		return func(a *testAPK) { a.names = names }
	}
	cert := func(extensions ...[]byte) func(*testAPK) {
		return info(func(i *testInfo) { i.key = newKey(t, "RSA", "x", extensions...) })
	}
	all, till17, from18, from24 := [2]int{}, [2]int{1, 17}, [2]int{18, 0}, [2]int{24, 0}
	const yes, no, open = signature.Yes, signature.No, signature.Unknown
	return []apkCase{
		{name: "sound", sdk: all, want: yes, takes: true},

		// Members.
		{name: "member changed", change: member("classes.dex", [2]string{"classes.dex", "evil"}), want: no, reason: "the member is not what was signed (classes.dex)", issue: "JAR_SIG_ZIP_ENTRY_DIGEST_DID_NOT_VERIFY"},
		{name: "member stripped", change: member("classes.dex"), want: no, reason: "1 signed members are missing", issue: "JAR_SIG_MISSING_ZIP_ENTRY_REFERENCED_IN_MANIFEST"},
		{name: "member added", change: with("classes2.dex"), want: no, reason: "does not name the member (classes2.dex)", issue: "JAR_SIG_NO_ZIP_ENTRY_DIGEST_IN_MANIFEST"},
		{name: "member added in META-INF", change: with("META-INF/x/y"), want: yes, takes: true},
		{name: "member added in meta-inf", change: with("meta-inf/x"), want: no, reason: "does not name", issue: "JAR_SIG_NO_ZIP_ENTRY_DIGEST_IN_MANIFEST"},
		{name: "folder added", change: with("res/"), want: yes, takes: true},
		{name: "folder signed", change: func(a *testAPK) { a.members = append(slices.Clone(a.members), [2]string{"res/", ""}) }, want: yes, takes: true,
			issue: "JAR_SIG_MISSING_ZIP_ENTRY_REFERENCED_IN_MANIFEST", differs: "apksig passes over entries of folders, and then misses them; StrictJarFile finds them"},
		{name: "folder signed that no entry names", change: func(a *testAPK) {
			a.members = append(slices.Clone(a.members), [2]string{"res/", ""}, [2]string{"res/x", "y"})
			member("res/")(a)
		}, want: no, reason: "1 signed members are missing (res/)", issue: "JAR_SIG_MISSING_ZIP_ENTRY_REFERENCED_IN_MANIFEST"},
		{name: "name with an empty element", change: func(a *testAPK) { a.members = append(slices.Clone(a.members), [2]string{"assets//x", "y"}) }, want: open, reason: "empty element", issue: "", differs: "no file system shows such a name"},
		{name: "name with CR", change: with("a\rb"), want: no, reason: "does not name", issue: "JAR_SIG_NO_ZIP_ENTRY_DIGEST_IN_MANIFEST"},
		{name: "name with LF", change: with("a\nb"), want: no, reason: "does not name", issue: "JAR_SIG_NO_ZIP_ENTRY_DIGEST_IN_MANIFEST"},
		{name: "name with NUL", change: func(a *testAPK) { a.members = append(slices.Clone(a.members), [2]string{"a\x00b", "x"}) }, want: yes, takes: true},
		{name: "name in two lines", change: func(a *testAPK) {
			a.manifest = replace("Name: classes.dex", "Name: clas\r\n ses.dex")
		}, want: yes, takes: true},
		{name: "name broken within a character", change: func(a *testAPK) {
			a.members = append(slices.Clone(a.members), [2]string{"é", "x"})
			a.manifest = replace("Name: é", "Name: \xc3\r\n \xa9")
			a.whole = true
		}, want: yes, takes: true},
		{name: "name with a space behind", change: func(a *testAPK) { a.manifest = replace("Name: classes.dex", "Name: classes.dex ") }, want: no, reason: "does not name the member (classes.dex)", issue: "JAR_SIG_MISSING_ZIP_ENTRY_REFERENCED_IN_MANIFEST"},
		{name: "name with spaces", change: func(a *testAPK) { a.members = append(slices.Clone(a.members), [2]string{" x ", "y"}) }, want: yes, takes: true},
		{name: "Master Key", change: with("classes.dex"), want: no, reason: "twice (classes.dex)", issue: "JAR_SIG_DUPLICATE_ZIP_ENTRY"},
		{name: "manifest twice", change: with("META-INF/MANIFEST.MF"), want: no, reason: "twice", issue: "JAR_SIG_DUPLICATE_ZIP_ENTRY"},
		{name: "other name in the local header", raw: func(b []byte) []byte {
			i := bytes.Index(b, []byte("classes.dex"))
			b[i] = 'C'
			return b
		}, want: no, reason: "local header has another name", issue: "EXCEPTION:ApkFormatException"},
		{name: "method unknown", raw: func(b []byte) []byte {
			for at := 0; ; at++ {
				i := bytes.Index(b[at:], []byte("PK\x01\x02"))
				if i < 0 {
					return b
				}
				if at += i; bytes.HasPrefix(b[at+46:], []byte("classes.dex")) {
					binary.LittleEndian.PutUint16(b[at+10:], 99)
				}
			}
		}, want: open, reason: "compression method 99", issue: "", differs: "apksig and Android's asset loader inflate whatever is not stored; what the archive does not show is not judged"},
		{name: "no member", change: func(a *testAPK) { a.members = nil }, want: no, reason: "signs no member", issue: "JAR_SIG_NO_SIGNED_ZIP_ENTRIES"},

		// The manifest.
		{name: "no manifest", change: member("META-INF/MANIFEST.MF"), want: no, reason: "there is no manifest", issue: "JAR_SIG_NO_MANIFEST"},
		{name: "manifest in lower case", change: after(func(n, data string) [][2]string {
			if n == "META-INF/MANIFEST.MF" {
				n = "META-INF/manifest.mf"
			}
			return [][2]string{{n, data}}
		}), want: no, reason: "there is no manifest", issue: "JAR_SIG_NO_MANIFEST"},
		{name: "section twice", change: func(a *testAPK) {
			a.manifest = func(s string) string { return s + s[strings.Index(s, "Name: classes"):] }
		}, want: no, reason: "the manifest has two sections", issue: "JAR_SIG_DUPLICATE_MANIFEST_SECTION"},
		{name: "section without a name", change: func(a *testAPK) { a.manifest = func(s string) string { return s + "X: y\r\n\r\n" } }, want: no, reason: "has no name", issue: "JAR_SIG_UNNNAMED_MANIFEST_SECTION"},
		{name: "main section changed", change: after(func(n, data string) [][2]string {
			return [][2]string{{n, strings.Replace(data, "Manifest-Version: 1.0", "Manifest-Version: 1.1", 1)}}
		}), want: yes, takes: true},
		{name: "main section changed, whole and main signed", change: func(a *testAPK) {
			a.whole, a.main = true, true
			after(func(n, data string) [][2]string {
				return [][2]string{{n, strings.Replace(data, "Manifest-Version: 1.0", "Manifest-Version: 1.1", 1)}}
			})(a)
		}, want: no, reason: "main section is not", issue: "JAR_SIG_MANIFEST_MAIN_SECTION_DIGEST_DID_NOT_VERIFY"},
		{name: "section without digest", change: func(a *testAPK) { a.manifest = replace("SHA1-Digest", "SHA3-Digest") }, want: no, reason: "no digest by a hash", issue: "JAR_SIG_NO_ZIP_ENTRY_DIGEST_IN_MANIFEST"},
		{name: "digest is no base64", change: func(a *testAPK) { a.manifest = replace("SHA1-Digest: ", "SHA1-Digest: *") }, want: no, reason: "not what was signed", issue: "EXCEPTION:IllegalArgumentException"},

		// The signature file.
		{name: "no signature file", change: member("META-INF/A.SF"), want: no, reason: "no signature block has", issue: "JAR_SIG_NO_SIGNATURES"},
		{name: "no Signature-Version", change: func(a *testAPK) { a.noName = true }, want: no, reason: "no Signature-Version", issue: "JAR_SIG_NO_SIGNATURES"},
		{name: "section names no member", change: func(a *testAPK) {
			a.sf = func(s string) string { return s + "Name: gone\r\nSHA1-Digest: AAAA\r\n\r\n" }
		}, want: no, reason: "names what the manifest does not", issue: "JAR_SIG_NO_SIGNATURES"},
		{name: "section names no member, whole manifest", change: func(a *testAPK) {
			a.whole = true
			a.sf = func(s string) string { return s + "Name: gone\r\nSHA1-Digest: AAAA\r\n\r\n" }
		}, want: yes, takes: true},
		{name: "signature file's section twice", change: func(a *testAPK) {
			a.sf = func(s string) string { return s + s[strings.Index(s, "Name: classes"):] }
		}, want: no, reason: "two sections of one name", issue: "JAR_SIG_NO_SIGNATURES"},
		{name: "signature file's section without a name", change: func(a *testAPK) { a.sf = func(s string) string { return s + "X: y\r\n\r\n" } }, want: no, reason: "has no name", issue: "JAR_SIG_NO_SIGNATURES"},
		{name: "section digest wrong", change: func(a *testAPK) {
			a.sf = replace("Name: classes.dex\r\nSHA1-Digest: ", "Name: classes.dex\r\nSHA1-Digest: AAAA")
		}, want: no, reason: "section is not what was signed (classes.dex)", issue: "JAR_SIG_MANIFEST_SECTION_DIGEST_DID_NOT_VERIFY"},
		{name: "section without a digest", change: func(a *testAPK) {
			a.sf = replace("Name: classes.dex\r\nSHA1-Digest", "Name: classes.dex\r\nSHA3-Digest")
		}, want: no, reason: "no digest by a hash that is known (classes.dex)", issue: "JAR_SIG_NO_ZIP_ENTRY_DIGEST_IN_SIG_FILE"},
		{name: "section digest wrong, whole manifest", change: func(a *testAPK) {
			a.whole = true
			a.sf = replace("Name: classes.dex\r\nSHA1-Digest: ", "Name: classes.dex\r\nSHA1-Digest: AAAA")
		}, want: yes, takes: true},
		{name: "section left out", change: func(a *testAPK) {
			a.whole = true
			a.sf = func(s string) string { return s[:strings.Index(s, "Name: classes")] }
		}, want: no, reason: "no signature file names the member", issue: "JAR_SIG_ZIP_ENTRY_NOT_SIGNED"},
		{name: "whole manifest wrong", change: func(a *testAPK) {
			a.whole = true
			a.sf = replace("-Digest-Manifest: ", "-Digest-Manifest: AAAA")
		}, want: yes, takes: true},
		{name: "main section wrong", change: func(a *testAPK) {
			a.main = true
			a.sf = replace("-Main-Attributes: ", "-Main-Attributes: AAAA")
		}, want: no, reason: "main section is not", issue: "JAR_SIG_MANIFEST_MAIN_SECTION_DIGEST_DID_NOT_VERIFY"},
		{name: "signtool", change: func(a *testAPK) { a.whole, a.creator = true, "signtool 1" }, want: yes, takes: true},
		{name: "signtool, section digest wrong", change: func(a *testAPK) {
			a.whole, a.creator = true, "signtool 1"
			a.sf = replace("Name: classes.dex\r\nSHA1-Digest: ", "Name: classes.dex\r\nSHA1-Digest: AAAA")
		}, want: yes, takes: true},
		{name: "signtool, manifest changed", change: func(a *testAPK) {
			a.whole, a.creator = true, "signtool 1"
			a.sf = replace("SHA1-Digest: ", "SHA1-Digest: AAAA")
		}, want: yes, takes: true},
		{name: "signtool's line feeds", change: func(a *testAPK) {
			a.creator = "signtool 1"
			a.manifest = func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
		}, want: no, reason: "section is not what", issue: "JAR_SIG_MANIFEST_SECTION_DIGEST_DID_NOT_VERIFY"},
		{name: "signature file changed", change: func(a *testAPK) {
			after(func(n, data string) [][2]string {
				if n == "META-INF/A.SF" {
					data += "\r\n"
				}
				return [][2]string{{n, data}}
			})(a)
		}, want: no, reason: "the signature is not the key's", issue: "JAR_SIG_DID_NOT_VERIFY"},

		// Digests by release.
		{name: "SHA-256 alone", change: names("SHA-256"), want: yes, takes: false, reason: "SDK 1 to 17: these releases find no digest", issue: "JAR_SIG_NO_ZIP_ENTRY_DIGEST_IN_SIG_FILE"},
		{name: "SHA-256 alone, from 18", change: names("SHA-256"), sdk: from18, want: yes, takes: true},
		{name: "SHA-256 alone, to 17", change: names("SHA-256"), sdk: till17, want: open, reason: "find no digest", issue: "JAR_SIG_"},
		{name: "SHA-256 by Digest-Algorithms", change: func(a *testAPK) { a.names, a.algs = []string{"SHA-256"}, "MD5 SHA-256" }, want: yes, takes: true},
		{name: "SHA-512 by Digest-Algorithms", change: func(a *testAPK) { a.names, a.algs = []string{"SHA-512"}, "SHA-512" }, want: yes, reason: "SDK 1 to 8: these", issue: "JAR_SIG_"},
		{name: "SHA-512 by Digest-Algorithms, from 9", change: func(a *testAPK) { a.names, a.algs = []string{"SHA-512"}, "SHA-512" }, sdk: [2]int{9, 0}, want: yes, takes: true},
		{name: "MD5 by Digest-Algorithms", change: func(a *testAPK) { a.names, a.algs = []string{"MD5"}, "MD5" }, want: yes, reason: "SDK 18 and later: these", issue: "", differs: "apksig asks for nothing from 18 on where an older release found a digest"},
		{name: "MD5 by Digest-Algorithms, from 18", change: func(a *testAPK) { a.names, a.algs = []string{"MD5"}, "MD5" }, sdk: from18, want: open, reason: "find no digest", issue: "JAR_SIG_"},
		{name: "SHA", change: names("SHA"), sdk: till17, want: yes, takes: true},
		{name: "SHA, from 18", change: names("SHA"), sdk: from18, want: open, reason: "find no digest", issue: "JAR_SIG_"},
		{name: "SHA-1 is no name", change: names("SHA-1"), want: no, reason: "no digest by a hash that is known", issue: "JAR_SIG_"},
		{name: "SHA1 right, SHA-256 wrong", change: func(a *testAPK) {
			a.names = []string{"SHA1", "SHA-256"}
			a.manifest = replace("SHA-256-Digest: ", "SHA-256-Digest: AAAA")
		}, want: no, reason: "not what was signed", issue: "JAR_SIG_ZIP_ENTRY_DIGEST_DID_NOT_VERIFY"},
		{name: "SHA1 right, SHA-256 wrong, to 17", change: func(a *testAPK) {
			a.names = []string{"SHA1", "SHA-256"}
			a.manifest = replace("SHA-256-Digest: ", "SHA-256-Digest: AAAA")
		}, sdk: till17, want: yes, takes: true},
		{name: "SHA1 wrong, SHA-256 right, from 18", change: func(a *testAPK) {
			a.names = []string{"SHA1", "SHA-256"}
			a.manifest = replace("SHA1-Digest: ", "SHA1-Digest: AAAA")
		}, sdk: from18, want: yes, takes: true},
		{name: "another first digest from 9", change: func(a *testAPK) {
			a.names, a.algs = []string{"SHA-512", "SHA1"}, "SHA-512 SHA1"
			a.manifest = replace("SHA-512-Digest: ", "SHA-512-Digest: AAAA")
		}, sdk: till17, want: no, reason: "not what was signed", issue: "", differs: "apksig asks the least release only, of which SHA-512 is not known"},
		{name: "whole manifest by SHA1, sections by SHA-256", change: func(a *testAPK) {
			a.names, a.whole = []string{"SHA1", "SHA-256"}, true
			a.sf = func(s string) string {
				s = replace("SHA-256-Digest-Manifest: ", "SHA-256-Digest-Manifest: AAAA")(s)
				return replace("Name: classes.dex\r\nSHA1-Digest: ", "Name: classes.dex\r\nSHA1-Digest: AAAA")(s)
			}
		}, want: yes, takes: true, issue: "JAR_SIG_MANIFEST_SECTION_DIGEST_DID_NOT_VERIFY", differs: "apksig asks of each digest what only the releases of the other look at"},

		// Signers.
		{name: "two signers", change: two(nil), want: yes, takes: true},
		{name: "ten signers", change: func(a *testAPK) { a.infos = slices.Repeat(a.infos, 10) }, want: yes, takes: true},
		{name: "eleven signers", change: func(a *testAPK) { a.infos = slices.Repeat(a.infos, 11) }, want: no, reason: "more than ten signers", issue: "", differs: "MAX_APK_SIGNERS came to apksig in 2022"},
		{name: "signers of one member", change: two(func(a *testAPK) {
			a.sf = func(s string) string { return s[:strings.Index(s, "Name: classes")] }
		}), want: no, reason: "different signers", issue: "JAR_SIG_ZIP_ENTRY_SIGNERS_MISMATCH"},
		{name: "signer of no member", change: two(func(a *testAPK) {
			a.whole = true
			a.sf = func(s string) string { return s[:strings.Index(s, "Name: ")] }
		}), want: yes, takes: true},
		{name: "signer passed over", change: two(func(a *testAPK) { a.sf = replace("Signature-Version", "X") }), want: yes, takes: true},
		{name: "one of two does not verify", change: two(func(a *testAPK) {
			a.infos[1][0].change = func([]byte) []byte { return []byte("x") }
		}), want: no, reason: "not the key's", issue: "JAR_SIG_DID_NOT_VERIFY"},
		{name: "block without a signer", change: func(a *testAPK) { a.infos = [][]testInfo{{}} }, want: no, reason: "no signer", issue: "JAR_SIG_NO_SIGNERS"},
		{name: "block in BER", change: after(func(n, data string) [][2]string {
			if n == "META-INF/A.RSA" { // the outermost length is left open
				data = "\x30\x80" + data[4:] + "\x00\x00"
			}
			return [][2]string{{n, data}}
		}), want: open, reason: "BER with an indefinite length", issue: "", differs: "a message without its length is not read; none of 371 apps has one"},
		{name: "block is no CMS", change: member("META-INF/A.RSA", [2]string{"META-INF/A.RSA", "x"}), want: no, reason: "another element", issue: "JAR_SIG_PARSE_EXCEPTION"},

		// SignerInfos.
		{name: "two SignerInfos", change: func(a *testAPK) { a.infos[0] = append(a.infos[0], testInfo{key: keys[1]}) }, want: yes, takes: true},
		{name: "first SignerInfo wrong", change: func(a *testAPK) {
			bad := testInfo{key: keys[1], change: func([]byte) []byte { return []byte("x") }}
			a.infos[0] = append([]testInfo{bad}, a.infos[0]...)
		}, want: no, reason: "not the key's", issue: "JAR_SIG_DID_NOT_VERIFY"},
		{name: "first SignerInfo wrong, from 24", change: func(a *testAPK) {
			bad := testInfo{key: keys[1], change: func([]byte) []byte { return []byte("x") }}
			a.infos[0] = append([]testInfo{bad}, a.infos[0]...)
		}, sdk: from24, want: yes, takes: true},
		{name: "second SignerInfo not known, from 24", change: func(a *testAPK) {
			a.infos[0] = append(a.infos[0], testInfo{key: keys[1], digest: "1.2.3", hash: crypto.SHA1})
		}, sdk: from24, want: open, reason: "do not verify 1.2.3", issue: "JAR_SIG_UNSUPPORTED_SIG_ALG"},
		{name: "second SignerInfo not known", change: func(a *testAPK) {
			a.infos[0] = append(a.infos[0], testInfo{key: keys[1], digest: "1.2.3", hash: crypto.SHA1})
		}, want: yes, reason: "SDK 24 and later: these releases do not verify", issue: "", differs: "apksig looks at the first alone when one release of the range does; Android 7 looks at all"},
		{name: "SignerInfos of which releases take different ones", change: func(a *testAPK) {
			odd := testInfo{key: keys[1], attributes: true, kind: "1.2.840.113549.1.7.2"}
			a.infos[0] = append([]testInfo{odd}, a.infos[0]...)
		}, sdk: [2]int{19, 0}, want: no, reason: "releases differ in who signed", issue: "JAR_SIG_DID_NOT_VERIFY"},

		// Signed attributes.
		{name: "attributes", change: info(func(i *testInfo) { i.attributes = true }), want: yes, reason: "SDK 1 to 18: these releases cannot verify signed attributes", issue: "JAR_SIG_VERIFY_EXCEPTION"},
		{name: "attributes, from 19", change: info(func(i *testInfo) { i.attributes = true }), sdk: [2]int{19, 0}, want: yes, takes: true},
		{name: "no content type", change: info(func(i *testInfo) { i.attributes, i.kind = true, "-" }), sdk: [2]int{19, 0}, want: yes, reason: "SDK 24 and later: these releases want the content type", issue: "JAR_SIG_VERIFY_EXCEPTION"},
		{name: "no content type, to 23", change: info(func(i *testInfo) { i.attributes, i.kind = true, "-" }), sdk: [2]int{19, 23}, want: yes, takes: true},
		{name: "other content type", change: info(func(i *testInfo) { i.attributes, i.kind = true, "1.2.3" }), sdk: [2]int{19, 0}, want: no, reason: "the signed content type is not", issue: "JAR_SIG_DID_NOT_VERIFY"},
		{name: "other content type, to 23", change: info(func(i *testInfo) { i.attributes, i.kind = true, "1.2.3" }), sdk: [2]int{19, 23}, want: yes, takes: true},
		{name: "no digest among attributes", change: info(func(i *testInfo) { i.attributes, i.noDigest = true, true }), sdk: [2]int{19, 0}, want: no, reason: "no digest of the signature file", issue: "JAR_SIG_VERIFY_EXCEPTION"},
		{name: "other digest among attributes", change: info(func(i *testInfo) {
			i.attributes = true
			i.change = func([]byte) []byte { return []byte("x") }
		}), sdk: [2]int{19, 0}, want: no, reason: "the signed digest is not", issue: "JAR_SIG_DID_NOT_VERIFY"},
		{name: "attribute twice", change: info(func(i *testInfo) { i.attributes, i.twice = true, true }), sdk: [2]int{19, 0}, want: no, reason: "occurs twice", issue: "JAR_SIG_"},

		// Certificates.
		{name: "named by key id", change: func(a *testAPK) {
			a.infos[0][0].key = newKey(t, "RSA", "x", el(0x30, oidOf("2.5.29.14"), el(4, el(4, []byte("1234")))))
			a.infos[0][0].byKeyID = true
		}, want: no, reason: "not named by issuer", issue: "JAR_SIG_PARSE_EXCEPTION"},
		{name: "no certificate", change: info(func(i *testInfo) {
			k := *i.key
			k.cert = nil
			i.key = &k
		}), want: no, reason: "the signer's certificate is not in the block", issue: "JAR_SIG_VERIFY_EXCEPTION"},
		{name: "Fake ID", change: func(a *testAPK) {
			// The app's key, and another's certificate that its issuer's name points to.
			a.infos[0][0].key = &testKey{key: keys[0].key, name: keys[0].name, cert: append(slices.Clone(keys[0].cert), keys[1].cert...)}
		}, want: yes, takes: true},
		{name: "key of another kind", change: info(func(i *testInfo) { i.sig, i.sigHash = "1.2.840.10045.4.1", crypto.SHA1 }), sdk: from18, want: no, reason: "not the key's", issue: "JAR_SIG_VERIFY_EXCEPTION"},
		{name: "EC", change: info(func(i *testInfo) { i.key, i.sig = keys[2], "1.2.840.10045.2.1" }), want: yes, reason: "SDK 1 to 17: these releases do not verify SHA-1 with EC", issue: "JAR_SIG_UNSUPPORTED_SIG_ALG"},
		{name: "certificate for signatures", change: cert(extension("2.5.29.15", el(3, []byte{7, 0x80}))), want: yes, takes: true},
		{name: "certificate for repudiation", change: cert(extension("2.5.29.15", el(3, []byte{6, 0x40}))), want: yes, takes: true},
		{name: "certificate for certificates", change: cert(extension("2.5.29.15", el(3, []byte{2, 0x04}))), want: no, reason: "not for signatures", issue: "JAR_SIG_VERIFY_EXCEPTION"},
		{name: "critical extension", change: cert(extension("1.2.3.4", []byte{5, 0})), want: no, reason: "critical extension", issue: "JAR_SIG_VERIFY_EXCEPTION"},
		{name: "certificate in BER", change: info(func(i *testInfo) {
			// A length in more bytes than it needs: what is named is the certificate as it stands.
			k := *i.key
			k.cert = append([]byte{0x30, 0x83, 0}, k.cert[2:]...)
			i.key = &k
		}), want: yes, takes: true},

		// Stripping.
		{name: "2 named, 2 there", change: func(a *testAPK) { a.signed = "2" }, blocks: []int{2}, want: yes, takes: true},
		{name: "2 named, stripped", change: func(a *testAPK) { a.signed = "2" }, want: no, reason: "v2, whose block is not there", issue: "JAR_SIG_MISSING_APK_SIG_REFERENCED"},
		{name: "2 named, stripped, to 23", change: func(a *testAPK) { a.signed = "2" }, sdk: [2]int{1, 23}, want: yes, takes: true},
		{name: "3 named, stripped", change: func(a *testAPK) { a.signed = "2, 3" }, blocks: []int{2}, want: no, reason: "v3, whose block", issue: "JAR_SIG_MISSING_APK_SIG_REFERENCED"},
		{name: "3 named, stripped, to 27", change: func(a *testAPK) { a.signed = "2, 3" }, sdk: [2]int{1, 27}, blocks: []int{2}, want: yes, takes: true},
		{name: "unknown schemes named", change: func(a *testAPK) { a.signed = "5, x,, 31" }, want: yes, takes: true},
		{name: "stripped among many", change: func(a *testAPK) {
			for i := range 200 {
				a.signed += fmt.Sprint(i+10, ",")
			}
			a.signed += "2"
		}, want: no, reason: "v2, whose", issue: "JAR_SIG_MISSING_APK_SIG_REFERENCED"},
		{name: "none named", blocks: []int{2}, want: yes, takes: true},
	}
}
