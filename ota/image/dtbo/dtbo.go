package dtbo

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxEntries is far beyond what boards have: a vendor that serves many models
	// with one image has a hundred.
	maxEntries = 4096

	maxNotes = 32
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "dtbo", Off: off, Msg: msg, Got: got, Kind: kind}
}

// A Table is what a dtbo, dtb or acpio image holds. It does not change; any
// number of goroutines may use it.
type Table struct {
	ACPI     bool   // entries are ACPI tables, no device trees
	Version  uint32 // 0 to 2
	PageSize uint32 // as stated; nothing depends on it
	Size     int64  // of the table and all entries, as stated: what follows is not the table's
	Entries  []Entry

	// Notes say what is odd about the table: at most 32, and how many more there are.
	Notes []string

	more int // notes that are not kept
}

// An Entry is one device tree, or one ACPI table.
type Entry struct {
	ID, Rev uint32
	Flags   uint32   // from version 1 on
	Custom  []uint32 // 4 in version 0, 3 in version 1, 11 in version 2

	Off, Size int64 // in the image; other entries may have the same
	Blob      blob.Blob

	// Compression is "zlib", "gzip", "lz4" (frames), or "" where there is none;
	// or "compression 7", by its number, where it is not known.
	Compression string

	// Tree is the size in bytes that the device tree says it has, which may be
	// smaller than the entry; 0 where the entry is compressed or is no device tree.
	Tree int64
}

// Open reads the table of b, and the first eight bytes of entries that are not
// compressed. Each entry is charged to bud as one.
//
// The error is a *parse.Error whose offset counts in b, or an error of reading b.
func Open(b blob.Blob, bud *parse.Budget) (*Table, error) {
	head, err := blob.ReadRange(b, 0, min(b.Size(), lenHeader))
	if err != nil {
		return nil, err
	}
	if len(head) < lenHeader {
		return nil, fail(0, parse.ErrFormat, "the file ends within the header", len(head))
	}
	word := func(off int) uint32 { return binary.BigEndian.Uint32(head[off:]) }
	t := &Table{ACPI: word(0) == magicACPIO, Version: word(offVersion), PageSize: word(24), Size: int64(word(offTotalSize))}
	need := size(t.Version)
	entries, at := word(offEntryCount), int64(word(offEntriesOffset))
	switch {
	case !t.ACPI && word(0) != magicDTBO:
		return nil, fail(0, parse.ErrFormat, "no magic of a table of device trees", word(0))
	case t.Version > maxVersion:
		return nil, fail(offVersion, parse.ErrUnsupported, "version", t.Version)
	case word(offHeaderSize) < lenHeader:
		return nil, fail(offHeaderSize, parse.ErrFormat, "the header is shorter than a header", word(offHeaderSize))
	case word(offHeaderSize) > lenHeader:
		return nil, fail(offHeaderSize, parse.ErrUnsupported, "the header is longer than that of any version", word(offHeaderSize))
	case word(offEntrySize) < need:
		return nil, fail(offEntrySize, parse.ErrFormat, "entries are shorter than those of their version", word(offEntrySize))
	case word(offEntrySize) > need:
		return nil, fail(offEntrySize, parse.ErrUnsupported, "entries are longer than those of their version", word(offEntrySize))
	case t.Size > b.Size():
		return nil, fail(offTotalSize, parse.ErrFormat, "the table is larger than the file", t.Size)
	case at < lenHeader || at > t.Size:
		return nil, fail(offEntriesOffset, parse.ErrFormat, "the entries do not lie in the table", at)
	case int64(entries) > (t.Size-at)/int64(need):
		return nil, fail(offEntryCount, parse.ErrFormat, "more entries than the table has room for", entries)
	case entries > maxEntries:
		return nil, fail(offEntryCount, parse.ErrLimit, "more than 4096 entries", entries)
	}
	if err := bud.Entry("dtbo", int64(entries)); err != nil {
		return nil, err
	}
	list, err := blob.ReadRange(b, at, int64(entries)*int64(need))
	if err != nil {
		return nil, err
	}
	t.Entries = make([]Entry, entries)
	for i := range t.Entries {
		raw := list[i*int(need):][:need]
		if err := t.entry(b, i, parse.NewCursor("dtbo", raw, at+int64(i)*int64(need))); err != nil {
			return nil, err
		}
	}
	t.overlaps(at + int64(len(list)))
	if t.more > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("and %d more", t.more))
	}
	return t, nil
}

