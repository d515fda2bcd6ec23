package ota

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A Meta is what an installer script or an image says of a file's owner and label. It
// is what Sys of a FileInfo gives for files of a partition; nil fields were
// not said.
type Meta struct {
	UID, GID     *int64
	Label        string
	Capabilities *uint64 // permitted, bit by bit as in linux/capability.h
	Conditional  string  // what decides whether the file is there; "" it is
	Member       string  // of the package; "" none
	Err          error   // why label and capabilities could not be read, in part or at all
}

// treeFS is a tree of names whose files are members of a package. It is filled
// once, before anybody reads it.
type treeFS struct {
	members fs.FS
	budget  *parse.Budget        // a script may name folders by the million
	nodes   map[string]*treeNode // by path; "." is the root
}

type treeNode struct {
	name     string
	member   string // a file's bytes; "" where they are not in the package
	missing  error  // why they are not
	link     string // a symbolic link's target
	mode     fs.FileMode
	meta     Meta
	children []string // of a folder, sorted
}

func newTreeFS(members fs.FS, budget *parse.Budget) *treeFS {
	return &treeFS{members, budget, map[string]*treeNode{".": {name: ".", mode: fs.ModeDir | 0o755}}}
}

// maxPath is Linux's PATH_MAX: no device makes a file whose path is longer. It
// also bounds how deep the tree is.
const maxPath = 4096

// add puts a node at a valid path; folders above it appear. What already stands
// there, or a file that stands where a folder is needed, is an error.
func (t *treeFS) add(name string, n *treeNode) error {
	if !fs.ValidPath(name) || name == "." {
		return &fs.PathError{Op: "install", Path: name, Err: fs.ErrInvalid}
	}
	if len(name) > maxPath {
		return &parse.Error{Format: "installer", Off: -1, Msg: "a path is longer than a device takes", Got: len(name), Kind: parse.ErrLimit}
	}
	if old := t.nodes[name]; old != nil {
		if old.mode.IsDir() && n.mode.IsDir() {
			old.mode, old.meta = n.mode, n.meta
			return nil
		}
		return &fs.PathError{Op: "install", Path: name, Err: fs.ErrExist}
	}
	dir := path.Dir(name)
	if up := t.nodes[dir]; up == nil {
		if err := t.add(dir, &treeNode{mode: fs.ModeDir | 0o755}); err != nil {
			return err
		}
	} else if !up.mode.IsDir() {
		return &fs.PathError{Op: "install", Path: name, Err: errors.New("a file stands where a folder is needed")}
	}
	if err := t.budget.Entry("installer", 1); err != nil {
		return err
	}
	n.name = path.Base(name)
	t.nodes[name] = n
	t.nodes[dir].children = append(t.nodes[dir].children, name)
	return nil
}

func (t *treeFS) sort() {
	for _, n := range t.nodes {
		slices.Sort(n.children)
	}
}

func (t *treeFS) node(op, name string) (*treeNode, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n := t.nodes[name]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Open opens a file or folder; a link is not followed, as everywhere in ota.
func (t *treeFS) Open(name string) (fs.File, error) {
	n, err := t.node("open", name)
	if err != nil {
		return nil, err
	}
	info := treeInfo{t, n}
	switch {
	case n.mode.IsDir():
		return &treeDir{info, t.entries(n), 0}, nil
	case n.mode&fs.ModeSymlink != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("is a symbolic link")}
	case n.member == "":
		return nil, &fs.PathError{Op: "open", Path: name, Err: n.missing}
	}
	f, err := t.members.Open(n.member)
	if err != nil {
		return nil, err
	}
	return &treeFile{f, info}, nil
}

func (t *treeFS) Blob(name string) (blob.Blob, func() error, error) {
	n, err := t.node("open", name)
	if err != nil {
		return nil, nil, err
	}
	if n.member == "" {
		return nil, nil, errors.ErrUnsupported // Open says why
	}
	if in, ok := t.members.(archive.BlobFS); ok {
		return in.Blob(n.member)
	}
	return nil, nil, errors.ErrUnsupported
}

func (t *treeFS) Stat(name string) (fs.FileInfo, error) { return t.Lstat(name) }
func (t *treeFS) Lstat(name string) (fs.FileInfo, error) {
	n, err := t.node("lstat", name)
	if err != nil {
		return nil, err
	}
	return treeInfo{t, n}, nil
}

func (t *treeFS) ReadLink(name string) (string, error) {
	n, err := t.node("readlink", name)
	if err != nil {
		return "", err
	}
	if n.mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return n.link, nil
}

func (t *treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.node("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a folder")}
	}
	return t.entries(n), nil
}

func (t *treeFS) entries(n *treeNode) []fs.DirEntry {
	list := make([]fs.DirEntry, len(n.children))
	for i, c := range n.children {
		list[i] = fs.FileInfoToDirEntry(treeInfo{t, t.nodes[c]})
	}
	return list
}

type treeInfo struct {
	t *treeFS
	n *treeNode
}

func (i treeInfo) Name() string       { return i.n.name }
func (i treeInfo) Mode() fs.FileMode  { return i.n.mode }
func (i treeInfo) ModTime() time.Time { return time.Time{} }
func (i treeInfo) IsDir() bool        { return i.n.mode.IsDir() }
func (i treeInfo) Sys() any           { return &i.n.meta }

// Size is the member's; a file whose bytes are not in the package has none.
func (i treeInfo) Size() int64 {
	if i.n.mode&fs.ModeSymlink != 0 {
		return int64(len(i.n.link))
	}
	if i.n.member == "" {
		return 0
	}
	st, err := fs.Stat(i.t.members, i.n.member)
	if err != nil {
		return 0
	}
	return st.Size()
}

type treeFile struct {
	fs.File
	info treeInfo
}

func (f *treeFile) Stat() (fs.FileInfo, error) { return f.info, nil }

type treeDir struct {
	info fs.FileInfo
	list []fs.DirEntry
	pos  int
}

func (d *treeDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *treeDir) Close() error               { return nil }
func (d *treeDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.Name(), Err: errors.New("is a folder")}
}

func (d *treeDir) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := d.list[d.pos:]
	if n > 0 && len(rest) == 0 {
		return nil, io.EOF
	}
	if n > 0 && len(rest) > n {
		rest = rest[:n]
	}
	d.pos += len(rest)
	return rest, nil
}

// under gives the path below a mount point, or "" and false.
func under(mount, device string) (string, bool) {
	if mount == "/" {
		return strings.TrimPrefix(device, "/"), device != "/"
	}
	rest, ok := strings.CutPrefix(device, mount)
	if !ok || rest == "" || rest[0] != '/' {
		return "", false
	}
	return rest[1:], true
}
