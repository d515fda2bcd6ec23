package arsc_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

func (b *badging) manifest(m *axml.Element) {
	request := device()
	b.p("package: name='%s' ", norm(b.pkg))
	version := b.int(m, attrVersionCode, -1)
	b.check()
	if version > 0 {
		b.p("versionCode='%d' ", version)
	} else {
		b.p("versionCode='' ")
	}
	name := b.resolved(m, attrVersionName, request)
	b.check()
	b.p("versionName='%s'", norm(name))
	for _, attr := range []string{"split", "platformBuildVersionName", "platformBuildVersionCode"} {
		if a := m.Named("", attr); a != nil && a.Value.Type == chunk.String && a.Raw != "" {
			b.p(" %s='%s'", attr, norm(a.Raw))
		}
	}
	sdk := b.int(m, attrCompileSDK, -1)
	b.check()
	if sdk > 0 {
		b.p(" compileSdkVersion='%d'", sdk)
	}
	if s := b.resolved(m, attrCodename, request); s != "" {
		b.p(" compileSdkVersionCodename='%s'", norm(s))
	}
	b.p("\n")
	if n := b.resolvedInt(m, attrLocation, -1); n >= 0 {
		b.p("install-location:'%s'\n", []string{"auto", "internalOnly", "preferExternal"}[n])
	}
	last := -1
	for i, e := range m.Children {
		if e.Name == "uses-sdk" {
			last = i // the others do not count
		}
	}
	for i, e := range m.Children {
		switch e.Name {
		case "application":
			b.application(e)
		case "uses-sdk":
			if i == last {
				b.usesSDK(e)
			}
		case "uses-configuration":
			b.p("uses-configuration:")
			for _, a := range []struct {
				name string
				id   uint32
			}{{"reqTouchScreen", attrTouchScreen}, {"reqKeyboardType", attrKeyboardType}, {"reqHardKeyboard", attrHardKeyboard}, {"reqNavigation", attrNavigation}, {"reqFiveWayNav", attrFiveWayNav}} {
				if n := b.quiet(e, a.id, 0); n != 0 {
					b.p(" %s='%d'", a.name, n)
				}
			}
			b.p("\n")
		case "supports-screens":
			for i := range b.screens {
				b.screens[i] = b.quiet(e, []uint32{attrSmallScreens, attrSmallScreens + 1, attrSmallScreens + 2, attrXLargeScreens}[i], 1)
			}
			b.anyDensity = b.quiet(e, attrAnyDensity, 1)
			b.smallestWidth, b.widthLimit, b.largestWidth = b.quiet(e, attrSmallestWidth, 0), b.quiet(e, attrSmallestWidth+1, 0), b.quiet(e, attrSmallestWidth+2, 0)
		case "feature-group":
			g := &features{label: b.resolved(e, attrLabel, request), list: map[string]feature{}}
			b.check()
			b.groups = append(b.groups, g)
			for _, e := range e.Children {
				if e.Name == "uses-feature" {
					b.usesFeature(g, e, true)
				}
			}
		case "uses-feature":
			b.usesFeature(&b.common, e, false)
		case "uses-permission":
			b.usesPermission(e)
		case "uses-permission-sdk-23", "uses-permission-sdk-m":
			name := b.text(e, attrName)
			b.check()
			b.impliedBy(name, true)
			b.p("uses-permission-sdk-23: name='%s'%s\n", norm(name), b.maxSDK(e))
		case "uses-package", "original-package", "supports-gl-texture":
			name := b.text(e, attrName)
			b.check()
			b.p("%s:'%s'\n", e.Name, norm(name))
		case "compatible-screens":
			b.p("compatible-screens:")
			sep := ""
			for _, e := range e.Children {
				if size, density := b.quiet(e, attrScreenSize, -1), b.quiet(e, attrScreenDensity, -1); e.Name == "screen" && size > 0 && density > 0 {
					b.p("%s'%d/%d'", sep, size, density)
					sep = ","
				}
			}
			b.p("\n")
		case "package-verifier":
			if name, key := b.text(e, attrName), b.text(e, attrPublicKey); name != "" && key != "" && b.err == "" {
				b.p("package-verifier: name='%s' publicKey='%s'\n", norm(name), norm(key))
			}
		}
	}
}

