package archive_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// plant makes files, folders (names with a trailing slash) and links (content
// that begins with "-> ") in a new folder.
func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, p)
		} else if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(p, 0o755)
		} else {
			err = os.WriteFile(p, []byte(text), 0o644)
		}
		if err != nil {
			t.Skipf("the system refuses %q: %v", name, err)
		}
	}
	return dir
}

func openTree(t *testing.T, dir string, bud *parse.Budget) *archive.Tree {
	t.Helper()
	tree, err := archive.OpenTree(dir, bud)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

func TestTreeFS(t *testing.T) {
	tree := openTree(t, plant(t, map[string]string{
		"system/build.prop": "ro.x=y", "system/app/A/A.apk": "apk", "empty": "", "none/": "",
	}), nil)
	if err := fstest.TestFS(tree, "system/build.prop", "system/app/A/A.apk", "empty", "none"); err != nil {
		t.Fatal(err)
	}
	var _ archive.BlobFS = tree
	var _ fs.ReadLinkFS = tree
	f, err := tree.Open("system/build.prop")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, ok := f.(blob.Blob); !ok || b.Size() != 6 {
		t.Error("a file must be a blob")
	}
	b, release, err := tree.Blob("system/build.prop")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := blob.ReadAll(b, 100); err != nil || string(p) != "ro.x=y" {
		t.Errorf("%q, %v", p, err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if _, err := b.ReadAt(make([]byte, 1), 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("released: %v", err)
	}
	for _, name := range []string{"system", "nowhere", "../x", "/system", "empty/x", "system/build.prop/x"} {
		if _, _, err := tree.Blob(name); err == nil {
			t.Errorf("%s gives bytes", name)
		}
	}
}

// TestTreeLinks: nothing that is a link, or lies behind one, opens, and the
// host is never reached.
func TestTreeLinks(t *testing.T) {
	outside := plant(t, map[string]string{"secret": "secret"})
	tree := openTree(t, plant(t, map[string]string{
		"passwd": "-> /etc/passwd", "out": "-> " + outside, "up": "-> ../../../../etc", "dir/file": "text",
		"in": "-> dir/file", "indir": "-> dir", "dangling": "-> nowhere", "loop": "-> loop", "abs": "-> /vendor/lib",
	}), nil)
	for _, name := range []string{"passwd", "out", "out/secret", "up", "up/passwd", "in", "indir", "indir/file", "dangling", "loop", "abs/x"} {
		if f, err := tree.Open(name); err == nil {
			p, _ := io.ReadAll(f)
			t.Errorf("%s opens: %q", name, p)
		} else if !strings.Contains(err.Error(), "a symbolic link, which is not followed") {
			t.Error(err)
		}
		if _, _, err := tree.Blob(name); err == nil {
			t.Errorf("%s gives bytes", name)
		}
		if _, err := tree.ReadDir(name); err == nil {
			t.Errorf("%s lists", name)
		}
	}
	for _, name := range []string{"out/secret", "indir/file", "up/passwd"} {
		if _, err := tree.Lstat(name); err == nil {
			t.Errorf("%s is told of", name)
		}
	}
	seen := 0
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type() != fs.ModeSymlink {
			return nil
		}
		seen++
		st, err := tree.Stat(path)
		if err != nil || st.Mode().Type() != fs.ModeSymlink {
			t.Errorf("%s: %v, %v", path, st, err)
		}
		if target, err := tree.ReadLink(path); target == "" || err != nil {
			t.Errorf("%s: %q, %v", path, target, err)
		}
		return nil
	})
	if err != nil || seen != 8 {
		t.Errorf("%d links, %v", seen, err)
	}
	if _, err := tree.ReadLink("dir/file"); err == nil {
		t.Error("a file is no link")
	}
}

func TestTreeRawNames(t *testing.T) {
	raw := []string{"caf\xe9", "a\x1b[2J", "100%", "x!y#z", "\u202egpj.exe", "%41", "A", "back\\slash"}
	files := map[string]string{}
	for _, r := range raw {
		files["d/"+r] = r
	}
	tree := openTree(t, plant(t, files), nil)
	entries, err := fs.ReadDir(tree, "d")
	if err != nil || len(entries) != len(raw) {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for _, e := range entries {
		name, err := parse.Unescape(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		p, err := fs.ReadFile(tree, "d/"+e.Name())
		if err != nil || string(p) != name {
			t.Errorf("%s: %q, %v", e.Name(), p, err)
		}
		if st, err := fs.Stat(tree, "d/"+e.Name()); err != nil || st.Name() != e.Name() {
			t.Errorf("%s: %v, %v", e.Name(), st, err)
		}
	}
	// Other spellings of what is there.
	for _, name := range []string{"d/%41", "d/caf%e9", "d/%", "d%2FA", "d/caf\xe9", "d/100%", "d/%2E%2E/d/A"} {
		if _, err := tree.Stat(name); err == nil {
			t.Errorf("%s is found", name)
		}
	}
}

func TestTreeBudget(t *testing.T) {
	dir := plant(t, map[string]string{"a/1": "", "a/2": "", "a/3": "", "b/1": "", "b/2": ""})
	tree := openTree(t, dir, parse.NewBudget(parse.Limits{Entries: 4}))
	for range 3 {
		if _, err := tree.ReadDir("a"); err != nil {
			t.Error(err)
		}
		if _, err := tree.ReadDir("b"); !errors.Is(err, parse.ErrLimit) {
			t.Error(err)
		}
	}
}

// links is an archive with links, to hold Resolve against.
var links = zipOf(
	file("dir/sub/file", "text"), file("top", "top"),
	link("file", "dir/sub/file"), link("dir/up", "../top"), link("dir/sub/root", "../.."), link("folder", "dir/sub"),
	link("chain1", "chain2"), link("chain2", "./folder//../sub/file"), link("loop1", "loop2"), link("loop2", "loop1"),
	link("dangling", "dir/nowhere"), link("abs", "/vendor/lib"), link("absdots", "/../vendor/./x/../lib/"), link("out", "dir/../../vendor/lib"),
	link("passwd", "/etc/passwd"), link("empty", ""), link("long", strings.Repeat("a/", 3000)), link("raw", "caf\xe9:/x"), file("caf\xe9:/x", "raw"),
	link("through", "top/x"), link("self", "."), link("dir/climb", "../folder/../../../../x"))

func link(name, target string) member {
	return member{Name: name, Data: []byte(target), Mode: 0o120777}
}

func TestResolve(t *testing.T) {
	z := openZip(t, links.Bytes())
	for _, tc := range []struct{ name, want, outside, why string }{
		{name: "top", want: "top"}, {name: ".", want: "."}, {name: "dir/sub/file", want: "dir/sub/file"},
		{name: "file", want: "dir/sub/file"}, {name: "dir/up", want: "top"}, {name: "dir/sub/root", want: "."},
		{name: "dir/sub/root/dir/sub/root/top", want: "top"}, {name: "folder/file", want: "dir/sub/file"},
		{name: "chain1", want: "dir/sub/file"}, {name: "self/self/top", want: "top"}, {name: "raw", want: "caf%E9%3A/x"},
		{name: "loop1", why: "link"}, {name: "loop2/x", why: "link"}, {name: "empty", why: "link"},
		{name: "dangling", why: "not exist"}, {name: "nowhere/x", why: "not exist"},
		{name: "long", why: "larger than 4096"}, {name: "through", why: "not a folder"}, {name: "../x", why: "invalid"},
		{name: "abs", outside: "/vendor/lib"}, {name: "abs/hw/x.so", outside: "/vendor/lib/hw/x.so"}, {name: "absdots/y", outside: "/vendor/lib/y"},
		{name: "out", outside: "../vendor/lib"}, {name: "out/hw", outside: "../vendor/lib/hw"}, {name: "passwd", outside: "/etc/passwd"},
		{name: "dir/climb", outside: "../../x"}, {name: "folder/root/dir/climb/y", outside: "../../x/y"},
	} {
		got, err := archive.Resolve(z, tc.name)
		var le *archive.LinkError
		switch {
		case tc.want != "":
			if got != tc.want || err != nil {
				t.Errorf("%s: %q, %v; want %q", tc.name, got, err, tc.want)
			}
		case tc.outside != "":
			if !errors.As(err, &le) || !le.Outside || le.Target != tc.outside || le.Name != tc.name {
				t.Errorf("%s: %q, %v; want outside to %q", tc.name, got, err, tc.outside)
			}
		case tc.why == "link":
			if !errors.As(err, &le) || le.Outside {
				t.Errorf("%s: %q, %v; want a link that cannot be followed", tc.name, got, err)
			}
		case err == nil || !strings.Contains(err.Error(), tc.why):
			t.Errorf("%s: %q, %v; want %q", tc.name, got, err, tc.why)
		}
	}
}

// TestResolveLimit: 40 links are followed, as Linux does, and 41 are not.
func TestResolveLimit(t *testing.T) {
	b := zipOf(file("l0", "end"))
	for i := 1; i <= 41; i++ {
		b.Members = append(b.Members, link("l"+strconv.Itoa(i), "l"+strconv.Itoa(i-1)))
	}
	z := openZip(t, b.Bytes())
	if got, err := archive.Resolve(z, "l40"); got != "l0" || err != nil {
		t.Errorf("40 links: %q, %v", got, err)
	}
	if got, err := archive.Resolve(z, "l41"); err == nil {
		t.Errorf("41 links: %q", got)
	}
}

func TestResolveTree(t *testing.T) {
	tree := openTree(t, plant(t, map[string]string{"dir/file": "text", "rel": "-> dir/file", "passwd": "-> /etc/passwd", "up": "-> ../../../etc/passwd"}), nil)
	if got, err := archive.Resolve(tree, "rel"); got != "dir/file" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for name, target := range map[string]string{"passwd": "/etc/passwd", "up": "../../../etc/passwd"} {
		var le *archive.LinkError
		if got, err := archive.Resolve(tree, name); !errors.As(err, &le) || le.Target != target {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := archive.Resolve(fstest.MapFS{"a/b": {}}, "a/b"); got != "a/b" || err != nil {
		t.Errorf("without links: %q, %v", got, err)
	}
}
