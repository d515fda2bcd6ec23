package edify

import "github.com/otavet/otavet/ota/parse"

// A Pos is a place in a script.
type Pos struct {
	Offset int64 // of the first byte
	Line   int64 // from 1
}

// An Op says what an Expr is.
type Op uint8

// The kinds of expression.
const (
	Literal  Op = iota // Text is the value, quoted or bare
	Call               // Text is the function's name, Args its arguments
	Concat             // a + b + …
	Equal              // a == b
	NotEqual           // a != b
	And                // a && b && …
	Or                 // a || b || …
	Not                // !a
	If                 // if Args[0] then Args[1] [else Args[2]] endif
	Sequence           // a; b; …
)

// An Expr is one expression. Every value in edify is a string (or the bytes of a
// file); the empty string is false.
type Expr struct {
	Pos
	Op   Op
	Text string
	Args []*Expr

	start int64 // offset of the first byte, parentheses included
	end   int   // offset after the last byte
	depth int   // levels below
	ends  bool  // whoever evaluates it to the end has aborted
}

// A Note is something that was accepted or changed although a device may see it
// otherwise.
type Note struct {
	Pos
	Text string
}

// A Script is a parsed script, or as much of it as could be parsed.
type Script struct {
	Body  *Expr  // nil if there is none
	Notes []Note // what AOSP's own parser would refuse or skip

	src string
	err *parse.Error
}

// text is the expression as written.
func (s *Script) text(e *Expr) string { return s.src[e.start:e.end] }

// settle derives what an expression inherits from its operands. It is called
// again when an operand has been added.
func (e *Expr) settle() {
	e.ends = false
	for i, a := range e.Args {
		e.depth = max(e.depth, a.depth+1)
		switch e.Op {
		case And, Or, If:
			e.ends = e.ends || i == 0 && a.ends
		case Call:
			e.ends = e.ends || a.ends && (e.Text != "ifelse" || i == 0)
		default:
			e.ends = e.ends || a.ends
		}
	}
	switch {
	case e.Op == Call && e.Text == "abort":
		e.ends = true
	case (e.Op == If || e.Op == Call && e.Text == "ifelse") && len(e.Args) == 3:
		e.ends = e.ends || e.Args[1].ends && e.Args[2].ends
	}
}
