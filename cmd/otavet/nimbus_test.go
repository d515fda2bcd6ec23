package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/otatest"
)

// What testdata/updates/README.md says of the settings of the three updates: key, default, and what
// each layer says. "-" is no default, because the answer hangs on the configuration.
var nimbusSettings = []struct {
	app, key            string
	july, fix, claimed  string
	layers              string // of July
	layersFix, layersCl string
}{
	{"com.nimbus.activation", "cloud_messaging_enabled", "true", "false", "false", "screen=true read=true read=true",
		"screen=false read=false read=false read=false", "screen=false read=false read=false"},
	{"com.nimbus.activation", "activation_notice", "-", "-", "-", "screen=true screen/mcc460=false read=true read/mcc460=false",
		"screen=true screen/mcc460=false read=true read/mcc460=false", "screen=true screen/mcc460=false read=true read/mcc460=false"},
	{"com.nimbus.activation", "share_diagnostics", "false", "false", "false", "screen=false", "screen=false", "screen=false"},
	{"com.nimbus.messages", "status_lookup", "true", "false", "false", "read=true", "read=false", "read=false"},
}

func TestNimbusSettings(t *testing.T) {
	for i, name := range []string{"nimbus-2014-07", "nimbus-2014-08", "nimbus-2014-08-claimed"} {
		f := factsOf(t, name)
		found := map[string]string{}
		for _, s := range f.Settings {
			if s.Store != fact.StorePreferences {
				continue
			}
			def := "-"
			if s.Default != nil {
				def = *s.Default
			}
			var layers []string
			for _, l := range s.Layers {
				source := l.Source
				if l.Config != "" {
					source += "/" + l.Config
				}
				layers = append(layers, source+"="+*l.Value)
			}
			found[s.App+" "+s.Key] = def + ": " + strings.Join(layers, " ")
		}
		for _, tc := range nimbusSettings {
			want := []string{tc.july + ": " + tc.layers, tc.fix + ": " + tc.layersFix, tc.claimed + ": " + tc.layersCl}[i]
			if got := found[tc.app+" "+tc.key]; got != want {
				t.Errorf("%s: %s %s is %q, want %q", name, tc.app, tc.key, got, want)
			}
		}
		if len(found) != len(nimbusSettings) {
			t.Errorf("%s: %d preferences, want %d: %v", name, len(found), len(nimbusSettings), found)
		}
	}
}

// The places of the reads are those of the witnesses: method, and offset in code units from its code.
func TestNimbusApps(t *testing.T) {
	f := factsOf(t, "nimbus-2014-08-claimed")
	var apps, parts []string
	for _, a := range f.Apps {
		apps = append(apps, fmt.Sprintf("%s %s %d %s", a.Package, fact.Place(a.At), a.TargetSDK, a.Code.Form))
	}
	if want := []string{"com.nimbus.activation /system/app/NimbusActivation.apk 18 dex", "com.nimbus.messages /system/app/NimbusMessages.apk 18 dex"}; !slices.Equal(apps, want) {
		t.Errorf("apps %q, want %q", apps, want)
	}
	for _, c := range f.Components {
		if c.Kind == fact.ComponentReceiver {
			parts = append(parts, fmt.Sprintf("%s exported=%v %v", c.Name, c.Exported, c.Filters[0].Actions))
		}
	}
	slices.Sort(parts)
	for _, want := range []string{
		"com.nimbus.activation.SimReceiver exported=true [android.intent.action.SIM_STATE_CHANGED]",
		"com.nimbus.messages.SmsReceiver exported=true [android.provider.Telephony.SMS_RECEIVED]",
	} {
		if !slices.Contains(parts, want) {
			t.Errorf("receivers %q: no %s", parts, want)
		}
	}
}

func factsOf(t *testing.T, name string) *fact.Facts {
	t.Helper()
	text, errs, exit := command("facts", "--quiet", filepath.Join(otatest.Root(t), "testdata/updates", name+".zip"))
	if exit != 0 {
		t.Fatalf("%s: %s", name, errs)
	}
	f, err := fact.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}
