package wholefile

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// The two readers on a device: the recovery system, and the class that an updater
// app asks before it reboots into it.
const (
	recovery       = "recovery"
	recoverySystem = "RecoverySystem"
)

// An era is a range of releases whose recovery has the same rules. The rules were
// read in the sources of recovery; a release is given where the source that was
// read belongs to it or a test vector of recovery dates the change:
//
//   - until 4.1: verifier.c with DumpPublicKey that takes e=3 and 2048 bits only;
//     the last 256 bytes before the footer are the signature.
//   - 4.2: e=65537 (recovery's own test vector is of July 2012).
//   - 4.3, 4.4: SHA-256 (test vectors of April 2013; verifier.cpp of 4.4).
//   - 5.0, 6.0: the CMS message is walked, EC keys (verifier.cpp with mincrypt).
//   - 7.0 to 9: BoringSSL, keys from /res/keys of up to 8192 bits; whether the
//     build's dumpkey then wrote 4096 is not known.
//   - from 10: certificates from otacerts.zip, checked when loaded (CheckRSAKey,
//     CheckECKey). That 10 was the first with it is not proven.
type era struct {
	since, until string
	sha256       bool // SHA-1 alone before
	exponent     bool // e=65537 too
	walk         bool // the message is walked, and EC keys are known
	bits4096     signature.Tri
	exact        bool // the whole OCTET STRING is the RSA signature, not its first 256 bytes
}

func eras() []era {
	return []era{
		{until: "4.1", bits4096: signature.No},
		{since: "4.2", until: "4.2", exponent: true, bits4096: signature.No},
		{since: "4.3", until: "4.4", exponent: true, sha256: true, bits4096: signature.No},
		{since: "5.0", until: "6.0", exponent: true, sha256: true, walk: true, bits4096: signature.No},
		{since: "7.0", until: "9", exponent: true, sha256: true, walk: true, exact: true},
		{since: "10", exponent: true, sha256: true, walk: true, exact: true, bits4096: signature.Yes},
	}
}

// recoveryHash is the hash that recovery uses with a trusted certificate: that of
// the certificate's own signature, where SHA-1 stands in for MD5. Zero: recovery
// refuses the certificate (LoadCertificateFromBuffer).
func recoveryHash(c *signature.Certificate) crypto.Hash {
	switch h := c.SigningHash(); h {
	case crypto.MD5, crypto.SHA1:
		if c.SignatureAlgorithm == "MD5-RSA" || c.SignatureAlgorithm == "SHA1-RSA" {
			return crypto.SHA1
		}
	case crypto.SHA256:
		if c.SignatureAlgorithm == "SHA256-RSA" || c.SignatureAlgorithm == "ECDSA-SHA256" {
			return h
		}
	}
	return 0
}

// accepts says what recovery and RecoverySystem of each era would do with the
// signature if they trusted the signer's certificate.
func (p *part) accepts(digests map[crypto.Hash][]byte) []signature.Platform {
	var out []signature.Platform
	add := func(reader, since, until string, takes signature.Tri, rule string) {
		if n := len(out); n > 0 && out[n-1].Reader == reader && out[n-1].Takes == takes && out[n-1].Rule == rule {
			out[n-1].Until = until
			return
		}
		out = append(out, signature.Platform{Reader: reader, Since: since, Until: until, Takes: takes, Rule: rule})
	}
	for _, e := range eras() {
		takes, rule := p.recovery(e, digests)
		add(recovery, e.since, e.until, takes, rule)
	}
	takes, rule := p.harmony(digests)
	add(recoverySystem, "2.2", "6.0", takes, rule)
	takes, rule = p.pkcs7(digests)
	add(recoverySystem, "7.0", "", takes, rule)
	return out
}

// recovery applies the rules of one era.
func (p *part) recovery(e era, digests map[crypto.Hash][]byte) (signature.Tri, string) {
	c := p.signer
	switch {
	case c == nil && p.intact == signature.No:
		return signature.No, "no key that is known here made the signature"
	case c == nil:
		return signature.Unknown, "the signature could not be judged"
	}
	h := recoveryHash(c)
	if !e.sha256 {
		h = crypto.SHA1 // /res/keys had no word for another
	}
	switch {
	case h == 0:
		return signature.No, "refuses certificates signed with " + c.SignatureAlgorithm
	case e.walk && p.value == nil:
		return signature.No, "the fifth element of the first SignerInfo must be the signature"
	}
	takes, rule := e.key(c, h)
	if takes == signature.No {
		return takes, rule
	}
	value := p.value
	_, isRSA := c.Key.(*rsa.PublicKey)
	switch message := p.message(); {
	case !e.walk: // then the key is RSA-2048
		if len(message) < 256 {
			return signature.No, "the signature must have 256 bytes"
		}
		value = message[len(message)-256:]
	case isRSA && !e.exact && len(value) > 256:
		value = value[:256]
	}
	if digests[h] == nil || signature.Verify(c.Key, h, digests[h], nil, value) != nil {
		switch {
		case !e.sha256 && p.hash != crypto.SHA1:
			return signature.No, "hashes with SHA-1 only"
		case h != p.hash:
			return signature.No, fmt.Sprintf("hashes with %s, as the certificate is signed; the signature is over %s", signature.HashName(h), signature.HashName(p.hash))
		case !e.walk:
			return signature.No, "the last 256 bytes before the footer must be the signature"
		}
		return signature.No, "the signature as recovery reads it is not the key's"
	}
	return takes, rule
}

