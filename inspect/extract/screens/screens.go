// Package screens reads the preference screens of apps: which keys they show, and the value that
// each has there as long as nobody has stored another.
//
// A screen's default is that of the screen. It is stored when the screen is first shown, or where code calls
// setDefaultValues; code that reads the key before has a default of its own.
package screens

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Extractor makes one fact of each element with a key on a preference screen; where its value stands
// in a resource, one for each configuration of that.
var Extractor = &inspect.Extractor{
	Name:      "screens",
	Doc:       "defaults that preference screens declare",
	Emits:     []fact.Kind{fact.KindDefaults},
	Installed: true,
	Match:     match,
	Run:       run,
}

const (
	manifestName = "AndroidManifest.xml"
	tableName    = "resources.arsc"
)

// match takes ZIP files, some of which are apps, and the manifest of an app that is the
// update: its members are the update's, and nobody visits it as a file.
func match(at fact.Location, _ fs.FileInfo, head func() []byte) bool {
	return at.Partition == "" && len(at.Inner) == 0 && at.Path == manifestName || strings.HasPrefix(string(head()), "PK")
}

// Bounds of one app.
const (
	// maxText bounds the facts, in bytes: some hundred thousand keys, where the largest real apps
	// have a thousand.
	maxText = 64 << 20
	// factSize is what a fact takes beside its texts.
	factSize = 512
	// maxGaps bounds the gaps: an app in which more is broken is broken as a whole.
	maxGaps = 32
)

// An app is what screens are read from.
type app struct {
	file     *inspect.File
	members  fs.FS
	pkg      string
	subjects []fact.Subject
	table    *arsc.Table
	facts    fact.Facts
	gaps     int // also those beyond maxGaps
	textLeft int
	work     int // values that may still be looked at
}

func run(ctx context.Context, f *inspect.File) (fact.Facts, error) {
	a := &app{file: f, members: f.Inside, textLeft: maxText, work: maxWork}
	if f.Lone {
		a.members = f.FS
	}
	if a.members == nil {
		return a.facts, nil // a manifest that stands by itself
	}
	for _, name := range []string{manifestName, tableName} { // without the second there is no way to a screen
		if _, err := fs.Stat(a.members, name); err != nil {
			return a.facts, nil
		}
	}
	err := a.read(ctx)
	return a.facts, err
}

// read makes the facts and gaps. The error is that of ctx.
func (a *app) read(ctx context.Context) error {
	f := a.file
	if f.At.Partition != "" {
		id := f.At.Device
		if id == "" {
			id = fact.Location{Partition: f.At.Partition, Slot: f.At.Slot, Path: f.At.Path}.String()
		}
		a.subjects = []fact.Subject{{Kind: "file", ID: id}}
	}
	err := a.with(ctx, manifestName, a.manifest)
	if err == nil {
		err = a.with(ctx, tableName, func(b blob.Blob) (err error) {
			a.table, err = arsc.Open(b, f.Budget)
			return err
		})
	}
	if err == nil {
		err = a.screens(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	more := a.gaps - maxGaps
	a.gaps = 0 // for the two that must not be lost
	if more > 0 {
		a.gap(f.At, fmt.Errorf("%d more parts could not be read", more))
	}
	if err != nil {
		a.gap(f.At, err)
	}
	return nil
}

// with opens a member for as long as use runs.
func (a *app) with(ctx context.Context, name string, use func(blob.Blob) error) error {
	b, close, err := ota.OpenBlob(ctx, a.members, name, a.file.Spool)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer close()
	if err := use(b); err != nil {
		if errors.Is(err, errFull) {
			return err
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// at is the place of a member.
func (a *app) at(name string) fact.Location {
	if a.file.Lone {
		return fact.Location{Path: name}
	}
	return a.file.At.InMember(name)
}

// gap says that something could not be looked at. err is the reason.
func (a *app) gap(at fact.Location, err error) {
	if a.gaps++; a.gaps > maxGaps {
		return
	}
	g := inspect.GapOf(at, fmt.Errorf("screens: %w", err), fact.KindDefaults, fact.KindSettings)
	g.Subjects = a.subjects
	a.facts.Gaps = append(a.facts.Gaps, g)
}

// manifest reads whose preferences the screens show.
func (a *app) manifest(b blob.Blob) error {
	x, err := axml.Open(b, a.file.Budget)
	if err != nil {
		return err
	}
	pkg := x.Root.Named("", "package")
	if x.Root.Name != "manifest" || pkg == nil || pkg.Value.String == "" && pkg.Raw == "" {
		return &parse.Error{Format: "manifest", Off: x.Root.Offset, Msg: "it names no package", Kind: parse.ErrFormat}
	}
	if a.pkg = pkg.Value.String; a.pkg == "" {
		a.pkg = pkg.Raw
	}
	a.pkg = parse.EscapeText(a.pkg)
	a.subjects = []fact.Subject{fact.AppSubject(a.pkg)}
	return nil
}

// A candidate is a file that may be a screen, and the configurations for which it is meant.
type candidate struct {
	path    string
	configs []arsc.Config
}

// candidates lists the files that the table has as XML resources, which is what a screen
// must be for code to load it. The files' names tell nothing: tools that shrink apps change them.
func (a *app) candidates() []*candidate {
	var list []*candidate
	byPath := map[string]*candidate{}
	for _, p := range a.table.Packages() {
		for _, typ := range p.Types() {
			if typ.Name != "xml" {
				continue
			}
			for i, config := range typ.Configs() {
				for e, err := range typ.Entries(i) {
					if err != nil {
						a.gap(a.at(tableName), fmt.Errorf("%s: an XML resource: %w", tableName, err))
						continue
					}
					if e.Bag() || e.Value.Type != chunk.String || e.Value.String == "" {
						continue // a reference leads to another one of these
					}
					c := byPath[e.Value.String]
					if c == nil {
						c = &candidate{path: e.Value.String}
						byPath[c.path] = c
						list = append(list, c)
					}
					if !slices.Contains(c.configs, config) && len(c.configs) < maxLayers {
						c.configs = append(c.configs, config)
					}
				}
			}
		}
	}
	return list
}

// screens reads the files that are preference screens.
func (a *app) screens(ctx context.Context) error {
	for _, c := range a.candidates() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name := parse.Escape(c.path) // as the members are spelled
		err := a.with(ctx, name, func(b blob.Blob) error {
			x, err := axml.Open(b, a.file.Budget)
			if err != nil || !isScreen(x.Root) {
				return err
			}
			at := a.at(name)
			if at.SHA256, err = inspect.Hash(ctx, b, nil); err != nil {
				return err
			}
			return a.screen(x.Root, c.configs, at)
		})
		if errors.Is(err, errFull) {
			return err
		}
		if err != nil {
			a.gap(a.at(name), err)
		}
	}
	return nil
}

// errFull ends the search: there are more facts than are kept.
var errFull error = &parse.Error{Format: "screens", Off: -1, Msg: "the screens have more keys than are kept", Kind: parse.ErrLimit}

// add keeps a fact, as long as there is room.
func (a *app) add(d fact.Default) error {
	size := factSize + len(d.Resource) + len(d.Config) + len(d.Note) + len(d.At.Path)
	for _, s := range d.At.Inner {
		size += len(s)
	}
	for _, s := range []*string{d.Key, d.Value} {
		if s != nil {
			size += len(*s)
		}
	}
	if a.textLeft -= size; a.textLeft < 0 {
		return errFull
	}
	a.facts.Defaults = append(a.facts.Defaults, d)
	return nil
}
