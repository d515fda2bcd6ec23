package ota

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/filesystem/cpio"
	"github.com/otavet/otavet/ota/filesystem/erofs"
	"github.com/otavet/otavet/ota/filesystem/ext4"
	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/filesystem/squashfs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// A filesystem is what readers of filesystems give; Sys of its files is a *vfs.Meta.
type filesystem interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadLinkFS
	archive.BlobFS
	Xattrs(name string) ([]vfs.Xattr, error)
	Notes() []string
	Size() int64 // of the filesystem in its image, in bytes
}

// An opener opens what containers or filesystems of one format hold.
type opener struct {
	format string
	open   func(b blob.Blob, bud *parse.Budget, spool string) (fs.FS, error)
}

// image makes an opener of a reader of filesystems.
func image[T filesystem](format string, open func(blob.Blob, *parse.Budget) (T, error)) opener {
	return opener{format, func(b blob.Blob, bud *parse.Budget, _ string) (fs.FS, error) {
		fsys, err := open(b, bud)
		if err != nil {
			return nil, err
		}
		return &imageFS{fsys, format}, nil
	}}
}

// ramdisk may have to unpack what it opens.
var ramdisk = opener{"cpio", func(b blob.Blob, bud *parse.Budget, spool string) (fs.FS, error) {
	fsys, err := cpio.Open(b, bud, cpio.Options{Spool: spool})
	if err != nil {
		return nil, err
	}
	return &imageFS{fsys, "cpio"}, nil
}}

// filesystems are the filesystems of images, and the mark of each: that of its superblock. What lies before a superblock is
// free for other uses, so that marks at the start of an image count last: a device mounts the filesystem.
var filesystems = []struct {
	off  int
	mark string
	opener
}{
	{1024, "\xe2\xe1\xf5\xe0", image("erofs", erofs.Open)},
	{1024, "\x10\x20\xf5\xf2", image("f2fs", f2fs.Open)},
	{1080, "\x53\xef", image("ext4", ext4.Open)},
	{0, "hsqs", image("squashfs", squashfs.Open)},
	{0, "sqsh", image("squashfs", squashfs.Open)}, // an old one, big-endian, which is refused by name
	{0, "070701", ramdisk},
	{0, "070702", ramdisk},
}

// filesystemOf finds the opener for the filesystem of an image.
func filesystemOf(b blob.Blob, head []byte) (opener, bool) {
	for _, f := range filesystems {
		if hasMark(b, head, magic{off: f.off, mark: f.mark}) {
			return f.opener, true
		}
	}
	return opener{}, false
}

// packedRamdisk tells whether b is a ramdisk that is compressed, of which it decodes the beginning.
func packedRamdisk(b blob.Blob, head []byte) bool {
	method, ok := codec.Detect(head)
	if !ok {
		return false
	}
	r, err := codec.NewReader(method, blob.Reader(b), maxRamdiskHead)
	if err != nil {
		return false
	}
	defer r.Close()
	var magic [6]byte
	_, err = io.ReadFull(r, magic[:])
	return err == nil && (string(magic[:]) == "070701" || string(magic[:]) == "070702")
}

// maxRamdiskHead is what is decoded of a compressed file at most to see whether it is a ramdisk:
// decoders go by blocks.
const maxRamdiskHead = 16 << 20

// files opens the partition's filesystem, once.
func (q *Partition) files(ctx context.Context) (fs.FS, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fsys != nil || q.fsErr != nil {
		return q.fsys, q.fsErr
	}
	budget, err := q.pkg.budget.Inside("partition", q.Image.Size())
	if err != nil {
		q.fsErr = err
		return nil, err
	}
	fsys, err := q.open(budget)
	if ctx.Err() != nil { // whoever asks again may have more time
		return nil, context.Cause(ctx)
	}
	if err != nil {
		q.fsErr = err
		return nil, err
	}
	if c, ok := fsys.(io.Closer); ok {
		q.pkg.keep(c.Close)
	}
	q.fsys, q.budget = fsys, budget
	if q.Mount == "" {
		q.Mount = mountOf(q.Name, fsys)
	}
	return fsys, nil
}

func (q *Partition) open(budget *parse.Budget) (fs.FS, error) {
	head, err := peek(q.Image, headSize)
	if err != nil {
		return nil, err
	}
	in, ok := filesystemOf(q.Image, head)
	if !ok {
		return nil, &parse.Error{Format: "partition", Off: -1, Msg: "no filesystem that is read", Got: q.Name, Kind: parse.ErrUnsupported}
	}
	return in.open(q.Image, budget, q.pkg.opts.Spool)
}

// HoldsFilesystem tells whether the image has the mark of a filesystem, whether or not FS can open it.
func (q *Partition) HoldsFilesystem() bool {
	head, err := peek(q.Image, headSize)
	if err != nil {
		return false // FS says so
	}
	_, ok := filesystemOf(q.Image, head)
	return ok
}