// key applies an era's rules of keys.
func (e era) key(c *signature.Certificate, h crypto.Hash) (signature.Tri, string) {
	switch k := c.Key.(type) {
	case *rsa.PublicKey:
		switch {
		case k.E != 3 && k.E != 65537:
			return signature.No, fmt.Sprintf("an RSA key's exponent must be 3 or 65537, not %d", k.E)
		case k.E == 65537 && !e.exponent:
			return signature.No, "an RSA key's exponent must be 3"
		case c.Bits == 4096 && e.bits4096 == signature.Unknown:
			return signature.Unknown, "whether RSA keys of 4096 bits were let into /res/keys is not known"
		case c.Bits == 4096 && e.bits4096 == signature.Yes, c.Bits == 2048:
			return signature.Yes, fmt.Sprintf("RSA-%d, e=%d, %s", c.Bits, k.E, signature.HashName(h))
		case e.bits4096 == signature.No:
			return signature.No, fmt.Sprintf("an RSA key must have 2048 bits, not %d", c.Bits)
		}
		return signature.No, fmt.Sprintf("an RSA key must have 2048 or 4096 bits, not %d", c.Bits)
	case *ecdsa.PublicKey:
		switch {
		case !e.walk:
			return signature.No, "knows RSA keys only"
		case k.Curve != elliptic.P256():
			return signature.No, "an EC key must be on P-256"
		case h != crypto.SHA256:
			return signature.No, "takes EC keys with SHA-256 only"
		}
		return signature.Yes, "EC P-256, SHA-256"
	}
	return signature.No, "knows RSA and EC keys only"
}

// harmony is RecoverySystem.verifyPackage up to 6.0: the first certificate's key,
// the first SignerInfo's algorithms, the whole file as the message. Signed
// attributes are not looked at.
func (p *part) harmony(digests map[crypto.Hash][]byte) (signature.Tri, string) {
	takes, rule, first := p.java()
	if first == nil {
		return takes, rule
	}
	s := p.cms.Signers[0]
	if first.Algorithm != "RSA" {
		return signature.Unknown, "which names of EC signatures it knew is not known"
	}
	if first.Key == nil || digests[s.Hash] == nil {
		return signature.Unknown, "the first certificate's key could not be judged"
	}
	switch err := signature.Verify(first.Key, s.Hash, digests[s.Hash], nil, s.Signature); {
	case err == nil:
		return signature.Yes, "verifies with the first certificate, which must be trusted"
	case !errors.Is(err, parse.ErrFormat):
		return signature.Unknown, "the first certificate's key could not be judged"
	case s.Attributes != nil:
		return signature.No, "does not look at signed attributes, which this signature is over"
	}
	return signature.No, "does not verify with the first certificate"
}

// pkcs7 is RecoverySystem.verifyPackage from 7.0: sun.security.pkcs.PKCS7, which
// honours signed attributes and verifies with the certificate that the SignerInfo
// names, while it is the first certificate that must be trusted.
func (p *part) pkcs7(digests map[crypto.Hash][]byte) (signature.Tri, string) {
	takes, rule, first := p.java()
	if first == nil {
		return takes, rule
	}
	s := p.cms.Signers[0]
	c := p.cms.Certificate(s)
	if c == nil {
		return signature.No, "the certificate that the signer info names is missing"
	}
	if digests[s.Hash] == nil {
		return signature.Unknown, "the digest algorithm could not be judged"
	}
	switch err := p.cms.Verify(s, c, digests[s.Hash], nil); {
	case err != nil && !errors.Is(err, parse.ErrFormat):
		return signature.Unknown, "the certificate's key could not be judged"
	case err != nil:
		return signature.No, "does not verify with the certificate that the signer info names"
	case first.KeySHA256() != c.KeySHA256():
		return signature.No, "the first certificate, which must be trusted, has another key than the signer's"
	case c.X509 == nil:
		return signature.Unknown, "whether its reader takes this certificate is not known"
	case len(c.X509.UnhandledCriticalExtensions) > 0:
		return signature.Unknown, "the certificate has critical extensions"
	case c.X509.KeyUsage != 0 && c.X509.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0:
		return signature.No, "the certificate's key usage does not allow signatures"
	}
	return signature.Yes, "verifies with the certificate that the signer info names"
}

// java is what both generations of RecoverySystem demand first; a nil certificate
// comes with the answer.
func (p *part) java() (signature.Tri, string, *signature.Certificate) {
	switch {
	case p.cms == nil:
		return signature.Unknown, "the message is not DER, and how much else its reader takes is not known", nil
	case len(p.cms.Signers) == 0:
		return signature.No, "the message has no signer", nil
	case len(p.cms.Refused) > 0:
		return signature.Unknown, "a certificate could not be read", nil
	case len(p.cms.Certificates) == 0:
		return signature.No, "the message must hold the signer's certificate", nil
	case !slices.ContainsFunc(p.found, func(c *signature.Certificate) bool { return c.SHA256() == p.cms.Certificates[0].SHA256() }):
		return signature.Unknown, "the message is read in two ways", nil
	}
	return 0, "", p.cms.Certificates[0]
}
