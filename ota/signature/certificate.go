package signature

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 old updates are signed with it
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxDER bounds one element: a certificate has a few KiB, a CMS message of a
	// JAR signature has rarely more than ten.
	maxDER = 1 << 20
	// maxCertificates bounds one message or PEM file: apksig's tests reach twenty,
	// a chain of 10^4 is an attack.
	maxCertificates = 128
)

// A Certificate is an X.509 certificate, read no further than naming a key needs:
// crypto/x509 refuses many a certificate that Android has taken for years
// (negative serial numbers, BER), and a reader of signatures must not fail with
// it.
type Certificate struct {
	Raw  []byte // its DER, or BER, as stored
	SPKI []byte // the SubjectPublicKeyInfo, as stored

	Subject, Issuer    string // RFC 2253, as parse.EscapeText leaves them; hexadecimal where no name could be read
	Serial             *big.Int
	NotBefore          time.Time // zero where it could not be read
	NotAfter           time.Time
	SignatureAlgorithm string // such as SHA256-RSA, or the OID

	Key       crypto.PublicKey // nil where KeyError says why
	KeyError  error
	Algorithm string // of the key: RSA, EC, Ed25519, DSA; "" or the OID where Key is nil
	Bits      int

	// X509 is the certificate as crypto/x509 reads it, nil where X509Error says why
	// it does not.
	X509      *x509.Certificate
	X509Error error

	rawIssuer []byte
	rawSerial []byte
	sigOID    string
}

// ParseCertificate reads one certificate and nothing after it.
func ParseCertificate(der []byte) (*Certificate, error) {
	outer := newDER(der, 0)
	body := outer.enter(tagSequence)
	outer.end()
	tbs := body.enter(tagSequence)
	if tbs.peek() == tagContext { // version
		tbs.next()
	}
	serial := tbs.read(tagInteger)
	tbs.read(tagSequence) // signature
	_, issuer := tbs.readAll(tagSequence)
	validity := tbs.enter(tagSequence)
	_, subject := tbs.readAll(tagSequence)
	_, spki := tbs.readAll(tagSequence)
	algorithm := body.enter(tagSequence)
	oid := algorithm.read(tagOID)
	body.read(tagBitString)
	_, _, notBefore := validity.next()
	_, _, notAfter := validity.next()
	if err := first(outer, body, tbs, validity, algorithm); err != nil {
		return nil, err
	}
	c := &Certificate{
		Raw: der, SPKI: spki, rawIssuer: issuer, rawSerial: serial,
		Subject: name(subject), Issuer: name(issuer),
		NotBefore: instant(notBefore), NotAfter: instant(notAfter),
		sigOID: oidString(oid), Serial: integer(serial),
	}
	c.SignatureAlgorithm = c.sigOID
	if a, ok := signatureAlgorithms[c.sigOID]; ok {
		c.SignatureAlgorithm = a.name
	}
	c.X509, c.X509Error = x509.ParseCertificate(der)
	c.readKey()
	return c, nil
}

// ParseCertificates reads the certificates of a PEM file, or one in DER.
func ParseCertificates(data []byte) ([]*Certificate, error) {
	if len(data) > 0 && data[0] == tagSequence {
		c, err := ParseCertificate(data)
		if err != nil {
			return nil, err
		}
		return []*Certificate{c}, nil
	}
	var out []*Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if len(out) == maxCertificates {
			return nil, fail(parse.ErrLimit, -1, "more certificates than are read", len(out))
		}
		c, err := ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if out == nil {
		return nil, fail(parse.ErrFormat, -1, "no certificate", nil)
	}
	return out, nil
}

// SHA256 is the digest of the certificate, in hexadecimal.
func (c *Certificate) SHA256() string { return hexSHA256(c.Raw) }

// KeySHA256 is the digest of the SubjectPublicKeyInfo, in hexadecimal.
func (c *Certificate) KeySHA256() string { return hexSHA256(c.SPKI) }

// SigningHash is the hash of the certificate's own signature algorithm; zero where
// it is not one that is known. Recovery takes from it the hash of the updates that
// the key signs.
func (c *Certificate) SigningHash() crypto.Hash { return signatureAlgorithms[c.sigOID].hash }

func hexSHA256(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}

func (c *Certificate) readKey() {
	key, err := x509.ParsePKIXPublicKey(c.SPKI)
	if err != nil {
		d := newDER(c.SPKI, 0)
		c.Algorithm = oidString(d.enter(tagSequence).enter(tagSequence).read(tagOID))
		c.KeyError = fail(parse.ErrUnsupported, -1, "not judged: the key cannot be read: "+parse.EscapeText(err.Error()), nil)
		return
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		c.Algorithm, c.Bits = "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		c.Algorithm, c.Bits = "EC", k.Curve.Params().BitSize
	case ed25519.PublicKey:
		c.Algorithm, c.Bits = "Ed25519", 256
	case *dsa.PublicKey:
		c.Algorithm, c.Bits = "DSA", k.P.BitLen()
	default:
		c.KeyError = fail(parse.ErrUnsupported, -1, "not judged: no verifier for this kind of key", nil)
		return
	}
	c.Key = key
}

