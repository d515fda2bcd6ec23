package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/packs"
	"github.com/otavet/otavet/policies/report"
)

// packOptions are the flags that choose rules.
type packOptions struct {
	packs  []string
	params []string
}

func (o *packOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.packs, "pack", nil, "NAME or PATH of a pack of rules, or a folder of them; repeatable (default baseline and privacy)")
	f.StringArrayVar(&o.params, "param", nil, "NAME=VALUE or NAME=@FILE: a parameter of the packs; lists are separated by commas or lines")
}

// load reads the packs that the flags name; without any, those that come with otavet.
func (o *packOptions) load() ([]*packs.Pack, error) {
	params, err := readParams(o.params)
	if err != nil {
		return nil, err
	}
	list, _, err := openPacks(o.packs, packs.Options{Params: params})
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !slices.ContainsFunc(list, func(p *packs.Pack) bool { return slices.Contains(p.Parameters(), name) }) {
			return nil, usagef("--param %s: no pack has a parameter of that name", name)
		}
	}
	return list, nil
}

// maxParam bounds a file with a parameter's value: a list of packages has some kilobytes.
const maxParam = 1 << 20

func readParams(given []string) (map[string]string, error) {
	params := map[string]string{}
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usagef("--param %s: write NAME=VALUE or NAME=@FILE", text)
		}
		if path, isFile := strings.CutPrefix(value, "@"); isFile {
			data, err := readSmall(path, maxParam)
			if err != nil {
				return nil, usagef("--param %s: %v", name, err)
			}
			value = string(data)
		}
		if _, twice := params[name]; twice {
			return nil, usagef("--param %s is given twice", name)
		}
		params[name] = value
	}
	return params, nil
}

func readSmall(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s: larger than %d bytes", path, most)
	}
	return data, err
}

// maxPack bounds the file of a pack before it is read; package document has its own, smaller bound.
const maxPack = 4 << 20

// openPacks reads packs by name or path, with the folder that each stands in: nil for those
// that come with otavet. No names mean all of those.
func openPacks(names []string, o packs.Options) ([]*packs.Pack, []fs.FS, error) {
	builtIn, err := packs.ParseBuiltIn(o)
	if err != nil {
		return nil, nil, usageError{err}
	}
	if len(names) == 0 {
		return builtIn, make([]fs.FS, len(builtIn)), nil
	}
	var list []*packs.Pack
	var dirs []fs.FS
	for _, name := range names {
		if i := slices.IndexFunc(builtIn, func(p *packs.Pack) bool { return p.Name == name }); i >= 0 {
			list, dirs = append(list, builtIn[i]), append(dirs, nil)
			continue
		}
		files, err := packFiles(name)
		if err != nil {
			return nil, nil, err
		}
		for _, file := range files {
			data, err := readSmall(file, maxPack)
			if err != nil {
				return nil, nil, usageError{err}
			}
			p, err := packs.Parse(file, data, o)
			if err != nil {
				return nil, nil, usageError{err}
			}
			root, err := os.OpenRoot(filepath.Dir(file))
			if err != nil {
				return nil, nil, usageError{err}
			}
			list, dirs = append(list, p), append(dirs, root.FS())
		}
	}
	return list, dirs, nil
}

// packFiles are the files of a pack, or of a folder of packs.
func packFiles(name string) ([]string, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("no pack and no file is called %q; packs that come with otavet: %s", name, builtInNames())
	}
	if err != nil {
		return nil, usageError{err}
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, usageError{err}
	}
	var files []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Join(name, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, usagef("%s: a folder without packs (*.yaml)", name)
	}
	return files, nil
}

