package squashfs_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/squashfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// compressed is an image of a file of size bytes whose one block is stored as such.
func compressed(method uint16, block []byte, size uint32) []byte {
	m := image{data: otatest.LE(uint16(0x8008), uint32(1), uint32(0), block)} // behind the options of lz4
	m.change = func(b []byte) {
		le.PutUint16(b[20:], method)
		le.PutUint16(b[24:], 1<<10)
	}
	e := m.inode(2, 0, uint32(96+10), none, uint32(0), size, uint32(len(block)))
	return m.bytes(m.top(e.as("x")))
}

// lz4 is a block that becomes n bytes.
func lz4(n int) []byte {
	p := []byte{0x1f, 'x', 1, 0} // one byte, which is copied on and on
	n -= 1 + 4 + 15 + 5
	for ; n >= 255; n -= 255 {
		p = append(p, 255)
	}
	return append(p, byte(n), 0x50, 'x', 'x', 'x', 'x', 'x')
}

func deflated(n int) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(bytes.Repeat([]byte{'x'}, n))
	w.Close()
	return b.Bytes()
}

// TestBlocks: a block becomes what its file has there, no less and no more, whether it
// is read as a whole or in part.
func TestBlocks(t *testing.T) {
	sum := func(p ...byte) []byte { return append(p, otatest.LE(crc32.ChecksumIEEE(p))...) }
	// xz's block header of a filter for RISC-V, of xz 5.6, before LZMA2.
	riscv := append(append([]byte("\xfd7zXZ\x00"), sum(0, 0)...), sum(2, 1, 0x0b, 0, 0x21, 1, 0, 0)...)
	for _, tc := range []struct {
		name   string
		method uint16
		block  []byte
		size   uint32
		kind   error
		says   string
	}{
		{"gzip", 1, deflated(4096), 4096, nil, ""},
		{"gzip, a byte more", 1, deflated(4097), 4096, parse.ErrFormat, "zlib: more than the 4096 bytes that may come out"},
		{"gzip, a byte less", 1, deflated(4095), 4096, parse.ErrFormat, "as long as it has to be (0xfff)"},
		{"gzip, nothing", 1, deflated(0), 4096, parse.ErrFormat, "as long as it has to be (0x0)"},
		{"gzip, and bytes behind it", 1, append(deflated(4096), 0), 4096, parse.ErrFormat, "zlib: bytes behind the end of the stream"},
		{"gzip, the end of a file", 1, deflated(100), 100, nil, ""},
		{"gzip, the end of a file and more", 1, deflated(101), 100, parse.ErrFormat, "inode 1: block 0"},
		{"lz4", 5, lz4(4096), 4096, nil, ""},
		{"lz4, a byte more", 5, lz4(4097), 4096, parse.ErrFormat, "as long as it has to be (0x1001)"},
		{"lz4, much more", 5, lz4(10000), 4096, parse.ErrFormat, "as long as it has to be (0x1001)"},
		{"lz4, a byte less", 5, lz4(4095), 4096, parse.ErrFormat, "as long as it has to be (0xfff)"},
		{"lz4, the end of a file and more", 5, lz4(101), 100, parse.ErrFormat, "as long as it has to be"},
		{"lz4, cut", 5, lz4(4096)[:10], 4096, parse.ErrFormat, "lz4: ends within its data"},
		{"xz, a filter that is not known", 4, riscv, 4096, parse.ErrUnsupported, "xz: RISC-V filter before LZMA2 (0xb)"},
		{"xz, a dictionary of 4 GiB", 4, append(append([]byte("\xfd7zXZ\x00"), sum(0, 0)...), sum(2, 0, 0x21, 1, 40, 0, 0, 0)...), 4096, parse.ErrFormat, "xz: dictionary"},
		{"lzo", 3, lz4(4096), 4096, parse.ErrUnsupported, "a block that lzo has compressed"},
	} {
		f, err := squashfs.Open(blob.Bytes(compressed(tc.method, tc.block, tc.size)), nil)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		b, _, err := f.Blob("x")
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		for _, n := range []int{10, int(tc.size), 10} {
			p := make([]byte, n)
			n, err := b.ReadAt(p, 0)
			var pe *parse.Error
			switch {
			case tc.kind == nil:
				if err != nil || !bytes.Equal(p, bytes.Repeat([]byte{'x'}, n)) {
					t.Errorf("%s: %d bytes, %v", tc.name, n, err)
				}
			case n != 0 || !errors.As(err, &pe) || pe.Kind != tc.kind || !strings.Contains(err.Error(), tc.says):
				t.Errorf("%s: %d bytes of %d, %v", tc.name, n, len(p), err)
			}
		}
	}
}

// TestShortFragment: a file has its end in a fragment that it may not reach beyond.
func TestShortFragment(t *testing.T) {
	for _, tc := range []struct {
		offset, size uint32
		ok           bool
	}{{0, 100, true}, {50, 50, true}, {99, 1, true}, {50, 51, false}, {100, 1, false}, {101, 1, false}, {none, 100, false}} {
		m := image{data: deflated(100)}
		m.fragments = otatest.LE(uint64(96), uint32(len(m.data)), uint32(0))
		e := m.inode(2, 0, uint32(0), uint32(0), tc.offset, tc.size)
		p, err := open(t, m.bytes(m.top(e.as("x")))).ReadFile("x")
		if (err == nil) != tc.ok || tc.ok && len(p) != int(tc.size) || err != nil && !strings.Contains(err.Error(), "its fragment is shorter than what it has of it") {
			t.Errorf("%d bytes at %d: %d bytes, %v", tc.size, tc.offset, len(p), err)
		}
	}
}
