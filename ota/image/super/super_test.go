package super_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/sparse"
	"github.com/otavet/otavet/ota/image/super"
	"github.com/otavet/otavet/ota/otatest"
)

// fixture is a committed image, made by AOSP's lpmake but for updated.img: see
// testdata/images/README.md.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata/images/super", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, b []byte) *super.Image {
	t.Helper()
	m, err := super.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func digest(t testing.TB, b blob.Blob) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, blob.Reader(b)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sums are the digests of what lpunpack takes out of the committed images.
func sums(t *testing.T) map[string]string {
	m := make(map[string]string)
	for line := range strings.Lines(string(fixture(t, "SHA256SUMS"))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		m[name] = sum
	}
	return m
}

// TestFixtures finds in each image the partitions that lpunpack finds, with the
// same bytes.
func TestFixtures(t *testing.T) {
	n := 0
	for name, want := range sums(t) {
		image, partition, ok := strings.Cut(name, "/")
		if !ok {
			continue
		}
		b := blob.Bytes(fixture(t, image))
		m, err := super.Open(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		p := m.Metadata().Partition(strings.TrimSuffix(partition, ".img"))
		if p == nil {
			t.Errorf("no %s", name)
			continue
		}
		x, err := m.Metadata().Blob(p, b)
		if err != nil {
			t.Fatal(err)
		}
		if got := digest(t, x); got != want || x.Size() != p.Size {
			t.Errorf("%s: %s, lpunpack has %s", name, got, want)
		}
		if all, err := blob.ReadAll(x, 1<<20); err != nil {
			t.Error(err)
		} else if err := iotest.TestReader(blob.Reader(x), all); err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 8 {
		t.Errorf("%d partitions", n)
	}
	t.Logf("%d partitions hold what AOSP's lpunpack takes out of them", n)
}

func text(m *super.Metadata) string {
	var b strings.Builder
	fmt.Fprintf(&b, "10.%d flags %d\n", m.Minor, m.Flags)
	for _, p := range m.Partitions {
		fmt.Fprintf(&b, "%s %d %s %d:", p.Name, p.Attributes, p.Group, p.Size)
		for _, e := range p.Extents {
			if e.Zero {
				fmt.Fprintf(&b, " zero+%d", e.Len)
			} else {
				fmt.Fprintf(&b, " %d@%d+%d", e.Device, e.Off, e.Len)
			}
		}
		b.WriteString("\n")
	}
	for _, g := range m.Groups {
		fmt.Fprintf(&b, "group %s %d %d\n", g.Name, g.Flags, g.MaximumSize)
	}
	for _, d := range m.Devices {
		fmt.Fprintf(&b, "device %s %d %d %d %d %d\n", d.Name, d.Flags, d.Size, d.FirstLogicalSector, d.Alignment, d.AlignmentOffset)
	}
	return b.String()
}

func TestMetadata(t *testing.T) {
	const tables = `system_a 1 main_a 12288: 0@28672+12288
vendor_a 0 main_a 8192: 0@40960+8192
empty_a 0 main_a 0:
group default 0 0
group main_a 0 40960
device super 0 81920 56 4096 0
`
	for name, want := range map[string]string{
		"super.img":       "10.0 flags 0\n" + tables,
		"super_empty.img": "10.0 flags 0\n" + tables,
		"super-vab.img":   "10.2 flags 1\n" + tables,
		"retrofit-system.img": `10.0 flags 0
system 3 main 24576: 0@28672+16384 1@4096+8192
vendor 3 main 8192: 1@12288+8192
group default 0 0
group main 1 40960
device system 1 45056 56 4096 0
device vendor 1 20480 8 4096 0
`,
	} {
		m := open(t, fixture(t, name))
		if len(m.Notes) > 0 {
			t.Errorf("%s: %q", name, m.Notes)
		}
		if m.Empty != (name == "super_empty.img") || m.Geometry != (super.Geometry{MetadataMaxSize: 4096, SlotCount: 2, LogicalBlockSize: 4096}) {
			t.Errorf("%s: %+v", name, m.Geometry)
		}
		if m.Empty && len(m.Slots) != 1 || !m.Empty && len(m.Slots) != 2 {
			t.Errorf("%s: %d slots", name, len(m.Slots))
		}
		for i, s := range m.Slots {
			if got := text(s); got != want || s.Slot != i || s.Backup {
				t.Errorf("%s, slot %d:\n%s", name, i, got)
			}
		}
	}
	if super.Suffix(0)+super.Suffix(1)+super.Suffix(2) != "_a_b" {
		t.Error("suffixes")
	}
}

// TestUpdated reads what an update leaves: slots that differ, a partition for
// snapshots, extents out of order, and zeros.
func TestUpdated(t *testing.T) {
	b := blob.Bytes(fixture(t, "updated.img"))
	m, err := super.Open(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`10.1 flags 0
system_a 5 main_a 8192: 0@32768+4096 0@28672+4096
system_b-cow 8 default 8192: 0@36864+8192
group default 0 0
group main_a 0 40960
device super 0 81920 56 4096 0
`, `10.1 flags 0
system_a 5 main_a 12288: 0@32768+4096 zero+8192
vendor_a 1 main_a 4096: 0@28672+4096
group default 0 0
group main_a 0 40960
device super 0 81920 56 4096 0
`}
	for i, s := range m.Slots {
		if got := text(s); got != want[i] {
			t.Errorf("slot %d:\n%s", i, got)
		}
	}
	notes := []string{
		"slot 1: the backup cannot be read: super: the checksum of the header is wrong at byte 0x600c",
		"slot 1 differs from slot 0: system_a differs, system_b-cow is gone, vendor_a is new",
	}
	if fmt.Sprint(m.Notes) != fmt.Sprint(notes) {
		t.Errorf("%q", m.Notes)
	}
	x, err := m.Slots[1].Blob(m.Slots[1].Partition("system_a"), b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := blob.ReadAll(x, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(fixture(t, "updated.img")[32768:36864])+strings.Repeat("\x00", 8192) {
		t.Error("other bytes")
	}
}

// TestRetrofit reads partitions that lie on two block devices.
func TestRetrofit(t *testing.T) {
	sys, ven := blob.Bytes(fixture(t, "retrofit-system.img")), blob.Bytes(fixture(t, "retrofit-vendor.img"))
	m, err := super.Open(sys, nil)
	if err != nil {
		t.Fatal(err)
	}
	one, want := m.Metadata(), sums(t)
	for name, size := range map[string]int64{"system": 12288, "vendor": 8192} {
		x, err := one.Blob(one.Partition(name), sys, ven)
		if err != nil {
			t.Fatal(err)
		}
		all, err := blob.ReadAll(x, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(blob.Reader(x), all); err != nil {
			t.Error(err)
		}
		// lpmake was given an image that does not fill the partition.
		in, err := blob.Section(x, 0, size)
		if err != nil {
			t.Fatal(err)
		}
		if got := digest(t, in); got != want[name+".img"] {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := one.Blob(one.Partition("vendor"), nil, ven); err != nil {
		t.Errorf("a device that is not needed is missing: %v", err)
	}
	for _, devices := range [][]blob.Blob{nil, {sys}, {sys, nil}, {nil, ven}} {
		if _, err := one.Blob(one.Partition("system"), devices...); err == nil {
			t.Errorf("devices %v are enough", devices)
		}
	}
}

// TestFallback takes the backups, as liblp does, and says so.
func TestFallback(t *testing.T) {
	bend := func(at ...int) []byte {
		b := fixture(t, "super.img")
		for _, at := range at {
			b[at] ^= 0xff
		}
		return b
	}
	const geometry, header = 4096, 12288 // then three more headers, each 4096 on
	for _, tc := range []struct {
		at   []int
		want string
	}{
		{[]int{geometry + 20}, "the geometry is that of the backup: super: the checksum of the geometry is wrong at byte 0x1008"},
		{[]int{geometry + 4096}, "the backup of the geometry cannot be read: super: no magic"},
		{[]int{header + 300}, "slot 0: the metadata is that of the backup: super: the checksum of the tables is wrong at byte 0x3030"},
		{[]int{header + 4096}, "slot 1: the metadata is that of the backup: super: no magic of metadata (0x414c50cf) at byte 0x4000"},
		{[]int{header + 8192}, "slot 0: the backup cannot be read"},
		{[]int{header, header + 8192}, "slot 0: neither copy of the metadata can be read"},
	} {
		m, err := super.Open(blob.Bytes(bend(tc.at...)), nil)
		if err != nil {
			t.Errorf("%v: %v", tc.at, err)
			continue
		}
		if len(m.Notes) != 1 || !strings.HasPrefix(m.Notes[0], tc.want) {
			t.Errorf("%v: %q", tc.at, m.Notes)
		}
		if m.Metadata().Partition("system_a") == nil {
			t.Errorf("%v: no system", tc.at)
		}
	}
	for _, at := range [][]int{{geometry, geometry + 4096}, {header, header + 4096, header + 8192, header + 12288}} {
		if _, err := super.Open(blob.Bytes(bend(at...)), nil); err == nil {
			t.Errorf("%v: opened", at)
		}
	}
}

// TestSparse unwraps the super image that lpmake wrote in sparse form, as a
// caller does.
func TestSparse(t *testing.T) {
	m, err := sparse.Open(blob.Bytes(fixture(t, "super.simg")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := digest(t, m); got != digest(t, blob.Bytes(fixture(t, "super.img"))) {
		t.Error("the sparse image is another")
	}
	s, err := super.Open(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := s.Metadata().Blob(s.Metadata().Partition("system_a"), m)
	if err != nil {
		t.Fatal(err)
	}
	if got := digest(t, x); got != sums(t)["super.img/system_a.img"] {
		t.Errorf("system_a: %s", got)
	}
}
