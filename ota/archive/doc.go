// Package archive reads the outer wrappers of an update as file systems: zip
// and tar archives, and folders.
//
// All are strict in the same way. Nothing follows a symbolic link: a caller
// that wants to go on at a link's target asks Resolve, which never leaves the
// file system. Names are spelled with parse.Escape, so that they print, and so
// that every name of the archive or folder can be told from every other.
//
// A zip is read as the device's own readers would read it, from its central
// directory: minzip (bootable/recovery/minzip/Zip.c) in recoveries before
// Android 8, libziparchive (system/libziparchive/zip_archive.cc) since then and
// in the running system, and java.util.zip as Android ships it
// (libcore/ojluni/src/main/native/zip_util.c). Where these disagree with each
// other, or where one of them would refuse the archive, an Entry or the Zip
// has a note that says so. The format is PKWARE's APPNOTE.TXT 6.3.
//
// A tar is read in order, as GNU tar unpacks it and as Odin flashes it: of
// members of one name the last counts. Samsung's .tar.md5, which is a tar and a
// line of md5sum, is read as well.
package archive

import (
	"io/fs"

	"github.com/otavet/otavet/ota/blob"
)

// A BlobFS is a file system some of whose files can be read at random where
// they lie, without a copy. Zip, Tar and Tree are.
type BlobFS interface {
	fs.FS

	// Blob gives the bytes of a regular file. The caller calls release, which
	// is never nil when err is nil, once it has done with them.
	//
	// The error is a *fs.PathError. It wraps errors.ErrUnsupported when the
	// file has to be decoded: the caller then opens it and reads it in order,
	// into a blob.Spool if it needs it at random.
	Blob(name string) (b blob.Blob, release func() error, err error)
}

// noRelease is the release of a Blob that holds nothing open.
func noRelease() error { return nil }
