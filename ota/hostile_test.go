package ota_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// compressors are the tools' words for files that they write to their output.
var compressors = []struct{ ending, tool, args string }{
	{"gz", "gzip", "-n -9 -c"}, {"bz2", "bzip2", "-9 -c"}, {"xz", "xz", "-1 -c"}, {"lzma", "xz", "-1 --format=lzma -c"}, {"zst", "zstd", "-q -c"},
	{"lz4", "lz4", "-q -c"}, {"br", "brotli", "-q 3 -c"},
}

// compress runs a tool over a file of dir and gives what it wrote.
func compress(t *testing.T, dir, name, ending string) []byte {
	t.Helper()
	i := slices.IndexFunc(compressors, func(c struct{ ending, tool, args string }) bool { return c.ending == ending })
	c := compressors[i]
	run(t, dir, name+"."+ending, c.tool, append(strings.Fields(c.args), name)...)
	b, err := os.ReadFile(filepath.Join(dir, name+"."+ending))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// empty makes a file that begins as an ext4 image and holds zeros.
func empty(t *testing.T, dir, name string, size int64) {
	t.Helper()
	write(t, dir, name, append(make([]byte, 1080), 0x53, 0xef))
	if err := os.Truncate(filepath.Join(dir, name), size); err != nil {
		t.Fatal(err)
	}
}

// soon fails a test that takes longer than any machine needs for it.
func soon(t *testing.T, most time.Duration, f func()) {
	t.Helper()
	begun := time.Now()
	f()
	if d := time.Since(begun); d > most {
		t.Errorf("it took %v", d)
	}
}

// whole opens and makes all; the first error of either, or of a partition or problem.
func whole(ctx context.Context, b []byte, name string, o ota.Options) error {
	p, err := ota.Open(ctx, blob.Bytes(b), name, o)
	if err != nil {
		return err
	}
	defer p.Close()
	r, err := ota.Materialise(ctx, p, ota.Pass{Jobs: 2})
	if err != nil {
		return err
	}
	for _, q := range p.Problems {
		if q.Err != nil {
			return q.Err
		}
	}
	for _, m := range r.Made {
		if m.Err != nil {
			return m.Err
		}
	}
	return nil
}

// What decompresses to more than is allotted stops there, and the limit is named; whether it stands
// alone, in a zip or in a tar in a zip.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("short: nothing of it runs in parallel that other tests do not run")
	}
	const most = 8 << 20
	dir := t.TempDir()
	empty(t, dir, "system.img", 24<<20)
	for _, c := range compressors {
		b := compress(t, dir, "system.img", c.ending)
		if len(b) > 1<<18 {
			t.Fatalf("%s is no bomb: %d bytes", c.ending, len(b))
		}
		name := "system.img." + c.ending
		run(t, dir, "", "tar", "-cf", "AP."+c.ending+".tar", name)
		tar, err := os.ReadFile(filepath.Join(dir, "AP."+c.ending+".tar"))
		if err != nil {
			t.Fatal(err)
		}
		zip := &otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: name, Data: b}}}
		inner := &otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "AP.tar", Data: tar}}}
		for where, file := range map[string][]byte{"alone": b, "in a zip": zip.Bytes(), "in a tar in a zip": inner.Bytes()} {
			as := "update.zip"
			if where == "alone" {
				as = name
			}
			err := whole(t.Context(), file, as, ota.Options{Spool: t.TempDir(), Limits: parse.Limits{Produced: most}})
			if !errors.Is(err, parse.ErrLimit) || !strings.Contains(err.Error(), "more than 8388608 decoded bytes") {
				t.Errorf("%s %s: %v", c.ending, where, err)
			}
		}
	}
	// Deflate of the zip itself.
	deflated := &otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "system.img", Data: make([]byte, 24<<20), Deflate: true}}}
	if err := whole(t.Context(), deflated.Bytes(), "update.zip", ota.Options{Limits: parse.Limits{Produced: most}}); !errors.Is(err, parse.ErrLimit) && !errors.Is(err, parse.ErrUnsupported) {
		t.Errorf("deflate: %v", err)
	}
	// A tar in xz, whose directory is where it ends.
	empty(t, dir, "big.img", 24<<20)
	run(t, dir, "", "tar", "-cf", "images.tar", "big.img")
	for _, ending := range []string{"gz", "xz", "zst"} {
		if err := whole(t.Context(), compress(t, dir, "images.tar", ending), "images.tar."+ending, ota.Options{Limits: parse.Limits{Produced: most}}); !errors.Is(err, parse.ErrLimit) ||
			!strings.Contains(err.Error(), "more than 8388608 decoded bytes") {
			t.Errorf("tar in %s: %v", ending, err)
		}
	}
}

