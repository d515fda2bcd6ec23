package packs_test

import (
	"github.com/otavet/otavet/inspect/fact"
)

// appCases are those of the rules about who signs apps and modules. The base has the app a.b,
// signed by c1, and the module com.m, whose image is signed with k4.
func appCases() map[string][]change {
	yes, no := true, false
	at := func(path string, inner ...string) fact.Location {
		return fact.Location{Partition: "system", Path: path, Inner: inner}
	}
	app := func(pkg, path, user string) fact.App { return fact.App{Package: pkg, SharedUser: user, At: at(path)} }
	signed := func(scheme, path string, certs ...string) fact.Signature {
		s := fact.Signature{Scheme: scheme, Subject: "system:" + path, Holds: &yes, At: at(path)}
		for _, c := range certs {
			s.Signers = append(s.Signers, fact.Signer{SHA256: c, KeySHA256: "k" + c[1:], Algorithm: "RSA", Bits: 2048, Digest: "SHA-256"})
		}
		return s
	}
	add := func(parts ...any) func(*fact.Facts) {
		return func(f *fact.Facts) {
			for _, p := range parts {
				switch p := p.(type) {
				case fact.App:
					f.Apps = append(f.Apps, p)
				case fact.Module:
					f.Modules = append(f.Modules, p)
				case fact.Signature:
					f.Signatures = append(f.Signatures, p)
				case fact.Certificate:
					f.Certificates = append(f.Certificates, p)
				}
			}
		}
	}
	with := func(s fact.Signature, bend func(*fact.Signature)) fact.Signature { bend(&s); return s }
	rotated := func(capabilities ...string) func(*fact.Signature) {
		return func(s *fact.Signature) {
			s.Lineage = []fact.Ancestor{{SHA256: "c1", Capabilities: capabilities}, {SHA256: s.Signers[0].SHA256}}
		}
	}
	a, apk := app("a.b", "app/A.apk", ""), signed("apk", "app/A.apk", "c1")
	module := fact.Module{Name: "com.m", At: at("apex/m.apex", "apex_manifest.pb")}
	key := func(part fact.Location, k string) fact.Certificate {
		return fact.Certificate{Role: "otacerts", KeySHA256: k, At: part}
	}
	store, ramdisk := at("etc/security/otacerts.zip", "a.x509.pem"), fact.Location{Partition: "recovery", Inner: []string{"ramdisk", "res/keys"}}
	hidden := func(f *fact.Facts) {
		blind(f, fact.KindSignatures, fact.Location{Partition: "system"}, fact.Subject{Kind: "signature", ID: "apk"})
	}
	return map[string][]change{
		"app-signatures-hold": {
			{"sound", add(a, apk), pass, ""},
			{"another digest", add(a, with(apk, func(s *fact.Signature) { s.Holds, s.Reason = &no, "digest differs" })), fails, "digest differs"},
			{"stripped", add(a, with(apk, func(s *fact.Signature) { s.Holds, s.Reason = nil, "its code was taken out" })), unknown, "taken out"},
			{"one of the modules", add(module, signed("apex-payload", "apex/m.apex"), with(signed("apex", "apex/m.apex"), func(s *fact.Signature) { s.Holds = &no })), fails, "apex of"},
			{"a partition not looked into", func(f *fact.Facts) { add(a, apk)(f); hidden(f) }, unknown, "cut short"},
			{"an image's signature does not count", add(with(apk, func(s *fact.Signature) { s.Scheme, s.Holds = "avb", &no }), apk), pass, ""},
			{"a stamp does not count", add(with(apk, func(s *fact.Signature) { s.Scheme, s.Holds = "apk-stamp", &no }), apk), pass, ""},
			{"none", nil, unknown, "none was found"},
		},
		"no-public-app-keys": {
			{"a key of somebody's own", add(apk), pass, ""},
			{"a test key", add(with(apk, func(s *fact.Signature) { s.Known = known("yes", "critical") })), fails, "anybody may have"},
			{"a leaked one in earnest use", add(with(apk, func(s *fact.Signature) { s.Known = known("leaked", "medium") })), pass, ""},
			{"a module's image", add(with(signed("apex-payload", "m", "c1"), func(s *fact.Signature) { s.Known = known("yes", "high") })), fails, "anybody may have"},
			{"not proven", add(signed("apk", "app/A.apk")), unknown, "not proven"},
		},
		"no-weak-app-algorithm": {
			{"sound", add(apk), pass, ""},
			{"weak", add(with(apk, func(s *fact.Signature) {
				s.Signers = []fact.Signer{{Algorithm: "RSA", Bits: 2048, Digest: "SHA-1", Weak: []string{"SHA-1"}}}
			})), fails, "RSA of 2048 bits"},
			{"not proven", add(signed("apk", "app/A.apk")), unknown, "not proven"},
		},
		"app-signers-unchanged": {
			{"the same", add(a, apk), pass, "by whom it was before"},
			{"another", add(a, signed("apk", "app/A.apk", "c2")), fails, "another key than before"},
			{"one more", add(a, signed("apk", "app/A.apk", "c1", "c2")), fails, "another key than before"},
			{"rotated", add(a, with(signed("apk", "app/A.apk", "c2"), rotated("installed-data", "shared-uid"))), pass, "rotated"},
			{"rotated, and data not granted", add(a, with(signed("apk", "app/A.apk", "c2"), rotated("shared-uid"))), fails, "another key than before"},
			{"not proven", add(a, signed("apk", "app/A.apk")), unknown, "who signed it"},
			{"a copy of another signer", add(a, apk, app("a.b", "priv-app/A.apk", ""), signed("apk", "priv-app/A.apk", "c2")), fails, "another key than before"},
			{"a copy that nobody looked at", add(a, apk, app("a.b", "priv-app/A.apk", "")), unknown, "no signer is proven in the update"},
			{"moved", add(app("a.b", "priv-app/A.apk", ""), signed("apk", "priv-app/A.apk", "c1")), pass, "by whom it was before"},
			{"a module's key", add(module, signed("apex-payload", "apex/m.apex", "c5")), fails, "another key than before"},
			{"a module's key is the same", add(module, signed("apex-payload", "apex/m.apex", "c4")), pass, ""},
			{"a new app", add(app("n", "app/N.apk", ""), signed("apk", "app/N.apk", "c9")), "na", "no app and no module"},
			{"a partition not looked into", func(f *fact.Facts) { add(a, apk)(f); hidden(f) }, unknown, "cut short"},
		},
		"shared-users-agree": {
			{"one signer", add(app("a", "A", "u"), app("b", "B", "u"), signed("apk", "A", "c1"), signed("apk", "B", "c1")), pass, "2 apps"},
			{"two signers", add(app("a", "A", "u"), app("b", "B", "u"), signed("apk", "A", "c1"), signed("apk", "B", "c2")), fails, "b is to share the user u"},
			{"a user of the system alone", add(app("a", "A", "android.uid.system"), signed("apk", "A", "c1")), unknown, "who else has the user"},
			{"two users", add(app("a", "A", "u"), app("b", "B", "v"), signed("apk", "A", "c1"), signed("apk", "B", "c2")), "na", "no two"},
			{"granted by a lineage", add(app("a", "A", "u"), app("b", "B", "u"), signed("apk", "A", "c1"), with(signed("apk", "B", "c2"), rotated("shared-uid"))), pass, ""},
			{"a lineage that does not grant it", add(app("a", "A", "u"), app("b", "B", "u"), signed("apk", "A", "c1"), with(signed("apk", "B", "c2"), rotated("installed-data"))), fails, "u"},
			{"not proven", add(app("a", "A", "u"), app("b", "B", "u"), signed("apk", "A", "c1")), unknown, "who signed b"},
		},
		"otacerts-agree": {
			{"the same", add(key(store, "k1"), key(ramdisk, "k1")), pass, "the same"},
			{"recovery trusts one more", add(key(store, "k1"), key(ramdisk, "k1"), key(ramdisk, "k7")), fails, "recovery trusts a key"},
			{"the system trusts one more", add(key(store, "k1"), key(store, "k7"), key(ramdisk, "k1")), fails, "the system trusts a key"},
			{"no ramdisk", add(key(store, "k1")), unknown, "no ramdisk"},
		},
		"part-signers-are-trusted": {
			{"the key", add(apk), pass, "trusted key k1"},
			{"another", add(signed("apk", "A", "c2")), fails, "not one that you trust"},
			{"broken", add(with(apk, func(s *fact.Signature) { s.Holds = &no })), fails, "does not hold"},
			{"none", nil, unknown, "of scheme apk"},
			{"an app not looked at", func(f *fact.Facts) { add(a, apk)(f); hidden(f) }, unknown, "could not be looked at"},
		},
		"signature-accepted": {{"a lone app", func(f *fact.Facts) { layout("apk")(f); f.Signatures = nil }, "na", "recovery does not install"}},
		"detached-signatures-hold": {
			{"holds", add(fact.Signature{Scheme: "minisign", Subject: "u.minisig", Holds: &yes}), pass, ""},
			{"does not", add(fact.Signature{Scheme: "minisign", Subject: "u.minisig", Holds: &no, Reason: "another file"}), fails, "another file"},
			{"by a key that does not count", add(fact.Signature{Scheme: "ssh", Subject: "u.sig", Holds: &yes, Accepts: []fact.Accepts{{Takes: &no}}}), fails, "does not count"},
			{"without a key", add(fact.Signature{Scheme: "openpgp", Subject: "u.asc", Reason: "needs the key 1"}), unknown, "needs the key 1"},
			{"none", nil, "na", ""},
		},
		// What stands within the package has rules of its own; of a lone app the signature is the package's.
		"signatures-hold": {
			{"an app's own signature", add(with(apk, func(s *fact.Signature) { s.Holds = &no })), pass, "CN=somebody"},
			{"a lone app's", func(f *fact.Facts) {
				f.Signatures = []fact.Signature{{Scheme: "apk", Subject: "update", Holds: &no, Reason: "digest differs"}}
			}, fails, "digest differs"},
		},
		"update-is-signed": {
			{"a lone app", func(f *fact.Facts) {
				layout("apk")(f)
				f.Signatures = []fact.Signature{{Scheme: "apk", Subject: "update", Holds: &yes, Notes: []string{"apk-v2: holds"}}}
			}, pass, "signatures of its own"},
			{"a lone app that nobody signed", func(f *fact.Facts) {
				layout("apk")(f)
				f.Signatures = []fact.Signature{{Scheme: "apk", Subject: "update", Holds: &no, Reason: "nothing signs the file"}}
			}, fails, "nothing signs the file"},
		},
	}
}
