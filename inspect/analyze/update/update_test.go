package update

import (
	"testing"

	"github.com/otavet/otavet/inspect/fact"
)

func TestRelease(t *testing.T) {
	for fingerprint, want := range map[string]string{
		"google/passion/passion:2.2/FRF91/43546:user/release-keys": "2.2",
		"a/b/c:4.4.4/KTU84P/1:user/release-keys":                   "4.4.4",
		"a/b/c:S/x/y:user/dev-keys":                                "S",
		"":                                                         "",
		"a/b/c":                                                    "",
		"a:b":                                                      "",
	} {
		if got := release(fingerprint); got != want {
			t.Errorf("release(%q) = %q, want %q", fingerprint, got, want)
		}
	}
}

func TestIncremental(t *testing.T) {
	yes, no := true, false
	for _, tc := range []struct {
		name string
		meta map[string]string
		call string
		want *bool
	}{
		{"full", map[string]string{"post-build": "x"}, "extract", &no},
		{"from a build", map[string]string{"post-build": "x", "pre-build": "y"}, "extract", &yes},
		{"patches", map[string]string{"post-build": "x"}, "patch", &yes},
		{"patches, and says nothing", nil, "patch", &yes},
		{"says nothing", nil, "extract", nil},
	} {
		got := incremental(tc.meta, &fact.Facts{Script: []fact.Script{{Effect: tc.call}}})
		if (got == nil) != (tc.want == nil) || got != nil && *got != *tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func TestBuildProps(t *testing.T) {
	at := func(device string) fact.Location {
		return fact.Location{Partition: "system", Path: "x", Device: device}
	}
	got := buildProps(&fact.Facts{Properties: []fact.Property{
		{Name: "a", Value: "1", At: at("/system/build.prop")},
		{Name: "b", Value: "1", At: at("/vendor/build.prop")},
		{Name: "c", Value: "1", At: at("/system/build.prop")}, {Name: "c", Value: "2", At: at("/system/build.prop")},
		{Name: "d", Value: "1", At: at("/system/build.prop")}, {Name: "d", Value: "1", At: at("/system/build.prop")},
	}})
	if len(got) != 2 || got["a"] != "1" || got["d"] != "1" {
		t.Errorf("%v", got)
	}
}
