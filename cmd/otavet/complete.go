package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/policies/report"
)

// completeFormats lets shells offer the formats where flags take them: --format
// NAME, and --output NAME=PATH.
func completeFormats(cmd *cobra.Command) {
	var names, prefixes []cobra.Completion
	for _, f := range report.Formats() {
		names = append(names, cobra.CompletionWithDesc(f.Name, f.Doc))
		prefixes = append(prefixes, cobra.CompletionWithDesc(f.Name+"=", f.Doc))
	}
	for flag, complete := range map[string]cobra.CompletionFunc{
		"format": cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp),
		"output": func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if strings.Contains(typed, "=") {
				return nil, cobra.ShellCompDirectiveDefault // a file
			}
			return slices.Clone(prefixes), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
		},
	} {
		if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
			panic(err) // no such flag
		}
	}
}
