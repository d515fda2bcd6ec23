package dex

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/otavet/otavet/ota/parse"
)

// String decodes the string of index i: MUTF-8 into UTF-8. What is not MUTF-8, and
// a surrogate without its partner, stays as the bytes that stand in the file, so
// that nothing is lost and two strings never become one.
func (f *File) String(i uint32) (string, error) {
	raw, err := f.MUTF8(i)
	if err != nil {
		return "", err
	}
	return decode(raw), nil
}

// MUTF8 gives the string of index i as it is stored, without the NUL at its end. It
// shares memory with the file.
func (f *File) MUTF8(i uint32) ([]byte, error) {
	if i >= f.StringIDs.Len {
		return nil, noSuch("string", i)
	}
	return f.mutf8(i), nil
}

// mutf8 takes an index that was checked; checkStrings has seen that the data are sound.
func (f *File) mutf8(i uint32) []byte {
	off := int(f.u32(int(f.StringIDs.Off + i*lenStringID)))
	_, off = uleb(f.b, off) // utf16_size
	n := bytes.IndexByte(f.b[off:], 0)
	return f.b[off : off+n : off+n]
}

// StringOffset gives the offset of the string_data_item of index i, or 0.
func (f *File) StringOffset(i uint32) int64 {
	if i >= f.StringIDs.Len {
		return 0
	}
	return int64(f.u32(int(f.StringIDs.Off + i*lenStringID)))
}

// checkStrings checks that each string's data lie in the file and end there, and that
// the strings are sorted, as ART demands. Data of two strings that overlap, which no sorted
// file has, end the scan before it becomes quadratic.
func (f *File) checkStrings(shared *sharing) error {
	left := int64(len(f.b))
	var last []byte
	for i := range f.StringIDs.Len {
		id := int(f.StringIDs.Off + i*lenStringID)
		off := f.u32(id)
		if int64(off) >= int64(len(f.b)) {
			return fail(id, parse.ErrFormat, "a string lies outside the file", off)
		}
		_, at := uleb(f.b, int(off))
		if at < 0 {
			return fail(int(off), parse.ErrFormat, "a string's length runs past the end of the file", nil)
		}
		rest := f.b[at:]
		if int64(len(rest)) > left {
			rest = rest[:left]
		}
		n := bytes.IndexByte(rest, 0)
		if n < 0 {
			return fail(int(off), parse.ErrFormat, "a string does not end, or overlaps others", i)
		}
		left -= int64(n) + 1
		shared.strings += int64(n) + 1
		if shared.strings > shared.most {
			return fail(id, parse.ErrLimit, "the files of a container share more strings than are read", i)
		}
		if s := rest[:n]; i > 0 && compareMUTF8(last, s) >= 0 {
			return fail(id, parse.ErrFormat, "string_ids are not sorted", i)
		}
		last = rest[:n]
	}
	return nil
}

// compareMUTF8 orders two strings by their UTF-16 code units. In well-formed MUTF-8
// that is the order of the bytes, but for NUL, whose two bytes sort behind one.
// Four-byte sequences, which ART reads too, sort as surrogates.
func compareMUTF8(a, b []byte) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] && a[0] < 0x80 {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 {
		x, na := unit(a)
		y, nb := unit(b)
		if x != y {
			if x < y {
				return -1
			}
			return 1
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) - len(b)
}

// unit reads one code point as ART's GetUtf16FromUtf8 does, its surrogates in
// one number, the leading one first.
func unit(p []byte) (uint32, int) {
	at := func(i int) uint32 {
		if i < len(p) {
			return uint32(p[i]) & 0x3f
		}
		return 0
	}
	c := uint32(p[0])
	switch {
	case c < 0x80:
		return c << 16, 1
	case c < 0xe0:
		return (c&0x1f<<6 | at(1)) << 16, min(2, len(p))
	case c < 0xf0:
		return (c&0xf<<12 | at(1)<<6 | at(2)) << 16, min(3, len(p))
	}
	r := c&7<<18 | at(1)<<12 | at(2)<<6 | at(3)
	return (0xd7c0+r>>10)&0xffff<<16 | 0xdc00 + r&0x3ff, min(4, len(p))
}

// decode: see File.String.
func decode(p []byte) string {
	i := 0
	for i < len(p) && p[i] < 0x80 {
		i++
	}
	if i == len(p) {
		return string(p)
	}
	var s strings.Builder
	s.Grow(len(p))
	s.Write(p[:i])
	for p = p[i:]; len(p) > 0; {
		if p[0] == 0xc0 && len(p) > 1 && p[1] == 0x80 {
			s.WriteByte(0)
			p = p[2:]
			continue
		}
		if hi, ok := surrogate(p); ok {
			if lo, ok := surrogate(p[3:]); ok {
				if r := utf16.DecodeRune(hi, lo); r != utf8.RuneError {
					s.WriteRune(r)
					p = p[6:]
					continue
				}
			}
		}
		_, n := utf8.DecodeRune(p)
		s.Write(p[:n])
		p = p[n:]
	}
	return s.String()
}

// surrogate reads the three bytes of one.
func surrogate(p []byte) (rune, bool) {
	if len(p) < 3 || p[0] != 0xed || p[1]&0xe0 != 0xa0 || p[2]&0xc0 != 0x80 {
		return 0, false
	}
	return 0xd000 | rune(p[1]&0x3f)<<6 | rune(p[2]&0x3f), true
}
