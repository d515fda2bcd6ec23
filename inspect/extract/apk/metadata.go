package apk

import (
	"strconv"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
)

// A metaData is the bundle of meta-data of one element.
type metaData struct {
	list []fact.ManifestData
	from []*axml.Element // the element of each
	by   map[string]int  // where in both, by name
}

// addMetaData reads an element meta-data: parseMetaData. Of several with one name
// the last counts, because they go into one bundle.
func (r *reader) addMetaData(m *metaData, e *axml.Element) {
	r.spend(recordCost / 4)
	name, ok := r.fixed(e, attrName)
	if !ok {
		r.note("there is meta-data without a name: devices refuse the app")
		return
	}
	d := fact.ManifestData{Name: name}
	if v := r.get(e, attrResource); v.id != 0 {
		d.Resource = r.resource(v.id) // the code is given the resource's number
	} else if v := r.get(e, attrValue); v.given {
		d.Value, d.Resource = r.text(v.Text()), r.resource(v.id)
	} else {
		r.note("the meta-data %s has no value: devices refuse the app", name)
		return
	}
	if m.by == nil {
		m.by = map[string]int{}
	}
	if i, ok := m.by[name]; ok {
		r.note("there is meta-data of the name %s more than once: devices take the last", name)
		m.list[i], m.from[i] = d, e
		return
	}
	m.by[name] = len(m.list)
	m.list, m.from = append(m.list, d), append(m.from, e)
}

// A variant is a value of a switch in one configuration.
type variant struct {
	value    bool
	unknown  bool   // the resource is another package's
	resource string // where the value stands in one
	config   string // "" all others
}

func (v variant) text() *string {
	if v.unknown {
		return nil
	}
	return new(strconv.FormatBool(v.value))
}

// maxVariants bounds the values of one switch that become facts; resources of
// real apps have one for each country at most.
const maxVariants = 512

// variants are the values of a switch: one, unless a resource has others in other
// configurations.
func (r *reader) variants(e *axml.Element, id uint32, def bool) []variant {
	return r.all(r.get(e, id), def)
}

func (r *reader) all(v typed, def bool) []variant {
	one := []variant{{value: boolean(v, def), unknown: v.foreign, resource: r.resource(v.id)}}
	if v.id == 0 || v.foreign || r.table == nil {
		return one
	}
	var list []variant
	same := true
	for e, err := range r.table.Values(v.id) {
		r.spend(lookupCost)
		if err != nil || r.err != nil || e.Bag() {
			continue // a broken one is noted where it would be used
		}
		if len(list) == maxVariants {
			r.note("%s has more than %d values: the others are left out", one[0].resource, maxVariants)
			break
		}
		val := e.Value
		if val.IsReference() {
			got := r.resolve(val.Data)
			if val = got.value; got.flags&configs != 0 {
				r.note("%s refers to %s, which differs by configuration too", one[0].resource, r.resource(e.Value.Data))
			}
		}
		list = append(list, variant{value: truth(val), resource: one[0].resource, config: r.text(e.Config.String())})
		same = same && list[len(list)-1].value == one[0].value
	}
	if same {
		return one
	}
	return list
}

// componentDefaults states whether a component is enabled as long as nobody says
// otherwise: where it and the application are.
func (r *reader) componentDefaults(class string, own []variant, at fact.Location) {
	for _, app := range r.enabled {
		for _, v := range own {
			r.spend(recordCost)
			if r.err != nil {
				return
			}
			both := variant{value: app.value && v.value, unknown: app.unknown && (v.unknown || v.value) || v.unknown && app.value}
			d := fact.Default{Store: fact.StoreComponent, App: r.app.Package, Key: new(class), Type: "boolean",
				Value: both.text(), Source: fact.SourceManifest, Resource: v.resource, Config: v.config, Note: foreign(both), At: at}
			switch {
			case app.resource == "":
			case app.resource == v.resource:
				if app.config != v.config {
					continue
				}
			case v.resource == "":
				d.Resource, d.Config = app.resource, app.config
				d.Note = join(d.Note, "the application's")
			default:
				d.Note = join(d.Note, "and the application's "+app.resource)
				if app.config != "" {
					d.Note += " for " + app.config
				}
			}
			r.facts.Defaults = append(r.facts.Defaults, d)
		}
	}
}

func foreign(v variant) string {
	if v.unknown {
		return "a resource of another package says it"
	}
	return ""
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

// metaDefaults states the switches among the application's meta-data.
func (r *reader) metaDefaults(m *metaData) {
	for i, e := range m.from {
		v, note := r.get(e, attrValue), ""
		if res := r.get(e, attrResource); res.id != 0 {
			v, note = res, "the code is given the resource's number"
		}
		if v.Type != chunk.Bool {
			continue
		}
		for _, w := range r.all(v, false) {
			r.spend(recordCost)
			if r.err != nil {
				return
			}
			r.facts.Defaults = append(r.facts.Defaults, fact.Default{Store: fact.StoreMetaData, App: r.app.Package,
				Key: new(m.list[i].Name), Type: "boolean", Value: w.text(), Source: fact.SourceManifest,
				Resource: w.resource, Config: w.config, Note: note, At: r.place(e)})
		}
	}
}
