package arsc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// TestBadging holds what manifest and table say together against aapt: package,
// versions, permissions, and the application's label in each locale of the table, which aapt
// chooses as a device does.
func TestBadging(t *testing.T) {
	otatest.Tool(t, "aapt")
	var files, same, lines, labels int
	for _, apk := range sample(t) {
		m := member(t, apk, "AndroidManifest.xml")
		if m == nil {
			continue
		}
		files++
		f, err := axml.Open(blob.Bytes(m), nil)
		if err != nil {
			t.Errorf("%s: %v", apk, err)
			continue
		}
		table, err := arsc.Open(blob.Bytes(member(t, apk, "resources.arsc")), nil)
		if err != nil {
			t.Errorf("%s: %v", apk, err)
			continue
		}
		out, err := otatest.Run(t, "aapt", "dump", "badging", apk)
		want := badgingLines(out)
		got := badging(f, table)
		if err != nil {
			// One app gives an activity a label that its table does not hold. aapt stops there, so
			// that only what it printed before can be compared.
			t.Logf("%s: aapt stops; the %d lines before that are compared", apk, len(want))
			got = slices.DeleteFunc(got, func(s string) bool { return !slices.Contains(want, s) })
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", apk, missing(got, want), missing(want, got))
			continue
		}
		same++
		lines += len(want)
		for _, l := range want {
			if strings.HasPrefix(l, "application-label-") {
				labels++
			}
		}
	}
	t.Logf("%d of %d manifests with their tables equal aapt's badging, %d lines, %d labels in a locale", same, files, lines, labels)
	if files == 0 || labels == 0 {
		t.Error("nothing was compared")
	}
}

// badgingLines are the lines of aapt's output that are compared.
func badgingLines(out string) []string {
	var lines []string
	implied := map[string]bool{}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "uses-implied-permission: "); ok {
			name, _, _ = strings.Cut(name, " reason=")
			implied["uses-permission: "+name] = true
		}
		for _, kind := range []string{"package: ", "sdkVersion:", "targetSdkVersion:", "uses-permission: ", "application-label"} {
			if strings.HasPrefix(line, kind) {
				line, _, _ = strings.Cut(line, " platformBuildVersion")
				line, _, _ = strings.Cut(line, " compileSdkVersion")
				lines = append(lines, line)
			}
		}
	}
	return slices.DeleteFunc(lines, func(s string) bool { return implied[s] })
}

// missing is what of a is not in b.
func missing(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

const (
	attrLabel       = 0x01010001
	attrName        = 0x01010003
	attrMinSDK      = 0x0101020c
	attrVersionCode = 0x0101021b
	attrVersionName = 0x0101021c
	attrTargetSDK   = 0x01010270
	attrMaxSDK      = 0x01010271
)

// device is what aapt takes a device to be.
func device() arsc.Config {
	return arsc.Config{
		Orientation: 1, Density: 160, SDK: 10000, ScreenLayout: 2,
		ScreenWidthDP: 320, ScreenHeightDP: 480, SmallestScreenWidthDP: 320,
	}
}

func badging(f *axml.File, table *arsc.Table) []string {
	request := device()
	request.SetLocale("en", "US")
	text := func(a *axml.Attribute, c arsc.Config) string {
		if a == nil {
			return ""
		}
		v := a.Value
		if v.IsReference() {
			e, ok, err := table.Resolve(v.Data, c)
			if err != nil || !ok || e.Value.Type == chunk.Null {
				return ""
			}
			v = e.Value
		}
		return v.Text()
	}
	m := f.Root
	lines := []string{fmt.Sprintf("package: name='%s' versionCode='%s' versionName='%s'", m.Named("", "package").Value.String,
		text(m.Attribute(attrVersionCode), request), text(m.Attribute(attrVersionName), request))}
	for _, e := range m.Children {
		switch e.Name {
		case "uses-sdk":
			for _, a := range []struct {
				name string
				id   uint32
			}{{"sdkVersion", attrMinSDK}, {"targetSdkVersion", attrTargetSDK}} {
				if at := e.Attribute(a.id); at != nil {
					lines = append(lines, fmt.Sprintf("%s:'%s'", a.name, text(at, request)))
				}
			}
		case "uses-permission":
			if a := e.Attribute(attrName); a != nil {
				l := fmt.Sprintf("uses-permission: name='%s'", a.Value.String)
				if most := e.Attribute(attrMaxSDK); most != nil {
					l += fmt.Sprintf(" maxSdkVersion='%s'", most.Value.Text())
				}
				lines = append(lines, l)
			}
		case "application":
			for _, locale := range locales(table) {
				request := device()
				request.Language, request.Region = locale.Language, locale.Region
				request.Script, request.ScriptComputed, request.Variant = locale.Script, locale.ScriptComputed, locale.Variant
				label := strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(text(e.Attribute(attrLabel), request))
				if tag := bcp47(locale); label != "" && tag != "" {
					lines = append(lines, "application-label-"+tag+":'"+label+"'")
				} else if label != "" {
					lines = append(lines, "application-label:'"+label+"'")
				}
			}
		}
	}
	return lines
}

// locales are the locales of all values, and the empty one.
func locales(table *arsc.Table) []arsc.Config {
	list := []arsc.Config{{}}
	for _, p := range table.Packages() {
		for _, typ := range p.Types() {
			for _, c := range typ.Configs() {
				c = arsc.Config{Language: c.Language, Region: c.Region, Script: c.Script, ScriptComputed: c.ScriptComputed, Variant: c.Variant}
				if !slices.Contains(list, c) {
					list = append(list, c)
				}
			}
		}
	}
	return list
}

// bcp47: getBcp47Locale, which aapt names locales with.
func bcp47(c arsc.Config) string {
	tag, region := c.Locale()
	if c.Script[0] != 0 && !c.ScriptComputed {
		tag += "-" + string(c.Script[:])
	}
	if region != "" {
		tag += "-" + region
	}
	return tag
}
