package sparse_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/sparse"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen opens any bytes, alone and joined with themselves. Nothing panics;
// errors are *parse.Error; runs cover the image without gaps; reads give what
// runs say, from everywhere the same; and what is verified is bounded by the
// file, not by the image.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"basic.simg", "crc.simg", "crc-fill.simg", "crc-hole.simg", "split.0", "split.1", "split.2", "split.3"} {
		f.Add(fixture(f, name))
	}
	for _, h := range hostiles() {
		f.Add(h.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		m, err := sparse.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{}))
		head(t, data, m, err)
		if err != nil {
			refused(t, err)
			return
		}
		try(t, m)
		two, err := sparse.Join([]blob.Blob{blob.Bytes(data), blob.Bytes(data)}, parse.NewBudget(parse.Limits{}))
		if err != nil {
			t.Fatalf("a file beside itself: %v", err)
		}
		if two.Size() != m.Size() {
			t.Fatal("joined with itself it has another size")
		}
		a, b := make([]byte, 5000), make([]byte, 5000)
		n, _ := m.ReadAt(a, m.Size()/3)
		k, _ := two.ReadAt(b, m.Size()/3)
		if n != k || !bytes.Equal(a, b) {
			t.Fatal("joined with itself it reads otherwise")
		}
	})
}

// head holds Head against Open: it gives the same bytes, and refuses nothing else.
func head(t *testing.T, data []byte, m *sparse.Image, err error) {
	for _, n := range []int64{0, 1, 600, 9000} {
		b := &forward{Blob: blob.Bytes(data)}
		got, size, err2 := sparse.Head(b, n)
		if b.wrong != "" {
			t.Fatal(b.wrong)
		}
		if err2 != nil {
			refused(t, err2)
			if err == nil {
				t.Fatalf("Open gives no error, and Head: %v", err2)
			}
			continue
		}
		if m == nil {
			continue
		}
		want, err2 := blob.ReadRange(m, 0, min(n, m.Size()))
		if err2 != nil || size != m.Size() || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes of %d: Open has %d of %d, %v", len(got), size, len(want), m.Size(), err2)
		}
	}
}

func refused(t *testing.T, err error) {
	t.Helper()
	var pe *parse.Error
	if !errors.As(err, &pe) || pe.Format != "sparse" {
		t.Fatalf("%T: %v", err, err)
	}
}

func try(t *testing.T, m *sparse.Image) {
	end, last := int64(0), sparse.Kind(255)
	for r := range m.Runs() {
		if r.Off != end || r.Len <= 0 || r.Kind == sparse.Hole && last == sparse.Hole {
			t.Fatalf("run %+v after %d", r, end)
		}
		end, last = r.Off+r.Len, r.Kind
		// Around each border: bytes one by one are those of one read.
		var p, q [9]byte
		from := max(r.Off-4, 0)
		n, err := m.ReadAt(p[:], from)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		for i := range n {
			if k, err := m.ReadAt(q[i:i+1], from+int64(i)); k != 1 || err != nil {
				t.Fatal(k, err)
			}
		}
		if p != q {
			t.Fatalf("% x, one by one % x", p, q)
		}
		if r.Kind == sparse.Hole && n > 4 && r.Off > 0 && p[4] != 0 {
			t.Fatal("a hole that is not zero")
		}
	}
	if end != m.Size() {
		t.Fatalf("runs end at %d of %d", end, m.Size())
	}
	if _, err := m.Verify(); err != nil {
		refused(t, err)
	}
}
