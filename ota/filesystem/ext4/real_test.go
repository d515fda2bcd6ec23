package ext4_test

import (
	"archive/zip"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/ext4"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/image/sparse"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// debugfs runs commands over an image and gives what each of them says.
func debugfs(t testing.TB, image string, commands []string) []string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(script, []byte(strings.Join(commands, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := otatest.Run(t, otatest.Tool(t, "debugfs"), "-f", script, image)
	if err != nil {
		t.Fatalf("debugfs: %v\n%s", err, out)
	}
	parts := strings.Split("\n"+out, "\ndebugfs: ")[1:]
	if len(parts) != len(commands) {
		t.Fatalf("debugfs answers %d of %d commands", len(parts), len(commands))
	}
	for i, c := range commands {
		parts[i] = strings.TrimPrefix(parts[i], c)
	}
	return parts
}

// agree holds every file of an image against what debugfs says of it. It gives
// the number of files, of extended attributes, and of bytes.
func agree(t *testing.T, f *ext4.FS, image string) (files, attrs int, size int64) {
	t.Helper()
	out := t.TempDir()
	var commands []string
	var checks []func(said string)
	ask := func(check func(string), format string, args ...any) {
		commands = append(commands, fmt.Sprintf(format, args...))
		checks = append(checks, check)
	}
	err := fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files++
		m := info.Sys().(*vfs.Meta)
		x, err := f.Xattrs(name)
		if err != nil {
			return err
		}
		ask(func(said string) { checkStat(t, f, name, info, len(x), said) }, "stat <%d>", m.Inode)
		for _, a := range x {
			attrs++
			ask(func(said string) {
				if want := hex.EncodeToString(a.Value); !strings.HasSuffix(strings.ReplaceAll(strings.TrimSpace(said), " ", ""), want) {
					t.Errorf("%s: %s is %s, debugfs has %s", name, a.Name, want, said)
				}
			}, "ea_get -x <%d> %s", m.Inode, plain(a.Name))
		}
		switch {
		case d.IsDir():
			list, err := f.ReadDir(name)
			if err != nil {
				return err
			}
			ask(func(said string) { checkList(t, name, list, said) }, "ls -p <%d>", m.Inode)
		case d.Type().IsRegular():
			size += info.Size()
			path := filepath.Join(out, fmt.Sprint(m.Inode))
			ask(func(said string) {
				want, err := os.ReadFile(path)
				got, err2 := f.ReadFile(name)
				if err != nil || err2 != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes, debugfs has %d: %v, %v, %s", name, len(got), len(want), err2, err, said)
				}
			}, "dump <%d> %s", m.Inode, path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for i, said := range debugfs(t, image, commands) {
		checks[i](said)
	}
	if notes := f.Notes(); len(notes) > 0 {
		t.Logf("notes: %s", notes)
	}
	return files, attrs, size
}

// plain undoes parse.Escape.
func plain(name string) string {
	name, _ = parse.Unescape(name)
	return name
}

func checkList(t *testing.T, name string, list []fs.DirEntry, said string) {
	t.Helper()
	var got, want []string
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			t.Error(err)
			continue
		}
		if name := plain(e.Name()); !strings.Contains(name, "\n") { // which debugfs does not spell
			got = append(got, fmt.Sprintf("%d %s", info.Sys().(*vfs.Meta).Inode, name))
		}
	}
	for l := range strings.Lines(said) {
		// /inode/mode/uid/gid/name/size/
		if field := strings.Split(l, "/"); len(field) > 7 && field[1] != "0" && field[5] != "." && field[5] != ".." {
			want = append(want, field[1]+" "+field[5])
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: entries %q, debugfs has %q", name, got, want)
	}
}

func checkStat(t *testing.T, f *ext4.FS, name string, info fs.FileInfo, attrs int, said string) {
	t.Helper()
	m := info.Sys().(*vfs.Meta)
	has := func(format string, args ...any) {
		if !regexp.MustCompile(fmt.Sprintf(format, args...)).MatchString(said) {
			t.Errorf("%s: no %q in what debugfs says:\n%s", name, fmt.Sprintf(format, args...), said)
		}
	}
	perm := uint32(info.Mode().Perm())
	for bit, mode := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if info.Mode()&mode != 0 {
			perm |= bit
		}
	}
	has(`Mode: +0*%o `, perm)
	has(`User: +%d +Group: +%d `, int32(m.UID), int32(m.GID))
	has(`Links: %d `, m.Links)
	has(`mtime: 0x%08x`, uint32(info.ModTime().Unix()))
	if !info.IsDir() && info.Size() > 0 {
		has(`Size: %d\n`, info.Size())
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		has(`Type: directory`)
	case 0:
		has(`Type: regular`)
	case fs.ModeNamedPipe:
		has(`Type: FIFO`)
	case fs.ModeSocket:
		has(`Type: socket`)
	case fs.ModeDevice | fs.ModeCharDevice:
		has(`Type: character special`)
		has(`Device major/minor number: 0*%d:0*%d `, m.Major, m.Minor)
	case fs.ModeDevice:
		has(`Type: block special`)
		has(`Device major/minor number: 0*%d:0*%d `, m.Major, m.Minor)
	case fs.ModeSymlink:
		has(`Type: symlink`)
		target, err := f.ReadLink(name)
		if err != nil || len(plain(target)) != int(info.Size()) {
			t.Errorf("%s: target %q, %v", name, target, err)
		}
		if strings.Contains(said, "Fast link dest") && target == plain(target) {
			has(`Fast link dest: "%s"`, regexp.QuoteMeta(target))
		}
	}
	if got := len(regexp.MustCompile(`(?m)^  \S+ \(\d+\)`).FindAllString(said, -1)); got != attrs {
		t.Errorf("%s: %d attributes, debugfs has %d:\n%s", name, attrs, got, said)
	}
}

// check writes an image to a file and holds it against debugfs.
func check(t *testing.T, b blob.Blob) {
	t.Helper()
	f, err := ext4.Open(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	runs := []sparse.Run{{Len: b.Size(), Kind: sparse.Raw}}
	if m, ok := b.(*sparse.Image); ok {
		runs = slices.Collect(m.Runs())
	}
	for _, r := range runs {
		if r.Kind == sparse.Hole {
			continue
		}
		if _, err := io.Copy(io.NewOffsetWriter(w, r.Off), io.NewSectionReader(b, r.Off, r.Len)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Truncate(b.Size()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	files, attrs, size := agree(t, f, path)
	t.Logf("%d files, %d attributes, %d bytes of files; %d of %d bytes are the file system; %s", files, attrs, size, f.Size(), b.Size(), f.Features())
	if files < 2 {
		t.Error("no files")
	}
}

// TestReal: images of devices, of Android's build, and of APEXes: each file is what debugfs says that it is.
func TestReal(t *testing.T) {
	if testing.Short() {
		return // one goroutine reads each
	}
	for _, name := range []string{"ai3399pro-oem.img", "akebi96-cache.img", "akebi96-userdata.img", "lineage-a51-cache.img", "lineage-a51-odm.img"} {
		t.Run(name, func(t *testing.T) {
			p, err := os.ReadFile(otatest.Data(t, "sparse", name))
			if err != nil {
				t.Fatal(err)
			}
			b, err := sparse.Open(blob.Bytes(p), nil)
			if err != nil {
				t.Fatal(err)
			}
			check(t, b)
		})
	}
	for _, name := range []string{"disk_ext2_1k.img", "disk_ext2_4k.img", "disk_ext2_4k_empty.img", "disk_ext2_unittest.img"} {
		t.Run(name, func(t *testing.T) {
			p, err := os.ReadFile(otatest.Data(t, "payload", name))
			if err != nil {
				t.Fatal(err)
			}
			check(t, blob.Bytes(p))
		})
	}
	apexes, err := filepath.Glob(otatest.Data(t, "apex") + "/*apex")
	if err != nil || len(apexes) == 0 {
		t.Fatal(apexes, err)
	}
	for _, path := range apexes {
		t.Run(filepath.Base(path), func(t *testing.T) {
			p, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			payload := payloadOf(t, p)
			if payload == nil {
				t.Log("no payload that can be taken out")
				return
			}
			if len(payload) < 2048 || payload[1080] != 0x53 || payload[1081] != 0xef {
				t.Log("the payload is no ext4")
				return
			}
			check(t, blob.Bytes(payload))
		})
	}
}

// payloadOf takes the image out of an APEX, or of the APEX in a compressed one.
func payloadOf(t *testing.T, apex []byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(apex), int64(len(apex)))
	if err != nil {
		return nil
	}
	for _, name := range []string{"apex_payload.img", "original_apex"} {
		in, err := z.Open(name)
		if err != nil {
			continue
		}
		p, err := io.ReadAll(in)
		if err != nil {
			return nil
		}
		if name == "original_apex" {
			return payloadOf(t, p)
		}
		return p
	}
	return nil
}

// TestOther holds the image that the kernel does not mount, and two that it does, against debugfs.
func TestOther(t *testing.T) {
	for _, name := range []string{"block64k", "android", "block2k"} {
		t.Run(name, func(t *testing.T) { check(t, blob.Bytes(fixture(t, name+".img"))) })
	}
}
