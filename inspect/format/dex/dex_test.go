package dex_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

func open1(t testing.TB, b []byte) *dex.File {
	t.Helper()
	files, err := dex.Open(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Fatalf("%d files", len(files))
	}
	return files[0]
}

// method gives the code of the built file's method m.
func method(t testing.TB, f *dex.File) *dex.Code {
	t.Helper()
	def, err := f.Class(0)
	if err != nil {
		t.Fatal(err)
	}
	var data dex.ClassData
	if err := f.ClassData(def, &data); err != nil {
		t.Fatal(err)
	}
	code, err := f.Code(data.DirectMethods[0])
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestEveryOpcode compares every opcode, and files of every version that dexdump knows, with
// dexdump.
func TestEveryOpcode(t *testing.T) {
	otatest.Tool(t, "dexdump")
	for _, v := range []string{"035", "037", "038", "039", "040"} {
		c := counts{versions: map[int]int{}}
		r := recipe{version: v}
		if v >= "038" {
			r.insns = everyOp()
		}
		if !compare(t, sample{"built " + v, build(r).b}, &c) {
			t.Errorf("version %s differs", v)
		}
		t.Logf("%s: %d instructions", v, c.insns)
	}
}

func TestBuilt(t *testing.T) {
	f := open1(t, build(recipe{version: "039", insns: everyOp()}).b)
	if got, want := f.MethodName(0), "LA;->m(I)V"; got != want {
		t.Errorf("method %q, want %q", got, want)
	}
	if got, want := f.FieldName(0), "LA;->f:I"; got != want {
		t.Errorf("field %q, want %q", got, want)
	}
	if f.MethodName(9) != "?" || f.FieldName(9) != "?" || f.TypeName(9) != "?" || f.ProtoName(9) != "?" {
		t.Error("names of what does not exist")
	}
	if h, err := f.MethodHandle(0); err != nil || h != (dex.MethodHandle{Kind: dex.HandleInvokeStatic}) {
		t.Errorf("handle %v, %v", h, err)
	}
	site, err := f.CallSite(0)
	if err != nil || len(site) != 3 || site[1].Index() != 8 {
		t.Errorf("call site %v, %v", site, err)
	}
	code := method(t, f)
	for d := code.Decoder(); d.Next(); {
		in := d.Insn
		if same, err := code.At(in.PC); err != nil || same != in {
			t.Errorf("At(%d) = %v, %v; want %v", in.PC, same, err, in)
		}
		switch in.Op {
		case dex.OpPackedSwitch, dex.OpSparseSwitch:
			seq, err := code.Switch(&in)
			if err != nil {
				t.Fatal(err)
			}
			want := map[int32]uint32{-2: in.PC + 1, -1: in.PC + 2}
			if in.Op == dex.OpSparseSwitch {
				want = map[int32]uint32{-0x7ffffff9: in.PC + 1}
			}
			if got := maps.Collect(seq); !maps.Equal(got, want) {
				t.Errorf("%s: %v, want %v", in.Op, got, want)
			}
		case dex.OpFillArrayData:
			w, data, err := code.ArrayData(&in)
			if want := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9}; w != 3 || err != nil || !bytes.Equal(data, want) {
				t.Errorf("array data: width %d, %v, %v", w, data, err)
			}
		case dex.OpConst4:
			if in.Lit != -8 || in.Regs[0] != 3 {
				t.Errorf("const/4: %+v", in)
			}
		}
		if unused := in.Op.Format().String() == "" && in.Op < 0x100; in.Undecided != unused {
			t.Errorf("%s: undecided %v", in.Op, in.Undecided)
		}
	}
	debug, err := code.Debug()
	if err != nil || !slices.Equal(debug.Params, []uint32{9}) || !slices.Equal(debug.Lines, []dex.Line{{0, 7}, {2, 7}}) {
		t.Errorf("debug %+v, %v", debug, err)
	}
	tries, err := code.Tries()
	if want := "[{0 1 [{3 0} {4294967295 1}]}]"; err != nil || fmt.Sprint(tries) != want {
		t.Errorf("tries %v, %v; want %s", tries, err, want)
	}
}

