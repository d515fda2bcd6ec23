package ota

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
)

// OpenMember gives the bytes of a file of the package; the function frees them.
func (p *Package) OpenMember(ctx context.Context, name string) (blob.Blob, func() error, error) {
	name, err := archive.Resolve(p.Members, name)
	if err != nil {
		return nil, nil, err
	}
	return OpenBlob(ctx, p.Members, name, p.opts.Spool)
}

// maxHops bounds how often a path may go from one partition to another: more
// than any device needs (a vendor link into odm, and back), fewer than a loop.
const maxHops = 8

// OpenFile gives the bytes of a file of a partition. Links are resolved by us: one
// that leads to an absolute path goes on in the partition mounted there.
func (p *Package) OpenFile(ctx context.Context, q *Partition, name string) (blob.Blob, func() error, error) {
	for range maxHops {
		fsys, err := q.FS(ctx)
		if err != nil {
			return nil, nil, err
		}
		found, err := archive.Resolve(fsys, name)
		if err == nil {
			return OpenBlob(ctx, fsys, found, p.opts.Spool)
		}
		var link *archive.LinkError
		if !errors.As(err, &link) || !strings.HasPrefix(link.Target, "/") {
			return nil, nil, err
		}
		if q, name = p.At(link.Target); q == nil {
			return nil, nil, err
		}
	}
	return nil, nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("links lead from partition to partition without end")}
}

// At finds the partition in which an absolute device path stands, and the path
// in it: the longest mount point wins. nil means no partition of the update.
func (p *Package) At(device string) (*Partition, string) {
	mounted := slices.Clone(p.Partitions)
	slices.SortStableFunc(mounted, func(a, b *Partition) int { return len(b.Mount) - len(a.Mount) })
	for _, q := range mounted {
		if q.Mount == "" {
			continue
		}
		if rest, ok := under(q.Mount, device); ok {
			return q, rest
		}
	}
	return nil, ""
}
