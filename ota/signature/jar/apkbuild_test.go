package jar

import (
	"archive/zip"
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 apps are signed with it
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

// A testKey is a key with a certificate of its own, whose signature nobody looks at.
type testKey struct {
	key  any
	cert []byte
	name []byte // its subject and issuer
}

func el(tag byte, parts ...[]byte) []byte {
	b := bytes.Join(parts, nil)
	head := []byte{tag, byte(len(b))}
	switch {
	case len(b) >= 256:
		head = []byte{tag, 0x82, byte(len(b) >> 8), byte(len(b))}
	case len(b) >= 128:
		head = []byte{tag, 0x81, byte(len(b))}
	}
	return append(head, b...)
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func oidOf(s string) []byte {
	var oid asn1.ObjectIdentifier
	for part := range strings.SplitSeq(s, ".") {
		n := new(big.Int)
		n.SetString(part, 10)
		oid = append(oid, int(n.Int64()))
	}
	return must(asn1.Marshal(oid))
}

func integer(n *big.Int) []byte { return must(asn1.Marshal(n)) }

// newKey makes a key of a kind, and its certificate with extensions.
func newKey(t testing.TB, kind, name string, extensions ...[]byte) *testKey {
	t.Helper()
	k := &testKey{name: el(0x30, el(0x31, el(0x30, oidOf("2.5.4.3"), el(0x0c, []byte(name)))))}
	var spki []byte
	switch kind {
	case "RSA":
		key, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Fatal(err)
		}
		k.key, spki = key, must(x509.MarshalPKIXPublicKey(&key.PublicKey))
	case "EC":
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k.key, spki = key, must(x509.MarshalPKIXPublicKey(&key.PublicKey))
	case "DSA":
		key := &dsa.PrivateKey{}
		if err := dsa.GenerateParameters(&key.Parameters, rand.Reader, dsa.L1024N160); err != nil {
			t.Fatal(err)
		}
		if err := dsa.GenerateKey(key, rand.Reader); err != nil {
			t.Fatal(err)
		}
		k.key = key
		spki = el(0x30, el(0x30, oidOf("1.2.840.10040.4.1"), el(0x30, integer(key.P), integer(key.Q), integer(key.G))), el(0x03, []byte{0}, integer(key.Y)))
	}
	alg := el(0x30, oidOf("1.2.840.113549.1.1.11"), el(0x05))
	tbs := [][]byte{el(0xa0, el(2, []byte{2})), el(2, []byte{7}), alg, k.name, el(0x30, el(0x17, []byte("200101000000Z")), el(0x17, []byte("490101000000Z"))), k.name, spki}
	if len(extensions) > 0 {
		tbs = append(tbs, el(0xa3, el(0x30, extensions...)))
	}
	k.cert = el(0x30, el(0x30, tbs...), alg, el(3, make([]byte, 129)))
	return k
}

// extension is a critical one.
func extension(oid string, value []byte) []byte {
	return el(0x30, oidOf(oid), el(1, []byte{0xff}), el(4, value))
}

func (k *testKey) sign(h crypto.Hash, message []byte) []byte {
	digest := []byte(sum(h, message))
	switch key := k.key.(type) {
	case *rsa.PrivateKey:
		return must(rsa.SignPKCS1v15(nil, key, h, digest))
	case *ecdsa.PrivateKey:
		return must(ecdsa.SignASN1(rand.Reader, key, digest))
	case *dsa.PrivateKey:
		r, s, err := dsa.Sign(rand.Reader, key, digest[:min(len(digest), 20)])
		if err != nil {
			panic(err)
		}
		return el(0x30, integer(r), integer(s))
	}
	return nil
}

// A testInfo is one SignerInfo; what is left out is RSA or EC with SHA-1.
type testInfo struct {
	key         *testKey
	digest, sig string      // OIDs
	hash        crypto.Hash // of digest
	sigHash     crypto.Hash // that sig names; hash where it names none
	attributes  bool
	kind        string // of the content among them; "-" for none, id-data if empty
	noDigest    bool
	twice       bool // an attribute
	byKeyID     bool
	change      func(content []byte) []byte // what is signed instead
}

const (
	oidSHA1, oidRSA = "1.3.14.3.2.26", "1.2.840.113549.1.1.1"
	oidData         = "1.2.840.113549.1.7.1"
)

func (i testInfo) encode(content []byte) []byte {
	if i.digest == "" {
		i.digest, i.hash = oidSHA1, crypto.SHA1
	}
	if i.sig == "" {
		i.sig = oidRSA
	}
	if i.sigHash == 0 {
		i.sigHash = i.hash
	}
	if i.change != nil {
		content = i.change(content)
	}
	sid := el(0x30, i.key.name, el(2, []byte{7}))
	if i.byKeyID {
		sid = el(0x80, []byte("1234"))
	}
	parts := [][]byte{el(2, []byte{1}), sid, el(0x30, oidOf(i.digest), el(5))}
	signed := content
	if i.attributes {
		var attributes [][]byte
		attribute := func(oid string, value []byte) {
			attributes = append(attributes, el(0x30, oidOf(oid), el(0x31, value)))
		}
		if i.kind == "" {
			i.kind = oidData
		}
		if i.kind != "-" {
			attribute("1.2.840.113549.1.9.3", oidOf(i.kind))
		}
		if !i.noDigest {
			attribute("1.2.840.113549.1.9.4", el(4, []byte(sum(i.hash, content))))
		}
		if i.twice {
			attribute("1.2.840.113549.1.9.3", oidOf(i.kind))
		}
		signed = el(0x31, attributes...)
		parts = append(parts, el(0xa0, attributes...))
	}
	parts = append(parts, el(0x30, oidOf(i.sig), el(5)), el(4, i.key.sign(i.sigHash, signed)))
	return el(0x30, parts...)
}

func cmsOf(content []byte, infos ...testInfo) []byte {
	var certs, encoded [][]byte
	seen := map[*testKey]bool{}
	for _, i := range infos {
		if !seen[i.key] && i.key.cert != nil {
			certs = append(certs, i.key.cert)
		}
		seen[i.key] = true
		encoded = append(encoded, i.encode(content))
	}
	signedData := el(0x30, el(2, []byte{1}), el(0x31), el(0x30, oidOf(oidData)), el(0xa0, certs...), el(0x31, encoded...))
	return el(0x30, oidOf("1.2.840.113549.1.7.2"), el(0xa0, signedData))
}

// A testAPK is an app to be signed; each field takes one step of signing.
type testAPK struct {
	members  [][2]string
	names    []string // of digests, in the manifest and the signature file
	whole    bool     // the signature file has the manifest's digest as a whole
	main     bool     // and that of its main section
	signed   string   // X-Android-APK-Signed
	creator  string
	noName   bool // no Signature-Version
	algs     string
	manifest func(string) string // changes the manifest before the signature file is made
	sf       func(string) string // changes the signature file before it is signed
	infos    [][]testInfo        // of each block
	after    func([][2]string) [][2]string
}

var testHashes = map[string]crypto.Hash{"MD5": crypto.MD5, "SHA": crypto.SHA1, "SHA1": crypto.SHA1, "SHA-1": crypto.SHA1, "SHA-256": crypto.SHA256, "SHA-384": crypto.SHA384, "SHA-512": crypto.SHA512}

func (a testAPK) digests(suffix string, b []byte) string {
	var s strings.Builder
	for _, n := range a.names {
		s.WriteString(n + suffix + ": " + base64.StdEncoding.EncodeToString([]byte(sum(testHashes[n], b))) + "\r\n")
	}
	return s.String()
}

// build signs the app.
func (a testAPK) build(t testing.TB) []byte {
	t.Helper()
	algs := ""
	if a.algs != "" {
		algs = "Digest-Algorithms: " + a.algs + "\r\n"
	}
	m := "Manifest-Version: 1.0\r\n\r\n"
	for _, f := range a.members {
		m += "Name: " + f[0] + "\r\n" + algs + a.digests("-Digest", []byte(f[1])) + "\r\n"
	}
	if a.manifest != nil {
		m = a.manifest(m)
	}
	sf := "Signature-Version: 1.0\r\n"
	if a.noName {
		sf = "Other: 1.0\r\n"
	}
	if a.creator != "" {
		sf += "Created-By: " + a.creator + "\r\n"
	}
	if a.signed != "" {
		sf += "X-Android-APK-Signed: " + a.signed + "\r\n"
	}
	sf += algs
	parsed, err := parseManifest([]byte(m))
	if err != nil {
		t.Log(err)
		parsed = &manifest{}
	}
	switch {
	case a.whole && strings.Contains(a.creator, "signtool"):
		sf += a.digests("-Digest", []byte(m))
	case a.whole:
		sf += a.digests("-Digest-Manifest", []byte(m))
	}
	if a.main {
		sf += a.digests("-Digest-Manifest-Main-Attributes", parsed.main.raw)
	}
	sf += "\r\n"
	for _, s := range parsed.sections {
		sf += "Name: " + s.name + "\r\n" + algs + a.digests("-Digest", s.raw) + "\r\n"
	}
	files := append([][2]string{}, a.members...)
	files = append(files, [2]string{"META-INF/MANIFEST.MF", m})
	for n, infos := range a.infos {
		text := sf
		if a.sf != nil && n == 0 {
			text = a.sf(text)
		}
		name := "META-INF/" + string(rune('A'+n))
		files = append(files, [2]string{name + ".SF", text}, [2]string{name + ".RSA", string(cmsOf([]byte(text), infos...))})
	}
	if a.after != nil {
		files = a.after(files)
	}
	return zipOf(t, files)
}

func zipOf(t testing.TB, files [][2]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		if strings.HasSuffix(f[0], "/") {
			f[1] = ""
		}
		m, err := w.CreateHeader(&zip.FileHeader{Name: f[0], Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
