package dex_test

import (
	"encoding/binary"
	"fmt"
	"hash/adler32"
)

var le = binary.LittleEndian

// A built is a small DEX file and where its parts lie. It shares no code with the reader.
type built struct {
	b  []byte
	at map[string]int
}

func (x *built) u16(at string, off int, v uint16) { le.PutUint16(x.b[x.at[at]+off:], v) }
func (x *built) u32(at string, off int, v uint32) { le.PutUint32(x.b[x.at[at]+off:], v) }

// seal writes the checksum anew.
func (x *built) seal() *built {
	h := x.b[x.at["header"]:]
	if n := int(le.Uint32(h[32:])); n >= 12 && n <= len(h) {
		le.PutUint32(h[8:], adler32.Checksum(h[12:n]))
	}
	return x
}

// A recipe is what differs between the files that are built. The zero value is the plain one.
type recipe struct {
	version string   // 035
	start   int      // of the header in its container
	strings []string // in place of the ten
	insns   []uint16 // of LA;.m(I)V, which has 256 registers
	values  string   // the encoded_array of static values
	debug   string   // the debug_info_item
	handler string   // the encoded_catch_handler_list
	element string   // the encoded_value in the annotation
	data    string   // the class_data_item, with two code offsets behind it to be filled in
	notries bool
	again   bool // the try block stands there twice
	classes int  // how many times LA; is defined; one if zero
	more    int  // further methods of LA;, whose names are the strings from 10 on
}

