package packs

import (
	"fmt"
	"slices"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// Cloud messaging, for which no vendor has to be named: what apps that send or receive
// text messages do over the network with a number, a subscriber or a message, and what the apps
// do that have a hand in it.

// messageSources are the kinds of data that make a flow part of it.
func messageSources() []string {
	return []string{"phone-number", "contact-number", "imsi", "iccid", "sms-body", "mms-body"}
}

// messagePermissions make an app one that sends or receives text messages.
func messagePermissions() []string {
	return []string{"android.permission.SEND_SMS", "android.permission.RECEIVE_SMS", "android.permission.RECEIVE_MMS",
		"android.permission.READ_SMS", "android.permission.WRITE_SMS"}
}

// optIn tells whether cloud messaging stays off until a person turns it on: no switch of it is
// on by default, nothing turns one on by itself, and every flow that starts by itself
// has a guard before it that is off by default.
func optIn(f *fact.Facts) []policies.Judgement {
	apps := messageApps(f)
	flows, switches := messageFlows(f, apps)
	if len(flows) == 0 {
		if len(apps) == 0 {
			return []policies.Judgement{na(fact.UpdateSubject, "no app of the update sends or receives text messages: %d apps looked at", len(f.Apps))}
		}
		return []policies.Judgement{pass(fact.UpdateSubject, "no cloud messaging found: %d apps looked at, %d of them send or receive text messages", len(f.Apps), len(apps))}
	}
	var out []policies.Judgement
	for _, fl := range flows {
		out = append(out, judgeFlow(fl))
	}
	for i := range f.Writes {
		if w := &f.Writes[i]; switches[switchOf(w.Store, w.App, w.Key)] != nil {
			out = append(out, judgeWrite(w, switches[switchOf(w.Store, w.App, w.Key)]))
		}
	}
	return out
}

// messageApps are the packages that send or receive text messages.
func messageApps(f *fact.Facts) map[string]bool {
	out := map[string]bool{}
	for i := range f.Permissions {
		p := &f.Permissions[i]
		if p.Use != fact.PermissionDeclares && slices.Contains(messagePermissions(), p.Name) {
			out[p.App] = true
		}
	}
	return out
}

// messageFlows are the flows of cloud messaging and, by switchOf, the values that turn its
// switches on. An app has a hand in it if a witness runs both through it and through one that has.
func messageFlows(f *fact.Facts, apps map[string]bool) ([]*fact.Flow, map[string][]string) {
	hand := map[string]bool{}
	for i := range f.Apps {
		if a := &f.Apps[i]; apps[a.Package] {
			hand[archive(a.At)] = true
		}
	}
	// Whoever was found may lead to others; each round finds one more or ends.
	for changed := true; changed; {
		changed = false
		through := func(steps []fact.Step) {
			if !slices.ContainsFunc(steps, func(s fact.Step) bool { return hand[archive(s.At)] }) {
				return
			}
			for _, s := range steps {
				if !hand[archive(s.At)] && len(s.At.Inner) > 0 {
					hand[archive(s.At)], changed = true, true
				}
			}
		}
		for i := range f.Flows {
			through(f.Flows[i].Steps)
		}
		for i := range f.Writes {
			through(f.Writes[i].Steps)
		}
	}
	var flows []*fact.Flow
	switches := map[string][]string{}
	for i := range f.Flows {
		fl := &f.Flows[i]
		if fl.Sink.Kind != "network" || !slices.Contains(messageSources(), fl.Source.Kind) || !apps[fl.App] && !hand[archive(fl.At)] {
			continue
		}
		flows = append(flows, fl)
		for _, g := range fl.Guards {
			id := switchOf(g.Store, g.App, g.Key)
			switches[id] = append(switches[id], g.Needs)
		}
	}
	return flows, switches
}

func archive(at fact.Location) string {
	return fact.Location{Partition: at.Partition, Slot: at.Slot, Path: at.Path}.String()
}

func switchOf(store, app, key string) string { return store + " " + app + " " + key }

func judgeFlow(f *fact.Flow) policies.Judgement {
	s := f.Subject()
	what := fmt.Sprintf("%s sends the %s to %s", f.App, f.Source.Kind, f.Endpoint)
	if on := guardOn(f.Guards); on != nil {
		return fail(s, policies.Violation{Message: fmt.Sprintf("%s, and %s, which lets it, is %s by default", what, on.Key, on.Needs),
			Evidence: append(witness(f.Steps, "sink", f.At), evidence("guard", on.At, "%s needs %s", on.Key, on.Needs))})
	}
	if guardedOff(f.Guards) || !automatic(f.Triggers) {
		return settled(s, f.Triggers, f.Guards, f.Certainty, f.At)
	}
	return fail(s, policies.Violation{Message: what + " by itself (" + cause(f.Triggers) + "), and nothing that is off by default stands before it",
		Evidence: witness(f.Steps, "sink", f.At)})
}

func judgeWrite(w *fact.Write, on []string) policies.Judgement {
	s := w.Subject()
	if w.Value == nil {
		return unknown(s, fact.KindWrites, &w.At, "which value %s writes to %s", w.By, w.Key)
	}
	if !slices.Contains(on, *w.Value) || guardedOff(w.Guards) || !automatic(w.Triggers) {
		return settled(s, w.Triggers, w.Guards, w.Certainty, w.At)
	}
	return fail(s, policies.Violation{Message: fmt.Sprintf("%s sets %s to %s by itself (%s), without being asked", w.By, w.Key, *w.Value, cause(w.Triggers)),
		Evidence: witness(w.Steps, "write", w.At)})
}

// settled passes what no guard and no trigger leaves open.
func settled(s fact.Subject, ts []fact.Trigger, gs []fact.Guard, certainty []string, at fact.Location) policies.Judgement {
	for _, t := range ts {
		if t.Kind == "unknown" && !guardedOff(gs) {
			return unknown(s, fact.KindFlows, &at, "what starts it")
		}
	}
	if len(ts) == 0 && !guardedOff(gs) {
		return unknown(s, fact.KindFlows, &at, "what starts it")
	}
	for i := range gs {
		if gs[i].Default == nil && !guardedOff(gs) {
			return unknown(s, fact.KindSettings, &gs[i].At, "what %s is by default", gs[i].Key)
		}
	}
	j := pass(s, "only a person starts it, or what is off by default stands before it")
	for _, c := range certainty {
		j.Assumptions = append(j.Assumptions, policies.Assumption{What: c, At: &at})
	}
	return j
}

// guardOn is the first guard whose default already lets the flow pass.
func guardOn(gs []fact.Guard) *fact.Guard {
	for i := range gs {
		if gs[i].Default != nil && *gs[i].Default == gs[i].Needs && !guardedOff(gs) {
			return &gs[i]
		}
	}
	return nil
}

func guardedOff(gs []fact.Guard) bool {
	return slices.ContainsFunc(gs, func(g fact.Guard) bool { return g.Default != nil && *g.Default != g.Needs })
}

func automatic(ts []fact.Trigger) bool {
	return slices.ContainsFunc(ts, func(t fact.Trigger) bool { return t.Kind != fact.TriggerUI && t.Kind != "unknown" })
}

func cause(ts []fact.Trigger) string {
	for _, t := range ts {
		if t.Kind != fact.TriggerUI && t.Kind != "unknown" {
			return "on " + t.Kind
		}
	}
	return "started by a person"
}

// witness makes evidence of steps, or of the place itself where there are none.
func witness(steps []fact.Step, role string, at fact.Location) []policies.Evidence {
	var out []policies.Evidence
	for i, s := range steps {
		out = append(out, policies.Evidence{Role: s.Role, Order: i + 1, At: s.At, Detail: s.Detail})
	}
	if out == nil {
		out = append(out, policies.Evidence{Role: role, Order: 1, At: at})
	}
	return out
}
