package apk_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"hash"
	"os"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/otatest"
)

// The signer of this file is ours, written from the format's text: for mutations
// that must be signed anew, and for v3.1, which apksig 31 does not make. What it
// makes of v2 and v3 is held against apksig, see TestOurSigner; of v3.1 nothing is
// proven by it.

// manifest is an AndroidManifest.xml; zeros leave attributes out.
func manifest(least, target, sandbox uint32) []byte {
	const none = 0xffffffff
	ids := []uint32{0x0101020c, 0x01010270, 0x0101054c} // minSdkVersion, targetSdkVersion, targetSandboxVersion
	names := []string{"minSdkVersion", "targetSdkVersion", "targetSandboxVersion", "manifest", "uses-sdk", "package", "a.b"}
	element := func(name uint32, attrs ...[]byte) []byte {
		body := otatest.LE(uint32(none), name, uint16(20), uint16(20), uint16(len(attrs)), uint16(0), uint16(0), uint16(0))
		return otatest.Chunk(0x0102, otatest.LE(uint32(1), uint32(none)), append(body, bytes.Join(attrs, nil)...))
	}
	end := func(name uint32) []byte {
		return otatest.Chunk(0x0103, otatest.LE(uint32(1), uint32(none)), otatest.LE(uint32(none), name))
	}
	attr := func(name, value uint32) []byte {
		if value == 0 {
			return nil
		}
		return otatest.LE(uint32(none), name, uint32(none), uint16(8), uint8(0), uint8(0x10), value)
	}
	list := func(attrs ...[]byte) (out [][]byte) {
		for _, a := range attrs {
			if a != nil {
				out = append(out, a)
			}
		}
		return out
	}
	text := otatest.LE(uint32(none), uint32(5), uint32(6), uint16(8), uint8(0), uint8(3), uint32(6))
	return otatest.Chunk(3, nil, bytes.Join([][]byte{otatest.Pool16(names...), otatest.Chunk(0x0180, nil, otatest.LE(ids)),
		element(3, list(attr(2, sandbox), text)...), element(4, list(attr(0, least), attr(1, target))...), end(4), end(3)}, nil))
}

