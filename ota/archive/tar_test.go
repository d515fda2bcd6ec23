package archive_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

func openTar(t testing.TB, data []byte) *archive.Tar {
	t.Helper()
	z, err := archive.OpenTar(blob.Bytes(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestTarFS(t *testing.T) {
	z := openTar(t, fixture(t, "ustar.tar"))
	if err := fstest.TestFS(z, "boot.img", "vbmeta.img", "sub/block", "sub/none", "sub/empty"); err != nil {
		t.Fatal(err)
	}
	var _ archive.BlobFS = z
	var _ fs.ReadLinkFS = z
	var _ fs.ReadDirFS = z
	st, err := fs.Stat(z, "sub/block")
	if err != nil {
		t.Fatal(err)
	}
	want := archive.TarEntry{Name: "sub/block", Index: 3, Type: '0', Size: 512, Header: 0x1400, Data: 0x1600, Mode: 0o644, Modified: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)}
	if e := st.Sys().(*archive.TarEntry); fmt.Sprintf("%+v", *e) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v", *e)
	}
}

func TestTarBlob(t *testing.T) {
	data := fixture(t, "posix.tar")
	z := openTar(t, data)
	for _, name := range []string{"boot.img", "sub/hard"} {
		b, release, err := z.Blob(name)
		if err != nil {
			t.Fatal(err)
		}
		p, err := blob.ReadAll(b, 1<<20)
		if err != nil || len(p) != 40*65 {
			t.Errorf("%s: %d bytes, %v", name, len(p), err)
		}
		if err := release(); err != nil {
			t.Error(err)
		}
		f, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		st, _ := f.Stat()
		if b, ok := f.(blob.Blob); !ok || b.Size() != int64(len(p)) || st.Size() != b.Size() || !st.Mode().IsRegular() {
			t.Errorf("%s: its file must be a blob: %v", name, st)
		}
	}
	for name, want := range map[string]error{"nowhere": fs.ErrNotExist, "../boot.img": fs.ErrInvalid} {
		if _, _, err := z.Blob(name); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{"sub": "is a folder", "sub/link": "a symbolic link, which is not followed", "fifo": "neither a regular file nor a folder"} {
		if _, _, err := z.Blob(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := z.Open(name); name != "sub" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := archive.Resolve(z, "sub/link"); got != "boot.img" || err != nil {
		t.Errorf("sub/link is %q, %v", got, err)
	}
	var le *archive.LinkError
	if _, err := archive.Resolve(z, "sub/absolute/lib"); !errors.As(err, &le) || le.Target != "/vendor/lib" {
		t.Error(err)
	}
	if st, err := openTar(t, fixture(t, "device.tar")).Stat("dev/null"); err != nil || st.Mode().Type() != fs.ModeDevice|fs.ModeCharDevice {
		t.Errorf("dev/null: %v, %v", st, err)
	}
}

func TestTarRefusedSaysWhy(t *testing.T) {
	_, err := openTar(t, fixture(t, "sparse-1.0.tar")).Open("sparse")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "entry 0 is refused: a sparse file (GNU.sparse 1.0)") {
		t.Error(err)
	}
}

func TestTarTimes(t *testing.T) {
	for name, want := range map[string]time.Time{
		"gnu-late.tar":     time.Unix(99999999999, 0),
		"posix-late.tar":   time.Unix(99999999999, 0),
		"gnu-early.tar":    time.Unix(-86401, 0),
		"posix-early.tar":  time.Unix(-86401, 750000000),
		"posix-global.tar": time.Unix(1700000000, 0),
	} {
		if e := openTar(t, fixture(t, name)).Entries()[0]; !e.Modified.Equal(want) || e.Modified.Location() != time.UTC {
			t.Errorf("%s: %v, want %v", name, e.Modified, want.UTC())
		}
	}
}

func TestTarMD5(t *testing.T) {
	md5sum := map[string]string{"AP_TEST.tar.md5": "AP_TEST.tar", "BL_TEST.tar.md5": "BL_TEST.tar", "CSC_TEST.tar.md5": "CSC_TEST.tar"}
	for file, want := range md5sum {
		data := fixture(t, file)
		z := openTar(t, data)
		sum, name, off, ok := z.MD5()
		if !ok || name != want || hex.EncodeToString(sum[:]) != string(data[off:off+32]) {
			t.Errorf("%s: %x %s at %d, %v", file, sum, name, off, ok)
		}
		if err := z.CheckMD5(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		// A bit of a member, of the padding, of the sum, of the build information.
		for _, at := range []int64{0x300, 0x1fff, off + 5, off - 2} {
			bad := bytes.Clone(data)
			bad[at] ^= 1
			z, err := archive.OpenTar(blob.Bytes(bad), nil)
			if err != nil {
				t.Errorf("%s, bit at %#x: %v", file, at, err)
				continue
			}
			if err := z.CheckMD5(); !errors.Is(err, parse.ErrFormat) {
				t.Errorf("%s, bit at %#x: %v", file, at, err)
			}
		}
		// The other opinion: md5sum over what comes before the line.
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, want), data[:off], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "line"), bytes.ReplaceAll(data[off:], []byte("\r"), nil), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := otatest.Run(t, "sh", "-c", `cd "$1" && md5sum -c line`, "sh", dir); err != nil || out != want+": OK" {
			t.Errorf("%s: md5sum: %s, %v", file, out, err)
		}
	}
	z := openTar(t, fixture(t, "ustar.tar"))
	if _, _, _, ok := z.MD5(); ok {
		t.Error("a plain tar has no MD5 line")
	}
	if err := z.CheckMD5(); !errors.Is(err, parse.ErrFormat) {
		t.Error(err)
	}
	broken := errors.New("broken disk")
	f := &failing{blob.Bytes(fixture(t, "AP_TEST.tar.md5")), 1 << 30, broken}
	z, err := archive.OpenTar(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.after = 0
	if err := z.CheckMD5(); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestIsTar(t *testing.T) {
	for name, data := range fixtures(t) {
		if want := name != "empty.tar"; archive.IsTar(data) != want || archive.IsTar(data[:512]) != want || archive.IsTar(data[:511]) {
			t.Errorf("%s: %v", name, archive.IsTar(data))
		}
	}
	for name, data := range map[string][]byte{"text": bytes.Repeat([]byte("text "), 200), "zeros": make([]byte, 1024), "zip": sample(t), "none": nil} {
		if archive.IsTar(data) {
			t.Errorf("%s is no tar", name)
		}
	}
}

func TestTarBudget(t *testing.T) {
	data := tarOf(tarFile("a", "12345"), tarFile("b", "1234567"), hard("c", "a"), hard("d", "a"), tarFile("x/y/z", ""))
	z, err := archive.OpenTar(blob.Bytes(data), parse.NewBudget(parse.Limits{Produced: 10, Entries: 6}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range z.Entries() {
		got = append(got, fmt.Sprintf("%s: %.14s", e.Name, e.Refused))
	}
	if s := strings.Join(got, "; "); s != "a: ; b: over the limit; c: ; d: over the limit; x/y/z: over the limit" {
		t.Error(s)
	}
	_, err = archive.OpenTar(blob.Bytes(data), parse.NewBudget(parse.Limits{Entries: 3}))
	if !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}

// TestTarTruncated cuts tars at every byte. What is left is refused, or it ends
// between two members and a note says that it may be cut short.
func TestTarTruncated(t *testing.T) {
	for _, name := range []string{"v7.tar", "ustar.tar", "gnu.tar", "posix.tar", "sparse-gnu.tar"} {
		data := fixture(t, name)
		whole := openTar(t, data).Entries()
		last := whole[len(whole)-1]
		end := (max(last.Data, last.Header+512) + last.Size + 511) &^ 511
		for n := range end + 1024 {
			z, err := archive.OpenTar(blob.Bytes(data[:n]), nil)
			if err != nil {
				var pe *parse.Error
				if !errors.As(err, &pe) || pe.Kind != parse.ErrFormat || pe.Off > n {
					t.Fatalf("%s cut to %d bytes: %v", name, n, err)
				}
				continue
			}
			have := z.Entries()
			note := strings.Join(z.Notes(), "; ")
			if !strings.Contains(note, "may be cut short") && !strings.Contains(note, "one block of zeros ends the archive") {
				t.Fatalf("%s cut to %d bytes: notes %q", name, n, note)
			}
			for i, e := range have {
				if e.Name != whole[i].Name || e.Size != whole[i].Size || e.Data+e.Size > n {
					t.Fatalf("%s cut to %d bytes: %+v", name, n, e)
				}
			}
			next := end
			if len(have) < len(whole) {
				next = whole[len(have)].Header
			}
			if n > next && len(have) < len(whole) {
				t.Fatalf("%s cut to %d bytes: %d entries, the next has its header at %d", name, n, len(have), next)
			}
		}
	}
}

func TestTarShortReads(t *testing.T) {
	data := fixture(t, "posix.tar")
	broken := errors.New("broken disk")
	f := &failing{blob.Bytes(data), 1 << 30, broken}
	if _, err := archive.OpenTar(f, nil); err != nil {
		t.Fatal(err)
	}
	reads := 1<<30 - f.after
	for n := range reads {
		_, err := archive.OpenTar(&failing{blob.Bytes(data), n, broken}, nil)
		if !errors.Is(err, broken) {
			t.Errorf("read %d of %d fails: %v", n, reads, err)
		}
	}
	f.after = 1 << 30
	z, err := archive.OpenTar(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.after = 0
	if _, err := fs.ReadFile(z, "boot.img"); !errors.Is(err, broken) || errors.Is(err, parse.ErrFormat) {
		t.Error(err)
	}
}
