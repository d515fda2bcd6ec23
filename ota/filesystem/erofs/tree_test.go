package erofs_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/erofs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// The images of testdata/images/erofs.
var images = []string{"plain", "all", "lz4-legacy", "lz4hc-64k", "chunks", "blockmap", "block512", "block1024", "fragments",
	"zstd-dedupe", "lzma-prefix", "extents4", "extents16", "metabox", "device"}

// Those of a few files.
var tiny = []string{"tiny-plain", "tiny-chunks", "tiny-lz4", "tiny-packed", "tiny-inline", "tiny-dedupe", "tiny-extents4",
	"tiny-extents16", "tiny-metabox"}

// fixture reads an image, unpacked, and what is in it.
func fixture(t testing.TB, name string) (image []byte, tree map[string]want) {
	t.Helper()
	dir := filepath.Join(otatest.Root(t), "testdata", "images", "erofs")
	tsv := "small.tsv.gz"
	switch {
	case name == "plain" || name == "all":
		tsv = "tree.tsv.gz"
	case strings.HasPrefix(name, "tiny-"):
		tsv = "tiny.tsv.gz"
	}
	tree = wants(t, unpacked(t, filepath.Join(dir, tsv)))
	switch name {
	case "plain", "lz4-legacy", "lz4hc-64k", "chunks":
		// Of the tree that mkfs.erofs 1.5 can do.
		long := strings.Repeat("a", 255)
		tree[long[:254]] = tree[long]
		delete(tree, long)
	}
	return unpacked(t, filepath.Join(dir, name+".img.gz")), tree
}

// mount opens an image of testdata, with its device.
func mount(t testing.TB, name string, image []byte) *erofs.FS {
	t.Helper()
	var devices []blob.Blob
	if name == "device" {
		dir := filepath.Join(otatest.Root(t), "testdata", "images", "erofs")
		devices = []blob.Blob{blob.Bytes(unpacked(t, filepath.Join(dir, "device.device.gz")))}
	}
	f, err := erofs.OpenDevices(blob.Bytes(image), devices, parse.NewBudget(parse.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// unpacked reads a file of testdata that is stored with gzip.
func unpacked(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return data
}

// A want is what tree.py says of a file of the tree it made.
type want struct {
	kind, mode, uid, gid, links, size, time, device, what, xattrs string
}

func wants(t testing.TB, tsv []byte) map[string]want {
	out := make(map[string]want)
	for line := range strings.Lines(string(tsv)) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(c) != 11 {
			t.Fatalf("%q", line)
		}
		out[c[1]] = want{c[0], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10]}
	}
	return out
}

// is tells of the file at path in the same way.
func is(t testing.TB, f *erofs.FS, path string) (w want) {
	t.Helper()
	i, err := f.Lstat(path)
	if err != nil {
		t.Error(err)
		return w
	}
	m := i.Sys().(*vfs.Meta)
	mode := uint32(i.Mode().Perm())
	for bit, octal := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if i.Mode()&bit != 0 {
			mode |= octal
		}
	}
	w = want{mode: fmt.Sprintf("%04o", mode), uid: fmt.Sprint(m.UID), gid: fmt.Sprint(m.GID), links: fmt.Sprint(m.Links),
		size: "-", time: fmt.Sprint(i.ModTime().UnixNano()), device: "-", what: "-"}
	device := func() { w.device = fmt.Sprintf("%d,%d", m.Major, m.Minor) }
	switch i.Mode().Type() {
	case 0:
		w.kind, w.size, w.what = "file", strconv.FormatInt(i.Size(), 10), sum(t, f, path)
	case fs.ModeDir:
		w.kind = "dir"
	case fs.ModeSymlink:
		w.kind, w.size = "link", strconv.FormatInt(i.Size(), 10)
		if w.what, err = f.ReadLink(path); err != nil {
			t.Error(err)
		}
	case fs.ModeDevice | fs.ModeCharDevice:
		w.kind = "char"
		device()
	case fs.ModeDevice:
		w.kind = "block"
		device()
	case fs.ModeNamedPipe:
		w.kind = "pipe"
	case fs.ModeSocket:
		w.kind = "socket"
	}
	xattrs, err := f.Xattrs(path)
	if err != nil {
		t.Error(err)
	}
	var all []string
	for _, x := range xattrs {
		all = append(all, x.Name+"="+hex.EncodeToString(x.Value))
	}
	w.xattrs = strings.Join(all, " ")
	return w
}

// low is what mkfs.erofs 1.9.4 keeps of a time in a compact inode: 32 bits of seconds.
func low(t testing.TB, ns string) string {
	n, err := strconv.ParseInt(ns, 10, 64)
	if err != nil {
		t.Error(err)
	}
	return fmt.Sprint(uint32(time.Unix(0, n).Unix()))
}

// compare holds a file system against what tree.py says of the tree it was made of.
func compare(t testing.TB, f *erofs.FS, tree map[string]want, seconds bool) {
	t.Helper()
	left := maps.Clone(tree)
	inodes := make(map[string]uint64)
	err := fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		w, ok := left[path]
		if !ok {
			t.Errorf("%s is not in the tree", path)
			return nil
		}
		delete(left, path)
		got := is(t, f, path)
		if seconds {
			w.time, got.time = low(t, w.time), low(t, got.time)
		}
		if got.kind == "dir" && w.kind == "dir" {
			w.links = got.links // file systems count them in two ways
		}
		if got != w {
			t.Errorf("%s:\n got %+v\nwant %+v", path, got, w)
		}
		i, err := d.Info()
		if err != nil || i.Mode().Type() != d.Type() {
			t.Errorf("%s: %v, %v", path, d.Type(), err)
			return nil
		}
		inodes[path] = i.Sys().(*vfs.Meta).Inode
		return nil
	})
	if err != nil || len(left) > 0 {
		t.Errorf("%v; missing: %.300q", err, slices.Sorted(maps.Keys(left)))
	}
	if inodes["sub/tail"] != inodes["sub/hard"] || inodes["hard1"] != inodes["hard2"] || inodes["hard1"] != inodes["size/hard3"] || inodes["hard1"] == inodes["owner"] && inodes["hard1"] > 0 {
		t.Errorf("hard links: %d, %d, %d", inodes["hard1"], inodes["hard2"], inodes["size/hard3"])
	}
	if notes := f.Notes(); len(notes) > 0 {
		t.Error(notes)
	}
}

// TestImages holds what mkfs.erofs made of two trees against what the trees were.
func TestImages(t *testing.T) {
	for _, name := range slices.Concat(images, tiny) {
		t.Run(name, func(t *testing.T) {
			image, tree := fixture(t, name)
			f := mount(t, name, image)
			compare(t, f, tree, slices.Contains(f.Features(), "48bit"))
		})
	}
}
