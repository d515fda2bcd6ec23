package apk

import (
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/axml"
)

// recordCost is what a record costs beside its own texts, in the units of
// reader.left: about its size as JSON.
const recordCost = 400

// component reads an activity, alias, service, receiver or provider:
// ParsedActivityUtils, ParsedServiceUtils, ParsedProviderUtils.
func (r *reader) component(e, app *axml.Element) {
	r.spend(recordCost)
	name, _ := r.fixed(e, attrName)
	class, ok := className(r.app.Package, name)
	if !ok {
		r.note("there is %s without a name: devices refuse the app", article(e.Name))
		return
	}
	own := r.variants(e, attrEnabled, true)
	c := fact.Component{App: r.app.Package, Kind: e.Name, Name: class,
		Enabled: r.app.Enabled && r.bool(e, attrEnabled, true), At: r.place(e)}
	if c.Kind == fact.ComponentAlias && !r.alias(e, &c) {
		return
	}
	if c.Kind != fact.ComponentAlias {
		c.Process, _ = r.processName(e, r.process)
		c.DirectBoot = r.bool(e, attrDirectBootAware, false) || r.installed() && r.bool(app, attrDirectBootAware, false)
	}
	r.permissions(e, &c)
	if c.Kind == fact.ComponentProvider {
		r.provider(e, &c)
	}
	leaf := leaves("meta-data", "property", "layout", "grant-uri-permission", "path-permission")
	meta := &metaData{}
	for _, in := range r.children(e, leaf) {
		if r.err != nil {
			return
		}
		switch in.Name {
		case "intent-filter":
			r.filter(in, &c)
		case "meta-data":
			r.addMetaData(meta, in)
		case "grant-uri-permission":
			if c.Kind == fact.ComponentProvider && r.hasPath(in) {
				c.GrantURI = true
			}
		case "path-permission":
			if c.Kind == fact.ComponentProvider {
				r.note("%s has permissions of its own for some paths (path-permission)", class)
			}
		}
	}
	c.MetaData = meta.list
	r.exported(e, &c)
	if _, twice := r.classes[[2]string{c.Kind, class}]; twice {
		r.note("%s is declared more than once as %s: devices take the last, and the filters of all", class, c.Kind)
	}
	r.classes[[2]string{c.Kind, class}] = len(r.facts.Components)
	r.componentDefaults(c.Name, own, c.At)
	r.facts.Components = append(r.facts.Components, c)
}

