package f2fs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/parse"
)

// A base is an image, and which of its blocks are not all zeros.
type base struct {
	image  []byte
	blocks []int64
}

func readBase(t testing.TB, name string) base {
	b := base{image: fixture(t, name+".img")}
	for n := 0; n < len(b.image); n += block {
		for _, c := range b.image[n : n+block] {
			if c != 0 {
				b.blocks = append(b.blocks, int64(n/block))
				break
			}
		}
	}
	return b
}

// FuzzOpen changes bytes of small images: an edit is a block of those that are not
// zeros (two bytes), an offset in it (two), and how many bytes follow (one).
// Checksums are left as they were, or made to hold. Whatever comes of it, nothing panics,
// errors are *parse.Error, and all comes to an end.
func FuzzOpen(f *testing.F) {
	var bases []base
	for _, name := range []string{"tiny", "fresh", "ro", "journal", "large"} {
		bases = append(bases, readBase(f, name))
	}
	for i, b := range bases {
		f.Add(byte(i), []byte{}, false)
		for n := range b.blocks { // something everywhere
			f.Add(byte(i), []byte{byte(n), byte(n >> 8), byte(n * 37), byte(n % 16), 4, 0xff, 0xff, 0xff, byte(n)}, true)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, edits []byte, mend bool) {
		b := bases[int(which)%len(bases)]
		e := edit(b.image)
		for len(edits) >= 5 && len(e.blocks) < 32 {
			n, at, size := int(le.Uint16(edits)), int64(le.Uint16(edits[2:])%block), int(edits[4])
			edits = edits[5:]
			size = min(size, len(edits))
			copy(e.at(b.blocks[n%len(b.blocks)]*block+at), edits[:size])
			edits = edits[size:]
		}
		if mend {
			e.mend()
		}
		try(t, e)
	})
}

// An outcome is what reading a file system came to.
type outcome struct {
	errs  []error
	notes []string
}

func (o outcome) String() string { return fmt.Sprint(o.errs, o.notes) }

// try opens a file system, and reads what it can of it.
func try(t testing.TB, b blob.Blob) (o outcome) {
	known := func(err error) {
		var pe *parse.Error
		if !errors.As(err, &pe) || pe.Format != "f2fs" {
			t.Fatalf("%T: %v", err, err)
		}
		o.errs = append(o.errs, err)
	}
	f, err := f2fs.Open(b, parse.NewBudget(parse.Limits{Entries: 2000}))
	if err != nil {
		known(err)
		return o
	}
	left, p := 100, make([]byte, 5000)
	err = fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
		if left--; left == 0 {
			return fs.SkipAll
		}
		if err != nil {
			known(err)
			return nil
		}
		if _, err := d.Info(); err != nil {
			known(err)
			return nil
		}
		if _, err := f.Xattrs(path); err != nil {
			known(err)
		}
		switch d.Type() {
		case fs.ModeSymlink:
			if _, err := f.ReadLink(path); err != nil {
				known(err)
			}
		case 0:
			b, _, err := f.Blob(path)
			if err != nil {
				known(err)
				break
			}
			for _, off := range []int64{0, b.Size() / 2, b.Size() - 3000} {
				n, err := b.ReadAt(p, max(off, 0))
				if err != nil && err != io.EOF {
					known(err)
				}
				if err == nil && n < len(p) {
					t.Fatalf("%s: %d bytes without an error", path, n)
				}
			}
		}
		return nil
	})
	if err != nil {
		known(err)
	}
	if o.notes = f.Notes(); len(o.notes) > 32 {
		t.Fatalf("%d notes", len(o.notes))
	}
	return o
}
