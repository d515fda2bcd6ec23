package codec_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/parse"
)

// methods are the methods by the extensions of the fixtures.
var methods = map[string]codec.Method{
	".xz": codec.XZ, ".lzma": codec.LZMA, ".bz2": codec.Bzip2, ".gz": codec.Gzip, ".zst": codec.Zstd, ".br": codec.Brotli,
	".lz4": codec.LZ4, ".lz4l": codec.LZ4Legacy,
}

// A fixture is a file of testdata.
type fixture struct {
	name   string
	method codec.Method
	data   []byte
	want   []byte
}

// fixtures are all of testdata that NewReader reads.
func fixtures(t testing.TB) []fixture {
	t.Helper()
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	var all []fixture
	for _, f := range files {
		m, ok := methods[filepath.Ext(f)]
		if !ok {
			continue
		}
		want := file(t, "sample")
		switch {
		case strings.Contains(f, "empty"):
			want = nil
		case strings.Contains(f, "stored"):
			want = file(t, "sample.gz")
		}
		all = append(all, fixture{filepath.Base(f), m, file(t, filepath.Base(f)), want})
	}
	if len(all) < 40 {
		t.Fatalf("%d fixtures", len(all))
	}
	return all
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decode reads all that data become.
func decode(m codec.Method, data []byte, most int64) ([]byte, error) {
	return drain(m, bytes.NewReader(data), most)
}

func drain(m codec.Method, r io.Reader, most int64) ([]byte, error) {
	d, err := codec.NewReader(m, r, most)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return io.ReadAll(d)
}

func TestFixtures(t *testing.T) {
	for _, f := range fixtures(t) {
		t.Run(f.name, func(t *testing.T) {
			// The limit is exact: it is no error to reach it.
			got, err := decode(f.method, f.data, int64(len(f.want)))
			if err != nil || !bytes.Equal(got, f.want) {
				t.Fatalf("%d bytes, %v; want %d", len(got), err, len(f.want))
			}
			got, err = drain(f.method, iotest.OneByteReader(bytes.NewReader(f.data)), 1<<20)
			if err != nil || !bytes.Equal(got, f.want) {
				t.Fatalf("byte by byte: %d bytes, %v; want %d", len(got), err, len(f.want))
			}
			got, err = drain(f.method, iotest.DataErrReader(bytes.NewReader(f.data)), 1<<20)
			if err != nil || !bytes.Equal(got, f.want) {
				t.Fatalf("with the end at once: %d bytes, %v; want %d", len(got), err, len(f.want))
			}
			d, err := codec.NewReader(f.method, bytes.NewReader(f.data), 1<<40)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(iotest.OneByteReader(d)); err != nil || !bytes.Equal(got, f.want) {
				t.Fatalf("out byte by byte: %d bytes, %v; want %d", len(got), err, len(f.want))
			}
			if f.method == codec.Brotli {
				return // has nothing to tell it by
			}
			if m, ok := codec.Detect(f.data[:min(codec.DetectSize, len(f.data))]); (m != f.method || !ok) && f.name != "sample.props.lzma" {
				t.Errorf("detected %q, %t", m, ok)
			}
		})
	}
}

// Every limit below the size of the output stops there, and says so.
func TestMost(t *testing.T) {
	for _, f := range fixtures(t) {
		for _, most := range []int{0, 1, 700, len(f.want) - 1} {
			if most < 0 || most >= len(f.want) {
				continue
			}
			got, err := decode(f.method, f.data, int64(most))
			if !errors.Is(err, parse.ErrLimit) || !bytes.Equal(got, f.want[:most]) {
				t.Errorf("%s: at most %d: %d bytes, %v", f.name, most, len(got), err)
			}
		}
		if _, err := decode(f.method, f.data, -1); len(f.want) > 0 && !errors.Is(err, parse.ErrLimit) {
			t.Errorf("%s: a limit below zero: %v", f.name, err)
		}
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		head string
		want codec.Method
	}{
		{"", ""},
		{"\xfd7zXZ", ""},
		{"BZh91AY&SY", codec.Bzip2},
		{"BZh9\x17rE8P\x90", codec.Bzip2},
		{"BZhello", ""},
		{"LZIP\x01", codec.Lzip},
		{"\x89LZO\x00\r\n\x1a\n", codec.Lzop},
		{"\x1f\x9d\x90", codec.Compress},
		{"\x1f\x8b\x07", ""},
		{"\x50\x2a\x4d\x18\x02\x00\x00\x00..\x28\xb5\x2f\xfd", codec.Zstd},
		{"\x50\x2a\x4d\x18\x02\x00\x00\x00..\x5f\x2a\x4d\x18\x00\x00\x00\x00\x04\x22\x4d\x18", codec.LZ4},
		{"\x50\x2a\x4d\x18\xff\xff\xff\xff..\x28\xb5\x2f\xfd", ""},
		{"\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff", codec.LZMA},
		{"\x5d\x00\x00\xc0\x00\xff\xff\xff\xff\xff\xff\xff\xff", codec.LZMA},
		{"\x5d\x00\x00\xa0\x00\xff\xff\xff\xff\xff\xff\xff\xff", ""},
		{"\x5d\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", ""},
		{"\x5d\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00", codec.LZMA},
		{"\x5d\x00\x00\x80\x00\x00\x00\x00\x00\x40\x00\x00\x00", ""},
		{"]\x00", ""},
	} {
		m, ok := codec.Detect([]byte(c.head))
		if ok != (c.want != "") || ok && m != c.want {
			t.Errorf("%q: %q, %t; want %q", c.head, m, ok, c.want)
		}
	}
}

func TestUnsupportedMethod(t *testing.T) {
	for _, m := range []codec.Method{codec.Lzip, codec.Lzop, codec.Compress, "", "microlzma"} {
		r, err := codec.NewReader(m, strings.NewReader(""), 1)
		if r != nil || !errors.Is(err, parse.ErrUnsupported) || !strings.HasPrefix(err.Error(), string(m)+": ") {
			t.Errorf("%q: %v", m, err)
		}
	}
}

// What stands behind a stream is judged as the doc says; the output comes first.
func TestTrailing(t *testing.T) {
	const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00"
	for _, c := range []struct {
		name, tail string
		ok         bool
	}{
		{"sample.crc64.xz", zeros, true},
		{"sample.crc64.xz", zeros[:6], false},
		{"sample.crc64.xz", "garbage", false},
		{"sample.crc64.xz", "garbage and more", false},
		{"sample.crc64.xz", "\xfd7zXZ", false},
		{"sample.lzma", zeros, false},
		{"sample.bz2", zeros, true},
		{"sample.bz2", "garbage", true},
		{"sample.bz2", "BZh", false},
		{"sample.gz", zeros, true},
		{"sample.gz", zeros + "x", false},
		{"sample.gz", "garbage", false},
		{"sample.gz", "\x1f\x8b\x08", false},
		{"sample.zst", zeros, false},
		{"sample.zst", "\x00", false},
		{"sample.zst", "garbage", false},
		{"sample.zst", "\x50\x2a\x4d\x18\x01\x00\x00\x00.", true},
		{"sample.zst", "\x50\x2a\x4d\x18\x02\x00\x00\x00.", false},
		{"sample.br", zeros, false},
		{"sample.br", "garbage", false},
		{"sample.lz4", zeros, false},
		{"sample.lz4", "garbage", false},
		{"sample.lz4", "\x50\x2a\x4d\x18\x01\x00\x00\x00.", true},
		{"sample.lz4l", zeros, true},
		{"sample.lz4l", zeros[:5], true},
		{"sample.lz4l", zeros[:3], true},
		{"sample.lz4l", "\xd0\x09\x00\x00", true}, // 2512, the size
		{"sample.lz4l", "\xd1\x09\x00\x00", false},
		{"sample.lz4l", "\xd0\x09\x00\x00\x00", false},
		{"sample.lz4l", zeros + "x", false},
		{"sample.lz4l", "garbage", false},
	} {
		m := methods[filepath.Ext(c.name)]
		got, err := decode(m, append(file(t, c.name), c.tail...), 1<<20)
		if !bytes.Equal(got, file(t, "sample")) {
			t.Errorf("%s + %q: %d bytes", c.name, c.tail, len(got))
		}
		if (err == nil) != c.ok || err != nil && !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%s + %q: %v", c.name, c.tail, err)
		}
	}
}

