package signature

import (
	"bytes"
	"crypto"

	"github.com/otavet/otavet/ota/parse"
)

// The OIDs of RFC 5652 that matter here.
const (
	oidSignedData    = "1.2.840.113549.1.7.2" // id-signedData
	oidContentType   = "1.2.840.113549.1.9.3" // id-contentType
	oidMessageDigest = "1.2.840.113549.1.9.4" // id-messageDigest
)

// maxSigners bounds the SignerInfos of one message: apksig takes ten signers in
// all.
const maxSigners = 16

// maxAttributes bounds the signed attributes of one SignerInfo; real ones have at
// most six.
const maxAttributes = 64

// A CMS is a SignedData message of RFC 5652 (PKCS #7).
type CMS struct {
	ContentType  string // OID of what was signed
	Content      []byte // nil where it is detached
	Certificates []*Certificate
	Refused      []error // certificates that could not be read
	Signers      []*SignerInfo
	Revocations  bool // it carries CRLs
	Len          int  // bytes of the message; others may follow
}

// A SignerInfo is one signature of a CMS message.
type SignerInfo struct {
	Hash               crypto.Hash // zero where DigestAlgorithm is not known
	DigestAlgorithm    string      // OID
	SignatureAlgorithm string      // OID
	Attributes         []byte      // what was signed instead of the content: the signed attributes as a SET; nil where there are none
	ContentType        string      // OID in the signed attributes; "" where it is absent
	MessageDigest      []byte      // in the signed attributes; nil where it is absent
	UnsignedAttributes bool
	Signature          []byte
	Offset             int  // of Signature within the message
	ByKeyID            bool // the certificate is meant by its key's id, not by issuer and serial number

	issuer, serial, keyID []byte
}

// ParseCMS reads a message from the start of der.
func ParseCMS(der []byte) (*CMS, error) {
	m := &CMS{}
	outer := newDER(der, 0)
	info := outer.enter(tagSequence)
	m.Len = len(der) - outer.c.Len()
	if t := oidString(info.read(tagOID)); t != oidSignedData {
		info.c.Fail(parse.ErrFormat, "the message is not signed data", t)
	}
	explicit := info.enter(tagContext)
	info.end()
	data := explicit.enter(tagSequence)
	explicit.end()
	data.read(tagInteger) // version
	data.read(tagSet)     // digestAlgorithms
	content := data.enter(tagSequence)
	m.ContentType = oidString(content.read(tagOID))
	if err := first(outer, info, explicit, data, content); err != nil {
		return nil, err
	}
	if content.more() {
		in := content.enter(tagContext)
		content.end()
		// RFC 2315 has ANY here: whatever it is, its contents are what is signed.
		_, m.Content, _ = in.next()
		in.end()
		if err := first(content, in); err != nil {
			return nil, err
		}
	}
	if data.peek() == tagContext {
		if err := m.readCertificates(data.enter(tagContext)); err != nil {
			return nil, err
		}
	}
	if data.peek() == tagContext+1 {
		data.next()
		m.Revocations = true
	}
	set := data.enter(tagSet)
	data.end()
	for set.more() {
		if len(m.Signers) == maxSigners {
			set.c.Fail(parse.ErrLimit, "more signers than are read", maxSigners)
			break
		}
		s, err := readSigner(set.enter(tagSequence))
		if err != nil {
			return nil, err
		}
		m.Signers = append(m.Signers, s)
	}
	return m, first(set, data)
}

func (m *CMS) readCertificates(d *der) error {
	for d.more() {
		if len(m.Certificates)+len(m.Refused) == maxCertificates {
			d.c.Fail(parse.ErrLimit, "more certificates than are read", maxCertificates)
			break
		}
		_, _, raw := d.next()
		if d.err() != nil {
			break
		}
		c, err := ParseCertificate(raw)
		if err != nil {
			m.Refused = append(m.Refused, err)
			continue
		}
		m.Certificates = append(m.Certificates, c)
	}
	return d.err()
}

