package arsc_test

import (
	"cmp"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// TestBadging holds what manifest and table say together against aapt, line for
// line: the application's label in each locale and its icon in each density, which
// aapt chooses as a device does, components, features, permissions, and what it
// concludes from them. Where aapt stops at a fault, we stop with the same words
// before it, and aapt2 is asked about the whole.
func TestBadging(t *testing.T) {
	otatest.Tool(t, "aapt")
	otatest.Tool(t, "aapt2")
	var same, lines, labels, icons, stopped int
	apks := otatest.APKs(t)
	if testing.Short() {
		apks = apks[:min(len(apks), 20)]
	}
	for _, apk := range apks {
		f, table := app(t, apk)
		want, wantErr := output(t, "aapt", "dump", "badging", apk)
		b := &badging{t: t, apk: apk, table: table, pkg: f.Root.Named("", "package").Value.String}
		got := b.dump(f.Root)
		if got != want || b.stopped != (wantErr != nil) {
			t.Errorf("%s: aapt says %v; %s", apk, wantErr, difference(got, want))
			continue
		}
		if wantErr != nil {
			stopped++
			n := aapt2(t, apk, f, table)
			t.Logf("1 exception: %s: aapt stops (%s), and so do we; %d lines of aapt2 are equal", apk, b.err, n)
		}
		same++
		lines += strings.Count(want, "\n") + 1
		labels += strings.Count(want, "\napplication-label-")
		icons += strings.Count(want, "\napplication-icon-")
	}
	t.Logf("%d of %d APKs equal aapt's badging, %d lines, %d labels in a locale, %d icons in a density; aapt stops in %d",
		same, len(apks), lines, labels, icons, stopped)
	if same == 0 || labels == 0 && !testing.Short() {
		t.Error("nothing was compared")
	}
}

// app reads an app's manifest and its table, which may be missing.
func app(t *testing.T, apk string) (*axml.File, *arsc.Table) {
	t.Helper()
	f, err := axml.Open(blob.Bytes(otatest.Member(t, apk, "AndroidManifest.xml")), nil)
	if err != nil {
		t.Fatalf("%s: %v", apk, err)
	}
	p := otatest.Member(t, apk, "resources.arsc")
	if p == nil {
		p = table()
	}
	table, err := arsc.Open(blob.Bytes(p), nil)
	if err != nil {
		t.Fatalf("%s: %v", apk, err)
	}
	return f, table
}

// output is what a tool prints; its complaints, which are about what it prints, are left out.
func output(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(otatest.Tool(t, name), args...).Output()
	return strings.TrimSpace(string(out)), err
}

// aapt2 compares what aapt2 says of the whole, where aapt stopped, and gives the
// number of lines. aapt2 orders them in its own way.
func aapt2(t *testing.T, apk string, f *axml.File, table *arsc.Table) int {
	out, err := output(t, "aapt2", "dump", "badging", apk)
	if err != nil {
		t.Errorf("%s: aapt2: %v: %.300s", apk, err, out)
	}
	b := &badging{t: t, apk: apk, table: table, pkg: f.Root.Named("", "package").Value.String, whole: true}
	// aapt2 prints these where the manifest does not have them, too.
	out = strings.Replace(out, " platformBuildVersionName='' platformBuildVersionCode=''", "", 1)
	got, want := strings.Split(b.dump(f.Root), "\n"), strings.Split(out, "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: aapt2:\n got %q\nwant %q", apk, missing(got, want), missing(want, got))
	}
	return len(want)
}

