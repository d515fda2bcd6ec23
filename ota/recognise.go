package ota

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// open recognises what b is, and undoes compression around it.
func (p *Package) open(ctx context.Context, b blob.Blob, name string) error {
	var undone []string // outermost first
	for {
		p.inPlace = len(undone) == 0
		head, err := peek(b, headSize)
		if err != nil {
			return err
		}
		archived := looksLikeZip(head) || archive.IsTar(head) || strings.HasPrefix(string(head), payloadMagic)
		if archived && !p.inPlace {
			if err := drain(ctx, b); err != nil {
				return err
			}
		}
		switch {
		case looksLikeZip(head):
			z, err := archive.OpenZip(b, p.budget)
			if err != nil {
				return describeBrokenZip(b, head, err)
			}
			p.Members, p.Entries, p.Notes = z, z.Entries(), z.Notes()
			return p.recognise(ctx)
		case strings.HasPrefix(string(head), payloadMagic):
			return p.openLonePayload(ctx, b, name)
		case archive.IsTar(head):
			t, err := archive.OpenTar(b, p.budget)
			if err != nil {
				return err
			}
			p.Members, p.Notes, p.tar = t, t.Notes(), t
			p.Entries = tarRecords(t)
			return p.recognise(ctx)
		case isImage(b, head):
			return p.openLoneImage(ctx, b, name, undone)
		}
		method, ok := methodOfFile(head, name)
		if !ok {
			return refuse(b, head, undone)
		}
		if len(undone) == maxWraps {
			return errWraps()
		}
		in, err := p.decompressed(ctx, b, method, -1)
		if err != nil {
			return err
		}
		if _, err := peek(in, 1); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		b, name, undone = in, trimEnding(name), append(undone, string(method))
	}
}

// drain decodes b to its end. How it ends is told here: to the reader of what is in it, what was
// cut off, or is more than is allotted, would be malformed; and a checksum that stands at
// the end nobody would come to, who looks for what he needs.
func drain(ctx context.Context, b blob.Blob) error {
	if inPlace(b) {
		return nil
	}
	size, known := sizeOf(b)
	if !known {
		size = wholeSize(ctx, b)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var one [1]byte
	if _, err := b.ReadAt(one[:], size); err != io.EOF {
		return err
	}
	return nil
}

// tarRecords are the members of a tar in the form that those of a zip have: all are
// stored, and each has one header.
func tarRecords(t *archive.Tar) []archive.Entry {
	var list []archive.Entry
	for _, e := range t.Entries() {
		list = append(list, archive.Entry{Name: e.Name, Index: e.Index, Size: e.Size, Stored: e.Size, Header: e.Header, Data: e.Data,
			Central: e.Header, Mode: e.Mode, Modified: e.Modified, Refused: e.Refused, Notes: e.Notes})
	}
	return list
}

// payloadMagic is kDeltaMagic of payload_constants.cc.
const payloadMagic = "CrAU"

// isImage tells whether a file that stands alone is the image of a partition, by
// the marks of the formats that partitions have. Others could be anything.
func isImage(b blob.Blob, head []byte) bool {
	return slices.ContainsFunc(images, func(m magic) bool { return hasMark(b, head, m) })
}

// openLoneImage opens an image that is no member of anything; undone is how it was compressed.
func (p *Package) openLoneImage(ctx context.Context, b blob.Blob, name string, undone []string) error {
	p.lone(name, b)
	u, err := p.unwrap(ctx, b, name)
	if err != nil {
		return err
	}
	u.forms = append(undone, u.forms...)
	f := found{name: partitionOf(u.name), member: name}
	if isSuper(u) || isSuperEmpty(u) {
		p.Layout = LayoutSuper
		return p.addSuper(ctx, &f, u, nil)
	}
	p.Layout = LayoutImage
	p.addImage(&f, u)
	p.Partitions[0].Outer = nil // the package is the image
	return nil
}

// lone makes a file that stands alone the package's only member.
func (p *Package) lone(name string, b blob.Blob) {
	members := newBlobFS()
	members.add(name, b)
	p.Members = members
	p.take(members.names[0])
}

// openLonePayload opens a payload.bin that is in no zip.
func (p *Package) openLonePayload(ctx context.Context, b blob.Blob, name string) error {
	p.Layout = LayoutPayload
	p.lone(name, b)
	before := len(p.Problems)
	p.addPayload(ctx, p.Members.(*blobFS).names[0], b, "")
	if len(p.Payloads) == 0 {
		err := p.Problems[before].Err
		if errors.Is(err, parse.ErrFormat) || errors.Is(err, parse.ErrUnsupported) || errors.Is(err, parse.ErrLimit) {
			return err
		}
		return fmt.Errorf("payload: %w", err)
	}
	return nil
}

// take records that a member is what a partition is made of: it is looked at there.
func (p *Package) take(member string) {
	if p.installed == nil {
		p.installed = map[string]bool{}
	}
	p.installed[member] = true
}
