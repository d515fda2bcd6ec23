package signature

import (
	"crypto"
	"errors"
	"fmt"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature/known"
)

// ErrNone says that there is no signature of the scheme that was asked for,
// which is another thing than a broken one.
var ErrNone = errors.New("no signature of this scheme")

// A Tri is an answer that may be missing.
type Tri int8

// The three answers; the zero value is the missing one.
const (
	Unknown Tri = iota
	Yes
	No
)

// String is yes, no or unknown.
func (t Tri) String() string {
	switch t {
	case Yes:
		return "yes"
	case No:
		return "no"
	}
	return "unknown"
}

// A Scheme names a way of signing.
type Scheme string

// The schemes of packages below this one.
const (
	SchemeWholeFile Scheme = "wholefile" // CMS in the zip comment; recovery's otautil/verifier.cpp
	SchemeJAR       Scheme = "jar"       // META-INF/MANIFEST.MF, *.SF and *.RSA, *.DSA or *.EC
	SchemeAPKv1     Scheme = "apk-v1"    // a JAR signature by Android's rules for apps; apksig's V1SchemeVerifier
	SchemeAPKv2     Scheme = "apk-v2"    // of an app, by signing block; ApkSignatureSchemeV2Verifier
	SchemeAPKv3     Scheme = "apk-v3"    // likewise, of one key that may have followed others; ApkSignatureSchemeV3Verifier
	SchemeAPKv31    Scheme = "apk-v3.1"  // likewise, for later releases only
	SchemeAPKv4     Scheme = "apk-v4"    // the .idsig beside an app; V4Signature
	SchemeAPKStamp  Scheme = "apk-stamp" // source stamp: who distributed an app; SourceStampVerifier
	SchemePayload   Scheme = "payload"   // of payload.bin: its metadata and the whole; update_engine's payload_verifier.cc
	SchemeAVB       Scheme = "avb"       // vbmeta structs; libavb

	SchemeAPEXPayload  Scheme = "apex-payload"  // the image of a module; apexd
	SchemeAPEXOriginal Scheme = "apex-original" // the digest that a compressed module states of what it unpacks to
	SchemeAVBCert      Scheme = "avb-cert"      // of the key of a vbmeta struct; libavb_cert
	SchemeBoot         Scheme = "bootsig"       // behind a boot image; BootSignature.java of Verified Boot 1.0
	SchemeVerity       Scheme = "verity"        // of a dm-verity table behind a filesystem; build_verity_metadata.py
	SchemeMinisign     Scheme = "minisign"      // beside the file: minisign
	SchemeSignify      Scheme = "signify"       // beside the file: signify of OpenBSD
	SchemeSSH          Scheme = "ssh"           // beside the file: ssh-keygen -Y sign
	SchemeOpenPGP      Scheme = "openpgp"       // beside the file: gpg --detach-sign
	SchemeCosign       Scheme = "cosign"        // beside the file: cosign sign-blob, with a key
)

// A Range is a run of bytes, First to End exclusive, and what it holds.
type Range struct {
	First, End int64
	What       string
}

// A Signer is a key that made a signature, and the certificate that it was taken
// from. It is filled only once that key has verified the signature.
type Signer struct {
	Subject, Issuer string   // as parse.EscapeText leaves them
	SHA256          string   // of the certificate
	KeySHA256       string   // of the SubjectPublicKeyInfo, as stored
	Algorithm       string   // RSA, EC, Ed25519, DSA, ML-DSA-65, ML-DSA-87
	Bits            int      // of the modulus or field; 0: ML-DSA has neither
	Digest          string   // SHA-1, SHA-256, …
	Weak            []string // what of it is weak by today's measure: "SHA-1", "RSA-1024"
	Certificate     []byte   // its DER
}

// A Platform says whether one reader, in one range of releases, would take the
// signature if it trusted the signer's key, and by which rule.
type Platform struct {
	Reader string // recovery, RecoverySystem
	Since  string // Android release; "" from the first
	Until  string // last Android release; "" to the newest known
	Takes  Tri
	Rule   string
}

// A Result is what was found out about one signature.
type Result struct {
	Scheme   Scheme
	Name     string // tells signatures of one scheme apart: the signature file; "" where there can be one only
	Intact   Tri
	Reason   error         // why not Yes, or what stayed open; a *parse.Error
	Signers  []Signer      // who signed, proven
	Covers   []Range       // what the signature protects
	Unsigned []Range       // what it does not
	Accepts  []Platform    // who would take it
	Known    []known.Match // what of the signers is publicly known
	Notes    []string      // what else the signature says, escaped
}

// NewSigner describes the key of c, which verified a signature over a digest made
// by hash.
func NewSigner(c *Certificate, hash crypto.Hash) Signer {
	s := Signer{
		Subject: c.Subject, Issuer: c.Issuer, SHA256: c.SHA256(), KeySHA256: c.KeySHA256(),
		Algorithm: c.Algorithm, Bits: c.Bits, Digest: HashName(hash), Certificate: c.Raw,
	}
	if WeakHash(hash) {
		s.Weak = append(s.Weak, s.Digest)
	}
	// NIST SP 800-131A: RSA and DSA below 2048 bits and curves below 224 bits gave
	// less than 112 bits of security, the least allowed since 2014.
	if least := map[string]int{"RSA": 2048, "DSA": 2048, "EC": 224}[c.Algorithm]; c.Bits < least {
		s.Weak = append(s.Weak, fmt.Sprintf("%s-%d", c.Algorithm, c.Bits))
	}
	return s
}

// KnownMatches lists what is publicly known of the signers' certificates and
// keys. Subjects are never compared: anybody can write one.
func KnownMatches(signers []Signer) []known.Match {
	var out []known.Match
	for _, s := range signers {
		out = append(out, known.Matches(s.SHA256, s.KeySHA256)...)
	}
	return out
}

// HashName is the usual spelling of a hash: SHA-256.
func HashName(h crypto.Hash) string {
	if h == 0 {
		return ""
	}
	return h.String()
}

// WeakHash tells whether collisions of h have been published.
func WeakHash(h crypto.Hash) bool { return h == crypto.MD5 || h == crypto.SHA1 }

// fail makes the errors of this package.
func fail(kind error, off int, msg string, got any) error {
	return &parse.Error{Format: "signature", Off: int64(off), Msg: msg, Got: got, Kind: kind}
}
