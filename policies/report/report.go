// Package report says a verdict to people and to programs.
//
// Every format is made from one model (model.go), in which each status is decided and each
// text is there, so that formats cannot differ in what they count. To add a format: a file,
// a row in Formats, golden files.
//
// Facts may come from a hostile file. Nothing of them reaches a terminal that
// would act on it: see clean.
package report

import (
	"io"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// Schema names the JSON form of a report.
const Schema = "otavet/report/v0"

// What a verdict was made from.
const (
	FromUpdate = "update" // the update was read in this run
	FromFacts  = "facts"  // stored facts were; the update was not
)

// An Input is something that the verdict depends on besides the update: a pack,
// the older update, a facts file.
type Input struct {
	Role    string `json:"role"` // pack, base, facts, …
	Name    string `json:"name"` // never a path
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// A Document is what is reported.
type Document struct {
	Version    string // of the program
	JudgedFrom string // FromUpdate or FromFacts
	Update     fact.Update
	Inputs     []Input // besides the packs, which Verdict names
	Settings   policies.Settings
	Verdict    *policies.Verdict
	Gaps       []fact.Gap
	Partitions []fact.Partition
	Apps       []fact.App

	MinSeverity policies.Severity // the table leaves milder rules out; "" shows all
	Terminal    Terminal
}

// Terminal is what the table may use. The zero value is right for a file.
type Terminal struct {
	Width int  // columns; 0: 80
	Color bool // ANSI colours, beside the words that say the same
	ASCII bool // no other characters, whatever the facts hold
}

// New makes the document of a verdict over the update that f describes.
func New(f *fact.Facts, v *policies.Verdict, s policies.Settings) *Document {
	d := &Document{JudgedFrom: FromUpdate, Settings: s, Verdict: v, Gaps: f.Gaps, Partitions: f.Partitions, Apps: f.Apps}
	if len(f.Update) > 0 {
		d.Update = f.Update[0]
	}
	return d
}

// A Format is one way to write a document.
type Format struct {
	Name  string
	Doc   string
	Write func(io.Writer, *Document) error
}

// Formats lists the formats.
func Formats() []Format {
	return []Format{
		{"table", "for people, on a terminal or in a log", writeTable},
		{"json", "for programs: " + Schema, writeJSON},
		{"sarif", "for code scanning: SARIF 2.1.0", writeSARIF},
		{"junit", "for test reports of CI: JUnit XML, in which only what counts for the exit status fails", writeJUnit},
	}
}
