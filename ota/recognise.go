package ota

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/parse"
)

// open recognises what b is, and undoes compression around it.
func (p *Package) open(ctx context.Context, b blob.Blob, name string) error {
	outer := "" // what was undone
	for depth := range maxWraps {
		p.inPlace = depth == 0
		head, err := peek(b, headSize)
		if err != nil {
			return err
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
			return p.recognise(ctx)
		case isImage(b, head):
			return p.openLoneImage(ctx, b, name)
		}
		method, ok := codec.Detect(head)
		if !ok {
			return refuse(b, head, outer)
		}
		in, err := p.decompressed(ctx, b, method, -1)
		if err != nil {
			return err
		}
		if _, err := peek(in, 1); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		b, name, outer = in, trimEnding(name), string(method)
	}
	return &parse.Error{Format: "update", Off: -1, Msg: "compressed more than four times over", Kind: parse.ErrLimit}
}

// payloadMagic is kDeltaMagic of payload_constants.cc.
const payloadMagic = "CrAU"

// isImage tells whether a file that stands alone is the image of a partition, by
// the marks of the formats that partitions have. Others could be anything.
func isImage(b blob.Blob, head []byte) bool {
	return slices.ContainsFunc(images, func(m magic) bool { return hasMark(b, head, m) })
}

// openLoneImage opens an image that is no member of anything.
func (p *Package) openLoneImage(ctx context.Context, b blob.Blob, name string) error {
	p.lone(name, b)
	u, err := p.unwrap(ctx, b, name)
	if err != nil {
		return err
	}
	f := found{name: partitionOf(u.name), member: name}
	if isSuper(u) {
		p.Layout = LayoutSuper
		return p.addSuper(&f, u, nil)
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
