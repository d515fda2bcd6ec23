package reads

import (
	"sort"

	"github.com/otavet/otavet/inspect/format/dex"
)

// A flow follows constants through one method: forward over its blocks, until nothing
// changes. A register keeps a value at a label only if it has the same along every way there.
type flow struct {
	c    *container
	f    *file
	code *dex.Code
	// labels are where ways meet: targets of branches, switches and handlers.
	labels  []bool
	tries   []dex.Try
	entries map[uint32][]value // state at the labels that were reached
	queue   []uint32
	queued  map[uint32]bool
	cost    int64 // that may still be spent
	big     bool  // it was not enough: all is forgotten at each label

	regs   []value
	result value // of the invocation just before
	// The registers that may be known, so that forgetting costs no more than learning did: hostile
	// methods have 65535. all: there are too many to list.
	touched []uint16
	all     bool
}

const (
	// maxState bounds the values kept for one method, 16 bytes each: the largest method of the public
	// test data that reads something keeps 3 % of that.
	maxState = 1 << 20
	// Steps of the flow that a method may take for each of its code units, and in any
	// case: an instruction is one, a register that is merged is one. Those of the test data take up to 38.
	flowSteps, minFlowSteps = 256, 1 << 16
	// maxFlow bounds the steps of all methods of a container. Those of the ones that come later are
	// not followed. No container of the test data takes a thousandth of it.
	maxFlow = 1 << 30
)

// newFlow prepares a method's flow and runs it to its end. The flow before is lost: its memory is used again.
func (c *container) newFlow(f *file, code *dex.Code) (*flow, error) {
	w := &c.flow
	w.forget() // so that all of regs is zero, up to its capacity
	*w = flow{c: c, f: f, code: code, labels: w.labels, regs: w.regs, touched: w.touched}
	if n := int(code.Registers); n <= cap(w.regs) {
		w.regs = w.regs[:n]
	} else {
		w.regs = make([]value, n)
	}
	if n := int(code.Units); n <= cap(w.labels) {
		w.labels = w.labels[:n]
		clear(w.labels)
	} else {
		w.labels = make([]bool, n)
	}
	w.cost = min(flowSteps*int64(code.Units)+minFlowSteps, c.flowLeft)
	allotted := w.cost
	labels, err := w.label()
	if err != nil {
		return nil, err
	}
	if labels*(int(code.Registers)+1) > maxState {
		w.big = true
	}
	if !w.big {
		w.solve()
	}
	c.flowLeft -= allotted - max(w.cost, 0)
	if w.big {
		w.entries = nil
	}
	return w, nil
}

// label finds the labels, and tells how many there are. Where there are too many ways to them, each
// instruction is one.
func (w *flow) label() (labels int, err error) {
	if w.tries, err = w.code.Tries(); err != nil {
		return 0, err
	}
	mark := func(pc uint32) {
		if w.cost--; !w.labels[pc] {
			w.labels[pc] = true
			labels++
		}
	}
	seen := map[*dex.Handler]bool{} // tries share lists of handlers
	for _, t := range w.tries {
		if len(t.Handlers) == 0 || seen[&t.Handlers[0]] {
			continue
		}
		seen[&t.Handlers[0]] = true
		for _, h := range t.Handlers {
			mark(h.PC)
		}
	}
	d := w.code.Decoder()
	for d.Next() {
		switch flow := d.Insn.Op.Flow(); {
		case flow&dex.FlowBranch != 0:
			mark(d.Insn.Target)
		case flow&dex.FlowSwitch != 0:
			// Switches share tables.
			if table, err := w.code.At(d.Insn.Target); err == nil && w.cost < int64(table.Units) {
				w.big, w.cost = true, 0
				continue
			}
			targets, err := w.code.Switch(&d.Insn)
			if err != nil {
				return 0, err
			}
			for _, pc := range targets {
				mark(pc)
			}
		}
	}
	if w.big {
		for i := range w.labels {
			w.labels[i] = true
		}
	}
	return labels + 1, d.Err()
}

// enter puts the state of the method's start into the registers.
func (w *flow) enter() {
	w.forget()
	first := w.code.Registers - w.code.Ins
	for i := range w.code.Ins {
		w.put(int(first+i), value{kind: param, n: int64(i)})
	}
}

