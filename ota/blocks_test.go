package ota_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// infoZip packs files with Info-ZIP, in the order of their names.
func infoZip(t *testing.T, files map[string][]byte, options ...string) string {
	t.Helper()
	zip := otatest.Tool(t, "zip")
	dir := t.TempDir()
	var names []string
	for name, data := range files {
		names = append(names, name)
		path := filepath.Join(dir, "in", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(names)
	out := filepath.Join(dir, "update.zip")
	cmd := exec.Command(zip, append(append([]string{"-q", "-X"}, options...), append([]string{out}, names...)...)...)
	cmd.Dir = filepath.Join(dir, "in")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("zip: %v\n%s", err, text)
	}
	return out
}

const (
	updaterScript = "META-INF/com/google/android/updater-script"
	updateBinary  = "META-INF/com/google/android/update-binary"
)

// blockScript is worded as ota_from_target_files.py words it.
func blockScript(data string) []byte {
	return []byte(`getprop("ro.product.device") == "nimbus" || abort("E3004: This package is for \"nimbus\" devices; this is a \"" + getprop("ro.product.device") + "\".");
ui_print("Target: nimbus/nimbus/nimbus:9/PKQ1/1:user/release-keys");
show_progress(0.750000, 0);
ui_print("Patching system image unconditionally...");
block_image_update("/dev/block/bootdevice/by-name/system", package_extract_file("system.transfer.list"), "` + data + `", "system.patch.dat") ||
  abort("E1001: Failed to update system image.");
show_progress(0.050000, 5);
package_extract_file("boot.img", "/dev/block/bootdevice/by-name/boot");
set_progress(1.000000);
`)
}

// blockImage has runs of zeros that are erased, shorter ones that are zeroed, and
// more data in a row than one command takes.
func blockImage() []byte {
	b := make([]byte, 3000*4096)
	fill := func(first, end int) {
		for at := first * 4096; at < end*4096; at += sha256.Size {
			s := sha256.Sum256(fmt.Append(nil, at/3))
			copy(b[at:], s[:])
		}
	}
	fill(0, 3)
	fill(20, 21)
	fill(300, 1500)
	fill(1501, 1502)
	return b
}

// Full block updates open with every compression of the new data that updaters take,
// split or not, in every version of the list.
func TestBlockUpdates(t *testing.T) {
	image := blockImage()
	for _, tc := range []struct {
		name, method string
		version      int
		data         string // what the script calls it
		parts        []string
	}{
		{"as it is", "", 4, "system.new.dat", nil},
		{"brotli", "brotli", 4, "system.new.dat.br", nil},
		{"xz", "xz", 3, "system.new.dat.xz", nil},
		{"lzma", "lzma", 2, "system.new.dat.lzma", nil},
		{"version 1", "", 1, "system.new.dat", nil},
		{"split from 1", "", 4, "system.new.dat", []string{"system.new.dat.1", "system.new.dat.2", "system.new.dat.3"}},
		{"split from 0", "", 4, "system.new.dat", []string{"system.new.dat.0", "system.new.dat.1"}},
		{"brotli, split", "brotli", 4, "system.new.dat.br", []string{"system.new.dat.br.1", "system.new.dat.br.2"}},
		{"twelve parts", "brotli", 4, "system.new.dat.br", []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.method != "" {
				otatest.Tool(t, strings.Replace(tc.method, "lzma", "xz", 1))
			}
			tr := &otatest.Transfer{Image: blob.Bytes(image), Method: tc.method, Version: tc.version, Fast: true}
			list, data, err := tr.Write()
			if err != nil {
				t.Fatal(err)
			}
			boot, err := os.ReadFile(images(t, "boot/v2.img"))
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{updaterScript: blockScript(tc.data), updateBinary: []byte("\x7fELF"), "boot.img": boot,
				"system.transfer.list": []byte(list), "system.patch.dat": nil}
			took := []string{"system.transfer.list", "boot.img"}
			if tc.parts == nil {
				files[tc.data] = data
				took = append(took, tc.data)
			}
			for i, name := range tc.parts {
				if len(name) < 3 {
					name = tc.data + "." + name
				}
				n, k := len(data), len(tc.parts)
				files[name] = data[n*i/k : n*(i+1)/k]
				took = append(took, name)
			}
			p := open(t, infoZip(t, files))
			if p.Layout != ota.LayoutZipBlock || len(p.Problems) > 0 || describe(p) != "boot raw 14336, system block-update 12288000" {
				t.Fatalf("%s: %s, problems %v", p.Layout, describe(p), p.Problems)
			}
			if len(p.Blocks) != 1 || p.Blocks[0].Version != tc.version || p.Blocks[0].NewData() != 1205*4096 {
				t.Errorf("lists %+v", p.Blocks)
			}
			heads := p.Decoded()
			if heads > int64(len(tc.parts)+5)*step {
				t.Errorf("opening decoded %d bytes", heads)
			}
			r, err := ota.Materialise(t.Context(), p, ota.Pass{Jobs: 2})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range r.Made {
				want := sum(image)
				if m.Partition.Name == "boot" {
					want = sum(boot)
				}
				if m.Err != nil || m.SHA256 != want {
					t.Errorf("%s: %s, %v", m.Partition.Name, m.SHA256, m.Err)
				}
			}
			// Boot, list and new data are deflated; the new data may be compressed beneath.
			layers := int64(len(boot) + len(list) + len(data) + 1205*4096)
			if p.Decoded() > layers+layers/50+heads {
				t.Errorf("%d bytes were decoded, %d of them to open; once over they are %d", p.Decoded(), heads, layers)
			}
			before := p.Decoded()
			for _, q := range p.Partitions {
				if q.Name == "system" {
					otatest.TestBlob(t, q.Image, image)
				}
			}
			if n := p.Decoded() - before; n > 0 {
				t.Errorf("reading again decoded %d bytes", n)
			}
			for _, name := range took {
				if !p.Installed(name) {
					t.Errorf("%s is not said to be installed", name)
				}
			}
		})
	}
}

