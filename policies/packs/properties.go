package packs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// claims are the keys of the metadata and the property of the system's build.prop that each
// must agree with, as ota_from_target_files fills them in.
var claims = []struct{ key, property string }{
	{"post-build", "ro.build.fingerprint"},
	{"post-build-incremental", "ro.build.version.incremental"},
	{"post-timestamp", "ro.build.date.utc"},
	{"post-sdk-level", "ro.build.version.sdk"},
	{"post-security-patch-level", "ro.build.version.security_patch"},
	{"pre-device", "ro.product.device"},
}

// metadataAgrees holds what the package says of itself against what it installs.
func metadataAgrees(f *fact.Facts) []policies.Judgement {
	meta := metadataOf(f)
	var vs []policies.Violation
	var missing []policies.Missing
	agreed := 0
	for _, c := range claims {
		records := meta[c.key]
		if len(records) == 0 {
			continue
		}
		props := buildProps(f, c.property)
		if len(props) == 0 {
			if c.property == "ro.build.fingerprint" {
				missing = append(missing, policies.Missing{Kind: fact.KindProperties,
					What: c.property + " in the build.prop of the system: it was not found"})
			}
			continue
		}
		for _, m := range records {
			same, other := 0, props[0]
			for _, p := range props {
				if claimed(c.key, m.Value, p.Value) {
					same++
				} else {
					other = p
				}
			}
			switch {
			case same == len(props):
				agreed++
			case same > 0:
				missing = append(missing, policies.Missing{Kind: fact.KindProperties, At: &other.At,
					What: fmt.Sprintf("which value of %s counts: it stands in build.prop more than once", c.property)})
			default:
				vs = append(vs, violation(fmt.Sprintf("the package says %s=%s, and installs %s=%s", c.key, m.Value, other.Name, other.Value),
					evidence("source", m.At, "%s=%s", c.key, m.Value), evidence("source", other.At, "%s=%s", other.Name, other.Value)))
			}
		}
	}
	switch {
	case len(vs) > 0:
		return []policies.Judgement{fail(fact.UpdateSubject, vs...)}
	case len(missing) > 0:
		return []policies.Judgement{{Subject: fact.UpdateSubject, Status: policies.StatusUnknown, Missing: missing}}
	case agreed == 0:
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindMetadata, nil,
			"what the package says of itself: none of its keys can be held against a property")}
	}
	return []policies.Judgement{pass(fact.UpdateSubject, "%d statements of the metadata agree with the build.prop of the system", agreed)}
}

// claimed tells whether a value of the metadata stands for the property's: a package for several
// builds or devices names them all, with | or a comma between.
func claimed(key, claim, value string) bool {
	if key == "pre-device" || key == "post-build" {
		split := func(r rune) bool { return r == '|' || r == ',' }
		return slices.Contains(strings.FieldsFunc(claim, split), value)
	}
	return claim == value
}

// buildProps are the lines of the system's build.prop that set a property.
func buildProps(f *fact.Facts, name string) []*fact.Property {
	var out []*fact.Property
	for i := range f.Properties {
		if p := &f.Properties[i]; p.Name == name && isBuildProp(p.At) {
			out = append(out, p)
		}
	}
	return out
}

func isBuildProp(at fact.Location) bool {
	return at.Device == "/system/build.prop" || at.Device == "" && at.Partition == "system" && (at.Path == "build.prop" || at.Path == "system/build.prop")
}

// aboutBuildProp: only gaps that may hide the system's build.prop or the metadata.
func aboutBuildProp(g *fact.Gap) bool {
	return len(g.Subjects) == 0 || slices.ContainsFunc(g.Subjects, func(s fact.Subject) bool {
		switch s.Kind {
		case "partition":
			return s.ID == "system"
		case "file":
			return s.ID == "/system/build.prop" || isBuildProp(g.At)
		}
		return true
	})
}
