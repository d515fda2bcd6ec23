package erofs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/erofs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// mend gives the superblock the checksum that it should have, so that a change
// is not found out at once.
func mend(image []byte) {
	if len(image) < 1152 || image[1032]&1 == 0 || image[1036] < 9 || image[1036] > 16 {
		return
	}
	n := 1 << image[1036]
	if n > 1024 {
		n -= 1024
	}
	if len(image) < 1024+n {
		return
	}
	clear(image[1028:1032])
	binary.LittleEndian.PutUint32(image[1028:], ^crc32.Checksum(image[1024:1024+n], crc32.MakeTable(crc32.Castagnoli)))
}

// What is looked at of an image that may lie: it is bounded here, since a file
// may well be large, and the same few files may have many names.
const (
	mostEntries = 100
	mostBytes   = 1 << 20
)

// errWrong is an error of another kind than a reader of a format may give.
type errWrong struct{ error }

// refused tells an error that is of the right kind.
func refused(err error) error {
	var pe *parse.Error
	if !errors.As(err, &pe) || pe.Format != "erofs" && pe.Format != "blob" {
		return errWrong{fmt.Errorf("%T: %w", err, err)}
	}
	return nil
}

// look opens an image, walks it and reads everything in three ways, which have to
// agree. It tells the SHA-256 of files that could be read, and what is wrong.
func look(image []byte, devices ...blob.Blob) (sums map[string]string, entries int, wrong error) {
	f, err := erofs.OpenDevices(blob.Bytes(image), devices, parse.NewBudget(parse.Limits{Entries: mostEntries}))
	if err != nil {
		return nil, 0, refused(err)
	}
	sums = make(map[string]string)
	left := int64(mostBytes)
	err = fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
		if entries++; err != nil {
			return refused(err)
		}
		if entries > mostEntries+1 {
			return errWrong{fmt.Errorf("more than %d entries", mostEntries)}
		}
		if _, err := f.Xattrs(path); err != nil && refused(err) != nil {
			return refused(err)
		}
		if _, err := d.Info(); err != nil {
			return refused(err)
		}
		switch d.Type() {
		case fs.ModeSymlink:
			if _, err := f.ReadLink(path); err != nil {
				return refused(err)
			}
		case 0:
			return lookFile(f, path, &left, sums)
		}
		return nil
	})
	if len(f.Notes()) > 32 {
		return nil, 0, fmt.Errorf("%d notes", len(f.Notes()))
	}
	return sums, entries, err
}

func lookFile(f *erofs.FS, path string, left *int64, sums map[string]string) error {
	b, _, err := f.Blob(path)
	if err != nil {
		return refused(err)
	}
	if b.Size() > *left {
		_, err := b.ReadAt(make([]byte, 5000), b.Size()/2)
		if err != nil && err != io.EOF {
			return refused(err)
		}
		return nil
	}
	*left -= b.Size()
	want, err := blob.ReadAll(b, b.Size())
	if err != nil {
		return refused(err)
	}
	var got bytes.Buffer
	file, err := f.Open(path)
	if err != nil {
		return errWrong{err}
	}
	if _, err := io.Copy(&got, file); err != nil {
		return errWrong{err}
	}
	parts := make([]byte, len(want))
	for at := 0; at < len(want); at += 777 {
		p := parts[at:min(at+777, len(want))]
		if n, err := b.ReadAt(p, int64(at)); n != len(p) {
			return errWrong{err}
		}
	}
	if !bytes.Equal(got.Bytes(), want) || !bytes.Equal(parts, want) {
		return errWrong{fmt.Errorf("%s: read in several ways it differs", path)}
	}
	sum := sha256.Sum256(want)
	sums[path] = hex.EncodeToString(sum[:])
	return nil
}

// TestTruncated reads what is left of images: an error, or the right bytes.
func TestTruncated(t *testing.T) {
	for _, name := range tiny {
		image, tree := fixture(t, name)
		step := 17
		switch {
		case testing.Short():
			step = 61
		case name == "tiny-lz4":
			step = 1
		}
		for n := 0; n < len(image); n += step {
			sums, entries, err := look(image[:n:n])
			if err != nil {
				t.Fatalf("%s, %d of %d bytes: %v", name, n, len(image), err)
			}
			for path, sum := range sums {
				if tree[path].what != sum {
					t.Errorf("%s, %d of %d bytes: %s is not what it was", name, n, len(image), path)
				}
			}
			if n < 1152 && entries > 0 {
				t.Errorf("%s, %d bytes: it opens", name, n)
			}
		}
		if f, err := erofs.Open(blob.Bytes(image[:len(image)-1]), nil); err == nil && len(f.Notes()) == 0 {
			t.Errorf("%s without its last byte: no note", name)
		}
	}
}

// TestFlipped changes one bit in many bytes of images, under a checksum that holds:
// an error or some bytes, in bounded memory.
func TestFlipped(t *testing.T) {
	for _, name := range tiny {
		image, _ := fixture(t, name)
		step := 29
		switch {
		case testing.Short():
			step = 61
		case name == "tiny-lz4":
			step = 3
		}
		var heap otatest.Allocations
		for at := 1024; at < len(image); at += step {
			b := slices.Clone(image)
			b[at] ^= 1 << (at * 5 % 8)
			mend(b)
			before := heap.Read()
			_, _, err := look(b)
			if err != nil {
				t.Fatalf("%s, byte %#x: %v", name, at, err)
			}
			if n := heap.Read() - before; n > 80<<20 {
				t.Errorf("%s, byte %#x: %d bytes of memory", name, at, n)
			}
		}
	}
}

// TestChecksum finds out any change of a superblock.
func TestChecksum(t *testing.T) {
	image, _ := fixture(t, "tiny-lz4")
	for at := 1024; at < 1024+128; at++ {
		b := slices.Clone(image)
		b[at] ^= 0x10
		if b[1032]&1 == 0 {
			continue // it says that it has none
		}
		if _, err := erofs.Open(blob.Bytes(b), nil); err == nil || refused(err) != nil {
			t.Errorf("byte %#x: %v", at, err)
		}
	}
}
