package inspect_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/otatest"
)

// An image of a megabyte can hold a file of a terabyte, which is a hole: it is not read to its
// end, and a gap says so. Its neighbours are.
func TestHoles(t *testing.T) {
	otatest.Tool(t, "mke2fs")
	dir := t.TempDir()
	tree, image := filepath.Join(dir, "tree"), filepath.Join(dir, "system.img")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int64{"a": 5, "hole": 1 << 40, "small-hole": 1 << 20, "z": 7} {
		f, err := os.Create(filepath.Join(tree, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(size); err != nil {
			t.Skipf("this file system cannot hold a file of %d bytes: %v", size, err)
		}
		f.Close()
	}
	if out, err := otatest.Run(t, "mke2fs", "-q", "-t", "ext4", "-b", "4096", "-O", "^has_journal", "-d", tree, image, "256"); err != nil {
		t.Fatal(out, err)
	}
	facts := run(t, open(t, image), []fact.Kind{fact.KindFiles}, 2)
	var names []string
	for _, f := range facts.Files {
		if f.SHA256 != "" {
			names = append(names, f.At.Path)
		}
	}
	if got := strings.Join(names, " "); got != "a small-hole z" {
		t.Errorf("files %s", got)
	}
	if len(facts.Gaps) != 1 || facts.Gaps[0].Cause != fact.CauseLimit || facts.Gaps[0].At.Path != "hole" {
		t.Errorf("gaps %v", facts.Gaps)
	}
}
