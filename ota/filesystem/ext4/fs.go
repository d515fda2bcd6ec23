package ext4

import (
	"errors"
	"fmt"

	"io/fs"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxPath bounds how deep a name may lead; PATH_MAX lets Linux go to 2048.
	maxPath = 1024

	// maxLink bounds the target of a symbolic link; PATH_MAX.
	maxLink = 4096

	// maxReadFile bounds what ReadFile reads into memory. More is read through
	// Open or Blob.
	maxReadFile = 256 << 20
)

var (
	errIsFolder  = errors.New("is a folder")
	errNotFolder = errors.New("not a folder")
	errNotLink   = errors.New("not a symbolic link")
	errLinkOnWay = errors.New("a symbolic link, which is not followed")
	errIrregular = errors.New("neither a regular file nor a folder")
)

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// enter gives the folder of the inode number, which was found in the folder
// parent; zero: it is the root. The folder has to name parent as its own: so
// each has one place, and no way leads in a circle.
func (f *FS) enter(parent, number uint32, twice bool) (*folder, error) {
	d, err := f.folder(number)
	if err != nil {
		return nil, err
	}
	up := parent
	if parent == 0 {
		up = rootInode
	}
	if twice || d.parent != up || number == rootInode && parent != 0 {
		return nil, fail(-1, parse.ErrFormat, fmt.Sprintf("inode %d: a folder in folder %d, whose own .. is %d, or that is there twice", number, up, d.parent), nil)
	}
	return d, nil
}

// A place is what a name stands for.
type place struct {
	n      *inode
	parent uint32 // the folder that it is in; zero: it is the root
	twice  bool
}

// walk finds the inode of a name.
func (f *FS) walk(name string) (place, error) {
	if !fs.ValidPath(name) {
		return place{}, fs.ErrInvalid
	}
	if strings.Count(name, "/") >= maxPath {
		return place{}, fail(-1, parse.ErrLimit, fmt.Sprintf("a name of more than %d folders", maxPath), nil)
	}
	at, parent, twice := uint32(rootInode), uint32(0), false
	for rest := name; name != "." && rest != ""; {
		var elem string
		elem, rest, _ = strings.Cut(rest, "/")
		d, err := f.enter(parent, at, twice)
		if err != nil {
			return place{}, err
		}
		e := d.find(elem)
		if e == nil {
			return place{}, fs.ErrNotExist
		}
		parent, at, twice = at, e.inode, e.twice
		if rest == "" || e.kind == modeDir {
			continue
		}
		// A folder's entry need not say so, and other kinds are told apart.
		n, err := f.inode(at)
		switch {
		case err != nil:
			return place{}, err
		case n.kind() == modeLink:
			return place{}, errLinkOnWay
		case n.kind() != modeDir:
			return place{}, errors.Join(fs.ErrNotExist, errNotFolder)
		}
	}
	n, err := f.inode(at)
	return place{n, parent, twice}, err
}

// find is the inode of a name, or a *fs.PathError that says why there is none.
func (f *FS) find(op, name string) (*inode, error) {
	p, err := f.walk(name)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	return p.n, nil
}

// regular gives the bytes of a regular file.
func (f *FS) regular(n *inode) (blob.Blob, error) {
	switch k := n.kind(); {
	case k == modeLink:
		return nil, errLinkOnWay
	case k == modeDir:
		return nil, errIsFolder
	case k != modeFile:
		return nil, errIrregular
	case n.flags&flagEncrypt != 0:
		return nil, n.fail(parse.ErrUnsupported, "it is encrypted", nil)
	}
	return f.data(n)
}

// list gives the entries of the folder at p, with what their inodes say of them.
func (f *FS) list(p place) ([]fs.DirEntry, error) {
	if p.n.kind() != modeDir {
		return nil, errNotFolder
	}
	d, err := f.enter(p.parent, p.n.number, p.twice)
	if err != nil {
		return nil, err
	}
	out := make([]fs.DirEntry, len(d.entries))
	for i := range d.entries {
		e := &d.entries[i]
		out[i] = f.dirEntry(e)
	}
	return out, nil
}

