package bootsig

import (
	"bytes"
	"encoding/asn1"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
)

// formatVersion is FORMAT_VERSION of BootSignature.java.
const formatVersion = 1

// maxTarget bounds the signed name of a partition; the longest in use is of ten bytes.
const maxTarget = 255

// A message is what stands behind an image:
//
//	SEQUENCE {
//	    formatVersion        INTEGER,
//	    certificate          Certificate,
//	    algorithmIdentifier  SEQUENCE { OBJECT IDENTIFIER, parameters OPTIONAL },
//	    attributes           SEQUENCE { target PrintableString, length INTEGER },
//	    signature            OCTET STRING
//	}
//
// Attributes are signed as they are encoded. What is no DER is refused, as the encoding would not be the one
// that BootSignature makes again of what it read.
type message struct {
	version      int64
	certificate  []byte
	algorithm    asn1.ObjectIdentifier
	attributes   []byte // with tag and length
	target       string
	length       int64
	signature    []byte
	err          error // why the rest is not filled
	end          int64 // in the image, of the whole
	algorithmOff int64
	signatureOff int64

	attributesOff, attributesEnd int64
}

// marks are what other readers have behind an image, which is no signature of this form.
var marks = []struct{ mark, note string }{
	{"SEANDROIDENFORCE", "SEANDROIDENFORCE, Samsung's mark, before a signature of their own"},
	{"SignerVer", "a trailer of Samsung's signer"},
	{"AVB0", ""}, // a vbmeta struct
}

// readMessage reads what stands at off. That something else stands there is signature.ErrNone.
func readMessage(image blob.Blob, off int64) (*message, error) {
	p, err := blob.ReadRange(image, off, min(image.Size()-off, maxSignature))
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimLeft(p[:min(len(p), 64)], "\x00")) == 0 {
		return nil, signature.ErrNone
	}
	for _, m := range marks {
		if bytes.HasPrefix(p, []byte(m.mark)) {
			if m.note == "" {
				return nil, signature.ErrNone
			}
			return nil, none(m.note)
		}
	}
	r := elements{rest: p, off: off}
	outer := r.next(asn1.TagSequence)
	in := elements{rest: outer.Bytes, off: r.off - int64(len(outer.Bytes)), err: r.err}
	// What begins as one is one, be it broken further on.
	if version := in.next(asn1.TagInteger); in.err == nil && in.is(asn1.TagSequence) {
		m := &message{end: r.off}
		m.read(&in, version)
		return m, nil
	}
	return nil, none("what follows the image is no signature of this form")
}

func (m *message) read(in *elements, version asn1.RawValue) {
	m.version = smallInteger(in, version)
	m.certificate = in.next(asn1.TagSequence).FullBytes
	m.algorithmOff = in.off
	alg := in.next(asn1.TagSequence)
	m.attributesOff = in.off
	attributes := in.next(asn1.TagSequence)
	m.attributes, m.attributesEnd = attributes.FullBytes, in.off
	m.signatureOff = in.off
	m.signature = in.next(asn1.TagOctetString).Bytes
	in.last()

	sub := elements{rest: alg.Bytes, off: m.algorithmOff + int64(len(alg.FullBytes)-len(alg.Bytes)), err: in.err}
	if oid := sub.next(asn1.TagOID); sub.err == nil {
		if _, err := asn1.Unmarshal(oid.FullBytes, &m.algorithm); err != nil {
			sub.fail("an object identifier is broken")
		}
	}
	attr := elements{rest: attributes.Bytes, off: m.attributesOff + int64(len(attributes.FullBytes)-len(attributes.Bytes)), err: sub.err}
	m.target = string(attr.next(asn1.TagPrintableString).Bytes)
	if len(m.target) > maxTarget {
		attr.fail("a target that no partition has")
	}
	m.length = smallInteger(&attr, attr.next(asn1.TagInteger))
	attr.last()
	m.err = attr.err
	if m.err != nil {
		// The parts that were not reached have no place.
		m.attributesOff = min(max(m.attributesOff, 0), m.end)
		m.attributesEnd = min(max(m.attributesEnd, m.attributesOff), m.end)
	}
}

// elements reads DER elements one after another; the first error stays. It never recurses.
type elements struct {
	rest []byte
	off  int64 // of rest in the image
	err  error
}

func (e *elements) fail(msg string) {
	if e.err == nil {
		e.err = fail(e.off, parse.ErrFormat, "the signature is malformed: "+msg, nil)
	}
}

// next gives the next element, which must have the tag.
func (e *elements) next(tag int) asn1.RawValue {
	var v asn1.RawValue
	if e.err != nil {
		return v
	}
	rest, err := asn1.Unmarshal(e.rest, &v)
	switch {
	case err != nil:
		e.fail(err.Error())
	case v.Class != asn1.ClassUniversal || v.Tag != tag || v.IsCompound != (tag == asn1.TagSequence):
		e.fail("another element was expected")
	default:
		e.off += int64(len(e.rest) - len(rest))
		e.rest = rest
		return v
	}
	return asn1.RawValue{}
}

// is tells whether the next element has the tag of a constructed type.
func (e *elements) is(tag byte) bool { return len(e.rest) > 0 && e.rest[0] == 0x20|tag }

func (e *elements) last() {
	if len(e.rest) > 0 {
		e.fail("bytes after the last element")
	}
}

// smallInteger reads an INTEGER of at most 64 bits.
func smallInteger(e *elements, v asn1.RawValue) (n int64) {
	if e.err == nil {
		if _, err := asn1.Unmarshal(v.FullBytes, &n); err != nil {
			e.fail(err.Error())
		}
	}
	return n
}
