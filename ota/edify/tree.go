package edify

import (
	"maps"
	"slices"
	"strings"
)

const (
	// maxFiles bounds the model of the device; a system image has under 10^5.
	maxFiles = 1 << 18
	// maxWork bounds the steps taken in it: a full update of 10^5 files that
	// extracts, links and then sets the metadata of each takes about 10^6.
	maxWork = 1 << 23
	// maxPathBytes bounds the text of all paths that calls name, and what is kept
	// of conditions; 10^5 files have about 6 MiB, and are named some three times.
	maxPathBytes = 64 << 20
	literalSize  = 32
	// maxPath is PATH_MAX: the device opens nothing longer.
	maxPath = 4096
	// maxLinks is how many links the kernel follows in one path.
	maxLinks = 40
)

// An alt is one thing that may be at a path, and the conditions for it.
type alt struct {
	node Node // without Path and Conditional
	when conds
}

// An entry is a name in a folder. It may be both a folder and, by a script that
// fails on the device, a file.
type entry struct {
	name string
	up   *entry
	kids map[string]*entry
	alts []alt
	dir  *alt // metadata of the folder
}

func (e *entry) empty() bool { return len(e.alts) == 0 && e.dir == nil && len(e.kids) == 0 }

func (e *entry) sorted() []string { return slices.Sorted(maps.Keys(e.kids)) }

func (e *entry) path() string {
	var names []string
	for ; e.up != nil; e = e.up {
		names = append(names, e.name)
	}
	slices.Reverse(names)
	return "/" + strings.Join(names, "/")
}

// A tree is the model of the device's files: what the script put there.
type tree struct {
	root  entry
	files int
	bytes int // of paths and conditions
	work  int
	shut  bool // it has been full once; what was removed since makes no room
}

// spend charges n steps and tells whether they may be taken.
func (t *tree) spend(n int) bool {
	if n > maxWork-t.work {
		t.work = maxWork
		return false
	}
	t.work += n
	return true
}

func (t *tree) full() bool {
	t.shut = t.shut || t.work >= maxWork || t.files >= maxFiles || t.bytes >= maxPathBytes
	return t.shut
}

// find gives the entry at a clean absolute path, or nil.
func (t *tree) find(path string) *entry {
	if !strings.HasPrefix(path, "/") {
		return nil // the name of an MTD partition
	}
	e := &t.root
	for name := range strings.SplitSeq(path[1:], "/") {
		t.spend(1)
		if name == "" {
			continue
		}
		if e = e.kids[name]; e == nil {
			return nil
		}
	}
	return e
}

// make gives the entry at a clean absolute path, made where it is not, or nil
// where the model is full.
func (t *tree) make(path string) *entry {
	e := &t.root
	for name := range strings.SplitSeq(path[1:], "/") {
		if t.full() || !t.spend(1) {
			t.prune(e)
			return nil
		}
		if name == "" {
			continue
		}
		kid := e.kids[name]
		if kid == nil {
			if e.kids == nil {
				e.kids = make(map[string]*entry)
			}
			kid = &entry{name: name, up: e}
			e.kids[name] = kid
			t.files++
		}
		e = kid
	}
	return e
}

// prune removes an entry that has become empty, and folders that have with it.
func (t *tree) prune(e *entry) {
	for e.up != nil && e.empty() && e.up.kids[e.name] == e {
		delete(e.up.kids, e.name)
		t.files--
		e = e.up
	}
}

// walk visits an entry and all below it, folders first, sorted. The path that it
// hands out is relative to the first, "" for itself. It stops when do says so or
// the work is spent.
func (t *tree) walk(e *entry, do func(rel string, e *entry) bool) bool { return t.walkIn(e, "", do) }

// Its recursion is bounded by maxPath: no path has more than 2048 names.
func (t *tree) walkIn(e *entry, rel string, do func(string, *entry) bool) bool {
	names := e.sorted()
	if !t.spend(1+len(rel)/64) || !do(rel, e) {
		return false
	}
	for _, name := range names {
		if kid := e.kids[name]; kid != nil && !t.walkIn(kid, rel+"/"+name, do) {
			return false
		}
	}
	return true
}

// exclude leaves of the alternatives what remains when, under the conditions s,
// something else takes their place.
func (t *tree) exclude(alts []alt, s conds) []alt {
	var kept []alt
	for _, a := range alts {
		if !a.when.against(s) {
			more := s.beyond(a.when)
			if len(more) == 0 {
				continue
			}
			a.when = a.when.unless(more)
			t.bytes += len(a.when) * literalSize
		}
		kept = append(kept, a)
	}
	return kept
}

// remove takes away what is at an entry, and below it if that is asked for.
func (t *tree) remove(e *entry, s conds, below bool) bool {
	done := true
	if below {
		for _, name := range e.sorted() {
			if !t.spend(1) || !t.remove(e.kids[name], s, true) {
				done = false
				break
			}
		}
		if len(s) == 0 {
			e.dir = nil
		}
	}
	e.alts = t.exclude(e.alts, s)
	t.prune(e)
	return done
}
