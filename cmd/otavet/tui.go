package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/parse"
)

// hint gives advice on an error: the one place for it.
func hint(err error) string {
	var internal *inspect.ErrInternal
	switch {
	case errors.As(err, &internal):
		return "this is a defect of otavet; no answer of this run may be trusted. Please report it with the update if you can:\n" + string(internal.Stack)
	case errors.Is(err, errTimeout):
		return "give more time with --timeout, or 0 for no bound"
	case errors.Is(err, errMemory):
		return "give more memory with --max-memory"
	case isCobraUsage(err):
		return "otavet --help lists the commands, otavet COMMAND --help their flags"
	case errors.Is(err, parse.ErrLimit):
		return "limits keep hostile updates from filling the disk; --max-inflate raises the one on unpacked bytes"
	case errors.Is(err, fs.ErrPermission):
		return "otavet needs to read the update, nothing more"
	}
	return ""
}

// isCobraUsage tells cobra's own complaints, which have no type, from ours.
func isCobraUsage(err error) bool {
	var usage usageError
	if errors.As(err, &usage) {
		return true
	}
	s := err.Error()
	for _, start := range []string{"unknown command ", "accepts ", "requires at least ", "unknown flag", "unknown shorthand", "if any flags in the group", "invalid argument "} {
		if strings.HasPrefix(s, start) {
			return true
		}
	}
	return false
}

// isTerminal tells whether w is one.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalWidth is the width of w in columns; 80 where it is no terminal.
func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}

// colour decides whether status words are coloured: --color, then NO_COLOR, then
// whether somebody looks.
func colour(mode string, w io.Writer) bool {
	switch mode {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

// A meter draws progress: one line that changes on a terminal, elsewhere one
// line for each phase when it has ended.
type meter struct {
	w        io.Writer
	terminal bool
	mu       sync.Mutex
	phase    string
	last     ota.Event
	began    time.Time
	drawn    time.Time
}

func newMeter(w io.Writer) *meter { return &meter{w: w, terminal: isTerminal(w)} }

// event may be called from several goroutines.
func (m *meter) event(e ota.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if e.Phase != m.phase {
		m.end()
		m.phase, m.began = e.Phase, now
	}
	if e.Done >= m.last.Done {
		m.last = e
	}
	if m.terminal && now.Sub(m.drawn) >= 100*time.Millisecond {
		m.drawn = now
		fmt.Fprintf(m.w, "\r\x1b[K%s", line(e, now.Sub(m.began)))
	}
}

func line(e ota.Event, took time.Duration) string {
	s := parse.EscapeText(e.Phase) + ": " + amount(e.Done, e.Unit)
	if e.Total <= 0 {
		return s
	}
	if e.Unit == "bytes" {
		s += " of " + amount(e.Total, e.Unit)
	} else {
		s = fmt.Sprintf("%s: %d of %s", parse.EscapeText(e.Phase), e.Done, amount(e.Total, e.Unit))
	}
	if left := time.Duration(float64(took) * float64(e.Total-e.Done) / float64(max(e.Done, 1))); e.Done > 0 && left > time.Second {
		s += fmt.Sprintf(", %v left", left.Round(time.Second))
	}
	return s
}

func amount(n int64, unit string) string {
	if unit != "bytes" {
		return fmt.Sprintf("%d %s", n, unit)
	}
	for _, u := range []struct {
		size int64
		name string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if n >= u.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.size), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// end finishes the phase that is drawn.
func (m *meter) end() {
	if m.phase == "" {
		return
	}
	if m.terminal {
		fmt.Fprint(m.w, "\r\x1b[K")
	} else {
		fmt.Fprintln(m.w, line(ota.Event{Phase: m.phase, Done: m.last.Done, Unit: m.last.Unit}, 0))
	}
	m.phase, m.last = "", ota.Event{}
}

// Close clears the line.
func (m *meter) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end()
}
