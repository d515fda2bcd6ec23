package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

func catCommand(a *app) *cobra.Command {
	var o inputOptions
	cmd := &cobra.Command{
		Use:   "cat UPDATE LOCATION...",
		Short: "Print the bytes of a place in an update",
		Long: `Print the bytes that a LOCATION names: a file of a partition, a member of the
package, a member of such a file. With #@0xOFFSET the bytes from there on, with #@LINE that
line alone. Links are followed inside the update, never outside.

On a terminal what does not print is written %XX; elsewhere the bytes come as they are.

exit status: 0; 2 usage or no such location; 3 the update cannot be read; 130 interrupted`,
		Example: `  otavet cat update.zip META-INF/com/android/metadata
  otavet cat update.zip 'META-INF/com/google/android/updater-script#@12'
  otavet cat update.zip system:app/Mms.apk!/classes.dex > classes.dex`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return runCat(cmd.Context(), a, o, args[0], args[1:]) },
	}
	o.flags(cmd)
	return cmd
}

func runCat(ctx context.Context, a *app, o inputOptions, path string, locations []string) error {
	ctx, stop := o.bounded(ctx)
	defer stop()
	p, err := o.openUpdate(ctx, path)
	if err != nil {
		return err
	}
	defer p.Close()
	out := a.stdout
	if isTerminal(out) {
		safe := &safeWriter{w: out}
		defer safe.flush()
		out = safe
	}
	for _, text := range locations {
		if err := catOne(ctx, out, p, text); err != nil {
			return err
		}
	}
	return nil
}

func catOne(ctx context.Context, w io.Writer, p *ota.Package, text string) error {
	at, err := fact.ParseLocation(text)
	if err != nil {
		return usageError{err}
	}
	b, closer, err := inspect.Open(ctx, p, at)
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	defer closer()
	if at.Line != nil {
		return catLine(w, b, at)
	}
	var off int64
	if at.Offset != nil {
		off = *at.Offset
	}
	if off > b.Size() {
		return usagef("%s: there are only %d bytes", at, b.Size())
	}
	_, err = io.Copy(w, io.NewSectionReader(b, off, b.Size()-off))
	return err
}

// maxLine bounds a line that is printed: 1 MiB is far above any line of a
// script or a property file.
const maxLine = 1 << 20

func catLine(w io.Writer, b blob.Blob, at fact.Location) error {
	lines := bufio.NewScanner(blob.Reader(b))
	lines.Buffer(nil, maxLine)
	for n := int64(1); lines.Scan(); n++ {
		if n == *at.Line {
			_, err := fmt.Fprintln(w, lines.Text())
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return usagef("%s: there are fewer lines", at)
}

// safeWriter writes text to a terminal so that it has no effect but to be seen.
type safeWriter struct {
	w    io.Writer
	rest []byte // the beginning of a character that was cut in two
}

func (s *safeWriter) Write(p []byte) (int, error) {
	text := append(s.rest, p...)
	// A character is at most four bytes: keep an unfinished one for the next write.
	cut := len(text)
	for i := 1; i <= min(3, len(text)); i++ {
		if c := text[len(text)-i]; c >= 0xC0 {
			cut = len(text) - i
			break
		} else if c < 0x80 {
			break
		}
	}
	s.rest = bytes.Clone(text[cut:])
	var out strings.Builder
	for line := range strings.SplitAfterSeq(string(text[:cut]), "\n") {
		body, nl := strings.CutSuffix(line, "\n")
		for i, cell := range strings.Split(body, "\t") {
			if i > 0 {
				out.WriteByte('\t')
			}
			out.WriteString(parse.EscapeText(cell))
		}
		if nl {
			out.WriteByte('\n')
		}
	}
	if _, err := io.WriteString(s.w, out.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// flush writes what the end of the file left unfinished.
func (s *safeWriter) flush() {
	io.WriteString(s.w, parse.EscapeText(string(s.rest)))
	s.rest = nil
}
