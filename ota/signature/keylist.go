package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/big"
	"strconv"

	"github.com/otavet/otavet/ota/parse"
)

// A ListedKey is a key of a list that recovery trusts for updates.
type ListedKey struct {
	Off       int64 // of the key in the list
	Version   int   // 1 to 5: what stands before the key, such as v2; 1: nothing
	Hash      crypto.Hash
	Algorithm string // RSA or EC
	Bits      int
	SPKI      []byte // SubjectPublicKeyInfo
}

// KeySHA256 is the digest of the SubjectPublicKeyInfo, in hexadecimal.
func (k *ListedKey) KeySHA256() string { return hexSHA256(k.SPKI) }

// maxListed bounds the keys of a list: no device has more than a few.
const maxListed = 256

// maxWords bounds the modulus of a key, in words of 32 bits: 8192 bits. AOSP's tools write 64.
const maxWords = 256

// ParseKeyList reads the list of keys that recovery had as /res/keys, up to Android 8: the form
// that DumpPublicKey.java of AOSP writes and load_keys in verifier.cpp reads. Keys stand behind one another
// with commas between. RSA has its modulus in words from the least on,
// the inverse -1/n[0], and R squared, which follow from it; EC on P-256 has the bytes of x and y, of which the
// first is the least.
//
//	[v2|v3|v4 ]{64,0xc926ad21,{1795090719,...},{-857949815,...}}
//	v5 {32,{241,...},{108,...}}
//
// Errors are *parse.Error with the offset in text.
func ParseKeyList(text []byte) ([]ListedKey, error) {
	s := listScanner{text: text}
	var keys []ListedKey
	for {
		if len(keys) == maxListed {
			return nil, s.fail(parse.ErrLimit, fmt.Sprintf("more than %d keys", maxListed))
		}
		k, err := s.key()
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
		if s.space(); s.at == len(text) {
			return keys, nil
		}
		if err := s.want(","); err != nil {
			return nil, err
		}
	}
}

type listScanner struct {
	text []byte
	at   int
}

func (s *listScanner) fail(kind error, msg string) error {
	return &parse.Error{Format: "key list", Off: int64(s.at), Msg: msg, Kind: kind}
}

func (s *listScanner) space() {
	for s.at < len(s.text) && bytes.IndexByte([]byte(" \t\r\n"), s.text[s.at]) >= 0 {
		s.at++
	}
}

func (s *listScanner) want(word string) error {
	s.space()
	if !bytes.HasPrefix(s.text[s.at:], []byte(word)) {
		return s.fail(parse.ErrFormat, "no "+word)
	}
	s.at += len(word)
	return nil
}

// number reads a word, which is signed or not, decimal or with 0x.
func (s *listScanner) number() (uint32, error) {
	s.space()
	end := s.at
	for end < len(s.text) && end-s.at < 12 && bytes.IndexByte([]byte("-0123456789abcdefABCDEFx"), s.text[end]) >= 0 {
		end++
	}
	n, err := strconv.ParseInt(string(s.text[s.at:end]), 0, 64)
	if err != nil || n < -1<<31 || n >= 1<<32 {
		return 0, s.fail(parse.ErrFormat, "no number of 32 bits")
	}
	s.at = end
	return uint32(n), nil
}

// numbers reads n of them in braces.
func (s *listScanner) numbers(n int) ([]uint32, error) {
	if err := s.want("{"); err != nil {
		return nil, err
	}
	list := make([]uint32, n)
	for i := range list {
		if i > 0 {
			if err := s.want(","); err != nil {
				return nil, err
			}
		}
		var err error
		if list[i], err = s.number(); err != nil {
			return nil, err
		}
	}
	return list, s.want("}")
}

func (s *listScanner) key() (ListedKey, error) {
	s.space()
	k := ListedKey{Off: int64(s.at), Version: 1, Hash: crypto.SHA1}
	if s.at < len(s.text) && s.text[s.at] == 'v' {
		s.at++
		n, err := s.number()
		if err != nil {
			return k, err
		}
		if n < 2 || n > 5 {
			return k, s.fail(parse.ErrUnsupported, fmt.Sprintf("a key of version %d", n))
		}
		k.Version = int(n)
	}
	if k.Version >= 3 {
		k.Hash = crypto.SHA256
	}
	if err := s.want("{"); err != nil {
		return k, err
	}
	size, err := s.number()
	if err != nil {
		return k, err
	}
	if err := s.want(","); err != nil {
		return k, err
	}
	var pub any
	if k.Version == 5 {
		pub, err = s.ec(&k, size)
	} else {
		pub, err = s.rsa(&k, size)
	}
	if err != nil {
		return k, err
	}
	if k.SPKI, err = x509.MarshalPKIXPublicKey(pub); err != nil {
		return k, s.fail(parse.ErrFormat, "no key: "+err.Error())
	}
	return k, s.want("}")
}

// rsa reads a key whose exponent is 3 in versions 1 and 3, 65537 in 2 and 4.
func (s *listScanner) rsa(k *ListedKey, words uint32) (*rsa.PublicKey, error) {
	if words < 16 || words > maxWords {
		return nil, s.fail(parse.ErrUnsupported, fmt.Sprintf("a modulus of %d words", words))
	}
	inverse, err := s.number()
	if err != nil {
		return nil, err
	}
	if err := s.want(","); err != nil {
		return nil, err
	}
	modulus, err := s.numbers(int(words))
	if err != nil {
		return nil, err
	}
	if err := s.want(","); err != nil {
		return nil, err
	}
	if _, err := s.numbers(int(words)); err != nil {
		return nil, err
	}
	if modulus[0]*inverse != 1<<32-1 {
		return nil, s.fail(parse.ErrFormat, "n0inv is not that of the modulus")
	}
	pub := &rsa.PublicKey{N: littleEndian(modulus, 4), E: 3}
	if k.Version%2 == 0 {
		pub.E = 65537
	}
	k.Algorithm, k.Bits = "RSA", pub.N.BitLen()
	return pub, nil
}

func (s *listScanner) ec(k *ListedKey, size uint32) (*ecdsa.PublicKey, error) {
	if size != 32 {
		return nil, s.fail(parse.ErrUnsupported, fmt.Sprintf("a point of %d bytes", size))
	}
	x, err := s.numbers(32)
	if err != nil {
		return nil, err
	}
	if err := s.want(","); err != nil {
		return nil, err
	}
	y, err := s.numbers(32)
	if err != nil {
		return nil, err
	}
	point := make([]byte, 65)
	point[0] = 4 // not compressed
	littleEndian(x, 1).FillBytes(point[1:33])
	littleEndian(y, 1).FillBytes(point[33:])
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, s.fail(parse.ErrFormat, "no point of P-256")
	}
	k.Algorithm, k.Bits = "EC", 256
	return pub, nil
}

// littleEndian is the number of words of size bytes, the least first.
func littleEndian(words []uint32, size int) *big.Int {
	p := make([]byte, 0, len(words)*size)
	for i := len(words) - 1; i >= 0; i-- {
		var w [4]byte
		binary.BigEndian.PutUint32(w[:], words[i])
		p = append(p, w[4-size:]...)
	}
	return new(big.Int).SetBytes(p)
}
