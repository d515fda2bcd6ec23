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

// appSignature finds the record of the file at a place; nil where there is none.
func appSignature(f *fact.Facts, scheme string, at fact.Location) *fact.Signature {
	subject := fact.UpdateSubject.ID
	if at.Partition != "" || at.Path != "" {
		subject = fact.Place(at)
	}
	for i := range f.Signatures {
		if s := &f.Signatures[i]; s.Scheme == scheme && s.Subject == subject {
			return s
		}
	}
	return nil
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
	before, now := signedParts(in.Base), signedParts(in.Facts)
	var out []policies.Judgement
	names := slices.SortedFunc(maps.Keys(now), func(a, b fact.Subject) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	for _, name := range names {
		if old, ok := before[name]; ok {
			out = append(out, unchanged(name, old, now[name]))
		}
	}
	if len(out) == 0 {
		return []policies.Judgement{na(fact.UpdateSubject, "no app and no module of the base is in the update, too")}, nil
	}
	return out, nil
}

// signedParts are the signatures of apps and modules by name. Of those that stand there several times the first counts,
// in the order of their places.
func signedParts(f *fact.Facts) map[fact.Subject]*fact.Signature {
	out := map[fact.Subject]*fact.Signature{}
	add := func(subject fact.Subject, s *fact.Signature) {
		if s != nil && out[subject] == nil {
			out[subject] = s
		}
	}
	for i := range f.Apps {
		if a := &f.Apps[i]; a.Split == "" {
			add(a.Subject(), appSignature(f, schemeAPK, a.At))
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
		add(fact.Subject{Kind: "module", ID: m.Name}, appSignature(f, schemeAPEXPayload, at))
	}
	return out
}

// unchanged judges one app or module of both updates.
func unchanged(subject fact.Subject, old, now *fact.Signature) policies.Judgement {
	was, is := certificates(old), certificates(now)
	switch {
	case len(was) == 0 || len(is) == 0:
		at := now.At
		return unknown(subject, fact.KindSignatures, &at, "who signed it in both updates: %d signers are proven in the base, %d in the update", len(was), len(is))
	case slices.Equal(was, is):
		return pass(subject, "signed by whom it was before")
	case granted(now, was, "installed-data"):
		return pass(subject, "signed with another key than before, to which that one was rotated")
	}
	oldAt := old.At
	oldAt.Update = "base"
	return fail(subject, violation("it is signed by another key than before: a device with the older one refuses it, or gives its data and rights to somebody else",
		evidence("signer", now.At, "signed by %s", names(now)), evidence("signer", oldAt, "was signed by %s", names(old))))
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
	var out []policies.Judgement
	for _, user := range slices.Sorted(maps.Keys(groups)) {
		if len(groups[user]) > 1 {
			out = append(out, sharedUser(f, user, groups[user]))
		}
	}
	if len(out) == 0 {
		return []policies.Judgement{na(fact.UpdateSubject, "no two of %d apps share a user", len(f.Apps))}
	}
	return out
}

func sharedUser(f *fact.Facts, user string, apps []*fact.App) policies.Judgement {
	subject := fact.Subject{Kind: "shared-user", ID: user}
	var first *fact.Signature
	j := pass(subject, "%d apps, signed by the same", len(apps))
	for _, a := range apps {
		s := appSignature(f, schemeAPK, a.At)
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
	}
	if !asked {
		return []policies.Judgement{na(fact.UpdateSubject, "no key was named for payloads, verified boot, apps or modules (--trust payload=FILE, avb=, apk=, apex=)")}, nil
	}
	return out, nil
}
