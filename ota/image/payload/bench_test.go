package payload_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
)

// large is a payload of 100,000 operations that are decoded to one block each.
func large() []byte {
	const count = 100_000
	f := new(file)
	ops := make([]*node, 0, count+2)
	for i := range count {
		ops = append(ops, f.add(payload.ReplaceXZ, []byte{4, byte(i)}, dst(i, 1)))
	}
	ops = append(ops, n(1, "system"), msg(7, n(1, count*block)))
	f.manifest = []*node{msg(13, ops...)}
	return f.bytes()
}

func BenchmarkOpen(b *testing.B) {
	data := blob.Bytes(large())
	b.ReportAllocs()
	for b.Loop() {
		p, err := payload.Open(data, nil)
		if err != nil || len(p.Partitions[0].Operations) != 100_000 {
			b.Fatal(err)
		}
		b.SetBytes(p.Metadata.Len)
	}
}

// A partition of 64 MiB in 32 operations of xz: applied, and read in order.
func BenchmarkApply(b *testing.B) {
	f, count := new(file), 32
	fields := []*node{n(1, "p"), msg(7, n(1, count<<21))}
	for i := range count {
		fields = append(fields, f.add(payload.ReplaceXZ, xzip(words(2<<20, uint64(i))), dst(i*512, 512)))
	}
	f.manifest = []*node{msg(13, fields...)}
	o := payload.Options{Decode: std}
	b.Run("Apply", func(b *testing.B) {
		part := open(b, f.bytes()).Partition("p")
		b.SetBytes(part.New.Size)
		b.ReportAllocs()
		for b.Loop() {
			for i := range part.Operations {
				if _, err := part.Apply(i, o, nowhere{}); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("Reader", func(b *testing.B) {
		data := f.bytes()
		b.ReportAllocs()
		for b.Loop() {
			part := open(b, data).Partition("p") // with nothing in the cache
			b.SetBytes(part.New.Size)
			r, err := part.Reader(o)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, 128<<10)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

type nowhere struct{}

func (nowhere) WriteAt(p []byte, off int64) (int, error) { return len(p), nil }

// words are n bytes that xz makes about a third of.
func words(n int, seed uint64) []byte {
	r, b := rand.New(rand.NewPCG(seed, 0)), make([]byte, 0, n)
	for len(b) < n {
		b = append(fmt.Appendf(b, "%d", r.IntN(1<<20)), " of something"[:4+r.IntN(9)]...)
	}
	return b[:n]
}

// One block of another operation each time, none of them kept.
func BenchmarkReadBlock(b *testing.B) {
	p, err := payload.Open(blob.Bytes(large()), nil)
	if err != nil {
		b.Fatal(err)
	}
	im, err := p.Partitions[0].Blob(payload.Options{Decode: toy})
	if err != nil {
		b.Fatal(err)
	}
	buf, i := make([]byte, block), int64(0)
	b.SetBytes(block)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := im.ReadAt(buf, i*7919%100_000*block); err != nil || buf[0] != byte(i*7919%100_000) {
			b.Fatal(err)
		}
		i++
	}
}
