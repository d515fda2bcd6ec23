package otatest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/ota/blob"
)

// A FileSystem is what a reader of a filesystem gives.
type FileSystem interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadFileFS
	fs.ReadLinkFS
	Blob(name string) (b blob.Blob, release func() error, err error)
}

// Bounds of the suite: it is for test images, and has to end for all of them.
const (
	// fsSuiteFolder is the most entries of a folder that the standard library's
	// suite, whose time grows with their square, runs over.
	fsSuiteFolder = 100
	// fsSuiteFile is how much of each file is read at odd offsets.
	fsSuiteFile = 200 << 10
	// fsSuiteReaders read everything at the same time; in short mode, which is for
	// the race detector, fewer do.
	fsSuiteReaders, fsSuiteShort = 8, 3
)

// TestFileSystem is the suite that each reader of a filesystem passes on each of its
// test images: every name is looked up as it is listed; links, devices, pipes and
// sockets cannot be opened, and no name leads through a link; the suite of the
// standard library passes in folders that hold files alone; files are read in
// order, whole, and at odd offsets; and eight readers at once see what one sees. In
// short mode no more is done than what has to do with several readers.
func TestFileSystem(t testing.TB, f FileSystem) {
	t.Helper()
	want := make(map[string]string)
	err := fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		said, err := fileWords(f, name, d)
		want[name] = said
		if err == nil && d.IsDir() && !testing.Short() {
			err = suite(f, name)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		return err
	})
	if err != nil {
		t.Error(err)
		return
	}
	for name := range want {
		if info, err := f.Lstat(name); err == nil && info.Mode().IsRegular() && !testing.Short() {
			testBytes(t, f, name)
		}
	}
	together(t, f, want)
}

// fileWords is what a file is and has, in words that can be compared, or what is wrong
// with how f tells of it.
func fileWords(f FileSystem, name string, d fs.DirEntry) (string, error) {
	info, err := d.Info()
	if err != nil {
		return "", err
	}
	stat, err := f.Stat(name)
	if err != nil {
		return "", err
	}
	lstat, err := f.Lstat(name)
	if err != nil {
		return "", err
	}
	said := fs.FormatFileInfo(info)
	if got := fs.FormatFileInfo(lstat); name != "." && (got != said || fs.FormatFileInfo(stat) != said) {
		return "", fmt.Errorf("its list says %s, Lstat %s, Stat %s", said, got, stat)
	}
	if d.Type() != info.Mode().Type() {
		return "", fmt.Errorf("its entry has the type %v, its mode is %v", d.Type(), info.Mode())
	}
	switch {
	case info.IsDir():
		return said, nil
	case info.Mode().IsRegular():
		p, err := f.ReadFile(name)
		if err == nil && int64(len(p)) != info.Size() {
			err = fmt.Errorf("%d bytes of %d", len(p), info.Size())
		}
		return fmt.Sprintf("%s %x", said, sha256.Sum256(p)), err
	case info.Mode().Type() == fs.ModeSymlink:
		target, err := f.ReadLink(name)
		if err != nil {
			return "", err
		}
		if _, err := f.Lstat(name + "/x"); err == nil {
			return "", errors.New("a name leads through a link")
		}
		said += " -> " + target
	}
	if file, err := f.Open(name); err == nil {
		file.Close()
		return "", fmt.Errorf("%v is opened", info.Mode())
	}
	if _, _, err := f.Blob(name); err == nil {
		return "", fmt.Errorf("%v has bytes", info.Mode())
	}
	return said, nil
}

// suite runs that of the standard library over a folder that holds files alone. It
// knows no links or devices, and takes backslashes in names for separators.
func suite(f FileSystem, dir string) error {
	list, err := f.ReadDir(dir)
	if err != nil || len(list) == 0 || len(list) > fsSuiteFolder {
		return err
	}
	var names []string
	for _, e := range list {
		if !e.Type().IsRegular() || strings.Contains(e.Name(), `\`) {
			return nil
		}
		if info, err := e.Info(); err != nil || info.Size() > 4*fsSuiteFile {
			return err
		}
		names = append(names, e.Name())
	}
	sub, err := fs.Sub(f, dir)
	if err != nil {
		return err
	}
	return fstest.TestFS(sub, names...)
}

// testBytes reads a file in all ways.
func testBytes(t testing.TB, f FileSystem, name string) {
	t.Helper()
	want, err := f.ReadFile(name)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	file, err := f.Open(name)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	got, err := io.ReadAll(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: read in order: %d bytes of %d, %v", name, len(got), len(want), err)
	}
	if err := file.Close(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if _, err := file.Read(make([]byte, 1)); err == nil {
		t.Errorf("%s is read after it was closed", name)
	}
	b, release, err := f.Blob(name)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if len(want) > fsSuiteFile {
		want = want[:fsSuiteFile]
		if b, err = blob.Section(b, 0, fsSuiteFile); err != nil {
			t.Fatal(err)
		}
	}
	TestBlob(t, b, want)
	if err := release(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// together reads everything from several sides at once.
func together(t testing.TB, f FileSystem, want map[string]string) {
	t.Helper()
	readers := fsSuiteReaders
	if testing.Short() {
		readers = fsSuiteShort
	}
	errs := make([]error, readers)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			errs[i] = fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				said, err := fileWords(f, name, d)
				if err == nil && said != want[name] {
					err = fmt.Errorf("%s, together with others: %s; alone: %s", name, said, want[name])
				}
				return err
			})
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}
