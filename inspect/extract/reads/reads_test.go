package reads

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

const sample = "testdata/reads.apk"

// say spells a fact as the comments of the sources do.
func say(d fact.Default) string {
	text := func(s *string) string {
		if s == nil {
			return "?"
		}
		return *s
	}
	s := fmt.Sprintf("%s %s=%s %s", d.Store, text(d.Key), text(d.Value), d.Type)
	if d.Resource != "" {
		s += " " + d.Resource
	}
	if d.Config != "" {
		s += " [" + d.Config + "]"
	}
	if d.Note != "" {
		s += " (" + d.Note + ")"
	}
	return s
}

// wants reads the comments "// want default …" of the sources: what is told of the line, or of the
// next one, by file and line.
func wants(t *testing.T, dir string) map[string][]string {
	t.Helper()
	want := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".java" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(data), "\n") {
			for mark, n := range map[string]int{"// want default ": i + 1, "// want:next default ": i + 2} {
				if _, text, ok := strings.Cut(line, mark); ok {
					at := fmt.Sprintf("%s:%d", filepath.Base(path), n)
					want[at] = append(want[at], strings.Split(text, " | ")...)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// lines tells the source line of each instruction of a DEX file, by its offset.
func lines(t *testing.T, data []byte) map[int64]string {
	t.Helper()
	files, err := dex.Open(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := map[int64]string{}
	f := files[0]
	var members dex.ClassData
	for i := range f.ClassDefs.Len {
		def, err := f.Class(i)
		if err != nil {
			t.Fatal(err)
		}
		source, err := f.String(def.SourceFile)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.ClassData(def, &members); err != nil {
			t.Fatal(err)
		}
		for _, m := range members.Methods() {
			code, err := f.Code(m)
			if code == nil || err != nil {
				continue
			}
			debug, err := code.Debug()
			if err != nil {
				t.Fatal(err)
			}
			for d := code.Decoder(); d.Next(); {
				if n, ok := debug.Line(d.Insn.PC); ok {
					at[d.Insn.Off] = fmt.Sprintf("%s:%d", source, n)
				}
			}
		}
	}
	return at
}

// TestWants reads apps made by javac and dx, whose sources say what is to be found on which line.
func TestWants(t *testing.T) {
	facts, err := run(t.Context(), openFile(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	if len(facts.Gaps) > 0 {
		t.Errorf("gaps: %+v", facts.Gaps)
	}
	want := wants(t, "testdata")
	places := map[string]map[int64]string{}
	got := map[string][]string{}
	for _, d := range facts.Defaults {
		if d.Source == fact.SourceResource {
			continue
		}
		wantApp := ""
		if d.Store == fact.StorePreferences || d.Store == fact.StoreResource {
			wantApp = "com.example.reads"
		}
		if d.App != wantApp || d.Source != fact.SourceRead || d.At.SHA256 == "" || !strings.HasPrefix(d.At.Symbol, "Lcom/example/reads/") {
			t.Errorf("%s: app %q, source %q, at %+v", say(d), d.App, d.Source, d.At)
		}
		member := d.At.Inner[0]
		if places[member] == nil {
			places[member] = lines(t, otatest.Member(t, sample, member))
		}
		line := places[member][*d.At.Offset]
		got[line] = append(got[line], say(d))
	}
	right, all := 0, 0
	for _, line := range slices.Sorted(maps.Keys(want)) {
		slices.Sort(want[line])
		slices.Sort(got[line])
		all += len(want[line])
		if slices.Equal(want[line], got[line]) {
			right += len(want[line])
		} else {
			t.Errorf("%s:\n got %q\nwant %q", line, got[line], want[line])
		}
		delete(got, line)
	}
	for line, more := range got {
		t.Errorf("%s: got %q, want nothing", line, more)
	}
	t.Logf("%d of %d facts that the sources ask for", right, all)
}

// The values of the resources that code asks for are facts, once each.
func TestResourceValues(t *testing.T) {
	facts, err := run(t.Context(), openFile(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	table := otatest.Member(t, sample, tableName)
	for _, d := range facts.Defaults {
		if d.Source == fact.SourceResource {
			got = append(got, say(d))
			if d.At.Inner[0] != tableName || *d.At.Offset <= 0 || *d.At.Offset >= int64(len(table)) || d.At.SHA256 == "" || d.App != "com.example.reads" {
				t.Errorf("%s of %s stands at %+v", say(d), d.App, d.At)
			}
		}
	}
	slices.Sort(got)
	want := []string{
		"resource bool/same_as_sync=false boolean bool/sync",
		"resource bool/same_as_sync=true boolean bool/sync [land]",
		"resource bool/sync=false boolean bool/sync",
		"resource bool/sync=true boolean bool/sync [land]",
		"resource integer/interval=60 int integer/interval",
		"resource integer/interval=90 int integer/interval [v21]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// decode proves that facts can be written and read again.
func decode(t testing.TB, facts fact.Facts) {
	t.Helper()
	facts.Schema = fact.Schema
	facts.Update = []fact.Update{{Path: "x", At: fact.Location{}}}
	facts.Sort()
	data, err := json.Marshal(&facts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fact.Decode(bytes.NewReader(data)); err != nil {
		t.Fatalf("%v in %.2000s", err, data)
	}
	facts.Locations(func(l *fact.Location) {
		if _, err := fact.ParseLocation(l.String()); err != nil {
			t.Fatalf("%q: %v", l.String(), err)
		}
	})
}

func TestMatch(t *testing.T) {
	for head, want := range map[string]bool{"PK\x03\x04": true, "dex\n035\x00": true, "\x7fELF": false, "": false} {
		if got := match(fact.Location{}, nil, func() []byte { return []byte(head) }); got != want {
			t.Errorf("match(%q) = %v", head, got)
		}
	}
}

func TestDexNumber(t *testing.T) {
	for name, want := range map[string]int{"classes.dex": 1, "classes2.dex": 2, "classes10.dex": 10, "classes1.dex": 0, "classes02.dex": 0,
		"classes.dex2": 0, "assets/classes.dex": 0, "classes-1.dex": 0, "x.dex": 0} {
		if n, ok := dexNumber(name); ok != (want > 0) || ok && n != want {
			t.Errorf("dexNumber(%s) = %d, %v", name, n, ok)
		}
	}
}

// visit runs the extractor as the walk does: on each file that it matches.
func visit(t *testing.T, fsys fs.FS, at func(string) fact.Location, facts *fact.Facts) {
	t.Helper()
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, closer, err := ota.OpenBlob(t.Context(), fsys, path, t.TempDir())
		if err != nil {
			return err
		}
		defer closer()
		f := &inspect.File{Path: path, At: at(path), Blob: b, FS: fsys, Lone: at(path).Partition == "" && len(at(path).Inner) == 0, Spool: t.TempDir()}
		inside, budget, err := ota.Inside(t.Context(), b, nil, "")
		if err == nil {
			f.Inside, f.Budget = inside, budget
		}
		head, err := blob.ReadRange(b, 0, min(b.Size(), 64))
		if err != nil {
			return err
		}
		if match(f.At, nil, func() []byte { return head }) {
			got, err := run(t.Context(), f)
			if err != nil {
				return err
			}
			facts.Merge(&got)
		}
		if f.Inside != nil {
			visit(t, f.Inside, func(name string) fact.Location { return f.At.InMember(name) }, facts)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func zipOf(members ...otatest.ZipMember) []byte {
	b := otatest.ZipBuilder{Members: members}
	return b.Bytes()
}

// Wherever an app's code lies, each read is told once, and as that app's.
func TestPlaces(t *testing.T) {
	first, second := otatest.Member(t, sample, "classes.dex"), otatest.Member(t, sample, "classes2.dex")
	manifest, table := otatest.Member(t, sample, manifestName), otatest.Member(t, sample, tableName)
	member := func(name string, data []byte) otatest.ZipMember { return otatest.ZipMember{Name: name, Data: data} }
	whole, err := run(t.Context(), openFile(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	inSecond := 0
	for _, d := range whole.Defaults {
		if d.At.Inner[0] == "classes2.dex" {
			inSecond++
		}
	}
	alone := func(data []byte) int {
		f, err := run(t.Context(), &inspect.File{Path: "x", At: fact.Location{Partition: "system", Path: "x"}, Blob: blob.Bytes(data),
			FS: dirOf(t, "x", data), Spool: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return len(f.Defaults)
	}
	system := func(name string) fact.Location { return fact.Location{Partition: "system", Path: name} }
	update := func(name string) fact.Location { return fact.Location{Path: name} }
	for _, tc := range []struct {
		name string
		data []byte
		at   func(string) fact.Location
		lone bool // the members are the update's own
		want int
		app  string
	}{
		{"an app", zipOf(member(manifestName, manifest), member(tableName, table), member("classes.dex", first), member("classes2.dex", second)),
			system, false, len(whole.Defaults), "com.example.reads"},
		{"an app that is the update", zipOf(member(manifestName, manifest), member(tableName, table), member("classes.dex", first), member("classes2.dex", second)),
			update, true, len(whole.Defaults), "com.example.reads"},
		{"a jar", zipOf(member("classes.dex", first)), system, false, alone(first), ""},
		{"a jar among assets", zipOf(member(manifestName, manifest), member("assets/x.jar", zipOf(member("classes.dex", second)))), system, false, alone(second), "com.example.reads"},
		{"a DEX file among assets", zipOf(member(manifestName, manifest), member("assets/x.dex", second)), system, false, alone(second), "com.example.reads"},
		{"one that no platform loads", zipOf(member(manifestName, manifest), member("classes3.dex", second)), system, false, alone(second), "com.example.reads"},
		{"an app without code", zipOf(member(manifestName, manifest)), system, false, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var facts fact.Facts
			fsys, name := dirOf(t, "x.zip", tc.data), "x.zip"
			if tc.lone {
				inside, _, err := ota.Inside(t.Context(), blob.Bytes(tc.data), nil, "")
				if err != nil {
					t.Fatal(err)
				}
				fsys, name = inside, ""
			}
			visit(t, fsys, tc.at, &facts)
			if len(facts.Gaps) > 0 {
				t.Errorf("gaps: %+v", facts.Gaps)
			}
			if len(facts.Defaults) != tc.want {
				t.Errorf("%d facts in %q, want %d", len(facts.Defaults), name, tc.want)
			}
			for _, d := range facts.Defaults {
				if d.Store == fact.StorePreferences && d.App != tc.app || d.Store == fact.StoreSystem && d.App != "" {
					t.Errorf("%s: app %q, want %q", say(d), d.App, tc.app)
				}
			}
			decode(t, facts)
		})
	}
	if inSecond == 0 || alone(second) == 0 {
		t.Error("nothing in classes2.dex")
	}
}

// TestDriver has inspect.Run read an app that is the update.
func TestDriver(t *testing.T) {
	f := openFile(t, sample)
	p, err := ota.Open(t.Context(), f.Blob, "reads.apk", ota.Options{Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	whole, err := run(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := inspect.Run(t.Context(), p, inspect.Suite{Extractors: []*inspect.Extractor{Extractor}}, nil, inspect.Options{Jobs: 4})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Gaps) > 0 || len(got.Defaults) != len(whole.Defaults) {
		t.Errorf("%d facts, want %d; gaps %+v", len(got.Defaults), len(whole.Defaults), got.Gaps)
	}
	for _, d := range got.Defaults {
		if len(d.At.Inner) > 0 || d.At.SHA256 == "" || d.Store == fact.StorePreferences && d.App != "com.example.reads" {
			t.Errorf("%s of %q at %+v", say(d), d.App, d.At)
		}
	}
}

func dirOf(t testing.TB, name string, data []byte) fs.FS {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(dir)
}
