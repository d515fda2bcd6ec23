package payload

import (
	"bytes"
	"crypto/sha256"
	"io"

	"github.com/otavet/otavet/ota/parse"
)

// lenApply is how many bytes of what an operation becomes are written at once.
const lenApply = 128 << 10

// Complete tells whether the operations, with the hash tree and the error
// correction that the installer computes, make the whole partition, from nothing
// but the payload: whether Apply for each operation, in any order, and then
// HashTree and FEC, leave no block as it was.
//
// The error is parse.ErrUnsupported and names the operation where one needs the
// older image or is not known, or the partition where blocks of a delta payload
// are not written, or may be written twice (minor version 1).
func (part *Partition) Complete() error {
	for i := range part.Operations {
		if err := part.applicable(i); err != nil {
			return err
		}
	}
	if !part.whole {
		return fail(part.Offset, parse.ErrUnsupported, "the payload does not write all of "+part.Name, nil)
	}
	return nil
}

func (part *Partition) applicable(i int) error {
	switch op := &part.Operations[i]; {
	case op.Type.Source():
		return opFail(part, i, parse.ErrUnsupported, "it needs the older image", nil)
	case !op.Type.Known():
		return opFail(part, i, parse.ErrUnsupported, "it is not known", nil)
	}
	return nil
}

// OpSize is the size in bytes of the blocks that operation i writes.
func (part *Partition) OpSize(i int) int64 { return part.Operations[i].size }

// A Hash says whether stored data have the SHA-256 that the manifest states.
type Hash uint8

// The answers.
const (
	HashUnknown Hash = iota // not all data were read
	HashNone                // none is stated: there may be no data either
	HashHolds
	HashDiffers
)

// String is "unknown", "none", "holds" or "differs".
func (h Hash) String() string {
	switch h {
	case HashNone:
		return "none"
	case HashHolds:
		return "holds"
	case HashDiffers:
		return "differs"
	}
	return "unknown"
}

// Applied is what Apply did.
type Applied struct {
	Stored  int64 // bytes of data that were read
	Decoded int64 // bytes that they became, without the zeros that fill the last block
	Hash    Hash  // of the stored data
}

// Apply writes what operation i becomes to w, at the places that its extents
// have in the new partition. It decodes the operation once, as a stream: memory
// is what the decoder takes and 192 KiB, however large the operation. What goes
// to Extent.Start SparseHole is decoded and not written.
//
// Zero and Discard write nothing, and nothing writes the hash tree and the error
// correction: where w is not zero beforehand the caller has to make it so. No two
// operations of a partition that is Complete write the same bytes, so that they
// may be applied in any order and at the same time.
//
// The stored data are read once, all of them, also those that the decoder does
// not ask for, and hashed on the way. That they do not have their hash is no
// error: it is said in Applied, which counts beside an error too, and what the
// data become is written all the same.
//
// The error is parse.ErrUnsupported where the operation needs the older image or
// is not known, and nothing is read; that which a Blob's reading gives where the
// operation cannot be decoded, except that nothing is too large, and some of it
// may have been written; and that of w or of reading the payload as it comes:
// then Hash is HashUnknown.
func (part *Partition) Apply(i int, o Options, w io.WriterAt) (Applied, error) {
	if err := part.applicable(i); err != nil {
		return Applied{}, err
	}
	op := &part.Operations[i]
	if op.Type == Zero || op.Type == Discard {
		return Applied{Hash: HashNone}, nil
	}
	r, err := (&image{part, o.Decode, int64(part.p.BlockSize)}).reader(i)
	if err != nil {
		return Applied{}, err
	}
	if len(op.DataHash) > 0 {
		r.src.hash = sha256.New()
	}
	buf := make([]byte, min(lenApply, op.size))
	failed, err := error(nil), r.decode()
	if err == nil {
		failed, err = r.writeTo(w, buf)
	}
	for failed == nil && r.src.err == nil && r.src.left > 0 {
		_, _ = r.src.Read(buf) // it keeps the error
	}
	a := Applied{Stored: op.DataLength - r.src.left, Decoded: r.made}
	switch {
	case failed != nil:
		return a, failed
	case r.src.err != nil:
		return a, r.src.err
	case r.src.hash == nil:
		a.Hash = HashNone
	case bytes.Equal(r.src.hash.Sum(nil), op.DataHash):
		a.Hash = HashHolds
	default:
		a.Hash = HashDiffers
	}
	return a, err
}

// writeTo writes all that r gives to the places of its operation, and closes it.
// An error of w is the first one.
func (r *opReader) writeTo(w io.WriterAt, buf []byte) (failed, err error) {
	defer r.Close()
	for _, x := range r.im.Operations[r.i].Dst {
		at, left := int64(x.Start)*r.im.block, int64(x.Blocks)*r.im.block
		for left > 0 {
			n, err := io.ReadFull(r, buf[:min(left, int64(len(buf)))])
			if n > 0 && x.Start != SparseHole {
				if _, failed := w.WriteAt(buf[:n], at); failed != nil {
					return failed, nil
				}
			}
			if err != nil {
				return nil, err
			}
			at, left = at+int64(n), left-int64(n)
		}
	}
	return nil, nil
}
