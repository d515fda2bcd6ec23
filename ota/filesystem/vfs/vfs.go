// Package vfs makes a file system of Go of what the reader of a format tells of
// inodes, as the layer of that name does in Linux: names are looked up, lists of
// folders are kept, files are opened, and what a hostile image can do with names
// and folders is met here, once for all formats.
//
// The reader of a format gives a [Volume], and embeds the [FS] that [New] makes.
//
// What holds for each FS:
//
//   - Names are those of the image, spelled with parse.Escape; a slash in a name,
//     which none but an encrypted one can rightly have, is spelled %2F. So no name
//     is more than one element, and none is "." or "..". Of two entries of one name
//     the first one counts, as it is what Linux finds; Notes tells of it.
//   - Links are never followed: Stat and Lstat tell of the link, ReadLink gives its
//     target, Open refuses it, and so does a name that leads through it. Devices,
//     pipes and sockets are listed and cannot be opened.
//   - Each folder has one place: the reader compares its parent, and a folder that
//     two entries of one list name cannot be entered. So no walk goes in circles.
//   - The entries of a folder are charged to the budget when it is first read. The
//     sizes of files are not: a hole takes no room in an image, so that a small
//     one can have a file of 16 TiB. Who reads files to their ends bounds that.
//   - Any number of goroutines may use it.
package vfs

import (
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

const (
	// maxEntries bounds the entries of one folder. No image of a device has as
	// many files in all of its folders.
	maxEntries = 1 << 17

	// maxNames bounds the bytes of all names of one folder, as they are spelled.
	maxNames = 8 << 20

	// maxPath bounds how deep a name may lead; PATH_MAX lets Linux go to 2048.
	maxPath = 1024

	// maxReadFile bounds what ReadFile reads into memory. More is read through
	// Open or Blob.
	maxReadFile = 256 << 20

	// maxFolders bounds what is kept of folders, in bytes: somewhat more than the
	// largest one takes.
	maxFolders = 20 << 20
)

// MaxLink is the most bytes that the target of a symbolic link may have: PATH_MAX.
const MaxLink = 4096

// A Volume is what a format's reader knows of an image.
type Volume struct {
	Format string // for errors
	Root   uint64 // the inode of the root folder
	// Inode gives an inode by its reference, which an Entry has, or Root. Its
	// errors are *parse.Error, or those of reading the image.
	Inode  func(ref uint64) (Inode, error)
	Budget *parse.Budget
	Notes  *Notes
}

// An Inode is a file, folder, link or node. The caller asks what its mode allows.
type Inode interface {
	// Attr is what Stat tells.
	Attr() Attr
	// List adds the entries of a folder to d, without . and .., in the order in
	// which they stand. It returns an error if up, from whose entries it was
	// reached (for the root: the root), is not its parent.
	List(d *Folder, up uint64) error
	// Data gives the bytes of a regular file.
	Data() (blob.Blob, error)
	// Target gives the target of a symbolic link as it is stored, of at most MaxLink bytes.
	Target() (string, error)
	// Xattrs gives the extended attributes in any order. Of two with one name the
	// first is that which Linux gives.
	Xattrs() ([]Xattr, error)
}

// Attr is what an inode tells of itself.
type Attr struct {
	Mode    fs.FileMode
	Size    int64 // bytes; of folders it does not matter
	ModTime time.Time
	Meta
}

// Meta is what Sys of a fs.FileInfo points to.
type Meta struct {
	UID, GID     uint32 // owner
	Inode        uint64 // names of one file have the same
	Links        uint32 // how many names it has; of a folder, its subfolders, too, or 1 where they are too many
	Major, Minor uint32 // of a device node
	Verity       bool   // fs-verity: the contents have a hash tree, which is not checked
	Encrypted    bool   // the contents, and in a folder the names, are encrypted
	Casefold     bool   // a folder in which Linux does not tell upper from lower case
	Immutable    bool
	Implied      bool // a folder that no entry of a ramdisk has made; its owner, mode and time are not known
}

// An Xattr is an extended attribute.
type Xattr struct {
	// Name with its namespace, such as security.selinux, spelled with parse.Escape.
	Name string
	// Value is as stored: an access list has the form of the format, not that of the system call.
	Value []byte
}

// An FS is a file system.
type FS struct {
	v       Volume
	folders folderCache
	buffers sync.Pool // of *[]byte: what WriteTo of a file copies with
}

// New makes the file system of v, and reads its root folder. The error is that of v,
// or says that the root is none.
func New(v Volume) (*FS, error) {
	f := &FS{v: v}
	if _, err := f.enter(v.Root, v.Root); err != nil {
		if errors.Is(err, errNotFolder) || err == errLinkOnWay {
			return nil, f.fail(parse.ErrFormat, "the root is not a folder", nil)
		}
		return nil, err
	}
	return f, nil
}

// Notes tells what is odd about the file system: see [Notes.List].
func (f *FS) Notes() []string { return f.v.Notes.List() }

func (f *FS) fail(kind error, msg string, got any) error {
	return &parse.Error{Format: f.v.Format, Off: -1, Msg: msg, Got: got, Kind: kind}
}
