// Command otavet tells whether a firmware update keeps its promises.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/policies"
	"github.com/otavet/otavet/policies/document"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// Causes that end a run.
var (
	errInterrupted = errors.New("interrupted")
	errTimeout     = errors.New("out of time (--timeout)")
	errMemory      = errors.New("out of memory (--max-memory)")
)

// run is main without the process: it gives the exit status.
func run(args []string, stdout, stderr io.Writer) (exit int) {
	defer func() {
		if v := recover(); v != nil {
			exit = complain(stderr, &inspect.ErrInternal{Where: "otavet", Panic: v, Stack: debug.Stack()})
		}
	}()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		if _, ok := <-signals; ok {
			cancel(errInterrupted)
		}
	}()
	defer close(signals)

	app := &app{stdout: stdout, stderr: stderr}
	root := rootCommand(app)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		return complain(stderr, err)
	}
	return app.exit
}

// An app is what the commands share: where they write, and the status that the
// one that ran leaves.
type app struct {
	stdout, stderr io.Writer
	exit           int
}

func rootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "otavet",
		Short: "Tell whether a firmware update keeps its promises",
		Long: `otavet opens an Android firmware update, checks its signatures, takes out what
it installs and judges that by policies. It runs in one process, without root and
without network, and writes nothing but what it is asked to.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(checkCommand(a), factsCommand(a), signaturesCommand(a), lsCommand(a), catCommand(a), extractCommand(a),
		packCommand(a), explainCommand(a), versionCommand(a))
	return root
}

// A usageError is a mistake of the person who typed: exit 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitOf is the one place where an error becomes an exit status.
func exitOf(err error) int {
	var internal *inspect.ErrInternal
	var usage usageError
	switch {
	case errors.As(err, &internal):
		return policies.ExitInternal
	case errors.Is(err, errInterrupted):
		return policies.ExitInterrupted
	case errors.As(err, &usage), isCobraUsage(err):
		return policies.ExitUsage
	}
	return policies.ExitUnreadable
}

// complain writes an error for people, with a hint where there is one.
func complain(w io.Writer, err error) int {
	fmt.Fprintln(w, "otavet: "+parse.EscapeText(err.Error()))
	var doc *document.Error
	if errors.As(err, &doc) {
		fmt.Fprint(w, doc.Excerpt) // its lines are escaped, each by itself
	}
	if h := hint(err); h != "" {
		fmt.Fprintln(w, "hint: "+h)
	}
	return exitOf(err)
}
