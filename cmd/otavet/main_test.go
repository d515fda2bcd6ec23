package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/otavet/otavet/ota/otatest"
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
	for _, args := range [][]string{{"check", "--quiet", "testdata/updates/example.zip"}} {
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
