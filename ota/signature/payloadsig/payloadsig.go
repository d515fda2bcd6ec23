// Package payloadsig verifies the two signatures of a payload.bin: that of its
// metadata, which a device checks before it reads on, and that of the payload.
//
// The rules are those of update_engine (payload_consumer/payload_verifier.cc,
// payload_metadata.cc and delta_performer.cc, Android 7 to 16). A signature does not
// say whose it is: each is tried with each key that the device trusts, and the first
// that verifies decides. So without the right key nothing can be said, not even that
// a signature is broken, unless the blob that holds them is.
package payloadsig

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// Names of the two Results.
const (
	NameMetadata = "metadata"
	NamePayload  = "payload"
)

// Readers of payloads, as Accepts names them.
const (
	updateEngine = "update_engine"
	recovery     = "update_engine in recovery"
)

// Verify judges the signatures of the payload p, which b holds, with keys: those that the
// device may trust. The Results are those of metadata and payload, in that order; where a
// payload has no signature at all the error is ErrNone. Of one that is not there, while the other
// is, Intact is No. At most 4096 times a signature is tried with a key.
func Verify(ctx context.Context, b blob.Blob, p *payload.Payload, keys []*signature.Certificate) ([]*signature.Result, error) {
	if p.MetadataSignature.Len == 0 && p.PayloadSignature.Len == 0 {
		return nil, signature.ErrNone
	}
	candidates := parseKeys(keys)
	metadata, whole, err := digest(blob.WithContext(ctx, b), p)
	if err != nil {
		return nil, err
	}
	size := b.Size()
	signed := signature.Range{First: p.Metadata.Off, End: p.Metadata.Off + p.Metadata.Len, What: "header and manifest"}
	data := signature.Range{First: p.Data.Off, End: p.Data.Off + p.Data.Len, What: "data of the operations"}
	blobs := []signature.Range{
		{First: p.MetadataSignature.Off, End: p.MetadataSignature.Off + p.MetadataSignature.Len, What: "the metadata signature"},
		{First: p.PayloadSignature.Off, End: p.PayloadSignature.Off + p.PayloadSignature.Len, What: "the payload signature"},
	}
	first := &signature.Result{Scheme: signature.SchemePayload, Name: NameMetadata, Covers: []signature.Range{signed},
		Unsigned: []signature.Range{{First: signed.End, End: size, What: "all but header and manifest"}}}
	refused := judge(first, p.MetadataSignature.Len > 0, p.MetadataSignatures, metadata, candidates)
	first.Accepts = accepts(first, refused, true)

	second := &signature.Result{Scheme: signature.SchemePayload, Name: NamePayload, Covers: []signature.Range{signed, data}}
	for _, r := range blobs {
		if r.End > r.First {
			second.Unsigned = append(second.Unsigned, r)
		}
	}
	refused = judge(second, p.PayloadSignature.Len > 0, p.PayloadSignatures, whole, candidates)
	second.Accepts = accepts(second, refused, false)
	return []*signature.Result{first, second}, nil
}

// digest hashes what the two signatures sign, in one read.
func digest(b blob.Blob, p *payload.Payload) (metadata, whole [sha256.Size]byte, err error) {
	h := sha256.New()
	if err := feed(h, b, p.Metadata); err != nil {
		return metadata, whole, err
	}
	h.Sum(metadata[:0])
	if err := feed(h, b, p.Data); err != nil {
		return metadata, whole, err
	}
	h.Sum(whole[:0])
	return metadata, whole, nil
}

func feed(h hash.Hash, b blob.Blob, r payload.Range) error {
	buf := make([]byte, min(max(r.Len, 1), 1<<20))
	for off, end := r.Off, r.Off+r.Len; off < end; {
		n := min(int64(len(buf)), end-off)
		if _, err := blob.ReadFull(b, buf[:n], off); err != nil {
			return err
		}
		h.Write(buf[:n])
		off += n
	}
	return nil
}

// A candidate is a key to try.
type candidate struct {
	cert *signature.Certificate
	key  crypto.PublicKey
}

