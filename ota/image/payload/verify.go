package payload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// CheckData compares the data of an operation, as they are stored, with their
// SHA-256. The error is parse.ErrFormat where they differ, and
// parse.ErrUnsupported where there are data and no hash. Where there is neither,
// all is well.
func (part *Partition) CheckData(i int) error {
	op := &part.Operations[i]
	if len(op.DataHash) == 0 {
		if op.DataLength > 0 {
			return opFail(part, i, parse.ErrUnsupported, "there is no hash of its data", nil)
		}
		return nil
	}
	data, err := part.Data(i)
	if err != nil {
		return err
	}
	return compare(blob.Reader(data), op.DataLength, op.DataHash, func(got string) error {
		return opFail(part, i, parse.ErrFormat, "its data do not have their hash", got)
	})
}

// Check compares the new partition with its SHA-256: see Reader for what it
// needs. The error is parse.ErrFormat where they differ, and
// parse.ErrUnsupported where there is no hash.
func (part *Partition) Check(o Options) error {
	if len(part.New.Hash) == 0 {
		return fail(part.Offset, parse.ErrUnsupported, "there is no hash of the new partition "+part.Name, nil)
	}
	r, err := part.Reader(o)
	if err != nil {
		return err
	}
	defer r.Close()
	return compare(r, part.New.Size, part.New.Hash, func(got string) error {
		return fail(part.Offset, parse.ErrFormat, "the new partition does not have its hash: "+part.Name, got)
	})
}

// compare hashes all of r, which has size bytes.
func compare(r io.Reader, size int64, want []byte, differ func(string) error) error {
	h := sha256.New()
	if _, err := io.CopyBuffer(h, r, make([]byte, min(64<<10, size+1))); err != nil {
		return err
	}
	if got := h.Sum(nil); !bytes.Equal(got, want) {
		return differ(hex.EncodeToString(got))
	}
	return nil
}

// Reader gives the new partition from its first byte to its last. It decodes
// each operation once, however large, as long as those that become more than
// 16 MiB are written in the order of the partition, without another of them
// between; and else gives parse.ErrLimit. What it needs, and the errors, are those of Blob.
func (part *Partition) Reader(o Options) (io.ReadCloser, error) {
	im, err := part.image(o)
	if err != nil {
		return nil, err
	}
	return &inOrder{im: im}, nil
}

// An inOrder reads small operations through the cache, and keeps the one large
// operation open that it is in.
type inOrder struct {
	im  *image
	off int64
	op  *opReader // nil: none
}

func (r *inOrder) Read(p []byte) (int, error) {
	if r.off == r.im.New.Size {
		return 0, io.EOF
	}
	s := r.im.find(r.off)
	in, left := r.im.place(s, r.off)
	i := int(s.op)
	p = p[:min(int64(len(p)), left)]
	n, err := len(p), error(nil)
	if kinds[r.im.Operations[i].Type] != "" && r.im.Operations[i].size > maxCached {
		n, err = r.large(p, i, in)
	} else {
		err = r.im.readOp(p, i, in)
	}
	if err != nil {
		return 0, err
	}
	r.off += int64(n)
	return n, nil
}

func (r *inOrder) large(p []byte, i int, in int64) (int, error) {
	if in == 0 {
		r.Close() // what the last one became is complete
		op, err := r.im.open(i)
		if err != nil {
			return 0, err
		}
		r.op = op
	}
	if r.op == nil || r.op.i != i || r.op.at != in {
		return 0, opFail(r.im.Partition, i, parse.ErrLimit, "it becomes more than 16 MiB, not in the order of the partition", in)
	}
	return r.op.Read(p)
}

// Close ends decoding.
func (r *inOrder) Close() error {
	if r.op == nil {
		return nil
	}
	op := r.op
	r.op = nil
	return op.Close()
}
