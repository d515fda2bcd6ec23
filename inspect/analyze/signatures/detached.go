package signatures

import (
	"context"
	"errors"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/detached"
)

// namespaces are those that a signature of ssh may be made for: ssh-keygen's own, and that of
// GrapheneOS's releases.
var namespaces = []string{"file", "factory images"}

// detachedSignatures judges the signatures that the user named beside the update.
func detachedSignatures(ctx context.Context, p *inspect.Pass, facts *fact.Facts) error {
	if len(p.Detached) == 0 {
		return nil
	}
	var keys []detached.Key
	for _, data := range p.Keys {
		list, err := detached.ParseKeys(data)
		if err != nil {
			return err
		}
		keys = append(keys, list...)
	}
	for _, d := range p.Detached {
		subject := parse.Escape(d.Name)
		scheme := string(detached.Recognise(d.Data, d.Name))
		if p.Package.File == nil {
			facts.Gaps = append(facts.Gaps, gap(fact.Location{}, fact.CauseMissing, scheme, "a folder is not the file that was signed: "+subject+" cannot be judged"))
			continue
		}
		r, err := detached.Verify(ctx, d.Data, watched(p), keys, detached.Options{Name: d.Name, Namespaces: namespaces})
		switch {
		case errors.Is(err, signature.ErrNone):
			facts.Gaps = append(facts.Gaps, gap(fact.Location{}, fact.CauseUnsupported, "detached", subject+" is no signature of a form that is known"))
		case err != nil:
			return err
		default:
			facts.Signatures = append(facts.Signatures, record(r, subject, fact.Location{}))
		}
	}
	return nil
}
