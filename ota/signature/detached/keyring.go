package detached

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 old keys of OpenPGP
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// maxChecks bounds the signatures of a key over itself that are computed with.
const maxChecks = 256

// An entity is a primary key with what belongs to it: components[0] is it, the others
// are its subkeys.
type entity struct {
	components []component
	users      []component // without key: user IDs and attributes
}

// A component is a packet and the signatures behind it.
type component struct {
	packet rawPacket
	pk     *packet.PublicKey // nil of a user ID
	sigs   []*packet.Signature
}

// parseKeyRing reads keys without checking what binds their parts: that is done when one
// is needed.
func parseKeyRing(data []byte) ([]Key, error) {
	raw, err := pgpDearmor(data, "PGP PUBLIC KEY BLOCK")
	if err != nil {
		return nil, err
	}
	var keys []Key
	var part *component // that signatures are over; nil: one that is passed over
	var open error
	err = packets(raw, func(p rawPacket) error {
		var e *entity
		if len(keys) > 0 {
			e = keys[len(keys)-1].entity
		}
		switch p.tag {
		case tagSecretKey, tagSecretSubkey:
			return fail(parse.ErrUnsupported, p.off, "a secret key: only public keys are read", nil)
		case tagPublicKey, tagPublicSubkey:
			part = nil
			pk, err := p.publicKey()
			if p.tag == tagPublicKey {
				if len(keys) == maxKeys {
					return fail(parse.ErrLimit, p.off, "more keys than are read", len(keys))
				}
				// One that cannot be read takes its subkeys with it.
				e = &entity{}
				keys = append(keys, Key{Scheme: signature.SchemeOpenPGP, entity: e})
				if err == nil {
					keys[len(keys)-1].ID = fmt.Sprintf("%X", pk.Fingerprint)
				}
			}
			switch {
			case err != nil && errors.Is(err, parse.ErrUnsupported):
				open = err
				return nil
			case err != nil:
				return err
			case e == nil:
				return fail(parse.ErrFormat, p.off, "a subkey before any key", nil)
			case p.tag == tagPublicSubkey && len(e.components) == 0:
				return nil
			}
			e.components = append(e.components, component{packet: p, pk: pk})
			part = &e.components[len(e.components)-1]
		case tagUserID, tagUserAttribute:
			part = nil
			if e == nil {
				return fail(parse.ErrFormat, p.off, "a user ID before any key", nil)
			}
			if len(e.components) == 0 {
				return nil
			}
			e.users = append(e.users, component{packet: p})
			part = &e.users[len(e.users)-1]
			if k := &keys[len(keys)-1]; p.tag == tagUserID && k.Comment == "" {
				k.Comment = parse.EscapeText(string(p.body()))
			}
		case tagSignature:
			// By others, or of kinds that are not known: nothing here depends on them.
			if sig, err := p.signature(); err == nil && part != nil {
				part.sigs = append(part.sigs, sig)
			}
		case tagTrust, tagMarker:
		default:
			if p.tag < 40 { // RFC 9580, 4.3: critical
				return fail(parse.ErrFormat, p.off, "a packet that no key ring has", p.tag)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	keys = slices.DeleteFunc(keys, func(k Key) bool { return len(k.entity.components) == 0 })
	switch {
	case len(keys) > 0:
		return keys, nil
	case open != nil:
		return nil, open
	}
	return nil, fail(parse.ErrFormat, 0, "no key", nil)
}

func (p rawPacket) publicKey() (*packet.PublicKey, error) {
	out, err := p.decode()
	if err != nil {
		return nil, err
	}
	pk, ok := out.(*packet.PublicKey)
	if !ok {
		return nil, fail(parse.ErrFormat, p.off, "no OpenPGP key", nil)
	}
	if pk.Version != 4 || len(p.body()) > 0xffff {
		return nil, fail(parse.ErrUnsupported, p.off, "not judged: an OpenPGP key of a version that is not known", pk.Version)
	}
	return pk, nil
}

// state checks what binds c to its primary key. An error says that it is not bound.
func (e *entity) state(c *component, now time.Time) (*keyState, error) {
	s, pub, err := e.primary(now)
	if err != nil || c == &e.components[0] {
		return s, err
	}
	return e.subkey(s, pub, c)
}

// primary checks what the primary key says of itself, at a time that may be zero.
func (e *entity) primary(now time.Time) (*keyState, crypto.PublicKey, error) {
	pk := e.components[0].pk
	pub, err := pgpKey(pk)
	if err != nil {
		return nil, nil, err
	}
	s := &keyState{now: now, created: pk.CreationTime}
	sig, err := e.self(s, pub)
	if err != nil {
		return nil, nil, err
	}
	s.use(sig, pk)
	return s, pub, nil
}

// subkey checks what a primary key of state p says of c.
func (e *entity) subkey(p *keyState, pub crypto.PublicKey, c *component) (*keyState, error) {
	s := &keyState{now: p.now, created: c.pk.CreationTime, user: p.user, weak: p.weak, checks: p.checks}
	sig, err := e.binding(s, pub, c)
	if err != nil {
		return nil, err
	}
	s.use(sig, c.pk)
	if !p.expires.IsZero() && (s.expires.IsZero() || p.expires.Before(s.expires)) {
		s.expires = p.expires
	}
	if s.ends.IsZero() || !p.ends.IsZero() && p.ends.Before(s.ends) {
		s.ends = p.ends
	}
	if s.revoked == "" {
		s.revoked = p.revoked
	}
	return s, nil
}

// self finds the newest signature of the primary key over itself that has not expired, with a user or alone, and
// whether it was revoked.
func (e *entity) self(s *keyState, pub crypto.PublicKey) (*packet.Signature, error) {
	primary := &e.components[0]
	key := hashKey(primary.packet)
	var newest *packet.Signature
	take := func(sig *packet.Signature) bool {
		if newest != nil && !sig.CreationTime.After(newest.CreationTime) {
			return false
		}
		newest = sig
		return true
	}
	for _, sig := range primary.sigs {
		if sig.SigType != packet.SigTypeDirectSignature && sig.SigType != packet.SigTypeKeyRevocation {
			continue
		}
		switch ok, err := s.by(pub, primary.pk, sig, key); {
		case err != nil:
			return nil, err
		case ok && sig.SigType == packet.SigTypeKeyRevocation:
			s.revoke("key", sig)
		case ok && !s.over(sig):
			take(sig)
		}
	}
	for _, u := range e.users {
		attribute := u.packet.tag == tagUserAttribute
		over := slices.Concat(key, hashUser(u.packet.body(), attribute))
		var last *packet.Signature
		for _, sig := range u.sigs {
			if (sig.SigType < packet.SigTypeGenericCert || sig.SigType > packet.SigTypePositiveCert) && sig.SigType != packet.SigTypeCertificationRevocation {
				continue
			}
			ok, err := s.by(pub, primary.pk, sig, over)
			if err != nil {
				return nil, err
			}
			if ok && !s.over(sig) && (last == nil || sig.CreationTime.After(last.CreationTime) || sig.CreationTime.Equal(last.CreationTime) && sig.SigType == packet.SigTypeCertificationRevocation) {
				last = sig
			}
		}
		if last != nil && last.SigType != packet.SigTypeCertificationRevocation && take(last) && !attribute {
			s.user = string(u.packet.body())
		}
	}
	if newest == nil {
		return nil, s.nothing("has no signature over itself that holds")
	}
	return newest, nil
}

// binding finds the newest signature of the primary key over c, which must hold one of c
// over the primary key: else anybody could take the key for a subkey of their own.
func (e *entity) binding(s *keyState, pub crypto.PublicKey, c *component) (*packet.Signature, error) {
	primary := &e.components[0]
	over := slices.Concat(hashKey(primary.packet), hashKey(c.packet))
	sub, err := pgpKey(c.pk)
	if err != nil {
		return nil, err
	}
	var newest *packet.Signature
	for _, sig := range c.sigs {
		if sig.SigType != packet.SigTypeSubkeyBinding && sig.SigType != packet.SigTypeSubkeyRevocation {
			continue
		}
		ok, err := s.by(pub, primary.pk, sig, over)
		switch {
		case err != nil:
			return nil, err
		case !ok:
		case sig.SigType == packet.SigTypeSubkeyRevocation:
			s.revoke("subkey", sig)
		case newest == nil || sig.CreationTime.After(newest.CreationTime):
			newest = sig
		}
	}
	// gpg keeps the newest alone when it takes a key in, and none in place of one that has
	// expired.
	if newest == nil || s.over(newest) {
		return nil, s.nothing("is not bound to its primary key")
	}
	back := newest.EmbeddedSignature
	if back == nil || back.Version != 4 || back.SigType != packet.SigTypePrimaryKeyBinding {
		return nil, fail(parse.ErrUnsupported, -1, "not judged: the OpenPGP subkey has no signature over its primary key", nil)
	}
	if ok, err := s.check(sub, back, over); !ok || err != nil {
		return nil, fail(parse.ErrUnsupported, -1, "not judged: the OpenPGP subkey's signature over its primary key does not hold", nil)
	}
	return newest, nil
}

// by tells whether the primary key made sig; signatures by others are not computed with.
func (s *keyState) by(pub crypto.PublicKey, pk *packet.PublicKey, sig *packet.Signature, over []byte) (bool, error) {
	if sig.IssuerFingerprint != nil && !bytes.Equal(sig.IssuerFingerprint, pk.Fingerprint) ||
		sig.IssuerFingerprint == nil && (sig.IssuerKeyId == nil || *sig.IssuerKeyId != pk.KeyId) {
		return false, nil
	}
	return s.check(pub, sig, over)
}

func (s *keyState) check(pub crypto.PublicKey, sig *packet.Signature, over []byte) (bool, error) {
	if s.checks++; s.checks > maxChecks {
		return false, fail(parse.ErrLimit, -1, "not judged: more signatures of an OpenPGP key over itself than are computed with", s.checks)
	}
	if !pgpHash(sig.Hash) || critical(sig) != "" { // gpg takes that for a bad one
		return false, nil
	}
	h := sig.Hash.New()
	h.Write(over)
	h.Write(sig.HashSuffix)
	return verifyPGP(pub, sig, h.Sum(nil)) == nil, nil
}

// spkis are the keys of e that are bound to it and may sign, whenever. Each signature is computed
// with once.
func (e *entity) spkis() []string {
	p, pub, err := e.primary(time.Time{})
	if err != nil {
		return nil
	}
	var out []string
	for i := range e.components {
		c, s := &e.components[i], p
		if i > 0 {
			if s, err = e.subkey(p, pub, c); err != nil {
				continue
			}
		}
		key, err := pgpKey(c.pk)
		if err != nil || !s.signs {
			continue
		}
		var k Key
		if k.setPGP(key) == nil {
			out = append(out, k.spki)
		}
	}
	return out
}

// setPGP is setPublic, also for DSA, whose SubjectPublicKeyInfo the standard library does
// not write.
func (k *Key) setPGP(pub crypto.PublicKey) error {
	d, ok := pub.(*dsa.PublicKey)
	if !ok {
		return k.setPublic(pub)
	}
	y, err := asn1.Marshal(d.Y)
	if err != nil {
		return fail(parse.ErrUnsupported, -1, "the key cannot be used: "+err.Error(), nil)
	}
	type identifier struct {
		Algorithm  asn1.ObjectIdentifier
		Parameters struct{ P, Q, G *big.Int }
	}
	der, err := asn1.Marshal(struct {
		Algorithm identifier
		Key       asn1.BitString
	}{
		identifier{asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}, struct{ P, Q, G *big.Int }{d.P, d.Q, d.G}}, // RFC 3279, 2.3.2
		asn1.BitString{Bytes: y, BitLength: 8 * len(y)},
	})
	if err != nil {
		return fail(parse.ErrUnsupported, -1, "the key cannot be used: "+err.Error(), nil)
	}
	sum := sha256.Sum256(der)
	k.pub, k.algorithm, k.bits, k.spki = pub, "DSA", d.P.BitLen(), hex.EncodeToString(sum[:])
	return nil
}
