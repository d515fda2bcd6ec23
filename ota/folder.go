package ota

import (
	"context"
	"io/fs"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/parse"
)

// partitionNames are the partitions of AOSP whose folder in a dump bears their
// name, and where each is mounted; "" is mounted nowhere at run time.
var partitionNames = map[string]string{
	"system": "/system", "vendor": "/vendor", "product": "/product", "system_ext": "/system_ext", "odm": "/odm", "oem": "/oem",
	"vendor_dlkm": "/vendor_dlkm", "odm_dlkm": "/odm_dlkm", "system_dlkm": "/system_dlkm", "system_other": "", "data": "/data",
	"cache": "/cache", "boot": "", "recovery": "", "vendor_boot": "", "init_boot": "",
}

// recogniseFolder finds the partitions of an unpacked tree: an unpacked update or
// archive of images, a dump with a folder for each partition, what a build leaves in $OUT, or one partition's own tree.
func (p *Package) recogniseFolder(ctx context.Context) error {
	has := func(name string) bool { _, err := fs.Stat(p.Members, name); return err == nil }
	switch {
	case has(payloadBin):
		p.openPayloads(ctx)
		return nil
	case has(updaterScript) || has(updateScript):
		return p.openInstaller(ctx, has)
	case has(miscInfo):
		p.targetFiles(ctx)
		return nil
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
	p.folderImages(ctx)
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

// folderImages opens the images of a folder: those at its top and in images/, of
// partitions whose tree does not stand beside them.
func (p *Package) folderImages(ctx context.Context) {
	var names []string
	for _, dir := range []string{".", "images"} {
		list, err := fs.ReadDir(p.Members, dir)
		if err != nil {
			continue // there is none; what cannot be listed the walk of all files meets again
		}
		for _, d := range list {
			if d.Type().IsRegular() {
				names = append(names, join(dir, d.Name()))
			}
		}
	}
	list := slices.DeleteFunc(p.flashed(ctx, findImages(p.Members, nil, names, false), names), func(f found) bool {
		name, _ := splitSlot(f.name)
		return p.partition(name) != nil
	})
	p.addImages(ctx, list)
}
