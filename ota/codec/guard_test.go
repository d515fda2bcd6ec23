package codec

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/parse"
)

type broken struct{}

func (broken) Read([]byte) (int, error) { var b []byte; return int(b[3]), nil }

// A library that panics has been given malformed data; an own decoder that
// panics is a defect, which nothing here hides.
func TestGuard(t *testing.T) {
	in := newSource(strings.NewReader("x"))
	defer in.free()
	r := &reader{method: LZ4, in: in, dec: &guarded{libLZ4, LZ4, in, broken{}}, left: 10}
	_, err := r.Read(make([]byte, 5))
	var pe *parse.Error
	if !errors.As(err, &pe) || !errors.Is(err, parse.ErrFormat) || !strings.Contains(err.Error(), "pierrec/lz4 gave up: runtime error: index out of range") {
		t.Error(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("an own panic is hidden")
		}
	}()
	io.ReadAll(&reader{method: XZ, in: in, dec: broken{}, left: 10})
}

// The branch filters' buffer ends anywhere: the bytes that wait must not be lost.
func TestBranchReader(t *testing.T) {
	data := strings.Repeat("\xe8\x00\x01\x00\x00\xe9\xe8\xff\xff\xff\xff", 7000)
	want, err := io.ReadAll(newBranchReader(strings.NewReader(data), newX86(), 0))
	if err != nil || len(want) != len(data) || string(want) == data {
		t.Fatalf("%d bytes, %v", len(want), err)
	}
	for _, n := range []int{1, 3, 5, 4096, 16383} {
		got, err := io.ReadAll(newBranchReader(&pieces{data, n}, newX86(), 0))
		if err != nil || string(got) != string(want) {
			t.Errorf("in pieces of %d: %d bytes, %v", n, len(got), err)
		}
	}
}

// pieces gives a string n bytes at a time.
type pieces struct {
	s string
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.s == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.n)], p.s)
	p.s = p.s[n:]
	return n, nil
}
