package apk

import (
	"bytes"
	"cmp"
	"crypto"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// A scheme is a block of v2, v3 or v3.1.
type scheme struct {
	number  int
	name    signature.Scheme
	pair    pair
	signers []*signer
	err     error // why the list of signers cannot be read
}

// readScheme reads the block of an id; nil where there is none.
func (v *verifier) readScheme(id uint32, number int, name signature.Scheme) (*scheme, error) {
	c, p, err := v.z.value(id)
	if c == nil && kindOf(err) != parse.ErrLimit {
		return nil, err
	}
	sc := &scheme{number: number, name: name, pair: p, err: err}
	if err == nil {
		sc.signers, sc.err = v.readSigners(c, number != schemeV2)
	}
	if sc.err == nil && number == schemeV2 && len(sc.signers) > maxSignersV2 {
		sc.err = fail(p.off, parse.ErrFormat, "more than ten signers", len(sc.signers))
	}
	return sc, nil
}

// contents are the ways in which the signers of a scheme want the file digested,
// from the SDK on.
func (sc *scheme) contents(sdks ...int) []content {
	var out []content
	for _, s := range sc.signers {
		for _, sdk := range sdks {
			if len(s.signatures) == 0 {
				continue
			}
			if _, a, err := s.best(sdk); err == nil && !slices.Contains(out, a.content) {
				out = append(out, a.content)
			}
		}
	}
	return out
}

// judge checks one signer as a release does; with full, the file's contents too.
// said are the digests of the signers before it, where they must agree.
func (v *verifier) judge(s *signer, sdk int, full bool, said map[content][]byte) error {
	way, want, err := v.proven(s, sdk)
	if err != nil {
		return err
	}
	if s.attrErr != nil {
		return s.attrErr
	}
	if s.v3 {
		if err := s.checkLineage(); err != nil {
			return err
		}
	}
	if last, ok := said[way]; ok && !bytes.Equal(last, want) {
		return fail(s.signedOff, parse.ErrFormat, "two signers say different things of the contents: "+way.String(), nil)
	}
	if said != nil {
		said[way] = want
	}
	if way == veritySHA256 {
		if full {
			if err := v.z.aligned(); err != nil {
				return err
			}
		}
		if err := v.z.checkVerity(want, s.signedOff); err != nil {
			return err
		}
	}
	if !full {
		return nil
	}
	if !bytes.Equal(v.sums[way], want) {
		return fail(s.signedOff, parse.ErrFormat, "the file is not the one that was signed: "+way.String()+" differs", nil)
	}
	return nil
}

// v2At is ApkSignatureSchemeV2Verifier of a release.
func (v *verifier) v2At(sdk int, full bool) error {
	if v.v2.err != nil {
		return v.v2.err
	}
	said := make(map[content][]byte)
	for _, s := range v.v2.signers {
		if err := v.judge(s, sdk, full, said); err != nil {
			return err
		}
		if sdk >= sdkP && s.stripping == schemeV3 && v.v3 == nil {
			return fail(s.signedOff, parse.ErrFormat, "v2 says that the file was signed by v3 too, and that block is missing: stripped", nil)
		}
	}
	return nil
}

// A begin is the SDK from which on v3.1 is read, where one is known:
// mOptionalRotationMinSdkVersion.
type begin struct {
	sdk   int
	known bool
}

// v3At is ApkSignatureSchemeV3Verifier of a release over one block. Without signer
// and error, no signer of a v3.1 block is for that release; rotation is then where
// its first one begins. before is that of the v3.1 block, for the v3 block.
func (v *verifier) v3At(sc *scheme, sdk int, before begin, full bool) (found *signer, rotation begin, err error) {
	if sc.err != nil {
		return nil, begin{}, sc.err
	}
	for _, s := range sc.signers {
		if !s.ranged {
			return nil, begin{}, s.err
		}
		if sdk < s.min || sdk > s.max {
			if !rotation.known || s.min < rotation.sdk {
				rotation = begin{s.min, true}
			}
			continue
		}
		if err := v.judge(s, sdk, full, nil); err != nil {
			return nil, begin{}, err
		}
		if sdk >= sdkT {
			// In a v3.1 block the signers before this one are all that is known.
			known := before
			if sc.number == schemeV31 {
				known = rotation
			}
			if err := s.checkRotation(known); err != nil {
				return nil, begin{}, err
			}
		}
		if sc.number == schemeV31 && s.devRelease && sdk == s.min {
			// The release, not its preview, which alone may use the signer.
			rotation = begin{s.min, true}
			continue
		}
		if found != nil {
			return nil, begin{}, fail(sc.pair.off, parse.ErrFormat, "several signers for one release", sdk)
		}
		found = s
	}
	if found == nil && sc.number == schemeV3 {
		return nil, begin{}, fail(sc.pair.off, parse.ErrFormat, "no signer for this release", sdk)
	}
	return found, rotation, nil
}

// checkRotation compares each SDK that a signer names with that where v3.1 begins.
func (s *signer) checkRotation(begins begin) error {
	for _, sdk := range s.rotationMin {
		switch {
		case !begins.known:
			return fail(s.signedOff, parse.ErrFormat, "v3 says that the file was signed by v3.1 too, and that block is missing: stripped", sdk)
		case sdk != begins.sdk:
			return fail(s.signedOff, parse.ErrFormat, "v3 says that v3.1 signs from another SDK on than the v3.1 block does", sdk)
		}
	}
	return nil
}

// whole checks what a block of v3 or v3.1 must be as a whole, for all releases
// from one on: apksig's V3SchemeVerifier.
func (v *verifier) whole(sc *scheme, from, to int) error {
	if sc.err != nil {
		return sc.err
	}
	for _, s := range sc.signers {
		if err := v.judge(s, sdkNewest, true, nil); err != nil {
			return err
		}
		if s.min < 0 || s.min > s.max {
			return fail(s.off, parse.ErrFormat, fmt.Sprintf("a signer for the SDKs %d to %d, which are none", s.min, s.max), nil)
		}
	}
	sorted := slices.Clone(sc.signers)
	slices.SortStableFunc(sorted, func(a, b *signer) int { return cmp.Compare(a.max, b.max) })
	for i, s := range sorted[1:] {
		last := sorted[i]
		if s.min != last.max+1 && !(s.devRelease && s.min == last.max) {
			return fail(s.off, parse.ErrFormat, fmt.Sprintf("signers for the SDKs %d to %d and %d to %d: they overlap or leave a gap",
				last.min, last.max, s.min, s.max), nil)
		}
		if s.lineage != nil && !within(last.lineage, s.lineage) {
			return fail(s.signedOff, parse.ErrFormat, "the lineage of a later release does not go on from that of an earlier one", nil)
		}
	}
	if sc.number == schemeV31 {
		if v.v3 == nil {
			return fail(sc.pair.off, parse.ErrFormat, "a v3.1 block without a v3 block", nil)
		}
		return v.checkRotations(sc, begin{})
	}
	var begins begin
	if v.v31 != nil && len(v.v31.signers) > 0 {
		begins = begin{slices.MinFunc(v.v31.signers, func(a, b *signer) int { return cmp.Compare(a.min, b.min) }).min, true}
		to = min(to, begins.sdk-1)
	}
	if first, last := sorted[0].min, sorted[len(sorted)-1].max; from <= to && (first > from || last < to) {
		return fail(sc.pair.off, parse.ErrFormat, fmt.Sprintf("signers for the SDKs %d to %d only, where %d to %d were asked for", first, last, from, to), nil)
	}
	return v.checkRotations(sc, begins)
}

func (v *verifier) checkRotations(sc *scheme, begins begin) error {
	if v.o.MaxSDK < sdkT {
		return nil // where the attribute is not known
	}
	for _, s := range sc.signers {
		if err := s.checkRotation(begins); err != nil {
			return err
		}
	}
	return nil
}

// signerOf describes a signer that is proven, nil otherwise.
func (v *verifier) signerOf(s *signer, sdk int) *signature.Signer {
	if _, _, err := v.proven(s, sdk); err != nil {
		return nil
	}
	_, a, _ := s.best(sdk)
	out := signature.NewSigner(s.certs[0], a.hash)
	return &out
}

// certificate reads a certificate once.
func (v *verifier) certificate(raw []byte, off int64) (*signature.Certificate, error) {
	if c, ok := v.certs[string(raw)]; ok {
		return c, nil
	}
	c, err := signature.ParseCertificate(raw)
	if err != nil {
		return nil, fail(off, kindOf(err), "a certificate cannot be read: "+err.Error(), nil)
	}
	v.certs[string(raw)] = c
	return c, nil
}

// publicKey reads a key once.
func (v *verifier) publicKey(spki []byte, off int64) (crypto.PublicKey, error) {
	if k, ok := v.keys[string(spki)]; ok {
		return k, nil
	}
	k, err := parseKey(spki, off)
	if err != nil {
		return nil, err
	}
	v.keys[string(spki)] = k
	return k, nil
}
