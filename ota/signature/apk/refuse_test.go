package apk_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// rsaKey is a signer of v2, or of v3 for all releases from 9 on.
func rsaKey(name string) testSigner {
	return testSigner{key: name, algs: []uint32{0x0103}, min: 28, max: 1<<31 - 1}
}

func with(s testSigner, change func(*testSigner)) testSigner {
	change(&s)
	return s
}

func flip(b []byte, off int) []byte {
	b = bytes.Clone(b)
	b[off] ^= 1
	return b
}

// A refusal is a file, what is wrong with it, and the answer that it must get.
type refusal struct {
	name        string
	file        []byte
	least, most int
	want        signature.Tri
	reason      string // of the APK as a whole
	apksig      string // "": says the same; else why not
}

func refusals(t *testing.T) []refusal {
	u := base(t, 28, 0)
	large := member(t, u, "large", make([]byte, 1200<<10))
	v2 := func(s ...testSigner) []byte { return build(t, u, false, testPair{id: idV2, signers: s}) }
	v3 := func(s ...testSigner) []byte { return build(t, u, false, testPair{id: idV3, signers: s}) }
	a := rsaKey("a")
	alg := func(ids ...uint32) testSigner { return with(a, func(s *testSigner) { s.algs = ids }) }
	sdks := func(key string, least, most uint32, attrs ...[]byte) testSigner {
		return testSigner{key: key, algs: []uint32{0x0103}, min: least, max: most, attrs: attrs}
	}
	const newest = 1<<31 - 1
	por := func(steps ...step) []byte { return attr(0x3ba06f8c, lineage(t, steps...)) }
	rotated := func(key string, steps ...step) []byte { return v3(sdks(key, 28, newest, por(steps...))) }
	A, B := step{key: "a", flags: 31, alg: 0x0103}, step{key: "b", flags: 1, alg: 0x0103}
	good := v2(a)
	yes, no, open := signature.Yes, signature.No, signature.Unknown
	many := make([]testSigner, 60)
	for i := range many {
		many[i] = sdks("b", uint32(100+i), uint32(100+i), por(A, B, step{key: "c", alg: 0x0103}, B))
	}
	eleven := make([]testSigner, 11)
	for i := range eleven {
		eleven[i] = a
	}
	empty := func(id uint32) []byte { return build(t, u, false, testPair{id: id, raw: lp()}) }
	breakAlg := func(id uint32) func(uint32, []byte) []byte {
		return func(alg uint32, sig []byte) []byte {
			if alg == id {
				return flip(sig, 9)
			}
			return sig
		}
	}
	return []refusal{
		{"v2", good, 24, 33, yes, "", ""},
		{"v2 PSS SHA-256", v2(alg(0x0101)), 24, 33, yes, "", ""},
		{"v2 PSS SHA-512", v2(alg(0x0102)), 24, 33, yes, "", ""},
		{"v2 PKCS1 SHA-512", v2(alg(0x0104)), 24, 33, yes, "", ""},
		{"v2 ECDSA SHA-256", v2(testSigner{key: "ec256", algs: []uint32{0x0201}}), 24, 33, yes, "", ""},
		{"v2 ECDSA SHA-512", v2(testSigner{key: "ec521", algs: []uint32{0x0202}}), 24, 33, yes, "", ""},
		{"v2 verity", build(t, u, true, testPair{id: idV2, signers: []testSigner{alg(0x0421)}}), 28, 33, yes, "", ""},
		{"v2 verity ECDSA", build(t, u, true, testPair{id: idV2, signers: []testSigner{{key: "ec256", algs: []uint32{0x0423}}}}), 28, 33, yes, "", ""},
		{"v2 verity of several levels", build(t, large, true, testPair{id: idV2, signers: []testSigner{alg(0x0421)}}), 28, 33, yes, "", ""},
		{"v2 several chunks", build(t, large, false, testPair{id: idV2, signers: []testSigner{alg(0x0103, 0x0104)}}), 24, 33, yes, "", ""},
		{"v2 verity before 9", build(t, u, true, testPair{id: idV2, signers: []testSigner{alg(0x0421)}}), 24, 33, open, "no signature of an algorithm that is known", ""},
		{"v2 verity beside chunks", build(t, u, true, testPair{id: idV2, signers: []testSigner{alg(0x0421, 0x0103)}}), 24, 33, yes, "", ""},
		{"v2 verity unaligned", v2(alg(0x0421)), 28, 33, no, "not of whole pages", ""},
		{"v2 two signers", v2(a, testSigner{key: "ec256", algs: []uint32{0x0201}}), 24, 33, yes, "", ""},
		{"v2 unknown algorithm beside a known one", v2(alg(0x9999, 0x0103)), 24, 33, yes, "", ""},
		{"v2 weaker signature broken", v2(with(alg(0x0103, 0x0104), func(s *testSigner) { s.signature = breakAlg(0x0103) })), 24, 33, yes, "", ""},
		{"v2 unknown attribute", v2(with(a, func(s *testSigner) { s.attrs = [][]byte{attr(0x12345678, []byte("x"))} })), 24, 33, yes, "", ""},

		{"v2 contents changed", flip(good, 40), 24, 33, no, "SHA-256 of 1 MiB chunks differs", ""},
		{"v2 directory changed", flip(good, bytes.Index(good, []byte("PK\x01\x02"))+12), 24, 33, no, "SHA-256 of 1 MiB chunks differs", ""},
		{"v2 digest of another file", v2(with(a, func(s *testSigner) { s.digest = func(_ uint32, d []byte) []byte { return flip(d, 0) } })), 24, 33, no, "SHA-256 of 1 MiB chunks differs", ""},
		{"v2 digest too short", v2(with(a, func(s *testSigner) { s.digest = func(_ uint32, d []byte) []byte { return d[:31] } })), 24, 33, no, "SHA-256 of 1 MiB chunks differs", ""},
		{"v2 signature broken", v2(with(a, func(s *testSigner) { s.signature = breakAlg(0x0103) })), 24, 33, no, "the signature is not the key's", ""},
		{"v2 PSS broken", v2(with(alg(0x0101), func(s *testSigner) { s.signature = breakAlg(0x0101) })), 24, 33, no, "the signature is not the key's", ""},
		{"v2 strongest signature broken", v2(with(alg(0x0103, 0x0104), func(s *testSigner) { s.signature = breakAlg(0x0104) })), 24, 33, no, "SHA-512: signature: the signature is not the key's", ""},
		{"v2 key not the certificate's", v2(with(rsaKey("b"), func(s *testSigner) { s.certs = [][]byte{certOf(t, "a")} })), 24, 33, no, "the key is not that of the first certificate", ""},
		{"v2 key of another kind", v2(with(testSigner{key: "ec256", algs: []uint32{0x0103}}, func(*testSigner) {})), 24, 33, no, "by a key of another kind", ""},
		{"v2 algorithm lists differ", v2(with(alg(0x0103), func(s *testSigner) { s.digestAlgs = []uint32{0x0103, 0x0104} })), 24, 33, no, "not of the same algorithms", ""},
		{"v2 algorithm lists in another order", v2(with(alg(0x0103, 0x0104), func(s *testSigner) { s.digestAlgs = []uint32{0x0104, 0x0103} })), 24, 33, no, "not of the same algorithms", ""},
		{"v2 unknown algorithm", v2(alg(0x9999)), 24, 33, open, "no signature of an algorithm that is known", ""},
		{"v2 no signature", v2(alg()), 24, 33, no, "no signature", ""},
		{"v2 no certificate", v2(with(a, func(s *testSigner) { s.certs = [][]byte{} })), 24, 33, no, "no certificate", ""},
		{"v2 certificate no certificate", v2(with(a, func(s *testSigner) { s.certs = [][]byte{[]byte("no")} })), 24, 33, no, "a certificate cannot be read", ""},
		{"v2 no signer", empty(idV2), 24, 33, no, "no signer", ""},
		{"v2 second signer broken", v2(a, with(rsaKey("b"), func(s *testSigner) { s.signature = breakAlg(0x0103) })), 24, 33, no, "the signature is not the key's", ""},
		{"v2 eleven signers", v2(eleven...), 24, 33, no, "more than ten signers", "the platform takes ten (MAX_V2_SIGNERS), and so does apksig since 2022"},
		{"v2 signed data cut", v2(with(a, func(s *testSigner) { s.signed = func(p []byte) []byte { return p[:len(p)-1] } })), 24, 33, no, "runs past its end", ""},
		{"v2 the second of two blocks", build(t, u, false, testPair{id: idV2, signers: []testSigner{with(a, func(s *testSigner) { s.signature = breakAlg(0x0103) })}}, testPair{id: idV2, signers: []testSigner{a}}), 24, 33, no, "the signature is not the key's", ""},
		{"v3 stripped from v2", v2(with(a, func(s *testSigner) { s.attrs = [][]byte{attr(0xbeeff00d, u32(3))} })), 24, 33, no, "signed by v3 too, and that block is missing: stripped", ""},
		{"v3 stripped from v2, before 9", v2(with(a, func(s *testSigner) { s.attrs = [][]byte{attr(0xbeeff00d, u32(3))} })), 24, 27, yes, "", ""},

		{"v3", v3(a), 28, 33, yes, "", ""},
		{"v3 first SDK not signed", v3(with(a, func(s *testSigner) { s.signedMin = 29 })), 28, 33, no, "the first SDK is not the one that was signed", ""},
		{"v3 gap", v3(sdks("a", 28, 29), sdks("a", 31, newest)), 28, 33, no, "no signer for this release", ""},
		{"v3 gap, later releases", v3(sdks("a", 28, 29), sdks("a", 31, newest)), 31, 33, no, "leave a gap", ""},
		{"v3 overlap", v3(sdks("a", 28, 30), sdks("b", 30, newest)), 28, 33, no, "several signers for one release", ""},
		{"v3 not for the newest", v3(sdks("a", 28, 30)), 28, 33, no, "no signer for this release", ""},
		{"v3 not for the newest, asked before", v3(sdks("a", 28, 30)), 28, 30, yes, "", ""},
		{"v3 SDKs the wrong way round", v3(sdks("a", 30, 28)), 28, 33, no, "no signer for this release", ""},
		{"v3 no signer", empty(idV3), 28, 33, no, "no signer", ""},
		{"v3 rotated", rotated("b", A, B), 28, 33, yes, "", ""},
		{"v3 rotated later", v3(sdks("a", 28, 30), sdks("b", 31, newest, por(A, B))), 28, 33, yes, "", ""},
		{"v3 lineage shrinks", v3(sdks("c", 28, 30, por(A, B, step{key: "c", alg: 0x0103})), sdks("b", 31, newest, por(A, B))), 28, 33, no, "does not go on from", ""},
		{"v3 lineage of another", v3(sdks("b", 28, 30, por(A, B)), sdks("d", 31, newest, por(step{key: "c", alg: 0x0103}, step{key: "d"}))), 28, 33, no, "does not go on from", ""},
		{"v3 lineage not vouched for", rotated("b", A, step{key: "b", signer: "c"}), 28, 33, no, "does not vouch", ""},
		{"v3 lineage by another algorithm", rotated("b", A, step{key: "b", said: 0x0104}), 28, 33, no, "signed with another algorithm", ""},
		{"v3 lineage by an unknown algorithm", rotated("b", step{key: "a", alg: 0x9999}, step{key: "b"}), 28, 33, open, "a signature algorithm that is not known", ""},
		{"v3 lineage with a key twice", rotated("a", A, B, A), 28, 33, no, "stands twice", ""},
		{"v3 lineage ends elsewhere", rotated("a", A, B), 28, 33, no, "does not end with the signer's certificate", ""},
		{"v3 two lineages", v3(sdks("b", 28, newest, por(A, B), por(A, B))), 28, 33, no, "two proofs of rotation", "apksig takes the last; the platform refuses"},
		{"v3 capabilities changed", bytes.Replace(rotated("b", A, B), u32(31), u32(30), 1), 28, 33, no, "the signature is not the key's", ""},
		{"v3 of another than v2", build(t, u, false, testPair{id: idV2, signers: []testSigner{a}}, testPair{id: idV3, signers: []testSigner{rsaKey("b")}}), 24, 33, no, "has no lineage", ""},
		{"v3 of another than v2, which is not read", build(t, u, false, testPair{id: idV2, signers: []testSigner{a}}, testPair{id: idV3, signers: []testSigner{rsaKey("b")}}), 28, 33, yes, "", ""},
		{"v3 lineage of another than v2", build(t, u, false, testPair{id: idV2, signers: []testSigner{rsaKey("c")}}, testPair{id: idV3, signers: []testSigner{sdks("b", 28, newest, por(A, B))}}), 24, 33, no, "does not begin with the signer", ""},
		{"v3 beside two signers of v2", build(t, u, false, testPair{id: idV2, signers: []testSigner{a, rsaKey("b")}}, testPair{id: idV3, signers: []testSigner{a}}), 24, 33, no, "several signers", ""},
		{"v3 broken beside a good v2", build(t, u, false, testPair{id: idV2, signers: []testSigner{a}}, testPair{id: idV3, signers: []testSigner{with(a, func(s *testSigner) { s.signature = breakAlg(0x0103) })}}), 28, 33, no, "the signature is not the key's", ""},
		{"v2 broken beside a good v3, not read", build(t, u, false, testPair{id: idV2, signers: []testSigner{with(a, func(s *testSigner) { s.signature = breakAlg(0x0103) })}}, testPair{id: idV3, signers: []testSigner{a}}), 28, 33, yes, "", ""},
		{"v3 more signatures than are verified", v3(many...), 28, 33, no, "no signer for this release", ""},
		{"v3 more signatures than are verified, first", v3(append(many, a)...), 28, 33, open, "more signatures than are verified", ""},
		{"block of two sizes", flip(good, len(split(good)[0])), 24, 33, no, "the two sizes of the signing block differ", ""},
		{"block without magic", flip(good, bytes.Index(good, []byte("APK Sig Block 42"))), 24, 33, no, "ErrNone", ""},
		{"unsigned", u, 24, 33, no, "ErrNone", ""},
	}
}