// A source that fails is not malformed, and its panics are its own.
func TestSourceFails(t *testing.T) {
	failure := errors.New("the disk is gone")
	for _, f := range fixtures(t) {
		r := io.MultiReader(bytes.NewReader(f.data[:len(f.data)/2]), iotest.ErrReader(failure))
		_, err := drain(f.method, r, 1<<20)
		if !errors.Is(err, failure) || errors.Is(err, parse.ErrFormat) {
			t.Errorf("%s: %v", f.name, err)
		}
		_, err = drain(f.method, io.MultiReader(bytes.NewReader(f.data[:len(f.data)/2]), stuck{}), 1<<20)
		if !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("%s: no progress: %v", f.name, err)
		}
		func() {
			defer func() {
				if v := recover(); v != "my own" {
					t.Errorf("%s: a panic of the source became %v", f.name, v)
				}
			}()
			drain(f.method, panics{}, 1<<20)
		}()
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("my own") }

func TestClose(t *testing.T) {
	for _, f := range fixtures(t) {
		d, err := codec.NewReader(f.method, bytes.NewReader(f.data), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := d.Read(nil); n != 0 || err != nil {
			t.Errorf("%s: reading nothing: %d, %v", f.name, n, err)
		}
		d.Read(make([]byte, 10))
		if err := d.Close(); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		if _, err := d.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: reads after Close: %v", f.name, err)
		}
		if err := d.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: closes twice: %v", f.name, err)
		}
	}
}
