package packs_test

import (
	"github.com/otavet/otavet/inspect/fact"
)

// What each rule makes of the sound update, and of one that differs in one thing.
func cases() map[string][]change {
	sig := func(do func(*fact.Signature)) func(*fact.Facts) {
		return func(f *fact.Facts) { do(&f.Signatures[0]) }
	}
	signer := func(do func(*fact.Signer)) func(*fact.Facts) {
		return func(f *fact.Facts) { do(&f.Signatures[0].Signers[0]) }
	}
	unproven := sig(func(s *fact.Signature) { s.Signers, s.Holds = nil, nil })
	return map[string][]change{
		"update-is-signed": {
			{"sound", nil, pass, "whole-file"},
			{"no signature", noSignature, fails, "no whole-file signature"},
			{"a JAR signature only", sig(func(s *fact.Signature) { s.Scheme = "jar" }), fails, "recovery does not look"},
			{"not recognised, no signature", layout("zip"), fails, "no whole-file"},
			{"folder", layout("folder"), unknown, "folder"},
			{"app", layout("apk"), unknown, "could not be looked at"},
			{"module", layout("apex"), unknown, "could not be looked at"},
			{"payload without a signature", layout("zip-payload"), fails, "neither the package nor its payload"},
			{"payload with a signature", func(f *fact.Facts) {
				layout("payload")(f)
				f.Signatures = []fact.Signature{{Scheme: "payload", Subject: "payload.bin metadata"}}
			}, pass, "the payload carries"},
			{"payload of which a signature is absent", func(f *fact.Facts) {
				layout("payload")(f)
				f.Signatures = []fact.Signature{{Scheme: "payload", Subject: "payload.bin metadata"}, {Scheme: "payload", Subject: "payload.bin payload", Holds: &no, Reason: "there is no payload signature"}}
			}, fails, "does not hold or is not there"},
			{"a payload with a signature, and another that could not be looked at", func(f *fact.Facts) {
				layout("zip-payload")(f)
				f.Signatures = []fact.Signature{{Scheme: "payload", Subject: "payload.bin metadata"}}
				blind(f, fact.KindSignatures, fact.Location{Path: "b/payload.bin"}, fact.Subject{Kind: "signature", ID: "payload"})
			}, unknown, "could not be looked for"},
			{"payload that could not be looked at", func(f *fact.Facts) {
				layout("zip-payload")(f)
				blind(f, fact.KindSignatures, fact.Location{Path: "payload.bin"}, fact.Subject{Kind: "signature", ID: "payload"})
			}, unknown, "could not be looked for"},
			{"a layout of tomorrow", layout("cube"), unknown, "cube"},
			{"no record of the update", func(f *fact.Facts) { f.Update, f.Signatures = nil, nil }, unknown, ""},
			{"signatures not looked for", func(f *fact.Facts) { without(f, fact.KindSignatures); noSignature(f) }, unknown, "not looked for"},
			{"signatures could not be looked at", func(f *fact.Facts) { noSignature(f); blind(f, fact.KindSignatures, fact.Location{}) }, unknown, "not wholly"},
			{"an image could not be looked at", func(f *fact.Facts) {
				noSignature(f)
				blind(f, fact.KindSignatures, fact.Location{Partition: "boot"})
			}, fails, "no whole-file signature"},
			{"an app could not be looked at", func(f *fact.Facts) {
				noSignature(f)
				blind(f, fact.KindSignatures, fact.Location{}, fact.Subject{Kind: "app", ID: "a"})
			}, fails, "no whole-file signature"},
		},
		"signatures-hold": {
			{"sound", nil, pass, "CN=somebody"},
			{"broken", sig(func(s *fact.Signature) { s.Holds, s.Reason = &no, "digest differs" }), fails, "digest differs"},
			{"not judged", sig(func(s *fact.Signature) { s.Holds, s.Reason = nil, "DSA" }), unknown, "DSA"},
			{"none", noSignature, unknown, "none was found"},
			{"images and apps not looked at", func(f *fact.Facts) {
				for _, scheme := range []string{"apk", "apk-v2", "avb", "apex"} {
					blind(f, fact.KindSignatures, fact.Location{}, fact.Subject{Kind: "signature", ID: scheme})
				}
			}, pass, ""},
			{"the payload not looked at", func(f *fact.Facts) {
				blind(f, fact.KindSignatures, fact.Location{}, fact.Subject{Kind: "signature", ID: "payload"})
			}, unknown, "cut short"},
			{"an image not looked at, and nobody says what it hides", func(f *fact.Facts) { blind(f, fact.KindSignatures, fact.Location{Partition: "boot"}) }, unknown, "cut short"},
		},
		"signature-accepted": {
			{"sound", nil, pass, "4.3 to 4.4"},
			{"before its digest", func(f *fact.Facts) { f.Update[0].Android = "4.1.2" }, fails, "SHA-1 only"},
			{"newer", func(f *fact.Facts) { f.Update[0].Android = "14" }, pass, "5.0 and later"},
			{"just in", func(f *fact.Facts) { f.Update[0].Android = "5" }, pass, "5.0 and later"},
			{"between two eras", func(f *fact.Facts) { f.Update[0].Android = "4.5" }, unknown, "4.5"},
			{"release not known", func(f *fact.Facts) { f.Update[0].Android = "" }, unknown, "release"},
			{"release not known, all agree", func(f *fact.Facts) {
				f.Update[0].Android = "Tiramisu"
				f.Signatures[0].Accepts = f.Signatures[0].Accepts[1:]
			}, pass, ""},
			{"release not known, all refuse", func(f *fact.Facts) {
				f.Update[0].Android = ""
				f.Signatures[0].Accepts = f.Signatures[0].Accepts[:1]
			}, fails, ""},
			{"cannot be told", sig(func(s *fact.Signature) { s.Accepts[1].Takes = nil }), unknown, "RSA-2048"},
			{"an end that is no release", sig(func(s *fact.Signature) { s.Accepts[1].Until = "x" }), unknown, ""},
			{"no row", sig(func(s *fact.Signature) { s.Accepts = nil }), unknown, ""},
			{"none", noSignature, unknown, "none"},
		},
		"no-public-keys": {
			{"an app that cannot be opened", func(f *fact.Facts) {
				blind(f, fact.KindCertificates, fact.Location{Partition: "system", Path: "app/a.apk"}, fact.Subject{Kind: "file", ID: "/system/app/a.apk"})
			}, pass, ""},
			{"a key store that cannot be opened", func(f *fact.Facts) {
				blind(f, fact.KindCertificates, fact.Location{Partition: "system", Path: "etc/security/otacerts.zip"}, fact.Subject{Kind: "file", ID: "/system/etc/security/otacerts.zip"})
			}, unknown, "cut short"},
			{"a certificate in a key store of recovery that cannot be read", func(f *fact.Facts) {
				blind(f, fact.KindCertificates, fact.Location{Partition: "boot"}, fact.Subject{Kind: "file", ID: "boot!/ramdisk!/system/etc/security/otacerts.zip!/a.x509.pem"})
			}, unknown, "cut short"},
			{"a second ramdisk that cannot be read", func(f *fact.Facts) {
				blind(f, fact.KindCertificates, fact.Location{Partition: "boot"}, fact.Subject{Kind: "file", ID: "vendor_boot!/_vendor_ramdisk_recovery"})
			}, unknown, "cut short"},
			{"sound", nil, pass, ""},
			{"signed with a test key", sig(func(s *fact.Signature) { s.Known = known("yes", "critical") }), fails, "a test key"},
			{"a key that leaked", sig(func(s *fact.Signature) { s.Known = known("leaked", "high") }), fails, ""},
			{"no hint", sig(func(s *fact.Signature) { s.Known = known("yes", "") }), fails, ""},
			{"trusted by the device", func(f *fact.Facts) { f.Certificates[1].Known = known("yes", "critical") }, fails, "trusted by the device"},
			{"named by the package", func(f *fact.Facts) { f.Certificates[0].Known = known("yes", "critical") }, fails, "named by the package"},
			{"elsewhere", func(f *fact.Facts) {
				f.Certificates = append(f.Certificates, fact.Certificate{Role: "other", Known: known("yes", "critical")})
			}, pass, ""},
			{"known by name", sig(func(s *fact.Signature) { s.Known = known("no", "info") }), pass, ""},
			{"a note only", sig(func(s *fact.Signature) { s.Known = known("leaked", "medium") }), pass, "a publicly listed key"},
			{"an image not looked at, and nobody says which", func(f *fact.Facts) { blind(f, fact.KindCertificates, fact.Location{Partition: "boot"}) }, unknown, "cut short"},
			{"the system not looked at", func(f *fact.Facts) {
				blind(f, fact.KindCertificates, fact.Location{Partition: "system"}, fact.Subject{Kind: "partition", ID: "system"})
			}, unknown, "cut short"},
			{"boot and system not looked at", func(f *fact.Facts) {
				blind(f, fact.KindCertificates, fact.Location{}, fact.Subject{Kind: "partition", ID: "boot"}, fact.Subject{Kind: "partition", ID: "system"})
			}, unknown, "cut short"},
			{"the boot image not looked at", func(f *fact.Facts) {
				blind(f, fact.KindCertificates, fact.Location{Partition: "boot"}, fact.Subject{Kind: "partition", ID: "boot"})
			}, pass, "recovery has an image of its own"},
			{"the boot image not looked at, recovery within", func(f *fact.Facts) {
				f.Update[0].Layout = "zip-payload"
				blind(f, fact.KindCertificates, fact.Location{Partition: "boot"}, fact.Subject{Kind: "partition", ID: "boot"})
			}, unknown, "recovery may stand in it"},
			{"the modem not looked at", func(f *fact.Facts) {
				blind(f, fact.KindCertificates, fact.Location{Partition: "modem"}, fact.Subject{Kind: "partition", ID: "modem"})
			}, pass, ""},
			{"who signed is not proven", unproven, unknown, "not proven"},
			{"nothing found", func(f *fact.Facts) { f.Signatures, f.Certificates = nil, nil }, unknown, "no signature"},
		},
		"no-weak-algorithm": {
			{"sound", nil, pass, "RSA-2048 and SHA-256"},
			{"weak in another way", signer(func(s *fact.Signer) { s.Weak = []string{"RSA e=1"} }), fails, "RSA e=1"},
			{"apps not looked at", func(f *fact.Facts) {
				blind(f, fact.KindSignatures, fact.Location{}, fact.Subject{Kind: "signature", ID: "apk"})
			}, pass, ""},
			{"the signature not looked at", func(f *fact.Facts) {
				blind(f, fact.KindSignatures, fact.Location{}, fact.Subject{Kind: "signature", ID: "wholefile"})
			}, unknown, "cut short"},
			{"SHA-1", signer(func(s *fact.Signer) { s.Digest = "SHA-1" }), fails, "SHA-1"},
			{"MD5", signer(func(s *fact.Signer) { s.Digest = "md5" }), fails, "md5"},
			{"short key", signer(func(s *fact.Signer) { s.Bits = 1024 }), fails, "1024"},
			{"P-256", signer(func(s *fact.Signer) { s.Algorithm, s.Bits = "EC", 256 }), pass, ""},
			{"short curve", signer(func(s *fact.Signer) { s.Algorithm, s.Bits = "EC", 192 }), fails, "192"},
			{"no size", signer(func(s *fact.Signer) { s.Bits = 0 }), unknown, "0 bits"},
			{"an algorithm of tomorrow", signer(func(s *fact.Signer) { s.Algorithm = "ML-DSA-65" }), unknown, "ML-DSA-65"},
			{"a digest of tomorrow", signer(func(s *fact.Signer) { s.Digest = "X" }), unknown, "X"},
			{"who signed is not proven", unproven, unknown, "not proven"},
			{"a JAR signature does not count", func(f *fact.Facts) {
				f.Signatures = append(f.Signatures, fact.Signature{Scheme: "jar", Signers: []fact.Signer{{Digest: "MD5"}}})
			}, pass, ""},
			{"none", noSignature, unknown, "none"},
		},
		"all-bytes-signed": {
			{"sound", nil, pass, ""},
			{"bytes of somebody else", sig(func(s *fact.Signature) { s.Unsigned[0].What = "comment text x: not what signapk writes" }), fails, "bytes 60 to 70"},
			{"a negative offset", sig(func(s *fact.Signature) { s.Unsigned[0] = fact.Range{First: -5, What: "not what signapk writes"} }), fails, ""},
			{"bytes nobody speaks of", sig(func(s *fact.Signature) { s.Unsigned = s.Unsigned[:1] }), unknown, "from 80"},
			{"nothing covered", sig(func(s *fact.Signature) { s.Covers = nil }), unknown, "covers"},
			{"none", noSignature, unknown, "none"},
		},
		"otacert-agrees": {
			{"sound", nil, pass, ""},
			{"another certificate over the key", func(f *fact.Facts) { f.Certificates[0].SHA256 = "c2" }, pass, "another certificate"},
			{"another key", func(f *fact.Facts) { f.Certificates[0].SHA256, f.Certificates[0].KeySHA256 = "c2", "k2" }, fails, "not the signer's"},
			{"hashes left out", func(f *fact.Facts) {
				f.Certificates[0].SHA256, f.Certificates[0].KeySHA256 = "", ""
				f.Signatures[0].Signers[0].SHA256, f.Signatures[0].Signers[0].KeySHA256 = "", ""
			}, fails, ""},
			{"who signed is not proven", unproven, unknown, "not proven"},
			{"nothing to compare with", noSignature, unknown, "compare"},
			{"an image not looked at", func(f *fact.Facts) { blind(f, fact.KindCertificates, fact.Location{Partition: "boot"}) }, pass, ""},
			{"a script not followed", func(f *fact.Facts) {
				blind(f, fact.KindCertificates, fact.Location{Path: "META-INF/com/google/android/updater-script"})
			}, pass, ""},
			{"the certificate not looked at", func(f *fact.Facts) {
				f.Certificates = nil
				blind(f, fact.KindCertificates, fact.Location{Path: "META-INF/com/android/otacert"})
			}, unknown, "cut short"},
			{"no certificate", func(f *fact.Facts) { f.Certificates = f.Certificates[1:] }, na, "names no certificate"},
		},
		"package-unambiguous": {
			{"sound", nil, pass, "2 of 2"},
			{"refused", func(f *fact.Facts) { f.Members[1].Refused = "overlaps entry 0" }, fails, "overlaps entry 0"},
			{"two of a name", func(f *fact.Facts) { f.Members = append(f.Members, f.Members[1]) }, fails, "twice"},
			{"upwards", func(f *fact.Facts) { f.Members[1].Name = "system/../../x" }, fails, "upwards"},
			{"from the root", func(f *fact.Facts) { f.Members[1].Name = "/x" }, fails, "root"},
			{"backslash", func(f *fact.Facts) { f.Members[1].Name = `a\b` }, fails, "backslash"},
			{"dots in a name", func(f *fact.Facts) { f.Members[1].Name = "a..b/...c" }, pass, ""},
			{"odd", func(f *fact.Facts) { f.Members[1].Notes = []string{"made on system 19"} }, pass, "made on system 19"},
			{"readers disagree", func(f *fact.Facts) {
				f.Members[1].Notes = []string{"flagged as encrypted: minzip and libziparchive do not look and read it as it is, Java, Python and unzip refuse it"}
			}, fails, "flagged as encrypted"},
			{"a name that no reader of today takes", func(f *fact.Facts) {
				f.Members[1].Notes = []string{"the name is not UTF-8: libziparchive, Java and minzip refuse the archive"}
			}, fails, "not UTF-8"},
			{"a name that old recoveries alone refuse", func(f *fact.Facts) {
				f.Members[1].Notes = []string{"the name is not plain ASCII: minzip refuses the archive", "the name is 1025 bytes long: minzip refuses the archive"}
			}, pass, "1025 bytes"},
			{"a note of tomorrow", func(f *fact.Facts) { f.Members[1].Notes = []string{"sings"} }, fails, "sings"},
			{"a signed update's comment", func(f *fact.Facts) { f.Update[0].Notes = []string{"a comment of 1059 bytes at 0x1fc4"} }, pass, "2 of 2"},
			{"hidden bytes", func(f *fact.Facts) { f.Update[0].Notes = []string{"10 bytes at 0x20 belong to no member (data)"} }, fails, "belong to no member"},
			{"padding", func(f *fact.Facts) {
				f.Update[0].Notes = []string{"10 bytes at 0x20 belong to no member (zeros, as for alignment)"}
			}, pass, "alignment"},
			{"two directories", func(f *fact.Facts) {
				f.Update[0].Notes = []string{"the end record and the zip64 end record contradict each other: minzip reads the first, libziparchive the second"}
			}, fails, "contradict"},
			{"folder", layout("folder"), unknown, "folder"},
			{"no member", func(f *fact.Facts) { f.Members = nil }, unknown, "none was found"},
		},
		"metadata-present": {
			{"sound", nil, pass, ""},
			{"none", func(f *fact.Facts) { f.Metadata = nil }, fails, "does not say what it is for"},
			{"another file only", func(f *fact.Facts) {
				for i := range f.Metadata {
					f.Metadata[i].File = "payload_properties.txt"
				}
			}, fails, ""},
			{"none, and not looked for", func(f *fact.Facts) { f.Metadata = nil; without(f, fact.KindMetadata) }, unknown, "not looked for"},
			{"cut short", func(f *fact.Facts) {
				f.Metadata = f.Metadata[:1]
				blind(f, fact.KindMetadata, fact.Location{Path: "META-INF/com/android/metadata"})
			}, unknown, "cut short"},
			{"a key lacks", func(f *fact.Facts) { f.Metadata = f.Metadata[:2] }, fails, "pre-device"},
			{"an empty value", func(f *fact.Facts) { f.Metadata[2].Value = "" }, fails, "pre-device"},
			{"folder without", layout("folder"), unknown, ""},
			{"app", layout("apk"), na, "apk"},
		},
		"metadata-agrees-with-properties": {
			{"sound", nil, pass, "2 statements"},
			{"another build", func(f *fact.Facts) { f.Properties[0].Value = "x" }, fails, "installs ro.build.fingerprint=x"},
			{"another device", func(f *fact.Facts) { f.Properties[1].Value = "e" }, fails, "ro.product.device=e"},
			{"one of several builds", func(f *fact.Facts) { f.Metadata[0].Value += "|x" }, pass, ""},
			{"another time", func(f *fact.Facts) {
				f.Properties = append(f.Properties, fact.Property{Name: "ro.build.date.utc", Value: "1", At: f.Properties[0].At})
			}, fails, "post-timestamp=1407628800"},
			{"the vendor's file does not count", func(f *fact.Facts) {
				f.Properties = append(f.Properties, fact.Property{Name: "ro.build.fingerprint", Value: "x", At: fact.Location{Partition: "vendor", Path: "build.prop"}})
			}, pass, ""},
			{"two values", func(f *fact.Facts) {
				f.Properties = append(f.Properties, fact.Property{Name: "ro.build.fingerprint", Value: "x", At: f.Properties[0].At})
			}, unknown, "more than once"},
			{"no build.prop", func(f *fact.Facts) { f.Properties = nil }, unknown, "was not found"},
			{"no metadata", func(f *fact.Facts) { f.Metadata = nil }, unknown, "none of its keys"},
			{"the boot image not looked at", func(f *fact.Facts) {
				blind(f, fact.KindProperties, fact.Location{Partition: "boot"}, fact.Subject{Kind: "partition", ID: "boot"})
			}, pass, ""},
			{"the system not looked at", func(f *fact.Facts) {
				blind(f, fact.KindProperties, fact.Location{Partition: "system"}, fact.Subject{Kind: "partition", ID: "system"})
			}, unknown, "cut short"},
		},
		"metadata-consistent": {
			{"sound", nil, pass, "same device"},
			{"another device", func(f *fact.Facts) { f.Metadata[2].Value = "e" }, fails, "asks for another device"},
			{"one of several", func(f *fact.Facts) { f.Metadata[2].Value = "e,d" }, pass, ""},
			{"an abort unless", func(f *fact.Facts) {
				f.Script[0] = fact.Script{Call: "abort", Args: []string{"no"}, Effect: "check", Conditional: `!(getprop("ro.product.device") == "e")`}
			}, fails, ""},
			{"an abort if", func(f *fact.Facts) {
				f.Script[0] = fact.Script{Call: "abort", Args: []string{"no"}, Effect: "check", Conditional: `getprop("ro.product.device") == "e"`}
			}, pass, "no installer script asks"},
			{"a question cut short", func(f *fact.Facts) { f.Script[0].Args = []string{`getprop("ro.product.device") == "e" || getpro…`} }, unknown, "too long"},
			{"written the other way round", func(f *fact.Facts) {
				f.Script[0].Args = []string{`"e" == getprop("ro.build.product") || abort("no")`}
			}, fails, ""},
			{"two values", func(f *fact.Facts) {
				f.Metadata = append(f.Metadata, fact.Metadata{File: f.Metadata[0].File, Key: "pre-device", Value: "e"})
			}, fails, "twice"},
			{"twice the same", func(f *fact.Facts) { f.Metadata = append(f.Metadata, f.Metadata[2]) }, pass, ""},
			{"the script does not ask", func(f *fact.Facts) { f.Script = f.Script[1:] }, pass, "no installer script asks"},
			{"no device in the metadata", func(f *fact.Facts) { f.Metadata = f.Metadata[:2] }, unknown, "device"},
			{"none", func(f *fact.Facts) { f.Metadata = nil }, unknown, "none to compare"},
		},
		"script-stays-inside": {
			{"sound", nil, pass, "4 calls"},
			{"a program", script(call("run-program", "run_program", "/system/bin/x")), fails, "runs a program"},
			{"a function nobody knows", script(call("unknown", "vendor.magic", "1")), unknown, "vendor.magic(1)"},
			{"an effect of tomorrow", script(call("teleport", "beam")), unknown, "teleport"},
			{"outside", script(call("extract", "package_extract_file", "a", "/sbin/a")), fails, "/sbin/a"},
			{"out of the partition", script(call("extract", "package_extract_file", "a", "/system/../sbin/a")), fails, "/sbin/a"},
			{"beside the partition", script(call("extract", "package_extract_file", "a", "/systemx")), fails, "/systemx"},
			{"a link outside", script(call("link", "symlink", "a", "/system/a", "/sbin/a")), fails, "/sbin/a"},
			{"what it points to does not matter", script(call("link", "symlink", "/vendor/a", "/system/a")), pass, ""},
			{"mode outside", script(call("mode", "set_metadata", "/etc/x", "uid", "0", "mode", "0755")), fails, "/etc/x"},
			{"never run", script(fact.Script{Call: "run_program", Args: []string{"x"}, Effect: "run-program", Never: true}), pass, ""},
			{"what changes nothing", script(call("read", "getprop", "x"), call("reboot", "reboot_now"), call("branch", "ifelse"), call("partitions", "x")), pass, ""},
			{"owner inside", script(call("metadata", "set_perm", "0", "0", "0755", "/system/a")), pass, ""},
			{"delete outside", script(call("delete", "delete", "/system/a", "/efs/b")), fails, "/efs/b"},
			{"rename outside", script(call("rename", "rename", "/system/a", "/efs/b")), fails, "/efs/b"},
			{"patch inside", script(call("patch", "apply_patch", "/system/a", "-", "12", "3", "45")), pass, ""},
			{"patch of a partition", script(call("patch", "apply_patch", "EMMC:/dev/block/boot:1:2", "-", "12")), pass, ""},
			{"for the time being", script(call("extract", "package_extract_file", "a", "/tmp/a")), pass, "for the time of the installation"},
			{"no fixed path", script(call("extract", "package_extract_file", "a", `concat("/", getprop("x"))`)), unknown, "not a fixed path"},
			{"a mount that is everything", script(call("mount", "mount", "/"), call("delete", "delete", "/efs/b")), fails, ""},
			{"no path at all", script(call("delete", "delete")), unknown, "names no path"},
			{"a value", script(call("extract", "package_extract_file", "a")), pass, ""},
			{"an image into a file", script(call("raw-image", "package_extract_file", "a", "/efs/b")), fails, "no partition"},
			{"an image by name", script(call("raw-image", "write_raw_image", `package_extract_file("boot.img")`, "boot")), pass, ""},
			{"an image who knows where", script(call("raw-image", "write_raw_image", "a", `getprop("x")`)), unknown, "not a fixed name"},
			{"an image nowhere", script(call("raw-image", "write_raw_image")), unknown, "no partition"},
			{"out of the devices", script(call("raw-image", "package_extract_file", "a", "/dev/block/../../efs/b")), fails, ""},
			{"blocks", script(call("block-update", "block_image_update", `map_partition("system")`, "a", "b", "c")), pass, ""},
			{"format", script(call("format", "format", "ext4", "EMMC", "/dev/block/x", "0", "/system")), pass, ""},
			{"with its own program", func(f *fact.Facts) {
				f.Members = append(f.Members, fact.Member{Name: "META-INF/com/google/android/update-binary"})
			}, pass, "not looked into"},
			{"a program and no script", func(f *fact.Facts) {
				f.Script = nil
				f.Members = append(f.Members, fact.Member{Name: "META-INF/com/google/android/update-binary"})
			}, unknown, "installer program"},
			{"no script", func(f *fact.Facts) { f.Script = nil }, unknown, "none was found"},
			{"payload", layout("zip-payload"), na, "no installer script"},
			{"a layout of tomorrow", layout("cube"), unknown, ""},
		},
		"signer-is-trusted": {
			{"sound", nil, pass, "signed by the trusted key k1"},
			{"another's", func(f *fact.Facts) { f.Signatures[0].Signers[0].KeySHA256 = "k9" }, fails, "not one that you trust"},
			{"the same certificate over another key", func(f *fact.Facts) {
				f.Signatures[0].Signers[0].KeySHA256 = "k9"
				f.Signatures[0].Signers[0].SHA256 = "k1"
			}, fails, "not one that you trust"},
			{"no key recorded", func(f *fact.Facts) { f.Signatures[0].Signers[0].KeySHA256 = "" }, fails, ""},
			{"broken", func(f *fact.Facts) { no := false; f.Signatures[0].Holds = &no }, fails, "does not hold"},
			{"not judged", func(f *fact.Facts) { f.Signatures[0].Holds = nil }, unknown, "whether the signature holds"},
			{"nobody proven", func(f *fact.Facts) { f.Signatures[0].Signers = nil }, unknown, "not proven"},
			{"unsigned", noSignature, fails, "no key at all"},
			{"unsigned, and not looked at", func(f *fact.Facts) { noSignature(f); without(f, fact.KindSignatures) }, unknown, ""},
			{"a folder", layout("folder"), unknown, "to compare"},
		},
		"payload-hashes-hold": {
			{"no payload", nil, na, "none of its 2 members is a payload"},
			{"blocks", func(f *fact.Facts) { f.Update[0].Layout = "zip-block" }, na, "none of its 2 members is a payload"},
			{"a payload beside the script", func(f *fact.Facts) { f.Members[1].Name = "secondary/payload.bin" }, unknown, "none was computed"},
			{"a payload", layout("zip-payload"), unknown, "none was computed"},
			{"contents not recognised", layout("zip"), unknown, "none was computed"},
			{"a folder", layout("folder"), unknown, "none was computed"},
			{"no members", func(f *fact.Facts) { f.Members = nil }, unknown, ""},
			{"hashes that hold", partitionHash(&yes), pass, "as the payload declares"},
			{"hashes that hold, and one that was lost", func(f *fact.Facts) {
				partitionHash(&yes)(f)
				blind(f, fact.KindSignatures, fact.Location{Partition: "vendor"}, fact.Subject{Kind: "signature", ID: "partition-hash vendor"})
			}, unknown, "cut short"},
			{"hashes that hold, and an app not looked at", func(f *fact.Facts) {
				partitionHash(&yes)(f)
				blind(f, fact.KindSignatures, fact.Location{Partition: "system"}, fact.Subject{Kind: "signature", ID: "apk"})
			}, pass, ""},
			{"a hash that does not", partitionHash(&no), fails, "system is not what the payload declares"},
			{"a hash that was not judged", partitionHash(nil), unknown, "whether the hash of system holds"},
			{"members not looked at", func(f *fact.Facts) { blind(f, fact.KindMembers, fact.Location{}) }, unknown, ""},
		},
		"package-keeps-its-word": {
			{"says nothing", nil, na, ""},
			{"it is so", statement(&yes), pass, ""},
			{"it is not so", statement(&no), fails, "payload-properties: FILE_HASH differs"},
			{"it cannot be told", statement(nil), unknown, "FILE_HASH differs"},
			{"one was lost", func(f *fact.Facts) {
				statement(&yes)(f)
				blind(f, fact.KindStatements, fact.Location{}, fact.Subject{Kind: "statement", ID: "care-map"})
			}, unknown, "cut short"},
		},
		"no-downgrade": {
			{"sound", nil, pass, "not older"},
			{"older", func(f *fact.Facts) { f.Update[0].BuildTime = "2013-01-01T00:00:00Z" }, fails, "older than its base"},
			{"older, its device not said", func(f *fact.Facts) {
				f.Update[0].BuildTime, f.Update[0].Device = "2013-01-01T00:00:00Z", ""
			}, fails, "older than its base"},
			{"says so", func(f *fact.Facts) {
				f.Metadata = append(f.Metadata, fact.Metadata{File: f.Metadata[0].File, Key: "ota-downgrade", Value: "yes"})
			}, fails, "calls itself a downgrade"},
			{"another device", func(f *fact.Facts) {
				f.Update[0].Device, f.Update[0].BuildTime = "e", "2013-01-01T00:00:00Z"
			}, unknown, "same device"},
			{"device not said", func(f *fact.Facts) { f.Update[0].Device = "" }, unknown, "device"},
			{"no time", func(f *fact.Facts) { f.Update[0].BuildTime = "" }, unknown, "build time"},
			{"a patch level where there was none", func(f *fact.Facts) { f.Update[0].SecurityPatch = "2016-01-01" }, unknown, "patch level"},
			{"no record of the update", func(f *fact.Facts) { f.Update = nil }, unknown, ""},
		},
	}
}

func partitionHash(holds *bool) func(*fact.Facts) {
	return func(f *fact.Facts) {
		f.Update[0].Layout = "zip-payload"
		f.Signatures = append(f.Signatures, fact.Signature{Scheme: "partition-hash", Subject: "system", Holds: holds})
	}
}

func statement(holds *bool) func(*fact.Facts) {
	return func(f *fact.Facts) {
		f.Statements = append(f.Statements, fact.Statement{Form: "payload-properties", Subject: "FILE_HASH", Holds: holds, Reason: "FILE_HASH differs"})
	}
}
