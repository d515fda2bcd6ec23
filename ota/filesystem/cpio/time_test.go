package cpio_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/cpio"
	"github.com/otavet/otavet/ota/parse"
)

// TestTime opens what asks for as much work as it can. All of it takes a second or less on one quiet core,
// and nothing grows with the square of anything.
func TestTime(t *testing.T) {
	if testing.Short() {
		t.Skip("makes archives of 65,536 entries")
	}
	const many = 1 << 16
	chain := func(b *builder, target string) { // 40 links, each to the next
		for i := range 40 {
			b.add(entry{name: fmt.Sprint("l", i), mode: 0o120777, data: []byte(fmt.Sprintf(target, i+1))})
		}
	}
	slashes, dots := strings.Repeat("/", 4080), strings.Repeat("./", 2040)
	for _, tc := range []struct {
		name  string
		limit bool // it is refused
		fill  func(b *builder)
	}{
		{"names through forty links with long targets", true, func(b *builder) {
			chain(b, "l%d/"+dots)
			for range many {
				b.add(entry{name: "l0/x", mode: 0o100644})
			}
		}},
		{"names through forty links with targets of slashes", true, func(b *builder) {
			chain(b, slashes+"l%d")
			for range many {
				b.add(entry{name: "l0/x", mode: 0o100644})
			}
		}},
		{"names through forty links with short targets", false, func(b *builder) {
			chain(b, "l%d")
			for range many {
				b.add(entry{name: "l0/x", mode: 0o100644})
			}
		}},
		{"names that go up and down", true, func(b *builder) {
			b.add(entry{name: strings.Repeat("d", 255), mode: 0o040755})
			for range 1 << 12 {
				b.add(entry{name: strings.Repeat(strings.Repeat("d", 255)+"/../", 15) + "f", mode: 0o100644})
			}
			for range many {
				b.add(entry{name: strings.Repeat("./", 200) + "f", mode: 0o100644})
			}
		}},
		{"names with slashes behind each element", false, func(b *builder) {
			b.add(entry{name: strings.Repeat("d/", 250), mode: 0o040755})
			for range 1 << 12 {
				b.add(entry{name: strings.Repeat("d/", 250) + "f" + strings.Repeat("/", 3500), mode: 0o100644})
			}
		}},
		{"hard links to a far name", true, func(b *builder) {
			b.add(entry{name: strings.Repeat("./", 2040) + "f", mode: 0o100644, ino: 1, nlink: 2})
			for i := range many {
				b.add(entry{name: fmt.Sprint(i), mode: 0o100644, ino: 1, nlink: 2})
			}
		}},
		{"notes of deep files", false, func(b *builder) {
			long := strings.Repeat("%", 255) + "/"
			b.add(entry{name: strings.Repeat(long, 15), mode: 0o040755})
			b.add(entry{name: "l1", mode: 0o120777, data: []byte(strings.Repeat(long, 15))})
			for i := 1; i < 15; i++ {
				b.add(entry{name: fmt.Sprintf("l%d/", i) + strings.Repeat(long, 15), mode: 0o040755})
				b.add(entry{name: fmt.Sprintf("l%d", i+1), mode: 0o120777, data: []byte(fmt.Sprintf("l%d/", i) + strings.Repeat(long, 15))})
			}
			for range many / 32 {
				b.add(entry{name: "l15/x", mode: 0o100644, data: []byte("data")})
			}
		}},
		{"many folders far down", false, func(b *builder) {
			b.add(entry{name: strings.Repeat("d/", 250), mode: 0o040755})
			b.add(entry{name: "l", mode: 0o120777, data: []byte(strings.Repeat("d/", 250))})
			for i := range 20_000 {
				b.add(entry{name: fmt.Sprint("l/", i), mode: 0o040755})
			}
		}},
		{"one name again and again", false, func(b *builder) {
			for i := range many {
				b.add(entry{name: "x", mode: []uint32{0o100644, 0o040755, 0o120777}[i%3], data: []byte("data")[:i%3/2*4]})
			}
		}},
		{"one folder", false, func(b *builder) {
			for i := range many {
				b.add(entry{name: fmt.Sprint(i), mode: 0o100644})
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b builder
			tc.fill(&b)
			opens(t, b.Bytes(), tc.limit)
		})
	}
}

// opens opens a ramdisk and walks it, within a minute of a slow machine.
func opens(t *testing.T, data []byte, limit bool) {
	t.Helper()
	start := time.Now()
	f, err := cpio.Open(blob.Bytes(data), nil, cpio.Options{Spool: t.TempDir()})
	took := time.Since(start)
	if limit != errors.Is(err, parse.ErrLimit) || !limit && err != nil {
		t.Fatal(err)
	}
	if err == nil {
		defer f.Close()
		if err := fs.WalkDir(f, ".", func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d KiB: opened in %v, walked in %v; %v", len(data)>>10, took, time.Since(start)-took, err)
	if time.Since(start) > time.Minute {
		t.Errorf("takes %v", time.Since(start))
	}
}

// TestStreams: a ramdisk of very many streams is refused, and as many as there may be
// take little time, whatever windows they ask for.
func TestStreams(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes what asks for windows of 64 MiB")
	}
	data := one(entry{name: "file", mode: 0o100644, data: []byte("data")})
	for name, tool := range map[string][]string{
		"gzip": {"gzip"}, "lzma": {"xz", "--format=lzma", "--lzma1=dict=64MiB"}, "xz": {"xz", "--check=crc32", "--lzma2=dict=64MiB"},
		"zstd": {"zstd", "-q", "--ultra", "--long=27"}, "bzip2": {"bzip2", "-9"}, "lz4-legacy": {"lz4", "-q", "-l"}, "lz4": {"lz4", "-q", "-B7"},
	} {
		t.Run(name, func(t *testing.T) {
			packed := append(pipe(t, "", data, tool...), make([]byte, 4096)...)
			opens(t, bytes.Repeat(packed, 64), false)
			opens(t, bytes.Repeat(packed, 65), true)
		})
	}
}
