package ext4_test

import (
	"cmp"
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
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// fixture is a file of testdata/images/ext4, unpacked.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	return otatest.Fixture(t, filepath.Join(otatest.Root(t), "testdata", "images", "ext4", name+".gz"))
}

func open(t testing.TB, image []byte) *ext4.FS {
	t.Helper()
	f, err := ext4.Open(blob.Bytes(image), parse.NewBudget(parse.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// raw spells a name as the lists do: all but letters, digits and a few signs as %XX.
func raw(t testing.TB, name string) string {
	t.Helper()
	s, err := parse.Unescape(name)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("._/-", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return cmp.Or(b.String(), "%")
}

// line says of a file what testdata/images/ext4/tree.py says of it.
func line(t testing.TB, f *ext4.FS, name string, info fs.FileInfo) string {
	t.Helper()
	kind, what, links := "?", "-", fmt.Sprint(info.Sys().(*vfs.Meta).Links)
	m := info.Sys().(*vfs.Meta)
	switch mode := info.Mode(); mode.Type() {
	case 0:
		kind, what = "f", sum(t, f, name)
	case fs.ModeDir:
		kind, links = "d", "-"
	case fs.ModeSymlink:
		target, err := f.ReadLink(name)
		if err != nil {
			t.Error(err)
		}
		kind, what = "l", raw(t, target)
	case fs.ModeNamedPipe:
		kind = "p"
	case fs.ModeSocket:
		kind = "s"
	case fs.ModeDevice:
		kind, what = "b", fmt.Sprintf("%d,%d", m.Major, m.Minor)
	case fs.ModeDevice | fs.ModeCharDevice:
		kind, what = "c", fmt.Sprintf("%d,%d", m.Major, m.Minor)
	}
	perm := uint32(info.Mode().Perm())
	for bit, mode := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if info.Mode()&mode != 0 {
			perm |= bit
		}
	}
	s := fmt.Sprintf("%s %s %o %d %d %s %d %d.%09d %s", raw(t, name), kind, perm, m.UID, m.GID, links, info.Size(),
		info.ModTime().Unix(), info.ModTime().Nanosecond(), what)
	attrs, err := f.Xattrs(name)
	if err != nil {
		t.Error(err)
	}
	for _, a := range attrs {
		value := fmt.Sprintf("%x", a.Value)
		if len(a.Value) >= 200 {
			value = fmt.Sprintf("sha256:%x", sha256.Sum256(a.Value))
		}
		if !strings.HasPrefix(a.Name, "system.posix_acl") {
			s += " " + raw(t, a.Name) + "=" + value
		}
	}
	return s
}

func sum(t testing.TB, f *ext4.FS, name string) string {
	t.Helper()
	b, release, err := f.Blob(name)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer release()
	h := sha256.New()
	if _, err := io.Copy(h, blob.Reader(b)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// lines are those of all files, by raw name.
func lines(t testing.TB, f *ext4.FS) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all[raw(t, name)] = line(t, f, name, info)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// listed are the lines of a list in testdata/images/ext4.
func listed(t testing.TB, name string) map[string]string {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata", "images", "ext4", name))
	if os.IsNotExist(err) {
		p = fixture(t, name)
	} else if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for l := range strings.Lines(string(p)) {
		l = strings.TrimSuffix(l, "\n")
		name, _, _ := strings.Cut(l, " ")
		all[name] = l
	}
	return all
}

func compare(t testing.TB, got, want map[string]string) {
	t.Helper()
	if len(want) < 4 {
		t.Errorf("a list of %d files", len(want))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("got\n\t%s\nwant\n\t%s", got[name], want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if want[name] == "" {
			t.Errorf("%s is not in the list", got[name])
		}
	}
}

// images are those that the kernel, or mke2fs -d, says the contents of.
var images = []string{"ext2", "rev0", "block2k", "htree", "inline", "inline1k", "bigalloc", "metabg", "eainode", "android", "dirty", "tiny", "tinysum", "tinyfree"}

// TestImages: each file of an image is what the kernel says that it is: bytes,
// mode, owner, number of names, size, time, link, device, attributes.
func TestImages(t *testing.T) {
	for _, name := range images {
		t.Run(name, func(t *testing.T) {
			compare(t, lines(t, open(t, fixture(t, name+".img"))), listed(t, name+".img.txt"))
		})
	}
}

// TestCopied: images that the kernel cannot mount are what mke2fs was given. It
// copies no fractions of seconds, and adds lost+found.
func TestCopied(t *testing.T) {
	for _, name := range []string{"block64k", "casefold"} {
		t.Run(name, func(t *testing.T) {
			got := lines(t, open(t, fixture(t, name+".img")))
			delete(got, "lost%2Bfound")
			want := listed(t, name+".img.txt")
			for name, l := range want {
				if strings.HasPrefix(name, "times/") {
					fields := strings.Fields(l)
					fields[7] = strings.Fields(got[name])[7]
					want[name] = strings.Join(fields, " ")
				}
			}
			compare(t, got, want)
		})
	}
}

// TestSuite runs the suite of all readers over each image that is not encrypted.
func TestSuite(t *testing.T) {
	for _, name := range append(slices.Clip(images), "block64k", "casefold") {
		t.Run(name, func(t *testing.T) { otatest.TestFileSystem(t, open(t, fixture(t, name+".img"))) })
	}
}
