package packs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// check makes a Check of a function that cannot fail and looks at one set of facts.
func check(f func(*fact.Facts) []policies.Judgement) policies.Check {
	return policies.CheckFunc(func(_ context.Context, in policies.Input) ([]policies.Judgement, error) {
		return f(in.Facts), nil
	})
}

func pass(s fact.Subject, format string, args ...any) policies.Judgement {
	return policies.Judgement{Subject: s, Status: policies.StatusPass, Message: fmt.Sprintf(format, args...)}
}

func na(s fact.Subject, format string, args ...any) policies.Judgement {
	return policies.Judgement{Subject: s, Status: policies.StatusNA, Message: fmt.Sprintf(format, args...)}
}

func unknown(s fact.Subject, kind fact.Kind, at *fact.Location, format string, args ...any) policies.Judgement {
	return policies.Judgement{Subject: s, Status: policies.StatusUnknown,
		Missing: []policies.Missing{{Kind: kind, What: fmt.Sprintf(format, args...), At: at}}}
}

func fail(s fact.Subject, v ...policies.Violation) policies.Judgement {
	return policies.Judgement{Subject: s, Status: policies.StatusFail, Violations: v}
}

func violation(message string, evidence ...policies.Evidence) policies.Violation {
	for i := range evidence {
		evidence[i].Order = i + 1
	}
	return policies.Violation{Message: message, Evidence: evidence}
}

func evidence(role string, at fact.Location, format string, args ...any) policies.Evidence {
	return policies.Evidence{Role: role, At: at, Detail: fmt.Sprintf(format, args...)}
}

// updateOf is the record of the update. Facts that were read from a file hold
// exactly one; others might hold none.
func updateOf(f *fact.Facts) fact.Update {
	if len(f.Update) == 0 {
		return fact.Update{}
	}
	return f.Update[0]
}

// wouldShow tells whether a record of the kind, made of the package as a whole or
// of its member path, would have been found if there were one. Only then is its
// absence evidence: Evaluate keeps a rule from passing on what was not looked
// at, and leaves a fail as it is.
func wouldShow(f *fact.Facts, kind fact.Kind, path string) bool {
	if !slices.Contains(f.Kinds, kind) {
		return false
	}
	return !slices.ContainsFunc(f.Gaps, func(g fact.Gap) bool {
		return slices.Contains(g.Blinds, kind) &&
			(len(g.Subjects) == 0 || slices.Contains(g.Subjects, fact.UpdateSubject)) &&
			g.At.Partition == "" && (g.At.Path == "" || g.At.Path == path)
	})
}

// A gap of signatures names the scheme, or the family, of those that it hides as
// the first word of each subject. The functions below are Policy.Concerns.

// aboutWholeFile: only gaps that may hide the whole-file signature.
func aboutWholeFile(g *fact.Gap) bool {
	return hides(g, func(scheme string) bool { return scheme == schemeWholeFile })
}

// aboutPackage: not those that hide signatures which stand within the package and
// for which there are other rules.
func aboutPackage(g *fact.Gap) bool {
	return hides(g, func(scheme string) bool {
		for _, within := range []string{"apk", "apex", "avb", "bootsig", "verity", "minisign", "signify", "ssh", "openpgp", "cosign", "detached"} {
			if scheme == within || strings.HasPrefix(scheme, within+"-") {
				return false
			}
		}
		return true
	})
}

// aboutKeys: like aboutPackage, but for images that noPublicKeys speaks of itself.
func aboutKeys(g *fact.Gap) bool { return aboutPackage(g) && !keyless(g) }

// aboutStores: only gaps that may hide a key store for updates.
func aboutStores(g *fact.Gap) bool { return !keyless(g) }

// keyless tells whether a gap hides nothing but places in which no key for updates
// is kept: images that are not Android's own file systems, the boot image, of
// which noPublicKeys knows more, and installed files other than key stores, and
// ramdisks, in which recovery's key store is.
func keyless(g *fact.Gap) bool {
	return len(g.Subjects) > 0 && !slices.ContainsFunc(g.Subjects, func(s fact.Subject) bool {
		switch s.Kind {
		case "partition":
			return !slices.Contains([]string{"boot", "bootloader", "dtbo", "modem", "radio"}, s.ID)
		case "file":
			// The store itself, a member of it, or the ramdisk that may hold one; of ramdisks of one name
			// the second has a _ before it.
			last := strings.TrimLeft(s.ID[strings.LastIndex(s.ID, "/")+1:], "_")
			return strings.Contains(s.ID, "/etc/security/otacerts.zip") || strings.HasSuffix(s.ID, "/res/keys") ||
				last == "ramdisk" || strings.HasPrefix(last, "vendor_ramdisk")
		}
		return true
	})
}

// aboutOTACert: only gaps of the package as a whole or of the certificate that it
// names. What is installed does not matter.
func aboutOTACert(g *fact.Gap) bool {
	return g.At.Partition == "" && (g.At.Path == "" || g.At.Path == otacert) && aboutWholeFile(g)
}

// aboutNothing is for rules that are unknown whatever is looked at: gaps would only
// repeat it.
func aboutNothing(*fact.Gap) bool { return false }

// aboutSchemes: only gaps that may hide a signature of one of the schemes, or of one whose name begins so.
func aboutSchemes(schemes []string) func(*fact.Gap) bool {
	return func(g *fact.Gap) bool {
		return hides(g, func(scheme string) bool {
			return slices.ContainsFunc(schemes, func(s string) bool { return scheme == s || strings.HasPrefix(scheme, s+"-") })
		})
	}
}

// hides tells whether a gap may hide a signature of a scheme that matters, or
// anything else.
func hides(g *fact.Gap, matters func(scheme string) bool) bool {
	return len(g.Subjects) == 0 || slices.ContainsFunc(g.Subjects, func(s fact.Subject) bool {
		scheme, _, _ := strings.Cut(s.ID, " ")
		return s.Kind != "signature" || matters(scheme)
	})
}

const otacert = "META-INF/com/android/otacert"

// The layouts that rules tell apart; ota names them.
const (
	layoutZip         = "zip"
	layoutZipFiles    = "zip-files"
	layoutZipBlock    = "zip-block"
	layoutZipPayload  = "zip-payload"
	layoutPayload     = "payload"
	layoutTargetFiles = "target-files"
	layoutFastboot    = "fastboot"
	layoutFactory     = "factory"
	layoutOdin        = "odin"
	layoutSuper       = "super"
	layoutImage       = "image"
	layoutFolder      = "folder"
	layoutAPK         = "apk"
	layoutAPEX        = "apex"
)

// fileID names a file of the update by where it is on the device, else by
// where it is in the update.
func fileID(at fact.Location) string {
	path := fact.Location{Partition: at.Partition, Slot: at.Slot, Path: at.Path, Inner: at.Inner}.String()
	if at.Device != "" {
		path = fact.Location{Path: at.Device, Inner: at.Inner}.String()
	}
	return path
}
