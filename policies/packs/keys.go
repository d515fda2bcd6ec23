package packs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// noPublicKeys judges who signed, and whom the device will trust.
func noPublicKeys(f *fact.Facts) []policies.Judgement {
	var out []policies.Judgement
	for i := range f.Signatures {
		s := &f.Signatures[i]
		if s.Scheme == schemePartitionHash || partOfPackage(s) {
			continue // no key stands behind it, or none for updates
		}
		subject := signatureSubject(s)
		// A signer is recorded once it is proven. Without one, a match still tells.
		if len(s.Signers) == 0 && len(s.Known) == 0 {
			out = append(out, unknown(subject, fact.KindSignatures, &s.At, "who made the signature: it is not proven"))
			continue
		}
		out = append(out, publicKeys(subject, "signs", s.Known, s.At))
	}
	for i := range f.Certificates {
		c := &f.Certificates[i]
		if c.Role == "ota" || c.Role == "otacerts" {
			verb := "is named by the package"
			if c.Role == "otacerts" {
				verb = "is trusted by the device for updates"
			}
			out = append(out, publicKeys(fact.Subject{Kind: "certificate", ID: fileID(c.At)}, verb, c.Known, c.At))
		}
	}
	if len(out) == 0 {
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindSignatures, nil,
			"a signer: the update was found to hold no signature and no certificate for updates")}
	}
	return append(out, unseenImages(f)...)
}

// unseenImages speaks of the images that keyless lets pass. Where recovery has an
// image of its own, as with every update that a script installs, the boot image holds
// no keys for updates; elsewhere recovery may stand in it.
func unseenImages(f *fact.Facts) []policies.Judgement {
	layout := updateOf(f).Layout
	var out []policies.Judgement
	for i := range f.Gaps {
		g := &f.Gaps[i]
		if !slices.Contains(g.Blinds, fact.KindCertificates) || !keyless(g) {
			continue
		}
		for _, s := range g.Subjects {
			switch {
			case s.Kind != "partition" || s.ID != "boot":
			case layout == layoutZipFiles || layout == layoutZipBlock:
				j := pass(s, "not looked into")
				j.Assumptions = []policies.Assumption{{At: &g.At,
					What: "the boot image, which was not looked into, holds no key for updates: recovery has an image of its own"}}
				out = append(out, j)
			default:
				out = append(out, unknown(s, fact.KindCertificates, &g.At,
					"the keys that the boot image trusts for updates: recovery may stand in it, and it was not looked into"))
			}
		}
	}
	return out
}

func publicKeys(subject fact.Subject, verb string, known []fact.Known, at fact.Location) policies.Judgement {
	j := pass(subject, "no key whose private half is known to be public")
	for _, k := range known {
		detail := fmt.Sprintf("%s; private key public: %s; matched by %s; source: %s", k.What, k.Private, k.Match, k.Source)
		switch strings.ToLower(k.Private) {
		case "no":
			continue // known by name only
		case "yes", "leaked":
			if noteOnly(k.Severity) {
				break
			}
			// A certificate and its key are two rows of the list and one finding.
			if len(j.Violations) == 0 {
				j.Violations = []policies.Violation{violation(fmt.Sprintf("a key that anybody may have %s: %s", verb, k.What))}
			}
			v := &j.Violations[0]
			e := evidence("signer", at, "%s", detail)
			e.Order = len(v.Evidence) + 1
			v.Evidence = append(v.Evidence, e)
			continue
		}
		j.Assumptions = append(j.Assumptions, policies.Assumption{
			What: fmt.Sprintf("a publicly listed key is not misused here: %s (private key public: %s)", k.What, k.Private), At: &at})
	}
	if len(j.Violations) > 0 {
		j.Status, j.Message = policies.StatusFail, ""
	}
	return j
}

// noteOnly tells whether the list of known keys hints that a match is worth a note
// and no more: such as a leaked certificate that is still used in earnest, so that
// a match does not tell good from bad. Any other hint counts in full.
func noteOnly(severity string) bool {
	switch severity {
	case "medium", "low", "info", "good":
		return true
	}
	return false
}

// least is the least size of a key, in bits: below it NIST SP 800-131A sees less
// than 112 bits of security, the least allowed since 2014.
func least(algorithm string) (int64, bool) {
	switch strings.ToUpper(algorithm) {
	case "RSA", "DSA":
		return 2048, true
	case "EC", "ECDSA":
		return 224, true
	case "ED25519":
		return 0, true
	}
	return 0, false
}

// A strength is what is thought of a digest.
type strength int

const (
	unheardOf strength = iota
	broken
	sound
)

func digestStrength(name string) strength {
	switch strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToUpper(name)) {
	case "MD2", "MD4", "MD5", "SHA0", "SHA1", "RIPEMD", "RIPEMD160":
		return broken
	case "SHA224", "SHA256", "SHA384", "SHA512", "SHA512/224", "SHA512/256", "SHA3224", "SHA3256", "SHA3384", "SHA3512":
		return sound
	}
	return unheardOf
}

func noWeakAlgorithm(_ *fact.Facts, s *fact.Signature) policies.Judgement {
	subject := signatureSubject(s)
	if len(s.Signers) == 0 {
		return unknown(subject, fact.KindSignatures, &s.At, "how the signature was made: its signer is not proven")
	}
	j := pass(subject, "made with %s-%d and %s", s.Signers[0].Algorithm, s.Signers[0].Bits, s.Signers[0].Digest)
	for _, g := range s.Signers {
		found := len(j.Violations)
		switch digestStrength(g.Digest) {
		case broken:
			j.Violations = append(j.Violations, violation(
				fmt.Sprintf("the signature is over a %s digest, which no longer ties it to these bytes only", g.Digest),
				evidence("signer", s.At, "signed by %s with %s-%d over %s", g.Subject, g.Algorithm, g.Bits, g.Digest)))
		case unheardOf:
			j.Missing = append(j.Missing, policies.Missing{Kind: fact.KindSignatures, At: &s.At,
				What: fmt.Sprintf("how strong the digest %q is", g.Digest)})
		}
		bits, ok := least(g.Algorithm)
		switch {
		case !ok || g.Bits <= 0 && bits > 0:
			j.Missing = append(j.Missing, policies.Missing{Kind: fact.KindSignatures, At: &s.At,
				What: fmt.Sprintf("how strong a key of algorithm %q with %d bits is", g.Algorithm, g.Bits)})
		case g.Bits < bits:
			j.Violations = append(j.Violations, violation(
				fmt.Sprintf("the signing key is %s with %d bits; below %d it can be broken", g.Algorithm, g.Bits, bits),
				evidence("signer", s.At, "signed by %s with %s-%d over %s", g.Subject, g.Algorithm, g.Bits, g.Digest)))
		}
		// The facts may know of a weakness that is not seen here.
		if len(g.Weak) > 0 && len(j.Violations) == found {
			j.Violations = append(j.Violations, violation("the signature is weak: "+strings.Join(g.Weak, ", "),
				evidence("signer", s.At, "signed by %s with %s-%d over %s", g.Subject, g.Algorithm, g.Bits, g.Digest)))
		}
	}
	switch {
	case len(j.Violations) > 0:
		j.Status, j.Message = policies.StatusFail, ""
	case len(j.Missing) > 0:
		j.Status = policies.StatusUnknown
	}
	return j
}
