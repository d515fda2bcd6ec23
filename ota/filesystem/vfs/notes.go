package vfs

import (
	"fmt"
	"slices"
	"sync"
)

// maxNotes bounds what List gives.
const maxNotes = 32

// Notes are what is odd about an image and does not keep it from being read.
// The zero value has none. Any number of goroutines may use it.
type Notes struct {
	mu     sync.Mutex
	stated []string
	found  []string // sorted
}

// State notes what is read in a fixed order, as when an image is opened: the first are kept.
func (n *Notes) State(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.stated) < maxNotes {
		n.stated = append(n.stated, fmt.Sprintf(format, args...))
	}
}

// Found notes what comes out when a name is asked for. The least sentences are
// kept, so that which ones are kept does not depend on who reads first.
func (n *Notes) Found(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	n.mu.Lock()
	defer n.mu.Unlock()
	i, have := slices.BinarySearch(n.found, s)
	if have {
		return
	}
	n.found = slices.Insert(n.found, i, s)
	n.found = n.found[:min(len(n.found), maxNotes-len(n.stated))]
}

// List gives at most 32 sentences: first those that were stated, then, sorted,
// those that have been found so far.
func (n *Notes) List() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Concat(n.stated, n.found)
}

// UUID is a UUID as everybody writes it, in lower case with dashes; "" if it is zero.
func UUID(u [16]byte) string {
	if u == [16]byte{} {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
