package dex_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/otavet/otavet/inspect/format/dex"
)

// A dumper writes one file's text. Its first error stays.
type dumper struct {
	*bytes.Buffer
	f   *dex.File
	raw []byte
	c   *counts
	err error
}

func (d *dumper) p(format string, args ...any) { fmt.Fprintf(d, format, args...) }

func (d *dumper) ok(err error) bool {
	if err != nil && d.err == nil {
		d.err = err
	}
	return err == nil
}

// str gives strings as they are stored, as dexdump prints them.
func (d *dumper) str(i uint32) string {
	s, err := d.f.MUTF8(i)
	d.ok(err)
	return string(s)
}

func (d *dumper) typ(i uint32) string {
	s, err := d.f.Type(i)
	d.ok(err)
	return d.str(s)
}

func (d *dumper) proto(i uint32) string {
	p, err := d.f.Proto(i)
	d.ok(err)
	list, err := d.f.Params(p)
	d.ok(err)
	var s strings.Builder
	s.WriteByte('(')
	for _, t := range list {
		s.WriteString(d.typ(t))
	}
	s.WriteString(")" + d.typ(p.Return))
	return s.String()
}

func dump(b *bytes.Buffer, f *dex.File, raw []byte, c *counts) error {
	d := &dumper{Buffer: b, f: f, raw: raw, c: c}
	var data dex.ClassData
	for i := range f.ClassDefs.Len {
		def, err := f.Class(i)
		if !d.ok(err) {
			break
		}
		c.classes++
		d.annotations(i, def)
		d.p("Class #%d            -\n  Class descriptor  : '%s'\n  Access flags      : 0x%04x\n", i, d.typ(def.Type), def.Flags)
		if def.Super != dex.NoIndex {
			d.p("  Superclass        : '%s'\n", d.typ(def.Super))
		}
		d.p("  Interfaces        -\n")
		list, err := f.Interfaces(def)
		d.ok(err)
		for j, t := range list {
			d.p("    #%d              : '%s'\n", j, d.typ(t))
		}
		d.ok(f.ClassData(def, &data))
		values, err := f.StaticValues(def)
		d.ok(err)
		d.p("  Static fields     -\n")
		d.fields(data.StaticFields, values)
		d.p("  Instance fields   -\n")
		d.fields(data.InstanceFields, nil)
		d.p("  Direct methods    -\n")
		d.methods(data.DirectMethods)
		d.p("  Virtual methods   -\n")
		d.methods(data.VirtualMethods)
		file := "unknown"
		if def.SourceFile != dex.NoIndex {
			file = d.str(def.SourceFile)
		}
		d.p("  source_file_idx   : %d (%s)\n\n", int32(def.SourceFile), file)
		if d.err != nil {
			return fmt.Errorf("class %d: %w", i, d.err)
		}
	}
	d.handles()
	return d.err
}

func (d *dumper) fields(list []dex.EncodedField, values []dex.Value) {
	for i, x := range list {
		d.c.fields++
		id, err := d.f.Field(x.Field)
		d.ok(err)
		d.p("    #%d              : (in %s)\n      name          : '%s'\n      type          : '%s'\n      access        : 0x%04x\n",
			i, d.typ(id.Class), d.str(id.Name), d.typ(id.Type), x.Flags)
		if i < len(values) {
			d.p("      value         : ")
			d.value(values[i])
			d.p("\n")
		}
	}
}

func (d *dumper) methods(list []dex.EncodedMethod) {
	for i, x := range list {
		d.c.methods++
		id, err := d.f.Method(x.Method)
		d.ok(err)
		d.p("    #%d              : (in %s)\n      name          : '%s'\n      type          : '%s'\n      access        : 0x%04x\n",
			i, d.typ(id.Class), d.str(id.Name), d.proto(id.Proto), x.Flags)
		code, err := d.f.Code(x)
		if !d.ok(err) {
			return
		}
		if code == nil {
			d.p("      code          : (none)\n\n")
			continue
		}
		d.c.bodies++
		d.code(code, id)
		d.p("\n")
	}
}

