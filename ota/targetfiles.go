package ota

import (
	"context"
	"io/fs"
	"path"

	"github.com/otavet/otavet/ota/parse"
)

// targetFolders are the folders of target files whose content becomes a partition
// (add_img_to_target_files.py), and the partition.
var targetFolders = []struct{ dir, name string }{
	{"SYSTEM", "system"}, {"VENDOR", "vendor"}, {"PRODUCT", "product"}, {"SYSTEM_EXT", "system_ext"}, {"ODM", "odm"}, {"OEM", "oem"},
	{"VENDOR_DLKM", "vendor_dlkm"}, {"ODM_DLKM", "odm_dlkm"}, {"SYSTEM_DLKM", "system_dlkm"}, {"SYSTEM_OTHER", "system_other"}, {"DATA", "data"},
}

// targetFiles finds the partitions of target files: the images of IMAGES and RADIO, which are what an
// update is made of, and the trees of which there is no image.
func (p *Package) targetFiles(ctx context.Context) {
	var names []string
	for _, dir := range []string{"IMAGES", "PREBUILT_IMAGES", "RADIO"} {
		list, err := fs.ReadDir(p.Members, dir)
		if err != nil {
			continue // there is none
		}
		for _, d := range list {
			twin := join("IMAGES", d.Name()) // of a prebuilt image the build makes a signed one
			if _, err := fs.Stat(p.Members, twin); d.Type().IsRegular() && (dir != "PREBUILT_IMAGES" || err != nil) {
				names = append(names, join(dir, d.Name()))
			}
		}
	}
	p.addImages(ctx, findImages(p.Members, nil, names, false))
	for _, t := range targetFolders {
		if st, err := fs.Stat(p.Members, t.dir); err != nil || !st.IsDir() || p.partition(t.name) != nil {
			continue
		}
		mount := partitionNames[t.name]
		if t.name == "system" && isPartitionTree(p.Members, path.Join(t.dir, "system")) {
			mount = "/"
		}
		q := &Partition{Name: t.name, Mount: mount, Form: "tree", Outer: []string{t.dir}, tree: &subFS{p.Members, t.dir}}
		p.Partitions = append(p.Partitions, q)
		if p.folders == nil {
			p.folders = map[string]*Partition{}
		}
		p.folders[t.dir] = q
	}
	if len(p.Partitions) == 0 {
		p.problem(Problem{Off: -1, Installs: true, Err: &parse.Error{Format: "target files", Off: -1,
			Msg: "there are neither images nor folders of partitions", Kind: parse.ErrUnsupported}})
	}
}