// TestRefusals has one file for each rule, signed anew where it must be.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	list := refusals(t)
	questions := make([]question, len(list))
	for i, r := range list {
		path := filepath.Join(dir, strings.ReplaceAll(r.name, " ", "-")+".apk")
		if err := os.WriteFile(path, r.file, 0o600); err != nil {
			t.Fatal(err)
		}
		questions[i] = question{path: path, least: r.least, most: r.most}
		check(t, r.name, r.file, apk.Options{MinSDK: r.least, MaxSDK: r.most}, r.want, r.reason)
	}
	ask(t, questions)
	for i, r := range list {
		if got := questions[i].answer; got.intact != (r.want == signature.Yes) && r.apksig == "" {
			t.Errorf("%s: apksig says %v %s", r.name, got.intact, got.issues)
		} else if got.intact == (r.want == signature.Yes) && r.apksig != "" {
			t.Errorf("%s: apksig says the same by now: %s", r.name, got.issues)
		}
	}
}

// TestBlockAlone: what a block is for does not depend on what the newest release
// makes of it.
func TestBlockAlone(t *testing.T) {
	file := build(t, base(t, 28, 0), false, testPair{id: idV3, signers: []testSigner{with(rsaKey("a"), func(s *testSigner) { s.max = 30 })}})
	r := check(t, "v3 up to 11", file, apk.Options{MinSDK: 28}, signature.No, "no signer for this release")
	if x := r.Results[0]; x.Intact != signature.No || !strings.Contains(x.Reason.Error(), "signers for the SDKs 28 to 30 only") || len(x.Signers) != 1 || len(r.Signers) != 0 {
		t.Errorf("%+v", x)
	}
}

