package edify

import "github.com/otavet/otavet/ota/parse"

const (
	// maxSize bounds a script. The largest are those of file-based updates of
	// 2012 to 2014, with one line for each file that is patched: under 1 MiB.
	maxSize = 4 << 20
	// maxExprs bounds the tree, at some 150 bytes each: a script of 1 MiB with
	// ten expressions to the line has about 10^5.
	maxExprs = 1 << 19
	// maxDepth bounds nesting, and with it the recursion of parser and walker.
	// Generated scripts nest under ten deep; the device's bison parser starts
	// with a stack of 200.
	maxDepth = 200
)

// Parse reads a script. The script that it returns is never nil: where there is
// an error, always a *parse.Error, it holds what was understood before it, and
// its Plan says that the rest was not followed. A device would run none of it.
//
// Three things are accepted that the AOSP scanner refuses, each kept as a Note: a
// byte order mark, carriage returns, and a last comment without a newline; an
// updater travels in its package and a vendor's may take them. A function that
// AOSP does not know, a parse error there, is accepted for the same reason. A
// semicolon after the last expression of an argument, which the generators of
// LineageOS and of vendors write before a closing parenthesis, is no leniency:
// the grammar allows one after any expression.
func Parse(src []byte) (*Script, error) {
	s := &Script{}
	if len(src) > maxSize {
		s.err = fail(parse.ErrLimit, maxSize, "a script is larger than 4 MiB", len(src))
		return s, s.err
	}
	p := &parser{lexer: lexer{line: 1}}
	p.readable(src)
	s.src = p.src
	p.advance()
	if p.err == nil && p.tok.kind == tokEnd {
		p.refuse("the script is empty")
	}
	s.Body = p.expr(precSemicolon)
	if p.err == nil && p.tok.kind != tokEnd {
		p.refuse("something stands where the script should end or go on with an operator")
	}
	s.Notes = p.notes
	if p.err != nil {
		s.err = p.err
		return s, p.err
	}
	return s, nil
}

// The precedences of the grammar, loosest first.
const (
	precSemicolon = iota + 1
	precOr
	precAnd
	precEqual
	precPlus
	precNot
)

// A parser reads one token ahead. Its error is sticky; after it every method
// returns the part that was complete, or nil.
type parser struct {
	lexer
	tok   token
	last  int // end of the token before tok
	err   *parse.Error
	depth int
	exprs int
}

func (p *parser) advance() {
	if p.err == nil {
		p.last = p.tok.end
		p.tok, p.err = p.lexer.next()
	}
}

func (p *parser) refuse(msg string) {
	if p.err == nil {
		var got any
		if p.tok.end <= len(p.src) && p.tok.kind != tokEnd {
			got = p.src[p.tok.pos.Offset:min(p.tok.end, int(p.tok.pos.Offset)+40)]
		}
		p.err = fail(parse.ErrFormat, int(p.tok.pos.Offset), msg, got)
	}
}

// make builds an expression that ends with the token before the next one.
func (p *parser) make(pos Pos, op Op, text string, args ...*Expr) *Expr {
	e := &Expr{Pos: pos, Op: op, Text: text, Args: args, start: pos.Offset, end: p.last}
	e.settle()
	p.exprs++
	switch {
	case e.depth > maxDepth:
		p.limit("expressions are nested too deep", e.depth)
	case p.exprs > maxExprs:
		p.limit("a script has too many expressions", p.exprs)
	}
	return e
}

func (p *parser) limit(msg string, got int) {
	if p.err == nil {
		p.err = fail(parse.ErrLimit, int(p.tok.pos.Offset), msg, got)
	}
}

func binary(kind byte) (Op, int) {
	switch kind {
	case tokOr:
		return Or, precOr
	case tokAnd:
		return And, precAnd
	case tokEqual:
		return Equal, precEqual
	case tokUnlike:
		return NotEqual, precEqual
	case '+':
		return Concat, precPlus
	case ';':
		return Sequence, precSemicolon
	}
	return 0, 0
}

