package apk

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/signature"
)

// results fills in an entry for each scheme.
func (v *verifier) results(r *Report) error {
	for _, sc := range []*scheme{v.v31, v.v3, v.v2} {
		if sc != nil {
			r.Results = append(r.Results, v.result(sc))
		}
	}
	if v.v1 != nil {
		r.Results = append(r.Results, v.v1.Result)
	}
	if v.v4 != nil {
		v4, err := v.resultV4()
		if err != nil {
			return err
		}
		r.Results = append(r.Results, v4)
	}
	stamps, err := v.stamps()
	r.Results = append(r.Results, stamps...)
	return err
}

// result judges the block of a scheme.
func (v *verifier) result(sc *scheme) *signature.Result {
	r := &signature.Result{Scheme: sc.name}
	err := v.judgeScheme(sc)
	r.Intact, r.Reason = tri(err), err
	seen := make(map[string]bool)
	for _, s := range sc.signers {
		if one := v.signerOf(s, max(v.o.MaxSDK, sdkP)); one != nil && !seen[one.SHA256] {
			seen[one.SHA256] = true
			r.Signers = append(r.Signers, *one)
		}
		if s.v3 && s.ranged && len(s.certs) > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("SDK %d to %d: %s", s.min, s.max, s.certs[0].Subject))
		}
		if s.devRelease {
			r.Notes = append(r.Notes, fmt.Sprintf("SDK %d: previews of the release only", s.min))
		}
		for _, l := range s.lineage {
			r.Notes = append(r.Notes, fmt.Sprintf("lineage: %s, %s: %s", l.Subject, l.SHA256, l.Capabilities))
		}
		for _, rec := range s.signatures {
			if _, ok := algorithms[rec.id]; !ok {
				r.Notes = append(r.Notes, fmt.Sprintf("an algorithm that is not known: %#x", rec.id))
			}
		}
	}
	r.Known = signature.KnownMatches(r.Signers)
	v.ranges(r, sc)
	return r
}

func (v *verifier) judgeScheme(sc *scheme) error {
	if sc.number != schemeV2 {
		return v.whole(sc, max(v.o.MinSDK, sdkP), v.o.MaxSDK)
	}
	// Releases before 9 know fewer algorithms than later ones, and no protection
	// against stripping.
	if v.o.MinSDK < sdkP {
		if err := v.v2At(sdkP-1, true); err != nil {
			return err
		}
	}
	if v.o.MaxSDK >= sdkP || v.o.MaxSDK < sdkN {
		return v.v2At(sdkP, true)
	}
	return nil
}

// ranges says what a scheme covers: the file without its signing block, and in that
// the data that signers signed.
func (v *verifier) ranges(r *signature.Result, sc *scheme) {
	z := v.z
	r.Covers = []signature.Range{{First: 0, End: z.contents, What: "contents"}}
	at := z.contents
	signers := slices.SortedFunc(slices.Values(sc.signers), func(a, b *signer) int { return cmp.Compare(a.signedOff, b.signedOff) })
	for _, s := range signers {
		if len(s.signed) == 0 {
			continue
		}
		r.Unsigned = append(r.Unsigned, signature.Range{First: at, End: s.signedOff, What: "signing block"})
		at = s.signedOff + int64(len(s.signed))
		r.Covers = append(r.Covers, signature.Range{First: s.signedOff, End: at, What: "signed data"})
	}
	r.Unsigned = append(r.Unsigned, signature.Range{First: at, End: z.dir, What: "signing block"})
	r.Covers = append(r.Covers, signature.Range{First: z.dir, End: z.eocd, What: "central directory"},
		signature.Range{First: z.eocd, End: z.size, What: "end of central directory"})
}

// resultV4 judges the .idsig. The error is that of reading it.
func (v *verifier) resultV4() (*signature.Result, error) {
	r := &signature.Result{Scheme: signature.SchemeAPKv4}
	err := v.judgeV4(r)
	if t := v.v4.stored; t != nil && t.err != nil && !isParse(t.err) {
		return nil, t.err
	}
	r.Intact, r.Reason = tri(err), err
	r.Known = signature.KnownMatches(r.Signers)
	r.Covers = []signature.Range{{First: 0, End: v.z.size, What: "the whole file"}}
	takes, rule := takes(err), "v4, of an incremental installation"
	if v.o.MaxSDK < sdkR {
		takes, rule = signature.No, "no release of the range has incremental installation"
	}
	r.Accepts = []signature.Platform{{Reader: "incfs", Since: releases[sdkR], Takes: takes, Rule: rule}}
	return r, nil
}
