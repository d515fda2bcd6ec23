package dex

import (
	"encoding/binary"
	"iter"

	"github.com/otavet/otavet/ota/parse"
)

// An Insn is an instruction, or a table that stands between instructions.
type Insn struct {
	Op    Op
	PC    uint32 // in code units from the start of the code
	Units uint32 // length
	Off   int64  // in the file, in bytes
	// Undecided: an opcode that plain DEX does not know. It has a length only.
	Undecided bool

	// N registers: the one that is written to, or the first that is read, comes first. Those of
	// a range follow Regs[0]; see Reg. None exceeds the method's, but the second half of
	// a wide value may.
	N     uint8
	Range bool
	Regs  [5]uint16

	Lit    int64  // literal; of the high16 forms, shifted into its place
	Index  uint32 // into the table that Op.Index names, and in it
	Proto  uint32 // of invoke-polymorphic
	Target uint32 // PC of a branch's target or of a table; it is in the code, and may be in the midst of an instruction
}

// Reg is register i of the N.
func (in *Insn) Reg(i int) uint16 {
	if in.Range {
		return in.Regs[0] + uint16(i)
	}
	return in.Regs[i]
}

// A Decoder goes through code from its start to its end, as it is laid out.
type Decoder struct {
	Insn Insn // valid until the next call of Next

	c   *Code
	pc  uint32
	err error
}

// Decoder starts at the first instruction.
func (c *Code) Decoder() *Decoder { return &Decoder{c: c} }

// Next decodes the next instruction, and is false at the end and after an error.
func (d *Decoder) Next() bool {
	if d.err != nil || d.pc >= d.c.Units {
		return false
	}
	if d.err = d.c.decode(d.pc, &d.Insn); d.err != nil {
		return false
	}
	d.pc += d.Insn.Units
	return true
}

// Err is the error that ended the walk: an instruction that overruns the code, refers to
// nothing or branches outside. ART would refuse the class.
func (d *Decoder) Err() error { return d.err }

// At decodes the instruction at pc.
func (c *Code) At(pc uint32) (Insn, error) {
	var in Insn
	if pc >= c.Units {
		return in, c.fail(pc, "no instruction there", pc)
	}
	err := c.decode(pc, &in)
	return in, err
}

func (c *Code) fail(pc uint32, msg string, got any) error {
	return fail(int(c.Offset(pc)), parse.ErrFormat, msg, got)
}

func (c *Code) unit(pc uint32) uint16 { return binary.LittleEndian.Uint16(c.insns[2*pc:]) }

