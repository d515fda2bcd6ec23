package ota

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/parse"
)

// openPayloads opens every payload of the package: payload.bin, and what an update may have for
// the other slot in secondary/payload.bin.
func (p *Package) openPayloads(ctx context.Context) {
	for _, name := range p.memberNames() {
		if path.Base(name) != payloadBin {
			continue
		}
		suffix := ""
		if dir := path.Dir(name); dir != "." {
			suffix = "_" + strings.ReplaceAll(dir, "/", "_")
		}
		p.take(name)
		b, err := p.memberBlob(ctx, name)
		if err != nil {
			p.problem(Problem{Member: name, Off: -1, Installs: true, Signs: "payload partition-hash", Err: err})
			continue
		}
		if !inPlace(b) {
			p.Notes = append(p.Notes, name+" is compressed: update_engine takes it only as it is stored")
		}
		p.addPayload(ctx, name, b, suffix)
	}
}

// addPayload makes partitions of those that a payload writes. A suffix tells the
// partitions of a second payload from those of the first.
func (p *Package) addPayload(ctx context.Context, member string, b blob.Blob, suffix string) {
	pl, err := payload.Open(b, p.budget)
	if err != nil {
		p.problem(Problem{Member: member, Off: offsetOf(err), Installs: true, Signs: "payload partition-hash", Err: err})
		return
	}
	source := &Payload{member, pl, b}
	p.Payloads = append(p.Payloads, source)
	for _, note := range pl.Notes() {
		p.Notes = append(p.Notes, member+": "+note)
	}
	for _, part := range pl.Partitions {
		q := &Partition{Name: p.freeName(slashless(part.Name+suffix), ""), Form: "payload", Outer: []string{member}, payload: part, source: source}
		p.Partitions = append(p.Partitions, q)
		if err := part.Complete(); err != nil {
			q.err = incremental(err)
			continue
		}
		q.Image = p.payloadImage(ctx, q)
	}
}

// incremental says of what needs the older image that it is not in the update.
func incremental(err error) error {
	if errors.Is(err, parse.ErrUnsupported) {
		return fmt.Errorf("incremental updates are not applied yet: %w", err)
	}
	return err
}

// maxAtRandom bounds what an operation may become that is decoded whenever somebody
// reads from it: payload.Partition's own limit.
const maxAtRandom = 16 << 20

// payloadImage is the image that a payload writes. Operations are decoded as they are
// read, unless one is too large for that or the installer computes a part of the
// image: then all of it is made when it is first read.
func (p *Package) payloadImage(ctx context.Context, q *Partition) blob.Blob {
	part := q.payload
	whole := part.HashTree.Blocks > 0 || part.FEC.Blocks > 0
	for i := range part.Operations {
		whole = whole || part.OpSize(i) > maxAtRandom
	}
	return newLazy(part.New.Size, func() (blob.Blob, error) {
		if whole {
			return p.build(ctx, q)
		}
		return part.Blob(p.decoding(ctx))
	})
}

// decoding gives the decoders of operations, which count and end with ctx.
func (p *Package) decoding(ctx context.Context) payload.Options {
	return payload.Options{Decode: func(kind string, r io.Reader, size int64) (io.ReadCloser, error) {
		in, err := codec.NewReader(codec.Method(kind), r, size)
		if err != nil {
			return nil, err
		}
		return &counted{in, ctx, p}, nil
	}}
}
