package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/wire"
)

func TestRead(t *testing.T) {
	b := []byte{
		0x08, 0x96, 0x01, // 1: 150
		0x12, 0x03, 'a', 'b', 'c', // 2: "abc"
		0x1d, 1, 0, 0, 0x80, // 3: fixed32
		0x21, 1, 0, 0, 0, 0, 0, 0, 0x80, // 4: fixed64
		0x2b, 0x08, 0x07, 0x33, 0x34, 0x2c, // 5: group {1: 7, 6: group {}}
		0x80, 0x80, 0x00, 0x00, // no field: number 0
	}
	m := wire.Read("test", b, 0x100)
	want := []string{"1 VARINT 100 3 150 ", "2 LEN 103 5 0 616263", "3 I32 108 5 2147483649 ", "4 I64 10d 9 9223372036854775809 ", "5 SGROUP 116 6 0 08073334"}
	for _, w := range want {
		f, ok := m.Next()
		if got := fmt.Sprintf("%d %v %x %d %d %x", f.Number, f.Type, f.Off, f.Size, f.Value, f.Data); !ok || got != w {
			t.Fatalf("got %q, %v; want %q", got, m.Err(), w)
		}
		if f.Number == 5 {
			g := m.Sub(f)
			one, _ := g.Next()
			six, _ := g.Next()
			if _, ok := g.Next(); ok || g.Err() != nil || one.Value != 7 || one.Off != 0x117 || six.Type != wire.Group || six.Off != 0x119 {
				t.Errorf("the group holds %+v, %+v, %v", one, six, g.Err())
			}
		}
	}
	if _, ok := m.Next(); ok || m.Offset() != 0x11c {
		t.Errorf("a field of number 0 is read, at %#x", m.Offset())
	}
	if got, want := fmt.Sprint(m.Err()), "test: a field has no number from 1 to 2^29-1 (0x0) at byte 0x11c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestErrors(t *testing.T) {
	deep := func(n int) []byte {
		return append(bytes.Repeat([]byte{0x0b}, n), bytes.Repeat([]byte{0x0c}, n)...)
	}
	for _, tc := range []struct {
		name string
		b    []byte
		kind error
		at   int64
	}{
		{"cut tag", []byte{0x08, 1, 0x80}, parse.ErrFormat, 2},
		{"cut varint", []byte{0x08, 0x80}, parse.ErrFormat, 0},
		{"varint of 11 bytes", append([]byte{0x08}, bytes.Repeat([]byte{0xff}, 11)...), parse.ErrFormat, 0},
		{"varint of 10 bytes, too large", append([]byte{0x08}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2), parse.ErrFormat, 0},
		{"cut fixed32", []byte{0x0d, 1, 2, 3}, parse.ErrFormat, 0},
		{"cut fixed64", []byte{0x09, 1, 2, 3, 4, 5, 6, 7}, parse.ErrFormat, 0},
		{"cut bytes", []byte{0x0a, 4, 1, 2, 3}, parse.ErrFormat, 0},
		{"2^64-1 bytes", append([]byte{0x0a}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), parse.ErrFormat, 0},
		{"wire type 6", []byte{0x0e, 0}, parse.ErrFormat, 0},
		{"wire type 7", []byte{0x0f, 0}, parse.ErrFormat, 0},
		{"number 0", []byte{0x00, 0}, parse.ErrFormat, 0},
		{"number 2^29", append(binary.AppendUvarint(nil, 1<<32), 0), parse.ErrFormat, 0},
		{"number 2^60", append(binary.AppendUvarint(nil, 1<<63), 0), parse.ErrFormat, 0},
		{"end of no group", []byte{0x08, 1, 0x0c}, parse.ErrFormat, 2},
		{"end of another group", []byte{0x0b, 0x14}, parse.ErrFormat, 1},
		{"end of another group inside", []byte{0x0b, 0x13, 0x0c, 0x0c}, parse.ErrFormat, 2},
		{"group that does not end", []byte{0x0b, 0x08, 1}, parse.ErrFormat, 3},
		{"cut field in a group", []byte{0x0b, 0x0a, 9}, parse.ErrFormat, 1},
		{"bad tag in a group", []byte{0x0b, 0x0e}, parse.ErrFormat, 1},
		{"100 groups", deep(100), nil, 0},
		{"101 groups", deep(101), parse.ErrLimit, 100},
		{"2^20 groups", deep(1 << 20), parse.ErrLimit, 100},
	} {
		m := wire.Read("test", tc.b, 0)
		for {
			if _, ok := m.Next(); !ok {
				break
			}
		}
		var pe *parse.Error
		if tc.kind == nil {
			if m.Err() != nil {
				t.Errorf("%s: %v", tc.name, m.Err())
			}
		} else if !errors.Is(m.Err(), tc.kind) || !errors.As(m.Err(), &pe) || pe.Off != tc.at {
			t.Errorf("%s: %v, want %v at byte %#x", tc.name, m.Err(), tc.kind, tc.at)
		}
	}
}

// Messages in messages are bounded too, even where groups lie among them.
func TestDepth(t *testing.T) {
	var b []byte
	for i := range 120 {
		if i%2 == 0 {
			b = protowire.AppendBytes([]byte{0x0a}, b)
		} else {
			b = append(append([]byte{0x0b}, b...), 0x0c)
		}
	}
	m, depth := wire.Read("test", b, 0), 0
	for {
		f, ok := m.Next()
		if !ok {
			break
		}
		m = m.Sub(f)
		depth++
	}
	if !errors.Is(m.Err(), parse.ErrLimit) || depth > 101 {
		t.Errorf("%d deep: %v", depth, m.Err())
	}
}

