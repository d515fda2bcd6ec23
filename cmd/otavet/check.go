package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/suite"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/packs"
	"github.com/otavet/otavet/policies/report"
)

type checkOptions struct {
	inputOptions
	packOptions
	base        string
	trust       []string
	failOn      string
	minSeverity string
	unknown     string
	strict      bool
	stage       string
	format      string
	outputs     []string
	color       string
	exitZero    bool
}

func checkCommand(a *app) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check UPDATE",
		Short: "Judge an update: the gate",
		Long: `Find the facts of an update, judge them by packs of rules, and print the verdict.
UPDATE is an OTA zip, an unpacked folder, a lone APK, or facts that otavet facts
stored.

exit status:
  0    every required rule passed (advisory, not applicable and warned-of ones are listed)
  1    a required rule failed at or above --fail-on
  2    the command, a pack or a configuration is wrong, or no rule is selected
  3    the update cannot be read: not an update, cut off, unsupported, over a limit, out of time
  4    nothing failed, but a required rule could not be decided
  5    internal error: the report must not be trusted
  130  interrupted: nothing half-written is left behind
Of several the first of 5, 3, 2, 1, 4, 0 counts.`,
		Example: `  otavet check update.zip
  otavet check --base older.zip --format json update.zip
  otavet check --output json=report.json --output table=report.txt out/target/product/phone`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runCheck(cmd.Context(), a, o, args[0]) },
	}
	o.inputOptions.flags(cmd)
	o.signatureFlags(cmd)
	f := cmd.Flags()
	o.packOptions.flags(cmd)
	f.StringVar(&o.base, "base", "", "the update before this one, or its facts: for rules that compare")
	f.StringArrayVar(&o.trust, "trust", nil, "ROLE=FILE: trust the keys of FILE, certificates or public keys in PEM, for ROLE: ota, payload, avb (also a key as avbtool writes it), apk, apex")
	f.StringVar(&o.failOn, "fail-on", "low", "least severity that makes exit status 1: info, low, medium, high, critical")
	f.StringVar(&o.minSeverity, "min-severity", "", "leave milder rules out of the table (the verdict does not change)")
	f.StringVar(&o.unknown, "unknown", "", "what undecided required rules do: fail or warn (default: as each rule says)")
	f.BoolVar(&o.strict, "strict", false, "assumptions count as unknown")
	f.StringVar(&o.stage, "stage", "released", "build, signed or released: before signing, test keys are no surprise")
	f.StringVar(&o.source, "source", "", "where and when the update was got; goes into the report")
	f.StringVar(&o.format, "format", "table", "what standard output gets: "+formatNames())
	f.StringArrayVar(&o.outputs, "output", nil, "FORMAT=PATH: a report written to a file as well")
	f.StringVar(&o.color, "color", "auto", "auto, always or never; NO_COLOR is respected")
	f.BoolVar(&o.exitZero, "exit-zero", false, "exit status 0 where it would be 1 or 4")
	completeFormats(cmd)
	return cmd
}

