// Package fact is the contract between the half of otavet that looks (ota,
// inspect) and the half that judges (policies): what was found out about an
// update, as plain data with one JSON form, "otavet/facts/v0".
//
// A fact says what is, never whether that is good, and each says where it can
// be checked (Location). What could not be looked at is a fact too (Gap), with
// the kinds of facts and the subjects that it may have hidden.
//
// The JSON Schema of the form lies in the file facts-v0.schema.json beside this
// package; a test holds both against each other.
//
// To add a kind: a struct here, a slice in Facts, a constant in All, a line in
// Merge and one in Sort, an entry in the schema. The reflection test fails until
// all of them are there.
//
// The package imports the standard library only.
package fact
