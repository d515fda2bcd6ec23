package chunk

import (
	"bytes"
	"encoding/binary"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/otavet/otavet/ota/parse"
)

// maxOverlap bounds the length of all strings of a pool together, in multiples
// of the pool's own size. Indices that name one string twice are honest (aapt
// writes them where a styled and a plain string are equal, and the sum stays
// below the pool's size); a million indices into one long string are not, and
// would cost their product to read.
const maxOverlap = 4

// shortString is the length in stored bytes up to which a string is decoded
// anew each time. A longer one is kept once it was decoded, so that many
// references to it cost no more than one.
const shortString = 256

// maxTruncated is the length up to which the true end of a string is searched
// whose length did not fit: 1 MiB, 32 tries. The platform tries up to the end of
// the pool, which makes the work the product of strings and bytes.
const maxTruncated = 1 << 20

// A Pool is a string pool: ResStringPool. It decodes strings when they are
// asked for, and any number of goroutines may ask.
type Pool struct {
	utf8    bool
	count   int
	indices []byte // count × u32: offsets in data
	data    []byte
	styles  []byte // u32 offsets in spans
	spans   []byte
	long    sync.Map // uint32 → string
}

// A Span is a piece of a styled string and the name of its tag.
type Span struct {
	Name        string
	First, Last uint32 // characters of UTF-16, both inclusive
}

// OpenPool reads the chunk c, a string pool, on behalf of the named format. It
// refuses what ResStringPool::setTo refuses, and strings that overlap so much
// that reading them would cost more than maxOverlap times the pool.
func OpenPool(format string, c Chunk) (*Pool, error) {
	size := uint64(c.Size())
	bad := func(msg string, got any) (*Pool, error) { return nil, fail(format, c.Off, parse.ErrFormat, msg, got) }
	if len(c.Header) < lenPoolHeader {
		return bad("the header of a string pool is too small", len(c.Header))
	}
	h := c.Fields(format)
	strings, styles, flags := h.U32LE(), h.U32LE(), h.U32LE()
	stringsStart, stylesStart := uint64(h.U32LE()), uint64(h.U32LE())
	p := &Pool{utf8: flags&flagUTF8 != 0}
	if n := uint64(strings); n > 0 {
		if n > uint64(len(c.Body))/4 {
			return bad("a string pool cannot hold as many strings as it counts", strings)
		}
		if stringsStart >= size-2 {
			return bad("the strings begin after the end of their pool", stringsStart)
		}
		end := size
		if styles > 0 {
			if end = stylesStart; end >= size-2 || end <= stringsStart {
				return bad("the styles do not stand between strings and end of the pool", stylesStart)
			}
		}
		p.count, p.indices, p.data = int(n), c.Body[:4*n], c.Whole()[stringsStart:end]
		if !p.utf8 {
			p.data = p.data[:len(p.data)&^1]
		}
		if !p.terminated() {
			return bad("the last string of a pool does not end in zero", nil)
		}
	}
	if n := uint64(styles); n > 0 {
		if n > uint64(len(c.Body))/4-uint64(strings) {
			return bad("a string pool cannot hold as many styles as it counts", styles)
		}
		if stylesStart >= size {
			return bad("the styles begin after the end of their pool", stylesStart)
		}
		p.styles = c.Body[4*strings:][:4*n]
		p.spans = c.Whole()[stylesStart:]
		p.spans = p.spans[:len(p.spans)&^3]
		if last := len(p.spans) - lenSpan; last < 0 || binary.LittleEndian.Uint32(p.spans[last:]) != spanEnd ||
			binary.LittleEndian.Uint64(p.spans[last+4:]) != spanEnd<<32|spanEnd {
			return bad("the last style of a pool has no end", nil)
		}
	}
	var sum uint64
	for i := range uint32(p.count) {
		if s, ok := p.stored(i); ok {
			if sum += uint64(len(s)); sum > maxOverlap*size {
				return nil, fail(format, c.Off, parse.ErrLimit, "the strings of a pool overlap", sum)
			}
		}
	}
	return p, nil
}

func (p *Pool) terminated() bool {
	n := len(p.data)
	if p.utf8 {
		return n > 0 && p.data[n-1] == 0
	}
	return n > 1 && p.data[n-1] == 0 && p.data[n-2] == 0
}

// Len is the number of strings. A nil Pool has none.
func (p *Pool) Len() int {
	if p == nil {
		return 0
	}
	return p.count
}

// UTF8 tells whether the strings are stored in UTF-8, and not in UTF-16.
func (p *Pool) UTF8() bool { return p != nil && p.utf8 }

// String is the string with number i. It is false where the platform has none
// either: the number is too high (or the -1 that stands for no string), or the
// string runs past the pool's end or does not end in zero.
//
// The string is UTF-8: the two halves of a character that is stored as a pair of
// surrogates, which is how aapt writes it in both encodings, are put together. What is no
// character stays as it is, a lone surrogate as its three bytes; parse.EscapeText
// makes it printable.
func (p *Pool) String(i uint32) (string, bool) {
	b, ok := p.stored(i)
	if !ok {
		return "", false
	}
	if len(b) <= shortString {
		return p.decode(b), true
	}
	if s, ok := p.long.Load(i); ok {
		return s.(string), true
	}
	s, _ := p.long.LoadOrStore(i, p.decode(b))
	return s.(string), true
}

