package apk_test

import (
	"context"
	"errors"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// FuzzVerify: no file makes it panic, errors say what they are, and what is intact
// has a signer.
func FuzzVerify(f *testing.F) {
	u := base(f, 28, 0)
	v2v3 := build(f, u, false, testPair{id: idV2, signers: []testSigner{{key: "ec256", algs: []uint32{0x0201}}}},
		testPair{id: idV3, signers: []testSigner{{key: "ec256", algs: []uint32{0x0201}, min: 28, max: 1<<31 - 1}}})
	rotated := testSigner{key: "ec384", algs: []uint32{0x0202}, min: 33, max: 1<<31 - 1,
		attrs: [][]byte{attr(0x3ba06f8c, lineage(f, step{key: "ec256", flags: 31, alg: 0x0201}, step{key: "ec384"})), attr(0xc2a6b3ba)}}
	v31 := build(f, u, false, testPair{id: idV3, signers: []testSigner{{key: "ec256", algs: []uint32{0x0201}, min: 28, max: 32, attrs: [][]byte{attr(0x559f8b02, u32(33))}}}},
		testPair{id: idV31, signers: []testSigner{rotated}})
	verity := build(f, u, true, testPair{id: idV2, signers: []testSigner{{key: "ec256", algs: []uint32{0x0423}}}})
	stamped := stamp(f, base(f, 28, 0), "ec256", nil)
	for _, b := range [][]byte{u, v2v3, v31, verity, stamped} {
		f.Add(b, []byte(nil), 1, 36)
		f.Add(b, idsig(f, b, v4Info{key: "ec256", alg: 0x0201}), 28, 36)
	}
	f.Fuzz(func(t *testing.T, file, sig []byte, least, most int) {
		o := apk.Options{MinSDK: least, MaxSDK: most, TargetSDK: most}
		if len(sig) > 0 {
			o.IDSig = blob.Bytes(sig)
		}
		r, err := apk.Verify(context.Background(), blob.Bytes(file), o, parse.NewBudget(parse.Limits{Produced: 64 << 20, Entries: 1 << 14}))
		if err != nil {
			if e := new(parse.Error); !errors.As(err, &e) && !errors.Is(err, signature.ErrNone) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if r.Intact == signature.Yes && (len(r.Signers) == 0 || r.Reason != nil) {
			t.Fatalf("intact without a signer, or with a reason: %s", reasons(r))
		}
		if r.Intact != signature.Yes && r.Reason == nil {
			t.Fatalf("not intact without a reason: %s", reasons(r))
		}
		for _, x := range r.Results {
			for _, g := range append(x.Covers, x.Unsigned...) {
				if g.First < 0 || g.End < g.First || x.Scheme != signature.SchemeAPKv1 && g.End > int64(len(file)) {
					t.Fatalf("%s: range %+v", x.Scheme, g)
				}
			}
		}
	})
}
