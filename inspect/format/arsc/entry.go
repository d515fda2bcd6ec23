package arsc

import (
	"encoding/binary"
	"iter"

	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/parse"
)

// maxItems bounds the items of a bag: the index in an array has 16 bits
// (Res_MAKEARRAY).
const maxItems = 1 << 16

// An Entry is the value of a resource in one configuration: a Value, or a bag
// (an array, a style, plurals, an attribute's definition) of Items.
type Entry struct {
	ID     uint32
	Config *Config // not to be changed
	Name   string
	Flags  uint16 // FlagComplex and its siblings
	Value  Value  // where FlagComplex is not set
	Parent uint32 // of a bag: the style that it inherits from, or 0
	Items  []Item
	Offset int64 // in the table
}

// An Item is one item of a bag.
type Item struct {
	Name  uint32 // an attribute's id; AttrType and its siblings; 0x02000000 and the index in an array
	Value Value
}

// Bag tells whether the entry has Items, and not a Value.
func (e *Entry) Bag() bool { return e.Flags&FlagComplex != 0 }

// Values gives the values of the resource in all configurations, in the order of
// the file, as they are stored: references are not followed. One that is broken
// comes with an error, a *parse.Error, and its ID and Config alone.
func (t *Table) Values(id uint32) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		id := t.alias(id)
		for _, typ := range t.types(id) {
			for i := range typ.chunks {
				c := &typ.chunks[i]
				if off, ok := typ.entryOffset(c, uint16(id)); ok && !yield(typ.entry(c, uint16(id), off)) {
					return
				}
			}
		}
	}
}

// place judges where an entry lies: p begins with it and ends with the chunk.
func (t *Type) place(c *typeChunk, off uint32) (p []byte, at int64, err error) {
	in := uint64(off) + uint64(c.entriesStart)
	at = int64(c.off) + int64(in)
	if off&3 != 0 {
		return nil, 0, fail(at, parse.ErrFormat, "an entry begins at no multiple of four", off)
	}
	if in+lenEntry > uint64(c.size) {
		return nil, 0, fail(at, parse.ErrFormat, "an entry lies outside its type", off)
	}
	return t.table.b[at : c.off+c.size], at, nil
}

// key is the number of an entry's name.
func (t *Type) key(c *typeChunk, off uint32) (uint32, error) {
	p, _, err := t.place(c, off)
	if err != nil {
		return 0, err
	}
	if binary.LittleEndian.Uint16(p[2:])&FlagCompact != 0 {
		return uint32(binary.LittleEndian.Uint16(p)), nil
	}
	return binary.LittleEndian.Uint32(p[4:]), nil
}

// entry reads an entry, as VerifyResTableEntry judges it.
func (t *Type) entry(c *typeChunk, entry uint16, off uint32) (Entry, error) {
	e := Entry{ID: uint32(t.pkg.ID)<<24 | uint32(t.ID)<<16 | uint32(entry), Config: &c.config}
	p, at, err := t.place(c, off)
	if err != nil {
		return e, err
	}
	size, flags := int(binary.LittleEndian.Uint16(p)), binary.LittleEndian.Uint16(p[2:])
	if flags&FlagCompact != 0 {
		e.Flags, e.Offset = flags, at
		e.Name, _ = t.pkg.keys.String(uint32(size))
		e.Value = t.table.value(Value{Type: chunk.Type(flags >> 8), Data: binary.LittleEndian.Uint32(p[4:])})
		e.Flags &= 0xff &^ FlagComplex // a compact entry is no bag, whatever it says
		return e, nil
	}
	if size < lenEntry || size > len(p) {
		return e, fail(at, parse.ErrFormat, "the size of an entry is wrong", size)
	}
	rest := p[size:]
	var items []byte
	var value Value
	var parent uint32
	if flags&FlagComplex == 0 {
		if len(rest) < chunk.LenValue {
			return e, fail(at, parse.ErrFormat, "there is no room for the value of an entry", len(rest))
		}
		v, declared := chunk.ReadValue(rest)
		if int(declared) < chunk.LenValue || int(declared) > len(rest) {
			return e, fail(at, parse.ErrFormat, "the size of a value is wrong", declared)
		}
		value = t.table.value(v)
	} else {
		if size < lenMapEntry {
			return e, fail(at, parse.ErrFormat, "a bag is too small", size)
		}
		if size&3 != 0 {
			return e, fail(at, parse.ErrFormat, "a bag begins at no multiple of four", size)
		}
		parent = binary.LittleEndian.Uint32(p[8:])
		n := binary.LittleEndian.Uint32(p[12:])
		if n > maxItems {
			return e, fail(at, parse.ErrLimit, "a bag has more than 65536 items", n)
		}
		if uint64(n) > uint64(len(rest))/lenMap {
			return e, fail(at, parse.ErrFormat, "a bag counts more than it can hold", n)
		}
		items = rest[:lenMap*int(n)]
	}
	e.Flags, e.Offset, e.Value, e.Parent = flags, at, value, parent
	e.Name, _ = t.pkg.keys.String(binary.LittleEndian.Uint32(p[4:]))
	if len(items) > 0 {
		e.Items = make([]Item, len(items)/lenMap)
		for i := range e.Items {
			v, _ := chunk.ReadValue(items[lenMap*i+4:])
			e.Items[i] = Item{binary.LittleEndian.Uint32(items[lenMap*i:]), t.table.value(v)}
		}
	}
	return e, nil
}

// value adds its string to v.
func (t *Table) value(v Value) Value {
	if v.Type == chunk.String {
		v.String, _ = t.strings.String(v.Data)
	}
	return v
}
