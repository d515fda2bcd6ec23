package sparse_test

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/sparse"
	"github.com/otavet/otavet/ota/parse"
)

func crc32Of(t *testing.T, b blob.Blob) uint32 {
	t.Helper()
	h := crc32.NewIEEE()
	if _, err := io.Copy(h, blob.Reader(b)); err != nil {
		t.Fatal(err)
	}
	return h.Sum32()
}

func join(list ...builder) (*sparse.Image, error) {
	var files []blob.Blob
	for _, b := range list {
		files = append(files, blob.Bytes(b.bytes()))
	}
	return sparse.Join(files, parse.NewBudget(parse.Limits{Produced: 1 << 20}))
}

func TestJoin(t *testing.T) {
	of := func(n uint32, list ...chunk) builder { return builder{blocks: n, list: list} }
	mixed := raw(3, 7)
	mixed.data[4096*2+5] = 8
	tests := []struct {
		name string
		list []builder
		want string // one letter a block: the byte, or . for a hole
		msg  string
	}{
		{"in order", []builder{of(4, raw(1, 'a'), none(3)), of(4, none(1), raw(2, 'b'), none(1)), of(4, none(3), raw(1, 'c'))}, "abbc", ""},
		{"out of order", []builder{of(3, none(2), raw(1, 'c')), of(3, raw(1, 'a'), none(2))}, "a.c", ""},
		{"each as long as its end", []builder{of(1, raw(1, 'a')), of(2, none(1), raw(1, 'b')), of(3, none(2), fill(1, 0x63636363))}, "abc", ""},
		{"twice the same", []builder{of(3, raw(2, 'a'), none(1)), of(3, none(1), raw(2, 'a'))}, "aaa", ""},
		{"fill and data that are equal", []builder{of(3, fill(3, 0x61616161)), of(3, none(1), raw(1, 'a'), none(1))}, "aaa", ""},
		{"one inside another, and one past both", []builder{of(5, raw(4, 'a'), none(1)), of(5, none(1), raw(1, 'a'), none(3)), of(5, none(2), fill(3, 0x61616161))}, "aaaaa", ""},
		{"data that differ", []builder{of(3, raw(3, 7)), of(3, none(1), raw(1, 8), none(1))}, "", "files 0 and 1 hold different data for byte 0x1000"},
		{"one byte differs", []builder{of(3, raw(3, 7)), of(3, mixed)}, "", "files 0 and 1 hold different data for byte 0x2005"},
		{"fills that differ", []builder{of(3, fill(3, 7)), of(3, fill(3, 8))}, "", "hold different data for byte 0x0"},
		{"fill and data that differ", []builder{of(3, fill(3, 0x01010101)), of(3, none(2), raw(1, 2))}, "", "hold different data for byte 0x2000"},
		{"block sizes", []builder{of(3, none(3)), {block: 1024, blocks: 3, list: []chunk{none(3)}}}, "", "block size differs"},
		{"broken", []builder{of(3, none(3)), of(3, none(2))}, "", "fewer blocks"},
		{"none", nil, "", "no files"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m, err := join(tc.list...)
			if tc.msg != "" {
				if !errors.Is(err, parse.ErrFormat) || !strings.Contains(err.Error(), tc.msg) || m != nil {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := blob.ReadAll(m, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			var want []byte
			for _, c := range []byte(strings.ReplaceAll(tc.want, ".", "\x00")) {
				want = append(want, bytes.Repeat([]byte{c}, 4096)...)
			}
			if !bytes.Equal(got, want) {
				t.Error("other bytes")
			}
			text := ""
			for r := range m.Runs() {
				c := "."
				if r.Kind != sparse.Hole {
					c = string(got[r.Off])
				}
				text += strings.Repeat(c, int(r.Len/4096))
			}
			if text != tc.want {
				t.Errorf("runs %s, want %s", text, tc.want)
			}
		})
	}
}

func TestJoinNotes(t *testing.T) {
	m, err := join(builder{blocks: 1, list: []chunk{none(1)}, tail: "x"}, builder{blocks: 2, list: []chunk{none(2)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Notes) != 2 || !strings.HasPrefix(m.Notes[0], "file 0: 1 bytes follow") || !strings.Contains(m.Notes[1], "image of 8192 bytes, the one before of 4096") {
		t.Errorf("%q", m.Notes)
	}
}

// TestJoinWork: many files that each fill what one holds cost a comparison each.
func TestJoinWork(t *testing.T) {
	list := []builder{{blocks: 64, list: []chunk{raw(64, 0)}}}
	for range 5 {
		list = append(list, builder{blocks: 64, list: []chunk{fill(64, 0)}})
	}
	if _, err := join(list...); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
	if _, err := join(list[:5]...); err != nil {
		t.Error(err)
	}
	if _, err := sparse.Join(make([]blob.Blob, 1025), nil); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}
