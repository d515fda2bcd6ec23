// Package packs holds the rules that come with otavet, as plain Go values. Packs
// that users write, in YAML with CEL expressions, are not read yet.
//
// A rule never says pass or na on something that this version cannot look at: where
// the facts are not found yet, it exists all the same, answers unknown and names
// what it misses, and keeps the gate from saying pass.
//
// baseline.go lists the rules; the other files hold what they look at, one notion
// each.
package packs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// BuiltIn lists the packs that come with otavet.
func BuiltIn() []*policies.Pack { return []*policies.Pack{Baseline()} }

// Find gives the built-in pack of that name.
func Find(name string) (*policies.Pack, bool) {
	for _, p := range BuiltIn() {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}

// digest is the SHA-256 over what a pack declares. What its checks do is part of
// the program, whose version stands in each report.
func digest(p *policies.Pack) string {
	type rule struct {
		ID, Title, Rationale, LooksAt, Remedy string
		References                            []policies.Reference
		Severity                              policies.Severity
		Level                                 policies.Level
		OnUnknown                             policies.OnUnknown
		Waivable, TestKeys, NeedsBase         bool
		Needs                                 []fact.Kind
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	// Neither can fail: these are strings and a hash.
	enc.Encode([]string{p.Name, p.Version, p.Title})
	for _, r := range p.Policies {
		enc.Encode(rule{r.ID, r.Title, r.Rationale, r.LooksAt, r.Remedy, r.References, r.Severity, r.Level,
			r.OnUnknown, r.Waivable, r.TestKeys, r.NeedsBase, r.Needs})
	}
	return hex.EncodeToString(h.Sum(nil))
}
