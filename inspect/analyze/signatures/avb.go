package signatures

import (
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/avb"
	"github.com/otavet/otavet/ota/verity"
)

// Schemes of what a vbmeta struct states of an image.
const (
	schemeAVBChain    = "avb-chain" // of an image that is not there
	schemeAVBHash     = "avb-hash"
	schemeAVBHashtree = "avb-hashtree"
	schemeAVBNone     = "avb-none" // of an image of which nothing is stated
)

// verified judges Verified Boot 2.0: the vbmeta structs of the images, from the one of the vbmeta
// partition along its chains, what signed ones state of images, and which images none of them speaks of.
func verified(ctx context.Context, p *inspect.Pass, facts *fact.Facts) error {
	b := &boot{ctx: ctx, p: p, facts: facts, structs: map[*ota.Partition]*vbmeta{}, stated: map[*ota.Partition]bool{}, silent: map[*ota.Partition]bool{}}
	for _, q := range p.Package.Partitions {
		if q.Image == nil {
			continue
		}
		b.left += hashings * q.Image.Size()
		if err := b.open(q); err != nil {
			return err
		}
	}
	// libavb begins with the partition vbmeta and goes along its chains. What it does not
	// reach then may be reached by a vbmeta partition that is not in the update; but unsigned
	// footers are read by nobody: vbmeta has copies of what they state.
	for _, b.reached = range []bool{true, false} {
		for _, q := range p.Package.Partitions {
			if m := b.structs[q]; m != nil && b.isTop(q, m) == b.reached && !m.judged && (!m.footer || m.v.Algorithm != 0) {
				b.judge(q, m, nil)
			}
		}
	}
	if err := inspect.Each(ctx, p.Jobs, len(b.checks), func(i int) error {
		b.checks[i](&facts.Signatures[b.places[i]])
		return nil
	}); err != nil {
		return err
	}
	b.unprotected()
	if len(b.older) > 0 {
		keys := b.verityKeys()
		for _, q := range b.older {
			if err := b.first(q, keys); err != nil {
				return err
			}
		}
		b.unsigned()
	}
	return ctx.Err()
}

// isTop tells whether libavb would begin with the struct: that of the partition vbmeta. A lone image may be called
// otherwise.
func (b *boot) isTop(q *ota.Partition, m *vbmeta) bool {
	return !m.footer && (q.Name == "vbmeta" || len(b.p.Package.Partitions) == 1)
}

// A boot is what a device would check when it starts.
type boot struct {
	ctx     context.Context
	p       *inspect.Pass
	facts   *fact.Facts
	structs map[*ota.Partition]*vbmeta
	reached bool                    // a device reaches the struct that is judged
	stated  map[*ota.Partition]bool // a struct that a device reaches states something of it
	silent  map[*ota.Partition]bool // what is wrong with its struct has been recorded
	checks  []func(*fact.Signature) // that read images, and are done at once
	places  []int                   // of their records among the facts
	bare    []*ota.Partition        // of older, the ones without a signature
	older   []*ota.Partition        // images without any vbmeta struct, which Verified Boot 1.0 may protect
	left    int64                   // how many bytes of images may still be hashed
	unseen  []string                // partitions whose vbmeta struct is asked for and is not in the update
}