func builtInNames() string {
	var names []string
	for _, p := range packs.BuiltIn() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

func packCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pack",
		Short: "Work on packs of rules",
		Long: `A pack is a YAML file with rules: what each judges, as CEL expressions over the facts, why, and
tests of its own. PACK is the name of one that comes with otavet, a file, or a folder of files;
without any, all that come with otavet.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, sub := range []struct {
		use, short string
		run        func(context.Context, *app, []*packs.Pack, []fs.FS) error
	}{
		{"list [PACK…]", "List packs, with their versions and hashes", listPacks},
		{"show [PACK…]", "Print packs as they are written, to read them or to begin one's own", showPacks},
		{"test [PACK…]", "Run the tests of each rule; exit status 1 where one fails", testPacks},
		{"lint [PACK…]", "Say what rules lack: texts, and tests of a fail, a pass and an unknown; exit status 1 where something does", lintPacks},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: sub.use, Short: sub.short,
			RunE: func(cmd *cobra.Command, args []string) error {
				list, dirs, err := openPacks(args, packs.Options{})
				if err != nil {
					return err
				}
				return sub.run(cmd.Context(), a, list, dirs)
			},
		})
	}
	return cmd
}

func listPacks(_ context.Context, a *app, list []*packs.Pack, _ []fs.FS) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "PACK\tVERSION\tRULES\tSHA-256\tTITLE")
	for _, p := range list {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s…\t%s\n", p.Name, parse.EscapeText(p.Version), len(p.Policies), p.Digest[:16], parse.EscapeText(p.Title))
	}
	return w.Flush()
}

func showPacks(_ context.Context, a *app, list []*packs.Pack, _ []fs.FS) error {
	for _, p := range list {
		for line := range strings.Lines(string(p.Source)) {
			text := strings.TrimRight(line, "\r\n")
			if _, err := fmt.Fprintln(a.stdout, parse.EscapeText(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

func testPacks(ctx context.Context, a *app, list []*packs.Pack, dirs []fs.FS) error {
	ran, failed := 0, 0
	for i, p := range list {
		trials, err := p.Try(ctx, dirs[i])
		if err != nil {
			return err
		}
		for _, t := range trials {
			ran++
			if t.Err != nil {
				failed++
				fmt.Fprintf(a.stdout, "FAIL %s %s, %s: %s\n", p.Name, t.Rule, parse.EscapeText(t.Test), parse.EscapeText(t.Err.Error()))
			}
		}
	}
	if failed > 0 {
		a.exit = policies.ExitFail
	}
	_, err := fmt.Fprintf(a.stdout, "%d passed, %d failed\n", ran-failed, failed)
	return err
}

func lintPacks(_ context.Context, a *app, list []*packs.Pack, _ []fs.FS) error {
	n := 0
	for _, p := range list {
		for _, err := range p.Lint() {
			n++
			fmt.Fprintln(a.stdout, parse.EscapeText(err.Error()))
		}
	}
	if n > 0 {
		a.exit = policies.ExitFail
	}
	_, err := fmt.Fprintf(a.stdout, "%d packs, %d lacks\n", len(list), n)
	return err
}

func explainCommand(a *app) *cobra.Command {
	var o packOptions
	var stored, color string
	cmd := &cobra.Command{
		Use:   "explain RULE | explain --report REPORT RESULT",
		Short: "Say why a rule exists and what it looks at, or what a result rests on",
		Long: `Without --report: why a rule exists, what it looks at, what it cannot see, and what to do when it
fails. With it: what a stored JSON report found, step by step, each with the command that prints the
bytes. RESULT is a rule, or the beginning of a finding's fingerprint.`,
		Example: `  otavet explain phone-numbers-encrypted
  otavet check --output json=r.json update.zip; otavet explain --report r.json no-public-keys`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			term := report.Terminal{Width: terminalWidth(a.stdout), Color: colour(color, a.stdout)}
			if stored != "" {
				return explainResult(a, stored, args[0], term)
			}
			list, err := o.load()
			if err != nil {
				return err
			}
			return explainRule(a, list, args[0], term)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&stored, "report", "", "a report that check wrote with --format json")
	cmd.Flags().StringVar(&color, "color", "auto", "auto, always or never; NO_COLOR is respected")
	return cmd
}

func explainRule(a *app, list []*packs.Pack, id string, term report.Terminal) error {
	for _, p := range list {
		for _, r := range p.Policies {
			if r.ID != id {
				continue
			}
			var checked []report.Line
			for _, c := range p.Checked(id) {
				checked = append(checked, report.Line{Name: c[0], Text: c[1]})
			}
			return report.Rule(a.stdout, p.Pack, r, checked, term)
		}
	}
	return usagef("no rule is called %q; otavet pack show lists them", id)
}

func explainResult(a *app, path, which string, term report.Terminal) error {
	f, err := os.Open(path)
	if err != nil {
		return usageError{err}
	}
	defer f.Close()
	if err := report.Explain(a.stdout, f, which, term); err != nil {
		return usageError{err}
	}
	return nil
}
