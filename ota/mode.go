package ota

import "io/fs"

// ModeString spells a mode in the ten characters of ls -l: the kind of file, and
// the permissions with setuid, setgid and sticky among them.
func ModeString(m fs.FileMode) string {
	s := []byte("-rwxrwxrwx")
	for _, kind := range []struct {
		mode fs.FileMode
		c    byte
	}{{fs.ModeDir, 'd'}, {fs.ModeSymlink, 'l'}, {fs.ModeNamedPipe, 'p'}, {fs.ModeSocket, 's'},
		{fs.ModeDevice | fs.ModeCharDevice, 'c'}, {fs.ModeDevice, 'b'}, {fs.ModeIrregular, '?'}} {
		if m&kind.mode == kind.mode {
			s[0] = kind.c
			break
		}
	}
	for i := range 9 {
		if m&(1<<(8-i)) == 0 {
			s[i+1] = '-'
		}
	}
	for _, bit := range []struct {
		mode     fs.FileMode
		at       int
		with, no byte // with and without the right to execute
	}{{fs.ModeSetuid, 3, 's', 'S'}, {fs.ModeSetgid, 6, 's', 'S'}, {fs.ModeSticky, 9, 't', 'T'}} {
		if m&bit.mode == 0 {
			continue
		}
		if s[bit.at] == 'x' {
			s[bit.at] = bit.with
		} else {
			s[bit.at] = bit.no
		}
	}
	return string(s)
}
