package policies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/otavet/otavet/inspect/fact"
)

// ErrNoRules says that the packs hold no rule: a gate that asks nothing would
// always be open.
var ErrNoRules = errors.New("no rule selected")

// Evaluate judges the facts by every rule of the packs. What a rule does wrong
// makes its own result unknown; an error means that there is no verdict: no facts, no
// rules, a pack that is malformed, a setting that does not exist, or ctx has ended.
func Evaluate(ctx context.Context, in Input, packs []*Pack, s Settings) (*Verdict, error) {
	if in.Facts == nil {
		return nil, errors.New("no facts to judge")
	}
	if err := s.validate(); err != nil {
		return nil, err
	}
	owner := map[string]string{}
	for _, p := range packs {
		if err := p.validate(); err != nil {
			return nil, err
		}
		for _, r := range p.Policies {
			if first, twice := owner[r.ID]; twice {
				return nil, fmt.Errorf("two rules are called %s, in pack %s and in pack %s", r.ID, first, p.Name)
			}
			owner[r.ID] = p.Name
		}
	}
	if len(owner) == 0 {
		return nil, ErrNoRules
	}
	v := &Verdict{Packs: slices.Clone(packs)}
	for _, p := range packs {
		for _, r := range p.Policies {
			res, err := evaluate(ctx, in, p, r, s)
			if err != nil {
				return nil, err
			}
			v.Results = append(v.Results, res)
			v.Counts.add(res.Status)
			for _, j := range res.Judgements {
				v.SubjectCounts.add(j.Status)
			}
		}
	}
	v.Outcome = outcome(v.Exit(s))
	return v, nil
}

// validate refuses what a misspelt flag would be: a setting that exists nowhere
// must not silently be the most lenient one.
func (s Settings) validate() error {
	switch {
	case s.FailOn != "" && !slices.Contains(Severities(), s.FailOn):
		return fmt.Errorf("fail-on %q: want one of %v", s.FailOn, Severities())
	case !slices.Contains([]OnUnknown{"", UnknownFails, UnknownWarns}, s.Unknown):
		return fmt.Errorf("unknown %q: want fail or warn", s.Unknown)
	case !slices.Contains([]Stage{"", StageBuild, StageSigned, StageReleased}, s.Stage):
		return fmt.Errorf("stage %q: want build, signed or released", s.Stage)
	}
	return nil
}

// evaluate judges by one rule. Its error is that of ctx.
func evaluate(ctx context.Context, in Input, pack *Pack, p *Policy, s Settings) (Result, error) {
	r := Result{Pack: pack, Policy: p, Level: p.Level}
	if p.TestKeys && s.Stage == StageBuild {
		r.Level = LevelAdvisory
	}
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	found, err := judge(ctx, p.Check, in)
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	if err != nil {
		// What it found before it broke still counts if it is a violation.
		r.defect("the rule ended with an error: %v", err)
		found = append(found, undecided("", "the rule could not be carried out: see its defects"))
	}
	absent := absentKinds(p, in)
	gaps := gapsFor(p, in)
	if len(found) == 0 {
		if len(absent) == 0 {
			r.defect("the rule looked at nothing")
			found = append(found, undecided("", "the rule looked at nothing: it says neither what it judged nor that there was nothing to judge"))
		} else {
			found = append(found, Judgement{Subject: fact.UpdateSubject, Status: StatusUnknown})
		}
	}
	r.Judgements = r.settle(found, absent, gaps, s)
	statuses := make([]Status, len(r.Judgements))
	for i := range r.Judgements {
		statuses[i] = r.Judgements[i].Status
	}
	r.Status = worst(statuses)
	return r, nil
}

