package apk

import (
	"bytes"
	"errors"
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
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// members are the members of a fixture, some of them replaced or, where nil, left out.
func members(t testing.TB, name string, change map[string][]byte) []byte {
	t.Helper()
	var z otatest.ZipBuilder
	otatest.Members(t, filepath.Join("testdata", name+".apk"), func(name string, read func() ([]byte, error)) {
		if _, ok := change[name]; ok {
			return
		}
		data, err := read()
		if err != nil {
			t.Fatal(err)
		}
		z.Members = append(z.Members, otatest.ZipMember{Name: name, Data: data})
	})
	for name, data := range change {
		if data != nil {
			z.Members = append(z.Members, otatest.ZipMember{Name: name, Data: data})
		}
	}
	return z.Bytes()
}

func gaps(f fact.Facts) string {
	var s []string
	for _, g := range f.Gaps {
		s = append(s, fmt.Sprint(g.Cause, " ", g.Reason, " ", g.Blinds, g.Subjects))
	}
	return strings.Join(s, "\n")
}

// An APK of which nothing can be said is an error; one that is broken in part is
// an app with a gap.
func TestBroken(t *testing.T) {
	junk := []byte("junk that is no chunk")
	for _, tc := range []struct {
		name   string
		apk    []byte
		refuse string
		kind   error
		gap    string
	}{
		{name: "no manifest", apk: members(t, "net28", map[string][]byte{manifestName: nil, "a": junk}), refuse: "there is no AndroidManifest.xml", kind: parse.ErrFormat},
		{name: "manifest is junk", apk: members(t, "net28", map[string][]byte{manifestName: junk}), refuse: "AndroidManifest.xml: ", kind: parse.ErrFormat},
		{name: "manifest is text", apk: members(t, "net28", map[string][]byte{manifestName: []byte("<manifest package='a.b'/>")}), refuse: "AndroidManifest.xml: ", kind: parse.ErrFormat},
		{name: "manifest is empty", apk: members(t, "net28", map[string][]byte{manifestName: {}}), refuse: "AndroidManifest.xml: ", kind: parse.ErrFormat},
		{name: "another root", apk: members(t, "net28", map[string][]byte{manifestName: xml(t, element("other"))}), refuse: "not manifest", kind: parse.ErrFormat},
		{name: "no package", apk: members(t, "net28", map[string][]byte{manifestName: xml(t, element("manifest"))}), refuse: "names no package", kind: parse.ErrFormat},
		{name: "resources are junk", apk: members(t, "components", map[string][]byte{tableName: junk, "classes.dex": []byte("dex\n035\x00")}),
			gap: "format resources of com.example.components: arsc: "},
		{name: "no resources", apk: members(t, "netempty", map[string][]byte{tableName: nil}), gap: "missing the network security config of com.example.netempty"},
		{name: "network config is missing", apk: members(t, "netempty", map[string][]byte{"res/xml/net.xml": nil}), gap: "missing the network security config of com.example.netempty"},
		{name: "network config is junk", apk: members(t, "netempty", map[string][]byte{"res/xml/net.xml": junk}), gap: "format the network security config of com.example.netempty"},
	} {
		facts, err := run(t.Context(), file(t, tc.apk, "system", "app/X/X.apk", fstest.MapFS{}))
		decode(t, facts)
		var pe *parse.Error
		switch {
		case tc.refuse != "" && (err == nil || !strings.Contains(err.Error(), tc.refuse) || !errors.Is(err, tc.kind) || !errors.As(err, &pe) || len(facts.Apps) > 0):
			t.Errorf("%s: %v, want %s", tc.name, err, tc.refuse)
		case tc.refuse == "" && (err != nil || len(facts.Apps) != 1 || !strings.HasPrefix(gaps(facts), tc.gap)):
			t.Errorf("%s: %v, gaps %s; want %s", tc.name, err, gaps(facts), tc.gap)
		}
	}
	// The driver says why a file holds nothing that can be read.
	if f, err := run(t.Context(), file(t, []byte("PK\x03\x04"), "system", "app/X/X.apk", nil)); err != nil || len(f.Gaps) > 0 {
		t.Error(f, err)
	}
}

// The strings of the manifests below.
var words = []string{"name", "exported", "manifest", "application", "package", "com.example", "android", androidNS, "service", "other", "a.B",
	"\x1b[2J", "provider", "authorities", "intent-filter", "action", "process", strings.Repeat("x", 30000), "bogus", "activity"}

// ids are those of the first strings.
var ids = []uint32{attrName, attrExported}

func word(s string) uint32 {
	for i, w := range words {
		if w == s {
			return uint32(i)
		}
	}
	panic("no word " + s)
}

const none = uint32(0xffffffff)

type attr struct {
	ns, name string
	typ      uint8
	data     uint32
}

func text(ns, name, value string) attr { return attr{ns, name, 3, word(value)} }

func element(name string, parts ...any) []byte {
	var attrs, kids []byte
	n := uint16(0)
	for _, p := range parts {
		switch p := p.(type) {
		case attr:
			ns, raw := none, none
			if p.ns != "" {
				ns = word(p.ns)
			}
			if p.typ == 3 {
				raw = p.data
			}
			attrs = append(attrs, otatest.LE(ns, word(p.name), raw, uint16(8), uint8(0), p.typ, p.data)...)
			n++
		case []byte:
			kids = append(kids, p...)
		}
	}
	node := otatest.LE(uint32(1), none)
	start := otatest.Chunk(0x102, node, otatest.LE(none, word(name), uint16(20), uint16(20), n, uint16(0), uint16(0), uint16(0), attrs))
	return append(append(start, kids...), otatest.Chunk(0x103, node, otatest.LE(none, word(name)))...)
}

func xml(t testing.TB, root []byte) []byte {
	t.Helper()
	return otatest.Chunk(3, nil, otatest.LE(otatest.Pool16(words...), otatest.Chunk(0x180, nil, otatest.LE(ids[0], ids[1])), root))
}

func app(parts ...any) []byte {
	return element("manifest", text("", "package", "com.example"), element("application", parts...))
}

func lone(t testing.TB, manifest []byte) (fact.Facts, error) {
	t.Helper()
	z := otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: manifestName, Data: manifest}}}
	return run(t.Context(), file(t, z.Bytes(), "system", "X.apk", fstest.MapFS{}))
}

