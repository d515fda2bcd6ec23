package parse_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/otavet/otavet/ota/parse"
)

func TestEscapeAllBytes(t *testing.T) {
	var all []byte
	for i := 0; i < 256; i++ {
		all = append(all, byte(i))
		roundTrip(t, string([]byte{byte(i)}))
		for j := 0; j < 256; j++ {
			roundTrip(t, string([]byte{byte(i), byte(j)}))
		}
	}
	roundTrip(t, string(all))
}

func roundTrip(t *testing.T, s string) {
	t.Helper()
	if back, err := parse.Unescape(parse.EscapeText(s)); err != nil || back != s {
		t.Errorf("Unescape(EscapeText(%q)) = %q, %v", s, back, err)
	}
	e := parse.Escape(s)
	if !utf8.ValidString(e) {
		t.Errorf("Escape(%q) = %q is not UTF-8", s, e)
	}
	for _, r := range e {
		if !unicode.IsPrint(r) {
			t.Errorf("Escape(%q) = %q has the unprintable %U", s, e, r)
		}
	}
	if strings.ContainsAny(e, "!#:") {
		t.Errorf("Escape(%q) = %q has a character that Locations use", s, e)
	}
	back, err := parse.Unescape(e)
	if err != nil || back != s {
		t.Errorf("Unescape(Escape(%q)) = %q, %v", s, back, err)
	}
}

func TestEscape(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"app/Mms.apk", "app/Mms.apk"},
		{"a b", "a b"},
		{"android.hardware.audio@2.0-impl.so", "android.hardware.audio@2.0-impl.so"},
		{"é", "é"},
		{"\uFFFD", "\uFFFD"},
		{"100%", "100%25"},
		{"a!/b", "a%21/b"},
		{`C:\x`, `C%3A\x`},
		{"a\x1b[2J", "a%1B[2J"},
		{"\u202egpj.exe", "%E2%80%AEgpj.exe"},
		{"caf\xe9", "caf%E9"},
		{"\u009b31m", "%C2%9B31m"},
	} {
		if got := parse.Escape(tc.in); got != tc.want {
			t.Errorf("Escape(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
	if got, want := parse.EscapeText("acme/x:9/#1!\x1b%"), "acme/x:9/#1!%1B%25"; got != want {
		t.Errorf("EscapeText = %q, want %q", got, want)
	}
	for _, bad := range []string{"%", "%4", "%G0", "a%0", "%0G"} {
		if got, err := parse.Unescape(bad); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("Unescape(%q) = %q, %v; want an ErrFormat", bad, got, err)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x00b%!#:\xff\u202e")
	f.Fuzz(roundTrip)
}

func TestCursor(t *testing.T) {
	c := parse.NewCursor("test", []byte{1, 2, 0, 3, 0, 0, 0, 0, 0, 4, 9}, 0x100)
	if c.U8() != 1 || c.U16LE() != 2 || c.U32LE() != 3 || c.U16BE() != 0 || c.U8() != 4 {
		t.Fatal("wrong values")
	}
	if c.Err() != nil || c.Len() != 1 || c.Offset() != 0x10a {
		t.Fatalf("err %v, len %d, offset %#x", c.Err(), c.Len(), c.Offset())
	}
	if c.U32BE() != 0 || c.Len() != 0 || c.U8() != 0 {
		t.Error("a failed cursor must answer zero")
	}
	if !errors.Is(c.Err(), parse.ErrFormat) {
		t.Errorf("err = %v", c.Err())
	}
	if got, want := c.Err().Error(), "test: runs past its end (0x4) at byte 0x10a"; got != want {
		t.Errorf("err = %q, want %q", got, want)
	}
}

func TestCursorCount(t *testing.T) {
	for _, tc := range []struct {
		n    uint64
		kind error
	}{{2, nil}, {3, parse.ErrFormat}, {5, parse.ErrLimit}, {1 << 63, parse.ErrLimit}} {
		c := parse.NewCursor("test", make([]byte, 40), 0)
		got := c.Count(tc.n, 16, 4)
		if !errors.Is(c.Err(), tc.kind) || tc.kind != nil && got != 0 {
			t.Errorf("Count(%d) = %d, %v; want %v", tc.n, got, c.Err(), tc.kind)
		}
	}
	if c := parse.NewCursor("test", nil, 0); c.Bytes(-1) != nil || c.Err() == nil {
		t.Error("a negative length must fail")
	}
}

func TestBudget(t *testing.T) {
	b := parse.NewBudget(parse.Limits{Produced: 10, Entries: 2, Depth: 2})
	if err := b.Produce("x", 10); err != nil {
		t.Fatal(err)
	}
	if err := b.Produce("x", 1); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("one byte over: %v", err)
	}
	if err := b.Produce("x", -1); !errors.Is(err, parse.ErrFormat) {
		t.Errorf("negative: %v", err)
	}
	if err := b.Entry("x", 1<<62); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("entries: %v", err)
	}
	in, err := b.Inside("x", 1<<60)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Produce("x", 11); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("the inner limit must not exceed the outer: %v", err)
	}
	if _, err := in.Inside("x", 1); !errors.Is(err, parse.ErrLimit) {
		t.Errorf("depth: %v", err)
	}
	var none *parse.Budget
	if none.Produce("x", 1<<62) != nil || none.Entry("x", 1) != nil {
		t.Error("a nil budget counts nothing")
	}
}

// Many containers that keep to their own limits meet that of the whole.
func TestBudgetOfTheWhole(t *testing.T) {
	outer := parse.NewBudget(parse.Limits{Produced: 3 << 20})
	for i := range 3 {
		in, err := outer.Inside("x", 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.Produce("x", 1<<20); err != nil || outer.Exhausted() {
			t.Fatalf("container %d: %v", i, err)
		}
	}
	in, err := outer.Inside("x", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Produce("x", 1); !errors.Is(err, parse.ErrLimit) || !outer.Exhausted() || !in.Exhausted() {
		t.Errorf("one byte over the whole: %v, exhausted %v", err, outer.Exhausted())
	}
}

func TestBudgetParallel(t *testing.T) {
	b := parse.NewBudget(parse.Limits{Entries: 1000})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 125 {
				if err := b.Entry("x", 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if b.Entry("x", 1) == nil {
		t.Error("1001 entries passed")
	}
}
