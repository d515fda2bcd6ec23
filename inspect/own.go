package inspect

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
)

// own makes the kinds that follow from the package itself.
func (r *run) own(ctx context.Context) (*fact.Facts, error) {
	f := &fact.Facts{}
	for _, q := range r.p.Problems {
		f.Gaps = append(f.Gaps, problemGaps(q)...)
	}
	if r.wants(fact.KindMembers) {
		r.members(f)
	}
	if r.wants(fact.KindScript) && r.p.Script != nil {
		if err := r.script(ctx, f); err != nil {
			if fatal(ctx, err) {
				return nil, err
			}
			f.Gaps = append(f.Gaps, GapOf(fact.Location{Path: r.p.Script.Member}, err, fact.KindScript))
		}
	}
	if r.wants(fact.KindPartitions) {
		for _, q := range r.p.Partitions {
			if err := r.partition(ctx, q, f); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// problemGaps says what a problem of the package hides.
func problemGaps(q ota.Problem) []fact.Gap {
	at := fact.Location{Partition: q.Partition, Path: q.Member}
	if q.Line > 0 {
		at = at.AtLine(q.Line)
	}
	if q.Off >= 0 {
		at = at.AtOffset(q.Off)
	}
	var gaps []fact.Gap
	if q.Installs {
		gaps = append(gaps, GapOf(at, q.Err, installedKinds()...))
	}
	if q.Signs != "" {
		g := GapOf(at, q.Err, fact.KindSignatures, fact.KindStatements)
		for _, family := range strings.Fields(q.Signs) {
			g.Subjects = append(g.Subjects, fact.Subject{Kind: "signature", ID: family})
		}
		gaps = append(gaps, g)
	}
	return gaps
}

func (r *run) members(f *fact.Facts) {
	installs := map[string][]string{}
	for _, in := range r.p.Installs() {
		installs[in.Member] = append(installs[in.Member], in.Device)
	}
	for _, e := range r.p.Entries {
		m := fact.Member{Name: e.Name, Size: e.Size, Stored: e.Stored, Method: method(e.Method),
			Refused: e.Refused, Notes: e.Notes, At: fact.Location{}.AtOffset(e.Central)}
		if e.Refused == "" {
			m.InstalledAt = installs[e.Name]
			slices.Sort(m.InstalledAt)
			m.InstalledAt = slices.Compact(m.InstalledAt)
		}
		f.Members = append(f.Members, m)
	}
}

// Compression methods of APPNOTE.TXT, section 4.4.5, that readers of updates know.
func method(n uint16) string {
	switch n {
	case 0:
		return "stored"
	case 8:
		return "deflated"
	}
	return fmt.Sprintf("method %d", n)
}

func (r *run) script(ctx context.Context, f *fact.Facts) error {
	b, closer, err := ota.OpenBlob(ctx, r.p.Members, r.p.Script.Member, r.p.Spool())
	if err != nil {
		return err
	}
	defer closer()
	sum, err := Hash(ctx, b, nil)
	if err != nil {
		return err
	}
	for _, s := range r.p.Script.Steps() {
		f.Script = append(f.Script, fact.Script{Call: s.Call, Args: s.Args, Effect: s.Effect, Conditional: s.Conditional, Never: s.Never,
			At: fact.Location{Path: r.p.Script.Member, SHA256: sum}.AtOffset(s.Offset).AtLine(s.Line)})
	}
	return nil
}

func (r *run) partition(ctx context.Context, q *ota.Partition, f *fact.Facts) error {
	rec := fact.Partition{Name: q.Name, Slot: q.Slot, Mount: q.Mount, Form: q.Form, At: PartitionLocation(q, "")}
	for _, made := range r.made.Made {
		if made.Partition != q {
			continue
		}
		if _, err := q.FS(ctx); made.Err != nil && made.Err != err { // if it is that error, visits has a gap of it
			g := GapOf(rec.At, made.Err, fact.KindPartitions)
			g.Subjects = []fact.Subject{{Kind: "partition", ID: q.Name}}
			f.Gaps = append(f.Gaps, g)
		}
		rec.Size, rec.At.SHA256 = made.Size, made.SHA256
	}
	fsys, err := q.FS(ctx)
	rec.Mount = q.Mount // which the files tell
	if err == nil {
		fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil { // visits, which may not run, has gaps of other kinds
				g := GapOf(PartitionLocation(q, path), err, fact.KindPartitions)
				g.Subjects = []fact.Subject{{Kind: "partition", ID: q.Name}}
				f.Gaps = append(f.Gaps, g)
				return ctx.Err()
			}
			if path == "." {
				return nil
			}
			rec.Files++
			if q.Image != nil {
				return ctx.Err()
			}
			if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
				rec.Size += info.Size()
			}
			return ctx.Err()
		})
		rec.Filesystem, rec.Notes = q.Filesystem()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f.Partitions = append(f.Partitions, rec)
	return nil
}
