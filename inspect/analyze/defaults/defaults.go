// Package defaults joins the places that state a key's default to one answer for each key:
// what it is as long as nobody has stored another value, or why that cannot be told.
//
// An answer is given only where every place that was found says the same, or where the platform's
// own order decides. What is looked at:
//
//   - preferences: the defaultValue of screens and the default of each read in code. Whether
//     setDefaultValues makes a screen's count before it is shown is not followed, so that the
//     two decide nothing where they differ.
//   - Settings.System, Secure and Global: each read in code. The provider has defaults of its own, which
//     are not read yet, so that these settings have layers and no answer.
//   - system properties: the property files in init's order, then each read in code. What init
//     scripts and the kernel's command line set later is not part of the answer.
//   - resources that code asks for, meta-data and components: what the app declares. An overlay of
//     the update that targets the app leaves open what stands in a resource.
package defaults

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
)

// Analysis makes the settings.
var Analysis = &inspect.Analysis{
	Name:  "defaults",
	Doc:   "what each key is by default, with every layer that has a say",
	Needs: []fact.Kind{fact.KindUpdate, fact.KindApps, fact.KindProperties, fact.KindDefaults},
	Emits: []fact.Kind{fact.KindSettings},
	Run: func(_ context.Context, p *inspect.Pass) (fact.Facts, error) {
		return join(p.Facts), nil
	},
}

// A key is what the statements are joined by.
type key struct{ store, app, name string }

func join(f *fact.Facts) fact.Facts {
	var out fact.Facts
	stated := map[key][]*fact.Default{}
	computed := map[key][]*fact.Default{} // reads whose key code computes, with no name
	for i := range f.Defaults {
		d := &f.Defaults[i]
		k := key{d.Store, d.App, ""}
		if d.Key == nil {
			computed[k] = append(computed[k], d)
			continue
		}
		k.name = *d.Key
		stated[k] = append(stated[k], d)
	}
	props := newProperties(f)
	for name := range props.lines {
		if k := (key{fact.StoreProperty, "", name}); stated[k] == nil {
			stated[k] = nil // known by its lines alone
		}
	}
	overlaid := map[string]*fact.App{}
	for i := range f.Apps {
		if o := f.Apps[i].Overlay; o != nil {
			overlaid[o.Target] = &f.Apps[i]
		}
	}
	for k, ds := range stated {
		s := fact.Setting{Store: k.store, App: k.app, Key: k.name, Type: commonType(ds)}
		switch k.store {
		case fact.StoreProperty:
			props.decide(&s, ds)
		case fact.StoreSystem, fact.StoreSecure, fact.StoreGlobal:
			s.Layers = layers(ds)
			s.Reason = "the defaults of the settings provider come first, and this version does not read them"
		default:
			s.Layers = layers(ds)
			agree(&s, ds)
			if n := len(computed[key{k.store, k.app, ""}]); n > 0 && k.store == fact.StorePreferences {
				s.Reason = also(s.Reason, fmt.Sprintf("%d reads of the app have keys that code computes, and may be of this one", n))
			}
		}
		if by := overlaid[k.app]; by != nil && k.app != "" && slices.ContainsFunc(ds, func(d *fact.Default) bool { return d.Resource != "" }) {
			s.Default = nil
			s.Reason = also(s.Reason, "its resource may be replaced by the overlay "+by.Package+", which this version does not follow")
			unwin(s.Layers)
		}
		if len(s.Layers) > 0 {
			s.At = s.Layers[0].At
		}
		out.Settings = append(out.Settings, s)
	}
	for k, ds := range computed {
		// What an app's resources are does not hang on who reads them, and the stores that all share have
		// no answer, or files that give it.
		if k.store == fact.StorePreferences {
			out.Gaps = append(out.Gaps, unresolved(k.app, ds))
		}
	}
	return out
}

