// Package parse is the ground that every reader of untrusted bytes stands on:
// an error type that says which format, where and what; a cursor that cannot
// panic; counts that are bounded before they become memory; a budget that is
// counted in work; and the one spelling of names that are not plain text.
//
// It imports the standard library only.
package parse
