package dex

import (
	"sort"

	"github.com/otavet/otavet/ota/parse"
)

// Debug is what a method's debug_info_item tells of it. Nothing checks that it is true.
type Debug struct {
	Params []uint32 // names of the parameters, without this: strings, or NoIndex
	Lines  []Line   // in the order of their PCs
}

// A Line says that the instructions from PC on come from a line of the source file.
type Line struct{ PC, Line uint32 }

// Line gives the line of the instruction at pc.
func (d *Debug) Line(pc uint32) (uint32, bool) {
	i := sort.Search(len(d.Lines), func(i int) bool { return d.Lines[i].PC > pc })
	if i == 0 {
		return 0, false
	}
	return d.Lines[i-1].Line, true
}

// Debug gives the debug information of c, nil if there is none. An offset outside the file
// stands for none, as ART has it.
func (c *Code) Debug() (*Debug, error) {
	if c.debug == 0 || int64(c.debug) >= int64(len(c.f.b)) {
		return nil, nil
	}
	start := int(c.debug)
	short := func() error {
		return fail(start, parse.ErrFormat, "debug information runs past the end of the file", nil)
	}
	l := lebs{c.f.b, start}
	line, n := l.uleb(), l.uleb()
	if l.off < 0 {
		return nil, short()
	}
	if n > maxParams { // ART: more than 65536; no invocation passes that many
		return nil, fail(start, parse.ErrFormat, "more names of parameters than there may be parameters", n)
	}
	d := new(Debug)
	for range n {
		name := l.uleb() - 1 // uleb128p1
		if name >= c.f.StringIDs.Len {
			name = NoIndex
		}
		d.Params = append(d.Params, name)
	}
	var pc uint32
	for steps := maxDebugSteps * (int64(c.Units) + 1); ; steps-- {
		if steps == 0 {
			return nil, fail(start, parse.ErrLimit, "more steps of debug information than are read", nil)
		}
		op := l.u8()
		switch op {
		case dbgEndSequence, dbgSetPrologueEnd, dbgSetEpilogueBegin:
		case dbgAdvancePC:
			pc += l.uleb()
		case dbgAdvanceLine:
			line += uint32(l.sleb())
		case dbgStartLocal:
			l.uleb() // register_num
			l.uleb() // name_idx
			l.uleb() // type_idx
		case dbgStartLocalExtended:
			l.uleb()
			l.uleb()
			l.uleb()
			l.uleb() // sig_idx
		case dbgEndLocal, dbgRestartLocal, dbgSetFile:
			l.uleb()
		default:
			adjusted := uint32(op - dbgFirstSpecial)
			pc += adjusted / dbgLineRange
			line = uint32(int32(line) + int32(adjusted%dbgLineRange) + dbgLineBase)
			d.Lines = append(d.Lines, Line{pc, line})
		}
		if l.off < 0 {
			return nil, short()
		}
		if op == dbgEndSequence {
			// Addresses that overflow come again; Line wants them in order.
			if byPC := func(i, j int) bool { return d.Lines[i].PC < d.Lines[j].PC }; !sort.SliceIsSorted(d.Lines, byPC) {
				sort.SliceStable(d.Lines, byPC)
			}
			return d, nil
		}
	}
}
