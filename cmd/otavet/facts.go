package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/inspect/fact"
)

type factsOptions struct {
	inputOptions
	kinds  []string
	format string
}

func factsCommand(a *app) *cobra.Command {
	var o factsOptions
	cmd := &cobra.Command{
		Use:   "facts UPDATE",
		Short: "Print what was found out about an update, without judging it",
		Long: `Print the facts of an update as JSON. They can be stored and fed back to
otavet check, which then judges without the update.

The kinds are: ` + kindList() + `.
All are found unless --kinds names some; files, which makes a record for each
installed file and reads all of them, only when named.

exit status: 0; 2 usage; 3 the update cannot be read; 5 internal error; 130 interrupted`,
		Example: `  otavet facts update.zip > facts.json
  otavet facts --kinds signatures,certificates update.zip
  otavet facts --kinds files --format jsonl update.zip | grep setuid`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runFacts(cmd.Context(), a, o, args[0]) },
	}
	o.flags(cmd)
	o.signatureFlags(cmd)
	cmd.Flags().StringSliceVar(&o.kinds, "kinds", nil, "kinds of facts, separated by commas")
	cmd.Flags().StringVar(&o.format, "format", "json", "json, or jsonl: one fact a line, {\"kind\": …, \"fact\": …}")
	cmd.Flags().StringVar(&o.source, "source", "", "where and when the update was got; goes into the facts")
	return cmd
}

func kindList() string {
	var names []string
	for _, k := range fact.All() {
		if !slices.Contains(fact.Later(), k) {
			names = append(names, string(k))
		}
	}
	return strings.Join(names, ", ")
}

func parseKinds(names []string) ([]fact.Kind, error) {
	var kinds []fact.Kind
	for _, n := range names {
		k := fact.Kind(n)
		switch {
		case slices.Contains(fact.Later(), k):
			return nil, usagef("facts of kind %q are not found by this version", n)
		case slices.Contains(fact.All(), k):
			kinds = append(kinds, k)
		default:
			return nil, usagef("no kind of facts is called %q: there are %s", n, kindList())
		}
	}
	return kinds, nil
}

func runFacts(ctx context.Context, a *app, o factsOptions, path string) error {
	if o.format != "json" && o.format != "jsonl" {
		return usagef("--format %s: facts come as json or jsonl", o.format)
	}
	asked, err := parseKinds(o.kinds)
	if err != nil {
		return err
	}
	ctx, stop := o.bounded(ctx)
	defer stop()
	var want []fact.Kind
	if asked != nil { // every set of facts says which update it is about
		want = append(slices.Clone(asked), fact.KindUpdate)
	}
	facts, _, err := o.gather(ctx, path, want, a.stderr)
	if err != nil {
		return err
	}
	return writeFacts(a.stdout, facts, o.format, asked)
}

// writeFacts writes facts as json or jsonl. Kinds that were found on the way to
// those that were asked for stay in the JSON, which says so in "kinds"; jsonl,
// for people with grep, has what was asked for.
func writeFacts(w io.Writer, facts *fact.Facts, format string, want []fact.Kind) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if format == "json" {
		enc.SetIndent("", "  ")
		if err := enc.Encode(facts); err != nil {
			return err
		}
		return out.Flush()
	}
	for _, k := range facts.Kinds {
		if want != nil && !slices.Contains(want, k) {
			continue
		}
		records := kindSlice(facts, k)
		for i := range records.Len() {
			if err := enc.Encode(map[string]any{"kind": k, "fact": records.Index(i).Interface()}); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

// kindSlice is the slice of Facts whose JSON name is the kind's.
func kindSlice(f *fact.Facts, k fact.Kind) reflect.Value {
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("json") == string(k) {
			return v.Field(i)
		}
	}
	panic(fmt.Sprintf("no facts of kind %s", k)) // the reflection test of package fact forbids it
}