func (d *dumper) code(code *dex.Code, id dex.MethodID) {
	d.p("      code          -\n      registers     : %d\n      ins           : %d\n      outs          : %d\n      insns size    : %d 16-bit code units\n",
		code.Registers, code.Ins, code.Outs, code.Units)
	class := d.typ(id.Class)
	dims := strings.Count(class, "[")
	class = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(class[dims:], "L"), ";"), "/", ".")
	d.p("%06x:                                        |[%06x] %s.%s:%s\n", code.Off, code.Off, class, d.str(id.Name), d.proto(id.Proto))
	dec := code.Decoder()
	for dec.Next() {
		d.c.insns++
		d.insn(code, &dec.Insn)
	}
	d.ok(dec.Err())
	tries, err := code.Tries()
	d.ok(err)
	d.c.tries += len(tries)
	if len(tries) == 0 {
		d.p("      catches       : (none)\n")
	} else {
		d.p("      catches       : %d\n", len(tries))
	}
	for _, t := range tries {
		d.p("        0x%04x - 0x%04x\n", t.Start, t.End)
		for _, h := range t.Handlers {
			typ := "<any>"
			if h.Type != dex.NoIndex {
				typ = d.typ(h.Type)
			}
			d.p("          %s -> 0x%04x\n", typ, h.PC)
		}
	}
	d.p("      positions     : \n")
	debug, err := code.Debug()
	d.ok(err)
	if debug != nil {
		d.c.lines += len(debug.Lines)
		for _, l := range debug.Lines {
			d.p("        0x%04x line=%d\n", l.PC, int32(l.Line))
		}
	}
}

func (d *dumper) annotations(i uint32, def dex.ClassDef) {
	a, err := d.f.Annotations(def)
	d.ok(err)
	if a.Class == nil && a.Fields == nil && a.Methods == nil && a.Params == nil {
		return
	}
	d.p("Class #%d annotations:\n", i)
	if a.Class != nil {
		d.p("Annotations on class\n")
		d.set(a.Class)
	}
	for _, m := range a.Fields {
		id, err := d.f.Field(m.Member)
		d.ok(err)
		d.p("Annotations on field #%d '%s'\n", m.Member, d.str(id.Name))
		d.set(m.List)
	}
	for _, m := range a.Methods {
		id, err := d.f.Method(m.Member)
		d.ok(err)
		d.p("Annotations on method #%d '%s'\n", m.Member, d.str(id.Name))
		d.set(m.List)
	}
	for _, m := range a.Params {
		id, err := d.f.Method(m.Method)
		d.ok(err)
		d.p("Annotations on method #%d '%s' parameters\n", m.Method, d.str(id.Name))
		for j, set := range m.Params {
			d.p("#%d\n", j)
			d.set(set)
		}
	}
	d.p("\n")
}

func (d *dumper) set(list []dex.Annotation) {
	if len(list) == 0 {
		d.p("  empty-annotation-set\n")
	}
	for _, a := range list {
		d.c.annotations++
		d.p("  VISIBILITY_%s ", []string{"BUILD", "RUNTIME", "SYSTEM"}[a.Visibility])
		d.value(dex.Value{Kind: dex.ValueAnnotation, Annotation: &a})
		d.p("\n")
	}
}

