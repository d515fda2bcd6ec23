package apk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// file is an APK as the driver hands it to the extractor.
func file(t testing.TB, data []byte, partition, path string, beside fs.FS) *inspect.File {
	t.Helper()
	f := &inspect.File{Path: path, At: fact.Location{Partition: partition, Path: path}, Blob: blob.Bytes(data), FS: beside}
	if partition != "" {
		f.At.Device = "/" + partition + "/" + path
	}
	if in, budget, err := ota.Inside(t.Context(), f.Blob, parse.NewBudget(parse.Limits{}), ""); err == nil {
		f.Inside, f.Budget = in, budget
	}
	return f
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".apk"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t testing.TB, name string) fact.Facts {
	t.Helper()
	facts, err := run(t.Context(), file(t, fixture(t, name), "system", "app/X/X.apk", fstest.MapFS{}))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	decode(t, facts)
	return facts
}

// decode holds that facts are what fact.Decode takes, all of it printable.
func decode(t testing.TB, facts fact.Facts) {
	t.Helper()
	facts.Schema = fact.Schema
	facts.Update = []fact.Update{{}}
	b, err := json.Marshal(&facts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fact.Decode(bytes.NewReader(b)); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
}

func flags(pairs ...any) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case bool:
			if v {
				list = append(list, pairs[i].(string))
			}
		case string:
			if v != "" {
				list = append(list, pairs[i].(string)+"="+v)
			}
		}
	}
	return strings.Join(list, " ")
}

