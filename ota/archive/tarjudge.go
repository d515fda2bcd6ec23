package archive

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// undot is the name without a ./ in front, which tar writes for "tar c .".
func undot(name string) string {
	for strings.HasPrefix(name, "./") {
		name = name[2:]
	}
	return name
}

// tarPath is the path under which the file system shows the name, or why it
// cannot.
func tarPath(raw string) (path, why string) {
	name := undot(raw)
	switch {
	case strings.Contains(raw, "\x00"):
		return "", "the name holds a NUL byte, where C programs end it"
	case raw != "" && (name == "" || name == "."):
		return ".", ""
	case name != "" && name[0] == '/' && len(name) < len(raw):
		return "", "the name has an empty element"
	}
	return memberPath(name)
}

// judge settles what follows from names and links. It answers where the members
// stand whose names can be shown: of those of one path that are all folders, or
// none of them, the last stands in the place of the first, and the others are
// refused.
func (t *Tar) judge(raw []string) (order []tarPlace) {
	type key struct {
		path string
		dir  bool
	}
	var (
		latest  = make(map[string]int, len(raw)) // the member that is at that path by now
		place   = make(map[key]int, len(raw))    // index in order
		folded  = make(map[string]int, len(raw))
		noted   = make(map[int]bool) // as in Zip.names: the first of a set is told of the second only
		earlier = make(map[int]int)  // of the last, how many come before
		hidden  int
	)
	t.links = make(map[int]int)
	for i := range t.entries {
		e := &t.entries[i]
		noteTarName(e, raw[i])
		path, why := tarPath(raw[i])
		if why != "" {
			e.refuse("%s", why)
			continue
		}
		if e.Type == typeHardLink {
			t.link(e, latest)
		}
		latest[path] = i
		k := key{path, e.Mode.IsDir()}
		if at, ok := place[k]; ok {
			// GNU tar removes what is there and writes the member.
			t.entries[order[at].index].refuse("entry %d has the same name and comes later", i)
			earlier[at]++
			order[at].index = i
			hidden++
			continue
		}
		place[k] = len(order)
		order = append(order, tarPlace{path, i})
		t.twins(folded, noted, i, raw)
	}
	for at, n := range earlier {
		t.entries[order[at].index].note("%d entries before it have the same name: GNU tar and Odin write each in turn", n)
	}
	if hidden > 0 {
		t.note("%d entries have the name of a later one, which alone is shown: GNU tar and Odin write each in turn", hidden)
	}
	return order
}

// A tarPlace is a path and the member that stands there.
type tarPlace struct {
	path  string
	index int
}

// twins notes on the entry i, and once on the one before it, that some file
// system cannot tell their names apart.
func (t *Tar) twins(folded map[string]int, noted map[int]bool, i int, raw []string) {
	name := undot(raw[i])
	k := foldKey(name)
	f, ok := folded[k]
	if !ok {
		folded[k] = i
		return
	}
	other := undot(raw[f])
	if other == name {
		return // one is a folder and one is not, which Refused says
	}
	what := twin(other, name)
	t.entries[i].note("differs from entry %d in %s only", f, what)
	if !noted[f] {
		noted[f] = true
		t.entries[f].note("differs from entry %d in %s only", i, what)
	}
}

// link finds the member whose bytes the hard link e has: what link(2) finds at
// the target when e is unpacked.
func (t *Tar) link(e *TarEntry, latest map[string]int) {
	path, why := tarPath(unescape(e.Link))
	if why != "" {
		e.refuse("a hard link whose target cannot be: %s", strings.Replace(why, "the name", "it", 1))
		return
	}
	i, ok := latest[path]
	if !ok {
		e.refuse("a hard link to what is no earlier entry")
		return
	}
	target := &t.entries[i]
	switch {
	case target.Refused != "":
		e.refuse("a hard link to entry %d, which is refused", i)
	case target.Type == typeHardLink:
		t.links[e.Index] = t.links[i]
	case !target.Mode.IsRegular():
		e.refuse("a hard link to entry %d, which is no regular file", i)
	default:
		t.links[e.Index] = i
	}
}

// noteTarName notes what is odd about a name, on e.
func noteTarName(e *TarEntry, raw string) {
	var control, unprintable bool
	for _, r := range raw {
		switch {
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			control = true
		case r > unicode.MaxASCII && !unicode.IsPrint(r):
			unprintable = true
		}
	}
	switch {
	case !utf8.ValidString(raw):
		e.note("the name is not UTF-8")
	case control:
		e.note("the name holds a control character")
	case unprintable:
		e.note("the name holds a character that does not print or turns the direction of writing")
	}
	if len(raw) >= pathMax {
		e.note("the name is %d bytes long, which Linux does not open", len(raw))
	}
	if strings.Contains(raw, `\`) {
		e.note("the name holds a backslash, which parts folders on Windows")
	}
	for elem := range strings.SplitSeq(raw, "/") {
		if why := windowsElem(elem); why != "" {
			e.note("%s", why)
			return
		}
	}
}