func formatNames() string {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

func findFormat(name string) (report.Format, error) {
	all := report.Formats()
	i := slices.IndexFunc(all, func(f report.Format) bool { return f.Name == name })
	if i < 0 {
		return report.Format{}, usagef("no format is called %q: there are %s", name, formatNames())
	}
	return all[i], nil
}

// A sink is a report that is written to a file.
type sink struct {
	format report.Format
	path   string
}

func (o *checkOptions) settings() (policies.Settings, error) {
	s := policies.Settings{FailOn: policies.Severity(o.failOn), Unknown: policies.OnUnknown(o.unknown), Strict: o.strict, Stage: policies.Stage(o.stage)}
	switch {
	case !slices.Contains(policies.Severities(), s.FailOn):
		return s, usagef("--fail-on %s: there are info, low, medium, high, critical", o.failOn)
	case o.minSeverity != "" && !slices.Contains(policies.Severities(), policies.Severity(o.minSeverity)):
		return s, usagef("--min-severity %s: there are info, low, medium, high, critical", o.minSeverity)
	case o.unknown != "" && s.Unknown != policies.UnknownFails && s.Unknown != policies.UnknownWarns:
		return s, usagef("--unknown %s: there are fail and warn", o.unknown)
	case s.Stage != policies.StageBuild && s.Stage != policies.StageSigned && s.Stage != policies.StageReleased:
		return s, usagef("--stage %s: there are build, signed and released", o.stage)
	case o.color != "auto" && o.color != "always" && o.color != "never":
		return s, usagef("--color %s: there are auto, always and never", o.color)
	}
	return s, nil
}

func (o *checkOptions) sinks() (report.Format, []sink, error) {
	out, err := findFormat(o.format)
	if err != nil {
		return out, nil, err
	}
	var sinks []sink
	for _, text := range o.outputs {
		name, path, ok := strings.Cut(text, "=")
		if !ok || path == "" {
			return out, nil, usagef("--output %s: write FORMAT=PATH", text)
		}
		f, err := findFormat(name)
		if err != nil {
			return out, nil, err
		}
		sinks = append(sinks, sink{f, path})
	}
	return out, sinks, nil
}

// wanted are the kinds that the rules need and that can be found.
func wanted(list []*policies.Pack) []fact.Kind {
	kinds := []fact.Kind{fact.KindUpdate, fact.KindPartitions}
	can := suite.All().Kinds()
	for _, p := range list {
		for _, r := range p.Policies {
			for _, k := range r.Needs {
				if slices.Contains(can, k) && !slices.Contains(kinds, k) {
					kinds = append(kinds, k)
				}
			}
		}
	}
	return kinds
}

func runCheck(ctx context.Context, a *app, o checkOptions, path string) error {
	settings, err := o.settings()
	if err != nil {
		return err
	}
	format, sinks, err := o.sinks()
	if err != nil {
		return err
	}
	loaded, err := o.load()
	if err != nil {
		return err
	}
	rules := packs.Policies(loaded)
	trust, inputs, err := readTrust(o.trust)
	if err != nil {
		return err
	}
	beside, err := o.signatureInputs()
	if err != nil {
		return usageError{err}
	}
	inputs = append(inputs, beside...)
	ctx, stop := o.bounded(ctx)
	defer stop()
	facts, stored, err := o.gather(ctx, path, wanted(rules), a.stderr)
	if err != nil {
		return err
	}
	in := policies.Input{Facts: facts, Trust: trust}
	if o.base != "" {
		if in.Base, err = o.gatherBase(ctx, a.stderr, rules); err != nil {
			return err
		}
		inputs = append(inputs, baseInput(in.Base))
	}
	verdict, err := policies.Evaluate(ctx, in, rules, settings)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return usageError{err}
	}
	doc := report.New(facts, verdict, settings)
	doc.Version, doc.Inputs, doc.MinSeverity = version(), inputs, policies.Severity(o.minSeverity)
	if stored {
		doc.JudgedFrom = report.FromFacts
		in, err := factsInput(ctx, path)
		if err != nil {
			return err
		}
		doc.Inputs = append(doc.Inputs, in)
	}
	for _, s := range sinks {
		if err := writeFile(s, doc); err != nil {
			return err
		}
	}
	doc.Terminal = report.Terminal{Width: terminalWidth(a.stdout), Color: colour(o.color, a.stdout)}
	var buf bytes.Buffer
	if err := format.Write(&buf, doc); err != nil {
		return err
	}
	if _, err := a.stdout.Write(buf.Bytes()); err != nil {
		return err
	}
	if a.exit = verdict.Exit(settings); o.exitZero {
		a.exit = policies.ExitPass
	}
	return nil
}

func (o *checkOptions) gatherBase(ctx context.Context, stderr io.Writer, rules []*policies.Pack) (*fact.Facts, error) {
	older := o.inputOptions
	older.signatures, older.keys, older.sdk = nil, nil, inspect.SDKRange{} // which are about the update
	base, _, err := older.gather(ctx, o.base, wanted(rules), stderr)
	if err != nil {
		return nil, fmt.Errorf("--base: %w", err)
	}
	base.Locations(func(l *fact.Location) { l.Update = "base" })
	return base, nil
}

func baseInput(base *fact.Facts) report.Input {
	in := report.Input{Role: "base", Version: base.Tool}
	for _, u := range base.Update {
		in.Name = u.Path
		if sum := u.SHA256; sum != nil {
			in.SHA256 = *sum
		} else if sum := u.TreeSHA256; sum != nil {
			in.SHA256 = *sum
		}
	}
	return in
}

// writeFile writes a report beside its name and then gives it the name, so that
// nobody finds half of one.
func writeFile(s sink, doc *report.Document) error {
	f, err := os.CreateTemp(filepath.Dir(s.path), ".otavet-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has its name
	if err := errors.Join(s.format.Write(f, doc), f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("--output %s: %w", s.path, err)
	}
	return os.Rename(f.Name(), s.path)
}

// factsInput names the facts file that was judged.
func factsInput(ctx context.Context, path string) (report.Input, error) {
	sum, err := hashFile(ctx, path)
	return report.Input{Role: "facts", Name: parse.Escape(filepath.Base(path)), Version: fact.Schema, SHA256: sum}, err
}
