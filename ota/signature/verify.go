package signature

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 old updates are signed with it
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"math/big"

	"filippo.io/mldsa"
	"github.com/otavet/otavet/ota/parse"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

const (
	// maxModulusBits is the largest modulus that is computed with: the largest of
	// apksig's test vectors. One verification costs the square of it or more, and
	// no device accepts even half.
	maxModulusBits = 16384
	// minModulusBits is where crypto/rsa stops to compute.
	minModulusBits = 1024
	// maxDSABits bounds the prime of DSA, whose verification is two full
	// exponentiations; FIPS 186-4 ends at 3072.
	maxDSABits = 4096
)

// Verify checks a signature over a digest that was made by hash. Only Ed25519 and
// ML-DSA, which sign no digest, need the message itself; it may be nil otherwise.
//
// A nil error means that the key made the signature. The error's kind tells the
// others apart: ErrFormat, it did not; ErrUnsupported or ErrLimit, it was not
// judged, and why.
//
// PKCS #1 v1.5 is what an RSA signature is read as, exactly: no byte more, no
// other encoding of the digest's name.
func Verify(pub crypto.PublicKey, hash crypto.Hash, digest, message, sig []byte) error {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return verifyRSA(pub, hash, digest, sig)
	case *ecdsa.PublicKey:
		return verifyECDSA(pub, hash, digest, sig)
	case ed25519.PublicKey:
		if message == nil {
			return fail(parse.ErrUnsupported, -1, "not judged: Ed25519 signs the message itself, which is too large", nil)
		}
		return verify(pub, crypto.SHA512, nil, message, sig)
	case *mldsa.PublicKey:
		return verifyMLDSA(pub, message, sig)
	case *dsa.PublicKey:
		return verifyDSA(pub, hash, digest, sig)
	case nil:
		return fail(parse.ErrUnsupported, -1, "not judged: no key", nil)
	}
	return fail(parse.ErrUnsupported, -1, "not judged: no verifier for this kind of key", nil)
}

func verifyRSA(pub *rsa.PublicKey, hash crypto.Hash, digest, sig []byte) error {
	switch bits := pub.N.BitLen(); {
	case bits > maxModulusBits:
		return fail(parse.ErrLimit, -1, "not judged: RSA key too large", bits)
	case bits < minModulusBits:
		return fail(parse.ErrUnsupported, -1, "not judged: RSA key too small", bits)
	case len(sig) != (bits+7)/8:
		return fail(parse.ErrFormat, -1, "the RSA signature is not as long as the modulus", len(sig))
	}
	return verify(pub, hash, digest, nil, sig)
}

// VerifyPrehashed checks a signature of Ed25519ph (RFC 8032, 5.1) over the SHA-512 digest of the message. The errors are
// those of Verify.
func VerifyPrehashed(pub ed25519.PublicKey, digest, sig []byte) error {
	if len(digest) != crypto.SHA512.Size() {
		return fail(parse.ErrFormat, -1, "the digest is not as long as its hash", len(digest))
	}
	v, err := sigstore.LoadED25519phVerifier(pub)
	if err != nil {
		return fail(parse.ErrUnsupported, -1, "not judged: "+err.Error(), nil)
	}
	if v.VerifySignature(bytes.NewReader(sig), nil, options.WithDigest(digest)) != nil {
		return fail(parse.ErrFormat, -1, "the signature is not the key's", nil)
	}
	return nil
}

// VerifyPSS checks an RSASSA-PSS signature over a digest that was made by hash,
// with MGF1 over the same hash and a salt as long as its digest: the only
// parameters that an APK's signature may have. Errors are those of Verify.
func VerifyPSS(pub *rsa.PublicKey, hash crypto.Hash, digest, sig []byte) error {
	switch bits := pub.N.BitLen(); {
	case bits > maxModulusBits:
		return fail(parse.ErrLimit, -1, "not judged: RSA key too large", bits)
	case bits < minModulusBits:
		return fail(parse.ErrUnsupported, -1, "not judged: RSA key too small", bits)
	case !hash.Available() || len(digest) != hash.Size():
		return fail(parse.ErrUnsupported, -1, "not judged: no verifier for this hash", HashName(hash))
	}
	v, err := sigstore.LoadRSAPSSVerifier(pub, hash, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		return fail(parse.ErrUnsupported, -1, "not judged: "+err.Error(), nil)
	}
	switch err := v.VerifySignature(bytes.NewReader(sig), nil, options.WithDigest(digest)); {
	case err == nil:
		return nil
	case !errors.Is(err, rsa.ErrVerification):
		return fail(parse.ErrUnsupported, -1, "not judged: "+err.Error(), nil)
	}
	return fail(parse.ErrFormat, -1, "the signature is not the key's", nil)
}

func verifyECDSA(pub *ecdsa.PublicKey, hash crypto.Hash, digest, sig []byte) error {
	// sigstore would also take r and s side by side, which no reader of updates
	// does.
	if _, _, ok := readRS(sig); !ok {
		return fail(parse.ErrFormat, -1, "the ECDSA signature is not a DER sequence of two integers", nil)
	}
	return verify(pub, hash, digest, nil, sig)
}

