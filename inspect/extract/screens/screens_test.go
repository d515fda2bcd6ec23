package screens

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// openFile is a file as the driver hands it over, on a partition.
func openFile(t testing.TB, path string) *inspect.File {
	t.Helper()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := blob.NewFile(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	name := filepath.Base(path)
	f := &inspect.File{Path: name, At: fact.Location{Partition: "system", Path: name, Device: "/system/" + name}, Blob: b, Spool: t.TempDir()}
	if inside, budget, err := ota.Inside(t.Context(), b, nil, ""); err == nil {
		f.Inside, f.Budget = inside, budget
	}
	return f
}

// members are the members of a fixture.
func members(t testing.TB, path string) map[string][]byte {
	t.Helper()
	m := map[string][]byte{}
	otatest.Members(t, path, func(name string, read func() ([]byte, error)) {
		data, err := read()
		if err != nil {
			t.Fatal(err)
		}
		m[name] = data
	})
	return m
}

// lone is an app that is the update, of these members.
func lone(t testing.TB, members map[string][]byte) *inspect.File {
	fsys := fstest.MapFS{}
	for name, data := range members {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return &inspect.File{Path: manifestName, At: fact.Location{Path: manifestName}, Blob: blob.Bytes(members[manifestName]), FS: fsys, Lone: true, Spool: t.TempDir()}
}

func say(d fact.Default) string {
	text := func(s *string) string {
		if s == nil {
			return "?"
		}
		return *s
	}
	s := fmt.Sprintf("%s=%s %s", text(d.Key), text(d.Value), d.Type)
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

func sayAll(facts fact.Facts) []string {
	var all []string
	for _, d := range facts.Defaults {
		all = append(all, say(d))
	}
	slices.Sort(all)
	return all
}

var want = []string{
	`?=x string (the key: string/key_varies has no one value)`,
	`as_text=false boolean string/greeting [de]`,
	`as_text=false boolean string/greeting`,
	`both_app=false boolean`,
	`by_reference=false boolean bool/on [land]`,
	`by_reference=true boolean bool/on`,
	`by_resource=false boolean bool/on [land]`,
	`by_resource=true boolean bool/on`,
	`category=?  (no default declared)`,
	`checked=true boolean`,
	`empty_set=[] set array/none`,
	`everywhere=false boolean bool/on [land]`,
	`everywhere=true boolean bool/on`,
	`fancy=? boolean (no default declared)`,
	`framework=? boolean (no default declared: off)`,
	`key_from_resource=?  (no default declared)`,
	`library=true boolean`,
	`list=? string (null)`,
	`localised=hallo string string/greeting [de]`,
	`localised=hello <you> string string/greeting`,
	`not_stored=true boolean (the screen does not store it)`,
	`number=7 string`,
	`off=? boolean (no default declared: off)`,
	`on_its_side=false boolean bool/on [land]`,
	`on_its_side=true boolean bool/on [land]`,
	`plain=? boolean [land] (no default declared: off)`,
	`platform=?  (it refers to 0x0104000a, which is not in the table)`,
	`seek=5 int integer/count`,
	`set=? set array/days (an item: string/greeting has no one value)`,
	`slider=0.5 float`,
	`switch=false boolean`,
	`text=50%25 sure string`,
	`theme=?  (the theme decides: ?0x01010098)`,
	`varying_set=? set array/varying (an item: string/key_varies has no one value)`,
}

// TestRun reads the same app as two compilers and a shrinker have it.
func TestRun(t *testing.T) {
	slices.Sort(want)
	for _, name := range []string{"aapt.apk", "aapt2.apk", "renamed.apk"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name)
			facts, err := run(t.Context(), openFile(t, path))
			if err != nil || len(facts.Gaps) > 0 {
				t.Fatalf("%v, gaps %+v", err, facts.Gaps)
			}
			for _, d := range facts.Defaults {
				data := otatest.Member(t, path, d.At.Inner[0])
				if d.Store != fact.StorePreferences || d.Source != fact.SourceScreen || d.App != "com.example.screens" ||
					d.At.SHA256 == "" || *d.At.Offset <= 0 || *d.At.Offset >= int64(len(data)) || data[*d.At.Offset] != 2 {
					t.Errorf("%s: %+v", say(d), d)
				}
			}
			got := sayAll(facts)
			want := slices.Clone(want)
			if name == "renamed.apk" {
				for i, s := range want {
					for _, typ := range []string{"bool", "string", "integer", "array"} {
						for _, r := range []string{"on", "greeting", "key_varies", "count", "none", "days", "varying"} {
							s = strings.Replace(s, " "+typ+"/"+r, " "+typ+"/0_resource_name_obfuscated", 1)
						}
					}
					want[i] = s
				}
				slices.Sort(want)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			decode(t, facts)
			alone, err := run(t.Context(), lone(t, members(t, path)))
			if err != nil || len(alone.Gaps) > 0 || !slices.Equal(sayAll(alone), got) {
				t.Errorf("as the update: %v, %d facts, gaps %+v", err, len(alone.Defaults), alone.Gaps)
			}
		})
	}
}

// An attribute is known by its number too, where the file does not name it.
func TestNameless(t *testing.T) {
	m := members(t, "testdata/aapt2.apk")
	for name, data := range m {
		if !strings.HasPrefix(name, "res/") {
			continue
		}
		other := strings.Repeat("x", len(auto))
		data = bytes.ReplaceAll(data, []byte(auto), []byte(other))
		data = bytes.ReplaceAll(data, []byte(utf16(auto)), []byte(utf16(other)))
		if name == "res/xml/settings.xml" && bytes.Equal(data, m[name]) {
			t.Fatal("nothing to bend")
		}
		m[name] = data
	}
	facts, err := run(t.Context(), lone(t, m))
	if err != nil || len(facts.Gaps) > 0 || !slices.Contains(sayAll(facts), "library=true boolean") {
		t.Errorf("%v, %q", err, sayAll(facts))
	}
}

func utf16(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(s[i])
		b.WriteByte(0)
	}
	return b.String()
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
}

