package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

var (
	errIsFolder  = errors.New("is a folder")
	errNotFolder = errors.New("not a folder")
	errNotLink   = errors.New("not a symbolic link")
	errLinkOnWay = errors.New("a symbolic link, which is not followed")
	errIrregular = errors.New("neither a regular file nor a folder")
)

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// A place is what a name stands for.
type place struct {
	ref, up uint64 // the inode, and the folder that it is in; of the root, the root
	twice   bool   // if it is a folder, it has another place as well
}

// walk finds the place of a name.
func (f *FS) walk(name string) (place, error) {
	at := place{ref: f.v.Root, up: f.v.Root}
	switch {
	case !fs.ValidPath(name):
		return at, fs.ErrInvalid
	case strings.Count(name, "/") >= maxPath:
		return at, f.fail(parse.ErrLimit, fmt.Sprintf("a name of more than %d folders", maxPath), nil)
	case name == ".":
		return at, nil
	}
	for elem := range strings.SplitSeq(name, "/") {
		d, err := f.enterAt(at)
		switch {
		case err == errNotFolder:
			return at, errors.Join(fs.ErrNotExist, errNotFolder)
		case err != nil:
			return at, err
		}
		e := d.find(elem)
		if e == nil {
			return at, fs.ErrNotExist
		}
		at = place{e.ref, at.ref, e.twice || e.ref == f.v.Root}
	}
	return at, nil
}

// enterAt gives the folder at a place. Two names of one file are a hard link; of one
// folder, a maze.
func (f *FS) enterAt(at place) (*Folder, error) {
	if at.twice {
		n, err := f.v.Inode(at.ref)
		if err != nil {
			return nil, err
		}
		if a := n.Attr(); a.Mode.IsDir() {
			return nil, f.fail(parse.ErrFormat, "a folder that is in two places", a.Inode)
		}
	}
	return f.enter(at.ref, at.up)
}

// inode finds the inode of a name.
func (f *FS) inode(name string) (Inode, place, error) {
	at, err := f.walk(name)
	if err != nil {
		return nil, at, err
	}
	n, err := f.v.Inode(at.ref)
	return n, at, err
}

// find is the inode of a name, or a *fs.PathError that says why there is none.
func (f *FS) find(op, name string) (Inode, error) {
	n, _, err := f.inode(name)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	return n, nil
}

// regular gives the bytes of a regular file.
func regular(n Inode, mode fs.FileMode) (blob.Blob, error) {
	switch {
	case mode.IsRegular():
		return n.Data()
	case mode.IsDir():
		return nil, errIsFolder
	case mode.Type() == fs.ModeSymlink:
		return nil, errLinkOnWay
	}
	return nil, errIrregular
}

// list gives the entries of the folder at a place.
func (f *FS) list(at place) ([]fs.DirEntry, error) {
	d, err := f.enterAt(at)
	if err != nil {
		return nil, err
	}
	all := make([]dirEntry, len(d.entries))
	out := make([]fs.DirEntry, len(d.entries))
	for i := range d.entries {
		e := &d.entries[i]
		all[i] = dirEntry{f, e, f.kind(e)}
		out[i] = &all[i]
	}
	return out, nil
}

// kind is the type of an entry's inode; where it cannot be read, what the entry says.
func (f *FS) kind(e *entry) fs.FileMode {
	n, err := f.v.Inode(e.ref)
	if err != nil {
		return e.kind
	}
	a := n.Attr()
	kind := a.Mode.Type()
	if e.kind != Untyped && e.kind != kind {
		f.v.Notes.Found("inode %d: its entry %s says that it is another kind of file", a.Inode, e.name)
	}
	return kind
}

// base is the last element of a name.
func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
