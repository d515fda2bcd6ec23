package ota_test

import (
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

var update = flag.Bool("update", false, "make testdata/updates/nimbus-ab.zip again; needs mke2fs, xz, bzip2 and zstd")

// nimbus-ab.zip is the August update of Nimbus, as claimed, in the form of an A/B update: the same
// files in an ext4 image that mke2fs made, and the boot image of testdata/images/layers.
func TestExampleAB(t *testing.T) {
	path := updates(t, "nimbus-ab.zip")
	boot, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata/images/layers/boot.img"))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		makeAB(t, path, boot)
	}
	p := open(t, path)
	if p.Layout != ota.LayoutZipPayload || len(p.Problems) > 0 || len(p.Partitions) != 2 {
		t.Fatalf("layout %s, %d partitions, problems %v", p.Layout, len(p.Partitions), p.Problems)
	}
	r, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Sums {
		if s.Err != nil {
			t.Errorf("%s %s: %v", s.Kind, s.Subject, s.Err)
		}
	}
	if r.Made[1].SHA256 != sum(boot) {
		t.Errorf("boot is %s", r.Made[1].SHA256)
	}
	mark, err := blob.ReadRange(p.Partitions[0].Image, 1080, 2)
	if err != nil || string(mark) != "\x53\xef" {
		t.Errorf("system: % x, %v; want the mark of ext4", mark, err)
	}
}

func makeAB(t *testing.T, path string, boot []byte) {
	for _, tool := range []string{"mke2fs", "xz", "bzip2", "zstd"} {
		otatest.Tool(t, tool)
	}
	dir := t.TempDir()
	old := open(t, updates(t, "nimbus-2014-08-claimed.zip"))
	system, err := old.Partitions[0].FS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "tree"), regular{system}); err != nil {
		t.Fatal(err)
	}
	img := filepath.Join(dir, "system.img")
	cmd := exec.Command("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-N", "64", "-O", "^has_journal,^metadata_csum,^resize_inode,uninit_bg",
		"-U", "6e696d62-7573-4261-8000-000000000001", "-E", "hash_seed=6e696d62-7573-4261-8000-000000000002,root_owner=0:0",
		"-d", filepath.Join(dir, "tree"), img, "1024k")
	cmd.Env = append(os.Environ(), "E2FSPROGS_FAKE_TIME=1407672000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v\n%s", err, out)
	}
	image, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata/updates/key/example.x509.pem"))
	if err != nil {
		t.Fatal(err)
	}
	u := &otatest.UpdateZip{
		Payload: &otatest.Payload{Temp: dir, MaxTimestamp: 1407672000, Partitions: []otatest.PayloadPartition{
			{Name: "system", Image: blob.Bytes(image), Chunk: 128 << 10, Methods: []string{"xz", "bz", "zstd"}},
			{Name: "boot", Image: blob.Bytes(boot), Methods: []string{"xz"}},
		}},
		Metadata: otatest.UpdateMetadata{Type: otatest.UpdateAB, Pre: otatest.DeviceState{Device: []string{"cumulus"}},
			Post: otatest.DeviceState{Build: []string{"nimbus/cumulus/cumulus:4.3/JSS15J/14081012:user/release-keys"}, BuildIncremental: "14081012", Timestamp: 1407672000, SDKLevel: "18"}},
		Members: []otatest.ZipMember{{Name: "META-INF/com/android/otacert", Data: cert},
			{Name: "care_map.pb", Data: otatest.CareMap(otatest.CareMapPartition{Name: "system", Ranges: "2,0,256", Fingerprint: "nimbus/cumulus/cumulus:4.3/JSS15J/14081012:user/release-keys"})}},
	}
	zip, err := u.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, zip, 0o644); err != nil {
		t.Fatal(err)
	}
}

// regular gives files the modes that os.CopyFS can make; the image's are mke2fs's affair.
type regular struct{ fs.FS }

func (r regular) Open(name string) (fs.File, error) { return r.FS.Open(name) }
