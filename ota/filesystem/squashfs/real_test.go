package squashfs_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/filesystem/squashfs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
)

// TestReal lists the images of update_engine's own tests as unsquashfs does, and reads
// what it extracts.
func TestReal(t *testing.T) {
	for _, tc := range []struct {
		name         string
		lines, files int
	}{{"disk_sqfs_default.img", 22, 14}, {"disk_sqfs_empty.img", 1, 0}, {"disk_sqfs_unittest.img", 14, 10}} {
		t.Run(tc.name, func(t *testing.T) {
			image := otatest.Data(t, "payload", tc.name)
			data, err := os.ReadFile(image)
			if err != nil {
				t.Fatal(err)
			}
			f := open(t, data)
			dir := filepath.Join(t.TempDir(), "x")
			// Without root it cannot make devices, which it tells of.
			if out, err := otatest.Run(t, "unsquashfs", "-quiet", "-no-progress", "-processors", "1", "-no-exit-code", "-d", dir, image); err != nil {
				t.Fatal(out, err)
			}
			list, err := otatest.Run(t, "unsquashfs", "-lln", "-UTC", "-d", "", image)
			if err != nil {
				t.Fatal(list, err)
			}
			var want, got []string
			for l := range strings.Lines(list) {
				want = append(want, strings.Join(strings.Fields(l), " "))
			}
			files := 0
			err = fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				got = append(got, lls(t, f, name))
				if !d.Type().IsRegular() {
					return nil
				}
				files++
				theirs, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(raw(t, name))))
				if err != nil {
					return err
				}
				ours, err := f.ReadFile(name)
				if err != nil || !bytes.Equal(ours, theirs) {
					t.Errorf("%s differs: %v", name, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			// unsquashfs tells how long the list of a folder is, which is nobody's contents.
			for i, l := range want {
				if words := strings.SplitN(l, " ", 4); words[0][0] == 'd' {
					want[i] = words[0] + " " + words[1] + " 0 " + words[3]
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if len(got) != tc.lines || files != tc.files {
				t.Errorf("%d lines, %d files", len(got), files)
			}
			if n := f.Notes(); len(n) > 0 {
				t.Errorf("%q", n)
			}
			otatest.TestFileSystem(t, f)
		})
	}
}

// lls is a line of unsquashfs -lln, without its columns.
func lls(t *testing.T, f *squashfs.FS, name string) string {
	t.Helper()
	st, err := f.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	m := st.Sys().(*vfs.Meta)
	mode := []byte(st.Mode().Perm().String())
	size := fmt.Sprint(st.Size())
	switch st.Mode().Type() {
	case fs.ModeDir:
		mode[0] = 'd'
	case fs.ModeSymlink:
		mode[0] = 'l'
	case fs.ModeNamedPipe:
		mode[0] = 'p'
	case fs.ModeDevice | fs.ModeCharDevice:
		mode[0] = 'c'
		size = fmt.Sprintf("%d, %d", m.Major, m.Minor)
	}
	l := fmt.Sprintf("%s %d/%d %s %s %s", mode, m.UID, m.GID, size, st.ModTime().Format("2006-01-02 15:04"), path.Join("/", raw(t, name)))
	if name == "." {
		l = strings.TrimSuffix(l, " /")
	}
	if st.Mode().Type() == fs.ModeSymlink {
		target, err := f.ReadLink(name)
		if err != nil {
			t.Fatal(err)
		}
		l += " -> " + raw(t, target)
	}
	return l
}
