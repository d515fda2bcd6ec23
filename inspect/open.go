package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// Open gives the bytes that a Location names, so that evidence can be read
// again; the function frees them. Offset, line and symbol are the caller's
// to look at.
func Open(ctx context.Context, p *ota.Package, at fact.Location) (blob.Blob, func() error, error) {
	b, _, closer, err := open(ctx, p, at)
	return b, closer, err
}

// open is Open, and gives a budget for what is inside.
func open(ctx context.Context, p *ota.Package, at fact.Location) (blob.Blob, *parse.Budget, func() error, error) {
	if len(at.Inner) == 0 {
		b, closer, err := openOuter(ctx, p, at)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", at, err)
		}
		return b, p.Budget(), closer, nil
	}
	fsys, budget, closer, err := Inside(ctx, p, within(at))
	if err != nil {
		return nil, nil, nil, err
	}
	b, closeFile, err := ota.OpenBlob(ctx, fsys, at.Inner[len(at.Inner)-1], p.Spool())
	if err != nil {
		closer()
		return nil, nil, nil, fmt.Errorf("%s: %w", at, err)
	}
	return b, budget, func() error { return errors.Join(closeFile(), closer()) }, nil
}

// within is the file that holds the one that at names.
func within(at fact.Location) fact.Location {
	at.Inner = at.Inner[:len(at.Inner)-1]
	at.Offset, at.Line, at.Symbol = nil, nil, ""
	return at
}

// Inside opens what the file or image holds that a Location names, and gives a budget for what is
// read from it. The function frees it.
func Inside(ctx context.Context, p *ota.Package, at fact.Location) (fs.FS, *parse.Budget, func() error, error) {
	b, budget, closer, err := open(ctx, p, at)
	if err != nil {
		return nil, nil, nil, err
	}
	name := at.Path
	if n := len(at.Inner); n > 0 {
		name = at.Inner[n-1]
	}
	fsys, budget, err := inside(ctx, name, b, budget, p.Spool())
	if err != nil {
		closer()
		return nil, nil, nil, fmt.Errorf("%s: %w", at, err)
	}
	return fsys, budget, func() error { return errors.Join(closeInside(fsys), closer()) }, nil
}

// An Opener opens files of one package, and each file that holds others once: a ramdisk that is
// compressed would else be unpacked for each of its files. Any number of goroutines may use it.
type Opener struct {
	p    *ota.Package
	mu   sync.Mutex
	open map[string]*opened // by the location's text
}

type opened struct {
	once  sync.Once
	fsys  fs.FS
	close func() error
	err   error
}

// NewOpener makes an Opener, which is to be closed.
func NewOpener(p *ota.Package) *Opener { return &Opener{p: p, open: map[string]*opened{}} }

// Open is as the function of that name.
func (o *Opener) Open(ctx context.Context, at fact.Location) (blob.Blob, func() error, error) {
	if len(at.Inner) == 0 {
		return Open(ctx, o.p, at)
	}
	outer, name := within(at), at.Inner[len(at.Inner)-1]
	o.mu.Lock()
	in := o.open[outer.String()]
	if in == nil {
		in = &opened{}
		o.open[outer.String()] = in
	}
	o.mu.Unlock()
	in.once.Do(func() { in.fsys, _, in.close, in.err = Inside(ctx, o.p, outer) })
	if in.err != nil {
		return nil, nil, in.err
	}
	b, closer, err := ota.OpenBlob(ctx, in.fsys, name, o.p.Spool())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", at, err)
	}
	return b, closer, nil
}

// Close closes what was opened. Nobody may read of it after.
func (o *Opener) Close() error {
	var errs []error
	for _, in := range o.open {
		if in.close != nil {
			errs = append(errs, in.close())
		}
	}
	return errors.Join(errs...)
}

// closeInside frees what ota.Inside gave.
func closeInside(fsys fs.FS) error {
	if c, ok := fsys.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func openOuter(ctx context.Context, p *ota.Package, at fact.Location) (blob.Blob, func() error, error) {
	nothing := func() error { return nil }
	if at.Partition == "" {
		if at.Path != "" {
			return p.OpenMember(ctx, at.Path)
		}
		if p.File == nil {
			return nil, nil, errors.New("the update is a folder: name a file of it")
		}
		return p.File, nothing, nil
	}
	for _, q := range p.Partitions {
		if q.Name != at.Partition || q.Slot != at.Slot {
			continue
		}
		if at.Path != "" {
			return p.OpenFile(ctx, q, at.Path)
		}
		if q.Image == nil {
			return nil, nil, errors.New("the partition is a tree: name a file of it")
		}
		return q.Image, nothing, nil
	}
	return nil, nil, fmt.Errorf("no such partition: %w", fs.ErrNotExist)
}
