package otatest_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/ext4"
	"github.com/otavet/otavet/ota/otatest"
)

// A badFS is a file system that does one thing wrong.
type badFS struct {
	*ext4.FS
	open     func(f *ext4.FS, name string) (fs.File, error)
	lstat    func(f *ext4.FS, name string) (fs.FileInfo, error)
	readFile func(f *ext4.FS, name string) ([]byte, error)
	readLink func(f *ext4.FS, name string) (string, error)
	blob     func(f *ext4.FS, name string) (blob.Blob, func() error, error)
}

func (b badFS) Open(name string) (fs.File, error) {
	if b.open == nil {
		return b.FS.Open(name)
	}
	return b.open(b.FS, name)
}

func (b badFS) Lstat(name string) (fs.FileInfo, error) {
	if b.lstat == nil {
		return b.FS.Lstat(name)
	}
	return b.lstat(b.FS, name)
}

func (b badFS) ReadFile(name string) ([]byte, error) {
	if b.readFile == nil {
		return b.FS.ReadFile(name)
	}
	return b.readFile(b.FS, name)
}

func (b badFS) ReadLink(name string) (string, error) {
	if b.readLink == nil {
		return b.FS.ReadLink(name)
	}
	return b.readLink(b.FS, name)
}

func (b badFS) Blob(name string) (blob.Blob, func() error, error) {
	if b.blob == nil {
		return b.FS.Blob(name)
	}
	return b.blob(b.FS, name)
}

// image is a small image with links and devices.
func image(t testing.TB) *ext4.FS {
	t.Helper()
	p := otatest.Fixture(t, filepath.Join(otatest.Root(t), "testdata", "images", "ext4", "tiny.img.gz"))
	e, err := ext4.Open(blob.Bytes(p), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The suite passes what keeps to the rules, and finds each way not to.
func TestTestFileSystem(t *testing.T) {
	good := image(t)
	otatest.TestFileSystem(t, good)
	var link, file string
	fs.WalkDir(good, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			t.Fatal(err)
		case d.Type() == fs.ModeSymlink:
			link = name
		case d.Type().IsRegular() && file == "":
			if p, _ := good.ReadFile(name); len(p) > 1 {
				file = name
			}
		}
		return nil
	})
	if link == "" || file == "" {
		t.Fatalf("link %q, file %q", link, file)
	}
	var calls atomic.Int64
	for name, bad := range map[string]badFS{
		"links are followed": {open: func(f *ext4.FS, name string) (fs.File, error) {
			if name == link {
				name = file
			}
			return f.Open(name)
		}},
		"names lead through links": {lstat: func(f *ext4.FS, name string) (fs.FileInfo, error) {
			if strings.HasPrefix(name, link+"/") {
				name = file
			}
			return f.Lstat(name)
		}},
		"Lstat of another file": {lstat: func(f *ext4.FS, name string) (fs.FileInfo, error) {
			if name == file {
				name = link
			}
			return f.Lstat(name)
		}},
		"files end too early": {readFile: func(f *ext4.FS, name string) ([]byte, error) {
			p, err := f.ReadFile(name)
			return p[:max(len(p), 1)-1], err
		}},
		"other bytes in order": {open: func(f *ext4.FS, name string) (fs.File, error) {
			if name == file {
				name = "."
			}
			return f.Open(name)
		}},
		"links have bytes": {blob: func(f *ext4.FS, name string) (blob.Blob, func() error, error) {
			if name == link {
				name = file
			}
			return f.Blob(name)
		}},
		"targets cannot be read": {readLink: func(*ext4.FS, string) (string, error) { return "", fs.ErrInvalid }},
		"later readers see other bytes": {readFile: func(f *ext4.FS, name string) ([]byte, error) {
			p, err := f.ReadFile(name)
			if name == file && calls.Add(1) > 3 {
				p[0] ^= 1
			}
			return p, err
		}},
	} {
		if testing.Short() && name == "other bytes in order" {
			continue // which is not looked at then
		}
		bad.FS = good
		if failed := judge(func(t testing.TB) { otatest.TestFileSystem(t, bad) }); len(failed) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
	}
}
