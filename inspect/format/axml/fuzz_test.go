package axml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen opens any bytes. Errors are *parse.Error, nothing panics, and what is
// read and allocated is bounded by the file.
func FuzzOpen(f *testing.F) {
	for _, h := range hostiles() {
		if len(h.data) < 4096 {
			f.Add(h.data)
		}
	}
	f.Add(rich())
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) <= 1<<14 {
			try(t, data)
		}
	})
}

// FuzzStructure bends fields and chunks of files that are right, and keeps the
// sizes around them right.
func FuzzStructure(f *testing.F) {
	bases := []*otatest.Chunks{otatest.Split(manifest()), otatest.Split(rich())}
	for i := range bases {
		f.Add(uint8(i), []byte{})
		for op := range byte(16) {
			f.Add(uint8(i), []byte{op, 6, 4, 1, 0, 0, 0, op | 0x10, 1, 3, 9, 0, 0, 0})
		}
	}
	f.Fuzz(func(t *testing.T, base uint8, edits []byte) {
		if len(edits) <= otatest.MaxEdits { // longer ones are slower and do the same
			if data := bases[int(base)%len(bases)].Bent(edits); len(data) <= 1<<14 {
				try(t, data)
			}
		}
	})
}

// rich is a file of every kind of node, in UTF-8, with types of values, comments
// and namespaces within each other.
func rich() []byte {
	text := func(n uint32) []byte { return node(0x104, n, uint16(8), uint8(0), uint8(3), n) }
	return file(pool8(append(words, strings.Repeat("long", 30))...), ids(),
		node(0x100, uint32(6), uint32(7)),
		start(2, attr(none, 5, 4, 3, 4), attr(7, 0, 8, 3, 8)), text(4),
		node(0x100, uint32(1), uint32(1)),
		start(3, attr(7, 1, none, 0x12, 0xffffffff), attr(7, 0, none, 1, 0x7f010001), attr(none, 2, none, 5, 0x1001)),
		start(0), end(0), text(8), start(1), text(0), end(1),
		end(3), node(0x101, uint32(1), uint32(1)), end(2),
		node(0x101, uint32(6), uint32(7)))
}

// try opens a file twice: the answers are equal.
func try(t *testing.T, data []byte) {
	var a otatest.Allocations
	before := a.Read()
	first := read(t, data)
	// An element of 36 bytes costs some 200, an attribute of 20 about 130; attributes that
	// overlap have a limit of their own, and strings are decoded once.
	if n, most := a.Read()-before, uint64(64*len(data)+1<<16*160+otatest.AllocationNoise); n > most {
		t.Fatalf("%d bytes are allocated for %d", n, len(data))
	}
	if second := read(t, data); first != second {
		t.Fatalf("first %v, then %v", first, second)
	}
}

// An answer is what can be compared of a file quickly.
type answer struct {
	elements, attributes, texts, notes int
	sum                                uint64
	err                                string
}

func (a *answer) add(s string) {
	for i := range len(s) {
		a.sum = (a.sum ^ uint64(s[i])) * 1099511628211
	}
}

func read(t *testing.T, data []byte) (n answer) {
	x, err := axml.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{Entries: 1 << 17}))
	if err != nil {
		var pe *parse.Error
		if !errors.As(err, &pe) || pe.Format != "axml" || pe.Kind == nil {
			t.Fatalf("%T: %v", err, err)
		}
		return answer{err: err.Error()}
	}
	if x.Root == nil || len(x.Notes) > 32 {
		t.Fatalf("%+v", x)
	}
	n.notes = len(x.Notes)
	for _, s := range x.Notes {
		n.add(s)
	}
	for _, root := range append(x.More, x.Root) {
		for e := range root.All {
			n.elements++
			n.attributes += len(e.Attributes)
			n.texts += len(e.Text)
			if e.Offset < 8 || e.Offset >= int64(len(data)) {
				t.Fatalf("offset %d", e.Offset)
			}
			n.add(e.Name)
			n.add(e.Namespace)
			// The many that share bytes are alike.
			for i := range min(len(e.Attributes), 100) {
				a := &e.Attributes[i]
				if a.Offset < 8 || a.Offset > int64(len(data)-20) {
					t.Fatalf("offset %d", a.Offset)
				}
				n.add(a.Name)
				n.add(a.Value.Text())
				n.sum += uint64(a.ResourceID)
			}
			before := 0
			for _, s := range e.Text {
				if s.Before < before || s.Before > len(e.Children) {
					t.Fatalf("text before child %d of %d", s.Before, len(e.Children))
				}
				before = s.Before
				n.add(s.String)
			}
		}
	}
	if n.elements > len(data)/36 || n.texts > len(data)/28 || n.attributes > len(data)/20+1<<16 {
		t.Fatalf("%+v in %d bytes", n, len(data))
	}
	return n
}

// The bases of the fuzz targets are files without fault, and the targets bend
// what they say they do.
func TestStructure(t *testing.T) {
	for i, data := range [][]byte{manifest(), rich()} {
		c := otatest.Split(data)
		if f, err := axml.Open(blob.Bytes(c.Bent(nil)), nil); err != nil || len(f.Notes) > 0 {
			t.Errorf("base %d: %v", i, err)
		}
		seen := map[string]bool{}
		for op := range byte(64) {
			for where := range byte(80) {
				a := read(t, c.Bent([]byte{op, where, where, 1, 0, 0, 0}))
				seen[fmt.Sprint(a)] = true
			}
		}
		if len(seen) < 100 {
			t.Errorf("base %d: only %d different answers", i, len(seen))
		}
	}
}
