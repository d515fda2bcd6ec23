package archive_test

import (
	stdzip "archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

func openZip(t testing.TB, data []byte) *archive.Zip {
	t.Helper()
	z, err := archive.OpenZip(blob.Bytes(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// sample is a well-formed archive, written by the standard library.
func sample(t testing.TB) []byte {
	var buf bytes.Buffer
	w := stdzip.NewWriter(&buf)
	w.SetComment("a comment")
	for i, name := range []string{"META-INF/", "META-INF/com/android/metadata", "payload.bin", "empty", "system/app/x.apk", "system/app/y.apk"} {
		h := &stdzip.FileHeader{Name: name, Method: stdzip.Deflate, Modified: time.Date(2024, 5, 6, 7, 8, 10, 0, time.UTC)}
		h.SetMode(0o640)
		if i%2 == 0 {
			h.Method = stdzip.Store
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "/") && name != "empty" {
			f.Write(bytes.Repeat([]byte(name), i*1000))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestZipFS(t *testing.T) {
	z := openZip(t, sample(t))
	if err := fstest.TestFS(z, "META-INF/com/android/metadata", "payload.bin", "empty", "system/app/x.apk"); err != nil {
		t.Fatal(err)
	}
	for _, e := range z.Entries() {
		if e.Refused != "" || len(e.Notes) > 0 {
			t.Errorf("%+v", e)
		}
	}
	if off, n := z.Comment(); n != 9 || off != z.EOCD()+22 {
		t.Errorf("comment at %d, %d bytes", off, n)
	}
	if off, n := z.Directory(); off+n != z.EOCD() {
		t.Errorf("directory at %d, %d bytes, end record at %d", off, n, z.EOCD())
	}
	var _ archive.BlobFS = z
	var _ fs.ReadLinkFS = z
}

func TestZipBlob(t *testing.T) {
	data := sample(t)
	z := openZip(t, data)
	b, release, err := z.Blob("payload.bin")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	p, err := blob.ReadAll(b, 1<<20)
	if err != nil || string(p) != strings.Repeat("payload.bin", 2000) {
		t.Errorf("%d bytes, %v", len(p), err)
	}
	f, err := z.Open("payload.bin")
	if err != nil {
		t.Fatal(err)
	}
	if b, ok := f.(blob.Blob); !ok || b.Size() != int64(len(p)) {
		t.Error("the file of a stored member must be a blob")
	}
	for name, want := range map[string]error{
		"META-INF/com/android/metadata": errors.ErrUnsupported,
		"nowhere":                       fs.ErrNotExist,
		"../payload.bin":                fs.ErrInvalid,
	} {
		if _, _, err := z.Blob(name); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := z.Blob("system"); err == nil {
		t.Error("a folder has no bytes")
	}
}

func TestZipRefusedSaysWhy(t *testing.T) {
	z := openZip(t, built(zipOf(with(file("x", "x"), func(h *header) { h.Method = 12 }))))
	_, err := z.Open("x")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "entry 0 is refused: compression method 12") {
		t.Error(err)
	}
}

func TestZipBudget(t *testing.T) {
	b := zipOf(file("a", "12345"), file("b", "1234567"), file("c", "12345"), file("x/y/z", ""))
	z, err := archive.OpenZip(blob.Bytes(b.Bytes()), parse.NewBudget(parse.Limits{Produced: 10, Entries: 5}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range z.Entries() {
		got = append(got, fmt.Sprintf("%s: %.14s", e.Name, e.Refused))
	}
	if s := strings.Join(got, "; "); s != "a: ; b: over the limit; c: ; x/y/z: over the limit" {
		t.Error(s)
	}
	_, err = archive.OpenZip(blob.Bytes(b.Bytes()), parse.NewBudget(parse.Limits{Entries: 3}))
	if !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}

// TestZipBomb: what is caught is caught by the directory, without decoding.
func TestZipBomb(t *testing.T) {
	data := overlapBomb(1000, zeros)
	c := &counting{Blob: blob.Bytes(data)}
	z, err := archive.OpenZip(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, e := range z.Entries() {
		if e.Refused == "" {
			shown++
		} else if e.Refused != "overlaps entry 0" {
			t.Fatalf("entry %d: %s", e.Index, e.Refused)
		}
	}
	if shown != 1 || c.n.Load() > int64(len(data))*2 {
		t.Errorf("%d entries of the bomb are shown, %d bytes of %d were read", shown, c.n.Load(), len(data))
	}
}

func TestZipShortReads(t *testing.T) {
	data := sample(t)
	for n := range data {
		if n > 200 && n < len(data)-600 && n%101 != 0 {
			continue
		}
		_, err := archive.OpenZip(blob.Bytes(data[:n]), nil)
		var pe *parse.Error
		if !errors.As(err, &pe) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	broken := errors.New("broken disk")
	for n := range int64(12) {
		_, err := archive.OpenZip(&failing{blob.Bytes(data), n, broken}, nil)
		if !errors.Is(err, broken) {
			t.Errorf("read %d fails: %v", n, err)
		}
	}
	f := &failing{blob.Bytes(data), 1 << 30, broken}
	z, err := archive.OpenZip(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.after = 0
	for _, name := range []string{"payload.bin", "system/app/y.apk"} {
		if _, err := fs.ReadFile(z, name); !errors.Is(err, broken) || errors.Is(err, parse.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// failing fails after that many reads.
type failing struct {
	blob.Blob
	after int64
	err   error
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.after--; f.after < 0 {
		return 0, f.err
	}
	return f.Blob.ReadAt(p, off)
}

func TestZipConcurrent(t *testing.T) {
	data := sample(t)
	z := openZip(t, data)
	errs := make(chan error)
	for range 8 {
		go func() {
			for range 20 {
				if _, err := z.ReadFile("system/app/y.apk"); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// same holds an archive against the standard library's reading of it.
func same(t *testing.T, name string, data blob.Blob) (members int) {
	t.Helper()
	std, err := stdzip.NewReader(data, data.Size())
	if err != nil {
		t.Errorf("%s: the standard library: %v", name, err)
		return 0
	}
	z, err := archive.OpenZip(data, nil)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return 0
	}
	entries := z.Entries()
	if len(entries) != len(std.File) {
		t.Errorf("%s: %d entries, the standard library has %d", name, len(entries), len(std.File))
		return 0
	}
	for i, f := range std.File {
		e := entries[i]
		raw, err := parse.Unescape(e.Name)
		off, offErr := f.DataOffset()
		if err != nil || offErr != nil || raw != f.Name || e.Size != int64(f.UncompressedSize64) || e.Stored != int64(f.CompressedSize64) ||
			e.CRC32 != f.CRC32 || e.Method != f.Method || e.Flags != f.Flags || e.Data != off || e.Mode != f.Mode() {
			t.Errorf("%s: entry %d is %+v, the standard library has %+v", name, i, e, f.FileHeader)
		}
		if e.Refused != "" {
			t.Errorf("%s: %s: refused: %s", name, e.Name, e.Refused)
			continue
		}
		if strings.HasSuffix(raw, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Errorf("%s: %s: the standard library: %v", name, e.Name, err)
			continue
		}
		want, stdErr := io.ReadAll(r)
		got, err := fs.ReadFile(z, e.Name)
		if stdErr != nil {
			if err == nil {
				t.Errorf("%s: %s: the standard library: %v", name, e.Name, stdErr)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %s: %v, or other bytes", name, e.Name, err)
		}
		members++
	}
	return members
}

func TestZipAgainstStandardLibrary(t *testing.T) {
	data := sample(t)
	same(t, "sample", blob.Bytes(data))
	many := builder{}
	for i := range 70000 {
		many.Members = append(many.Members, member{Name: fmt.Sprint("d/", i)})
	}
	many.Zip64 = true
	same(t, "zip64 of 70000", blob.Bytes(many.Bytes()))
}

// TestZipAgainstTools holds archives that foreign programs made against what
// they say of them.
func TestZipAgainstTools(t *testing.T) {
	zip := otatest.Tool(t, "zip")
	dir := t.TempDir()
	for name, text := range map[string]string{"one": "1", "sub/two": strings.Repeat("two ", 1000), "sub/three": ""} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		os.MkdirAll(filepath.Dir(p), 0o755)
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("sub/two", filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	for i, args := range []string{"-r", "-r0", "-ry", "-rfd", "-rfz"} {
		out := filepath.Join(t.TempDir(), fmt.Sprint(i, ".zip"))
		if text, err := otatest.Run(t, "sh", "-c", `cd "$1" && "$2" "$3" "$4" .`, "sh", dir, zip, args, out); err != nil {
			t.Fatalf("zip %s: %v: %s", args, err, text)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if n := same(t, "zip "+args, blob.Bytes(data)); n < 3 {
			t.Errorf("zip %s: %d members", args, n)
		}
		z := openZip(t, data)
		for _, e := range z.Entries() {
			for _, n := range e.Notes {
				if !strings.HasPrefix(n, "a symbolic link") && !strings.Contains(n, "sizes of 8 bytes") {
					t.Errorf("zip %s: %s: %s", args, e.Name, n)
				}
			}
		}
		if args == "-ry" {
			if target, err := z.ReadLink("link"); target != "sub/two" || err != nil {
				t.Errorf("link: %q, %v", target, err)
			}
		}
		text, err := otatest.Run(t, "unzip", "-p", out, "sub/two")
		got, err2 := z.ReadFile("sub/two")
		if err != nil || err2 != nil || text != strings.TrimSpace(string(got)) {
			t.Errorf("unzip of zip %s: %v, %v, or other text", args, err, err2)
		}
	}
}

// TestZipData reads all archives of the public test data as the standard
// library does.
func TestZipData(t *testing.T) {
	root := otatest.Data(t)
	var files, members, noted int
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".zip", ".apk", ".jar", ".apex":
		default:
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		b, err := blob.NewFile(f)
		if err != nil {
			return err
		}
		defer b.Close()
		rel, _ := filepath.Rel(root, path)
		if head, err := blob.ReadRange(b, 0, min(4, b.Size())); err != nil || string(head) != "PK\x03\x04" {
			t.Logf("%s is no zip", rel)
			return nil
		}
		files++
		members += same(t, rel, b)
		if z, err := archive.OpenZip(b, nil); err == nil {
			for _, n := range z.Notes() {
				if !strings.Contains(n, "APK signing block") && !strings.HasPrefix(n, "a comment of") {
					noted++
					t.Logf("%s: %s", rel, n)
				}
			}
			for _, e := range z.Entries() {
				for _, n := range e.Notes {
					noted++
					t.Logf("%s: %s: %s", rel, e.Name, n)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 300 {
		t.Errorf("%d archives only", files)
	}
	t.Logf("%d archives, %d members with the same bytes, %d notes", files, members, noted)
}

// counting counts what is read.
type counting struct {
	blob.Blob
	n, calls atomic.Int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Blob.ReadAt(p, off)
	c.n.Add(int64(n))
	c.calls.Add(1)
	return n, err
}
