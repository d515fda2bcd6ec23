package detached

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 old keys of OpenPGP
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"math/bits"
	"strings"

	pgpecdsa "github.com/ProtonMail/go-crypto/openpgp/ecdsa"
	pgped25519 "github.com/ProtonMail/go-crypto/openpgp/ed25519"
	"github.com/ProtonMail/go-crypto/openpgp/eddsa"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// Packet types, RFC 9580, 5.
const (
	tagSignature     = 2
	tagOnePass       = 4
	tagSecretKey     = 5
	tagPublicKey     = 6
	tagSecretSubkey  = 7
	tagCompressed    = 8
	tagMarker        = 10
	tagLiteral       = 11
	tagTrust         = 12
	tagUserID        = 13
	tagPublicSubkey  = 14
	tagUserAttribute = 17
)

// maxPackets bounds the packets of a key ring.
const maxPackets = 1 << 16

// A rawPacket is a packet as it stands.
type rawPacket struct {
	tag  int
	off  int // of its header
	head int // the header's length
	all  []byte
}

func (p rawPacket) body() []byte { return p.all[p.head:] }

// packetHeader reads a header whose length is stated; there are others, which only
// packets of data have. The size, of 32 bits, is not yet that of anything in memory.
func packetHeader(b []byte) (tag int, size int64, header int, ok bool) {
	c := parse.NewCursor("detached", b, 0)
	first := int(c.U8())
	switch {
	case first&0x80 == 0:
		return 0, 0, 0, false
	case first&0x40 == 0: // the old form
		tag = first >> 2 & 15
		switch first & 3 {
		case 0:
			size = int64(c.U8())
		case 1:
			size = int64(c.U16BE())
		case 2:
			size = int64(c.U32BE())
		case 3:
			return 0, 0, 0, false
		}
	default:
		tag = first & 63
		switch n := int64(c.U8()); {
		case n < 192:
			size = n
		case n < 224:
			size = (n-192)<<8 + int64(c.U8()) + 192
		case n == 255:
			size = int64(c.U32BE())
		default:
			return 0, 0, 0, false
		}
	}
	return tag, size, int(c.Offset()), c.Err() == nil
}

// packets calls f with each packet of b, which is at off in the file.
func packets(b []byte, f func(rawPacket) error) error {
	for off, n := 0, 0; off < len(b); n++ {
		if n == maxPackets {
			return fail(parse.ErrLimit, off, "more OpenPGP packets than are read", n)
		}
		tag, size, head, ok := packetHeader(b[off:])
		if !ok {
			return fail(parse.ErrFormat, off, "no OpenPGP packet of stated length", nil)
		}
		if size > int64(len(b)-off-head) {
			return fail(parse.ErrFormat, off, "the OpenPGP packet does not fit into the file", size)
		}
		end := off + head + int(size)
		if err := f(rawPacket{tag, off, head, b[off:end]}); err != nil {
			return err
		}
		off = end
	}
	return nil
}

// decode reads a signature or public key; no other kind of packet comes here, and none
// is decompressed or decrypted.
func (p rawPacket) decode() (packet.Packet, error) {
	r := bytes.NewReader(p.all)
	out, err := packet.Read(r)
	var unsupported pgperrors.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		return nil, fail(parse.ErrUnsupported, p.off, "not judged: OpenPGP: "+parse.EscapeText(err.Error()), nil)
	case err != nil:
		return nil, fail(parse.ErrFormat, p.off, "OpenPGP: "+parse.EscapeText(err.Error()), nil)
	case r.Len() > 0:
		return nil, fail(parse.ErrFormat, p.off, "more in the OpenPGP packet than it needs", r.Len())
	}
	return out, nil
}

// signature reads a signature of version 4.
func (p rawPacket) signature() (*packet.Signature, error) {
	out, err := p.decode()
	if err != nil {
		return nil, err
	}
	sig, ok := out.(*packet.Signature)
	if !ok {
		return nil, fail(parse.ErrFormat, p.off, "no OpenPGP signature", nil)
	}
	if sig.Version != 4 {
		return nil, fail(parse.ErrUnsupported, p.off, "not judged: an OpenPGP signature of a version that is not known", sig.Version)
	}
	return sig, nil
}

// pgpKey gives the key of a packet as the standard library has it.
func pgpKey(pk *packet.PublicKey) (crypto.PublicKey, error) {
	none := func() (crypto.PublicKey, error) {
		return nil, fail(parse.ErrUnsupported, -1, "not judged: no verifier for this kind of OpenPGP key", uint8(pk.PubKeyAlgo))
	}
	switch k := pk.PublicKey.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() == 0 || k.E < 2 {
			return none()
		}
		return k, nil
	case *dsa.PublicKey:
		if k.P.Sign() == 0 || k.Q.Sign() == 0 || k.Y.Sign() == 0 {
			return none()
		}
		return k, nil
	case *pgpecdsa.PublicKey:
		curve, ok := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.GetCurve().GetCurveName()]
		if !ok {
			return none()
		}
		pub, err := ecdsa.ParseUncompressedPublicKey(curve, k.MarshalPoint())
		if err != nil {
			return nil, fail(parse.ErrFormat, -1, "the OpenPGP key is no point of its curve", nil)
		}
		return pub, nil
	case *eddsa.PublicKey:
		if k.GetCurve().GetCurveName() != "ed25519" || len(k.X) != ed25519.PublicKeySize {
			return none()
		}
		return ed25519.PublicKey(k.X), nil
	case *pgped25519.PublicKey:
		if len(k.Point) != ed25519.PublicKeySize {
			return none()
		}
		return ed25519.PublicKey(k.Point), nil
	}
	return none()
}

