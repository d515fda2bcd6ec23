package archive_test

import (
	stdtar "archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// fixture is a file of testdata/images/tar.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata", "images", "tar", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fixtures are all tars of testdata/images/tar.
func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	dir := filepath.Join(otatest.Root(t), "testdata", "images", "tar")
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range all {
		if ext := filepath.Ext(f.Name()); ext == ".tar" || ext == ".md5" {
			out[f.Name()] = fixture(t, f.Name())
		}
	}
	if len(out) < 20 {
		t.Fatalf("%d tars only", len(out))
	}
	return out
}

// listed is a file of testdata/images/tar with lines of a value and tar/path.
func listed(t *testing.T, file string, split func(line string) (key, value string)) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	for line := range strings.Lines(string(fixture(t, file))) {
		key, value := split(strings.TrimSuffix(line, "\n"))
		tar, path, _ := strings.Cut(key, "/")
		if out[tar] == nil {
			out[tar] = map[string]string{}
		}
		out[tar][path] = value
	}
	return out
}

// TestTarFixtures holds tars of several programs against what GNU tar and bsdtar
// took out of them.
func TestTarFixtures(t *testing.T) {
	sums := listed(t, "SHA256SUMS", func(line string) (string, string) {
		sum, key, _ := strings.Cut(line, "  ")
		return key, sum
	})
	links := listed(t, "LINKS", func(line string) (string, string) {
		key, target, _ := strings.Cut(line, " -> ")
		return key, target
	})
	// What is not shown and what is said, in the order of the archive; the other
	// fixtures have nothing of the kind.
	said := map[string][]string{
		"CSC_TEST.tar.md5": {"the MD5 line covers 77 bytes of text before it, at 0x2000: Show the build information%0ARBS BUILD_ID:58944467%0Aoriginal_tar_file_size:8192%0A"},
		"device.tar":       {"label refused: a volume's label (GNU, type V), which is no file"},
		"empty.tar":        {"no members"},
		"sparse-0.0.tar":   {"sparse refused: a sparse file (GNU.sparse), which is not supported"},
		"sparse-0.1.tar":   {"sparse refused: a sparse file (GNU.sparse), which is not supported"},
		"sparse-1.0.tar":   {"sparse refused: a sparse file (GNU.sparse 1.0), which is not supported"},
		"sparse-gnu.tar":   {"sparse refused: a sparse file (old GNU, type S), which is not supported"},
		"twice.tar": {
			"1 entries have the name of a later one, which alone is shown: GNU tar and Odin write each in turn",
			"boot.img refused: entry 1 has the same name and comes later",
			"boot.img: 1 entries before it have the same name: GNU tar and Odin write each in turn",
		},
	}
	files := 0
	for name, data := range fixtures(t) {
		z := openTar(t, data)
		got := z.Notes()
		for _, e := range z.Entries() {
			if e.Refused != "" {
				got = append(got, e.Name+" refused: "+e.Refused)
				if e.Name == "sparse" {
					delete(sums[name], "sparse")
				}
			}
			for _, n := range e.Notes {
				got = append(got, e.Name+": "+n)
			}
		}
		if !slices.Equal(got, said[name]) {
			t.Errorf("%s says %q, want %q", name, got, said[name])
		}
		haveSums, haveLinks := map[string]string{}, map[string]string{}
		err := fs.WalkDir(z, ".", func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.Type() == fs.ModeSymlink:
				haveLinks[path], err = z.ReadLink(path)
			case d.Type() == 0:
				files++
				var p []byte
				p, err = z.ReadFile(path)
				haveSums[path] = fmt.Sprintf("%x", sha256.Sum256(p))
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for what, m := range map[string][2]map[string]string{"files": {haveSums, sums[name]}, "links": {haveLinks, links[name]}} {
			if len(m[0])+len(m[1]) > 0 && !maps.Equal(m[0], m[1]) {
				t.Errorf("%s has the %s\n%v, GNU tar has\n%v", name, what, m[0], m[1])
			}
		}
	}
	t.Logf("%d files with the same bytes", files)
	if files < 80 {
		t.Errorf("%d files only", files)
	}
}

// sameTar holds a tar against the standard library's reading of it and answers
// how many members both have.
func sameTar(t *testing.T, name string, data []byte) int {
	t.Helper()
	r := stdtar.NewReader(bytes.NewReader(data))
	z, err := archive.OpenTar(blob.Bytes(data), nil)
	if err != nil {
		for {
			if _, stdErr := r.Next(); stdErr == io.EOF {
				t.Errorf("%s: %v; the standard library finds nothing", name, err)
				return 0
			} else if stdErr != nil {
				return 0
			}
		}
	}
	entries := z.Entries()
	n := 0
	for {
		h, err := r.Next()
		if err == nil && h.Typeflag == stdtar.TypeXGlobalHeader {
			continue
		}
		if err != nil {
			if err != io.EOF || n < len(entries) {
				t.Errorf("%s: %d of %d entries, then %v", name, n, len(entries), err)
			}
			return n
		}
		if n == len(entries) {
			t.Errorf("%s: the standard library has more than %d entries: %s", name, n, h.Name)
			return n
		}
		e := entries[n]
		typ := e.Type
		if typ == 0 {
			typ = stdtar.TypeReg
			if e.Mode.IsDir() {
				typ = stdtar.TypeDir
			}
		}
		// It shows sparse files with their holes, and says what size links have.
		sparse := strings.Contains(e.Refused, "sparse")
		size := h.Size
		if e.Data < 0 {
			size = 0
		}
		if got, _ := parse.Unescape(e.Name); got != h.Name || typ != h.Typeflag || e.Size != size && !sparse || e.Mode.Perm() != h.FileInfo().Mode().Perm() ||
			e.Link != parse.Escape(h.Linkname) && e.Link != "" || !e.Modified.Equal(h.ModTime) {
			t.Errorf("%s: entry %d is %+v, the standard library has %+v", name, n, e, h)
		}
		if n++; sparse || e.Data < 0 {
			continue
		}
		want, stdErr := io.ReadAll(r)
		got, err := blob.ReadRange(blob.Bytes(data), e.Data, e.Size)
		if err != nil || stdErr != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %s: %v, %v, or other bytes", name, e.Name, err, stdErr)
		}
	}
}

