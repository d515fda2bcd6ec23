package super_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/super"
	"github.com/otavet/otavet/ota/parse"
)

// A builder makes metadata that liblp would not, with checksums that hold. Zero
// fields make what lpmake would.
type builder struct {
	max, slots, block uint32 // of the geometry
	minor             uint16
	parts             []part
	extents           []extent
	groups            []group
	devices           []device
	header            func(h []byte) // bends the header before it is summed
	size              int            // of the image
}

type part struct {
	name                     string
	attrs, first, num, group uint32
}

type extent struct {
	n      uint64
	kind   uint32
	data   uint64
	source uint32
}

type group struct {
	name  string
	flags uint32
	max   uint64
}

type device struct {
	first           uint64
	align, alignOff uint32
	size            uint64
	name            string
	flags           uint32
}

var le = binary.LittleEndian

func (b builder) geometry() []byte {
	g := le.AppendUint32(nil, 0x616c4467)
	g = le.AppendUint32(g, 52)
	g = append(g, make([]byte, 32)...)
	for _, v := range []uint32{b.max, b.slots, b.block} {
		g = le.AppendUint32(g, v)
	}
	sum := sha256.Sum256(g)
	copy(g[8:], sum[:])
	return append(g, make([]byte, 4096-len(g))...)
}

func pad(s string) []byte { return append([]byte(s), make([]byte, 36-len(s))...) }

func (b builder) metadata() []byte {
	var tables [4][]byte
	for _, p := range b.parts {
		t := append(tables[0], pad(p.name)...)
		for _, v := range []uint32{p.attrs, p.first, p.num, p.group} {
			t = le.AppendUint32(t, v)
		}
		tables[0] = t
	}
	for _, e := range b.extents {
		t := le.AppendUint64(tables[1], e.n)
		t = le.AppendUint32(t, e.kind)
		t = le.AppendUint64(t, e.data)
		tables[1] = le.AppendUint32(t, e.source)
	}
	for _, g := range b.groups {
		t := append(tables[2], pad(g.name)...)
		t = le.AppendUint32(t, g.flags)
		tables[2] = le.AppendUint64(t, g.max)
	}
	for _, d := range b.devices {
		t := le.AppendUint64(tables[3], d.first)
		t = le.AppendUint32(t, d.align)
		t = le.AppendUint32(t, d.alignOff)
		t = le.AppendUint64(t, d.size)
		t = append(t, pad(d.name)...)
		tables[3] = le.AppendUint32(t, d.flags)
	}
	all := bytes.Join(tables[:], nil)
	size := 128
	if b.minor >= 2 {
		size = 256
	}
	h := le.AppendUint32(nil, 0x414c5030)
	h = le.AppendUint16(h, 10)
	h = le.AppendUint16(h, b.minor)
	h = le.AppendUint32(h, uint32(size))
	h = append(h, make([]byte, 32)...)
	h = le.AppendUint32(h, uint32(len(all)))
	sum := sha256.Sum256(all)
	h = append(h, sum[:]...)
	off := 0
	for i, n := range []int{52, 24, 48, 64} {
		for _, v := range []int{off, len(tables[i]) / n, n} {
			h = le.AppendUint32(h, uint32(v))
		}
		off += len(tables[i])
	}
	h = append(h, make([]byte, size-len(h))...)
	if b.header != nil {
		b.header(h)
	}
	sum = sha256.Sum256(h)
	copy(h[12:], sum[:])
	return append(h, all...)
}

// base is an image of two partitions; f changes it.
func base(f func(b *builder)) builder {
	b := builder{max: 4096, slots: 2, block: 4096, size: 81920,
		parts:   []part{{"system_a", 1, 0, 2, 1}, {"vendor_a", 1, 2, 1, 1}},
		extents: []extent{{8, 0, 56, 0}, {8, 0, 72, 0}, {8, 0, 64, 0}},
		groups:  []group{{"default", 0, 0}, {"main_a", 0, 1 << 20}},
		devices: []device{{56, 4096, 0, 81920, "super", 0}}}
	if f != nil {
		f(&b)
	}
	return b
}