// A dialect gives the lengths of opcodes that only it has.
func TestDialects(t *testing.T) {
	for _, tc := range []struct {
		d     dex.Dialect
		insns []uint16
		units []uint32
	}{
		{dex.Plain, []uint16{0x00e3, 0x0073, 0x000e}, []uint32{1, 1, 1}},
		{dex.Quick, []uint16{0x0073, 0x10e3, 0x0008, 0x10e9, 0x0007, 0x0001, 0x10ef, 0x0008, 0x00fc, 0, 0, 0x000e}, []uint32{1, 2, 3, 2, 3, 1}},
		{dex.Dalvik, []uint16{0x00f1, 0x10f8, 0x0007, 0x0001, 0x10ee, 1, 1, 0x10f2, 8, 0x00fc, 0x0001, 0x000e}, []uint32{1, 3, 3, 2, 2, 1}},
	} {
		f := open1(t, build(recipe{version: "039", insns: tc.insns}).b)
		f.Dialect = tc.d
		var units []uint32
		d := method(t, f).Decoder()
		for d.Next() {
			units = append(units, d.Insn.Units)
		}
		if d.Err() != nil || !slices.Equal(units, tc.units) {
			t.Errorf("dialect %d: %v, %v; want %v", tc.d, units, d.Err(), tc.units)
		}
	}
}

// A container of version 041 holds several files, whose offsets count from its start.
func TestContainer(t *testing.T) {
	a := build(recipe{version: "041"})
	b := build(recipe{version: "041", start: len(a.b), strings: []string{"A.java", "I", "LA;", "LB;", "Ljava/lang/Object;", "V", "VI", "f", "other", "z"}})
	whole := func() []byte {
		all := append(bytes.Clone(a.b), b.b[len(a.b):]...)
		for _, at := range []int{0, len(a.b)} {
			le.PutUint32(all[at+112:], uint32(len(all)))
			(&built{all, map[string]int{"header": at}}).seal()
		}
		return all
	}
	files, err := dex.Open(whole(), nil)
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for i, want := range []string{"LA;->m(I)V", "LA;->other(I)V"} {
		f := files[i]
		if got := f.MethodName(0); got != want || f.Version != 41 || !f.ChecksumOK() || len(f.Notes) > 0 {
			t.Errorf("file %d: %q, want %q; version %d, notes %q", i, got, want, f.Version, f.Notes)
		}
		c := counts{versions: map[int]int{}}
		if err := dump(new(bytes.Buffer), f, whole(), &c); err != nil || c.insns != 4 {
			t.Errorf("file %d: %d instructions, %v", i, c.insns, err)
		}
	}
	for _, tc := range []struct {
		msg    string
		change func([]byte) []byte
	}{
		{"does not stand where it says", func(p []byte) []byte { le.PutUint32(p[len(a.b)+116:], uint32(len(a.b)-4)); return p }},
		{"disagree on its size", func(p []byte) []byte { le.PutUint32(p[112:], uint32(len(p)-4)); return p }},
		{"not that of the container", func(p []byte) []byte { le.PutUint32(p[112:], uint32(len(p)+4)); return p }},
		{"knows none", func(p []byte) []byte { p[len(a.b)+5], p[len(a.b)+6] = '3', '9'; return p }},
		{"wrong magic", func(p []byte) []byte { p[len(a.b)] = 0; return p }},
		{"lies outside", func(p []byte) []byte { le.PutUint32(p[len(a.b)+60:], uint32(a.at["strings"])); return p }},
		{"not that of the", func(p []byte) []byte { return p[:len(p)-1] }},
	} {
		if _, err := dex.Open(tc.change(whole()), nil); !errors.Is(err, parse.ErrFormat) || !strings.Contains(err.Error(), tc.msg) {
			t.Errorf("want %s: %v", tc.msg, err)
		}
	}
}