// build writes class LA; with a static field f:I, methods m(I)V and n()V, both static,
// an annotation LB; on the class, a prototype for each, a call site and a method handle if the version has
// them.
func build(r recipe) *built {
	x := &built{at: map[string]int{}}
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&r.version, "035")
	def(&r.values, "\x01\x04\x05")
	def(&r.debug, "\x07\x01\x0a\x0e\x2c\x00") // line 7, parameter string 9, line 7 at 0, 11 at 2
	def(&r.handler, "\x01\x7f\x03\x00\x01")   // one handler: type 3 at 0, all at 1
	def(&r.element, "\x04\x2a")
	if r.strings == nil {
		r.strings = []string{"A.java", "I", "LA;", "LB;", "Ljava/lang/Object;", "V", "VI", "f", "m", "n"}
	}
	if r.insns == nil {
		r.insns = []uint16{0x0012, 0x0138, 0x0002, 0x000e} // const/4 v0; if-eqz v1 +2; return-void
		r.insns[1] = 0x0038
	}
	new := r.version >= "038"
	var out []byte
	pos := func() int { return r.start + len(out) }
	align := func() {
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	w16 := func(v ...uint16) {
		for _, v := range v {
			out = le.AppendUint16(out, v)
		}
	}
	w32 := func(v ...int) {
		for _, v := range v {
			out = le.AppendUint32(out, uint32(v))
		}
	}
	type item struct{ typ, n, off int }
	var m []item
	mark := func(name string, typ, n int) {
		x.at[name] = pos()
		m = append(m, item{typ, n, pos()})
	}
	leb := func(v int) (s string) {
		for ; v > 0x7f; v >>= 7 {
			s += string([]byte{byte(v) | 0x80})
		}
		return s + string([]byte{byte(v)})
	}
	mark("header", 0, 1)
	hdr := 0x70
	if r.version >= "041" {
		hdr = 0x78
	}
	out = make([]byte, hdr)
	mark("strings", 1, len(r.strings))
	out = append(out, make([]byte, 4*len(r.strings))...)
	mark("types", 2, 5)
	w32(1, 2, 3, 4, 5)
	mark("protos", 3, 2)
	w32(5, 4, 0, 6, 4, 0)
	mark("fields", 4, 1)
	w16(1, 0, 7, 0)
	mark("methods", 5, 2+r.more)
	w16(1, 1, 8, 0, 1, 0, 9, 0)
	for i := range r.more {
		w16(1, 0, uint16(10+i), 0)
	}
	r.classes = max(r.classes, 1)
	mark("class", 6, r.classes)
	out = append(out, make([]byte, 32*r.classes)...)
	if new {
		mark("sites", 7, 1)
		w32(0)
		mark("handles", 8, 1)
		w16(4, 0, 0, 0)
	}
	dataOff := pos()
	mark("code", 0x2001, 2)
	tries := 1
	if r.notries {
		tries = 0
	} else if r.again {
		tries = 2
	}
	w16(256, 1, 255, uint16(tries))
	w32(0, len(r.insns))
	w16(r.insns...)
	if tries > 0 {
		if len(r.insns)%2 == 1 {
			w16(0)
		}
		x.at["try"] = pos()
		for range tries {
			w32(0)
			w16(1, 1)
		}
		out = append(out, r.handler...)
	}
	align()
	x.at["code2"] = pos()
	w16(0, 0, 0, 0)
	w32(0, 1)
	w16(0x000e)
	align()
	mark("typelist", 0x1001, 1)
	w32(1)
	w16(0)
	le.PutUint32(out[x.at["protos"]-r.start+20:], uint32(x.at["typelist"]))
	mark("stringdata", 0x2002, len(r.strings))
	for i, s := range r.strings {
		le.PutUint32(out[x.at["strings"]-r.start+4*i:], uint32(pos()))
		out = append(append(out, leb(len(s))+s...), 0)
	}
	mark("debug", 0x2003, 1)
	out = append(out, r.debug...)
	mark("annotation", 0x2004, 1)
	out = append(out, "\x01\x02\x01\x07"+r.element...)
	n := 1
	if new {
		n = 2
	}
	mark("values", 0x2005, n)
	out = append(out, r.values...)
	if new {
		le.PutUint32(out[x.at["sites"]-r.start:], uint32(pos()))
		out = append(out, "\x03\x16\x00\x17\x08\x15\x00"...)
	}
	align()
	mark("set", 0x1003, 1)
	w32(1, x.at["annotation"])
	mark("dir", 0x2006, 1)
	w32(x.at["set"], 0, 0, 0)
	mark("data", 0x2000, 1)
	if r.data == "" {
		out = append(out, "\x01\x00\x02\x00\x00\x09\x00\x09"+leb(x.at["code"])+"\x01\x09"+leb(x.at["code2"])...)
	} else {
		out = append(out, r.data...)
	}
	align()
	mark("map", 0x1000, 1)
	w32(len(m))
	for _, i := range m {
		w32(i.typ, i.n, i.off)
	}
	for i := range r.classes {
		for j, v := range []int{1, 1, 3, 0, 0, x.at["dir"], x.at["data"], x.at["values"]} {
			le.PutUint32(out[x.at["class"]-r.start+32*i+4*j:], uint32(v))
		}
	}
	le.PutUint32(out[x.at["code"]-r.start+8:], uint32(x.at["debug"]))
	copy(out, "dex\n"+r.version+"\x00")
	le.PutUint32(out[32:], uint32(len(out)))
	le.PutUint32(out[36:], uint32(hdr))
	le.PutUint32(out[40:], 0x12345678)
	le.PutUint32(out[52:], uint32(x.at["map"]))
	for i, name := range []string{"strings", "types", "protos", "fields", "methods", "class"} {
		le.PutUint32(out[56+8*i:], uint32([]int{len(r.strings), 5, 2, 1, 2 + r.more, r.classes}[i]))
		le.PutUint32(out[60+8*i:], uint32(x.at[name]))
	}
	if hdr == 0x70 {
		le.PutUint32(out[104:], uint32(pos()-dataOff))
		le.PutUint32(out[108:], uint32(dataOff))
	} else {
		le.PutUint32(out[112:], uint32(pos()))
		le.PutUint32(out[116:], uint32(r.start))
	}
	x.b = append(make([]byte, r.start), out...)
	return x.seal()
}

// sharedCode is a file of 100 methods with one body of 20000 units.
func sharedCode() recipe {
	r := recipe{insns: make([]uint16, 20000), more: 98, data: "-"}
	r.strings = []string{"A.java", "I", "LA;", "LB;", "Ljava/lang/Object;", "V", "VI", "f", "m", "n"}
	for i := range r.more {
		r.strings = append(r.strings, fmt.Sprintf("n%02d", i))
	}
	code := build(r).at["code"]
	r.data = "\x01\x00\x64\x00\x00\x09"
	for i := range 100 {
		r.data += string([]byte{byte(min(i, 1)), 9, byte(code)&0x7f | 0x80, byte(code >> 7)})
	}
	return r
}

