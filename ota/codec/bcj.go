package codec

import (
	"encoding/binary"
	"io"
)

// A branch filter has made the relative targets of jumps absolute, which makes
// code more alike and lets it compress better (BCJ: branch, call, jump). undo
// makes them relative again, in b, which stands at pos of the data. It gives the
// number of bytes that are done; the others need bytes that follow them.
type branch interface {
	undo(pos uint32, b []byte) int
}

// The filters are those of liblzma's src/liblzma/simple, under the conditions of
// xz-file-format.txt 5.3.2. Positions are taken modulo 2^32.
type (
	bcjARM      struct{} // BL
	bcjARMThumb struct{} // BL, in two halves
	bcjARM64    struct{} // BL, ADRP
	bcjPowerPC  struct{} // bl
	bcjSPARC    struct{} // call
	bcjIA64     struct{} // branches of a bundle
)

func (bcjARM) undo(pos uint32, b []byte) int {
	i := 0
	for ; i+4 <= len(b); i += 4 {
		if b[i+3] != 0xeb {
			continue
		}
		v := binary.LittleEndian.Uint32(b[i:])
		// The program counter is two instructions ahead.
		to := v<<2 - (pos + uint32(i) + 8)
		binary.LittleEndian.PutUint32(b[i:], v&0xff000000|to>>2&0x00ffffff)
	}
	return i
}

func (bcjARMThumb) undo(pos uint32, b []byte) int {
	i := 0
	for i+4 <= len(b) {
		hi, lo := binary.LittleEndian.Uint16(b[i:]), binary.LittleEndian.Uint16(b[i+2:])
		if hi&0xf800 != 0xf000 || lo&0xf800 != 0xf800 {
			i += 2
			continue
		}
		to := (uint32(hi&0x7ff)<<11|uint32(lo&0x7ff))<<1 - (pos + uint32(i) + 4)
		to >>= 1
		binary.LittleEndian.PutUint16(b[i:], 0xf000|uint16(to>>11)&0x7ff)
		binary.LittleEndian.PutUint16(b[i+2:], 0xf800|uint16(to)&0x7ff)
		i += 4
	}
	return i
}

func (bcjARM64) undo(pos uint32, b []byte) int {
	i := 0
	for ; i+4 <= len(b); i += 4 {
		v := binary.LittleEndian.Uint32(b[i:])
		pc := pos + uint32(i)
		switch {
		case v>>26 == 0x25: // BL: 26 bits, in words
			binary.LittleEndian.PutUint32(b[i:], 0x94000000|(v-pc>>2)&0x03ffffff)
		case v&0x9f000000 == 0x90000000: // ADRP: 21 bits, in pages
			from := v>>29&3 | v>>3&0x1ffffc
			if (from+0x20000)&0x1c0000 != 0 {
				continue // beyond 512 MiB, which is rarely an address
			}
			to := from - pc>>12
			v = v&0x9000001f | to&3<<29 | to&0x3fffc<<3 | -(to&0x20000)&0xe00000
			binary.LittleEndian.PutUint32(b[i:], v)
		}
	}
	return i
}

func (bcjPowerPC) undo(pos uint32, b []byte) int {
	i := 0
	for ; i+4 <= len(b); i += 4 {
		v := binary.BigEndian.Uint32(b[i:])
		if v>>26 == 0x12 && v&3 == 1 { // AA 0, LK 1
			to := v&0x03fffffc - (pos + uint32(i))
			binary.BigEndian.PutUint32(b[i:], 0x48000001|to&0x03fffffc)
		}
	}
	return i
}

func (bcjSPARC) undo(pos uint32, b []byte) int {
	i := 0
	for ; i+4 <= len(b); i += 4 {
		v := binary.BigEndian.Uint32(b[i:])
		// call, within 8 MiB: the upper bits of its 30 are all alike.
		if v>>22 != 0x100 && v>>22 != 0x1ff {
			continue
		}
		to := (v<<2 - (pos + uint32(i))) >> 2
		binary.BigEndian.PutUint32(b[i:], -(to>>22&1)<<22&0x3fffffff|to&0x3fffff|0x40000000)
	}
	return i
}

// ia64Slots says by a bundle's template which of its three slots are branches.
var ia64Slots = [32]byte{16: 4, 4, 6, 6, 0, 0, 7, 7, 4, 4, 0, 0, 4, 4}

