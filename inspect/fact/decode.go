package fact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDecode is the size, in bytes, of the largest facts file that Decode reads:
// above what a ROM of 500 apps and 10^5 files makes, and small enough to decode
// in memory.
const MaxDecode = 512 << 20

// Decode reads the JSON form. A facts file is as untrusted as an update: unknown
// fields, another schema, a kind without a name, text that could not be
// printed, names that Locations cannot hold and more than one update are errors.
func Decode(r io.Reader) (*Facts, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxDecode+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxDecode {
		return nil, fmt.Errorf("facts: larger than %d bytes", MaxDecode)
	}
	if err := checkText(data); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var f Facts
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("facts: more than one value")
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	f.Sort()
	return &f, nil
}

// checkText refuses what no facts of ours hold: bytes that are no UTF-8, which
// encoding/json would silently replace, and characters that do not print, whether
// they stand there or are written \u00XX.
func checkText(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("facts: not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("facts: %w", err)
		}
		s, ok := tok.(string)
		if !ok {
			continue
		}
		if i := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			return fmt.Errorf("facts: a text holds a character that does not print, near byte %d", dec.InputOffset())
		}
	}
}

func (f *Facts) check() error {
	if f.Schema != Schema {
		return fmt.Errorf("schema %q, want %q", f.Schema, Schema)
	}
	if len(f.Update) != 1 {
		return fmt.Errorf("%d records of the update, want one", len(f.Update))
	}
	for _, k := range f.Kinds {
		if !hasSlice(k) {
			return fmt.Errorf("kind %q is not one of these facts", k)
		}
	}
	for _, g := range f.Gaps {
		switch g.Cause {
		case CauseFormat, CauseUnsupported, CauseLimit, CauseMissing, CauseUndecided:
		default:
			return fmt.Errorf("a gap of kind %q", g.Cause)
		}
	}
	return nil
}

func hasSlice(k Kind) bool {
	for _, have := range All() {
		if k == have {
			return true
		}
	}
	return false
}

// UnmarshalJSON reads the fields. The text form beside them is dropped: it
// follows from the fields.
func (l *Location) UnmarshalJSON(data []byte) error {
	type plain Location
	var v struct {
		plain
		Text json.RawMessage `json:"text"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		return err
	}
	*l = Location(v.plain)
	if l.Update != "" && l.Update != "base" {
		return fmt.Errorf("a location in %q: only the update and its base exist", l.Update)
	}
	names := append([]string{l.Partition, l.Slot, l.Path, l.Device}, l.Inner...)
	for _, n := range append(names, l.Outer...) {
		if strings.ContainsAny(n, "!#:") {
			return fmt.Errorf("a name in a location holds one of the characters that separate them")
		}
	}
	if l.Offset != nil && *l.Offset < 0 || l.Line != nil && *l.Line < 0 {
		return errors.New("a location's offset or line is negative")
	}
	return nil
}