func (b builder) bytes() []byte {
	out := append(make([]byte, 4096), b.geometry()...)
	out = append(out, b.geometry()...)
	one := b.metadata()
	for range min(b.slots, 64) * 2 {
		out = append(out, one...)
		out = append(out, make([]byte, max(int(b.max%(1<<21))-len(one), 0))...)
	}
	return append(out, make([]byte, max(b.size-len(out), 0))...)
}

func (b builder) empty() []byte { return append(b.geometry(), b.metadata()...) }

type hostile struct {
	name string
	b    builder
	kind error // nil: it opens
	off  int64
	msg  string
}

func hostiles() []hostile {
	const (
		geometry = 4096
		header   = 12288
		parts    = header + 128
		extents  = parts + 2*52
		groups   = extents + 3*24
		devices  = groups + 2*48
	)
	with := func(f func(b *builder)) builder { return base(f) }
	bend := func(off int, v uint32) builder {
		return base(func(b *builder) { b.header = func(h []byte) { le.PutUint32(h[off:], v) } })
	}
	F, U, L := parse.ErrFormat, parse.ErrUnsupported, parse.ErrLimit
	return []hostile{
		{"as lpmake makes it", base(nil), nil, 0, ""},
		{"10.1", with(func(b *builder) { b.minor, b.parts[0].attrs = 1, 15 }), nil, 0, ""},
		{"10.2", with(func(b *builder) { b.minor = 2 }), nil, 0, ""},
		{"no slots", with(func(b *builder) { b.slots = 0 }), F, geometry + 44, "no slots"},
		{"2^32-1 slots", with(func(b *builder) { b.slots = 1<<32 - 1 }), L, geometry + 44, "16 slots"},
		{"metadata > 512 KiB", with(func(b *builder) { b.max = 512<<10 + 512 }), L, geometry + 40, "512 KiB"},
		{"metadata of 2^32-512", with(func(b *builder) { b.max = 1<<32 - 512 }), L, geometry + 40, "512 KiB"},
		{"metadata of no whole sector", with(func(b *builder) { b.max = 4095 }), F, geometry + 40, "no multiple"},
		{"logical block size 0", with(func(b *builder) { b.block = 0 }), F, geometry + 48, "logical block size"},
		{"logical block size 100", with(func(b *builder) { b.block = 100 }), F, geometry + 48, "logical block size"},
		{"magic", bend(0, 1), F, header, "no magic of metadata"},
		{"11.0", bend(4, 11), U, header + 4, "major version"},
		{"10.3", with(func(b *builder) { b.minor = 3 }), U, header + 6, "minor version"},
		{"header of 256 in 10.0", bend(8, 256), F, header + 8, "not as long"},
		{"tables larger than the space", bend(44, 4097), F, header + 44, "larger than the space"},
		{"tables of 2^32-1", bend(44, 1<<32-1), F, header + 44, "larger than the space"},
		{"table behind all", bend(80, 1<<31), F, header + 80, "begins behind"},
		{"2^32-1 partitions", bend(84, 1<<32-1), L, parts, "more records"},
		{"more partitions than fit", bend(84, 7), F, parts, "larger than the bytes"},
		{"partitions of 53", bend(88, 53), F, header + 88, "not as long"},
		{"partitions of 0", bend(88, 0), F, header + 88, "not as long"},
		{"devices of 0", bend(124, 0), F, header + 124, "not as long"},
		{"no devices", with(func(b *builder) { b.devices = nil; b.extents = nil; b.parts = nil }), F, header + 120, "no block device"},
		{"device without a name", with(func(b *builder) { b.devices[0].name = "" }), F, devices + 24, "without a name"},
		{"device of 2^64-1", with(func(b *builder) { b.devices[0].size = 1<<64 - 1 }), F, devices + 16, "larger than any"},
		{"first sector at the end", with(func(b *builder) { b.devices[0].first = 160 }), F, devices, "no room"},
		{"first sector 2^64-1", with(func(b *builder) { b.devices[0].first = 1<<64 - 1 }), F, devices, "no room"},
		{"first sector in the metadata", with(func(b *builder) { b.devices[0].first = 55 }), F, devices, "where the metadata is"},
		{"partition without a name", with(func(b *builder) { b.parts[1].name = "" }), F, parts + 52, "without a name"},
		{"two of one name", with(func(b *builder) { b.parts[1].name = "system_a" }), F, parts + 52, "one name"},
		{"name with controls", with(func(b *builder) { b.parts[1].name = "a\x1b[2J/../b" }), nil, 0, ""},
		{"unknown attribute", with(func(b *builder) { b.minor, b.parts[1].attrs = 1, 16 }), U, parts + 52 + 36, "attributes"},
		{"attribute of 10.1 in 10.0", with(func(b *builder) { b.parts[1].attrs = 4 }), U, parts + 52 + 36, "attributes"},
		{"extents that wrap", with(func(b *builder) { b.parts[1].first, b.parts[1].num = 1<<32-1, 2 }), F, parts + 52 + 40, "not there"},
		{"extents that are not there", with(func(b *builder) { b.parts[1].num = 2 }), F, parts + 52 + 40, "not there"},
		{"group that is not there", with(func(b *builder) { b.parts[1].group = 2 }), F, parts + 52 + 48, "group that is not there"},
		{"shared extents", with(func(b *builder) { b.parts[1].first, b.parts[1].num = 0, 3 }), F, parts + 52 + 44, "share extents"},
		{"one extent for two", with(func(b *builder) { b.parts[0].num = 1; b.parts[1].first = 0 }), F, extents, "overlaps"},
		{"extents overlap", with(func(b *builder) { b.extents[2].data = 65 }), F, extents + 24, "overlaps"},
		{"one inside another", with(func(b *builder) { b.extents[0].n = 32; b.extents[1].n = 0 }), F, extents + 48, "overlaps"},
		{"before the first sector", with(func(b *builder) { b.extents[0].data = 8 }), F, extents + 12, "before the first"},
		{"behind the device", with(func(b *builder) { b.extents[1].data = 153 }), F, extents + 24 + 12, "behind its block device"},
		{"sector 2^64-1", with(func(b *builder) { b.extents[1].data = 1<<64 - 1 }), F, extents + 24 + 12, "behind its block device"},
		{"2^64-1 sectors", with(func(b *builder) { b.extents[1].n = 1<<64 - 1 }), F, extents + 24, "larger than any"},
		{"2^54 sectors", with(func(b *builder) { b.extents[1].n = 1<<54 - 1 }), F, extents + 24 + 12, "behind its block device"},
		{"unknown type", with(func(b *builder) { b.extents[1].kind = 2 }), U, extents + 24 + 8, "type of extent"},
		{"device that is not there", with(func(b *builder) { b.extents[1].source = 1 }), F, extents + 24 + 20, "not there"},
		{"zeros without end", with(func(b *builder) { b.extents[0], b.extents[1] = extent{1<<54 - 1, 1, 0, 0}, extent{1<<54 - 1, 1, 0, 0} }), F, extents + 24, "larger than any"},
		{"petabytes of zeros", with(func(b *builder) { b.extents[0] = extent{1 << 44, 1, 9, 9} }), nil, 0, ""},
		{"group that holds too much", with(func(b *builder) { b.groups[1].max = 12287 }), nil, 0, ""},
		{"device larger than the image", with(func(b *builder) { b.devices[0].size = 1 << 40; b.extents[1].data = 1 << 30 }), nil, 0, ""},
	}
}