// treeData are the bytes that testdata/images/verity's trees are of.
func treeData(n int) []byte {
	var b []byte
	for d := []byte("verity"); len(b) < n; {
		s := sha256.Sum256(d)
		d = s[:]
		b = append(b, d...)
	}
	return b[:n]
}

// Hash trees that the installer computes are those of AOSP's build_verity_tree, whose reading
// of the salt as a number loses the zeros that it begins with, as the updater's does; and
// of veritysetup, which keeps them. A root that is neither's is an error.
func TestComputedHashTrees(t *testing.T) {
	data := treeData(528384)
	aosp, err := os.ReadFile(images(t, "verity/aosp-two.tree"))
	if err != nil {
		t.Fatal(err)
	}
	var aospRoot, salt string
	cases, err := os.ReadFile(images(t, "verity/cases.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(cases)) {
		if f := strings.Fields(l); f[1] == "aosp-two.tree" {
			salt, aospRoot = f[7], f[8]
		}
	}
	row, err := os.ReadFile(images(t, "archives/verity.txt"))
	if err != nil {
		t.Fatal(err)
	}
	setup := strings.Fields(string(row)) // tool, size, salt, root, SHA-256 of the tree
	if !strings.HasPrefix(salt, "00") || setup[2] != salt || setup[1] != "528384" || setup[3] == aospRoot {
		t.Fatalf("salt %s, roots %s and %v", salt, aospRoot, setup)
	}
	for _, tc := range []struct {
		name, line, tree, says string
	}{
		{"AOSP", "compute_hash_tree 2,131,134 2,0,129 sha256 " + salt + " " + aospRoot, sum(aosp), ""},
		{"a digit of the salt is missing", "compute_hash_tree 2,131,134 2,0,129 SHA256 " + salt[1:] + " " + aospRoot, sum(aosp), "is not hexadecimal"},
		{"AOSP, salt without the zero byte", "compute_hash_tree 2,131,134 2,0,129 SHA256 " + salt[2:] + " " + aospRoot, sum(aosp), ""},
		{"source in two runs", "compute_hash_tree 2,131,134 4,0,100,100,129 sha256 " + salt + " " + aospRoot, sum(aosp), ""},
		{"veritysetup", "compute_hash_tree 2,131,134 2,0,129 sha256 " + salt + " " + setup[3], setup[4], ""},
		{"neither", "compute_hash_tree 2,131,134 2,0,129 sha256 " + salt + " " + strings.Repeat("00", 32), "", "root of the tree is not the one it states"},
		{"a block too few for the tree", "compute_hash_tree 2,131,133 2,0,129 sha256 " + salt + " " + aospRoot, "", "does not fit"},
		{"source outside", "compute_hash_tree 2,131,134 2,0,4000 sha256 " + salt + " " + aospRoot, "", "outside"},
		{"two runs for the tree", "compute_hash_tree 4,131,133,140,141 2,0,129 sha256 " + salt + " " + aospRoot, "", "one run"},
		{"no root", "compute_hash_tree 2,131,134 2,0,129 sha256 " + salt, "", "takes one run"},
		{"another hash", "compute_hash_tree 2,131,134 2,0,129 md5 " + salt + " " + aospRoot, "", "md5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := &otatest.Transfer{Image: blob.Bytes(data)}
			list, dat, err := tr.Write()
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{updaterScript: blockScript("system.new.dat"), updateBinary: []byte("\x7fELF"), "boot.img": []byte("x"),
				"system.transfer.list": []byte(list + tc.line + "\n"), "system.new.dat": dat, "system.patch.dat": nil}
			p := open(t, infoZip(t, files, "-0"))
			i := slices.IndexFunc(p.Partitions, func(q *ota.Partition) bool { return q.Name == "system" })
			r, err := ota.Materialise(t.Context(), p, ota.Pass{})
			if err != nil || i < 0 {
				t.Fatal(err)
			}
			j := slices.IndexFunc(r.Made, func(m ota.Made) bool { return m.Partition.Name == "system" })
			if tc.says != "" {
				if err := r.Made[j].Err; err == nil || !strings.Contains(err.Error(), tc.says) || !errors.Is(err, parse.ErrFormat) && !errors.Is(err, parse.ErrUnsupported) {
					t.Errorf("%v, want %q", err, tc.says)
				}
				return
			}
			got, err := blob.ReadAll(p.Partitions[i].Image, 1<<20)
			if err != nil || r.Made[j].Err != nil {
				t.Fatal(err, r.Made[j].Err)
			}
			if !bytes.Equal(got[:len(data)], data) || len(got) != 134*4096 || !bytes.Equal(got[129*4096:131*4096], make([]byte, 2*4096)) {
				t.Error("the data of the image differ")
			}
			if s := sum(got[131*4096:]); s != tc.tree {
				t.Errorf("the tree has %s, want %s", s, tc.tree)
			}
		})
	}
}