// unresolved is the gap of reads of preferences whose key code computes: they may be of any of the app's.
func unresolved(app string, ds []*fact.Default) fact.Gap {
	first := slices.MinFunc(ds, func(a, b *fact.Default) int { return cmp.Compare(a.At.String(), b.At.String()) })
	g := fact.Gap{At: first.At, Cause: fact.CauseUndecided, Blinds: []fact.Kind{fact.KindSettings},
		Reason:   fmt.Sprintf("reads of preferences whose key code computes: %d, the first of them here", len(ds)),
		Subjects: []fact.Subject{fact.AppSubject(app)}}
	if app == "" {
		g.Subjects = []fact.Subject{{Kind: "file", ID: fact.Place(first.At)}}
	}
	return g
}

// layers makes a layer of each statement, screens before reads, as people meet them.
func layers(ds []*fact.Default) []fact.Layer {
	out := make([]fact.Layer, 0, len(ds))
	for _, d := range ds {
		l := fact.Layer{Source: d.Source, Value: d.Value, Config: d.Config, Detail: d.Note, At: d.At}
		if d.Resource != "" {
			l.Detail = also("resource "+d.Resource, d.Note)
		}
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(a, b fact.Layer) int {
		return cmp.Or(cmp.Compare(rank(a.Source), rank(b.Source)), cmp.Compare(a.At.String(), b.At.String()), cmp.Compare(a.Config, b.Config))
	})
	return out
}

func rank(source string) int {
	return slices.Index([]string{fact.SourceFile, fact.SourceManifest, fact.SourceScreen, fact.SourceResource, fact.SourceRead}, source)
}

// agree gives a setting its default where every statement is the same.
func agree(s *fact.Setting, ds []*fact.Default) {
	var values, configs []string
	open, said := 0, 0
	for _, d := range ds {
		switch {
		case d.Value != nil:
			said++
			values = append(values, *d.Value)
			if d.Config != "" {
				configs = append(configs, d.Config)
			}
		case d.Source == fact.SourceRead && d.Resource == "":
			open++ // a screen that declares nothing, and a read of a resource, state nothing
		}
	}
	values, configs = unique(values), unique(configs)
	switch {
	case said == 0 && open == 0:
		s.Reason = "nothing that was found states a default"
	case open > 0:
		s.Reason = fmt.Sprintf("at %d of %d places code computes it", open, open+said)
	case len(values) > 1 && len(configs) > 0:
		s.Reason = fmt.Sprintf("it depends on the configuration: it is another in %s", list(configs))
	case len(values) > 1:
		s.Reason = "it is stated differently: " + differing(s.Layers)
	default:
		v := values[0]
		s.Default = &v
		win(s.Layers)
		if s.Store == fact.StorePreferences && !slices.ContainsFunc(ds, func(d *fact.Default) bool { return d.Source == fact.SourceRead }) {
			s.Reason = "declared by a screen, and no read of it was found"
		}
	}
}

// win marks the layer that gives the default: the last of those with a value, which is a read's
// where there is one, because what code takes is what happens.
func win(ls []fact.Layer) {
	for i := len(ls) - 1; i >= 0; i-- {
		if ls[i].Value != nil {
			ls[i].Wins = true
			return
		}
	}
}

func unwin(ls []fact.Layer) {
	for i := range ls {
		ls[i].Wins = false
	}
}

// differing says who states what, each once.
func differing(ls []fact.Layer) string {
	var said []string
	for _, l := range ls {
		if l.Value != nil {
			said = append(said, *l.Value+" by a "+l.Source)
		}
	}
	return list(unique(said))
}

// maxListed bounds how many values a reason names.
const maxListed = 8

func list(all []string) string {
	if len(all) > maxListed {
		return strings.Join(all[:maxListed], ", ") + fmt.Sprintf(" and %d more", len(all)-maxListed)
	}
	return strings.Join(all, ", ")
}

func unique(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

func also(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + "; " + b
}

// commonType is the type that every statement which has one agrees on.
func commonType(ds []*fact.Default) string {
	typ := ""
	for _, d := range ds {
		if d.Type != "" && typ != "" && d.Type != typ {
			return ""
		}
		typ = cmp.Or(typ, d.Type)
	}
	return typ
}