// Budget is what remains of the limits of what is read from the partition's files.
func (q *Partition) Budget() *parse.Budget {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.budget != nil {
		return q.budget
	}
	return q.pkg.budget
}

// Uncharged tells whether the sizes of the files of fsys have not been charged to a budget: those of a
// filesystem are known when its folders are read, and a hole takes no room in an image. Who
// reads its files to their ends has to charge them.
func Uncharged(fsys fs.FS) bool {
	_, is := fsys.(*imageFS)
	return is
}

// FilesystemName is the name of the filesystem that Inside or a Partition gave, such as ext4; "" for anything else.
func FilesystemName(fsys fs.FS) string {
	if f, ok := fsys.(*imageFS); ok {
		return f.name
	}
	return ""
}

// Filesystem is the name of the filesystem that FS has opened, and what is odd about it, so far as
// it was read; "" where there is none.
func (q *Partition) Filesystem() (name string, notes []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f, ok := q.fsys.(*imageFS); ok {
		return f.name, f.Notes()
	}
	return "", nil
}

// FilesystemSize is the number of bytes of the partition's image that its filesystem takes; what is behind them is not
// its own. 0 where FS has opened none.
func (q *Partition) FilesystemSize() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if f, ok := q.fsys.(*imageFS); ok {
		return f.Size()
	}
	return 0
}

// mountOf is where a partition with these files is mounted.
func mountOf(name string, fsys fs.FS) string {
	// From Android 9 the system image holds the root folder: its files stand in
	// system, and the image is mounted at /.
	if name == "system" && isPartitionTree(fsys, "system") {
		return "/"
	}
	if mount, known := partitionNames[name]; known {
		return mount
	}
	if isPartitionTree(fsys, ".") {
		return "/" + name
	}
	return ""
}

// An imageFS is a filesystem whose files tell their owner and label as those of a script do.
type imageFS struct {
	filesystem
	name string
}

// Close frees what the filesystem took, if it took anything.
func (f *imageFS) Close() error {
	if c, ok := f.filesystem.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (f *imageFS) Stat(name string) (fs.FileInfo, error) { return f.Lstat(name) }

func (f *imageFS) Lstat(name string) (fs.FileInfo, error) {
	info, err := f.filesystem.Lstat(name)
	if err != nil {
		return nil, err
	}
	return imageInfo{info, f, name}, nil
}

func (f *imageFS) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := f.filesystem.ReadDir(name)
	for i, d := range list {
		list[i] = imageEntry{d, f, join(name, d.Name())}
	}
	return list, err
}

type imageEntry struct {
	fs.DirEntry
	f    *imageFS
	path string
}

func (e imageEntry) Info() (fs.FileInfo, error) {
	info, err := e.DirEntry.Info()
	if err != nil {
		return nil, err
	}
	return imageInfo{info, e.f, e.path}, nil
}

type imageInfo struct {
	fs.FileInfo
	f    *imageFS
	path string
}

// Sys is a *Meta.
func (i imageInfo) Sys() any {
	in := i.FileInfo.Sys().(*vfs.Meta)
	if in.Implied {
		return &Meta{}
	}
	u, g := int64(in.UID), int64(in.GID)
	m := &Meta{UID: &u, GID: &g}
	list, err := i.f.Xattrs(i.path)
	m.Err = err
	for _, x := range list {
		switch x.Name {
		case "security.selinux":
			value := x.Value
			for len(value) > 0 && value[len(value)-1] == 0 {
				value = value[:len(value)-1]
			}
			m.Label = parse.EscapeText(string(value))
		case "security.capability":
			if m.Capabilities = capabilities(x.Value); m.Capabilities == nil {
				m.Err = errors.Join(m.Err, &parse.Error{Format: "capabilities", Off: -1, Msg: "none of a known revision", Got: len(x.Value), Kind: parse.ErrUnsupported})
			}
		}
	}
	return m
}

// capabilities reads what a file may do when it is run: struct vfs_cap_data of
// linux/capability.h, little-endian; its permitted set. nil: it is none that is known.
func capabilities(v []byte) *uint64 {
	const revisionMask, revision1, revision2, revision3 = 0xff000000, 0x01000000, 0x02000000, 0x03000000
	const size1, size2, size3 = 12, 20, 24 // XATTR_CAPS_SZ_1 to 3
	if len(v) < size1 {
		return nil
	}
	le := binary.LittleEndian
	set := uint64(le.Uint32(v[4:]))
	switch rev := le.Uint32(v) & revisionMask; {
	case rev == revision1 && len(v) == size1:
	case rev == revision2 && len(v) == size2, rev == revision3 && len(v) == size3:
		set |= uint64(le.Uint32(v[12:])) << 32
	default:
		return nil
	}
	return &set
}
