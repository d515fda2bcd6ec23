package signatures

import (
	"context"
	"errors"
	"slices"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/bootsig"
	"github.com/otavet/otavet/ota/verity"
)

// schemeVerityTree is the hash tree of a dm-verity table, whose root the table's signature covers.
const schemeVerityTree = "verity-tree"

// schemeVerityNone is of an image that nothing signs, where others are signed.
const schemeVerityNone = "verity-none"

// first judges Verified Boot 1.0, of Android 4.4 to 7: images that have no vbmeta struct.
func (b *boot) first(q *ota.Partition, keys []*bootsig.Key) error {
	image := blob.WithContext(b.ctx, q.Image)
	at := b.hashed(q, inspect.PartitionLocation(q, ""))
	if begins(image, "ANDROID!") {
		r, err := bootsig.Verify(image, q.Name)
		switch {
		case err == nil:
			rec := record(r, subject(q), at)
			for _, a := range r.Accepts { // which compare the target that is signed with where the image lies
				if a.Takes == signature.No && r.Intact == signature.Yes {
					no := false
					rec.Holds, rec.Reason = &no, parse.EscapeText("no bootloader takes it here: "+a.Rule)
				}
			}
			b.facts.Signatures = append(b.facts.Signatures, rec)
		case err == signature.ErrNone:
			b.bare = append(b.bare, q)
		case b.ctx.Err() != nil:
			return context.Cause(b.ctx)
		default: // of a form that is not known, or it cannot be read
			b.facts.Gaps = append(b.facts.Gaps, gap(at, fact.CauseUnsupported, string(signature.SchemeBoot), parse.EscapeText(err.Error())))
		}
		return nil
	}
	q.FS(b.ctx) // which opens it: where it ends the table stands
	m, err := bootsig.Find(image, q.FilesystemSize())
	switch {
	case err == signature.ErrNone:
		b.bare = append(b.bare, q)
		return nil
	case b.ctx.Err() != nil:
		return context.Cause(b.ctx)
	case errors.Is(err, parse.ErrFormat):
		no := false
		b.facts.Signatures = append(b.facts.Signatures, fact.Signature{Scheme: string(signature.SchemeVerity), Subject: subject(q), Holds: &no, Reason: parse.EscapeText(err.Error()), At: at})
		return nil
	case err != nil:
		b.facts.Gaps = append(b.facts.Gaps, gap(at, cause(err), string(signature.SchemeVerity), parse.EscapeText(err.Error())))
		return nil
	}
	rec := record(m.Verify(keys...), subject(q), at.AtOffset(m.Offset))
	flags := "flags: none"
	if m.Disabled {
		flags = "flags: VERITY_DISABLED, by adb disable-verity"
	}
	rec.Notes = append(rec.Notes, flags)
	b.facts.Signatures = append(b.facts.Signatures, rec, b.tree(q, m, image, at))
	return nil
}

// unsigned records the images without a signature where others have one: a device that checks those either
// does not check these, or refuses them.
func (b *boot) unsigned() {
	if !slices.ContainsFunc(b.facts.Signatures, func(s fact.Signature) bool {
		return s.Scheme == string(signature.SchemeBoot) || s.Scheme == string(signature.SchemeVerity)
	}) {
		return
	}
	for _, q := range b.bare {
		if !slices.Contains(protects, q.Name) {
			continue
		}
		b.facts.Signatures = append(b.facts.Signatures, fact.Signature{Scheme: schemeVerityNone, Subject: subject(q), At: b.hashed(q, inspect.PartitionLocation(q, "")),
			Reason: "no signature of Verified Boot 1.0 stands behind the image, though others of the update have one; whether the device checks it cannot be told"})
	}
}

// tree judges the hash tree that a table states.
func (b *boot) tree(q *ota.Partition, m *bootsig.Metadata, image blob.Blob, at fact.Location) fact.Signature {
	rec := fact.Signature{Scheme: schemeVerityTree, Subject: subject(q), At: at.AtOffset(m.Offset)}
	if m.Table == nil {
		rec.Holds, rec.Reason = answer(m.TableError)
		return rec
	}
	rec.Holds, rec.Reason = answer(treeError(m.CheckTree(image, b.runner())))
	if err := bootsig.CheckFEC(image); err != nil && !errors.Is(err, verity.ErrNoFEC) {
		rec.Notes = append(rec.Notes, "error correction: "+parse.EscapeText(err.Error()))
	}
	return rec
}

// verityKeys are the keys that a device verifies tables with: /verity_key of its ramdisks, or of the root
// folder where that is in the system image.
func (b *boot) verityKeys() []*bootsig.Key {
	files := inspect.NewOpener(b.p.Package)
	defer files.Close()
	var keys []*bootsig.Key
	for _, q := range b.p.Package.Partitions {
		at := inspect.PartitionLocation(q, "verity_key")
		switch {
		case q.Image != nil && (q.Name == "boot" || q.Name == "recovery"):
			at = inspect.PartitionLocation(q, "").InMember("ramdisk").InMember("verity_key")
		case q.Mount != "/":
			continue // where nobody looks for a key
		}
		f, closer, err := files.Open(b.ctx, at)
		if err != nil {
			continue // most have none
		}
		data, err := blob.ReadAll(f, 4096)
		closer()
		if err != nil {
			continue
		}
		if k, err := bootsig.ParseKey(data); err == nil {
			keys = append(keys, k)
		}
	}
	return keys
}
