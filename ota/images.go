package ota

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/sparse"
	"github.com/otavet/otavet/ota/parse"
)

// A found is a member that looks like the image of a partition.
type found struct {
	fsys   fs.FS
	outer  []string // containers within the package that hold it
	member string   // in fsys; of a split image, its first part
	parts  []string // of a split image, in order
	name   string   // of the partition, with its slot, as the member's name says; escaped as that is
}

// openImages finds the partitions of an archive that holds images, or archives of images.
func (p *Package) openImages(ctx context.Context) {
	_, tarred := p.Members.(*archive.Tar)
	names := p.memberNames()
	var inner []string // archives of images
	odin := tarred && (p.tar != nil && hasSum(p.tar))
	for _, name := range names {
		base := strings.ToLower(path.Base(name))
		switch {
		case strings.HasSuffix(base, ".pit"), strings.HasSuffix(base, ".img.lz4"):
			odin = odin || tarred
		case strings.HasSuffix(base, ".tar.md5"), strings.HasSuffix(base, ".tar"):
			inner, odin = append(inner, name), true
		case strings.HasPrefix(base, "image-") && strings.HasSuffix(base, ".zip"):
			inner = append(inner, name)
		}
	}
	if p.tar != nil {
		p.missesSum(p.Name, p.tar)
	}
	list := p.flashed(ctx, findImages(p.Members, nil, names, odin), names)
	for _, name := range inner {
		more, err := p.innerImages(ctx, name)
		if err != nil {
			p.problem(Problem{Member: name, Off: -1, Installs: true, Signs: "avb", Err: err})
		}
		p.take(name)
		list = append(list, more...)
	}
	switch {
	case odin && len(list) > 0:
		p.Layout = LayoutOdin
	case len(inner) > 0:
		p.Layout = LayoutFactory
		if len(list) == 0 && len(p.Problems) == 0 {
			p.unopened("", "the archives in the package hold no image that is known by its name", "avb")
		}
	case len(list) > 0:
		p.Layout = LayoutFastboot
	default:
		p.Layout = LayoutZip
		if tarred {
			p.Layout = LayoutTar
		}
		p.problem(Problem{Off: -1, Installs: true, Err: &parse.Error{Format: string(p.Layout), Off: -1,
			Msg: "the members do not make an update that is known: they are listed, and nothing is said of what they would install", Kind: parse.ErrUnsupported}})
		return
	}
	p.addImages(ctx, list)
}

// missesSum notes where the checksum is cut off that a tar's name promises.
func (p *Package) missesSum(name string, t *archive.Tar) {
	if strings.HasSuffix(strings.ToLower(name), ".md5") && !hasSum(t) {
		p.Notes = append(p.Notes, name+": its name says that an MD5 stands at its end, and there is none")
	}
}

// innerImages finds the images of an archive in the package.
func (p *Package) innerImages(ctx context.Context, name string) ([]found, error) {
	b, err := p.memberBlob(ctx, name)
	if err != nil {
		return nil, err
	}
	head, err := peek(b, headSize)
	if err != nil {
		return nil, err
	}
	budget, err := p.budget.Inside("archive", b.Size())
	if err != nil {
		return nil, err
	}
	if archive.IsTar(head) {
		t, err := archive.OpenTar(b, budget)
		if err != nil {
			return nil, err
		}
		p.tars = append(p.tars, innerTar{name, b, t})
		p.missesSum(name, t)
		return findImages(t, []string{name}, fileNames(t), true), nil
	}
	z, err := archive.OpenZip(b, budget)
	if err != nil {
		return nil, err
	}
	return findImages(z, []string{name}, fileNames(z), false), nil
}

// splitImage matches the parts of an image that is split, as Motorola names them.
var splitImage = regexp.MustCompile(`^(.+?)(?:\.img)?_sparsechunk\.?([0-9]{1,4})$`)

