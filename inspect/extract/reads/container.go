package reads

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A container is DEX files that are loaded together, and what else is needed to
// understand them.
type container struct {
	file       *inspect.File
	open       opener
	app        string // package; "" code of no app
	appUnknown bool   // there is a manifest, and it could not be read
	subjects   []fact.Subject
	files      []*file
	table      table
	facts      fact.Facts

	classes map[string]class // built when it is first asked for
	gaps    int              // also those beyond maxGaps
	flow    flow             // of the method that is looked at
	// What may still be read, kept and followed.
	bytesLeft, unitsLeft, flowLeft, textLeft int64
}

// A file is one DEX file of a container.
type file struct {
	*dex.File
	at      fact.Location
	getters map[uint32]*getter
	isHit   []bool          // by method: a getter, or a wrapper
	strings map[uint32]bool // methods that answer a string resource
	calls   map[uint32]*wrapper
	hits    []method
	// What the code of a class writes: its static fields by class, name and type, however it calls them.
	written map[dex.FieldID]bool
	broken  map[uint32]bool // types whose class could not be read to its end
	statics map[uint32]value
	fields  map[field]uint32 // by name, of the classes that are listed
	listed  map[uint32]bool

	names, protos map[uint32]string // those that were spelled
	index         int64             // in the container
}

// A method is one that reads something, or calls one that does. Millions can be had in a hostile file.
type method struct {
	dex.EncodedMethod
	class uint32 // index of its definition
}

// Bounds of one container.
const (
	// maxDex and maxBytes bound its DEX files, which are in memory together. One that has all of its 65536 types
	// and methods takes some 16 MiB, and an app has up to some tens.
	maxDex, maxBytes = 128 << 20, 512 << 20
	// maxUnits bounds its code, in units of two bytes, and so the instructions that are visited: eight times
	// the instructions of a whole ROM of 2014, which had 8 million.
	maxUnits = 64 << 20
	// maxText bounds the facts about it, in bytes: some hundred thousand reads, where the containers of the
	// test data have up to some hundred.
	maxText = 64 << 20
	// maxGaps bounds the gaps: a file in which more is broken is broken as a whole.
	maxGaps = 32
)

func newContainer(f *inspect.File) *container {
	c := &container{file: f, bytesLeft: maxBytes, unitsLeft: maxUnits, flowLeft: maxFlow, textLeft: maxText}
	if f.At.Partition != "" {
		id := f.At.Device
		if id == "" {
			id = fact.Location{Partition: f.At.Partition, Slot: f.At.Slot, Path: f.At.Path}.String()
		}
		c.subjects = []fact.Subject{{Kind: "file", ID: id}}
	}
	return c
}

// with opens a file by name for as long as use runs.
func (c *container) with(ctx context.Context, name string, use func(blob.Blob, fact.Location) error) error {
	b, at, close, err := c.open(ctx, name)
	if err != nil {
		return err
	}
	defer close()
	return use(b, at)
}

// gap says that something could not be looked at. err is the reason.
func (c *container) gap(at fact.Location, err error) {
	if c.gaps++; c.gaps > maxGaps {
		return
	}
	g := inspect.GapOf(at, fmt.Errorf("reads: %w", err), fact.KindDefaults, fact.KindSettings)
	g.Subjects = c.subjects
	c.facts.Gaps = append(c.facts.Gaps, g)
}

func limit(msg string, got any) error {
	return &parse.Error{Format: "dex", Off: -1, Msg: msg, Got: got, Kind: parse.ErrLimit}
}

// errFull ends the search: there are more facts than are kept.
var errFull = limit("the code holds more reads than are kept", nil)

// scan reads the named files and finds what they read.
func (c *container) scan(ctx context.Context, names []string) (fact.Facts, error) {
	if err := c.load(ctx, names); err != nil {
		return c.facts, err
	}
	err := c.find(ctx)
	more := c.gaps - maxGaps
	c.gaps = 0 // for the two that must not be lost
	if more > 0 {
		c.gap(c.file.At, fmt.Errorf("%d more classes and values could not be read", more))
	}
	if errors.Is(err, errFull) {
		c.gap(c.file.At, err)
		err = nil
	}
	return c.facts, err
}

