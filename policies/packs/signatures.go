package packs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// schemeWholeFile is the signature in the zip's comment, which recovery checks.
const schemeWholeFile = "wholefile"

// schemePayload is the signatures in payload.bin, which update_engine checks.
const schemePayload = "payload"

// schemePartitionHash is the hash of a partition that a payload declares.
const schemePartitionHash = "partition-hash"

func signatureSubject(s *fact.Signature) fact.Subject {
	return fact.Subject{Kind: "signature", ID: s.Scheme + " " + s.Subject}
}

func wholeFile(f *fact.Facts) []*fact.Signature {
	var out []*fact.Signature
	for i := range f.Signatures {
		if f.Signatures[i].Scheme == schemeWholeFile {
			out = append(out, &f.Signatures[i])
		}
	}
	return out
}

// perWholeFile judges each whole-file signature; without one there is nothing to
// judge, which is for updateIsSigned to blame.
func perWholeFile(judge func(*fact.Facts, *fact.Signature) policies.Judgement) policies.Check {
	return check(func(f *fact.Facts) []policies.Judgement {
		var out []policies.Judgement
		for _, s := range wholeFile(f) {
			out = append(out, judge(f, s))
		}
		if len(out) == 0 {
			if l := updateOf(f).Layout; l == layoutAPK || l == layoutAPEX {
				return []policies.Judgement{na(fact.UpdateSubject, "%s", noUpdate)}
			}
			return []policies.Judgement{noWholeFile(f)}
		}
		return out
	})
}

// noUpdate is why rules about updates as a whole do not apply to a lone app or module.
const noUpdate = "a lone app or module, which recovery does not install; its own signatures have rules of their own"

// noWholeFile says why there is no whole-file signature to judge.
func noWholeFile(f *fact.Facts) policies.Judgement {
	what := "a whole-file signature: the update was found to carry none"
	if layout := updateOf(f).Layout; layout == layoutFolder {
		what = "a whole-file signature: a folder is not the file that would carry it"
	} else if !canCarryWholeFile(f) {
		what = fmt.Sprintf("a whole-file signature: none was found, and an update of layout %q need not have one", layout)
	}
	return unknown(fact.UpdateSubject, fact.KindSignatures, nil, "%s", what)
}

func updateIsSigned(f *fact.Facts) []policies.Judgement {
	if sigs := wholeFile(f); len(sigs) > 0 {
		return []policies.Judgement{pass(fact.UpdateSubject, "the package carries a whole-file signature")}
	}
	layout := updateOf(f).Layout
	missing := func(format string, args ...any) []policies.Judgement {
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindSignatures, nil, format, args...)}
	}
	if !wouldShow(f, fact.KindSignatures, "") {
		return missing("whether the package is signed: its signatures were not, or not wholly, looked at")
	}
	switch layout {
	case layoutZip, layoutZipFiles, layoutZipBlock:
	case layoutZipPayload, layoutPayload:
		return payloadIsSigned(f)
	case layoutFolder:
		return missing("the package as it was published: a signature over it cannot be seen in a folder of its files")
	case layoutAPK:
		return appIsSigned(f, schemeAPK)
	case layoutAPEX:
		return appIsSigned(f, schemeAPEX)
	default:
		return missing("the signatures that a file of layout %q carries: this version does not read them", layout)
	}
	at := updateOf(f).At
	v := violation("the package carries no whole-file signature: recovery refuses it, or takes it from anybody if its check is off",
		evidence("absent", at, "no signature in the comment at the end of the zip"))
	for i := range f.Signatures {
		s := &f.Signatures[i]
		if s.Scheme == "jar" {
			v.Evidence = append(v.Evidence, policies.Evidence{Role: "signer", Order: len(v.Evidence) + 1, At: s.At,
				Detail: "a JAR signature is there; recovery does not look at it"})
			break
		}
	}
	return []policies.Judgement{fail(fact.UpdateSubject, v)}
}

// appIsSigned speaks of an update that is a lone app or module.
func appIsSigned(f *fact.Facts, scheme string) []policies.Judgement {
	s := signedFiles(f, scheme).of(scheme, fact.Location{})
	switch {
	case s == nil:
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindSignatures, nil, "the file's own signatures: they could not be looked at")}
	case s.Holds != nil && !*s.Holds && len(s.Notes) == 0: // without a note for any scheme there is none
		return []policies.Judgement{fail(fact.UpdateSubject, violation("nothing signs the file: no device takes it", evidence("absent", s.At, "%s", s.Reason)))}
	}
	return []policies.Judgement{pass(fact.UpdateSubject, "the file carries signatures of its own")}
}

