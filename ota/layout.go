package ota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/parse"
)

// Names by which recovery and the tools of AOSP know their files.
const (
	updaterScript = "META-INF/com/google/android/updater-script"
	updateScript  = "META-INF/com/google/android/update-script" // amend, until 2009
	updateBinary  = "META-INF/com/google/android/update-binary"
	payloadBin    = "payload.bin"
	miscInfo      = "META/misc_info.txt"
)

// recognise tells the layout of an archive by the names of its members, and finds
// its partitions.
func (p *Package) recognise(ctx context.Context) error {
	has := func(name string) bool { _, err := fs.Stat(p.Members, name); return err == nil }
	// What recovery would install comes first: an app's manifest beside an installer
	// does not make the update an app.
	installer := has(updaterScript) || has(updateScript) || has(updateBinary)
	switch {
	case has(payloadBin):
		p.Layout = LayoutZipPayload
		p.openPayloads(ctx)
		if installer {
			p.problem(Problem{Member: payloadBin, Off: -1, Installs: true,
				Err: fmt.Errorf("there are a payload and an installer script: the device decides which it takes: %w", ErrUndecided)})
		}
	case installer:
		return p.openInstaller(ctx, has)
	case has("apex_payload.img") || has("original_apex"):
		p.Layout = LayoutAPEX
	case has("AndroidManifest.xml") && !p.hasImages():
		p.Layout = LayoutAPK
	case has(miscInfo):
		p.Layout = LayoutTargetFiles
		p.targetFiles(ctx)
	default:
		p.openImages(ctx)
	}
	return nil
}

// hasImages tells whether images stand beside each other in the package, as fastboot takes them and no app has them.
func (p *Package) hasImages() bool {
	return slices.ContainsFunc(p.Entries, func(e archive.Entry) bool {
		return !strings.Contains(e.Name, "/") && strings.HasSuffix(e.Name, ".img")
	})
}

func (p *Package) problem(q Problem) {
	p.note(q.Err)
	p.Problems = append(p.Problems, q)
}

// note keeps the first error that is the machine's. It ends opening: it is nothing that is
// wrong with the update.
func (p *Package) note(err error) {
	if p.machine == nil && p.File != nil && ofMachine(err) {
		p.machine = err
	}
}

// ofMachine tells whether an error is one of the system, of the package's own file or of the
// folder for temporary files. In a package that is a folder it may be one of its files, too.
func ofMachine(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number)
}

// unopened records that a member, or all of them, holds what is not opened.
func (p *Package) unopened(member, msg, signs string) {
	p.problem(Problem{Member: member, Off: -1, Installs: true, Signs: signs,
		Err: &parse.Error{Format: string(p.Layout), Off: -1, Msg: msg, Kind: parse.ErrUnsupported}})
}

// memberNames lists every file of the package that its reader shows.
func (p *Package) memberNames() []string {
	var names []string
	if len(p.Entries) > 0 {
		for _, e := range p.Entries {
			if e.Refused == "" && !strings.HasSuffix(e.Name, "/") {
				names = append(names, e.Name)
			}
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	// An error while walking leaves a folder out of the list; reading it later
	// meets the same error and records it.
	fs.WalkDir(p.Members, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if !d.IsDir() {
			names = append(names, path)
		}
		return nil
	})
	slices.Sort(names)
	return names
}
