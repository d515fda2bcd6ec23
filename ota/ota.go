package ota

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/edify"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/image/transfer"
	"github.com/otavet/otavet/ota/parse"
)

// A Layout says how an update is put together.
type Layout string

// The layouts.
const (
	LayoutZip         Layout = "zip"          // contents not recognised
	LayoutZipFiles    Layout = "zip-files"    // an installer script writes files
	LayoutZipBlock    Layout = "zip-block"    // an installer script writes blocks
	LayoutZipPayload  Layout = "zip-payload"  // payload.bin in a zip
	LayoutPayload     Layout = "payload"      // payload.bin alone
	LayoutTargetFiles Layout = "target-files" // what the build makes before an update
	LayoutFastboot    Layout = "fastboot"     // images in a zip or tar
	LayoutFactory     Layout = "factory"      // a zip of images in a zip, with a script for fastboot
	LayoutOdin        Layout = "odin"         // images in a tar with a checksum, as Samsung's Odin takes them
	LayoutTar         Layout = "tar"          // contents not recognised
	LayoutSuper       Layout = "super"        // the logical partitions of a device
	LayoutImage       Layout = "image"        // one partition
	LayoutFolder      Layout = "folder"       // an unpacked tree
	LayoutAPK         Layout = "apk"          // one app
	LayoutAPEX        Layout = "apex"         // one system module
)

// Options of Open. The zero value is right for most.
type Options struct {
	Limits parse.Limits // of the update as a whole
	Spool  string       // folder for temporary files; "" the system's
}

// An Event tells how far something long has come. Unit is what is counted:
// "bytes", "files".
type Event struct {
	Phase       string
	Done, Total int64 // Total 0: not known
	Unit        string
}

// A Package is an update as one file or folder, opened.
type Package struct {
	Name       string    // base name, escaped
	File       blob.Blob // as given; nil for a folder
	Layout     Layout
	Members    fs.FS           // the package's own files
	Entries    []archive.Entry // every record of a zip's directory or header of a tar, duplicates and refused ones included
	Notes      []string        // what is unusual about the archive as a whole
	Partitions []*Partition
	Script     *Installer // nil where there is none
	Payloads   []*Payload // in the order of their members' names
	Blocks     []*BlockUpdate
	Problems   []Problem // what could not be opened or followed

	opts      Options
	budget    *parse.Budget
	installed map[string]bool       // members that are files of a partition
	folders   map[string]*Partition // folders that are partitions' trees
	names     map[[2]string]int     // names of partitions, and slots; see freeName
	named     int                   // partitions that are in names
	machine   error                 // of the machine, not of the update: what ended opening
	decoded   atomic.Int64
	inPlace   bool         // Members are those of File as it is
	tar       *archive.Tar // Members, if they are a tar's
	tars      []innerTar
	blobs     map[string]blob.Blob // members that were opened, while the package is
	mu        sync.Mutex
	closers   []func() error
	streams   []*blob.Stream
}

// A Payload is an A/B payload of the package.
type Payload struct {
	Member string // "" the package itself
	*payload.Payload
	whole blob.Blob
}

// Blob is the payload's bytes.
func (p *Payload) Blob() blob.Blob { return p.whole }

// An Installer is the script that recovery runs, and what it leaves behind.
type Installer struct {
	Member string // the script's name in the package
	Plan   *edify.Plan
}

// A Problem is something about a package that could not be opened or followed.
type Problem struct {
	Partition string // "" the package
	Member    string // "" all of it
	Line      int64  // of a text member; 0 none
	Off       int64  // byte in the member; -1 none
	Err       error  // wraps parse's kinds, ErrMissing or ErrUndecided
	Installs  bool   // what is installed may differ because of it
	Signs     string // families of signatures that are not judged because of it, with spaces between; "" none
}

// Two causes of a Problem beside those of parse.
var (
	// ErrMissing: the bytes are not in the package.
	ErrMissing = errors.New("not in the update")
	// ErrUndecided: the package does not determine it.
	ErrUndecided = errors.New("not determined by the update")
)

