package packs

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// Schemes of what stands within the package, by their first word; for most there are rules of their own.
const (
	schemeAPK         = "apk"
	schemeAPEX        = "apex" // the file that holds a module
	schemeAPEXPayload = "apex-payload"
	schemeAVB         = "avb"
)

// signed are the records of signatures by what they are of. Paths on the device would not do: two slots have the same.
type signed map[signedPlace]*fact.Signature

type signedPlace struct{ scheme, place string }

// signedFiles finds the records of the scheme, one for each file.
func signedFiles(f *fact.Facts, schemes ...string) signed {
	out := signed{}
	for i := range f.Signatures {
		s := &f.Signatures[i]
		if !slices.Contains(schemes, s.Scheme) {
			continue
		}
		at := s.At
		if s.Scheme == schemeAPEXPayload { // it stands at the image, in the module or in one within it
			for n := len(at.Inner); n > 0 && (at.Inner[n-1] == "apex_payload.img" || at.Inner[n-1] == "original_apex"); n-- {
				at.Inner = at.Inner[:n-1]
			}
			if at.Partition == "" {
				at.Path = ""
			}
		}
		out[signedPlace{s.Scheme, fileOf(at)}] = s
	}
	return out
}

// of finds the record of the file at a place; nil where there is none.
func (s signed) of(scheme string, at fact.Location) *fact.Signature {
	return s[signedPlace{scheme, fileOf(at)}]
}

// fileOf names a file by partition, slot and path.
func fileOf(at fact.Location) string {
	return fact.Location{Partition: at.Partition, Slot: at.Slot, Path: at.Path, Inner: at.Inner}.String()
}

