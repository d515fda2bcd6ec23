package arsc

import (
	"encoding/binary"
	"unicode/utf16"

	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/parse"
)

// A Package is one package of a table.
type Package struct {
	ID           uint8 // 0x7f of an app, 0x01 of the framework, 0 of a shared library
	Name         string
	TypeIDOffset uint8 // what is added to the ids of types, in the table of a split
	Libraries    []Library
	Overlayables []Overlayable
	Aliases      []Alias

	typeNames, keys *chunk.Pool
	types           [256]*Type // by the byte of the resource id
}

// A Library says which shared library the package byte of a reference means.
type Library struct {
	ID   uint8 // as the compiler assigned it; the device assigns its own
	Name string
}

// An Overlayable is a set of resources that others may overlay: one policy of
// one overlayable element.
type Overlayable struct {
	Name, Actor string
	Policies    uint32 // PolicyPublic and its siblings: who may
	IDs         []uint32
}

// An Alias says that the resource with the first id, given before an API was
// final, is the one with the second.
type Alias struct {
	Staged, Final uint32
}

// Types are the types of the package, by id.
func (p *Package) Types() []*Type {
	var types []*Type
	for _, t := range p.types {
		if t != nil {
			types = append(types, t)
		}
	}
	return types
}

// newPackage follows LoadedPackage::Load.
func (t *Table) newPackage(c chunk.Chunk) (*Package, error) {
	if len(c.Header) < lenPackageOld {
		return nil, fail(c.Off, parse.ErrFormat, "the header of a package is too small", len(c.Header))
	}
	h := c.Fields("arsc")
	// The id is a u32 of which the platform keeps the low byte.
	id := h.U32LE()
	if id > 0xff {
		t.note("a package has the id %#x", id)
	}
	p := &Package{ID: uint8(id), Name: text16(h.Bytes(2 * packageNameUnits))}
	typeStrings := h.U32LE()
	h.Skip(4)
	keyStrings := h.U32LE()
	h.Skip(4)
	if len(c.Header) >= lenPackage {
		offset := h.U32LE()
		if offset > 0xff {
			return nil, fail(c.Off, parse.ErrFormat, "the offset of type ids is more than a byte", offset)
		}
		p.TypeIDOffset = uint8(offset)
	}
	base := c.Off
	overlayables := map[string]bool{}
	w := chunk.Walk("arsc", c.Body, base+int64(len(c.Header)))
	for {
		c, ok := w.Next()
		if !ok {
			break
		}
		var err error
		switch c.Type {
		case chunk.TypeStringPool:
			switch c.Off - base {
			case int64(typeStrings):
				p.typeNames, err = chunk.OpenPool("arsc", c)
			case int64(keyStrings):
				p.keys, err = chunk.OpenPool("arsc", c)
			default:
				t.note("a pool of strings at byte %#x that the package does not name", c.Off)
			}
		case chunk.TypeTypeSpec:
			err = t.typeSpec(p, c)
		case chunk.TypeType:
			err = t.typeChunk(p, c)
		case chunk.TypeLibrary:
			err = t.library(p, c)
		case chunk.TypeOverlayable:
			err = t.overlayable(p, c, overlayables)
		case chunk.TypeStagedAlias:
			err = t.stagedAlias(p, c)
		case chunk.TypeFlagged:
			// Android 16: values that count only where a build's flag is set,
			// which the file does not say.
			t.note("values under a feature flag at byte %#x are not read", c.Off)
		default:
			t.note("a chunk of the unknown type %#x at byte %#x", c.Type, c.Off)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := t.ended(w); err != nil {
		return nil, err
	}
	for number, typ := range p.types {
		if typ != nil {
			typ.Name, _ = p.typeNames.String(uint32(number) - uint32(p.TypeIDOffset) - 1)
		}
	}
	return p, nil
}

// text16 is the text in a field of UTF-16, which ends at its first zero.
func text16(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

func (t *Table) library(p *Package, c chunk.Chunk) error {
	if len(c.Header) < lenLibrary {
		return fail(c.Off, parse.ErrFormat, "the header of the libraries is too small", len(c.Header))
	}
	body := parse.NewCursor("arsc", c.Body, c.Off+int64(len(c.Header)))
	n := body.Count(uint64(c.Fields("arsc").U32LE()), lenLibraryEntry, maxEntries)
	for range n {
		id, name := body.U32LE(), text16(body.Bytes(2*packageNameUnits))
		if id >= 0xff {
			return fail(c.Off, parse.ErrFormat, "the id of a library is more than a byte", id)
		}
		p.Libraries = append(p.Libraries, Library{uint8(id), name})
	}
	return body.Err()
}

func (t *Table) overlayable(p *Package, c chunk.Chunk, seen map[string]bool) error {
	if len(c.Header) < lenOverlayable {
		return fail(c.Off, parse.ErrFormat, "the header of an overlayable is too small", len(c.Header))
	}
	h := c.Fields("arsc")
	name, actor := text16(h.Bytes(2*overlayableUnits)), text16(h.Bytes(2*overlayableUnits))
	if seen[name] {
		return fail(c.Off, parse.ErrFormat, "two overlayables have one name", name)
	}
	seen[name] = true
	w := chunk.Walk("arsc", c.Body, c.Off+int64(len(c.Header)))
	for {
		c, ok := w.Next()
		if !ok {
			return t.ended(w)
		}
		if c.Type != chunk.TypeOverlayablePolicy {
			t.note("a chunk of the unknown type %#x at byte %#x", c.Type, c.Off)
			continue
		}
		if len(c.Header) < lenPolicy {
			return fail(c.Off, parse.ErrFormat, "the header of a policy is too small", len(c.Header))
		}
		h := c.Fields("arsc")
		o := Overlayable{Name: name, Actor: actor, Policies: h.U32LE()}
		body := parse.NewCursor("arsc", c.Body, c.Off+int64(len(c.Header)))
		n := body.Count(uint64(h.U32LE()), 4, maxFile/4)
		o.IDs = make([]uint32, n)
		for i := range o.IDs {
			o.IDs[i] = body.U32LE()
		}
		if err := body.Err(); err != nil {
			return err
		}
		p.Overlayables = append(p.Overlayables, o)
	}
}

func (t *Table) stagedAlias(p *Package, c chunk.Chunk) error {
	if p.ID != frameworkID {
		t.note("aliases in a package that is not the framework's are not read")
		return nil
	}
	if len(c.Header) < lenStagedAlias {
		return fail(c.Off, parse.ErrFormat, "the header of the aliases is too small", len(c.Header))
	}
	body := parse.NewCursor("arsc", c.Body, c.Off+int64(len(c.Header)))
	n := body.Count(uint64(c.Fields("arsc").U32LE()), 8, maxEntries)
	if err := body.Err(); err != nil {
		return err
	}
	finals := make(map[uint32]bool, n)
	if t.aliases == nil {
		t.aliases = make(map[uint32]uint32, n)
	}
	for range n {
		a := Alias{Staged: body.U32LE(), Final: body.U32LE()}
		_, twice := t.aliases[a.Staged]
		if twice || finals[a.Final] {
			return fail(c.Off, parse.ErrFormat, "two aliases are for one resource", a.Staged)
		}
		finals[a.Final] = true
		t.aliases[a.Staged] = a.Final
		p.Aliases = append(p.Aliases, a)
	}
	return nil
}
