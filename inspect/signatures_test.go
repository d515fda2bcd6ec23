package inspect_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/suite"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// words are the signatures of a scheme, or of one that begins so: scheme, subject, whether it holds, and why not.
func words(facts *fact.Facts, scheme string) string {
	var out []string
	for _, s := range facts.Signatures {
		if family, _, _ := strings.Cut(s.Scheme, "-"); family != scheme {
			continue
		}
		holds := "?"
		if s.Holds != nil {
			holds = fmt.Sprint(*s.Holds)
		}
		out = append(out, strings.TrimSuffix(s.Scheme+" "+s.Subject+" "+holds+": "+s.Reason, ": "))
	}
	for _, g := range facts.Gaps {
		for _, s := range g.Subjects {
			if s.Kind == "signature" && strings.HasPrefix(s.ID, scheme) {
				out = append(out, "gap "+s.ID+": "+g.Reason)
			}
		}
	}
	return strings.Join(slices.Sorted(slices.Values(out)), "\n")
}

func signaturesOf(t *testing.T, name string, update []byte) *fact.Facts {
	t.Helper()
	p, err := ota.Open(t.Context(), blob.Bytes(update), name, ota.Options{Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	return run(t, p, []fact.Kind{fact.KindSignatures}, 2)
}

// nimbusApp is an app that apksigner signed with v1 alone: see testdata/apps.
func nimbusApp(t *testing.T) []byte {
	t.Helper()
	return otatest.Member(t, filepath.Join(otatest.Root(t), "testdata/updates/nimbus-2014-07.zip"), "system/app/NimbusMessages.apk")
}

// rezip makes a zip anew without the members that drop names.
func rezip(t *testing.T, zip []byte, drop func(name string) bool) []byte {
	t.Helper()
	z, err := archive.OpenZip(blob.Bytes(zip), parse.NewBudget(parse.DefaultLimits()))
	if err != nil {
		t.Fatal(err)
	}
	out := &otatest.ZipBuilder{}
	for _, e := range z.Entries() {
		if drop(e.Name) {
			continue
		}
		f, err := z.Open(e.Name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		out.Members = append(out.Members, otatest.ZipMember{Name: e.Name, Data: data})
	}
	return out.Bytes()
}

// Apps that are installed are judged as their device would, and why one does not hold is told.
func TestAppSignatures(t *testing.T) {
	app := nimbusApp(t)
	code := bytes.Index(app, []byte("classes.dex"))
	changed := bytes.Clone(app)
	changed[code+200] ^= 1 // within its deflate data
	for name, tc := range map[string]struct {
		app  []byte
		want string
	}{
		"sound":           {app, "apk /system/app/A.apk true"},
		"zipped anew":     {rezip(t, app, func(string) bool { return false }), "apk /system/app/A.apk true"},
		"changed":         {changed, "apk /system/app/A.apk false: "},
		"without code":    {rezip(t, app, func(n string) bool { return n == "classes.dex" }), "apk /system/app/A.apk ?: its code was taken out"},
		"without a table": {rezip(t, app, func(n string) bool { return n == "resources.arsc" }), "apk /system/app/A.apk false: "},
		"unsigned":        {rezip(t, app, func(n string) bool { return strings.HasPrefix(n, "META-INF/") }), "apk /system/app/A.apk false: nothing signs the file"},
		"Janus":           {behind("dex\n035\x00", app), "apk /system/app/A.apk false: "},
	} {
		z := &otatest.ZipBuilder{Members: []otatest.ZipMember{
			{Name: "META-INF/com/google/android/updater-script", Data: []byte(`package_extract_dir("system", "/system");`)},
			{Name: "system/build.prop", Data: []byte("ro.build.version.sdk=18\n")},
			{Name: "system/app/A.apk", Data: tc.app},
		}}
		if got := words(signaturesOf(t, "x.zip", z.Bytes()), "apk"); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %s\nwant %s", name, got, tc.want)
		}
	}
	// What only older releases would refuse is no fault of an app that comes with a newer one.
	lone := words(signaturesOf(t, "a.apk", rezip(t, app, func(n string) bool { return n == "classes.dex" })), "apk")
	if !strings.HasPrefix(lone, "apk update false: ") {
		t.Errorf("a lone app without code: %s", lone)
	}
}

// What may hide apps hides their signatures.
func TestHiddenApps(t *testing.T) {
	z := &otatest.ZipBuilder{Members: []otatest.ZipMember{
		{Name: "android-info.txt"}, {Name: "system.img", Data: bytes.Repeat([]byte("noise"), 4096)},
	}}
	facts := signaturesOf(t, "images.zip", z.Bytes())
	for _, scheme := range []string{"apk", "apex"} {
		if got := words(facts, scheme); !strings.HasPrefix(got, "gap "+scheme) {
			t.Errorf("%s: %q", scheme, got)
		}
	}
}

// The modules of the public data are judged in all their parts.
func TestModuleSignatures(t *testing.T) {
	dir := otatest.Data(t, "apex")
	for name, want := range map[string]string{
		"com.android.apex.cts.shim.v1.apex":                        "apex true; apex-manifest true; apex-payload true",
		"com.android.apex.cts.shim.v2_no_hashtree.apex":            "apex true; apex-manifest true; apex-payload false",
		"com.android.apex.cts.shim.v2_unsigned_payload.apex":       "apex true; apex-manifest true; apex-payload false",
		"com.android.apex.cts.shim.v2_unsigned_apk_container.apex": "apex false; apex-manifest true; apex-payload false",
		"com.android.wifi.capex":                                   "apex true; apex-manifest true; apex-original true; apex-payload true",
		"corrupted_b146895998.apex":                                "apex true; apex-manifest ?; apex-payload false",
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range strings.Split(words(signaturesOf(t, name, data), "apex"), "\n") {
			line, _, _ = strings.Cut(line, ":")
			got = append(got, strings.Replace(line, " update", "", 1))
		}
		if text := strings.Join(got, "; "); text != want {
			t.Errorf("%s: %s\nwant %s", name, text, want)
		}
	}
}

// newc is a ramdisk of one file.
func newc(name string, data []byte) []byte {
	var b bytes.Buffer
	add := func(name string, mode int, data []byte) {
		fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
		b.Write(make([]byte, -b.Len()&3))
		b.Write(data)
		b.Write(make([]byte, -b.Len()&3))
	}
	add(name, 0o100644, data)
	add("TRAILER!!!", 0, nil)
	return b.Bytes()
}

// Before vbmeta there was Verified Boot 1.0: the table behind a filesystem is verified with the key in the ramdisk.
func TestVerifiedBoot1(t *testing.T) {
	testdata := filepath.Join(otatest.Root(t), "ota/signature/bootsig/testdata")
	key, err := os.ReadFile(filepath.Join(testdata, "verity_key"))
	if err != nil {
		t.Fatal(err)
	}
	image := func(name string) []byte { return otatest.Fixture(t, filepath.Join(testdata, name+".img.gz")) }
	plain := image("plain")
	none := "verity-none boot ?: no signature of Verified Boot 1.0 stands behind the image, though others of the update have one; whether the device checks it cannot be told"
	changed := bytes.Clone(plain)
	changed[100] ^= 1
	for name, tc := range map[string]struct {
		system  []byte
		ramdisk []byte
		want    string
		flags   string
	}{
		"all is right":   {plain, newc("verity_key", key), "verity system true\n" + none + "\nverity-tree system true", "flags: none"},
		"a byte differs": {changed, newc("verity_key", key), "verity system true\n" + none + "\nverity-tree system false: ", "flags: none"},
		"no key":         {plain, newc("init", []byte("x")), "verity system ?: ", "flags: none"},
		"switched off":   {image("off"), newc("verity_key", key), "verity system ", "flags: VERITY_DISABLED"},
	} {
		z := &otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: "android-info.txt"},
			{Name: "system.img", Data: tc.system}, {Name: "boot.img", Data: bootImage(tc.ramdisk)}}}
		facts := signaturesOf(t, "images.zip", z.Bytes())
		if got := words(facts, "verity"); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s:\n%s\nwant %s", name, got, tc.want)
		}
		for _, s := range facts.Signatures {
			if s.Scheme == "verity" && !slices.ContainsFunc(s.Notes, func(n string) bool { return strings.HasPrefix(n, tc.flags) }) {
				t.Errorf("%s: notes %q", name, s.Notes)
			}
		}
	}
}

// A signature in a file of its own is judged with the keys that are given.
func TestDetachedSignature(t *testing.T) {
	dir := filepath.Join(otatest.Root(t), "testdata/updates")
	sig, err := os.ReadFile(filepath.Join(dir, "example.zip.sig"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := os.ReadFile(filepath.Join(dir, "key/allowed_signers"))
	if err != nil {
		t.Fatal(err)
	}
	for update, want := range map[string]string{"example.zip": "ssh example.zip.sig true", "tampered.zip": "ssh example.zip.sig false: ", "source": "gap ssh: "} {
		p, err := ota.OpenPath(t.Context(), filepath.Join(dir, update), ota.Options{})
		if err != nil {
			t.Fatal(err)
		}
		facts, err := inspect.Run(t.Context(), p, suite.All(), []fact.Kind{fact.KindSignatures},
			inspect.Options{Detached: []inspect.Detached{{Name: "example.zip.sig", Data: sig}}, Keys: [][]byte{keys}})
		p.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got := words(facts, "ssh"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", update, got, want)
		}
	}
}