func parseKeys(certs []*signature.Certificate) []candidate {
	var out []candidate
	for _, c := range certs {
		// signature.Verify would judge no other either.
		if key, err := x509.ParsePKIXPublicKey(c.SPKI); err == nil {
			out = append(out, candidate{c, key})
		}
	}
	return out
}

// maxTries bounds how often a signature is tried with a key: a blob of 64 KiB has room for hundreds of
// signatures, a key store for thousands of keys, and devices have one or two of each.
const maxTries = 4096

// judge tries each signature with each key: an update is signed with several where keys change. It tells whether none of
// those that verified is of a kind that update_engine takes.
func judge(r *signature.Result, there bool, read func() ([]payload.Signature, error), digest [sha256.Size]byte, keys []candidate) (refused bool) {
	if !there {
		r.Intact, r.Reason = signature.No, fail(parse.ErrFormat, -1, "there is no "+r.Name+" signature, though the other is there", nil)
		return false
	}
	list, err := read()
	switch {
	case errors.Is(err, parse.ErrFormat):
		r.Intact, r.Reason = signature.No, err
		return false
	case err != nil: // it could not be read
		r.Reason = err
		return false
	case len(list) == 0:
		r.Intact, r.Reason = signature.No, fail(parse.ErrFormat, -1, "the blob of signatures holds none", nil)
		return false
	}
	r.Notes = append(r.Notes, fmt.Sprintf("signatures: %d", len(list)))
	tries := 0
	accepted := false // by a key that update_engine has padding for
pairs:
	for i := range list {
		for _, k := range keys {
			if tries++; tries > maxTries {
				r.Reason = fail(parse.ErrLimit, list[i].Offset, fmt.Sprintf("not judged: more than %d pairs of a signature and a key", maxTries), nil)
				break pairs
			}
			if signature.Verify(k.key, crypto.SHA256, digest[:], nil, list[i].Bytes()) != nil {
				continue
			}
			signer := signature.NewSigner(k.cert, crypto.SHA256)
			r.Signers = append(r.Signers, signer)
			if taken(k.key) {
				accepted = true
				continue
			}
			r.Notes = append(r.Notes, fmt.Sprintf("update_engine takes RSA of 2048 and 4096 bits and EC, and this is %s-%d", signer.Algorithm, signer.Bits))
		}
	}
	if len(r.Signers) > 0 {
		r.Intact, r.Reason, r.Known = signature.Yes, nil, signature.KnownMatches(r.Signers)
		return !accepted
	}
	if r.Reason != nil {
		return false
	}
	why := "whose it is cannot be told: no key is at hand"
	if len(keys) > 0 {
		why = fmt.Sprintf("none of the %d keys at hand made it: it is broken, or somebody else's", len(keys))
	}
	r.Reason = fail(parse.ErrUnsupported, list[0].Offset, why, nil)
	return false
}

// taken tells whether update_engine verifies with a key of that kind: RSA of 256 and 512 bytes, whose
// padding it knows, and EC.
func taken(key crypto.PublicKey) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.Size() == 256 || k.Size() == 512
	case *ecdsa.PublicKey:
		return true
	}
	return false
}

// accepts says who would take the payload, if it trusted the key.
func accepts(r *signature.Result, refused, metadata bool) []signature.Platform {
	takes := r.Intact
	if takes == signature.Yes && refused {
		takes = signature.No
	}
	rule := "a signature by a key of otacerts.zip, or of update-payload-key.pub.pem; without any such key on the device nothing is checked"
	list := []signature.Platform{{Reader: updateEngine, Since: "7.0", Takes: takes, Rule: rule}}
	if metadata {
		return append(list, signature.Platform{Reader: recovery, Since: "7.0", Takes: takes, Rule: rule})
	}
	// __ANDROID_RECOVERY__ in delta_performer.cc
	return append(list, signature.Platform{Reader: recovery, Since: "7.0", Takes: signature.Yes,
		Rule: "the payload signature is not looked at: hashes of the operations, whose metadata is signed, and the package's whole-file signature stand for it"})
}

func fail(kind error, off int64, msg string, got any) error {
	return &parse.Error{Format: "payload signature", Off: off, Msg: msg, Got: got, Kind: kind}
}
