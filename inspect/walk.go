package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/parse"
)

// A visit is one file or link to look at.
type visit struct {
	fsys   fs.FS
	path   string
	at     fact.Location
	info   fs.FileInfo
	budget *parse.Budget
	device bool           // it is installed: it makes a record in files
	part   bool           // it is a part of an image, such as the ramdisk of a boot image
	image  *ota.Partition // in place of all above but at: an image that holds no filesystem
}

// visits lists the package's own members and the files of each partition. A
// folder that cannot be read is a gap.
func (r *run) visits(ctx context.Context) ([]visit, []fact.Gap) {
	var list []visit
	var gaps []fact.Gap
	add := func(fsys fs.FS, budget *parse.Budget, at func(string) fact.Location, skip func(string) bool, installed bool) {
		vs, gs := walk(ctx, fsys, budget, at, skip)
		for i := range vs {
			vs[i].device = installed
		}
		list, gaps = append(list, vs...), append(gaps, r.reach(gs)...)
	}
	var partitions []visitRoot
	for _, q := range r.p.Partitions {
		fsys, err := q.FS(ctx)
		if err != nil && q.Image != nil && errors.Is(err, parse.ErrUnsupported) {
			list = append(list, visit{at: PartitionLocation(q, ""), image: q})
			continue
		}
		if err != nil {
			gaps = append(gaps, partitionGap(q, err))
			continue
		}
		partitions = append(partitions, visitRoot{q, fsys})
	}
	if r.p.Members != nil {
		add(r.p.Members, r.p.Budget(), func(path string) fact.Location { return fact.Location{Path: path} }, r.p.Installed, false)
	}
	for _, root := range partitions {
		add(root.fsys, root.q.Budget(), func(path string) fact.Location { return PartitionLocation(root.q, path) }, nil, true)
	}
	return list, gaps
}

// partitionGap is the gap of a partition whose files cannot be read.
func partitionGap(q *ota.Partition, err error) fact.Gap {
	g := GapOf(PartitionLocation(q, ""), err, kindsOn(q.Name)...)
	// What stands elsewhere is not less certain for it.
	g.Subjects = []fact.Subject{{Kind: "partition", ID: q.Name}}
	return g
}

// image looks into an image that holds no filesystem: its parts, such as a ramdisk.
func (r *run) image(ctx context.Context, q *ota.Partition, at fact.Location, out *fact.Facts) error {
	_, none := q.FS(ctx)
	if none != nil && q.HoldsFilesystem() { // a device mounts it, whatever else stands in the image
		if fatal(ctx, none) {
			return none
		}
		out.Gaps = append(out.Gaps, partitionGap(q, none))
		return nil
	}
	fsys, budget, err := ota.Inside(ctx, q.Image, r.p.Budget(), r.p.Spool())
	if err != nil {
		if errors.Is(err, parse.ErrUnsupported) {
			err = none // which says it of the partition
		}
		if fatal(ctx, err) {
			return err
		}
		out.Gaps = append(out.Gaps, partitionGap(q, err))
		return nil
	}
	defer closeInside(fsys)
	if q.Name == "recovery" && !hasRamdisk(fsys) {
		out.Gaps = append(out.Gaps, fileGap(at.InMember("ramdisk"), errNoRamdisk, kindsOn("boot")))
	}
	return r.descend(ctx, at, fsys, budget, true, out)
}

var errNoRamdisk = fmt.Errorf("the image has none: recovery's files, and the keys that it trusts, may stand in the kernel (CONFIG_INITRAMFS_SOURCE): %w", ota.ErrMissing)

// hasRamdisk tells whether one of the parts of an image is a ramdisk.
func hasRamdisk(parts fs.FS) bool {
	list, err := fs.ReadDir(parts, ".")
	return err != nil || slices.ContainsFunc(list, func(d fs.DirEntry) bool { return ota.IsRamdisk(d.Name()) })
}

type visitRoot struct {
	q    *ota.Partition
	fsys fs.FS
}

// PartitionLocation is the place of a path in a partition.
func PartitionLocation(q *ota.Partition, path string) fact.Location {
	if path == "." {
		path = ""
	}
	return fact.Location{Outer: q.Outer, Partition: q.Name, Slot: q.Slot, Path: path, Device: q.Device(path)}
}

