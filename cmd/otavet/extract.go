package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/parse"
)

type extractOptions struct {
	inputOptions
	dir    string
	images bool
}

func extractCommand(a *app) *cobra.Command {
	var o extractOptions
	cmd := &cobra.Command{
		Use:   "extract -o DIR UPDATE [LOCATION...]",
		Short: "Write files or images of an update into a folder",
		Long: `Write what LOCATIONs name into DIR: a partition, a folder, a file of a partition, a member of the
package, a member of such a file. Without one, all that ls lists. A file of a
partition goes to DIR/PARTITION/PATH, a member to DIR/PATH.

With --images, whole partitions as DIR/NAME.img, raw: all of them, or those that
LOCATIONs such as system: name. Each is compared with the hash that the update
states for it, and its operations with theirs; one that differs is not written.

Nothing is ever written outside DIR, nothing is overwritten, and nothing half
written has its final name. Blocks of zeros become holes. Symbolic links and
devices are not made; how many there are is said on standard error.

exit status: 0; 2 usage or no such location; 3 the update cannot be read, or something of it could
not be written; 130 interrupted`,
		Example: `  otavet extract -o out --images update.zip
  otavet extract -o out --images payload.bin boot: vendor_boot:
  otavet extract -o out update.zip system:app META-INF`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExtract(cmd.Context(), a, o, args[0], args[1:])
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVarP(&o.dir, "output-dir", "o", "", "the folder to write into; made if it is not there")
	cmd.Flags().BoolVar(&o.images, "images", false, "whole partitions instead of files")
	return cmd
}

func runExtract(ctx context.Context, a *app, o extractOptions, path string, locations []string) error {
	if o.dir == "" {
		return usagef("extract needs -o DIR, the folder to write into")
	}
	var at []fact.Location
	for _, text := range locations {
		l, err := fact.ParseLocation(text)
		if err != nil {
			return usageError{err}
		}
		at = append(at, l)
	}
	ctx, stop := o.bounded(ctx)
	defer stop()
	p, err := o.openUpdate(ctx, path)
	if err != nil {
		return err
	}
	defer p.Close()
	out, err := openTarget(o.dir)
	if err != nil {
		return err
	}
	defer out.Close()
	if o.images {
		return extractImages(ctx, a, o, p, out, at)
	}
	return extractFiles(ctx, a, o, p, out, at)
}

// extractImages writes partitions, each under its final name only once its hashes hold.
func extractImages(ctx context.Context, a *app, o extractOptions, p *ota.Package, out *target, at []fact.Location) error {
	wanted := func(q *ota.Partition) bool {
		return len(at) == 0 || slices.ContainsFunc(at, func(l fact.Location) bool { return l.Partition == q.Name && l.Slot == q.Slot })
	}
	for _, l := range at {
		if l.Path != "" || len(l.Inner) > 0 || !slices.ContainsFunc(p.Partitions, func(q *ota.Partition) bool { return l.Partition == q.Name && l.Slot == q.Slot }) {
			return usagef("%s: with --images a location is a partition of the update, such as boot:", l)
		}
	}
	files := map[*ota.Partition]*pending{}
	pass := ota.Pass{Jobs: o.workers(), Only: wanted, ImagesOnly: len(at) > 0,
		Create: func(q *ota.Partition, size int64) (ota.Output, error) {
			f, err := out.create(imageName(q))
			if err != nil {
				return nil, err
			}
			files[q] = f
			return f, f.Truncate(size)
		}}
	if !o.quiet {
		m := newMeter(a.stderr)
		defer m.Close()
		pass.Progress = m.event
	}
	res, err := ota.Materialise(ctx, p, pass)
	if err != nil {
		return err
	}
	bad := map[string]error{}
	for _, s := range res.Sums {
		if s.Kind == ota.SumPartition && errors.Is(s.Err, parse.ErrFormat) {
			bad[s.Subject] = s.Err
		}
	}
	failed := 0
	for _, made := range res.Made {
		q := made.Partition
		err := cmp.Or(made.Err, bad[q.Name])
		if err == nil {
			err = files[q].commit(0o644)
		}
		if err != nil {
			failed++
			fmt.Fprintf(a.stderr, "not written: %s (%s)\n", imageName(q), parse.EscapeText(err.Error()))
			continue
		}
		fmt.Fprintf(a.stdout, "%s  %s\n", made.SHA256, imageName(q))
	}
	for _, s := range res.Sums {
		if s.Kind != ota.SumPartition && errors.Is(s.Err, parse.ErrFormat) {
			fmt.Fprintf(a.stderr, "the package does not keep its word: %s: %s\n", s.Member, parse.EscapeText(s.Err.Error()))
		}
	}
	switch {
	case len(res.Made) == 0:
		return errors.New("the update has no image of a partition: its files can be extracted without --images")
	case failed > 0:
		return fmt.Errorf("%d of %d images could not be written", failed, len(res.Made))
	}
	return nil
}

func imageName(q *ota.Partition) string {
	name := q.Name
	if q.Slot != "" {
		name += "_" + q.Slot
	}
	return name + ".img"
}
