package dex_test

import (
	"errors"
	"testing"

	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen opens any bytes and reads all that they hold. Whatever they are:
// nothing panics; each error is a *parse.Error of the format; instructions follow one
// another without gaps and lie in the file; indices that are given out are ones of their table.
func FuzzOpen(f *testing.F) {
	for _, h := range hostiles() {
		if b := h.bytes(); len(b) < 4096 {
			f.Add(b)
		}
	}
	f.Add(build(recipe{version: "039", insns: everyOp()}).b)
	f.Add(build(recipe{version: "041"}).b)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		files, err := dex.Open(data, parse.NewBudget(parse.Limits{Produced: 1 << 22}))
		check(t, err)
		for i, x := range files {
			x.Dialect = dex.Dialect((len(data) + i) % 3)
			walk(t, x, int64(len(data)))
		}
	})
}

func check(t *testing.T, err error) bool {
	t.Helper()
	if err == nil {
		return true
	}
	var pe *parse.Error
	if !errors.As(err, &pe) || pe.Format != "dex" || pe.Kind == nil {
		t.Fatalf("%T: %v", err, err)
	}
	_ = err.Error()
	return false
}

func walk(t *testing.T, f *dex.File, size int64) {
	f.ChecksumOK()
	f.SignatureOK()
	for i := range f.StringIDs.Len {
		_, err := f.String(i)
		check(t, err)
	}
	for i := range f.MethodIDs.Len {
		f.MethodName(i)
	}
	for i := range f.FieldIDs.Len {
		f.FieldName(i)
	}
	for i := range f.CallSiteIDs.Len {
		_, err := f.CallSite(i)
		check(t, err)
	}
	for i := range f.MethodHandles.Len {
		_, err := f.MethodHandle(i)
		check(t, err)
	}
	var data dex.ClassData
	units := f.CodeUnits
	for i := range f.ClassDefs.Len {
		def, err := f.Class(i)
		if !check(t, err) {
			continue
		}
		_, err = f.Interfaces(def)
		check(t, err)
		_, err = f.StaticValues(def)
		check(t, err)
		_, err = f.Annotations(def)
		check(t, err)
		if !check(t, f.ClassData(def, &data)) {
			continue
		}
		for _, m := range data.Methods() {
			code, err := f.Code(m)
			if !check(t, err) || code == nil {
				continue
			}
			if units -= int64(code.Units); units < 0 {
				t.Fatal("more code than was counted")
			}
			_, err = code.Tries()
			check(t, err)
			if debug, err := code.Debug(); check(t, err) && debug != nil {
				debug.Line(1)
			}
			instructions(t, f, code, size)
		}
	}
}

func instructions(t *testing.T, f *dex.File, code *dex.Code, size int64) {
	pc := uint32(0)
	d := code.Decoder()
	for d.Next() {
		in := &d.Insn
		if in.PC != pc || in.Units == 0 || in.Off != code.Offset(pc) || in.Off+2*int64(in.Units) > size || in.Target >= code.Units {
			t.Fatalf("pc %d: %+v", pc, in)
		}
		pc += in.Units
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