// decode decodes the instruction at pc, which is in the code.
func (c *Code) decode(pc uint32, in *Insn) error {
	p := c.insns[2*pc:]
	u := binary.LittleEndian.Uint16(p)
	*in = Insn{Op: Op(u & 0xff), PC: pc, Off: c.Offset(pc)}
	op := &opcodes[u&0xff]
	if in.Op == OpNop && u >= uint16(OpPackedSwitchPayload) && u&0xff == 0 && u <= uint16(OpFillArrayDataPayload) {
		in.Op = Op(u)
		return c.payload(in)
	}
	if op.format == fmtNone || c.f.Dialect != Plain {
		if in.Units = c.f.Dialect.undecided(byte(u)); in.Units > 0 {
			in.Undecided = true
			if in.Units > c.Units-pc {
				return c.fail(pc, "an instruction overruns the code", byte(u))
			}
			return nil
		}
	}
	in.Units = uint32(formats[op.format].units)
	if uint32(len(p)) < 2*in.Units {
		return c.fail(pc, "an instruction overruns the code", byte(u))
	}
	a := u >> 8
	var b, b3 uint16 // the second and third unit
	if in.Units > 1 {
		b = binary.LittleEndian.Uint16(p[2:])
	}
	if in.Units > 2 {
		b3 = binary.LittleEndian.Uint16(p[4:])
	}
	wide := uint32(b) | uint32(b3)<<16
	switch op.format {
	case fmt10x:
	case fmt12x:
		in.N, in.Regs[0], in.Regs[1] = 2, a&0xf, a>>4
	case fmt11n:
		in.N, in.Regs[0], in.Lit = 1, a&0xf, int64(int8(a)>>4)
	case fmt11x:
		in.N, in.Regs[0] = 1, a
	case fmt10t:
		in.Target = pc + uint32(int8(a))
	case fmt20t:
		in.Target = pc + uint32(int16(b))
	case fmt30t:
		in.Target = pc + wide
	case fmt22x:
		in.N, in.Regs[0], in.Regs[1] = 2, a, b
	case fmt32x:
		in.N, in.Regs[0], in.Regs[1] = 2, b, b3
	case fmt21t:
		in.N, in.Regs[0], in.Target = 1, a, pc+uint32(int16(b))
	case fmt21s:
		in.N, in.Regs[0], in.Lit = 1, a, int64(int16(b))
	case fmt21h:
		in.N, in.Regs[0], in.Lit = 1, a, int64(int16(b))<<16
		if in.Op == OpConstWideHigh16 {
			in.Lit <<= 32
		}
	case fmt21c:
		in.N, in.Regs[0], in.Index = 1, a, uint32(b)
	case fmt23x:
		in.N, in.Regs[0], in.Regs[1], in.Regs[2] = 3, a, b&0xff, b>>8
	case fmt22b:
		in.N, in.Regs[0], in.Regs[1], in.Lit = 2, a, b&0xff, int64(int8(b>>8))
	case fmt22t:
		in.N, in.Regs[0], in.Regs[1], in.Target = 2, a&0xf, a>>4, pc+uint32(int16(b))
	case fmt22s:
		in.N, in.Regs[0], in.Regs[1], in.Lit = 2, a&0xf, a>>4, int64(int16(b))
	case fmt22c:
		in.N, in.Regs[0], in.Regs[1], in.Index = 2, a&0xf, a>>4, uint32(b)
	case fmt31i:
		in.N, in.Regs[0], in.Lit = 1, a, int64(int32(wide))
	case fmt31t:
		in.N, in.Regs[0], in.Target = 1, a, pc+wide
	case fmt31c:
		in.N, in.Regs[0], in.Index = 1, a, wide
	case fmt35c, fmt45cc:
		in.N, in.Index = uint8(a>>4), uint32(b)
		in.Regs = [5]uint16{b3 & 0xf, b3 >> 4 & 0xf, b3 >> 8 & 0xf, b3 >> 12, a & 0xf}
		if in.N > 5 {
			return c.fail(pc, "an instruction names more than five registers", in.N)
		}
	case fmt3rc, fmt4rcc:
		in.N, in.Range, in.Regs[0], in.Index = uint8(a), true, b3, uint32(b)
	case fmt51l:
		in.N, in.Regs[0] = 1, a
		in.Lit = int64(binary.LittleEndian.Uint64(p[2:]))
	}
	if op.format == fmt45cc || op.format == fmt4rcc {
		in.Proto = uint32(binary.LittleEndian.Uint16(p[6:]))
		if in.Proto >= c.f.ProtoIDs.Len {
			return c.fail(pc, "an instruction refers to no prototype", in.Proto)
		}
	}
	return c.check(in, op)
}

// check holds the operands against the method and the file.
func (c *Code) check(in *Insn, op *opcode) error {
	if in.Range {
		if int(in.Regs[0])+int(in.N) > int(c.Registers) {
			return c.fail(in.PC, "an instruction names registers that the method does not have", in.Regs[0])
		}
	} else {
		for _, r := range in.Regs[:in.N] {
			if r >= c.Registers {
				return c.fail(in.PC, "an instruction names a register that the method does not have", r)
			}
		}
	}
	if op.index != IndexNone && in.Index >= c.f.tableLen(op.index) {
		return c.fail(in.PC, "an instruction refers to nothing", in.Index)
	}
	if in.Target >= c.Units && in.Target != 0 {
		return c.fail(in.PC, "a branch leads out of the code", in.Target)
	}
	return nil
}

