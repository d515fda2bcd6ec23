package fact_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
)

func at(off int64) *int64 { return &off }

func TestLocationText(t *testing.T) {
	for _, tc := range []struct {
		text string
		loc  fact.Location
	}{
		{".", fact.Location{}},
		{".#@0x1f0", fact.Location{Offset: at(0x1f0)}},
		{"META-INF/com/android/metadata", fact.Location{Path: "META-INF/com/android/metadata"}},
		{"META-INF/com/google/android/updater-script#@12", fact.Location{Path: "META-INF/com/google/android/updater-script", Line: at(12)}},
		{"system:app/Mms.apk!/classes.dex#Lcom/x/A;->m(I)V@0x1a", fact.Location{Partition: "system",
			Path: "app/Mms.apk", Inner: []string{"classes.dex"}, Symbol: "Lcom/x/A;->m(I)V", Offset: at(0x1a)}},
		{"system_a:bin/sh", fact.Location{Partition: "system", Slot: "a", Path: "bin/sh"}},
		{"boot:", fact.Location{Partition: "boot"}},
		{"boot:!/ramdisk!/init.rc#@3", fact.Location{Partition: "boot", Inner: []string{"ramdisk", "init.rc"}, Line: at(3)}},
		{".!/a", fact.Location{Inner: []string{"a"}}},
		{"base!.", fact.Location{Update: "base"}},
		{"base!system:x", fact.Location{Update: "base", Partition: "system", Path: "x"}},
		{"base!/x", fact.Location{Path: "base", Inner: []string{"x"}}},
		{"bin/hw/android.hardware.audio@2.0-service", fact.Location{Path: "bin/hw/android.hardware.audio@2.0-service"}},
		{"x#a%40b%25@0x1@2", fact.Location{Path: "x", Symbol: "a@b%", Offset: at(1), Line: at(2)}},
		{"x#%2540", fact.Location{Path: "x", Symbol: "%40"}},
	} {
		if got := tc.loc.String(); got != tc.text {
			t.Errorf("String() = %q, want %q", got, tc.text)
		}
		got, err := fact.ParseLocation(tc.text)
		if err != nil || !reflect.DeepEqual(got, tc.loc) {
			t.Errorf("ParseLocation(%q) = %+v, %v", tc.text, got, err)
		}
	}
	if l, err := fact.ParseLocation("system:/app/A.apk"); err != nil || l.String() != "system:app/A.apk" {
		t.Errorf("a path as people type it: %v, %v", l, err)
	}
	for _, bad := range []string{"", ":x", "a#", "a#b#c", "a!b", "a:b:c", "a!/", "a#@x", "a#@-1", "a#@0x", "a#@1@0x1",
		"a#@+1", "a#@0x1@2@3", "a#@1@2", "a#@0x8000000000000000", "a!/b:c"} {
		if l, err := fact.ParseLocation(bad); err == nil {
			t.Errorf("ParseLocation(%q) = %+v, want an error", bad, l)
		}
	}
}

// Whatever parses is written back as something that parses to the same place.
func FuzzParseLocation(f *testing.F) {
	for _, s := range []string{".", "base!system_b:a/b!/c#d@0x1@2", "a!/b", "base!/x", "x#%40%25"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := fact.ParseLocation(s)
		if err != nil {
			return
		}
		again, err := fact.ParseLocation(l.String())
		if err != nil || !reflect.DeepEqual(l, again) {
			t.Errorf("%q parses to %+v, written %q, which parses to %+v, %v", s, l, l.String(), again, err)
		}
	})
}

