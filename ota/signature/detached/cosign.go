package detached

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

const keyless = "not judged: keyless: needs a Fulcio root and an identity policy"

// readCosign reads what cosign sign-blob prints: the base64 of a signature.
func (j *judgement) readCosign(b []byte) error {
	sig, err := base64Text(string(bytes.TrimRight(b, "\r\n")))
	if err != nil {
		return err
	}
	return j.byKey(sig, 0, nil, nil)
}

func base64Text(text string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 || strings.ContainsAny(text, "\r\n") {
		return nil, fail(parse.ErrFormat, -1, "no base64 of a signature", nil)
	}
	return raw, nil
}

// byKey prepares the judgement with each key that cosign may have signed with: a signature
// does not name it, and a hint of a bundle is signed by nobody. Where the bundle
// states a hash and its digest, these must be the file's.
func (j *judgement) byKey(sig []byte, stated crypto.Hash, digest, hint []byte) error {
	candidates := j.ofScheme(signature.SchemeCosign)
	if len(hint) == 32 && !slices.ContainsFunc(candidates, func(k Key) bool { return k.spki == hex.EncodeToString(hint) }) {
		if len(candidates) == 0 {
			return needs(hex.EncodeToString(hint))
		}
		j.note("the bundle names the key %x, which is none of those given", hint)
	}
	if len(candidates) == 0 {
		return needs("that made it, which cosign's signatures do not name")
	}
	candidates = slices.DeleteFunc(candidates, func(k Key) bool { return !k.shaped(sig) })
	if len(candidates) > maxTries {
		return fail(parse.ErrLimit, -1, "not judged: more keys than are tried", len(candidates))
	}
	if stated != 0 {
		j.hashes = append(j.hashes, stated)
	}
	for _, k := range candidates {
		j.hashes = append(j.hashes, cosignHashes(k.pub, stated)...)
		if _, ok := k.pub.(ed25519.PublicKey); ok && j.size <= maxMessage {
			j.whole = true
		}
	}
	j.judge = func(j *judgement) error {
		if stated != 0 && !bytes.Equal(j.states[stated].Sum(nil), digest) {
			return fail(parse.ErrFormat, -1, "the bundle's digest is not the file's", nil)
		}
		var open error
		for _, k := range candidates {
			h, err := j.tryKey(k, stated, sig)
			if err == nil {
				j.r.Signers = []signature.Signer{k.signer(h)}
				j.accept("cosign verify-blob", signature.Unknown, "it also asks for an entry in a transparency log, unless told to ignore that")
				return nil
			}
			if !errors.Is(err, parse.ErrFormat) {
				open = err
			}
		}
		if open != nil {
			return open
		}
		return fail(parse.ErrFormat, -1, "no key given made the signature of these bytes", nil)
	}
	return nil
}

// shaped tells whether sig has the form of signatures by k: the others are not tried, and a
// key of Ed25519 does not ask for the whole file in memory for nothing.
func (k Key) shaped(sig []byte) bool {
	switch p := k.pub.(type) {
	case ed25519.PublicKey:
		return len(sig) == ed25519.SignatureSize
	case *rsa.PublicKey:
		return len(sig) == p.Size()
	}
	return sig[0] == 0x30 // SEQUENCE { r, s }
}

// cosignHashes are those that cosign signs with by a key: SHA-256, and of late that of the
// curve's size. Ed25519ph has its own, whichever digest a bundle states.
func cosignHashes(pub crypto.PublicKey, stated crypto.Hash) []crypto.Hash {
	if _, ok := pub.(ed25519.PublicKey); ok {
		return []crypto.Hash{crypto.SHA512}
	}
	if stated != 0 {
		return []crypto.Hash{stated}
	}
	hashes := []crypto.Hash{crypto.SHA256}
	switch p := pub.(type) {
	case *ecdsa.PublicKey:
		switch p.Curve.Params().BitSize {
		case 384:
			hashes = append(hashes, crypto.SHA384)
		case 521:
			hashes = append(hashes, crypto.SHA512)
		}
	case *rsa.PublicKey:
		switch {
		case p.N.BitLen() >= 4096:
			hashes = append(hashes, crypto.SHA512)
		case p.N.BitLen() >= 3072:
			hashes = append(hashes, crypto.SHA384)
		}
	}
	return hashes
}

func (j *judgement) tryKey(k Key, stated crypto.Hash, sig []byte) (crypto.Hash, error) {
	if pub, ok := k.pub.(ed25519.PublicKey); ok {
		return crypto.SHA512, j.tryEd25519(pub, sig)
	}
	var err error
	for _, h := range cosignHashes(k.pub, stated) {
		if err = signature.Verify(k.pub, h, j.states[h].Sum(nil), nil, sig); err == nil {
			return h, nil
		}
	}
	return 0, err
}

