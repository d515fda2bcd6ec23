// Package signatures judges every signature of an update that this version
// knows, and names those that it does not.
package signatures

import (
	"context"
	"errors"
	"slices"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/jar"
	"github.com/otavet/otavet/ota/signature/known"
	"github.com/otavet/otavet/ota/signature/wholefile"
)

// Analysis makes a fact of each signature of the package.
var Analysis = &inspect.Analysis{
	Name:  "signatures",
	Needs: []fact.Kind{fact.KindCertificates, fact.KindPartitions, fact.KindApps, fact.KindModules, fact.KindProperties, fact.KindMetadata}, // keys to try, hashes of images, what is signed
	Doc:   "the package's whole-file and JAR signatures, those of payloads, of verified boot, of apps and modules, the hashes that payloads state, and what else the package says of its bytes",
	Emits: []fact.Kind{fact.KindSignatures, fact.KindStatements},
	Run:   run,
}

func run(ctx context.Context, p *inspect.Pass) (fact.Facts, error) {
	var facts fact.Facts
	if err := wholeFile(ctx, p, &facts); err != nil {
		return facts, err
	}
	if err := detachedSignatures(ctx, p, &facts); err != nil {
		return facts, err
	}
	if err := jarSignatures(ctx, p, &facts); err != nil {
		if ctx.Err() != nil {
			return facts, context.Cause(ctx)
		}
		// What else is signed is not less certain for it.
		facts.Gaps = append(facts.Gaps, gap(fact.Location{}, fact.CauseUndecided, string(signature.SchemeJAR), parse.EscapeText(err.Error())))
	}
	if err := payloads(ctx, p, &facts); err != nil {
		return facts, err
	}
	if err := verified(ctx, p, &facts); err != nil {
		return facts, err
	}
	if err := modules(ctx, p, &facts); err != nil {
		return facts, err
	}
	if err := apps(ctx, p, &facts); err != nil {
		return facts, err
	}
	for _, sum := range p.Sums {
		if sum.Kind == ota.SumPartition {
			facts.Signatures = append(facts.Signatures, partitionHash(sum))
		} else {
			facts.Statements = append(facts.Statements, statement(sum))
		}
	}
	return facts, ctx.Err()
}

func statement(s ota.Sum) fact.Statement {
	holds, reason := answer(s.Err)
	return fact.Statement{Form: s.Kind, Subject: s.Subject, Holds: holds, Reason: reason, At: place(s)}
}

// partitionHash is a payload's hash of a partition. It stands among the signatures because
// the payload's own signature is over it.
func partitionHash(s ota.Sum) fact.Signature {
	rec := fact.Signature{Scheme: s.Kind, Subject: s.Subject, At: place(s), Notes: []string{s.Note}}
	rec.Holds, rec.Reason = answer(s.Err)
	return rec
}

func place(s ota.Sum) fact.Location {
	at := fact.Location{Path: s.Member, SHA256: s.SHA256}
	if s.Line > 0 {
		at = at.AtLine(s.Line)
	}
	if s.Off >= 0 {
		at = at.AtOffset(s.Off)
	}
	return at
}

// answer: what is not so is malformed; for other errors it could not be told.
func answer(err error) (*bool, string) {
	yes, no := true, false
	switch {
	case err == nil:
		return &yes, ""
	case errors.Is(err, parse.ErrFormat):
		return &no, parse.EscapeText(err.Error())
	}
	return nil, parse.EscapeText(err.Error())
}

// updateSubject is the Subject of signatures over the package: its own name may
// differ with each build and would lose every waiver.
const updateSubject = "update"

