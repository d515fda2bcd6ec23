package apk_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// A v4Info is a signing info of an .idsig, with places to break it.
type v4Info struct {
	key    string
	alg    uint32
	digest []byte // instead of the APK's
	cert   []byte
	spki   []byte
	size   int64 // of the APK, instead of its own
	root   []byte
	block  uint32
}

// idsig is ours; what apksig makes is in the matrix.
func idsig(t testing.TB, file []byte, infos ...v4Info) []byte {
	t.Helper()
	root, levels := tree(nil, file)
	var out, signing []byte
	for i, s := range infos {
		if s.digest == nil {
			s.digest = split(file).digest(s.alg)
		}
		if s.cert == nil {
			s.cert = certOf(t, s.key)
		}
		if s.spki == nil {
			s.spki = spki(t, s.key)
		}
		if s.size == 0 {
			s.size = int64(len(file))
		}
		if s.root != nil {
			root = s.root
		}
		signed := bytes.Join([][]byte{u32(0), binary.LittleEndian.AppendUint64(nil, uint64(s.size)), u32(1), {12}, lp(), lp(root), lp(s.digest), lp(s.cert), lp()}, nil)
		binary.LittleEndian.PutUint32(signed, uint32(len(signed)))
		one := bytes.Join([][]byte{lp(s.digest), lp(s.cert), lp(), lp(s.spki), u32(s.alg), lp(sign(t, s.key, s.alg, signed))}, nil)
		if i > 0 {
			one = append(u32(s.block), lp(one)...)
		}
		signing = append(signing, one...)
	}
	out = append(u32(2), lp(u32(1), []byte{12}, lp(), lp(root))...)
	return append(append(out, lp(signing)...), lp(levels)...)
}

func TestV4(t *testing.T) {
	file := build(t, base(t, 28, 0), false, testPair{id: idV3, signers: []testSigner{rsaKey("a")}})
	info := v4Info{key: "a", alg: 0x0103}
	change := func(f func(*v4Info)) []byte {
		i := info
		f(&i)
		return idsig(t, file, i)
	}
	good := idsig(t, file, info)
	sum := sha256.Sum256(nil)
	_, levels := tree(nil, file)
	noTree := good[:len(good)-len(levels)-4]
	por := attr(0x3ba06f8c, lineage(t, step{key: "a", flags: 31, alg: 0x0103}, step{key: "b", flags: 31}))
	file31 := build(t, base(t, 28, 0), false,
		testPair{id: idV3, signers: []testSigner{{key: "a", algs: []uint32{0x0103}, min: 28, max: 32, attrs: [][]byte{attr(0x559f8b02, u32(33))}}}},
		testPair{id: idV31, signers: []testSigner{{key: "b", algs: []uint32{0x0103}, min: 33, max: 1<<31 - 1, attrs: [][]byte{por}}}})
	second := v4Info{key: "b", alg: 0x0103, block: idV31}
	for _, c := range []struct {
		name        string
		file, idsig []byte
		want        signature.Tri
		reason      string
	}{
		{"good", file, good, signature.Yes, ""},
		{"without tree", file, noTree, signature.Yes, ""},
		{"PSS", file, idsig(t, file, v4Info{key: "a", alg: 0x0101}), signature.Yes, ""},
		{"of v3.1 too", file31, idsig(t, file31, info, second), signature.Yes, ""}, // ours, from the format's text
		{"of v3.1, one signer", file31, idsig(t, file31, info), signature.No, "and one for v3.1"},
		{"of v3.1, the same signer twice", file31, idsig(t, file31, info, v4Info{key: "a", alg: 0x0103, block: idV31}), signature.No, "v4 is not of the signer of v3.1"},
		{"two signers without v3.1", file, idsig(t, file, info, second), signature.No, "v4 needs one signing info"},
		{"another version", file, append(u32(3), good[4:]...), signature.Unknown, "a version of v4"},
		{"root of another file", file, change(func(i *v4Info) { i.root = sum[:] }), signature.No, "does not have the root"},
		{"size of another file", file, change(func(i *v4Info) { i.size = 5 }), signature.No, "the signature is not the key's"},
		{"digest of another file", file, change(func(i *v4Info) { i.digest = sum[:] }), signature.No, "v4 is not for the contents that v3 signs"},
		{"of another signer", file, change(func(i *v4Info) { i.key = "b" }), signature.No, "v4 is not of the signer of v3"},
		{"key not the certificate's", file, change(func(i *v4Info) { i.spki = spki(t, "b") }), signature.No, "the key is not that of the certificate"},
		{"signature broken", file, flip(good, len(noTree)-9), signature.No, "the signature is not the key's"},
		{"tree broken", file, flip(good, len(good)-4000), signature.No, "the tree in the .idsig is not that of the file"},
		{"tree cut off", file, good[:len(good)-1], signature.No, "the tree is cut off"},
		{"salted", file, append(append(u32(2), lp(u32(1), []byte{12}, lp([]byte("salt")), lp(sum[:]))...), good[4+4+45:]...), signature.Unknown, "a salt"},
		{"empty", file, nil, signature.No, "runs past its end"},
		{"without v2 or v3", base(t, 28, 0), good, signature.No, ""},
	} {
		r, err := apk.Verify(t.Context(), blob.Bytes(c.file), apk.Options{MinSDK: 28, IDSig: blob.Bytes(c.idsig)}, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.name == "without v2 or v3" {
			if r.Intact != signature.No {
				t.Errorf("%s: %s", c.name, reasons(r))
			}
			continue
		}
		check(t, "v4 "+c.name, c.file, apk.Options{MinSDK: 28, IDSig: blob.Bytes(c.idsig)}, c.want, c.reason)
	}
	outside := bytes.Clone(file)
	binary.LittleEndian.PutUint32(outside[len(outside)-6:], 1<<20)
	check(t, "v4 beside a file whose directory lies outside", outside, apk.Options{MinSDK: 28, IDSig: blob.Bytes(good)}, signature.No, "zip: the central directory")
	// A truncated .idsig does not hold, unless all that is gone is the tree.
	for n := range good {
		r, err := apk.Verify(t.Context(), blob.Bytes(file), apk.Options{MinSDK: 28, IDSig: blob.Bytes(good[:n])}, nil)
		if err != nil || (r.Intact == signature.Yes) != (n >= len(noTree) && n < len(noTree)+4) {
			t.Fatalf("%d of %d bytes: %v %v", n, len(good), r, err)
		}
		if n == len(noTree)+8 {
			break
		}
	}
}
