package ext4_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/ext4"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// plant makes a folder of awkward files that anybody may make.
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
	text := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	for i := 0; i+512 < len(text); i += 512 {
		copy(text[i:], fmt.Sprintf("%8d", i))
	}
	for _, n := range []int{0, 1, 60, 61, 131, 132, 133, 156, 157, 1023, 1024, 1025, 4096, 4097, 65536, 65537, 200000} {
		write(fmt.Sprintf("plain/%d", n), text[:n])
	}
	write("deep/"+strings.Repeat("d/", 60)+"bottom", []byte("bottom"))
	for _, name := range []string{strings.Repeat("n", 255), "é", "漢字", "\xff\xfe", "new\nline", "%41", "a:b", "..."} {
		write("names/"+name, []byte(name))
	}
	write("many/0", []byte("many"))
	for i := 1; i < 3000; i++ {
		must(os.Link(filepath.Join(dir, "many/0"), filepath.Join(dir, fmt.Sprintf("many/%s%d", strings.Repeat("x", i%50), i))))
	}
	holes := func(name string, size int64, at ...int64) {
		write(name, nil)
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
		must(err)
		must(f.Truncate(size))
		for _, off := range at {
			_, err := f.WriteAt(text[:100], off)
			must(err)
		}
		must(f.Close())
	}
	holes("hole/all", 1<<20)
	// To their last byte: mke2fs 1.47.0 with inline_data leaves out a hole at the end, size and all.
	holes("hole/far", 6<<20, 5, 13<<10, 300<<10, 6<<20-100)
	var every []int64
	for i := range int64(400) {
		every = append(every, i*8192)
	}
	holes("hole/every", 399*8192+100, every...)
	must(os.Mkdir(filepath.Join(dir, "links"), 0o750))
	for _, n := range []int{1, 58, 59, 60, 61, 800} {
		must(os.Symlink(strings.Repeat("t", n), filepath.Join(dir, fmt.Sprintf("links/%d", n))))
	}
	return dir
}

