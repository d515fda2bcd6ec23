package apk

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // of the algorithms
	_ "crypto/sha512"
	"crypto/x509"
	"fmt"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// A content is a way to digest the file: CONTENT_DIGEST_… of the platform.
type content int

const (
	chunkedSHA256 content = 1
	chunkedSHA512 content = 2
	veritySHA256  content = 3
	wholeSHA256   content = 4 // of META-INF/MANIFEST.MF, in source stamps alone
)

func (c content) String() string {
	switch c {
	case chunkedSHA256:
		return "SHA-256 of 1 MiB chunks"
	case chunkedSHA512:
		return "SHA-512 of 1 MiB chunks"
	case veritySHA256:
		return "verity SHA-256"
	}
	return fmt.Sprintf("digest %d", int(c))
}

// strength is the platform's order: verity stands between the two others.
func (c content) strength() int {
	switch c {
	case chunkedSHA256:
		return 1
	case veritySHA256:
		return 2
	case chunkedSHA512:
		return 3
	}
	return 0
}

// An algorithm is what a signature algorithm id stands for.
type algorithm struct {
	name    string
	key     string // as signature.Certificate.Algorithm has it
	hash    crypto.Hash
	pss     bool
	content content
	since   int // SDK of the first release that reads it
}

// algorithms are SIGNATURE_… of ApkSigningBlockUtils.
var algorithms = map[uint32]algorithm{
	0x0101: {"RSASSA-PSS with SHA-256", "RSA", crypto.SHA256, true, chunkedSHA256, sdkN},
	0x0102: {"RSASSA-PSS with SHA-512", "RSA", crypto.SHA512, true, chunkedSHA512, sdkN},
	0x0103: {"RSASSA-PKCS1-v1_5 with SHA-256", "RSA", crypto.SHA256, false, chunkedSHA256, sdkN},
	0x0104: {"RSASSA-PKCS1-v1_5 with SHA-512", "RSA", crypto.SHA512, false, chunkedSHA512, sdkN},
	0x0201: {"ECDSA with SHA-256", "EC", crypto.SHA256, false, chunkedSHA256, sdkN},
	0x0202: {"ECDSA with SHA-512", "EC", crypto.SHA512, false, chunkedSHA512, sdkN},
	0x0301: {"DSA with SHA-256", "DSA", crypto.SHA256, false, chunkedSHA256, sdkN},
	0x0421: {"RSASSA-PKCS1-v1_5 with SHA-256, verity", "RSA", crypto.SHA256, false, veritySHA256, sdkP},
	0x0423: {"ECDSA with SHA-256, verity", "EC", crypto.SHA256, false, veritySHA256, sdkP},
	0x0425: {"DSA with SHA-256, verity", "DSA", crypto.SHA256, false, veritySHA256, sdkP},
}

// verify checks a signature of the algorithm id over message. off is where the
// signature stands.
func (v *verifier) verify(id uint32, key crypto.PublicKey, message, sig []byte, off int64) error {
	a, ok := algorithms[id]
	if !ok {
		return ruled{fail(off, parse.ErrUnsupported, "not judged: a signature algorithm that is not known", id)}
	}
	if kind := keyKind(key); kind != a.key {
		return fail(off, parse.ErrFormat, a.name+" by a key of another kind", kind)
	}
	if v.verified++; v.verified > maxVerified {
		return fail(off, parse.ErrLimit, "not judged: more signatures than are verified", maxVerified)
	}
	h := a.hash.New()
	h.Write(message)
	digest := h.Sum(nil)
	var err error
	if k, isRSA := key.(*rsa.PublicKey); a.pss && isRSA {
		err = signature.VerifyPSS(k, a.hash, digest, sig)
	} else {
		err = signature.Verify(key, a.hash, digest, nil, sig)
	}
	if err != nil {
		return fail(off, kindOf(err), fmt.Sprintf("%s: %v", a.name, err), nil)
	}
	return nil
}

// parseKey reads a SubjectPublicKeyInfo.
func parseKey(spki []byte, off int64) (crypto.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, fail(off, parse.ErrUnsupported, "not judged: the key cannot be read: "+parse.EscapeText(err.Error()), nil)
	}
	return key, nil
}
