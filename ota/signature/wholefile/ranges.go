package wholefile

import (
	"encoding/binary"
	"fmt"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// notCanonical ends the description of bytes that signapk would not have left so.
const notCanonical = ": not what signapk writes"

// ranges divides the file: what is signed and the signature itself, and every
// byte that could be changed without either noticing.
func (p *part) ranges() (covers, unsigned []signature.Range) {
	signed, at := p.signed(), p.messageAt()
	covers = append(covers, signature.Range{First: 0, End: signed, What: "all up to the comment's length"})
	free := func(first, end int64, what string) {
		if first < end {
			unsigned = append(unsigned, signature.Range{First: first, End: end, What: what})
		}
	}
	what := "comment length"
	if n := int(binary.LittleEndian.Uint16(p.tail[eocdSize-2:])); n != p.comment {
		what += fmt.Sprintf(", %d where the footer has %d%s", n, p.comment, notCanonical)
	}
	free(signed, signed+2, what)
	what = "comment text"
	if t := string(p.text()); t != canonicalComment {
		what += " " + parse.EscapeText(t[:min(len(t), 80)]) + notCanonical
	}
	free(signed+2, at, what)

	end := at + int64(len(p.message())) // where the footer begins
	value, offset, length := p.value, p.offset, len(p.message())
	what = "CMS message around the signature value"
	switch {
	case p.cms == nil:
		what += ", which is not DER" + notCanonical
	default:
		length = p.cms.Len
		if p.byCMS {
			value, offset = p.cms.Signers[0].Signature, p.cms.Signers[0].Offset
		}
		if odd := p.oddities(); odd != "" {
			what += ", " + odd + notCanonical
		}
	}
	if value == nil || offset+len(value) > length {
		free(at, end, what)
	} else {
		covers = append(covers, signature.Range{First: at + int64(offset), End: at + int64(offset+len(value)), What: "the signature value itself"})
		free(at, at+int64(offset), what)
		free(at+int64(offset+len(value)), at+int64(length), what+" (after it)")
		free(at+int64(length), end, "bytes after the CMS message"+notCanonical)
	}
	free(end, p.size, "footer")
	return covers, unsigned
}

// oddities names what signapk would not have put into a message that is sound.
func (p *part) oddities() string {
	m := p.cms
	switch {
	case len(m.Refused) > 0:
		return "with a certificate that cannot be read"
	case len(m.Certificates) != 1:
		return fmt.Sprintf("with %d certificates", len(m.Certificates))
	case len(m.Signers) != 1:
		return fmt.Sprintf("with %d signers", len(m.Signers))
	case m.Revocations:
		return "with revocation lists"
	case m.Content != nil:
		return "with content"
	case m.Signers[0].Attributes != nil || m.Signers[0].UnsignedAttributes:
		return "with attributes"
	case m.Certificate(m.Signers[0]) == nil:
		return "whose signer is another certificate"
	case p.signer != nil && m.Certificates[0].KeySHA256() != p.signer.KeySHA256():
		return "whose certificate has another key than the signer"
	}
	return ""
}
