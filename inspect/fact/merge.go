package fact

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Merge adds the records of g to f. Kinds are united. Schema and Tool are f's.
func (f *Facts) Merge(g *Facts) {
	for _, k := range g.Kinds {
		if !slices.Contains(f.Kinds, k) {
			f.Kinds = append(f.Kinds, k)
		}
	}
	f.Update = append(f.Update, g.Update...)
	f.Metadata = append(f.Metadata, g.Metadata...)
	f.Members = append(f.Members, g.Members...)
	f.Partitions = append(f.Partitions, g.Partitions...)
	f.Files = append(f.Files, g.Files...)
	f.Script = append(f.Script, g.Script...)
	f.Certificates = append(f.Certificates, g.Certificates...)
	f.Signatures = append(f.Signatures, g.Signatures...)
	f.Statements = append(f.Statements, g.Statements...)
	f.Modules = append(f.Modules, g.Modules...)
	f.Apps = append(f.Apps, g.Apps...)
	f.Components = append(f.Components, g.Components...)
	f.Permissions = append(f.Permissions, g.Permissions...)
	f.Properties = append(f.Properties, g.Properties...)
	f.Defaults = append(f.Defaults, g.Defaults...)
	f.Settings = append(f.Settings, g.Settings...)
	f.Writes = append(f.Writes, g.Writes...)
	f.Flows = append(f.Flows, g.Flows...)
	f.Gaps = append(f.Gaps, g.Gaps...)
}

// Sort orders every slice by place and then by content and drops exact
// repetitions, so that the same findings make the same bytes in whichever order
// they came. Slices that are nil become empty, because JSON tells the two apart.
func (f *Facts) Sort() {
	for i := range f.Script {
		f.Script[i].Args = nonNil(f.Script[i].Args)
	}
	for i := range f.Signatures {
		s := &f.Signatures[i]
		s.Signers, s.Known, s.Accepts = nonNil(s.Signers), nonNil(s.Known), nonNil(s.Accepts)
		s.Covers, s.Unsigned = nonNil(s.Covers), nonNil(s.Unsigned)
	}
	for i := range f.Gaps {
		f.Gaps[i].Blinds, f.Gaps[i].Subjects = nonNil(f.Gaps[i].Blinds), nonNil(f.Gaps[i].Subjects)
	}
	slices.Sort(f.Kinds)
	f.Kinds = nonNil(slices.Compact(f.Kinds))
	f.Update = sorted(f.Update, func(r *Update) Location { return r.At })
	f.Metadata = sorted(f.Metadata, func(r *Metadata) Location { return r.At })
	f.Members = sorted(f.Members, func(r *Member) Location { return r.At })
	f.Partitions = sorted(f.Partitions, func(r *Partition) Location { return r.At })
	f.Files = sorted(f.Files, func(r *File) Location { return r.At })
	f.Script = sorted(f.Script, func(r *Script) Location { return r.At })
	f.Certificates = sorted(f.Certificates, func(r *Certificate) Location { return r.At })
	f.Signatures = sorted(f.Signatures, func(r *Signature) Location { return r.At })
	f.Statements = sorted(f.Statements, func(r *Statement) Location { return r.At })
	f.Modules = sorted(f.Modules, func(r *Module) Location { return r.At })
	f.Apps = sorted(f.Apps, func(r *App) Location { return r.At })
	f.Components = sorted(f.Components, func(r *Component) Location { return r.At })
	f.Permissions = sorted(f.Permissions, func(r *Permission) Location { return r.At })
	f.Properties = sorted(f.Properties, func(r *Property) Location { return r.At })
	f.Defaults = sorted(f.Defaults, func(r *Default) Location { return r.At })
	f.Settings = sorted(f.Settings, func(r *Setting) Location { return r.At })
	f.Writes = sorted(f.Writes, func(r *Write) Location { return r.At })
	f.Flows = sorted(f.Flows, func(r *Flow) Location { return r.At })
	f.Gaps = sorted(f.Gaps, func(r *Gap) Location { return r.At })
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

type keyed[T any] struct {
	rec  T
	at   Location
	text string // the record's JSON: total order, and equality
}

func sorted[T any](recs []T, at func(*T) Location) []T {
	ks := make([]keyed[T], len(recs))
	for i := range recs {
		// Records hold nothing that cannot be marshalled; the reflection test sees to that.
		text, _ := json.Marshal(recs[i])
		ks[i] = keyed[T]{recs[i], at(&recs[i]), string(text)}
	}
	slices.SortFunc(ks, func(a, b keyed[T]) int {
		return cmp.Or(compareLocations(a.at, b.at), cmp.Compare(a.text, b.text))
	})
	out := make([]T, 0, len(recs))
	for i := range ks {
		if i == 0 || ks[i].text != ks[i-1].text {
			out = append(out, ks[i].rec)
		}
	}
	return out
}

// compareLocations orders by update, partition, path, members, and then by number
// rather than by digits.
func compareLocations(a, b Location) int {
	return cmp.Or(
		cmp.Compare(a.Update, b.Update),
		cmp.Compare(a.Partition, b.Partition),
		cmp.Compare(a.Slot, b.Slot),
		cmp.Compare(a.Path, b.Path),
		slices.Compare(a.Inner, b.Inner),
		comparePointers(a.Line, b.Line),
		comparePointers(a.Offset, b.Offset),
		cmp.Compare(a.Symbol, b.Symbol),
	)
}

func comparePointers(a, b *int64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}

// Locations calls f with every Location in the facts, those of gaps included, so
// that it can be changed or checked.
func (f *Facts) Locations(visit func(*Location)) {
	for i := range f.Update {
		visit(&f.Update[i].At)
	}
	for i := range f.Metadata {
		visit(&f.Metadata[i].At)
	}
	for i := range f.Members {
		visit(&f.Members[i].At)
	}
	for i := range f.Partitions {
		visit(&f.Partitions[i].At)
	}
	for i := range f.Files {
		visit(&f.Files[i].At)
	}
	for i := range f.Script {
		visit(&f.Script[i].At)
	}
	for i := range f.Statements {
		visit(&f.Statements[i].At)
	}
	for i := range f.Modules {
		visit(&f.Modules[i].At)
	}
	for i := range f.Certificates {
		visit(&f.Certificates[i].At)
	}
	for i := range f.Signatures {
		visit(&f.Signatures[i].At)
	}
	for i := range f.Apps {
		visit(&f.Apps[i].At)
	}
	for i := range f.Components {
		visit(&f.Components[i].At)
	}
	for i := range f.Permissions {
		visit(&f.Permissions[i].At)
	}
	for i := range f.Properties {
		visit(&f.Properties[i].At)
	}
	for i := range f.Defaults {
		visit(&f.Defaults[i].At)
	}
	for i := range f.Settings {
		visit(&f.Settings[i].At)
		for j := range f.Settings[i].Layers {
			visit(&f.Settings[i].Layers[j].At)
		}
	}
	for i := range f.Writes {
		w := &f.Writes[i]
		visit(&w.At)
		visitPath(visit, w.Guards, w.Steps)
	}
	for i := range f.Flows {
		w := &f.Flows[i]
		visit(&w.At)
		visit(&w.Source.At)
		visit(&w.Sink.At)
		visitPath(visit, w.Guards, w.Steps)
	}
	for i := range f.Gaps {
		visit(&f.Gaps[i].At)
	}
}

func visitPath(visit func(*Location), guards []Guard, steps []Step) {
	for i := range guards {
		visit(&guards[i].At)
	}
	for i := range steps {
		visit(&steps[i].At)
	}
}
