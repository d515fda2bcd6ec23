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
	root    *os.Root
	mu      sync.Mutex
	open    map[*pending]bool  // what has no final name yet
	folders map[string]*folder // below root, by path
}

// A folder of a target is kept open while files are made in it, and somewhat longer: most
// files follow one in the same folder, and each element of a path is a system call.
type folder struct {
	root *os.Root
	used int // pending files
}

// maxFolders bounds the folders that are open.
const maxFolders = 64

func openTarget(dir string) (*target, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &target{root: root, open: map[*pending]bool{}, folders: map[string]*folder{}}, nil
}

// Close removes what did not come to its end.
func (t *target) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for f := range t.open {
		f.File.Close()
		f.folder.root.Remove(f.temp)
	}
	t.open = nil
	for _, f := range t.folders {
		f.root.Close()
	}
	t.folders = nil
	return t.root.Close()
}

// folder opens the folder of a path, and makes it if it is not there. The caller releases it.
func (t *target) folder(dir string) (*folder, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.folders[dir]
	if f == nil {
		if err := t.root.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		root, err := t.root.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		f = &folder{root: root}
		t.forget()
		t.folders[dir] = f
	}
	f.used++
	return f, nil
}

// forget closes folders that nobody uses, when there are too many.
func (t *target) forget() {
	if len(t.folders) < maxFolders {
		return
	}
	for dir, f := range t.folders {
		if f.used == 0 {
			f.root.Close()
			delete(t.folders, dir)
		}
	}
}

func (t *target) release(f *folder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.used--
}

// A pending is a file that is being written under a name of its own.
type pending struct {
	*os.File
	t          *target
	folder     *folder
	temp, base string // in folder
	name       string // in the target
}

// create begins a file. That its name is taken is found early, so as not to
// unpack for nothing, and again in the end.
func (t *target) create(name string) (*pending, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%s: no name for a file", name)
	}
	dir, err := t.folder(path.Dir(name))
	if err != nil {
		return nil, err
	}
	p := &pending{t: t, folder: dir, temp: ".otavet-" + rand.Text()[:12] + ".part", base: path.Base(name), name: name}
	if err := p.free(); err != nil {
		t.release(dir)
		return nil, err
	}
	if p.File, err = dir.root.OpenFile(p.temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		t.release(dir)
		return nil, err
	}
	t.mu.Lock()
	t.open[p] = true
	t.mu.Unlock()
	return p, nil
}

// errTaken says why a name cannot be had: besides what stood there before, it may be
// another file of the update whose name differs in letters that this system does not tell apart.
var errTaken = errors.New("it is there already, or this system cannot tell it from another name; nothing is overwritten")

func (p *pending) free() error {
	_, err := p.folder.root.Lstat(p.base)
	switch {
	case err == nil:
		return fmt.Errorf("%s: %w", p.name, errTaken)
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
	if err := p.free(); err != nil {
		return err
	}
	if err := p.folder.root.Rename(p.temp, p.base); err != nil {
		return err
	}
	p.folder.used--
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
