package ota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/edify"
	"github.com/otavet/otavet/ota/parse"
)

// Names by which recovery and the tools of AOSP know their files.
const (
	updaterScript = "META-INF/com/google/android/updater-script"
	updateScript  = "META-INF/com/google/android/update-script" // amend, until 2009
	updateBinary  = "META-INF/com/google/android/update-binary"
	payloadBin    = "payload.bin"
)

// maxScript bounds an installer script: the longest of real updates, file-based
// incrementals with a line for each file, stay below 2 MiB.
const maxScript = 8 << 20

// recognise tells the layout of an archive by the names of its members.
func (p *Package) recognise(ctx context.Context) error {
	has := func(name string) bool { _, err := fs.Stat(p.Members, name); return err == nil }
	// What recovery would install comes first: an app's manifest beside an installer
	// does not make the update an app.
	installer := has(updaterScript) || has(updateScript) || has(updateBinary)
	switch {
	case has(payloadBin):
		p.Layout = LayoutZipPayload
		p.unopened(payloadBin, "A/B payloads are not opened yet", "payload")
		if installer {
			p.problem(Problem{Member: payloadBin, Off: -1, Installs: true,
				Err: fmt.Errorf("there are a payload and an installer script: the device decides which it takes: %w", ErrUndecided)})
		}
	case installer:
		return p.openInstaller(ctx, has)
	case has("apex_payload.img") || has("original_apex"):
		p.Layout = LayoutAPEX
		p.unopened("", "the module's payload image is not opened yet", "apex")
	case has("AndroidManifest.xml"):
		p.Layout = LayoutAPK
	case has("META/misc_info.txt"):
		p.Layout = LayoutTargetFiles
		p.unopened("", "images of target files are not opened yet", "avb")
	case has("android-info.txt"):
		p.Layout = LayoutFactory
		p.unopened("", "images of a factory archive are not opened yet", "avb")
	default:
		p.Layout = LayoutZip
		p.problem(Problem{Off: -1, Installs: true, Err: &parse.Error{Format: "zip", Off: -1,
			Msg: "the members do not make an update that is known: they are listed, and nothing is said of what they would install", Kind: parse.ErrUnsupported}})
	}
	return nil
}

func (p *Package) problem(q Problem) { p.Problems = append(p.Problems, q) }

// unopened records that a member, or all of them, holds what is not opened.
func (p *Package) unopened(member, msg, signs string) {
	p.problem(Problem{Member: member, Off: -1, Installs: true, Signs: signs,
		Err: &parse.Error{Format: string(p.Layout), Off: -1, Msg: msg, Kind: parse.ErrUnsupported}})
}

// openInstaller follows the installer script. What is installed is what the
// script installs, not what folders of the zip are called.
func (p *Package) openInstaller(ctx context.Context, has func(string) bool) error {
	if p.Layout == "" {
		p.Layout = LayoutZipFiles
	}
	if !has(updaterScript) {
		msg := "there is no updater-script: the program update-binary decides alone what is installed"
		member := updateBinary
		if has(updateScript) {
			msg, member = "amend scripts (before Android 1.6) are not followed", updateScript
		}
		p.problem(Problem{Member: member, Off: -1, Installs: true,
			Err: &parse.Error{Format: "installer", Off: -1, Msg: msg, Kind: parse.ErrUnsupported}})
		return nil
	}
	src, err := p.readMember(ctx, updaterScript, maxScript)
	if err != nil {
		if isEnd(ctx, err) {
			return err
		}
		p.problem(Problem{Member: updaterScript, Off: -1, Installs: true, Err: err})
		return nil
	}
	script, err := edify.Parse(src)
	if err != nil {
		p.problem(Problem{Member: updaterScript, Off: offsetOf(err), Installs: true, Err: err})
	}
	if script == nil {
		return nil
	}
	p.Script = &Installer{Member: updaterScript, Plan: script.Plan(p.lister())}
	p.checkUpdateBinary(ctx, has)
	for _, u := range p.Script.Plan.Unfollowed {
		if strings.HasPrefix(u.Prefix, "/tmp/") {
			continue // recovery's memory: what is read from there again has a line of its own
		}
		p.problem(Problem{Member: updaterScript, Line: u.Line, Off: u.Offset, Installs: true,
			Err: fmt.Errorf("%s: %w", parse.EscapeText(unfollowed(u)), kindOf(u.Cause))})
	}
	if len(p.Script.Plan.Block) > 0 && p.Layout != LayoutFolder {
		p.Layout = LayoutZipBlock
	}
	p.installPartitions(ctx)
	return nil
}

func unfollowed(u edify.Unfollowed) string {
	s := u.Why
	if u.Call != "" {
		s = u.Call + ": " + s
	}
	if u.Prefix != "" {
		s += " (below " + u.Prefix + ")"
	}
	if u.Conditional != "" {
		s += ", if " + u.Conditional
	}
	return s
}