// mpi gives an integer of a signature, whose number of bits must be the true one:
// most bits of it change nothing else.
func mpi(f interface {
	Bytes() []byte
	BitLength() uint16
}) ([]byte, error) {
	b := f.Bytes()
	if len(b) == 0 || b[0] == 0 || int(f.BitLength()) != 8*(len(b)-1)+bits.Len8(b[0]) {
		return nil, fail(parse.ErrFormat, -1, "the length of an integer of the OpenPGP signature is not its own", f.BitLength())
	}
	return b, nil
}

// verifyPGP checks sig over a digest, the file's or a key's.
func verifyPGP(pub crypto.PublicKey, sig *packet.Signature, digest []byte) error {
	if !bytes.Equal(digest[:2], sig.HashTag[:]) {
		return fail(parse.ErrFormat, -1, "the digest is not the one that was signed", nil)
	}
	var value []byte
	var err error
	pair := func(r, s interface {
		Bytes() []byte
		BitLength() uint16
	}) (a, b []byte) {
		if a, err = mpi(r); err == nil {
			b, err = mpi(s)
		}
		return a, b
	}
	wrong := fail(parse.ErrFormat, -1, "the OpenPGP signature is not by this kind of key", nil)
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if sig.RSASignature == nil {
			return wrong
		}
		if value, err = mpi(sig.RSASignature); err == nil && len(value) < k.Size() {
			value = append(make([]byte, k.Size()-len(value)), value...)
		}
	case *dsa.PublicKey:
		if sig.DSASigR == nil {
			return wrong
		}
		if r, s := pair(sig.DSASigR, sig.DSASigS); err == nil {
			value, err = asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
		}
	case *ecdsa.PublicKey:
		if sig.ECDSASigR == nil {
			return wrong
		}
		if r, s := pair(sig.ECDSASigR, sig.ECDSASigS); err == nil {
			value, err = asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
		}
	case ed25519.PublicKey:
		switch {
		case sig.EdDSASigR != nil:
			r, s := pair(sig.EdDSASigR, sig.EdDSASigS)
			if len(r) > 32 || len(s) > 32 {
				return wrong
			}
			value = make([]byte, 64)
			copy(value[32-len(r):], r)
			copy(value[64-len(s):], s)
		case sig.EdSig != nil:
			value = sig.EdSig
		default:
			return wrong
		}
	}
	if err != nil {
		return err
	}
	return signature.Verify(pub, sig.Hash, digest, digest, value)
}

// pgpDearmor gives the packets of a file, armored or not. In an armor neither its
// headers nor what stands before and behind it is read.
func pgpDearmor(b []byte, kind string) ([]byte, error) {
	if len(b) > 0 && b[0]&0x80 != 0 {
		return b, nil
	}
	const dashes = "-----"
	rest := bytes.TrimLeft(b, " \t\r\n")
	line, rest, _ := cutLine(rest)
	name, begun := strings.CutPrefix(strings.TrimRight(string(line), " \t"), dashes+"BEGIN ")
	name, ok := strings.CutSuffix(name, dashes)
	if !begun || !ok {
		return nil, fail(parse.ErrFormat, 0, "no OpenPGP armor", nil)
	}
	switch name {
	case kind:
	case "PGP SIGNED MESSAGE", "PGP MESSAGE":
		return nil, fail(parse.ErrUnsupported, 0, "not judged: a signed message, not a signature beside a file", name)
	default:
		return nil, fail(parse.ErrUnsupported, 0, "another armor than "+kind, name)
	}
	for { // headers, until a line without anything
		if line, rest, ok = cutLine(rest); !ok {
			return nil, fail(parse.ErrFormat, len(b), "the OpenPGP armor does not end", nil)
		}
		if len(bytes.TrimRight(line, " \t")) == 0 {
			break
		}
		if !bytes.Contains(line, []byte(": ")) {
			return nil, fail(parse.ErrFormat, len(b)-len(rest), "no header of an OpenPGP armor", nil)
		}
	}
	body, tail, ok := bytes.Cut(rest, []byte(dashes+"END "+kind+dashes))
	if !ok {
		return nil, fail(parse.ErrFormat, len(b), "the OpenPGP armor does not end", nil)
	}
	if len(bytes.Trim(tail, " \t\r\n")) > 0 {
		return nil, fail(parse.ErrFormat, len(b)-len(tail), "more behind the OpenPGP armor", nil)
	}
	body = bytes.TrimRight(body, " \t\r\n")
	var sum []byte
	if i := bytes.LastIndexByte(body, '\n'); i >= 0 && len(body)-i == 6 && body[i+1] == '=' {
		var err error
		if sum, err = base64.StdEncoding.Strict().AppendDecode(nil, body[i+2:]); err != nil || len(sum) != 3 {
			return nil, fail(parse.ErrFormat, -1, "no checksum of an OpenPGP armor", nil)
		}
		body = body[:i]
	}
	raw, err := base64.StdEncoding.Strict().AppendDecode(nil, body)
	if err != nil {
		return nil, fail(parse.ErrFormat, -1, "no base64 in the OpenPGP armor", nil)
	}
	if got := crc24(raw); sum != nil && got != [3]byte(sum) {
		return nil, fail(parse.ErrFormat, -1, "the checksum of the OpenPGP armor is another", nil)
	}
	return raw, nil
}

// crc24 is the checksum of RFC 4880, 6.1.
func crc24(b []byte) [3]byte {
	crc := uint32(0xb704ce)
	for _, c := range b {
		crc ^= uint32(c) << 16
		for range 8 {
			if crc <<= 1; crc&0x1000000 != 0 {
				crc ^= 0x1864cfb
			}
		}
	}
	return [3]byte{byte(crc >> 16), byte(crc >> 8), byte(crc)}
}
