package props

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

func extract(t testing.TB, text string) (fact.Facts, error) {
	t.Helper()
	return run(t.Context(), &inspect.File{At: fact.Location{Partition: "system", Path: "build.prop"}, Blob: blob.Bytes([]byte(text))})
}

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string // key|value|offset@line; or the file of an import
	}{
		{"plain", "a=1\nb=2\n", []string{"a|1|0x0@1", "b|2|0x4@2"}},
		{"no end of line", "a=1", []string{"a|1|0x0@1"}},
		{"empty", "", nil},
		{"blank lines and comments", "\n# c=1\n \t# d=2\n\n#e\nf=3", []string{"f|3|0x13@6"}},
		{"space around all", " \t a \v=\f b c \r\n", []string{"a|b c|0x0@1"}},
		{"carriage return", "a=1\r\nb=\r\n", []string{"a|1|0x0@1", "b||0x5@2"}},
		{"carriage return inside", "a=1\rb=2", []string{"a|1%0Db=2|0x0@1"}},
		{"no sign", "a\nb c\n=\n =x\n", nil},
		{"two signs", "a==b=c", []string{"a|=b=c|0x0@1"}},
		{"comment behind", "a=1 # not a comment", []string{"a|1 # not a comment|0x0@1"}},
		{"name with space", "a b=1", []string{"a b|1|0x0@1"}},
		{"again", "a=1\na=2", []string{"a|1|0x0@1", "a|2|0x4@2"}},
		{"quotes", `a="1"`, []string{`a|"1"|0x0@1`}},
		{"long value", "a=" + strings.Repeat("x", 500), []string{"a|" + strings.Repeat("x", 500) + "|0x0@1"}},
		{"zero byte", "a=1\nb=2\x00\nc=3\n", []string{"a|1|0x0@1"}},
		{"zero byte in an empty line", "a=1\n\x00\nc=3\n", []string{"a|1|0x0@1"}},
		{"not printable", "a=\x1b[2J\u202e\xff%", []string{"a|%1B[2J%E2%80%AE%FF%25|0x0@1"}},
		{"byte order mark", "\xef\xbb\xbfa=1", []string{"%EF%BB%BFa|1|0x0@1"}},
		{"import", "import /odm/etc/x.prop\na=1", []string{"import /odm/etc/x.prop", "a|1|0x17@2"}},
		{"import with filter", "  import \t/x.prop  ro.*", []string{"import /x.prop"}},
		{"import of a name that hangs", "import /odm/${ro.boot.x}.prop", []string{"import /odm/${ro.boot.x}.prop"}},
		{"import of an odd name", "import /a!b#c", []string{"import /a%21b%23c"}},
		{"import and tab", "import\t/x.prop", nil},
		{"import alone", "import \nimport=1", []string{"import|1|0x8@2"}},
	} {
		f, err := extract(t, tc.text)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		check(t, f)
		var got []string
		for _, g := range f.Gaps {
			got = append(got, "import "+g.Subjects[0].ID)
			if g.Cause != fact.CauseMissing || fmt.Sprint(g.Blinds) != "[properties settings]" || g.At.Line == nil {
				t.Errorf("%s: %+v", tc.name, g)
			}
		}
		for _, p := range f.Properties {
			got = append(got, p.Name+"|"+p.Value+"|"+strings.TrimPrefix(p.At.String(), "system:build.prop#@"))
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got  %q\nwant %q", tc.name, got, tc.want)
		}
	}
	if f, _ := extract(t, "import /x$ ro.*"); f.Gaps[0].Reason != "the file imports ro.* of /x$, whose name hangs on other properties: imports are not followed" {
		t.Error(f.Gaps)
	}
}