// partOfPackage tells whether a signature stands within the package, on what it installs: there are rules of their own for
// these, unless the update is such a file itself.
func partOfPackage(s *fact.Signature) bool {
	return ofImage(s) || s.Subject != fact.UpdateSubject.ID && !aboutPackage(&fact.Gap{Subjects: []fact.Subject{{Kind: "signature", ID: s.Scheme}}})
}

// ofImage tells whether a signature is verified boot's, which protects an image once it is installed.
func ofImage(s *fact.Signature) bool {
	family, _, _ := strings.Cut(s.Scheme, "-")
	return family == schemeAVB || family == "bootsig" || family == "verity"
}

// payloadIsSigned speaks of an A/B update without a whole-file signature: update_engine asks for
// that of the payload, and recovery, where the file is sideloaded, for both.
func payloadIsSigned(f *fact.Facts) []policies.Judgement {
	var signed *fact.Signature
	var vs []policies.Violation
	for i := range f.Signatures {
		s := &f.Signatures[i]
		switch {
		case s.Scheme != schemePayload:
		case s.Holds != nil && !*s.Holds:
			vs = append(vs, violation("the package carries no whole-file signature, and one of its payload's does not hold or is not there",
				evidence("absent", s.At, "%s: %s", s.Subject, cmp.Or(s.Reason, "no reason was recorded"))))
		default:
			signed = s
		}
	}
	if len(vs) > 0 {
		return []policies.Judgement{fail(fact.UpdateSubject, vs...)}
	}
	for i := range f.Gaps {
		g := &f.Gaps[i]
		if slices.Contains(g.Blinds, fact.KindSignatures) && hides(g, func(scheme string) bool { return scheme == schemePayload }) {
			return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindSignatures, &g.At,
				"the signature of the payload: the package carries no whole-file signature, and the payload's own could not be looked for")}
		}
	}
	if signed != nil {
		j := pass(fact.UpdateSubject, "the payload carries signatures of its own")
		j.Assumptions = []policies.Assumption{{At: &signed.At,
			What: "the update is installed by update_engine: recovery would ask for a whole-file signature, and the package carries none"}}
		return []policies.Judgement{j}
	}
	return []policies.Judgement{fail(fact.UpdateSubject, violation(
		"neither the package nor its payload carries a signature: update_engine refuses it, or takes it from anybody if the device has no key",
		evidence("absent", updateOf(f).At, "no signature in the comment at the end of the zip, and none in the payload")))}
}

func signaturesHold(f *fact.Facts) []policies.Judgement {
	var out []policies.Judgement
	for i := range f.Signatures {
		s := &f.Signatures[i]
		if s.Scheme == schemePartitionHash || partOfPackage(s) {
			continue // there are rules for them, and no key stands behind the first
		}
		subject := signatureSubject(s)
		switch {
		case s.Holds == nil:
			out = append(out, unknown(subject, fact.KindSignatures, &s.At, "whether the signature holds: %s", cmp.Or(s.Reason, "no reason was recorded")))
		case !*s.Holds:
			out = append(out, fail(subject, violation("the signature does not hold: "+cmp.Or(s.Reason, "no reason was recorded"),
				evidence("signer", s.At, "%s signature", s.Scheme))))
		default:
			out = append(out, pass(subject, "holds%s", signedBy(s)))
		}
	}
	if len(out) == 0 {
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindSignatures, nil,
			"a signature to judge: none was found of the schemes that this version reads")}
	}
	return out
}

func signedBy(s *fact.Signature) string {
	if len(s.Signers) == 0 || s.Signers[0].Subject == "" {
		return ""
	}
	return ", signed by " + s.Signers[0].Subject
}

