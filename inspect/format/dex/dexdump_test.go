package dex_test

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/otatest"
)

// A sample is one DEX file of the public test data.
type sample struct {
	name string
	data []byte
}

// samples gives every nth DEX file in the APKs and jars under the folders.
func samples(t testing.TB, nth int, folders ...string) []sample {
	t.Helper()
	var list []sample
	for _, dir := range folders {
		n := 0
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || !strings.HasSuffix(path, ".apk") && !strings.HasSuffix(path, ".jar") {
				return err
			}
			z, err := zip.OpenReader(path)
			if err != nil {
				return nil // not all of these are what their name says
			}
			defer z.Close()
			for _, m := range z.File {
				if !strings.HasSuffix(m.Name, ".dex") {
					continue
				}
				if n++; n%nth != 0 {
					continue
				}
				r, err := m.Open()
				if err != nil {
					return err
				}
				data, err := io.ReadAll(r)
				if err != nil {
					return err
				}
				rel, _ := filepath.Rel(dir, path)
				list = append(list, sample{rel + "!/" + m.Name, data})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// counts is what a walk has seen.
type counts struct {
	files, classes, fields, methods, bodies, insns, tries, lines, annotations, badSHA1 int
	versions                                                                           map[int]int
}

// TestDexdump writes every sample as dexdump -d -a does and compares the texts byte for
// byte: classes, members, flags, initial values, annotations, every instruction with its
// offset, bytes and operands, handlers, lines, method handles, call sites. Files that OTAVET_DEX
// names are among them. Variables are left out; dexdump's
// names for flags, which repeat the number, too.
func TestDexdump(t *testing.T) {
	otatest.Tool(t, "dexdump")
	list := samples(t, 5, otatest.Data(t, "droidbench", "apk"))
	list = append(list, samples(t, 1, otatest.Data(t, "rom"))...)
	list = append(list, assembled(t)...)
	if testing.Short() {
		list = list[:2]
	}
	c := counts{versions: map[int]int{}}
	bad := 0
	for _, s := range list {
		if !compare(t, s, &c) {
			if bad++; bad > 5 {
				t.Fatal("and so on")
			}
		}
	}
	t.Logf("%d of %d files equal: versions %v, %d classes, %d fields, %d methods, %d with code, %d instructions, %d try blocks, %d lines, %d annotations; %d wrong SHA-1",
		len(list)-bad, len(list), c.versions, c.classes, c.fields, c.methods, c.bodies, c.insns, c.tries, c.lines, c.annotations, c.badSHA1)
	if c.insns < 100_000 && !testing.Short() {
		t.Errorf("only %d instructions", c.insns)
	}
}

func compare(t *testing.T, s sample, c *counts) bool {
	t.Helper()
	files, err := dex.Open(s.data, nil)
	if err != nil {
		t.Errorf("%s: %v", s.name, err)
		return false
	}
	f := files[0]
	if len(files) != 1 || len(f.Notes) > 0 || !f.ChecksumOK() {
		t.Errorf("%s: %d files, notes %q, checksum %v", s.name, len(files), f.Notes, f.ChecksumOK())
	}
	c.files++
	c.versions[f.Version]++
	if !f.SignatureOK() {
		c.badSHA1++
	}
	path := filepath.Join(t.TempDir(), "classes.dex")
	if err := os.WriteFile(path, s.data, 0o600); err != nil {
		t.Fatal(err)
	}
	// Not otatest.Run: strings in the output may end in what it would trim, and stderr must not be among it.
	var stderr bytes.Buffer
	cmd := exec.Command(otatest.Tool(t, "dexdump"), "-d", "-a", path)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: dexdump: %v: %s", s.name, err, stderr.Bytes())
		return false
	}
	want := normal(out)
	var got bytes.Buffer
	if err := dump(&got, f, s.data, c); err != nil {
		t.Errorf("%s: %v", s.name, err)
		return false
	}
	if bytes.Equal(got.Bytes(), want) {
		return true
	}
	g, w := bytes.Split(got.Bytes(), []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range max(len(g), len(w)) {
		var x, y []byte
		if i < len(g) {
			x = g[i]
		}
		if i < len(w) {
			y = w[i]
		}
		if !bytes.Equal(x, y) {
			t.Errorf("%s: line %d of %d:\n got %q\nwant %q", s.name, i, len(w), x, y)
			break
		}
	}
	return false
}

// normal takes the first two lines, the variables and the names of flags out of dexdump's text.
func normal(out []byte) []byte {
	var b bytes.Buffer
	locals := false
	for i, line := range bytes.SplitAfter(out, []byte("\n")) {
		switch {
		case i < 2:
			continue
		case bytes.Equal(line, []byte("      locals        : \n")):
			locals = true
			continue
		case locals && bytes.HasPrefix(line, []byte("        0x")):
			continue
		case bytes.HasPrefix(line, []byte("      access        : 0x")), bytes.HasPrefix(line, []byte("  Access flags      : 0x")):
			line = append(line[:bytes.IndexByte(line, '(')-1:len(line)], '\n')
		}
		locals = false
		b.Write(line)
	}
	return b.Bytes()
}
