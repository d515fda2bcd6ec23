package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// maxLink bounds the target of a symbolic link; PATH_MAX.
const maxLink = 4096

// maxReadFile bounds what ReadFile reads into memory: the largest members that
// anybody wants whole are scripts, manifests and key stores, and a boot image
// has at most 96 MiB. More is read through Open or Blob.
const maxReadFile = 256 << 20

var (
	errIsFolder  = errors.New("is a folder")
	errNotFolder = errors.New("not a folder")
	errNotLink   = errors.New("not a symbolic link")
)

// A node is a file or folder of the tree that a Zip shows.
type node struct {
	name     string // the last element of the path
	entry    *Entry // nil for a folder that no entry names
	dir      bool
	children []*node // of a folder, by name
}

// plant makes the tree of what is not refused, in the order of the directory.
// It charges folders that no entry names as entries, since one long name makes
// thousands of them, and the sizes of the members.
func (z *Zip) plant(raw []string, bud *parse.Budget) {
	z.nodes = map[string]*node{".": {name: ".", dir: true}}
	z.refused = make(map[string]int)
	for i := range z.entries {
		e := &z.entries[i]
		path, why := memberPath(raw[i])
		if why == "" && e.Refused == "" {
			z.add(e, path, isDir(raw[i]), bud)
		}
		if why == "" && e.Refused != "" && z.nodes[path] == nil {
			if _, ok := z.refused[path]; !ok {
				z.refused[path] = i
			}
		}
	}
	for _, n := range z.nodes {
		slices.SortFunc(n.children, func(a, b *node) int { return cmp.Compare(a.name, b.name) })
	}
}

// add puts e into the tree or refuses it.
func (z *Zip) add(e *Entry, path string, dir bool, bud *parse.Budget) {
	have := z.nodes[path]
	if have != nil && !(have.dir && dir && have.entry == nil) {
		e.refuse("another entry makes its name a %s", kind(have.dir))
		return
	}
	// Up to the nearest folder that is there already.
	missing := 0
	for up := parent(path); ; up = parent(up) {
		if n := z.nodes[up]; n == nil {
			missing++
			continue
		} else if !n.dir {
			e.refuse("its folder %s is a file in another entry", up)
			return
		}
		break
	}
	if err := bud.Entry("zip", int64(missing)); err != nil {
		e.refuse("over the limit: %v", err)
		return
	}
	if err := bud.Produce("zip", e.Size); err != nil {
		e.refuse("over the limit: %v", err)
		return
	}
	if have != nil {
		have.entry = e
		return
	}
	n := &node{name: path[strings.LastIndexByte(path, '/')+1:], entry: e, dir: dir}
	z.nodes[path] = n
	for up := parent(path); ; up = parent(up) {
		p := z.nodes[up]
		if p != nil {
			p.children = append(p.children, n)
			return
		}
		p = &node{name: up[strings.LastIndexByte(up, '/')+1:], dir: true, children: []*node{n}}
		z.nodes[up] = p
		n = p
	}
}

func kind(dir bool) string {
	if dir {
		return "folder"
	}
	return "file"
}

// parent is the path of the folder that holds path; "." above the first element.
func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return "."
}

// find is the node at name, or a *fs.PathError that says why there is none.
func (z *Zip) find(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if n := z.nodes[name]; n != nil {
		return n, nil
	}
	err := fs.ErrNotExist
	if i, ok := z.refused[name]; ok {
		err = fmt.Errorf("%w: entry %d is refused: %s", err, i, z.entries[i].Refused)
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: err}
}

// Open opens a member or folder. A member is read in order, and its CRC-32 is
// checked when its end is reached; a member that is longer or shorter than the
// directory says, or that is no deflate data, ends with a *parse.Error of kind
// ErrFormat. Bytes behind the end of the deflate data do not disturb, as they
// do not disturb the device.
//
// The file of a stored member is an io.ReaderAt, and a blob.Blob, as well; what
// is read that way is not checked.
func (z *Zip) Open(name string) (fs.File, error) {
	n, err := z.find("open", name)
	if err != nil {
		return nil, err
	}
	switch {
	case n.dir:
		return &folder{info: n.info(), entries: n.list()}, nil
	case n.entry.Method == methodStore:
		b, err := z.section(n.entry)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return &storedFile{member{z: z, n: n, left: n.entry.Size}, b}, nil
	}
	return z.inflate(n), nil
}

