package apk

import (
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/parse"
)

func refused(msg string) error {
	return &parse.Error{Format: "manifest", Off: -1, Msg: msg, Kind: parse.ErrFormat}
}

// children are what the platform reads as children of an element. From Android
// 11 on its loops do not skip what stands inside an element that has no loop of
// its own, such as meta-data, so that this counts as if beside it: leaf names
// those elements.
func (r *reader) children(e *axml.Element, leaf func(*axml.Element) bool) []*axml.Element {
	var list []*axml.Element
	for _, c := range e.Children {
		if a := named(c, androidNS, "featureFlag"); a != nil { // AconfigFlags.skipCurrentElement
			r.note("from Android 15 on the device's flag %s decides whether it reads %s", raw(a.Value.Text()), raw(article(c.Name)))
		}
		list = append(list, c)
		if leaf(c) && len(c.Children) > 0 {
			r.note("elements stand inside %s: Android 11 and later read them as if beside it, older releases pass them over", article(c.Name))
			list = append(list, r.children(c, leaf)...)
		}
	}
	return list
}

func leaves(names ...string) func(*axml.Element) bool {
	set := map[string]bool{}
	for _, n := range names {
		set[n] = true
	}
	return func(e *axml.Element) bool { return set[e.Name] }
}

// manifest reads the root element: parsePackageSplitNames and parseBaseApkTags.
func (r *reader) manifest(m *axml.Element) error {
	if m.Name != "manifest" {
		return refused("the first element is " + m.Name + ", not manifest")
	}
	a := &r.app
	a.Package, _ = r.plain(named(m, "", "package"))
	if a.Package == "" {
		return refused("the manifest names no package")
	}
	if !validPackage(a.Package) {
		r.note("%s is no name of a package that devices take", a.Package)
	}
	a.Split, _ = r.plain(named(m, "", "split"))
	a.VersionName, _ = r.fixed(m, attrVersionName)
	a.VersionCode = r.int(m, attrVersionCodeMajor, 0)<<32 | r.int(m, attrVersionCode, 0)&0xffffffff
	a.SharedUser, _ = r.fixed(m, attrSharedUserID)
	a.TargetSandbox = r.int(m, attrTargetSandboxVersion, 0)
	// What holds where there is no application: ApplicationInfo's own defaults.
	a.MinSDK, a.TargetSDK, a.Enabled = 1, 1, true
	a.Network = fact.Network{By: "default", Cleartext: true}
	r.enabled = []variant{{value: true}}

	var app *axml.Element
	leaf := leaves("overlay", "protected-broadcast", "original-package", "adopt-permissions", "uses-configuration", "uses-feature", "supports-screens")
	apps := 0
	for _, e := range r.children(m, func(e *axml.Element) bool {
		if e.Name == "application" {
			apps++ // all but the first are left at once, and not skipped
		}
		return e.Name == "application" && apps > 1 || leaf(e)
	}) {
		if r.err != nil {
			return r.err
		}
		switch e.Name {
		case "uses-sdk":
			if app != nil {
				r.note("uses-sdk follows application, whose defaults are therefore those of no target SDK")
			}
			r.usesSDK(e)
		case "application":
			if app != nil {
				r.note("there is more than one application: devices take the first")
				continue
			}
			app = e
			r.application(e)
		case "overlay":
			r.overlay(e)
		case "uses-permission":
			r.usesPermission(e, fact.PermissionRequests)
		case "uses-permission-sdk-23", "uses-permission-sdk-m":
			r.usesPermission(e, fact.PermissionRequestsSDK23)
		case "permission", "permission-tree", "permission-group":
			r.permission(e)
		}
	}
	r.network(app)
	if r.app.TargetSDK >= sdkS {
		for _, c := range r.facts.Components {
			if c.ExportedBy == "filter" {
				r.note("%s has an intent filter and does not say whether it is exported: Android 12 and later refuse the app", c.Name)
			}
		}
	}
	return nil
}

// validPackage is FrameworkParsingPackageUtils.validateName, with a separator.
func validPackage(name string) bool {
	if name == "android" {
		return true
	}
	dots, front := 0, true
	for _, c := range name {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			front = false
		case c >= '0' && c <= '9' || c == '_':
			if front {
				return false
			}
		case c == '.':
			dots++
			front = true
		default:
			return false
		}
	}
	return dots > 0
}

// usesSDK reads an element uses-sdk: of several, the last one that the parser has
// met counts.
func (r *reader) usesSDK(e *axml.Element) {
	const given, code = 1, 2
	version := func(id uint32, def int64) (int64, int) {
		v := r.get(e, id)
		switch {
		case !v.given || v.foreign || v.Type == chunk.String && v.String == "":
			return def, 0
		case v.Type == chunk.String:
			r.note("uses-sdk names an SDK by the code name %s: only devices of that development branch take the app", raw(v.String))
			return sdkDevelopment, given | code
		}
		return int64(int32(v.Data)), given // whatever its type: "If it's not a string, it's an integer."
	}
	lowest, how := version(attrMinSDK, 1)
	target, what := version(attrTargetSDK, lowest)
	if what&code != 0 && how&given == 0 {
		lowest = target // a code name stands for both
	}
	r.app.MinSDK, r.app.TargetSDK, r.target = lowest, target, target
}

