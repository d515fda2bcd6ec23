package archive

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

var (
	errLinkOnWay  = errors.New("a symbolic link, which is not followed")
	errIrregular  = errors.New("neither a regular file nor a folder")
	errReplaced   = errors.New("the file was replaced while it was opened")
	errNoSuchName = errors.New("the system knows no such name")
)

// A Tree is a folder of this machine as a file system. No name and no link
// reaches outside it, whatever the folder holds and whoever changes it
// meanwhile: all access is through an os.Root.
//
// Names are those of the folder, spelled with parse.Escape. Links are never
// followed, neither the last element of a name nor one on the way: Stat and
// Lstat tell of the link, ReadLink gives its target, Open refuses it, and so
// does a name that leads through it. Devices, pipes and sockets are listed and
// cannot be opened.
//
// Any number of goroutines may use a Tree. Its files are read where they lie
// and are not protected from being written to.
type Tree struct {
	root *os.Root
	bud  *parse.Budget
	// counted holds the folders whose entries have been charged, and what came
	// of it, so that listing one again is free or fails again. The lock is held
	// while a folder is listed for the first time.
	mu      sync.Mutex
	counted map[string]error
}

// OpenTree opens the folder dir. The entries of each folder are charged to bud
// when it is first listed; the walk that exhausts bud gets its *parse.Error.
func OpenTree(dir string, bud *parse.Budget) (*Tree, error) {
	if bud == nil {
		bud = parse.NewBudget(parse.Limits{})
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Tree{root: root, bud: bud, counted: make(map[string]error)}, nil
}

// Close closes the folder. Files that are open stay so.
func (t *Tree) Close() error { return t.root.Close() }

// lstat is the way in for every name: it gives the name as the system spells
// it and what stands there, after it has seen that no link lies on the way.
func (t *Tree) lstat(op, name string) (local string, info fs.FileInfo, err error) {
	fail := func(err error) (string, fs.FileInfo, error) {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return "", nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	raw, err := parse.Unescape(name)
	if err != nil || parse.Escape(raw) != name {
		// One file has one name: %41 is not another spelling of A.
		return fail(fs.ErrNotExist)
	}
	if filepath.Separator != '/' {
		if raw, err = filepath.Localize(raw); err != nil {
			return fail(errors.Join(fs.ErrNotExist, errNoSuchName))
		}
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != filepath.Separator {
			continue
		}
		info, err := t.root.Lstat(raw[:i])
		switch {
		case err != nil:
			return fail(err)
		case info.Mode().Type() == fs.ModeSymlink:
			return fail(errLinkOnWay)
		case !info.IsDir():
			return fail(errors.Join(fs.ErrNotExist, errNotFolder))
		}
	}
	if info, err = t.root.Lstat(raw); err != nil {
		return fail(err)
	}
	return raw, treeInfo{info}, nil
}

// open opens what lstat found, and makes sure that it is still that.
func (t *Tree) open(op, name string) (*os.File, fs.FileInfo, error) {
	local, info, err := t.lstat(op, name)
	if err != nil {
		return nil, nil, err
	}
	fail := func(err error) (*os.File, fs.FileInfo, error) {
		return nil, nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	switch mode := info.Mode(); {
	case mode.Type() == fs.ModeSymlink:
		return fail(errLinkOnWay)
	case !mode.IsRegular() && !mode.IsDir():
		return fail(errIrregular)
	}
	f, err := t.root.OpenFile(local, os.O_RDONLY|openFlags, 0)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return fail(err)
	}
	// A link or a pipe may have taken the file's place since: the link would
	// not have led outside, nor the pipe have blocked, but neither is it.
	now, err := f.Stat()
	if err == nil && !os.SameFile(now, info.(treeInfo).FileInfo) {
		err = errReplaced
	}
	if err != nil {
		f.Close()
		return fail(err)
	}
	if now.IsDir() {
		return f, info, nil // whose name is right also for the root
	}
	return f, treeInfo{now}, nil
}

// Open opens a regular file or a folder. The file is an io.ReaderAt and a
// blob.Blob as well; its size is that at the time of opening.
func (t *Tree) Open(name string) (fs.File, error) {
	f, info, err := t.open("open", name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		f.Close()
		entries, err := t.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &folder{info: info, entries: entries}, nil
	}
	b, err := blob.NewFile(f)
	if err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &treeFile{File: b, info: info}, nil
}

// Blob opens a regular file: see BlobFS. Release closes it.
func (t *Tree) Blob(name string) (b blob.Blob, release func() error, err error) {
	f, _, err := t.open("blob", name)
	if err != nil {
		return nil, nil, err
	}
	file, err := blob.NewFile(f)
	if err != nil {
		f.Close()
		return nil, nil, &fs.PathError{Op: "blob", Path: name, Err: errIsFolder}
	}
	return file, file.Close, nil
}

// Stat tells of a file, folder or link; it does not follow the link.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	_, info, err := t.lstat("stat", name)
	return info, err
}

// Lstat is Stat.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) {
	_, info, err := t.lstat("lstat", name)
	return info, err
}

// ReadLink gives the target of a symbolic link, with slashes, spelled with
// parse.Escape as all names are, so that it can be looked up.
func (t *Tree) ReadLink(name string) (string, error) {
	local, info, err := t.lstat("readlink", name)
	if err != nil {
		return "", err
	}
	if info.Mode().Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: errNotLink}
	}
	target, err := t.root.Readlink(local)
	if err != nil {
		return "", err
	}
	return parse.Escape(filepath.ToSlash(target)), nil
}

// ReadDir lists a folder, by name.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	f, info, err := t.open("readdir", name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotFolder}
	}
	t.mu.Lock()
	err, counted := t.counted[name]
	if counted {
		t.mu.Unlock()
		if err != nil {
			return nil, err
		}
		return listing(f, name, nil)
	}
	defer t.mu.Unlock()
	out, err := listing(f, name, t.bud)
	if err == nil || errors.Is(err, parse.ErrLimit) {
		t.counted[name] = err
	}
	return out, err
}

// listing lists the open folder f and charges bud, if there is one.
func listing(f *os.File, name string, bud *parse.Budget) ([]fs.DirEntry, error) {
	fail := func(err error) ([]fs.DirEntry, error) {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	var out []fs.DirEntry
	for {
		// In portions, so that a folder without end meets the limit before
		// it is memory.
		entries, err := f.ReadDir(1024)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fail(err)
		}
		if err := bud.Entry("folder", int64(len(entries))); err != nil {
			return fail(err)
		}
		for _, e := range entries {
			// Within a Root the entries come with their own Lstat.
			info, err := e.Info()
			if err != nil {
				return fail(err)
			}
			out = append(out, fs.FileInfoToDirEntry(treeInfo{info}))
		}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

// treeInfo is a fs.FileInfo whose name is spelled as names are.
type treeInfo struct{ fs.FileInfo }

func (i treeInfo) Name() string   { return parse.Escape(i.FileInfo.Name()) }
func (i treeInfo) String() string { return fs.FormatFileInfo(i) }

// A treeFile is an open regular file.
type treeFile struct {
	*blob.File
	info fs.FileInfo
	off  int64
}

func (f *treeFile) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *treeFile) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := f.ReadAt(p, f.off)
	f.off += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}
