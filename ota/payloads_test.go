package ota_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// run runs a tool in dir, with a file for its output where out is given.
func run(t *testing.T, dir, out, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(otatest.Tool(t, name), args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if out != "" {
		f, err := os.Create(filepath.Join(dir, out))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.Stdout = f
	}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stderr.Bytes())
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// The payload of update_engine's own tests opens in everything that payloads come in, and
// becomes the images that it was made from.
func TestForeignPayloads(t *testing.T) {
	data := otatest.Data(t, "payload")
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	whole := read("full_payload.bin")
	want := map[string]string{"kernel": sum(read("disk_ext2_4k.img")), "root": sum(read("disk_sqfs_default.img"))}
	const first, second = "kernel payload 4194304, root payload 12288", "kernel payload 4194304, kernel_secondary payload 4194304, root payload 12288, root_secondary payload 12288"
	size := int64(len(whole))
	for _, tc := range []struct {
		name   string
		layout ota.Layout
		parts  string
		note   string
		decode int64 // beside what operations become
		inSitu bool  // the payload lies in the file as it is
		make   func(dir string) string
	}{
		{"payload.bin", ota.LayoutPayload, first, "", 0, true, func(string) string { return filepath.Join(data, "full_payload.bin") }},
		{"payload.bin.xz", ota.LayoutPayload, first, "", size, false, func(dir string) string {
			write(t, dir, "payload.bin", whole)
			run(t, dir, "", "xz", "-k", "payload.bin")
			return "payload.bin.xz"
		}},
		{"zip, stored", ota.LayoutZipPayload, first, "", 0, true, func(dir string) string {
			write(t, dir, "payload.bin", whole)
			run(t, dir, "", "zip", "-q", "-0", "u.zip", "payload.bin")
			return "u.zip"
		}},
		{"zip, deflated", ota.LayoutZipPayload, first, "payload.bin is compressed: update_engine takes it only as it is stored", size, false, func(dir string) string {
			write(t, dir, "payload.bin", whole)
			run(t, dir, "", "zip", "-q", "-9", "u.zip", "payload.bin")
			return "u.zip"
		}},
		{"two payloads", ota.LayoutZipPayload, second, "", 0, true, func(dir string) string {
			write(t, dir, "payload.bin", whole)
			write(t, dir, "secondary/payload.bin", whole)
			run(t, dir, "", "zip", "-q", "-0", "u.zip", "payload.bin", "secondary/payload.bin")
			return "u.zip"
		}},
		{"tar", ota.LayoutZipPayload, first, "", 0, true, func(dir string) string {
			write(t, dir, "payload.bin", whole)
			run(t, dir, "", "tar", "-cf", "u.tar", "payload.bin")
			return "u.tar"
		}},
		{"tgz", ota.LayoutZipPayload, first, "", 10240, false, func(dir string) string {
			write(t, dir, "payload.bin", whole)
			run(t, dir, "", "tar", "-czf", "u.tgz", "payload.bin")
			return "u.tgz"
		}},
		{"folder", ota.LayoutFolder, first, "", 0, true, func(dir string) string {
			write(t, dir, "u/payload.bin", whole)
			return "u"
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path := tc.make(dir)
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			p := open(t, path)
			if p.Layout != tc.layout || len(p.Problems) > 0 || describe(p) != tc.parts || strings.Join(p.Notes, "\n") != tc.note {
				t.Errorf("%s: %s; problems %v, notes %q", p.Layout, describe(p), p.Problems, p.Notes)
			}
			heads := p.Decoded()
			if heads > tc.decode {
				t.Errorf("opening decoded %d bytes", heads)
			}
			r, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2})
			if err != nil {
				t.Fatal(err)
			}
			images := int64(0)
			for _, m := range r.Made {
				sum := want[strings.TrimSuffix(m.Partition.Name, "_secondary")]
				if m.Err != nil || m.SHA256 != sum || hashOf(t, m.Partition.Image) != sum {
					t.Errorf("%s: %s, %v", m.Partition.Name, m.SHA256, m.Err)
				}
				images += m.Size
			}
			for _, s := range r.Sums {
				if s.Err != nil {
					t.Errorf("%s %s: %v", s.Kind, s.Subject, s.Err)
				}
			}
			if most := images + images/50 + tc.decode + heads; p.Decoded() > most {
				t.Errorf("%d bytes were decoded, at most %d are there", p.Decoded(), most)
			}
		})
	}
	t.Run("incremental", func(t *testing.T) {
		p := open(t, filepath.Join(data, "delta_payload.bin"))
		r, err := ota.Materialise(t.Context(), p, ota.Pass{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Made { // root does not need the older image
			if m.Partition.Name == "root" && (m.Err != nil || m.SHA256 != want["root"]) ||
				m.Partition.Name == "kernel" && (!errors.Is(m.Err, parse.ErrUnsupported) || !strings.Contains(m.Err.Error(), "incremental updates are not applied yet")) {
				t.Errorf("%s: %v", m.Partition.Name, m.Err)
			}
		}
		if describe(p) != first {
			t.Error(describe(p))
		}
	})
}