func TestTarAgainstStandardLibrary(t *testing.T) {
	members := 0
	for name, data := range fixtures(t) {
		if name == "posix-global.tar" {
			continue // it leaves global headers to its caller
		}
		members += sameTar(t, name, data)
	}
	t.Logf("%d members", members)
	if members < 150 {
		t.Errorf("%d members only", members)
	}
}

// TestTarStandardLibraryFiles reads the files that the standard library is
// tested with, which come from half a dozen programs.
func TestTarStandardLibraryFiles(t *testing.T) {
	root, err := otatest.Run(t, "go", "env", "GOROOT")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(root, "src", "archive", "tar", "testdata", "*.tar"))
	if len(files) == 0 {
		t.Skip("needs the tests of the standard library")
	}
	// Where the two differ, and why.
	differ := map[string]string{
		"invalid-go17.tar":       "a prefix that an old release of the standard library wrote into GNU's format, which GNU tar does not read",
		"pax-bad-mtime-file.tar": "a time that is none is a note",
		"pax-global-records.tar": "a global PAX header gives every member one path, which is unsupported",
		"pax-nul-path.tar":       "a name with a NUL refuses the member alone",
		"pax-nul-xattrs.tar":     "extended attributes are not looked at",
		"pax-path-hdr.tar":       "a PAX header without a member is an error, since one may have been cut off",
	}
	members, same := 0, 0
	for _, file := range files {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if differ[name] != "" {
			continue
		}
		if n := sameTar(t, name, data); n > 0 {
			members += n
			same++
		}
	}
	t.Logf("%d files, %d members", same, members)
	if members < 50 {
		t.Errorf("%d members only", members)
	}
}

// TestTarAgainstTools unpacks tars of the hostile table with GNU tar, and finds
// the same files in them, but for what is refused.
func TestTarAgainstTools(t *testing.T) {
	// Those that GNU tar can be trusted with, and what it unpacks besides.
	besides := map[string]string{
		"dup": "", "dup-dot": "", "dup-thrice": "", "dup-folder": "", "folder-and-file": "", "file-and-folder": "",
		"hard": "", "hard-before-dup": "", "hard-after-dup": "", "hard-over-target": "", "hard-later": "", "hard-self": "", "hard-with-size": "", "soft-with-size": "",
		"names-dot": "c", "name-nul-long": "", "name-prefix-gnu": "", "name-nul-pax": "boot.img", "name-empty-pax": "",
		"size-pax": "", "size-pax-hides": "", "size-spaces": "", "pax-twice": "", "pax-key-twice": "", "pax-solaris": "", "pax-one-name-twice": "", "pax-two-names": "evil", "pax-global": "",
		"folder-with-data": "", "folder-with-size": "", "long-name-folder": "", "v7": "", "checksum-signed": "", "padding": "",
		"end-missing": "", "end-one-block": "", "end-one-block-then-more": "", "end-data": "", "end-tar": "", "md5": "", "md5-crlf": "", "md5-no-end": "",
	}
	tar := otatest.Tool(t, "tar")
	for _, h := range hostileTars() {
		extra, ok := besides[h.name]
		if !ok {
			continue
		}
		delete(besides, h.name)
		dir := t.TempDir()
		file := filepath.Join(dir, "x.tar")
		out := filepath.Join(dir, "out")
		if err := errors.Join(os.WriteFile(file, h.data, 0o644), os.Mkdir(out, 0o755)); err != nil {
			t.Fatal(err)
		}
		text, _ := otatest.Run(t, tar, "-xf", file, "-C", out)
		want := map[string]string{}
		fs.WalkDir(os.DirFS(out), ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && path != extra {
				p, err := os.ReadFile(filepath.Join(out, path))
				want[path] = fmt.Sprint(string(p), err)
			}
			return nil
		})
		got := map[string]string{}
		z := openTar(t, h.data)
		fs.WalkDir(z, ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				p, err := z.ReadFile(path)
				got[path] = fmt.Sprint(string(p), err)
			}
			return nil
		})
		if !maps.Equal(got, want) {
			t.Errorf("%s: %q, GNU tar %q\n%s", h.name, got, want, text)
		}
	}
	for name := range besides {
		t.Errorf("%s is not in the table", name)
	}
}