// accepted asks the recoveries that fit the update's release. Which key
// they trust is another question.
func accepted(f *fact.Facts, s *fact.Signature) policies.Judgement {
	subject := signatureSubject(s)
	release := updateOf(f).Android
	_, known := parseRelease(release)
	var rows []*fact.Accepts
	for i := range s.Accepts {
		a := &s.Accepts[i]
		if a.Reader == "recovery" && (!known || covers(a, release)) {
			rows = append(rows, a)
		}
	}
	if len(rows) == 0 {
		if known {
			return unknown(subject, fact.KindSignatures, &s.At, "what recovery of Android %s makes of the signature", release)
		}
		return unknown(subject, fact.KindSignatures, &s.At, "what any recovery makes of the signature")
	}
	var yes, no, open []*fact.Accepts
	for _, a := range rows {
		switch {
		case a.Takes == nil:
			open = append(open, a)
		case *a.Takes:
			yes = append(yes, a)
		default:
			no = append(no, a)
		}
	}
	switch {
	case len(yes) == len(rows) || known && len(yes) > 0:
		j := pass(subject, "taken by recovery of %s, if it trusts the key", span(yes[0]))
		for i := range s.Accepts {
			a := &s.Accepts[i]
			if a.Reader != "recovery" && a.Takes != nil && !*a.Takes && (!known || covers(a, release)) {
				j.Assumptions = append(j.Assumptions, policies.Assumption{At: &s.At,
					What: fmt.Sprintf("nothing asks %s of %s before recovery does: it would refuse (%s)", a.Reader, span(a), a.Rule)})
			}
		}
		return j
	case len(no) == len(rows):
		v := policies.Violation{Message: "no recovery that fits the update would take the signature, even if it trusted the key"}
		for i, a := range no {
			v.Evidence = append(v.Evidence, policies.Evidence{Role: "signer", Order: i + 1, At: s.At,
				Detail: fmt.Sprintf("recovery of %s: %s", span(a), a.Rule)})
		}
		return fail(subject, v)
	case !known:
		return unknown(subject, fact.KindUpdate, &s.At, "the Android release of the update: some recoveries would take the signature and others not")
	}
	return unknown(subject, fact.KindSignatures, &s.At, "what recovery makes of the signature: %s", open[0].Rule)
}

func span(a *fact.Accepts) string {
	switch {
	case a.Since == "" && a.Until == "":
		return "every Android release"
	case a.Until == "":
		return "Android " + a.Since + " and later"
	case a.Since == "":
		return "Android up to " + a.Until
	}
	return "Android " + a.Since + " to " + a.Until
}

// covers tells whether a release lies in the range. An end that is no release
// covers nothing: it then helps no pass. "4.4" as the last release includes 4.4.4.
func covers(a *fact.Accepts, release string) bool {
	r, ok := parseRelease(release)
	if !ok {
		return false
	}
	if a.Since != "" {
		since, ok := parseRelease(a.Since)
		if !ok {
			return false
		}
		for len(r) < len(since) {
			r = append(r, 0) // 10 is 10.0
		}
		if slices.Compare(r, since) < 0 {
			return false
		}
	}
	if a.Until != "" {
		until, ok := parseRelease(a.Until)
		if !ok || slices.Compare(r[:min(len(r), len(until))], until) > 0 {
			return false
		}
	}
	return true
}

// parseRelease reads 4.2.2.
func parseRelease(s string) ([]int, bool) {
	if len(s) > 32 {
		return nil, false
	}
	var out []int
	for _, part := range strings.Split(s, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil, false
		}
		out = append(out, int(n))
	}
	return out, true
}

// foreignBytes is how the reader of signatures marks bytes that no signature
// covers and that the usual signing tool would not have put there.
const foreignBytes = "not what signapk writes"

func allBytesSigned(f *fact.Facts, s *fact.Signature) policies.Judgement {
	subject := signatureSubject(s)
	var vs []policies.Violation
	for _, r := range s.Unsigned {
		if strings.Contains(r.What, foreignBytes) {
			at := s.At.AtOffset(max(r.First, 0))
			vs = append(vs, violation(fmt.Sprintf("bytes %d to %d can be changed without breaking the signature: %s", r.First, r.End, r.What),
				evidence("signer", at, "%s", r.What)))
		}
	}
	switch {
	case len(vs) > 0:
		return fail(subject, vs...)
	case len(s.Covers) == 0:
		return unknown(subject, fact.KindSignatures, &s.At, "which bytes the signature covers")
	}
	if hole, ok := firstHole(s, updateOf(f).Size); ok {
		return unknown(subject, fact.KindSignatures, &s.At, "whether the bytes from %d on are signed: they are listed neither as signed nor as not", hole)
	}
	return pass(subject, "every byte but those of the signature itself is signed")
}

// firstHole finds the first byte of the file that is neither signed nor known not
// to be.
func firstHole(s *fact.Signature, size int64) (int64, bool) {
	all := slices.Concat(s.Covers, s.Unsigned)
	slices.SortFunc(all, func(a, b fact.Range) int { return cmp.Compare(a.First, b.First) })
	var next int64
	for _, r := range all {
		if r.First > next {
			break
		}
		next = max(next, r.End)
	}
	return next, next < size
}

