package dex_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen opens any bytes and reads all that they hold: see try.
func FuzzOpen(f *testing.F) {
	for _, h := range hostiles() {
		if b := h.bytes(); len(b) < 4096 {
			f.Add(b)
		}
	}
	f.Add(build(recipe{version: "039", insns: everyOp()}).b)
	f.Add(build(recipe{version: "041"}).b)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) <= 1<<14 {
			try(t, data)
		}
	})
}

// FuzzStructure builds a file around code, values, debug information and the like of
// the fuzzer's own, bends fields by name, and writes size and checksum anew.
func FuzzStructure(f *testing.F) {
	add := func(version uint8, r recipe, edits string) {
		var insns []byte
		for _, u := range r.insns {
			insns = le.AppendUint16(insns, u)
		}
		f.Add(version, insns, r.values, r.debug, r.handler, r.element, r.data, []byte(edits))
	}
	for v := range uint8(7) {
		add(v, recipe{}, "")
	}
	for _, h := range hostiles() {
		if r := h.recipe; h.change == nil && h.raw == nil && r.strings == nil && r.more == 0 && len(r.insns) < 128 && len(r.element)+len(r.debug) < 256 {
			add(3, r, "")
		}
	}
	for i := range places {
		add(3, recipe{}, string([]byte{byte(i), 0x12, 2, byte(i), 0, 0, 0}))
	}
	f.Fuzz(func(t *testing.T, version uint8, insns []byte, values, debug, handler, element, data string, edits []byte) {
		// What is longer is slower and finds nothing new.
		if len(insns) > 256 || len(values)+len(debug)+len(handler)+len(element)+len(data) > 256 || len(edits) > lenEdit*maxEdits {
			return
		}
		r := recipe{values: values, debug: debug, handler: handler, element: element, data: data}
		for i := 0; i+1 < len(insns); i += 2 {
			r.insns = append(r.insns, le.Uint16(insns[i:]))
		}
		r.notries, r.again, r.classes = version&0x08 != 0, version&0x10 != 0, 1+int(version>>5&1)
		if b := bent(r, version, edits); len(b) <= 1<<14 {
			try(t, b)
		}
	})
}

var (
	versions = []string{"035", "037", "038", "039", "040", "041", "041"}
	places   = []string{"header", "strings", "types", "protos", "fields", "methods", "class", "code", "code2", "typelist",
		"stringdata", "debug", "annotation", "values", "set", "dir", "data", "map", "try", "sites", "handles"}
	odd = []uint32{0, 1, 2, 3, 4, 5, 7, 8, 10, 0x70, 0x78, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff}
)

// A change is said by seven bytes: where, how, at which field, and a value.
const lenEdit, maxEdits = 7, 12

// bent is the file of the recipe with the changes that the bytes of edits say. A last version stands
// for a container of two files.
func bent(r recipe, version uint8, edits []byte) []byte {
	v := int(version&7) % len(versions)
	r.version = versions[v]
	x := build(r)
	for ; len(edits) >= lenEdit; edits = edits[lenEdit:] {
		x.bend(edits[:lenEdit])
	}
	x.seal()
	if v < len(versions)-1 {
		return x.b
	}
	r.start = len(x.b) + -len(x.b)&3
	second := build(r)
	copy(second.b, x.b)
	for _, at := range []int{0, r.start} {
		le.PutUint32(second.b[at+112:], uint32(len(second.b)))
		second.at["header"] = at
		second.seal()
	}
	return second.b
}

// bend makes one change.
func (x *built) bend(e []byte) {
	at, ok := x.at[places[int(e[0])%len(places)]]
	if !ok {
		return
	}
	raw, width := le.Uint32(e[3:]), []int{4, 2, 1, 4}[e[1]&3]
	off := at + int(e[2])*width
	if e[1]&0x80 != 0 { // the file grows or shrinks, and its size with it
		if n := int(raw % 64); e[1]&1 == 0 {
			x.b = append(x.b, slices.Repeat(e[2:3], n)...)
		} else {
			x.b = x.b[:max(len(x.b)-n, 0x78)]
		}
		x.u32("header", 32, uint32(len(x.b)))
		return
	}
	if off+width > len(x.b) {
		return
	}
	var field [4]byte
	copy(field[:], x.b[off:off+width])
	v := le.Uint32(field[:])
	switch e[1] >> 4 & 7 {
	case 0:
		v = raw
	case 1:
		v = odd[raw%uint32(len(odd))]
	case 2:
		v += uint32(int32(int8(raw)))
	case 3:
		v ^= 1 << (raw & 31)
	case 4: // where another part begins
		v = uint32(x.at[places[raw%uint32(len(places))]])
	case 5: // what stands elsewhere
		if o := int(raw) % len(x.b); o+4 <= len(x.b) {
			v = le.Uint32(x.b[o:])
		}
	case 6:
		v = uint32(len(x.b)) - raw&0xff
	case 7:
		v = uint32(at) + raw&0xffff
	}
	le.PutUint32(field[:], v)
	copy(x.b[off:off+width], field[:width])
}

