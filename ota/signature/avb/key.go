package avb

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// An Algorithm is AvbAlgorithmType.
type Algorithm uint32

// An algorithm is how libavb verifies with one of them.
type algorithm struct {
	name     string
	hash     crypto.Hash // 0: header and auxiliary block are signed themselves, and no hash is stored
	bits     int         // of RSA
	key      int         // of ML-DSA: bytes of a public key
	standard string      // its name in FIPS 204
}

var algorithms = [...]algorithm{
	{name: "NONE"},
	{name: "SHA256_RSA2048", hash: crypto.SHA256, bits: 2048},
	{name: "SHA256_RSA4096", hash: crypto.SHA256, bits: 4096},
	{name: "SHA256_RSA8192", hash: crypto.SHA256, bits: 8192},
	{name: "SHA512_RSA2048", hash: crypto.SHA512, bits: 2048},
	{name: "SHA512_RSA4096", hash: crypto.SHA512, bits: 4096},
	{name: "SHA512_RSA8192", hash: crypto.SHA512, bits: 8192},
	{name: "MLDSA65", key: 1952, standard: "ML-DSA-65"},
	{name: "MLDSA87", key: 2592, standard: "ML-DSA-87"},
}

// Known tells whether libavb has a name for a.
func (a Algorithm) Known() bool { return int(a) < len(algorithms) }

func (a Algorithm) String() string {
	if !a.Known() {
		return fmt.Sprintf("algorithm %d", uint32(a))
	}
	return algorithms[a].name
}

// KeySHA256 is the digest of a key as a vbmeta struct has it, which is its identity: a device
// compares the bytes.
func KeySHA256(key []byte) string {
	d := sha256.Sum256(key)
	return hex.EncodeToString(d[:])
}

// rsaKey reads AvbRSAPublicKeyHeader: the number of bits, n0inv, then n and R squared modulo
// n, where R is 2 to the number of bits. libavb computes with n0inv and R squared as they stand, so that a
// wrong one makes every signature fail; they follow from n, and are compared here.
func rsaKey(blob []byte, bits int) (*rsa.PublicKey, error) {
	bad := func(msg string, got any) error { return fail(-1, parse.ErrFormat, "the public key: "+msg, got) }
	if len(blob) != 8+bits/4 {
		return nil, bad("not as long as the algorithm's", len(blob))
	}
	if got := binary.BigEndian.Uint32(blob); got != uint32(bits) {
		return nil, bad("of another number of bits than the algorithm's", got)
	}
	n := new(big.Int).SetBytes(blob[8 : 8+bits/8])
	if n.BitLen() != bits || n.Bit(0) == 0 {
		// libavb would compute with it. No tool makes such a key.
		return nil, fail(-1, parse.ErrUnsupported, "not judged: the public key has no modulus of that many bits", n.BitLen())
	}
	low := uint32(n.Bits()[0])
	if inverse := binary.BigEndian.Uint32(blob[4:]); low*inverse != 1<<32-1 {
		return nil, bad("n0inv does not follow from the modulus", inverse)
	}
	r := new(big.Int).Lsh(big.NewInt(1), uint(2*bits))
	if r.Mod(r, n).Cmp(new(big.Int).SetBytes(blob[8+bits/8:])) != 0 {
		return nil, bad("R squared does not follow from the modulus", nil)
	}
	return &rsa.PublicKey{N: n, E: 65537}, nil // kF4 of avb_rsa.c
}

// mldsaKey reads AvbMLDSAPublicKeyHeader, the number of bytes that follow, and the key.
func mldsaKey(blob []byte, size int) (crypto.PublicKey, error) {
	const header = 4
	if len(blob) != header+size {
		return nil, fail(-1, parse.ErrFormat, "the public key: not as long as the algorithm's", len(blob))
	}
	if got := binary.BigEndian.Uint32(blob); got != uint32(size) {
		return nil, fail(-1, parse.ErrFormat, "the public key: it states another length than the algorithm's", got)
	}
	return signature.MLDSAKey(blob[header:])
}

// ParseKey reads a key as avbtool extract_public_key writes it and a vbmeta struct has it, of any algorithm, and gives the
// digest of its SubjectPublicKeyInfo, by which it is known elsewhere. What is no such key is ErrFormat.
func ParseKey(blob []byte) (sha256 string, err error) {
	for i := range algorithms {
		alg := &algorithms[i]
		switch {
		case alg.key > 0 && len(blob) == 4+alg.key:
			if _, err := mldsaKey(blob, alg.key); err != nil {
				return "", err
			}
			return mldsaSPKI(blob, alg), nil
		case alg.bits > 0 && len(blob) == 8+alg.bits/4:
			key, err := rsaKey(blob, alg.bits)
			if err != nil {
				return "", err
			}
			return spki(key), nil
		}
	}
	return "", fail(-1, parse.ErrFormat, "no public key of avbtool is as long", len(blob))
}

// spki is the digest of the key's SubjectPublicKeyInfo.
func spki(key crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	return KeySHA256(der)
}

// mldsaSPKI is spki for what crypto/x509 of Go 1.26 cannot write: RFC 9881, section 4. All of it but the key is the
// same for each algorithm.
func mldsaSPKI(blob []byte, alg *algorithm) string {
	const arc = "\x60\x86\x48\x01\x65\x03\x04\x03" // 2.16.840.1.101.3.4.3, id-ml-dsa-65 being 18 there, id-ml-dsa-87 19
	last := map[string]byte{"ML-DSA-65": 18, "ML-DSA-87": 19}[alg.standard]
	oid := append([]byte("\x30\x0b\x06\x09"+arc), last)
	bits := append(der2(0x03, 1+alg.key), 0)
	body := append(append(oid, bits...), blob[4:]...)
	return KeySHA256(append(der2(0x30, len(body)), body...))
}

// der2 is the head of an element whose length takes two bytes.
func der2(tag byte, n int) []byte { return []byte{tag, 0x82, byte(n >> 8), byte(n)} }