func (bcjIA64) undo(pos uint32, b []byte) int {
	i := 0
	for ; i+16 <= len(b); i += 16 {
		slots := ia64Slots[b[i]&0x1f]
		for slot := range 3 {
			if slots>>slot&1 == 0 {
				continue
			}
			bit := 5 + 41*slot
			at, shift := b[i+bit/8:i+bit/8+6], bit%8
			raw := uint64(binary.LittleEndian.Uint32(at)) | uint64(binary.LittleEndian.Uint16(at[4:]))<<32
			v := raw >> shift
			if v>>37&0xf != 5 || v>>9&7 != 0 { // br.call, IP-relative
				continue
			}
			from := uint32(v>>13&0xfffff|v>>36&1<<20) << 4
			to := uint64(from-(pos+uint32(i))) >> 4
			v = v&^(0x8fffff<<13) | to&0xfffff<<13 | to&0x100000<<(36-20)
			raw = raw&(1<<shift-1) | v<<shift
			binary.LittleEndian.PutUint32(at, uint32(raw))
			binary.LittleEndian.PutUint16(at[4:], uint16(raw>>32))
		}
	}
	return i
}

// A bcjX86 remembers where it has seen the opcodes of call (E8) and jmp (E9): a
// byte that looks like one within the operand of another is probably none.
type bcjX86 struct {
	seen uint32 // bit n+1: an opcode stood n bytes before; from bit 4: with a top byte of 0 or FF
	last uint32 // where the last opcode stood
}

func newX86() *bcjX86 { return &bcjX86{last: ^uint32(4)} }

// x86Top: the top byte of an operand that is taken for an address.
func x86Top(b byte) bool { return b == 0 || b == 0xff }

func (f *bcjX86) undo(pos uint32, b []byte) int {
	i := 0
	if len(b) < 5 {
		return 0
	}
	if pos-f.last > 5 {
		f.last = pos - 5
	}
	for i+5 <= len(b) {
		if b[i]&0xfe != 0xe8 {
			i++
			continue
		}
		at := pos + uint32(i)
		gap := at - f.last
		f.last = at
		if gap > 5 {
			f.seen = 0
		} else {
			for range gap {
				f.seen = f.seen & 0x77 << 1
			}
		}
		if known := f.seen >> 1; !x86Top(b[i+4]) || known > 4 || known == 3 {
			i++
			f.seen |= 1
			if x86Top(b[i+3]) {
				f.seen |= 0x10
			}
			continue
		}
		from := binary.LittleEndian.Uint32(b[i+1:])
		var to uint32
		for {
			to = from - (at + 5)
			if f.seen == 0 {
				break
			}
			low := 32 - [...]uint32{0, 8, 16, 16, 24}[f.seen>>1]
			if !x86Top(byte(to >> (low - 8))) {
				break
			}
			from = to ^ (1<<low - 1)
		}
		binary.LittleEndian.PutUint32(b[i+1:], to&0x01ffffff|-(to>>24&1)<<24)
		i += 5
		f.seen = 0
	}
	return i
}

const branchBuffer = 16 << 10

// A branchReader undoes a branch filter over what r gives.
type branchReader struct {
	r    io.Reader
	f    branch
	pos  uint32 // of buf[0]
	buf  []byte
	next int // buf[next:done] can be given
	done int // buf[done:full] waits for what follows
	full int
	err  error
}

func newBranchReader(r io.Reader, f branch, start uint32) *branchReader {
	return &branchReader{r: r, f: f, pos: start, buf: make([]byte, branchBuffer)}
}

func (b *branchReader) Read(p []byte) (int, error) {
	for b.next == b.done {
		if b.err != nil {
			if b.done == b.full {
				return 0, b.err
			}
			b.done = b.full // nothing follows: the rest stays as it is
			break
		}
		b.pos += uint32(b.done)
		b.full = copy(b.buf, b.buf[b.done:b.full])
		var n int
		n, b.err = b.r.Read(b.buf[b.full:])
		b.full += n
		b.next, b.done = 0, b.f.undo(b.pos, b.buf[:b.full])
	}
	n := copy(p, b.buf[b.next:b.done])
	b.next += n
	return n, nil
}

// A deltaReader undoes the delta filter: each byte is the difference from the
// one that stands dist bytes before it.
type deltaReader struct {
	r    io.Reader
	dist byte // minus one
	past [256]byte
	at   byte
}

func (d *deltaReader) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	for i := range p[:n] {
		p[i] += d.past[d.at-d.dist-1]
		d.past[d.at] = p[i]
		d.at++
	}
	return n, err
}