// checkUpdateBinary looks at the program that recovery runs with the script. One
// that is a shell script itself need not read the updater-script at all.
func (p *Package) checkUpdateBinary(ctx context.Context, has func(string) bool) {
	if !has(updateBinary) {
		return // an unpacked META-INF, or an update for a recovery that brings its own
	}
	head, err := p.readStart(ctx, updateBinary, 4)
	switch {
	case err != nil:
		p.problem(Problem{Member: updateBinary, Off: -1, Installs: true, Err: err})
	case string(head) != "\x7fELF":
		p.problem(Problem{Member: updateBinary, Off: 0, Installs: true,
			Err: fmt.Errorf("update-binary is no ELF program: it may do other things than the updater-script says: %w", ErrUndecided)})
	}
}

func (p *Package) readStart(ctx context.Context, name string, n int64) ([]byte, error) {
	f, err := p.Members.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, n)
	m, err := f.Read(head)
	if m > 0 {
		err = nil
	}
	return head[:m], err
}

func (p *Package) readMember(ctx context.Context, name string, most int64) ([]byte, error) {
	b, closer, err := OpenBlob(ctx, p.Members, name, p.opts.Spool)
	if err != nil {
		return nil, err
	}
	defer closer()
	return blob.ReadAll(b, most)
}

func isEnd(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Cause(ctx))
}

func offsetOf(err error) int64 {
	var pe *parse.Error
	if errors.As(err, &pe) {
		return pe.Off
	}
	return -1
}

// partitionNames are the partitions of AOSP whose folder in a dump bears their
// name, and where each is mounted; "" is mounted nowhere at run time.
var partitionNames = map[string]string{
	"system": "/system", "vendor": "/vendor", "product": "/product", "system_ext": "/system_ext", "odm": "/odm", "oem": "/oem",
	"vendor_dlkm": "/vendor_dlkm", "odm_dlkm": "/odm_dlkm", "system_dlkm": "/system_dlkm", "system_other": "", "data": "/data",
	"cache": "/cache", "boot": "", "recovery": "", "vendor_boot": "", "init_boot": "",
}

// recogniseFolder finds the partitions of an unpacked tree: an unpacked update,
// a dump with a folder for each partition, or one partition's own tree.
func (p *Package) recogniseFolder(ctx context.Context) error {
	has := func(name string) bool { _, err := fs.Stat(p.Members, name); return err == nil }
	if has(updaterScript) || has(updateScript) {
		return p.openInstaller(ctx, has)
	}
	dirs, err := fs.ReadDir(p.Members, ".")
	if err != nil {
		return err
	}
	if isPartitionTree(p.Members, ".") && !has("system") {
		q := &Partition{Name: "system", Mount: "/system", Form: "tree", tree: p.Members}
		p.Partitions = []*Partition{q}
		p.folders = map[string]*Partition{".": q}
		return nil
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		if err := p.addFolder(d.Name()); err != nil {
			return err
		}
	}
	if len(p.Partitions) == 0 {
		p.problem(Problem{Off: -1, Installs: true, Err: &parse.Error{Format: "folder", Off: -1,
			Msg: "no folder of it is a partition's tree: its files are listed, and nothing is said of what a device would have", Kind: parse.ErrUnsupported}})
	}
	return nil
}

func (p *Package) addFolder(dir string) error {
	// Unpackers name folders after the image: system.new_extracted, vendor.img.
	name, _, _ := strings.Cut(dir, ".")
	mount, known := partitionNames[name]
	if !known {
		if !isPartitionTree(p.Members, dir) {
			return nil
		}
		mount = "/" + name
	}
	// From Android 9 the system image holds the root folder: its files stand in
	// system/system, and the image is mounted at /.
	if name == "system" && (isPartitionTree(p.Members, dir+"/system")) {
		mount = "/"
	}
	if slices.ContainsFunc(p.Partitions, func(q *Partition) bool { return q.Name == name }) {
		name = dir
		mount = ""
	}
	q := &Partition{Name: name, Mount: mount, Form: "tree", tree: &subFS{p.Members, dir}}
	if name != dir {
		q.Outer = []string{dir}
	}
	p.Partitions = append(p.Partitions, q)
	if p.folders == nil {
		p.folders = map[string]*Partition{}
	}
	p.folders[dir] = q
	return nil
}

// isPartitionTree tells by the folders that every Android partition with apps
// or properties has.
func isPartitionTree(fsys fs.FS, dir string) bool {
	for _, mark := range []string{"build.prop", "etc/build.prop", "app", "priv-app", "framework", "overlay"} {
		if _, err := fs.Stat(fsys, join(dir, mark)); err == nil {
			return true
		}
	}
	return false
}

func join(dir, name string) string {
	switch {
	case dir == "." || dir == "":
		return name
	case name == "." || name == "":
		return dir
	}
	return dir + "/" + name
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