// reach names the kinds that the run was to make and could not.
func (r *run) reach(gaps []fact.Gap) []fact.Gap {
	for i := range gaps {
		gaps[i].Blinds = r.emits()
	}
	return gaps
}

// walk lists the files of fsys in its order, and charges their sizes where nobody has: a file that is
// beyond the budget is a gap.
func walk(ctx context.Context, fsys fs.FS, budget *parse.Budget, at func(string) fact.Location, skip func(string) bool) ([]visit, []fact.Gap) {
	uncharged := ota.Uncharged(fsys)
	var list []visit
	var gaps []fact.Gap
	// The walk itself never fails: what it meets becomes gaps.
	fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && (d == nil || d.IsDir()) {
			gaps = append(gaps, GapOf(at(path), err)) // it may hide anything
			return fs.SkipDir
		}
		if err != nil {
			gaps = append(gaps, fileGap(at(path), err, nil))
			return nil
		}
		if path == "." || skip != nil && skip(path) {
			return nil
		}
		info, err := d.Info()
		if err == nil && uncharged && info.Mode().IsRegular() {
			err = budget.Produce("files", info.Size())
		}
		if err != nil {
			gaps = append(gaps, fileGap(at(path), err, nil))
			return nil
		}
		list = append(list, visit{fsys: fsys, path: path, at: at(path), info: info, budget: budget})
		return nil
	})
	return list, gaps
}

// isPayload tells whether a file is the image of an APEX that holds its files.
func (r *run) isPayload(v visit) bool {
	return v.path == modulePayload && (len(v.at.Inner) > 0 || r.p.Layout == ota.LayoutAPEX)
}

// headSize is how much of a file Match may see.
const headSize = 64

// visit looks at one file: its record in files, the extractors that it is for,
// and what it holds.
func (r *run) visit(ctx context.Context, v visit, out *fact.Facts) error {
	if v.image != nil {
		return r.image(ctx, v.image, v.at, out)
	}
	if !v.info.Mode().IsRegular() {
		if v.device && r.wants(fact.KindFiles) {
			addFile(v, "", out)
		}
		return nil
	}
	var head []byte
	var headErr error
	read := false
	first := func() []byte {
		if !read {
			read = true
			head, headErr = readHead(v.fsys, v.path)
			prefixed := false
			if headErr == nil && len(head) > 0 {
				prefixed, headErr = r.isPrefixed(ctx, v, head)
			}
			if prefixed {
				head = []byte("PK\x03\x04") // where extractors look for the mark of a zip
			}
		}
		return head
	}
	var matched []*Extractor
	for _, x := range r.extractors {
		if x.Installed && v.at.Partition == "" && r.p.Layout != ota.LayoutAPK && r.p.Layout != ota.LayoutAPEX {
			continue
		}
		if x.Match(v.at, v.info, first) {
			matched = append(matched, x)
		}
	}
	opens := len(r.extractors) > 0 && (isZip(first()) || v.part || r.isPayload(v))
	if headErr != nil {
		return headErr
	}
	if len(r.extractors) > 0 && bytes.HasPrefix(head, []byte(pointer)) {
		g := fileGap(v.at, errPointer, lostKinds(v.path))
		out.Gaps = append(out.Gaps, g)
	}
	whole := v.device && r.wants(fact.KindFiles)
	if len(matched) == 0 && !opens && !whole {
		return nil
	}
	b, closer, err := ota.OpenBlob(ctx, v.fsys, v.path, r.p.Spool())
	if err != nil {
		return err
	}
	defer closer()
	if whole || len(matched) > 0 {
		if v.at.SHA256, err = Hash(ctx, b, nil); err != nil {
			return err
		}
	}
	if whole {
		addFile(v, v.at.SHA256, out)
	}
	// A container that cannot be opened is a gap of the file; one that merely begins
	// like a container is one too, because a device may read it.
	var members fs.FS
	budget := v.budget
	var insideErr error
	if opens {
		fsys, inner, err := inside(ctx, v.path, b, v.budget, r.p.Spool())
		switch {
		case err == nil:
			members, budget = fsys, inner
			defer closeInside(fsys)
		case v.part && !ota.IsRamdisk(v.path) && errors.Is(err, parse.ErrUnsupported):
			// A kernel is no container.
		default:
			insideErr = err
		}
	}
	for _, x := range matched {
		got, err := guarded(x.Name+" on "+v.at.String(), func() (fact.Facts, error) {
			return x.Run(ctx, &File{Path: v.path, Info: v.info, At: v.at, Blob: b, FS: v.fsys,
				Lone:   r.p.Layout == ota.LayoutAPK && v.at.Partition == "" && len(v.at.Inner) == 0,
				Inside: members, Budget: budget, Spool: r.p.Spool()})
		})
		if fatal(ctx, err) {
			return err
		}
		out.Merge(&got)
		if err != nil {
			out.Gaps = append(out.Gaps, fileGap(v.at, fmt.Errorf("%s: %w", x.Name, err), x.Emits))
		}
	}
	if members != nil {
		return r.descend(ctx, v.at, members, budget, false, out)
	}
	return insideErr
}