func (d *dumper) value(v dex.Value) {
	switch v.Kind {
	case dex.ValueFloat, dex.ValueDouble:
		d.p("%s", float(v.Float()))
	case dex.ValueString:
		d.p("\"%s\"", strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`, "\n", `\n`, "\r", `\r`).Replace(d.str(v.Index())))
	case dex.ValueType:
		d.p("%s", d.typ(v.Index()))
	case dex.ValueField, dex.ValueEnum:
		id, err := d.f.Field(v.Index())
		d.ok(err)
		d.p("%s", d.str(id.Name))
	case dex.ValueMethod:
		id, err := d.f.Method(v.Index())
		d.ok(err)
		d.p("%s", d.str(id.Name))
	case dex.ValueArray:
		d.p("{")
		for _, e := range v.Array {
			d.p(" ")
			d.value(e)
		}
		d.p(" }")
	case dex.ValueAnnotation:
		d.p("%s", d.typ(v.Annotation.Type))
		for _, e := range v.Annotation.Elements {
			d.p(" %s=", d.str(e.Name))
			d.value(e.Value)
		}
	case dex.ValueNull:
		d.p("null")
	case dex.ValueBoolean:
		d.p("%v", v.Bits == 1)
	case dex.ValueByte, dex.ValueShort, dex.ValueChar, dex.ValueInt, dex.ValueLong:
		d.p("%d", v.Int())
	default:
		d.ok(errors.New("a value that dexdump does not print"))
	}
}

// float is C's %g.
func float(x float64) string {
	switch {
	case math.IsNaN(x) && math.Signbit(x):
		return "-nan"
	case math.IsNaN(x):
		return "nan"
	case math.IsInf(x, 0):
		return strings.ToLower(strings.TrimPrefix(fmt.Sprint(x), "+"))
	}
	return fmt.Sprintf("%.6g", x)
}

func (d *dumper) insn(code *dex.Code, in *dex.Insn) {
	d.p("%06x:", in.Off)
	raw := d.raw[in.Off:][:2*in.Units]
	for i := range 8 {
		switch {
		case i >= int(in.Units):
			d.p("     ")
		case i == 7:
			d.p(" ... ")
		default:
			d.p(" %02x%02x", raw[2*i], raw[2*i+1])
		}
	}
	d.p("|%04x: ", in.PC)
	switch in.Op {
	case dex.OpNop:
		d.p("nop // spacer\n")
		return
	case dex.OpPackedSwitchPayload:
		d.p("packed-switch-data (%d units)\n", in.Units)
		return
	case dex.OpSparseSwitchPayload:
		d.p("sparse-switch-data (%d units)\n", in.Units)
		return
	case dex.OpFillArrayDataPayload:
		d.p("array-data (%d units)\n", in.Units)
		return
	case dex.OpPackedSwitch, dex.OpSparseSwitch:
		_, err := code.Switch(in)
		d.ok(err)
	case dex.OpFillArrayData:
		_, _, err := code.ArrayData(in)
		d.ok(err)
	}
	d.p("%s", in.Op)
	r := in.Regs
	rel := int64(in.Target) - int64(in.PC)
	branch := fmt.Sprintf("%04x // %c%04x", in.Target, "+-"[b2i(rel < 0)], max(rel, -rel))
	switch in.Op.Format().String() {
	case "10x", "": // "" is unused
	case "12x", "22x", "32x":
		d.p(" v%d, v%d", r[0], r[1])
	case "11n":
		d.p(" v%d, #int %d // #%x", r[0], in.Lit, uint8(in.Lit))
	case "11x":
		d.p(" v%d", r[0])
	case "10t", "20t":
		d.p(" %s", branch)
	case "21t":
		d.p(" v%d, %s", r[0], branch)
	case "22t":
		d.p(" v%d, v%d, %s", r[0], r[1], branch)
	case "21s":
		d.p(" v%d, #int %d // #%x", r[0], in.Lit, uint16(in.Lit))
	case "21h":
		if in.Op == dex.OpConstHigh16 {
			d.p(" v%d, #int %d // #%x", r[0], in.Lit, uint16(in.Lit>>16))
		} else {
			d.p(" v%d, #long %d // #%x", r[0], in.Lit, uint16(in.Lit>>48))
		}
	case "21c":
		d.p(" v%d, %s", r[0], d.index(in, 4))
	case "31c":
		d.p(" v%d, %s", r[0], d.index(in, 8))
	case "23x":
		d.p(" v%d, v%d, v%d", r[0], r[1], r[2])
	case "22b":
		d.p(" v%d, v%d, #int %d // #%02x", r[0], r[1], in.Lit, uint8(in.Lit))
	case "22s":
		d.p(" v%d, v%d, #int %d // #%04x", r[0], r[1], in.Lit, uint16(in.Lit))
	case "22c":
		d.p(" v%d, v%d, %s", r[0], r[1], d.index(in, 4))
	case "30t":
		d.p(" #%08x", uint32(rel))
	case "31i":
		d.p(" v%d, #float %s // #%08x", r[0], float(float64(math.Float32frombits(uint32(in.Lit)))), uint32(in.Lit))
	case "31t":
		d.p(" v%d, %08x // +%08x", r[0], in.Target, uint32(rel))
	case "35c", "45cc", "3rc", "4rcc":
		d.p(" {")
		for i := range int(in.N) {
			if i > 0 {
				d.p(", ")
			}
			d.p("v%d", in.Reg(i))
		}
		d.p("}, %s", d.index(in, 4))
	case "51l":
		d.p(" v%d, #double %s // #%016x", r[0], float(math.Float64frombits(uint64(in.Lit))), uint64(in.Lit))
	default:
		d.p(" ???")
	}
	d.p("\n")
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (d *dumper) index(in *dex.Insn, width int) string {
	num := fmt.Sprintf("%0*x", width, in.Index)
	switch in.Op.Index() {
	case dex.IndexType:
		return d.typ(in.Index) + " // type@" + num
	case dex.IndexString:
		return `"` + d.str(in.Index) + `" // string@` + num
	case dex.IndexField:
		id, err := d.f.Field(in.Index)
		d.ok(err)
		return d.typ(id.Class) + "." + d.str(id.Name) + ":" + d.typ(id.Type) + " // field@" + num
	case dex.IndexMethod:
		id, err := d.f.Method(in.Index)
		d.ok(err)
		s := d.typ(id.Class) + "." + d.str(id.Name) + ":" + d.proto(id.Proto)
		if f := in.Op.Format().String(); f == "45cc" || f == "4rcc" {
			return fmt.Sprintf("%s, %s // method@%s, proto@%04x", s, d.proto(in.Proto), num, in.Proto)
		}
		return s + " // method@" + num
	case dex.IndexProto:
		return d.proto(in.Index) + " // proto@" + num
	case dex.IndexCallSite:
		return "call_site@" + num
	case dex.IndexMethodHandle:
		return "method_handle@" + num
	}
	return "?"
}
