package signatures

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/avb"
)

// Schemes of what a vbmeta struct states of an image.
const (
	schemeAVBChain    = "avb-chain" // of an image that is not there
	schemeAVBHash     = "avb-hash"
	schemeAVBHashtree = "avb-hashtree"
)

// verified judges Verified Boot 2.0: the vbmeta structs of the images, from the one of the vbmeta
// partition along its chains, and what signed ones state of images.
func verified(ctx context.Context, p *inspect.Pass, facts *fact.Facts) error {
	b := &boot{ctx: ctx, p: p, facts: facts, structs: map[*ota.Partition]*vbmeta{}}
	for _, q := range p.Package.Partitions {
		if q.Image == nil {
			continue
		}
		if err := b.open(q); err != nil {
			return err
		}
	}
	// libavb begins with the partition vbmeta and goes along its chains. What it does not
	// reach then may be reached by a vbmeta partition that is not in the update; but unsigned
	// footers are read by nobody: vbmeta has copies of what they state.
	for _, first := range []bool{true, false} {
		for _, q := range p.Package.Partitions {
			if m := b.structs[q]; m != nil && (q.Name == "vbmeta") == first && !m.judged && (!m.footer || m.v.Algorithm != 0) {
				b.judge(q, m, nil)
			}
		}
	}
	return ctx.Err()
}

// A boot is what a device would check when it starts.
type boot struct {
	ctx     context.Context
	p       *inspect.Pass
	facts   *fact.Facts
	structs map[*ota.Partition]*vbmeta
}

type vbmeta struct {
	v      *avb.VBMeta
	at     fact.Location
	footer bool // it is behind an image
	judged bool
}

// open reads the vbmeta struct of an image, if there is one.
func (b *boot) open(q *ota.Partition) error {
	at := inspect.PartitionLocation(q, "")
	image := blob.WithContext(b.ctx, q.Image)
	f, err := avb.ReadFooter(image)
	if err == nil && f == nil && !strings.HasPrefix(q.Name, "vbmeta") && !begins(image, "AVB0") {
		b.facts.Gaps = append(b.facts.Gaps, gap(at, fact.CauseUnsupported, "verity", "the image has no AVB footer; whether it carries a signature of Verified Boot 1.0 is not looked at yet"))
		return nil
	}
	var v *avb.VBMeta
	if err == nil {
		v, _, err = avb.OpenImage(image, b.p.Package.Budget())
	}
	switch {
	case b.ctx.Err() != nil:
		return context.Cause(b.ctx)
	case errors.Is(err, parse.ErrFormat):
		no := false
		b.facts.Signatures = append(b.facts.Signatures, fact.Signature{Scheme: string(signature.SchemeAVB), Subject: subject(q), Holds: &no,
			Reason: parse.EscapeText(err.Error()), At: b.hashed(q, at)})
	case err != nil:
		b.facts.Gaps = append(b.facts.Gaps, gap(at, cause(err), string(signature.SchemeAVB), parse.EscapeText(err.Error())))
	default:
		b.structs[q] = &vbmeta{v: v, at: b.hashed(q, at).AtOffset(v.Offset), footer: f != nil}
	}
	return nil
}

// begins tells whether b begins with mark.
func begins(b blob.Blob, mark string) bool {
	head, err := blob.ReadRange(b, 0, int64(len(mark)))
	return err == nil && string(head) == mark
}

// hashed is a location with the hash of the image, so that it can be opened again.
func (b *boot) hashed(q *ota.Partition, at fact.Location) fact.Location {
	for i := range b.p.Facts.Partitions {
		if f := &b.p.Facts.Partitions[i]; f.Name == q.Name && f.Slot == q.Slot {
			at.SHA256 = f.At.SHA256
		}
	}
	if at.SHA256 == "" {
		if sum, err := inspect.Hash(b.ctx, blob.WithContext(b.ctx, q.Image), nil); err == nil {
			at.SHA256 = sum
		}
	}
	return at
}

func cause(err error) fact.Cause {
	switch {
	case errors.Is(err, parse.ErrUnsupported):
		return fact.CauseUnsupported
	case errors.Is(err, parse.ErrLimit):
		return fact.CauseLimit
	}
	return fact.CauseUndecided
}

