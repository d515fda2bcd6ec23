package verity_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/verity"
)

// together runs all calls at once.
func together(n int, f func(int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Root is what a Builder gives, whoever hashes the blocks and wherever the data end.
func TestRoot(t *testing.T) {
	data := stream(20<<20 + 5000)
	for _, tree := range []verity.Tree{
		{Hash: verity.SHA256, BlockSize: 4096, Salt: []byte("salt"), Bare: true},
		{Hash: verity.SHA1, BlockSize: 4096},
		{Hash: verity.SHA512, BlockSize: 512},
		{Hash: verity.BLAKE2b256, BlockSize: 65536},
	} {
		for _, n := range []int{1, 511, 4096, 4097, 1 << 20, 1<<20 + 1, 3 << 20, len(data)} {
			_, want := build(t, tree, data[:n], 1<<20)
			for name, run := range map[string]verity.Runner{"nil": nil, "together": together} {
				got, err := tree.Root(blob.Bytes(data[:n]), run)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s of %d bytes, %d, %s: %x, want %x, %v", tree.Hash, tree.BlockSize, n, name, got, want, err)
				}
			}
		}
	}
	if _, err := (verity.Tree{Hash: verity.SHA256, BlockSize: 4096}).Root(blob.Bytes(nil), nil); err == nil {
		t.Error("no data have a root")
	}
	stop := errors.New("enough")
	if _, err := (verity.Tree{Hash: verity.SHA256, BlockSize: 4096}).Root(blob.Bytes(data), func(int, func(int) error) error { return stop }); err != stop {
		t.Error(err)
	}
}