// fill sets every field of a value to something that is not zero, so that a
// record which Merge, Sort or the JSON form forgets is seen.
func fill(v reflect.Value, depth int) {
	if v.Type() == reflect.TypeFor[fact.Location]() {
		n := int64(depth)
		v.Set(reflect.ValueOf(fact.Location{Outer: []string{"o"}, Partition: "p", Slot: "a", Path: "x", Device: "/x",
			Inner: []string{"i"}, Symbol: "s", Offset: &n, Line: &n, SHA256: "00", Derived: "d"}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	default:
		panic("a record holds a " + v.Kind().String())
	}
}

func filled() fact.Facts {
	var f fact.Facts
	fill(reflect.ValueOf(&f).Elem(), 0)
	f.Schema, f.Tool = fact.Schema, "test"
	f.Kinds = fact.All()
	f.Gaps[0].Cause = fact.CauseMissing
	f.Gaps[0].Blinds = []fact.Kind{fact.KindFiles}
	return f
}

func TestEveryKindIsMergedSortedAndWritten(t *testing.T) {
	g := filled()
	f := fact.Facts{Schema: fact.Schema, Tool: "test"}
	f.Merge(&g)
	f.Sort()
	g.Sort()
	if !reflect.DeepEqual(f, g) {
		t.Errorf("Merge lost something:\n%+v\n%+v", f, g)
	}
	places := 0
	f.Locations(func(*fact.Location) { places++ })
	// A setting's layer, the ends of a flow, guards and steps have places of their own.
	if want := len(fact.All()) + 1 + 2 + 2 + 2; places != want {
		t.Errorf("Locations visits %d of %d places", places, want)
	}
	kinds := map[string]bool{}
	for _, k := range fact.All() {
		kinds[string(k)] = true
	}
	typ := reflect.TypeFor[fact.Facts]()
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if typ.Field(i).Type.Kind() != reflect.Slice || name == "kinds" {
			continue
		}
		if !kinds[name] {
			t.Errorf("the slice %s is no kind in All", name)
		}
		delete(kinds, name)
		rec := typ.Field(i).Type.Elem()
		if at, ok := rec.FieldByName("At"); !ok || at.Type != reflect.TypeFor[fact.Location]() {
			t.Errorf("%s has no At: every fact says where", rec.Name())
		}
	}
	if len(kinds) > 0 {
		t.Errorf("kinds without a slice: %v", kinds)
	}
	// Sort of nothing gives empty slices, never null.
	var none fact.Facts
	none.Sort()
	text, err := json.Marshal(none)
	if err != nil || bytes.Contains(text, []byte("null")) {
		t.Errorf("no facts: %s, %v", text, err)
	}
}

func TestSortIsTotal(t *testing.T) {
	var recs []fact.Metadata
	for i := range 100 {
		recs = append(recs, fact.Metadata{Key: string(rune('a' + i%26)), At: fact.Location{Path: "m"}.AtLine(int64(i % 30))})
	}
	want := fact.Facts{Metadata: slices.Clone(recs)}
	want.Sort()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		r.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
		got := fact.Facts{Metadata: slices.Clone(recs)}
		got.Sort()
		if !reflect.DeepEqual(got, want) {
			t.Fatal("the order of arrival shows")
		}
	}
	if l := want.Metadata[9].At.Line; *l != 2 {
		t.Errorf("lines are numbers: the tenth is line %d", *l)
	}
}

func TestDecode(t *testing.T) {
	f := filled()
	f.Sort()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := fact.Decode(bytes.NewReader(text))
	if err != nil || !reflect.DeepEqual(*got, f) {
		t.Errorf("what was written is not what is read: %v\n%+v\n%+v", err, *got, f)
	}
	swap := func(old, new string) string {
		if !bytes.Contains(text, []byte(old)) {
			t.Fatalf("%s is not in the facts", old)
		}
		return strings.Replace(string(text), old, new, 1)
	}
	for name, bad := range map[string]string{
		"another schema":   swap("otavet/facts/v0", "otavet/facts/v9"),
		"unknown field":    swap(`"tool":`, `"tooth":`),
		"unknown in place": swap(`"partition":`, `"partitions":`),
		"unknown kind":     swap(`"members"`, `"numbers"`),
		"no kind yet":      swap(`"members"`, `"mounts"`),
		"escape code":      swap(`"x"`, `"\u001b[2J"`),
		"raw C1":           swap(`"x"`, "\"\u009b\""),
		"not UTF-8":        swap(`"x"`, "\"\xff\""),
		"! in a name":      swap(`"path":"x","device"`, `"path":"x!/y","device"`),
		"cause":            swap(`"kind":"missing"`, `"kind":"lazy"`),
		"trailing":         string(text) + "{}",
		"truncated":        string(text[:len(text)-1]),
		"no update":        swap(`"update":[{`, `"updat":[{`),
	} {
		if _, err := fact.Decode(strings.NewReader(bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFingerprint(t *testing.T) {
	// printf "otavet/fingerprint/v1\0update-is-signed\0update\0update\0" | sha256sum
	const want = "f841645165225d71b0f194faf7b1eae59026ed9f7fdaa28552c116b5a2ebaa91"
	got := fact.Fingerprint("update-is-signed", fact.UpdateSubject)
	if got != want {
		t.Errorf("Fingerprint = %s, want %s: stored baselines and waivers lose their findings", got, want)
	}
	a := fact.Fingerprint("r", fact.Subject{Kind: "ab", ID: "c"})
	b := fact.Fingerprint("r", fact.Subject{Kind: "a", ID: "bc"})
	if a == b {
		t.Error("two subjects share a fingerprint")
	}
}

// Facts come from strangers too: whatever is read is written back and read again
// as the same.
func FuzzDecode(f *testing.F) {
	full := filled()
	text, err := json.Marshal(full)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"schema":"otavet/facts/v0","tool":"","kinds":[],"update":[{"path":"x","sha256":null,"at":{"text":"."}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		one, err := fact.Decode(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		two, err := fact.Decode(bytes.NewReader(again))
		if err != nil || !reflect.DeepEqual(one, two) {
			t.Fatalf("%s\nis written\n%s\nwhich is not read as the same: %v", text, again, err)
		}
	})
}
