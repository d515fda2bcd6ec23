package dex

import "github.com/otavet/otavet/ota/parse"

// Code is the code_item of a method.
type Code struct {
	Off                  uint32 // of the code_item
	Registers, Ins, Outs uint16
	Units                uint32 // size of the instructions, in units of two bytes

	f     *File
	insns []byte
	tries int
	debug uint32
}

// Code gives the code of m, nil if it has none.
func (f *File) Code(m EncodedMethod) (*Code, error) {
	if m.Code == 0 {
		return nil, nil
	}
	off := int(m.Code)
	if off%4 != 0 {
		return nil, fail(off, parse.ErrFormat, "a code item is not aligned", nil)
	}
	if int64(m.Code)+lenCodeItem > int64(len(f.b)) {
		return nil, fail(off, parse.ErrFormat, "a code item lies outside the file", off)
	}
	c := &Code{
		Off: m.Code, Registers: uint16(f.u16(off)), Ins: uint16(f.u16(off + 2)), Outs: uint16(f.u16(off + 4)),
		tries: int(f.u16(off + 6)), debug: f.u32(off + 8), Units: f.u32(off + 12), f: f,
	}
	switch rest := len(f.b) - off - lenCodeItem; {
	case 2*int64(c.Units) > int64(rest):
		return nil, fail(off+12, parse.ErrFormat, "instructions run past the end of the file", c.Units)
	case c.Units == 0: // ART refuses the class
		return nil, fail(off+12, parse.ErrFormat, "a method has code without instructions", nil)
	case c.Ins > c.Registers:
		return nil, fail(off+2, parse.ErrFormat, "a method has more arguments than registers", c.Ins)
	case c.Outs > 5 && c.Outs > c.Registers: // a short invocation may name a register five times
		return nil, fail(off+4, parse.ErrFormat, "a method passes more arguments than it has registers", c.Outs)
	}
	c.insns = f.b[off+lenCodeItem:][: 2*c.Units : 2*c.Units]
	return c, nil
}

// Offset is the offset in the file of the instruction at pc.
func (c *Code) Offset(pc uint32) int64 { return int64(c.Off) + lenCodeItem + 2*int64(pc) }

// A Try is a range of instructions and what catches there. Start, End and the PCs
// count code units.
type Try struct {
	Start, End uint32
	Handlers   []Handler // in the order in which they are asked
}

// A Handler catches exceptions of a type; NoIndex stands for all.
type Handler struct{ Type, PC uint32 }

// Tries gives the try blocks, which follow one another without overlap.
func (c *Code) Tries() ([]Try, error) {
	if c.tries == 0 {
		return nil, nil
	}
	at := int(c.Off) + lenCodeItem + int(c.Units+c.Units&1)*2
	base := at + c.tries*lenTryItem
	if base > len(c.f.b) {
		return nil, fail(at, parse.ErrFormat, "try blocks run past the end of the file", c.tries)
	}
	handlers, err := c.handlers(base)
	if err != nil {
		return nil, err
	}
	list := make([]Try, c.tries)
	for i := range list {
		p := at + i*lenTryItem
		t := Try{Start: c.f.u32(p)}
		n, off := c.f.u16(p+4), c.f.u16(p+6)
		if t.Start >= c.Units || n > c.Units-t.Start {
			return nil, fail(p, parse.ErrFormat, "a try block runs past the instructions", t.Start)
		}
		t.End = t.Start + n
		if i > 0 && t.Start < list[i-1].End {
			return nil, fail(p, parse.ErrFormat, "try blocks overlap or are out of order", t.Start)
		}
		var ok bool
		if t.Handlers, ok = handlers[off]; !ok {
			return nil, fail(p+6, parse.ErrFormat, "a try block has no handler", off)
		}
		list[i] = t
	}
	return list, nil
}

// handlers reads the encoded_catch_handler_list at base. The handlers are known by their
// offset in the list.
func (c *Code) handlers(base int) (map[uint32][]Handler, error) {
	l := lebs{c.f.b, base}
	n := l.uleb()
	if l.off < 0 || n == 0 || n > maxHandlers || int(n) > l.left() {
		return nil, fail(base, parse.ErrFormat, "wrong number of handlers", n)
	}
	all := make(map[uint32][]Handler, n)
	for range n {
		at := l.off
		size := l.sleb()
		catchAll := size <= 0
		if catchAll {
			size = -size
		}
		if l.off < 0 || size < 0 || size > maxHandlers || 2*int(size) > l.left() {
			return nil, fail(at, parse.ErrFormat, "wrong number of types in a handler", size)
		}
		list := make([]Handler, 0, size+1)
		for range size {
			list = append(list, Handler{l.uleb(), l.uleb()})
		}
		if catchAll {
			list = append(list, Handler{NoIndex, l.uleb()})
		}
		for i, h := range list {
			if l.off < 0 || h.PC >= c.Units || h.Type >= c.f.TypeIDs.Len && !(catchAll && i == len(list)-1) {
				return nil, fail(at, parse.ErrFormat, "a handler catches no type or leads nowhere", h.PC)
			}
		}
		all[uint32(at-base)] = list
	}
	return all, nil
}