func (b *badging) application(e *axml.Element) {
	label := ""
	names, configs := b.locales()
	for _, tag := range names {
		request, c := device(), configs[tag]
		request.Language, request.Region = c.Language, c.Region
		request.Script, request.ScriptComputed, request.Variant = c.Script, c.ScriptComputed, c.Variant
		l := b.resolved(e, attrLabel, request)
		if l == "" {
			continue
		}
		if label == "" || tag == "" {
			label = l
		}
		if tag != "" {
			tag = "-" + tag
		}
		b.p("application-label%s:'%s'\n", tag, norm(l))
	}
	for _, d := range b.densities() {
		request := device()
		request.Density = uint16(d)
		if icon := b.resolved(e, attrIcon, request); icon != "" {
			b.p("application-icon-%d:'%s'\n", d, norm(icon))
		}
	}
	icon := b.resolved(e, attrIcon, device())
	b.check()
	testOnly := b.int(e, attrTestOnly, 0)
	b.check()
	banner := b.resolved(e, attrBanner, device())
	b.check()
	b.p("application: label='%s' icon='%s'", norm(label), norm(icon))
	if banner != "" {
		b.p(" banner='%s'", norm(banner))
	}
	b.p("\n")
	if testOnly != 0 {
		b.p("testOnly='%d'\n", testOnly)
	}
	for _, a := range []struct {
		name string
		id   uint32
	}{{"isGame", attrGame}, {"debuggable", attrDebuggable}} {
		n := b.resolvedInt(e, a.id, 0)
		b.check()
		if n != 0 {
			b.p("application-%s\n", a.name)
		}
	}
	for i := range e.Attributes {
		if a := &e.Attributes[i]; a.Name == "multiArch" {
			b.multiArch, _ = a.Value.Bool()
		}
	}
	for _, c := range e.Children {
		b.component(c)
	}
}

func (b *badging) usesSDK(e *axml.Element) {
	for _, a := range []struct {
		name string
		id   uint32
	}{{"sdkVersion", attrMinSDK}, {"maxSdkVersion", attrMaxSDK}, {"targetSdkVersion", attrTargetSDK}} {
		if a.id == attrMaxSDK {
			if n := b.quiet(e, a.id, -1); n != -1 {
				b.p("%s:'%d'\n", a.name, n)
			}
			continue
		}
		n := b.int(e, a.id, -1)
		switch {
		case b.err != "":
			b.err = ""
			name := b.resolved(e, a.id, device())
			b.check()
			if name == "Donut" {
				b.target = max(b.target, 4)
			}
			b.p("%s:'%s'\n", a.name, norm(name))
		case n != -1:
			b.target = max(b.target, n)
			b.p("%s:'%d'\n", a.name, n)
		}
	}
}

func (b *badging) maxSDK(e *axml.Element) string {
	if n := b.quiet(e, attrMaxSDK, -1); n != -1 {
		return " maxSdkVersion='" + chunk.Value{Type: chunk.Dec, Data: uint32(n)}.Text() + "'"
	}
	return ""
}

func (b *badging) usesPermission(e *axml.Element) {
	name := b.text(e, attrName)
	b.check()
	b.impliedBy(name, false)
	most := b.maxSDK(e)
	b.has[name] = true
	if name == "android.permission.WRITE_EXTERNAL_STORAGE" {
		defer func() { b.has["most "+most] = true }()
	}
	b.p("uses-permission: name='%s'%s", norm(name), most)
	if s := b.text(e, attrFeature); s != "" {
		b.p(" requiredFeature='%s'", s)
	}
	if s := b.text(e, attrNotFeature); s != "" {
		b.p(" requiredNotFeature='%s'", s)
	}
	b.p("\n")
	if b.quiet(e, attrRequired, 1) == 0 {
		b.p("optional-permission: name='%s'%s\n", norm(name), most)
	}
}

// component is a child of the application. In what it is, aapt goes by intent filters.
func (b *badging) component(e *axml.Element) {
	name, label, icon, banner, permission := "", "", "", "", ""
	saf := false
	switch e.Name {
	case "activity":
		name = b.text(e, attrName)
		b.check()
		label = b.resolved(e, attrLabel, device())
		b.check()
		icon = b.resolved(e, attrIcon, device())
		b.check()
		banner = b.resolved(e, attrBanner, device())
		b.check()
		switch n := b.resolvedInt(e, attrOrientation, -1); {
		case b.err != "":
		case n == 0 || n == 6 || n == 8:
			b.imply("android.hardware.screen.landscape", "one or more activities have specified a landscape orientation", false)
		case n == 1 || n == 7 || n == 9:
			b.imply("android.hardware.screen.portrait", "one or more activities have specified a portrait orientation", false)
		}
	case "uses-library":
		name = b.text(e, attrName)
		b.check()
		not := ""
		if b.quiet(e, attrRequired, 1) == 0 {
			not = "-not-required"
		}
		b.p("uses-library%s:'%s'\n", not, norm(name))
	case "receiver", "service":
		name = b.text(e, attrName)
		b.check()
		permission = b.text(e, attrPermission)
	case "provider":
		exported, grant := b.resolvedInt(e, attrExported, -1), b.resolvedInt(e, attrGrantURI, -1)
		permission = b.resolved(e, attrPermission, device())
		b.check()
		saf = exported != 0 && grant != 0 && permission == "android.permission.MANAGE_DOCUMENTS"
	}
	var main, launcher, leanback, filtered bool
	payment := map[string]bool{}
	var acts map[string]bool
	for _, c := range e.Children {
		if e.Name == "service" && c.Name == "meta-data" {
			n := b.text(c, attrName)
			b.check()
			if host := "android.nfc.cardemulation.host_apdu_service"; n == host || n == "android.nfc.cardemulation.off_host_apdu_service" {
				payment[n] = b.pays(b.resolved(c, attrResource, device()), n != host)
			}
		}
		if c.Name != "intent-filter" {
			continue
		}
		filtered = true
		acts = map[string]bool{}
		home := false
		for _, c := range c.Children {
			n := ""
			if c.Name == "action" || c.Name == "category" {
				n = b.text(c, attrName)
				b.check()
			}
			switch {
			case c.Name == "action":
				acts[n] = true
				b.has["search"] = b.has["search"] || n == "android.intent.action.SEARCH"
			case c.Name == "category" && e.Name == "activity":
				launcher = launcher || n == "android.intent.category.LAUNCHER"
				leanback = leanback || n == "android.intent.category.LEANBACK_LAUNCHER"
				home = home || n == "android.intent.category.HOME"
			}
		}
		main = main || acts["android.intent.action.MAIN"]
		b.filter(e.Name, permission, acts, home, saf)
	}
	if e.Name == "activity" && main {
		b.launchable("", name, label, icon, launcher, "")
		b.launchable("leanback-", name, label, icon, leanback, " banner='"+norm(banner)+"'")
	}
	if kind, ok := map[string]string{"activity": "activities", "receiver": "receivers", "service": "services"}[e.Name]; ok && !filtered {
		b.has["other-"+kind] = true
	}
	if nfc := "android.nfc.cardemulation."; e.Name == "service" && permission == "android.permission.BIND_NFC_SERVICE" &&
		(acts[nfc+"action.HOST_APDU_SERVICE"] && payment[nfc+"host_apdu_service"] || acts[nfc+"action.OFF_HOST_APDU_SERVICE"] && payment[nfc+"off_host_apdu_service"]) {
		b.has["payment"] = true
	}
}

