package detached

import (
	"bytes"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// Subpackets of a signature, RFC 9580, 5.2.3.7.
const (
	subCreated         = 2
	subExpires         = 3
	subExportable      = 4
	subTrust           = 5
	subExpression      = 6
	subRevocable       = 7
	subKeyExpires      = 9
	subPrefersCiphers  = 11
	subRevoker         = 12
	subIssuer          = 16
	subNotation        = 20
	subPrefersHashes   = 21
	subPrefersPackings = 22
	subKeyserver       = 24
	subPrimaryUser     = 25
	subPolicy          = 26
	subKeyFlags        = 27
	subReason          = 29
	subFeatures        = 30
	subEmbedded        = 32
	subFingerprint     = 33
	subKeyBlock        = 38 // gpg's own
)

// critical names what in sig is marked critical and not known to gpg, which then calls the
// signature bad whether or not what is marked is hashed; "" nothing is. The list is that of
// can_handle_critical in gpg's parse-packet.c. What the library does not know either it has
// refused before.
func critical(sig *packet.Signature) string {
	written := *sig // which Serialize writes to
	var b bytes.Buffer
	if err := written.Serialize(&b); err != nil {
		return "a subpacket that cannot be read"
	}
	_, _, header, _ := packetHeader(b.Bytes())
	c := parse.NewCursor("detached", b.Bytes()[header:], 0)
	c.Skip(4) // version, type, algorithms
	for range 2 {
		area := parse.NewCursor("detached", c.Bytes(int(c.U16BE())), 0)
		for area.Len() > 0 {
			if p := subpacket(area); len(p) > 0 && p[0]&0x80 != 0 {
				if what := unknown(p[0]&0x7f, p[1:]); what != "" {
					return what
				}
			}
		}
		if area.Err() != nil {
			return "a subpacket that cannot be read"
		}
	}
	return ""
}

// subpacket reads a subpacket: its type, and what it holds.
func subpacket(c *parse.Cursor) []byte {
	n := uint32(c.U8())
	switch {
	case n == 255:
		n = c.U32BE()
	case n >= 192:
		n = (n-192)<<8 + uint32(c.U8()) + 192
	}
	return c.Bytes(c.Count(uint64(n), 1, maxSignature))
}

// unknown names a subpacket that gpg does not know; "" of one that it does.
func unknown(kind byte, body []byte) string {
	switch kind {
	case subCreated, subExpires, subExportable, subTrust, subExpression, subRevocable, subKeyExpires, subPrefersCiphers, subRevoker, subIssuer, subPrefersHashes,
		subPrefersPackings, subKeyserver, subPrimaryUser, subPolicy, subKeyFlags, subReason, subFeatures, subEmbedded, subFingerprint:
		return ""
	case subKeyBlock:
		if len(body) > 0 && body[0] == 0 {
			return ""
		}
	case subNotation:
		c := parse.NewCursor("detached", body, 0)
		c.Skip(4) // flags
		n := int(c.U16BE())
		c.Skip(2) // the value's length
		switch name := string(c.Bytes(n)); name {
		case "preferred-email-encoding@pgp.com", "pka-address@gnupg.org": // register_known_notation
			return ""
		default:
			return "the notation " + name
		}
	}
	return fmt.Sprintf("a subpacket of type %d", kind)
}

// A keyState is what the signatures of a primary key say of a key that signs.
type keyState struct {
	now     time.Time // zero: not known
	created time.Time
	expires time.Time // zero: never
	ends    time.Time // zero: never, or now is before it; when what says all this expires
	revoked string    // by which rule it is; "" it is not
	signs   bool
	user    string
	weak    string
	checks  int
	lapsed  bool // something was passed over because it has expired
}

// use takes over what the newest signature says of a key.
func (s *keyState) use(sig *packet.Signature, pk *packet.PublicKey) {
	s.expires = time.Time{}
	if s.now.IsZero() {
		s.ends = end(sig)
	}
	if sig.KeyLifetimeSecs != nil && *sig.KeyLifetimeSecs > 0 {
		s.expires = pk.CreationTime.Add(time.Duration(*sig.KeyLifetimeSecs) * time.Second)
	}
	s.signs = !sig.FlagsValid || sig.FlagSign
	if signature.WeakHash(sig.Hash) {
		s.weak = "the key's own statements are signed with " + signature.HashName(sig.Hash)
	}
}

// end is when sig itself expires; zero where it does not.
func end(sig *packet.Signature) time.Time {
	if sig.SigLifetimeSecs == nil || *sig.SigLifetimeSecs == 0 {
		return time.Time{}
	}
	return sig.CreationTime.Add(time.Duration(*sig.SigLifetimeSecs) * time.Second)
}

// over tells whether a signature over a key has expired, which gpg then passes over. It does
// not ask that of a revocation of a key or subkey, nor of a subkey's over its primary key.
func (s *keyState) over(sig *packet.Signature) bool {
	at := end(sig)
	if at.IsZero() || s.now.IsZero() || s.now.Before(at) {
		return false
	}
	s.lapsed = true
	return true
}

// nothing says that no signature is left that says of the key what one must.
func (s *keyState) nothing(lacks string) error {
	if s.lapsed {
		lacks += ", or no longer"
	}
	return fail(parse.ErrUnsupported, -1, "not judged: the OpenPGP key "+lacks, nil)
}

// revoke takes every reason alike, as gpg does: a key that was only superseded may have been
// good when it signed, but the time that a signature states is its signer's word.
func (s *keyState) revoke(what string, sig *packet.Signature) {
	s.revoked = fmt.Sprintf("the %s was revoked on %s", what, sig.CreationTime.UTC().Format(pgpTime))
	if sig.RevocationReason != nil {
		if name, ok := revocations[*sig.RevocationReason]; ok {
			s.revoked += ": " + name
		}
	}
	if sig.RevocationReasonText != "" {
		s.revoked += " (" + parse.EscapeText(sig.RevocationReasonText) + ")"
	}
}

// revocations are the reasons of RFC 9580, 5.2.3.31.
var revocations = map[packet.ReasonForRevocation]string{
	packet.KeySuperseded: "superseded", packet.KeyCompromised: "compromised", packet.KeyRetired: "retired",
}