// tryEd25519 tries both ways in which cosign signs by such a key: Ed25519ph, as it does today
// and as sigstore-go does in a bundle, and over the file itself, as it did before.
func (j *judgement) tryEd25519(pub ed25519.PublicKey, sig []byte) error {
	digest := j.states[crypto.SHA512].Sum(nil)
	if signature.VerifyPrehashed(pub, digest, sig) == nil {
		j.note("Ed25519ph: the SHA-512 of the file is signed")
		return nil
	}
	if !j.whole {
		return fail(parse.ErrLimit, -1, "not judged: no Ed25519ph, and Ed25519 signs the file itself, which is too large to be in memory", j.size)
	}
	return signature.Verify(pub, 0, nil, j.message, sig)
}

// bundleHashes are those of HashAlgorithm in sigstore_common.proto, by name and
// number: protobuf's JSON may have either.
var bundleHashes = map[string]crypto.Hash{
	`"SHA2_256"`: crypto.SHA256, `"SHA2_384"`: crypto.SHA384, `"SHA2_512"`: crypto.SHA512,
	"1": crypto.SHA256, "2": crypto.SHA384, "3": crypto.SHA512,
}

// readBundle reads a bundle, of which nothing is signed but the file.
func (j *judgement) readBundle(b []byte) error {
	top, err := object(b)
	if err != nil {
		return err
	}
	if top["base64Signature"] != nil {
		return j.readCosignBundle(top)
	}
	if top["dsseEnvelope"] != nil {
		return fail(parse.ErrUnsupported, -1, "not judged: an attestation about the file, not a signature of it", nil)
	}
	kind := text(top["mediaType"])
	switch kind {
	case "application/vnd.dev.sigstore.bundle+json;version=0.1", "application/vnd.dev.sigstore.bundle+json;version=0.2",
		"application/vnd.dev.sigstore.bundle+json;version=0.3", "application/vnd.dev.sigstore.bundle.v0.3+json":
	default:
		return fail(parse.ErrUnsupported, -1, "not judged: a bundle of a version that is not known", kind)
	}
	material, err := object(top["verificationMaterial"])
	if err != nil {
		return err
	}
	if material["certificate"] != nil || material["x509CertificateChain"] != nil {
		return fail(parse.ErrUnsupported, -1, keyless, nil)
	}
	var hint []byte
	if material["publicKey"] == nil {
		return fail(parse.ErrFormat, -1, "the bundle names no key", nil)
	}
	key, err := object(material["publicKey"])
	if err != nil {
		return err
	}
	if s := text(key["hint"]); s != "" {
		// cosign writes the base64 of the key's SHA-256, others what they like.
		j.note("hint: %s", s)
		hint, _ = base64.StdEncoding.DecodeString(s)
	}
	message, err := object(top["messageSignature"])
	if err != nil {
		return err
	}
	sig, err := base64Text(text(message["signature"]))
	if err != nil {
		return err
	}
	if message["messageDigest"] == nil {
		return j.byKey(sig, 0, nil, hint)
	}
	md, err := object(message["messageDigest"])
	if err != nil {
		return err
	}
	h, ok := bundleHashes[string(md["algorithm"])]
	if !ok {
		return fail(parse.ErrUnsupported, -1, "not judged: a digest by a hash that is not known", string(md["algorithm"]))
	}
	digest, err := base64Text(text(md["digest"]))
	if err != nil {
		return err
	}
	return j.byKey(sig, h, digest, hint)
}

// readCosignBundle reads LocalSignedPayload of cosign. Its cert is the base64 of a PEM
// public key where a key signed.
func (j *judgement) readCosignBundle(top map[string]json.RawMessage) error {
	if cert := text(top["cert"]); cert != "" {
		raw, err := base64Text(cert)
		if err != nil {
			return err
		}
		block, _ := pem.Decode(raw)
		switch {
		case block == nil:
			return fail(parse.ErrFormat, -1, "the bundle's key is not in PEM", nil)
		case block.Type != "PUBLIC KEY":
			return fail(parse.ErrUnsupported, -1, keyless, nil)
		}
	}
	sig, err := base64Text(text(top["base64Signature"]))
	if err != nil {
		return err
	}
	return j.byKey(sig, 0, nil, nil)
}

// object reads a JSON object, names exactly as they stand and each only once: which of
// two a reader takes is the reader's choice.
func object(raw []byte) (map[string]json.RawMessage, error) {
	bad := func() error { return fail(parse.ErrFormat, -1, "no JSON object of a bundle", nil) }
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, bad()
	}
	fields, seen := map[string]json.RawMessage{}, map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, bad()
		}
		if seen[name] {
			return nil, fail(parse.ErrFormat, -1, "a field occurs twice", name)
		}
		seen[name] = true
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, bad()
		}
		if string(v) != "null" {
			fields[name] = v
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, bad()
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fail(parse.ErrFormat, -1, "more behind the bundle", nil)
	}
	return fields, nil
}

// text is a JSON string; "" where raw is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
