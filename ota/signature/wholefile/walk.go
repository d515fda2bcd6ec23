package wholefile

// The masks and tags of bootable/recovery's asn1_decoder.cpp.
const (
	maskConstructed = 0xE0 // kMaskConstructed
	maskTag         = 0x7F // kMaskTag
	maskNone        = 0xFF // no mask: the tag itself
	tagOctetString  = 0x04 // kTagOctetString
	tagSequence     = 0x30 // kTagSequence
	tagSet          = 0x31 // kTagSet
	tagConstructed  = 0xA0 // kTagConstructed
)

// A walker reads elements as recovery's asn1_decoder does: it takes lengths of any
// form, looks at no tag that it does not need, and masks some bits of those that
// it does. What a device would take must be decided by the device's reading.
type walker struct {
	b   []byte // what remains
	off int    // of b in the message
}

func (w *walker) byte() (byte, bool) {
	if len(w.b) == 0 {
		return 0, false
	}
	c := w.b[0]
	w.skip(1)
	return c, true
}

func (w *walker) skip(n int) { w.b, w.off = w.b[n:], w.off+n }

// length is decode_length: fewer than eight bytes (sizeof(size_t); four on devices
// of 32 bits), and zero for the indefinite form.
func (w *walker) length() (int, bool) {
	first, ok := w.byte()
	if !ok || first < 0x80 {
		return int(first), ok
	}
	n := int(first & 0x7f)
	if n >= 8 {
		return 0, false
	}
	v := uint64(0)
	for range n {
		c, ok := w.byte()
		if !ok {
			return 0, false
		}
		v = v<<8 | uint64(c)
	}
	return int(min(v, 1<<30)), true
}

// enter reads a tag and a length and gives the contents, before which w stays.
func (w *walker) enter(mask, tag byte) (walker, bool) {
	c, ok := w.byte()
	if !ok || c&mask != tag {
		return walker{}, false
	}
	n, ok := w.length()
	if !ok || n > len(w.b) {
		return walker{}, false
	}
	return walker{w.b[:n], w.off}, true
}

// next is asn1_sequence_next: it passes over an element, whatever its tag.
func (w *walker) next(times int) bool {
	for range times {
		in, ok := w.enter(0, 0)
		if !ok {
			return false
		}
		w.skip(len(in.b))
	}
	return true
}

// contexts is asn1_constructed_skip_all: it passes over all [n] elements and needs
// something after them. It hands each to see.
func (w *walker) contexts(see func(walker)) bool {
	for len(w.b) > 0 && w.b[0]&maskConstructed == tagConstructed {
		in, ok := w.enter(0, 0)
		if !ok {
			return false
		}
		see(in)
		w.skip(len(in.b))
	}
	return len(w.b) > 0
}

// walk is read_pkcs7: the signature value of the first SignerInfo and where it
// stands in the message. It also gives the elements of the [n] parts, among which
// the certificates are: recovery passes over them.
func walk(message []byte) (sig []byte, off int, parts [][]byte, ok bool) {
	w := walker{b: message}
	info, ok := w.enter(maskTag, tagSequence) // ContentInfo
	if !ok || !info.next(1) {                 // ContentType
		return nil, 0, nil, false
	}
	content, ok := info.enter(maskConstructed, tagConstructed)
	if !ok {
		return nil, 0, nil, false
	}
	data, ok := content.enter(maskTag, tagSequence) // SignedData
	// version, DigestAlgorithmIdentifiers, EncapsulatedContentInfo
	if !ok || !data.next(3) {
		return nil, 0, nil, false
	}
	ok = data.contexts(func(in walker) {
		for len(in.b) > 0 && len(parts) < maxParts {
			all := in.b
			if !in.next(1) {
				break
			}
			parts = append(parts, all[:len(all)-len(in.b)])
		}
	})
	if !ok {
		return nil, 0, parts, false
	}
	signers, ok := data.enter(maskTag, tagSet)
	if !ok {
		return nil, 0, parts, false
	}
	signer, ok := signers.enter(maskTag, tagSequence)
	// version, SignerIdentifier, DigestAlgorithmIdentifier, SignatureAlgorithmIdentifier
	if !ok || !signer.next(4) {
		return nil, 0, parts, false
	}
	value, ok := signer.enter(maskNone, tagOctetString)
	if !ok || len(value.b) == 0 {
		return nil, 0, parts, false
	}
	return value.b, value.off, parts, true
}

// maxParts bounds the certificates that are tried: signapk writes one, and every
// one may cost a verification.
const maxParts = 32
