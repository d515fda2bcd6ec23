package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const text = "0123456789abcdef"

func all(t *testing.T, b blob.Blob) string {
	t.Helper()
	p, err := blob.ReadAll(b, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(blob.Reader(b), p); err != nil {
		t.Error(err)
	}
	return string(p)
}

func TestSection(t *testing.T) {
	base := blob.Bytes([]byte(text))
	s, err := blob.Section(base, 4, 8)
	if err != nil {
		t.Fatal(err)
	}
	if got := all(t, s); got != text[4:12] {
		t.Errorf("section = %q", got)
	}
	in, err := blob.Section(s, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got := all(t, in); got != text[6:9] {
		t.Errorf("section of a section = %q", got)
	}
	p := make([]byte, 4)
	if n, err := in.ReadAt(p, 1); n != 2 || err != io.EOF {
		t.Errorf("a section must not see its neighbours: %d, %v", n, err)
	}
	if _, err := s.ReadAt(p, -1); err == nil {
		t.Error("a negative offset passed")
	}
	for _, w := range [][2]int64{{-1, 1}, {0, -1}, {17, 0}, {9, 8}, {1, 1<<63 - 1}, {1<<63 - 1, 1}} {
		if _, err := blob.Section(base, w[0], w[1]); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("Section(%d, %d): %v", w[0], w[1], err)
		}
	}
}

func TestExtents(t *testing.T) {
	b, err := blob.Extents(blob.Bytes([]byte(text)), []blob.Extent{
		{Off: 10, Len: 3}, {Len: 0}, {Len: 4, Hole: true}, {Off: 0, Len: 2}, {Off: 11, Len: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := all(t, b), "abc\x00\x00\x00\x0001b"; got != want {
		t.Errorf("extents = %q, want %q", got, want)
	}
	if none, err := blob.Extents(blob.Bytes(nil), nil); err != nil || all(t, none) != "" {
		t.Errorf("no runs: %v", err)
	}
	for _, r := range []blob.Extent{{Off: 15, Len: 2}, {Off: -1, Len: 1}, {Off: 0, Len: -1}, {Off: 1<<63 - 1, Len: 1}} {
		if _, err := blob.Extents(blob.Bytes([]byte(text)), []blob.Extent{r}); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	huge := blob.Extent{Len: 1<<63 - 1, Hole: true}
	if _, err := blob.Extents(blob.Bytes(nil), []blob.Extent{huge, huge}); !errors.Is(err, parse.ErrFormat) {
		t.Errorf("overflow: %v", err)
	}
}

func TestReadRangeShort(t *testing.T) {
	if _, err := blob.ReadRange(blob.Bytes([]byte(text)), 10, 7); !errors.Is(err, parse.ErrFormat) {
		t.Error(err)
	}
	if _, err := blob.ReadAll(blob.Bytes([]byte(text)), 15); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}

func TestWithContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	b := blob.WithContext(ctx, blob.Bytes([]byte(text)))
	if got := all(t, b); got != text {
		t.Errorf("got %q", got)
	}
	why := errors.New("enough")
	cancel(why)
	if _, err := b.ReadAt(make([]byte, 1), 0); err != why {
		t.Errorf("after cancel: %v", err)
	}
}

func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := blob.NewFile(f)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if got := all(t, b); got != text {
		t.Errorf("got %q", got)
	}
	if err := os.Truncate(name, 4); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ReadAt(make([]byte, 8), 2); err != io.ErrUnexpectedEOF {
		t.Errorf("a file that shrank: %v", err)
	}
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, err := blob.NewFile(dir); !errors.Is(err, parse.ErrUnsupported) {
		t.Errorf("a folder: %v", err)
	}
}

func TestSpool(t *testing.T) {
	big := bytes.Repeat([]byte(text), 5<<20/len(text))
	for _, data := range [][]byte{nil, []byte(text), big} {
		dir := t.TempDir()
		s, err := blob.Spool(bytes.NewReader(data), int64(len(data)), dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := blob.ReadAll(s, 1<<30)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: got %d, %v", len(data), len(got), err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%d files left behind", len(left))
		}
	}
	for _, size := range []int64{0, 15, 17, 5<<20 + 1} {
		if _, err := blob.Spool(strings.NewReader(text), size, t.TempDir()); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%d bytes said to be %d: %v", len(text), size, err)
		}
	}
}
