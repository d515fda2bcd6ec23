package cpio_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/filesystem/cpio"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// fixture is a file of testdata/images/cpio.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata", "images", "cpio", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func open(t testing.TB, data []byte) *cpio.FS {
	t.Helper()
	f, err := cpio.Open(blob.Bytes(data), nil, cpio.Options{Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// kernel is what Linux made of a ramdisk: see kernel.py. failed is what it complained of.
func kernel(t *testing.T, name string) (lines []string, failed string) {
	t.Helper()
	var data []byte
	if name == "many.cpio.xz" {
		r, err := codec.NewReader(codec.XZ, bytes.NewReader(fixture(t, name+".txt.xz")), 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		if data, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	} else {
		data = fixture(t, name+".txt")
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "Initramfs") {
			failed = line
			continue
		}
		lines = append(lines, line)
	}
	return lines, failed
}

// spell is the spelling of names in the listings.
func spell(t *testing.T, name string) string {
	t.Helper()
	raw, err := parse.Unescape(name)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range []byte(raw) {
		if strings.IndexByte("._/+=,@-", c) >= 0 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// unixMode is the mode as stat(2) has it.
func unixMode(m fs.FileMode) uint32 {
	u := uint32(m.Perm())
	for _, bit := range []struct {
		go_  fs.FileMode
		unix uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&bit.go_ != 0 {
			u |= bit.unix
		}
	}
	return u | map[fs.FileMode]uint32{
		0: 0o100000, fs.ModeDir: 0o040000, fs.ModeSymlink: 0o120000, fs.ModeDevice: 0o060000,
		fs.ModeDevice | fs.ModeCharDevice: 0o020000, fs.ModeNamedPipe: 0o010000, fs.ModeSocket: 0o140000,
	}[m.Type()]
}

// listing is the ramdisk in the form of kernel.py.
func listing(t *testing.T, f *cpio.FS) []string {
	t.Helper()
	var names []string
	if err := fs.WalkDir(f, ".", func(name string, _ fs.DirEntry, err error) error {
		names = append(names, name)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(names, func(a, b string) int { // by their bytes, the root first
		return strings.Compare(strings.TrimPrefix(raw(t, a), "."), strings.TrimPrefix(raw(t, b), "."))
	})
	first := map[uint64]string{}
	var lines []string
	for _, name := range names {
		st, err := f.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		m := st.Sys().(*vfs.Meta)
		if first[m.Inode] == "" {
			first[m.Inode] = name
		}
		if without(t, f, name) {
			continue
		}
		if st.IsDir() {
			entries, err := f.ReadDir(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if without(t, f, path.Join(name, e.Name())) && e.IsDir() {
					m.Links--
				}
			}
		}
		what := "-"
		switch st.Mode().Type() {
		case 0:
			p, err := f.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(p)
			what = hex.EncodeToString(sum[:])
		case fs.ModeSymlink:
			target, err := f.ReadLink(name)
			if err != nil {
				t.Fatal(err)
			}
			if target != "" {
				what = spell(t, target)
			}
		}
		lines = append(lines, fmt.Sprintf("%x %d %d %d %d:%d %d %d %s %s %s", unixMode(st.Mode()), m.UID, m.GID, m.Links, m.Major, m.Minor,
			st.Size(), st.ModTime().Unix(), spell(t, first[m.Inode]), what, spell(t, name)))
	}
	return lines
}

// without tells whether Linux would not have a file, since it is in a folder that no
// entry makes, or is one. Those that are in a folder which is made after them have
// "lost" in their names.
func without(t *testing.T, f *cpio.FS, name string) bool {
	if strings.Contains(name, "lost") {
		return true
	}
	for ; name != "."; name = path.Dir(name) {
		st, err := f.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if st.Sys().(*vfs.Meta).Implied {
			return true
		}
	}
	return false
}

func raw(t *testing.T, name string) string {
	s, err := parse.Unescape(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestKernel holds ramdisks of GNU cpio, bsdcpio, busybox and AOSP's mkbootfs, in every compression, joined, and with
// all oddities, against what Linux had in memory after it had unpacked them.
func TestKernel(t *testing.T) {
	for _, tc := range []struct {
		name, listing string
		lines         int
		notes         []string
		fails         string // the error; Linux reports one, too, but for LZ4 frames
	}{
		{name: "gnu.cpio", lines: 60},
		{name: "crc.cpio", listing: "gnu.cpio", lines: 60},
		{name: "bsd.cpio", listing: "gnu.cpio", lines: 60},
		{name: "busybox.cpio", lines: 59},
		{name: "mkbootfs.cpio", lines: 10},
		{name: "gnu.cpio.gz", listing: "gnu.cpio", lines: 60},
		{name: "gnu.cpio.bz2", listing: "gnu.cpio", lines: 60},
		{name: "gnu.cpio.xz", listing: "gnu.cpio", lines: 60},
		{name: "gnu.cpio.lzma", listing: "gnu.cpio", lines: 60},
		{name: "gnu.cpio.lz4l", listing: "gnu.cpio", lines: 60},
		{name: "gnu.cpio.lz4", listing: "gnu.cpio", lines: 60, notes: []string{"the stream at byte 0x0 is of LZ4 frames: Linux unpacks those of the legacy kind only"}},
		{name: "gnu.cpio.zst", listing: "gnu.cpio", lines: 60},
		{name: "joined.img", lines: 13},
		{name: "stream.img", lines: 5},
		{name: "stream-cut.img", fails: "cpio: the ramdisk ends early, at byte 0x12c of what the gzip stream becomes at byte 0x0"},
		{name: "many.cpio.xz", lines: 3002},
		{name: "names.img", lines: 29},
		{name: "kinds.img", lines: 76},
		{name: "links.img", lines: 31},
		{name: "trailer.img", lines: 8},
		{name: "lost.img", lines: 11},
		{name: "sums.img", lines: 5},
		{name: "sums-bad.img", fails: "cpio: the data do not have the sum of their header (0x3e319) at byte 0x6b0"},
		{name: "junk.img", fails: "cpio: neither an archive nor a compression that is known (junk) at byte 0x1800"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data := fixture(t, tc.name)
			if tc.listing == "" {
				tc.listing = tc.name
			}
			want, failed := kernel(t, tc.listing)
			if (failed != "") != (tc.fails != "") {
				t.Errorf("Linux says %q", failed)
			}
			if tc.fails != "" {
				if _, err := cpio.Open(blob.Bytes(data), nil, cpio.Options{}); err == nil || err.Error() != tc.fails || !errors.Is(err, parse.ErrFormat) {
					t.Errorf("%v, want %s", err, tc.fails)
				}
				return
			}
			f := open(t, data)
			got := listing(t, f)
			if st, _ := f.Stat("."); st.Sys().(*vfs.Meta).Implied {
				got, want = got[1:], want[1:] // the root is as the kernel makes it
			}
			if len(got) != len(want) || len(want) != tc.lines {
				t.Errorf("%d files, Linux has %d", len(got), len(want))
			}
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Errorf("%s\nLinux has\n%s", got[i], want[i])
				}
			}
			if notes := f.Notes(); tc.notes != nil && !slices.Equal(notes, tc.notes) || strings.Contains(tc.name, "cpio") && tc.notes == nil && len(notes) > 0 {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// TestArchives says what archives a ramdisk is made of.
func TestArchives(t *testing.T) {
	f := open(t, fixture(t, "joined.img"))
	var got []string
	for _, a := range f.Archives() {
		got = append(got, fmt.Sprintf("%d %s %d", a.Off, a.Method, a.Entries))
	}
	if data := fixture(t, "joined.img"); f.Size() > int64(len(data)) || f.Size() < int64(len(data))-600 {
		t.Errorf("%d bytes of %d", f.Size(), len(data))
	}
	methods := []string{"", "gzip", "gzip", "lz4-legacy", "lz4-legacy", "xz", "zstd", "bzip2", "lzma", ""}
	for i, m := range methods {
		if i >= len(got) || !strings.HasSuffix(got[i], " "+m+" 4") {
			t.Fatalf("%q", got)
		}
	}
	for name, want := range map[string]string{"sums.img": "true", "gnu.cpio": "false", "stream.img": "false false", "links.img": "false false"} {
		f := open(t, fixture(t, name))
		var sums []string
		for _, a := range f.Archives() {
			sums = append(sums, strconv.FormatBool(a.Sums))
		}
		if s := strings.Join(sums, " "); s != want {
			t.Errorf("%s: %s", name, s)
		}
	}
}

// TestOld: older formats are named.
func TestOld(t *testing.T) {
	for name, want := range map[string]string{
		"odc.cpio": "cpio: the older format odc of cpio (070707) at byte 0x0",
		"bin.cpio": "cpio: the older binary format of cpio at byte 0x0",
	} {
		_, err := cpio.Open(blob.Bytes(fixture(t, name)), nil, cpio.Options{})
		if err == nil || err.Error() != want || !errors.Is(err, parse.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
