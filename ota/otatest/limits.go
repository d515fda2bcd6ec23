package otatest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// CorpusLimits is how fast the field's own C tools are on the operations of a
// corpus, one process a core: what a reader in Go is measured against.
type CorpusLimits struct {
	Cores           int
	XZ, Bzip2, Zstd Limit // xz -T1 -dc, bzip2 -dc, zstd -dc, each over its own operations
	SHA256          Limit // sha256sum of all that operations become
	Replace, Zero   Limit // not timed: operations without compression
}

// A Limit is one tool's.
type Limit struct {
	Ops     int
	In, Out int64         // bytes of all operations, as stored and as output
	Wall    time.Duration // from the start of the first process to the end of the last: the least of three rounds
	CPU     time.Duration // what the processes of that round used, all together
}

// String reads "157 operations, 98.1 MB become 328.2 MB in 2.31s, 142 MB/s (CPU 4.51s)".
func (l Limit) String() string {
	s := fmt.Sprintf("%d operations, %.1f MB become %.1f MB", l.Ops, float64(l.In)/1e6, float64(l.Out)/1e6)
	if l.Wall > 0 {
		s += fmt.Sprintf(" in %.3gs, %.0f MB/s (CPU %.3gs)", l.Wall.Seconds(), float64(l.Out)/1e6/l.Wall.Seconds(), l.CPU.Seconds())
	}
	return s
}

// Limits measures. The operations of a method are joined to one file for each
// core, which all three tools decode; what they become is written once, to be
// counted and hashed, and again thrown away, to be timed. The page cache is warm.
func Limits(t testing.TB, corpus string) CorpusLimits {
	t.Helper()
	m := &measurement{t: t, dir: t.TempDir(), cores: runtime.GOMAXPROCS(0)}
	l := CorpusLimits{Cores: m.cores}
	methods := map[string]*Limit{"xz": &l.XZ, "bz": &l.Bzip2, "zstd": &l.Zstd, "replace": &l.Replace, "zero": &l.Zero}
	m.split(corpus, methods)
	var outputs [][]string // of each core
	for core := range m.cores {
		outputs = append(outputs, []string{"sha256sum", m.file("replace", core), m.file("zero", core)})
	}
	for _, tool := range []struct {
		method  string
		command []string
	}{{"xz", []string{"xz", "-T1", "-dc"}}, {"bz", []string{"bzip2", "-dc"}}, {"zstd", []string{"zstd", "-q", "-dc"}}} {
		method, command := tool.method, tool.command
		Tool(t, command[0])
		var commands [][]string
		for core := range m.cores {
			if m.empty(method, core) {
				continue
			}
			commands = append(commands, append(command[:len(command):len(command)], m.file(method, core)))
			outputs[core] = append(outputs[core], m.file(method+".out", core))
		}
		m.decode(commands, method, methods[method].Out)
		m.time(methods[method], commands)
	}
	Tool(t, "sha256sum")
	for _, one := range methods {
		l.SHA256.Ops += one.Ops
		l.SHA256.Out += one.Out
	}
	l.SHA256.In = l.SHA256.Out
	m.time(&l.SHA256, outputs)
	return l
}

type measurement struct {
	t     testing.TB
	dir   string
	cores int
}

func (m *measurement) file(name string, core int) string {
	return filepath.Join(m.dir, fmt.Sprintf("%s.%d", name, core))
}

// empty tells whether a core gets nothing: no stream at all is an error to zstd.
func (m *measurement) empty(name string, core int) bool {
	m.t.Helper()
	st, err := os.Stat(m.file(name, core))
	if err != nil {
		m.t.Fatal(err)
	}
	return st.Size() == 0
}

// split writes the stored bytes of each method, to the core that has least.
func (m *measurement) split(corpus string, methods map[string]*Limit) {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(corpus), corpusOps))
	if err != nil {
		m.t.Fatal(err)
	}
	zip, err := os.Open(corpus)
	if err != nil {
		m.t.Fatal(err)
	}
	defer zip.Close()
	files := map[string][]*share{}
	for method := range methods {
		for core := range m.cores {
			f, err := os.Create(m.file(method, core))
			if err != nil {
				m.t.Fatal(err)
			}
			defer f.Close()
			files[method] = append(files[method], &share{f, 0})
		}
	}
	for line := range bytes.Lines(text) {
		var method string
		var off, stored, output int64
		if _, err := fmt.Sscanln(string(line), &method, &off, &stored, &output); err != nil || methods[method] == nil {
			m.t.Fatalf("%s: line %q: %v", corpusOps, line, err)
		}
		l := methods[method]
		l.Ops, l.In, l.Out = l.Ops+1, l.In+stored, l.Out+output
		s := least(files[method])
		s.output += output
		if _, err := io.Copy(s.f, io.NewSectionReader(zip, off, stored)); err != nil {
			m.t.Fatal(err)
		}
	}
	for _, s := range files["zero"] {
		if err := s.f.Truncate(s.output); err != nil { // a file of zeros that takes no space
			m.t.Fatal(err)
		}
	}
}

// A share is what one core gets of a method.
type share struct {
	f      *os.File
	output int64
}

func least(shares []*share) *share {
	l := shares[0]
	for _, s := range shares {
		if s.output < l.output {
			l = s
		}
	}
	return l
}

// decode writes what a method's operations become, and counts it.
func (m *measurement) decode(commands [][]string, method string, want int64) {
	m.t.Helper()
	total := int64(0)
	for _, c := range commands {
		core := strings.TrimPrefix(filepath.Ext(c[len(c)-1]), ".")
		out, err := os.Create(filepath.Join(m.dir, method+".out."+core))
		if err != nil {
			m.t.Fatal(err)
		}
		cmd := exec.Command(c[0], c[1:]...)
		cmd.Stdout = out
		err = cmd.Run()
		st, statErr := out.Stat()
		if err := errors.Join(err, statErr, out.Close()); err != nil {
			m.t.Fatalf("%s: %v", c[0], err)
		}
		total += st.Size()
	}
	if total != want {
		m.t.Fatalf("%s: %d bytes come out, want %d", method, total, want)
	}
}

// time runs the commands at once, three times, and keeps the best.
func (m *measurement) time(l *Limit, commands [][]string) {
	m.t.Helper()
	for range 3 {
		var running []*exec.Cmd
		began := time.Now()
		for _, c := range commands {
			cmd := exec.Command(c[0], c[1:]...)
			if err := cmd.Start(); err != nil {
				m.t.Fatal(err)
			}
			running = append(running, cmd)
		}
		cpu := time.Duration(0)
		for _, cmd := range running {
			if err := cmd.Wait(); err != nil {
				m.t.Errorf("%s: %v", cmd.Path, err)
			}
			cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		}
		if wall := time.Since(began); l.Wall == 0 || wall < l.Wall {
			l.Wall, l.CPU = wall, cpu
		}
	}
}
