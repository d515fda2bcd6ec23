package cpio

import (
	"fmt"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxEntries bounds entries, and apart from them names of files and folders. The
	// ramdisks of devices have some hundreds, those of distributions some thousands.
	maxEntries = 1 << 17

	// maxText bounds the names of files, as they are spelled, and the targets of
	// links, all together, in bytes.
	maxText = 8 << 20

	// maxDepth bounds how many folders a file may be in. Each that walks the
	// tree makes the whole path of each file.
	maxDepth = 256
)

// An inode is a file, which may have several names.
type inode struct {
	mode         uint32 // as in a header
	uid, gid     uint32
	mtime        uint32
	major, minor uint32
	number       uint32
	links        uint32 // names, and of a folder its subfolders
	implied      bool   // no entry has made this folder
	data         run
	target       string  // of a link, as it is stored
	list         []*node // in a folder, at the end
}

func (n *inode) kind() uint32 { return n.mode & modeType }

// A node is a name in a folder, as it is stored.
type node struct {
	name  string
	up    *node // the folder; of the root, the root
	in    *inode
	count int32 // entries of a folder
	depth int32 // folders above
	lost  bool  // Linux does not have it: an implied folder, and what was put in one
}

func (n *node) folder() bool { return n.in.kind() == modeFolder }

// path is the name from the root, for a note.
func (n *node) path() string {
	if n.up == n {
		return "."
	}
	var elems []string
	for long := 0; n.up != n; n = n.up {
		if long += len(n.name) + 1; long > maxSpelled {
			elems = append(elems, "...")
			break
		}
		elems = append(elems, n.name)
	}
	slices.Reverse(elems)
	return spell(strings.Join(elems, "/"))
}

// maxSpelled bounds how much of a name a note has, in bytes of the name.
const maxSpelled = 1 << 10

// spell is the spelling of a name in a note.
func spell(name string) string {
	if len(name) > maxSpelled {
		name = name[:maxSpelled] + "..."
	}
	return parse.Escape(name)
}

// A place is where a name can stand.
type place struct {
	in   *node
	name string
}

// A tree is what entries make.
type tree struct {
	bud   *parse.Budget
	notes *vfs.Notes
	root  *node
	at    map[place]*node
	links map[linkKey]string // the first name of each file that may have more
	was   map[place]uint32   // the time of the first folder of each place where one was removed
	made  uint32             // inodes
	names int                // that were ever made
	text  int64
	steps int64
}

// A linkKey is equal for names of one file.
type linkKey struct{ major, minor, ino, kind uint32 }

func newTree(bud *parse.Budget, notes *vfs.Notes) *tree {
	t := &tree{bud: bud, notes: notes, at: make(map[place]*node), links: make(map[linkKey]string), was: make(map[place]uint32)}
	t.made, t.names = 1, 1
	t.root = &node{in: &inode{mode: modeFolder | 0o755, number: t.made, links: 2, implied: true}}
	t.root.up = t.root
	return t
}

// trailer ends an archive: files of different ones are not linked.
func (t *tree) trailer() { clear(t.links) }

// imply makes a folder that no entry has made.
func (t *tree) imply(p place) (*node, error) {
	if err := t.bud.Entry("cpio", 1); err != nil {
		return nil, err
	}
	n, err := t.add(p, &inode{mode: modeFolder | 0o555, implied: true})
	if err == nil {
		n.lost = true
		t.notes.State("%s: no entry has made this folder; Linux leaves out what is put in it, unless another ramdisk makes it", n.path())
	}
	return n, err
}

// add gives in a name; in is new if it has no number.
func (t *tree) add(p place, in *inode) (*node, error) {
	n := &node{name: p.name, up: p.in, in: in, depth: p.in.depth + 1, lost: p.in.lost}
	if n.depth > maxDepth {
		return nil, fail(-1, parse.ErrLimit, fmt.Sprintf("a file in more than %d folders", maxDepth), nil)
	}
	t.text += int64(len(parse.Escape(p.name)))
	if in.number == 0 {
		t.made++
		in.number = t.made
		t.text += int64(len(in.target))
	}
	if err := t.limit(); err != nil {
		return nil, err
	}
	if t.names++; t.names > maxEntries {
		return nil, fail(-1, parse.ErrLimit, fmt.Sprintf("more than %d files and folders", maxEntries), nil)
	}
	t.at[p] = n
	p.in.count++
	in.links++
	if n.folder() {
		in.links++ // its own "."
		p.in.in.links++
	}
	return n, nil
}

// limit holds the tree to maxText.
func (t *tree) limit() error {
	if t.text > maxText {
		return fail(-1, parse.ErrLimit, fmt.Sprintf("names and targets of links have more than %d bytes", maxText), nil)
	}
	return nil
}

// remove removes the name of a file, or an empty folder. Others stay.
func (t *tree) remove(s *spot) bool {
	if s.n == nil {
		return true
	}
	if s.in == nil || s.n.count > 0 {
		return false
	}
	t.detach(s)
	return true
}

// detach takes a name away. What is in a folder can then no longer be reached.
func (t *tree) detach(s *spot) {
	delete(t.at, s.place)
	s.in.count--
	s.n.in.links--
	if s.n.folder() {
		s.in.in.links--
		if _, ok := t.was[s.place]; !ok && !s.n.in.implied {
			t.was[s.place] = s.n.in.mtime
		}
	}
	s.n = nil
}

// found takes what Linux does not have out of the way of an entry that it takes. A folder
// stays, with what was put in it, if the entry is one.
func (t *tree) found(s *spot, kind uint32) {
	if s.n == nil || !s.n.lost || s.in == nil || s.in.lost {
		return
	}
	if !s.n.folder() || kind != modeFolder {
		t.notes.State("%s: an entry takes the place of what Linux leaves out", s.n.path())
		t.detach(s)
		return
	}
	s.n.lost = false
	if s.n.count > 0 {
		t.notes.State("%s: an entry makes this folder, and earlier ones have put files in it", s.n.path())
	}
}

// finish gives the inodes by their numbers, with the lists of folders. Linux sets the times of folders
// at the end, the first ones last, by their names: a file that has taken the place of one gets its time.
func (t *tree) finish() []*inode {
	for p, mtime := range t.was {
		if n := t.at[p]; n != nil && !n.in.implied {
			n.in.mtime = mtime
		}
	}
	inodes := make([]*inode, t.made)
	inodes[0] = t.root.in
	for p, n := range t.at {
		inodes[n.in.number-1] = n.in
		if p.in.in.list == nil {
			p.in.in.list = make([]*node, 0, p.in.count)
		}
		p.in.in.list = append(p.in.in.list, n)
	}
	return inodes
}
