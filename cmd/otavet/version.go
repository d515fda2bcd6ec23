package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/suite"
)

// version is the module's, as the go command recorded it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and what it can find",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "otavet %s (%s %s/%s)\nfacts: %s, kinds %v\nnot found yet: %v\n", version(),
				runtime.Version(), runtime.GOOS, runtime.GOARCH, fact.Schema, suite.All().Kinds(), fact.Later())
			return err
		},
	}
}