// stored is string i as it is stored.
func (p *Pool) stored(i uint32) ([]byte, bool) {
	if p == nil || uint64(i) >= uint64(p.count) {
		return nil, false
	}
	off := uint64(binary.LittleEndian.Uint32(p.indices[4*i:]))
	if p.utf8 {
		return p.stored8(off)
	}
	return p.stored16(off)
}

// stored8 follows string8At, which Java uses for pools in UTF-8
// (StringBlock.nativeGetString) and which does not look at the first length.
func (p *Pool) stored8(off uint64) ([]byte, bool) {
	if off+1 >= uint64(len(p.data)) {
		return nil, false
	}
	s := p.data[off:]
	_, n := length8(s)
	s = s[n:]
	length, n := length8(s)
	s = s[n:]
	// aapt writes the low fifteen bits of lengths above 0x7fff
	// (stringDecodeAt): the string ends at the first zero that fits to them.
	for end := length; end < min(len(s), maxTruncated); end += 1 << 15 {
		if s[end] != 0 {
			continue
		}
		// To Java the string ends at its first zero (NewStringUTF).
		if i := bytes.IndexByte(s[:end], 0); i >= 0 {
			end = i
		}
		return s[:end], true
	}
	return nil, false
}

// length8 reads a length of one byte or two, and tells how many. At the end of s
// it reads zeros.
func length8(s []byte) (length, n int) {
	if len(s) == 0 {
		return 0, 0
	}
	if s[0]&0x80 == 0 {
		return int(s[0]), 1
	}
	if len(s) == 1 {
		return int(s[0]&0x7f) << 8, 1
	}
	return int(s[0]&0x7f)<<8 | int(s[1]), 2
}

// stored16 follows stringAt.
func (p *Pool) stored16(off uint64) ([]byte, bool) {
	off &^= 1
	if off+2 >= uint64(len(p.data)) {
		return nil, false
	}
	s := p.data[off:]
	length := uint64(binary.LittleEndian.Uint16(s))
	s = s[2:]
	if length&0x8000 != 0 {
		if len(s) < 2 {
			return nil, false
		}
		length = length&0x7fff<<16 | uint64(binary.LittleEndian.Uint16(s))
		s = s[2:]
	}
	if length *= 2; length+2 > uint64(len(s)) || s[length] != 0 || s[length+1] != 0 {
		return nil, false
	}
	return s[:length], true
}

func (p *Pool) decode(b []byte) string {
	if !p.utf8 {
		return decode16(b)
	}
	if utf8.Valid(b) && !hasModified(b) {
		return string(b)
	}
	return decode8(b)
}

// hasModified tells whether b may hold what modified UTF-8 writes in its own way.
func hasModified(b []byte) bool {
	for _, c := range b {
		if c == 0xc0 || c == 0xed {
			return true
		}
	}
	return false
}

// decode8 puts surrogates together, and reads C0 80 as zero.
func decode8(b []byte) string {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if hi, ok := surrogate(b[i:]); ok {
			if lo, ok := surrogate(b[i+3:]); ok {
				if r := utf16.DecodeRune(hi, lo); r != utf8.RuneError {
					out = utf8.AppendRune(out, r)
					i += 6
					continue
				}
			}
		}
		if b[i] == 0xc0 && i+1 < len(b) && b[i+1] == 0x80 {
			out = append(out, 0)
			i += 2
			continue
		}
		out = append(out, b[i])
		i++
	}
	return string(out)
}

func surrogate(b []byte) (rune, bool) {
	if len(b) < 3 || b[0] != 0xed || b[1]&0xe0 != 0xa0 || b[2]&0xc0 != 0x80 {
		return 0, false
	}
	return 0xd000 | rune(b[1]&0x3f)<<6 | rune(b[2]&0x3f), true
}

func decode16(b []byte) string {
	out := make([]byte, 0, len(b))
	for i := 0; i+1 < len(b); i += 2 {
		r := rune(binary.LittleEndian.Uint16(b[i:]))
		if utf16.IsSurrogate(r) {
			if i+3 < len(b) {
				if pair := utf16.DecodeRune(r, rune(binary.LittleEndian.Uint16(b[i+2:]))); pair != utf8.RuneError {
					out = utf8.AppendRune(out, pair)
					i += 2
					continue
				}
			}
			out = append(out, 0xed, 0x80|byte(r>>6&0x3f), 0x80|byte(r&0x3f))
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// Index is the number of the last string that equals s, or false: where two are
// equal, the platform's search by name finds the last (indexOfString).
func (p *Pool) Index(s string) (uint32, bool) {
	for i := uint32(p.Len()); i > 0; i-- {
		b, ok := p.stored(i - 1)
		if !ok || len(b) > 3*len(s)+3 {
			continue
		}
		if p.utf8 && string(b) == s || (!p.utf8 || hasModified(b)) && p.decode(b) == s {
			return i - 1, true
		}
	}
	return 0, false
}

// Spans are the styles of string i; nil where it has none. A list of spans that
// does not end within the pool ends with it.
func (p *Pool) Spans(i uint32) []Span {
	if p == nil || uint64(i) >= uint64(len(p.styles)/4) {
		return nil
	}
	off := uint64(binary.LittleEndian.Uint32(p.styles[4*i:])) &^ 3
	var spans []Span
	for ; off+lenSpan <= uint64(len(p.spans)); off += lenSpan {
		s := p.spans[off:]
		name := binary.LittleEndian.Uint32(s)
		if name == spanEnd {
			break
		}
		tag, _ := p.String(name)
		spans = append(spans, Span{tag, binary.LittleEndian.Uint32(s[4:]), binary.LittleEndian.Uint32(s[8:])})
	}
	return spans
}
