package sparse_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/otavet/otavet/ota/blob"
)

// BenchmarkRead reads an image of 64 MiB in order, 256 KiB at once, beside a
// copy of as many bytes. Half are data in chunks of 64 KiB, the rest fills and holes.
func BenchmarkRead(b *testing.B) {
	var build builder
	for i := range 512 {
		switch i % 4 {
		case 0, 2:
			build.list = append(build.list, raw(32, byte(i)))
		case 1:
			build.list = append(build.list, fill(32, uint32(i)*0x01010101))
		case 3:
			build.list = append(build.list, none(32))
		}
		build.blocks += 32
	}
	file := build.bytes()
	m := open(b, file)
	plain, err := blob.ReadAll(m, 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	read := func(b *testing.B, in blob.Blob) {
		buf := make([]byte, 256<<10)
		b.SetBytes(in.Size())
		for b.Loop() {
			for off := int64(0); off < in.Size(); off += int64(len(buf)) {
				if _, err := in.ReadAt(buf, off); err != nil && err != io.EOF {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("sparse", func(b *testing.B) { read(b, m) })
	b.Run("copy", func(b *testing.B) { read(b, blob.Bytes(bytes.Clone(plain))) })
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			open(b, file)
		}
	})
}
