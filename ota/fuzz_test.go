package ota_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// seeds are one update of every layout.
func seeds(t testing.TB) map[string][]byte {
	all := map[string][]byte{}
	read := func(path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(path)] = b
	}
	for _, name := range []string{"example.zip", "twice.zip", "pointer.zip", "errorpage.zip", "cutoff.zip"} {
		read(filepath.Join(otatest.Root(t), "testdata/updates", name))
	}
	for _, c := range layoutCases {
		read(images(t, c.file))
	}
	payload, _ := smallPayload(t, "system", "boot")
	u := &otatest.UpdateZip{Payload: &otatest.Payload{Temp: t.TempDir(), Partitions: []otatest.PayloadPartition{
		{Name: "system", Image: blob.Bytes(make([]byte, 8192))}, {Name: "boot", Image: blob.Bytes(bytes.Repeat([]byte("x"), 4096))}}},
		Members: []otatest.ZipMember{{Name: "care_map.pb", Data: otatest.CareMap(otatest.CareMapPartition{Name: "system", Ranges: "2,0,2", Fingerprint: "x"})}}}
	zip, err := u.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	all["payload.bin"], all["payload.zip"] = payload, zip
	list, data, err := (&otatest.Transfer{Image: blob.Bytes(treeData(4 * 4096))}).Write()
	if err != nil {
		t.Fatal(err)
	}
	all["block.zip"] = (&otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: updaterScript, Data: blockScript("system.new.dat")}, {Name: "boot.img", Data: []byte("x")},
		{Name: "system.transfer.list", Data: []byte(list + "compute_hash_tree 2,4,5 2,0,4 sha256 00 " + strings.Repeat("00", 32) + "\n")},
		{Name: "system.new.dat.1", Data: data[:5000]}, {Name: "system.new.dat.2", Data: data[5000:]},
		{Name: "dynamic_partitions_op_list", Data: []byte("resize system 20480\n")}}}).Bytes()
	return all
}

// kinds are what an error about an update may be.
var kinds = []error{parse.ErrFormat, parse.ErrUnsupported, parse.ErrLimit, ota.ErrMissing, ota.ErrUndecided}

func hasKind(err error) bool {
	for _, k := range kinds {
		if errors.Is(err, k) {
			return true
		}
	}
	var pe *fs.PathError
	return errors.As(err, &pe)
}

// exercise opens b and makes what it holds; it fails a test where a promise is not kept.
func exercise(t testing.TB, b []byte, name string) *ota.Package {
	p, err := ota.Open(context.Background(), blob.Bytes(b), name, ota.Options{Limits: parse.Limits{Produced: 8 << 20, Entries: 1 << 12}})
	if err != nil {
		if !hasKind(err) {
			t.Fatalf("opening: %T: %v", err, err)
		}
		return nil
	}
	defer p.Close()
	if p.Layout == "" || p.Members == nil {
		t.Fatalf("layout %q, members %v", p.Layout, p.Members)
	}
	for _, q := range p.Problems {
		if !hasKind(q.Err) {
			t.Fatalf("problem %+v", q)
		}
	}
	names := map[string]bool{}
	for _, q := range p.Partitions {
		key := q.Name + " " + q.Slot
		if _, err := parse.Unescape(q.Name); err != nil || q.Name == "" || names[key] {
			t.Fatalf("a partition %q, slot %q; twice %v, %v", q.Name, q.Slot, names[key], err)
		}
		names[key] = true
		if fsys, err := q.FS(context.Background()); err == nil {
			fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
				if err == nil && !fs.ValidPath(path) {
					t.Fatalf("the path %q", path)
				}
				return nil
			})
		}
	}
	r, err := ota.Materialise(context.Background(), p, ota.Pass{})
	if err != nil {
		t.Fatalf("making: %T: %v", err, err)
	}
	for _, m := range r.Made {
		if m.Err != nil && !hasKind(m.Err) || m.Err == nil && (len(m.SHA256) != 64 || m.Partition.Image.Size() != m.Size) {
			t.Fatalf("%+v: %T", m, m.Err)
		}
	}
	for _, s := range r.Sums {
		if s.Err != nil && !hasKind(s.Err) {
			t.Fatalf("%+v", s)
		}
	}
	if p.Decoded() > 64<<20 {
		t.Fatalf("%d bytes were decoded", p.Decoded())
	}
	return p
}

// Every seed opens that should: else fuzzing would not go where it is to go.
func TestSeeds(t *testing.T) {
	reached := map[ota.Layout]bool{}
	for name, b := range seeds(t) {
		p := exercise(t, b, name)
		if p == nil {
			if name != "pointer.zip" && name != "errorpage.zip" && name != "cutoff.zip" {
				t.Errorf("%s does not open", name)
			}
			continue
		}
		reached[p.Layout] = true
	}
	for _, l := range []ota.Layout{ota.LayoutZipFiles, ota.LayoutZipBlock, ota.LayoutZipPayload, ota.LayoutPayload, ota.LayoutTargetFiles, ota.LayoutFastboot,
		ota.LayoutFactory, ota.LayoutOdin, ota.LayoutSuper, ota.LayoutImage} {
		if !reached[l] {
			t.Errorf("no seed is %s", l)
		}
	}
}

// No archive that is cut off, anywhere, opens as if it were whole and well.
func TestCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("short: nothing of it runs in parallel that other tests do not run")
	}
	for _, c := range layoutCases {
		b, err := os.ReadFile(images(t, c.file))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range cuts(len(b)) {
			p := exercise(t, b[:n:n], filepath.Base(c.file))
			if p == nil {
				continue
			}
			err := whole(t.Context(), b[:n:n], filepath.Base(c.file), ota.Options{})
			if err == nil && !harmless(c.file, p, len(b)-n) {
				t.Errorf("%s opens whole with %d of %d bytes", c.file, n, len(b))
			}
		}
	}
}

// cuts are lengths of a file that was cut off: its last bytes one by one, and more over all of it.
func cuts(size int) []int {
	var list []int
	for i := range 16 {
		list = append(list, size*i/16, size-1-i)
	}
	return list
}

// harmless tells what is whole without its end, or has nothing to tell its end by: raw images,
// and the name behind Samsung's checksum.
func harmless(file string, p *ota.Package, missing int) bool {
	dir := filepath.Dir(file)
	return dir == "boot" || dir == "dtbo" || strings.HasSuffix(file, ".md5") && missing < len("  AP_NIMBUS.tar\n")+2 || len(p.Notes) > 0
}

func FuzzOpen(f *testing.F) {
	for name, b := range seeds(f) {
		f.Add(b, strings.HasSuffix(name, ".br"))
	}
	f.Fuzz(func(t *testing.T, data []byte, brotli bool) {
		if len(data) > 64<<10 {
			return
		}
		name := "x"
		if brotli {
			name = "x.br"
		}
		exercise(t, data, name)
	})
}
