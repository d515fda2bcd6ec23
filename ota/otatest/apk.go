package otatest

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// APKs are all apps of the public test data, whatever they are called: the ZIP
// files that hold a manifest, APEX files among them, since these are read by the
// same tools. Files that only point at content kept elsewhere (Git LFS) are left
// out and named.
func APKs(t testing.TB, elem ...string) []string {
	t.Helper()
	var paths []string
	stands := 0
	err := filepath.WalkDir(Data(t, elem...), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		head, err := head(path)
		switch {
		case err != nil:
			return err
		case bytes.HasPrefix(head, []byte("version https://git-lfs")):
			t.Logf("%s stands for a file that is not here", path)
			stands++
		case bytes.HasPrefix(head, []byte("PK\x03\x04")) && Member(t, path, "AndroidManifest.xml") != nil:
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d ZIP files with a manifest in the test data, %d stand for files that are not here", len(paths), stands)
	return paths
}

func head(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, 32)
	n, err := io.ReadFull(f, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return b[:n], err
}

// Members calls f with each member of a ZIP file, in the file's order, and a
// function that reads it. A file that is no ZIP file has none.
func Members(t testing.TB, path string, f func(name string, read func() ([]byte, error))) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		return
	}
	defer z.Close()
	for _, m := range z.File {
		f(m.Name, func() ([]byte, error) {
			r, err := m.Open()
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return io.ReadAll(r)
		})
	}
}

// Member is a member of a ZIP file; nil where there is none.
func Member(t testing.TB, path, name string) (b []byte) {
	t.Helper()
	Members(t, path, func(n string, read func() ([]byte, error)) {
		if n != name || b != nil {
			return
		}
		var err error
		if b, err = read(); err != nil {
			t.Fatalf("%s: %s: %v", path, name, err)
		}
	})
	return b
}

// framework is where Debian's android-framework-res puts the framework's
// resources: the largest table that is public and easy to get.
const framework = "/usr/share/android-framework-res/framework-res.apk"

// Framework is the path of the framework's own APK of 45 MB. Where it is not
// installed the test is skipped by name, unless OTAVET_TOOLS=all: see Tool.
func Framework(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat(framework); err != nil {
		if os.Getenv("OTAVET_TOOLS") == "all" {
			t.Fatalf("OTAVET_TOOLS=all, and Debian's android-framework-res is missing")
		}
		t.Skip("needs Debian's android-framework-res")
	}
	return framework
}