// Open opens a regular file or a folder. A file is an io.ReaderAt and a
// blob.Blob as well. Of an encrypted file the error is ErrUnsupported.
func (f *FS) Open(name string) (fs.File, error) {
	p, err := f.walk(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	in := p.n.info(base(name))
	if p.n.kind() == modeDir {
		list, err := f.list(p)
		if err != nil {
			return nil, pathError("open", name, err)
		}
		return &openFolder{info: in, entries: list}, nil
	}
	b, err := f.regular(p.n)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &openFile{Blob: b, info: in}, nil
}

// Blob gives the bytes of a regular file, wherever they are; release does
// nothing. Holes and extents that were never written read as zeros.
func (f *FS) Blob(name string) (b blob.Blob, release func() error, err error) {
	n, err := f.find("blob", name)
	if err != nil {
		return nil, nil, err
	}
	if b, err = f.regular(n); err != nil {
		return nil, nil, pathError("blob", name, err)
	}
	return b, func() error { return nil }, nil
}

// Stat tells of a file or folder; of a link, that it is one. Sys of the result
// is a *Meta.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return f.stat("stat", name) }

// Lstat is Stat.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.stat("lstat", name) }

func (f *FS) stat(op, name string) (fs.FileInfo, error) {
	n, err := f.find(op, name)
	if err != nil {
		return nil, err
	}
	return n.info(base(name)), nil
}

// ReadDir lists a folder, by name. The type of an entry is what its inode says;
// where the inode cannot be read it is what the entry says, and Info is the error.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	p, err := f.walk(name)
	if err == nil {
		var out []fs.DirEntry
		if out, err = f.list(p); err == nil {
			return out, nil
		}
	}
	return nil, pathError("readdir", name, err)
}

// ReadFile reads a file of at most 256 MiB; a larger one is a *parse.Error of
// kind ErrLimit.
func (f *FS) ReadFile(name string) ([]byte, error) {
	n, err := f.find("read", name)
	if err != nil {
		return nil, err
	}
	b, err := f.regular(n)
	if err == nil && b.Size() > maxReadFile {
		err = n.fail(parse.ErrLimit, fmt.Sprintf("larger than %d bytes", maxReadFile), b.Size())
	}
	if err == nil {
		var p []byte
		if p, err = blob.ReadAll(b, maxReadFile); err == nil {
			return p, nil
		}
	}
	return nil, pathError("read", name, err)
}

// ReadLink gives the target of a symbolic link, of at most 4096 bytes and up to
// the first NUL, as Linux has it, spelled with parse.Escape as all names are, so that it can be looked up.
func (f *FS) ReadLink(name string) (string, error) {
	n, err := f.find("readlink", name)
	if err != nil {
		return "", err
	}
	target, err := f.target(n)
	if err != nil {
		return "", pathError("readlink", name, err)
	}
	return parse.Escape(target), nil
}

func (f *FS) target(n *inode) (string, error) {
	switch {
	case n.kind() != modeLink:
		return "", errNotLink
	case n.flags&flagEncrypt != 0:
		return "", n.fail(parse.ErrUnsupported, "it is encrypted", nil)
	case n.size == 0:
		return "", n.fail(parse.ErrFormat, "a link without a target", nil)
	case n.size > maxLink:
		return "", n.fail(parse.ErrLimit, fmt.Sprintf("the target of a link is longer than %d bytes", maxLink), n.size)
	}
	var p []byte
	if f.fast(n) {
		if n.size >= uint64(len(n.block)) {
			return "", n.fail(parse.ErrFormat, "the target of a link does not fit into it", n.size)
		}
		p = n.block[:n.size]
	} else {
		d, err := f.data(n)
		if err != nil {
			return "", err
		}
		if p, err = blob.ReadAll(d, maxLink); err != nil {
			return "", err
		}
	}
	target, _, _ := strings.Cut(string(p), "\x00")
	return target, nil
}

// fast tells whether the target of a link is in its inode, where a map would be:
// when no blocks are counted as its own, but one of attributes: ext4_inode_is_fast_symlink.
func (f *FS) fast(n *inode) bool {
	if n.flags&flagInline != 0 {
		return false
	}
	attrs := uint64(0)
	if n.attrs != 0 {
		if attrs = uint64(f.block) / 512; f.super.roCompat&roCompatBigalloc != 0 {
			attrs = 2 << f.super.logCluster
		}
	}
	return n.sectors == attrs
}

// base is the last element of a name.
func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