func readSigner(d *der) (*SignerInfo, error) {
	s := &SignerInfo{}
	d.read(tagInteger) // version
	var id *der
	if d.peek() == 0x80 { // [0] SubjectKeyIdentifier
		s.keyID, s.ByKeyID = d.read(0x80), true
		id = d
	} else {
		id = d.enter(tagSequence) // IssuerAndSerialNumber
		_, s.issuer = id.readAll(tagSequence)
		s.serial = id.read(tagInteger)
		id.end()
	}
	algorithm := d.enter(tagSequence)
	s.DigestAlgorithm = oidString(algorithm.read(tagOID))
	s.Hash = digestAlgorithms[s.DigestAlgorithm]
	if err := first(d, id, algorithm); err != nil {
		return nil, err
	}
	if d.peek() == tagContext {
		attributes, all := d.readAll(tagContext)
		// RFC 5652, 5.4: they are signed as a SET OF, not under their [0].
		s.Attributes = append([]byte{tagSet}, all[min(1, len(all)):]...)
		if err := s.readAttributes(newDER(attributes, d.c.Offset()-int64(len(attributes)))); err != nil {
			return nil, err
		}
	}
	algorithm = d.enter(tagSequence)
	s.SignatureAlgorithm = oidString(algorithm.read(tagOID))
	s.Signature = d.read(tagOctets)
	s.Offset = int(d.c.Offset()) - len(s.Signature)
	if d.peek() == tagContext+1 {
		d.next()
		s.UnsignedAttributes = true
	}
	d.end()
	return s, first(d, algorithm)
}

func (s *SignerInfo) readAttributes(d *der) error {
	for n := 0; d.more(); n++ {
		if n == maxAttributes {
			d.c.Fail(parse.ErrLimit, "more attributes than are read", n)
			break
		}
		a := d.enter(tagSequence)
		oid := oidString(a.read(tagOID))
		values := a.enter(tagSet)
		a.end()
		switch oid {
		case oidContentType:
			if s.ContentType != "" {
				a.c.Fail(parse.ErrFormat, "an attribute occurs twice", oid)
			}
			s.ContentType = oidString(values.read(tagOID))
			values.end()
		case oidMessageDigest:
			if s.MessageDigest != nil {
				a.c.Fail(parse.ErrFormat, "an attribute occurs twice", oid)
			}
			s.MessageDigest = values.read(tagOctets)
			values.end()
		}
		if err := first(d, a, values); err != nil {
			return err
		}
	}
	return d.err()
}

// Certificate is the certificate that s means by issuer and serial number or by
// key id; nil where it is not in the message.
func (m *CMS) Certificate(s *SignerInfo) *Certificate {
	for _, c := range m.Certificates {
		if c.named(s) {
			return c
		}
	}
	return nil
}

// Verify checks that the key of c made s over content whose digest by s.Hash is
// given. message is the content itself where it is at hand, else nil. Its errors
// are those of the function Verify.
func (m *CMS) Verify(s *SignerInfo, c *Certificate, digest, message []byte) error {
	if s.Hash == 0 {
		return fail(parse.ErrUnsupported, -1, "not judged: no verifier for this hash", s.DigestAlgorithm)
	}
	if c.Key == nil {
		return c.KeyError
	}
	// The hash that the signature's own OID may name is not looked at: Java and
	// OpenSSL combine the digest's OID with the key's kind.
	switch a, ok := signatureAlgorithms[s.SignatureAlgorithm]; {
	case !ok || a.key == "":
		return fail(parse.ErrUnsupported, -1, "not judged: no verifier for this signature algorithm", s.SignatureAlgorithm)
	case a.key != c.Algorithm:
		return fail(parse.ErrFormat, -1, "the signature algorithm is not the key's", a.name)
	}
	if s.Attributes != nil {
		if s.ContentType != m.ContentType {
			return fail(parse.ErrFormat, -1, "the signed content type is not the message's", s.ContentType)
		}
		if !bytes.Equal(s.MessageDigest, digest) {
			return fail(parse.ErrFormat, -1, "the signed digest is not the content's", nil)
		}
		if !s.Hash.Available() {
			return fail(parse.ErrUnsupported, -1, "not judged: no verifier for this hash", HashName(s.Hash))
		}
		h := s.Hash.New()
		h.Write(s.Attributes)
		return Verify(c.Key, s.Hash, h.Sum(nil), s.Attributes, s.Signature)
	}
	return Verify(c.Key, s.Hash, digest, message, s.Signature)
}
