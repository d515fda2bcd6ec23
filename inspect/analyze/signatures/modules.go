package signatures

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apex"
)

// schemeAPEXManifest is no signature: the manifest in the image against the one beside it, which
// the file's signature covers.
const schemeAPEXManifest = "apex-manifest"

// memberJSON is the manifest of modules of Android 10, beside or in place of apex_manifest.pb.
const memberJSON = "apex_manifest.json"

// modules judges what is signed of APEX modules but the files that hold them, which are
// signed as apps are.
func modules(ctx context.Context, p *inspect.Pass, facts *fact.Facts) error {
	list := moduleFiles(p.Facts)
	return each(ctx, p.Jobs, len(list), facts, func(i int, out *fact.Facts) error {
		files := inspect.NewOpener(p.Package)
		defer files.Close()
		m := &module{ctx: ctx, p: p, files: files, file: list[i], facts: out}
		_, _, err := m.judge(list[i])
		return err
	})
}

// moduleFiles are the files of modules; that of one which is the update has the zero Location. A folder is
// no file, and what is in it is signed with the partition.
func moduleFiles(f *fact.Facts) []fact.Location {
	var list []fact.Location
	for i := range f.Modules {
		m := &f.Modules[i]
		switch n := len(m.At.Inner); {
		case n > 0:
			at := m.At
			at.Inner, at.SHA256, at.Offset, at.Line, at.Symbol = at.Inner[:n-1], "", nil, nil, ""
			list = append(list, at)
		case m.At.Partition == "":
			list = append(list, fact.Location{})
		}
	}
	return list
}

// A module is one that is judged.
type module struct {
	ctx   context.Context
	p     *inspect.Pass
	files *inspect.Opener
	file  fact.Location
	facts *fact.Facts
}

// member is the place of a member of the zip at, of which the zero Location is the update.
func member(at fact.Location, name string) fact.Location {
	if at.Partition == "" && at.Path == "" {
		return fact.Location{Path: name}
	}
	return at.InMember(name)
}

// subjectAt names a file as the subject of a signature.
func subjectAt(at fact.Location) string {
	if at.Partition == "" && at.Path == "" {
		return updateSubject
	}
	return fact.Place(at)
}

// judge judges the module at, which may stand in a compressed one, and gives the root of its image
// and its key. Errors are those that end the run.
func (m *module) judge(at fact.Location) (root, key []byte, err error) {
	key, err = m.read(member(at, apex.MemberKey))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // without one, no key is the struct's
		return nil, nil, m.gap(at, err)
	}
	name := apex.MemberManifest
	manifest, err := m.read(member(at, name))
	if errors.Is(err, fs.ErrNotExist) {
		name = memberJSON
		manifest, err = m.read(member(at, name))
	}
	if err != nil {
		return nil, key, m.gap(at, err)
	}
	if inner := member(at, apex.MemberOriginal); m.has(inner) {
		root, innerKey, err := m.judge(inner)
		if err != nil {
			return nil, nil, err
		}
		m.add(apex.VerifyOriginal(manifest, root, key, innerKey), at)
		return root, key, nil
	}
	payloadAt := member(at, apex.MemberPayload)
	image, closer, err := m.files.Open(m.ctx, payloadAt)
	if errors.Is(err, fs.ErrNotExist) {
		no := &parse.Error{Format: "apex", Off: -1, Msg: "the module has no " + apex.MemberPayload, Kind: parse.ErrFormat}
		m.add(&signature.Result{Scheme: signature.SchemeAPEXPayload, Intact: signature.No, Reason: no}, at)
		return nil, key, nil
	}
	if err != nil {
		return nil, key, m.gap(at, err)
	}
	defer closer()
	bud, err := m.p.Package.Budget().Inside("apex", image.Size())
	if err != nil {
		return nil, key, m.gap(at, err)
	}
	v, err := apex.VerifyPayload(m.ctx, image, key, bud)
	if err != nil {
		return nil, key, m.gap(at, err)
	}
	payloadAt = m.hashed(payloadAt) // once for both
	m.add(v.Result, payloadAt)
	m.compareManifests(payloadAt, name, manifest)
	return v.Root, key, nil
}

// compareManifests records whether the manifest in the image is that beside it, as apexd asks when it
// mounts the module.
func (m *module) compareManifests(image fact.Location, name string, beside []byte) {
	rec := fact.Signature{Scheme: schemeAPEXManifest, Subject: subjectAt(m.file), At: image}
	in, err := m.read(image.InMember(name))
	same := bytes.Equal(in, beside)
	switch {
	case err != nil:
		rec.Reason = "the manifest in the image cannot be read: " + parse.EscapeText(err.Error())
	case same:
		rec.Holds = &same
	default:
		rec.Holds, rec.Reason = &same, "the manifest in the image is another than the one beside it"
	}
	m.facts.Signatures = append(m.facts.Signatures, rec)
}

func (m *module) has(at fact.Location) bool {
	_, closer, err := m.files.Open(m.ctx, at)
	if err != nil {
		return false
	}
	closer()
	return true
}

// read reads a small member.
func (m *module) read(at fact.Location) ([]byte, error) {
	b, closer, err := m.files.Open(m.ctx, at)
	if err != nil {
		return nil, err
	}
	defer closer()
	return blob.ReadAll(b, apex.MaxKey)
}

// add records a result about the module, found in the file at.
func (m *module) add(r *signature.Result, at fact.Location) {
	m.facts.Signatures = append(m.facts.Signatures, record(r, subjectAt(m.file), m.hashed(at)))
}

// hashed is at with the file's hash, by which it can be told when it is opened again.
func (m *module) hashed(at fact.Location) fact.Location {
	if at.SHA256 != "" || at.Path == "" && at.Partition == "" {
		return at
	}
	b, closer, err := m.files.Open(m.ctx, at)
	if err != nil {
		return at
	}
	defer closer()
	if sum, err := inspect.Hash(m.ctx, b, nil); err == nil {
		at.SHA256 = sum
	}
	return at
}

// gap records that the module cannot be judged.
func (m *module) gap(at fact.Location, err error) error {
	if m.ctx.Err() != nil {
		return context.Cause(m.ctx)
	}
	m.facts.Gaps = append(m.facts.Gaps, gap(at, cause(err), "apex", "the module's signatures cannot be judged: "+parse.EscapeText(err.Error())))
	return nil
}
