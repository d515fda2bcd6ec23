package erofs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxLink bounds the target of a symbolic link; PATH_MAX.
	maxLink = 4096
	// maxReadFile bounds what ReadFile reads into memory. More is read through
	// Open or Blob.
	maxReadFile = 256 << 20
)

var (
	errIsFolder   = errors.New("is a folder")
	errNotFolder  = errors.New("not a folder")
	errNotLink    = errors.New("not a symbolic link")
	errLinkOnWay  = errors.New("a symbolic link, which is not followed")
	errIrregular  = errors.New("neither a regular file nor a folder")
	errBehindFile = errors.Join(fs.ErrNotExist, errNotFolder)
)

// lookup is the inode at name, or a *fs.PathError that says why there is none.
func (f *FS) lookup(op, name string) (inode, error) {
	n, err := f.resolve(name)
	if err != nil {
		return n, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, nil
}

func (f *FS) resolve(name string) (n inode, err error) {
	if !fs.ValidPath(name) {
		return n, fs.ErrInvalid
	}
	if name == "." {
		return f.inode(f.root)
	}
	if strings.Count(name, "/") >= maxDepth {
		return n, fail(-1, parse.ErrLimit, fmt.Sprintf("a name of more than %d elements", maxDepth), nil)
	}
	dir, base := split(name)
	d, err := f.open(dir)
	switch {
	case err == errNotFolder:
		return n, errBehindFile
	case err != nil:
		return n, err
	}
	return f.child(d, base)
}

// Open opens a regular file or a folder. A file is an io.ReaderAt, a blob.Blob
// and an io.WriterTo as well.
func (f *FS) Open(name string) (fs.File, error) {
	n, err := f.lookup("open", name)
	if err != nil {
		return nil, err
	}
	if n.isDir() {
		entries, err := f.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openFolder{info: f.info(name, &n), entries: entries}, nil
	}
	b, err := f.file(&n)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{Blob: b, fs: f, info: f.info(name, &n)}, nil
}

// file is the bytes of a regular file.
func (f *FS) file(n *inode) (blob.Blob, error) {
	switch n.mode & modeType {
	case modeFile:
		return f.data(n)
	case modeDir:
		return nil, errIsFolder
	case modeLink:
		return nil, errLinkOnWay
	}
	return nil, errIrregular
}

// Blob gives the bytes of a regular file, to be read at random. Every regular
// file has them. Release does nothing.
func (f *FS) Blob(name string) (b blob.Blob, release func() error, err error) {
	n, err := f.lookup("blob", name)
	if err != nil {
		return nil, nil, err
	}
	if b, err = f.file(&n); err != nil {
		return nil, nil, &fs.PathError{Op: "blob", Path: name, Err: err}
	}
	return b, func() error { return nil }, nil
}

// Stat tells of a file, folder, link or node; of a link, that it is one. Sys of
// the result is a *Meta.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	n, err := f.lookup("stat", name)
	if err != nil {
		return nil, err
	}
	return f.info(name, &n), nil
}

// Lstat is Stat.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.Stat(name) }

// ReadDir lists a folder, by name. Info of an entry reads its inode.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	if !fs.ValidPath(name) || strings.Count(name, "/") >= maxDepth {
		_, err := f.lookup("readdir", name)
		return nil, err
	}
	d, err := f.open(name)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	out := make([]fs.DirEntry, len(d.entries))
	all := make([]dirEntry, len(d.entries))
	for i := range d.entries {
		all[i] = dirEntry{f, &d.entries[i]}
		out[i] = &all[i]
	}
	return out, nil
}

// ReadFile reads a file of at most 256 MiB; a larger one is a *parse.Error of
// kind ErrLimit.
func (f *FS) ReadFile(name string) ([]byte, error) {
	n, err := f.lookup("read", name)
	if err != nil {
		return nil, err
	}
	p, err := f.readAll(&n)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return p, nil
}

func (f *FS) readAll(n *inode) ([]byte, error) {
	b, err := f.file(n)
	if err != nil {
		return nil, err
	}
	if b.Size() > maxReadFile {
		return nil, n.at.fail(parse.ErrLimit, "a file larger than 256 MiB is not read into memory", b.Size())
	}
	return blob.ReadAll(b, maxReadFile)
}

// ReadLink gives the target of a symbolic link, of at most 4096 bytes, spelled
// with parse.Escape as all names are, so that it can be looked up.
func (f *FS) ReadLink(name string) (string, error) {
	n, err := f.lookup("readlink", name)
	if err != nil {
		return "", err
	}
	target, err := f.target(&n)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return target, nil
}

func (f *FS) target(n *inode) (string, error) {
	switch {
	case n.mode&modeType != modeLink:
		return "", errNotLink
	case n.size > maxLink:
		return "", n.at.fail(parse.ErrLimit, fmt.Sprintf("the target of a link is longer than %d bytes", maxLink), n.size)
	}
	b, err := f.data(n)
	if err != nil {
		return "", err
	}
	p, err := blob.ReadAll(b, maxLink)
	if err != nil {
		return "", err
	}
	return parse.Escape(string(p)), nil
}

// info is what Stat tells of n, whose name is the last element of path. The size
// of a folder is zero: what its list takes is nobody's contents.
func (f *FS) info(path string, n *inode) fs.FileInfo {
	_, base := split(path)
	size := n.size
	if n.isDir() {
		size = 0
	}
	return &info{base, size, n.fileMode(), n.time, n.meta}
}

type info struct {
	name string
	size int64
	mode fs.FileMode
	time time.Time
	meta Meta
}

func (i *info) Name() string       { return i.name }
func (i *info) Size() int64        { return i.size }
func (i *info) Mode() fs.FileMode  { return i.mode }
func (i *info) ModTime() time.Time { return i.time }
func (i *info) IsDir() bool        { return i.mode.IsDir() }
func (i *info) String() string     { return fs.FormatFileInfo(i) }

// Sys: see FS.Stat.
func (i *info) Sys() any {
	m := i.meta
	return &m
}

// A dirEntry is an entry of a folder, as fs has it.
type dirEntry struct {
	f *FS
	e *entry
}

func (d *dirEntry) Name() string   { return d.e.name }
func (d *dirEntry) IsDir() bool    { return d.Type().IsDir() }
func (d *dirEntry) String() string { return fs.FormatDirEntry(d) }

// Type is what the entry says, or what the inode does where the entry says nothing.
func (d *dirEntry) Type() fs.FileMode {
	if d.e.ok {
		return d.e.kind
	}
	n, err := d.f.inode(d.e.nid)
	if err != nil {
		return fs.ModeIrregular
	}
	return n.fileMode().Type()
}

func (d *dirEntry) Info() (fs.FileInfo, error) {
	n, err := d.f.node(d.e)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: d.e.name, Err: err}
	}
	return d.f.info(d.e.name, &n), nil
}
