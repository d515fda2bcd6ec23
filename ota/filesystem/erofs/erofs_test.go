package erofs_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/erofs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

func open(t testing.TB, path string) *erofs.FS {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := erofs.Open(blob.Bytes(data), parse.NewBudget(parse.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// lines reads a file of truth: what stands behind sep, by what stands before it.
func lines(t testing.TB, path, sep string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		a, b, _ := strings.Cut(strings.TrimSuffix(line, "\n"), sep)
		out[a] = b
	}
	return out
}

// TestEncodings reads one tree in many encodings: every file has its SHA-256 and
// every link its target, in all of them.
func TestEncodings(t *testing.T) {
	for _, folder := range []string{"erofs", "erofs-tiny"} {
		dir := otatest.Data(t, folder)
		sums := make(map[string]string)
		for line := range lines(t, filepath.Join(dir, "SHA256SUMS"), "\n") {
			sum, name, _ := strings.Cut(line, "  ")
			sums[strings.TrimPrefix(name, "./")] = sum
		}
		links := make(map[string]string)
		for name, target := range lines(t, filepath.Join(dir, "LINKS"), " -> ") {
			links[strings.TrimPrefix(name, "./")] = target
		}
		images, err := filepath.Glob(filepath.Join(dir, "*.img"))
		if err != nil || len(images) < 10 {
			t.Fatal(images, err)
		}
		for _, image := range images {
			t.Run(folder+"/"+filepath.Base(image), func(t *testing.T) { tree(t, open(t, image), sums, links) })
		}
	}
}

func tree(t *testing.T, f *erofs.FS, sums, links map[string]string) {
	t.Helper()
	files, found := 0, 0
	err := fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch d.Type() {
		case 0:
			if got := sum(t, f, path); got != sums[path] {
				t.Errorf("%s: %s, want %s", path, got, sums[path])
			}
			files++
		case fs.ModeSymlink:
			target, err := f.ReadLink(path)
			if err != nil || target != links[path] {
				t.Errorf("%s -> %s, %v; want %s", path, target, err, links[path])
			}
			found++
		}
		return nil
	})
	if err != nil || files != len(sums) || found != len(links) {
		t.Errorf("%d files of %d, %d links of %d: %v", files, len(sums), found, len(links), err)
	}
	if notes := f.Notes(); len(notes) > 0 {
		t.Error(notes)
	}
}

func sum(t testing.TB, f *erofs.FS, path string) string {
	t.Helper()
	file, err := f.Open(path)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
