package report

import (
	"strings"

	"github.com/otavet/otavet/inspect/fact"
)

// What the URIs of places are relative to.
const (
	uriBaseUpdate = "UPDATE"
	uriBaseOlder  = "BASE"
)

// maxURI is the longest URI in bytes: more than a path on a device has.
const maxURI = 4096

// locations are where a judgement can be checked: the first place of the update
// that was judged, and the others. Where there is no evidence, the place is the update.
func (s *sarif) locations(j *subject) (primary, related []sarifLocation) {
	first := 0
	for i, e := range j.Evidence {
		if e.At.Update == "" {
			first = i
			break
		}
	}
	if len(j.Evidence) == 0 {
		return []sarifLocation{s.location(fact.Location{})}, nil
	}
	for i, e := range j.Evidence {
		at := s.location(e.At)
		at.Message = &sarifMessage{sarifText(orNone(strings.Trim(e.Role+": "+e.Detail, ": "), "evidence"), maxSARIFText)}
		switch {
		case i == first:
			primary = []sarifLocation{at}
		case len(related) < maxSARIFLocations-1:
			id := len(related) + 1
			at.ID = &id
			related = append(related, at)
		}
	}
	return primary, related
}

// location is a place as a URI, and as the one text form that every command of
// otavet takes. Bytes have an offset, and no line.
func (s *sarif) location(l fact.Location) sarifLocation {
	var out sarifLocation
	out.PhysicalLocation.ArtifactLocation = s.uri(l)
	switch {
	case l.Line != nil && *l.Line > 0:
		out.PhysicalLocation.Region = &sarifRegion{StartLine: l.Line}
	case l.Offset != nil && *l.Offset >= 0:
		out.PhysicalLocation.Region = &sarifRegion{ByteOffset: l.Offset}
	}
	name := sarifLogical{FullyQualifiedName: sarifName(l.String())}
	if l.Symbol != "" {
		name.Name = sarifName(l.Symbol)
		if strings.Contains(l.Symbol, ";->") && strings.Contains(l.Symbol, "(") {
			name.Kind = "function" // a method of a DEX file
		}
	}
	out.LogicalLocations = []sarifLogical{name}
	return out
}

// uri is the place of a file: PARTITION[_SLOT]/PATH, or the member of the package;
// members of it follow after !/, as in the text form. It is never empty: GitHub
// refuses a file for one that is.
func (s *sarif) uri(l fact.Location) sarifURI {
	if l.Partition == "" && l.Path == "" && len(l.Inner) == 0 {
		if l.Update == "" {
			return sarifURI{URI: s.updateURI()}
		}
		return sarifURI{URI: s.olderURI()}
	}
	base := uriBaseUpdate
	if l.Update != "" {
		base = uriBaseOlder
	}
	var parts []string
	if l.Partition != "" {
		name := l.Partition
		if l.Slot != "" {
			name += "_" + l.Slot
		}
		parts = append(parts, name)
	}
	path := strings.TrimLeft(l.Path, "/") // two of them would begin a host's name
	if path != "" || len(parts) == 0 {
		parts = append(parts, strings.Split(orNone(path, "."), "/")...)
	}
	for i, p := range parts {
		parts[i] = sarifSegment(p)
	}
	uri := strings.Join(parts, "/")
	for _, m := range l.Inner {
		members := strings.Split(m, "/")
		for i, p := range members {
			members[i] = sarifSegment(p)
		}
		uri += "!/" + strings.Join(members, "/")
	}
	if len(uri) > maxURI {
		uri = uri[:maxURI]
		if i := strings.LastIndexByte(uri, '%'); i >= len(uri)-2 {
			uri = uri[:i]
		}
	}
	return sarifURI{URI: uri, URIBaseID: base}
}

// updateURI is the update's own, as the name that it was given.
func (s *sarif) updateURI() string { return sarifSegment(orNone(s.m.Update.Path, "update")) }

func (s *sarif) olderURI() string {
	for _, in := range s.m.Inputs {
		if in.Role == "base" && in.Name != "" {
			return sarifSegment(in.Name)
		}
	}
	return "base"
}

// sarifSegment writes a name as one segment of a relative URI. Names are spelled
// with %XX where they entered, and those stay: they say the same in a URI. Dots that would
// lead a reader out of the folder that he resolves it in are made a name.
func sarifSegment(name string) string {
	if name == "" {
		return "%20" // no name is empty; two slashes would begin a host's
	}
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%252E")
	}
	const upperhex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(name) && b.Len() <= maxURI-3; i++ {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~+,=@", c) >= 0:
			b.WriteByte(c)
		case c == '%' && i+2 < len(name) && isHex(name[i+1]) && isHex(name[i+2]):
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', upperhex[c>>4], upperhex[c&15]})
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