// Real lists, whose data are not published, open by their real scripts and account for every
// block; what is missing is said.
func TestRealBlockUpdates(t *testing.T) {
	for _, tc := range []struct{ dir, want string }{
		{"lineage14-x00id", "system 4026531840"},
		{"oppo-k3-ota", "system 5972688896, vendor 2415919104"},
		{"rm6785-blockota", "system 3963682816"},
		{"secret-os", ""}, // without its script: nothing says which partition is written
	} {
		t.Run(tc.dir, func(t *testing.T) {
			p := open(t, otatest.Data(t, "transfer", tc.dir))
			if tc.want == "" {
				if len(p.Partitions) > 0 || len(p.Problems) != 1 || !errors.Is(p.Problems[0].Err, parse.ErrUnsupported) {
					t.Errorf("%s, problems %v", describe(p), p.Problems)
				}
				return
			}
			if p.Layout != ota.LayoutFolder || p.Script == nil {
				t.Fatalf("layout %s, problems %v", p.Layout, p.Problems)
			}
			var got []string
			for _, q := range p.Partitions {
				l := q.Transfer()
				if l == nil {
					continue
				}
				size, ok := q.Size()
				got = append(got, fmt.Sprintf("%s %d", q.Name, size))
				a := l.Account()
				if !ok || size%4096 != 0 || a.New+a.Zero+a.Unsaid+a.Untouched != size/4096 || a.Untouched != 0 {
					t.Errorf("%s: %+v of %d bytes", q.Name, a, size)
				}
				if a.New+a.Zero != l.Written || a.New*4096 != l.NewData() || l.Incremental() != nil || len(l.Notes) > 0 {
					t.Errorf("%s: %+v, and the list says %d; notes %v", q.Name, a, l.Written, l.Notes)
				}
			}
			if s := strings.Join(got, ", "); s != tc.want {
				t.Errorf("%s, want %s", s, tc.want)
			}
			r, err := ota.Materialise(t.Context(), p, ota.Pass{})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range r.Made {
				if !errors.Is(m.Err, ota.ErrMissing) || !strings.Contains(m.Err.Error(), ".new.dat") {
					t.Errorf("%s: %v", m.Partition.Name, m.Err)
				}
			}
			for _, s := range r.Sums {
				if s.Err != nil {
					t.Errorf("%s %s: %v", s.Kind, s.Subject, s.Err)
				}
			}
			if tc.dir == "rm6785-blockota" && (len(r.Sums) != 1 || r.Sums[0].Kind != ota.SumDynamic || r.Sums[0].Subject != "resize system 3963682816") {
				t.Errorf("sums %+v", r.Sums)
			}
			if p.Decoded() != 0 {
				t.Errorf("%d bytes were decoded", p.Decoded())
			}
		})
	}
}
