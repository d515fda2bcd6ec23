package chunk_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/parse"
)

func u32(v ...uint32) (b []byte) {
	for _, v := range v {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// pool is a string pool of strings that are stored as given, and of styles.
func pool(flags uint32, styles []byte, stored ...string) []byte {
	var index, data []byte
	for _, s := range stored {
		index = append(index, u32(uint32(len(data)))...)
		data = append(data, s...)
	}
	for len(data)%4 != 0 {
		data = append(data, 0)
	}
	n, nStyles := uint32(len(stored)), uint32(0)
	start := 28 + 4*n
	stylesStart := uint32(0)
	if styles != nil {
		nStyles = 1
		start += 4
		index = append(index, 0, 0, 0, 0)
		stylesStart = start + uint32(len(data))
	}
	body := append(append(index, data...), styles...)
	b := []byte{1, 0, 28, 0}
	b = append(b, u32(uint32(28+len(body)), n, nStyles, flags, start, stylesStart)...)
	return append(b, body...)
}

func openPool(b []byte) (*chunk.Pool, error) {
	c, err := chunk.At("test", b, 0, 0, 8)
	if err != nil {
		return nil, err
	}
	return chunk.OpenPool("test", c)
}

func TestStrings(t *testing.T) {
	const utf8 = 1 << 8
	long := strings.Repeat("x", 0x8123)
	for _, tc := range []struct {
		name   string
		flags  uint32
		stored string
		want   string
		none   bool
	}{
		{name: "ASCII", flags: utf8, stored: "\x02\x02ab\x00", want: "ab"},
		{name: "empty", flags: utf8, stored: "\x00\x00\x00", want: ""},
		{name: "first length wrong", flags: utf8, stored: "\x09\x02ab\x00", want: "ab"},
		{name: "not terminated", flags: utf8, stored: "\x02\x02abc\x00", none: true},
		{name: "zero inside", flags: utf8, stored: "\x05\x05a\x00bcd\x00", want: "a"},
		{name: "runs past the end", flags: utf8, stored: "\x7f\x7fab\x00", none: true},
		{name: "200 bytes", flags: utf8, stored: "\x80\xc8\x80\xc8" + long[:200] + "\x00", want: long[:200]},
		{name: "length truncated by aapt", flags: utf8, stored: "\x81\x23\x81\x23" + long + "\x00", want: long},
		{name: "two and three bytes", flags: utf8, stored: "\x02\x05é€\x00", want: "é€"},
		{name: "pair of surrogates", flags: utf8, stored: "\x02\x06\xed\xa0\xbd\xed\xb8\x80\x00", want: "😀"},
		{name: "four bytes", flags: utf8, stored: "\x02\x04😀\x00", want: "😀"},
		{name: "lone surrogate", flags: utf8, stored: "\x02\x04\xed\xa0\xbdz\x00", want: "\xed\xa0\xbdz"},
		{name: "zero in two bytes", flags: utf8, stored: "\x02\x03\xc0\x80z\x00", want: "\x00z"},
		{name: "not UTF-8", flags: utf8, stored: "\x02\x02\xff\xfe\x00", want: "\xff\xfe"},
		{name: "UTF-16", stored: "\x02\x00a\x00\xac\x20\x00\x00", want: "a€"},
		{name: "UTF-16, pair", stored: "\x02\x00\x3d\xd8\x00\xde\x00\x00", want: "😀"},
		{name: "UTF-16, lone surrogate", stored: "\x01\x00\x3d\xd8\x00\x00", want: "\xed\xa0\xbd"},
		{name: "UTF-16, lone surrogate before a letter", stored: "\x02\x00\x3d\xd8z\x00\x00\x00", want: "\xed\xa0\xbdz"},
		{name: "UTF-16, not terminated", stored: "\x01\x00a\x00b\x00\x00\x00", none: true},
		{name: "UTF-16, length in two", stored: "\x00\x80\x02\x00a\x00b\x00\x00\x00", want: "ab"},
		{name: "UTF-16, 65537 of them", stored: "\x01\x80\x01\x00" + strings.Repeat("x\x00", 65537) + "\x00\x00", want: strings.Repeat("x", 65537)},
		{name: "UTF-16, too long", stored: "\xff\xff\xff\xffa\x00\x00\x00", none: true},
	} {
		p, err := openPool(pool(tc.flags, nil, tc.stored))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		for range 2 { // the second time a long one is remembered
			if s, ok := p.String(0); s != tc.want || ok == tc.none {
				t.Errorf("%s: %.40q, %v; want %.40q", tc.name, s, ok, tc.want)
			}
		}
		if i, ok := p.Index(tc.want); !tc.none && (i != 0 || !ok) {
			t.Errorf("%s: is not found by its text", tc.name)
		}
		if s, ok := p.String(0xffffffff); ok {
			t.Errorf("%s: string -1 is %q", tc.name, s)
		}
	}
	var none *chunk.Pool
	if _, ok := none.String(0); ok || none.Len() != 0 || none.UTF8() || none.Spans(0) != nil {
		t.Error("a nil pool has strings")
	}
}

func TestPoolRefused(t *testing.T) {
	good := pool(1<<8, nil, "\x01\x01a\x00")
	put := func(off int, v uint32) []byte {
		b := append([]byte(nil), good...)
		binary.LittleEndian.PutUint32(b[off:], v)
		return b
	}
	end := u32(0xffffffff, 0xffffffff, 0xffffffff)
	for _, tc := range []struct {
		name string
		b    []byte
		kind error
	}{
		{"honest", good, nil},
		{"no strings", pool(0, nil), nil},
		{"count", put(8, 1<<30), parse.ErrFormat},
		{"count by one", put(8, 3), parse.ErrFormat},
		{"styles", put(12, 1), parse.ErrFormat},
		{"start", put(20, 1<<31), parse.ErrFormat},
		{"last not zero", put(32, 0x61616161), parse.ErrFormat},
		{"size", put(4, 4096), parse.ErrFormat},
		{"size odd", put(4, 35), parse.ErrFormat},
		{"header", func() []byte { b := put(4, 36); b[2] = 24; return b }(), parse.ErrFormat},
		{"styled", pool(1<<8, append(u32(0, 0, 1), end...), "\x01\x01b\x00"), nil},
		{"style without end", pool(1<<8, u32(0, 0, 1), "\x01\x01b\x00"), parse.ErrFormat},
	} {
		p, err := openPool(tc.b)
		var pe *parse.Error
		if !errors.Is(err, tc.kind) || err != nil && !errors.As(err, &pe) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.kind)
		}
		if tc.name == "styled" {
			if s := fmt.Sprint(p.Spans(0), p.Spans(1)); s != "[{b 0 1}] []" {
				t.Errorf("spans %s", s)
			}
		}
	}
}