// An algorithm is what an OID says about a signature.
type algorithm struct {
	name, key string
	hash      crypto.Hash
}

// signatureAlgorithms names what certificates and SignerInfos are signed with;
// a SignerInfo may also name the key's algorithm alone.
var signatureAlgorithms = map[string]algorithm{
	"1.2.840.113549.1.1.1":   {"RSA", "RSA", 0},                // rsaEncryption
	"1.2.840.113549.1.1.4":   {"MD5-RSA", "RSA", crypto.MD5},   // md5WithRSAEncryption
	"1.2.840.113549.1.1.5":   {"SHA1-RSA", "RSA", crypto.SHA1}, // sha1WithRSAEncryption
	"1.3.14.3.2.29":          {"SHA1-RSA", "RSA", crypto.SHA1}, // sha1WithRSASignature, of OIW
	"1.2.840.113549.1.1.11":  {"SHA256-RSA", "RSA", crypto.SHA256},
	"1.2.840.113549.1.1.12":  {"SHA384-RSA", "RSA", crypto.SHA384},
	"1.2.840.113549.1.1.13":  {"SHA512-RSA", "RSA", crypto.SHA512},
	"1.2.840.113549.1.1.10":  {"RSASSA-PSS", "", 0},
	"1.2.840.10045.2.1":      {"EC", "EC", 0}, // id-ecPublicKey
	"1.2.840.10045.4.1":      {"ECDSA-SHA1", "EC", crypto.SHA1},
	"1.2.840.10045.4.3.2":    {"ECDSA-SHA256", "EC", crypto.SHA256},
	"1.2.840.10045.4.3.3":    {"ECDSA-SHA384", "EC", crypto.SHA384},
	"1.2.840.10045.4.3.4":    {"ECDSA-SHA512", "EC", crypto.SHA512},
	"1.2.840.10040.4.1":      {"DSA", "DSA", 0}, // id-dsa
	"1.2.840.10040.4.3":      {"DSA-SHA1", "DSA", crypto.SHA1},
	"2.16.840.1.101.3.4.3.1": {"DSA-SHA224", "DSA", crypto.SHA224},
	"2.16.840.1.101.3.4.3.2": {"DSA-SHA256", "DSA", crypto.SHA256},
	"1.3.101.112":            {"Ed25519", "Ed25519", 0},
}

// digestAlgorithms are the hashes that a SignerInfo may name.
var digestAlgorithms = map[string]crypto.Hash{
	"1.2.840.113549.2.5":     crypto.MD5,
	"1.3.14.3.2.26":          crypto.SHA1,
	"2.16.840.1.101.3.4.2.4": crypto.SHA224,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// oidString writes an OID with dots; "" where it is malformed.
func oidString(b []byte) string {
	if len(b) == 0 || len(b) > 32 {
		return ""
	}
	var oid asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(append([]byte{tagOID, byte(len(b))}, b...), &oid); err != nil || len(rest) > 0 {
		return ""
	}
	return oid.String()
}

// name writes a distinguished name as RFC 2253 does, last part first. The type is
// fixed, so encoding/asn1 reads it without recursion.
func name(raw []byte) string {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &rdns); err != nil || len(rest) > 0 {
		return hex.EncodeToString(raw)
	}
	var parts []string
	for _, set := range slices.Backward(rdns) {
		var values []string
		for _, a := range set {
			key, ok := attributeNames[a.Type.String()]
			if !ok {
				key = a.Type.String()
			}
			// What is no string has no text form that people would know.
			text, ok := a.Value.(string)
			if !ok {
				text = "?"
			}
			values = append(values, key+"="+attributeEscapes.Replace(text))
		}
		parts = append(parts, strings.Join(values, "+"))
	}
	return parse.EscapeText(strings.Join(parts, ","))
}

// attributeEscapes are the characters that RFC 2253 has a meaning for.
var attributeEscapes = strings.NewReplacer(`,`, `\,`, `+`, `\+`, `"`, `\"`, `\`, `\\`, `<`, `\<`, `>`, `\>`, `;`, `\;`, `=`, `\=`)

var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "T", "2.5.4.17": "POSTALCODE", "2.5.4.42": "GN",
	"1.2.840.113549.1.9.1": "EMAILADDRESS", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}

func instant(raw []byte) time.Time {
	var t time.Time
	if _, err := asn1.Unmarshal(raw, &t); err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// integer reads two's complement.
func integer(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return n
}

// named tells whether c is the certificate that a SignerInfo means.
func (c *Certificate) named(s *SignerInfo) bool {
	if s.keyID != nil {
		return c.X509 != nil && bytes.Equal(c.X509.SubjectKeyId, s.keyID)
	}
	return bytes.Equal(c.rawIssuer, s.issuer) && bytes.Equal(c.rawSerial, s.serial)
}
