package f2fs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

var _ interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadLinkFS
	fs.ReadFileFS
	Blob(string) (blob.Blob, func() error, error)
} = (*f2fs.FS)(nil)

// readable is a file system without what cannot be read whole: what is encrypted, LZO,
// and files of more than 256 MiB.
type readable struct{ *f2fs.FS }

func (r readable) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := r.FS.ReadDir(name)
	return slices.DeleteFunc(list, func(d fs.DirEntry) bool {
		info, err := d.Info()
		return err != nil || info.Size() > 256<<20 || info.Sys().(*vfs.Meta).Encrypted || strings.HasPrefix(d.Name(), "lzo")
	}), err
}

func (r readable) Open(name string) (fs.File, error) {
	file, err := r.FS.Open(name)
	if d, ok := file.(fs.ReadDirFile); ok && err == nil {
		return &folder{d, r, name}, nil
	}
	return file, err
}

// A folder is an open one, that lists what is readable.
type folder struct {
	fs.ReadDirFile
	r    readable
	name string
}

func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	list, err := f.ReadDirFile.ReadDir(n)
	if n > 0 || len(list) == 0 {
		return list, err
	}
	return f.r.ReadDir(f.name)
}

// TestConformance runs the suite that all file systems pass over all images.
func TestConformance(t *testing.T) {
	list := append(images, "fresh")
	if testing.Short() {
		list = []string{"tiny", "features"} // what the race detector has to see
	}
	for _, name := range list {
		if name == "lzo" { // of which no file can be read
			continue
		}
		t.Run(name, func(t *testing.T) { otatest.TestFileSystem(t, readable{open(t, fixture(t, name+".img"))}) })
	}
}

// TestNames looks for what is there under one name only, and not behind links.
func TestNames(t *testing.T) {
	f := open(t, fixture(t, "plain.img"))
	for name, want := range map[string]string{
		"names/A":                        "file does not exist",
		"names/%41":                      "file does not exist",
		"names/%2541":                    "",
		"names/caf%E9":                   "",
		"names/caf\xe9":                  "invalid argument", // no name for fs.FS
		"names/../noise":                 "invalid argument",
		"/names":                         "invalid argument",
		"":                               "invalid argument",
		"names/x%21y%23z%3Aw":            "",
		"names/":                         "invalid argument",
		"noise/x":                        "file does not exist\nnot a folder",
		"links/relative":                 "a symbolic link, which is not followed",
		"links/folder/a b":               "a symbolic link, which is not followed",
		"devices/null":                   "neither a regular file nor a folder",
		"devices/fifo/x":                 "file does not exist\nnot a folder",
		strings.Repeat("a/", 2000):       "invalid argument",
		strings.Repeat("a/", 2000) + "a": "f2fs: a name of more than 1024 folders",
	} {
		file, err := f.Open(name)
		var pe *fs.PathError
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (!errors.As(err, &pe) || pe.Err.Error() != want || pe.Path != name):
			t.Errorf("%q: %v", name, err)
		}
		if err == nil {
			file.Close()
		}
	}
	if _, _, err := f.Blob("names"); err == nil || !strings.HasSuffix(err.Error(), "is a folder") {
		t.Error(err)
	}
	if _, err := f.ReadLink("noise"); err == nil || !strings.HasSuffix(err.Error(), "not a symbolic link") {
		t.Error(err)
	}
	if _, err := f.ReadDir("noise"); err == nil || !strings.HasSuffix(err.Error(), "not a folder") {
		t.Error(err)
	}
	if _, err := f.ReadFile("holes/nodes"); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
	for _, name := range []string{".", "links", "links/self"} {
		a, err := f.Stat(name)
		b, err2 := f.Lstat(name)
		if err != nil || err2 != nil || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("%s: %v %v %v %v", name, a, b, err, err2)
		}
	}
}

// TestParallel walks and reads from eight sides, with caches that all share.
func TestParallel(t *testing.T) {
	f := open(t, fixture(t, "tiny.img"))
	want := everything(t, f)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := everything(t, f); got != want {
				t.Error("another content")
			}
		})
	}
	group.Wait()
}

// everything is what a file system says, in one text.
func everything(t testing.TB, f *f2fs.FS) string {
	var b strings.Builder
	err := fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		list, err := f.Xattrs(path)
		fmt.Fprintln(&b, path, info, info.Sys(), list, err)
		if d.Type().IsRegular() && info.Size() < 1<<20 {
			p, err := f.ReadFile(path)
			fmt.Fprintln(&b, sum(p), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return b.String()
}

// TestReads counts what opening and one file take.
func TestReads(t *testing.T) {
	e := edit(fixture(t, "plain.img"))
	var read, times int64
	e.reads = func(_, n int64) error {
		read += n
		times++
		return nil
	}
	f, err := f2fs.Open(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	if read > 64<<10 {
		t.Errorf("%d bytes to open", read)
	}
	t.Logf("%d bytes in %d reads to open", read, times)
	read, times = 0, 0
	if _, err := f.ReadFile("sizes/40000"); err != nil || read > 40000+6*block {
		t.Errorf("%d bytes for a file of 40,000, %v", read, err)
	}
	t.Logf("%d bytes in %d reads for a file of 40,000", read, times)
}

// TestBudget runs out of entries.
func TestBudget(t *testing.T) {
	image := blob.Bytes(fixture(t, "plain.img"))
	if _, err := f2fs.Open(image, parse.NewBudget(parse.Limits{Entries: 5})); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
	f, err := f2fs.Open(image, parse.NewBudget(parse.Limits{Entries: 1000}))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := f.ReadDir("many"); !errors.Is(err, parse.ErrLimit) {
			t.Error(err)
		}
	}
	for range 100 { // paid for once
		if _, err := f.ReadDir("sizes"); err != nil {
			t.Fatal(err)
		}
	}
	rounds := 1000
	if testing.Short() {
		rounds = 20
	}
	for range rounds { // and so are its blocks
		if err := f.Reread(inodeOf(t, f, "many"), 3); err != nil {
			t.Fatal(err)
		}
	}
	// Blocks are paid for, too: here more than ten.
	root, err := open(t, fixture(t, "plain.img")).ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for more, want := range map[int64]error{10: parse.ErrLimit, 200: nil} {
		f, err := f2fs.Open(image, parse.NewBudget(parse.Limits{Entries: int64(len(root)) + 3000 + more}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadDir("many"); !errors.Is(err, want) {
			t.Errorf("%d more: %v", more, err)
		}
	}
}
