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
)

// An Algorithm is AvbAlgorithmType.
type Algorithm uint32

// algorithms are those of libavb. Of the last two no hash is stored: header and auxiliary block
// are signed themselves.
var algorithms = [...]struct {
	name string
	hash crypto.Hash
	bits int // of RSA
}{
	{"NONE", 0, 0},
	{"SHA256_RSA2048", crypto.SHA256, 2048},
	{"SHA256_RSA4096", crypto.SHA256, 4096},
	{"SHA256_RSA8192", crypto.SHA256, 8192},
	{"SHA512_RSA2048", crypto.SHA512, 2048},
	{"SHA512_RSA4096", crypto.SHA512, 4096},
	{"SHA512_RSA8192", crypto.SHA512, 8192},
	{"MLDSA65", 0, 0},
	{"MLDSA87", 0, 0},
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
		return nil, bad("no modulus of that many bits", n.BitLen())
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

// spki is the digest of the key's SubjectPublicKeyInfo, by which it is known elsewhere.
func spki(key *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	return KeySHA256(der)
}
