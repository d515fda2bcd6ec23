package cpio_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/cpio"
	"github.com/otavet/otavet/ota/image/boot"
	"github.com/otavet/otavet/ota/otatest"
)

// TestReal holds the ramdisks of a shipped device, in its boot and recovery images,
// against what GNU cpio lists and takes out.
func TestReal(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files int
	}{{"boot.img", 46}, {"recovery.img", 52}} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := os.ReadFile(otatest.Data(t, "deltas", "imgdiff", tc.name))
			if err != nil {
				t.Fatal(err)
			}
			image, err := boot.Open(blob.Bytes(data), nil)
			if err != nil {
				t.Fatal(err)
			}
			disk := image.Part(boot.PartRamdisk).Blob
			packed, err := blob.ReadAll(disk, disk.Size())
			if err != nil {
				t.Fatal(err)
			}
			f, err := cpio.Open(disk, nil, cpio.Options{Spool: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if n := f.Notes(); len(n) > 0 {
				t.Errorf("%q", n)
			}
			otatest.TestFileSystem(t, f)
			if n := len(lines(t, f, false)); n != tc.files {
				t.Errorf("%d files", n)
			}
			plain := pipe(t, "", packed, "gzip", "-dc")
			compareList(t, f, string(pipe(t, "", plain, "cpio", "--quiet", "-itvn")))
			dir := t.TempDir()
			cmd := exec.Command(otatest.Tool(t, "cpio"), "--quiet", "-idm", "--no-absolute-filenames")
			cmd.Dir, cmd.Stdin = dir, bytes.NewReader(plain)
			cmd.Run() // it may not be allowed to make devices, or to give files away
			sameBytes(t, f, dir)
		})
	}
}

// sameBytes compares all regular files of a ramdisk with those of a folder.
func sameBytes(t *testing.T, f *cpio.FS, dir string) {
	t.Helper()
	n := 0
	err := fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		got, err := f.ReadFile(name)
		if err == nil && sha256.Sum256(got) != sha256.Sum256(want) {
			err = fmt.Errorf("%s: %d bytes differ from %d", name, len(got), len(want))
		}
		n++
		return err
	})
	if err != nil || n == 0 {
		t.Errorf("%d files: %v", n, err)
	}
}