// everyOp is code that holds every opcode once, with the tables its switches need; but for
// 73 and e3 to f2, which dexdump 11 takes for quickened ones in plain files too, and reads
// two or three units where ART of today reads one and refuses the class.
func everyOp() []uint16 {
	var u []uint16
	add := func(v ...uint16) { u = append(u, v...) }
	for op := uint16(0); op < 0x100; op++ {
		hi := op | 0x2100
		switch {
		case op == 0:
			add(0)
		case op == 0x73, op >= 0xe3 && op <= 0xf2:
		case op >= 0x3e && op <= 0x43, op == 0x79, op == 0x7a, op >= 0xf3 && op <= 0xf9:
			add(op) // unused
		case op >= 0x01 && op <= 0x09 && op%3 == 0:
			add(op, 255, 254)
		case op >= 0x01 && op <= 0x09 && op%3 == 2:
			add(op|0xff00, 200)
		case op == 0x12:
			add(op | 0x8300) // -8
		case op == 0x13, op == 0x16:
			add(hi, 0x8001)
		case op == 0x14, op == 0x17:
			add(hi, 0x1234, 0xc0de)
		case op == 0x15, op == 0x19:
			add(hi, 0xbff8)
		case op == 0x18:
			add(hi, 0x1122, 0x3344, 0x5566, 0xbf88)
		case op == 0x1a:
			add(hi, 9)
		case op == 0x1b:
			add(hi, 9, 0)
		case op == 0x1c, op == 0x1f, op == 0x22:
			add(hi, 3)
		case op == 0x20, op == 0x23:
			add(hi, 4)
		case op == 0x24:
			add(0x5924, 1, 0x4321)
		case op == 0x25:
			add(0x0325, 1, 0x00fd)
		case op == 0x26, op == 0x2b, op == 0x2c:
			add(hi, 0xffff, 0xffff) // filled in below
		case op == 0x28:
			add(op | 0xff00) // -1
		case op == 0x29:
			add(op, 0xfffe)
		case op == 0x2a:
			add(op, 0xfffd, 0xffff)
		case op >= 0x32 && op <= 0x3d:
			add(hi, 2)
		case op >= 0x44 && op <= 0x51, op >= 0x2d && op <= 0x31, op >= 0x90 && op <= 0xaf:
			add(hi, 0xfe07)
		case op >= 0x52 && op <= 0x6d:
			add(hi, 0)
		case op >= 0x6e && op <= 0x72:
			add(0x2000|op, 1, 0x0021)
		case op >= 0x74 && op <= 0x78:
			add(0x0200|op, 0, 0x00fe)
		case op >= 0xd0 && op <= 0xe2:
			add(hi, 0x85f0)
		case op == 0xfa:
			add(0x3000|op, 1, 0x0321, 1)
		case op == 0xfb:
			add(0x0200|op, 1, 0x0010, 1)
		case op == 0xfc:
			add(0x1000|op, 0, 0x0003)
		case op == 0xfd:
			add(0x0100|op, 0, 0x0003)
		case op == 0xfe, op == 0xff:
			add(hi, 0)
		default:
			add(hi)
		}
	}
	if len(u)%2 == 1 {
		add(0)
	}
	refer := func(op byte, table ...uint16) {
		for i := 0; i+2 < len(u); i++ {
			if u[i] == 0x2100|uint16(op) && u[i+1] == 0xffff && u[i+2] == 0xffff {
				u[i+1], u[i+2] = uint16(len(u)-i), 0
			}
		}
		add(table...)
	}
	refer(0x26, 0x0300, 3, 3, 0, 0x0201, 0x0403, 0x0605, 0x0807, 0x0009, 0)
	refer(0x2b, 0x0100, 2, 0xfffe, 0xffff, 1, 0, 2, 0)
	refer(0x2c, 0x0200, 1, 0x0007, 0x8000, 1, 0)
	return u
}