// source says of each file of a folder of this machine what stored says of the
// same in an image: kind and mode, size, time, bytes or target.
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
		rel, _ := filepath.Rel(dir, name)
		what := ""
		switch info.Mode().Type() {
		case 0:
			p, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			what = fmt.Sprintf("%d %x", info.Size(), sha256.Sum256(p))
		case fs.ModeSymlink:
			what, _ = os.Readlink(name)
		}
		all[rel] = fmt.Sprintf("%v %d %s", info.Mode(), info.ModTime().Unix(), what)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func stored(t testing.TB, f *ext4.FS) map[string]string {
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
			what = fmt.Sprintf("%d %s", info.Size(), sum(t, f, name))
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

func same(t testing.TB, got, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%q: got %q, want %q", name, got[name], want[name])
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
}

// openFile opens an image in a file.
func openFile(t testing.TB, path string) *ext4.FS {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := blob.NewFile(in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	f, err := ext4.Open(b, parse.NewBudget(parse.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestMatrix: one tree, in every form that mke2fs makes, and some of them again
// after e2fsck has made indexes of the folders.
func TestMatrix(t *testing.T) {
	mke2fs, e2fsck := otatest.Tool(t, "mke2fs"), otatest.Tool(t, "e2fsck")
	dir := plant(t)
	want := source(t, dir)
	work := t.TempDir()
	for i, options := range []string{ // + is: then e2fsck
		"+ -t ext2 -b 1024", "-t ext2 -b 2048", "-t ext2 -b 4096", "-t ext2 -b 65536", "-t ext2 -b 1024 -O ^filetype,^sparse_super,^resize_inode -I 128",
		"-t ext2 -b 1024 -r 0 -O none", "-t ext2 -b 1024 -g 256 -O ^resize_inode", "-t ext2 -b 4096 -O ^large_file",
		"-t ext3 -b 1024 -J size=1", "-t ext3 -b 4096 -J size=4",
		"+ -t ext4 -b 1024", "-t ext4 -b 2048", "-t ext4 -b 4096", "-t ext4 -b 8192", "-t ext4 -b 16384", "-t ext4 -b 32768", "+ -t ext4 -b 65536",
		"-t ext4 -b 1024 -O ^metadata_csum", "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg", "+ -t ext4 -b 4096 -O ^metadata_csum,uninit_bg,^64bit",
		"-t ext4 -b 4096 -O ^64bit", "-t ext4 -b 1024 -O ^extents,^64bit", "-t ext4 -b 4096 -O ^flex_bg", "-t ext4 -b 4096 -I 128", "-t ext4 -b 4096 -I 1024",
		"-t ext4 -b 1024 -O meta_bg,^resize_inode", "-t ext4 -b 1024 -g 256 -O meta_bg,^resize_inode,^flex_bg", "-t ext4 -b 1024 -g 256 -O ^resize_inode,^64bit",
		"+ -t ext4 -b 1024 -O bigalloc -C 2048", "-t ext4 -b 4096 -O bigalloc -C 65536", "-t ext4 -b 4096 -O bigalloc,inline_data -C 16384",
		"+ -t ext4 -b 4096 -O inline_data", "-t ext4 -b 1024 -O inline_data -I 1024", "-t ext4 -b 65536 -O inline_data -I 4096", "-t ext4 -b 4096 -O inline_data,^metadata_csum",
		"-t ext4 -b 4096 -O ^dir_index", "+ -t ext4 -b 1024 -O large_dir", "-t ext4 -b 4096 -O ea_inode", "-t ext4 -b 1024 -O sparse_super2",
		"-t ext4 -b 4096 -O ^sparse_super,^resize_inode", "-t ext4 -b 4096 -O quota,project", "-t ext4 -b 4096 -O mmp", "-t ext4 -b 4096 -O encrypt,verity,stable_inodes",
		"-t ext4 -b 4096 -O casefold -E encoding=utf8", "-t ext4 -b 4096 -O metadata_csum_seed", "-t ext4 -b 4096 -O ^huge_file,^extra_isize,^dir_nlink,^ext_attr",
		"-t ext4 -b 4096 -O orphan_file", "-t ext4 -b 4096 -O fast_commit", "-t ext4 -b 4096 -O ^filetype", "-t ext4 -b 4096 -E packed_meta_blocks=1",
	} {
		if testing.Short() && i%10 != 0 {
			continue // one goroutine reads each
		}
		options, indexed := strings.CutPrefix(options, "+ ")
		t.Run(options, func(t *testing.T) {
			image := filepath.Join(work, fmt.Sprint(i))
			defer os.Remove(image)
			args := append(strings.Fields(options), "-q", "-F", "-N", "600", "-d", dir, image, "48M")
			if out, err := otatest.Run(t, mke2fs, args...); err != nil {
				t.Fatalf("mke2fs: %v\n%s", err, out)
			}
			f := openFile(t, image)
			same(t, stored(t, f), want)
			if notes := f.Notes(); len(notes) > 0 {
				t.Errorf("notes %s", notes)
			}
			if !indexed {
				return
			}
			// Status 1: it made changes, as it was asked to.
			if out, err := otatest.Run(t, e2fsck, "-fyD", image); err != nil && fmt.Sprint(err) != "exit status 1" {
				t.Fatalf("e2fsck: %v\n%s", err, out)
			}
			same(t, stored(t, openFile(t, image)), want)
		})
	}
}

// BenchmarkWalk walks over 2,000 files of 25 KB and hashes them, beside the hash
// of as many bytes of memory.
func BenchmarkWalk(b *testing.B) {
	mke2fs := otatest.Tool(b, "mke2fs")
	dir, image := b.TempDir(), filepath.Join(b.TempDir(), "image")
	p := bytes.Repeat([]byte("0123456789abcdef"), 25<<10/16)
	for i := range 2000 {
		sub := filepath.Join(dir, fmt.Sprint(i/40))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), p, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for name, options := range map[string]string{"ext4": "-O ^has_journal", "android": "-O ^has_journal,^metadata_csum,uninit_bg", "ext2": "-O ^has_journal,^extents,^64bit -I 128"} {
		args := append(strings.Fields(options), "-q", "-F", "-t", "ext4", "-b", "4096", "-d", dir, image, "96M")
		if out, err := otatest.Run(b, mke2fs, args...); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		f := openFile(b, image)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(2000 * int64(len(p)))
			buf := make([]byte, 64<<10)
			for b.Loop() {
				err := fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
					if err != nil || !d.Type().IsRegular() {
						return err
					}
					in, _, err := f.Blob(name)
					if err != nil {
						return err
					}
					_, err = io.CopyBuffer(struct{ io.Writer }{sha256.New()}, struct{ io.Reader }{blob.Reader(in)}, buf)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		os.Remove(image)
	}
	b.Run("hash", func(b *testing.B) {
		b.SetBytes(2000 * int64(len(p)))
		for b.Loop() {
			for range 2000 {
				sha256.Sum256(p)
			}
		}
	})
}
