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
	for _, pl := range p.Package.Payloads {
		at := fact.Location{Path: pl.Member}
		res, err := payloadsig.Verify(ctx, pl.Blob(), pl.Payload, keys)
		switch {
		case errors.Is(err, signature.ErrNone):
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
		for _, r := range res {
			facts.Signatures = append(facts.Signatures, record(r, pl.Member+" "+r.Name, at))
		}
	}
	return ctx.Err()
}

// updateKeys are the certificates that the update names for updates: its own, and those that the
// device trusts after it.
func updateKeys(ctx context.Context, p *inspect.Pass) []*signature.Certificate {
	var keys []*signature.Certificate
	seen := map[string]bool{}
	for i := range p.Facts.Certificates {
		c := &p.Facts.Certificates[i]
		if c.Role != "ota" && c.Role != "otacerts" || c.SHA256 == "" || seen[c.SHA256] {
			continue
		}
		seen[c.SHA256] = true
		b, closer, err := inspect.Open(ctx, p.Package, c.At)
		if err != nil {
			continue // the same bytes could be read a moment ago
		}
		data, err := blob.ReadAll(b, 4<<20)
		closer()
		if err != nil {
			continue
		}
		certs, _ := signature.ParseCertificates(data)
		for _, k := range certs {
			if k.SHA256() == c.SHA256 {
				keys = append(keys, k)
			}
		}
	}
	return keys
}
