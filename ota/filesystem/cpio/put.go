package cpio

import (
	"io/fs"

	"github.com/otavet/otavet/ota/filesystem/vfs"
)

// An entry is one that Linux unpacks.
type entry struct {
	*header
	name   string // as it is stored
	target string // of a link
	data   run
}

// put does what do_name and do_symlink of Linux do with an entry.
func (t *tree) put(e *entry) error {
	kind := e.mode & modeType
	known := vfs.Mode(uint16(e.mode)).Type() != fs.ModeIrregular
	s, why, err := t.find(e.name, known)
	if err == nil && why == "" {
		switch {
		case !known:
			why = t.whiteout(&s)
		case s.slash && kind != modeFolder:
			why = "its name ends with a slash, and it is no folder"
		default:
			why, err = t.apply(e, kind, &s)
		}
	}
	if err != nil {
		return err
	}
	if why != "" {
		t.notes.State("%s: an entry is left out: %s", spell(e.name), why)
	}
	return nil
}

// whiteout is what becomes of an entry that is of no kind: clean_path finds that
// what is there is of another, and nothing is made.
func (t *tree) whiteout(s *spot) string {
	if s.n == nil {
		return "it is of no kind that there is"
	}
	path := s.n.path()
	if !t.remove(s) {
		return "it is of no kind that there is"
	}
	t.notes.State("%s: an entry of no kind removes it", path)
	return ""
}

// apply makes a file of the entry, or changes the one that is there.
func (t *tree) apply(e *entry, kind uint32, s *spot) (why string, err error) {
	t.found(s, kind)
	if s.n != nil && (s.n.in.kind() != kind || kind == modeLink) {
		path, empty := s.n.path(), s.n.in.implied
		if t.remove(s) && !empty {
			t.notes.State("%s: a later entry takes its place", path)
		}
	}
	switch kind {
	case modeFolder:
		return "", t.makeFolder(e, s)
	case modeRegular:
		return t.makeRegular(e, s)
	case modeLink:
		switch {
		case len(e.target) >= pathMax:
			return "the target of its link is longer than 4095 bytes", nil
		case s.n == nil:
			return "", t.create(e, s)
		}
		s.n.in.uid, s.n.in.gid = e.uid, e.gid // lchown
		return notEmpty, nil
	}
	if linked, why, err := t.link(e, s); linked || why != "" || err != nil {
		return why, err
	}
	if s.n == nil {
		return "", t.create(e, s)
	}
	s.n.in.own(e) // mknod fails
	if s.n.folder() {
		return notEmpty, nil
	}
	t.notes.State("%s: a later entry gives it another owner and mode, and the device stays", s.n.path())
	return "", nil
}

const notEmpty = "a folder that is not empty is there"

func (t *tree) makeFolder(e *entry, s *spot) error {
	if s.n == nil {
		return t.create(e, s)
	}
	in := s.n.in
	in.own(e)
	if !in.implied {
		return nil // of the times of a folder Linux sets the first one last
	}
	in.mtime, in.implied = e.mtime, false
	return nil
}

func (t *tree) makeRegular(e *entry, s *spot) (why string, err error) {
	linked, why, err := t.link(e, s)
	switch {
	case why != "" || err != nil:
		return why, err
	case s.n == nil:
		return "", t.create(e, s)
	case s.n.folder():
		return notEmpty, nil
	}
	in := s.n.in
	in.own(e)
	in.mtime = e.mtime
	if linked && e.data.size == 0 {
		return "", nil
	}
	if !linked {
		t.notes.State("%s: a later entry takes its place", s.n.path())
	}
	in.data = e.data
	return "", nil
}

// link makes the entry a further name of a file that was there before; linked
// tells whether it has: maybe_link.
func (t *tree) link(e *entry, s *spot) (linked bool, why string, err error) {
	if e.nlink < 2 {
		return false, "", nil
	}
	key := linkKey{e.devMajor, e.devMinor, e.ino, e.mode & modeType}
	first, ok := t.links[key]
	if !ok {
		t.text += int64(len(e.name))
		t.links[key] = e.name
		return false, "", t.limit()
	}
	if s.n != nil {
		path := s.n.path()
		if !t.remove(s) {
			return false, notEmpty, nil
		}
		t.notes.State("%s: a later entry takes its place", path)
	}
	old, why, err := t.find(first, false)
	if err != nil {
		return false, "", err
	}
	switch {
	case why != "" || old.n == nil || old.n.in.kind() != key.kind:
		return false, "the file that it is a name of is gone: " + spell(first), nil
	case old.n.lost && !s.in.lost:
		return false, "the file that it is a name of is in a folder that is not there: " + spell(first), nil
	}
	in := old.n.in
	if s.in.lost && !old.n.lost { // what is put in it must not change a file that Linux has
		in = new(*in)
		in.number, in.links = 0, 0
	}
	s.n, err = t.add(s.place, in)
	return err == nil, "", err
}

// create makes the file of an entry where there is none.
func (t *tree) create(e *entry, s *spot) error {
	in := &inode{mtime: e.mtime, data: e.data, target: e.target}
	in.mode = e.mode & modeType
	in.own(e)
	switch in.kind() {
	case modeLink:
		in.mode = modeLink | 0o777
	case modeBlock, modeChar:
		in.major, in.minor = e.deviceMajor, e.deviceMinor
	}
	var err error
	s.n, err = t.add(s.place, in)
	return err
}

// own gives owner and mode: chown, chmod.
func (n *inode) own(e *entry) {
	n.uid, n.gid = e.uid, e.gid
	n.mode = n.mode&modeType | e.mode&^modeType
}
