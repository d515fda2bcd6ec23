package sparse_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/sparse"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// A forward blob is read from its beginning on, each byte at most once, as
// what comes out of a decoder is.
type forward struct {
	blob.Blob
	at    int64  // what was read lies before it
	read  int64  // bytes
	wrong string // what was done otherwise
}

func (f *forward) ReadAt(p []byte, off int64) (int, error) {
	if off < f.at {
		f.wrong = fmt.Sprintf("byte %d is read after byte %d", off, f.at-1)
	}
	n, err := f.Blob.ReadAt(p, off)
	f.at, f.read = off+int64(n), f.read+int64(n)
	return n, err
}

// TestHead holds Head against what Open gives, for every image, from no bytes to
// more than there are.
func TestHead(t *testing.T) {
	images := map[string]blob.Blob{}
	for _, name := range []string{"basic.simg", "block4096.simg", "crc.simg", "crc-fill.simg", "crc-hole.simg", "split.0", "split.1", "split.2", "split.3"} {
		images[name] = blob.Bytes(fixture(t, name))
	}
	for _, h := range hostiles() {
		if h.kind == nil {
			images[h.name] = blob.Bytes(h.data)
		}
	}
	tried := heads(t, images)
	t.Logf("%d heads of %d images are what Open reads", tried, len(images))
}

func heads(t *testing.T, images map[string]blob.Blob) (tried int) {
	for name, b := range images {
		m, err := sparse.Open(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int64{0, 1, 3, 1023, 1024, 1025, 4096, 5000, 9999, 41 << 10, 1 << 20, 16 << 20} {
			f := &forward{Blob: b}
			head, size, err := sparse.Head(f, n)
			want, _ := blob.ReadRange(m, 0, min(n, m.Size()))
			if err != nil || size != m.Size() || !bytes.Equal(head, want) || f.wrong != "" {
				t.Errorf("%s, %d bytes: %d of %d, %v, %s", name, n, len(head), size, err, f.wrong)
			}
			tried++
		}
	}
	return tried
}

func TestHeadReal(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(otatest.Data(t, "sparse"), "*.img"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	images := map[string]blob.Blob{}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := blob.NewFile(f)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		images[filepath.Base(name)] = b
		c := &forward{Blob: b}
		if _, size, err := sparse.Head(c, 2048); err != nil || c.at > 28+12+4096+512 {
			t.Errorf("%s: %v", name, err)
		} else {
			t.Logf("%s: the first 2048 of %d bytes from the first %d of %d", filepath.Base(name), size, c.at, b.Size())
		}
	}
	t.Logf("%d heads of %d images are what Open reads", heads(t, images), len(images))
}

// TestHeadReads says how far it reads, and that what lies behind may be missing.
func TestHeadReads(t *testing.T) {
	b := builder{blocks: 1 << 20, list: []chunk{fill(1, 7), raw(4, 9), none(2), crc(1), raw(2, 8), none(1<<20 - 9)}}
	data := b.bytes()
	const first = 28 + 16 + 12 // of the raw bytes
	for _, tc := range []struct {
		n, needs int64 // bytes of the image, and of the file that they need
	}{
		{0, 28}, {1, 44}, {4096, 44}, {4097, first + 1}, {5000, first + 904}, {5 * 4096, first + 4*4096}, {5*4096 + 1, first + 4*4096 + 12},
		{7 * 4096, first + 4*4096 + 12}, {7*4096 + 1, first + 4*4096 + 12 + 16 + 12 + 1}, {9*4096 + 1, int64(len(data))}, {16 << 20, int64(len(data))},
	} {
		f := &forward{Blob: blob.Bytes(data)}
		head, size, err := sparse.Head(f, tc.n)
		if err != nil || size != 1<<32 || int64(len(head)) != tc.n || f.wrong != "" {
			t.Errorf("%d bytes: %d of %d, %v, %s", tc.n, len(head), size, err, f.wrong)
		}
		if f.at > tc.needs+512 || f.read > tc.needs+512 {
			t.Errorf("%d bytes need %d of the file, and %d are read", tc.n, tc.needs, f.at)
		}
		// As much of the file as is needed is enough, and a byte less is not.
		if cut, _, err := sparse.Head(blob.Bytes(data[:tc.needs]), tc.n); err != nil || !bytes.Equal(cut, head) {
			t.Errorf("%d bytes of a file of %d: %v", tc.n, tc.needs, err)
		}
		var pe *parse.Error
		if cut, size, err := sparse.Head(blob.Bytes(data[:tc.needs-1]), tc.n); !errors.As(err, &pe) || pe.Kind != parse.ErrFormat || cut != nil || size != 0 {
			t.Errorf("%d bytes of a file of %d: %v", tc.n, tc.needs-1, err)
		}
	}
	for _, n := range []int64{-1, 16<<20 + 1, 1 << 62} {
		if _, _, err := sparse.Head(blob.Bytes(data), n); !errors.Is(err, parse.ErrLimit) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, _, err := sparse.Head(&shrinking{blob.Bytes(data), true}, 1); err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
}

// TestHeadHostile has Open's errors where Head comes to what is wrong, and none where it does not.
func TestHeadHostile(t *testing.T) {
	same, later := 0, 0
	for _, h := range hostiles() {
		_, want := sparse.Open(blob.Bytes(h.data), nil)
		for _, n := range []int64{0, 1, 1 << 20} {
			_, _, err := sparse.Head(blob.Bytes(h.data), n)
			switch {
			case fmt.Sprint(err) == fmt.Sprint(want):
				same++
			case err == nil:
				later++
			case h.msg == "more chunks than" && errors.Is(err, parse.ErrFormat): // than Open would make room for
			default:
				t.Errorf("%s, %d bytes: %v; Open has %v", h.name, n, err, want)
			}
		}
	}
	t.Logf("%d answers are Open's, %d heads lie before what Open refuses", same, later)
	if same < 60 || later == 0 {
		t.Error("too few")
	}
}
