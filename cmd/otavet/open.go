package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/suite"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// inputOptions are the flags of every command that opens an update.
type inputOptions struct {
	jobs       int
	spool      string
	timeout    time.Duration
	maxMemory  byteSize
	maxInflate byteSize
	source     string
	quiet      bool

	// For those commands that have signatureFlags.
	signatures, keys []string // files
	sdk              inspect.SDKRange
}

func (o *inputOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.jobs, "jobs", 0, "files looked at at once (default: one for each core); the answer does not depend on it")
	f.StringVar(&o.spool, "spool", "", "folder for temporary files (default: the system's)")
	f.DurationVar(&o.timeout, "timeout", 0, "end the run, without an answer, after this time (default: no bound)")
	f.Var(&o.maxMemory, "max-memory", "end the run, without an answer, above this much memory, such as 2GiB (default: no bound)")
	f.Var(&o.maxInflate, "max-inflate", "most bytes that unpacking may produce, such as 100GiB (default 64GiB)")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
}

// signatureFlags are of the commands that say something of signatures.
func (o *inputOptions) signatureFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.signatures, "signature", nil, "a file beside the update that signs it: of minisign, signify, ssh-keygen -Y, OpenPGP or cosign (repeatable)")
	f.StringArrayVar(&o.keys, "signature-key", nil, "public keys for --signature, as their tools write them (repeatable)")
	f.IntVar(&o.sdk.Min, "min-sdk", 0, "least API level by which the signatures of apps are judged (default: of each app, and of the release it is installed with)")
	f.IntVar(&o.sdk.Max, "max-sdk", 0, "greatest API level by which the signatures of apps are judged (default: the newest known)")
}

// A byteSize is a flag such as 512MiB.
type byteSize int64

func (b *byteSize) Type() string { return "SIZE" }
func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return fmt.Sprintf("%d", int64(*b))
}

func (b *byteSize) Set(s string) error {
	var n int64
	var unit string
	if k, err := fmt.Sscanf(s, "%d%s", &n, &unit); k < 1 || k == 1 && err != nil && err != io.EOF && unit != "" {
		return errors.New("a number and KiB, MiB or GiB")
	}
	scale, ok := map[string]int64{"": 1, "B": 1, "K": 1 << 10, "KiB": 1 << 10, "M": 1 << 20, "MiB": 1 << 20, "G": 1 << 30, "GiB": 1 << 30}[unit]
	if !ok || n <= 0 || n > 1<<62/scale {
		return errors.New("a number and KiB, MiB or GiB")
	}
	*b = byteSize(n * scale)
	return nil
}

// bounded gives a context that ends as --timeout and --max-memory say.
func (o *inputOptions) bounded(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := func() { cancel(nil) }
	if o.timeout > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, o.timeout, errTimeout)
		stop = func() { end(); cancel(nil) }
	}
	if o.maxMemory > 0 {
		debug.SetMemoryLimit(int64(o.maxMemory)) // the collector works harder before we give up
		go watchMemory(ctx, int64(o.maxMemory), cancel)
	}
	return ctx, stop
}

// watchMemory ends the run once the heap that is in use exceeds the limit.
// Go cannot recover from running out of memory, so it looks often.
func watchMemory(ctx context.Context, limit int64, cancel context.CancelCauseFunc) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			metrics.Read(sample)
			if sample[0].Value.Uint64() > uint64(limit) {
				cancel(errMemory)
				return
			}
		}
	}
}

func (o *inputOptions) workers() int {
	if o.jobs > 0 {
		return o.jobs
	}
	return runtime.GOMAXPROCS(0)
}

func (o *inputOptions) options() ota.Options {
	return ota.Options{Limits: parse.Limits{Produced: int64(o.maxInflate)}, Spool: o.spool}
}

// openUpdate opens what the user named.
func (o *inputOptions) openUpdate(ctx context.Context, path string) (*ota.Package, error) {
	p, err := ota.OpenPath(ctx, path, o.options())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{err}
	}
	return p, err
}

// gather gives the facts of an update, or those that a facts file holds; stored
// tells which.
func (o *inputOptions) gather(ctx context.Context, path string, want []fact.Kind, stderr io.Writer) (f *fact.Facts, stored bool, err error) {
	if o.sdk.Min < 0 || o.sdk.Max < 0 || o.sdk.Max > 0 && o.sdk.Min > o.sdk.Max {
		return nil, false, usagef("--min-sdk %d, --max-sdk %d: a range of API levels begins at 1 and does not end before it begins", o.sdk.Min, o.sdk.Max)
	}
	if f, err := readFacts(path); f != nil || err != nil {
		if err == nil && (len(o.signatures)+len(o.keys) > 0 || o.sdk != inspect.SDKRange{}) {
			err = usagef("--signature, --min-sdk and --max-sdk: stored facts hold what was found of signatures; the update itself is needed")
		}
		return f, true, err
	}
	p, err := o.openUpdate(ctx, path)
	if err != nil {
		return nil, false, err
	}
	defer p.Close()
	opts := inspect.Options{Jobs: o.workers(), Source: parse.EscapeText(o.source), Version: version(), SDK: o.sdk}
	if opts.Detached, opts.Keys, err = o.readSignatures(); err != nil {
		return nil, false, err
	}
	if !o.quiet {
		m := newMeter(stderr)
		defer m.Close()
		opts.Progress = m.event
	}
	f, err = inspect.Run(ctx, p, suite.All(), want, opts)
	return f, false, err
}

// readFacts reads a facts file; nil, nil when the path is none.
func readFacts(path string) (*fact.Facts, error) {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return nil, nil // opening it as an update says what is wrong
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	head := make([]byte, 256)
	n, _ := io.ReadFull(file, head)
	if text := bytes.TrimLeft(head[:n], " \t\r\n"); !bytes.HasPrefix(text, []byte("{")) || !bytes.Contains(text, []byte(`"otavet/facts/`)) {
		return nil, nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return fact.Decode(file)
}

// hashFile is the SHA-256 of a file that was read before.
func hashFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	b, err := blob.NewFile(f)
	if err != nil {
		f.Close()
		return "", err
	}
	defer b.Close()
	return inspect.Hash(ctx, b, nil)
}
