package edify

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/otavet/otavet/ota/parse"
)

// maxReboots bounds how often an update of several stages is entered again. AOSP
// generates three stages.
const maxReboots = 8

const (
	// maxArgument bounds an argument that is kept as written: an ifelse may hold
	// most of a script, and those calls are kept too.
	maxArgument = 512
	// maxFolded bounds the text of all arguments that are not a single constant;
	// nested calls could otherwise keep each part many times.
	maxFolded = 16 << 20
)

// A value is what is known of an expression's value.
type value struct {
	known bool
	text  string // the value, or where it is not known how it begins
	// Bytes of a file, which edify calls a blob:
	member string // of the package
	file   string // of the device
	// partition is the logical partition whose device the value names.
	partition string
}

func known(text string) value { return value{known: true, text: text} }

func truth(b bool) value {
	if b {
		return known("t")
	}
	return known("")
}

// A run follows a script once from its beginning to its end.
type run struct {
	script  *Script
	members []string // sorted
	plan    *Plan
	tree    tree
	steps   map[*Expr]int // index in plan.Calls

	when    conds
	whenStr string
	never   int  // above 0: what is walked does not run
	doomed  int  // above 0: it may run, but then the update is refused
	ended   bool // nothing from here on runs
	limited bool // that a limit was reached has been said

	folded  int   // bytes of arguments that are not a single constant
	round   int64 // how often the device has rebooted
	stage   string
	again   bool // a reboot enters the script again
	deleted []Deletion
}

// Plan follows the script over a package that has the named members (as the
// archive spells them, in any order), and executes nothing.
//
// Files are followed by path through extraction, links, renaming, patching,
// deletion and formatting, whether they are in /system or in /tmp. A condition
// that constants decide is decided; one that the device decides is kept as text
// with all that it governs. An abort that the device decides is taken not to
// happen: an update that is refused leaves nothing. get_stage answers what
// set_stage was given, and reboot_now begins the script again, as in updates of
// several stages.
func (s *Script) Plan(members []string) *Plan {
	members = slices.Clone(members)
	slices.Sort(members)
	r := &run{script: s, members: slices.Compact(members), plan: &Plan{}, steps: make(map[*Expr]int)}
	r.plan.Notes = slices.Clone(s.Notes)
	for more := s.Body != nil; more; more = r.again && r.round < maxReboots {
		r.again, r.ended = false, false
		r.round++
		r.eval(s.Body)
	}
	if s.err != nil {
		u := Unfollowed{Pos: s.errPos(), Why: s.err.Error(), Cause: CauseFormat}
		if errors.Is(s.err, parse.ErrLimit) {
			u.Cause = CauseLimit
		}
		r.plan.Unfollowed = append(r.plan.Unfollowed, u)
	}
	r.finish()
	return r.plan
}

func (s *Script) errPos() Pos {
	off := min(s.err.Off, int64(len(s.src)))
	return Pos{s.err.Off, 1 + int64(strings.Count(s.src[:off], "\n"))}
}

// live tells whether what is walked changes the device.
func (r *run) live() bool { return r.never == 0 && r.doomed == 0 && !r.ended }

// under evaluates e under one more condition.
func (r *run) under(cond *Expr, not bool, e *Expr) value {
	if r.never > 0 || r.ended {
		return r.eval(e)
	}
	when, str := r.when, r.whenStr
	l := literal{id: cond.start<<8 | r.round<<4 | int64(cond.Op) + 1, not: not, text: clip(r.script.text(cond), maxCondition)}
	if !when.against(conds{l}) && !slices.Contains(when, l) {
		r.when = when.with(l)
		r.whenStr = r.when.String()
	}
	v := r.eval(e)
	r.when, r.whenStr = when, str
	return v
}

func (r *run) skip(e *Expr) {
	r.never++
	r.eval(e)
	r.never--
}

// refused evaluates what ends in an abort.
func (r *run) refused(cond *Expr, not bool, e *Expr) {
	r.doomed++
	r.under(cond, not, e)
	r.doomed--
}

// eval walks an expression in the order in which the device evaluates it. Its
// recursion is bounded by the parser's maxDepth.
func (r *run) eval(e *Expr) value {
	switch e.Op {
	case Literal:
		return known(e.Text)
	case Sequence:
		var v value
		for _, a := range e.Args {
			v = r.eval(a)
		}
		return v
	case Concat:
		vals := make([]value, len(e.Args))
		for i, a := range e.Args {
			vals[i] = r.eval(a)
		}
		return concat(vals)
	case Equal, NotEqual:
		a, b := r.eval(e.Args[0]), r.eval(e.Args[1])
		if a.known && b.known {
			return truth((a.text == b.text) == (e.Op == Equal))
		}
		return value{}
	case Not:
		if v := r.eval(e.Args[0]); v.known {
			return truth(v.text == "")
		}
		return value{}
	case And, Or:
		return r.chain(e)
	case If:
		return r.branch(e)
	}
	return r.call(e)
}