// What cannot be read is a gap, and what can is still read.
func TestBroken(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(map[string][]byte)
		gap    string
		cause  fact.Cause
		app    bool
		facts  int
	}{
		"manifest": {func(m map[string][]byte) { m[manifestName] = []byte("<manifest/>") }, "AndroidManifest.xml: ", fact.CauseFormat, false, 0},
		"table":    {func(m map[string][]byte) { m[tableName] = m[tableName][:20] }, "resources.arsc: ", fact.CauseFormat, true, 0},
		"missing":  {func(m map[string][]byte) { delete(m, "res/xml-land/own.xml") }, "res/xml-land/own.xml: ", fact.CauseMissing, true, len(want) - 3},
		"screen": {func(m map[string][]byte) { m["res/xml-land/own.xml"] = m["res/xml-land/own.xml"][:50] }, "res/xml-land/own.xml: axml: ", fact.CauseFormat,
			true, len(want) - 3},
		"no table":    {func(m map[string][]byte) { delete(m, tableName) }, "", "", true, 0},
		"no manifest": {func(m map[string][]byte) { delete(m, manifestName) }, "", "", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := members(t, "testdata/aapt2.apk")
			tc.change(m)
			facts, err := run(t.Context(), lone(t, m))
			if err != nil || len(facts.Defaults) != tc.facts {
				t.Errorf("%v, %d facts, want %d", err, len(facts.Defaults), tc.facts)
			}
			if tc.gap == "" {
				if len(facts.Gaps) > 0 {
					t.Errorf("gaps %+v", facts.Gaps)
				}
				return
			}
			if len(facts.Gaps) != 1 || !strings.HasPrefix(facts.Gaps[0].Reason, "screens: "+tc.gap) || facts.Gaps[0].Cause != tc.cause {
				t.Fatalf("gaps %+v, want %q", facts.Gaps, tc.gap)
			}
			g := facts.Gaps[0]
			if !slices.Equal(g.Blinds, []fact.Kind{fact.KindDefaults, fact.KindSettings}) || tc.app != slices.Contains(g.Subjects, fact.AppSubject("com.example.screens")) {
				t.Errorf("the gap blinds %v of %v", g.Blinds, g.Subjects)
			}
			decode(t, facts)
		})
	}
	f := openFile(t, "testdata/aapt2.apk")
	f.Inside = fstest.MapFS{manifestName: {Data: []byte("?")}, tableName: {Data: []byte("?")}}
	facts, err := run(t.Context(), f)
	if err != nil || len(facts.Gaps) != 1 || !slices.Equal(facts.Gaps[0].Subjects, []fact.Subject{{Kind: "file", ID: "/system/aapt2.apk"}}) {
		t.Errorf("%v, gaps %+v", err, facts.Gaps)
	}
}

// What is too much is a gap that says so.
func TestLimits(t *testing.T) {
	for name, change := range map[string]func(*app){
		"text": func(a *app) { a.textLeft = 5 * factSize },
		"work": func(a *app) { a.work = 3 },
	} {
		f := lone(t, members(t, "testdata/aapt2.apk"))
		a := &app{file: f, members: f.FS, textLeft: maxText, work: maxWork}
		change(a)
		if err := a.read(t.Context()); err != nil || len(a.facts.Gaps) != 1 || a.facts.Gaps[0].Cause != fact.CauseLimit {
			t.Errorf("%s: %v, gaps %+v", name, err, a.facts.Gaps)
		}
	}
}

func TestMatch(t *testing.T) {
	zip, other := func() []byte { return []byte("PK\x03\x04") }, func() []byte { return []byte("\x03\x00\x08\x00") }
	for _, tc := range []struct {
		at   fact.Location
		head func() []byte
		want bool
	}{
		{fact.Location{Partition: "system", Path: "app/x"}, zip, true},
		{fact.Location{Partition: "system", Path: manifestName}, other, false},
		{fact.Location{Path: manifestName}, other, true},
		{fact.Location{Path: "x.apk", Inner: []string{manifestName}}, other, false},
	} {
		if got := match(tc.at, nil, tc.head); got != tc.want {
			t.Errorf("match(%s) = %v", tc.at, got)
		}
	}
}

func FuzzRun(f *testing.F) {
	m := members(f, "testdata/aapt2.apk")
	const screen = "res/xml/settings.xml"
	f.Add(m[screen], []byte{})
	f.Add([]byte{}, m[tableName])
	for i := range 8 {
		f.Add([]byte{byte(i), 1, 2, byte(i * 31), 1, byte(i * 7)}, []byte{byte(i * 17), 2, byte(i)})
	}
	screens, tables := otatest.Split(m[screen]), otatest.Split(m[tableName])
	f.Fuzz(func(t *testing.T, x, y []byte) {
		for _, bend := range []bool{false, true} {
			m := maps.Clone(m)
			if bend {
				m[screen], m[tableName] = screens.Bent(x), tables.Bent(y)
			} else {
				if len(x) > 0 {
					m[screen] = x
				}
				if len(y) > 0 {
					m[tableName] = y
				}
			}
			facts, err := run(t.Context(), lone(t, m))
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range facts.Defaults {
				if *d.At.Offset < 0 || *d.At.Offset >= int64(len(m[d.At.Path])) {
					t.Fatalf("%s is outside of its file", d.At.String())
				}
			}
			decode(t, facts)
		}
	})
}