// load opens the files. One that cannot be read leaves the others.
func (c *container) load(ctx context.Context, names []string) error {
	for _, name := range names {
		var files []*dex.File
		err := c.with(ctx, name, func(b blob.Blob, at fact.Location) error {
			if b.Size() > c.bytesLeft {
				return limit("more bytes of DEX files than are read together", b.Size())
			}
			c.bytesLeft -= b.Size()
			data, err := blob.ReadAll(blob.WithContext(ctx, b), maxDex)
			if err != nil {
				return err
			}
			if files, err = dex.Open(data, c.file.Budget); err != nil {
				return err
			}
			for _, f := range files {
				if f.CodeUnits > c.unitsLeft {
					return limit("more code than is searched", f.CodeUnits)
				}
				c.unitsLeft -= f.CodeUnits
				c.files = append(c.files, &file{File: f, at: at, index: int64(len(c.files)),
					written: map[dex.FieldID]bool{}, broken: map[uint32]bool{}, statics: map[uint32]value{}, fields: map[field]uint32{},
					listed: map[uint32]bool{}, names: map[uint32]string{}, protos: map[uint32]string{}})
			}
			return nil
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			c.gap(c.file.At, fmt.Errorf("%s: %w", name, err))
		}
	}
	return nil
}

// find walks over all code twice: for reads, and, where methods pass on what they are called with, for their
// callers.
func (c *container) find(ctx context.Context) error {
	any := false
	for _, f := range c.files {
		f.findGetters()
		f.isHit = make([]bool, f.MethodIDs.Len)
		for i := range f.getters {
			f.isHit[i] = true
		}
		if err := c.search(ctx, f, true); err != nil {
			return err
		}
		any = any || len(f.hits) > 0
	}
	if !any {
		return nil
	}
	for _, f := range c.files {
		c.findStrings(f)
	}
	if err := c.loadTable(ctx); err != nil {
		return err
	}
	var wrappers []*wrapper
	for _, f := range c.files {
		for _, m := range f.hits {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			w, err := c.reads(f, m)
			if err != nil {
				return err
			}
			if w != nil {
				wrappers = append(wrappers, w)
			}
		}
	}
	return c.callers(ctx, wrappers)
}

// loadTable loads the resources, if code asks for any.
func (c *container) loadTable(ctx context.Context) error {
	needed := false
	for _, f := range c.files {
		needed = needed || len(f.strings) > 0
		for _, g := range f.getters {
			needed = needed || g.id
		}
	}
	if !needed {
		return nil
	}
	return c.table.load(ctx, c)
}

// search lists the methods of f that call one of isHit. The first time, it also tells
// what could not be read, and notes which static fields code writes.
func (c *container) search(ctx context.Context, f *file, first bool) error {
	f.hits = nil
	var data dex.ClassData
	for i := range f.ClassDefs.Len {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		def, err := f.Class(i)
		if err == nil {
			err = f.ClassData(def, &data)
		}
		if err != nil {
			if first {
				c.brokenClass(f, def, i, err)
			}
			continue
		}
		var bad error
		for _, m := range data.Methods() {
			hit, err := f.searchMethod(def, m, first)
			if err != nil {
				bad = err
			} else if hit {
				f.hits = append(f.hits, method{m, i})
			}
		}
		if bad != nil && first {
			c.brokenClass(f, def, i, bad)
		}
	}
	return nil
}

func (f *file) searchMethod(def dex.ClassDef, m dex.EncodedMethod, first bool) (hit bool, err error) {
	code, err := f.Code(m)
	if code == nil || err != nil {
		return false, err
	}
	d := code.Decoder()
	for d.Next() {
		switch op := d.Insn.Op; {
		case op >= dex.OpInvokeVirtual && op <= dex.OpInvokeInterfaceRange:
			hit = hit || f.isHit[d.Insn.Index]
		case first && op >= dex.OpSput && op <= dex.OpSputShort:
			if id, err := f.Field(d.Insn.Index); err == nil {
				id.Class = def.Type
				f.written[id] = true
			}
		}
	}
	return hit, d.Err()
}

// brokenClass says that a class could not be read.
func (c *container) brokenClass(f *file, def dex.ClassDef, i uint32, err error) {
	name := fmt.Sprintf("class %d", i)
	if def != (dex.ClassDef{}) {
		name = cmp.Or(f.typeName(def.Type), name)
		f.broken[def.Type] = true
	}
	c.gap(f.at, fmt.Errorf("%s: %w", name, err))
}
