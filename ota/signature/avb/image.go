package avb

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"math"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/verity"
)

// Check compares an image with the digest that the descriptor states: of the salt and the
// image's first ImageSize bytes. ErrFormat: it differs, or the image is too short. ErrUnsupported: the digest
// is kept on the device, or is made by what libavb does not know.
func (h *Hash) Check(image blob.Blob) error {
	var sum hash.Hash
	switch h.Algorithm {
	case "sha256":
		sum = sha256.New()
	case "sha512":
		sum = sha512.New()
	default:
		return fail(-1, parse.ErrUnsupported, "hash algorithm", h.Algorithm)
	}
	switch {
	case len(h.Digest) == 0:
		return fail(-1, parse.ErrUnsupported, "the digest is kept on the device", nil)
	case len(h.Digest) != sum.Size():
		return fail(-1, parse.ErrFormat, "a digest of another length than its algorithm's", len(h.Digest))
	case h.ImageSize > uint64(image.Size()):
		return fail(image.Size(), parse.ErrFormat, "the image is shorter than the descriptor says", h.ImageSize)
	}
	sum.Write(h.Salt)
	if err := feed(sum, image, int64(h.ImageSize)); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), h.Digest) {
		return fail(0, parse.ErrFormat, "the image does not have its digest", nil)
	}
	return nil
}

// Check makes the hash tree of an image anew. root is about the data, whose root the descriptor states
// and signs; stored about the tree behind them, which is another matter: a device reads it, and one that is
// absent or differs keeps it from starting, though the data are right.
//
// Blocks are hashed by run; nil: one after another.
func (t *Hashtree) Check(image blob.Blob, run verity.Runner) (root, stored error) {
	if t.Version != 1 {
		err := fail(-1, parse.ErrUnsupported, "a hash tree of another version of dm-verity", t.Version)
		return err, err
	}
	size := uint64(image.Size())
	switch {
	case t.ImageSize > size:
		err := fail(int64(size), parse.ErrFormat, "the image is shorter than the descriptor says", t.ImageSize)
		return err, err
	case t.DataBlock != t.HashBlock || t.DataBlock > math.MaxInt32:
		err := fail(-1, parse.ErrUnsupported, "blocks of data and of the tree that differ in size", t.DataBlock)
		return err, err
	}
	algorithm, err := verity.ParseHash(t.Algorithm)
	if err != nil {
		return err, err
	}
	tree := verity.Tree{Hash: algorithm, Salt: t.Salt, BlockSize: int(t.DataBlock), Bare: true}
	if root = t.checkRoot(tree, image, run); root != nil {
		return root, root
	}
	return nil, t.checkStored(tree, image)
}

func (t *Hashtree) checkRoot(tree verity.Tree, image blob.Blob, run verity.Runner) error {
	data, err := blob.Section(image, 0, int64(t.ImageSize))
	if err != nil {
		return err
	}
	root, err := tree.Root(data, run)
	if err != nil {
		return err
	}
	if !bytes.Equal(root, t.Root) {
		return fail(0, parse.ErrFormat, "the image does not have the root of its hash tree", nil)
	}
	return nil
}

func (t *Hashtree) checkStored(tree verity.Tree, image blob.Blob) error {
	want, err := tree.Size(int64(t.ImageSize))
	if err != nil {
		return err
	}
	size := uint64(image.Size())
	switch {
	case t.TreeSize == 0 && want > 0:
		return fail(-1, parse.ErrFormat, "the image has no hash tree", nil)
	case t.TreeOffset > size || t.TreeSize > size-t.TreeOffset:
		return fail(int64(size), parse.ErrFormat, "the hash tree lies outside the image", t.TreeOffset)
	}
	stored, err := blob.Section(image, int64(t.TreeOffset), int64(t.TreeSize))
	if err != nil {
		return err
	}
	return tree.CheckTree(int64(t.ImageSize), stored, t.Root)
}

// CheckFEC makes the forward error correction of an image anew, which is over all that lies
// before it: data and hash tree. verity.ErrNoFEC: the descriptor has none. ErrFormat: it differs, or does not fit
// into the image. ErrUnsupported: codewords that dm-verity does not take. A device starts without
// it, and cannot mend blocks then.
func (t *Hashtree) CheckFEC(image blob.Blob) error {
	size := uint64(image.Size())
	switch {
	case t.FECSize == 0:
		return verity.ErrNoFEC
	case t.FECOffset > size || t.FECSize > size-t.FECOffset:
		return fail(int64(size), parse.ErrFormat, "the error correction lies outside the image", t.FECOffset)
	case t.DataBlock > math.MaxInt32 || t.FECRoots > math.MaxInt32:
		return fail(-1, parse.ErrFormat, "sizes of error correction that nothing has", t.FECRoots)
	}
	data, err := blob.Section(image, 0, int64(t.FECOffset))
	if err != nil {
		return err
	}
	parity, err := blob.Section(image, int64(t.FECOffset), int64(t.FECSize))
	if err != nil {
		return err
	}
	return verity.FEC{Roots: int(t.FECRoots), BlockSize: int(t.DataBlock)}.Check(data, parity)
}

// feed writes the first n bytes of b to w.
func feed(w interface{ Write([]byte) (int, error) }, b blob.Blob, n int64) error {
	buf := make([]byte, min(max(n, 1), 1<<20))
	for off := int64(0); off < n; {
		k := min(int64(len(buf)), n-off)
		if _, err := blob.ReadFull(b, buf[:k], off); err != nil {
			return err
		}
		if _, err := w.Write(buf[:k]); err != nil {
			return err
		}
		off += k
	}
	return nil
}