// check verifies a file and compares the answer.
func check(t *testing.T, name string, file []byte, o apk.Options, want signature.Tri, reason string) *apk.Report {
	t.Helper()
	r, err := apk.Verify(context.Background(), blob.Bytes(file), o, nil)
	switch {
	case errors.Is(err, signature.ErrNone) && reason == "ErrNone":
		return nil
	case err != nil:
		if reason == "" || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", name, err)
		}
		return nil
	case r.Intact != want:
		t.Errorf("%s: %s", name, reasons(r))
	case want == signature.Yes && r.Reason != nil, want != signature.Yes && (reason == "" || !strings.Contains(r.Reason.Error(), reason)):
		t.Errorf("%s: reason %v, want %q", name, r.Reason, reason)
	}
	if e := new(parse.Error); r.Reason != nil && !errors.As(r.Reason, &e) {
		t.Errorf("%s: the reason is no *parse.Error: %v", name, r.Reason)
	}
	return r
}

// TestV31 has what apksig 31 does not know; the files are ours alone, from the
// format's text, and prove that the rules are kept as they were read, no more.
func TestV31(t *testing.T) {
	u := base(t, 28, 0)
	const newest = 1<<31 - 1
	por := attr(0x3ba06f8c, lineage(t, step{key: "a", flags: 31, alg: 0x0103}, step{key: "b", flags: 31}))
	said := func(sdk uint32) []byte { return attr(0x559f8b02, u32(sdk)) }
	signer := func(key string, least, most uint32, attrs ...[]byte) testSigner {
		return testSigner{key: key, algs: []uint32{0x0103}, min: least, max: most, attrs: attrs}
	}
	file := func(v3, v31 []testSigner) []byte {
		pairs := []testPair{{id: idV3, signers: v3}}
		if v3 == nil {
			pairs = nil
		}
		if v31 != nil {
			pairs = append(pairs, testPair{id: idV31, signers: v31})
		}
		return build(t, u, false, pairs...)
	}
	list := func(s ...testSigner) []testSigner { return s }
	dev := attr(0xc2a6b3ba)
	for _, c := range []struct {
		name        string
		file        []byte
		least, most int
		want        signature.Tri
		reason      string
		scheme      int
		signer      string
	}{
		{"rotated from 13 on", file(list(signer("a", 28, 32, said(33))), list(signer("b", 33, newest, por))), 28, 36, signature.Yes, "", 31, "b"},
		{"the releases before", file(list(signer("a", 28, 32, said(33))), list(signer("b", 33, newest, por))), 28, 32, signature.Yes, "", 3, "a"},
		{"rotated from 14 on", file(list(signer("a", 28, newest, said(34))), list(signer("b", 34, newest, por))), 28, 36, signature.Yes, "", 31, "b"},
		{"rotated from 14 on, asked about 13", file(list(signer("a", 28, newest, said(34))), list(signer("b", 34, newest, por))), 28, 33, signature.Yes, "", 3, "a"},
		{"v3.1 stripped", file(list(signer("a", 28, newest, said(33))), nil), 28, 36, signature.No, "signed by v3.1 too, and that block is missing: stripped", 3, ""},
		{"v3.1 stripped, before 13", file(list(signer("a", 28, newest, said(33))), nil), 28, 32, signature.Yes, "", 3, "a"},
		{"v3.1 from another SDK on", file(list(signer("a", 28, newest, said(34))), list(signer("b", 35, newest, por))), 28, 36, signature.No, "from another SDK on", 31, "b"},
		{"v3.1 names itself", file(list(signer("a", 28, 32, said(33))), list(signer("b", 33, newest, por, said(33)))), 28, 36, signature.No, "that block is missing: stripped", 31, ""},
		{"v3.1 names itself, before 13", file(list(signer("a", 28, 32, said(33))), list(signer("b", 33, newest, por, said(33)))), 28, 32, signature.Yes, "", 3, "a"},
		{"v3.1 stripped, from SDK 0 on", file(list(signer("a", 28, newest, said(0))), nil), 28, 36, signature.No, "that block is missing: stripped", 3, ""},
		{"v3.1 from two SDKs on", file(list(signer("a", 28, newest, said(35), said(34))), list(signer("b", 34, newest, por))), 28, 36, signature.No, "from another SDK on", 31, "b"},
		{"v3.1 alone", file(nil, list(signer("b", 33, newest, por))), 33, 36, signature.No, "a v3.1 block without a v3 block", 31, "b"},
		{"v3.1 without lineage", file(list(signer("a", 28, 32, said(33))), list(signer("b", 33, newest))), 28, 36, signature.Yes, "", 31, "b"},
		{"v3.1 for previews of 13", file(list(signer("a", 28, newest, said(33))), list(signer("b", 33, newest, por, dev))), 33, 33, signature.Yes, "", 3, "a"},
		{"v3.1 for previews of 13, asked about 14", file(list(signer("a", 28, newest, said(33))), list(signer("b", 33, newest, por, dev))), 34, 36, signature.Yes, "", 31, "b"},
		{"v3.1 broken", flip(file(list(signer("a", 28, 32, said(33))), list(signer("b", 33, newest, por))), bytes.LastIndex(file(list(signer("a", 28, 32, said(33))), list(signer("b", 33, newest, por))), spki(t, "b"))-20), 28, 36, signature.No, "the signature is not the key's", 31, ""},
		{"v3 too short", file(list(signer("a", 28, 31, said(33))), list(signer("b", 33, newest, por))), 28, 36, signature.No, "no signer for this release", 31, "b"},
		{"rotation unreadable", file(list(signer("a", 28, 32, attr(0x559f8b02, []byte{33}))), list(signer("b", 33, newest, por))), 28, 36, signature.No, "runs past its end", 31, "b"},
	} {
		r := check(t, c.name, c.file, apk.Options{MinSDK: c.least, MaxSDK: c.most}, c.want, c.reason)
		if r == nil {
			continue
		}
		if x := r.Results[0]; c.name == "v3.1 names itself" && x.Intact != signature.No {
			t.Errorf("%s: %s %v", c.name, x.Scheme, x.Intact)
		}
		if r.Scheme != c.scheme {
			t.Errorf("%s: scheme %d, want %d", c.name, r.Scheme, c.scheme)
		}
		subject := ""
		if len(r.Signers) > 0 {
			subject = strings.TrimPrefix(r.Signers[0].Subject, "CN=")
		}
		if subject != c.signer {
			t.Errorf("%s: signer %q, want %q", c.name, subject, c.signer)
		}
	}
}
