package apk

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// apks are the APKs of the public test data that the extractor takes; APEX files
// are none.
func apks(t testing.TB) []string {
	t.Helper()
	return slices.DeleteFunc(otatest.APKs(t), func(p string) bool { return !strings.HasSuffix(p, ".apk") })
}

// standing is an APK of the test data where it stands: in a folder with its
// neighbours.
func standing(t testing.TB, name string) *inspect.File {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := archive.OpenTree(filepath.Dir(name), parse.NewBudget(parse.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return file(t, data, "system", parse.Escape(filepath.Base(name)), tree)
}

// TestBadging holds every app against aapt dump badging.
func TestBadging(t *testing.T) {
	otatest.Tool(t, "aapt")
	files, same, lines := 0, 0, 0
	for _, name := range apks(t) {
		files++
		facts, err := run(t.Context(), standing(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		decode(t, facts)
		out, err := otatest.Run(t, "aapt", "dump", "badging", name)
		want := badgingLines(out)
		got := badging(t, facts)
		if err != nil {
			// aapt stops where a label is not in the table, which devices do not mind.
			t.Logf("%s: aapt stops: the %d lines before that are compared", name, len(want))
			got = slices.DeleteFunc(got, func(s string) bool { return !slices.Contains(want, s) })
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
			continue
		}
		same++
		lines += len(want)
	}
	t.Logf("%d of %d APKs equal aapt badging, %d lines", same, files, lines)
	if files == 0 {
		t.Error("nothing was compared")
	}
}

var (
	packageLine = regexp.MustCompile(`^package: name='(.*?)' versionCode='(.*?)' versionName='(.*?)'(?: (?:split|platformBuildVersion|compileSdkVersion).*)?$`)
	launchable  = regexp.MustCompile(`^launchable-activity: name='(.*?)' `)
)

// badgingLines are the lines of aapt's output that facts answer.
func badgingLines(out string) []string {
	var lines []string
	implied := map[string]bool{}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "uses-implied-permission: "); ok {
			name, _, _ = strings.Cut(name, " reason=")
			implied["uses-permission: "+name] = true
		}
		if m := packageLine.FindStringSubmatch(line); m != nil {
			if m[2] == "" {
				m[2] = "0"
			}
			lines = append(lines, fmt.Sprintf("package: %s %s %s", m[1], m[2], m[3]))
		}
		if m := launchable.FindStringSubmatch(line); m != nil {
			lines = append(lines, "launchable-activity: "+m[1])
		}
		for _, kind := range []string{"sdkVersion:", "targetSdkVersion:", "uses-permission: ", "uses-permission-sdk-23: ", "application-debuggable", "testOnly=", "uses-library"} {
			if strings.HasPrefix(line, kind) {
				lines = append(lines, line)
			}
		}
	}
	lines = slices.DeleteFunc(lines, func(s string) bool { return implied[s] })
	// What it leaves out is what the facts have the platform's value for.
	return defaulted(lines)
}

func defaulted(lines []string) []string {
	has := func(prefix string) string {
		for _, l := range lines {
			if v, ok := strings.CutPrefix(l, prefix); ok {
				return v
			}
		}
		return ""
	}
	if has("sdkVersion:") == "" {
		lines = append(lines, "sdkVersion:'1'")
	}
	if has("targetSdkVersion:") == "" {
		lines = append(lines, "targetSdkVersion:"+has("sdkVersion:"))
	}
	return lines
}

func unescape(t *testing.T, s string) string {
	t.Helper()
	s, err := parse.Unescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(s)
}

func badging(t *testing.T, f fact.Facts) []string {
	a := f.Apps[0]
	lines := []string{fmt.Sprintf("package: %s %d %s", a.Package, a.VersionCode, unescape(t, a.VersionName)),
		fmt.Sprintf("sdkVersion:'%d'", a.MinSDK), fmt.Sprintf("targetSdkVersion:'%d'", a.TargetSDK)}
	for _, p := range f.Permissions {
		kind, ok := map[string]string{fact.PermissionRequests: "uses-permission", fact.PermissionRequestsSDK23: "uses-permission-sdk-23"}[p.Use]
		if !ok {
			continue
		}
		l := fmt.Sprintf("%s: name='%s'", kind, p.Name)
		if p.MaxSDK != nil {
			l += fmt.Sprintf(" maxSdkVersion='%d'", *p.MaxSDK)
		}
		lines = append(lines, l)
	}
	for _, c := range f.Components {
		if c.Kind == fact.ComponentActivity && slices.ContainsFunc(c.Filters, func(x fact.Filter) bool {
			return slices.Contains(x.Actions, "android.intent.action.MAIN") && slices.Contains(x.Categories, "android.intent.category.LAUNCHER")
		}) {
			lines = append(lines, "launchable-activity: "+c.Name)
		}
	}
	for _, l := range a.Libraries {
		kind := map[bool]string{true: "uses-library", false: "uses-library-not-required"}[l.Required]
		lines = append(lines, fmt.Sprintf("%s:'%s'", kind, l.Name))
	}
	if a.Debuggable {
		lines = append(lines, "application-debuggable")
	}
	if a.TestOnly {
		lines = append(lines, "testOnly='-1'")
	}
	return lines
}

// TestComponents holds every component against aapt dump xmltree: kind, class,
// whether it is exported and enabled, authorities, actions and categories.
func TestComponents(t *testing.T) {
	otatest.Tool(t, "aapt")
	files, same, components := 0, 0, 0
	for _, name := range apks(t) {
		files++
		facts, err := run(t.Context(), standing(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		out, err := otatest.Run(t, "aapt", "dump", "xmltree", name, manifestName)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, c := range facts.Components {
			s := fmt.Sprint(c.Kind, " ", c.Name, " exported ", c.Exported, " enabled ", c.Enabled, " ", c.Authorities)
			for _, x := range c.Filters {
				s += fmt.Sprint(" ", x.Actions, x.Categories)
			}
			got = append(got, s)
		}
		want := xmltree(out, facts.Apps[0].Package)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
			continue
		}
		same++
		components += len(want)
	}
	t.Logf("%d of %d APKs have the components of aapt's tree, %d of them", same, files, components)
	if components == 0 {
		t.Error("nothing was compared")
	}
}

var (
	elementLine   = regexp.MustCompile(`^( *)E: (\S+)`)
	attributeLine = regexp.MustCompile(`^ *A: (?:android:)?\w*\(0x([0-9a-f]{8})\)=(?:"(.*)" \(Raw|\(type 0x12\)(0x\w+))`)
)

// xmltree reads components from the text of aapt alone.
func xmltree(out, pkg string) []string {
	type node struct {
		name   string
		attrs  map[string]string
		kids   []*node
		indent int
	}
	root := &node{indent: -1}
	stack := []*node{root}
	for line := range strings.Lines(out) {
		if m := elementLine.FindStringSubmatch(line); m != nil {
			n := &node{name: m[2], attrs: map[string]string{}, indent: len(m[1])}
			for stack[len(stack)-1].indent >= n.indent {
				stack = stack[:len(stack)-1]
			}
			up := stack[len(stack)-1]
			up.kids = append(up.kids, n)
			stack = append(stack, n)
		} else if m := attributeLine.FindStringSubmatch(line); m != nil {
			stack[len(stack)-1].attrs[m[1]] = m[2] + m[3]
		}
	}
	var list []string
	late := false // the application stands before the target SDK
	seen := false
	for _, top := range root.kids[0].kids {
		if top.name == "uses-sdk" {
			seen = true
		}
		if top.name != "application" {
			continue
		}
		late = !seen
		for _, c := range top.kids {
			if !slices.Contains([]string{"activity", "activity-alias", "service", "receiver", "provider"}, c.name) {
				continue
			}
			class := c.attrs["01010003"]
			if strings.HasPrefix(class, ".") {
				class = pkg + class
			} else if !strings.Contains(class, ".") {
				class = pkg + "." + class
			}
			filters, text := 0, ""
			for _, f := range c.kids {
				if f.name != "intent-filter" {
					continue
				}
				actions, categories := []string{}, []string{}
				for _, k := range f.kids {
					if list := map[string]*[]string{"action": &actions, "category": &categories}[k.name]; list != nil && !slices.Contains(*list, k.attrs["01010003"]) {
						*list = append(*list, k.attrs["01010003"])
					}
				}
				filters++
				text += fmt.Sprint(" ", actions, categories)
			}
			exported := filters > 0
			if c.name == "provider" {
				exported = late
			}
			if s, ok := c.attrs["01010010"]; ok {
				exported = s != "0x0"
			}
			authorities := []string{}
			if s := c.attrs["01010018"]; s != "" {
				authorities = strings.Split(s, ";")
			}
			list = append(list, fmt.Sprint(c.name, " ", class, " exported ", exported, " enabled ", c.attrs["0101000e"] != "0x0" && top.attrs["0101000e"] != "0x0", " ", authorities)+text)
		}
	}
	return list
}

// TestTrees runs the driver over the dumps of whole systems: each APK is an app
// where it is installed, and nothing hides anything but its own.
func TestTrees(t *testing.T) {
	roms, err := os.ReadDir(otatest.Data(t, "rom"))
	if err != nil {
		t.Fatal(err)
	}
	apps, files := 0, 0
	forms := map[string]int{}
	for _, rom := range roms {
		dir := otatest.Data(t, "rom", rom.Name())
		files += len(slices.DeleteFunc(otatest.APKs(t, "rom", rom.Name()), func(p string) bool { return !strings.HasSuffix(p, ".apk") }))
		p, err := ota.OpenPath(t.Context(), dir, ota.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		facts, err := inspect.Run(t.Context(), p, suite, nil, inspect.Options{Jobs: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range facts.Gaps {
			if len(g.Subjects) != 1 || g.Subjects[0].Kind != "app" {
				t.Logf("%s: %s %v", g.At, g.Reason, g.Subjects)
			}
		}
		apps += len(facts.Apps)
		for _, a := range facts.Apps {
			forms[a.Code.Form]++
			if a.Privileged != strings.Contains(a.At.Path, "priv-app/") || !strings.HasPrefix(a.At.Device, "/") {
				t.Errorf("%s at %s: privileged %v", a.Package, a.At.Device, a.Privileged)
			}
		}
		decode(t, *facts)
	}
	t.Logf("%d of %d APKs are apps in their trees; where their code is: %v", apps, files, forms)
	if apps != files || apps == 0 {
		t.Error("not all")
	}
}

// BenchmarkData reads all APKs of the public test data.
func BenchmarkData(b *testing.B) {
	names := apks(b)
	var files []*inspect.File
	var size int64
	for _, name := range names {
		f := standing(b, name)
		files, size = append(files, f), size+f.Blob.Size()
	}
	b.SetBytes(size)
	var peak uint64
	for b.Loop() {
		for _, f := range files {
			if _, err := run(b.Context(), f); err != nil {
				b.Fatal(err)
			}
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.Sys)
	}
	b.ReportMetric(float64(len(files))*float64(b.N)/b.Elapsed().Seconds(), "apks/s")
	b.ReportMetric(float64(peak)/(1<<20), "MiB-peak")
}