// restore puts the state at a label into the registers.
func (w *flow) restore(state []value) {
	copy(w.regs, state)
	w.all, w.result = true, value{}
}

// put changes a register.
func (w *flow) put(r int, v value) {
	w.regs[r] = v
	switch {
	case v.kind == unknown || w.all:
	case len(w.touched) < len(w.regs):
		w.touched = append(w.touched, uint16(r))
	default:
		w.all = true
	}
}

// forget makes all registers unknown.
func (w *flow) forget() {
	if w.all {
		clear(w.regs)
	}
	for _, r := range w.touched {
		w.regs[r] = value{}
	}
	w.touched, w.all, w.result = w.touched[:0], false, value{}
}

func (w *flow) solve() {
	w.entries, w.queued = map[uint32][]value{}, map[uint32]bool{}
	w.enter()
	w.merge(0)
	for len(w.queue) > 0 && !w.big {
		pc := w.queue[0]
		w.queue = w.queue[1:]
		w.queued[pc] = false
		w.block(pc)
	}
}

// block follows the code from a label to the next, or to where no way leads on.
func (w *flow) block(pc uint32) {
	w.restore(w.entries[pc])
	for {
		in, err := w.code.At(pc)
		if w.cost--; w.cost < 0 {
			w.big = true
		}
		if err != nil || w.big || in.Undecided { // a branch into the midst of an instruction: ART refuses the class
			return
		}
		flow := in.Op.Flow()
		if flow&dex.FlowThrow != 0 {
			w.throw(pc)
		}
		w.step(&in)
		switch {
		case flow&dex.FlowBranch != 0:
			w.merge(in.Target)
		case flow&dex.FlowSwitch != 0:
			if targets, err := w.code.Switch(&in); err == nil {
				for _, pc := range targets {
					w.merge(pc)
				}
			}
		}
		if pc += in.Units; flow&dex.FlowNext == 0 || pc >= w.code.Units {
			return
		}
		if w.labels[pc] {
			w.merge(pc)
			return
		}
	}
}

// throw merges the state before an instruction into the handlers that catch what it throws.
func (w *flow) throw(pc uint32) {
	i := sort.Search(len(w.tries), func(i int) bool { return w.tries[i].End > pc })
	if i < len(w.tries) && w.tries[i].Start <= pc {
		for _, h := range w.tries[i].Handlers {
			w.merge(h.PC)
		}
	}
}

// merge brings the present state to a label.
func (w *flow) merge(pc uint32) {
	if w.cost -= int64(len(w.regs)); w.cost < 0 {
		w.big = true
		return
	}
	changed := false
	old := w.entries[pc]
	if old == nil {
		w.entries[pc] = append(make([]value, 0, len(w.regs)), w.regs...)
		changed = true
	}
	for i := range old {
		if old[i] != w.regs[i] && old[i].kind != unknown {
			old[i] = value{}
			changed = true
		}
	}
	if changed && !w.queued[pc] {
		w.queued[pc] = true
		w.queue = append(w.queue, pc)
	}
}

// walk calls visit with each instruction in the order of the text. The registers are then those before it.
func (w *flow) walk(visit func(in *dex.Insn)) {
	w.enter()
	reached := true
	d := w.code.Decoder()
	for d.Next() {
		in := &d.Insn
		if state := w.entries[in.PC]; state != nil {
			w.restore(state)
		} else if w.labels[in.PC] || !reached {
			w.forget()
		}
		visit(in)
		w.step(in)
		reached = in.Op.Flow()&dex.FlowNext != 0 && !in.Undecided
	}
}

// arg is the i-th register that an invocation passes.
func (w *flow) arg(in *dex.Insn, i int) value {
	if i < 0 || i >= int(in.N) {
		return value{}
	}
	v := w.regs[in.Reg(i)]
	if v.kind != wide {
		return v
	}
	// Its second half must be there, and be passed.
	if i+1 < int(in.N) && in.Reg(i+1) == in.Reg(i)+1 && w.regs[in.Reg(i+1)].kind == wideHigh {
		return v
	}
	return value{}
}
