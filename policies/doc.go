// Package policies turns facts about an update into a verdict. It never sees the
// update itself, so a verdict can be repeated from stored facts alone.
//
//	facts ─ packs of rules ─▶ Evaluate ─▶ Verdict ─▶ report, exit status
//
// A Pack holds rules (Policy); a rule's Check looks at the facts and gives one
// Judgement per subject; Evaluate joins them to one Result per rule and to the
// Verdict. The words are few and each means one thing:
//
//	pass      looked at, and as it must be
//	fail      looked at, and not as it must be; the evidence says where
//	unknown   not, or not wholly, looked at; never counts as pass
//	na        the update does not have the thing at all
//	waived    a fail or unknown that somebody answers for
//
// # Closed on failure
//
// A rule can be wrong, so what makes a gate safe is not left to it. Evaluate
// itself sees to this, whatever a Check answers:
//
//   - Violations make a fail, on partial evidence too. Over the subjects of a rule any fail
//     is a fail, else any unknown is unknown, else it passes; all na is na.
//   - A kind of facts that the rule needs and that was not looked for, or that a
//     gap blinds for a subject, makes a pass or na of that subject unknown. A
//     subject of a gap that the rule could not even see is unknown too.
//   - No judgement at all, an error, a panic, a fail without a violation, a status
//     that no Check may give: unknown, and a defect of the pack.
//
// # Rooms
//
//	document   the only door to YAML: packs as their authors wrote them, strict
//	expr       the only door to CEL: checks made of expressions over the facts
//	packs      reads packs, runs their tests, and holds those that come with otavet
//	report     says a Verdict to people and programs
//
// This package imports the standard library and inspect/fact only.
//
// To add a rule: an entry in a pack, with tests of a fail, a pass and an unknown; a check in Go
// (packs/builtin.go) only for what expressions cannot say.
package policies