// Groups in messages count from the outermost.
func TestDepthOfGroups(t *testing.T) {
	for groups, kind := range map[int]error{40: nil, 41: parse.ErrLimit} {
		b := append(bytes.Repeat([]byte{0x0b}, groups), bytes.Repeat([]byte{0x0c}, groups)...)
		for range 60 {
			b = protowire.AppendBytes([]byte{0x0a}, b)
		}
		m := wire.Read("test", b, 0)
		for range 60 {
			f, ok := m.Next()
			if !ok {
				t.Fatal(m.Err())
			}
			m = m.Sub(f)
		}
		if _, ok := m.Next(); ok != (kind == nil) || !errors.Is(m.Err(), kind) {
			t.Errorf("%d groups in 60 messages: %v", groups, m.Err())
		}
	}
}

// Reading costs no memory and time in proportion to the bytes, whatever they are.
func TestBounds(t *testing.T) {
	big := map[string][]byte{
		"2^22 empty strings": bytes.Repeat([]byte{0x0a, 0}, 1<<22),
		"2^22 groups":        bytes.Repeat([]byte{0x0b, 0x0c}, 1<<22),
		"groups that do not end, 99 deep, again and again": bytes.Repeat(append(bytes.Repeat([]byte{0x0b}, 99), bytes.Repeat([]byte{0x0c}, 99)...), 1<<15),
	}
	for name, b := range big {
		var a otatest.Allocations
		before, start := a.Read(), time.Now()
		m, n := wire.Read("test", b, 0), 0
		for {
			if _, ok := m.Next(); !ok {
				break
			}
			n++
		}
		if m.Err() != nil || n < 1<<15 {
			t.Errorf("%s: %d, %v", name, n, m.Err())
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s took %v", name, took)
		}
		if used := a.Read() - before; used > otatest.AllocationNoise {
			t.Errorf("%s: %d bytes of memory", name, used)
		}
	}
}

func TestType(t *testing.T) {
	for typ, want := range []string{"VARINT", "I64", "LEN", "SGROUP", "EGROUP", "I32"} {
		if got := wire.Type(typ).String(); got != want {
			t.Errorf("type %d is %s, want %s", typ, got, want)
		}
	}
	f := wire.Field{Value: 1<<63 | 1<<32 | 0xffffffff}
	if f.Uint32() != 0xffffffff || f.Int32() != -1 || f.Int64() >= 0 || !f.Bool() {
		t.Error("wrong conversions")
	}
}

// FuzzRead compares with protowire's own walk over whole fields.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "\x08\x96\x01\x12\x03abc\x1d0000\x21000000000", "\x0b\x08\x07\x33\x34\x0c", "\x0a\x05\x08\x01\x12\x01x", "\x0b\x0b\x0c\x0c\x0c", "\x80\x80\x80\x80\x10\x01"} {
		f.Add([]byte(s))
	}
	f.Add(protowire.AppendBytes([]byte{0x0a}, protowire.AppendBytes([]byte{0x12}, make([]byte, 300))))
	f.Add(append(bytes.Repeat([]byte{0x0b}, 101), bytes.Repeat([]byte{0x0c}, 101)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<12 {
			return
		}
		walk(t, wire.Read("test", b, 7), b, 7, 0)
	})
}

func walk(t *testing.T, m wire.Message, b []byte, base int64, depth int) {
	at := 0
	for {
		num, typ, n := protowire.ConsumeField(b[at:])
		f, ok := m.Next()
		if !ok {
			var pe *parse.Error
			err := m.Err()
			switch {
			case err == nil:
				if at != len(b) {
					t.Fatalf("ends at %d of %d", at, len(b))
				}
			case !errors.As(err, &pe) || pe.Off < base || pe.Off > base+int64(len(b)):
				t.Fatalf("%T %v", err, err)
			case n >= 0 && num <= protowire.MaxValidNumber && !errors.Is(err, parse.ErrLimit) && !strings.Contains(err.Error(), "2^29-1"):
				t.Fatalf("protowire reads a field of %d bytes at %d: %v", n, at, err)
			}
			return
		}
		if n != f.Size || int32(num) != f.Number || typ != protowire.Type(f.Type) || f.Off != base+int64(at) {
			t.Fatalf("%+v at %d, protowire: %d %d of %d bytes", f, at, num, typ, n)
		}
		value := b[at : at+n]
		_, _, tag := protowire.ConsumeTag(value)
		switch value = value[tag:]; typ {
		case protowire.VarintType:
			if v, _ := protowire.ConsumeVarint(value); v != f.Value {
				t.Fatalf("%d, protowire: %d", f.Value, v)
			}
		case protowire.BytesType:
			if v, _ := protowire.ConsumeBytes(value); !bytes.Equal(v, f.Data) {
				t.Fatalf("%x, protowire: %x", f.Data, v)
			}
		case protowire.StartGroupType:
			if v, _ := protowire.ConsumeGroup(num, value); !bytes.Equal(v, f.Data) {
				t.Fatalf("%x, protowire: %x", f.Data, v)
			}
		}
		if f.Data != nil && depth < 8 {
			start := f.Off + int64(tag)
			if typ == protowire.BytesType {
				start = f.Off + int64(n-len(f.Data))
			}
			walk(t, m.Sub(f), f.Data, start, depth+1)
		}
		at += n
	}
}
