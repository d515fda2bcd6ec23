package expr

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// A check is a compiled rule.
type check struct {
	rule       Rule
	kind       kind
	params     map[string]any
	when       cel.Program // nil: always
	violations cel.Program
	undecided  cel.Program // nil: never
	message    template
	missing    template
	flowLike   bool
}

// Compile makes a Check of a rule. The error is an *Error.
func Compile(r Rule, params map[string]Param) (policies.Check, error) {
	k, ok := kinds()[r.Each]
	if !ok {
		return nil, &Error{Field: "each", Line: 1, Column: 1, Msg: fmt.Sprintf("no facts of kind %q can be looked at each: %v", r.Each, Each())}
	}
	switch r.None {
	case "", policies.StatusPass, policies.StatusNA, policies.StatusUnknown:
	default:
		return nil, &Error{Field: "none", Line: 1, Column: 1, Msg: fmt.Sprintf("%q: want pass, na or unknown", r.None)}
	}
	env, err := common()
	if err != nil {
		return nil, err
	}
	var opts []cel.EnvOption
	if k.name != "update" {
		opts = append(opts, cel.Variable(k.name, cel.ObjectType(k.typ)))
	}
	if k.withApp {
		opts = append(opts, cel.Variable("app", cel.ObjectType("fact.App")))
	}
	c := &check{rule: r, kind: k, params: map[string]any{}, flowLike: r.Each == fact.KindFlows || r.Each == fact.KindWrites}
	for name, p := range params {
		typ, ok := paramType(p)
		if !ok {
			return nil, &Error{Field: "parameters", Line: 1, Column: 1, Msg: fmt.Sprintf("%s: a value of type %T", name, p)}
		}
		opts = append(opts, cel.Variable("params."+name, typ))
		c.params["params."+name] = p
	}
	if env, err = env.Extend(opts...); err != nil {
		return nil, &Error{Field: "parameters", Line: 1, Column: 1, Msg: err.Error()}
	}
	if c.when, _, err = program(env, "when", r.When, isBool); err != nil {
		return nil, err
	}
	if c.undecided, _, err = program(env, "undecided", r.Undecided, isBool); err != nil {
		return nil, err
	}
	if strings.TrimSpace(r.Violations) == "" {
		return nil, &Error{Field: "violations", Line: 1, Column: 1, Msg: "there is no expression: nothing could ever fail"}
	}
	var out *cel.Type
	if c.violations, out, err = program(env, "violations", r.Violations, isFacts); err != nil {
		return nil, err
	}
	if c.missing, err = parseTemplate(env, "missing", r.Missing); err != nil {
		return nil, err
	}
	elem := out.Parameters()[0]
	if elem.IsExactType(cel.StringType) {
		return c, nil
	}
	if strings.TrimSpace(r.Message) == "" {
		return nil, &Error{Field: "violations", Line: 1, Column: 1, Msg: "the violations are facts, so a message must say what is wrong with them"}
	}
	if env, err = env.Extend(cel.Variable("it", elem)); err != nil {
		return nil, err
	}
	if c.message, err = parseTemplate(env, "message", r.Message); err != nil {
		return nil, err
	}
	return c, nil
}

func paramType(p Param) (*cel.Type, bool) {
	switch p.(type) {
	case int64:
		return cel.IntType, true
	case string:
		return cel.StringType, true
	case bool:
		return cel.BoolType, true
	case []string:
		return cel.ListType(cel.StringType), true
	}
	return nil, false
}

func isBool(t *cel.Type) string {
	if t.IsExactType(cel.BoolType) {
		return ""
	}
	return fmt.Sprintf("is %s, want bool", t)
}

func isFacts(t *cel.Type) string {
	if t.Kind() == types.ListKind && len(t.Parameters()) == 1 {
		elem := t.Parameters()[0]
		if elem.IsExactType(cel.StringType) || strings.HasPrefix(elem.TypeName(), "fact.") {
			return ""
		}
	}
	return fmt.Sprintf("is %s, want a list of facts or of texts", t)
}

// program compiles one expression; nil for an empty one.
func program(env *cel.Env, field, text string, want func(*cel.Type) string) (cel.Program, *cel.Type, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil, nil
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, nil, &Error{field, first.Location.Line(), first.Location.Column() + 1, first.Message}
	}
	if why := want(ast.OutputType()); why != "" {
		return nil, nil, &Error{field, 1, 1, "the expression " + why}
	}
	p, err := env.Program(ast, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(maxCost))
	if err != nil {
		return nil, nil, &Error{field, 1, 1, err.Error()}
	}
	return p, ast.OutputType(), nil
}

// Judge looks at each subject.
func (c *check) Judge(ctx context.Context, in policies.Input) ([]policies.Judgement, error) {
	r := &run{check: c, left: maxRuleCost, vars: vars{facts: in.Facts, params: c.params}}
	if in.Base != nil {
		r.vars.base = in.Base
	} else {
		r.vars.unknown = append(r.vars.unknown, cel.AttributePattern("base"))
	}
	if len(in.Facts.Update) > 0 {
		r.vars.update = &in.Facts.Update[0]
	} else {
		r.vars.unknown = append(r.vars.unknown, cel.AttributePattern("update"))
	}
	var out []policies.Judgement
	var errs []error
	for _, s := range c.kind.all(in.Facts) {
		// One evaluation is bounded by its cost, so here is often enough.
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		j, subject, err := r.judge(s)
		if err != nil && len(errs) < 3 { // the first ones say what is wrong with the rule
			errs = append(errs, fmt.Errorf("%s: %w", s.id.ID, err))
		}
		if subject {
			out = append(out, j)
		}
	}
	if len(out) == 0 && len(errs) == 0 {
		out = append(out, c.none(in.Facts))
	}
	return out, errors.Join(errs...)
}

