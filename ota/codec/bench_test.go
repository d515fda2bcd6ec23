package codec_test

import (
	"bytes"
	"compress/bzip2"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/otatest"
)

// corpus is machine code: the first 8 MiB of the test's own binary.
func corpus(b *testing.B) []byte {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p, err := os.ReadFile(exe)
	if err != nil {
		b.Fatal(err)
	}
	return p[:min(len(p), 8<<20)]
}

// BenchmarkReader gives the speed of each method, of its library alone where
// there is one, and of the field's own tool, start of the process included.
func BenchmarkReader(b *testing.B) {
	p := corpus(b)
	for _, c := range []struct {
		name   string
		method codec.Method
		args   string // of the tool; it packs with them and -c, and unpacks with -dc
		lib    func(io.Reader) (io.Reader, error)
	}{
		{"xz", codec.XZ, "xz -6", func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }},
		{"xz-x86", codec.XZ, "xz --x86 --lzma2", nil},
		{"lzma", codec.LZMA, "xz --format=lzma", func(r io.Reader) (io.Reader, error) { return lzma.NewReader(r) }},
		{"bzip2", codec.Bzip2, "bzip2 -9", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
		{"gzip", codec.Gzip, "gzip -6", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"zstd", codec.Zstd, "zstd -q -6", func(r io.Reader) (io.Reader, error) {
			return zstd.NewReader(struct{ io.Reader }{r}, zstd.WithDecoderConcurrency(1))
		}},
		{"brotli", codec.Brotli, "brotli -q 6", func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }},
		{"lz4", codec.LZ4, "lz4 -q -9", func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil }},
		{"lz4-legacy", codec.LZ4Legacy, "lz4 -q -l -9", func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil }},
	} {
		args := strings.Fields(c.args)
		var data []byte
		run := func(name string, f func() (int64, error)) {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				if data == nil {
					data = pack(b, p, args[0], append(args[1:], "-c")...)
				}
				b.SetBytes(int64(len(p)))
				for b.Loop() {
					if n, err := f(); err != nil || n != int64(len(p)) {
						b.Fatal(n, err)
					}
				}
			})
		}
		run("codec", func() (int64, error) {
			d, err := codec.NewReader(c.method, bytes.NewReader(data), int64(len(p)))
			if err != nil {
				return 0, err
			}
			defer d.Close()
			return io.Copy(io.Discard, d)
		})
		if c.lib != nil {
			run("library", func() (int64, error) {
				d, err := c.lib(bytes.NewReader(data))
				if err != nil {
					return 0, err
				}
				return io.Copy(io.Discard, struct{ io.Reader }{d})
			})
		}
		run("tool", func() (int64, error) {
			unpack := []string{"-dc"}
			switch c.method {
			case codec.XZ, codec.LZMA:
				unpack = []string{"-T1", "-dc"}
			case codec.LZ4, codec.LZ4Legacy:
				unpack = []string{"-q", "-dc"}
			}
			cmd := exec.Command(otatest.Tool(b, args[0]), unpack...)
			var n counter
			cmd.Stdin, cmd.Stdout = bytes.NewReader(data), &n
			err := cmd.Run()
			return int64(n), err
		})
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func BenchmarkDeflate(b *testing.B) {
	p := corpus(b)
	var data bytes.Buffer
	w, err := flate.NewWriter(&data, 6)
	if err != nil {
		b.Fatal(err)
	}
	w.Write(p)
	w.Close()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		d, err := codec.NewReader(codec.Deflate, bytes.NewReader(data.Bytes()), int64(len(p)))
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, d); err != nil || n != int64(len(p)) {
			b.Fatal(n, err)
		}
		d.Close()
	}
}

// BenchmarkLZ4Block is beside the library, which is written in assembly, on
// blocks of 64 KiB.
func BenchmarkLZ4Block(b *testing.B) {
	p := corpus(b)[1<<20:][:64<<10]
	src, dst := lz4Block(b, p, true), make([]byte, len(p))
	for _, c := range []struct {
		name   string
		decode func() (int, error)
	}{
		{"codec", func() (int, error) { return codec.DecodeLZ4Block(dst, src) }},
		{"library", func() (int, error) { return lz4.UncompressBlock(src, dst) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				if n, err := c.decode(); n != len(p) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkMicroLZMA is on 64 KiB, a cluster of EROFS.
func BenchmarkMicroLZMA(b *testing.B) {
	p := corpus(b)[1<<20:][:64<<10]
	src := pack(b, p, "xz", "-c", "--format=raw", "--lzma1=lc=3,lp=0,pb=2")
	src[0] = ^byte(0x5d)
	dst := make([]byte, len(p))
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if n, err := codec.DecodeMicroLZMA(dst, src); n != len(p) || err != nil {
			b.Fatal(n, err)
		}
	}
}
