package verity

import "encoding/binary"

// An encoder makes the codewords of some columns, row by row.
type encoder interface {
	reset(n int)                          // begins with n columns, a multiple of 8
	row(p []byte)                         // takes the next byte of each column
	parity(p []byte, from, to int) []byte // appends the parity of columns, multiples of 8
}

func newEncoder(roots, n int) encoder {
	if roots == 2 {
		return &pair{sums: make([][2]uint64, n/8)}
	}
	return newRegister(roots, n)
}

// A register is how a message's remainder modulo the generator is found byte by
// byte, as a CRC is: a register of roots bytes for each column, the byte that is
// shifted out saying which multiple of the generator is taken off.
type register struct {
	roots   int
	columns [][3]uint64 // the first byte of parity highest, in the first word
	table   [256][3]uint64
}

func newRegister(roots, n int) *register {
	r := &register{roots: roots, columns: make([][3]uint64, n)}
	g := generator(roots)
	for f := range r.table {
		for i := range roots {
			v := multiply(byte(f), g[i+1])
			r.table[f][i/8] |= uint64(v) << (56 - i%8*8)
		}
	}
	return r
}

func (r *register) reset(n int) {
	r.columns = r.columns[:n]
	clear(r.columns)
}

func (r *register) row(p []byte) {
	columns := r.columns[:len(p)]
	for i, d := range p {
		c := &columns[i]
		t := &r.table[d^byte(c[0]>>56)]
		c[0] = c[0]<<8 | c[1]>>56
		c[0] ^= t[0]
		c[1] = c[1]<<8 | c[2]>>56
		c[1] ^= t[1]
		c[2] = c[2]<<8 ^ t[2]
	}
}

func (r *register) parity(p []byte, from, to int) []byte {
	for _, c := range r.columns[from:to] {
		for j := range r.roots {
			p = append(p, byte(c[j/8]>>(56-j%8*8)))
		}
	}
	return p
}

// A pair makes codewords of two bytes of parity, which nearly all are, some eight
// times as fast: the message is evaluated at the generator's roots 1 and α, eight
// columns in a word at once, and the parity is what makes a codeword zero there.
type pair struct {
	sums [][2]uint64 // of eight columns, lowest byte first: the values at 1 and α
}

func (e *pair) reset(n int) {
	e.sums = e.sums[:n/8]
	clear(e.sums)
}

func (e *pair) row(p []byte) {
	sums := e.sums[:len(p)/8]
	for i := range sums {
		d := binary.LittleEndian.Uint64(p[8*i:])
		s := &sums[i]
		s[0] ^= d
		s[1] = double(s[1]) ^ d
	}
}

// parity solves p0 + p1 = m(1) and α·p0 + p1 = α²·m(α).
func (e *pair) parity(p []byte, from, to int) []byte {
	for _, s := range e.sums[from/8 : to/8] {
		p0 := scale(s[0]^double(double(s[1])), inverse3)
		p1 := s[0] ^ p0
		for range 8 {
			p = append(p, byte(p0), byte(p1))
			p0, p1 = p0>>8, p1>>8
		}
	}
	return p
}

// inverse3 is the inverse of α+1.
const inverse3 = 0xf4

// double multiplies eight bytes by α.
func double(x uint64) uint64 {
	const low = 0x0101010101010101
	carry := x >> 7 & low
	return x<<1&^low ^ carry*(polynomial&0xff)
}

// scale multiplies eight bytes by c.
func scale(x uint64, c byte) (y uint64) {
	for ; c > 0; c >>= 1 {
		if c&1 != 0 {
			y ^= x
		}
		x = double(x)
	}
	return y
}

func multiply(a, b byte) byte { return byte(scale(uint64(a), b)) }

// generator is the polynomial (x-1)(x-α)…, the highest power first.
func generator(roots int) []byte {
	g := []byte{1}
	root := byte(1)
	for range roots {
		g = append(g, 0)
		for i := len(g) - 1; i > 0; i-- {
			g[i] ^= multiply(g[i-1], root)
		}
		root = multiply(root, 2)
	}
	return g
}