// hashings is how often an image may be hashed, on average: once for its own digest, and once more where
// vbmeta and the image's footer both state one. A struct has room for hundreds of digests of one image.
const hashings = 4

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
		b.older = append(b.older, q)
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
		b.silent[q] = true
		b.facts.Signatures = append(b.facts.Signatures, fact.Signature{Scheme: string(signature.SchemeAVB), Subject: subject(q), Holds: &no,
			Reason: parse.EscapeText(err.Error()), At: b.hashed(q, at)})
	case err != nil:
		b.silent[q] = true
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
	var wrong error
	if chain != nil {
		wrong = chain.Check(m.v)
	} else if b.reached {
		wrong = m.v.CheckMain()
	}
	if wrong != nil {
		rec.Holds, rec.Reason = answer(wrong)
	}
	if b.reached && chain == nil {
		rec.Notes = append(rec.Notes, b.digest(q, m)...)
	}
	b.facts.Signatures = append(b.facts.Signatures, rec)
	if cert, err := m.v.VerifyCert(nil); err == nil {
		b.facts.Signatures = append(b.facts.Signatures, record(cert, subject(q), m.at))
	}
	for _, d := range m.v.Descriptors {
		at := m.at.AtOffset(d.Offset)
		switch {
		case d.Hash != nil:
			b.state(schemeAVBHash, d.Hash.Partition, q.Slot, at, d.Hash.ImageSize, func(image blob.Blob, _ *fact.Signature) error { return d.Hash.Check(image) })
		case d.Hashtree != nil:
			// Error correction is over data and tree, up to where it begins.
			size := max(d.Hashtree.ImageSize, d.Hashtree.FECOffset)
			b.state(schemeAVBHashtree, d.Hashtree.Partition, q.Slot, at, size, func(image blob.Blob, rec *fact.Signature) error {
				if err := treeError(d.Hashtree.Check(image, b.runner())); err != nil {
					return err
				}
				if err := d.Hashtree.CheckFEC(image); err == nil {
					rec.Notes = append(rec.Notes, "error correction: right")
				} else if !errors.Is(err, verity.ErrNoFEC) {
					rec.Notes = append(rec.Notes, "error correction, without which blocks cannot be mended: "+parse.EscapeText(err.Error()))
				}
				return nil
			})
		case d.Chain != nil && chain == nil:
			b.follow(d.Chain, q.Slot, at)
		}
	}
}

// digest is the vbmeta digest by which a build is known elsewhere: in key attestation, and in the log of Pixel builds.
func (b *boot) digest(q *ota.Partition, m *vbmeta) []string {
	structs := []*avb.VBMeta{m.v}
	for _, d := range m.v.Descriptors {
		if d.Chain == nil {
			continue
		}
		c := b.structs[b.partition(d.Chain.Partition, q.Slot)]
		if c == nil {
			return []string{"vbmeta digest: not known, since a chained struct is not here"}
		}
		structs = append(structs, c.v)
	}
	sum, err := avb.Digest(crypto.SHA256, structs...)
	if err != nil {
		return nil
	}
	return []string{"vbmeta digest (SHA-256): " + hex.EncodeToString(sum)}
}

// runner hashes the blocks of an image on as many goroutines as the pass may have.
func (b *boot) runner() verity.Runner {
	return func(n int, f func(i int) error) error { return inspect.Each(b.ctx, b.p.Jobs, n, f) }
}

// holdApps are the partitions with apps or modules, but for what the user changes.
func (b *boot) holdApps() map[string]bool {
	out := map[string]bool{}
	for i := range b.p.Facts.Apps {
		out[b.p.Facts.Apps[i].At.Partition] = true
	}
	for i := range b.p.Facts.Modules {
		out[b.p.Facts.Modules[i].At.Partition] = true
	}
	for _, name := range []string{"data", "userdata", "cache", ""} {
		delete(out, name)
	}
	return out
}

// treeError joins what is said of data and of the tree beside them: a device reads both.
func treeError(root, stored error) error {
	if root == nil && stored != nil {
		return fmt.Errorf("the data have the root that is signed, but the tree that a device reads beside them is not theirs: %w", stored)
	}
	return root
}

