package document

import (
	"bytes"
	"fmt"

	"github.com/otavet/otavet/ota/parse"
)

// APIVersion and PackKind stand at the head of a pack.
const (
	APIVersion = "otavet/policy/v1"
	PackKind   = "PolicyPack"
)

// A Pack is a pack of rules as its author wrote it.
type Pack struct {
	APIVersion string               `yaml:"apiVersion"`
	Kind       string               `yaml:"kind"`
	Metadata   Metadata             `yaml:"metadata"`
	Parameters map[string]Parameter `yaml:"parameters"`
	// Fixtures are facts that tests begin with, by name, in the form of a facts file.
	Fixtures map[string]map[string]any `yaml:"fixtures"`
	Rules    []Rule                    `yaml:"rules"`

	source *source
}

// Metadata names a pack.
type Metadata struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	Title   string `yaml:"title"`
	Facts   string `yaml:"facts"` // version of the facts that it judges: v0
}

// A Parameter is a value that the user of a pack may set.
type Parameter struct {
	Type    string `yaml:"type"` // int, string, bool or list, which is of strings
	Default any    `yaml:"default"`
	Doc     string `yaml:"doc"`
}

// A Rule is one rule.
type Rule struct {
	ID          string      `yaml:"id"`
	Title       string      `yaml:"title"`
	Severity    string      `yaml:"severity"`
	Level       string      `yaml:"level"`      // "" required
	OnUnknown   string      `yaml:"on_unknown"` // "" fail
	Waivable    *bool       `yaml:"waivable"`   // nil true
	TestKeys    bool        `yaml:"test_keys"`  // advisory where the build is not signed yet
	Base        bool        `yaml:"base"`       // it compares with the older update
	Rationale   string      `yaml:"rationale"`
	LooksAt     string      `yaml:"looks_at"`
	Remediation string      `yaml:"remediation"`
	References  []Reference `yaml:"references"`
	Needs       []string    `yaml:"needs"`

	// Either Builtin names a check that comes with the program, or the expressions say
	// what is checked.
	Builtin    string `yaml:"builtin"`
	Each       string `yaml:"each"`
	When       string `yaml:"when"`
	Violations string `yaml:"violations"`
	Undecided  string `yaml:"undecided"`
	Missing    string `yaml:"missing"` // what would settle it where Undecided holds
	Message    string `yaml:"message"` // of one violation; ${…} holds an expression
	None       string `yaml:"none"`    // the answer where nothing is a subject: pass, na or unknown
	// Schemes are those of signatures that the rule is about, or the beginnings of their names: a gap that
	// hides others only does not matter to it. None means all.
	Schemes []string `yaml:"schemes"`

	Tests []Test `yaml:"tests"`
}

// A Reference is something to read.
type Reference struct {
	Title string `yaml:"title"`
	URL   string `yaml:"url"`
	CWE   int    `yaml:"cwe"`
}

// A Test says what a rule makes of some facts.
type Test struct {
	Name string `yaml:"name"`
	// Facts are kinds of facts, beside "from", the name of a fixture whose other kinds
	// are kept, and "kinds", those that were looked for.
	Facts  map[string]any      `yaml:"facts"`
	Base   map[string]any      `yaml:"base"` // of the older update, in the same form
	Trust  map[string][]string `yaml:"trust"`
	Params map[string]any      `yaml:"params"`
	File   string              `yaml:"file"` // facts in a file beside the pack, in place of Facts
	Expect Expect              `yaml:"expect"`
}

// Expect is what a Test expects.
type Expect struct {
	Status string `yaml:"status"`
	Count  *int   `yaml:"count"` // of the subjects with that status
	Says   string `yaml:"says"`  // stands in a message or in what is missing
}

// DecodePack reads a pack. The error is an *Error.
func DecodePack(name string, data []byte) (*Pack, error) {
	var p Pack
	s, err := decode(name, data, &p)
	if err != nil {
		return nil, err
	}
	p.source = s
	return &p, nil
}

// ErrorAt is an error at the value that stands at path, such as "metadata.name" or
// "rules[2].when". Where the value is a text with lines of its own, line and column are
// counted in it, from 1; else 0.
func (p *Pack) ErrorAt(path string, line, col int, format string, args ...any) *Error {
	l, c, block := p.source.at("$." + path)
	if l == 0 {
		return &Error{File: p.source.name, Msg: parse.EscapeText(path + ": " + fmt.Sprintf(format, args...))}
	}
	switch {
	case block && line > 0:
		// The text begins on the line after its mark, indented as its first line is.
		c = p.source.indent(l+1) + col
		l += line
	case line == 1:
		c += col - 1
		if p.source.quoted(l, c-col+1) {
			c++
		}
	}
	return p.source.errorAt(l, c, "%s", fmt.Sprintf(format, args...))
}

func (s *source) line(n int) []byte {
	at := 0
	for ; n > 1; n-- {
		i := bytes.IndexByte(s.data[at:], '\n')
		if i < 0 {
			return nil
		}
		at += i + 1
	}
	rest := s.data[at:]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// indent is how many spaces a line begins with.
func (s *source) indent(n int) int {
	line := s.line(n)
	i := 0
	for i < len(line) && line[i] == ' ' {
		i++
	}
	return i
}

func (s *source) quoted(n, col int) bool {
	line := s.line(n)
	return col >= 1 && col <= len(line) && (line[col-1] == '\'' || line[col-1] == '"')
}
