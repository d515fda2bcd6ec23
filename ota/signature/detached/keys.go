package detached

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

const (
	// maxKeyData bounds a file of keys: an OpenPGP key with hundreds of signatures
	// by others has 1 MiB.
	maxKeyData = 4 << 20
	maxKeys    = 4096
)

// A Key is a public key that may have made signatures of one scheme, with what
// its file says of its use. Keys of signify have the scheme of minisign: the two
// cannot be told apart.
type Key struct {
	Scheme  signature.Scheme
	ID      string // what the scheme names it by: minisign's number, ssh's SHA256:…, OpenPGP's fingerprint, cosign's SHA-256 of the SubjectPublicKeyInfo
	Comment string // what the file calls it: comment, principals, user ID, subject; nobody need have proven it; escaped

	pub       crypto.PublicKey
	algorithm string
	bits      int
	spki      string // SHA-256, in hexadecimal

	number  [8]byte                // of minisign and signify
	blob    []byte                 // of ssh
	allowed *allowed               // of ssh: the line of allowed signers
	cert    *signature.Certificate // of cosign
	entity  *entity                // of OpenPGP
}

// ParseKeys reads a file of public keys: of minisign or signify; of OpenSSH, one in each
// line, by itself or as a list of allowed signers; an OpenPGP key ring, armored or
// binary; PEM public keys or certificates, which are cosign's.
func ParseKeys(data []byte) ([]Key, error) {
	if len(data) > maxKeyData {
		return nil, fail(parse.ErrLimit, -1, "more bytes of keys than are read", len(data))
	}
	text := bytes.TrimSpace(data)
	switch {
	case len(text) == 0:
		return nil, fail(parse.ErrFormat, 0, "no key", nil)
	case bytes.HasPrefix(text, []byte("untrusted comment:")), bytes.HasPrefix(text, []byte("RW")) && len(text) == 56:
		k, err := parseEdKey(text)
		if err != nil {
			return nil, err
		}
		return []Key{k}, nil
	case bytes.HasPrefix(text, []byte("-----BEGIN PGP ")), data[0]&0x80 != 0:
		return parseKeyRing(data)
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		return parsePEM(data)
	}
	return parseAllowedSigners(data)
}

// KeySHA256 lists the SHA-256 of each SubjectPublicKeyInfo that k may sign with:
// one, or of OpenPGP the primary key and the subkeys that are bound to it.
func (k Key) KeySHA256() []string {
	if k.entity == nil {
		return []string{k.spki}
	}
	return k.entity.spkis()
}

func (k *Key) setPublic(pub crypto.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return fail(parse.ErrUnsupported, -1, "the key cannot be used: "+parse.EscapeText(err.Error()), nil)
	}
	sum := sha256.Sum256(der)
	k.pub, k.spki = pub, hex.EncodeToString(sum[:])
	k.algorithm, k.bits = describe(pub)
	return nil
}

func describe(pub crypto.PublicKey) (algorithm string, bits int) {
	switch p := pub.(type) {
	case *rsa.PublicKey:
		return "RSA", p.N.BitLen()
	case *ecdsa.PublicKey:
		return "EC", p.Curve.Params().BitSize
	case ed25519.PublicKey:
		return "Ed25519", 256
	}
	return "", 0
}

// signer describes k, which made a signature over a digest by h.
func (k Key) signer(h crypto.Hash) signature.Signer {
	c := &signature.Certificate{Algorithm: k.algorithm, Bits: k.bits}
	if k.cert != nil {
		c = k.cert
	}
	s := signature.NewSigner(c, h) // which knows what is weak
	s.KeySHA256 = k.spki
	if k.cert == nil {
		s.SHA256, s.Subject = "", string(k.Scheme)+" key "+k.ID
	}
	return s
}

// parsePEM reads public keys and certificates, and no others.
func parsePEM(data []byte) ([]Key, error) {
	var keys []Key
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if len(keys) == maxKeys {
			return nil, fail(parse.ErrLimit, -1, "more keys than are read", len(keys))
		}
		k := Key{Scheme: signature.SchemeCosign}
		switch block.Type {
		case "PUBLIC KEY":
			pub, err := x509.ParsePKIXPublicKey(block.Bytes)
			if err != nil {
				return nil, fail(parse.ErrFormat, -1, "no public key: "+parse.EscapeText(err.Error()), nil)
			}
			if err := k.setPublic(pub); err != nil {
				return nil, err
			}
			// As stored: another encoding of the key would have another digest.
			sum := sha256.Sum256(block.Bytes)
			k.spki = hex.EncodeToString(sum[:])
		case "CERTIFICATE":
			c, err := signature.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, err
			}
			if c.Key == nil {
				return nil, c.KeyError
			}
			k.cert, k.pub, k.spki, k.Comment = c, c.Key, c.KeySHA256(), c.Subject
			k.algorithm, k.bits = c.Algorithm, c.Bits
		default:
			return nil, fail(parse.ErrUnsupported, len(data)-len(rest), "neither public key nor certificate", block.Type)
		}
		k.ID = k.spki
		keys = append(keys, k)
	}
	if keys == nil {
		return nil, fail(parse.ErrFormat, 0, "no key", nil)
	}
	return keys, nil
}