// judge runs a Check; a panic is its error.
func judge(ctx context.Context, c Check, in Input) (js []Judgement, err error) {
	defer func() {
		if p := recover(); p != nil {
			js, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	return c.Judge(ctx, in)
}

func (r *Result) defect(format string, args ...any) {
	d := fmt.Sprintf(format, args...)
	if !slices.Contains(r.Defects, d) {
		r.Defects = append(r.Defects, d)
	}
}

func undecided(kind fact.Kind, what string) Judgement {
	return Judgement{Subject: fact.UpdateSubject, Status: StatusUnknown, Missing: []Missing{{Kind: kind, What: what}}}
}

// settle makes the judgements what the rules at the head of the package allow.
func (r *Result) settle(found []Judgement, absent []Missing, gaps gaps, s Settings) []Judgement {
	bySubject := map[fact.Subject]*Judgement{}
	for i := range found {
		j := r.sane(found[i])
		if have, ok := bySubject[j.Subject]; ok {
			have.merge(j)
		} else {
			bySubject[j.Subject] = &j
		}
	}
	// A subject whose facts are lost altogether has no judgement, and is no pass.
	for subject := range gaps.bySubject {
		if _, ok := bySubject[subject]; !ok {
			bySubject[subject] = &Judgement{Subject: subject, Status: StatusUnknown}
		}
	}
	out := make([]Judgement, 0, len(bySubject))
	for _, j := range bySubject {
		if j.Status != StatusFail {
			j.doubt(absent)
			j.doubt(gaps.of(j.Subject))
			if s.Strict && len(j.Assumptions) > 0 {
				var ms []Missing
				for _, a := range j.Assumptions {
					ms = append(ms, Missing{What: "assumed only: " + a.What, At: a.At})
				}
				j.doubt(ms)
			}
		}
		if j.Status == StatusUnknown && len(j.Missing) == 0 {
			r.defect("the rule does not say what it misses")
			j.Missing = []Missing{{What: "the rule does not say what it misses"}}
		}
		out = append(out, *j)
	}
	slices.SortFunc(out, func(a, b Judgement) int {
		return cmp.Or(cmp.Compare(a.Subject.Kind, b.Subject.Kind), cmp.Compare(a.Subject.ID, b.Subject.ID))
	})
	return out
}

// sane makes one judgement consistent in itself, without touching the slices of
// the Check.
func (r *Result) sane(j Judgement) Judgement {
	j.Violations = slices.Clone(j.Violations)
	j.Missing = slices.Clone(j.Missing)
	j.Assumptions = slices.Clone(j.Assumptions)
	for i := range j.Violations {
		v := &j.Violations[i]
		v.Evidence = slices.Clone(v.Evidence)
		slices.SortStableFunc(v.Evidence, func(a, b Evidence) int { return cmp.Compare(a.Order, b.Order) })
	}
	if j.Subject == (fact.Subject{}) {
		r.defect("a judgement names no subject")
		j.Subject = fact.UpdateSubject
	}
	switch {
	case len(j.Violations) > 0:
		j.Status = StatusFail
	case j.Status == StatusFail:
		r.defect("a fail without a violation")
		j.doubt([]Missing{{What: "the rule says that it fails, and not why"}})
	case j.Status != StatusPass && j.Status != StatusNA && j.Status != StatusUnknown:
		r.defect("a judgement of status %q", string(j.Status))
		j.doubt([]Missing{{What: "the rule gave no answer that exists"}})
	}
	return j
}

// doubt makes a judgement unknown for the reasons given; none changes nothing.
func (j *Judgement) doubt(why []Missing) {
	if len(why) > 0 {
		j.Status = StatusUnknown
		j.Missing = append(j.Missing, why...)
	}
}

// merge joins a second judgement of the same subject: the worse one stands.
func (j *Judgement) merge(k Judgement) {
	if w := worst([]Status{j.Status, k.Status}); w != j.Status {
		j.Status, j.Message = w, k.Message
	}
	j.Violations = append(j.Violations, k.Violations...)
	j.Missing = append(j.Missing, k.Missing...)
	j.Assumptions = append(j.Assumptions, k.Assumptions...)
}

// worst joins the answers over the subjects of a rule.
func worst(all []Status) Status {
	for _, s := range []Status{StatusFail, StatusUnknown, StatusWaived, StatusPass} {
		if slices.Contains(all, s) {
			return s
		}
	}
	return StatusNA
}
