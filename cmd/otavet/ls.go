package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/parse"
)

type lsOptions struct {
	inputOptions
	long       bool
	operations bool
	format     string
}

func lsCommand(a *app) *cobra.Command {
	var o lsOptions
	cmd := &cobra.Command{
		Use:   "ls UPDATE [LOCATION...]",
		Short: "List what an update holds",
		Long: `List the files that an update installs, as PARTITION:PATH, and the members of the
package that it does not install, as PATH. Of a partition that comes as an image
there is one line, PARTITION:, until its filesystem can be read. A LOCATION narrows
the list to a partition, a folder, or the members of a file such as an APK; of
boot, vendor_boot and dtbo images it lists the parts.

With --operations, what an A/B payload or a transfer list does instead, of all
partitions or those named.

Members that no reader would take are named on standard error, with the reason.

exit status: 0; 2 usage or no such location; 3 the update cannot be read; 130 interrupted`,
		Example: `  otavet ls update.zip
  otavet ls -l update.zip system:app
  otavet ls update.zip system:app/Mms.apk
  otavet ls --operations payload.bin boot:`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runLs(cmd.Context(), a, o, args[0], args[1:]) },
	}
	o.flags(cmd)
	cmd.Flags().BoolVarP(&o.long, "long", "l", false, "mode, owner, size and label too")
	cmd.Flags().BoolVar(&o.operations, "operations", false, "operations of payloads and commands of transfer lists instead of files")
	cmd.Flags().StringVar(&o.format, "format", "table", "table or json")
	return cmd
}

// A listed file is a line of ls.
type listed struct {
	Location fact.Location `json:"at"`
	Mode     string        `json:"mode"`
	UID      *int64        `json:"uid,omitempty"`
	GID      *int64        `json:"gid,omitempty"`
	Size     int64         `json:"size"` // -1: not known without unpacking
	Label    string        `json:"label,omitempty"`
	Caps     []string      `json:"capabilities,omitempty"`
	Link     string        `json:"link,omitempty"`
	If       string        `json:"conditional,omitempty"`
	Form     string        `json:"form,omitempty"` // of an image
}

func runLs(ctx context.Context, a *app, o lsOptions, path string, locations []string) error {
	if o.format != "table" && o.format != "json" {
		return usagef("--format %s: ls writes table or json", o.format)
	}
	ctx, stop := o.bounded(ctx)
	defer stop()
	p, err := o.openUpdate(ctx, path)
	if err != nil {
		return err
	}
	defer p.Close()
	if o.operations {
		return runOperations(a, o, p, locations)
	}
	var list []listed
	if len(locations) == 0 {
		if list, err = listAll(ctx, p); err != nil {
			return err
		}
		for _, e := range p.Entries {
			if e.Refused != "" {
				fmt.Fprintf(a.stderr, "refused: %s (%s)\n", e.Name, parse.EscapeText(e.Refused))
			}
		}
	}
	for _, text := range locations {
		at, err := fact.ParseLocation(text)
		if err != nil {
			return usageError{err}
		}
		more, err := listLocation(ctx, p, at)
		if errors.Is(err, fs.ErrNotExist) {
			return usageError{err}
		}
		if err != nil {
			return err
		}
		list = append(list, more...)
	}
	return writeList(a, o, list)
}

func listAll(ctx context.Context, p *ota.Package) ([]listed, error) {
	var list []listed
	for _, q := range p.Partitions {
		if !q.Tree() { // to list its files could decode gigabytes
			list = append(list, image(q))
			continue
		}
		fsys, err := q.FS(ctx)
		if err != nil {
			list = append(list, image(q))
			continue
		}
		more, err := listTree(ctx, fsys, ".", func(path string) fact.Location { return inspect.PartitionLocation(q, path) }, nil)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	more, err := listTree(ctx, p.Members, ".", func(path string) fact.Location { return fact.Location{Path: path} }, p.Installed)
	return append(list, more...), err
}

// modeImage stands where a mode stands for partitions of which the image is known, and no files.
const modeImage = "image"

// image lists a partition as a whole. Its size is not asked for where that would
// decode it.
func image(q *ota.Partition) listed {
	l := listed{Location: inspect.PartitionLocation(q, ""), Mode: modeImage, Size: -1, Form: q.Form}
	if size, known := q.Size(); known {
		l.Size = size
	}
	return l
}

// listLocation lists a partition, a folder, a container's members, or one file.
func listLocation(ctx context.Context, p *ota.Package, at fact.Location) ([]listed, error) {
	if len(at.Inner) == 0 {
		fsys, root, err := fileSystem(ctx, p, at)
		if err == nil {
			st, err := fs.Lstat(fsys, cmp.Or(at.Path, "."))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", at, err)
			}
			if st.IsDir() {
				return listTree(ctx, fsys, cmp.Or(at.Path, "."), root, nil)
			}
			if !st.Mode().IsRegular() {
				return []listed{record(fsys, at.Path, st, at)}, nil
			}
			if inside, err := listInside(ctx, p, at); err == nil {
				return inside, nil
			}
			return []listed{record(fsys, at.Path, st, at)}, nil
		}
		if at.Path != "" || !errors.Is(err, parse.ErrUnsupported) {
			return nil, err
		}
	}
	if at.Path == "" && len(at.Inner) == 0 {
		for _, q := range p.Partitions {
			if q.Name != at.Partition || q.Slot != at.Slot {
				continue
			}
			if inside, err := listInside(ctx, p, at); err == nil {
				return inside, nil
			}
			return []listed{image(q)}, nil
		}
	}
	list, err := listInside(ctx, p, at)
	if !errors.Is(err, parse.ErrUnsupported) {
		return list, err
	}
	b, closer, err := inspect.Open(ctx, p, at)
	if err != nil {
		return nil, err
	}
	defer closer()
	return []listed{{Location: at, Mode: "-r--r--r--", Size: b.Size()}}, nil
}

