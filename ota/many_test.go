package ota_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// Names of images are spelled once, and lead nowhere.
func TestHostileNames(t *testing.T) {
	names := map[string]string{ // of members, and of the partitions that they become
		"a\x1b[31m.img":              "a%1B[31m",
		"b\n.img":                    "b%0A",
		"images/c\u202egmi.img":      "c%E2%80%AEgmi",
		"100%.img":                   "100%25",
		"\xff\xfe.img":               "%FF%FE",
		"images/../../../etc/d.img":  "", // refused: it leads out
		"/abs/e.img":                 "",
		"f\\..\\g.img":               "f\\..\\g", // one name, but on Windows
		"images/.img":                ".img",
		"images/..img":               ".",
		"images/" + "..." + ".img":   "...",
		"images/h_a.img":             "h_a",
		"images/_a.img":              "_a",
		"images/i.img_sparsechunk.0": "", // refused: no sparse image, and still a partition
		"con.img":                    "con",
	}
	var members []otatest.ZipMember
	want := map[string]bool{}
	for name, q := range names {
		members = append(members, otatest.ZipMember{Name: name, Data: []byte("x")})
		if q != "" {
			want[q] = true
		}
	}
	want["i"] = true
	p := openBytes(t, (&otatest.ZipBuilder{Members: members}).Bytes())
	for _, q := range p.Partitions {
		if !want[full(q)] {
			t.Errorf("a partition %q", full(q))
		}
		delete(want, full(q))
		if strings.Contains(q.Name, "/") || q.Name == ".." {
			t.Errorf("%q leads out", q.Name)
		}
		if _, err := parse.Unescape(q.Name); err != nil {
			t.Errorf("%q: %v", q.Name, err)
		}
		if _, err := fs.Stat(p.Members, q.Outer[0]); err != nil {
			t.Errorf("%q: its member %v", q.Name, err)
		}
	}
	for q := range want {
		t.Errorf("no partition %q", q)
	}
	b, _ := smallPayload(t, "../../etc/x", "boot\n\x1b", "a\u202eb", "system_a")
	p = openBytes(t, b)
	if got := describe(p); got != "..%2F..%2Fetc%2Fx payload 8192, a%E2%80%AEb payload 8192, boot%0A%1B payload 8192, system_a payload 8192" {
		t.Error(got)
	}
}

// A hundred thousand images, of one name or of many, are bounded and do not take
// longer the more there are of one name.
func TestManyImages(t *testing.T) {
	if testing.Short() {
		t.Skip("short: nothing of it runs in parallel that other tests do not run")
	}
	for what, name := range map[string]string{"one name": "d%d/x.img", "many": "x%d.img", "parts": "x.img_sparsechunk.%d", "payloads": "d%d/payload.bin"} {
		var members []otatest.ZipMember
		for i := range 50_000 {
			members = append(members, otatest.ZipMember{Name: fmt.Sprintf(name, i)})
		}
		if what == "payloads" {
			members = append(members, otatest.ZipMember{Name: "payload.bin"})
		}
		b := (&otatest.ZipBuilder{Members: members}).Bytes()
		soon(t, 20*time.Second, func() {
			p := openBytes(t, b)
			if len(p.Partitions) > 4096 || len(p.Problems) == 0 && what != "parts" {
				t.Errorf("%s: %d partitions, %d problems", what, len(p.Partitions), len(p.Problems))
			}
			if what == "one name" && (p.Partitions[1].Name != "x+" || p.Partitions[2].Name != "x+10" || len(p.Partitions) != 4096 || !errors.Is(p.Problems[0].Err, parse.ErrLimit)) {
				t.Errorf("%s, %s: %v", p.Partitions[1].Name, p.Partitions[2].Name, p.Problems[0].Err)
			}
		})
	}
}

// Statements that a text repeats do not make the package be read again for each.
func TestManyStatements(t *testing.T) {
	u := &otatest.Payload{Temp: t.TempDir(), Partitions: []otatest.PayloadPartition{{Name: "system", Image: blob.Bytes(bytes.Repeat([]byte("x"), 1<<20))}}}
	var payload bytes.Buffer
	if _, err := u.Write(&payload); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none") // what is too large is not decoded into a file first
	for what, m := range map[string]otatest.ZipMember{
		"properties":     {Name: "payload_properties.txt", Data: bytes.Repeat([]byte("FILE_HASH=x\n"), 80_000), Deflate: true},
		"property files": {Name: "META-INF/com/android/metadata", Data: []byte("ota-property-files=" + strings.Repeat("a:1:2,", 170_000)), Deflate: true},
		"too large":      {Name: "META-INF/com/android/metadata", Data: make([]byte, 64<<20), Deflate: true},
	} {
		members := []otatest.ZipMember{{Name: "payload.bin", Data: payload.Bytes(), Deflate: true}, m}
		for i := range 20_000 {
			members = append(members, otatest.ZipMember{Name: fmt.Sprintf("d%d/b", i)})
		}
		p, err := ota.Open(t.Context(), blob.Bytes((&otatest.ZipBuilder{Members: members}).Bytes()), "update.zip", ota.Options{Spool: none})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		before := p.Decoded()
		soon(t, 10*time.Second, func() {
			r, err := ota.Materialise(t.Context(), p, ota.Pass{Create: inMemory})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Sums) < 2 || r.Sums[len(r.Sums)-1].Err == nil {
				t.Errorf("%s: %d sums", what, len(r.Sums))
			}
			if what != "properties" && !slices.ContainsFunc(r.Sums, func(s ota.Sum) bool { return errors.Is(s.Err, parse.ErrLimit) }) {
				t.Errorf("%s: no limit is named", what)
			}
		})
		if n := p.Decoded() - before; n > 3<<20 {
			t.Errorf("%s: %d bytes were decoded", what, n)
		}
	}
}

// Nor does a script of 4 MiB that names as many partitions as it can take longer for each.
func TestManyInScript(t *testing.T) {
	if testing.Short() {
		t.Skip("short: nothing of it runs in parallel that other tests do not run")
	}
	for what, line := range map[string]string{
		"mounts":  `mount("ext4","EMMC","/dev/block/by-name/p%d","/m%d");package_extract_file("x","/m%d/a");`,
		"images":  `package_extract_file("x","/dev/block/by-name/p%d");`,
		"updates": `block_image_update("/dev/p%d",package_extract_file("l"),"d","p");`,
	} {
		var b strings.Builder
		for i := 0; b.Len() < 4<<20-200; i++ {
			b.WriteString(strings.ReplaceAll(line, "%d", fmt.Sprint(i)) + "\n")
		}
		zip := (&otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: updaterScript, Data: []byte(b.String()), Deflate: true},
			{Name: "x", Data: []byte("x")}, {Name: "l", Data: []byte("4\n1\n0\n0\nnew 2,0,1\n")}, {Name: "d", Data: make([]byte, 4096)}}}).Bytes()
		soon(t, 8*time.Second, func() {
			if p := openBytes(t, zip); len(p.Partitions) < 256 {
				t.Errorf("%s: %d partitions", what, len(p.Partitions))
			}
		})
	}
}

// inMemory gives outputs that need no folder.
func inMemory(_ *ota.Partition, size int64) (ota.Output, error) {
	return &memory{make([]byte, size)}, nil
}

type memory struct{ b []byte }

func (m *memory) ReadAt(p []byte, off int64) (int, error)  { return bytes.NewReader(m.b).ReadAt(p, off) }
func (m *memory) WriteAt(p []byte, off int64) (int, error) { return copy(m.b[off:], p), nil }