// follow judges the partition that a chain descriptor names.
func (b *boot) follow(c *avb.Chain, slot string, at fact.Location) {
	rec := fact.Signature{Scheme: schemeAVBChain, Subject: parse.Escape(c.Partition), At: at}
	q := b.partition(c.Partition, slot)
	if q == nil || q.Image == nil {
		rec.Reason = "the image, which has a vbmeta struct of its own, is not in the update or cannot be made"
		b.unseen = append(b.unseen, rec.Subject)
		b.facts.Signatures = append(b.facts.Signatures, rec)
		return
	}
	m := b.structs[q]
	switch {
	case m == nil && b.silent[q]: // open said why its struct cannot be read
		b.stated[q] = true
	case m == nil:
		no := false
		b.stated[q] = true // that it has none is enough said
		rec.Holds, rec.Reason = &no, "the image has no vbmeta struct, and the chain descriptor asks for one"
		b.facts.Signatures = append(b.facts.Signatures, rec)
	case !m.judged:
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

// state records what a descriptor says of an image, of which it hashes the first size bytes.
func (b *boot) state(scheme, name, slot string, at fact.Location, size uint64, check func(blob.Blob, *fact.Signature) error) {
	rec := fact.Signature{Scheme: scheme, Subject: parse.Escape(name), At: at}
	q := b.partition(name, slot)
	if q != nil {
		rec.Subject = subject(q)
		b.stated[q] = b.stated[q] || b.reached
	}
	switch {
	case q == nil:
		rec.Reason = "the image is not in the update"
	case q.Image == nil:
		rec.Reason = "the image cannot be made, or comes as files"
	case int64(min(size, uint64(q.Image.Size()))) > b.left:
		rec.Reason = fmt.Sprintf("not judged: the descriptors ask for more than %d times the bytes of all images to be hashed", hashings)
	default:
		b.left -= int64(min(size, uint64(q.Image.Size())))
		b.checks = append(b.checks, func(out *fact.Signature) {
			out.Holds, out.Reason = answer(check(blob.WithContext(b.ctx, q.Image), out))
		})
		b.places = append(b.places, len(b.facts.Signatures))
	}
	b.facts.Signatures = append(b.facts.Signatures, rec)
}

// protects are the images that a device starts from or mounts, as AOSP's build signs them (BOARD_AVB_ENABLE in
// build/make/core/Makefile). Others, such as a modem, are the bootloader's to check.
var protects = []string{"boot", "init_boot", "vendor_boot", "vendor_kernel_boot", "recovery", "dtbo", "pvmfw",
	"system", "system_ext", "product", "vendor", "odm", "system_dlkm", "vendor_dlkm", "odm_dlkm"}

// unprotected records the images that no vbmeta struct speaks of. Without the first struct, that cannot
// be told.
func (b *boot) unprotected() {
	if len(b.structs) == 0 {
		return
	}
	top := false
	for _, q := range b.p.Package.Partitions {
		m := b.structs[q]
		top = top || m != nil && b.isTop(q, m)
		if q.Name == "vbmeta" && b.silent[q] { // it is there, and open said what is wrong with it
			top, b.unseen = true, append(b.unseen, q.Name)
		}
	}
	if !top {
		b.facts.Gaps = append(b.facts.Gaps, gap(fact.Location{}, fact.CauseMissing, string(signature.SchemeAVB),
			"the vbmeta image, with which a device begins, is not in the update: its flags, and what it states of other images, cannot be told"))
		return
	}
	apps := b.holdApps()
	for _, q := range b.p.Package.Partitions {
		// Of partitions of one name the second is called system+, the third system+2.
		name, _, _ := strings.Cut(q.Name, "+")
		if b.stated[q] || b.structs[q] != nil && b.isTop(q, b.structs[q]) || !slices.Contains(protects, name) && !apps[q.Name] {
			continue
		}
		rec := fact.Signature{Scheme: schemeAVBNone, Subject: subject(q), At: b.hashed(q, inspect.PartitionLocation(q, ""))}
		if len(b.unseen) > 0 {
			rec.Reason = "no vbmeta struct that is in the update states anything of the image; that of " + strings.Join(b.unseen, ", ") + " may"
		} else {
			no := false
			rec.Holds, rec.Reason = &no, "no vbmeta struct that a device would reach states anything of the image: verified boot does not look at it"
		}
		b.facts.Signatures = append(b.facts.Signatures, rec)
	}
}