// section is the stored bytes of e.
func (z *Zip) section(e *Entry) (blob.Blob, error) { return blob.Section(z.b, e.Data, e.Stored) }

// Blob gives the bytes of a stored member in place: see BlobFS. They are not
// checked against the CRC-32. Release does nothing.
func (z *Zip) Blob(name string) (b blob.Blob, release func() error, err error) {
	n, err := z.find("blob", name)
	switch {
	case err != nil:
		return nil, nil, err
	case n.dir:
		err = errIsFolder
	case n.entry.Method != methodStore:
		err = errors.ErrUnsupported
	default:
		if b, err = z.section(n.entry); err == nil {
			return b, noRelease, nil
		}
	}
	return nil, nil, &fs.PathError{Op: "blob", Path: name, Err: err}
}

// Stat tells of a member or folder; of a link, that it is one. Sys of the
// result is the member's *Entry, nil for a folder that no entry names.
func (z *Zip) Stat(name string) (fs.FileInfo, error) {
	n, err := z.find("stat", name)
	if err != nil {
		return nil, err
	}
	return n.info(), nil
}

// Lstat is Stat.
func (z *Zip) Lstat(name string) (fs.FileInfo, error) { return z.Stat(name) }

// ReadDir lists a folder, by name.
func (z *Zip) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := z.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotFolder}
	}
	return n.list(), nil
}

// ReadFile reads a member of at most 256 MiB; a larger one is a *parse.Error of
// kind ErrLimit. Memory grows with what is there, not with what is declared.
func (z *Zip) ReadFile(name string) ([]byte, error) {
	n, err := z.find("read", name)
	switch {
	case err != nil:
		return nil, err
	case n.dir:
		err = errIsFolder
	default:
		var p []byte
		if p, err = z.readAll(n, maxReadFile); err == nil {
			return p, nil
		}
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: err}
}

// readAll reads a member that may have at most most bytes.
func (z *Zip) readAll(n *node, most int64) ([]byte, error) {
	if n.entry.Size > most {
		return nil, fail(n.entry.Central, parse.ErrLimit, fmt.Sprintf("%s is larger than %d bytes", n.entry.Name, most), n.entry.Size)
	}
	f, err := z.Open(strings.TrimSuffix(n.entry.Name, "/"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// ReadLink gives the target of a symbolic link, of at most 4096 bytes, spelled
// with parse.Escape as all names are, so that it can be looked up.
func (z *Zip) ReadLink(name string) (string, error) {
	n, err := z.find("readlink", name)
	switch {
	case err != nil:
		return "", err
	case n.mode().Type() != fs.ModeSymlink:
		err = errNotLink
	default:
		var p []byte
		if p, err = z.readAll(n, maxLink); err == nil {
			return parse.Escape(string(p)), nil
		}
	}
	return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
}

// mode is what the file system says, which has folders, links and regular files
// and nothing else, as what Android unpacks.
func (n *node) mode() fs.FileMode {
	if n.entry == nil {
		return fs.ModeDir | 0o555
	}
	m := n.entry.Mode
	switch {
	case n.dir, m.Type() == fs.ModeSymlink:
		return m
	}
	return m &^ fs.ModeType
}

func (n *node) info() fs.FileInfo {
	i := zipInfo{n: n, mode: n.mode()}
	if n.entry != nil {
		i.modified = n.entry.Modified
		if !n.dir {
			i.size = n.entry.Size
		}
	}
	return i
}

func (n *node) list() []fs.DirEntry {
	out := make([]fs.DirEntry, len(n.children))
	for i, c := range n.children {
		out[i] = fs.FileInfoToDirEntry(c.info())
	}
	return out
}

// zipInfo is a node's fs.FileInfo.
type zipInfo struct {
	n        *node
	mode     fs.FileMode
	size     int64
	modified time.Time
}

func (i zipInfo) Name() string       { return i.n.name }
func (i zipInfo) Size() int64        { return i.size }
func (i zipInfo) Mode() fs.FileMode  { return i.mode }
func (i zipInfo) ModTime() time.Time { return i.modified }
func (i zipInfo) IsDir() bool        { return i.n.dir }

// Sys: see Zip.Stat.
func (i zipInfo) Sys() any {
	if i.n.entry == nil {
		return nil
	}
	e := *i.n.entry
	return &e
}

func (i zipInfo) String() string { return fs.FormatFileInfo(i) }
