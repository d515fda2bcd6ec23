package policies

import "slices"

// Settings are the choices that can change a verdict. The zero value is the
// strictest but for Strict: released, failing from low, each rule's own way to
// take an unknown.
type Settings struct {
	FailOn  Severity  // the least severity at which a failed rule makes exit status 1; "" low
	Unknown OnUnknown // wins over the rules' own; "" leaves it to them
	Strict  bool      // assumptions count as unknown
	Stage   Stage     // "" released
}

// A Result is what became of one rule.
type Result struct {
	Pack       *Pack
	Policy     *Policy
	Level      Level // the rule's, unless the stage makes it advisory
	Status     Status
	Judgements []Judgement // sorted by subject; never empty
	Defects    []string    // what is wrong with the rule itself
}

// Counts counts by status.
type Counts struct {
	Pass    int `json:"pass"`
	Fail    int `json:"fail"`
	Unknown int `json:"unknown"`
	NA      int `json:"na"`
	Waived  int `json:"waived"`
}

// Total is the sum.
func (c Counts) Total() int { return c.Pass + c.Fail + c.Unknown + c.NA + c.Waived }

func (c *Counts) add(s Status) {
	switch s {
	case StatusPass:
		c.Pass++
	case StatusFail:
		c.Fail++
	case StatusNA:
		c.NA++
	case StatusWaived:
		c.Waived++
	default:
		c.Unknown++
	}
}

// A Verdict is what all rules say together.
type Verdict struct {
	Packs   []*Pack
	Results []Result // packs as given, rules as the pack has them
	// Outcome is StatusFail, StatusUnknown or StatusPass, exactly as the exit
	// status under the settings of Evaluate is 1, 4 or 0. A rule that is advisory, below
	// FailOn or unknown with a warning does not change it.
	Outcome       Status
	Counts        Counts // of rules
	SubjectCounts Counts // of judgements
}

// The exit statuses of every command.
const (
	ExitPass        = 0   // every required rule passed
	ExitFail        = 1   // a required rule failed at or above FailOn
	ExitUsage       = 2   // the command, a pack or a configuration is wrong, or no rule was selected
	ExitUnreadable  = 3   // the update cannot be read
	ExitUnknown     = 4   // nothing failed, but a required rule could not be decided
	ExitInternal    = 5   // a defect of otavet: the report must not be trusted
	ExitInterrupted = 130 // stopped by a signal
)

// WorstExit gives the one exit status that stands for several: 130 and then 5,
// 3, 2, 1, 4, 0. A status that does not exist counts as 5.
func WorstExit(codes ...int) int {
	order := []int{ExitPass, ExitUnknown, ExitFail, ExitUsage, ExitUnreadable, ExitInternal, ExitInterrupted}
	worst := 0
	for _, c := range codes {
		rank := 5
		for i, o := range order {
			if c == o {
				rank = i
			}
		}
		worst = max(worst, rank)
	}
	return order[worst]
}

// Exit is the exit status that the verdict calls for: ExitFail, ExitUnknown or
// ExitPass. Of the settings it reads FailOn and Unknown. FailOn does not excuse
// an unknown: a rule that was not decided might be about anything.
func (v *Verdict) Exit(s Settings) int {
	failOn := s.FailOn
	if failOn == "" {
		failOn = SeverityLow
	}
	exit := ExitPass
	for i := range v.Results {
		r := &v.Results[i]
		if r.Level == LevelAdvisory {
			continue
		}
		switch r.Status {
		case StatusPass, StatusNA, StatusWaived:
		case StatusFail:
			if r.Policy.Severity.AtLeast(failOn) {
				exit = WorstExit(exit, ExitFail)
			} else if slices.ContainsFunc(r.Judgements, func(j Judgement) bool { return j.Status == StatusUnknown }) {
				// A fail that is excused hides no other subject that is not decided.
				exit = WorstExit(exit, r.unknownExit(s))
			}
		default:
			exit = WorstExit(exit, r.unknownExit(s))
		}
	}
	return exit
}

// unknownExit is the exit status that a rule which cannot be decided calls for.
func (r *Result) unknownExit(s Settings) int {
	on := s.Unknown
	if on == "" {
		on = r.Policy.OnUnknown
	}
	if on == UnknownWarns {
		return ExitPass
	}
	return ExitUnknown
}

// outcome is the status that an exit status stands for.
func outcome(exit int) Status {
	switch exit {
	case ExitPass:
		return StatusPass
	case ExitFail:
		return StatusFail
	}
	return StatusUnknown
}
