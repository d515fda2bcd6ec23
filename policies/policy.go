package policies

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/otavet/otavet/inspect/fact"
)

// A Severity says how bad it is when a rule fails.
type Severity string

// The severities, from the least to the worst.
const (
	SeverityInfo     Severity = "info"
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// Severities lists the severities, from the least to the worst.
func Severities() []Severity {
	return []Severity{SeverityInfo, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

// AtLeast tells whether s is as bad as t or worse. A severity that does not exist
// is worse than all others, so that a slip of the pen cannot open the gate.
func (s Severity) AtLeast(t Severity) bool { return s.rank() >= t.rank() }

func (s Severity) rank() int {
	if i := slices.Index(Severities(), s); i >= 0 {
		return i
	}
	return len(Severities())
}

// A Level says whether a rule can change the exit status.
type Level string

// The levels.
const (
	LevelRequired Level = "required"
	LevelAdvisory Level = "advisory" // shown, and never changes the exit status
)

// OnUnknown says what a required rule that cannot be decided does to the exit
// status.
type OnUnknown string

// The ways to take an unknown. The zero value in Settings leaves it to each rule.
const (
	UnknownFails OnUnknown = "fail" // exit status 4
	UnknownWarns OnUnknown = "warn" // shown only
)

// A Stage says how far the build is on its way to a device.
type Stage string

// The stages; the zero value is StageReleased.
const (
	StageBuild    Stage = "build" // before signing: test keys are no surprise
	StageSigned   Stage = "signed"
	StageReleased Stage = "released"
)

// A Reference is something to read about a rule.
type Reference struct {
	Title string
	URL   string
	CWE   int // number in the Common Weakness Enumeration; 0 none
}

// A Policy is one rule: what must hold, why, and the Check that looks.
type Policy struct {
	ID         string // a slug that explains itself, stable for ever
	Title      string // what holds when it passes, as a sentence
	Rationale  string // why a person should care
	LooksAt    string // which evidence, and what it cannot see
	Remedy     string // what to do when it fails
	References []Reference
	Severity   Severity
	Level      Level
	OnUnknown  OnUnknown
	Waivable   bool
	TestKeys   bool        // about keys that a build before signing may carry: advisory at StageBuild
	Needs      []fact.Kind // kinds of facts without which it cannot pass
	NeedsBase  bool        // it compares with the older update
	// Concerns tells whether a gap that blinds a needed kind could change the
	// answer; nil: every such gap could. It is for what a rule never looks at, such
	// as the signatures of apps where the package's is judged.
	Concerns func(*fact.Gap) bool
	Check    Check
}

// A Check judges the facts. It must not change them.
type Check interface {
	Judge(context.Context, Input) ([]Judgement, error)
}

// CheckFunc is a Check that is a function.
type CheckFunc func(context.Context, Input) ([]Judgement, error)

// Judge calls f.
func (f CheckFunc) Judge(ctx context.Context, in Input) ([]Judgement, error) { return f(ctx, in) }

// Input is what rules judge.
type Input struct {
	Facts *fact.Facts
	Base  *fact.Facts // the older update; nil where none was given
	// Trust lists the keys that the user trusts for a role, such as RoleOTA, by the
	// SHA-256 of their SubjectPublicKeyInfo in lower-case hexadecimal.
	Trust map[Role][]string
}

// A Role is what a key may be trusted for: one that is trusted for apps is not
// trusted for updates.
type Role string

// The roles.
const (
	RoleOTA     Role = "ota"     // to sign updates as a whole
	RolePayload Role = "payload" // to sign payload.bin
	RoleAVB     Role = "avb"     // to sign the vbmeta structs of images
	RoleAPK     Role = "apk"     // to sign apps
	RoleAPEX    Role = "apex"    // to sign modules: the file and the image in it
)

// A Pack is a set of rules under one name.
type Pack struct {
	Name     string
	Version  string
	Title    string
	Digest   string // SHA-256 of what the pack declares, in hexadecimal: two people can tell that they used the same
	Policies []*Policy
}

// validate finds what makes a pack meaningless, so that it is an error and not a
// verdict.
func (p *Pack) validate() error {
	if p == nil || p.Name == "" {
		return errors.New("a pack has no name")
	}
	for _, r := range p.Policies {
		if r == nil || r.ID == "" {
			return fmt.Errorf("pack %s: a rule has no id", p.Name)
		}
		if err := r.validate(); err != nil {
			return fmt.Errorf("pack %s: rule %s: %w", p.Name, r.ID, err)
		}
	}
	return nil
}

func (p *Policy) validate() error {
	switch {
	case !slices.Contains(Severities(), p.Severity):
		return fmt.Errorf("severity %q", p.Severity)
	case p.Level != LevelRequired && p.Level != LevelAdvisory:
		return fmt.Errorf("level %q", p.Level)
	case p.OnUnknown != UnknownFails && p.OnUnknown != UnknownWarns:
		return fmt.Errorf("on_unknown %q", p.OnUnknown)
	case p.Check == nil:
		return errors.New("nothing checks it")
	}
	for _, k := range p.Needs {
		if !slices.Contains(append(fact.All(), fact.Later()...), k) {
			return fmt.Errorf("it needs facts of kind %q, which do not exist", k)
		}
	}
	return nil
}

// A Status is one of the five answers.
type Status string

// The statuses. A Check gives any of them but StatusWaived.
const (
	StatusPass    Status = "pass"
	StatusFail    Status = "fail"
	StatusUnknown Status = "unknown"
	StatusNA      Status = "na"
	StatusWaived  Status = "waived"
)

// A Judgement is what a rule says about one subject.
type Judgement struct {
	Subject     fact.Subject
	Status      Status
	Message     string // what was found, where a pass or na needs a word
	Violations  []Violation
	Missing     []Missing
	Assumptions []Assumption
}

// A Violation is one reason of a fail.
type Violation struct {
	Message  string
	Evidence []Evidence
}

// Evidence is one place that shows a violation. Role is trigger, step, source,
// sink, guard, layer, write, signer or absent.
type Evidence struct {
	Role   string
	Order  int
	At     fact.Location
	Detail string
}

// Missing is one reason of an unknown: the smallest fact that would settle it.
type Missing struct {
	Kind fact.Kind
	What string
	At   *fact.Location // where it should have been; nil where no place is known
}

// An Assumption is what a pass took for granted. Settings.Strict makes such a
// pass unknown.
type Assumption struct {
	What string
	At   *fact.Location
}

// Fingerprint names a finding across builds.
func Fingerprint(rule string, s fact.Subject) string { return fact.Fingerprint(rule, s) }