// certificates are the digests of the signers' certificates, by which the platform compares them, or of their
// keys where they have none; sorted.
func certificates(s *fact.Signature) []string {
	var out []string
	for _, g := range s.Signers {
		out = append(out, cmp.Or(g.SHA256, g.KeySHA256))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// granted tells whether the app's lineage grants a capability to what old signed.
func granted(s *fact.Signature, old []string, capability string) bool {
	return len(old) == 1 && slices.ContainsFunc(s.Lineage, func(a fact.Ancestor) bool {
		return a.SHA256 == old[0] && slices.Contains(a.Capabilities, capability)
	})
}

func names(s *fact.Signature) string {
	var out []string
	for _, g := range s.Signers {
		out = append(out, fmt.Sprintf("%s (certificate %s)", cmp.Or(g.Subject, "a key without a name"), short(cmp.Or(g.SHA256, g.KeySHA256))))
	}
	return strings.Join(out, " and ")
}

// signersUnchanged compares the signers of apps and the keys of modules with those of the older update. Evaluate makes
// a pass unknown where none was given.
func signersUnchanged(_ context.Context, in policies.Input) ([]policies.Judgement, error) {
	if in.Base == nil {
		return []policies.Judgement{{Subject: fact.UpdateSubject, Status: policies.StatusPass}}, nil
	}
	before := map[fact.Subject][]*fact.Signature{} // nil for a part that has no record
	for _, p := range signedParts(in.Base) {
		before[p.name] = append(before[p.name], p.signature)
	}
	var out []policies.Judgement
	for _, p := range signedParts(in.Facts) {
		if old, ok := before[p.name]; ok {
			out = append(out, unchanged(p, old))
		}
	}
	if len(out) == 0 {
		return []policies.Judgement{na(fact.UpdateSubject, "no app and no module of the base is in the update, too")}, nil
	}
	return out, nil
}

// A signedPart is an app or module, each copy for itself: which of several the device takes is its choice.
type signedPart struct {
	name      fact.Subject // as both updates have it
	subject   fact.Subject // with its place where there are several
	at        fact.Location
	signature *fact.Signature
}

func signedParts(f *fact.Facts) []signedPart {
	records := signedFiles(f, schemeAPK, schemeAPEXPayload)
	var out []signedPart
	count := map[fact.Subject]int{}
	for i := range f.Apps {
		if a := &f.Apps[i]; a.Split == "" {
			out = append(out, signedPart{name: a.Subject(), at: a.At, signature: records.of(schemeAPK, a.At)})
		}
	}
	for i := range f.Modules {
		m := &f.Modules[i]
		at := m.At
		if n := len(at.Inner); n > 0 {
			at.Inner = at.Inner[:n-1]
		} else if at.Partition == "" {
			at = fact.Location{}
		}
		out = append(out, signedPart{name: fact.Subject{Kind: "module", ID: m.Name}, at: at, signature: records.of(schemeAPEXPayload, at)})
	}
	for _, p := range out {
		count[p.name]++
	}
	for i := range out {
		p := &out[i]
		if p.subject = p.name; count[p.name] > 1 {
			p.subject.ID += " " + fact.Place(p.at)
		}
	}
	return out
}

// unchanged judges one copy of an app or module against all that the base has of the name.
func unchanged(p signedPart, before []*fact.Signature) policies.Judgement {
	if p.signature == nil || len(certificates(p.signature)) == 0 {
		return unknown(p.subject, fact.KindSignatures, &p.at, "who signed it: no signer is proven in the update")
	}
	now := p.signature
	is := certificates(now)
	var other *fact.Signature
	rotated := false
	for _, old := range before {
		switch {
		case old == nil || len(certificates(old)) == 0:
		case slices.Equal(certificates(old), is):
			return pass(p.subject, "signed by whom it was before")
		case granted(now, certificates(old), "installed-data"):
			rotated = true
		default:
			other = old
		}
	}
	switch {
	case rotated:
		return pass(p.subject, "signed with another key than before, to which that one was rotated")
	case other == nil:
		return unknown(p.subject, fact.KindSignatures, &p.at, "who signed it in the base: no signer is proven there")
	}
	oldAt := other.At
	oldAt.Update = "base"
	return fail(p.subject, violation("it is signed by another key than before: a device with the older one refuses it, or gives its data and rights to somebody else",
		evidence("signer", now.At, "signed by %s", names(now)), evidence("signer", oldAt, "was signed by %s", names(other))))
}

// sharedUsersAgree judges each group of apps that want to be one user. The platform takes them for one only if their
// signers are the same, or one grants it to the other's.
func sharedUsersAgree(f *fact.Facts) []policies.Judgement {
	groups := map[string][]*fact.App{}
	for i := range f.Apps {
		if a := &f.Apps[i]; a.SharedUser != "" && a.Split == "" {
			groups[a.SharedUser] = append(groups[a.SharedUser], a)
		}
	}
	records := signedFiles(f, schemeAPK)
	var out []policies.Judgement
	for _, user := range slices.Sorted(maps.Keys(groups)) {
		switch {
		case len(groups[user]) > 1:
			out = append(out, sharedUser(records, user, groups[user]))
		case strings.HasPrefix(user, "android.uid."):
			out = append(out, unknown(fact.Subject{Kind: "shared-user", ID: user}, fact.KindApps, &groups[user][0].At,
				"who else has the user, which is one of the system's own: no other app of it is in the update"))
		}
	}
	if len(out) == 0 {
		return []policies.Judgement{na(fact.UpdateSubject, "no two of %d apps share a user", len(f.Apps))}
	}
	return out
}

func sharedUser(records signed, user string, apps []*fact.App) policies.Judgement {
	subject := fact.Subject{Kind: "shared-user", ID: user}
	var first *fact.Signature
	j := pass(subject, "%d apps, signed by the same", len(apps))
	for _, a := range apps {
		s := records.of(schemeAPK, a.At)
		if s == nil || len(s.Signers) == 0 {
			j.Missing = append(j.Missing, policies.Missing{Kind: fact.KindSignatures, At: &a.At, What: "who signed " + a.Package})
			continue
		}
		if first == nil {
			first = s
			continue
		}
		one, two := certificates(first), certificates(s)
		if slices.Equal(one, two) || granted(first, two, "shared-uid") || granted(s, one, "shared-uid") {
			continue
		}
		j.Violations = append(j.Violations, violation(fmt.Sprintf("%s is to share the user %s with apps that somebody else signed: the device refuses it", a.Package, user),
			evidence("signer", s.At, "signed by %s", names(s)), evidence("signer", first.At, "signed by %s", names(first))))
	}
	switch {
	case len(j.Violations) > 0:
		j.Status, j.Message, j.Missing = policies.StatusFail, "", nil
	case len(j.Missing) > 0:
		j.Status = policies.StatusUnknown
	}
	return j
}

// otacertsAgree compares the keys that recovery trusts for updates with those of the system.
func otacertsAgree(f *fact.Facts) []policies.Judgement {
	stores := map[bool]map[string]*fact.Certificate{false: {}, true: {}} // by key; true: of a ramdisk
	for i := range f.Certificates {
		if c := &f.Certificates[i]; c.Role == "otacerts" && c.At.Partition != "" {
			stores[c.At.Path == ""][c.KeySHA256] = c
		}
	}
	system, recovery := stores[false], stores[true]
	subject := fact.Subject{Kind: "certificate", ID: "otacerts"}
	switch {
	case len(system) == 0:
		return []policies.Judgement{unknown(subject, fact.KindCertificates, nil, "the keys that the system trusts for updates: no etc/security/otacerts.zip was found in a partition")}
	case len(recovery) == 0:
		return []policies.Judgement{unknown(subject, fact.KindCertificates, nil, "the keys that recovery trusts for updates: no ramdisk with a key store was found")}
	}
	var vs []policies.Violation
	for _, side := range []struct {
		has, lacks map[string]*fact.Certificate
		text       string
	}{
		{system, recovery, "the system trusts a key for updates that recovery does not: an update passes the first check and fails in recovery"},
		{recovery, system, "recovery trusts a key for updates that the system does not: who has the device in hand may sideload what the system would refuse"},
	} {
		for _, key := range slices.Sorted(maps.Keys(side.has)) {
			if c := side.has[key]; side.lacks[key] == nil {
				vs = append(vs, violation(side.text, evidence("signer", c.At, "%s, key %s", cmp.Or(c.Subject, "a key without a name"), short(key))))
			}
		}
	}
	if len(vs) > 0 {
		return []policies.Judgement{fail(subject, vs...)}
	}
	return []policies.Judgement{pass(subject, "system and recovery trust the same %d keys", len(system))}
}

// partRoles are what keys may be trusted for beside updates as a whole, and the schemes of their signatures.
var partRoles = []struct {
	role   policies.Role
	scheme string
}{
	{policies.RolePayload, schemePayload},
	{policies.RoleAVB, schemeAVB},
	{policies.RoleAPK, schemeAPK},
	{policies.RoleAPEX, schemeAPEX},
	{policies.RoleAPEX, schemeAPEXPayload},
}

// partsTrusted asks of each role that the user named keys for whether they made its signatures.
func partsTrusted(_ context.Context, in policies.Input) ([]policies.Judgement, error) {
	var out []policies.Judgement
	asked := false
	for _, r := range partRoles {
		keys := in.Trust[r.role]
		if len(keys) == 0 {
			continue
		}
		asked = true
		found := false
		for i := range in.Facts.Signatures {
			if s := &in.Facts.Signatures[i]; s.Scheme == r.scheme {
				found = true
				out = append(out, trustedBy(s, keys))
			}
		}
		if !found {
			out = append(out, unknown(fact.UpdateSubject, fact.KindSignatures, nil, "a signature of scheme %s to compare the keys of --trust %s with", r.scheme, r.role))
		}
		// Gaps matter to whoever asked about what they hide.
		about := aboutSchemes([]string{r.scheme})
		for i := range in.Facts.Gaps {
			if g := &in.Facts.Gaps[i]; slices.Contains(g.Blinds, fact.KindSignatures) && about(g) {
				out = append(out, unknown(fact.UpdateSubject, fact.KindSignatures, &g.At, "who signed what could not be looked at: %s", g.Reason))
			}
		}
	}
	switch {
	case !slices.Contains(in.Facts.Kinds, fact.KindSignatures):
		return []policies.Judgement{unknown(fact.UpdateSubject, fact.KindSignatures, nil, "who signed: signatures were not looked for")}, nil
	case !asked:
		return []policies.Judgement{na(fact.UpdateSubject, "no key was named for payloads, verified boot, apps or modules (--trust payload=FILE, avb=, apk=, apex=)")}, nil
	}
	return out, nil
}
