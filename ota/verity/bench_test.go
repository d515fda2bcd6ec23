package verity_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/verity"
)

// BenchmarkVerity makes trees and parity of 64 MiB, beside one SHA-256 of them.
func BenchmarkVerity(b *testing.B) {
	data := bytes.Repeat(stream(1<<20), 64)
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			sha256.Sum256(data)
		}
	})
	for _, h := range []verity.Hash{verity.SHA1, verity.SHA256, verity.SHA512, verity.BLAKE2b256} {
		tree := verity.Tree{Hash: h, Salt: make([]byte, 32), BlockSize: 4096}
		made, root := build(b, tree, data, len(data))
		b.Run("build "+string(h), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				build(b, tree, data, 1<<20)
			}
		})
		b.Run("check "+string(h), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := tree.Check(blob.Bytes(data), blob.Bytes(made), root); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, run := range map[string]verity.Runner{"one after another": nil, "all cores": together} {
		b.Run("root sha256, "+name, func(b *testing.B) {
			tree := verity.Tree{Hash: verity.SHA256, Salt: make([]byte, 32), BlockSize: 4096}
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := tree.Root(blob.Bytes(data), run); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, roots := range []int{2, 3, 24} {
		b.Run(fmt.Sprintf("parity of %d", roots), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := (verity.FEC{Roots: roots, BlockSize: 4096}).Encode(io.Discard, blob.Bytes(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestMemory: nothing takes 1 MiB, whatever the size.
func TestMemory(t *testing.T) {
	var a otatest.Allocations
	most := uint64(1<<20 + otatest.AllocationNoise)
	used := func(what string, do func() error) {
		t.Helper()
		before := a.Read()
		err := do()
		if n := a.Read() - before; err != nil || n > most {
			t.Errorf("%s: %d bytes allocated, %v", what, n, err)
		}
	}
	zeros, err := blob.Extents(blob.Bytes(nil), []blob.Extent{{Len: 64 << 20, Hole: true}})
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []int{512, 65536} {
		tree := verity.Tree{Hash: verity.SHA512, BlockSize: block}
		n, err := tree.Size(zeros.Size())
		if err != nil {
			t.Fatal(err)
		}
		made := make(file, n)
		var root []byte
		used("building", func() error {
			b, err := tree.NewBuilder(zeros.Size(), made)
			if err != nil {
				return err
			}
			if _, err := io.CopyBuffer(b, blob.Reader(zeros), make([]byte, 32<<10)); err != nil {
				return err
			}
			root, err = b.Finish()
			return err
		})
		used("checking", func() error { return tree.Check(zeros, blob.Bytes(made), root) })
		used("beginning the largest", func() error { _, err := tree.NewBuilder(1<<60, nil); return err })
	}
	for _, roots := range []int{2, 24} {
		used("parity", func() error { return verity.FEC{Roots: roots, BlockSize: 4096}.Encode(io.Discard, zeros) })
	}
}
