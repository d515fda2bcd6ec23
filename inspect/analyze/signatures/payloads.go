package signatures

import (
	"context"
	"errors"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/payloadsig"
)

// payloads judges the signatures of each payload. One that cannot be read is a gap of its own.
func payloads(ctx context.Context, p *inspect.Pass, facts *fact.Facts) error {
	if len(p.Package.Payloads) == 0 {
		return nil
	}
	keys := updateKeys(ctx, p)
	var bare []fact.Signature // payloads without any signature
	signed := false
	for _, pl := range p.Package.Payloads {
		at := fact.Location{Path: pl.Member}
		res, err := payloadsig.Verify(ctx, pl.Blob(), pl.Payload, keys)
		switch {
		case errors.Is(err, signature.ErrNone):
			no := false
			bare = append(bare, fact.Signature{Scheme: string(signature.SchemePayload), Subject: pl.Member, Holds: &no, At: at,
				Reason: "the payload has no signature, and another of the update's has"})
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			facts.Gaps = append(facts.Gaps, gap(at, fact.CauseUndecided, string(signature.SchemePayload), parse.EscapeText(err.Error())))
			continue
		}
		if sum, err := inspect.Hash(ctx, blob.WithContext(ctx, pl.Blob()), nil); err == nil {
			at.SHA256 = sum
		}
		signed = true
		for _, r := range res {
			facts.Signatures = append(facts.Signatures, record(r, pl.Member+" "+r.Name, at))
		}
	}
	if signed {
		facts.Signatures = append(facts.Signatures, bare...)
	}
	return ctx.Err()
}

// updateKeys are the certificates that the update names for updates: its own, and those that the
// device trusts after it. Each file of certificates is read once, however many it has.
func updateKeys(ctx context.Context, p *inspect.Pass) []*signature.Certificate {
	files := inspect.NewOpener(p.Package)
	defer files.Close()
	var keys []*signature.Certificate
	seen := map[string]bool{} // files, and certificates
	for i := range p.Facts.Certificates {
		c := &p.Facts.Certificates[i]
		file := fact.Place(c.At)
		if c.Role != "ota" && c.Role != "otacerts" || c.SHA256 == "" || seen[file] {
			continue
		}
		seen[file] = true
		for _, k := range certificates(ctx, files, c.At) {
			if sum := k.SHA256(); !seen[sum] {
				seen[sum] = true
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// certificates are those of a file. That it can be read, and all of it, the facts have said.
func certificates(ctx context.Context, files *inspect.Opener, at fact.Location) []*signature.Certificate {
	b, closer, err := files.Open(ctx, at)
	if err != nil {
		return nil
	}
	defer closer()
	data, err := blob.ReadAll(b, 4<<20)
	if err != nil {
		return nil
	}
	certs, _ := signature.ParseCertificates(data)
	return certs
}
