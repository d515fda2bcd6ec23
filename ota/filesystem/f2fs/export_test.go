package f2fs

import "github.com/otavet/otavet/ota/filesystem/vfs"

// Reread reads a folder as when its list has been forgotten.
func (f *FS) Reread(number, up uint32) error {
	n, err := f.inode(number)
	if err != nil {
		return err
	}
	return n.List(&vfs.Folder{}, uint64(up))
}
