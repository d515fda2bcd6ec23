package vfs

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Open opens a regular file or a folder. A file is an io.ReaderAt, a blob.Blob
// and an io.WriterTo as well. Of one whose bytes cannot be had, as it is encrypted
// or compressed by what is not read, the error is ErrUnsupported.
func (f *FS) Open(name string) (fs.File, error) {
	n, at, err := f.inode(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	in := info(base(name), n.Attr())
	if in.IsDir() {
		list, err := f.list(at)
		if err != nil {
			return nil, pathError("open", name, err)
		}
		return &openFolder{info: in, entries: list}, nil
	}
	b, err := regular(n, in.Mode())
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &openFile{Blob: b, fs: f, info: in}, nil
}

// Blob gives the bytes of a regular file, to be read at random; release does
// nothing. Holes read as zeros. What is compressed is decoded as it is read.
func (f *FS) Blob(name string) (b blob.Blob, release func() error, err error) {
	n, err := f.find("blob", name)
	if err != nil {
		return nil, nil, err
	}
	if b, err = regular(n, n.Attr().Mode); err != nil {
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
	return info(base(name), n.Attr()), nil
}

// ReadDir lists a folder, by name. The type of an entry is what its inode says;
// where the inode cannot be read it is what the entry says, and Info is the error.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := f.walk(name)
	if err == nil {
		var out []fs.DirEntry
		if out, err = f.list(at); err == nil {
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
	b, err := regular(n, n.Attr().Mode)
	if err == nil && b.Size() > maxReadFile {
		err = f.fail(parse.ErrLimit, fmt.Sprintf("larger than %d bytes", maxReadFile), b.Size())
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
// the first NUL, as Linux has it, spelled with parse.Escape as all names are, so
// that it can be looked up.
func (f *FS) ReadLink(name string) (string, error) {
	n, err := f.find("readlink", name)
	if err != nil {
		return "", err
	}
	if n.Attr().Mode.Type() != fs.ModeSymlink {
		return "", pathError("readlink", name, errNotLink)
	}
	target, err := n.Target()
	if err != nil {
		return "", pathError("readlink", name, err)
	}
	target, _, _ = strings.Cut(target, "\x00")
	return parse.Escape(target), nil
}

// Xattrs gives the extended attributes of a file, folder, link or node, by name. Of
// two with one name there is the one that Linux would give.
func (f *FS) Xattrs(name string) ([]Xattr, error) {
	n, err := f.find("xattrs", name)
	if err != nil {
		return nil, err
	}
	list, err := n.Xattrs()
	if err != nil {
		return nil, pathError("xattrs", name, err)
	}
	slices.SortStableFunc(list, func(a, b Xattr) int { return strings.Compare(a.Name, b.Name) })
	all := len(list)
	list = slices.CompactFunc(list, func(a, b Xattr) bool { return a.Name == b.Name })
	if len(list) < all {
		f.v.Notes.Found("inode %d: two extended attributes have one name; the first is taken", n.Attr().Inode)
	}
	return list, nil
}
