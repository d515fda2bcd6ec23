package ota

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/edify"
	"github.com/otavet/otavet/ota/parse"
)

// A Step is one call of the installer script, spelled to be printed.
type Step struct {
	Call        string
	Args        []string
	Effect      string
	Conditional string
	Never       bool
	Offset      int64
	Line        int64
}

// Steps lists the script's calls in the order of the text.
func (in *Installer) Steps() []Step {
	steps := make([]Step, len(in.Plan.Calls))
	for i, c := range in.Plan.Calls {
		s := Step{Call: parse.EscapeText(c.Name), Effect: string(c.Effect), Conditional: parse.EscapeText(c.Conditional),
			Never: c.Never, Offset: c.Offset, Line: c.Line}
		for _, a := range c.Args {
			s.Args = append(s.Args, parse.EscapeText(a))
		}
		steps[i] = s
	}
	return steps
}

// An Install says that the script writes a member somewhere on the device.
type Install struct {
	Member string
	Device string // path of a file, or of a block device
}

// Installs lists what the installer script writes where.
func (p *Package) Installs() []Install {
	if p.Script == nil {
		return nil
	}
	var list []Install
	add := func(device string, members ...string) {
		for _, m := range members {
			if m != "" {
				list = append(list, Install{parse.Escape(m), parse.Escape(device)})
			}
		}
	}
	for _, n := range p.Script.Plan.Nodes {
		add(n.Path, n.Member)
		if n.Patch != nil {
			add(n.Path, n.Patch.Members...)
		}
	}
	for _, r := range p.Script.Plan.Raw {
		add(r.Device, r.Member)
		if r.Patch != nil {
			add(r.Device, r.Patch.Members...)
		}
	}
	for _, b := range p.Script.Plan.Block {
		add(b.Device, b.Transfer, b.NewData, b.PatchData)
	}
	return list
}

// Installed tells whether a file of the package is a file of one of its
// partitions too, where it is looked at.
func (p *Package) Installed(name string) bool {
	if p.installed[name] {
		return true
	}
	for dir := name; dir != "."; dir = path.Dir(dir) {
		if p.folders[dir] != nil {
			return true
		}
	}
	return p.folders["."] != nil
}

// DevicePath is where a file of a folder stands on the device; the path itself
// where it stands nowhere.
func (p *Package) DevicePath(name string) string {
	for dir := name; ; dir = path.Dir(dir) {
		if q := p.folders[dir]; q != nil {
			rest := strings.TrimPrefix(strings.TrimPrefix(name, dir), "/")
			if dir == "." {
				rest = name
			}
			return cmp.Or(q.Device(rest), name)
		}
		if dir == "." {
			return name
		}
	}
}

// lister shows edify the package's names as the script spells them.
func (p *Package) lister() []string {
	var names []string
	for _, n := range p.memberNames() {
		// Escape made these names, so Unescape cannot fail.
		if raw, err := parse.Unescape(n); err == nil {
			names = append(names, raw)
		}
	}
	slices.Sort(names)
	return names
}

// wellKnown are mount points that recoveries of AOSP have without a script's word.
var wellKnown = []string{"/system", "/vendor", "/product", "/system_ext", "/odm", "/oem", "/data", "/cache"}

// A mountPoint collects what the script leaves under one folder.
type mountPoint struct {
	q    *Partition
	tree *treeFS
}

// installPartitions makes partitions of what the script leaves behind.
func (p *Package) installPartitions(ctx context.Context) {
	plan := p.Script.Plan
	p.installed = map[string]bool{}
	mounts := p.mountPoints(plan)
	twice := p.duplicates()
	doubts, twiceDoubts := map[string]bool{}, map[string]bool{}
	for i := range plan.Nodes {
		n := &plan.Nodes[i]
		device := parse.Escape(n.Path)
		at := slices.IndexFunc(mounts, func(m mountPoint) bool { _, ok := under(m.q.Mount, device); return ok || device == m.q.Mount })
		if at < 0 {
			p.doubt(doubts, n.Pos, fmt.Errorf("%s: the script mounts nothing there, so no partition is known for it: %w", device, ErrUndecided))
			continue
		}
		rest, ok := under(mounts[at].q.Mount, device)
		if !ok && n.Dir { // the mount point itself: its owner and mode
			root := mounts[at].tree.nodes["."]
			t := p.treeNode(n)
			root.mode, root.meta = t.mode, t.meta
			continue
		}
		node := p.treeNode(n)
		if node.mode&fs.ModeSymlink != 0 && node.member != "" {
			// minzip made a link of such a member; recovery from Android 8 on writes a file.
			p.doubt(doubts, n.Pos, fmt.Errorf("%s is stored as a symbolic link: older recoveries make one, newer ones a file: %w", parse.Escape(n.Member), ErrUndecided))
		}
		if twice[node.member] {
			// Zip.c of minzip finds the first by name and writes each in turn when it
			// extracts a folder; libziparchive refuses the package.
			p.doubt(twiceDoubts, n.Pos, fmt.Errorf("%s stands more than once in the package: which of them is installed as %s depends on the recovery: %w", node.member, device, ErrUndecided))
		}
		if err := mounts[at].tree.add(rest, node); err != nil {
			if !errors.Is(err, parse.ErrLimit) {
				err = fmt.Errorf("%w: %w", err, ErrUndecided)
			}
			p.doubt(doubts, n.Pos, err)
			continue
		}
		if n.Member != "" {
			p.installed[parse.Escape(n.Member)] = true
		}
		if n.Conditional != "" {
			p.doubt(doubts, n.Pos, fmt.Errorf("whether %s and what else this call writes is installed depends on %s: %w",
				device, parse.EscapeText(n.Conditional), ErrUndecided))
		}
	}
	for _, m := range mounts {
		if len(m.tree.nodes) > 1 {
			m.tree.sort()
			p.Partitions = append(p.Partitions, m.q)
		}
	}
	p.rawPartitions(ctx, plan, doubts)
	p.blockPartitions(ctx, plan, doubts)
}

