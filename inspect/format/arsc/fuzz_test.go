package arsc_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen opens any bytes. Errors are *parse.Error, nothing panics, and the
// work of reading all is bounded by the file.
func FuzzOpen(f *testing.F) {
	for _, h := range hostiles() {
		f.Add(h.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) <= 1<<14 {
			try(t, data)
		}
	})
}

// FuzzStructure bends fields and chunks of tables that are right, and keeps the
// sizes around them right.
func FuzzStructure(f *testing.F) {
	var bases []*otatest.Chunks
	for i, b := range honest() {
		bases = append(bases, otatest.Split(b))
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

// honest are small tables, of every kind of chunk and entry between them.
func honest() [][]byte {
	return [][]byte{
		small(),
		// Offsets of 16 bits, sparse ones, compact values.
		table(pack(0x7f, spec(1, 0, 0, 0), typ(1, 1, config(64), nil, nil, simple(0, 3, 0)), typ(1, 2, config(64, lang("en")), nil, compact(0, 3, 1), compact(3, 0x10, 7)),
			spec(3, 0, 0), typ(3, 0, config(64, lang("de"), sdk(9)), bag(2, 0x7f030001, 1), bag(2, 0, 5, 6)))),
		// References to each other, to themselves, and out of the table.
		table(pack(0x7f, spec(1, 0, 0, 0, 0), typ(1, 0, config(64), simple(0, 1, 0x7f010001), simple(0, 1, 0x7f010000), simple(3, 7, 0x00010003), simple(0, 1, 0x01040000)))),
		// The framework's, with a library, who may overlay, and ids that were staged.
		table(pack(1, spec(1, 0), typ(1, 0, config(64), simple(0, 0x10, 42)), overlayable("a", 0xe, 0x01010000),
			chunkOf(0x203, le(uint32(1)), le(uint32(2), name16("lib", 128))), chunkOf(0x206, le(uint32(1)), le(uint32(0x01ff0007), uint32(0x01010000))))),
	}
}

// try opens a table twice and reads all of it: the answers are equal.
func try(t *testing.T, data []byte) {
	var a otatest.Allocations
	before := a.Read()
	first := read(t, data)
	// A configuration of 28 bytes costs 130, a value of two bytes its string of up to 256
	// anew; bags no more than twice what the bytes of their type can hold.
	if n, most := a.Read()-before, uint64(512*len(data)+otatest.AllocationNoise); n > most {
		t.Fatalf("%d bytes are allocated for %d", n, len(data))
	}
	if second := read(t, data); first != second {
		t.Fatalf("first %v, then %v", first, second)
	}
}

// An answer is what can be compared of a table quickly.
type answer struct {
	entries, items, broken, notes int
	sum                           uint64
	err                           string
}

func (a *answer) add(s string) {
	for i := range len(s) {
		a.sum = (a.sum ^ uint64(s[i])) * 1099511628211
	}
}

// check tells whether there was an error, and that it is one of ours.
func check(t *testing.T, err error) bool {
	var pe *parse.Error
	if err != nil && (!errors.As(err, &pe) || pe.Format != "arsc" || pe.Kind == nil) {
		t.Fatalf("%T: %v", err, err)
	}
	return err != nil
}

func read(t *testing.T, data []byte) (n answer) {
	table, err := arsc.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{Entries: 1 << 17}))
	if check(t, err) {
		return answer{err: err.Error()}
	}
	n.notes = len(table.Notes())
	for _, s := range table.Notes() {
		n.add(s)
	}
	request := arsc.Config{SDK: 30, Density: 320, Language: [2]byte{'e', 'n'}, Region: [2]byte{'G', 'B'}}
	for _, p := range table.Packages() {
		n.add(p.Name)
		n.items += len(p.Libraries) + len(p.Aliases)
		for _, o := range p.Overlayables {
			n.items += len(o.IDs)
		}
		for _, typ := range p.Types() {
			n.add(typ.Name)
			for i, c := range typ.Configs() {
				n.add(c.String())
				for e, err := range typ.Entries(i) {
					if n.entries++; check(t, err) {
						n.broken++
						continue
					}
					if e.Offset < 12 || e.Offset >= int64(len(data)) || len(e.Value.String) > 3*len(data) {
						t.Fatalf("%+v", e)
					}
					n.items += len(e.Items)
					n.add(e.Name)
					n.add(e.Value.Text())
					if n.entries%16 == 1 {
						best, ok, err := table.Resolve(e.ID, request)
						if !check(t, err) && ok {
							n.add(best.Value.Text())
						}
						r, _ := table.Resource(e.ID)
						n.add(r.Name)
					}
				}
			}
		}
	}
	if n.entries > len(data)/2 || n.items > len(data) {
		t.Fatalf("%+v in %d bytes", n, len(data))
	}
	if id, ok := table.Lookup("", "string", "hello"); ok {
		n.sum += uint64(id)
		check(t, func() error { _, _, err := table.Resolve(id, request); return err }())
	}
	return n
}

// The bases of the fuzz target are tables without fault, and the target bends
// what it says it does.
func TestStructure(t *testing.T) {
	for i, data := range honest() {
		c := otatest.Split(data)
		table, err := arsc.Open(blob.Bytes(c.Bent(nil)), nil)
		if err != nil || len(table.Notes()) > 0 || strings.Contains(brief(table), "!") {
			t.Errorf("base %d: %v", i, err)
		}
		seen := map[string]bool{}
		for op := range byte(64) {
			for where := range byte(80) {
				seen[fmt.Sprint(read(t, c.Bent([]byte{op, where, where, 1, 0, 0, 0})))] = true
			}
		}
		if len(seen) < 50 {
			t.Errorf("base %d: only %d different answers", i, len(seen))
		}
	}
}
