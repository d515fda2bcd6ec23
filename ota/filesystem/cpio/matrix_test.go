package cpio_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/filesystem/cpio"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
)

// makers write the names that they are given to an archive.
var makers = map[string][]string{
	"gnu":     {"cpio", "--quiet", "-o", "-H", "newc"},
	"gnu crc": {"cpio", "--quiet", "-o", "-H", "crc"},
	"bsd":     {"bsdcpio", "--quiet", "-o", "-H", "newc"},
	"busybox": {"busybox", "cpio", "-o", "-H", "newc"},
}

// listers tell what is in an archive.
var listers = map[string][]string{
	"gnu":     {"cpio", "--quiet", "-itvn"},
	"bsd":     {"bsdtar", "--numeric-owner", "-tvf", "-"},
	"busybox": {"busybox", "cpio", "-tv"},
}

// packers compress as ramdisks are compressed.
var packers = map[string][]string{
	"gzip": {"gzip", "-6"}, "lz4-legacy": {"lz4", "-q", "-l", "-3"}, "lz4": {"lz4", "-q", "-3"}, "zstd": {"zstd", "-q", "-3"},
	"xz": {"xz", "-1", "--check=crc32"}, "bzip2": {"bzip2", "-1"}, "lzma": {"xz", "-1", "--format=lzma"},
}

// pipe is what a tool makes of data.
func pipe(t testing.TB, dir string, data []byte, command ...string) []byte {
	t.Helper()
	cmd := exec.Command(otatest.Tool(t, command[0]), command[1:]...)
	cmd.Stdin, cmd.Dir = bytes.NewReader(data), dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(command, err)
	}
	return out
}

// plant makes files of many kinds and sizes, and gives their names.
func plant(t *testing.T) (dir string, names []byte) {
	t.Helper()
	dir = t.TempDir()
	do := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	do(os.MkdirAll(filepath.Join(dir, strings.Repeat("deep/", 20)), 0o755))
	for i, size := range []int{0, 1, 2, 3, 4, 5, 511, 512, 4095, 4096, 100_000} {
		do(os.WriteFile(filepath.Join(dir, fmt.Sprint("size ", size)), bytes.Repeat([]byte{byte(i + 1)}, size), 0o644))
	}
	do(os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	for _, name := range []string{"a", "deep/b", "z"} {
		do(os.Link(filepath.Join(dir, "size 511"), filepath.Join(dir, name)))
	}
	do(os.Symlink("../nowhere", filepath.Join(dir, "link")))
	do(os.Symlink("/"+strings.Repeat("x", 1000), filepath.Join(dir, "deep/long")))
	do(os.WriteFile(filepath.Join(dir, strings.Repeat("n", 250)), []byte("n"), 0o600))
	do(os.Chmod(filepath.Join(dir, "size 5"), 0o751|fs.ModeSetuid))
	do(os.Chmod(filepath.Join(dir, "size 4"), 0o640|fs.ModeSetgid))
	do(os.Chmod(filepath.Join(dir, "empty"), 0o777|fs.ModeSticky))
	var all []string
	do(filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, name)
		all = append(all, rel)
		return err
	}))
	for i, name := range slices.Backward(all) { // folders after what is in them
		pipe(t, dir, nil, "touch", "-h", "-d", fmt.Sprint("@", 1e9+i*1e6), name)
	}
	return dir, []byte(strings.Join(all, "\n") + "\n")
}

// TestMatrix holds archives of each maker, compressed by each tool, against the files that it was given, and
// against what each lister makes of them.
func TestMatrix(t *testing.T) {
	dir, names := plant(t)
	for maker, make := range makers {
		t.Run(maker, func(t *testing.T) {
			data := pipe(t, dir, names, make...)
			f := open(t, data)
			compareFiles(t, f, dir)
			for lister, list := range listers {
				t.Run("listed by "+lister, func(t *testing.T) { compareList(t, f, string(pipe(t, dir, data, list...))) })
			}
			for packer, pack := range packers {
				t.Run(packer, func(t *testing.T) {
					f := open(t, pipe(t, dir, data, pack...))
					if a := f.Archives(); len(a) != 1 || string(a[0].Method) != packer || a[0].Sums != strings.HasSuffix(maker, "crc") {
						t.Errorf("%+v", a)
					}
					compareFiles(t, f, dir)
				})
			}
		})
	}
}