func otacertAgrees(f *fact.Facts) []policies.Judgement {
	var out []policies.Judgement
	sigs := wholeFile(f)
	for i := range f.Certificates {
		c := &f.Certificates[i]
		if c.Role != "ota" {
			continue
		}
		subject := fact.Subject{Kind: "certificate", ID: fileID(c.At)}
		if len(sigs) == 0 {
			out = append(out, unknown(subject, fact.KindSignatures, &c.At, "a whole-file signature to compare the certificate with"))
		}
		for _, s := range sigs {
			out = append(out, sameKey(subject, c, s))
		}
	}
	if len(out) == 0 {
		return []policies.Judgement{na(fact.UpdateSubject, "the package names no certificate of its own")}
	}
	return out
}

func sameKey(subject fact.Subject, c *fact.Certificate, s *fact.Signature) policies.Judgement {
	if len(s.Signers) == 0 {
		return unknown(subject, fact.KindSignatures, &s.At, "who made the signature: it is not proven")
	}
	for _, g := range s.Signers {
		switch {
		case g.SHA256 != "" && g.SHA256 == c.SHA256:
			return pass(subject, "it is the signer's certificate")
		case g.KeySHA256 != "" && g.KeySHA256 == c.KeySHA256:
			j := pass(subject, "it holds the signer's key")
			j.Assumptions = []policies.Assumption{{What: "another certificate over the signer's key is as good as the signer's own", At: &c.At}}
			return j
		}
	}
	g := s.Signers[0]
	return fail(subject, violation("the certificate that the package names is not the signer's: whoever trusts it refuses the update, or trusts the wrong key",
		evidence("signer", c.At, "names %s, key %s", c.Subject, short(c.KeySHA256)),
		evidence("signer", s.At, "signed by %s, key %s", g.Subject, short(g.KeySHA256))))
}

// short is enough of a hash for a person to compare.
func short(hash string) string { return hash[:min(len(hash), 16)] }

// signerTrusted asks whether a key that the user trusts made the signature.
func signerTrusted(_ context.Context, in policies.Input) ([]policies.Judgement, error) {
	keys := in.Trust[policies.RoleOTA]
	if l := updateOf(in.Facts).Layout; len(keys) == 0 && (l == layoutAPK || l == layoutAPEX) {
		return []policies.Judgement{na(fact.UpdateSubject, "%s", noUpdate)}, nil
	}
	if len(keys) == 0 {
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindSignatures, nil,
			"whose key you trust for updates: name it with --trust ota=FILE")}, nil
	}
	var out []policies.Judgement
	for _, s := range wholeFile(in.Facts) {
		out = append(out, trustedBy(s, keys))
	}
	if len(out) == 0 {
		if !canCarryWholeFile(in.Facts) || !wouldShow(in.Facts, fact.KindSignatures, "") {
			return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindSignatures, nil, "a whole-file signature to compare the trusted key with")}, nil
		}
		out = append(out, fail(fact.UpdateSubject, violation("no key at all, and so none that is trusted, signed the package as a whole",
			evidence("absent", updateOf(in.Facts).At, "no signature in the comment at the end of the zip"))))
	}
	return out, nil
}

// canCarryWholeFile tells whether the update is a file in which recovery would
// look for the signature.
func canCarryWholeFile(f *fact.Facts) bool {
	return slices.Contains([]string{layoutZip, layoutZipFiles, layoutZipBlock}, updateOf(f).Layout)
}

func trustedBy(s *fact.Signature, keys []string) policies.Judgement {
	subject := signatureSubject(s)
	switch {
	case s.Holds == nil:
		return unknown(subject, fact.KindSignatures, &s.At, "whether the signature holds: %s", cmp.Or(s.Reason, "no reason was recorded"))
	case !*s.Holds:
		return fail(subject, violation("no trusted key made the signature: it does not hold", evidence("signer", s.At, "%s", cmp.Or(s.Reason, "no reason was recorded"))))
	}
	for _, g := range s.Signers {
		if slices.Contains(keys, g.KeySHA256) && g.KeySHA256 != "" {
			return pass(subject, "signed by the trusted key %s", short(g.KeySHA256))
		}
	}
	if len(s.Signers) == 0 {
		return unknown(subject, fact.KindSignatures, &s.At, "who made the signature: it is not proven")
	}
	g := s.Signers[0]
	return fail(subject, violation("the signer is not one that you trust for updates",
		evidence("signer", s.At, "signed by %s, key %s", g.Subject, short(g.KeySHA256))))
}
