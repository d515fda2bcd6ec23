package avb

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // of the algorithms
	_ "crypto/sha512"
	"errors"
	"fmt"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/known"
)

// Verify judges the signature of a vbmeta struct with the key that is in it: what is
// intact may be anybody's. Where the algorithm is NONE the error is signature.ErrNone.
func (v *VBMeta) Verify() (*signature.Result, error) {
	if v.Algorithm == 0 {
		return nil, signature.ErrNone
	}
	r := &signature.Result{Scheme: signature.SchemeAVB, Notes: v.Notes()}
	auth := v.Offset + lenHeader + int64(v.auth)
	r.Covers = []signature.Range{
		{First: v.Offset, End: v.Offset + lenHeader, What: "header"},
		{First: auth, End: v.Offset + v.Size, What: "descriptors and public key"},
	}
	r.Unsigned = []signature.Range{{First: v.Offset + lenHeader, End: auth, What: "hash and signature"}}
	if r.Reason = v.judge(r); r.Reason == nil {
		r.Intact = signature.Yes
	} else if errors.Is(r.Reason, parse.ErrFormat) {
		r.Intact = signature.No
	}
	r.Accepts = []signature.Platform{{Reader: "libavb", Takes: r.Intact, Rule: "the key in the struct must be the bootloader's, or the one that its user has set, byte for byte"}}
	if alg := v.Algorithm; alg.Known() && algorithms[alg].key > 0 {
		r.Accepts[0].Rule += "; before 2025 libavb knew no ML-DSA"
	}
	return r, nil
}

// Notes say what else the struct states of itself: the algorithm, which flags are set, the rollback index.
func (v *VBMeta) Notes() []string {
	notes := []string{"algorithm: " + v.Algorithm.String(), "flags: " + v.flags(), fmt.Sprintf("rollback index: %d", v.RollbackIndex)}
	return append(notes, v.sharedLocations()...)
}

// judge computes in the order of avb_vbmeta_image_verify. What is ErrFormat libavb refuses as well.
func (v *VBMeta) judge(r *signature.Result) error {
	if !v.Algorithm.Known() {
		return fail(v.Offset+28, parse.ErrUnsupported, fmt.Sprintf("unknown algorithm %d, not checked", uint32(v.Algorithm)), nil)
	}
	alg := algorithms[v.Algorithm]
	if alg.hash == 0 && len(v.hash) != 0 || alg.hash != 0 && len(v.hash) != alg.hash.Size() {
		return fail(v.Offset+40, parse.ErrFormat, "the hash that is stored is not as long as the algorithm's", len(v.hash))
	}
	s, err := v.verify(&alg)
	if err != nil {
		return err
	}
	r.Signers = []signature.Signer{s}
	r.Known = knownKey(v.PublicKey, s.KeySHA256)
	return nil
}

func (v *VBMeta) verify(alg *algorithm) (signature.Signer, error) {
	if alg.hash == 0 {
		key, err := mldsaKey(v.PublicKey, alg.key)
		if err != nil {
			return signature.Signer{}, err
		}
		message := append(bytes.Clone(v.raw[:lenHeader]), v.aux()...)
		return mldsaSigner(v.PublicKey, alg), v.held(signature.Verify(key, 0, nil, message, v.sig))
	}
	h := alg.hash.New()
	h.Write(v.raw[:lenHeader])
	h.Write(v.aux())
	digest := h.Sum(nil)
	if !bytes.Equal(digest, v.hash) {
		return signature.Signer{}, fail(v.Offset, parse.ErrFormat, "header and descriptors do not have the hash that is stored", nil)
	}
	key, err := rsaKey(v.PublicKey, alg.bits)
	if err != nil {
		return signature.Signer{}, err
	}
	return rsaSigner(v.PublicKey, key, alg.hash), v.held(signature.Verify(key, alg.hash, digest, nil, v.sig))
}

// held gives the error of a signature a place; its kind tells what does not hold from what was not judged.
func (v *VBMeta) held(err error) error {
	var e *parse.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	if e.Kind == parse.ErrFormat {
		return fail(v.sigOff, parse.ErrFormat, fmt.Sprintf("the signature does not hold: %v", err), nil)
	}
	return fail(v.sigOff, e.Kind, e.Msg, e.Got)
}

// rsaSigner describes a key without a certificate.
func rsaSigner(blob []byte, key crypto.PublicKey, hash crypto.Hash) signature.Signer {
	return signature.Signer{Subject: "avb key " + KeySHA256(blob), KeySHA256: spki(key), Algorithm: "RSA", Bits: (len(blob) - 8) * 4, Digest: signature.HashName(hash)}
}

// mldsaSigner: it signs the message, not a digest.
func mldsaSigner(blob []byte, alg *algorithm) signature.Signer {
	return signature.Signer{Subject: "avb key " + KeySHA256(blob), KeySHA256: mldsaSPKI(blob, alg), Algorithm: alg.standard}
}

// knownKey looks a key up, as it is stored and as others have it.
func knownKey(blob []byte, spki string) []known.Match {
	list := known.Matches("", spki)
	if k, ok := known.Lookup(known.KindAVB, KeySHA256(blob)); ok {
		list = append(list, known.Match{Key: k, By: "key"})
	}
	return list
}

// flags are the names of the flags that are set, or none.
func (v *VBMeta) flags() string {
	text := ""
	for bit, name := range [...]string{"HASHTREE_DISABLED", "VERIFICATION_DISABLED"} {
		if v.Flags>>bit&1 != 0 {
			text += ", " + name
		}
	}
	if more := v.Flags &^ 3; more != 0 {
		text += fmt.Sprintf(", %#x", more)
	}
	if text == "" {
		return "none"
	}
	return text[2:]
}