func TestValues(t *testing.T) {
	f := open1(t, build(recipe{values: "\x0c\x00\xff\x02\xfe\x22\x00\x80\x03\xff\x04\x80\x06\xff\x10\xbf\x31\xf0\x3f\x1e\x3f\x1f\x1c\x01\x1e"}).b)
	def, err := f.Class(0)
	if err != nil {
		t.Fatal(err)
	}
	list, err := f.StaticValues(def)
	if err != nil || len(list) != 12 {
		t.Fatalf("%v, %v", list, err)
	}
	for i, want := range []int64{-1, -2, -32768, 255, -128, -1} {
		if got := list[i].Int(); got != want {
			t.Errorf("value %d: %d, want %d", i, got, want)
		}
	}
	if list[6].Float() != -0.5 || list[7].Float() != 1 {
		t.Errorf("floats %v %v, want -0.5 1", list[6].Float(), list[7].Float())
	}
	if list[8].Kind != dex.ValueNull || list[9].Int() != 1 || list[10].Int() != 0 || len(list[11].Array) != 1 {
		t.Errorf("null, true, false, array: %+v", list[8:])
	}
}

func TestDebug(t *testing.T) {
	f := open1(t, build(recipe{debug: "\x07\x00\x02\xff\xff\xff\x7f\x0e\x01\x02\x02\xff\xff\xff\xff\x7f\x0e\x00"}).b)
	d, err := method(t, f).Debug()
	if want := []dex.Line{{PC: 0, Line: 6}, {PC: 2, Line: 5}}; err != nil || !slices.Equal(d.Lines, want) {
		t.Fatalf("%+v, %v; want %v", d, err, want)
	}
	for pc, want := range []uint32{6, 6, 5, 5} {
		if got, ok := d.Line(uint32(pc)); !ok || got != want {
			t.Errorf("line of %d: %d, %v; want %d", pc, got, ok, want)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, tc := range []struct{ raw, want string }{
		{"plain", "plain"},
		{"a\xc0\x80b", "a\x00b"},
		{"\xc3\xa9\xe2\x82\xac", "é€"},
		{"x\xed\xa0\xbd\xed\xb8\x80y", "x😀y"},
		{"\xf0\x9f\x98\x80", "😀"},                                // four bytes, which ART reads
		{"\xed\xa0\xbd", "\xed\xa0\xbd"},                         // no partner
		{"\xed\xb8\x80\xed\xa0\xbd", "\xed\xb8\x80\xed\xa0\xbd"}, // wrong order
		{"a\xff\xc3", "a\xff\xc3"},
		{"\xc1\x81", "\xc1\x81"}, // overlong, which ART refuses
		{"\xc0", "\xc0"},
	} {
		x := build(recipe{strings: []string{"A.java", "I", "LA;", "LB;", "Ljava/lang/Object;", "V", "VI", "f", "m", "n" + tc.raw}})
		f := open1(t, x.b)
		if got, err := f.String(9); err != nil || got != "n"+tc.want {
			t.Errorf("%q: %q, %v; want %q", tc.raw, got, err, tc.want)
		}
	}
	if _, err := open1(t, build(recipe{}).b).String(10); !errors.Is(err, parse.ErrFormat) {
		t.Errorf("string 10: %v", err)
	}
}

// Code that is shared is charged once for each method.
func TestBudget(t *testing.T) {
	b := build(recipe{}).b
	if _, err := dex.Open(b, parse.NewBudget(parse.Limits{Produced: 9})); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("nine bytes for ten of code: %v", err)
	}
	if _, err := dex.Open(b, parse.NewBudget(parse.Limits{Produced: 10})); err != nil {
		t.Error(err)
	}
}
