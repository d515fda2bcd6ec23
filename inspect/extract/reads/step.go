package reads

import "github.com/otavet/otavet/inspect/format/dex"

// step does to the registers what an instruction does. What it does not know, it forgets.
func (w *flow) step(in *dex.Insn) {
	result := w.result
	w.result = value{}
	op := in.Op
	if in.Undecided {
		w.forget()
		return
	}
	switch {
	case op >= dex.OpConst4 && op <= dex.OpConstHigh16:
		w.set(in, value{kind: number, n: int64(int32(in.Lit))})
	case op >= dex.OpConstWide16 && op <= dex.OpConstWideHigh16:
		w.setWide(in, value{kind: wide, n: in.Lit})
	case op == dex.OpConstString || op == dex.OpConstStringJumbo:
		w.set(in, value{kind: text, n: int64(in.Index)})
	case op >= dex.OpMove && op <= dex.OpMove16, op >= dex.OpMoveObject && op <= dex.OpMoveObject16:
		w.set(in, w.regs[in.Regs[1]])
	case op >= dex.OpMoveWide && op <= dex.OpMoveWide16:
		v := w.regs[in.Regs[1]]
		if next := int(in.Regs[1]) + 1; next >= len(w.regs) || w.regs[next].kind != wideHigh && w.regs[next].kind != param {
			v = value{}
		}
		w.setWide(in, v)
	case op == dex.OpMoveResult || op == dex.OpMoveResultObject:
		w.set(in, result)
	case op >= dex.OpSget && op <= dex.OpSgetShort:
		v := w.c.static(w.f, in.Index)
		if op == dex.OpSgetWide {
			w.setWide(in, v)
		} else {
			w.set(in, v)
		}
	case op >= dex.OpInvokeVirtual && op <= dex.OpInvokeInterfaceRange:
		w.result = w.answer(in)
	case writesWide(op):
		w.setWide(in, value{})
	case !readsOnly(op) && in.N > 0:
		w.set(in, value{})
	}
}

// set puts v into the register that in writes to. A wide that it cuts is lost.
func (w *flow) set(in *dex.Insn, v value) {
	if v.kind == wide || v.kind == wideHigh { // half of it says nothing
		v = value{}
	}
	w.cut(int(in.Regs[0]))
	w.put(int(in.Regs[0]), v)
}

func (w *flow) setWide(in *dex.Insn, v value) {
	r := int(in.Regs[0])
	w.cut(r)
	if r+1 >= len(w.regs) {
		w.regs[r] = value{}
		return
	}
	w.cut(r + 1)
	w.put(r, v)
	switch v.kind {
	case wide:
		w.put(r+1, value{kind: wideHigh})
	case param:
		w.put(r+1, value{kind: param, n: v.n + 1})
	default:
		w.put(r+1, value{})
	}
}

// cut forgets the other half of a wide.
func (w *flow) cut(r int) {
	switch w.regs[r].kind {
	case wide:
		if r+1 < len(w.regs) {
			w.regs[r+1] = value{}
		}
	case wideHigh:
		if r > 0 {
			w.regs[r-1] = value{}
		}
	}
}

// answer is what an invocation answers, where it reads a resource of a constant id.
func (w *flow) answer(in *dex.Insn) value {
	var as resourceType
	if g := w.f.getters[in.Index]; g != nil && g.id {
		as = asType[g.typ]
	} else if w.f.strings[in.Index] {
		as = asString
	} else {
		return value{}
	}
	if id := w.arg(in, 1); id.kind == number && isOwn(id.n) {
		return value{kind: resource, from: as, n: int64(uint32(id.n))}
	}
	return value{}
}

// isOwn tells whether a resource's id is one of an app's own: those of the framework and of
// shared libraries stand in tables of other packages.
func isOwn(id int64) bool { return uint32(id)>>24 == 0x7f }

// readsOnly tells which instructions name registers and write to none.
func readsOnly(op dex.Op) bool {
	switch {
	case op >= dex.OpReturnVoid && op <= dex.OpReturnObject,
		op >= dex.OpMonitorEnter && op <= dex.OpCheckCast, // check-cast leaves the value what it is
		op >= dex.OpFilledNewArray && op <= dex.OpSparseSwitch,
		op >= dex.OpIfEq && op <= dex.OpIfLez,
		op >= dex.OpAput && op <= dex.OpAputShort,
		op >= dex.OpIput && op <= dex.OpIputShort,
		op >= dex.OpSput && op <= dex.OpInvokeInterfaceRange,
		op >= dex.OpInvokePolymorphic && op <= dex.OpInvokeCustomRange,
		op > 0xff:
		return true
	}
	return false
}

// writesWide tells which instructions write a pair of registers, of those that step does not know.
func writesWide(op dex.Op) bool {
	switch op {
	case dex.OpMoveResultWide, dex.OpAgetWide, dex.OpIgetWide, dex.OpNegLong, dex.OpNotLong, dex.OpNegDouble,
		dex.OpIntToLong, dex.OpIntToDouble, dex.OpLongToDouble, dex.OpFloatToLong, dex.OpFloatToDouble, dex.OpDoubleToLong:
		return true
	}
	return op >= dex.OpAddLong && op <= dex.OpUshrLong || op >= dex.OpAddDouble && op <= dex.OpRemDouble ||
		op >= dex.OpAddLong2Addr && op <= dex.OpUshrLong2Addr || op >= dex.OpAddDouble2Addr && op <= dex.OpRemDouble2Addr
}
