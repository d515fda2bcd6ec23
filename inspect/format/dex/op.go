package dex

import "fmt"

// An Op is an opcode: the low byte of an instruction's first code unit, or the whole unit of
// a table that stands between instructions.
type Op uint16

// A Format is the layout of an instruction, by its name on the page on instruction formats.
type Format uint8

const (
	fmtNone Format = iota // not an opcode of plain DEX
	fmt10x
	fmt12x
	fmt11n
	fmt11x
	fmt10t
	fmt20t
	fmt22x
	fmt21t
	fmt21s
	fmt21h
	fmt21c
	fmt23x
	fmt22b
	fmt22t
	fmt22s
	fmt22c
	fmt30t
	fmt32x
	fmt31i
	fmt31t
	fmt31c
	fmt35c
	fmt3rc
	fmt45cc
	fmt4rcc
	fmt51l
)

// formats holds the name and length in code units of each Format.
var formats = [...]struct {
	name  string
	units uint8
}{
	{"", 1},
	{"10x", 1}, {"12x", 1}, {"11n", 1}, {"11x", 1}, {"10t", 1},
	{"20t", 2}, {"22x", 2}, {"21t", 2}, {"21s", 2}, {"21h", 2}, {"21c", 2}, {"23x", 2}, {"22b", 2}, {"22t", 2}, {"22s", 2}, {"22c", 2},
	{"30t", 3}, {"32x", 3}, {"31i", 3}, {"31t", 3}, {"31c", 3}, {"35c", 3}, {"3rc", 3},
	{"45cc", 4}, {"4rcc", 4}, {"51l", 5},
}

// String is the format's name: "35c".
func (f Format) String() string {
	if int(f) >= len(formats) {
		return ""
	}
	return formats[f].name
}

// An IndexKind says of what table an instruction's index is.
type IndexKind uint8

// The tables that instructions refer to.
const (
	IndexNone IndexKind = iota
	IndexString
	IndexType
	IndexField
	IndexMethod
	IndexProto
	IndexCallSite
	IndexMethodHandle
)

// Flow is what may follow an instruction.
type Flow uint8

// The ways on from an instruction.
const (
	FlowNext   Flow = 1 << iota // the next instruction
	FlowBranch                  // Target
	FlowSwitch                  // the targets of the table at Target
	FlowThrow                   // a handler
	FlowReturn                  // the caller
	FlowInvoke                  // another method first
)

type opcode struct {
	name   string
	format Format
	index  IndexKind
	flow   Flow
}

// String is the mnemonic: "invoke-virtual".
func (o Op) String() string {
	switch o {
	case OpPackedSwitchPayload:
		return "packed-switch-payload"
	case OpSparseSwitchPayload:
		return "sparse-switch-payload"
	case OpFillArrayDataPayload:
		return "fill-array-data-payload"
	}
	if o > 0xff {
		return fmt.Sprintf("op-%04x", uint16(o))
	}
	if n := opcodes[o].name; n != "" {
		return n
	}
	return fmt.Sprintf("unused-%02x", uint16(o))
}

// Format is the layout of o in plain DEX.
func (o Op) Format() Format {
	if o > 0xff {
		return fmtNone
	}
	return opcodes[o].format
}

// Index says what the index of an instruction of o is one of.
func (o Op) Index() IndexKind {
	if o > 0xff {
		return IndexNone
	}
	return opcodes[o].index
}

// Flow says what may follow o in plain DEX; nothing follows a payload.
func (o Op) Flow() Flow {
	if o > 0xff {
		return 0
	}
	return opcodes[o].flow
}

// A Dialect says who rewrote the instructions: optimised forms of files use opcodes that plain DEX
// leaves unused, or means otherwise. Their instructions have a length here, no meaning.
type Dialect uint8

// The dialects.
const (
	Plain  Dialect = iota // as the compiler wrote it
	Quick                 // ART 5 to 11, in OAT and VDEX files: "…-quick"
	Dalvik                // Dalvik's optimiser, in ODEX files: "…-quick", "…-volatile", execute-inline
)

// undecided gives the length of an instruction that plain DEX does not know, or that
// the dialect redefines; zero for all others.
func (d Dialect) undecided(o uint8) uint32 {
	switch {
	case d == Quick && o == 0x73: // return-void-no-barrier
		return 1
	case d == Quick && (o == 0xe9 || o == 0xea): // invoke-virtual-quick
		return 3
	case d == Quick && o >= 0xe3 && o <= 0xf2: // iget-quick to iget-short-quick
		return 2
	case d == Dalvik && (o == 0xec || o == 0xf1 || o == 0xff): // breakpoint, return-void-barrier, dispatch-ff
		return 1
	case d == Dalvik && (o >= 0xee && o <= 0xf0 || o >= 0xf8 && o <= 0xfb): // execute-inline, invoke-…-quick
		return 3
	case d == Dalvik && o >= 0xe3: // …-volatile, throw-verification-error, iget-quick
		return 2
	case opcodes[o].format == fmtNone: // ART reads these as one unit and refuses the class
		return 1
	}
	return 0
}
