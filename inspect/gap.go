package inspect

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/parse"
)

// fileGap is a gap of one file. An installed file that cannot be read makes other
// files' facts no less certain; a member of the package that cannot be read may
// be what says what the package is.
func fileGap(at fact.Location, err error, blinds []fact.Kind) fact.Gap {
	g := GapOf(at, err, blinds...)
	if at.Partition != "" {
		// What the package says of itself stands beside what it installs.
		g.Blinds = slices.DeleteFunc(slices.Clone(blinds), func(k fact.Kind) bool { return k == fact.KindMetadata })
		id := at.Device
		if id == "" {
			outer := fact.Location{Partition: at.Partition, Slot: at.Slot, Path: at.Path}
			if at.Path == "" {
				outer.Inner = at.Inner // a file of a ramdisk, not the whole image
			}
			id = outer.String()
		}
		g.Subjects = []fact.Subject{{Kind: "file", ID: id}}
	}
	return g
}

// GapOf is the gap that an error leaves at a place, with the cause that it is of. Whom it can reach is the
// caller's to say.
func GapOf(at fact.Location, err error, blinds ...fact.Kind) fact.Gap {
	return fact.Gap{At: at, Reason: parse.EscapeText(err.Error()), Cause: causeOf(err), Blinds: blinds}
}

func causeOf(err error) fact.Cause {
	switch {
	case errors.Is(err, parse.ErrLimit):
		return fact.CauseLimit
	case errors.Is(err, parse.ErrUnsupported), errors.Is(err, errors.ErrUnsupported):
		return fact.CauseUnsupported
	case errors.Is(err, parse.ErrFormat):
		return fact.CauseFormat
	case errors.Is(err, ota.ErrMissing), errors.Is(err, fs.ErrNotExist):
		return fact.CauseMissing
	}
	return fact.CauseUndecided
}

// kindsOn are the kinds whose facts may come from a partition. Apps are none of those that hold a
// kernel and a ramdisk, or the firmware of a chip: PackageManager looks into system, vendor and their like.
func kindsOn(partition string) []fact.Kind {
	kinds := installedKinds()
	if !slices.Contains([]string{"boot", "bootloader", "dtbo", "init_boot", "modem", "radio", "recovery", "vbmeta", "vendor_boot"}, partition) {
		return kinds
	}
	return slices.DeleteFunc(kinds, func(k fact.Kind) bool {
		return slices.Contains([]fact.Kind{fact.KindModules, fact.KindApps, fact.KindComponents, fact.KindPermissions, fact.KindDefaults, fact.KindSettings,
			fact.KindWrites, fact.KindFlows}, k)
	})
}

// installedKinds are the kinds whose facts come from what is installed on the
// device: all of them are incomplete where something installed cannot be seen.
func installedKinds() []fact.Kind {
	return append([]fact.Kind{fact.KindPartitions, fact.KindFiles, fact.KindCertificates, fact.KindModules, fact.KindApps, fact.KindComponents,
		fact.KindPermissions, fact.KindProperties, fact.KindDefaults, fact.KindSettings}, fact.Later()...)
}
