package verity_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/verity"
)

func refused(t *testing.T, err error) {
	t.Helper()
	var pe *parse.Error
	if !errors.As(err, &pe) || pe.Format != "verity" {
		t.Fatalf("%T: %v", err, err)
	}
}

// FuzzCheck checks any tree and root against any data, made in any way. Nothing
// panics, errors are *parse.Error, and what passes is what a Builder makes and no more.
func FuzzCheck(f *testing.F) {
	trees, _ := cases(f)
	for _, c := range trees {
		if c.size < 1<<16 {
			f.Add(string(c.tree.Hash), c.tree.Salt, c.tree.BlockSize, c.tree.Bare, stream(c.size), fixture(f, c.file), c.root)
		}
	}
	small := verity.Tree{Hash: verity.SHA1, BlockSize: 512}
	made, root := build(f, small, stream(9000), 512) // two levels
	f.Add(string(small.Hash), small.Salt, small.BlockSize, false, stream(9000), made, root)
	f.Add("blake2b-256", []byte(nil), 4096, false, []byte("data"), []byte("tree"), []byte("root"))
	f.Fuzz(func(t *testing.T, name string, salt []byte, block int, bare bool, data, stored, root []byte) {
		if len(data) > 1<<17 {
			return
		}
		h, err := verity.ParseHash(name)
		if err != nil {
			refused(t, err)
			h = verity.Hash(name)
		}
		tree := verity.Tree{Hash: h, Salt: salt, BlockSize: block, Bare: bare}
		checked := tree.Check(blob.Bytes(data), blob.Bytes(stored), root)
		if checked != nil {
			refused(t, checked)
		}
		n, err := tree.Size(int64(len(data)))
		if err != nil {
			refused(t, err)
			if checked == nil {
				t.Fatal("checked, but without a size")
			}
			return
		}
		if most := int64(len(data))/3 + 3*int64(block); n > most {
			t.Fatalf("a tree of %d bytes over %d", n, len(data))
		}
		made, top := build(t, tree, data, 5000)
		if equal := bytes.Equal(made, stored) && bytes.Equal(top, root); equal != (checked == nil) {
			t.Fatalf("the same as made: %v, but checked: %v", equal, checked)
		}
		if err := tree.Check(blob.Bytes(data), blob.Bytes(made), top); err != nil {
			t.Fatal(err)
		}
		if len(stored) > 0 {
			// The tree alone, with sizes that there are no data of.
			size := int64(binary.LittleEndian.Uint64(append(bytes.Clone(stored), make([]byte, 8)...)))
			if err := tree.CheckTree(size, blob.Bytes(stored), root); err != nil {
				refused(t, err)
			}
		}
	})
}

// FuzzFEC reads any header, and checks any parity: what passes is what Encode makes.
func FuzzFEC(f *testing.F) {
	_, fecs := cases(f)
	for _, c := range fecs {
		f.Add(c.fec.Roots, c.fec.BlockSize, c.covered(f)[:c.fec.BlockSize*3], fixture(f, c.file))
	}
	f.Fuzz(func(t *testing.T, roots, block int, data, parity []byte) {
		if len(data) > 1<<17 {
			return
		}
		if h, err := verity.ParseFECHeader(blob.Bytes(parity)); err != nil {
			refused(t, err)
		} else if h.Data <= 0 || h.Data > 1<<60 || h.Size <= 0 || h.Off < 0 || h.Off >= int64(len(parity)) {
			t.Fatalf("%+v", h)
		} else if n, err := (verity.FEC{Roots: h.Roots, BlockSize: 4096}).Size(h.Data); err == nil && n != h.Size {
			t.Fatalf("%+v, but a size of %d", h, n)
		}
		fec := verity.FEC{Roots: roots, BlockSize: block}
		checked := fec.Check(blob.Bytes(data), blob.Bytes(parity))
		if checked != nil {
			refused(t, checked)
		}
		if _, err := fec.Size(int64(len(data))); err != nil {
			refused(t, err)
			if checked == nil || fec.Encode(io.Discard, blob.Bytes(data)) == nil {
				t.Fatal("without a size")
			}
			return
		}
		made := encode(t, fec, data)
		if equal := bytes.Equal(made, parity); equal != (checked == nil) {
			t.Fatalf("the same as made: %v, but checked: %v", equal, checked)
		}
	})
}
