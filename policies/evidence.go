package policies

import (
	"fmt"
	"slices"

	"github.com/otavet/otavet/inspect/fact"
)

// absentKinds says which facts that the rule needs were not looked for.
func absentKinds(p *Policy, in Input) []Missing {
	var out []Missing
	for _, k := range p.Needs {
		switch {
		case slices.Contains(in.Facts.Kinds, k):
		case slices.Contains(fact.Later(), k):
			out = append(out, Missing{Kind: k, What: fmt.Sprintf("facts of kind %s: this version of otavet cannot find them yet", k)})
		default:
			out = append(out, Missing{Kind: k, What: fmt.Sprintf("facts of kind %s: they were not looked for in this run", k)})
		}
	}
	if !p.NeedsBase {
		return out
	}
	if in.Base == nil {
		return append(out, Missing{Kind: fact.KindUpdate, What: "the update before this one: name it with --base"})
	}
	for _, k := range p.Needs {
		if !slices.Contains(fact.Later(), k) && !slices.Contains(in.Base.Kinds, k) {
			out = append(out, Missing{Kind: k, What: fmt.Sprintf("facts of kind %s about the update before this one: they were not looked for", k)})
		}
	}
	return out
}

// maxGapsNamed is how many gaps a judgement names one by one: the rest are in the
// report's own list, and a hostile facts file may hold very many.
const maxGapsNamed = 5

// gaps are those that blind a rule.
type gaps struct {
	all       []Missing // they reach every subject
	bySubject map[fact.Subject][]Missing
}

func (g gaps) of(s fact.Subject) []Missing {
	return append(slices.Clip(g.all), g.bySubject[s]...)
}

func gapsFor(p *Policy, in Input) gaps {
	g := gaps{bySubject: map[fact.Subject][]Missing{}}
	unnamed := 0
	from := func(f *fact.Facts, whose string) {
		for i := range f.Gaps {
			gap := &f.Gaps[i]
			k := slices.IndexFunc(gap.Blinds, func(k fact.Kind) bool { return slices.Contains(p.Needs, k) })
			if k < 0 || p.Concerns != nil && !p.Concerns(gap) {
				continue
			}
			m := Missing{Kind: gap.Blinds[k], What: whose + gap.Reason, At: &gap.At}
			if gap.Reason == "" {
				m.What = whose + "something could not be looked at"
			}
			if len(gap.Subjects) == 0 {
				if len(g.all) < maxGapsNamed {
					g.all = append(g.all, m)
				} else {
					unnamed++
				}
			}
			for _, s := range gap.Subjects {
				if len(g.bySubject[s]) < maxGapsNamed {
					g.bySubject[s] = append(g.bySubject[s], m)
				}
			}
		}
	}
	from(in.Facts, "")
	if p.NeedsBase && in.Base != nil {
		from(in.Base, "the update before this one: ")
	}
	if unnamed > 0 {
		g.all = append(g.all, Missing{What: fmt.Sprintf("%d more gaps reach this rule", unnamed)})
	}
	return g
}