// Nor does a small file become more than any partition of nothing does, whatever is allotted.
func TestRatio(t *testing.T) {
	if testing.Short() {
		t.Skip("short: nothing of it runs in parallel that other tests do not run")
	}
	dir := t.TempDir()
	empty(t, dir, "system.img", 256<<20+4096)
	for _, ending := range []string{"zst"} {
		err := whole(t.Context(), compress(t, dir, "system.img", ending), "system.img."+ending, ota.Options{Spool: t.TempDir()})
		if !errors.Is(err, parse.ErrLimit) || !strings.Contains(err.Error(), "more than the 268435456 bytes that may come out") {
			t.Errorf("%s: %v", ending, err)
		}
	}
}

// A dictionary that update_engine does not take is refused before it is allocated.
func TestDictionary(t *testing.T) {
	dir := t.TempDir()
	empty(t, dir, "system.img", 1<<20)
	run(t, dir, "big.xz", "xz", "--lzma2=dict=128MiB", "-c", "system.img")
	b, err := os.ReadFile(filepath.Join(dir, "big.xz"))
	if err != nil {
		t.Fatal(err)
	}
	zip := (&otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "system.img.xz", Data: b}}}).Bytes()
	var a otatest.Allocations
	before := a.Read()
	for name, file := range map[string][]byte{"system.img.xz": b, "update.zip": zip} {
		if err := whole(t.Context(), file, name, ota.Options{}); !errors.Is(err, parse.ErrLimit) || !strings.Contains(err.Error(), "dictionary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := a.Read() - before; n > 16<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// sparseOf is a sparse image of chunks; blocks is what its header says of all of them.
func sparseOf(blocks uint32, chunks ...[]byte) []byte {
	b := otatest.LE(uint32(0xed26ff3a), uint16(1), uint16(0), uint16(28), uint16(12), uint32(4096), blocks, uint32(len(chunks)), uint32(0))
	return append(b, bytes.Join(chunks, nil)...)
}

func chunk(typ uint16, blocks uint32, data []byte) []byte {
	return append(otatest.LE(typ, uint16(0), blocks, uint32(12+len(data))), data...)
}

const (
	raw      = 0xcac1
	fill     = 0xcac2
	dontCare = 0xcac3
)

// An image of 16 TiB of nothing is not read for hours: it meets the budget before its first byte.
func TestHugeSparse(t *testing.T) {
	dir := t.TempDir()
	for what, img := range map[string][]byte{
		"not cared about": sparseOf(1<<32-1, chunk(dontCare, 1<<32-1, nil)),
		"filled":          sparseOf(1<<32-1, chunk(fill, 1<<32-1, []byte("abcd"))),
	} {
		write(t, dir, "system.img", img)
		lz4 := compress(t, dir, "system.img", "lz4")
		for name, b := range map[string][]byte{
			"system.img":     img,
			"system.img.lz4": lz4,
			"stored.zip":     (&otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "system.img", Data: img}}}).Bytes(),
			"deflated.zip":   (&otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "system.img", Data: img, Deflate: true}}}).Bytes(),
			"lz4.zip":        (&otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "system.img.lz4", Data: lz4}}}).Bytes(),
		} {
			soon(t, 5*time.Second, func() {
				err := whole(t.Context(), b, name, ota.Options{})
				if !errors.Is(err, parse.ErrLimit) || !strings.Contains(err.Error(), "decoded bytes (0xffffffff000)") {
					t.Errorf("%s, %s: %v", what, name, err)
				}
			})
		}
	}
}