// none is the answer where nothing is a subject.
func (c *check) none(f *fact.Facts) policies.Judgement {
	status := c.rule.None
	if status == "" {
		status = policies.StatusNA
		if c.flowLike {
			status = policies.StatusPass
		}
	}
	j := policies.Judgement{Subject: fact.UpdateSubject, Status: status,
		Message: fmt.Sprintf("of %d %s none is one that the rule is about", len(c.kind.all(f)), c.rule.Each)}
	if c.flowLike {
		j.Message += fmt.Sprintf("; %d apps looked at", len(f.Apps))
	}
	if status == policies.StatusUnknown {
		j.Missing = []policies.Missing{{Kind: c.rule.Each,
			What: fmt.Sprintf("%s that the rule is about: none was found among %d", c.rule.Each, len(c.kind.all(f)))}}
	}
	return j
}

// A run is one use of a check.
type run struct {
	*check
	vars vars
	left uint64 // cost
}

var errCost = errors.New("the rule costs more work than one may")

// eval evaluates p over the run's variables.
func (r *run) eval(p cel.Program) (ref.Val, error) {
	out, details, err := p.Eval(&r.vars)
	if details != nil && details.ActualCost() != nil {
		spent := *details.ActualCost()
		if spent > r.left {
			r.left = 0
			return nil, errCost
		}
		r.left -= spent
	}
	return out, err
}

// judge looks at one subject; false says that it is none.
func (r *run) judge(s subject) (policies.Judgement, bool, error) {
	j := policies.Judgement{Subject: s.id, Status: policies.StatusPass}
	if r.left == 0 {
		return r.open(j, s, "the rule used up its allotment of work before it came here"), true, errCost
	}
	r.vars.look(r.kind, s)
	if r.when != nil {
		out, err := r.eval(r.when)
		switch {
		case err != nil:
			return r.open(j, s, "whether the rule is about it: the expression failed"), true, fmt.Errorf("when: %w", err)
		case types.IsUnknown(out):
			return r.open(j, s, "whether the rule is about it: "+trails(out)), true, nil
		case out != types.True:
			return j, false, nil
		}
	}
	j, err := r.violated(j, s)
	if err != nil || j.Status != policies.StatusPass {
		return j, true, err
	}
	if r.undecided == nil {
		return j, true, nil
	}
	out, err := r.eval(r.undecided)
	switch {
	case err != nil:
		return r.open(j, s, "whether enough is known: the expression failed"), true, fmt.Errorf("undecided: %w", err)
	case types.IsUnknown(out):
		return r.open(j, s, trails(out)), true, nil
	case out == types.True:
		what := r.missing.text(r)
		if what == "" {
			what = "what would settle it: the rule does not say"
		}
		return r.open(j, s, what), true, nil
	}
	return j, true, nil
}

// violated adds the violations of one subject.
func (r *run) violated(j policies.Judgement, s subject) (policies.Judgement, error) {
	out, err := r.eval(r.violations)
	switch {
	case err != nil:
		return r.open(j, s, "whether it is violated: the expression failed"), fmt.Errorf("violations: %w", err)
	case types.IsUnknown(out):
		return r.open(j, s, trails(out)), nil
	}
	found, ok := out.(traits.Lister)
	if !ok {
		return r.open(j, s, "whether it is violated: the expression gave no list"), fmt.Errorf("violations: a %s", out.Type().TypeName())
	}
	for it := found.Iterator(); it.HasNext() == types.True; {
		v := it.Next()
		if types.IsUnknown(v) {
			return r.open(j, s, trails(v)), nil
		}
		j.Status = policies.StatusFail
		if text, ok := v.Value().(string); ok {
			j.Violations = append(j.Violations, policies.Violation{Message: text, Evidence: evidence(nil, *s.at)})
			continue
		}
		r.vars.it = v
		rec := deref(v.Value())
		j.Violations = append(j.Violations, policies.Violation{Message: r.message.text(r), Evidence: evidence(rec, placeOf(rec, *s.at))})
	}
	return j, nil
}

func (r *run) open(j policies.Judgement, s subject, what string) policies.Judgement {
	j.Status = policies.StatusUnknown
	at := *s.at
	j.Missing = append(j.Missing, policies.Missing{Kind: r.rule.Each, What: what, At: &at})
	return j
}

// trails names what made a value unknown.
func trails(v ref.Val) string {
	u, ok := v.(*types.Unknown)
	if !ok {
		return "not known"
	}
	var names []string
	for _, id := range u.IDs() {
		ts, _ := u.GetAttributeTrails(id)
		for _, t := range ts {
			if !slices.Contains(names, t.String()) {
				names = append(names, t.String())
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, " and ") + ": the facts do not tell"
}

// deref gives the record that a pointer stands for.
func deref(v any) any {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && !rv.IsNil() {
		return rv.Elem().Interface()
	}
	return v
}

// placeOf is the place of a record; own where it has none.
func placeOf(rec any, own fact.Location) fact.Location {
	rv := reflect.ValueOf(rec)
	if rv.Kind() == reflect.Struct {
		if at := rv.FieldByName("At"); at.IsValid() && at.Type() == reflect.TypeFor[fact.Location]() {
			return at.Interface().(fact.Location)
		}
	}
	return own
}
