package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/policies/packs"
)

var update = flag.Bool("update", false, "write golden files and the README's transcript anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"otavet": main})
}

// The scripts in testdata run the real command on the examples.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("EXAMPLES", filepath.Join(otatest.Root(t), "testdata/updates"))
			e.Setenv("IMAGES", filepath.Join(otatest.Root(t), "testdata/images"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// status N COMMAND...: the command's exit status must be N.
			"status": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) < 2 {
					ts.Fatalf("usage: status N COMMAND...")
				}
				err := ts.Exec(args[1], args[2:]...)
				got := "0"
				if err != nil {
					got = strings.TrimPrefix(err.Error(), "exit status ")
				}
				if got != args[0] {
					ts.Fatalf("exit status %s, want %s", got, args[0])
				}
			},
		},
	})
}

// The README's transcript is what the command prints.
func TestREADME(t *testing.T) {
	root := otatest.Root(t)
	path := filepath.Join(root, "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- transcript -->\n```console\n", "```\n<!-- end -->"
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the README has no transcript")
	}
	t.Chdir(root)
	var out bytes.Buffer
	for _, args := range [][]string{
		{"check", "--quiet", "testdata/updates/nimbus-2014-08-claimed.zip"},
		{"check", "--quiet", "--pack", "privacy", "testdata/updates/nimbus-2014-07.zip"},
		{"check", "--quiet", "--pack", "privacy", "testdata/updates/nimbus-2014-08.zip"},
	} {
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString("$ go run ./cmd/otavet " + strings.Join(args, " ") + "\n")
		var stderr bytes.Buffer
		run(args, &out, &stderr)
		out.Write(stderr.Bytes())
	}
	want := before + begin + out.String() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Errorf("the transcript in the README is not what the command prints: make golden")
	}
}

// The README's table of what opens is that of the code, which TestFormats of ota holds
// against examples.
func TestREADMEFormats(t *testing.T) {
	path := filepath.Join(otatest.Root(t), "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- formats -->\n", "<!-- end of formats -->"
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the README has no table of formats")
	}
	var out strings.Builder
	out.WriteString("| given | today | |\n| --- | --- | --- |\n")
	for _, f := range ota.Formats() {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", f.Given, f.Opens, f.How)
	}
	want := before + begin + out.String() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Errorf("the table of formats in the README is not that of ota.Formats: make golden")
	}
}

// The README's pack of one's own is one that can be used as it stands.
func TestREADMEPack(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(otatest.Root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	source, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("the README has no pack")
	}
	p, err := packs.Parse("README.md", []byte(source), packs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	trials, err := p.Try(t.Context(), nil)
	if err != nil || len(trials) == 0 {
		t.Fatalf("%d tests, %v", len(trials), err)
	}
	for _, tr := range trials {
		if tr.Err != nil {
			t.Errorf("%s: %v", tr.Test, tr.Err)
		}
	}
}