// Four compressions around an image are undone, five are not.
func TestNestedCompression(t *testing.T) {
	dir := t.TempDir()
	empty(t, dir, "system.img", 1<<16)
	name := "system.img"
	for _, ending := range []string{"xz", "gz", "zst", "lz4", "bz2"} {
		b := compress(t, dir, name, ending)
		name += "." + ending
		zip := (&otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: name, Data: b}}}).Bytes()
		for as, file := range map[string][]byte{name: b, "update.zip": zip} {
			err := whole(t.Context(), file, as, ota.Options{})
			if strings.Count(name, ".") <= 5 && err != nil {
				t.Errorf("%s in %s: %v", name, as, err)
			}
			if strings.Count(name, ".") > 5 && (!errors.Is(err, parse.ErrLimit) || !strings.Contains(err.Error(), "more than four times")) {
				t.Errorf("%s in %s: %v", name, as, err)
			}
		}
	}
}

// Archives in archives are opened one deep, and count against the depth that is allotted.
func TestNestedArchives(t *testing.T) {
	dir := t.TempDir()
	empty(t, dir, "system.img", 1<<16)
	run(t, dir, "", "tar", "-cf", "inner.tar", "system.img")
	run(t, dir, "", "tar", "-cf", "outer.tar", "inner.tar")
	run(t, dir, "", "zip", "-q", "one.zip", "inner.tar")
	run(t, dir, "", "zip", "-q", "two.zip", "outer.tar")
	for _, tc := range []struct {
		name    string
		depth   int
		parts   string
		kind    error
		problem string
	}{
		{"one.zip", 2, "system raw 65536", nil, ""},
		{"one.zip", 1, "", parse.ErrLimit, "nested too deep"},
		{"two.zip", 8, "", parse.ErrUnsupported, "hold no image"},
	} {
		p, err := ota.OpenPath(t.Context(), filepath.Join(dir, tc.name), ota.Options{Limits: parse.Limits{Depth: tc.depth}})
		if err != nil {
			t.Fatal(err)
		}
		ok := tc.kind == nil && len(p.Problems) == 0 ||
			len(p.Problems) > 0 && errors.Is(p.Problems[0].Err, tc.kind) && strings.Contains(p.Problems[0].Err.Error(), tc.problem)
		if describe(p) != tc.parts || !ok {
			t.Errorf("%s: %s, problems %v", tc.name, describe(p), p.Problems)
		}
		p.Close()
	}
}

// smallPayload is a payload of two partitions without compression, and how far its manifest goes.
func smallPayload(t testing.TB, names ...string) ([]byte, int) {
	t.Helper()
	u := &otatest.Payload{Temp: t.TempDir()}
	for i, name := range names {
		u.Partitions = append(u.Partitions, otatest.PayloadPartition{Name: name, Image: blob.Bytes(bytes.Repeat([]byte{byte(i + 1)}, 8192)), Chunk: 4096})
	}
	var b bytes.Buffer
	if _, err := u.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), 24 + int(binary.BigEndian.Uint64(b.Bytes()[12:]))
}

// A payload that is cut off at any byte says where, alone and in a zip.
func TestCutPayload(t *testing.T) {
	b, metadata := smallPayload(t, "system", "boot")
	at := func(err error, n int) bool {
		var pe *parse.Error
		return errors.As(err, &pe) && errors.Is(err, parse.ErrFormat) && pe.Off >= 0 && pe.Off <= int64(n)
	}
	for n := range len(b) {
		p, err := ota.Open(t.Context(), blob.Bytes(b[:n:n]), "payload.bin", ota.Options{})
		switch {
		case err == nil:
			p.Close()
			t.Errorf("%d bytes opened", n)
		case n < 4 && !errors.Is(err, parse.ErrUnsupported), n >= 4 && !at(err, len(b)):
			t.Errorf("%d bytes: %v", n, err)
		}
		if n > metadata && n%512 != 0 {
			continue
		}
		zip := (&otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "payload.bin", Data: b[:n]}}}).Bytes()
		p = openBytes(t, zip)
		if len(p.Problems) != 1 || !at(p.Problems[0].Err, len(b)) || p.Problems[0].Off < 0 || p.Problems[0].Member != "payload.bin" || !p.Problems[0].Installs {
			t.Errorf("%d bytes in a zip: %+v", n, p.Problems)
		}
	}
	if err := whole(t.Context(), b, "payload.bin", ota.Options{}); err != nil {
		t.Errorf("all bytes: %v", err)
	}
}

