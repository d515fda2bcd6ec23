package archive

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// maxLinks is how many links one name may lead through; Linux's MAXSYMLINKS.
const maxLinks = 40

// A LinkError says that a name cannot be resolved within its file system.
type LinkError struct {
	Name    string // what was to be resolved
	Link    string // the last link on the way
	Outside bool   // it leads out of the file system; false: there are more than 40 links, or a target is empty or longer than 4096 bytes

	// Target, if Outside, is where the name goes on, cleaned, with the rest of
	// the name behind it. It begins with / when the link is absolute: a path on
	// the running device. Else it begins with .. and counts from the root of the
	// file system, wherever the device mounts that; path.Join of the mount point
	// and Target is the path on the device.
	//
	// Cleaning takes a/.. for nothing. Where a is itself a link on the device,
	// that is not so; no link of a known device goes that way.
	Target string
}

// Error names the link and its target.
func (e *LinkError) Error() string {
	if e.Outside {
		return fmt.Sprintf("%s: the link %s leads out of the file system, to %s", e.Name, e.Link, e.Target)
	}
	return fmt.Sprintf("%s: the link %s cannot be followed: too many links, or no usable target", e.Name, e.Link)
}

// Resolve follows the symbolic links of name within fsys and gives the path
// without links that it stands for. It asks fsys for nothing outside its root:
// fsys must implement fs.ReadLinkFS, or it has no links.
//
// The error is a *LinkError where a link leads out of fsys or cannot be
// followed; a link that dangles is the error of fsys, which wraps
// fs.ErrNotExist.
func Resolve(fsys fs.FS, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: "resolve", Path: name, Err: fs.ErrInvalid}
	}
	var (
		done  []string // elements without links
		rest  = strings.Split(name, "/")
		link  string // the last link that was followed
		links int
	)
	for len(rest) > 0 {
		elem := rest[0]
		rest = rest[1:]
		switch elem {
		case "", ".":
			continue
		case "..":
			if len(done) == 0 {
				target := path.Join("..", path.Join(rest...))
				return "", &LinkError{Name: name, Link: link, Outside: true, Target: target}
			}
			done = done[:len(done)-1]
			continue
		}
		at := path.Join(path.Join(done...), elem)
		info, err := fs.Lstat(fsys, at)
		if err != nil {
			return "", err
		}
		if info.Mode().Type() != fs.ModeSymlink {
			if len(rest) > 0 && !info.IsDir() {
				return "", &fs.PathError{Op: "resolve", Path: at, Err: errNotFolder}
			}
			done = append(done, elem)
			continue
		}
		link = at
		if links++; links > maxLinks {
			return "", &LinkError{Name: name, Link: link}
		}
		target, err := fs.ReadLink(fsys, at)
		if err != nil {
			return "", err
		}
		if target == "" || len(target) > 3*maxLink { // a byte may be spelled with three
			return "", &LinkError{Name: name, Link: link}
		}
		if target[0] == '/' {
			target = path.Join(target, path.Join(rest...))
			return "", &LinkError{Name: name, Link: link, Outside: true, Target: target}
		}
		// Forty targets of 4096 bytes are the most that rest can hold.
		rest = append(strings.Split(target, "/"), rest...)
	}
	if len(done) == 0 {
		return ".", nil
	}
	return strings.Join(done, "/"), nil
}