// descend walks what a file holds, or the parts of an image.
func (r *run) descend(ctx context.Context, outer fact.Location, fsys fs.FS, budget *parse.Budget, parts bool, out *fact.Facts) error {
	list, gaps := walk(ctx, fsys, budget, func(path string) fact.Location {
		if path == "." {
			return outer
		}
		return outer.InMember(path)
	}, nil)
	out.Gaps = append(out.Gaps, r.reach(gaps)...)
	for _, in := range list {
		in.part = parts
		if err := r.visit(ctx, in, out); err != nil {
			if fatal(ctx, err) {
				return err
			}
			blinds := r.emits()
			if parts {
				blinds = kindsOn("boot") // which hold no apps, whatever the partition is called
			}
			out.Gaps = append(out.Gaps, fileGap(in.at, err, blinds))
		}
	}
	return nil
}

func readHead(fsys fs.FS, path string) ([]byte, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return head[:n], err
}

// pointer is how the texts begin that stand in dumps kept with Git LFS in place of files that were not
// fetched (many in the public test data).
const pointer = "version https://git-lfs.github.com/spec/"

var errPointer = fmt.Errorf("a Git LFS pointer stands in place of the file: %w", ota.ErrMissing)

// lostKinds are the kinds of facts that a file of the name would have had.
func lostKinds(name string) []fact.Kind {
	code := []fact.Kind{fact.KindDefaults, fact.KindSettings, fact.KindWrites, fact.KindFlows}
	switch path.Ext(name) {
	case ".apk":
		return append([]fact.Kind{fact.KindApps, fact.KindComponents, fact.KindPermissions, fact.KindFiles}, code...)
	case ".apex", ".capex":
		return installedKinds()
	case ".jar", ".dex", ".odex", ".vdex", ".oat":
		return append(code, fact.KindFiles)
	case ".prop":
		return []fact.Kind{fact.KindProperties, fact.KindSettings, fact.KindFiles}
	case ".zip":
		return []fact.Kind{fact.KindCertificates, fact.KindFiles}
	}
	return []fact.Kind{fact.KindFiles}
}

func isZip(head []byte) bool {
	return len(head) >= 4 && string(head[:2]) == "PK" && (string(head[2:4]) == "\x03\x04" || string(head[2:4]) == "\x05\x06")
}

// addFile adds the record of an installed file, link or folder.
func addFile(v visit, sum string, out *fact.Facts) {
	f := fact.File{Device: v.at.Device, Mode: ota.ModeString(v.info.Mode()), SHA256: sum, At: v.at}
	if f.Device == "" {
		f.Device = v.at.String()
	}
	if v.info.Mode().IsRegular() {
		f.Size = v.info.Size()
	}
	if m, ok := v.info.Sys().(*ota.Meta); ok {
		f.UID, f.GID, f.Label = m.UID, m.GID, m.Label
		if m.Capabilities != nil {
			f.Capabilities = ota.CapabilityNames(*m.Capabilities)
		}
		if m.Err != nil {
			out.Gaps = append(out.Gaps, fileGap(v.at, fmt.Errorf("its label and capabilities: %w", m.Err), []fact.Kind{fact.KindFiles}))
		}
	}
	if v.info.Mode()&fs.ModeSymlink != 0 {
		if link, err := fs.ReadLink(v.fsys, v.path); err == nil {
			f.Link = parse.Escape(link)
		}
	}
	out.Files = append(out.Files, f)
}
