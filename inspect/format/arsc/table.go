package arsc

import (
	"fmt"

	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxFile bounds what is read into memory. The framework's table, the
	// largest known, has 32 MiB.
	maxFile = 256 << 20

	// maxPackages bounds the packages of a table, whose ids are a byte.
	maxPackages = 256

	// maxTypeChunks bounds the pairs of type and configuration. The framework
	// has 20,000; each costs 100 bytes here.
	maxTypeChunks = 1 << 18

	// maxNotes is how many notes are kept.
	maxNotes = 32
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "arsc", Off: off, Msg: msg, Got: got, Kind: kind}
}

// A Value is a typed value.
type Value = chunk.Value

// A Table is a resource table. It does not change; any number of goroutines may
// use it.
type Table struct {
	b        []byte
	strings  *chunk.Pool
	packages []*Package
	aliases  map[uint32]uint32
	chunks   int
	notes    []string
	bud      *parse.Budget
}

// Open reads the table in b, its chunks' headers only; the bytes stay in memory.
// Each pair of a type and a configuration is charged to bud. The error is a
// *parse.Error, or that of a read from b.
func Open(b blob.Blob, bud *parse.Budget) (*Table, error) {
	if b.Size() > maxFile {
		return nil, fail(0, parse.ErrLimit, "larger than 256 MiB", b.Size())
	}
	p, err := blob.ReadAll(b, maxFile)
	if err != nil {
		return nil, err
	}
	t := &Table{b: p, bud: bud}
	w := chunk.Walk("arsc", p, 0)
	found := false
	for {
		c, ok := w.Next()
		if !ok {
			break
		}
		if c.Type != chunk.TypeTable {
			t.note("a chunk of type %#x at byte %#x is not a table", c.Type, c.Off)
			continue
		}
		if found {
			// LoadedArsc would read its packages too; no compiler writes a second.
			return nil, fail(c.Off, parse.ErrUnsupported, "a second table", nil)
		}
		found = true
		if err := t.table(c); err != nil {
			return nil, err
		}
	}
	if err := t.ended(w); err != nil {
		return nil, err
	}
	if !found {
		return nil, fail(0, parse.ErrFormat, "there is no table", nil)
	}
	t.bud = nil
	return t, nil
}

func (t *Table) note(format string, args ...any) {
	if len(t.notes) < maxNotes {
		t.notes = append(t.notes, fmt.Sprintf(format, args...))
	}
}

// ended judges how a walk over chunks ended.
func (t *Table) ended(w *chunk.Walker) error {
	if w.Cut() {
		t.note("what follows at byte %#x is no whole chunk", w.Offset())
	}
	return w.Err()
}

// table follows LoadedArsc::LoadTable.
func (t *Table) table(c chunk.Chunk) error {
	if len(c.Header) < lenTable {
		return fail(c.Off, parse.ErrFormat, "the header of the table is too small", len(c.Header))
	}
	count := c.Fields("arsc").U32LE()
	w := chunk.Walk("arsc", c.Body, c.Off+int64(len(c.Header)))
	for {
		c, ok := w.Next()
		if !ok {
			break
		}
		switch c.Type {
		case chunk.TypeStringPool:
			if t.strings != nil {
				t.note("a second pool of strings at byte %#x is not read", c.Off)
				continue
			}
			pool, err := chunk.OpenPool("arsc", c)
			if err != nil {
				return err
			}
			t.strings = pool
		case chunk.TypePackage:
			if uint64(len(t.packages)) >= uint64(count) {
				return fail(c.Off, parse.ErrFormat, "more packages than the table counts", count)
			}
			if len(t.packages) == maxPackages {
				return fail(c.Off, parse.ErrLimit, "more than 256 packages", nil)
			}
			p, err := t.newPackage(c)
			if err != nil {
				return err
			}
			t.packages = append(t.packages, p)
		default:
			t.note("a chunk of the unknown type %#x at byte %#x", c.Type, c.Off)
		}
	}
	if n := len(t.packages); uint64(n) < uint64(count) {
		t.note("the table counts %d packages and has %d", count, n)
	}
	return t.ended(w)
}

// Packages are the packages of the table; there may be none.
func (t *Table) Packages() []*Package { return t.packages }

// Notes say what is odd about the table and yet read.
func (t *Table) Notes() []string { return t.notes }

// A Resource is what the table says of a resource beside its values.
type Resource struct {
	ID      uint32
	Package string
	Type    string
	Name    string
	Flags   uint32 // SpecPublic, SpecStaged, and in which qualifiers its values differ
}

// Resource names the resource with the id. It is false where the table has no
// value for it in any configuration, not even a broken one.
func (t *Table) Resource(id uint32) (Resource, bool) {
	id = t.alias(id)
	for _, typ := range t.types(id) {
		for i := range typ.chunks {
			off, ok := typ.entryOffset(&typ.chunks[i], uint16(id))
			if !ok {
				continue
			}
			r := Resource{ID: id, Package: typ.pkg.Name, Type: typ.Name}
			r.Flags, _ = typ.Flags(uint16(id))
			if key, err := typ.key(&typ.chunks[i], off); err == nil {
				r.Name, _ = typ.pkg.keys.String(key)
			}
			return r, true
		}
	}
	return Resource{}, false
}

// alias translates the id that a resource had before its API was final.
func (t *Table) alias(id uint32) uint32 {
	if final, ok := t.aliases[id]; ok {
		return final
	}
	return id
}

// types gives the types that may hold the resource: more than one where two
// packages have one id.
func (t *Table) types(id uint32) []*Type {
	var types []*Type
	for _, p := range t.packages {
		if uint32(p.ID) == id>>24 {
			if typ := p.types[uint8(id>>16)]; typ != nil {
				types = append(types, typ)
			}
		}
	}
	return types
}

// Lookup gives the id of the resource with that name, as Resources.getIdentifier
// does. An empty pkg means every package.
func (t *Table) Lookup(pkg, typ, name string) (id uint32, ok bool) {
	for _, p := range t.packages {
		if pkg != "" && p.Name != pkg {
			continue
		}
		index, ok := p.typeNames.Index(typ)
		if !ok {
			continue
		}
		number := uint64(index) + 1 + uint64(p.TypeIDOffset)
		key, ok := p.keys.Index(name)
		if !ok || number > 0xff || p.types[number] == nil {
			continue
		}
		if entry, ok := p.types[number].find(key); ok {
			return uint32(p.ID)<<24 | uint32(number)<<16 | uint32(entry), true
		}
	}
	return 0, false
}
