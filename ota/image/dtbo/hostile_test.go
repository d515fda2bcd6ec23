package dtbo_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/dtbo"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

type hostile struct {
	name string
	data []byte
	kind error // nil: it opens
	off  int64
	says string // in the error, or all notes
}

// set gives a committed image with other words: pairs of offset and value.
func set(t testing.TB, name string, words ...uint32) []byte {
	b := fixture(t, name+".img")
	for i := 0; i < len(words); i += 2 {
		binary.BigEndian.PutUint32(b[words[i]:], words[i+1])
	}
	return b
}

// table is one that no tool makes: the words of its entries.
func table(version, size uint32, entries ...[]uint32) []byte {
	total := 32 + uint32(len(entries))*size
	head := []uint32{0xd7b7ab1e, total, 32, size, uint32(len(entries)), 32, 2048, version}
	var b []byte
	for _, words := range append([][]uint32{head}, entries...) {
		row := make([]byte, max(32, size))
		if len(b) == 0 {
			row = row[:32]
		}
		for i, w := range words {
			binary.BigEndian.PutUint32(row[4*i:], w)
		}
		b = append(b, row...)
	}
	return b
}

func hostiles(t testing.TB) []hostile {
	F, U, L := parse.ErrFormat, parse.ErrUnsupported, parse.ErrLimit
	const all = 1<<32 - 1
	many := func(n int, entry ...uint32) []byte {
		list := make([][]uint32, n)
		for i := range list {
			list[i] = entry
		}
		return table(0, 32, list...)
	}
	v2 := table(2, 64, []uint32{0, 96, 1, 2, 0xf1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
	return []hostile{
		{"empty", nil, F, 0, "ends within the header"},
		{"magic alone", []byte{0xd7, 0xb7, 0xab, 0x1e}, F, 0, "ends within the header"},
		{"no magic", make([]byte, 4096), F, 0, "no magic"},
		{"a device tree alone", append([]byte{0xd0, 0x0d, 0xfe, 0xed}, make([]byte, 40)...), F, 0, "no magic"},
		{"no entries", table(0, 32), nil, 0, ""},
		{"version 2", v2, nil, 0, ""},
		{"version 2 with entries of version 1", set(t, "v1", 28, 2), F, 12, "shorter than those of their version"},
		{"version 1 with entries of version 2", table(1, 64, nil), U, 12, "longer than those of their version"},
		{"version 3", set(t, "v0", 28, 3), U, 28, "version (0x3)"},
		{"header of 31", set(t, "v0", 8, 31), F, 8, "shorter than a header"},
		{"header of 36", set(t, "v0", 8, 36), U, 8, "longer than that of any version"},
		{"entries of 0", set(t, "v0", 12, 0), F, 12, "shorter than those"},
		{"entries of 2^32-1", set(t, "v0", 12, all), U, 12, "longer than those"},
		{"table of a byte too many", set(t, "v0", 4, 1173), F, 4, "larger than the file (0x495)"},
		{"table of 2^32-1", set(t, "v0", 4, all), F, 4, "larger than the file"},
		{"table of 31", set(t, "v0", 4, 31), F, 20, "do not lie in the table"},
		{"table that ends in the list", set(t, "v0", 4, 127), F, 16, "more entries than"},
		{"table that ends before the last entry does", set(t, "v0", 4, 1171), nil, 0, "entry 1 does not end within the table's 1171 bytes"},
		{"2^32-1 entries", set(t, "v0", 16, all), F, 16, "more entries than"},
		{"an entry too many", set(t, "v0", 16, 36), F, 16, "more entries than"},
		{"4096 entries", many(4096, 1, 32), nil, 0, "and 4065 more"},
		{"4097 entries", many(4097), L, 16, "more than 4096 entries"},
		{"list in the header", set(t, "v0", 20, 28), F, 20, "do not lie in the table"},
		{"list at 2^32-1", set(t, "v0", 20, all), F, 20, "do not lie in the table"},
		{"list elsewhere", append(table(0, 32), set(t, "v0", 20, 32)...), nil, 0, ""},
		{"entry at the end", set(t, "v0", 36, 1172, 32, 0), nil, 0, "entry 0 is no device tree"},
		{"entry behind the end", set(t, "v0", 36, 1173, 32, 0), F, 36, "lies outside the file (0x495)"},
		{"entry at 2^32-1", set(t, "v0", 36, all), F, 36, "lies outside the file"},
		{"entry of a byte too many", set(t, "v0", 64, 613), F, 64, "runs past the end of the file (0x265)"},
		{"entry of 2^32-1", set(t, "v0", 64, all), F, 64, "runs past the end"},
		{"entry that wraps", set(t, "v0", 64, all-559), F, 64, "runs past the end"},
		{"entry in the padding of AVB", set(t, "avb", 68, 4096), nil, 0, "entry 1 does not end within the table's 1172 bytes; entry 1 is no device tree"},
		{"entry over the header", set(t, "v0", 68, 0), nil, 0, "entry 1 is no device tree; entry 1 overlaps the list of entries; entries 1 and 0 overlap"},
		{"entry over the list", set(t, "v0", 36, 127), nil, 0, "entry 0 is no device tree; entry 0 overlaps the list of entries; entries 0 and 2 overlap"},
		{"entries that overlap by a byte", set(t, "v0", 68, 559), nil, 0, "entry 1 is no device tree; entries 0 and 1 overlap"},
		{"entry in an entry", set(t, "v0", 96, 431), nil, 0, "the device tree of entry 2 says that it has 432 bytes, and there are 431; entries 2 and 0 overlap"},
		{"entries in a large entry", set(t, "v1", 32, 800), nil, 0, "entries 0 and 1 overlap; entries 0 and 2 overlap; entries 0 and 3 overlap"},
		{"two compressions of the same bytes", set(t, "v1", 176, 2), nil, 0, "entries 1 and 4 are the same bytes in two compressions"},
		{"unknown compression", set(t, "v1", 80, 0xf7), nil, 0, "entry 1 has a compression that is not known: 7; entries 1 and 4 are the same bytes in two compressions"},
		{"tree larger than its entry", set(t, "v0", 564, 613), nil, 0, "the device tree of entry 1 says that it has 613 bytes, and there are 612"},
		{"tree smaller than its entry", set(t, "v0", 564, 600), nil, 0, ""},
		{"entry of 7 bytes", set(t, "v0", 64, 7), nil, 0, "entry 1 is no device tree"},
	}
}

func TestHostile(t *testing.T) {
	for _, h := range hostiles(t) {
		var a otatest.Allocations
		before := a.Read()
		got, err := dtbo.Open(blob.Bytes(h.data), parse.NewBudget(parse.Limits{}))
		if used := a.Read() - before; used > uint64(8*len(h.data)+1<<16+otatest.AllocationNoise) {
			t.Errorf("%s: %d bytes of memory for %d", h.name, used, len(h.data))
		}
		if h.kind != nil {
			var pe *parse.Error
			if !errors.As(err, &pe) || pe.Kind != h.kind || pe.Off != h.off || !strings.Contains(err.Error(), h.says) || got != nil {
				t.Errorf("%s: %v, want %s at %d", h.name, err, h.says, h.off)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", h.name, err)
			continue
		}
		notes := strings.Join(got.Notes, "; ")
		if notes != h.says && (len(got.Notes) <= 32 || !strings.HasSuffix(notes, h.says)) {
			t.Errorf("%s: %q, want %q", h.name, notes, h.says)
		}
	}
}

// TestVersion2 has no tool's file to be held against: its entries are as dt_table.h says.
func TestVersion2(t *testing.T) {
	for _, h := range hostiles(t) {
		if h.name != "version 2" {
			continue
		}
		got := fmt.Sprintf("%+v", open(t, h.data).Entries[0])
		if !strings.HasPrefix(got, "{ID:1 Rev:2 Flags:241 Custom:[10 11 12 13 14 15 16 17 18 19 20] Off:96 Size:0 ") || !strings.HasSuffix(got, " Compression:zlib Tree:0}") {
			t.Error(got)
		}
	}
}