// OpenPath opens a file or a folder. A link is followed: the user named it.
func OpenPath(ctx context.Context, path string, o Options) (*Package, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	name := parse.Escape(filepath.Base(path))
	if st.IsDir() {
		tree, err := archive.OpenTree(path, parse.NewBudget(o.Limits))
		if err != nil {
			return nil, err
		}
		if abs, err := filepath.Abs(path); err == nil {
			name = parse.Escape(filepath.Base(abs)) // "." has no name
		}
		p, err := OpenFS(ctx, tree, name, o)
		if err != nil {
			tree.Close()
			return nil, err
		}
		p.closers = append(p.closers, tree.Close)
		return p, nil
	}
	if !st.Mode().IsRegular() { // before opening: a pipe would block
		return nil, fmt.Errorf("%s: neither a file nor a folder (%v)", name, st.Mode())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := blob.NewFile(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	p, err := Open(ctx, b, name, o)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.closers = append(p.closers, b.Close)
	return p, nil
}

// Open recognises the update that b holds; name is its escaped base name. What
// it does not know it refuses in one line that says what was seen and what is
// supported; the error wraps parse.ErrUnsupported, parse.ErrFormat or
// parse.ErrLimit.
//
// It reads directories, manifests and heads of images. What is compressed as a
// whole, such as a .tgz, is decoded to its end, because that is where its
// directory is known.
func Open(ctx context.Context, b blob.Blob, name string, o Options) (*Package, error) {
	p := &Package{Name: name, File: b, opts: o, budget: parse.NewBudget(o.Limits)}
	err := p.open(ctx, blob.WithContext(ctx, b), name)
	if err = cmp.Or(ended(ctx), err, p.machine); err != nil {
		p.Close()
		return nil, err
	}
	p.pause()
	p.share()
	return p, nil
}

// ended is why ctx ended; nil: it has not. What was met after that says nothing of the update.
func ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// OpenFS opens an unpacked tree.
func OpenFS(ctx context.Context, fsys fs.FS, name string, o Options) (*Package, error) {
	p := &Package{Name: name, Members: fsys, Layout: LayoutFolder, opts: o, budget: parse.NewBudget(o.Limits)}
	err := p.recogniseFolder(ctx)
	if err = cmp.Or(ended(ctx), err); err != nil {
		p.Close()
		return nil, err
	}
	p.share()
	return p, nil
}

// share lets partitions read their files by the package's options and limits.
func (p *Package) share() {
	for _, q := range p.Partitions {
		q.pkg = p
	}
}

// Close frees what reading the package took. Blobs of it must not be read after.
func (p *Package) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		errs = append(errs, p.closers[i]())
	}
	p.closers, p.streams = nil, nil
	return errors.Join(errs...)
}

func (p *Package) keep(closer func() error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closers = append(p.closers, closer)
}

// A Partition is what the update leaves on one partition of the device.
type Partition struct {
	Name, Slot string
	Mount      string    // device path of its root; "" unknown or never mounted
	Form       string    // tree, raw, payload, block-update, logical, or how it is encoded, such as lz4+sparse
	Image      blob.Blob // nil where the partition is a tree, or its image cannot be made
	Outer      []string  // members of the package that hold it
	tree       fs.FS
	payload    *payload.Partition // that writes it; nil: none
	source     *Payload           // that payload
	blocks     *transfer.List     // likewise
	size       int64              // of a logical partition
	err        error              // why there is no image
	pkg        *Package           // that it is of

	mu     sync.Mutex // of what follows, and of Mount while the files are not opened
	fsys   fs.FS
	fsErr  error
	budget *parse.Budget // of fsys
}

// Size is the size of the image, of one that cannot be made too, and whether it is
// known without decoding the image. A tree has none.
func (p *Partition) Size() (int64, bool) {
	switch {
	case p.Image != nil:
		return sizeOf(p.Image)
	case p.payload != nil:
		return p.payload.New.Size, true
	case p.blocks != nil:
		return p.blocks.Size(), true
	}
	return p.size, p.size > 0
}

// FS is the partition's files. A raw image that holds no filesystem which this
// version reads is parse.ErrUnsupported.
func (p *Partition) FS(ctx context.Context) (fs.FS, error) {
	if p.tree != nil {
		return p.tree, nil
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.files(ctx)
}

// Device is the absolute path, on the running device, of a path in the
// partition; "" where the partition has no place there.
func (p *Partition) Device(path string) string {
	switch {
	case p.Mount == "":
		return ""
	case path == "" || path == ".":
		return p.Mount
	case p.Mount == "/":
		return "/" + path
	}
	return p.Mount + "/" + path
}

// OpenBlob gives a regular file's bytes for random access: in place where they
// are stored, else decoded into a spool in dir. The function frees them.
func OpenBlob(ctx context.Context, fsys fs.FS, name, dir string) (blob.Blob, func() error, error) {
	if in, ok := fsys.(archive.BlobFS); ok {
		b, closer, err := in.Blob(name)
		if err == nil {
			return blob.WithContext(ctx, b), closer, nil
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return nil, nil, err
		}
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if st.IsDir() {
		return nil, nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a folder")}
	}
	s, err := blob.Spool(contextReader{ctx, f}, st.Size(), dir)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// Budget is what remains of the package's limits.
func (p *Package) Budget() *parse.Budget { return p.budget }

// Spool is the folder for temporary files that the package was opened with.
func (p *Package) Spool() string { return p.opts.Spool }

// Payload is what a payload says of the partition, and that payload; nil where none writes it.
func (p *Partition) Payload() (*payload.Partition, *Payload) { return p.payload, p.source }

// Transfer is the transfer list that writes the partition; nil where none does.
func (p *Partition) Transfer() *transfer.List { return p.blocks }

// Tree tells whether the partition comes as files and not as an image.
func (p *Partition) Tree() bool { return p.tree != nil }
