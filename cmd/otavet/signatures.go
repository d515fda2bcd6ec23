package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

type signaturesOptions struct {
	inputOptions
	detail bool
	format string
}

func signaturesCommand(a *app) *cobra.Command {
	var o signaturesOptions
	cmd := &cobra.Command{
		Use:   "signatures UPDATE",
		Short: "Say what is signed, by whom, and whether it holds",
		Long: `List every signature of an update that this version judges: whether it holds with
the key in the file, who signed, which releases would take it if they trusted that key,
whether the key is publicly known, and which bytes it does not cover. Whether
you should trust the signer is not said here. Where something does not hold, a
reader would refuse it or it switches verification off, that stands below its line.

exit status: 0 all hold; 1 one does not, or there is none; 4 none is broken, but one
could not be judged; 2 usage; 3 the update cannot be read; 130 interrupted`,
		Example: `  otavet signatures update.zip
  otavet signatures --detail update.zip
  otavet signatures --format json update.zip`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runSignatures(cmd.Context(), a, o, args[0]) },
	}
	o.flags(cmd)
	o.signatureFlags(cmd)
	cmd.Flags().BoolVar(&o.detail, "detail", false, "all that is known of each: certificates, bytes covered and not, what each reader would do")
	cmd.Flags().StringVar(&o.format, "format", "table", "table or json (facts)")
	return cmd
}

func runSignatures(ctx context.Context, a *app, o signaturesOptions, path string) error {
	if o.format != "table" && o.format != "json" {
		return usagef("--format %s: signatures come as table or json", o.format)
	}
	ctx, stop := o.bounded(ctx)
	defer stop()
	want := []fact.Kind{fact.KindUpdate, fact.KindSignatures, fact.KindGaps}
	facts, stored, err := o.gather(ctx, path, want, a.stderr)
	if err != nil {
		return err
	}
	if stored && !slices.Contains(facts.Kinds, fact.KindSignatures) {
		return usagef("%s holds facts, but signatures were not looked for", path)
	}
	a.exit = signaturesExit(facts)
	if o.format == "json" {
		return writeFacts(a.stdout, facts, "json", nil)
	}
	out := bufio.NewWriter(a.stdout)
	if stored {
		fmt.Fprintln(out, "From stored facts: the update itself was not read.")
	}
	if o.detail {
		writeSignatures(out, facts)
	} else {
		writeSignatureTable(out, facts)
	}
	return out.Flush()
}

func signaturesExit(f *fact.Facts) int {
	exit := policies.ExitPass
	open := len(signatureGaps(f)) > 0
	for _, s := range f.Signatures {
		switch {
		case s.Holds == nil:
			open = true
		case !*s.Holds:
			exit = policies.ExitFail
		}
	}
	switch {
	case exit == policies.ExitFail:
		return exit
	case open:
		return policies.ExitUnknown
	case !slices.ContainsFunc(f.Signatures, func(s fact.Signature) bool { return s.Scheme != "partition-hash" }):
		return policies.ExitFail // hashes are no signatures
	}
	return exit
}

func signatureGaps(f *fact.Facts) []fact.Gap {
	var gaps []fact.Gap
	for _, g := range f.Gaps {
		if slices.Contains(g.Blinds, fact.KindSignatures) {
			gaps = append(gaps, g)
		}
	}
	return gaps
}

// writeSignatures says all that is known of each signature.
func writeSignatures(w io.Writer, f *fact.Facts) {
	for _, s := range f.Signatures {
		fmt.Fprintf(w, "%s  %s  %s\n", word(s.Holds, "HOLDS", "BROKEN", "NOT JUDGED"), s.Scheme, s.Subject)
		if s.Reason != "" {
			fmt.Fprintf(w, "  why        %s\n", s.Reason)
		}
		for _, k := range s.Signers {
			fmt.Fprintf(w, "  signer     %s\n", k.Subject)
			fmt.Fprintf(w, "             %s-%d over %s%s\n", k.Algorithm, k.Bits, k.Digest, weak(k.Weak))
			if k.SHA256 != "" {
				fmt.Fprintf(w, "             certificate SHA-256 %s\n", k.SHA256)
			}
			fmt.Fprintf(w, "             key SHA-256 %s\n", k.KeySHA256)
		}
		for _, k := range s.Known {
			fmt.Fprintf(w, "  known      %s (private key public: %s; by its %s; %s)\n", k.What, k.Private, k.Match, k.Source)
		}
		if len(s.Signers) > 0 && len(s.Known) == 0 {
			fmt.Fprintln(w, "  known      not on the list of publicly known keys")
		}
		for _, a := range s.Accepts {
			fmt.Fprintf(w, "  accepted   %s\n", acceptance(a))
		}
		writeRanges(w, "covers", s.Covers)
		writeRanges(w, "uncovered", s.Unsigned)
		for _, n := range s.Notes {
			fmt.Fprintf(w, "  note       %s\n", n)
		}
		fmt.Fprintf(w, "  at         %s\n", s.At)
	}
	writeSignatureGaps(w, f)
}

// writeSignatureGaps says what could not be looked at, so that silence is no answer.
func writeSignatureGaps(w io.Writer, f *fact.Facts) {
	gaps := signatureGaps(f)
	if len(f.Signatures) == 0 && len(gaps) == 0 {
		fmt.Fprintln(w, "No signature was found: nothing in this update says who made it.")
	}
	for _, g := range gaps {
		fmt.Fprintf(w, "NOT JUDGED  %s\n  why        %s\n", g.At, g.Reason)
	}
}

func weak(why []string) string {
	if len(why) == 0 {
		return ""
	}
	return " (weak: " + strings.Join(why, ", ") + ")"
}

// acceptance says in one line what a reader would do.
func acceptance(a fact.Accepts) string {
	return fmt.Sprintf("%s %s: %s (%s)", a.Reader, releases(a.Since, a.Until), word(a.Takes, "would take it", "would refuse it", "cannot be told"), a.Rule)
}

// releases names a range of Android releases.
func releases(since, until string) string {
	switch {
	case since == "" && until == "":
		return "of every Android release"
	case since == "":
		return "up to Android " + until
	case until == "":
		return "from Android " + since
	case since == until:
		return "of Android " + since
	}
	return "of Android " + since + " to " + until
}

func writeRanges(w io.Writer, name string, rs []fact.Range) {
	for _, r := range rs {
		fmt.Fprintf(w, "  %-10s bytes %#x to %#x: %s\n", name, r.First, r.End, r.What)
	}
}

func word(b *bool, yes, no, unknown string) string {
	switch {
	case b == nil:
		return unknown
	case *b:
		return yes
	}
	return no
}
