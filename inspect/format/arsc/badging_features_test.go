package arsc_test

import (
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/ota/otatest"
)

func (b *badging) usesFeature(g *features, e *axml.Element, group bool) {
	name := ""
	if group {
		name = b.resolved(e, attrName, device())
	} else {
		name = b.text(e, attrName)
	}
	if name == "" || b.err != "" {
		if n := b.int(e, attrGLES, -1); b.err == "" {
			g.gles = max(g.gles, n)
		}
		return
	}
	required := group || b.int(e, attrRequired, 1) != 0
	b.check()
	version := int32(0)
	for i := range e.Attributes {
		if a := &e.Attributes[i]; a.Name == "version" {
			version = b.integer(a, 0, false)
		}
	}
	b.check()
	g.list[name] = feature{required, version}
	if required {
		g.addParents(name)
	}
}

// addParents adds what a feature cannot be without.
func (g *features) addParents(name string) {
	if name == "android.hardware.opengles.aep" {
		g.gles = max(g.gles, 0x00030001)
	}
	for _, p := range map[string][]string{
		"camera.autofocus":                {"camera"},
		"camera.flash":                    {"camera"},
		"location.gps":                    {"location"},
		"location.network":                {"location"},
		"faketouch.multitouch":            {"faketouch"},
		"faketouch.multitouch.distinct":   {"faketouch.multitouch", "faketouch"},
		"faketouch.multitouch.jazzhands":  {"faketouch.multitouch", "faketouch"},
		"touchscreen.multitouch":          {"touchscreen"},
		"touchscreen.multitouch.distinct": {"touchscreen.multitouch", "touchscreen"},
		"touchscreen.multitouch.jazzhands": {
			"touchscreen.multitouch", "touchscreen"},
	}[strings.TrimPrefix(name, "android.hardware.")] {
		g.list["android.hardware."+p] = feature{true, -1}
	}
}

func (b *badging) imply(name, reason string, sdk23 bool) {
	f := b.implied[name]
	if f == nil {
		f = &impliedFeature{sdk23: sdk23, reasons: map[string]bool{}}
		b.implied[name] = f
	}
	f.sdk23 = f.sdk23 && sdk23
	f.reasons[reason] = true
}

// impliedBy adds the features that a permission implies.
func (b *badging) impliedBy(permission string, sdk23 bool) {
	p, ok := strings.CutPrefix(permission, "android.permission.")
	if !ok {
		return
	}
	imply := func(feature string, reasons ...string) {
		for _, r := range reasons {
			b.imply("android.hardware."+feature, r, sdk23)
		}
	}
	requested := "requested " + permission + " permission"
	switch p {
	case "CAMERA":
		imply("camera", requested)
	case "ACCESS_FINE_LOCATION", "ACCESS_COARSE_LOCATION":
		if b.target < 21 {
			imply(map[bool]string{true: "location.gps", false: "location.network"}[p == "ACCESS_FINE_LOCATION"], requested, "targetSdkVersion < 21")
		}
		imply("location", requested)
	case "ACCESS_MOCK_LOCATION", "ACCESS_LOCATION_EXTRA_COMMANDS", "INSTALL_LOCATION_PROVIDER":
		imply("location", requested)
	case "BLUETOOTH", "BLUETOOTH_ADMIN":
		if b.target > 4 {
			imply("bluetooth", requested, "targetSdkVersion > 4")
		}
	case "RECORD_AUDIO":
		imply("microphone", requested)
	case "ACCESS_WIFI_STATE", "CHANGE_WIFI_STATE", "CHANGE_WIFI_MULTICAST_STATE":
		imply("wifi", requested)
	case "CALL_PHONE", "CALL_PRIVILEGED", "MODIFY_PHONE_STATE", "PROCESS_OUTGOING_CALLS", "READ_SMS", "RECEIVE_SMS", "RECEIVE_MMS", "RECEIVE_WAP_PUSH", "SEND_SMS", "WRITE_APN_SETTINGS", "WRITE_SMS":
		imply("telephony", "requested a telephony permission")
	}
}

// grant prints a permission that the platform gives without being asked.
func (b *badging) grant(name, most, reason string) {
	b.p("uses-permission: name='android.permission.%s'%s\n", name, most)
	b.p("uses-implied-permission: name='android.permission.%s'%s reason='%s'\n", name, most, reason)
}

