package cpio

import (
	"fmt"
	"strings"

	"github.com/otavet/otavet/ota/parse"
)

// maxSteps bounds the elements of names that are looked up while entries are
// unpacked: some eighty for each of 2^17. A name can lead through 40 links; 64 bytes
// of the target of one count as an element.
const maxSteps = 10 << 20

// A spot is where a path leads to: n, or nil and the place where it would be.
// What is reached by "." or ".." has no place, and cannot be removed.
type spot struct {
	place
	n     *node
	slash bool // the path ends with one
}

// A trail is what is left of a path: nothing of it is copied, however many links
// it leads through.
type trail struct {
	rest  string          // begins and ends with no slash
	after [maxLink]string // what follows the links on the way, the last one last
	held  int             // of after
	links int
}

// next takes the next element; last tells that none follows.
func (t *trail) next() (elem string, last bool) {
	elem, rest, _ := strings.Cut(t.rest, "/")
	t.rest = strings.TrimLeft(rest, "/")
	for t.rest == "" && t.held > 0 {
		t.held--
		t.rest = t.after[t.held]
	}
	return elem, t.rest == ""
}

// follow puts the target of a link before what is left.
func (t *trail) follow(target string) {
	if t.rest != "" {
		t.after[t.held] = t.rest
		t.held++
	}
	t.links++
	t.rest = strings.Trim(target, "/")
	if t.rest == "" && t.held > 0 {
		t.held--
		t.rest = t.after[t.held]
	}
}

// find goes along a path as Linux does from the root. Folders on the way that are not
// there are made if create is set; what is in them leads nowhere else. The reason says why the path leads nowhere.
func (t *tree) find(path string, create bool) (s spot, reason string, err error) {
	if path == "" {
		return s, "its name is empty", nil
	}
	at := t.root
	slash := strings.HasSuffix(path, "/")
	for way := (trail{rest: strings.Trim(path, "/")}); ; {
		if way.rest == "" {
			if at.lost {
				return s, "its folder is not there", nil
			}
			return spot{n: at, slash: true}, "", nil
		}
		if t.steps++; t.steps > maxSteps {
			return s, "", fail(-1, parse.ErrLimit, fmt.Sprintf("names have more than %d elements in all", maxSteps), nil)
		}
		elem, last := way.next()
		switch elem {
		case ".":
			continue
		case "..":
			if at.lost {
				return s, "its name leads out of a folder that is not there", nil
			}
			at = at.up
			continue
		}
		if len(elem) > nameMax {
			return s, "an element of its name is longer than 255 bytes", nil
		}
		p := place{at, elem}
		n := t.at[p]
		if last && (!slash || n == nil || n.in.kind() != modeLink) {
			return spot{p, n, slash}, "", nil
		}
		if n == nil {
			if !create {
				return s, "its folder is not there", nil
			}
			if n, err = t.imply(p); err != nil {
				return s, "", err
			}
		}
		switch n.in.kind() {
		case modeFolder:
			at = n
		case modeLink:
			target := n.in.target
			switch {
			case n.lost:
				return s, "its name leads through a link in a folder that is not there", nil
			case way.links == maxLink:
				return s, "its name leads through more than 40 links", nil
			case target == "":
				return s, "its name leads through a link without a target", nil
			case target[0] == '/':
				at = t.root
			}
			t.steps += int64(len(target)) / 64
			way.follow(target)
		default:
			return s, "its name leads through " + n.path() + ", which is no folder", nil
		}
	}
}