// A payload.bin that is none, and members whose sizes are not what their heads say.
func TestLyingMembers(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 512)
	short := sparseOf(4, chunk(raw, 2, data), chunk(dontCare, 2, nil))
	for _, tc := range []struct {
		name string
		m    otatest.ZipMember
		kind error
		says string
	}{
		{"a payload that is a zip", otatest.ZipMember{Name: "payload.bin", Data: zipOf(t, map[string]string{"payload.bin": "CrAU"})}, parse.ErrFormat, "does not begin with CrAU"},
		{"a payload of nothing", otatest.ZipMember{Name: "payload.bin"}, parse.ErrFormat, "payload"},
		{"a sparse image that is whole", otatest.ZipMember{Name: "system.img", Data: short}, nil, ""},
		{"whole, deflated", otatest.ZipMember{Name: "system.img", Data: short, Deflate: true}, nil, ""},
		{"shorter than its chunks", otatest.ZipMember{Name: "system.img", Data: short[:3000]}, parse.ErrFormat, "sparse"},
		{"shorter, deflated", otatest.ZipMember{Name: "system.img", Data: short[:3000], Deflate: true}, parse.ErrFormat, "sparse"},
		{"longer", otatest.ZipMember{Name: "system.img", Data: append(bytes.Clone(short), 1, 2, 3)}, nil, ""},
		{"longer, deflated", otatest.ZipMember{Name: "system.img", Data: append(bytes.Clone(short), 1, 2, 3), Deflate: true}, nil, ""},
		{"more blocks than its chunks have", otatest.ZipMember{Name: "system.img", Data: sparseOf(5, chunk(raw, 2, data))}, parse.ErrFormat, "block"},
		{"more, deflated", otatest.ZipMember{Name: "system.img", Data: sparseOf(5, chunk(raw, 2, data)), Deflate: true}, parse.ErrFormat, "block"},
		{"fewer blocks", otatest.ZipMember{Name: "system.img", Data: sparseOf(1, chunk(raw, 2, data))}, parse.ErrFormat, "block"},
		{"Sony's chunk", otatest.ZipMember{Name: "system.img", Data: sparseOf(4, chunk(0xcac5, 4, nil))}, parse.ErrUnsupported, "sparse"},
		{"a member shorter than the directory says", otatest.ZipMember{Name: "system.img", Data: data, Deflate: true,
			Local: func(h *otatest.ZipHeader) { h.Size += 4096 }, Central: func(h *otatest.ZipHeader) { h.Size += 4096 }}, parse.ErrFormat, ""},
		{"longer than the directory says", otatest.ZipMember{Name: "system.img", Data: data, Deflate: true,
			Local: func(h *otatest.ZipHeader) { h.Size -= 4096 }, Central: func(h *otatest.ZipHeader) { h.Size -= 4096 }}, parse.ErrFormat, ""},
		{"a super image cut off", otatest.ZipMember{Name: "super.img", Data: superFixture(t)[:30<<10]}, parse.ErrFormat, ""},
		{"cut off, deflated", otatest.ZipMember{Name: "super.img", Data: superFixture(t)[:30<<10], Deflate: true}, parse.ErrFormat, ""},
	} {
		err := whole(t.Context(), (&otatest.ZipBuilder{Members: []otatest.ZipMember{tc.m}}).Bytes(), "update.zip", ota.Options{})
		if !errors.Is(err, tc.kind) || tc.kind != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %v with %q", tc.name, err, tc.kind, tc.says)
		}
	}
}

func superFixture(t testing.TB) []byte {
	b, err := os.ReadFile(images(t, "super/super.img"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
