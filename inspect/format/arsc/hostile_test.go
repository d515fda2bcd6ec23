package arsc_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

func put16(b []byte, off int, v uint16) []byte {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint16(b[off:], v)
	return b
}

func put32(b []byte, off int, v uint32) []byte {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint32(b[off:], v)
	return b
}

// brief is all that a table holds, in a line.
func brief(t *arsc.Table) string {
	var w strings.Builder
	for _, p := range t.Packages() {
		for _, typ := range p.Types() {
			for i, c := range typ.Configs() {
				for e, err := range typ.Entries(i) {
					fmt.Fprintf(&w, "%x %s/%s", e.ID, typ.Name, e.Name)
					if q := c.String(); q != "" {
						fmt.Fprintf(&w, " %s", q)
					}
					switch {
					case err != nil:
						fmt.Fprintf(&w, "! %v; ", err)
						continue
					case e.Bag():
						for _, item := range e.Items {
							fmt.Fprintf(&w, " %x:%s", item.Name, item.Value.Text())
						}
					default:
						fmt.Fprintf(&w, " = %s", e.Value.Text())
					}
					w.WriteString("; ")
				}
			}
		}
	}
	return strings.TrimSuffix(w.String(), "; ")
}

type hostile struct {
	name   string
	data   []byte
	refuse error
	note   string
	brief  string // a part of it
}

