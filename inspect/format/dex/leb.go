package dex

// uleb reads an unsigned LEB128 at off and gives the offset behind it, negative if it
// does not end in b. Like ART and Dalvik it stops after five bytes and ignores what
// exceeds 32 bits.
func uleb(b []byte, off int) (uint32, int) {
	var v uint32
	for shift := 0; ; shift += 7 {
		if uint(off) >= uint(len(b)) {
			return 0, -1
		}
		c := b[off]
		off++
		v |= uint32(c&0x7f) << shift
		if c < 0x80 || shift == 28 {
			return v, off
		}
	}
}

// sleb reads a signed one.
func sleb(b []byte, off int) (int32, int) {
	v, end := uleb(b, off)
	if end < 0 {
		return 0, -1
	}
	if n := 7 * (end - off); n < 32 {
		return int32(v<<(32-n)) >> (32 - n), end
	}
	return int32(v), end
}

// A lebs reads a run of LEB128 numbers; the first that does not end in b makes it fail.
type lebs struct {
	b   []byte
	off int // negative: failed
}

func (l *lebs) uleb() (v uint32) {
	v, l.off = uleb(l.b, l.off)
	return v
}

func (l *lebs) sleb() (v int32) {
	v, l.off = sleb(l.b, l.off)
	return v
}

func (l *lebs) u8() uint8 {
	if uint(l.off) >= uint(len(l.b)) {
		l.off = -1
		return 0
	}
	l.off++
	return l.b[l.off-1]
}

// left is the number of bytes that remain.
func (l *lebs) left() int {
	if l.off < 0 {
		return 0
	}
	return len(l.b) - l.off
}