func TestValueText(t *testing.T) {
	for _, tc := range []struct {
		typ  chunk.Type
		data uint32
		want string
	}{
		{chunk.Null, 0, "@null"}, {chunk.Null, 1, "@empty"},
		{chunk.Reference, 0x7f010001, "@0x7f010001"}, {chunk.Reference, 0, "@null"}, {chunk.DynamicReference, 0x00010001, "@0x00010001"},
		{chunk.Attribute, 0x01010036, "?0x01010036"},
		{chunk.Float, math.Float32bits(0.85), "0.85"},
		{chunk.Dimension, 0x1001, "16dp"}, {chunk.Dimension, 0xfffffd01, "-3dp"}, {chunk.Dimension, 0x0000c012, "1.5sp"}, {chunk.Dimension, 0x100f, "16(unit 0xf)"},
		{chunk.Fraction, 0x40000030, "50%"}, {chunk.Fraction, 0x40000031, "50%p"},
		{chunk.Dec, 0xffffffff, "-1"}, {chunk.Hex, 0x1f, "0x1f"},
		{chunk.Bool, 0, "false"}, {chunk.Bool, 0xffffffff, "true"}, {chunk.Bool, 1, "true"},
		{chunk.ColorARGB8, 0x8000ff00, "#8000ff00"}, {chunk.ColorRGB8, 0xff00ff00, "#00ff00"},
		{0x20, 1, "(type 0x20)0x1"},
	} {
		if got := (chunk.Value{Type: tc.typ, Data: tc.data}).Text(); got != tc.want {
			t.Errorf("type %#x, data %#x: %q, want %q", tc.typ, tc.data, got, tc.want)
		}
	}
	v := chunk.Value{Type: chunk.ColorRGB4, Data: 7}
	if n, ok := v.Int(); n != 7 || !ok {
		t.Error("a color is an integer")
	}
	if _, ok := (chunk.Value{Type: chunk.String}).Bool(); ok {
		t.Error("a string is no boolean")
	}
}
