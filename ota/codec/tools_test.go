package codec_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/ulikunitz/xz/lzma"

	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/otatest"
)

// machineCode is n bytes of what the branch filters look for, among other bytes:
// the opcodes of all of them, at random, often close together.
func machineCode(n int) []byte {
	r := rand.New(rand.NewPCG(4, 7))
	b := make([]byte, 0, n+16)
	for len(b) < n {
		v := r.Uint32()
		switch r.IntN(12) {
		case 0:
			b = binary.LittleEndian.AppendUint32(b, 0xeb000000|v&0xffffff)
		case 1:
			b = binary.LittleEndian.AppendUint32(b, 0xf800f000|v&0x07ff07ff)
		case 2:
			b = binary.LittleEndian.AppendUint32(b, 0x94000000|v&0x03ffffff)
		case 3:
			b = binary.LittleEndian.AppendUint32(b, 0x90000000|v&0x60ffffff)
		case 4:
			b = binary.BigEndian.AppendUint32(b, 0x48000001|v&0x03fffffc)
		case 5:
			b = binary.BigEndian.AppendUint32(b, []uint32{0x40000000, 0x7fc00000}[v>>31]|v&0x3fffff)
		case 6: // call and jmp, whose operands may look like some
			op := []byte{0xe8, 0xe9, 0, 0xff, byte(v)}
			for range 2 + r.IntN(9) {
				b = append(b, op[r.IntN(len(op))])
			}
		case 7: // a bundle of 16 bytes with branches, where one begins
			for len(b)%16 != 0 {
				b = append(b, 0)
			}
			lo := uint64(v)<<20 | uint64(0x10+v>>28)
			hi := uint64(5)<<60 | r.Uint64()>>8&^(7<<32)
			b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, lo), hi)
		default:
			b = binary.LittleEndian.AppendUint32(b, v&0xff)
		}
	}
	return b[:n]
}

// inputs are what the tools are given.
func inputs(t testing.TB) map[string][]byte {
	return map[string][]byte{
		"nothing":  nil,
		"one byte": {0xe8},
		"sample":   file(t, "sample"),
		"code":     machineCode(300_001),
		"text":     bytes.Repeat(file(t, "sample")[:400], 1000),
		"noise":    noise(200_000),
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// pack runs a tool over p.
func pack(t testing.TB, p []byte, tool string, args ...string) []byte {
	t.Helper()
	c := exec.Command(otatest.Tool(t, tool), args...)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(p), &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", tool, args, err, errs.Bytes())
	}
	return out.Bytes()
}

// What the field's own tools pack comes out again, whatever they are told.
func TestTools(t *testing.T) {
	for _, tool := range []struct {
		name   string
		method codec.Method
		args   []string
	}{
		{"xz", codec.XZ, []string{
			"-0", "-6", "-9e", "--check=none", "--check=crc32", "--check=crc64", "--check=sha256", "--block-size=1000", "-T2 --block-size=100000",
			"--x86 --lzma2", "--arm --lzma2", "--armthumb --lzma2", "--arm64 --lzma2", "--powerpc --lzma2", "--sparc --lzma2", "--ia64 --lzma2",
			"--x86=start=4096 --lzma2", "--ia64=start=4294967280 --lzma2", "--arm64=start=1048576 --lzma2", "--armthumb=start=2 --lzma2",
			"--delta --lzma2", "--delta=dist=3 --lzma2", "--delta=dist=256 --x86 --arm --lzma2=preset=1", "--arm --arm --arm --lzma2",
			"--lzma2=dict=64MiB", "--lzma2=dict=4KiB,lc=4,lp=0,pb=4", "--lzma2=lc=0,lp=4,pb=0", "--lzma2=mf=hc3,mode=fast,nice=273",
		}},
		{"xz", codec.LZMA, []string{"--format=lzma", "--format=lzma -9", "--format=lzma --lzma1=lc=0,lp=2,pb=3,dict=4096"}},
		{"bzip2", codec.Bzip2, []string{"-1", "-9"}},
		{"gzip", codec.Gzip, []string{"-1", "-9"}},
		{"zstd", codec.Zstd, []string{"-q -1", "-q -19", "-q --ultra -22", "-q --fast=5", "-q --no-check", "-q --check", "-q -3 --long=27", "-q -1 --long=24 -T2"}},
		{"brotli", codec.Brotli, []string{"-q 0", "-q 5", "-q 11", "-w 10", "-w 24"}},
		{"lz4", codec.LZ4, []string{"-q", "-q -9", "-q -12", "-q -B4", "-q -B5 -BD", "-q -B6 -BX", "-q -B7 -BD -BX", "-q --no-frame-crc"}},
		{"lz4", codec.LZ4Legacy, []string{"-q -l", "-q -l -9"}},
	} {
		if testing.Short() {
			tool.args = tool.args[:1]
		}
		for _, arg := range tool.args {
			t.Run(tool.name+" "+arg, func(t *testing.T) {
				for name, want := range inputs(t) {
					data := pack(t, want, tool.name, append(strings.Fields(arg), "-c")...)
					got, err := decode(tool.method, data, int64(len(want)))
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(want))
					}
				}
			})
		}
	}
}

// A size in the header of .lzma, with an end marker and without; and none at all.
func TestLZMASize(t *testing.T) {
	for name, want := range inputs(t) {
		for _, marker := range []bool{false, true} {
			var b bytes.Buffer
			w, err := lzma.WriterConfig{SizeInHeader: true, Size: int64(len(want)), EOSMarker: marker}.NewWriter(&b)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(want)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			data := b.Bytes()
			if len(want) == 0 {
				clear(data[5:13]) // this encoder writes an unknown size
			}
			if got, err := decode(codec.LZMA, data, int64(len(want))); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, marker %t: %d bytes, %v", name, marker, len(got), err)
			}
			if back := pack(t, data, "xz", "-dc", "--format=lzma"); !bytes.Equal(back, want) {
				t.Errorf("%s, marker %t: xz disagrees", name, marker)
			}
		}
	}
	empty := append([]byte("\x5d\x00\x00\x80\x00"), make([]byte, 8+5)...)
	if got, err := decode(codec.LZMA, empty, 0); len(got) != 0 || err != nil {
		t.Errorf("size 0 and no marker: %d bytes, %v", len(got), err)
	}
}

// A distance beyond the limit is the limit's error, not the data's: noise that
// comes again after 1 MB, with a limit in its second half.
func TestFarMatch(t *testing.T) {
	want := noise(1 << 20)
	want = append(want, want...)
	for _, c := range []struct {
		tool   string
		args   string
		method codec.Method
	}{
		{"xz", "-c", codec.XZ}, {"xz", "-c --format=lzma", codec.LZMA}, {"zstd", "-qc --long=27", codec.Zstd}, {"brotli", "-c", codec.Brotli},
	} {
		data := pack(t, want, c.tool, strings.Fields(c.args)...)
		for _, most := range []int64{3 << 19, 1<<20 - 1, 1 << 20, 1<<20 + 1} {
			if testing.Short() && most != 3<<19 {
				break
			}
			got, err := decode(c.method, data, most)
			if err == nil || !strings.Contains(err.Error(), "may come out") || !bytes.HasPrefix(want, got) {
				t.Errorf("%s %s, at most %d: %d bytes, %v", c.tool, c.args, most, len(got), err)
			}
		}
	}
}
