package archive

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A tarNode is a file or folder of the tree that a Tar shows.
type tarNode struct {
	name     string    // the last element of the path
	entry    *TarEntry // nil for a folder that no member names
	data     *TarEntry // the member that has the bytes: of a hard link, another one
	dir      bool
	children []*tarNode // of a folder, by name
}

// plant makes the tree, and charges to bud what Zip.plant does.
func (t *Tar) plant(order []tarPlace, bud *parse.Budget) {
	t.nodes = map[string]*tarNode{".": {name: ".", dir: true}}
	t.refused = make(map[string]int)
	for _, p := range order {
		e := &t.entries[p.index]
		if e.Refused == "" {
			t.add(e, p.path, bud)
		}
		if e.Refused != "" && t.nodes[p.path] == nil {
			t.refused[p.path] = p.index
		}
	}
	for _, n := range t.nodes {
		slices.SortFunc(n.children, func(a, b *tarNode) int { return cmp.Compare(a.name, b.name) })
	}
}

// add puts e into the tree or refuses it.
func (t *Tar) add(e *TarEntry, path string, bud *parse.Budget) {
	data, dir := e, e.Mode.IsDir()
	if i, ok := t.links[e.Index]; ok {
		data = &t.entries[i]
	}
	have := t.nodes[path]
	if have != nil && !(have.dir && dir && have.entry == nil) {
		e.refuse("another entry makes its name a %s", kind(have.dir))
		return
	}
	// Up to the nearest folder that is there already.
	missing := 0
	for up := parent(path); have == nil; up = parent(up) {
		if n := t.nodes[up]; n == nil {
			missing++
			continue
		} else if !n.dir {
			e.refuse("its folder %s is a file in another entry", up)
			return
		}
		break
	}
	if err := bud.Entry("tar", int64(missing)); err != nil {
		e.refuse("over the limit: %v", err)
		return
	}
	if err := bud.Produce("tar", data.Size); err != nil {
		e.refuse("over the limit: %v", err)
		return
	}
	if have != nil {
		have.entry = e
		return
	}
	n := &tarNode{name: path[strings.LastIndexByte(path, '/')+1:], entry: e, data: data, dir: dir}
	t.nodes[path] = n
	for up := parent(path); ; up = parent(up) {
		p := t.nodes[up]
		if p != nil {
			p.children = append(p.children, n)
			return
		}
		p = &tarNode{name: up[strings.LastIndexByte(up, '/')+1:], dir: true, children: []*tarNode{n}}
		t.nodes[up] = p
		n = p
	}
}

// find is the node at name, or a *fs.PathError that says why there is none.
func (t *Tar) find(op, name string) (*tarNode, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if n := t.nodes[name]; n != nil {
		return n, nil
	}
	err := fs.ErrNotExist
	if i, ok := t.refused[name]; ok {
		err = fmt.Errorf("%w: entry %d is refused: %s", err, i, t.entries[i].Refused)
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: err}
}

// section is the bytes of n.
func (t *Tar) section(n *tarNode) (blob.Blob, error) {
	switch mode := n.entry.Mode; {
	case mode.Type() == fs.ModeSymlink:
		return nil, errLinkOnWay
	case !mode.IsRegular():
		return nil, errIrregular
	}
	return blob.Section(t.b, n.data.Data, n.data.Size)
}

// Open opens a regular file or a folder. A file is an io.ReaderAt and a
// blob.Blob as well; a tar has no checksum that its bytes could be held against.
func (t *Tar) Open(name string) (fs.File, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.dir {
		return &folder{info: n.info(), entries: n.list()}, nil
	}
	b, err := t.section(n)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &tarFile{Blob: b, n: n}, nil
}

// Blob gives the bytes of a regular file in place: see BlobFS. Every regular
// file has them. Release does nothing.
func (t *Tar) Blob(name string) (b blob.Blob, release func() error, err error) {
	n, err := t.find("blob", name)
	switch {
	case err != nil:
		return nil, nil, err
	case n.dir:
		err = errIsFolder
	default:
		if b, err = t.section(n); err == nil {
			return b, noRelease, nil
		}
	}
	return nil, nil, &fs.PathError{Op: "blob", Path: name, Err: err}
}

