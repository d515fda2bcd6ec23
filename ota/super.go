package ota

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/super"
	"github.com/otavet/otavet/ota/parse"
)

// superMagic is LP_METADATA_GEOMETRY_MAGIC, at 4096 in a super image and at the start of
// a super_empty.img.
const superMagic = "gDla"

func isSuper(u *unwrapped) bool {
	head, err := u.head(4096 + len(superMagic))
	return err == nil && len(head) == 4096+len(superMagic) && string(head[4096:]) == superMagic
}

// isSuperEmpty tells whether an image is super's layout without what is in it: the
// images that stand beside it say more.
func isSuperEmpty(u *unwrapped) bool {
	head, err := u.head(len(superMagic))
	return err == nil && string(head) == superMagic
}

// addSuper makes partitions of the logical partitions of a super image. device finds the other
// block devices that hold some of them, on devices that got logical partitions by
// an update.
func (p *Package) addSuper(ctx context.Context, f *found, u *unwrapped, device func(name string) *unwrapped) error {
	img, err := openSuper(p, u)
	if err != nil {
		return err
	}
	meta := img.Metadata()
	where := append(slices.Clone(f.outer), f.member)
	devices := make([]blob.Blob, len(meta.Devices))
	if !img.Empty { // else the images of partitions are elsewhere
		devices[0] = u.blob
	}
	for i, d := range meta.Devices[1:] {
		if device == nil {
			continue
		}
		name, _ := splitSlot(d.Name)
		// As the device calls it, and as lpmake and the build call its image.
		for _, name := range []string{d.Name, name, "super_" + d.Name, "super_" + name} {
			if other := device(name); other != nil {
				devices[i+1] = other.blob
				break
			}
		}
	}
	for i := range meta.Partitions {
		part := &meta.Partitions[i]
		if part.Size == 0 || part.Attributes&super.AttrDisabled != 0 {
			continue // the other slot's, before the first update fills it
		}
		name := part.Name
		if part.Attributes&super.AttrSlotSuffixed != 0 {
			name += super.Suffix(meta.Slot)
		}
		name, slot := splitSlot(slashless(name))
		q := &Partition{Name: p.freeName(name, slot), Slot: slot, Form: "logical", Outer: where, size: part.Size}
		q.Image, q.err = logical(ctx, meta, part, devices)
		p.Partitions = append(p.Partitions, q)
	}
	for _, note := range img.Notes {
		p.Notes = append(p.Notes, f.member+": "+note)
	}
	return nil
}

// openSuper reads the metadata from the head of the image, and where that does not
// reach far enough, from all of it.
func openSuper(p *Package, u *unwrapped) (*super.Image, error) {
	if inPlace(u.blob) {
		return super.Open(u.blob, p.budget)
	}
	head, err := u.head(maxHead)
	if err != nil {
		return nil, err
	}
	size, known := sizeOf(u.blob)
	if !known {
		size = 1 << 62 // extents are checked again when a partition is read
	}
	img, err := super.Open(&headBlob{head, size}, p.budget)
	if errors.Is(err, errBeyondHead) {
		return super.Open(u.blob, p.budget)
	}
	return img, err
}

// logical is a logical partition. Where the super image has to be decoded, that is
// left until somebody reads.
func logical(ctx context.Context, meta *super.Metadata, part *super.Partition, devices []blob.Blob) (blob.Blob, error) {
	for _, e := range part.Extents {
		if !e.Zero && devices[e.Device] == nil {
			return nil, fmt.Errorf("%s lies on the block device %s: %w", part.Name, parse.Escape(meta.Devices[e.Device].Name), ErrMissing)
		}
	}
	if !slices.ContainsFunc(devices, func(b blob.Blob) bool { return b != nil && !inPlace(b) }) {
		return meta.Blob(part, devices...)
	}
	return newLazy(part.Size, func() (blob.Blob, error) {
		for _, b := range devices {
			if b == nil {
				continue
			}
			if err := drain(ctx, b); err != nil {
				return nil, err
			}
		}
		return meta.Blob(part, devices...)
	}), nil
}
