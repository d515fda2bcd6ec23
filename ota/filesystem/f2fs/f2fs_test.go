package f2fs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// images are those of testdata/images/f2fs that Linux was asked about.
var images = []string{"plain", "features", "journal", "normal", "sload", "large", "ro", "lzo", "tiny"}

// fixture is a file of testdata/images/f2fs.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	r, err := os.Open(filepath.Join(otatest.Root(t), "testdata/images/f2fs", name+".zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	z, err := codec.NewReader(codec.Zstd, r, 256<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, z); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, image []byte) *f2fs.FS {
	t.Helper()
	f, err := f2fs.Open(blob.Bytes(image), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A file is what Linux says of one: a line of manifest.py.
type file struct {
	name             string // as it is stored
	mode             uint64 // st_mode
	uid, gid         uint64
	links, inode     uint64
	size, mtime      uint64
	device           string
	flags            uint64
	contents, xattrs string
}

// spelled is the name as this package has it.
func (w *file) spelled() string { return parse.Escape(w.name) }

func (w *file) kind() uint64 { return w.mode & 0o170000 }

func manifest(t testing.TB, name string) []file {
	t.Helper()
	var files []file
	for line := range strings.Lines(string(fixture(t, name+".txt"))) {
		p := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		raw, err := url.PathUnescape(p[0])
		if err != nil || len(p) != 12 {
			t.Fatal(line)
		}
		number := func(s string, base int) uint64 {
			n, err := strconv.ParseUint(s, base, 64)
			if err != nil {
				t.Fatal(line)
			}
			return n
		}
		files = append(files, file{raw, number(p[1], 8), number(p[2], 10), number(p[3], 10), number(p[4], 10), number(p[5], 10),
			number(p[6], 10), number(p[7], 10), p[8], number(p[9], 0), p[10], p[11]})
	}
	return files
}

// st_mode's kinds, as Linux has them.
var modes = map[uint64]fs.FileMode{
	0o100000: 0, 0o040000: fs.ModeDir, 0o120000: fs.ModeSymlink, 0o020000: fs.ModeDevice | fs.ModeCharDevice, 0o060000: fs.ModeDevice,
	0o010000: fs.ModeNamedPipe, 0o140000: fs.ModeSocket,
}

// crashed is what there is to say of an image that was taken from a running system.
const crashed = "it was not unmounted: what was written after the last checkpoint is not read; its checkpoint has orphans: files that were removed and still open"

// TestLinux compares all that there is with what Linux shows of the same images.
func TestLinux(t *testing.T) {
	for _, name := range images {
		if testing.Short() && name != "tiny" && name != "ro" {
			continue // nothing of it is done by several goroutines
		}
		t.Run(name, func(t *testing.T) {
			f := open(t, fixture(t, name+".img"))
			t.Logf("%s, %q, %s, %q", f.UUID(), f.Label(), f.Version(), f.Features())
			want := make(map[string]*file)
			secret := make(map[string]bool) // folders whose names Linux cannot show as they are stored
			all := manifest(t, name)
			for i := range all {
				w := &all[i]
				if up := filepath.Dir(w.name); secret[up] {
					secret[w.name] = true
					continue
				}
				secret[w.name] = w.flags&0x800 != 0 && w.kind() == 0o040000
				want[w.spelled()] = w
			}
			counts := map[string]int{}
			err := fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				w := want[path]
				if w == nil {
					t.Errorf("%s: Linux does not have it", path)
					return nil
				}
				delete(want, path)
				compare(t, f, path, d, w, counts)
				if secret[w.name] {
					return fs.SkipDir
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			for path := range want {
				t.Errorf("%s: not found", path)
			}
			t.Log(counts)
			notes := strings.Join(f.Notes(), "; ")
			if name == "journal" || name == "normal" {
				if notes != crashed {
					t.Errorf("notes: %s", notes)
				}
			} else if notes != "" {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

func compare(t *testing.T, f *f2fs.FS, path string, d fs.DirEntry, w *file, counts map[string]int) {
	t.Helper()
	info, err := d.Info()
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	if stat, err := f.Stat(path); err != nil || fmt.Sprint(stat) != fmt.Sprint(info) {
		t.Errorf("%s: Stat says %v, %v; the entry %v", path, stat, err, info)
	}
	mode := modes[w.kind()] | fs.FileMode(w.mode&0o777)
	for raw, m := range map[uint64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if w.mode&raw != 0 {
			mode |= m
		}
	}
	m := info.Sys().(*vfs.Meta)
	device := "-"
	if mode&fs.ModeDevice != 0 {
		device = fmt.Sprintf("%d,%d", m.Major, m.Minor)
	}
	var flags uint64
	for bit, set := range map[uint64]bool{0x10: m.Immutable, 0x800: m.Encrypted, 0x100000: m.Verity, 0x40000000: m.Casefold} {
		if set {
			flags |= bit
		}
	}
	got := file{w.name, w.mode, uint64(m.UID), uint64(m.GID), uint64(m.Links), m.Inode, uint64(info.Size()), uint64(info.ModTime().UnixNano()),
		device, flags, w.contents, w.xattrs}
	like := *w
	like.flags &= 0x40100810
	if info.IsDir() {
		like.size = 0
	}
	if got != like || info.Mode() != mode {
		t.Errorf("%s: %v %+v, want %v %+v", path, info.Mode(), got, mode, like)
	}
	counts[modes[w.kind()].String()]++
	compareContents(t, f, path, w, counts)
	if !m.Encrypted {
		compareXattrs(t, f, path, w, counts)
	}
}

func compareContents(t *testing.T, f *f2fs.FS, path string, w *file, counts map[string]int) {
	t.Helper()
	switch w.kind() {
	case 0o120000:
		target, err := f.ReadLink(path)
		raw, _ := url.PathUnescape(w.contents)
		if want := parse.Escape(raw); err != nil || target != want {
			t.Errorf("%s: to %s, %v; want %s", path, target, err, want)
		}
		if _, err := f.Open(path); err == nil {
			t.Errorf("%s: a link was opened", path)
		}
	case 0o100000:
		b, release, err := f.Blob(path)
		if err != nil {
			if !errors.Is(err, parse.ErrUnsupported) || !strings.Contains(err.Error(), "LZO") {
				t.Errorf("%s: %v", path, err)
			}
			counts["refused"]++
			return
		}
		defer release()
		if !strings.Contains(w.contents, "=") && b.Size() < 64<<20 {
			p, err := fs.ReadFile(f, path)
			if err != nil || sum(p) != w.contents {
				t.Errorf("%s: %d bytes that are others, %v", path, len(p), err)
			}
			counts["contents"]++
			return
		}
		end := int64(0)
		for r := range strings.SplitSeq(w.contents, ",") {
			var off, n int64
			var want string
			if _, err := fmt.Sscanf(r, "%d+%d=%s", &off, &n, &want); err != nil {
				t.Fatal(r, err)
			}
			p, err := blob.ReadRange(b, off, n)
			if err != nil || sum(p) != want {
				t.Errorf("%s: others at %d+%d, %v", path, off, n, err)
			}
			if off > end {
				p, err := blob.ReadRange(b, off-min(off-end, 10000), min(off-end, 10000))
				if err != nil || len(bytes.Trim(p, "\x00")) > 0 {
					t.Errorf("%s: a hole before %d: %v", path, off, err)
				}
			}
			end = off + n
			counts["ranges"]++
		}
	default:
		if w.kind() != 0o040000 {
			if _, err := f.Open(path); err == nil {
				t.Errorf("%s: opened", path)
			}
		}
	}
}

func sum(p []byte) string {
	s := sha256.Sum256(p)
	return hex.EncodeToString(s[:])
}

func compareXattrs(t *testing.T, f *f2fs.FS, path string, w *file, counts map[string]int) {
	t.Helper()
	list, err := f.Xattrs(path)
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	var got []string
	for _, x := range list {
		raw, err := parse.Unescape(x.Name)
		if err != nil {
			t.Error(err)
		}
		if strings.HasPrefix(raw, "verity.") {
			continue // Linux does not show it
		}
		got = append(got, raw+"="+hex.EncodeToString(x.Value))
		counts["xattrs"]++
	}
	var want []string
	if w.xattrs != "-" {
		for x := range strings.SplitSeq(w.xattrs, ",") {
			raw, _ := url.PathUnescape(x)
			if strings.HasPrefix(raw, "system.posix_acl_access=") {
				// Linux shows another form: see Xattr.
				raw = raw[:24] + "01000000" + "01000700" + "02000600e8030000" + "04000500" + "10000700" + "20000400"
			}
			want = append(want, raw)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", path, got, want)
	}
}

// TestEncrypted compares the names of encrypted folders with those that Linux
// shows without the key: base64 of two hashes and of the name as it is stored, or,
// of a long one, of its beginning and a SHA-256 of the rest.
func TestEncrypted(t *testing.T) {
	f := open(t, fixture(t, "features.img"))
	byInode := map[uint64]file{}
	for _, w := range manifest(t, "features") {
		byInode[w.inode] = w
	}
	n := 0
	err := fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		m := info.Sys().(*vfs.Meta)
		if !m.Encrypted || path == "secret" || path == "secret-folded" {
			return nil
		}
		n++
		w := byInode[m.Inode]
		shown, err := base64.RawURLEncoding.DecodeString(filepath.Base(w.name))
		if err != nil {
			t.Errorf("%s: Linux shows %q", path, w.name)
			return nil
		}
		raw, err := parse.Unescape(filepath.Base(path))
		if err != nil {
			t.Error(err)
		}
		like := shown[8:]
		if len(raw) > 149 {
			rest := sha256.Sum256([]byte(raw[149:]))
			raw = raw[:149] + string(rest[:])
		}
		if raw != string(like) {
			t.Errorf("%s: Linux shows %x", path, like)
		}
		switch d.Type() {
		case fs.ModeDir:
		case fs.ModeSymlink:
			_, err = f.ReadLink(path)
		default:
			_, err = f.Open(path)
			if _, err := fs.ReadFile(f, path); err == nil {
				t.Errorf("%s was read", path)
			}
		}
		if !d.IsDir() && !errors.Is(err, parse.ErrUnsupported) {
			t.Errorf("%s: %v", path, err)
		}
		list, err := f.Xattrs(path)
		if err != nil || len(list) != 1 || list[0].Name != "encryption.c" || len(list[0].Value) != 40 {
			t.Errorf("%s: %v %v", path, list, err)
		}
		return nil
	})
	if err != nil || n != 12 {
		t.Errorf("%d names, %v", n, err)
	}
}