func (f *File) tableLen(k IndexKind) uint32 {
	switch k {
	case IndexString:
		return f.StringIDs.Len
	case IndexType:
		return f.TypeIDs.Len
	case IndexField:
		return f.FieldIDs.Len
	case IndexMethod:
		return f.MethodIDs.Len
	case IndexProto:
		return f.ProtoIDs.Len
	case IndexCallSite:
		return f.CallSiteIDs.Len
	case IndexMethodHandle:
		return f.MethodHandles.Len
	}
	return 0
}

// payload measures a table.
func (c *Code) payload(in *Insn) error {
	left := c.Units - in.PC
	units := uint64(4) // the shortest tables, which tell their size
	if left >= 2 {
		n := uint64(c.unit(in.PC + 1))
		switch in.Op {
		case OpPackedSwitchPayload:
			units = 4 + 2*n
		case OpSparseSwitchPayload:
			units = 2 + 4*n
		case OpFillArrayDataPayload:
			if left >= 4 {
				size := uint64(c.unit(in.PC+2)) | uint64(c.unit(in.PC+3))<<16
				units = 4 + (n*size+1)/2
			}
		}
	}
	if units > uint64(left) {
		return c.fail(in.PC, "a table overruns the code", units)
	}
	in.Units = uint32(units)
	return nil
}

// table finds the table of kind op that in refers to.
func (c *Code) table(in *Insn, op Op) (Insn, error) {
	t, err := c.At(in.Target)
	if err == nil && t.Op != op {
		err = c.fail(in.PC, "an instruction refers to a table that is none", in.Target)
	}
	if err == nil && t.PC%2 != 0 {
		err = c.fail(t.PC, "a table is not aligned", t.PC)
	}
	return t, err
}

// Switch gives the keys and targets of a packed-switch or sparse-switch instruction.
func (c *Code) Switch(in *Insn) (iter.Seq2[int32, uint32], error) {
	op := OpPackedSwitchPayload
	if in.Op == OpSparseSwitch {
		op = OpSparseSwitchPayload
	} else if in.Op != OpPackedSwitch {
		return nil, c.fail(in.PC, "not a switch", uint16(in.Op))
	}
	t, err := c.table(in, op)
	if err != nil {
		return nil, err
	}
	p := c.insns[2*t.PC:]
	n := int(binary.LittleEndian.Uint16(p[2:]))
	word := func(i int) int32 { return int32(binary.LittleEndian.Uint32(p[4+4*i:])) }
	key, targets := func(i int) int32 { return word(0) + int32(i) }, 1
	if op == OpSparseSwitchPayload {
		key, targets = word, n
	}
	for i := range n {
		if target := in.PC + uint32(word(targets+i)); target >= c.Units {
			return nil, c.fail(t.PC, "a branch leads out of the code", target)
		}
	}
	return func(yield func(int32, uint32) bool) {
		for i := range n {
			if !yield(key(i), in.PC+uint32(word(targets+i))) {
				return
			}
		}
	}, nil
}

// ArrayData gives the width and bytes of the elements of a fill-array-data instruction. The bytes
// share memory with the file.
func (c *Code) ArrayData(in *Insn) (width int, data []byte, err error) {
	if in.Op != OpFillArrayData {
		return 0, nil, c.fail(in.PC, "not fill-array-data", uint16(in.Op))
	}
	t, err := c.table(in, OpFillArrayDataPayload)
	if err != nil {
		return 0, nil, err
	}
	p := c.insns[2*t.PC:]
	width = int(binary.LittleEndian.Uint16(p[2:]))
	size := width * int(binary.LittleEndian.Uint32(p[4:]))
	return width, p[8 : 8+size : 8+size], nil
}