// missing is what of a is not in b.
func missing(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

const (
	attrLabel         = 0x01010001
	attrIcon          = 0x01010002
	attrName          = 0x01010003
	attrPermission    = 0x01010006
	attrDebuggable    = 0x0101000f
	attrExported      = 0x01010010
	attrGrantURI      = 0x0101001b
	attrOrientation   = 0x0101001e
	attrResource      = 0x01010025
	attrMinSDK        = 0x0101020c
	attrVersionCode   = 0x0101021b
	attrVersionName   = 0x0101021c
	attrTouchScreen   = 0x01010227
	attrKeyboardType  = 0x01010228
	attrHardKeyboard  = 0x01010229
	attrNavigation    = 0x0101022a
	attrFiveWayNav    = 0x01010232
	attrAnyDensity    = 0x0101026c
	attrTargetSDK     = 0x01010270
	attrMaxSDK        = 0x01010271
	attrTestOnly      = 0x01010272
	attrGLES          = 0x01010281
	attrSmallScreens  = 0x01010284
	attrRequired      = 0x0101028e
	attrLocation      = 0x010102b7
	attrXLargeScreens = 0x010102bf
	attrScreenSize    = 0x010102ca
	attrScreenDensity = 0x010102cb
	attrSmallestWidth = 0x01010364
	attrPublicKey     = 0x010103a6
	attrCategory      = 0x010103e8
	attrBanner        = 0x010103f2
	attrGame          = 0x010103f4
	attrFeature       = 0x01010557
	attrNotFeature    = 0x01010558
	attrCompileSDK    = 0x01010572
	attrCodename      = 0x01010573
)

// A badging writes what aapt dump badging does.
type badging struct {
	t       *testing.T
	apk     string
	table   *arsc.Table
	pkg     string
	w       strings.Builder
	err     string // once there was one, it stays: so does aapt's
	stopped bool
	whole   bool // go on where aapt stops, as aapt2 does

	target                                  int32
	has                                     map[string]bool // permissions; components; kinds of activities
	common                                  features
	groups                                  []*features
	implied                                 map[string]*impliedFeature
	multiArch                               bool
	screens                                 [4]int32 // small, normal, large, xlarge
	anyDensity                              int32
	smallestWidth, widthLimit, largestWidth int32
}

type features struct {
	label string
	gles  int32
	list  map[string]feature
}

type feature struct {
	required bool
	version  int32
}

type impliedFeature struct {
	sdk23   bool
	reasons map[string]bool
}

func (b *badging) p(format string, args ...any) { fmt.Fprintf(&b.w, format, args...) }

// stop is what aapt's "goto bail" is.
type stop struct{}

func (b *badging) check() {
	if b.whole {
		b.err = ""
	}
	if b.err != "" {
		b.stopped = true
		panic(stop{})
	}
}

func (b *badging) dump(m *axml.Element) string {
	b.has, b.implied = map[string]bool{}, map[string]*impliedFeature{}
	b.common.list = map[string]feature{}
	b.screens, b.anyDensity = [4]int32{1, 1, 1, 1}, 1
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(stop{}) {
				panic(r)
			}
		}()
		b.manifest(m)
		b.conclusions()
	}()
	return strings.TrimSpace(b.w.String())
}

// device is what aapt takes a device to be.
func device() arsc.Config {
	c := arsc.Config{
		Orientation: 1, Density: 160, SDK: 10000, ScreenLayout: 2,
		ScreenWidthDP: 320, ScreenHeightDP: 480, SmallestScreenWidthDP: 320,
	}
	c.SetLocale("en", "US")
	return c
}

// text: AaptXml::getAttribute, which takes the source's text and follows no reference.
func (b *badging) text(e *axml.Element, id uint32) string {
	return b.attribute(e.Attribute(id))
}

func (b *badging) attribute(a *axml.Attribute) string {
	if a == nil {
		return ""
	}
	if a.Value.Type != chunk.String {
		b.err = "attribute is not a string value"
		return ""
	}
	return a.Raw
}

// value follows references, as the device of the request would.
func (b *badging) value(a *axml.Attribute, request arsc.Config) chunk.Value {
	if !a.Value.IsReference() {
		return a.Value
	}
	e, ok, err := b.table.Resolve(a.Value.Data, request)
	if err != nil || !ok || e.Bag() {
		return a.Value
	}
	return e.Value
}

// resolved: AaptXml::getResolvedAttribute.
func (b *badging) resolved(e *axml.Element, id uint32, request arsc.Config) string {
	a := e.Attribute(id)
	if a == nil {
		return ""
	}
	if v := b.value(a, request); v.Type == chunk.String {
		return v.String
	}
	b.err = fmt.Sprintf("attribute %#x is %s, which is no string of this table", id, a.Value.Text())
	return ""
}

// int: AaptXml::getIntegerAttribute.
func (b *badging) int(e *axml.Element, id uint32, none int32) int32 {
	return b.integer(e.Attribute(id), none, false)
}

// resolvedInt: AaptXml::getResolvedIntegerAttribute.
func (b *badging) resolvedInt(e *axml.Element, id uint32, none int32) int32 {
	return b.integer(e.Attribute(id), none, true)
}

func (b *badging) integer(a *axml.Attribute, none int32, follow bool) int32 {
	if a == nil {
		return none
	}
	v := a.Value
	if follow {
		v = b.value(a, device())
	}
	n, ok := v.Int()
	if !ok {
		b.err = "attribute is not an integer value"
		return none
	}
	return n
}

// quiet is int, and forgets the error.
func (b *badging) quiet(e *axml.Element, id uint32, none int32) int32 {
	defer func(err string) { b.err = err }(b.err)
	return b.int(e, id, none)
}

func norm(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(s)
}

// configs are the configurations of all types, or of those that are not for the launcher's icons.
func (b *badging) configs(mipmaps bool) (list []arsc.Config) {
	for _, p := range b.table.Packages() {
		for _, typ := range p.Types() {
			if mipmaps || typ.Name != "mipmap" {
				list = append(list, typ.Configs()...)
			}
		}
	}
	return list
}

// locales are the locales of all values with their names, sorted.
func (b *badging) locales() (names []string, configs map[string]arsc.Config) {
	configs = map[string]arsc.Config{}
	for _, c := range b.configs(false) {
		tag := bcp47(c)
		if _, ok := configs[tag]; !ok {
			configs[tag] = c
		}
	}
	return slices.Sorted(maps.Keys(configs)), configs
}

func (b *badging) densities() (list []int) {
	for _, c := range b.configs(true) {
		list = append(list, cmp.Or(int(c.Density), 160))
	}
	slices.Sort(list)
	return slices.Compact(list)
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