// compareFiles holds a ramdisk against a folder.
func compareFiles(t *testing.T, f *cpio.FS, dir string) {
	t.Helper()
	seen := 0
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		seen++
		want, err := d.Info()
		if err != nil {
			return err
		}
		got, err := f.Lstat(name)
		if err != nil {
			return err
		}
		if got.Mode() != want.Mode() || got.ModTime().Unix() != want.ModTime().Unix() || !want.IsDir() && got.Size() != want.Size() {
			t.Errorf("%s: %v, the file is %v", name, got, fs.FormatFileInfo(want))
		}
		switch {
		case want.Mode().IsRegular():
			p, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			if q, err := f.ReadFile(name); err != nil || !bytes.Equal(p, q) {
				t.Errorf("%s: %d bytes, the file has %d: %v", name, len(q), len(p), err)
			}
		case want.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			if got, err := f.ReadLink(name); err != nil || got != target {
				t.Errorf("%s: to %s, not %s: %v", name, got, target, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if n := len(lines(t, f, false)); n != seen {
		t.Errorf("%d files, the folder has %d", n, seen)
	}
}

// A line of GNU cpio or bsdtar, and one of busybox.
var (
	long  = regexp.MustCompile(`^(\S+) +(\d+) +(\d+) +(\d+) +(\d+|\d+, *\d+) +(\w{3} [ \d]\d  \d{4}) (.*)$`)
	short = regexp.MustCompile(`^(\S+) +(\d+)/(\d+) +(\d+|\d+, *\d+) +(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (.*)$`)
)

// compareList holds a ramdisk against the list of a tool, in which links have the modes of
// their entries; in Linux they have all the same. Of the sizes of hard links, and
// of how many subfolders a folder has, each says something else; busybox does not list
// all names of a file, nor sizes of links.
func compareList(t *testing.T, f *cpio.FS, list string) {
	t.Helper()
	var got []string
	brief := false
	for line := range strings.Lines(list) {
		line = strings.TrimSuffix(line, "\n")
		m := long.FindStringSubmatch(line)
		if brief = m == nil; brief {
			m = short.FindStringSubmatch(line)
		}
		if m == nil {
			t.Fatalf("not the line of a list: %s", line)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(m[len(m)-1], "./"), " link to ")
		m[len(m)-1] = name
		st, err := f.Lstat(name)
		hard := err == nil && st.Mode().IsRegular() && st.Sys().(*vfs.Meta).Links > 1
		switch size := &m[len(m)-3]; {
		case brief && hard:
			continue
		case hard:
			*size = "?"
		case m[1][0] == 'd' && !brief:
			*size, m[2] = "0", "?"
		case m[1][0] == 'l':
			m[1] = "lrwxrwxrwx"
		}
		got = append(got, strings.Join(m[1:], " "))
	}
	slices.Sort(got)
	want := lines(t, f, brief)
	got, want = append(got, "end"), append(want, "end")
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("line %d of %d is\n%s\nhere it is\n%s", i+1, len(got), got[i], want[i])
		}
	}
}

// lines is the list of a ramdisk in the form of those tools.
func lines(t *testing.T, f *cpio.FS, brief bool) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		m := st.Sys().(*vfs.Meta)
		if m.Implied {
			return nil
		}
		size, links, words := fmt.Sprint(st.Size()), fmt.Sprint(m.Links), raw(t, name)
		switch {
		case st.Mode().IsRegular() && m.Links > 1 && brief:
			return nil
		case st.Mode().IsRegular() && m.Links > 1:
			size = "?"
		case st.IsDir():
			links = "?"
		case st.Mode().Type() == fs.ModeSymlink:
			if brief {
				size = "0"
			}
			target, err := f.ReadLink(name)
			if err != nil {
				return err
			}
			words += " -> " + raw(t, target)
		}
		if brief {
			out = append(out, fmt.Sprintf("%s %d %d %s %s %s", ls(st.Mode()), m.UID, m.GID, size, st.ModTime().Format("2006-01-02 15:04:05"), words))
		} else {
			out = append(out, fmt.Sprintf("%s %s %d %d %s %s %s", ls(st.Mode()), links, m.UID, m.GID, size, st.ModTime().Format("Jan _2  2006"), words))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// ls is a mode as ls writes it.
func ls(m fs.FileMode) string {
	s := []byte(m.Perm().String())
	s[0] = map[fs.FileMode]byte{0: '-', fs.ModeDir: 'd', fs.ModeSymlink: 'l', fs.ModeNamedPipe: 'p', fs.ModeSocket: 's',
		fs.ModeDevice: 'b', fs.ModeDevice | fs.ModeCharDevice: 'c'}[m.Type()]
	for _, bit := range []struct {
		bit fs.FileMode
		at  int
		to  byte
	}{{fs.ModeSetuid, 3, 's'}, {fs.ModeSetgid, 6, 's'}, {fs.ModeSticky, 9, 't'}} {
		if m&bit.bit == 0 {
			continue
		}
		if s[bit.at] == '-' {
			bit.to -= 'a' - 'A'
		}
		s[bit.at] = bit.to
	}
	return string(s)
}
