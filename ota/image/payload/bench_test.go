package payload_test

import (
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