func TestHostile(t *testing.T) {
	yes := attr{androidNS, "exported", 0x12, 1}
	action := element("intent-filter", element("action", text(androidNS, "name", "a.B")))
	for _, tc := range []struct {
		name     string
		manifest []byte
		want     string
	}{
		{"attribute behind a larger id", app(element("service", yes, text(androidNS, "name", "a.B"))),
			"note name of service stands behind a larger number, where devices do not find it\nnote there is a service without a name: devices refuse the app"},
		{"first of two counts", app(element("service", text(androidNS, "name", "a.B"), yes, attr{androidNS, "exported", 0x12, 0})), "service a.B enabled exported=true(declared)"},
		{"attribute under another name", app(element("service", text("", "name", "a.B"))), "service a.B enabled exported=false(default)"},
		{"text for a boolean", app(element("service", text(androidNS, "name", "a.B"), text(androidNS, "exported", "a.B"))), "service a.B enabled exported=false(declared)"},
		{"null for a boolean", app(element("service", text(androidNS, "name", "a.B"), attr{androidNS, "exported", 1, 0}, action)), "service a.B enabled exported=true(filter)"},
		{"a resource that is not there", app(element("service", text(androidNS, "name", "a.B"), attr{androidNS, "exported", 1, 0x7f010001}, action)),
			"note exported of service is @0x7f010001, a resource of another package, which is not looked up"},
		{"terminal codes", app(element("service", text(androidNS, "name", "\x1b[2J"))), "service com.example.%1B[2J enabled"},
		{"action found by id alone", app(element("activity", text(androidNS, "name", "a.B"), element("intent-filter", element("action", text("", "name", "a.B"))))),
			"note the attribute name of an action is called otherwise: devices refuse the app"},
		{"a component outside", element("manifest", text("", "package", "com.example"), element("service", text(androidNS, "name", "a.B")), element("application")), "default component"},
	} {
		facts, err := lone(t, xml(t, tc.manifest))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		decode(t, facts)
		got := strings.Join(spell(facts), "\n")
		if strings.Contains(got, tc.want) == (tc.name == "a component outside") {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}

// Many elements that name one long text, or one of many, cannot make facts without end.
func TestLimit(t *testing.T) {
	long := element("service", text(androidNS, "name", words[17]))
	for name, manifest := range map[string][]byte{
		"long names":  xml(t, app(bytes.Repeat(long, 5000))),
		"many":        xml(t, app(bytes.Repeat(element("service", text(androidNS, "name", "a.B")), 100_000))),
		"filters":     xml(t, app(element("service", text(androidNS, "name", "a.B"), bytes.Repeat(element("intent-filter"), 1_000_000)))),
		"many params": xml(t, app(element("service", text(androidNS, "name", "a.B"), bytes.Repeat(element("intent-filter", bytes.Repeat(element("action", text(androidNS, "name", "a.B")), 10)), 100_000)))),
	} {
		facts, err := lone(t, manifest)
		if err == nil && name == "many params" {
			continue // 10^6 elements say little
		}
		if !errors.Is(err, parse.ErrLimit) || len(facts.Components) > 0 {
			t.Errorf("%s (%d bytes): %v, %d components", name, len(manifest), err, len(facts.Components))
		}
	}
}

func TestCode(t *testing.T) {
	const dir = "app/X/"
	dex, elf, vdex, odex := []byte("dex\n035\x00"), "\x7fELF", "vdex027\x00", "dey\n036\x00"
	lfs := "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
	at := func(pairs ...string) fstest.MapFS {
		m := fstest.MapFS{}
		for i := 0; i < len(pairs); i += 2 {
			m[dir+pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
		}
		return m
	}
	link := fstest.MapFS{dir + "X.odex": {Data: []byte("/vendor/X.odex"), Mode: fs.ModeSymlink | 0o777}}
	for _, tc := range []struct {
		name   string
		apk    string
		change map[string][]byte
		beside fs.FS
		want   string // form, members, files; cause of the gap
		note   string
	}{
		{"dex", "late", map[string][]byte{"classes.dex": dex}, at(), "dex [classes.dex] [] ", ""},
		{"multidex", "late", map[string][]byte{"classes.dex": dex, "classes2.dex": dex, "classes4.dex": dex}, at(), "dex [classes.dex classes2.dex] [] ", "classes4.dex is there and classes3.dex is not"},
		{"second only", "late", map[string][]byte{"classes2.dex": dex}, at(), "stripped [] [] missing", "classes2.dex is there and classes.dex is not"},
		{"empty dex", "late", map[string][]byte{"classes.dex": {}}, at(), "stripped [] [] missing", ""},
		{"no dex", "late", map[string][]byte{"classes.dex": []byte("encrypted")}, at(), "undecided [classes.dex] [] format", ""},
		{"4.4", "late", nil, at("X.odex", odex), "odex [] [/system/app/X/X.odex] unsupported", ""},
		{"5.0", "late", nil, at("arm/X.odex", elf), "odex [] [/system/app/X/arm/X.odex] unsupported", ""},
		{"7.0", "late", nil, at("oat/arm64/X.odex", elf), "odex [] [/system/app/X/oat/arm64/X.odex] unsupported", ""},
		{"8.0", "late", nil, at("oat/x86/X.odex", elf, "oat/x86/X.vdex", vdex), "vdex [] [/system/app/X/oat/x86/X.vdex /system/app/X/oat/x86/X.odex] unsupported", ""},
		{"dex and odex", "late", map[string][]byte{"classes.dex": dex}, at("oat/arm/X.odex", elf), "dex [classes.dex] [/system/app/X/oat/arm/X.odex] ", ""},
		{"pointers and nothing", "late", nil, at("oat/arm/X.odex", lfs, "oat/arm/X.vdex", ""), "stripped [] [] missing", ""},
		{"of another", "late", nil, at("oat/arm/Y.odex", elf), "stripped [] [] missing", ""},
		{"text", "late", nil, at("oat/arm/X.vdex", "../../Y.vdex"), "undecided [] [/system/app/X/oat/arm/X.vdex] format", ""},
		{"link elsewhere", "late", nil, link, "undecided [] [/system/app/X/X.odex] format", ""},
		{"says none", "net28", nil, at(), "none [] [] ", ""},
		{"says none, has some", "net28", map[string][]byte{"classes.dex": dex}, at(), "dex [classes.dex] [] ", "says that there is no code"},
		{"no application", "overlay", nil, at(), "none [] [] ", ""},
	} {
		facts, err := run(t.Context(), file(t, members(t, tc.apk, tc.change), "system", dir+"X.apk", tc.beside))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		decode(t, facts)
		a := facts.Apps[0]
		got := fmt.Sprint(a.Code.Form, " ", a.Code.DEX, " ", a.Code.Files, " ")
		for _, g := range facts.Gaps {
			got += string(g.Cause)
			if fmt.Sprint(g.Blinds, g.Subjects) != fmt.Sprintf("[defaults settings writes flows] [{app %s}]", a.Package) {
				t.Errorf("%s: %v", tc.name, g)
			}
		}
		if got != tc.want || !strings.Contains(strings.Join(a.Notes, "\n"), tc.note) {
			t.Errorf("%s: got %s, notes %q\nwant %s, %q", tc.name, got, a.Notes, tc.want, tc.note)
		}
	}
}

var suite = inspect.Suite{Extractors: []*inspect.Extractor{Extractor}}

// A lone APK is an app: its place is the update's own file, and every place can
// be read again.
func TestAlone(t *testing.T) {
	for _, name := range []string{"components", "netbroken"} {
		p, err := ota.OpenPath(t.Context(), filepath.Join("testdata", name+".apk"), ota.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		facts, err := inspect.Run(t.Context(), p, suite, nil, inspect.Options{})
		if err != nil || len(facts.Apps) != 1 {
			t.Fatal(len(facts.Apps), err)
		}
		want := read(t, name)
		if got, want := spell(*facts)[0], spell(want)[0]; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if facts.Apps[0].At.String() != "." || facts.Apps[0].At.SHA256 == "" {
			t.Errorf("the app is at %v", facts.Apps[0].At)
		}
		facts.Locations(func(l *fact.Location) {
			b, closer, err := inspect.Open(t.Context(), p, *l)
			if err != nil {
				t.Error(err)
				return
			}
			defer closer()
			if sum, err := inspect.Hash(t.Context(), b, nil); err != nil || l.SHA256 != "" && sum != l.SHA256 {
				t.Errorf("%s: %v, %s", l, err, sum)
			}
		})
	}
}

// In a tree, apps stand where they are installed, and one that is broken is a gap
// of its file. A manifest beside an installer, and one in a folder, are no app.
func TestDriver(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	manifest := otatest.Member(t, "testdata/net28.apk", manifestName)
	put("AndroidManifest.xml", manifest)
	put("system/build.prop", []byte("a=b\n"))
	put("system/priv-app/X/X.apk", fixture(t, "components"))
	put("system/priv-app/X/oat/arm/X.odex", []byte("\x7fELF"))
	put("system/app/None/None.apk", members(t, "net28", map[string][]byte{manifestName: nil, "a": {}}))
	put("system/app/Cut/Cut.apk", fixture(t, "net28")[:200])
	p, err := ota.OpenPath(t.Context(), dir, ota.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	facts, err := inspect.Run(t.Context(), p, suite, nil, inspect.Options{Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(facts.Apps) != 1 || !facts.Apps[0].Privileged || facts.Apps[0].At.Device != "/system/priv-app/X/X.apk" {
		t.Errorf("apps %+v", facts.Apps)
	}
	for _, want := range []string{
		"unsupported code of com.example.components is in /system/priv-app/X/oat/arm/X.odex",
		"format apk: apk: there is no AndroidManifest.xml [apps components permissions defaults] [{file /system/app/None/None.apk}]",
		"[{file /system/app/Cut/Cut.apk}]",
	} {
		if !strings.Contains(gaps(*facts), want) {
			t.Errorf("no gap %s in\n%s", want, gaps(*facts))
		}
	}
	if len(facts.Gaps) != 3 {
		t.Errorf("gaps\n%s", gaps(*facts))
	}

	z := otatest.ZipBuilder{Members: []otatest.ZipMember{{Name: manifestName, Data: manifest}, {Name: "META-INF/com/google/android/updater-script", Data: []byte("ui_print(\"\");")}}}
	path := filepath.Join(dir, "ota.zip")
	put("ota.zip", z.Bytes())
	if p, err = ota.OpenPath(t.Context(), path, ota.Options{}); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if facts, err = inspect.Run(t.Context(), p, suite, nil, inspect.Options{}); err != nil || len(facts.Apps) > 0 {
		t.Errorf("%d apps beside an installer, %v", len(facts.Apps), err)
	}
}
