package avb

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // of the algorithms
	_ "crypto/sha512"
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
	auth := v.Offset + v.Size - int64(len(v.signed)-lenHeader)
	r.Covers = []signature.Range{
		{First: v.Offset, End: v.Offset + lenHeader, What: "header"},
		{First: auth, End: v.Offset + v.Size, What: "descriptors and public key"},
	}
	r.Unsigned = []signature.Range{{First: v.Offset + lenHeader, End: auth, What: "hash and signature"}}
	r.Intact, r.Reason = v.judge(r)
	r.Accepts = []signature.Platform{{Reader: "libavb", Takes: r.Intact, Rule: "the key in the struct must be the bootloader's, or the one that its user has set, byte for byte"}}
	return r, nil
}

// Notes say what else the struct states of itself: the algorithm, and which flags are set.
func (v *VBMeta) Notes() []string {
	return []string{"algorithm: " + v.Algorithm.String(), "flags: " + v.flags()}
}

// judge computes in the order of avb_vbmeta_image_verify.
func (v *VBMeta) judge(r *signature.Result) (signature.Tri, error) {
	if !v.Algorithm.Known() {
		return signature.Unknown, fail(v.Offset+28, parse.ErrUnsupported, "not judged: an algorithm that is not known", uint32(v.Algorithm))
	}
	alg := algorithms[v.Algorithm]
	if alg.bits == 0 {
		return signature.Unknown, fail(v.Offset+28, parse.ErrUnsupported, "not judged: no verifier of "+alg.name, nil)
	}
	h := alg.hash.New()
	h.Write(v.signed)
	digest := h.Sum(nil)
	if !bytes.Equal(digest, v.hash) {
		return signature.No, fail(v.Offset, parse.ErrFormat, "header and descriptors do not have the hash that is stored", nil)
	}
	key, err := rsaKey(v.PublicKey, alg.bits)
	if err != nil {
		return signature.No, err
	}
	if err := signature.Verify(key, alg.hash, digest, nil, v.sig); err != nil {
		return signature.No, fail(v.sigOff, parse.ErrFormat, fmt.Sprintf("the signature does not hold: %v", err), nil)
	}
	r.Signers = []signature.Signer{signer(v.PublicKey, spki(key), alg.bits, alg.hash)}
	r.Known = v.known(r.Signers[0].KeySHA256)
	return signature.Yes, nil
}

// signer describes a key without a certificate.
func signer(blob []byte, spki string, bits int, hash crypto.Hash) signature.Signer {
	return signature.Signer{Subject: "avb key " + KeySHA256(blob), KeySHA256: spki, Algorithm: "RSA", Bits: bits, Digest: signature.HashName(hash)}
}

// known looks the key up, as it is stored and as others have it.
func (v *VBMeta) known(spki string) []known.Match {
	list := known.Matches("", spki)
	if k, ok := known.Lookup(known.KindAVB, KeySHA256(v.PublicKey)); ok {
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
