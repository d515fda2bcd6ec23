package squashfs_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/otatest"
)

// matrixTree makes files around the borders of blocks of 4 KiB to 1 MiB, of text, noise
// and holes, some of them twice.
func matrixTree(t testing.TB) map[string][]byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var text bytes.Buffer
	for i := 0; text.Len() < 1100<<10; i++ {
		fmt.Fprintf(&text, "line %d of %x\n", i, r.Uint64()>>(i%64))
	}
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	files := map[string][]byte{"empty": nil, "one": {1}, "noise": noise[:150000]}
	for _, n := range []int{4095, 4096, 4097, 65535, 65536, 65537, 1<<20 + 1} {
		files[fmt.Sprintf("sizes/%d", n)] = text.Bytes()[n%97 : n+n%97]
	}
	files["twice"] = files["sizes/65537"]
	holes := bytes.Clone(text.Bytes()[:600000])
	clear(holes[8192:500000])
	clear(holes[520000:])
	files["holes"] = holes
	files["mixed"] = append(append(bytes.Clone(noise[:70000]), text.Bytes()[:70000]...), noise[:5000]...)
	for i := range 400 { // a list of more than one block of metadata
		files[fmt.Sprintf("many/%s%03d", strings.Repeat("n", 60), i)] = text.Bytes()[i*10 : i*11]
	}
	return files
}

// TestMatrix reads what mksquashfs makes of one tree with every compression, size of
// block and option.
func TestMatrix(t *testing.T) {
	otatest.Tool(t, "mksquashfs")
	dir := t.TempDir()
	files := matrixTree(t)
	for name, data := range files {
		path := filepath.Join(dir, "tree", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cases := []string{
		"lz4 -noI", "lz4 -noD", "lz4 -noF", "lz4 -noX", "lz4 -noId", "gzip -noI -noD -noF -noX", "lz4 -no-fragments", "lz4 -always-use-fragments",
		"lz4 -no-exports", "lz4 -no-duplicates", "lz4 -no-sparse", "lz4 -no-tailends", "lz4 -no-xattrs", "lz4 -all-root", "lz4 -force-uid 100000 -force-gid 4294967294",
		"lz4 -nopad", "lz4 -Xhc", "gzip -Xstrategy huffman_only,fixed -b 8192", "gzip -Xwindow-size 8 -Xcompression-level 1",
		"xz -Xbcj x86 -b 32768", "xz -Xdict-size 25%", "zstd -Xcompression-level 1", "zstd -Xcompression-level 19 -b 524288",
	}
	for _, c := range []string{"gzip", "lz4", "xz", "zstd", "lzma"} {
		for log := 12; log <= 20; log++ {
			if log%4 == 0 || c == "lz4" { // other sizes of blocks differ in nothing but that
				cases = append(cases, fmt.Sprintf("%s -b %d", c, 1<<log))
			}
		}
	}
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c, " ", ""), func(t *testing.T) {
			if testing.Short() && !strings.Contains(c, "-b 1048576") {
				return
			}
			image := filepath.Join(dir, "image")
			args := append([]string{filepath.Join(dir, "tree"), image, "-noappend", "-no-progress", "-quiet", "-comp"}, strings.Fields(c)...)
			if out, err := otatest.Run(t, "mksquashfs", args...); err != nil {
				t.Fatal(out, err)
			}
			data, err := os.ReadFile(image)
			if err != nil {
				t.Fatal(err)
			}
			f := open(t, data)
			for name, want := range files {
				if got, err := f.ReadFile(name); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
				}
			}
			if got := len(listing(t, f)); got != len(files)+3 {
				t.Errorf("%d files, want %d", got, len(files)+3)
			}
			if n := f.Notes(); len(n) > 0 {
				t.Errorf("%q", n)
			}
		})
	}
}