// findImages picks the images among the names of an archive. In Odin's archives
// images of firmware are called .bin.
func findImages(fsys fs.FS, outer, names []string, odin bool) []found {
	var list []found
	split := map[string]int{} // where in list
	for _, name := range names {
		base := imageName(path.Base(name))
		if m := splitImage.FindStringSubmatch(base); m != nil {
			key := path.Join(path.Dir(name), m[1])
			i, ok := split[key]
			if !ok {
				i = len(list)
				split[key] = i
				list = append(list, found{fsys: fsys, outer: outer, name: m[1]})
			}
			list[i].parts = append(list[i].parts, name)
			continue
		}
		lower := strings.ToLower(base)
		if strings.HasSuffix(lower, ".img") || odin && strings.HasSuffix(lower, ".bin") {
			list = append(list, found{fsys: fsys, outer: outer, member: name, name: partitionOf(base)})
		}
	}
	for i := range list {
		if parts := list[i].parts; len(parts) > 0 {
			slices.SortStableFunc(parts, func(a, b string) int { return cmp.Compare(partNumber(a), partNumber(b)) })
			list[i].member = parts[0]
		}
	}
	return list
}

// imageName takes the endings of compression off a name, and the one of a filesystem that
// Samsung puts behind that of an image: system.img.ext4.lz4.
func imageName(base string) string {
	for range maxWraps + 1 { // one more than is undone, so that it is said
		base = trimEnding(base)
	}
	if name := strings.TrimSuffix(base, ".ext4"); strings.HasSuffix(strings.ToLower(name), ".img") {
		return name
	}
	return base
}

func partNumber(name string) int {
	m := splitImage.FindStringSubmatch(imageName(path.Base(name)))
	n, _ := strconv.Atoi(m[2]) // four digits at most
	return n
}

// partitionOf is the partition that an image is for, by its name. Bootloader and
// radio images of Google's archives bear device and version behind a dash.
func partitionOf(base string) string {
	ext := path.Ext(base)
	name := strings.TrimSuffix(base, ext)
	for _, firmware := range []string{"bootloader", "radio"} {
		if strings.HasPrefix(name, firmware+"-") {
			return firmware
		}
	}
	return cmp.Or(name, base)
}

// maxImages bounds the images of a package: the largest devices have some 120 partitions.
const maxImages = 4096

// addImages makes partitions of images.
func (p *Package) addImages(ctx context.Context, list []found) {
	if len(list) > maxImages {
		p.problem(Problem{Member: list[maxImages].member, Off: -1, Installs: true, Err: &parse.Error{Format: string(p.Layout), Off: -1,
			Msg: "more than 4096 images: the rest is not opened", Got: len(list), Kind: parse.ErrLimit}})
		list = list[:maxImages]
	}
	type opened struct {
		f *found
		u *unwrapped
	}
	var all []opened
	byName := map[string]*unwrapped{}
	for i := range list {
		f := &list[i]
		if len(f.outer) == 0 {
			p.take(f.member)
			for _, part := range f.parts {
				p.take(part)
			}
		}
		u, err := p.openFound(ctx, f)
		p.pause() // a decoder may hold megabytes
		if err != nil {
			p.unreadable(f, err)
			continue
		}
		all = append(all, opened{f, u})
		if byName[f.name] == nil {
			byName[f.name] = u
		}
	}
	used := map[*unwrapped]bool{}
	for _, o := range all {
		if !isSuper(o.u) {
			continue
		}
		used[o.u] = true
		err := p.addSuper(ctx, o.f, o.u, func(device string) *unwrapped {
			u := byName[device]
			if u != nil {
				used[u] = true
			}
			return u
		})
		if err != nil {
			p.unreadable(o.f, err)
		}
	}
	for _, o := range all {
		if !used[o.u] && !isSuperEmpty(o.u) {
			p.addImage(o.f, o.u)
		}
	}
	slices.SortStableFunc(p.Partitions, func(a, b *Partition) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Slot, b.Slot))
	})
}

// foundBlob opens a member of the package, or of an archive within it.
func (p *Package) foundBlob(ctx context.Context, f *found, name string) (blob.Blob, error) {
	if len(f.outer) == 0 {
		return p.memberBlob(ctx, name)
	}
	return p.blobOf(ctx, f.fsys, name)
}

