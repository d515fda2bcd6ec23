package defaults

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
)

func ptr(s string) *string { return &s }

func at(path string) fact.Location { return fact.Location{Partition: "system", Path: path} }

func screen(app, key, value, config string) fact.Default {
	return fact.Default{Store: fact.StorePreferences, App: app, Key: &key, Value: &value, Config: config, Source: fact.SourceScreen, At: at("s")}
}

func read(store, app, key string, value *string) fact.Default {
	return fact.Default{Store: store, App: app, Key: &key, Value: value, Source: fact.SourceRead, At: at("r")}
}

func prop(name, value, partition, path string) fact.Property {
	return fact.Property{Name: name, Value: value, At: fact.Location{Partition: partition, Path: path, Device: "/" + partition + "/" + path}}
}

func TestJoin(t *testing.T) {
	pref := func(ds ...fact.Default) fact.Facts { return fact.Facts{Defaults: ds} }
	for _, tc := range []struct {
		name   string
		facts  fact.Facts
		want   string // the default; "-" none
		reason string
		wins   string // source of the layer that wins
	}{
		{"screen and code agree", pref(screen("a", "k", "false", ""), read("preferences", "a", "k", ptr("false"))), "false", "", "read"},
		{"screen and code differ", pref(screen("a", "k", "false", ""), read("preferences", "a", "k", ptr("true"))), "-", "stated differently: false by a screen, true by a read", ""},
		{"declared, and nobody reads it", pref(screen("a", "k", "false", "")), "false", "no read of it was found", "screen"},
		{"code alone", pref(read("preferences", "a", "k", ptr("true"))), "true", "", "read"},
		{"code disagrees with itself", pref(read("preferences", "a", "k", ptr("true")), read("preferences", "a", "k", ptr("false"))), "-", "stated differently", ""},
		{"code computes it at one place", pref(read("preferences", "a", "k", ptr("true")), read("preferences", "a", "k", nil)), "-", "at 1 of 2 places code computes it", ""},
		{"another in one country", pref(screen("a", "k", "false", ""), screen("a", "k", "true", "mcc460"), read("preferences", "a", "k", ptr("false"))), "-", "another in mcc460", ""},
		{"a key that code computes", fact.Facts{Defaults: []fact.Default{read("preferences", "a", "k", ptr("1")), {Store: "preferences", App: "a", Source: "read", At: at("x")}}},
			"1", "1 reads of the app have keys that code computes", "read"},
		{"the provider comes first", pref(read("secure", "", "k", ptr("0"))), "-", "settings provider", ""},
		{"an overlay of the app", fact.Facts{Apps: []fact.App{{Package: "o", Overlay: &fact.Overlay{Target: "a"}}},
			Defaults: []fact.Default{{Store: "preferences", App: "a", Key: ptr("k"), Value: ptr("false"), Source: "screen", Resource: "bool/x", At: at("s")}}}, "-", "overlay o", ""},
		{"an overlay of another", fact.Facts{Apps: []fact.App{{Package: "o", Overlay: &fact.Overlay{Target: "b"}}},
			Defaults: []fact.Default{{Store: "preferences", App: "a", Key: ptr("k"), Value: ptr("false"), Source: "screen", Resource: "bool/x", At: at("s")}}}, "false", "no read of it", "screen"},
		{"a property of one file", fact.Facts{Properties: []fact.Property{prop("k", "v", "system", "build.prop")}}, "v", "", "file"},
		{"a property that only code knows", pref(read("property", "", "k", ptr("d"))), "d", "no property file", "read"},
		{"a file before code", fact.Facts{Properties: []fact.Property{prop("k", "v", "system", "build.prop")}, Defaults: []fact.Default{read("property", "", "k", ptr("d"))}}, "v", "", "file"},
		{"Android 9 keeps the first", fact.Facts{Update: []fact.Update{{Android: "9"}},
			Properties: []fact.Property{prop("ro.k", "vendor", "vendor", "build.prop"), prop("ro.k", "system", "system", "build.prop")}}, "system", "", "file"},
		{"Android 10 takes the last", fact.Facts{Update: []fact.Update{{Android: "10"}},
			Properties: []fact.Property{prop("ro.k", "vendor", "vendor", "build.prop"), prop("ro.k", "system", "system", "build.prop")}}, "vendor", "", "file"},
		{"a property that is not read-only takes the last", fact.Facts{Update: []fact.Update{{Android: "4.2.2"}},
			Properties: []fact.Property{prop("k", "vendor", "vendor", "build.prop"), prop("k", "system", "system", "build.prop")}}, "vendor", "", "file"},
		{"a release that nobody knows", fact.Facts{Properties: []fact.Property{prop("ro.k", "1", "vendor", "build.prop"), prop("ro.k", "2", "system", "build.prop")}}, "-", "Android release", ""},
		{"the same everywhere", fact.Facts{Properties: []fact.Property{prop("ro.k", "1", "vendor", "build.prop"), prop("ro.k", "1", "system", "build.prop")}}, "1", "", "file"},
		{"a file that was not read", fact.Facts{Properties: []fact.Property{prop("ro.k", "1", "system", "build.prop")},
			Gaps: []fact.Gap{{At: fact.Location{Partition: "boot"}, Reason: "not read", Blinds: []fact.Kind{fact.KindProperties}}}}, "-", "1 unless what could not be read sets it: boot:, not read", ""},
	} {
		out := join(&tc.facts)
		if len(out.Settings) != 1 {
			t.Errorf("%s: %d settings", tc.name, len(out.Settings))
			continue
		}
		s := out.Settings[0]
		got := "-"
		if s.Default != nil {
			got = *s.Default
		}
		wins := ""
		for _, l := range s.Layers {
			if l.Wins {
				wins += l.Source
			}
		}
		if got != tc.want || !strings.Contains(s.Reason, tc.reason) || tc.reason == "" && s.Reason != "" || wins != tc.wins {
			t.Errorf("%s: %q, reason %q, %s wins; want %q, %q, %q", tc.name, got, s.Reason, wins, tc.want, tc.reason, tc.wins)
		}
	}
}

// Reads whose key nobody can tell hide settings of their app, and say so.
func TestComputedKeys(t *testing.T) {
	out := join(&fact.Facts{Defaults: []fact.Default{{Store: "preferences", App: "a", Source: "read", At: at("y")}, {Store: "preferences", App: "a", Source: "read", At: at("x")},
		{Store: "secure", Source: "read", At: at("z")}, {Store: "resource", App: "a", Source: "read", At: at("z")}}})
	out.Sort()
	if len(out.Settings) != 0 || len(out.Gaps) != 1 {
		t.Fatalf("%+v", out)
	}
	g := out.Gaps[0]
	if g.At.Path != "x" || !reflect.DeepEqual(g.Subjects, []fact.Subject{fact.AppSubject("a")}) || !slices.Contains(g.Blinds, fact.KindSettings) {
		t.Errorf("%+v", g)
	}
}

// Two keys of one name in two apps are two settings.
func TestAppsDoNotShare(t *testing.T) {
	out := join(&fact.Facts{Defaults: []fact.Default{screen("a", "k", "false", ""), screen("b", "k", "true", "")}})
	if len(out.Settings) != 2 || out.Settings[0].Default == nil || out.Settings[1].Default == nil {
		t.Errorf("%+v", out.Settings)
	}
}