// subject is the partition with its slot.
func subject(q *ota.Partition) string {
	if q.Slot == "" {
		return q.Name
	}
	return q.Name + "_" + q.Slot
}

// judge records the signature of a struct, and of what it states. chain is the descriptor by which it
// was reached; nil: by none.
func (b *boot) judge(q *ota.Partition, m *vbmeta, chain *avb.Chain) {
	m.judged = true
	res, err := m.v.Verify()
	if errors.Is(err, signature.ErrNone) {
		res = &signature.Result{Scheme: signature.SchemeAVB, Intact: signature.No, Notes: m.v.Notes(),
			Reason: &parse.Error{Format: "avb", Off: m.v.Offset, Msg: "it is not signed (algorithm NONE), which no locked device takes", Kind: parse.ErrFormat}}
	}
	rec := record(res, subject(q), m.at)
	wrong := ""
	switch {
	case chain == nil:
	case !bytes.Equal(chain.PublicKey, m.v.PublicKey):
		wrong = "it is signed with another key than the chain descriptor names"
	case m.v.Flags != 0:
		wrong = "a chained vbmeta struct has flags, which libavb refuses"
	case slices.ContainsFunc(m.v.Descriptors, func(d avb.Descriptor) bool { return d.Chain != nil }):
		wrong = "a chained vbmeta struct has chains of its own, which libavb refuses"
	}
	if wrong != "" {
		no := false
		rec.Holds, rec.Reason = &no, wrong
	}
	b.facts.Signatures = append(b.facts.Signatures, rec)
	for _, d := range m.v.Descriptors {
		at := m.at.AtOffset(d.Offset)
		switch {
		case d.Hash != nil:
			b.state(schemeAVBHash, d.Hash.Partition, q.Slot, at, func(image blob.Blob) (string, error) { return "", d.Hash.Check(image) })
		case d.Hashtree != nil:
			b.state(schemeAVBHashtree, d.Hashtree.Partition, q.Slot, at, func(image blob.Blob) (string, error) {
				root, stored := d.Hashtree.Check(image)
				if root == nil && stored != nil {
					return "the root is right; the tree that is stored is not: " + stored.Error(), nil
				}
				return "", root
			})
		case d.Chain != nil && chain == nil:
			b.follow(d.Chain, q.Slot, at)
		}
	}
}

// follow judges the partition that a chain descriptor names.
func (b *boot) follow(c *avb.Chain, slot string, at fact.Location) {
	q := b.partition(c.Partition, slot)
	if q == nil || q.Image == nil {
		b.facts.Signatures = append(b.facts.Signatures, fact.Signature{Scheme: schemeAVBChain, Subject: parse.Escape(c.Partition),
			Reason: "the image, which has a vbmeta struct of its own, is not in the update or cannot be made", At: at})
		return
	}
	if m := b.structs[q]; m != nil && !m.judged {
		b.judge(q, m, c)
	}
}

// partition finds a partition by the name that a descriptor has, which is without a slot.
func (b *boot) partition(name, slot string) *ota.Partition {
	var found *ota.Partition
	for _, q := range b.p.Package.Partitions {
		if q.Name == name && (q.Slot == slot || q.Slot == "" || slot == "") && (found == nil || q.Slot == slot) {
			found = q
		}
	}
	return found
}

// state records what a descriptor says of an image.
func (b *boot) state(scheme, name, slot string, at fact.Location, check func(blob.Blob) (string, error)) {
	rec := fact.Signature{Scheme: scheme, Subject: parse.Escape(name), At: at}
	q := b.partition(name, slot)
	switch {
	case q == nil:
		rec.Reason = "the image is not in the update"
	case q.Image == nil:
		rec.Reason = "the image cannot be made, or comes as files"
	default:
		rec.Subject = subject(q)
		note, err := check(blob.WithContext(b.ctx, q.Image))
		yes, no := true, false
		switch {
		case err == nil:
			rec.Holds = &yes
		case errors.Is(err, parse.ErrFormat):
			rec.Holds, rec.Reason = &no, parse.EscapeText(err.Error())
		default:
			rec.Reason = parse.EscapeText(err.Error())
		}
		if note != "" {
			rec.Notes = []string{parse.EscapeText(note)}
		}
	}
	b.facts.Signatures = append(b.facts.Signatures, rec)
}