func TestHostile(t *testing.T) {
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			data := h.b.bytes()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := super.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{}))
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%d bytes of memory", n)
			}
			if h.kind == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var pe *parse.Error
			if !errors.As(err, &pe) || !errors.Is(err, h.kind) || pe.Off != h.off || !strings.Contains(pe.Msg, h.msg) {
				t.Errorf("%v", err)
			}
			if m != nil {
				t.Error("an image beside the error")
			}
		})
	}
}

// TestLies: what opens, and is said in a note or by Blob.
func TestLies(t *testing.T) {
	notes := func(b builder) string {
		t.Helper()
		m, err := super.Open(blob.Bytes(b.bytes()), nil)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(m.Notes)
	}
	if got := notes(base(nil)); got != "[]" {
		t.Error(got)
	}
	if got := notes(base(func(b *builder) { b.groups[1].max = 12287 })); got != "[slot 0: the partitions of group main_a take 12288 bytes, its maximum is 12287]" {
		t.Error(got)
	}
	far := base(func(b *builder) { b.devices[0].size = 1 << 40; b.extents[1].data = 1 << 30 })
	if got := notes(far); got != "[the image has 81920 bytes, its metadata says 1099511627776]" {
		t.Error(got)
	}
	b := blob.Bytes(far.bytes())
	m, err := super.Open(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	one := m.Metadata()
	var pe *parse.Error
	if _, err := one.Blob(one.Partition("system_a"), b); !errors.As(err, &pe) || pe.Off != 12288+128+104+24+12 {
		t.Error(err)
	}
	if _, err := one.Blob(one.Partition("vendor_a"), b); err != nil {
		t.Error(err)
	}
	named := base(func(b *builder) { b.parts[1].name = "a\x1b[2J/../b" })
	if m := open(t, named.bytes()); m.Metadata().Partition("a%1B[2J/../b") == nil {
		t.Errorf("%+v", m.Metadata().Partitions)
	}
	zeros := base(func(b *builder) { b.extents[0] = extent{1 << 44, 1, 9, 9} })
	b = blob.Bytes(zeros.bytes())
	one = open(t, zeros.bytes()).Metadata()
	x, err := one.Blob(one.Partition("system_a"), b)
	if err != nil || x.Size() != 1<<53+4096 {
		t.Errorf("%v", err)
	}
	if n, err := x.ReadAt(make([]byte, 10), 1<<52); n != 10 || err != nil {
		t.Error(n, err)
	}
}

// TestSlots: what differs between slots is named, and no more than a few.
func TestSlots(t *testing.T) {
	one := base(nil)
	data := one.bytes()
	other := base(func(b *builder) { b.parts[0].attrs = 0; b.groups[1].max = 5 })
	copy(data[12288+4096:], other.metadata())
	copy(data[12288+3*4096:], other.metadata())
	m := open(t, data)
	if got := fmt.Sprint(m.Notes); got != "[slot 1 differs from slot 0: system_a differs slot 1: the partitions of group main_a take 12288 bytes, its maximum is 5]" {
		t.Error(got)
	}
	copy(data[12288+3*4096:], one.metadata())
	if got := open(t, data).Notes[0]; got != "slot 1: the backup differs from the primary copy: system_a differs" {
		t.Error(got)
	}
	many := base(func(b *builder) {
		b.parts = nil
		for i := range 20 {
			b.parts = append(b.parts, part{name: fmt.Sprint("p", i)})
		}
	})
	copy(data[12288+4096:], many.metadata())
	copy(data[12288+3*4096:], many.metadata())
	if got := open(t, data).Notes[0]; !strings.HasSuffix(got, "p5 is new, and more") {
		t.Error(got)
	}
}

// TestTruncated cuts images at each byte: an error where no copy of any slot
// is left, which says where.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"super_empty.img", "super-vab.img"} {
		b := fixture(t, name)
		whole := len(b)
		if name == "super-vab.img" {
			whole = 12288 + 256 + 3*52 + 2*24 + 2*48 + 64
		}
		for n := range whole {
			_, err := super.Open(blob.Bytes(b[:n]), nil)
			var pe *parse.Error
			if !errors.As(err, &pe) || pe.Off < 0 || pe.Off > int64(n) && pe.Off != 8192 || pe.Kind != parse.ErrFormat {
				t.Fatalf("%s, %d bytes: %v", name, n, err)
			}
		}
		for n := whole; n < len(b); n += 509 {
			m, err := super.Open(blob.Bytes(b[:n]), nil)
			if err != nil {
				t.Fatalf("%s, %d bytes: %v", name, n, err)
			}
			if len(m.Notes) == 0 {
				t.Fatalf("%s, %d bytes: nothing is said", name, n)
			}
			one := m.Metadata()
			if _, err := one.Blob(one.Partition("vendor_a"), blob.Bytes(b[:n])); (err == nil) != (n >= 40960+8192) {
				t.Fatalf("%s, %d bytes: %v", name, n, err)
			}
		}
	}
}

func TestBudget(t *testing.T) {
	b := blob.Bytes(base(nil).bytes()) // 2 partitions, 3 extents, 2 groups and 1 device in each of 2 slots
	if _, err := super.Open(b, parse.NewBudget(parse.Limits{Entries: 16})); err != nil {
		t.Error(err)
	}
	if _, err := super.Open(b, parse.NewBudget(parse.Limits{Entries: 15})); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}
