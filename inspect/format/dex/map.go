package dex

import (
	"fmt"

	"github.com/otavet/otavet/ota/parse"
)

// readMap reads the map_list at off, and holds it against the header as ART does:
// ascending offsets, no type twice, the header's tables where and as long as the
// header says, none running into the item behind it. A type that is not known
// is kept, and the first one noted; ART refuses it.
func (f *File) readMap(off int) error {
	if int64(off) < f.Off || off%4 != 0 || off == 0 || off+4 > len(f.b) {
		return fail(off, parse.ErrFormat, "no map where the header says", off)
	}
	c := parse.NewCursor("dex", f.b[off:], int64(off))
	n := c.Count(uint64(c.U32LE()), lenMapItem, 1<<16)
	if c.Err() != nil {
		return c.Err()
	}
	f.Map = make([]MapItem, 0, n)
	tables := map[uint16]*Table{
		mapStringIDItem: &f.StringIDs, mapTypeIDItem: &f.TypeIDs, mapProtoIDItem: &f.ProtoIDs, mapFieldIDItem: &f.FieldIDs,
		mapMethodIDItem: &f.MethodIDs, mapClassDefItem: &f.ClassDefs,
	}
	seen := map[uint16]bool{}
	unknown := 0
	var end uint64 // of the item before, as far as it can be told
	for i := range n {
		at := int(c.Offset())
		m := MapItem{Type: c.U16LE()}
		c.Skip(2)
		m.Len, m.Off = c.U32LE(), c.U32LE()
		what := fmt.Sprintf("map item of type %#x", m.Type)
		switch {
		case int64(m.Off) >= int64(len(f.b)):
			return fail(at, parse.ErrFormat, what+" lies outside the file", m.Off)
		case i > 0 && m.Off <= f.Map[i-1].Off:
			return fail(at, parse.ErrFormat, what+" is out of order", m.Off)
		case uint64(m.Off) < end:
			return fail(at, parse.ErrFormat, what+" overlaps the item before it", m.Off)
		case seen[m.Type]:
			return fail(at, parse.ErrFormat, what+" is there twice", nil)
		}
		seen[m.Type] = true
		f.Map = append(f.Map, m)
		width := itemWidth(m.Type)
		end = uint64(m.Off) + uint64(m.Len)*uint64(width)
		if width > 0 && end > uint64(len(f.b)) {
			return fail(at, parse.ErrFormat, what+" runs past the end of the file", m.Len)
		}
		if t := tables[m.Type]; t != nil && (*t != Table{m.Len, m.Off}) {
			return fail(at, parse.ErrFormat, what+" is not where or what the header says", m.Off)
		}
		switch {
		case m.Type == mapCallSiteIDItem:
			f.CallSiteIDs = Table{m.Len, m.Off}
		case m.Type == mapMethodHandle:
			f.MethodHandles = Table{m.Len, m.Off}
		case width == 0 && !known(m.Type):
			if unknown++; unknown == 1 {
				f.note("%s is of no known kind: ART refuses the file", what)
			}
		}
	}
	for typ, t := range tables {
		if t.Len > 0 && !seen[typ] {
			return fail(off, parse.ErrFormat, "a table of the header is missing in the map", nil)
		}
	}
	if !seen[mapHeaderItem] || !seen[mapMapList] {
		return fail(off, parse.ErrFormat, "the map lists no header or no map", nil)
	}
	return nil
}

// itemWidth is the size of the records of a map item, or zero if it varies.
func itemWidth(typ uint16) int {
	switch typ {
	case mapHeaderItem:
		return lenHeader
	case mapStringIDItem:
		return lenStringID
	case mapTypeIDItem:
		return lenTypeID
	case mapProtoIDItem:
		return lenProtoID
	case mapFieldIDItem:
		return lenFieldID
	case mapMethodIDItem:
		return lenMethodID
	case mapClassDefItem:
		return lenClassDef
	case mapCallSiteIDItem:
		return lenCallSiteID
	case mapMethodHandle:
		return lenMethodHandle
	}
	return 0
}

// known tells whether a type of varying size is one of the format's.
func known(typ uint16) bool {
	return typ >= mapMapList && typ <= mapMapList+3 || typ >= 0x2000 && typ <= mapAnnotationsDir || typ == mapHiddenAPI
}
