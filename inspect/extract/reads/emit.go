package reads

import (
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/parse"
)

// A read is one call: what is known of the key and of the default.
type read struct {
	getter   *getter
	key, def value
	via      string // the wrapper that is called, if it is not the getter itself
	big      bool   // the method was too large to be followed
}

// flowOf follows the constants of a method; nil where it cannot be read, which search has told.
func (c *container) flowOf(f *file, m method) *flow {
	code, err := f.Code(m.EncodedMethod)
	if err != nil || code == nil {
		return nil
	}
	w, err := c.newFlow(f, code)
	if err != nil {
		return nil
	}
	return w
}

func invokes(in *dex.Insn) bool {
	return in.Op >= dex.OpInvokeVirtual && in.Op <= dex.OpInvokeInterfaceRange
}

// reads makes the facts of a method's own reads. Those whose key or default is the method's
// parameter make it a wrapper.
func (c *container) reads(f *file, m method) (*wrapper, error) {
	w := c.flowOf(f, m)
	if w == nil {
		return nil, nil
	}
	wrap := &wrapper{file: f, method: m}
	var err error
	w.walk(func(in *dex.Insn) {
		if err != nil || !invokes(in) || f.getters[in.Index] == nil {
			return
		}
		g := f.getters[in.Index]
		r := read{getter: g, key: w.arg(in, g.key), def: w.arg(in, g.def), big: w.big}
		err = c.emit(f, m, in, r)
		if (r.key.kind == param || r.def.kind == param) && !g.id {
			wrap.reads = append(wrap.reads, r)
		}
	})
	if err != nil || len(wrap.reads) == 0 || len(wrap.reads) > maxWrapped {
		return nil, err
	}
	return wrap, nil
}

// emit makes the facts of a read at an instruction.
func (c *container) emit(f *file, m method, in *dex.Insn, r read) error {
	if r.getter.id {
		return c.emitResource(f, m, in, r)
	}
	d := fact.Default{Store: r.getter.store, Type: r.getter.typ, Source: fact.SourceRead}
	if d.Store == fact.StorePreferences {
		d.App = c.app
	}
	var notes []string
	if r.via != "" {
		notes = append(notes, "through "+r.via)
	}
	key, note := c.key(f, r)
	if d.Key = key; note != "" {
		notes = append(notes, note)
	}
	at := c.at(f, m, in)
	if r.def.kind == resource && r.getter.def != noArgument && r.def.from == asType[r.getter.typ] {
		layers, note := c.table.values(c, uint32(r.def.n), r.def.from)
		if note != "" {
			notes = append(notes, note)
		}
		for _, l := range layers {
			e := d
			e.Value, e.Resource, e.Config, e.At = l.value, l.resource, l.config, at
			e.Note = join(notes, l.note)
			if err := c.add(e); err != nil {
				return err
			}
		}
		if len(layers) > 0 {
			return nil
		}
	} else {
		var s, note string
		ok := false
		switch {
		case r.getter.def == noArgument:
			note = r.getter.note
			if r.getter.absent != nil {
				s, ok = *r.getter.absent, true
			}
		case r.big && r.def.kind == unknown:
			note = "the default " + noteBig
		default:
			s, note, ok = c.literal(f, r.def, r.getter)
		}
		if ok {
			s = parse.EscapeText(s)
			d.Value = &s
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	d.At, d.Note = at, join(notes, "")
	return c.add(d)
}

// key is the key as text; where there is none, the note says why.
func (c *container) key(f *file, r read) (key *string, note string) {
	switch v := r.key; {
	case v.kind == param:
		return nil, "the key " + noteParam
	case v.kind == number && v.n == 0:
		return nil, "the key is null"
	case v.kind == resource && v.from == asString:
		layers, note := c.table.values(c, uint32(v.n), asString)
		if note != "" {
			return nil, "the key: " + note
		}
		for _, l := range layers {
			if l.value == nil || *l.value != *layers[0].value {
				return nil, "the key is " + l.resource + ", which has no one value"
			}
		}
		return layers[0].value, ""
	case r.big && v.kind == unknown:
		return nil, "the key " + noteBig
	}
	if s, ok := c.str(f, r.key); ok {
		s = parse.EscapeText(s)
		return &s, ""
	}
	return nil, "the key " + noteComputed
}

// emitResource makes the facts of a read of the app's own resource, and once of each of its values. Ids
// that are computed, or of other packages, say nothing of this app.
func (c *container) emitResource(f *file, m method, in *dex.Insn, r read) error {
	if r.key.kind != number || !isOwn(r.key.n) {
		return nil
	}
	id := uint32(r.key.n)
	layers, note := c.table.values(c, id, asType[r.getter.typ])
	d := fact.Default{Store: fact.StoreResource, App: c.app, Type: r.getter.typ, Source: fact.SourceRead, Note: note}
	name, named := c.table.name(id)
	if named {
		d.Key, d.Resource = &name, name
	}
	d.At = c.at(f, m, in)
	if err := c.add(d); err != nil || !named || c.table.told[id] {
		return err
	}
	c.table.told[id] = true
	for _, l := range layers {
		e := fact.Default{Store: fact.StoreResource, App: c.app, Key: &name, Type: r.getter.typ, Source: fact.SourceResource,
			Value: l.value, Resource: l.resource, Config: l.config, Note: l.note, At: c.table.at.AtOffset(l.off)}
		if err := c.add(e); err != nil {
			return err
		}
	}
	return nil
}

// at is the place of an instruction. Hostile names could hold what the text form of a
// place uses, so they are spelled as names are.
func (c *container) at(f *file, m method, in *dex.Insn) fact.Location {
	at := f.at.AtOffset(in.Off)
	at.Symbol = parse.Escape(f.symbol(m.Method))
	return at
}

// factSize is what a fact takes beside its texts.
const factSize = 512

// add keeps a fact, as long as there is room.
func (c *container) add(d fact.Default) error {
	size := factSize + len(d.Resource) + len(d.Config) + len(d.Note) + len(d.At.Symbol)
	for _, s := range []*string{d.Key, d.Value} {
		if s != nil {
			size += len(*s)
		}
	}
	if int64(size) > c.textLeft {
		return errFull
	}
	c.textLeft -= int64(size)
	if c.appUnknown && (d.Store == fact.StorePreferences || d.Store == fact.StoreResource) {
		return nil // whose they are is not known: a gap says so
	}
	c.facts.Defaults = append(c.facts.Defaults, d)
	return nil
}

func join(notes []string, last string) string {
	all := strings.Join(notes, "; ")
	if all != "" && last != "" {
		all += "; "
	}
	return all + last
}
