package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
)

// A target is the folder that extract writes into. All access is through an os.Root,
// so that no name and no link in the folder leads out of it.
type target struct {
	root *os.Root
	mu   sync.Mutex
	open map[*pending]bool // what has no final name yet
}

func openTarget(dir string) (*target, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &target{root: root, open: map[*pending]bool{}}, nil
}

// Close removes what did not come to its end.
func (t *target) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for f := range t.open {
		f.File.Close()
		t.root.Remove(f.temp)
	}
	t.open = nil
	return t.root.Close()
}

// A pending is a file that is being written under a name of its own.
type pending struct {
	*os.File
	t          *target
	temp, name string
}

// create begins a file. That its name is taken is found early, so as not to
// unpack for nothing, and again in the end.
func (t *target) create(name string) (*pending, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%s: no name for a file", name)
	}
	if err := t.free(name); err != nil {
		return nil, err
	}
	dir := path.Dir(name)
	if err := t.root.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	temp := path.Join(dir, ".otavet-"+rand.Text()[:12]+".part")
	f, err := t.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	p := &pending{f, t, temp, name}
	t.mu.Lock()
	t.open[p] = true
	t.mu.Unlock()
	return p, nil
}

// errTaken says why a name cannot be had: besides what stood there before, it may be
// another file of the update whose name differs in letters that this system does not tell apart.
var errTaken = errors.New("it is there already, or this system cannot tell it from another name; nothing is overwritten")

func (t *target) free(name string) error {
	_, err := t.root.Lstat(name)
	switch {
	case err == nil:
		return fmt.Errorf("%s: %w", name, errTaken)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// commit gives the file its final name.
func (p *pending) commit(mode fs.FileMode) error {
	if err := errors.Join(p.Chmod(mode), p.File.Close()); err != nil {
		return err
	}
	p.t.mu.Lock() // of two names that are one, the second finds the first
	defer p.t.mu.Unlock()
	if err := p.t.free(p.name); err != nil {
		return err
	}
	if err := p.t.root.Rename(p.temp, p.name); err != nil {
		return err
	}
	delete(p.t.open, p)
	return nil
}

// inParallel calls do for 0 to n-1, in that order, so many at once. The first error
// ends it.
func inParallel(ctx context.Context, jobs, n int, do func(int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(jobs, n) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				if err := do(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
