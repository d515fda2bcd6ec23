package expr

import (
	"slices"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// A subject is one fact that a rule looks at.
type subject struct {
	id     fact.Subject
	record any // pointer to the fact
	app    *fact.App
	at     *fact.Location
}

// A kind is a kind of facts as expressions see it.
type kind struct {
	name    string // of the variable
	typ     string // its type
	withApp bool   // app is declared beside it
	all     func(*fact.Facts) []subject
}

// kinds are what a rule can look at each of.
func kinds() map[fact.Kind]kind {
	return map[fact.Kind]kind{
		fact.KindUpdate: {"update", "fact.Update", false, func(f *fact.Facts) []subject {
			return list(f.Update, func(r *fact.Update) subject { return subject{id: fact.UpdateSubject, at: &r.At} })
		}},
		fact.KindMetadata: {"metadata", "fact.Metadata", false, func(f *fact.Facts) []subject {
			return list(f.Metadata, func(r *fact.Metadata) subject { return named("metadata", r.File+" "+r.Key, &r.At) })
		}},
		fact.KindMembers: {"member", "fact.Member", false, func(f *fact.Facts) []subject {
			return list(f.Members, func(r *fact.Member) subject { return named("member", r.Name, &r.At) })
		}},
		fact.KindPartitions: {"partition", "fact.Partition", false, func(f *fact.Facts) []subject {
			return list(f.Partitions, func(r *fact.Partition) subject { return named("partition", r.Name, &r.At) })
		}},
		fact.KindFiles: {"file", "fact.File", false, func(f *fact.Facts) []subject {
			return list(f.Files, func(r *fact.File) subject { return named("file", r.Device, &r.At) })
		}},
		fact.KindScript: {"call", "fact.Script", false, func(f *fact.Facts) []subject {
			return list(f.Script, func(r *fact.Script) subject { return named("call", r.At.String(), &r.At) })
		}},
		fact.KindCertificates: {"certificate", "fact.Certificate", false, func(f *fact.Facts) []subject {
			return list(f.Certificates, func(r *fact.Certificate) subject { return named("certificate", fact.Place(r.At), &r.At) })
		}},
		fact.KindSignatures: {"signature", "fact.Signature", false, func(f *fact.Facts) []subject {
			return list(f.Signatures, func(r *fact.Signature) subject { return named("signature", r.Scheme+" "+r.Subject, &r.At) })
		}},
		fact.KindStatements: {"statement", "fact.Statement", false, func(f *fact.Facts) []subject {
			return list(f.Statements, func(r *fact.Statement) subject { return named("statement", r.Form+" "+r.Subject, &r.At) })
		}},
		fact.KindModules: {"module", "fact.Module", false, func(f *fact.Facts) []subject {
			return list(f.Modules, func(r *fact.Module) subject { return named("module", r.Name+" "+fact.Place(r.At), &r.At) })
		}},
		fact.KindApps: {"app", "fact.App", false, func(f *fact.Facts) []subject {
			shared := map[string]int{}
			for i := range f.Apps {
				shared[f.Apps[i].Package]++
			}
			return list(f.Apps, func(r *fact.App) subject {
				if shared[r.Package] == 1 {
					return subject{id: r.Subject(), at: &r.At}
				}
				return subject{id: f.AppSubject(r), at: &r.At}
			})
		}},
		fact.KindComponents: {"component", "fact.Component", true, func(f *fact.Facts) []subject {
			owner := owners(f)
			return list(f.Components, func(r *fact.Component) subject {
				return subject{id: fact.Subject{Kind: "component", ID: r.App + " " + r.Name}, app: owner(r.App, r.At), at: &r.At}
			})
		}},
		fact.KindPermissions: {"permission", "fact.Permission", true, func(f *fact.Facts) []subject {
			owner := owners(f)
			return list(f.Permissions, func(r *fact.Permission) subject {
				return subject{id: fact.Subject{Kind: "permission", ID: r.App + " " + r.Use + " " + r.Name}, app: owner(r.App, r.At), at: &r.At}
			})
		}},
		fact.KindProperties: {"property", "fact.Property", false, func(f *fact.Facts) []subject {
			return list(f.Properties, func(r *fact.Property) subject {
				return named("property", r.Name+" "+fact.Place(r.At), &r.At)
			})
		}},
		fact.KindSettings: {"setting", "fact.Setting", true, func(f *fact.Facts) []subject {
			owner := owners(f)
			return list(f.Settings, func(r *fact.Setting) subject {
				return subject{id: r.Subject(), app: owner(r.App, r.At), at: &r.At}
			})
		}},
		fact.KindWrites: {"write", "fact.Write", true, func(f *fact.Facts) []subject {
			owner := owners(f)
			return list(f.Writes, func(r *fact.Write) subject { return subject{id: r.Subject(), app: owner(r.By, r.At), at: &r.At} })
		}},
		fact.KindFlows: {"flow", "fact.Flow", true, func(f *fact.Facts) []subject {
			owner := owners(f)
			return list(f.Flows, func(r *fact.Flow) subject { return subject{id: r.Subject(), app: owner(r.App, r.At), at: &r.At} })
		}},
	}
}

// Each lists the kinds of facts that a rule can look at each of.
func Each() []fact.Kind {
	var out []fact.Kind
	for k := range kinds() {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func named(kind, id string, at *fact.Location) subject {
	return subject{id: fact.Subject{Kind: kind, ID: id}, at: at}
}

func list[T any](recs []T, of func(*T) subject) []subject {
	out := make([]subject, len(recs))
	for i := range recs {
		out[i] = of(&recs[i])
		out[i].record = &recs[i]
	}
	return out
}

// owners finds the app of a package. Where several apps have the name, it is the one that
// the place is in; nil where none can be told.
func owners(f *fact.Facts) func(pkg string, at fact.Location) *fact.App {
	byName := map[string][]*fact.App{}
	for i := range f.Apps {
		byName[f.Apps[i].Package] = append(byName[f.Apps[i].Package], &f.Apps[i])
	}
	return func(pkg string, at fact.Location) *fact.App {
		apps := byName[pkg]
		if len(apps) == 1 {
			return apps[0]
		}
		for _, a := range apps {
			if a.At.Partition == at.Partition && a.At.Slot == at.Slot && a.At.Path == at.Path && len(at.Inner) > 0 {
				return a
			}
		}
		return nil
	}
}

// evidence says where a violation can be seen.
func evidence(record any, at fact.Location) []policies.Evidence {
	var out []policies.Evidence
	add := func(role string, at fact.Location, detail string) {
		out = append(out, policies.Evidence{Role: role, Order: len(out) + 1, At: at, Detail: detail})
	}
	steps := func(steps []fact.Step) {
		for _, s := range steps {
			add(s.Role, s.At, s.Detail)
		}
	}
	switch r := record.(type) {
	case fact.Flow:
		steps(r.Steps)
		if len(r.Steps) == 0 {
			add("source", r.Source.At, r.Source.Symbol)
			add("sink", r.Sink.At, r.Sink.Symbol)
		}
	case fact.Write:
		steps(r.Steps)
		if len(r.Steps) == 0 {
			add("write", r.At, "")
		}
	case fact.Setting:
		for _, l := range r.Layers {
			detail := l.Source
			if l.Value != nil {
				detail += ": " + *l.Value
			}
			if l.Config != "" {
				detail += " (" + l.Config + ")"
			}
			if l.Detail != "" {
				detail += ", " + l.Detail
			}
			add("layer", l.At, detail)
		}
	default:
		add("source", at, "")
	}
	return out
}