// application reads the first element application: parseBaseApplication.
func (r *reader) application(e *axml.Element) {
	a := &r.app
	if name, ok := r.fixed(e, attrName); ok {
		if a.Class, ok = className(a.Package, name); !ok {
			r.note("the application's class has an empty name: devices refuse the app")
		}
	}
	a.Process, _ = r.processName(e, "")
	r.process = a.Process
	if a.Persistent = r.bool(e, attrPersistent, false); a.Persistent {
		if feature, ok := r.literal(e, attrPersistentWhenFeature); ok {
			r.note("the app is persistent only on devices with the feature %s", feature)
		}
	}
	r.enabled = r.variants(e, attrEnabled, true)
	a.Enabled = r.bool(e, attrEnabled, true)
	a.HasCode = r.bool(e, attrHasCode, true)
	a.Debuggable = r.bool(e, attrDebuggable, false)
	a.TestOnly = r.bool(e, attrTestOnly, false)
	a.AllowBackup = r.bool(e, attrAllowBackup, true)
	a.Network.Cleartext = r.target < sdkP
	if v := r.get(e, attrUsesCleartext); v.given {
		a.Network.By, a.Network.Cleartext = "manifest", boolean(v, a.Network.Cleartext)
	}
	r.guard, _ = r.fixed(e, attrPermission)

	meta := &metaData{}
	for _, c := range r.children(e, leaves("meta-data", "property", "library", "sdk-library", "static-library", "uses-library", "uses-native-library", "uses-package", "profileable")) {
		if r.err != nil {
			return
		}
		switch c.Name {
		case fact.ComponentActivity, fact.ComponentAlias, fact.ComponentService, fact.ComponentReceiver, fact.ComponentProvider:
			r.component(c, e)
		case "meta-data":
			r.addMetaData(meta, c)
		case "uses-library", "uses-native-library":
			r.library(c, r.bool(c, attrRequired, true))
		case "uses-static-library":
			r.library(c, true)
		}
	}
	a.MetaData = meta.list
	r.metaDefaults(meta)
}

// library records a shared library that the app asks for. That it is required
// once outweighs that it is not.
func (r *reader) library(e *axml.Element, required bool) {
	name, ok := r.literal(e, attrName)
	if !ok {
		return
	}
	r.spend(int64(len(r.app.Libraries))) // for looking
	for i := range r.app.Libraries {
		if l := &r.app.Libraries[i]; l.Name == name {
			l.Required = l.Required || required
			return
		}
	}
	r.app.Libraries = append(r.app.Libraries, fact.UsesLibrary{Name: name, Required: required})
}

func (r *reader) overlay(e *axml.Element) {
	target, ok := r.str(e, attrTargetPackage)
	if !ok {
		r.note("an overlay does not say what it overlays: devices refuse the app")
		return
	}
	if r.app.Overlay != nil {
		r.note("there is more than one overlay: devices take the last")
	}
	o := &fact.Overlay{Target: target, Priority: r.int(e, attrPriority, 0), Static: r.bool(e, attrIsStatic, false)}
	o.TargetName, _ = r.str(e, attrTargetName)
	o.Category, _ = r.str(e, attrCategory)
	if o.Priority < 0 || o.Priority > 9999 {
		r.note("the priority of the overlay is %d: devices refuse the app", o.Priority)
	}
	if name, ok := r.str(e, attrRequiredSystemPropertyName); ok {
		value, _ := r.str(e, attrRequiredSystemPropertyValue)
		r.note("the app is passed over unless the system properties %s are %s", name, value)
	}
	r.app.Overlay = o
}

// className is ParsingUtils.buildClassName.
func className(pkg, name string) (string, bool) {
	switch {
	case name == "":
		return "", false
	case name[0] == '.':
		return pkg + name, true
	case !strings.Contains(name, "."):
		return pkg + "." + name, true
	}
	return name, true
}

// processName is ComponentParseUtils.buildProcessName: "" is the process that
// bears the package's name.
func (r *reader) processName(e *axml.Element, def string) (string, bool) {
	named := r.fixed
	if r.target < sdkFroyo {
		named = r.literal
	}
	name, ok := named(e, attrProcess)
	switch {
	case !ok || name == "":
		return def, false
	case name[0] == ':':
		return r.app.Package + name, true
	case name == r.app.Package:
		return "", true
	}
	return name, true
}

// place is where an element of the manifest stands.
func (r *reader) place(e *axml.Element) fact.Location {
	return r.manifestAt.AtOffset(e.Offset)
}
