package apex_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/extract/apex"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

var suite = inspect.Suite{Extractors: []*inspect.Extractor{apex.Extractor}}

func modules(t *testing.T, p *ota.Package) (list []string, gaps []fact.Gap) {
	t.Helper()
	facts, err := inspect.Run(t.Context(), p, suite, []fact.Kind{fact.KindModules}, inspect.Options{Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range facts.Modules {
		list = append(list, fmt.Sprintf("%s %d %q %s %s %s", m.Name, m.Version, m.VersionName, m.Form, m.Payload, m.At))
	}
	return list, facts.Gaps
}

func openPath(t *testing.T, path string) *ota.Package {
	t.Helper()
	p, err := ota.OpenPath(t.Context(), path, ota.Options{Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// Modules are found in the filesystem of a logical partition, and those that are compressed.
func TestInImage(t *testing.T) {
	list, gaps := modules(t, openPath(t, filepath.Join(otatest.Root(t), "testdata/images/layers/rom.zip")))
	want := []string{
		`com.example.nimbus 7 "" apex ext4 system_a:system/apex/com.example.nimbus.apex!/apex_manifest.pb`,
		`com.example.nimbus 7 "" capex ext4 system_a:system/apex/com.example.packed.capex!/apex_manifest.pb`,
	}
	if !slices.Equal(list, want) || len(gaps) > 0 {
		t.Errorf("got\n%s\nwant\n%s\n%v", strings.Join(list, "\n"), strings.Join(want, "\n"), gaps)
	}
}

// A folder stands for a module where modules are flattened, and JSON for the message in Android 10.
func TestFolders(t *testing.T) {
	message := string(otatest.Proto(nil).Text(1, "com.example.a").Varint(2, 3).Text(5, "v\x1b[0m"))
	z := &otatest.ZipBuilder{Members: []otatest.ZipMember{
		{Name: "META-INF/com/google/android/update-binary", Data: []byte("\x7fELF")},
		{Name: "META-INF/com/google/android/updater-script", Data: []byte(`package_extract_dir("system", "/system");`)},
		{Name: "system/build.prop", Data: []byte("a=b\n")},
		{Name: "system/apex/com.example.a/apex_manifest.pb", Data: []byte(message)},
		{Name: "system/apex/com.example.a/apex_manifest.json", Data: []byte(`{"name":"ignored"}`)},
		{Name: "system/apex/com.example.b/apex_manifest.json", Data: []byte(`{"name":"com.example.b","version":"12"}`)},
		{Name: "system/apex/com.example.c/apex_manifest.json", Data: []byte(`{"name":"com.example.c","version":4}`)},
		{Name: "system/apex/com.example.d/apex_manifest.pb", Data: []byte("\x0a\x7f")},
		{Name: "system/apex/com.example.e/apex_manifest.json", Data: []byte(`{"version":4}`)},
		{Name: "system/etc/apex_manifest.pb", Data: []byte(message)},
	}}
	p, err := ota.Open(t.Context(), blob.Bytes(z.Bytes()), "x.zip", ota.Options{})
	if err != nil {
		t.Fatal(err)
	}
	list, gaps := modules(t, p)
	want := []string{
		`com.example.a 3 "v%1B[0m" flattened  system:apex/com.example.a/apex_manifest.pb`,
		`com.example.b 12 "" flattened  system:apex/com.example.b/apex_manifest.json`,
		`com.example.c 4 "" flattened  system:apex/com.example.c/apex_manifest.json`,
	}
	if !slices.Equal(list, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(list, "\n"), strings.Join(want, "\n"))
	}
	if len(gaps) != 2 || !strings.Contains(gaps[0].Reason, "apex_manifest.pb") || !strings.Contains(gaps[1].Reason, "without a name") {
		t.Errorf("gaps %v", gaps)
	}
}

// Real modules, lone ones, say of themselves what protoc reads in their manifests.
func TestLone(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(otatest.Data(t, "apex"), "*apex"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		list, gaps := modules(t, openPath(t, path))
		if strings.HasPrefix(filepath.Base(path), "corrupted") {
			if len(list)+len(gaps) == 0 {
				t.Error("nothing is said of a module that is broken")
			}
			continue
		}
		if len(list) != 1 || len(gaps) > 0 {
			t.Errorf("%s: %s, %v", filepath.Base(path), list, gaps)
			continue
		}
		fields := strings.Fields(list[0])
		name, version := fields[0], fields[1]
		text := decoded(t, path)
		if !strings.Contains(text, `1: "`+name+`"`) || !strings.Contains(text, "2: "+version+"\n") {
			t.Errorf("%s: %s; protoc: %s", filepath.Base(path), list[0], text)
		}
	}
	if len(paths) < 10 {
		t.Errorf("%d modules", len(paths))
	}
}

func decoded(t *testing.T, path string) string {
	t.Helper()
	otatest.Tool(t, "protoc")
	otatest.Tool(t, "unzip")
	out, err := exec.Command("sh", "-c", `unzip -p "$1" apex_manifest.pb | protoc --decode_raw`, "sh", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
