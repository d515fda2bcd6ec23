package ota_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

func images(t testing.TB, elem ...string) string {
	return filepath.Join(append([]string{otatest.Root(t), "testdata/images"}, elem...)...)
}

// sums reads a SHA256SUMS: the sum of each name.
func sums(t testing.TB, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		sum, name, ok := strings.Cut(s.Text(), "  ")
		if !ok {
			t.Fatalf("%s: %q", file, s.Text())
		}
		m[name] = sum
	}
	return m
}

// full is a partition's name with its slot's suffix.
func full(q *ota.Partition) string {
	if q.Slot == "" {
		return q.Name
	}
	return q.Name + "_" + q.Slot
}

func hashOf(t *testing.T, b blob.Blob) string {
	t.Helper()
	h := sha256.New()
	if n, err := io.Copy(h, blob.Reader(b)); err != nil || n != b.Size() {
		t.Fatalf("%d of %d bytes: %v", n, b.Size(), err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// step is how much a decoder gives at once: the least that a look at a head costs.
const step = 64 << 10

// A layoutCase is an update as some tool packed it.
type layoutCase struct {
	file   string // below testdata/images
	layout ota.Layout
	want   string // partitions: name, form, size; behind a ! what their error says
	decode int64  // what all decoders together give when each runs once to its end
	whole  bool   // compressed as a whole: opening decodes it to its end, which is where its directory is known
	sums   string // in SHA256SUMS of the same folder, what the only image is called; "" see below
}

const systemRaw = 1536 * 4096

// layoutCases are all layouts of images, each by the tools that testdata/images/archives/make.sh names.
// How much has to be decoded is the sum of the sizes of members that are compressed (unzip -v, tar tv, lz4 --list),
// and of tars that are.
var layoutCases = []layoutCase{
	{file: "archives/fastboot.tgz", layout: ota.LayoutFastboot, decode: 122880, whole: true,
		want: "boot raw 10240, cust sparse 6291456, system_a logical 12288, vendor_a logical 8192"},
	{file: "archives/update.zip", layout: ota.LayoutFastboot, decode: 10240 + 1172 + 69744,
		want: "boot raw 10240, dtbo raw 1172, system sparse 6291456"},
	{file: "archives/factory.zip", layout: ota.LayoutFactory, decode: 11093 + 10240 + 1172 + 69744,
		want: "boot raw 10240, bootloader raw 3000, dtbo raw 1172, radio raw 5000, system sparse 6291456"},
	{file: "archives/factory-deflated.zip", layout: ota.LayoutFactory, decode: 81587,
		want: "boot raw 10240, bootloader raw 3000, dtbo raw 1172, radio raw 5000, system sparse 6291456"},
	{file: "archives/AP_NIMBUS.tar.md5", layout: ota.LayoutOdin, decode: 10240 + 36988 + systemRaw,
		want: "boot lz4 10240, dtbo raw 1172, system lz4 6291456, system_a logical 12288, vendor_a logical 8192"},
	{file: "archives/odin.zip", layout: ota.LayoutOdin, decode: 10240 + 36988 + systemRaw + 5000 + 55344 + 17408 + 52,
		want: "boot lz4 10240, dtbo raw 1172, param raw 10240, sboot lz4 5000, system lz4 6291456, system_a logical 12288, vendor_a logical 8192"},
	{file: "archives/motorola.zip", layout: ota.LayoutFastboot, decode: 10240 + 12368 + 12376 + 1092,
		want: "boot raw 10240, system split+sparse 12288, system_a logical 12288, vendor_a logical 8192"},
	{file: "archives/target-files.zip", layout: ota.LayoutTargetFiles, decode: 10240 + 1172 + 69744,
		want: "boot raw 10240, dtbo raw 1172, modem raw 5000, system sparse 6291456, vendor tree 0"},
	{file: "archives/images.tar.xz", layout: ota.LayoutFastboot, decode: 6307840, whole: true, want: "boot raw 10240, system raw 6291456"},
	{file: "archives/images.tar.zst", layout: ota.LayoutFastboot, decode: 6307840, whole: true, want: "boot raw 10240, system raw 6291456"},
	{file: "archives/images.tar.bz2", layout: ota.LayoutFastboot, decode: 6307840, whole: true, want: "boot raw 10240, system raw 6291456"},
	{file: "archives/retrofit.zip", layout: ota.LayoutFastboot, decode: 45056 + 20480, want: "system_a logical 24576, vendor_a logical 8192"},
	{file: "archives/retrofit.tar.xz", layout: ota.LayoutFastboot, decode: 71680, whole: true, want: "system_a logical 24576, vendor_a logical 8192"},

	{file: "archives/system.img.gz", layout: ota.LayoutImage, want: "system gzip 6291456", decode: systemRaw},
	{file: "archives/system.img.bz2", layout: ota.LayoutImage, want: "system bzip2 6291456", decode: systemRaw},
	{file: "archives/system.img.xz", layout: ota.LayoutImage, want: "system xz 6291456", decode: systemRaw},
	{file: "archives/system.img.lzma", layout: ota.LayoutImage, want: "system lzma 6291456", decode: systemRaw},
	{file: "archives/system.img.zst", layout: ota.LayoutImage, want: "system zstd 6291456", decode: systemRaw},
	{file: "archives/system.img.lz4", layout: ota.LayoutImage, want: "system lz4 6291456", decode: systemRaw},
	{file: "archives/system.img.br", layout: ota.LayoutImage, want: "system brotli 6291456", decode: systemRaw},
	{file: "archives/system.simg.xz", layout: ota.LayoutImage, want: "system xz+sparse 6291456", decode: 69744},

	{file: "sparse/basic.simg", layout: ota.LayoutImage, want: "basic sparse 12288", sums: "basic.simg"},
	{file: "boot/v4.img", layout: ota.LayoutImage, want: "v4 raw 16384"},
	{file: "boot/vendor_v4.img", layout: ota.LayoutImage, want: "vendor_v4 raw 12288"},
	{file: "dtbo/v0.img", layout: ota.LayoutImage, want: "v0 raw 1172"},
	{file: "super/super.img", layout: ota.LayoutSuper, want: "system_a logical 12288, vendor_a logical 8192"},
	{file: "super/super.simg", layout: ota.LayoutSuper, want: "system_a logical 12288, vendor_a logical 8192"},
	{file: "super/super_empty.img", layout: ota.LayoutSuper, want: "system_a logical 12288!not in the update, vendor_a logical 8192!not in the update"},
	{file: "super/retrofit-system.img", layout: ota.LayoutSuper, want: "system_a logical 24576!block device vendor: not in the update, vendor_a logical 8192!block device vendor: not in the update"},
}

// sum is what the tools were given for a partition.
func (c *layoutCase) sum(t *testing.T, q *ota.Partition) string {
	dir, base := filepath.Split(c.file)
	switch dir {
	case "archives/":
		return sums(t, images(t, dir, "SHA256SUMS"))[base+"/"+full(q)]
	case "super/":
		return sums(t, images(t, dir, "SHA256SUMS"))["super.img/"+full(q)+".img"]
	}
	if c.sums != "" {
		return sums(t, images(t, dir, "SHA256SUMS"))[c.sums]
	}
	raw, err := os.ReadFile(images(t, c.file)) // the file is the image
	if err != nil {
		t.Fatal(err)
	}
	return sum(raw)
}

// describe lists partitions as a layoutCase does.
func describe(p *ota.Package) string {
	var list []string
	for _, q := range p.Partitions {
		s := full(q) + " " + q.Form
		size, _ := q.Size()
		list = append(list, fmt.Sprintf("%s %d", s, size))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// Every layout opens with the partitions that the field's tools put into it, byte for byte.
// Opening decodes heads alone, all the rest is decoded once, and reading again decodes nothing.
func TestForeignLayouts(t *testing.T) {
	for _, c := range layoutCases {
		t.Run(c.file, func(t *testing.T) {
			spool := t.TempDir()
			p, err := ota.OpenPath(t.Context(), images(t, c.file), ota.Options{Spool: spool})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if p.Layout != c.layout || len(p.Problems) > 0 {
				t.Errorf("layout %s, want %s; problems %v", p.Layout, c.layout, p.Problems)
			}
			heads := p.Decoded()
			// Beside a head of each image, that of each archive within and of a split super's parts.
			if most := int64(len(p.Partitions)+4) * step; heads > max(most, c.decode) || heads > most && !c.whole {
				t.Errorf("opening decoded %d bytes", heads)
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
			var want, plain []string
			for _, w := range strings.Split(c.want, ", ") {
				row, _, _ := strings.Cut(w, "!")
				plain, want = append(plain, row), append(want, w)
			}
			if got := describe(p); got != strings.Join(plain, ", ") {
				t.Errorf("partitions\n%s, want\n%s", got, strings.Join(plain, ", "))
			}
			for _, m := range r.Made {
				i := slices.IndexFunc(want, func(w string) bool { return strings.HasPrefix(w, full(m.Partition)+" ") })
				if i < 0 {
					continue // said above
				}
				if _, says, broken := strings.Cut(want[i], "!"); broken {
					if m.Err == nil || !strings.Contains(m.Err.Error(), says) {
						t.Errorf("%s: %v, want %q", full(m.Partition), m.Err, says)
					}
					continue
				}
				sum := c.sum(t, m.Partition)
				if m.Err != nil || m.SHA256 != sum || hashOf(t, m.Partition.Image) != sum {
					t.Errorf("%s: %s, want %s; %v", full(m.Partition), m.SHA256, sum, m.Err)
				}
			}
			if got := p.Decoded(); got > c.decode+c.decode/50+heads || c.whole && got > c.decode+c.decode/50 {
				t.Errorf("%d bytes were decoded, %d of them to open; once over they are %d", got, heads, c.decode)
			}
			before := p.Decoded()
			for _, q := range p.Partitions {
				if q.Image != nil && !strings.Contains(c.want, "!") {
					hashOf(t, q.Image)
				}
			}
			if n := p.Decoded() - before; n > 0 {
				t.Errorf("reading again decoded %d bytes", n)
			}
			if left, err := os.ReadDir(spool); err != nil || len(left) > 0 {
				t.Errorf("left in the folder for temporary files: %v, %v", left, err)
			}
		})
	}
}

// Nothing that make.sh put into an archive is passed over.
func TestForeignLayoutsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range layoutCases {
		for _, w := range strings.Split(c.want, ", ") {
			name, _, _ := strings.Cut(w, " ")
			seen[filepath.Base(c.file)+"/"+name] = true
		}
	}
	for name := range sums(t, images(t, "archives/SHA256SUMS")) {
		if !seen[name] {
			t.Errorf("no case reads %s", name)
		}
	}
	list, err := os.ReadDir(images(t, "archives"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if !slices.Contains([]string{"make.sh", "SHA256SUMS", "verity.txt"}, f.Name()) &&
			!slices.ContainsFunc(layoutCases, func(c layoutCase) bool { return c.file == "archives/"+f.Name() }) {
			t.Errorf("no case opens %s", f.Name())
		}
	}
}