// duplicates are the names that stand more than once in the package.
func (p *Package) duplicates() map[string]bool {
	seen, twice := map[string]bool{}, map[string]bool{}
	for _, e := range p.Entries {
		if seen[e.Name] {
			twice[e.Name] = true
		}
		seen[e.Name] = true
	}
	return twice
}

// doubt records a problem once for each call: a folder of a thousand files that
// one condition decides is one question.
func (p *Package) doubt(seen map[string]bool, at edify.Pos, err error) {
	key := fmt.Sprint(at.Offset)
	if seen[key] {
		return
	}
	seen[key] = true
	p.problem(Problem{Member: p.Script.Member, Line: at.Line, Off: at.Offset, Installs: true, Err: err})
}

func (p *Package) mountPoints(plan *edify.Plan) []mountPoint {
	var list []mountPoint
	add := func(point, name string) {
		point = path.Clean(parse.Escape(point))
		if point == "/" || !strings.HasPrefix(point, "/") || slices.ContainsFunc(list, func(m mountPoint) bool { return m.q.Mount == point }) {
			return
		}
		name = parse.Escape(name)
		if name == "" || strings.Contains(name, "/") {
			name = strings.ReplaceAll(point[1:], "/", "_")
		}
		for slices.ContainsFunc(list, func(m mountPoint) bool { return m.q.Name == name }) {
			name += "+" // two mount points of one partition: both are kept apart
		}
		tree := newTreeFS(p.Members, p.budget)
		list = append(list, mountPoint{&Partition{Name: name, Mount: point, Form: "tree", tree: tree}, tree})
	}
	for _, m := range plan.Mounts {
		if m.Point != "" {
			add(m.Point, m.Partition)
		}
	}
	for _, point := range wellKnown {
		add(point, "")
	}
	// The longest mount point that fits is the one.
	slices.SortStableFunc(list, func(a, b mountPoint) int {
		return cmp.Or(len(b.q.Mount)-len(a.q.Mount), cmp.Compare(a.q.Mount, b.q.Mount))
	})
	return list
}

func (p *Package) treeNode(n *edify.Node) *treeNode {
	t := &treeNode{mode: 0o644, meta: Meta{UID: n.UID, GID: n.GID, Label: parse.EscapeText(n.Label), Capabilities: n.Capabilities, Conditional: parse.EscapeText(n.Conditional)}}
	switch {
	case n.Dir:
		t.mode = fs.ModeDir | 0o755
	case n.Link != "":
		t.mode, t.link = fs.ModeSymlink|0o777, n.Link
	case n.Member != "" && n.From == "":
		t.member = parse.Escape(n.Member)
		t.meta.Member = t.member
		if err := p.again(t.member); err != nil {
			t.member, t.missing = "", err
			break
		}
		if link, err := fs.ReadLink(p.Members, t.member); err == nil {
			t.mode, t.link = fs.ModeSymlink|0o777, link
		}
	default:
		t.missing = fmt.Errorf("its bytes are made from %s of the device's older system: %w", parse.Escape(n.From), ErrMissing)
	}
	if n.Mode != nil {
		t.mode = t.mode&^fs.ModePerm | unixMode(*n.Mode)
	}
	return t
}

// again charges a member that is installed once more: a script of one line for
// each copy could otherwise ask for any amount of reading.
func (p *Package) again(member string) error {
	if !p.installed[member] {
		return nil // charged when the package was opened
	}
	st, err := fs.Stat(p.Members, member)
	if err != nil {
		return err
	}
	return p.budget.Produce("installer", st.Size())
}

// unixMode turns the bits of chmod(2) into those of io/fs.
func unixMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	for _, bit := range []struct {
		unix uint32
		mode fs.FileMode
	}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}} {
		if m&bit.unix != 0 {
			mode |= bit.mode
		}
	}
	return mode
}

func (p *Package) rawPartitions(ctx context.Context, plan *edify.Plan, doubts map[string]bool) {
	written := map[string]bool{}
	for _, q := range p.Partitions {
		written[q.Name] = true
	}
	for _, r := range plan.Raw {
		name := parse.Escape(cmp.Or(r.Partition, path.Base(r.Device)))
		fail := func(format string, args ...any) { p.doubt(doubts, r.Pos, fmt.Errorf(format, args...)) }
		switch {
		case written[name]:
			fail("the partition %s is written more than once: %w", name, ErrUndecided)
			continue
		case r.Member == "" || r.Patch != nil:
			fail("the partition %s is made from older bytes: %w", name, ErrMissing)
			continue
		}
		member := parse.Escape(r.Member)
		b, err := p.memberBlob(ctx, member)
		if err != nil {
			fail("the partition %s: %w", name, err)
			continue
		}
		p.installed[member], written[name] = true, true
		p.Partitions = append(p.Partitions, &Partition{Name: name, Form: "raw", Outer: []string{member}, Image: b})
		if r.Conditional != "" {
			fail("whether %s is written to the partition %s depends on %s: %w", member, name, parse.EscapeText(r.Conditional), ErrUndecided)
		}
	}
}

// kindOf turns edify's cause into an error that says the same.
func kindOf(c edify.Cause) error {
	switch c {
	case edify.CauseFormat:
		return parse.ErrFormat
	case edify.CauseLimit:
		return parse.ErrLimit
	case edify.CauseMissing:
		return ErrMissing
	}
	return ErrUndecided
}
