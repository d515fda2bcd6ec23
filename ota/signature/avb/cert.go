package avb

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// What the usage of a certificate is the SHA-256 of. avbtool's --usage and libavb_cert have these to
// this day, whatever the device is.
const (
	usageIntermediate = "com.google.android.things.vboot.ca"
	usageSigning      = "com.google.android.things.vboot"
)

// Attributes are AvbCertPermanentAttributes, which a device has in fuses: the key that all its updates go back to.
type Attributes struct {
	RootKey   []byte // AvbRSAPublicKeyHeader and what follows, of 4096 bits: the PRK
	ProductID [16]byte
}

// ParseAttributes reads the file that avbtool make_cert_permanent_attributes writes. Errors are ErrFormat, of
// another version ErrUnsupported.
func ParseAttributes(b []byte) (*Attributes, error) {
	if len(b) != lenAttributes {
		return nil, fail(-1, parse.ErrFormat, "permanent attributes are of 1052 bytes", len(b))
	}
	c := parse.NewCursor("avb", b, 0)
	if version := c.U32LE(); version != certVersion {
		return nil, fail(0, parse.ErrUnsupported, "another version of permanent attributes", version)
	}
	a := &Attributes{RootKey: bytes.Clone(c.Bytes(lenCertKey))}
	copy(a.ProductID[:], c.Bytes(len(a.ProductID)))
	return a, c.Err()
}

// A certificate is AvbCertCertificate.
type certificate struct {
	off             int64 // in the image
	version         uint32
	key             []byte
	subject, usage  []byte
	keyVersion      uint64
	signed, sig     []byte
	what, wantUsage string
}

func readCertificate(c *parse.Cursor, what, usage string) certificate {
	x := certificate{off: c.Offset(), what: what, wantUsage: usage}
	x.signed, x.sig = c.Bytes(lenCertSigned), c.Bytes(lenCertSig)
	in := parse.NewCursor("avb", x.signed, x.off)
	x.version, x.key = in.U32LE(), in.Bytes(lenCertKey)
	x.subject, x.usage, x.keyVersion = in.Bytes(sha256.Size), in.Bytes(sha256.Size), in.U64LE()
	return x
}

// VerifyCert judges the certificates of the key that signed v, which libavb_cert (libavb_atx until 2023) takes from the
// key's metadata: the product root key signs the intermediate one (PIK), that one the signing key (PSK), and the signing key
// v. The root key and the product's id stand in the device; without them, device being nil, the
// answer stays open unless something is wrong already. The signature of v is Verify's matter.
//
// Without metadata the error is signature.ErrNone. Metadata of another form may be for other
// bootloaders: Intact is Unknown then.
func (v *VBMeta) VerifyCert(device *Attributes) (*signature.Result, error) {
	if len(v.KeyMetadata) == 0 {
		return nil, signature.ErrNone
	}
	r := &signature.Result{Scheme: signature.SchemeAVBCert}
	if len(v.KeyMetadata) != lenCertMetadata {
		r.Reason = fail(v.metaOff, parse.ErrUnsupported, "not judged: metadata of the key that are not libavb_cert's", len(v.KeyMetadata))
		return r, nil
	}
	c := parse.NewCursor("avb", v.KeyMetadata, v.metaOff)
	if version := c.U32LE(); version != certVersion {
		r.Reason = fail(v.metaOff, parse.ErrUnsupported, "not judged: another version of metadata of the key", version)
		return r, nil
	}
	pik := readCertificate(c, "PIK", usageIntermediate)
	psk := readCertificate(c, "PSK", usageSigning)
	if err := c.Err(); err != nil {
		return nil, err
	}
	for _, x := range []*certificate{&pik, &psk} {
		end := x.off + lenCertSigned
		r.Covers = append(r.Covers, signature.Range{First: x.off, End: end, What: x.what + " certificate"})
		r.Unsigned = append(r.Unsigned, signature.Range{First: end, End: end + lenCertSig, What: "signature of the " + x.what + " certificate"})
		r.Notes = append(r.Notes, fmt.Sprintf("%s version: %d", x.what, x.keyVersion))
	}
	r.Notes = append(r.Notes, "product id has SHA-256: "+hex.EncodeToString(psk.subject))
	r.Reason = v.judgeCert(r, device, &pik, &psk)
	switch {
	case r.Reason == nil && device == nil:
		r.Reason = fail(pik.off, parse.ErrUnsupported, "not judged: who signed the PIK certificate, and for which product: both are known to the device", nil)
	case r.Reason == nil:
		r.Intact = signature.Yes
	case errors.Is(r.Reason, parse.ErrFormat):
		r.Intact = signature.No
	}
	r.Accepts = []signature.Platform{{Reader: "libavb_cert", Takes: r.Intact,
		Rule: "the PIK certificate must be signed by the product root key in the device's fuses, the PSK certificate be of its product id, and no key version be below those that it has stored"}}
	return r, nil
}

// judgeCert computes in the order of avb_cert_validate_vbmeta_public_key.
func (v *VBMeta) judgeCert(r *signature.Result, device *Attributes, pik, psk *certificate) error {
	if device != nil {
		if err := pik.verify(r, device.RootKey); err != nil {
			return err
		}
	}
	if err := pik.check(); err != nil {
		return err
	}
	if err := psk.verify(r, pik.key); err != nil {
		return err
	}
	if err := psk.check(); err != nil {
		return err
	}
	if device != nil {
		if id := sha256.Sum256(device.ProductID[:]); !bytes.Equal(id[:], psk.subject) {
			return fail(psk.off, parse.ErrFormat, "the PSK certificate is for another product", nil)
		}
	}
	if !bytes.Equal(psk.key, v.PublicKey) {
		return fail(psk.off, parse.ErrFormat, "the PSK certificate is of another key than the vbmeta struct's", nil)
	}
	return nil
}

// verify checks the signature, which is of SHA-512 and RSA of 4096 bits always.
func (x *certificate) verify(r *signature.Result, authority []byte) error {
	if x.version != certVersion {
		return fail(x.off, parse.ErrFormat, "libavb_cert refuses another version of the "+x.what+" certificate", x.version)
	}
	key, err := rsaKey(authority, 4096)
	if err != nil {
		return err
	}
	digest := sha512.Sum512(x.signed)
	if err := signature.Verify(key, crypto.SHA512, digest[:], nil, x.sig); err != nil {
		var e *parse.Error
		if errors.As(err, &e) && e.Kind != parse.ErrFormat {
			return err
		}
		return fail(x.off+lenCertSigned, parse.ErrFormat, "the signature of the "+x.what+" certificate does not hold", nil)
	}
	s := rsaSigner(authority, key, crypto.SHA512)
	r.Signers = append(r.Signers, s)
	r.Known = append(r.Known, knownKey(authority, s.KeySHA256)...)
	return nil
}

func (x *certificate) check() error {
	want := sha256.Sum256([]byte(x.wantUsage))
	switch {
	case x.version != certVersion:
		return fail(x.off, parse.ErrFormat, "libavb_cert refuses another version of the "+x.what+" certificate", x.version)
	case !bytes.Equal(x.usage, want[:]):
		return fail(x.off, parse.ErrFormat, "the "+x.what+" certificate is for another use", nil)
	}
	return nil
}
