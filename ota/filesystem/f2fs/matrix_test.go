package f2fs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// plant makes a folder of awkward files that sload.f2fs takes: no devices, no hard
// links, which it does not make.
func plant(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	write := func(name string, p []byte) {
		must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(os.WriteFile(filepath.Join(dir, name), p, 0o644))
	}
	text := bytes.Repeat([]byte("0123456789abcdef"), 5<<16)
	for i := 0; i+512 < len(text); i += 512 {
		copy(text[i:], fmt.Sprintf("%8d", i))
	}
	for _, n := range []int{0, 1, 3450, 3487, 3488, 3489, 3651, 3687, 3688, 4095, 4096, 4097, 65537, 5 << 20} {
		write(fmt.Sprintf("plain/%d", n), text[:n])
	}
	write("deep/"+strings.Repeat("d/", 60)+"bottom", []byte("bottom"))
	for _, name := range []string{strings.Repeat("n", 255), "é", "漢字", "\xff\xfe", "new\nline", "%41", "a:b", "...", "sixteencharacter"} {
		write("names/"+name, []byte(name))
	}
	for i := range 3000 {
		write(fmt.Sprintf("many/%s%d", strings.Repeat("x", i%50), i), nil)
	}
	write("hole", nil)
	must(os.Truncate(filepath.Join(dir, "hole"), 300<<10))
	must(os.Mkdir(filepath.Join(dir, "links"), 0o750))
	for _, n := range []int{1, 60, 3400, 3900} {
		must(os.Symlink(strings.Repeat("t/", n/2)+"t", filepath.Join(dir, fmt.Sprintf("links/%d", n))))
	}
	for _, mode := range []fs.FileMode{0, 0o400, 0o755 | fs.ModeSetuid, 0o2711 | fs.ModeSetgid, 0o777 | fs.ModeSticky} {
		name := fmt.Sprintf("mode-%v", mode)
		write(name, []byte("mode"))
		must(os.Chmod(filepath.Join(dir, name), mode))
	}
	return dir
}

// source says of each file of a folder of this machine what stored says of the
// same in an image.
func source(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := os.Lstat(name)
		if err != nil {
			return err
		}
		what := ""
		switch info.Mode().Type() {
		case 0:
			p, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			what = fmt.Sprint(len(p), sum(p))
		case fs.ModeSymlink:
			what, _ = os.Readlink(name)
		}
		rel, _ := filepath.Rel(dir, name)
		all[rel] = fmt.Sprintf("%v %d %s", info.Mode(), info.ModTime().Unix(), what)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func stored(t testing.TB, f *f2fs.FS) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." || name == "lost+found" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := ""
		switch info.Mode().Type() {
		case 0:
			p, err := f.ReadFile(name)
			if err != nil {
				return err
			}
			what = fmt.Sprint(info.Size(), sum(p))
		case fs.ModeSymlink:
			if what, err = f.ReadLink(name); err != nil {
				return err
			}
			what, _ = parse.Unescape(what)
		}
		plain, _ := parse.Unescape(name)
		all[plain] = fmt.Sprintf("%v %d %s", info.Mode(), info.ModTime().Unix(), what)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// TestMatrix makes file systems of a tree of awkward files as builds of Android do,
// mkfs.f2fs and sload.f2fs, with the features that change what is read. It is without
// flexible_inline_xattr, where sload.f2fs 1.15 loses blocks, and without labels, which
// that one writes nowhere else: images of 1.16 and of Linux in testdata have both.
func TestMatrix(t *testing.T) {
	for _, tool := range []string{"mkfs.f2fs", "sload.f2fs"} {
		otatest.Tool(t, tool)
	}
	dir := plant(t)
	for _, tc := range []struct {
		name string
		mkfs []string
	}{
		{"plain", nil},
		{"android", []string{"-g", "android", "-l", "vendor"}},
		{"sums", []string{"-O", "extra_attr,inode_checksum,sb_checksum,inode_crtime"}},
		{"all", []string{"-C", "utf8", "-O", "encrypt,extra_attr,project_quota,inode_checksum,quota,inode_crtime,lost_found,verity,sb_checksum,casefold,compression"}},
		{"bitmap", []string{"-i"}},
		{"sectors", []string{"-w", "4096"}},
		{"sections", []string{"-s", "2", "-z", "2"}},
		{"read-only", []string{"-O", "ro,extra_attr,inode_checksum"}},
	} {
		if testing.Short() && tc.name != "all" {
			continue // one goroutine reads each
		}
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			image := filepath.Join(t.TempDir(), "image")
			size := int64(96 << 20)
			if tc.name == "sections" {
				size = 512 << 20
			}
			if err := errors.Join(os.WriteFile(image, nil, 0o644), os.Truncate(image, size)); err != nil {
				t.Fatal(err)
			}
			if out, err := otatest.Run(t, "mkfs.f2fs", slices.Concat([]string{"-f"}, tc.mkfs, []string{image})...); err != nil {
				t.Fatalf("mkfs.f2fs: %v\n%s", err, out)
			}
			// It checks what it has written, and with status 1 says that it has corrected
			// that: the number of blocks of long links.
			out, err := otatest.Run(t, "sload.f2fs", "-f", dir, "-t", "/", image)
			if err != nil && (err.Error() != "exit status 1" || !strings.Contains(out, "[FIX] (fsck_chk_inode_blk")) {
				t.Fatalf("sload.f2fs: %v\n%s", err, out)
			}
			f := openFile(t, image)
			compareTrees(t, source(t, dir), stored(t, f))
			if notes := f.Notes(); len(notes) > 0 {
				t.Error(notes)
			}
			t.Log(f.Features())
		})
	}
}

func openFile(t testing.TB, name string) *f2fs.FS {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := blob.NewFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	f, err := f2fs.Open(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func compareTrees(t *testing.T, want, got map[string]string) {
	t.Helper()
	wrong := 0
	for name, w := range want {
		if g, ok := got[name]; g != w && wrong < 10 {
			t.Errorf("%q: %.200q (%v), want %.200q", name, g, ok, w)
			wrong++
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%q: was not put in", name)
	}
	t.Logf("%d files and folders", len(want))
}

// TestDevices refuses a file system that mkfs.f2fs spread over two devices.
func TestDevices(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	for _, name := range []string{first, second} {
		if err := errors.Join(os.WriteFile(name, nil, 0o644), os.Truncate(name, 64<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := otatest.Run(t, "mkfs.f2fs", "-f", "-c", second, first); err != nil {
		t.Fatalf("mkfs.f2fs: %v\n%s", err, out)
	}
	file, err := os.Open(first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := blob.NewFile(file)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := f2fs.Open(b, nil); !errors.Is(err, parse.ErrUnsupported) || !strings.Contains(err.Error(), "a file system on several devices (0x2)") {
		t.Error(err)
	}
}
