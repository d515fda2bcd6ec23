package vfs

import "io/fs"

// Modes as inodes of Linux' file systems have them (linux/stat.h).
const (
	modeType   = 0o170000 // S_IFMT
	modeSocket = 0o140000 // S_IFSOCK
	modeLink   = 0o120000 // S_IFLNK
	modeFile   = 0o100000 // S_IFREG
	modeBlock  = 0o060000 // S_IFBLK
	modeFolder = 0o040000 // S_IFDIR
	modeChar   = 0o020000 // S_IFCHR
	modePipe   = 0o010000 // S_IFIFO
	modeSetUID = 0o004000 // S_ISUID
	modeSetGID = 0o002000 // S_ISGID
	modeSticky = 0o001000 // S_ISVTX
)

// Mode is a mode of Linux as Go has it. One of no known type is fs.ModeIrregular.
func Mode(raw uint16) fs.FileMode {
	m := fs.FileMode(raw)&fs.ModePerm | fileType(raw)
	if raw&modeSetUID != 0 {
		m |= fs.ModeSetuid
	}
	if raw&modeSetGID != 0 {
		m |= fs.ModeSetgid
	}
	if raw&modeSticky != 0 {
		m |= fs.ModeSticky
	}
	return m
}

func fileType(raw uint16) fs.FileMode {
	switch raw & modeType {
	case modeFile:
		return 0
	case modeFolder:
		return fs.ModeDir
	case modeLink:
		return fs.ModeSymlink
	case modeChar:
		return fs.ModeDevice | fs.ModeCharDevice
	case modeBlock:
		return fs.ModeDevice
	case modePipe:
		return fs.ModeNamedPipe
	case modeSocket:
		return fs.ModeSocket
	}
	return fs.ModeIrregular
}

// EntryType is the type that an entry of a folder states by a number of
// linux/fs_types.h; Untyped for FT_UNKNOWN and for what is none.
func EntryType(ft uint8) fs.FileMode {
	types := [...]fs.FileMode{
		Untyped,                           // FT_UNKNOWN
		0,                                 // FT_REG_FILE
		fs.ModeDir,                        // FT_DIR
		fs.ModeDevice | fs.ModeCharDevice, // FT_CHRDEV
		fs.ModeDevice,                     // FT_BLKDEV
		fs.ModeNamedPipe,                  // FT_FIFO
		fs.ModeSocket,                     // FT_SOCK
		fs.ModeSymlink,                    // FT_SYMLINK
	}
	if int(ft) >= len(types) {
		return Untyped
	}
	return types[ft]
}

// Device gives the numbers of a device node in the form of new_decode_dev.
func Device(dev uint32) (major, minor uint32) { return dev >> 8 & 0xfff, dev&0xff | dev>>12&0xfff00 }

// OldDevice gives them in the form of old_decode_dev.
func OldDevice(dev uint32) (major, minor uint32) { return dev >> 8 & 0xff, dev & 0xff }