// conclusions is what aapt prints when it has read the manifest.
func (b *badging) conclusions() {
	has := func(p string) bool { return b.has["android.permission."+p] }
	write, most := has("WRITE_EXTERNAL_STORAGE"), ""
	for k := range b.has {
		if s, ok := strings.CutPrefix(k, "most "); ok && s != "" {
			most = s
		}
	}
	if b.target < 4 {
		if !write {
			b.grant("WRITE_EXTERNAL_STORAGE", "", "targetSdkVersion < 4")
			write = true
		}
		if !has("READ_PHONE_STATE") {
			b.grant("READ_PHONE_STATE", "", "targetSdkVersion < 4")
		}
	}
	if write && !has("READ_EXTERNAL_STORAGE") {
		b.grant("READ_EXTERNAL_STORAGE", most, "requested WRITE_EXTERNAL_STORAGE")
	}
	for _, rw := range []string{"READ", "WRITE"} {
		if b.target < 16 && has(rw+"_CONTACTS") && !has(rw+"_CALL_LOG") {
			b.grant(rw+"_CALL_LOG", "", "targetSdkVersion < 16 and requested "+rw+"_CONTACTS")
		}
	}
	touch := "android.hardware.touchscreen"
	if _, ok := b.common.list[touch]; !ok && b.implied[touch] == nil {
		b.imply("android.hardware.faketouch", "default feature for all apps", false)
	}
	if len(b.groups) == 0 {
		b.printFeatures(&b.common, b.implied)
	}
	for _, g := range b.groups {
		g.gles = max(g.gles, b.common.gles)
		for name, f := range b.common.list {
			if _, ok := g.list[name]; !ok {
				g.list[name] = f
			}
		}
		if len(g.list) > 0 {
			b.printFeatures(g, nil)
		}
	}
	for _, c := range []string{"app-widget", "device-admin", "ime", "wallpaper", "accessibility", "print-service", "payment", "search",
		"document-provider", "launcher", "notification-listener", "dream", "camera", "camera-secure"} {
		if b.has[c] {
			b.p("provides-component:'%s'\n", c)
		}
	}
	for _, c := range []string{"main", "other-activities", "other-receivers", "other-services"} {
		if b.has[c] {
			b.p("%s\n", c)
		}
	}
	b.printScreens()
	names, _ := b.locales()
	b.p("locales:")
	for _, l := range names {
		if l == "" {
			l = "--_--"
		}
		b.p(" '%s'", l)
	}
	b.p("\ndensities:")
	for _, d := range b.densities() {
		b.p(" '%d'", d)
	}
	b.p("\n")
	b.printNative()
}

func (b *badging) printFeatures(g *features, implied map[string]*impliedFeature) {
	b.p("feature-group: label='%s'\n", g.label)
	if g.gles > 0 {
		b.p("  uses-gl-es: '0x%x'\n", g.gles)
	}
	for _, name := range keys(g.list) {
		f, not := g.list[name], "-not-required"
		if f.required {
			not = ""
		}
		b.p("  uses-feature%s: name='%s'", not, norm(name))
		if f.version > 0 {
			b.p(" version='%d'", f.version)
		}
		b.p("\n")
	}
	for _, name := range keys(implied) {
		if _, ok := g.list[name]; ok {
			continue
		}
		f, suffix := implied[name], ""
		if f.sdk23 {
			suffix = "-sdk-23"
		}
		b.p("  uses-feature%s: name='%s'\n  uses-implied-feature%s: name='%s' reason='", suffix, name, suffix, name)
		reasons := keys(f.reasons)
		for i, r := range reasons {
			b.p("%s", r)
			if left := len(reasons) - i; left > 2 {
				b.p(", ")
			} else if left == 2 {
				b.p(", and ")
			}
		}
		b.p("'\n")
	}
}

func (b *badging) printScreens() {
	s := &b.screens
	if slices.Min(s[:]) > 0 && b.smallestWidth > 0 {
		limit := b.widthLimit
		if limit <= 0 {
			limit = b.smallestWidth
		}
		for i, width := range []int32{240, 320, 480, 720} {
			s[i] = 0
			if b.smallestWidth <= width && limit >= width {
				s[i] = -1
			}
		}
	}
	b.p("supports-screens:")
	for i, name := range []string{"small", "normal", "large", "xlarge"} {
		if s[i] > 0 && b.target < []int32{4, 0, 4, 9}[i] {
			s[i] = 0
		}
		if s[i] != 0 {
			b.p(" '%s'", name)
		}
	}
	if b.anyDensity > 0 && b.target < 4 && b.smallestWidth <= 0 && b.widthLimit <= 0 {
		b.anyDensity = 0
	}
	b.p("\nsupports-any-density: '%t'\n", b.anyDensity != 0)
	for _, w := range []struct {
		name string
		n    int32
	}{{"requires-smallest-width", b.smallestWidth}, {"compatible-width-limit", b.widthLimit}, {"largest-width-limit", b.largestWidth}} {
		if w.n > 0 {
			b.p("%s:'%d'\n", w.name, w.n)
		}
	}
}

func (b *badging) printNative() {
	all := map[string]bool{}
	otatest.Members(b.t, b.apk, func(name string, _ func() ([]byte, error)) {
		if rest, ok := strings.CutPrefix(name, "lib/"); ok && rest != "" {
			arch, _, _ := strings.Cut(rest, "/")
			all[arch] = true
		}
	})
	alt := ""
	if b.multiArch {
		for _, a := range []string{"x86_64", "arm64-v8a"} {
			if all[a] {
				b.p("native-code: '%s'\n", a)
				delete(all, a)
				alt = "alt-"
				break
			}
		}
	}
	if len(all) > 0 {
		b.p("%snative-code: '%s'\n", alt, strings.Join(keys(all), "' '"))
	}
}
