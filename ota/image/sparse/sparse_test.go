package sparse_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/sparse"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// fixture is a committed image, made by libsparse: see testdata/images/README.md.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata/images/sparse", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, b []byte) *sparse.Image {
	t.Helper()
	m, err := sparse.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func digest(t testing.TB, b blob.Blob) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, blob.Reader(b)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// split are the four files that simg2simg made of basic.simg.
func split(t testing.TB) (files []blob.Blob) {
	for i := range 4 {
		files = append(files, blob.Bytes(fixture(t, fmt.Sprintf("split.%d", i))))
	}
	return files
}

// TestFixtures expands the committed images to what simg2img made of them.
func TestFixtures(t *testing.T) {
	n := 0
	for line := range strings.Lines(string(fixture(t, "SHA256SUMS"))) {
		want, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		var m *sparse.Image
		if name == "split" {
			var err error
			if m, err = sparse.Join(split(t), nil); err != nil {
				t.Fatal(err)
			}
		} else {
			m = open(t, fixture(t, name))
		}
		if got := digest(t, m); got != want {
			t.Errorf("%s: %s, simg2img has %s", name, got, want)
		}
		if len(m.Notes) > 0 {
			t.Errorf("%s: %q", name, m.Notes)
		}
		n++
	}
	t.Logf("%d images expand to what simg2img made of them", n)
}

// TestReader reads from everywhere, in pieces of every size.
func TestReader(t *testing.T) {
	m := open(t, fixture(t, "crc-hole.simg"))
	all, err := blob.ReadAll(m, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(blob.Reader(m), all); err != nil {
		t.Error(err)
	}
	for off := 0; off < len(all); off += 123 {
		for _, n := range []int{1, 3, 5, 1024, 1025, 4000} {
			p := make([]byte, n)
			got, err := m.ReadAt(p, int64(off))
			want := min(n, len(all)-off)
			if got != want || !bytes.Equal(p[:got], all[off:off+got]) || (err == io.EOF) != (want < n) || err != nil && err != io.EOF {
				t.Fatalf("ReadAt(%d bytes, %d) = %d, %v", n, off, got, err)
			}
		}
	}
	if n, err := m.ReadAt(make([]byte, 1), m.Size()); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if _, err := m.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset passed")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if p, err := blob.ReadAll(m, 1<<20); err != nil || !bytes.Equal(p, all) {
				t.Errorf("at once: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestRuns(t *testing.T) {
	got := fmt.Sprint(slices.Collect(open(t, fixture(t, "crc-hole.simg")).Runs()))
	want := "[{0 2048 raw 0} {2048 2048 fill 3735928559} {4096 2048 hole 0} {6144 1024 raw 0}]"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	for _, name := range []string{"crc.simg", "crc-fill.simg", "crc-hole.simg"} {
		b := fixture(t, name)
		if n, err := open(t, b).Verify(); n != 1 || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		for _, at := range []int{50, 2087, len(b) - 1} { // data and the checksum
			bent := bytes.Clone(b)
			bent[at] ^= 0x10
			if _, err := open(t, bent).Verify(); !errors.Is(err, parse.ErrFormat) {
				t.Errorf("%s bent at %d: %v", name, at, err)
			}
		}
	}
	if n, err := open(t, fixture(t, "basic.simg")).Verify(); n != 0 || err != nil {
		t.Errorf("no checksum: %d, %v", n, err)
	}
}

// TestReal expands each image of the public test data as simg2img does.
func TestReal(t *testing.T) {
	dir := otatest.Data(t, "sparse")
	tool := otatest.Tool(t, "simg2img")
	names, err := filepath.Glob(filepath.Join(dir, "*.img"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	equal := 0
	for _, name := range names {
		raw := filepath.Join(t.TempDir(), "raw")
		if out, err := exec.Command(tool, name, raw).CombinedOutput(); err != nil {
			t.Fatalf("simg2img: %v\n%s", err, out)
		}
		src, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		in, err := blob.NewFile(src)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		m, err := sparse.Open(in, nil)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
			continue
		}
		if why := same(t, m, raw); why != "" {
			t.Errorf("%s: %s", filepath.Base(name), why)
			continue
		}
		if _, err := m.Verify(); err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
		os.Remove(raw)
		equal++
	}
	t.Logf("%d of %d images expand as simg2img expands them", equal, len(names))
}

// same compares an image with a file, but for what is a hole in both.
func same(t *testing.T, m *sparse.Image, name string) string {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if st, _ := f.Stat(); st.Size() != m.Size() {
		return fmt.Sprintf("%d bytes, simg2img has %d", m.Size(), st.Size())
	}
	const step = 1 << 20
	touched := make([]bool, m.Size()/step+1)
	for r := range m.Runs() {
		for i := r.Off / step; r.Kind != sparse.Hole && i <= (r.Off+r.Len-1)/step; i++ {
			touched[i] = true
		}
	}
	a, b := make([]byte, step), make([]byte, step)
	for i := range touched {
		off := int64(i) * step
		if !touched[i] && hole(f, off, step) {
			continue
		}
		n, err := m.ReadAt(a, off)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		k, err := f.ReadAt(b, off)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if !bytes.Equal(a[:n], b[:k]) {
			return fmt.Sprintf("bytes differ in the MiB at %#x", off)
		}
	}
	return ""
}

// hole tells whether the n bytes at off are a hole of the file. Where the system
// cannot say they are none.
func hole(f *os.File, off, n int64) bool {
	const seekData = 3 // of Linux
	if runtime.GOOS != "linux" {
		return false
	}
	at, err := f.Seek(off, seekData)
	return errors.Is(err, syscall.ENXIO) || err == nil && at >= off+n
}

// TestTools has Debian's tools make and split images of many shapes, and reads
// them back.
func TestTools(t *testing.T) {
	img2simg, simg2simg := otatest.Tool(t, "img2simg"), otatest.Tool(t, "simg2simg")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	rounds, files := 0, 0
	for seed := range uint64(12) {
		raw := shape(seed)
		if err := os.WriteFile(at("raw"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		run(img2simg, at("raw"), at("simg"), "1024")
		b, err := os.ReadFile(at("simg"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := blob.ReadAll(open(t, b), 1<<24); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("seed %d: %v", seed, err)
		}
		run(simg2simg, at("simg"), at("part"), "9000")
		names, _ := filepath.Glob(at("part.*"))
		var parts []blob.Blob
		for i := range names {
			p, err := os.ReadFile(at(fmt.Sprintf("part.%d", i)))
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, blob.Bytes(p))
			os.Remove(at(fmt.Sprintf("part.%d", i)))
		}
		m, err := sparse.Join(parts, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := blob.ReadAll(m, 1<<24); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("seed %d, joined from %d: %v", seed, len(parts), err)
		}
		rounds, files = rounds+1, files+len(parts)
	}
	t.Logf("%d images that img2simg made, and the %d files that simg2simg split them into, are read as they were", rounds, files)
}

// shape is an image of blocks of data, of one word, and of zeros.
func shape(seed uint64) []byte {
	rnd := func() uint64 { seed = seed*6364136223846793005 + 1442695040888963407; return seed >> 33 }
	var out []byte
	for range 20 + rnd()%200 {
		block := make([]byte, 1024)
		switch rnd() % 4 {
		case 0:
			for i := range block {
				block[i] = byte(rnd())
			}
		case 1:
			w := byte(rnd())
			for i := range block {
				block[i] = w
			}
		}
		out = append(out, block...)
	}
	return out
}