func wholeFile(ctx context.Context, p *inspect.Pass, facts *fact.Facts) error {
	if _, zipped := p.Package.Members.(*archive.Zip); p.Package.File != nil && !zipped || p.Package.Layout == ota.LayoutAPK || p.Package.Layout == ota.LayoutAPEX {
		return nil // no reader looks for it there
	}
	if p.Package.File == nil {
		facts.Gaps = append(facts.Gaps, gap(fact.Location{}, fact.CauseMissing, string(signature.SchemeWholeFile),
			"a folder is not the file that was signed: no whole-file signature can be judged"))
		return nil
	}
	res, err := wholefile.Verify(ctx, watched(p), otacert(ctx, p.Package))
	if errors.Is(err, signature.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	rec := record(res, updateSubject, fact.Location{})
	if len(rec.Unsigned) > 0 {
		rec.At = rec.At.AtOffset(rec.Unsigned[0].First)
	}
	facts.Signatures = append(facts.Signatures, rec)
	return nil
}

// watched reports how much of the package has been read.
func watched(p *inspect.Pass) blob.Blob {
	if p.Progress == nil {
		return p.Package.File
	}
	return &watch{p.Package.File, p.Progress}
}

type watch struct {
	blob.Blob
	progress func(ota.Event)
}

func (w *watch) ReadAt(b []byte, off int64) (int, error) {
	n, err := w.Blob.ReadAt(b, off)
	w.progress(ota.Event{Phase: "verify", Done: off + int64(n), Total: w.Size(), Unit: "bytes"})
	return n, err
}

// otacert is the certificate that the package names as its signer's. It is a key
// to try, no more: anybody can put it there.
func otacert(ctx context.Context, p *ota.Package) []*signature.Certificate {
	b, closer, err := p.OpenMember(ctx, "META-INF/com/android/otacert")
	if err != nil {
		return nil
	}
	defer closer()
	// A certificate has a few KiB; what is larger is none.
	data, err := blob.ReadAll(b, 1<<20)
	if err != nil {
		return nil
	}
	certs, err := signature.ParseCertificates(data)
	if err != nil {
		return nil // the extractor of certificates makes the gap
	}
	return certs
}

func jarSignatures(ctx context.Context, p *inspect.Pass, facts *fact.Facts) error {
	if p.Package.Layout == ota.LayoutAPK || p.Package.Layout == ota.LayoutAPEX {
		return nil // an APK's v1 signature has rules of its own
	}
	results, err := jar.Verify(ctx, p.Package.Members, jar.Options{Partial: p.Package.File == nil, Duplicates: duplicates(p.Package)})
	if errors.Is(err, signature.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, res := range results {
		at := fact.Location{Path: res.Name}
		rec := record(res, res.Name, at)
		if sum, err := hashMember(ctx, p.Package, res.Name); err == nil {
			rec.At.SHA256 = sum
		}
		facts.Signatures = append(facts.Signatures, rec)
	}
	return nil
}

// duplicates are the names that stand more than once in the package's directory.
func duplicates(p *ota.Package) []string {
	count := map[string]int{}
	for _, e := range p.Entries {
		count[e.Name]++
	}
	var names []string
	for name, n := range count {
		if n > 1 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func gap(at fact.Location, cause fact.Cause, scheme, reason string) fact.Gap {
	return fact.Gap{At: at, Reason: reason, Cause: cause, Blinds: []fact.Kind{fact.KindSignatures},
		Subjects: []fact.Subject{{Kind: "signature", ID: scheme}}}
}

func record(res *signature.Result, subject string, at fact.Location) fact.Signature {
	rec := fact.Signature{Scheme: string(res.Scheme), Subject: subject, Holds: tri(res.Intact), At: at,
		Covers: ranges(res.Covers), Unsigned: ranges(res.Unsigned), Notes: res.Notes}
	if res.Reason != nil {
		rec.Reason = parse.EscapeText(res.Reason.Error())
	}
	for _, s := range res.Signers {
		rec.Signers = append(rec.Signers, fact.Signer{Subject: s.Subject, Issuer: s.Issuer, SHA256: s.SHA256, KeySHA256: s.KeySHA256,
			Algorithm: s.Algorithm, Bits: int64(s.Bits), Digest: s.Digest, Weak: s.Weak})
	}
	for _, m := range res.Known {
		rec.Known = append(rec.Known, knownFact(m))
	}
	for _, a := range res.Accepts {
		rec.Accepts = append(rec.Accepts, fact.Accepts{Reader: a.Reader, Since: a.Since, Until: a.Until, Takes: tri(a.Takes), Rule: parse.EscapeText(a.Rule)})
	}
	return rec
}

func knownFact(m known.Match) fact.Known {
	return fact.Known{What: m.What, Private: m.Private, Severity: m.Severity, Match: m.By, Source: m.Source}
}

func ranges(rs []signature.Range) []fact.Range {
	var out []fact.Range
	for _, r := range rs {
		out = append(out, fact.Range{First: r.First, End: r.End, What: parse.EscapeText(r.What)})
	}
	return out
}

func tri(t signature.Tri) *bool {
	yes, no := true, false
	switch t {
	case signature.Yes:
		return &yes
	case signature.No:
		return &no
	}
	return nil
}

func hashMember(ctx context.Context, p *ota.Package, name string) (string, error) {
	b, closer, err := p.OpenMember(ctx, name)
	if err != nil {
		return "", err
	}
	defer closer()
	return inspect.Hash(ctx, b, nil)
}