// openFound opens an image, or joins the parts of one.
func (p *Package) openFound(ctx context.Context, f *found) (*unwrapped, error) {
	if len(f.parts) == 0 {
		b, err := p.foundBlob(ctx, f, f.member)
		if err != nil {
			return nil, err
		}
		return p.unwrap(ctx, b, path.Base(f.member))
	}
	var parts []blob.Blob
	var size int64
	for _, name := range f.parts {
		b, err := p.foundBlob(ctx, f, name)
		if err != nil {
			return nil, err
		}
		_, n, err := sparse.Head(b, lenKind) // kept: what it is, is asked next
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		size = max(size, n)
		parts = append(parts, b)
	}
	u := &unwrapped{name: f.name + ".img", forms: []string{"split", "sparse"}}
	u.blob = newLazy(size, func() (blob.Blob, error) {
		for i, b := range parts {
			if err := drain(ctx, b); err != nil {
				return nil, fmt.Errorf("%s: %w", f.parts[i], err)
			}
		}
		return sparse.Join(parts, p.budget)
	})
	u.head = func(n int) ([]byte, error) {
		head, _, err := sparse.Head(parts[0], int64(n))
		return head, err
	}
	return u, nil
}

// unreadable records a partition whose image cannot be opened.
func (p *Package) unreadable(f *found, err error) {
	p.note(err)
	q := p.newPartition(f, "raw")
	if !errors.Is(err, parse.ErrLimit) && !errors.Is(err, parse.ErrUnsupported) && !errors.Is(err, parse.ErrFormat) {
		err = fmt.Errorf("%w: %w", err, parse.ErrFormat)
	}
	q.err = fmt.Errorf("%s: %w", f.member, err)
	p.Partitions = append(p.Partitions, q)
}

func (p *Package) addImage(f *found, u *unwrapped) {
	q := p.newPartition(f, cmp.Or(strings.Join(u.forms, "+"), "raw"))
	q.Image = u.blob
	p.Partitions = append(p.Partitions, q)
}

// newPartition names a partition so that no other has its name and slot.
func (p *Package) newPartition(f *found, form string) *Partition {
	name, slot := splitSlot(slashless(f.name))
	name = p.freeName(name, slot)
	return &Partition{Name: name, Slot: slot, Form: form, Outer: append(slices.Clone(f.outer), f.member)}
}

// freeName is the name, with a plus if a partition has it already, and a number where more
// than one has: which of them is installed, the names do not tell.
func (p *Package) freeName(name, slot string) string {
	if p.names == nil {
		p.names = map[[2]string]int{}
	}
	for ; p.named < len(p.Partitions); p.named++ { // trees have names of their own
		q := p.Partitions[p.named]
		p.names[[2]string{q.Name, q.Slot}] = max(1, p.names[[2]string{q.Name, q.Slot}])
	}
	free := name
	for p.names[[2]string{free, slot}] > 0 {
		n := p.names[[2]string{name, slot}]
		p.names[[2]string{name, slot}] = n + 1
		if free = name + "+"; n > 1 {
			free += strconv.Itoa(n)
		}
	}
	p.names[[2]string{free, slot}] = 1
	return free
}

// slashless spells a partition's name so that it can be that of a file: no device has one with a
// slash, but a payload or a super image may.
func slashless(name string) string { return strings.ReplaceAll(name, "/", "%2F") }

// splitSlot takes the slot's suffix off a partition's name.
func splitSlot(name string) (string, string) {
	if n := len(name); n > 2 && (strings.HasSuffix(name, "_a") || strings.HasSuffix(name, "_b")) {
		return name[:n-2], name[n-1:]
	}
	return name, ""
}

// fileNames lists the files of an archive, sorted. What cannot be listed is
// not there for the partitions either, and the archive's own notes say so.
func fileNames(fsys fs.FS) []string {
	var names []string
	fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if d.Type().IsRegular() {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names
}