// concat joins values; what is known of the beginning stays known.
func concat(vals []value) value {
	var b strings.Builder
	for _, v := range vals {
		b.WriteString(v.text)
		if !v.known {
			return value{text: b.String()}
		}
	}
	return known(b.String())
}

// chain evaluates a && b && … or a || b || …
func (r *run) chain(e *Expr) value {
	or := e.Op == Or
	v := r.eval(e.Args[0])
	when, str := r.when, r.whenStr
	decided := true
	for i, a := range e.Args[1:] {
		before := e.Args[i]
		switch {
		case v.known && (v.text != "") == or: // this one is the value
			for _, a := range e.Args[i+1:] {
				r.skip(a)
			}
			r.when, r.whenStr = when, str
			if !decided {
				return value{}
			}
			return v
		case v.known:
			v = r.eval(a)
		case a.ends:
			r.refused(before, or, a)
			decided = false
		default:
			decided = false
			v = r.under(before, or, a)
			// Those that follow stand under it too.
			r.when, r.whenStr = r.extended(before, or)
		}
	}
	r.when, r.whenStr = when, str
	if !decided {
		return value{}
	}
	return v
}

func (r *run) extended(cond *Expr, not bool) (conds, string) {
	if r.never > 0 || r.ended {
		return r.when, r.whenStr
	}
	l := literal{id: cond.start<<8 | r.round<<4 | int64(cond.Op) + 1, not: not, text: clip(r.script.text(cond), maxCondition)}
	c := r.when.with(l)
	return c, c.String()
}

// branch evaluates if and ifelse. Where one arm refuses the update, whatever is
// installed at the end went through the other, which is therefore no condition.
func (r *run) branch(e *Expr) value {
	cond, then := e.Args[0], e.Args[1]
	var other *Expr
	if len(e.Args) > 2 {
		other = e.Args[2]
	}
	v := r.eval(cond)
	switch {
	case v.known && v.text != "":
		v = r.eval(then)
		if other != nil {
			r.skip(other)
		}
		return v
	case v.known:
		r.skip(then)
		if other != nil {
			return r.eval(other)
		}
		return known("")
	case then.ends && other != nil && other.ends:
		r.refused(cond, false, then)
		r.refused(cond, true, other)
		r.abort(e.Pos)
	case then.ends:
		r.refused(cond, false, then)
		if other != nil {
			r.eval(other)
		}
	case other != nil && other.ends:
		r.eval(then)
		r.refused(cond, true, other)
	default:
		r.under(cond, false, then)
		if other != nil {
			r.under(cond, true, other)
		}
	}
	return value{}
}

// abort ends the script, unless a condition decides whether it is reached.
func (r *run) abort(at Pos) {
	if r.live() && len(r.when) == 0 {
		r.ended = true
		if r.plan.Aborts == nil {
			r.plan.Aborts = &at
		}
	}
}

// step keeps a call. One that was passed over before a reboot and runs after it
// is kept as running.
func (r *run) step(e *Expr, effect Effect, vals []value) {
	never := r.never > 0 || r.ended
	if i, ok := r.steps[e]; ok {
		if s := &r.plan.Calls[i]; s.Never && !never {
			s.Never, s.Conditional = false, r.whenStr
		}
		return
	}
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		switch {
		case a.Op == Literal:
			args[i] = a.Text
		case r.folded > maxFolded:
			args[i] = "…"
		case i < len(vals) && vals[i].known:
			args[i] = vals[i].text
			r.folded += len(args[i])
		default:
			args[i] = clip(r.script.text(a), maxArgument)
			r.folded += len(args[i])
		}
	}
	s := Step{Pos: e.Pos, Name: e.Text, Args: args, Effect: effect, Never: never}
	if !never {
		s.Conditional = r.whenStr
	}
	r.steps[e] = len(r.plan.Calls)
	r.plan.Calls = append(r.plan.Calls, s)
}

// call evaluates a function. The few that do not evaluate all their arguments
// come first.
func (r *run) call(e *Expr) value {
	switch e.Text {
	case "ifelse":
		r.step(e, EffectBranch, nil)
		if len(e.Args) == 2 || len(e.Args) == 3 {
			return r.branch(e)
		}
	case "assert":
		r.step(e, EffectCheck, nil)
		for _, a := range e.Args {
			if v := r.eval(a); v.known && v.text == "" {
				r.abort(e.Pos)
			}
		}
		return value{}
	case "abort":
		r.step(e, EffectCheck, nil)
		for _, a := range e.Args {
			r.eval(a)
		}
		r.abort(e.Pos)
		return value{}
	}
	vals := make([]value, len(e.Args))
	live := r.live()
	for i, a := range e.Args {
		vals[i] = r.eval(a)
	}
	live = live && r.live()
	effect, v := r.function(e, vals, live)
	r.step(e, effect, vals)
	return v
}

func integer(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