// Stat tells of a member or folder; of a link, that it is one. Sys of the
// result is the member's *TarEntry, nil for a folder that no member names.
func (t *Tar) Stat(name string) (fs.FileInfo, error) {
	n, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return n.info(), nil
}

// Lstat is Stat.
func (t *Tar) Lstat(name string) (fs.FileInfo, error) { return t.Stat(name) }

// ReadDir lists a folder, by name.
func (t *Tar) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotFolder}
	}
	return n.list(), nil
}

// ReadFile reads a file of at most 256 MiB; a larger one is a *parse.Error of
// kind ErrLimit.
func (t *Tar) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name)
	switch {
	case err != nil:
		return nil, err
	case n.dir:
		err = errIsFolder
	default:
		var p []byte
		if p, err = t.readAll(n); err == nil {
			return p, nil
		}
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: err}
}

func (t *Tar) readAll(n *tarNode) ([]byte, error) {
	b, err := t.section(n)
	if err != nil {
		return nil, err
	}
	if b.Size() > maxReadFile {
		return nil, failTar(n.entry.Header, parse.ErrLimit, fmt.Sprintf("%s is larger than %d bytes", n.entry.Name, maxReadFile), b.Size())
	}
	// The bytes are there: a tar's data cannot be longer than its file.
	return blob.ReadAll(b, maxReadFile)
}

// ReadLink gives the target of a symbolic link, of at most 4096 bytes, spelled
// with parse.Escape as all names are, so that it can be looked up.
func (t *Tar) ReadLink(name string) (string, error) {
	n, err := t.find("readlink", name)
	if err != nil {
		return "", err
	}
	if n.entry == nil || n.entry.Mode.Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: errNotLink}
	}
	if size := len(unescape(n.entry.Link)); size > maxLink {
		err := failTar(n.entry.Header, parse.ErrLimit, fmt.Sprintf("the target of %s is longer than %d bytes", n.entry.Name, maxLink), size)
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return n.entry.Link, nil
}

// unescape undoes parse.Escape.
func unescape(s string) string {
	s, _ = parse.Unescape(s) // Escape wrote it
	return s
}

func (n *tarNode) info() fs.FileInfo {
	i := tarInfo{n: n, mode: fs.ModeDir | 0o555}
	if n.entry != nil {
		i.mode, i.modified = n.entry.Mode, n.entry.Modified
		if !n.dir {
			i.size = n.data.Size
		}
	}
	return i
}

func (n *tarNode) list() []fs.DirEntry {
	out := make([]fs.DirEntry, len(n.children))
	for i, c := range n.children {
		out[i] = fs.FileInfoToDirEntry(c.info())
	}
	return out
}

// tarInfo is a node's fs.FileInfo.
type tarInfo struct {
	n        *tarNode
	mode     fs.FileMode
	size     int64
	modified time.Time
}

func (i tarInfo) Name() string       { return i.n.name }
func (i tarInfo) Size() int64        { return i.size }
func (i tarInfo) Mode() fs.FileMode  { return i.mode }
func (i tarInfo) ModTime() time.Time { return i.modified }
func (i tarInfo) IsDir() bool        { return i.n.dir }

// Sys: see Tar.Stat.
func (i tarInfo) Sys() any {
	if i.n.entry == nil {
		return nil
	}
	e := *i.n.entry
	return &e
}

func (i tarInfo) String() string { return fs.FormatFileInfo(i) }

// A tarFile is an open regular file.
type tarFile struct {
	blob.Blob
	n      *tarNode
	off    int64
	closed bool
}

func (f *tarFile) Stat() (fs.FileInfo, error) { return f.n.info(), nil }

func (f *tarFile) Read(p []byte) (int, error) {
	switch {
	case f.closed:
		return 0, f.closedError("read")
	case len(p) == 0:
		return 0, nil
	case f.off == f.Size():
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), f.Size()-f.off)]
	n, err := f.ReadAt(p, f.off)
	f.off += int64(n)
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, fmt.Errorf("tar: %s: %w", f.n.entry.Name, err)
}

func (f *tarFile) closedError(op string) error {
	return &fs.PathError{Op: op, Path: f.n.entry.Name, Err: fs.ErrClosed}
}

func (f *tarFile) Close() error {
	if f.closed {
		return f.closedError("close")
	}
	f.closed = true
	return nil
}