// try reads all that a file holds, twice. Whatever it is: nothing panics; each error is a
// *parse.Error of the format; instructions follow one another without gaps and lie in the
// file; indices that are given out are ones of their table; and both readings are equal.
func try(t *testing.T, data []byte) {
	var a otatest.Allocations
	before := a.Read()
	first := read(t, data)
	// Opening costs little; a value of one byte and an annotation of two cost 80 each, and
	// one class may have maxValues of them, referred to again and again.
	if n, most := a.Read()-before, uint64(512*len(data)+64<<20+otatest.AllocationNoise); n > most {
		t.Fatalf("%d bytes are allocated for %d", n, len(data))
	}
	if second := read(t, data); first != second {
		t.Fatalf("first %v, then %v", first, second)
	}
}

// An answer is what can be compared of a file quickly.
type answer struct {
	files, errors int
	sum           uint64
	err           string
}

func (a *answer) add(v ...uint64) {
	for _, v := range v {
		a.sum = (a.sum ^ v) * 1099511628211
	}
}

func (a *answer) text(s string) {
	for i := range len(s) {
		a.add(uint64(s[i]))
	}
}

func read(t *testing.T, data []byte) (n answer) {
	var a otatest.Allocations
	before := a.Read()
	files, err := dex.Open(data, parse.NewBudget(parse.Limits{Produced: 1 << 22}))
	if n, most := a.Read()-before, uint64(64*len(data)+otatest.AllocationNoise); n > most {
		t.Fatalf("opening %d bytes allocates %d", len(data), n)
	}
	if !check(t, err) {
		n.err = err.Error()
	}
	n.files = len(files)
	for i, x := range files {
		x.Dialect = dex.Dialect((len(data) + i) % 3)
		for _, s := range x.Notes {
			n.text(s)
		}
		n.walk(t, x, int64(len(data)))
	}
	return n
}

func check(t *testing.T, err error) bool {
	if err == nil {
		return true
	}
	t.Helper()
	var pe *parse.Error
	if !errors.As(err, &pe) || pe.Format != "dex" || pe.Kind == nil {
		t.Fatalf("%T: %v", err, err)
	}
	_ = err.Error()
	return false
}

func (n *answer) walk(t *testing.T, f *dex.File, size int64) {
	ok := func(err error) bool {
		if check(t, err) {
			return true
		}
		n.errors++
		return false
	}
	f.ChecksumOK()
	f.SignatureOK()
	for i := range f.StringIDs.Len {
		s, err := f.String(i)
		ok(err)
		n.text(s)
	}
	// A few: names of methods of many parameters may take long together.
	for i := range min(f.MethodIDs.Len, 64) {
		f.MethodName(i)
	}
	for i := range min(f.FieldIDs.Len, 64) {
		f.FieldName(i)
	}
	for i := range f.CallSiteIDs.Len {
		_, err := f.CallSite(i)
		ok(err)
	}
	for i := range f.MethodHandles.Len {
		_, err := f.MethodHandle(i)
		ok(err)
	}
	var data dex.ClassData
	units := f.CodeUnits
	for i := range f.ClassDefs.Len {
		def, err := f.Class(i)
		if !ok(err) {
			continue
		}
		_, err = f.Interfaces(def)
		ok(err)
		_, err = f.StaticValues(def)
		ok(err)
		if i < 2 { // each may have maxValues
			a, err := f.Annotations(def)
			ok(err)
			n.add(uint64(len(a.Class)), uint64(len(a.Fields)), uint64(len(a.Methods)), uint64(len(a.Params)))
		}
		if !ok(f.ClassData(def, &data)) {
			continue
		}
		for _, m := range data.Methods() {
			code, err := f.Code(m)
			if !ok(err) || code == nil {
				continue
			}
			if units -= int64(code.Units); units < 0 {
				t.Fatal("more code than was counted")
			}
			_, err = code.Tries()
			ok(err)
			if debug, err := code.Debug(); ok(err) && debug != nil {
				debug.Line(1)
			}
			n.instructions(t, f, code, size)
		}
	}
}

func (n *answer) instructions(t *testing.T, f *dex.File, code *dex.Code, size int64) {
	pc := uint32(0)
	d := code.Decoder()
	for d.Next() {
		in := &d.Insn
		if in.PC != pc || in.Units == 0 || in.Off != code.Offset(pc) || in.Off+2*int64(in.Units) > size || in.Target >= code.Units {
			t.Fatalf("pc %d: %+v", pc, in)
		}
		pc += in.Units
		n.add(uint64(in.Op), uint64(in.Index), uint64(in.Lit), uint64(in.Target))
		for i := range int(in.N) {
			if in.Reg(i) >= code.Registers {
				t.Fatalf("%+v: register %d", in, in.Reg(i))
			}
		}
		var err error
		switch in.Op.Index() {
		case dex.IndexString:
			_, err = f.String(in.Index)
		case dex.IndexType:
			_, err = f.Type(in.Index)
		case dex.IndexField:
			_, err = f.Field(in.Index)
		case dex.IndexMethod:
			_, err = f.Method(in.Index)
		case dex.IndexProto:
			_, err = f.Proto(in.Index)
		}
		if err != nil && !in.Undecided {
			t.Fatalf("%+v: %v", in, err)
		}
		switch in.Op {
		case dex.OpPackedSwitch, dex.OpSparseSwitch:
			if seq, err := code.Switch(in); check(t, err) {
				for _, target := range seq {
					if target >= code.Units {
						t.Fatalf("%+v: target %d", in, target)
					}
				}
			}
		case dex.OpFillArrayData:
			_, _, err := code.ArrayData(in)
			check(t, err)
		}
	}
	if check(t, d.Err()) && pc != code.Units {
		t.Fatalf("stopped at %d of %d", pc, code.Units)
	}
}
