package apk

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 old apps are signed with it
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// A record is an algorithm id and the signature or digest that belongs to it.
type record struct {
	id    uint32
	value []byte
	off   int64
}

// An attr is an additional attribute.
type attr struct {
	id    uint32
	value []byte
	off   int64
}

// A signer is one entry of the list of signers of v2, v3 and v3.1: signed data,
// of v3 the first and last SDK that it is for, signatures, public key.
type signer struct {
	v3         bool
	off        int64
	signed     []byte // what the signatures are over
	signedOff  int64
	min, max   int  // SDKs; of v2 everything
	ranged     bool // these could be read
	signatures []record
	key        []byte
	keyOff     int64
	err        error // why what stands outside of the signed data cannot be read

	// Of the signed data.
	digests              []record
	certs                []*signature.Certificate
	signedMin, signedMax int
	attrs                []attr
	signedErr            error

	// Of the attributes.
	lineage     []LineageEntry
	lineageErr  error
	rotationMin []int // the SDKs where v3.1 begins, of each attribute that names one
	stripping   int   // the scheme that must be there as well, 0 if none is named
	devRelease  bool  // the first SDK is for its preview alone
	attrErr     error

	checked map[uint32]error // by algorithm: what the signature came to
}

// readSigners reads the list of signers of a block. What is wrong with one of them
// is left in it; the error is about the list, and those before it are given.
func (v *verifier) readSigners(c *parse.Cursor, v3 bool) ([]*signer, error) {
	list := sub(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	var out []*signer
	for list.Len() > 0 {
		if len(out) == maxSigners {
			return out, fail(list.Offset(), parse.ErrLimit, "more signers than are read", maxSigners)
		}
		if err := v.bud.Entry("apk", 1); err != nil {
			return out, err
		}
		one := sub(list)
		if err := list.Err(); err != nil {
			return out, err
		}
		out = append(out, v.readSigner(one, v3))
	}
	if len(out) == 0 {
		return nil, fail(c.Offset(), parse.ErrFormat, "no signer", nil)
	}
	return out, nil
}

func (v *verifier) readSigner(c *parse.Cursor, v3 bool) *signer {
	s := &signer{v3: v3, off: c.Offset(), max: 1<<31 - 1, checked: make(map[uint32]error)}
	s.signedOff = s.off + 4
	s.signed = prefixed(c)
	if v3 {
		s.min, s.max = sdk(c), sdk(c)
	}
	s.ranged = c.Err() == nil
	signatures := sub(c)
	s.keyOff = c.Offset() + 4
	s.key = prefixed(c)
	if s.err = c.Err(); s.err != nil {
		return s
	}
	if s.signatures, s.err = v.records(signatures, false); s.err != nil {
		return s
	}
	if len(s.signatures) == 0 {
		s.err = fail(signatures.Offset(), parse.ErrFormat, "no signature", nil)
		return s
	}
	if s.signedErr = v.readSigned(s); s.signedErr == nil {
		s.attrErr = v.readMeaning(s)
	}
	return s
}

// readSigned reads the signed data: digests, certificates, of v3 the SDKs again,
// attributes.
func (v *verifier) readSigned(s *signer) error {
	c := parse.NewCursor("apk", s.signed, s.signedOff)
	digests, certs := sub(c), sub(c)
	if s.v3 {
		s.signedMin, s.signedMax = sdk(c), sdk(c)
	}
	attrs := sub(c)
	if err := c.Err(); err != nil {
		return err
	}
	var err error
	if s.digests, err = v.records(digests, false); err != nil {
		return err
	}
	for certs.Len() > 0 {
		if len(s.certs) == maxSignerCert {
			return fail(certs.Offset(), parse.ErrLimit, "more certificates than are read", maxSignerCert)
		}
		off := certs.Offset() + 4
		raw := prefixed(certs)
		if err := certs.Err(); err != nil {
			return err
		}
		cert, err := v.certificate(raw, off)
		if err != nil {
			return err
		}
		s.certs = append(s.certs, cert)
	}
	s.attrs, err = v.readAttrs(attrs)
	return err
}

// readMeaning reads the attributes that mean something. An unknown one is passed
// over, as the platform does.
func (v *verifier) readMeaning(s *signer) error {
	rotated := false
	for _, a := range s.attrs {
		c := parse.NewCursor("apk", a.value, a.off)
		switch {
		case a.id == attrStripping && !s.v3:
			if n := sdk(c); n == schemeV3 || s.stripping == 0 {
				s.stripping = n
			}
		case a.id == attrRotation && s.v3:
			if rotated {
				return fail(a.off, parse.ErrFormat, "two proofs of rotation", nil)
			}
			rotated = true
			s.lineage, s.lineageErr = v.readLineage(c)
		case a.id == attrRotationMinSDK && s.v3:
			s.rotationMin = append(s.rotationMin, sdk(c))
		case a.id == attrDevRelease && s.v3:
			s.devRelease = true
		}
		if err := c.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) readAttrs(c *parse.Cursor) ([]attr, error) {
	list, err := v.records(c, true)
	out := make([]attr, len(list))
	for i, r := range list {
		out[i] = attr(r)
	}
	return out, err
}

// records reads a list of (length, id, length, value), or of (length, id, rest).
func (v *verifier) records(c *parse.Cursor, rest bool) ([]record, error) {
	var out []record
	for c.Len() > 0 {
		if len(out) == maxRecords {
			return nil, fail(c.Offset(), parse.ErrLimit, "more records of one signer than are read", maxRecords)
		}
		if err := v.bud.Entry("apk", 1); err != nil {
			return nil, err
		}
		in := sub(c)
		r := record{id: in.U32LE(), off: in.Offset()}
		if rest {
			r.value = in.Bytes(in.Len())
		} else {
			r.off += 4
			r.value = prefixed(in)
		}
		if err := first(c, in); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// sdk reads an SDK, which is a signed integer.
func sdk(c *parse.Cursor) int { return int(int32(c.U32LE())) }

// best is the algorithm whose signature a release verifies: that with the
// strongest digest among those that it knows, of equals the first.
func (s *signer) best(sdk int) (record, algorithm, error) {
	var r record
	var a algorithm
	for _, o := range s.signatures {
		if b, ok := algorithms[o.id]; ok && b.since <= sdk && b.content.strength() > a.content.strength() {
			r, a = o, b
		}
	}
	if a.content == 0 {
		// The platform: "No supported signatures found".
		return r, a, ruled{fail(s.signedOff, parse.ErrUnsupported, "no signature of an algorithm that is known", s.signatures[0].id)}
	}
	return r, a, nil
}

// proven checks what a release checks of a signer apart from the file's contents
// and the attributes: that the key of the first certificate signed the data. It
// gives the digest that the contents must have.
func (v *verifier) proven(s *signer, sdk int) (content, []byte, error) {
	if s.err != nil {
		return 0, nil, s.err
	}
	r, a, err := s.best(sdk)
	if err != nil {
		return 0, nil, err
	}
	if err := v.check(s, r); err != nil {
		return 0, nil, err
	}
	if s.signedErr != nil {
		return 0, nil, s.signedErr
	}
	if !slices.EqualFunc(s.signatures, s.digests, func(a, b record) bool { return a.id == b.id }) {
		return 0, nil, fail(s.signedOff, parse.ErrFormat, "digests and signatures are not of the same algorithms", nil)
	}
	switch {
	case len(s.certs) == 0:
		return 0, nil, fail(s.signedOff, parse.ErrFormat, "no certificate", nil)
	case !sameKey(s.key, s.certs[0]):
		return 0, nil, fail(s.keyOff, parse.ErrFormat, "the key is not that of the first certificate", nil)
	case s.v3 && s.min != s.signedMin:
		return 0, nil, fail(s.signedOff, parse.ErrFormat, "the first SDK is not the one that was signed", s.min)
	case s.v3 && s.max != s.signedMax:
		return 0, nil, fail(s.signedOff, parse.ErrFormat, "the last SDK is not the one that was signed", s.max)
	}
	// Of several digests of one algorithm the platform keeps the last.
	for _, d := range slices.Backward(s.digests) {
		if d.id == r.id {
			return a.content, d.value, nil
		}
	}
	return 0, nil, fail(s.signedOff, parse.ErrFormat, "no digest", nil)
}

// check verifies one signature of s, once.
func (v *verifier) check(s *signer, r record) error {
	if err, ok := s.checked[r.id]; ok {
		return err
	}
	key, err := v.publicKey(s.key, s.keyOff)
	if err == nil {
		err = v.verify(r.id, key, s.signed, r.value, r.off)
	}
	s.checked[r.id] = err
	return err
}

// sameKey compares a SubjectPublicKeyInfo with a certificate's. The platform
// compares with what its own encoder makes of the certificate's key.
func sameKey(spki []byte, c *signature.Certificate) bool {
	if bytes.Equal(spki, c.SPKI) {
		return true
	}
	if c.Key == nil || c.Algorithm == "DSA" {
		return false
	}
	again, err := x509.MarshalPKIXPublicKey(c.Key)
	return err == nil && bytes.Equal(spki, again)
}

func keyKind(key crypto.PublicKey) string {
	switch key.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "EC"
	case *dsa.PublicKey:
		return "DSA"
	}
	return "another"
}

// kindOf is the kind of an error of ota/parse.
func kindOf(err error) error {
	for _, k := range []error{parse.ErrUnsupported, parse.ErrLimit} {
		if errors.Is(err, k) {
			return k
		}
	}
	return parse.ErrFormat
}

// A ruled is an error about what cannot be judged, and what releases refuse for
// that very reason: it says nothing of the file, and all of who takes it.
type ruled struct{ error }

func (r ruled) Unwrap() error { return r.error }

// again is an error in other words.
func again(err error, off int64, msg string) error {
	out := fail(off, kindOf(err), msg, nil)
	if errors.As(err, new(ruled)) {
		return ruled{out}
	}
	return out
}

// takes is what an error means for who takes the file.
func takes(err error) signature.Tri {
	if errors.As(err, new(ruled)) {
		return signature.No
	}
	return tri(err)
}

// tri is what an error means for an answer.
func tri(err error) signature.Tri {
	switch {
	case err == nil:
		return signature.Yes
	case errors.Is(err, parse.ErrFormat):
		return signature.No
	}
	return signature.Unknown
}