func article(name string) string {
	if name != "" && strings.ContainsRune("aeiou", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}

// alias finds the activity that an alias stands for, which has to be declared
// before it. Process and direct boot are the activity's, permission and exported
// state are not: ParsedActivityImpl.makeAlias.
func (r *reader) alias(e *axml.Element, c *fact.Component) bool {
	target, _ := r.fixed(e, attrTargetActivity)
	class, ok := className(r.app.Package, target)
	if !ok {
		r.note("%s does not say for what activity it stands: devices refuse the app", c.Name)
		return false
	}
	c.Target = class
	for _, kind := range []string{fact.ComponentActivity, fact.ComponentAlias} {
		if i, ok := r.classes[[2]string{kind, class}]; ok {
			o := &r.facts.Components[i]
			c.Process, c.DirectBoot = o.Process, o.DirectBoot
			return true
		}
	}
	r.note("%s stands for %s, which is not declared before it: devices refuse the app", c.Name, class)
	return true
}

// permissions finds what others need to reach a component: its own, else the
// application's. An alias has its own alone, and "" is none.
func (r *reader) permissions(e *axml.Element, c *fact.Component) {
	own, ok := r.fixed(e, attrPermission)
	if c.Permission = own; !ok && c.Kind != fact.ComponentAlias {
		c.Permission = r.guard
	}
	if c.Kind != fact.ComponentProvider {
		return
	}
	// A provider's readPermission and writePermission each outweigh its permission,
	// and that the application's.
	c.ReadPermission, c.WritePermission = c.Permission, c.Permission
	if read, ok := r.fixed(e, attrReadPermission); ok {
		c.ReadPermission = read
	}
	if write, ok := r.fixed(e, attrWritePermission); ok {
		c.WritePermission = write
	}
}

func (r *reader) provider(e *axml.Element, c *fact.Component) {
	c.GrantURI = r.bool(e, attrGrantURIPermissions, false)
	names, _ := r.fixed(e, attrAuthorities)
	for _, name := range strings.Split(names, ";") { // as StringTokenizer does, which knows no empty ones
		if name != "" {
			c.Authorities = append(c.Authorities, name)
		}
	}
	if names == "" {
		r.note("the provider %s has no authority: devices refuse the app", c.Name)
	}
}

// hasPath tells whether a grant-uri-permission names a path, without which it is
// passed over.
func (r *reader) hasPath(e *axml.Element) bool {
	for _, id := range []uint32{attrPath, attrPathPrefix, attrPathPattern} {
		if _, ok := r.fixed(e, id); ok {
			return true
		}
	}
	// Newer ways to say it, whose ids differ between releases.
	return named(e, androidNS, "pathAdvancedPattern") != nil || named(e, androidNS, "pathSuffix") != nil
}

// exported tells whether other apps reach a component, and why.
func (r *reader) exported(e *axml.Element, c *fact.Component) {
	v := r.get(e, attrExported)
	provider := c.Kind == fact.ComponentProvider
	switch {
	case v.given:
		c.Exported, c.ExportedBy = boolean(v, provider && r.target < sdkJellyBeanMR1), "declared"
		if v.id != 0 && v.differs {
			r.note("whether %s is exported differs by configuration, as %s does", c.Name, r.resource(v.id))
		}
	case provider:
		c.Exported, c.ExportedBy = r.target < sdkJellyBeanMR1, "default"
		if r.app.Split != "" && r.target == 0 {
			r.note("%s is exported or not by the target SDK of the base app, which a split does not say", c.Name)
		}
	case len(c.Filters) > 0:
		c.Exported, c.ExportedBy = true, "filter"
	default:
		c.ExportedBy = "default"
	}
}

// filter reads an intent filter: ParsedIntentInfoUtils. One without an action
// counts for services and providers alone.
func (r *reader) filter(e *axml.Element, c *fact.Component) {
	r.spend(recordCost / 4)
	f := fact.Filter{Priority: r.int(e, attrPriority, 0)}
	for _, in := range r.children(e, leaves("action", "category", "data")) {
		if r.err != nil {
			return
		}
		switch in.Name {
		case "action":
			f.Actions = r.addName(f.Actions, in)
		case "category":
			f.Categories = r.addName(f.Categories, in)
		case "data":
			r.data(in, &f, c)
		case "uri-relative-filter-group":
			r.note("%s has a filter with a uri-relative-filter-group, which is not looked at", c.Name)
		}
	}
	switch c.Kind {
	case fact.ComponentActivity, fact.ComponentAlias, fact.ComponentReceiver:
		if len(f.Actions) == 0 {
			r.note("%s has an intent filter without an action, which devices pass over", c.Name)
			return
		}
	}
	c.Filters = append(c.Filters, f)
}

// addName adds the name of an action or category. It is found by the name of the
// attribute, not by its id, and a reference is not followed.
func (r *reader) addName(list []string, e *axml.Element) []string {
	name, ok := r.plain(named(e, androidNS, "name"))
	if !ok {
		if name, ok = r.literal(e, attrName); !ok {
			r.note("there is %s without a name: devices refuse the app", article(e.Name))
			return list
		}
		r.note("the attribute name of %s is called otherwise: devices refuse the app", article(e.Name))
	}
	for _, have := range list {
		if have == name {
			return list
		}
	}
	r.spend(int64(len(list))) // for having looked
	return append(list, name)
}

func (r *reader) data(e *axml.Element, f *fact.Filter, c *fact.Component) {
	var d fact.Data
	fields := map[uint32]*string{attrScheme: &d.Scheme, attrHost: &d.Host, attrPort: &d.Port, attrPath: &d.Path,
		attrPathPrefix: &d.PathPrefix, attrPathPattern: &d.PathPattern, attrMimeType: &d.MimeType}
	for i := range e.Attributes {
		a := &e.Attributes[i]
		if p, ok := fields[a.ResourceID]; ok {
			*p, _ = r.fixed(e, a.ResourceID)
		} else {
			r.note("a filter of %s has data that facts have no field for: %s", c.Name, raw(a.Name))
		}
	}
	if d != (fact.Data{}) {
		r.spend(recordCost / 4)
		f.Data = append(f.Data, d)
	}
}
