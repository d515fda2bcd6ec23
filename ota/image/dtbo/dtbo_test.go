package dtbo_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/image/dtbo"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

var fixtures = []string{"v0", "v1", "acpio", "avb"}

// fixture is a committed image, made by mkdtboimg.py: see testdata/images/README.md.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata/images/dtbo", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, b []byte) *dtbo.Table {
	t.Helper()
	table, err := dtbo.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// dump writes a table as mkdtboimg.py dump does.
func dump(table *dtbo.Table) string {
	var w strings.Builder
	put := func(key, format string, v any) { fmt.Fprintf(&w, "%20s = "+format+"\n", key, v) }
	w.WriteString("dt_table_header:\n")
	magic := 0xd7b7ab1e
	if table.ACPI {
		magic = 0x41435049
	}
	put("magic", "%08x", magic)
	put("total_size", "%d", table.Size)
	put("header_size", "%d", 32)
	put("dt_entry_size", "%d", 32)
	put("dt_entry_count", "%d", len(table.Entries))
	put("dt_entries_offset", "%d", 32)
	put("page_size", "%d", table.PageSize)
	put("version", "%d", table.Version)
	for i, e := range table.Entries {
		fmt.Fprintf(&w, "dt_table_entry[%d]:\n", i)
		put("dt_size", "%d", e.Size)
		put("dt_offset", "%d", e.Off)
		put("id", "%08x", e.ID)
		put("rev", "%08x", e.Rev)
		if table.Version > 0 {
			put("flags", "%08x", e.Flags)
		}
		for j, v := range e.Custom {
			put(fmt.Sprintf("custom[%d]", j), "%08x", v)
		}
	}
	return w.String()
}

// TestFixtures holds tables and entries, as stored and decompressed, against
// what mkdtboimg.py made of them.
func TestFixtures(t *testing.T) {
	sums := map[string]string{}
	for line := range strings.Lines(string(fixture(t, "SHA256SUMS"))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	equal, of := 0, len(sums)
	for _, name := range fixtures {
		table := open(t, fixture(t, name+".img"))
		if got, want := dump(table), string(fixture(t, name+".txt")); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		if len(table.Notes) > 0 {
			t.Errorf("%s: %q", name, table.Notes)
		}
		for i, e := range table.Entries {
			r := io.Reader(blob.Reader(e.Blob))
			for _, kind := range []string{"entry", "plain"} {
				if kind == "plain" && e.Compression != "" {
					var err error
					if r, err = codec.NewReader(codec.Method(e.Compression), blob.Reader(e.Blob), 1<<20); err != nil {
						t.Fatal(err)
					}
				} else if kind == "plain" {
					r = blob.Reader(e.Blob)
				}
				h := sha256.New()
				if _, err := io.Copy(h, r); err != nil {
					t.Errorf("%s, entry %d: %v", name, i, err)
				}
				file := fmt.Sprintf("%s/%s.%d", name, kind, i)
				if got := fmt.Sprintf("%x", h.Sum(nil)); got != sums[file] {
					t.Errorf("%s: %s, mkdtboimg.py has %s", file, got, sums[file])
				} else {
					equal++
				}
				delete(sums, file)
			}
		}
	}
	if len(sums) > 0 {
		t.Errorf("not looked at: %v", sums)
	}
	t.Logf("%d of %d entries are what mkdtboimg.py takes out", equal, of)
}

func TestEntries(t *testing.T) {
	var got []string
	for _, name := range fixtures {
		table := open(t, fixture(t, name+".img"))
		for _, e := range table.Entries {
			got = append(got, fmt.Sprintf("%s %d+%d %q %d", name, e.Off, e.Size, e.Compression, e.Tree))
		}
	}
	want := []string{
		`v0 128+432 "" 432`, `v0 560+612 "" 612`, `v0 128+432 "" 432`,
		`v1 192+432 "" 432`, `v1 624+169 "zlib" 0`, `v1 793+185 "gzip" 0`, `v1 978+214 "lz4" 0`, `v1 624+169 "zlib" 0`,
		`acpio 96+44 "" 0`, `acpio 140+792 "" 0`,
		`avb 128+432 "" 432`, `avb 560+612 "" 612`, `avb 128+432 "" 432`,
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

// TestReal reads a telephone's image, whose entries dtc takes for device trees.
func TestReal(t *testing.T) {
	b, err := os.ReadFile(otatest.Data(t, "avb", "moto-dtbo.img"))
	if err != nil {
		t.Fatal(err)
	}
	table := open(t, b)
	if len(table.Entries) != 2 || len(table.Notes) > 0 || table.Size != 209664 || table.Entries[1].ID != 1 {
		t.Fatalf("%+v", table)
	}
	end := int64(96)
	for i, e := range table.Entries {
		if e.Tree != e.Size || e.Off != end {
			t.Errorf("entry %d: %+v", i, e)
		}
		end += e.Size
	}
	if end != table.Size {
		t.Errorf("entries end at %d", end)
	}
	dtc := otatest.Tool(t, "dtc")
	for i, e := range table.Entries {
		cmd := exec.Command(dtc, "-q", "-I", "dtb", "-O", "dtb")
		cmd.Stdin = blob.Reader(e.Blob)
		out, err := cmd.Output()
		if err != nil || len(out) == 0 {
			t.Errorf("entry %d: dtc: %v", i, err)
		}
	}
	t.Logf("%d entries are device trees to dtc", len(table.Entries))
}

// TestTruncated cuts tables at each byte.
func TestTruncated(t *testing.T) {
	cut := 0
	for _, name := range []string{"v0.img", "v1.img", "acpio.img"} {
		b := fixture(t, name)
		for n := range b {
			var pe *parse.Error
			if _, err := dtbo.Open(blob.Bytes(b[:n:n]), nil); !errors.As(err, &pe) || pe.Kind != parse.ErrFormat || pe.Off < 0 || pe.Off > int64(len(b)) {
				t.Fatalf("%s, %d bytes: %v", name, n, err)
			}
			cut++
		}
	}
	t.Logf("%d tables that end early are refused", cut)
}

func TestBudget(t *testing.T) {
	b := blob.Bytes(fixture(t, "v1.img"))
	if _, err := dtbo.Open(b, parse.NewBudget(parse.Limits{Entries: 5})); err != nil {
		t.Error(err)
	}
	if _, err := dtbo.Open(b, parse.NewBudget(parse.Limits{Entries: 4})); !errors.Is(err, parse.ErrLimit) {
		t.Error(err)
	}
}
