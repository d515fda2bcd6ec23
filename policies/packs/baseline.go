package packs

import (
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// Baseline is what any update must show, whoever made it.
func Baseline() *policies.Pack {
	p := &policies.Pack{
		Name:    "baseline",
		Version: "0.1.0",
		Title:   "What any update must show",
	}
	p.Policies = append(p.Policies, signatureRules()...)
	p.Policies = append(p.Policies, packageRules()...)
	p.Policies = append(p.Policies, laterRules()...)
	p.Digest = digest(p)
	return p
}

// required fills in what most rules share.
func required(p policies.Policy) *policies.Policy {
	p.Level = policies.LevelRequired
	p.Waivable = true
	if p.OnUnknown == "" {
		p.OnUnknown = policies.UnknownFails
	}
	return &p
}

func signatureRules() []*policies.Policy {
	return []*policies.Policy{
		required(policies.Policy{
			ID:        "update-is-signed",
			Title:     "The update is signed",
			Rationale: "An update replaces the system. Without a signature over the whole of it, whoever can hand a file to the device can replace the system.",
			LooksAt: "The signature in the comment at the end of the package, which recovery checks. It cannot see signatures that travel apart from the package, " +
				"nor, yet, those of payloads, apps and modules. That a signature is there does not say that it holds: signatures-hold does.",
			Remedy:     "Sign the package as a whole before it is published (signapk -w, or sign_target_files_apks and ota_from_target_files with -k), and judge the signed file.",
			References: []policies.Reference{{Title: "Missing support for integrity check", CWE: 353}},
			Severity:   policies.SeverityCritical,
			Needs:      []fact.Kind{fact.KindUpdate, fact.KindSignatures},
			Concerns:   aboutWholeFile,
			Check:      check(updateIsSigned),
		}),
		required(policies.Policy{
			ID:        "signatures-hold",
			Title:     "Every signature of the package holds",
			Rationale: "A signature that does not hold means that the bytes are not those that were signed: the file was damaged, cut short or changed.",
			LooksAt: "Each signature over the package that was found, computed anew over the bytes it covers. It says nothing about whether the signer is to be trusted, nor about " +
				"the signatures of images, apps and modules within: verified-boot-intact and app-signatures-hold are about those.",
			Remedy:     "Get the update again from where it was published and compare the hash. If it is the same, the publisher must build and sign it anew.",
			References: []policies.Reference{{Title: "Improper verification of cryptographic signature", CWE: 347}},
			Severity:   policies.SeverityCritical,
			Needs:      []fact.Kind{fact.KindSignatures},
			Concerns:   aboutPackage,
			Check:      check(signaturesHold),
		}),
		required(policies.Policy{
			ID:        "signer-is-trusted",
			Title:     "The signer is one that you trust for updates",
			Rationale: "That a signature holds says that somebody signed. Only you can say whose key it must be.",
			LooksAt: "The key that made the whole-file signature, against the keys of --trust ota=FILE, by the public key itself: names and certificates are not compared. " +
				"Without --trust it is unknown, and warns.",
			Remedy:     "Get the update from its publisher. Name the key that you have from the publisher by another way with --trust ota=FILE.",
			References: []policies.Reference{{Title: "Improper verification of source of a communication channel", CWE: 940}},
			Severity:   policies.SeverityCritical,
			OnUnknown:  policies.UnknownWarns,
			Needs:      []fact.Kind{fact.KindUpdate, fact.KindSignatures},
			Concerns:   aboutWholeFile,
			Check:      policies.CheckFunc(signerTrusted),
		}),
		required(policies.Policy{
			ID:        "signature-accepted",
			Title:     "A recovery of its release would take the signature",
			Rationale: "Recoveries differ in the keys, digests and message forms they accept. An update that holds on paper and is refused by the device leaves the device without the fix.",
			LooksAt: "Of each whole-file signature, what recovery of the update's own Android release would make of it if it trusted the key, from the rules that AOSP's recovery had then. " +
				"It cannot see which keys the device trusts, nor what a vendor changed in its recovery.",
			Remedy:   "Sign with a key and digest that recovery of that release takes: RSA of 2048 bits, and SHA-256 from Android 4.3 on.",
			Severity: policies.SeverityHigh,
			Needs:    []fact.Kind{fact.KindUpdate, fact.KindSignatures},
			Concerns: aboutWholeFile,
			Check:    perWholeFile(accepted),
		}),
		required(policies.Policy{
			ID:        "no-public-keys",
			Title:     "No key for updates is publicly known",
			Rationale: "The private halves of the platform's test keys can be downloaded, and others have leaked. What is signed with them, anybody can sign.",
			LooksAt: "Who signed, the certificate that the package names, and the certificates that the installed system trusts for updates, held against a list of known keys, by " +
				"certificate and by key. It cannot know of keys that leaked and were not published. Keys that the list calls a note only are listed as assumptions. The signers of apps are not looked at yet.",
			Remedy:     "Make keys of your own, keep the private halves out of the source tree, and sign the update and the key stores anew. A build that is not signed yet is judged with --stage build.",
			References: []policies.Reference{{Title: "Use of default cryptographic key", CWE: 1394}},
			Severity:   policies.SeverityCritical,
			TestKeys:   true,
			Needs:      []fact.Kind{fact.KindSignatures, fact.KindCertificates},
			Concerns:   aboutKeys,
			Check:      check(noPublicKeys),
		}),
		required(policies.Policy{
			ID:        "no-weak-algorithm",
			Title:     "The update is signed with strong algorithms",
			Rationale: "Collisions of MD5 and SHA-1 have been published, and short keys can be factored: a second file under the same signature is then a question of money.",
			LooksAt: "Digest and key size of whole-file signatures: MD5, SHA-1, RSA and DSA below 2048 bits and curves below 224 bits fail. It does not look at signatures that recovery does not rely on. " +
				"Recoveries before Android 4.3 take SHA-1 only, so updates for them fail here with reason.",
			Remedy:     "Sign with RSA of 2048 bits or more, or on P-256, over SHA-256, where the device's recovery takes it; else say in a waiver why it cannot be.",
			References: []policies.Reference{{Title: "Use of a broken or risky cryptographic algorithm", CWE: 327}},
			Severity:   policies.SeverityMedium,
			Needs:      []fact.Kind{fact.KindSignatures},
			Concerns:   aboutWholeFile,
			Check:      perWholeFile(noWeakAlgorithm),
		}),
		required(policies.Policy{
			ID:        "all-bytes-signed",
			Title:     "No byte of the package is unsigned without need",
			Rationale: "Bytes that the signature does not cover can be changed after signing. Other readers of the file may take them for content.",
			LooksAt: "Of each whole-file signature, the bytes that it does not cover: those of the signature itself and of its usual frame pass, all others fail. " +
				"It does not judge what the bytes mean.",
			Remedy:     "Do not add to or edit the package after signing; sign it anew as the last step.",
			References: []policies.Reference{{Title: "Insufficient verification of data authenticity", CWE: 345}},
			Severity:   policies.SeverityHigh,
			Needs:      []fact.Kind{fact.KindUpdate, fact.KindSignatures},
			Concerns:   aboutWholeFile,
			Check:      perWholeFile(allBytesSigned),
		}),
		required(policies.Policy{
			ID:        "otacert-agrees",
			Title:     "The certificate that the package names is the signer's",
			Rationale: "Tools and people take META-INF/com/android/otacert for the signer's certificate. If it is another, they judge the wrong key.",
			LooksAt:   "That certificate against the key that made the whole-file signature. It does not tell whether either is trusted by the device.",
			Remedy:    "Sign the package anew with the release tools, which put the signer's own certificate there.",
			Severity:  policies.SeverityMedium,
			Needs:     []fact.Kind{fact.KindCertificates, fact.KindSignatures},
			Concerns:  aboutOTACert,
			Check:     check(otacertAgrees),
		}),
	}
}

func packageRules() []*policies.Policy {
	return []*policies.Policy{
		required(policies.Policy{
			ID:        "package-unambiguous",
			Title:     "All readers of the package see the same members",
			Rationale: "Where one reader takes the first of two members and another the second, what was checked is not what is installed.",
			LooksAt: "The package's directory: duplicate names, overlaps, records that contradict each other, names that lead out of the folder. Oddities that change nothing for the readers " +
				"on a device are listed as assumptions. It cannot foresee readers that it does not know.",
			Remedy:     "Build the package anew with one ordinary zip tool and no step that edits it after; find out who made the members that are listed.",
			References: []policies.Reference{{Title: "Interpretation conflict", CWE: 436}},
			Severity:   policies.SeverityHigh,
			Needs:      []fact.Kind{fact.KindUpdate, fact.KindMembers},
			Check:      check(packageUnambiguous),
		}),
		required(policies.Policy{
			ID:        "metadata-present",
			Title:     "The package says what it is for",
			Rationale: "Device and recovery refuse an update for another device, or one older than what runs, by what the package says of itself. One that says nothing is taken on faith.",
			LooksAt:   "The lines post-build, post-timestamp and pre-device of META-INF/com/android/metadata. It does not read the binary form beside it yet.",
			Remedy:    "Build the package with the release tools, which write the file.",
			Severity:  policies.SeverityLow,
			Needs:     []fact.Kind{fact.KindUpdate, fact.KindMetadata},
			Check:     check(metadataPresent),
		}),
		required(policies.Policy{
			ID:        "metadata-consistent",
			Title:     "What the package says of itself does not contradict itself",
			Rationale: "If the description is for one device and the installer for another, a check of the description proves nothing about what is installed.",
			LooksAt: "Keys that stand twice in META-INF/com/android/metadata with two values, and its device against the devices that the installer script compares " +
				"ro.product.device and ro.build.product with. It does not see checks that a program makes, nor compare with the binary form yet.",
			Remedy:   "Build the package anew from one set of target files.",
			Severity: policies.SeverityMedium,
			Needs:    []fact.Kind{fact.KindMetadata, fact.KindScript},
			Check:    check(metadataConsistent),
		}),
		required(policies.Policy{
			ID:        "script-stays-inside",
			Title:     "The installer script does not run programs or write outside the update",
			Rationale: "The script runs with every right that recovery has. A program that it starts, or a file that it puts elsewhere, is part of no partition that could be judged.",
			LooksAt: "Each call of the installer script: programs started, functions that are not known, and paths written that lie on no partition the update brings or mounts. " +
				"It does not look into the installer program (update-binary) itself, nor judge which partitions are formatted.",
			Remedy:     "Leave to the partitions' content what the program or the write is for. If it must stay, review the program and say so in a waiver.",
			References: []policies.Reference{{Title: "Inclusion of functionality from an untrusted control sphere", CWE: 829}},
			Severity:   policies.SeverityHigh,
			Needs:      []fact.Kind{fact.KindUpdate, fact.KindMembers, fact.KindScript},
			Check:      check(scriptStaysInside),
		}),
		required(policies.Policy{
			ID:        "no-downgrade",
			Title:     "The update is not older than the one before it",
			Rationale: "An older build brings back the holes that were mended since.",
			LooksAt: "Build time and security patch level against those of --base, and whether the package calls itself a downgrade. Without --base it is unknown, " +
				"and warns: whoever asks no question is not refused for want of an answer. It does not read rollback indexes yet.",
			Remedy:    "Publish a build that is made after the one before it. Name that one with --base.",
			Severity:  policies.SeverityHigh,
			OnUnknown: policies.UnknownWarns,
			Needs:     []fact.Kind{fact.KindUpdate, fact.KindMetadata},
			NeedsBase: true,
			Check:     policies.CheckFunc(noDowngrade),
		}),
	}
}

// laterRules cannot be answered by this version, or not for every layout. They are
// required all the same: what nobody looked at is no pass, and whoever wants the gate open
// until then says so with --unknown warn.
func laterRules() []*policies.Policy {
	return []*policies.Policy{
		required(policies.Policy{
			ID:        "metadata-agrees-with-properties",
			Title:     "What the package says of itself is what it installs",
			Rationale: "The build, device and patch level that the package claims are what it is accepted for; what is installed must be that build.",
			LooksAt:   "META-INF/com/android/metadata against build.prop. This version does not read build.prop: the answer is always unknown.",
			Remedy:    "Compare the build fingerprint in META-INF/com/android/metadata with ro.build.fingerprint in system/build.prop by hand.",
			Severity:  policies.SeverityMedium,
			Needs:     []fact.Kind{fact.KindMetadata, fact.KindProperties},
			Concerns:  aboutNothing,
			Check:     notBuilt(fact.KindProperties, "the properties of the build.prop files in the update: this version does not read them"),
		}),
		required(policies.Policy{
			ID:        "payload-hashes-hold",
			Title:     "Every operation and partition has the hash that the payload declares",
			Rationale: "The payload's manifest declares what each partition will hold; bytes that differ fail on the device, in the middle of the update.",
			LooksAt:   "Operations and partitions of payload.bin. This version does not read it: where there may be a payload the answer is unknown.",
			Remedy:    "Check payload.bin with another tool that verifies it, or with a later version of otavet.",
			Severity:  policies.SeverityHigh,
			Needs:     []fact.Kind{fact.KindUpdate, fact.KindMembers},
			Check:     check(payloadHashes),
		}),
		required(policies.Policy{
			ID:        "app-signatures-hold",
			Title:     "The signatures of apps and modules hold",
			Rationale: "An app whose signature does not hold, or that is signed with a public key, can be replaced by anybody's, with the rights of the one it replaces.",
			LooksAt:   "The signatures of APK and APEX files in the partitions. This version does not read them: the answer is always unknown.",
			Remedy:    "Check the apps with apksigner verify, or with a later version of otavet.",
			Severity:  policies.SeverityHigh,
			Needs:     []fact.Kind{fact.KindSignatures},
			Concerns:  aboutNothing,
			Check:     notBuilt(fact.KindSignatures, "the signatures of apps and modules: this version does not read them"),
		}),
		required(policies.Policy{
			ID:        "verified-boot-intact",
			Title:     "Verified boot protects what is installed",
			Rationale: "At each start the device checks the partitions against signed hashes. If those are missing, wrong or signed with a test key, nothing checks the system once it is installed.",
			LooksAt:   "AVB descriptors, hash trees and signatures of the images. This version does not read them: the answer is always unknown.",
			Remedy:    "Check the images with avbtool verify_image, or with a later version of otavet.",
			Severity:  policies.SeverityHigh,
			Needs:     []fact.Kind{fact.KindPartitions, fact.KindSignatures},
			Concerns:  aboutNothing,
			Check:     notBuilt(fact.KindSignatures, "the signatures and hash trees of verified boot (AVB): this version does not read them"),
		}),
		required(policies.Policy{
			ID:        "verification-enabled",
			Title:     "Verified boot is not switched off",
			Rationale: "Two flags in vbmeta switch the verification of partitions off; builds for developers set them and may be published by mistake.",
			LooksAt:   "The flags of vbmeta. This version does not read it: the answer is always unknown.",
			Remedy:    "Look at Flags in the output of avbtool info_image for vbmeta.img: it must be 0.",
			Severity:  policies.SeverityCritical,
			Needs:     []fact.Kind{fact.KindPartitions, fact.KindSignatures},
			Concerns:  aboutNothing,
			Check:     notBuilt(fact.KindSignatures, "the flags of vbmeta: this version does not read it"),
		}),
	}
}
