package arsc

import (
	"encoding/binary"
	"iter"
	"sort"

	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/parse"
)

// A Type is a type of resources of a package: "string", "bool", "layout".
type Type struct {
	ID   uint8 // the second byte of the resource ids
	Name string

	table  *Table
	pkg    *Package
	flags  []byte // u32 for each entry
	chunks []typeChunk
}

// A typeChunk holds the entries of one type in one configuration.
type typeChunk struct {
	off          int // in the table
	size         int
	offsets      int // of the entries' offsets, in the chunk
	entriesStart int // in the chunk
	entryCount   int
	flags        uint8
	config       Config
}

// typeSpec begins a type.
func (t *Table) typeSpec(p *Package, c chunk.Chunk) error {
	if len(c.Header) < lenTypeSpec {
		return fail(c.Off, parse.ErrFormat, "the header of a type's flags is too small", len(c.Header))
	}
	h := c.Fields("arsc")
	id := h.U8()
	h.Skip(3)
	count := h.U32LE()
	number := int(id) + int(p.TypeIDOffset)
	switch {
	case id == 0:
		return fail(c.Off, parse.ErrFormat, "a type has the id zero", nil)
	case number > 0xff:
		return fail(c.Off, parse.ErrFormat, "the id of a type is more than a byte", number)
	case count > maxEntries:
		return fail(c.Off, parse.ErrFormat, "a type has more than 65535 entries", count)
	case int(count) > len(c.Body)/4:
		return fail(c.Off, parse.ErrFormat, "the flags of a type run past it", count)
	case p.types[number] != nil:
		t.note("a second list of flags for type %#x at byte %#x is not read", number, c.Off)
		return nil
	}
	p.types[number] = &Type{ID: uint8(number), table: t, pkg: p, flags: c.Body[:4*count]}
	return nil
}

// typeChunk adds a configuration to a type, as VerifyResTableType judges it.
func (t *Table) typeChunk(p *Package, c chunk.Chunk) error {
	if len(c.Header) < lenTypeLeast {
		return fail(c.Off, parse.ErrFormat, "the header of a type is too small", len(c.Header))
	}
	h := c.Fields("arsc")
	id, flags := h.U8(), h.U8()
	h.Skip(2)
	count, start := h.U32LE(), h.U32LE()
	width := uint64(4)
	if flags&typeOffset16 != 0 && flags&typeSparse == 0 {
		width = 2
	}
	number := int(id) + int(p.TypeIDOffset)
	switch {
	case id == 0:
		return fail(c.Off, parse.ErrFormat, "a type has the id zero", nil)
	case count > maxEntries:
		return fail(c.Off, parse.ErrFormat, "a type has more than 65535 entries", count)
	case uint64(start) < uint64(len(c.Header))+width*uint64(count):
		return fail(c.Off, parse.ErrFormat, "the entries of a type overlap their offsets", start)
	case uint64(start) > uint64(c.Size()):
		return fail(c.Off, parse.ErrFormat, "the entries of a type begin after its end", start)
	case start&3 != 0:
		return fail(c.Off, parse.ErrFormat, "the entries of a type begin at no multiple of four", start)
	case number > 0xff || p.types[number] == nil:
		return fail(c.Off, parse.ErrFormat, "a type comes before its flags", number)
	}
	if err := t.bud.Entry("arsc", 1); err != nil {
		return err
	}
	if t.chunks++; t.chunks > maxTypeChunks {
		return fail(c.Off, parse.ErrLimit, "more than 262144 pairs of type and configuration", nil)
	}
	typ := p.types[number]
	typ.chunks = append(typ.chunks, typeChunk{
		off: int(c.Off), size: c.Size(), offsets: len(c.Header), entriesStart: int(start),
		entryCount: int(count), flags: flags,
		// The config's own size counts, whatever the header's is.
		config: readConfig(c.Whole()[lenTypeFixed:]),
	})
	return nil
}

// Len is how many entries the type has; some may have no value.
func (t *Type) Len() int { return len(t.flags) / 4 }

// Flags are the flags of an entry: see Resource.
func (t *Type) Flags(entry uint16) (uint32, bool) {
	if int(entry) >= t.Len() {
		return 0, false
	}
	return binary.LittleEndian.Uint32(t.flags[4*int(entry):]), true
}

// Configs are the configurations of the type, in the order of the file; two may
// be equal.
func (t *Type) Configs() []Config {
	configs := make([]Config, len(t.chunks))
	for i := range t.chunks {
		configs[i] = t.chunks[i].config
	}
	return configs
}

// Entries gives what the type holds in the configuration Configs()[i], in the
// order of the file. An entry that is broken comes with an error, a *parse.Error, and its
// ID and Config alone. Entries that share a value are honest (aapt2 writes equal ones
// once), but it shares no bags: once these hold more than twice what the bytes of the type
// can, the last pair has an error that is parse.ErrLimit.
func (t *Type) Entries(i int) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		c := &t.chunks[i]
		items, most := 0, 2*c.size/lenMap
		for entry, off := range t.offsets(c) {
			e, err := t.entry(c, entry, off)
			if items += len(e.Items); items > most {
				yield(Entry{ID: e.ID, Config: e.Config}, fail(e.Offset, parse.ErrLimit, "the bags of a type overlap", items))
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// offsets gives the numbers of the entries that c holds and their offsets.
func (t *Type) offsets(c *typeChunk) iter.Seq2[uint16, uint32] {
	return func(yield func(uint16, uint32) bool) {
		table := t.table.b[c.off+c.offsets:]
		for i := range c.entryCount {
			entry, off := uint16(i), uint32(noEntry)
			switch {
			case c.flags&typeSparse != 0:
				entry = binary.LittleEndian.Uint16(table[4*i:])
				off = 4 * uint32(binary.LittleEndian.Uint16(table[4*i+2:]))
			case c.flags&typeOffset16 != 0:
				if o := binary.LittleEndian.Uint16(table[2*i:]); o != noEntry16 {
					off = 4 * uint32(o)
				}
			default:
				off = binary.LittleEndian.Uint32(table[4*i:])
			}
			if off != noEntry && !yield(entry, off) {
				return
			}
		}
	}
}

// entryOffset finds the offset of one entry, as GetEntryOffset does: a sparse
// list is taken to be sorted, and what a device cannot find in it is not there.
func (t *Type) entryOffset(c *typeChunk, entry uint16) (uint32, bool) {
	table := t.table.b[c.off+c.offsets:]
	i := int(entry)
	switch {
	case c.flags&typeSparse != 0:
		i = sort.Search(c.entryCount, func(i int) bool { return binary.LittleEndian.Uint16(table[4*i:]) >= entry })
		if i == c.entryCount || binary.LittleEndian.Uint16(table[4*i:]) != entry {
			return 0, false
		}
		return 4 * uint32(binary.LittleEndian.Uint16(table[4*i+2:])), true
	case i >= c.entryCount:
		return 0, false
	case c.flags&typeOffset16 != 0:
		off := binary.LittleEndian.Uint16(table[2*i:])
		return 4 * uint32(off), off != noEntry16
	}
	off := binary.LittleEndian.Uint32(table[4*i:])
	return off, off != noEntry
}

// find gives the first entry whose name has the number key.
func (t *Type) find(key uint32) (uint16, bool) {
	for i := range t.chunks {
		c := &t.chunks[i]
		for entry, off := range t.offsets(c) {
			if k, err := t.key(c, off); err == nil && k == key {
				return entry, true
			}
		}
	}
	return 0, false
}
