package expr

import (
	"cel.dev/cel-go/cel"

	"github.com/otavet/otavet/inspect/fact"
)

// vars are the variables that an expression sees: a cel.PartialActivation. It is one struct that
// is used again for each subject, where a map for each costs more than most rules do.
type vars struct {
	facts, base *fact.Facts
	update      *fact.Update
	params      map[string]any
	name        string // of the subject
	record      any
	app         *fact.App
	it          any
	unknown     []*cel.AttributePatternType // of the run
	here        []*cel.AttributePatternType // of the run and the subject
}

// look makes s the subject.
func (v *vars) look(k kind, s subject) {
	v.name, v.record, v.app, v.it = k.name, s.record, s.app, nil
	v.here = v.unknown
	if k.withApp && s.app == nil {
		v.here = append(v.unknown[:len(v.unknown):len(v.unknown)], cel.AttributePattern("app"))
	}
}

// ResolveName finds a variable.
func (v *vars) ResolveName(name string) (any, bool) {
	switch {
	case name == v.name:
		return v.record, true
	case name == "app" && v.app != nil:
		return v.app, true
	case name == "facts":
		return v.facts, true
	case name == "update" && v.update != nil:
		return v.update, true
	case name == "base" && v.base != nil:
		return v.base, true
	case name == "it" && v.it != nil:
		return v.it, true
	}
	p, ok := v.params[name]
	return p, ok
}

// Parent is the scope around this one: none.
func (v *vars) Parent() cel.Activation { return nil }

// UnknownAttributePatterns lists what nothing is known of.
func (v *vars) UnknownAttributePatterns() []*cel.AttributePatternType { return v.here }

// AsPartialActivation says that this one knows what is unknown.
func (v *vars) AsPartialActivation() (cel.PartialActivation, bool) { return v, true }
