//go:build unix

package archive_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestTreeIrregular: what is no file and no folder is listed, and does not
// block.
func TestTreeIrregular(t *testing.T) {
	dir := plant(t, map[string]string{"file": "x"})
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Skip(err)
	}
	tree := openTree(t, dir, nil)
	done := make(chan error)
	go func() {
		_, err := tree.Open("fifo")
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a pipe opens")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("opening a pipe blocks")
	}
	entries, err := fs.ReadDir(tree, ".")
	if err != nil || len(entries) != 2 || entries[0].Type() != fs.ModeNamedPipe {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := tree.ReadLink("fifo"); err == nil {
		t.Error("a pipe is no link")
	}
}

// TestTreeRace swaps a file for a link while it is opened, to a file outside and
// to one inside: what opens is never either.
func TestTreeRace(t *testing.T) {
	outside := filepath.Join(plant(t, map[string]string{"secret": "secret"}), "secret")
	for _, target := range []string{outside, "other"} {
		dir := plant(t, map[string]string{"a": "the file", "b": "-> " + target, "other": "another file"})
		tree := openTree(t, dir, nil)
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
			for {
				select {
				case <-stop:
					return
				default:
				}
				os.Rename(a, c)
				os.Rename(b, a)
				os.Rename(a, b)
				os.Rename(c, a)
			}
		}()
		tries, opened := 0, 0
		for deadline := time.Now().Add(time.Second / 3); opened < 2000 && time.Now().Before(deadline); tries++ {
			p, err := fs.ReadFile(tree, "a")
			if err != nil {
				continue
			}
			opened++
			if string(p) != "the file" {
				t.Errorf("read %q", p)
				break
			}
		}
		close(stop)
		<-done
		t.Logf("opened %d times of %d", opened, tries)
	}
}
