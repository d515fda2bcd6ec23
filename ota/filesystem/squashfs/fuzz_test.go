package squashfs_test

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/squashfs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// FuzzOpen opens any bytes, and reads what it can of them.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"tiny-gzip.img", "tiny-lz4.img", "tiny-xz.img", "tiny-zstd.img", "tiny-lzma.img", "tiny-lzo.img", "empty.img", "holes.img"} {
		f.Add(fixture(f, name))
	}
	f.Add(sample(true))
	f.Add(sample(false))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) <= 1<<16 {
			try(t, data)
		}
	})
}

// A base is an image, and where its metadata are.
type base struct {
	image []byte
	meta  int
}

func bases(t testing.TB) []base {
	out := []base{{image: sample(true)}, {image: sample(false)}}
	for _, name := range []string{"tiny-plain.img", "tiny-plain-lz4.img"} {
		out = append(out, base{image: fixture(t, name)})
	}
	for i := range out {
		out[i].meta = int(le.Uint64(out[i].image[64:]))
	}
	return out
}

// editSize is the bytes of an edit: two that say where it is in superblock and metadata,
// one that says what it is, and two of a value.
const editSize = 5

// FuzzEdits changes metadata that are not compressed, so that all else stays right:
// most of what a fuzzer that knows nothing of the format does ends in the
// decompressor, or at the superblock.
func FuzzEdits(f *testing.F) {
	all := bases(f)
	for i, b := range all {
		f.Add(byte(i), []byte{})
		for n := 0; n < 96+len(b.image)-b.meta; n += 2 { // something everywhere
			f.Add(byte(i), []byte{byte(n), byte(n >> 8), byte(n / 2 % 8), byte(n), 0, byte(n * 7), byte(n >> 3), byte(n % 5), 1, 0xff})
		}
	}
	f.Fuzz(func(t *testing.T, which byte, edits []byte) {
		b := all[int(which)%len(all)]
		try(t, b.edited(edits))
	})
}

// edited is the image with at most sixteen edits.
func (b base) edited(edits []byte) []byte {
	image := append([]byte(nil), b.image...)
	places := 96 + len(image) - b.meta
	place := func(n uint16) []byte {
		at := int(n) % places
		if at >= 96 {
			at += b.meta - 96
		}
		return image[at:]
	}
	for range 16 {
		if len(edits) < editSize {
			break
		}
		p, op, v := place(le.Uint16(edits)), edits[2], le.Uint16(edits[3:])
		edits = edits[editSize:]
		switch {
		case op%8 == 0:
			p[0] = byte(v)
		case len(p) < 4:
		case op%8 == 1:
			le.PutUint16(p, v)
		case op%8 == 2:
			le.PutUint16(p, le.Uint16(p)+v)
		case op%8 == 3:
			le.PutUint32(p, uint32(int16(v)))
		case op%8 == 4:
			le.PutUint32(p, uint32(v)<<16)
		case op%8 == 5:
			p[0] ^= 1 << (v % 8)
		case op%8 == 6: // what is elsewhere
			copy(p[:min(len(p), int(op>>3))], append([]byte(nil), place(v)...))
		case op%8 == 7: // some bytes go, and what follows moves up
			n := min(int(v)%64, len(p))
			copy(p, p[n:])
		}
	}
	return image
}

// try opens an image and reads what it can of it. Nothing panics, errors are *parse.Error,
// and what was allotted is not exceeded.
func try(t testing.TB, data []byte) (names, errs int) {
	t.Helper()
	known := func(err error) {
		var pe *parse.Error
		if !errors.As(err, &pe) || pe.Format != "squashfs" || pe.Off > int64(len(data)) {
			t.Fatalf("%T: %v", err, err)
		}
		errs++
	}
	f, err := squashfs.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{Entries: 500}))
	if err != nil {
		known(err)
		return 0, errs
	}
	if f.Size() > int64(len(data)) {
		t.Fatalf("%d of %d bytes", f.Size(), len(data))
	}
	folders := map[uint64]string{}
	fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if names++; names > 1000 {
			t.Fatal("a walk without end")
		}
		if !fs.ValidPath(name) {
			t.Fatalf("name %q", name)
		}
		if err != nil {
			known(err)
			return nil
		}
		st, err := d.Info()
		if err != nil {
			known(err)
			return nil
		}
		if n := st.Sys().(*vfs.Meta).Inode; d.IsDir() {
			if _, err := f.ReadDir(name); err == nil && folders[n] != "" {
				t.Fatalf("folder %d is %s and %s", n, folders[n], name)
			}
			folders[n] = name
		}
		if _, err := f.Xattrs(name); err != nil {
			known(err)
		}
		switch d.Type() {
		case fs.ModeSymlink:
			if _, err := f.ReadLink(name); err != nil {
				known(err)
			}
		case 0:
			b, _, err := f.Blob(name)
			if err != nil {
				known(err)
				return nil
			}
			p := make([]byte, 10000)
			for _, off := range []int64{0, b.Size() / 2, b.Size() - 5000} {
				off = max(off, 0)
				n, err := b.ReadAt(p, off)
				if err != nil && err != io.EOF {
					known(err)
				} else if int64(n) != min(int64(len(p)), b.Size()-off) {
					t.Fatalf("%s: %d bytes at %d of %d: %v", name, n, off, b.Size(), err)
				}
			}
		}
		return nil
	})
	notes := f.Notes()
	if len(notes) > 32 {
		t.Fatalf("%d notes", len(notes))
	}
	for _, n := range notes {
		if strings.ContainsFunc(n, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("note %q", n)
		}
	}
	return names, errs
}

// TestSample: what the builder writes is right, before anything is made wrong.
func TestSample(t *testing.T) {
	for _, b := range bases(t) {
		if names, errs := try(t, b.edited(nil)); names < 8 || errs > 0 {
			t.Errorf("%d names, %d errors", names, errs)
		}
		f := open(t, b.image)
		if _, err := walk(f); err != nil || len(f.Notes()) > 0 {
			t.Errorf("%v, %q", err, f.Notes())
		}
	}
}