func (b *badging) launchable(kind, name, label, icon string, is bool, more string) {
	if !is {
		return
	}
	if i := strings.IndexByte(name, '.'); i == 0 {
		name = b.pkg + name
	} else if i < 0 {
		name = b.pkg + "." + name
	}
	b.p("%slaunchable-activity: name='%s'  label='%s' icon='%s'%s\n", kind, norm(name), norm(label), norm(icon), more)
}

// filter judges a component of a kind by the actions of one of its intent filters.
func (b *badging) filter(kind, permission string, acts map[string]bool, home, saf bool) {
	known := false
	provides := func(what, action, need string) {
		if acts[action] {
			known = true
			if need == "" || permission == "android.permission."+need {
				b.has[what] = true
			}
		}
	}
	switch kind {
	case "activity":
		provides("main", "android.intent.action.MAIN", "")
		provides("camera", "android.media.action.STILL_IMAGE_CAMERA", "")
		provides("camera", "android.media.action.VIDEO_CAMERA", "")
		provides("camera-secure", "android.media.action.STILL_IMAGE_CAMERA_SECURE", "")
		b.has["launcher"] = b.has["launcher"] || home
		b.has["other-activities"] = b.has["other-activities"] || !known
	case "receiver":
		provides("app-widget", "android.appwidget.action.APPWIDGET_UPDATE", "")
		provides("device-admin", "android.app.action.DEVICE_ADMIN_ENABLED", "BIND_DEVICE_ADMIN")
		b.has["other-receivers"] = b.has["other-receivers"] || !known
	case "service":
		provides("ime", "android.view.InputMethod", "")
		provides("wallpaper", "android.service.wallpaper.WallpaperService", "")
		provides("accessibility", "android.accessibilityservice.AccessibilityService", "BIND_ACCESSIBILITY_SERVICE")
		provides("print-service", "android.printservice.PrintService", "BIND_PRINT_SERVICE")
		provides("", "android.nfc.cardemulation.action.HOST_APDU_SERVICE", "")
		provides("", "android.nfc.cardemulation.action.OFF_HOST_APDU_SERVICE", "")
		provides("notification-listener", "android.service.notification.NotificationListenerService", "BIND_NOTIFICATION_LISTENER_SERVICE")
		b.has["other-services"] = b.has["other-services"] || !known
		provides("dream", "android.service.dreams.DreamService", "BIND_DREAM_SERVICE")
	case "provider":
		b.has["document-provider"] = b.has["document-provider"] || saf && acts["android.content.action.DOCUMENTS_PROVIDER"]
	}
}

// pays tells whether an NFC service's description has a group for payment.
func (b *badging) pays(path string, offHost bool) bool {
	f, err := axml.Open(blob.Bytes(otatest.Member(b.t, b.apk, path)), nil)
	if err != nil {
		b.err = err.Error()
		b.check()
	}
	root := "host-apdu-service"
	if offHost {
		root = "offhost-apdu-service"
	}
	return f.Root.Name == root && slices.ContainsFunc(f.Root.Children, func(e *axml.Element) bool {
		return e.Name == "aid-group" && b.text(e, attrCategory) == "payment"
	})
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
