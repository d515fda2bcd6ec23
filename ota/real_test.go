package ota_test

import (
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

// The full payload of AOSP's own tests makes the images that it was made from.
func TestRealPayload(t *testing.T) {
	dir := otatest.Data(t, "payload")
	p := open(t, filepath.Join(dir, "full_payload.bin"))
	r, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"kernel": "disk_ext2_4k.img", "root": "disk_sqfs_default.img"}
	if p.Layout != ota.LayoutPayload || len(r.Made) != len(want) {
		t.Fatalf("layout %s, %d partitions", p.Layout, len(r.Made))
	}
	for _, made := range r.Made {
		img, err := os.ReadFile(filepath.Join(dir, want[made.Partition.Name]))
		if err != nil {
			t.Fatal(err)
		}
		if made.Err != nil || made.SHA256 != sum(img) {
			t.Errorf("%s: %v, %s", made.Partition.Name, made.Err, made.SHA256)
		}
		otatest.TestBlob(t, made.Partition.Image, img)
	}
}

// Of a delta the partitions that need the older image are named with the
// operation that does; the other is made.
func TestRealDelta(t *testing.T) {
	dir := otatest.Data(t, "payload")
	p := open(t, filepath.Join(dir, "delta_payload.bin"))
	r, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	kernel, root := r.Made[0], r.Made[1]
	if !errors.Is(kernel.Err, parse.ErrUnsupported) || !strings.Contains(kernel.Err.Error(), "operation 0 of kernel, BROTLI_BSDIFF") {
		t.Errorf("kernel: %v", kernel.Err)
	}
	img, err := os.ReadFile(filepath.Join(dir, "disk_sqfs_default.img"))
	if err != nil {
		t.Fatal(err)
	}
	if root.Err != nil || root.SHA256 != sum(img) {
		t.Errorf("root: %v, %s", root.Err, root.SHA256)
	}
	part, _ := p.Partitions[0].Payload()
	if len(part.Operations) != 14 {
		t.Errorf("kernel has %d operations", len(part.Operations))
	}
	for _, s := range r.Sums {
		if s.Subject == "kernel" && !errors.Is(s.Err, parse.ErrUnsupported) {
			t.Errorf("the hash of kernel: %v, which cannot be told", s.Err)
		}
	}
}

// Sparse images of devices are what simg2img makes of them. One of 4 GB of holes is left to the tests of
// package sparse, which need not hash it.
func TestRealSparse(t *testing.T) {
	if testing.Short() {
		t.Skip("short: nothing of it runs in parallel that other tests do not run")
	}
	simg2img := otatest.Tool(t, "simg2img")
	dir := otatest.Data(t, "sparse")
	names, err := filepath.Glob(filepath.Join(dir, "*.img"))
	if err != nil || len(names) == 0 {
		t.Fatal("no images: ", err)
	}
	for _, name := range names {
		p := open(t, name)
		if size, _ := p.Partitions[0].Size(); size > 1<<30 {
			continue
		}
		r, err := ota.Materialise(t.Context(), p, ota.Pass{})
		if err != nil {
			t.Fatal(err)
		}
		raw := filepath.Join(t.TempDir(), "raw.img")
		if out, err := exec.Command(simg2img, name, raw).CombinedOutput(); err != nil {
			t.Fatalf("simg2img: %v\n%s", err, out)
		}
		out, err := exec.Command(otatest.Tool(t, "sha256sum"), raw).Output()
		if err != nil {
			t.Fatal(err)
		}
		if p.Layout != ota.LayoutImage || r.Made[0].Err != nil || !strings.HasPrefix(string(out), r.Made[0].SHA256) {
			t.Errorf("%s: %s, %v, %s; simg2img makes %.64s", name, p.Layout, r.Made[0].Err, r.Made[0].SHA256, out)
		}
		os.Remove(raw)
	}
}
