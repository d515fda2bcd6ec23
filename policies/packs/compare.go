package packs

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// noDowngrade compares with the older update. Evaluate makes a pass unknown
// where none was given; a package that calls itself a downgrade fails all the same.
func noDowngrade(_ context.Context, in policies.Input) ([]policies.Judgement, error) {
	var vs []policies.Violation
	var missing []policies.Missing
	meta := metadataOf(in.Facts)
	for _, key := range []string{"ota-downgrade", "spl-downgrade"} {
		for _, m := range meta[key] {
			if m.Value == "yes" {
				vs = append(vs, violation("the package calls itself a downgrade", evidence("source", m.At, "%s=%s", key, m.Value)))
			}
		}
	}
	if in.Base == nil {
		if len(vs) > 0 {
			return []policies.Judgement{fail(fact.UpdateSubject, vs...)}, nil
		}
		return []policies.Judgement{{Subject: fact.UpdateSubject, Status: policies.StatusPass}}, nil
	}
	u, base := updateOf(in.Facts), updateOf(in.Base)
	baseAt := base.At
	baseAt.Update = "base"
	another := u.Device != "" && base.Device != "" && u.Device != base.Device
	if u.Device == "" || base.Device == "" {
		missing = append(missing, policies.Missing{Kind: fact.KindUpdate, What: "for which device both updates are"})
	} else if another {
		missing = append(missing, policies.Missing{Kind: fact.KindUpdate,
			What: fmt.Sprintf("an older update of the same device: the base is for %s, the update for %s", base.Device, u.Device)})
	}
	compare := func(what, layout, now, before string) {
		n, errNow := time.Parse(layout, now)
		b, errBefore := time.Parse(layout, before)
		switch {
		case now == "" && before == "" && what == "security patch level":
			// Builds before Android 6 have none; the build time decides.
		case errNow != nil || errBefore != nil:
			missing = append(missing, policies.Missing{Kind: fact.KindUpdate,
				What: fmt.Sprintf("the %s of both updates: %q in the update, %q in its base", what, now, before)})
		case n.Before(b) && !another:
			vs = append(vs, violation(fmt.Sprintf("the update is older than its base: %s %s, before %s", what, now, before),
				evidence("source", u.At, "%s %s", what, now), evidence("source", baseAt, "%s %s", what, before)))
		}
	}
	compare("build time", time.RFC3339, u.BuildTime, base.BuildTime)
	compare("security patch level", time.DateOnly, u.SecurityPatch, base.SecurityPatch)
	if !another {
		vs = append(vs, rolledBack(in.Facts, in.Base)...)
	}
	switch {
	case len(vs) > 0:
		return []policies.Judgement{fail(fact.UpdateSubject, vs...)}, nil
	case len(missing) > 0:
		return []policies.Judgement{{Subject: fact.UpdateSubject, Status: policies.StatusUnknown, Missing: missing}}, nil
	}
	return []policies.Judgement{pass(fact.UpdateSubject, "not older than its base")}, nil
}

// rolledBack compares the rollback indexes of the vbmeta structs that both updates have: a device stores the one that it
// started with last, and starts nothing with a lower one.
func rolledBack(now, before *fact.Facts) []policies.Violation {
	stored := map[string]*fact.Signature{}
	for i := range before.Signatures {
		if s := &before.Signatures[i]; s.Scheme == schemeAVB {
			stored[s.Subject] = s
		}
	}
	var vs []policies.Violation
	for i := range now.Signatures {
		s := &now.Signatures[i]
		old := stored[s.Subject]
		if s.Scheme != schemeAVB || old == nil {
			continue
		}
		is, ok1 := rollbackIndex(s)
		was, ok2 := rollbackIndex(old)
		if !ok1 || !ok2 || is >= was {
			continue
		}
		oldAt := old.At
		oldAt.Update = "base"
		vs = append(vs, violation(fmt.Sprintf("the rollback index of %s is lower than before: a device that had the base does not start this", s.Subject),
			evidence("source", s.At, "rollback index %d", is), evidence("source", oldAt, "rollback index %d", was)))
	}
	return vs
}

func rollbackIndex(s *fact.Signature) (uint64, bool) {
	for _, n := range s.Notes {
		if text, ok := strings.CutPrefix(n, "rollback index: "); ok {
			v, err := strconv.ParseUint(text, 10, 64)
			return v, err == nil
		}
	}
	return 0, false
}