func fileSystem(ctx context.Context, p *ota.Package, at fact.Location) (fs.FS, func(string) fact.Location, error) {
	if at.Partition == "" {
		return p.Members, func(path string) fact.Location { return fact.Location{Path: path} }, nil
	}
	for _, q := range p.Partitions {
		if q.Name == at.Partition && q.Slot == at.Slot {
			fsys, err := q.FS(ctx)
			return fsys, func(path string) fact.Location { return inspect.PartitionLocation(q, path) }, err
		}
	}
	return nil, nil, fmt.Errorf("%s: no such partition: %w", at, fs.ErrNotExist)
}

func listInside(ctx context.Context, p *ota.Package, at fact.Location) ([]listed, error) {
	fsys, _, closer, err := inspect.Inside(ctx, p, at)
	if err != nil {
		return nil, err
	}
	defer closer()
	return listTree(ctx, fsys, ".", at.InMember, nil)
}

func listTree(ctx context.Context, fsys fs.FS, root string, at func(string) fact.Location, skip func(string) bool) ([]listed, error) {
	var list []listed
	err := fs.WalkDir(fsys, root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if path == root || skip != nil && (skip(path) || d.IsDir()) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		list = append(list, record(fsys, path, info, at(path)))
		return nil
	})
	return list, err
}

func record(fsys fs.FS, path string, info fs.FileInfo, at fact.Location) listed {
	l := listed{Location: at, Mode: ota.ModeString(info.Mode())}
	if info.Mode().IsRegular() {
		l.Size = info.Size()
	}
	if m, ok := info.Sys().(*ota.Meta); ok {
		l.UID, l.GID, l.Label, l.If = m.UID, m.GID, m.Label, m.Conditional
		if m.Capabilities != nil {
			l.Caps = ota.CapabilityNames(*m.Capabilities)
		}
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err := fs.ReadLink(fsys, path); err == nil {
			l.Link = parse.EscapeText(link)
		}
	}
	return l
}

func writeList(a *app, o lsOptions, list []listed) error {
	slices.SortStableFunc(list, func(x, y listed) int {
		return cmp.Or(cmp.Compare(x.Location.Partition, y.Location.Partition), cmp.Compare(x.Location.String(), y.Location.String()))
	})
	out := bufio.NewWriter(a.stdout)
	if o.format == "json" {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if list == nil {
			list = []listed{}
		}
		if err := enc.Encode(list); err != nil {
			return err
		}
		return out.Flush()
	}
	width := 1
	for _, l := range list {
		width = max(width, len(size(l)))
	}
	for _, l := range list {
		if o.long {
			fmt.Fprintf(out, "%-10s %5s %5s %*s  ", l.Mode, owner(l.UID), owner(l.GID), width, size(l))
		}
		out.WriteString(l.Location.String())
		if o.long {
			out.WriteString(notes(l))
		}
		out.WriteByte('\n')
	}
	return out.Flush()
}

func size(l listed) string {
	if l.Size < 0 {
		return "?"
	}
	return fmt.Sprint(l.Size)
}

func owner(id *int64) string {
	if id == nil {
		return "-"
	}
	return fmt.Sprint(*id)
}

func notes(l listed) string {
	var s strings.Builder
	if l.Link != "" {
		s.WriteString(" -> " + l.Link)
	}
	if l.Label != "" {
		s.WriteString("  " + l.Label)
	}
	if len(l.Caps) > 0 {
		s.WriteString("  " + strings.Join(l.Caps, ","))
	}
	if l.Form != "" {
		s.WriteString("  " + l.Form)
	}
	if l.If != "" {
		s.WriteString("  if " + l.If)
	}
	return s.String()
}
