package detached

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// maxSignatures bounds those in one file: several people sign a release, not a crowd.
const maxSignatures = 16

const pgpTime = "2006-01-02 15:04:05 UTC"

// A pgpSignature is one of the signatures in a file, and the keys to try.
type pgpSignature struct {
	sig    *packet.Signature
	issuer string
	keys   []pgpCandidate
}

type pgpCandidate struct {
	Key
	c *component
}

func (j *judgement) readOpenPGP(b []byte) error {
	raw, err := pgpDearmor(b, "PGP SIGNATURE")
	if err != nil {
		return err
	}
	var list []pgpSignature
	found := false
	err = packets(raw, func(p rawPacket) error {
		switch p.tag {
		case tagSignature:
		case tagOnePass, tagCompressed, tagLiteral:
			return fail(parse.ErrUnsupported, p.off, "not judged: a signed message, not a signature beside a file", p.tag)
		default:
			return fail(parse.ErrFormat, p.off, "a packet that is no OpenPGP signature", p.tag)
		}
		if len(list) == maxSignatures {
			return fail(parse.ErrLimit, p.off, "not judged: more OpenPGP signatures than are read", len(list))
		}
		sig, err := p.signature()
		if err != nil {
			return err
		}
		if sig.SigType != packet.SigTypeBinary {
			return fail(parse.ErrUnsupported, p.off, "not judged: an OpenPGP signature of another kind than that of a file", uint8(sig.SigType))
		}
		if !pgpHash(sig.Hash) {
			return fail(parse.ErrUnsupported, p.off, "not judged: no verifier for this hash", signature.HashName(sig.Hash))
		}
		s, err := j.issuer(sig)
		if err != nil {
			return err
		}
		if len(s.keys) > 0 {
			found = true
			j.hashes = append(j.hashes, sig.Hash)
		}
		list = append(list, s)
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(list) == 0:
		return fail(parse.ErrFormat, 0, "no OpenPGP signature", nil)
	case !found:
		return needs(list[0].issuer)
	}
	j.judge = func(j *judgement) error { return j.openPGP(list) }
	return nil
}

// pgpHash tells the hashes that signature.Verify takes from others that OpenPGP has.
func pgpHash(h crypto.Hash) bool {
	switch h {
	case crypto.SHA1, crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512:
		return h.Available()
	}
	return false
}

// issuer finds the keys that sig may be by. A fingerprint is hashed with the file by most;
// the eight bytes of a key ID are all that old signatures have.
func (j *judgement) issuer(sig *packet.Signature) (pgpSignature, error) {
	s := pgpSignature{sig: sig}
	switch {
	case sig.IssuerFingerprint != nil:
		s.issuer = fmt.Sprintf("%X", sig.IssuerFingerprint)
	case sig.IssuerKeyId != nil:
		s.issuer = fmt.Sprintf("%016X", *sig.IssuerKeyId)
	default:
		return s, fail(parse.ErrUnsupported, -1, "not judged: the OpenPGP signature does not name its key", nil)
	}
	for _, k := range j.ofScheme(signature.SchemeOpenPGP) {
		for i := range k.entity.components {
			c := &k.entity.components[i]
			if sig.IssuerFingerprint != nil && !bytes.Equal(sig.IssuerFingerprint, c.pk.Fingerprint) ||
				sig.IssuerFingerprint == nil && *sig.IssuerKeyId != c.pk.KeyId {
				continue
			}
			if len(s.keys) == maxTries {
				return s, fail(parse.ErrLimit, -1, "not judged: more keys of one number than are tried", len(s.keys))
			}
			s.keys = append(s.keys, pgpCandidate{k, c})
		}
	}
	return s, nil
}

// openPGP judges all signatures of a file. One that is refuted refutes the file's; one whose
// key is missing is named, and leaves the answer to the others.
func (j *judgement) openPGP(list []pgpSignature) error {
	var open error
	for _, s := range list {
		if len(s.keys) == 0 {
			j.note("another signature: needs the key %s", s.issuer)
			continue
		}
		switch err := j.onePGP(s); {
		case errors.Is(err, parse.ErrFormat):
			return err
		case err != nil && open == nil:
			open = err
		}
	}
	if len(j.r.Signers) == 0 {
		return open
	}
	if open != nil {
		j.note("another signature: %v", open)
	}
	return nil
}

func (j *judgement) onePGP(s pgpSignature) error {
	digest, err := j.sum(s.sig.Hash, s.sig.HashSuffix)
	if err != nil {
		return err
	}
	var last error
	for _, k := range s.keys {
		pub, err := pgpKey(k.c.pk)
		if err == nil {
			err = verifyPGP(pub, s.sig, digest)
		}
		if err != nil {
			// Of several keys of one ID the one that can be judged decides.
			if last == nil || errors.Is(err, parse.ErrFormat) {
				last = err
			}
			continue
		}
		state, err := k.entity.state(k.c, j.o.Time)
		if err != nil {
			last = err
			continue
		}
		return j.provenPGP(s.sig, k, pub, state)
	}
	return last
}

// provenPGP describes a signature by a key that is bound to its primary key.
func (j *judgement) provenPGP(sig *packet.Signature, k pgpCandidate, pub crypto.PublicKey, state *keyState) error {
	signing := k.Key
	if err := signing.setPGP(pub); err != nil {
		return err
	}
	signer := signing.signer(sig.Hash)
	signer.Subject = "openpgp key " + k.ID
	if state.user != "" {
		signer.Subject += " " + parse.EscapeText(state.user)
	}
	j.r.Signers = append(j.r.Signers, signer)
	made := sig.CreationTime.UTC()
	j.note("made on %s by the key %X", made.Format(pgpTime), k.c.pk.Fingerprint)
	if k.c.pk.IsSubkey {
		j.note("the key is a subkey of %s", k.ID)
	}
	takes, rule := state.allows(sig, j.o.Time)
	j.accept("gpg", takes, rule)
	return nil
}

// allows says whether gpg takes a signature by the key, and why not.
func (s *keyState) allows(sig *packet.Signature, now time.Time) (signature.Tri, string) {
	made := sig.CreationTime
	at := func(t time.Time) string { return t.UTC().Format(pgpTime) }
	unknown := critical(sig)
	switch {
	case unknown != "":
		return signature.No, "to gpg the signature is bad: what is marked critical in it gpg does not know: " + unknown
	case s.revoked != "":
		return signature.No, s.revoked
	case made.Before(s.created):
		return signature.No, "the signature is older than its key, of " + at(s.created)
	case !s.ends.IsZero(): // and others count from then on
		return signature.Unknown, "what binds the key expires on " + at(s.ends)
	case !s.signs:
		return signature.No, "the key is not one for signatures"
	case !s.expires.IsZero() && !made.Before(s.expires):
		return signature.No, "the key had expired on " + at(s.expires)
	}
	switch end := end(sig); {
	case end.IsZero():
	case now.IsZero():
		return signature.Unknown, "the signature expires on " + at(end)
	case !now.Before(end):
		return signature.No, "the signature expired on " + at(end)
	}
	if !s.expires.IsZero() && !now.IsZero() && !now.Before(s.expires) {
		return signature.Yes, "the key has expired since, on " + at(s.expires)
	}
	return signature.Yes, s.weak
}

// hashKey is what signatures over keys begin with.
func hashKey(p rawPacket) []byte {
	body := p.body()
	return append([]byte{0x99, byte(len(body) >> 8), byte(len(body))}, body...)
}

func hashUser(id []byte, attribute bool) []byte {
	mark := byte(0xb4)
	if attribute {
		mark = 0xd1
	}
	return append(binary.BigEndian.AppendUint32([]byte{mark}, uint32(len(id))), id...)
}