func hostiles() []hostile {
	good := small()
	one := func(more ...[]byte) []byte { return table(pack(0x7f, more...)) }
	ten := func(e ...[]byte) [][]byte { return append(e, nil) }
	str := typ(1, 0, config(64), simple(0, 3, 0))
	pkg := 12 + len(pool8("Hello", "Hallo", "res/a.xml"))
	// The offset of a type chunk in a table of one package with only spec(1, 0) before.
	in := pkg + 288 + len(pool16("string", "bool", "array")) + len(pool8("hello", "flag", "list", "other")) + len(spec(1, 0))
	return []hostile{
		{name: "honest", data: good, brief: "7f010000 string/hello = Hello; 7f010001 string/other = res/a.xml; 7f010000 string/hello de = Hallo; " +
			"7f020000 bool/flag = true; 7f020000 bool/flag v21 = false; 7f030000 array/list 2000000:5 2000001:6 2000002:7"},
		{name: "empty", data: nil, refuse: parse.ErrFormat},
		{name: "no table", data: pool8("x"), refuse: parse.ErrFormat},
		{name: "no packages", data: table()},
		{name: "packages counted that are not there", data: put32(table(), 8, 5), note: "counts 5 packages and has 0"},
		{name: "more packages than counted", data: put32(good, 8, 0), refuse: parse.ErrFormat},
		{name: "two packages of one id", data: table(pack(0x7f, spec(1, 0), str), pack(0x7f, spec(1, 0), str)), brief: "string/hello = Hello; 7f010000 string/hello = Hello"},
		{name: "package id 0", data: table(pack(0, spec(1, 0), str)), brief: "10000 string/hello = Hello"},
		{name: "package id 0x17f", data: table(pack(0x17f, spec(1, 0), str)), note: "has the id 0x17f", brief: "7f010000 string/hello"},
		{name: "package header too small", data: put16(good, pkg+2, 280), refuse: parse.ErrFormat},
		{name: "type id offset", data: put32(one(spec(1, 0), str), pkg+284, 3), brief: "7f040000 string/hello = Hello"},
		{name: "type id offset too large", data: put32(one(spec(1, 0), str), pkg+284, 256), refuse: parse.ErrFormat},
		{name: "type id offset past a byte", data: put32(one(spec(1, 0), str), pkg+284, 255), refuse: parse.ErrFormat},
		{name: "type id 0", data: one(spec(0, 0)), refuse: parse.ErrFormat},
		{name: "type before its flags", data: one(str, spec(1, 0)), refuse: parse.ErrFormat},
		{name: "flags twice", data: one(spec(1, 0), str, spec(1, 0, 0, 0)), note: "second list of flags", brief: "= Hello"},
		{name: "more entries than 65535", data: put32(one(spec(1, 0), str), in+12, 1<<16), refuse: parse.ErrFormat},
		{name: "flags of 2^32-1 entries", data: put32(one(spec(1, 0)), in-8, none), refuse: parse.ErrFormat},
		{name: "flags of more entries than fit", data: put32(one(spec(1, 0)), in-8, 1000), refuse: parse.ErrFormat},
		{name: "2^32-1 entries", data: put32(one(spec(1, 0), str), in+12, none), refuse: parse.ErrFormat},
		{name: "more entries than fit", data: put32(one(spec(1, 0), str), in+12, 1000), refuse: parse.ErrFormat},
		{name: "entries begin too late", data: put32(one(spec(1, 0), str), in+16, 0xfffffffc), refuse: parse.ErrFormat},
		{name: "entries begin at an odd place", data: put32(one(spec(1, 0), str), in+16, 89), refuse: parse.ErrFormat},
		{name: "config of no size", data: put32(one(spec(1, 0), str), in+20, 0), brief: "string/hello = Hello"},
		{name: "config of any size", data: put32(one(spec(1, 0), str), in+20, none), brief: "string/hello = Hello"},
		{name: "offset outside", data: put32(one(spec(1, 0), str), in+84, 1<<20), brief: "7f010000 string/! arsc: an entry lies outside"},
		{name: "offset near 4 GiB", data: put32(one(spec(1, 0), str), in+84, 0xfffffff8), brief: "an entry lies outside"},
		{name: "offset odd", data: put32(one(spec(1, 0), str), in+84, 2), brief: "no multiple of four"},
		{name: "entry too small", data: one(spec(1, 0), typ(1, 0, config(64), put16(simple(0, 3, 0), 0, 4))), brief: "size of an entry is wrong"},
		{name: "entry too large", data: one(spec(1, 0), typ(1, 0, config(64), put16(simple(0, 3, 0), 0, 400))), brief: "size of an entry is wrong"},
		{name: "value too small", data: one(spec(1, 0), typ(1, 0, config(64), put16(simple(0, 3, 0), 8, 4))), brief: "size of a value is wrong"},
		{name: "bag of 2^32-1", data: one(spec(3, 0), typ(3, 0, config(64), put32(bag(2, 0, 1), 12, none))), brief: "more than 65536 items"},
		{name: "bag of one too many", data: one(spec(3, 0), typ(3, 0, config(64), put32(bag(2, 0, 1), 12, 2))), brief: "counts more than it can hold"},
		{name: "bag of a value's size", data: one(spec(3, 0), typ(3, 0, config(64), put16(bag(2, 0, 1), 0, 8))), brief: "a bag is too small"},
		{name: "bags that overlap", data: one(spec(3, 0, 0, 0, 0), overlapping()), brief: "the bags of a type overlap"},
		{name: "string and name out of range", data: one(spec(1, 0), typ(1, 0, config(64), simple(99, 3, 99))), brief: "7f010000 string/ = "},
		{name: "sparse", data: one(spec(1, 0, 0, 0), typ(1, 1, config(64), nil, nil, simple(0, 3, 0))), brief: "7f010002 string/hello = Hello"},
		{name: "sparse, an entry that its type does not count", data: one(spec(1, 0), typ(1, 1, config(64), nil, nil, simple(0, 3, 0))), brief: "7f010002 string/hello = Hello"},
		{name: "sparse, more than fit", data: put32(one(spec(1, 0), typ(1, 1, config(64), simple(0, 3, 0))), in+12, 1000), refuse: parse.ErrFormat},
		{name: "sparse, offset outside", data: put16(one(spec(1, 0), typ(1, 1, config(64), simple(0, 3, 0))), in+86, 0xfffe), brief: "7f010000 string/! arsc: an entry lies outside"},
		{name: "16-bit offset outside", data: put16(one(spec(1, 0), typ(1, 2, config(64), simple(0, 3, 0))), in+84, 0xfffe), brief: "7f010000 string/! arsc: an entry lies outside"},
		{name: "more 16-bit offsets than fit", data: put32(one(spec(1, 0), typ(1, 2, config(64), simple(0, 3, 0))), in+12, 60000), refuse: parse.ErrFormat},
		{name: "16-bit offsets", data: one(spec(1, 0, 0), typ(1, 2, config(64), ten(nil, simple(0, 3, 0))...)), brief: "7f010001 string/hello = Hello"},
		{name: "sparse and 16-bit offsets", data: one(spec(1, 0, 0), typ(1, 3, config(64), nil, simple(0, 3, 0))), brief: "7f010001 string/hello = Hello"},
		{name: "compact", data: one(spec(1, 0, 0), typ(1, 2, config(64), compact(0, 3, 1), compact(3, 0x10, 7))), brief: "7f010000 string/hello = Hallo; 7f010001 string/other = 7"},
		{name: "compact and complex", data: one(spec(1, 0), typ(1, 0, config(64), put16(compact(0, 3, 1), 2, 0x0309))), brief: "string/hello = Hallo"},
		{name: "unknown chunk", data: one(spec(1, 0), chunkOf(0x0299, nil, nil), str), note: "unknown type 0x299", brief: "= Hello"},
		{name: "values under a flag", data: one(spec(1, 0), str, chunkOf(0x0207, nil, nil)), note: "feature flag", brief: "= Hello"},
		{name: "chunk that is cut", data: one(spec(1, 0), str, []byte{1, 2, 3, 4, 255, 255, 255, 255}), note: "no whole chunk", brief: "= Hello"},
		{name: "chunk of size zero", data: one(spec(1, 0), str, make([]byte, 8)), refuse: parse.ErrFormat},
		{name: "library", data: one(chunkOf(0x203, le(uint32(1)), le(uint32(2), name16("lib", 128))))},
		{name: "more libraries than fit", data: one(chunkOf(0x203, le(uint32(9)), le(uint32(2), name16("lib", 128)))), refuse: parse.ErrFormat},
		{name: "overlayable", data: one(overlayable("a", 0xe, 0x7f010000))},
		{name: "overlayables of one name", data: one(overlayable("a", 1), overlayable("a", 2)), refuse: parse.ErrFormat},
		{name: "policy of 2^32-1", data: one(chunkOf(0x204, le(name16("a", 256), name16("", 256)), chunkOf(0x205, le(uint32(1), none), nil))), refuse: parse.ErrLimit},
		{name: "aliases of an app", data: one(chunkOf(0x206, le(uint32(1)), le(uint32(1), uint32(2)))), note: "aliases in a package"},
		{name: "aliases counted wrong", data: table(pack(1, chunkOf(0x206, le(uint32(2)), le(uint32(1), uint32(2))))), refuse: parse.ErrFormat},
		{name: "aliases for one resource", data: table(pack(1, chunkOf(0x206, le(uint32(2)), le(uint32(1), uint32(2), uint32(3), uint32(2))))), refuse: parse.ErrFormat},
	}
}