// spell writes facts as lines that a table can hold.
func spell(f fact.Facts) []string {
	var lines []string
	add := func(format string, args ...any) {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
	for _, a := range f.Apps {
		add("app %s %d %q sdk %d-%d %s code %s %v", a.Package, a.VersionCode, a.VersionName, a.MinSDK, a.TargetSDK,
			flags("split", a.Split, "shared", a.SharedUser, "class", a.Class, "process", a.Process, "privileged", a.Privileged, "persistent", a.Persistent,
				"enabled", a.Enabled, "hasCode", a.HasCode, "debuggable", a.Debuggable, "testOnly", a.TestOnly, "backup", a.AllowBackup), a.Code.Form, a.Code.DEX)
		for _, l := range a.Libraries {
			add("library %s %v", l.Name, l.Required)
		}
		if a.Overlay != nil {
			add("overlay %+v", *a.Overlay)
		}
		for _, m := range a.MetaData {
			add("meta-data %s=%q %s", m.Name, m.Value, m.Resource)
		}
		n := a.Network
		add("network %s %s", n.By, flags("cleartext", n.Cleartext, "user", n.UserCAs, "config", n.Config))
		for _, d := range n.Domains {
			add("domain %s %s", d.Name, flags("sub", d.Subdomains, "cleartext", d.Cleartext, "user", d.UserCAs, "pinned", d.Pinned))
		}
		for _, s := range a.Notes {
			add("note %s", s)
		}
	}
	for _, c := range f.Components {
		add("%s %s %s exported=%v(%s) %s", c.Kind, c.Name, flags("enabled", c.Enabled, "boot", c.DirectBoot, "uri", c.GrantURI, "process", c.Process, "target", c.Target),
			c.Exported, c.ExportedBy, flags("permission", c.Permission, "read", c.ReadPermission, "write", c.WritePermission, "authorities", strings.Join(c.Authorities, ",")))
		for _, x := range c.Filters {
			add("  filter %v %v %d %+v", x.Actions, x.Categories, x.Priority, x.Data)
		}
		for _, m := range c.MetaData {
			add("  meta-data %s=%q %s", m.Name, m.Value, m.Resource)
		}
	}
	for _, p := range f.Permissions {
		most := "always"
		if p.MaxSDK != nil {
			most = fmt.Sprint("up to ", *p.MaxSDK)
		}
		add("permission %s %s %s %s %s", p.Use, p.Name, p.Protection, p.Group, most)
	}
	for _, d := range f.Defaults {
		value := "null"
		if d.Value != nil {
			value = *d.Value
		}
		add("default %s %s=%s %s %q %s", d.Store, *d.Key, value, d.Resource, d.Config, d.Note)
	}
	for _, g := range f.Gaps {
		add("gap %s %s %v %v", g.Cause, g.Reason, g.Blinds, g.Subjects)
	}
	return lines
}

// TestRun holds what is said of each fixture against testdata/want.txt, which was
// read line by line against the platform's sources and its own manifest.
func TestRun(t *testing.T) {
	data, err := os.ReadFile("testdata/want.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for section := range strings.SplitSeq("\n"+string(data), "\n== ") {
		name, lines, _ := strings.Cut(section, "\n")
		want[name] = strings.TrimSpace(lines)
	}
	names, err := filepath.Glob("testdata/*.apk")
	if err != nil || len(names) != 22 {
		t.Fatalf("%d fixtures, %v", len(names), err)
	}
	for _, name := range names {
		name = strings.TrimSuffix(filepath.Base(name), ".apk")
		if got := strings.Join(spell(read(t, name)), "\n"); got != want[name] {
			t.Errorf("\n== %s\n%s\nwant\n%s", name, got, want[name])
		}
	}
}

func TestPlaces(t *testing.T) {
	f := read(t, "components")
	sums := map[string]bool{}
	for _, c := range f.Components {
		if !strings.HasPrefix(c.At.String(), "system:app/X/X.apk!/AndroidManifest.xml#@0x") || len(c.At.SHA256) != 64 {
			t.Errorf("%s is at %s, %q", c.Name, c.At, c.At.SHA256)
		}
		sums[c.At.SHA256] = true
	}
	if at := f.Apps[0].At; at.String() != "system:app/X/X.apk" || at.Device != "/system/app/X/X.apk" || len(sums) != 1 {
		t.Errorf("the app is at %v, %d hashes", at, len(sums))
	}
	if d := f.Defaults[0]; d.At.String() != f.Components[0].At.String() && d.Store == fact.StoreComponent {
		t.Errorf("default at %s", d.At)
	}
}

func TestPrivileged(t *testing.T) {
	for device, want := range map[string]bool{
		"/system/priv-app/X.apk": true, "/system/priv-app/X/X.apk": true, "/system_ext/priv-app/X/X.apk": true, "/vendor/priv-app/X/X.apk": true,
		"/system/framework/framework-res.apk": true, "/system/app/X/X.apk": false, "/system/priv-app/X/lib/X.apk": false, "/vendor/framework/X.apk": false, "": false,
	} {
		if privileged(device) != want {
			t.Errorf("privileged(%q) is %v", device, !want)
		}
	}
}

func TestMatch(t *testing.T) {
	zip, text := "PK\x03\x04", "version https://git-lfs.github.com/spec/v1"
	for _, tc := range []struct {
		at, head string
		want     bool
	}{
		{"system:app/X/X.apk", zip, true},
		{"system:app/X/X.APK", zip, false},
		{"system:app/X/X.apk", text, false},
		{"system:app/X/X.jar", zip, false},
		{"SYSTEM/app/X.apk", zip, true},
		{"system:app/X/X.apk!/assets/Y.apk", zip, false},
		{"system:apex/a.apex!/apex_payload.img!/priv-app/Y/Y.apk", zip, true},
		{"system:apex/a.capex!/original_apex!/apex_payload.img!/app/Y/Y.apk", zip, true},
		{"AndroidManifest.xml", "\x03\x00\x08\x00", true},
		{"AndroidManifest.xml", "\xef\xbb\xbf<?xml", false},
		{"system:AndroidManifest.xml", "\x03\x00\x08\x00", false},
		{"system:app/X/X.apk!/AndroidManifest.xml", "\x03\x00\x08\x00", false},
	} {
		at, err := fact.ParseLocation(tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := match(at, nil, func() []byte { return []byte(tc.head) }); got != tc.want {
			t.Errorf("match(%s, %q) is %v", tc.at, tc.head, got)
		}
	}
}

func TestProtection(t *testing.T) {
	for level, want := range map[uint32]string{
		0: "normal", 1: "dangerous", 2: "signature", 3: "signatureOrSystem", 4: "internal", 5: "base 0x5",
		0x12: "signature|privileged", 0x1041: "dangerous|appop|instant", 0xc2: "signature|appop|pre23", 0x4000004: "internal|role", 0xf0000002: "signature|0xf0000000",
	} {
		if got := protection(level); got != want {
			t.Errorf("protection(%#x) is %s, want %s", level, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{".A": "p.q.A", "A": "p.q.A", "r.A": "r.A", "": "", "A.": "A.", ".": "p.q."} {
		if got, ok := className("p.q", name); got != want || ok != (name != "") {
			t.Errorf("className(%q) is %q", name, got)
		}
	}
	for name, want := range map[string]bool{"a.b": true, "android": true, "a": false, "a.1": false, "a.b_1": true, "": false, "ä.b": false, "a..b": true} {
		if validPackage(name) != want {
			t.Errorf("validPackage(%q) is %v", name, !want)
		}
	}
}