func (t *Table) entry(b blob.Blob, i int, c *parse.Cursor) (err error) {
	e, at := &t.Entries[i], c.Offset()
	e.Size, e.Off = int64(c.U32BE()), int64(c.U32BE())
	e.ID, e.Rev = c.U32BE(), c.U32BE()
	if t.Version > 0 {
		e.Flags = c.U32BE()
	}
	e.Custom = make([]uint32, 0, c.Len()/4)
	for c.Len() > 0 {
		e.Custom = append(e.Custom, c.U32BE())
	}
	if n := e.Flags & maskCompression; int(n) < len(compressions) {
		e.Compression = compressions[n]
	} else {
		e.Compression = fmt.Sprintf("compression %d", n)
		t.note("entry %d has a compression that is not known: %d", i, n)
	}
	switch {
	case e.Off > b.Size():
		return fail(at+4, parse.ErrFormat, "an entry lies outside the file", e.Off)
	case e.Size > b.Size()-e.Off:
		return fail(at, parse.ErrFormat, "an entry runs past the end of the file", e.Size)
	case e.Off+e.Size > t.Size:
		t.note("entry %d does not end within the table's %d bytes", i, t.Size)
	}
	if e.Blob, err = blob.Section(b, e.Off, e.Size); err != nil {
		return err
	}
	if t.ACPI || e.Compression != "" {
		return nil
	}
	return t.tree(i)
}

// tree looks at the first bytes of what should be a device tree.
func (t *Table) tree(i int) error {
	e := &t.Entries[i]
	head, err := blob.ReadRange(e.Blob, 0, min(e.Size, lenTree))
	if err != nil {
		return err
	}
	if len(head) < lenTree || binary.BigEndian.Uint32(head) != magicTree {
		t.note("entry %d is no device tree", i)
		return nil
	}
	if e.Tree = int64(binary.BigEndian.Uint32(head[4:])); e.Tree > e.Size {
		t.note("the device tree of entry %d says that it has %d bytes, and there are %d", i, e.Tree, e.Size)
	}
	return nil
}

// overlaps notes entries that have bytes in common with the header and the list,
// which end at end, or with another, unless they are one and the same.
func (t *Table) overlaps(end int64) {
	order := make([]int, 0, len(t.Entries))
	for i := range t.Entries {
		if t.Entries[i].Size > 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := &t.Entries[i], &t.Entries[j]
		return cmp.Or(cmp.Compare(a.Off, b.Off), cmp.Compare(a.Size, b.Size), cmp.Compare(i, j))
	})
	last := -1 // the entry that reaches to end
	for n, i := range order {
		e := &t.Entries[i]
		if n > 0 {
			if same := &t.Entries[order[n-1]]; e.Off == same.Off && e.Size == same.Size {
				if e.Compression != same.Compression {
					t.note("entries %d and %d are the same bytes in two compressions", order[n-1], i)
				}
				continue
			}
		}
		switch {
		case e.Off >= end:
		case last < 0:
			t.note("entry %d overlaps the list of entries", i)
		default:
			t.note("entries %d and %d overlap", last, i)
		}
		if e.Off+e.Size > end {
			end, last = e.Off+e.Size, i
		}
	}
}

func (t *Table) note(format string, args ...any) {
	if len(t.Notes) == maxNotes {
		t.more++
		return
	}
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}
