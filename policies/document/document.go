// Package document reads the files that people write for otavet: packs of rules
// today. It is the only door to YAML.
//
// Reading is strict: a key that does not exist, a key that stands twice, and a value of
// another type are errors with the file, line and column and the lines around it. Anchors and
// aliases are refused, because a document of a hundred lines could otherwise stand for
// gigabytes, and so are tags, which nothing here needs.
//
// What a document means is not judged here.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxSize bounds a document: the built-in packs, with the facts of their tests,
	// have below 100 KiB.
	maxSize = 1 << 20
	// maxDepth bounds nesting, because the parser recurses. Facts in a test nest nine deep.
	maxDepth = 64
)

// An Error says what is wrong with a document, and where.
type Error struct {
	File         string
	Line, Column int // from 1; 0 where no place is known
	Msg          string
	Excerpt      string // the lines around it, with a caret; "" where no place is known
}

// Error gives file, line, column and message, without the excerpt.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

// A source is one document as it was read, for positions.
type source struct {
	name string
	data []byte
	file *ast.File
}

// errorAt is an error at a line and column.
func (s *source) errorAt(line, col int, format string, args ...any) *Error {
	e := &Error{File: s.name, Line: line, Column: col, Msg: parse.EscapeText(fmt.Sprintf(format, args...))}
	e.Excerpt = s.excerpt(line, col)
	return e
}

// excerpt shows a line with the one before it and a caret below its column.
func (s *source) excerpt(line, col int) string {
	lines := bytes.Split(s.data, []byte("\n"))
	if line < 1 || line > len(lines) {
		return ""
	}
	var b strings.Builder
	for n := max(1, line-1); n <= line; n++ {
		mark := " "
		if n == line {
			mark = ">"
		}
		text := []rune(strings.ReplaceAll(string(lines[n-1]), "\t", " "))
		const most = 160 // of a line, so that a hostile one does not fill the terminal
		fmt.Fprintf(&b, "%s %4d | %s\n", mark, n, parse.EscapeText(string(text[:min(len(text), most)])))
	}
	if col >= 1 && col <= 160 {
		fmt.Fprintf(&b, "       | %s^\n", strings.Repeat(" ", col-1))
	}
	return b.String()
}

// decode reads data into v, strictly.
func decode(name string, data []byte, v any) (*source, error) {
	s := &source{name: parse.EscapeText(name), data: data}
	if len(data) > maxSize {
		return nil, &Error{File: s.name, Msg: fmt.Sprintf("larger than %d bytes", maxSize)}
	}
	if line := tooDeep(data); line > 0 {
		return nil, s.errorAt(line, 1, "nested more than %d deep", maxDepth)
	}
	return s, s.guarded(func() error { return s.read(v) })
}

// guarded makes a panic of the YAML package an error of the document: version 1.19.2 panics on
// some malformed ones, such as those in testdata/fuzz.
func (s *source) guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Error{File: s.name, Msg: "not a document that can be read"}
		}
	}()
	return f()
}

func (s *source) read(v any) error {
	file, err := parser.ParseBytes(s.data, 0)
	if err != nil {
		return s.foreign(err)
	}
	s.file = file
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return &Error{File: s.name, Msg: fmt.Sprintf("%d documents, want one", documents(file))}
	}
	var found refused
	ast.Walk(&found, file.Docs[0].Body)
	if found.node != nil {
		p := found.node.GetToken().Position
		return s.errorAt(p.Line, p.Column, "anchors, aliases and tags are not allowed")
	}
	if bad := unknownKey(file.Docs[0].Body, reflect.TypeOf(v)); bad != nil {
		t := bad.GetToken()
		return s.errorAt(t.Position.Line, t.Position.Column, "unknown field %q", t.Value)
	}
	if err := yaml.NodeToValue(file.Docs[0].Body, v); err != nil {
		return s.foreign(err)
	}
	return nil
}

func documents(f *ast.File) int {
	n := 0
	for _, d := range f.Docs {
		if d.Body != nil {
			n++
		}
	}
	return n
}

// refused finds the first anchor, alias, merge or tag.
type refused struct{ node ast.Node }

// Visit is called for each node.
func (v *refused) Visit(n ast.Node) ast.Visitor {
	switch n.Type() {
	case ast.AnchorType, ast.AliasType, ast.MergeKeyType, ast.TagType:
		if v.node == nil {
			v.node = n
		}
	}
	return v
}

// foreign makes an error of the YAML package ours.
func (s *source) foreign(err error) error {
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil && ye.GetToken().Position != nil {
		p := ye.GetToken().Position
		return s.errorAt(p.Line, p.Column, "%s", ye.GetMessage())
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return &Error{File: s.name, Msg: parse.EscapeText(text)}
}

// tooDeep gives the first line at which brackets, dashes or indentation nest more
// than maxDepth deep; 0 none does. It counts too much, never too little: brackets
// in texts count as well.
func tooDeep(data []byte) int {
	depth := 0
	for i, line := range bytes.Split(data, []byte("\n")) {
		lead := 0
		for rest := line; len(rest) > 0; rest = rest[1:] {
			if !bytes.ContainsAny(rest[:1], " \t-?:") {
				break
			}
			if rest[0] != ' ' && rest[0] != '\t' {
				lead += 2
			} else {
				lead++
			}
		}
		// Each level is indented by a space at the least; real ones by two.
		if lead > 4*maxDepth {
			return i + 1
		}
		for _, c := range line {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(0, depth-1)
			}
			if depth > maxDepth {
				return i + 1
			}
		}
	}
	return 0
}

// at gives the place of the value at a path such as "$.rules[0].when"; 0, 0 where
// there is none.
func (s *source) at(path string) (line, col int, block bool) {
	s.guarded(func() error {
		p, err := yaml.PathString(path)
		if err != nil {
			return err
		}
		n, err := p.FilterFile(s.file)
		if err != nil || n == nil || n.GetToken() == nil {
			return err
		}
		line, col = n.GetToken().Position.Line, n.GetToken().Position.Column
		_, block = n.(*ast.LiteralNode)
		return nil
	})
	return line, col, block
}
