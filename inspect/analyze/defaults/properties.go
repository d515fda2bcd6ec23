package defaults

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
)

// loadOrder are the files that init reads, in its order, as the folder of a partition's name or the
// path's end shows them: property_service.cpp of Android 4 to 16. Releases leave files out, and the few
// that they swap do not set the same properties.
var loadOrder = []string{
	"/default.prop", "/prop.default", "/system/etc/prop.default",
	"/system/build.prop", "/system_ext/build.prop", "/system_ext/etc/build.prop",
	"/system_dlkm/etc/build.prop",
	"/vendor/default.prop", "/vendor/build.prop", "/vendor_dlkm/etc/build.prop", "/odm_dlkm/etc/build.prop",
	"/odm/default.prop", "/odm/build.prop", "/odm/etc/build.prop",
	"/product/build.prop", "/product/etc/build.prop",
	"/factory/factory.prop", "/data/local.prop", "/adb_debug.prop",
}

// properties answers for system properties.
type properties struct {
	lines map[string][]*fact.Property // by name, in the order of loading
	// lastWins is for all names: Android 10 and later. Before, a ro. property keeps the first value.
	lastWins, release bool
	gap               *fact.Gap // something that may set any property was not read
}

func newProperties(f *fact.Facts) *properties {
	p := &properties{lines: map[string][]*fact.Property{}}
	for i := range f.Properties {
		q := &f.Properties[i]
		p.lines[q.Name] = append(p.lines[q.Name], q)
	}
	for _, lines := range p.lines {
		slices.SortStableFunc(lines, func(a, b *fact.Property) int {
			return cmp.Or(cmp.Compare(loadRank(a.At), loadRank(b.At)), cmp.Compare(fact.Place(a.At), fact.Place(b.At)),
				cmp.Compare(line(a.At), line(b.At)))
		})
	}
	if len(f.Update) > 0 {
		major, _, _ := strings.Cut(f.Update[0].Android, ".")
		if n, err := strconv.Atoi(major); err == nil {
			p.release, p.lastWins = true, n >= 10
		}
	}
	for i := range f.Gaps {
		if slices.Contains(f.Gaps[i].Blinds, fact.KindProperties) && p.gap == nil {
			p.gap = &f.Gaps[i]
		}
	}
	return p
}

func line(at fact.Location) int64 {
	if at.Line == nil {
		return 0
	}
	return *at.Line
}

// loadRank is the file's place in init's order; files that it does not know come last.
func loadRank(at fact.Location) int {
	name := at.Device
	if name == "" {
		name = "/" + path.Join(at.Partition, at.Path)
	}
	best := len(loadOrder)
	for i, known := range loadOrder {
		if name == known || strings.HasSuffix(name, known) && strings.Count(known, "/") > 1 {
			best = i
		}
	}
	return best
}

// decide gives a property its layers and, where init's order tells, its default.
func (p *properties) decide(s *fact.Setting, ds []*fact.Default) {
	lines := p.lines[s.Key]
	for _, q := range lines {
		v := q.Value
		s.Layers = append(s.Layers, fact.Layer{Source: fact.SourceFile, Value: &v, At: q.At})
	}
	s.Layers = append(s.Layers, layers(ds)...)
	if len(lines) == 0 {
		agree(s, ds)
		s.Reason = also(s.Reason, "no property file that was read sets it")
	} else {
		p.fromFiles(s, lines)
	}
	if p.gap != nil && s.Default != nil {
		s.Reason = also(fmt.Sprintf("%s unless what could not be read sets it: %s", *s.Default, place(p.gap)), s.Reason)
		s.Default = nil
		unwin(s.Layers)
	}
}

func place(g *fact.Gap) string { return g.At.String() + ", " + g.Reason }

// fromFiles takes the line that wins.
func (p *properties) fromFiles(s *fact.Setting, lines []*fact.Property) {
	first, last := lines[0].Value, lines[len(lines)-1].Value
	readOnly := strings.HasPrefix(s.Key, "ro.")
	winner := len(lines) - 1
	switch {
	case first == last && allEqual(lines):
	case readOnly && !p.release:
		s.Reason = fmt.Sprintf("%d lines set it, and which counts depends on the Android release, which is not known", len(lines))
		return
	case readOnly && !p.lastWins:
		winner = 0
	}
	v := lines[winner].Value
	s.Default = &v
	s.Layers[winner].Wins = true
}

func allEqual(lines []*fact.Property) bool {
	return !slices.ContainsFunc(lines, func(q *fact.Property) bool { return q.Value != lines[0].Value })
}