// base is an unsigned app with some code and a stored member.
func base(t testing.TB, target, sandbox uint32) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, m := range []struct {
		name   string
		method uint16
		data   []byte
	}{{"AndroidManifest.xml", zip.Deflate, manifest(9, target, sandbox)}, {"classes.dex", zip.Deflate, bytes.Repeat([]byte("dex\n035\x00 code "), 300)},
		{"classes2.dex", zip.Deflate, []byte("dex\n035\x00 more code")}, {"res/raw/a.bin", zip.Store, bytes.Repeat([]byte{1, 2, 3}, 3000)}} {
		f, err := w.CreateHeader(&zip.FileHeader{Name: m.name, Method: m.method})
		if err != nil {
			t.Fatal(err)
		}
		f.Write(m.data)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func read(t testing.TB, elem ...string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func certOf(t testing.TB, name string) []byte { return read(t, "testdata", "keys", name+".der") }

func spki(t testing.TB, name string) []byte {
	t.Helper()
	c, err := x509.ParseCertificate(certOf(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return c.RawSubjectPublicKeyInfo
}

// signature signs with a key of testdata, RSA or EC.
func sign(t testing.TB, name string, alg uint32, message []byte) []byte {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(read(t, "testdata", "keys", name+".pk8"))
	if err != nil {
		t.Fatal(err)
	}
	h := crypto.SHA256
	if alg == 0x0102 || alg == 0x0104 || alg == 0x0202 {
		h = crypto.SHA512
	}
	d := h.New()
	d.Write(message)
	var opts crypto.SignerOpts = h
	if alg < 0x0103 {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
	}
	sig, err := key.(crypto.Signer).Sign(rand.Reader, d.Sum(nil), opts)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// lp puts its length before what the parts are together.
func lp(parts ...[]byte) []byte {
	p := bytes.Join(parts, nil)
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(p))), p...)
}

func u32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

// parts are the sections of an APK that are signed, the last pointing to the block.
type parts [3][]byte

func split(b []byte) parts {
	end := bytes.LastIndex(b, []byte("PK\x05\x06"))
	dir := int(binary.LittleEndian.Uint32(b[end+16:]))
	contents := dir
	if dir > 32 && string(b[dir-16:dir]) == "APK Sig Block 42" {
		contents = dir - int(binary.LittleEndian.Uint64(b[dir-24:])) - 8
	}
	tail := bytes.Clone(b[end:])
	binary.LittleEndian.PutUint32(tail[16:], uint32(contents))
	return parts{b[:contents:contents], b[dir:end:end], tail}
}

// digest is what an algorithm says of the file.
func (p parts) digest(alg uint32) []byte {
	if alg>>8 == 4 {
		all := bytes.Join(p[:], nil)
		root, _ := tree(make([]byte, 8), all)
		return binary.LittleEndian.AppendUint64(root, uint64(len(all)))
	}
	h := sha256.New()
	if alg == 0x0102 || alg == 0x0104 || alg == 0x0202 {
		h = sha512.New()
	}
	var sums []byte
	n := uint32(0)
	for _, part := range p {
		for len(part) > 0 {
			k := min(len(part), 1<<20)
			sums = append(sums, sum(h, []byte{0xa5}, u32(uint32(k)), part[:k])...)
			part = part[k:]
			n++
		}
	}
	return sum(h, []byte{0x5a}, u32(n), sums)
}

func sum(h hash.Hash, parts ...[]byte) []byte {
	h.Reset()
	h.Write(bytes.Join(parts, nil))
	return h.Sum(nil)
}

// tree is a Merkle tree, whole in memory: its root, and its levels from the top.
func tree(salt, data []byte) (root, levels []byte) {
	for {
		var level []byte
		for i := 0; i < len(data); i += 4096 {
			block := make([]byte, 4096)
			copy(block, data[i:])
			level = append(level, sum(sha256.New(), salt, block)...)
		}
		n := len(level)
		level = append(level, make([]byte, (4096-len(level)%4096)%4096)...)
		levels = append(bytes.Clone(level), levels...)
		if n <= 4096 {
			return sum(sha256.New(), salt, level), levels
		}
		data = level
	}
}

// A testSigner is what one signer's entry is made of, with places to break it.
type testSigner struct {
	key        string
	algs       []uint32
	min, max   uint32 // of v3
	attrs      [][]byte
	certs      [][]byte                              // instead of the key's
	spki       []byte                                // instead of the key's
	digestAlgs []uint32                              // instead of algs
	signedMin  uint32                                // instead of min
	digest     func(alg uint32, d []byte) []byte     // changes a digest
	signature  func(alg uint32, sig []byte) []byte   // changes a signature
	signed     func([]byte) []byte                   // changes the signed data before it is signed
	after      func(signed, sigs, key []byte) []byte // lays the entry out another way
}

func (s testSigner) entry(t testing.TB, p parts, v3 bool) []byte {
	t.Helper()
	if s.digestAlgs == nil {
		s.digestAlgs = s.algs
	}
	if s.certs == nil {
		s.certs = [][]byte{certOf(t, s.key)}
	}
	if s.spki == nil {
		s.spki = spki(t, s.key)
	}
	var digests, certs, sigs []byte
	for _, a := range s.digestAlgs {
		d := p.digest(a)
		if s.digest != nil {
			d = s.digest(a, d)
		}
		digests = append(digests, lp(u32(a), lp(d))...)
	}
	for _, c := range s.certs {
		certs = append(certs, lp(c)...)
	}
	signed := append(lp(digests), lp(certs)...)
	sdks := append(u32(s.min), u32(s.max)...)
	if v3 {
		signed = append(append(signed, u32(cmp.Or(s.signedMin, s.min))...), u32(s.max)...)
	} else {
		sdks = nil
	}
	signed = append(signed, lp(s.attrs...)...)
	if s.signed != nil {
		signed = s.signed(signed)
	}
	for _, a := range s.algs {
		sig := []byte("unknown")
		if a < 0x0500 {
			sig = sign(t, s.key, a, signed)
		}
		if s.signature != nil {
			sig = s.signature(a, sig)
		}
		sigs = append(sigs, lp(u32(a), lp(sig))...)
	}
	if s.after != nil {
		return lp(s.after(append(lp(signed), sdks...), lp(sigs), lp(s.spki)))
	}
	return lp(lp(signed), sdks, lp(sigs), lp(s.spki))
}

// attr is an additional attribute.
func attr(id uint32, value ...[]byte) []byte { return lp(u32(id), bytes.Join(value, nil)) }

// A step is a key of a lineage.
type step struct {
	key    string
	flags  uint32
	alg    uint32 // that it signs the next step with
	signer string // instead of the key before
	said   uint32 // algorithm in the signed data, instead of that before
}

func lineage(t testing.TB, steps ...step) []byte {
	t.Helper()
	out := u32(1)
	for i, s := range steps {
		var by, said uint32
		var sig []byte
		if i > 0 {
			by = steps[i-1].alg
		}
		said = cmp.Or(s.said, by)
		signed := append(lp(certOf(t, s.key)), u32(said)...)
		if i > 0 {
			sig = sign(t, cmp.Or(s.signer, steps[i-1].key), by, signed)
		}
		out = append(out, lp(lp(signed), u32(s.flags), u32(s.alg), lp(sig))...)
	}
	return out
}

// A testPair is a pair of the signing block: raw, or signers of v2 or v3.
type testPair struct {
	id      uint32
	raw     []byte
	signers []testSigner
}

const (
	idV2  = 0x7109871a
	idV3  = 0xf05368c0
	idV31 = 0x1b93ad61
)

// build puts a signing block into an APK. With align everything is of whole pages,
// as verity digests want it.
func build(t testing.TB, apk []byte, align bool, pairs ...testPair) []byte {
	t.Helper()
	p := split(apk)
	if align {
		p[0] = append(p[0], make([]byte, (4096-len(p[0])%4096)%4096)...)
		binary.LittleEndian.PutUint32(p[2][16:], uint32(len(p[0])))
	}
	var body []byte
	add := func(id uint32, value []byte) {
		body = binary.LittleEndian.AppendUint64(body, uint64(4+len(value)))
		body = append(append(body, u32(id)...), value...)
	}
	for _, pair := range pairs {
		value := pair.raw
		if pair.signers != nil {
			var list []byte
			for _, s := range pair.signers {
				list = append(list, s.entry(t, p, pair.id != idV2)...)
			}
			value = lp(list)
		}
		add(pair.id, value)
	}
	if align {
		add(0x42726577, make([]byte, 4096-(len(body)+32+12)%4096))
	}
	size := binary.LittleEndian.AppendUint64(nil, uint64(len(body)+24))
	out := bytes.Join([][]byte{p[0], size, body, size, []byte("APK Sig Block 42"), p[1]}, nil)
	tail := bytes.Clone(p[2])
	binary.LittleEndian.PutUint32(tail[16:], uint32(len(out)-len(p[1])))
	return append(out, tail...)
}