// expr reads an expression whose operators bind at least as tightly as least.
func (p *parser) expr(least int) *Expr {
	if p.depth++; p.depth > maxDepth {
		p.limit("expressions are nested too deep", p.depth)
	}
	defer func() { p.depth-- }()
	left := p.primary()
	for p.err == nil {
		op, prec := binary(p.tok.kind)
		if prec == 0 || prec < least {
			break
		}
		p.advance()
		if op == Sequence && !p.begins() {
			continue // expr ';' is an expression, wherever it stands
		}
		right := p.expr(prec + 1)
		if right == nil {
			break
		}
		left = p.join(op, left, right)
	}
	return left
}

// join adds an operand. Chains become one expression, which is what their left
// association means for each of these operators, so that a script of 10^5
// statements is one level deep.
func (p *parser) join(op Op, left, right *Expr) *Expr {
	if left.Op == op && op != Equal && op != NotEqual {
		left.Args = append(left.Args, right)
		left.end = p.last
		left.extend(right)
		if left.depth > maxDepth {
			p.limit("expressions are nested too deep", left.depth)
		}
		return left
	}
	e := p.make(left.Pos, op, "", left, right)
	e.start = left.start
	return e
}

// extend is settle for one more operand of a chain, without walking the others.
func (e *Expr) extend(a *Expr) {
	e.depth = max(e.depth, a.depth+1)
	if e.Op == Sequence || e.Op == Concat {
		e.ends = e.ends || a.ends
	}
}

// begins tells whether the next token begins an expression.
func (p *parser) begins() bool {
	switch p.tok.kind {
	case tokString, tokIf, '(', '!':
		return p.err == nil
	}
	return p.err != nil // let primary say so
}

func (p *parser) primary() *Expr {
	if p.err != nil {
		return nil
	}
	t := p.tok
	switch t.kind {
	case tokString:
		p.advance()
		if p.tok.kind == '(' && p.err == nil {
			return p.call(t)
		}
		return p.make(t.pos, Literal, t.text)
	case '!':
		p.advance()
		if a := p.expr(precNot); p.err == nil {
			return p.make(t.pos, Not, "", a)
		}
		return nil
	case '(':
		p.advance()
		e := p.expr(precSemicolon)
		if p.expect(')', "a parenthesis is not closed") {
			e.start, e.end = t.pos.Offset, p.last
		}
		return e
	case tokIf:
		return p.conditional(t)
	case tokEnd:
		p.refuse("the script ends where an expression should stand")
	default:
		p.refuse("something stands where an expression should")
	}
	return nil
}

func (p *parser) expect(kind byte, msg string) bool {
	if p.err == nil && p.tok.kind != kind {
		p.refuse(msg)
	}
	if p.err != nil {
		return false
	}
	p.advance()
	return true
}

// call reads a function's arguments. One that is cut off is dropped: what it
// would do is not known.
func (p *parser) call(name token) *Expr {
	p.advance()
	var args []*Expr
	if p.tok.kind != ')' || p.err != nil {
		for p.err == nil {
			args = append(args, p.expr(precSemicolon))
			if p.err != nil || p.tok.kind != ',' {
				break
			}
			p.advance()
		}
	}
	if !p.expect(')', "an argument list goes on with neither comma nor parenthesis") {
		return nil
	}
	return p.make(name.pos, Call, name.text, args...)
}

// conditional reads if … endif. One that is cut off keeps the arms that it has,
// so that what stands in them is at least listed.
func (p *parser) conditional(t token) *Expr {
	p.advance()
	cond := p.expr(precSemicolon)
	if !p.expect(tokThen, "an if goes on without then") {
		return cond
	}
	args := []*Expr{cond}
	then := p.expr(precSemicolon)
	if then == nil {
		return cond
	}
	args = append(args, then)
	if p.err == nil && p.tok.kind == tokElse {
		p.advance()
		if e := p.expr(precSemicolon); e != nil {
			args = append(args, e)
		}
	}
	p.expect(tokEndif, "an if goes on with neither else nor endif")
	return p.make(t.pos, If, "", args...)
}
