package apk

import (
	"bytes"
	"strings"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/known"
)

// Capabilities are what an app grants to what is signed with a key that it has
// rotated away from: SignerCapabilities of apksig, CertCapabilities of the
// platform.
type Capabilities uint32

// The capabilities.
const (
	InstalledData Capabilities = 1  // an installed app of the old key may be updated
	SharedUID     Capabilities = 2  // it may be in one shared user
	Permission    Capabilities = 4  // it gets permissions of protection level signature
	Rollback      Capabilities = 8  // the app may go back to the old key
	Auth          Capabilities = 16 // it is of one authenticator
)

// String names them: "installed-data shared-uid", or "none".
func (c Capabilities) String() string {
	var out []string
	for i, name := range [...]string{"installed-data", "shared-uid", "permission", "rollback", "auth"} {
		if c>>i&1 != 0 {
			out = append(out, name)
		}
	}
	if c>>5 != 0 {
		out = append(out, "unknown")
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, " ")
}

// A LineageEntry is a certificate that an app is, or was, signed with. Each was
// vouched for by the one before it with a signature that was verified; what is
// first stands for itself.
type LineageEntry struct {
	Subject           string // as parse.EscapeText leaves it
	SHA256, KeySHA256 string // of the certificate, and of its SubjectPublicKeyInfo
	Capabilities      Capabilities
	Known             []known.Match // what of it is publicly known
	Certificate       []byte        // its DER
}

// readLineage reads a proof of rotation, a version and levels of (length, signed
// data, flags, algorithm of the next level's signature, signature by the level
// before). The version is read and passed over, as the platform does.
func (v *verifier) readLineage(c *parse.Cursor) ([]LineageEntry, error) {
	var out []LineageEntry
	var last *signature.Certificate
	var algorithm uint32 // that last signs with
	c.U32LE()
	for c.Len() > 0 {
		if len(out) == maxSignerCert {
			return nil, fail(c.Offset(), parse.ErrLimit, "a longer lineage than is read", maxSignerCert)
		}
		if err := v.bud.Entry("apk", 1); err != nil {
			return nil, err
		}
		level := sub(c)
		off := level.Offset() + 4
		signed := prefixed(level)
		flags, next := level.U32LE(), level.U32LE()
		sigOff := level.Offset() + 4
		sig := prefixed(level)
		data := parse.NewCursor("apk", signed, off)
		certOff := off + 4
		raw := prefixed(data)
		by := data.U32LE()
		if err := first(c, level, data); err != nil {
			return nil, err
		}
		if last != nil {
			if last.Key == nil {
				return nil, last.KeyError
			}
			if err := v.verify(algorithm, last.Key, signed, sig, sigOff); err != nil {
				return nil, again(err, sigOff, "the certificate before does not vouch for this one: "+err.Error())
			}
			if by != algorithm {
				return nil, fail(off, parse.ErrFormat, "signed with another algorithm than the certificate before announced", by)
			}
		}
		cert, err := v.certificate(raw, certOff)
		if err != nil {
			return nil, err
		}
		for _, o := range out {
			if bytes.Equal(o.Certificate, raw) {
				return nil, fail(certOff, parse.ErrFormat, "a certificate stands twice in the lineage", nil)
			}
		}
		out = append(out, LineageEntry{cert.Subject, cert.SHA256(), cert.KeySHA256(), Capabilities(flags),
			known.Matches(cert.SHA256(), cert.KeySHA256()), raw})
		last, algorithm = cert, next
	}
	return out, c.Err()
}

// checkLineage checks that the last certificate of the lineage is the signer's.
func (s *signer) checkLineage() error {
	if s.lineageErr != nil {
		return s.lineageErr
	}
	if n := len(s.lineage); n > 0 && !bytes.Equal(s.lineage[n-1].Certificate, s.certs[0].Raw) {
		return fail(s.signedOff, parse.ErrFormat, "the lineage does not end with the signer's certificate", nil)
	}
	return nil
}

// within tells whether a is the beginning of b.
func within(a, b []LineageEntry) bool {
	if len(a) > len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i].Certificate, b[i].Certificate) {
			return false
		}
	}
	return true
}