func overlayable(name string, policy uint32, ids ...uint32) []byte {
	return chunkOf(0x204, le(name16(name, 256), name16("overlay://actor", 256)), chunkOf(0x205, le(policy, uint32(len(ids))), le(ids)))
}

// overlapping is a type of four entries that are one bag.
func overlapping() []byte {
	b := typ(3, 0, config(64), bag(2, 0, make([]uint32, 64)...), bag(2, 0), bag(2, 0), bag(2, 0))
	for i := range 4 {
		b = put32(b, 84+4*i, 0)
	}
	return b
}

func TestHostile(t *testing.T) {
	for _, h := range hostiles() {
		table, err := arsc.Open(blob.Bytes(h.data), nil)
		var pe *parse.Error
		if h.refuse != nil {
			if !errors.Is(err, h.refuse) || !errors.As(err, &pe) {
				t.Errorf("%s: %v, want an error that is %v", h.name, err, h.refuse)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", h.name, err)
			continue
		}
		notes := strings.Join(table.Notes(), "\n")
		if h.note == "" && notes != "" || !strings.Contains(notes, h.note) {
			t.Errorf("%s: notes %q, want %q", h.name, notes, h.note)
		}
		if got := brief(table); !strings.Contains(got, h.brief) {
			t.Errorf("%s: %s\nwant %s", h.name, got, h.brief)
		}
	}
}

// open opens a table that must be good.
func open(t testing.TB, b []byte) *arsc.Table {
	t.Helper()
	table, err := arsc.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestResolve(t *testing.T) {
	refs := func(n int) []byte {
		flags := make([]uint32, n+1)
		var entries [][]byte
		for i := range n {
			entries = append(entries, simple(0, 1, 0x7f010000+uint32(i)+1))
		}
		return table(pack(0x7f, spec(1, flags...), typ(1, 0, config(64), append(entries, simple(0, 0x10, 42))...)))
	}
	var v21 arsc.Config
	v21.SDK = 21
	for _, tc := range []struct {
		name    string
		data    []byte
		id      uint32
		request arsc.Config
		want    string // "" for none
		kind    error
	}{
		{name: "default", data: small(), id: 0x7f010000, want: "Hello"},
		{name: "no such entry", data: small(), id: 0x7f010002},
		{name: "no such type", data: small(), id: 0x7f090000},
		{name: "no such package", data: small(), id: 0x01010000},
		{name: "a release too low", data: small(), id: 0x7f020000, want: "true"},
		{name: "a release high enough", data: small(), id: 0x7f020000, request: v21, want: "false"},
		{name: "20 references", data: refs(20), id: 0x7f010000, want: "42"},
		{name: "21 references", data: refs(21), id: 0x7f010000, kind: parse.ErrLimit},
		{name: "to itself", data: table(pack(0x7f, spec(1, 0), typ(1, 0, config(64), simple(0, 1, 0x7f010000)))), id: 0x7f010000, kind: parse.ErrFormat},
		{name: "circle of two", data: table(pack(0x7f, spec(1, 0, 0), typ(1, 0, config(64), simple(0, 1, 0x7f010001), simple(0, 1, 0x7f010000)))), id: 0x7f010000, kind: parse.ErrFormat},
		{name: "to the framework", data: table(pack(0x7f, spec(1, 0), typ(1, 0, config(64), simple(0, 1, 0x01040000)))), id: 0x7f010000, want: "@0x01040000"},
		{name: "to null", data: table(pack(0x7f, spec(1, 0), typ(1, 0, config(64), simple(0, 1, 0)))), id: 0x7f010000, want: "@null"},
		{name: "dynamic, its own package", data: table(pack(0x7f, spec(1, 0, 0), typ(1, 0, config(64), simple(0, 7, 0x00010001), simple(0, 0x10, 42)))), id: 0x7f010000, want: "42"},
		{name: "broken", data: table(pack(0x7f, spec(1, 0), typ(1, 0, config(64), put16(simple(0, 3, 0), 0, 4)))), id: 0x7f010000, kind: parse.ErrFormat},
		{name: "staged", data: table(pack(1, spec(1, 0), typ(1, 0, config(64), simple(0, 0x10, 42)), chunkOf(0x206, le(uint32(1)), le(uint32(0x01ff0007), uint32(0x01010000))))), id: 0x01ff0007, want: "42"},
	} {
		e, ok, err := open(t, tc.data).Resolve(tc.id, tc.request)
		var pe *parse.Error
		switch {
		case tc.kind != nil:
			if !errors.Is(err, tc.kind) || !errors.As(err, &pe) {
				t.Errorf("%s: %v, want an error that is %v", tc.name, err, tc.kind)
			}
		case err != nil || ok != (tc.want != "") || ok && e.Value.Text() != tc.want:
			t.Errorf("%s: %q, %v, %v; want %q", tc.name, e.Value.Text(), ok, err, tc.want)
		}
	}
}

// A device searches a sparse list as if it were sorted: what it does not find in
// one that is not, we do not find, though Entries lists it.
func TestSparseUnsorted(t *testing.T) {
	ty := typ(1, 1, config(64), nil, simple(0, 0x10, 1), simple(0, 0x10, 2), simple(0, 0x10, 3))
	for i, entry := range []uint16{1, 3, 2} {
		ty = put16(ty, 84+4*i, entry)
	}
	table := open(t, table(pack(0x7f, spec(1, 0, 0, 0, 0), ty)))
	if got, want := brief(table), "7f010001 string/hello = 1; 7f010003 string/hello = 2; 7f010002 string/hello = 3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for id, want := range map[uint32]bool{0x7f010001: true, 0x7f010002: false, 0x7f010003: true} {
		if _, ok, err := table.Resolve(id, arsc.Config{}); ok != want || err != nil {
			t.Errorf("%#x: %v, %v", id, ok, err)
		}
	}
}

// TestParents: a thousand styles, each the next one's parent, and a circle. Parents are not
// followed, so that neither costs more than one style.
func TestParents(t *testing.T) {
	const n = 1000
	flags, styles := make([]uint32, n), make([][]byte, n)
	for i := range n {
		styles[i] = bag(2, 0x7f030000+uint32(i+1)%n, uint32(i))
	}
	table := open(t, table(pack(0x7f, spec(3, flags...), typ(3, 0, config(64), styles...))))
	for _, i := range []uint32{0, 1, n - 1} {
		e, ok, err := table.Resolve(0x7f030000+i, arsc.Config{})
		if err != nil || !ok || !e.Bag() || e.Parent != 0x7f030000+(i+1)%n || len(e.Items) != 1 || e.Items[0].Value.Data != i {
			t.Errorf("style %d: %+v, %v, %v", i, e, ok, err)
		}
	}
}

func TestPackage(t *testing.T) {
	table := open(t, table(pack(0x7f, spec(1, arsc.SpecPublic, 0), typ(1, 0, config(64), simple(0, 3, 0), nil),
		chunkOf(0x203, le(uint32(1)), le(uint32(2), name16("lib", 128))), overlayable("theme", 0xe, 0x7f010000))))
	p := table.Packages()[0]
	if got, want := fmt.Sprintln(p.ID, p.Name, p.Libraries, p.Overlayables), "127 com.example [{2 lib}] [{theme overlay://actor 14 [2130771968]}]\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if r, ok := table.Resource(0x7f010000); !ok || r != (arsc.Resource{ID: 0x7f010000, Package: "com.example", Type: "string", Name: "hello", Flags: arsc.SpecPublic}) {
		t.Errorf("%+v, %v", r, ok)
	}
	if r, ok := table.Resource(0x7f010001); ok {
		t.Errorf("%+v", r)
	}
	for _, tc := range []struct {
		pkg, typ, name string
		want           uint32
	}{{"com.example", "string", "hello", 0x7f010000}, {"", "string", "hello", 0x7f010000}, {"com.other", "string", "hello", 0}, {"", "bool", "hello", 0}, {"", "string", "flag", 0}} {
		if id, ok := table.Lookup(tc.pkg, tc.typ, tc.name); id != tc.want || ok != (tc.want != 0) {
			t.Errorf("Lookup(%q, %q, %q) = %#x, %v", tc.pkg, tc.typ, tc.name, id, ok)
		}
	}
	n := 0
	for e, err := range open(t, small()).Values(0x7f010000) {
		if n++; err != nil || e.Name != "hello" {
			t.Errorf("%+v, %v", e, err)
		}
	}
	if n != 2 {
		t.Errorf("%d values", n)
	}
}
