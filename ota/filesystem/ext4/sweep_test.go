package ext4_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/ext4"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// TestTruncation: no beginning of an image opens, and none panics.
func TestTruncation(t *testing.T) {
	image := fixture(t, "tiny.img")
	otatest.TestTruncation(t, image, func(b blob.Blob) error {
		_, err := ext4.Open(b, nil)
		return err
	})
}

// look is everything that is to be seen in a tiny image, and whether all of it
// could be read.
func look(t testing.TB, b blob.Blob) (seen string, whole bool) {
	t.Helper()
	f, err := ext4.Open(b, parse.NewBudget(parse.Limits{Entries: 1000}))
	if err != nil {
		return "", false
	}
	whole = true
	var out bytes.Buffer
	say := func(v any, err error) {
		whole = whole && err == nil
		fmt.Fprintf(&out, "%v ", v)
	}
	fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		say(name, err)
		if err != nil {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			say(nil, err)
			return nil
		}
		say(info, nil)
		say(*info.Sys().(*vfs.Meta), nil)
		attrs, err := f.Xattrs(name)
		for _, a := range attrs {
			say(a.Name, nil)
			say(string(a.Value), nil)
		}
		say(len(attrs), err)
		switch {
		case d.Type() == fs.ModeSymlink:
			say(f.ReadLink(name))
		case d.Type().IsRegular() && info.Size() < 1<<20:
			p, err := f.ReadFile(name)
			say(string(p), err)
		}
		return nil
	})
	return out.String(), whole
}

// TestBits turns each bit that is read of a tiny image. With checksums all of it
// is an error, or seen as before; but the bytes of files, which have none.
func TestBits(t *testing.T) {
	for _, name := range []string{"tiny", "tinysum"} {
		image := fixture(t, name+".img")
		contents := make([]bool, len(image))
		if name == "tiny" {
			f := open(t, image)
			var pieces [][]byte
			for i := range 5 {
				pieces = append(pieces, fmt.Appendf(nil, "%1024d", i))
			}
			for _, p := range append(pieces, []byte("small\n"), bytes.Repeat([]byte("t"), 70)) {
				at := bytes.Index(image, p)
				if at < 0 || at%int(f.BlockSize()) != 0 {
					t.Fatalf("%.20q is not in the image", p)
				}
				for i := range f.BlockSize() {
					contents[int64(at)+i] = true
				}
			}
		}
		c := &counted{Blob: blob.Bytes(image)}
		want, whole := look(t, c)
		if !whole {
			t.Fatalf("%s is not whole", name)
		}
		read := make([]bool, len(image))
		for _, r := range c.reads {
			for i := r[0]; i < r[0]+r[1]; i++ {
				read[i] = true
			}
		}
		flips, refused, other := 0, 0, 0
		for at := range image {
			if !read[at] || contents[at] {
				continue
			}
			for bit := range 8 {
				if name != "tiny" && bit != at%8 {
					continue
				}
				image[at] ^= 1 << bit
				got, whole := look(t, blob.Bytes(image))
				image[at] ^= 1 << bit
				flips++
				switch {
				case !whole:
					refused++
				case got != want:
					if other++; name == "tiny" {
						t.Errorf("bit %d of byte %#x: seen otherwise, without an error:\n%s\n%s", bit, at, got, want)
					}
				}
			}
		}
		t.Logf("%s: %d bits turned, %d refused, %d seen otherwise", name, flips, refused, other)
		if refused < flips/50 {
			t.Errorf("%s: only %d of %d are refused", name, refused, flips)
		}
	}
}