func TestLimit(t *testing.T) {
	for name, text := range map[string]string{"size": strings.Repeat("#", maxSize+1), "lines": strings.Repeat("a=\n", maxLines+1), "imports": strings.Repeat("import a\n", maxLines+1)} {
		if _, err := extract(t, text); !errors.Is(err, parse.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f, err := extract(t, strings.Repeat("a=\n", maxLines)+strings.Repeat("#\n", 1000)); err != nil || len(f.Properties) != maxLines {
		t.Error(len(f.Properties), err)
	}
}

// check holds that facts are what fact.Decode takes.
func check(t testing.TB, f fact.Facts) {
	t.Helper()
	f.Schema, f.Update = fact.Schema, []fact.Update{{}}
	b, err := json.Marshal(&f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fact.Decode(bytes.NewReader(b)); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		at, device string
		want       bool
	}{
		{"system:build.prop", "/system/build.prop", true},
		{"system:system/build.prop", "/system/build.prop", true},
		{"system:default.prop", "/default.prop", true},
		{"system:system/etc/prop.default", "/system/etc/prop.default", true},
		{"system:system/system_ext/etc/build.prop", "/system/system_ext/etc/build.prop", true},
		{"vendor:odm/etc/build.prop", "/vendor/odm/etc/build.prop", true},
		{"vendor:default.prop", "/vendor/default.prop", true},
		{"my_product:build.prop", "", true},
		{"my_product:etc/build.prop", "/my_product/etc/build.prop", true},
		{"data:local.prop", "/data/local.prop", true},
		{"factory:factory.prop", "", true},
		{"boot:ramdisk/default.prop", "", true},
		{"init_boot:ramdisk!/system/etc/ramdisk/build.prop", "", true},
		{"vendor_boot:ramdisk!/adb_debug.prop", "", true},
		{"recovery:prop.default", "", true},
		{"system:app/X/X.apk!/build.prop", "", false},
		{"system:apex/a.apex!/etc/build.prop", "", false},
		{"system:app/X/build.prop", "/system/app/X/build.prop", false},
		{"system:etc/other/build.prop", "/system/etc/other/build.prop", false},
		{"system:etc/my.prop", "/system/etc/my.prop", false},
		{"SYSTEM/build.prop", "", false},
		{"build.prop", "", false},
	} {
		at, err := fact.ParseLocation(tc.at)
		if err != nil {
			t.Fatal(err)
		}
		at.Device = tc.device
		if got := match(at, nil, nil); got != tc.want {
			t.Errorf("match(%s) is %v", tc.at, got)
		}
	}
}

// TestData holds every property file of the public test data against grep and awk.
func TestData(t *testing.T) {
	otatest.Tool(t, "awk")
	var files []string
	err := filepath.WalkDir(otatest.Data(t), func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && names[filepath.Base(name)] {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	same, total, imports := 0, 0, 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := extract(t, string(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		check(t, f)
		var got []string
		for _, p := range f.Properties {
			value, err := parse.Unescape(p.Value)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%d %s=%s", *p.At.Line, p.Name, value))
		}
		out, err := otatest.Run(t, "awk", `!/^[ \t]*#/ && !/^[ \t]*import / && /=/ { sub(/^[ \t]+/, ""); sub(/[ \t\r]+$/, ""); sub(/[ \t]*=[ \t]*/, "="); if (substr($0, 1, 1) != "=") print NR " " $0 }`, name)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(out, "\n")
		if out == "" {
			want = nil
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
			continue
		}
		n, _ := otatest.Run(t, "grep", "-c", "^import ", name)
		if n != fmt.Sprint(len(f.Gaps)) {
			t.Errorf("%s: %d imports, grep %s", name, len(f.Gaps), n)
			continue
		}
		for _, g := range f.Gaps {
			t.Logf("%s: %s", filepath.Base(name), g.Reason)
		}
		same, total, imports = same+1, total+len(got), imports+len(f.Gaps)
	}
	t.Logf("%d of %d property files equal awk's reading, %d properties, %d imports", same, len(files), total, imports)
	if total == 0 {
		t.Error("nothing was compared")
	}
}

// TestTrees runs the driver over the dumps of whole systems: every property file
// is found where it is installed.
func TestTrees(t *testing.T) {
	roms, err := os.ReadDir(otatest.Data(t, "rom"))
	if err != nil {
		t.Fatal(err)
	}
	found, files := 0, 0
	for _, rom := range roms {
		dir := otatest.Data(t, "rom", rom.Name())
		p, err := ota.OpenPath(t.Context(), dir, ota.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		f, err := inspect.Run(t.Context(), p, inspect.Suite{Extractors: []*inspect.Extractor{Extractor}}, nil, inspect.Options{Jobs: 2})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, p := range f.Properties {
			seen[p.At.Partition+"/"+p.At.Path] = true
		}
		for _, g := range f.Gaps {
			if len(g.Subjects) != 1 || g.Subjects[0].Kind != "file" {
				t.Errorf("%s: %+v", rom.Name(), g)
			}
		}
		found += len(seen)
		err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || !names[filepath.Base(name)] {
				return err
			}
			files++
			rel, err := filepath.Rel(dir, name)
			if rel = filepath.ToSlash(rel); !seen[strings.Replace(rel, ".new_extracted/", "/", 1)] {
				data, err := os.ReadFile(name)
				t.Errorf("%s: %s was not read (%d bytes, %v)", rom.Name(), rel, len(data), err)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d property files are found in their trees", found, files)
}

func FuzzRun(f *testing.F) {
	f.Add("ro.a=1\r\n# c\n import /x.prop ro.*\nb = 2 \x00\nc=3")
	f.Fuzz(func(t *testing.T, text string) {
		facts, err := extract(t, text)
		var pe *parse.Error
		if err != nil && !errors.As(err, &pe) {
			t.Fatal(err)
		}
		check(t, facts)
		for _, p := range facts.Properties {
			off := *p.At.Offset
			if off >= int64(len(text)) || strings.Count(text[:off], "\n") != int(*p.At.Line)-1 || p.Name == "" {
				t.Fatalf("%q: offset %d is not in line %d", text, off, *p.At.Line)
			}
			line, _, _ := strings.Cut(text[off:], "\n")
			if value, err := parse.Unescape(p.Value); err != nil || !strings.Contains(line, value) {
				t.Fatalf("%q does not hold %q", line, value)
			}
		}
	})
}
