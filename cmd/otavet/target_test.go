package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Files go to more folders than are kept open, in any order.
func TestTargetFolders(t *testing.T) {
	dir := t.TempDir()
	out, err := openTarget(dir)
	if err != nil {
		t.Fatal(err)
	}
	var late []*pending
	for round := range 3 {
		for i := range 3 * maxFolders {
			f, err := out.create(fmt.Sprintf("%d/%d", i, round))
			if err != nil {
				t.Fatal(err)
			}
			if i%7 == 0 {
				late = append(late, f)
				continue
			}
			if err := f.commit(0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, f := range late {
		if err := f.commit(0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(out.folders) > maxFolders+len(late) {
		t.Errorf("%d folders are open", len(out.folders))
	}
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(found) != 9*maxFolders {
		t.Errorf("%d files, %v", len(found), err)
	}
}

// A file has its final name once it is complete, and not before; what never comes to
// its end leaves nothing.
func TestTarget(t *testing.T) {
	dir := t.TempDir()
	out, err := openTarget(filepath.Join(dir, "new/out"))
	if err != nil {
		t.Fatal(err)
	}
	done, err := out.create("a/b/done")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := done.WriteAt([]byte("x"), 5); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "new/out/a/b/done")); err == nil {
		t.Error("it has its name before it is complete")
	}
	if _, err := out.create("a/half"); err != nil {
		t.Fatal(err)
	}
	twin, err := out.create("a/b/done") // the same name twice, or one that the system cannot tell from it
	if err != nil {
		t.Fatal(err)
	}
	if err := done.commit(0o644); err != nil {
		t.Fatal(err)
	}
	if err := twin.commit(0o644); !errors.Is(err, errTaken) {
		t.Errorf("the second of one name: %v", err)
	}
	if _, err := out.create("a/b/done"); !errors.Is(err, errTaken) {
		t.Errorf("a name that is taken: %v", err)
	}
	for _, name := range []string{"../x", "/x", ".", "", "a/../x", "a//x"} {
		if _, err := out.create(name); err == nil {
			t.Errorf("%q was created", name)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	var left []string
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left = append(left, path)
		}
		return err
	})
	if len(left) != 1 || left[0] != filepath.Join(dir, "new/out/a/b/done") {
		t.Errorf("left: %v", left)
	}
}

// A link that stands in the folder leads nowhere outside it.
func TestTargetFollowsNoLinkOut(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"out", "elsewhere"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../elsewhere", filepath.Join(dir, "out/system")); err != nil {
		t.Skip("no symbolic links here")
	}
	out, err := openTarget(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := out.create("system/x"); err == nil {
		t.Error("a file was created through a link that leads out")
	}
	if list, _ := os.ReadDir(filepath.Join(dir, "elsewhere")); len(list) > 0 {
		t.Errorf("written outside: %v", list)
	}
}
