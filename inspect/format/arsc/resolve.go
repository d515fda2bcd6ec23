package arsc

import (
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/parse"
)

// maxReferences is how many references are followed one after another, as the
// platform does (AssetManager2::ResolveReference, kMaxIterations).
const maxReferences = 20

// Best gives the value of the resource that a device as request says would use,
// as it is stored: AssetManager2::FindEntry. It is false where no value matches.
// The error, a *parse.Error, is that of the value that would be used.
//
// The zero request is a device that nothing is known of, not even its release:
// it matches values without qualifiers, and with density alone. Set SDK, or the
// values for "v4" and later are passed over.
func (t *Table) Best(id uint32, request Config) (Entry, bool, error) {
	id = t.alias(id)
	request = request.Likely()
	var (
		in   *Type
		best *typeChunk
		at   uint32
	)
	for _, typ := range t.types(id) {
		for i := range typ.chunks {
			c := &typ.chunks[i]
			if !c.config.Match(&request) || best != nil && !c.config.BetterThan(&best.config, &request) {
				continue
			}
			if off, ok := typ.entryOffset(c, uint16(id)); ok {
				in, best, at = typ, c, off
			}
		}
	}
	if best == nil {
		return Entry{}, false, nil
	}
	e, err := in.entry(best, uint16(id), at)
	return e, err == nil, err
}

// Resolve is Best, and follows references to the value, or bag, that stands at
// their end; the Parent of a bag is not followed. Where a reference leads to what
// this table does not hold, such as a resource of the framework, the entry with that
// reference is the answer, and its Value.IsReference. References that run in a circle,
// and more than twenty in a row, are an error.
func (t *Table) Resolve(id uint32, request Config) (Entry, bool, error) {
	e, ok, err := t.Best(id, request)
	if err != nil || !ok {
		return e, false, err
	}
	var seen [maxReferences + 1]uint32
	seen[0] = t.alias(id)
	for n := 1; !e.Bag() && e.Value.IsReference(); n++ {
		next := t.alias(t.reference(e))
		for _, id := range seen[:n] {
			if id == next {
				return Entry{}, false, fail(e.Offset, parse.ErrFormat, "references run in a circle", next)
			}
		}
		if n > maxReferences {
			return Entry{}, false, fail(e.Offset, parse.ErrLimit, "more than 20 references in a row", next)
		}
		seen[n] = next
		to, ok, err := t.Best(next, request)
		if err != nil {
			return Entry{}, false, err
		}
		if !ok {
			break
		}
		e = to
	}
	return e, true, nil
}

// reference gives the id that the value of e means in this table. A dynamic
// reference with the package byte zero means the package that it stands in
// (DynamicRefTable::lookupResourceId).
func (t *Table) reference(e Entry) uint32 {
	id := e.Value.Data
	if e.Value.Type == chunk.DynamicReference && id>>24 == 0 {
		id |= e.ID & 0xff000000
	}
	return id
}