// verify is the door.
func verify(pub crypto.PublicKey, hash crypto.Hash, digest, message, sig []byte) error {
	var v sigstore.Verifier
	var err error
	switch hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
		v, err = sigstore.LoadVerifier(pub, hash)
	case crypto.SHA1:
		v, err = sigstore.LoadUnsafeVerifier(pub)
	case crypto.MD5, crypto.SHA224:
		return verifyOld(pub, hash, digest, sig)
	default:
		return fail(parse.ErrUnsupported, -1, "not judged: no verifier for this hash", HashName(hash))
	}
	if err != nil {
		return fail(parse.ErrUnsupported, -1, "not judged: "+err.Error(), nil)
	}
	if digest != nil {
		if len(digest) != hash.Size() {
			return fail(parse.ErrFormat, -1, "the digest is not as long as its hash", len(digest))
		}
		err = v.VerifySignature(bytes.NewReader(sig), nil, options.WithDigest(digest))
	} else {
		err = v.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message))
	}
	if err == nil {
		return nil
	}
	if _, isRSA := pub.(*rsa.PublicKey); isRSA && !errors.Is(err, rsa.ErrVerification) {
		// crypto/rsa refused the key itself: an even exponent or modulus.
		return fail(parse.ErrUnsupported, -1, "not judged: "+err.Error(), nil)
	}
	return fail(parse.ErrFormat, -1, "the signature is not the key's", nil)
}

// MLDSAKey reads the encoding of a public key of ML-DSA-65 or ML-DSA-87 (FIPS 204), told
// apart by their lengths, for Verify. Another length is ErrFormat.
func MLDSAKey(b []byte) (crypto.PublicKey, error) {
	for _, set := range []mldsa.Parameters{mldsa.MLDSA65(), mldsa.MLDSA87()} {
		if len(b) != set.PublicKeySize() {
			continue
		}
		pub, err := mldsa.NewPublicKey(set, b)
		if err != nil {
			return nil, fail(parse.ErrFormat, -1, "no key of ML-DSA: "+err.Error(), nil)
		}
		return pub, nil
	}
	return nil, fail(parse.ErrFormat, -1, "no key of ML-DSA-65 or ML-DSA-87 is as long", len(b))
}

// verifyMLDSA is here because sigstore has no ML-DSA. The context is empty.
func verifyMLDSA(pub *mldsa.PublicKey, message, sig []byte) error {
	switch {
	case message == nil:
		return fail(parse.ErrUnsupported, -1, "not judged: ML-DSA signs the message itself, which is not at hand", nil)
	case len(sig) != pub.Parameters().SignatureSize():
		return fail(parse.ErrFormat, -1, "the signature is not as long as one of "+pub.Parameters().String(), len(sig))
	case mldsa.Verify(pub, message, sig, nil) != nil:
		return fail(parse.ErrFormat, -1, "the signature is not the key's", nil)
	}
	return nil
}

// verifyOld is here because sigstore refuses these hashes, and apps of Android's
// first years are signed with them.
func verifyOld(pub crypto.PublicKey, hash crypto.Hash, digest, sig []byte) error {
	if len(digest) != hash.Size() {
		return fail(parse.ErrFormat, -1, "the digest is not as long as its hash", len(digest))
	}
	ok := false
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		err := rsa.VerifyPKCS1v15(pub, hash, digest, sig)
		if err != nil && !errors.Is(err, rsa.ErrVerification) {
			return fail(parse.ErrUnsupported, -1, "not judged: "+err.Error(), nil)
		}
		ok = err == nil
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(pub, digest, sig)
	}
	if !ok {
		return fail(parse.ErrFormat, -1, "the signature is not the key's", nil)
	}
	return nil
}

// verifyDSA is here because sigstore refuses DSA.
func verifyDSA(pub *dsa.PublicKey, hash crypto.Hash, digest, sig []byte) error {
	if n := pub.P.BitLen(); n > maxDSABits || pub.Q.BitLen() > 512 {
		return fail(parse.ErrLimit, -1, "not judged: DSA key too large", n)
	}
	if hash == 0 || len(digest) != hash.Size() {
		return fail(parse.ErrUnsupported, -1, "not judged: no verifier for this hash", HashName(hash))
	}
	r, s, ok := readRS(sig)
	if !ok {
		return fail(parse.ErrFormat, -1, "the DSA signature is not a DER sequence of two integers", nil)
	}
	// FIPS 186-4, 4.6: the leftmost bytes of the digest, as many as q has.
	if n := (pub.Q.BitLen() + 7) / 8; len(digest) > n {
		digest = digest[:n]
	}
	if !dsa.Verify(pub, digest, r, s) {
		return fail(parse.ErrFormat, -1, "the signature is not the key's", nil)
	}
	return nil
}

// readRS reads SEQUENCE { r INTEGER, s INTEGER }, both positive, and nothing after.
func readRS(sig []byte) (r, s *big.Int, ok bool) {
	d := newDER(sig, 0)
	in := d.enter(tagSequence)
	rb, sb := in.read(tagInteger), in.read(tagInteger)
	in.end()
	d.end()
	if d.err() != nil || in.err() != nil || !positive(rb) || !positive(sb) {
		return nil, nil, false
	}
	return new(big.Int).SetBytes(rb), new(big.Int).SetBytes(sb), true
}

// positive tells whether b is the shortest form of a positive INTEGER.
func positive(b []byte) bool {
	switch {
	case len(b) == 0, b[0]&0x80 != 0, len(b) == 1 && b[0] == 0:
		return false
	case len(b) > 1 && b[0] == 0:
		return b[1]&0x80 != 0
	}
	return true
}
