package bootsig

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/verity"
)

// A Key is the key of a boot image's /verity_key.
type Key struct {
	SHA256    string // of the file
	KeySHA256 string // of the SubjectPublicKeyInfo that a certificate would have

	rsa *rsa.PublicKey
}

// ParseKey reads /verity_key, 524 bytes: the number of words, n0inv, the modulus of 2048 bits and R squared from
// their least bytes on, and the exponent 3 or 65537. n0inv and R squared follow from the modulus; libmincrypt
// computes with them as they stand, so that wrong ones are refused. Errors are ErrFormat.
func ParseKey(b []byte) (*Key, error) {
	bad := func(off int64, msg string, got any) (*Key, error) {
		return nil, fail(off, parse.ErrFormat, "the verity key: "+msg, got)
	}
	if len(b) != lenKey {
		return bad(-1, "not of 524 bytes", len(b))
	}
	c := parse.NewCursor("bootsig", b, 0)
	words, inverse := c.U32LE(), c.U32LE()
	n, rr := littleEndian(c.Bytes(keyWords*4)), littleEndian(c.Bytes(keyWords*4))
	e := c.U32LE()
	switch {
	case words != keyWords:
		return bad(0, "not of 64 words", words)
	case n.BitLen() != keyWords*32 || n.Bit(0) == 0:
		return bad(8, "no modulus of 2048 bits", n.BitLen())
	case uint32(n.Bits()[0])*inverse != 1<<32-1:
		return bad(4, "n0inv does not follow from the modulus", inverse)
	case e != 3 && e != 65537:
		return bad(520, "an exponent that libmincrypt does not take", e)
	}
	r := new(big.Int).Lsh(big.NewInt(1), 2*keyWords*32)
	if r.Mod(r, n).Cmp(rr) != 0 {
		return bad(264, "R squared does not follow from the modulus", nil)
	}
	k := &Key{SHA256: hexSum(b), rsa: &rsa.PublicKey{N: n, E: int(e)}}
	der, err := x509.MarshalPKIXPublicKey(k.rsa)
	if err != nil {
		return bad(-1, err.Error(), nil)
	}
	k.KeySHA256 = hexSum(der)
	return k, c.Err()
}

func littleEndian(p []byte) *big.Int {
	p = slices.Clone(p)
	slices.Reverse(p)
	return new(big.Int).SetBytes(p)
}

func hexSum(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}

// checkSum compares the parity with the digest in its header, which libfec does as well.
func checkSum(parity blob.Blob, h *verity.FECHeader) error {
	sum := sha256.New()
	if err := feed(sum, parity, h.Size); err != nil {
		return err
	}
	if !slices.Equal(sum.Sum(nil), h.SHA256[:]) {
		return fail(h.Off, parse.ErrFormat, "the parity does not have the digest that its header states", nil)
	}
	return nil
}
