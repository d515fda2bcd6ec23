package packs_test

import (
	"github.com/otavet/otavet/inspect/fact"
)

// allCases are those of all rules.
func allCases() map[string][]change {
	all := cases()
	for _, other := range []map[string][]change{bootCases(), appCases()} {
		for id, more := range other {
			all[id] = append(all[id], more...)
		}
	}
	return all
}

// bootCases are those of the rules about verified boot.
func bootCases() map[string][]change {
	yes, no := true, false
	add := func(s ...fact.Signature) func(*fact.Facts) {
		return func(f *fact.Facts) { f.Signatures = append(f.Signatures, s...) }
	}
	vbmeta := fact.Signature{Scheme: "avb", Subject: "vbmeta", Holds: &yes, Notes: []string{"algorithm: SHA256_RSA2048", "flags: none"},
		Signers: []fact.Signer{{Algorithm: "RSA", Bits: 2048, Digest: "SHA-256"}}}
	with := func(bend func(*fact.Signature)) fact.Signature {
		s := vbmeta
		bend(&s)
		return s
	}
	return map[string][]change{
		"verified-boot-intact": {
			{"vbmeta and an image", add(vbmeta, fact.Signature{Scheme: "avb-hash", Subject: "boot", Holds: &yes}), pass, ""},
			{"an image that differs", add(vbmeta, fact.Signature{Scheme: "avb-hash", Subject: "boot", Holds: &no, Reason: "another digest"}), fails, "another digest"},
			{"a chained image that is not there", add(vbmeta, fact.Signature{Scheme: "avb-chain", Subject: "vendor", Reason: "not in the update"}), unknown, "not in the update"},
			{"no vbmeta", nil, unknown, ""},
		},
		"verification-enabled": {
			{"no flags", add(vbmeta), pass, ""},
			{"switched off", add(with(func(s *fact.Signature) { s.Notes = []string{"flags: HASHTREE_DISABLED"} })), fails, "switches"},
			{"flags not read", add(with(func(s *fact.Signature) { s.Notes = nil })), unknown, "flags"},
		},
		"no-public-boot-keys": {
			{"a key of somebody's own", add(vbmeta), pass, ""},
			{"a test key", add(with(func(s *fact.Signature) { s.Known = known("yes", "critical") })), fails, "anybody may have"},
			{"not proven", add(with(func(s *fact.Signature) { s.Signers, s.Holds = nil, nil })), unknown, "who signed"},
		},
		// Signatures of images are not those of the package.
		"signatures-hold": {{"an image's own signature", add(with(func(s *fact.Signature) { s.Holds = &no })), pass, "CN=somebody"}},
		"no-public-keys":  {{"a boot key", add(with(func(s *fact.Signature) { s.Known = known("yes", "critical") })), pass, ""}},
	}
}
