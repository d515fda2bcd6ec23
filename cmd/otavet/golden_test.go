package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/policies/report"
)

func schema(t testing.TB, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t testing.TB, s *jsonschema.Schema, what string, text []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// command runs otavet in this process.
func command(args ...string) (stdout, stderr []byte, exit int) {
	var out, errs bytes.Buffer
	exit = run(args, &out, &errs)
	return out.Bytes(), errs.Bytes(), exit
}

// What the command prints of the examples, in every format.
func TestGolden(t *testing.T) {
	root := otatest.Root(t)
	facts, reports := schema(t, fact.JSONSchema()), schema(t, report.JSONSchema())
	standard, err := os.ReadFile(filepath.Join(root, "policies/report/testdata/sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	sarif := schema(t, standard)
	for _, name := range []string{"example", "tampered", "unsigned", "twice", "runs", "jar", "nimbus-2014-07", "nimbus-2014-08", "nimbus-2014-08-claimed"} {
		path := filepath.Join(root, "testdata/updates", name+".zip")
		for _, tc := range []struct {
			file   string
			args   []string
			schema *jsonschema.Schema
		}{
			{".facts.json", []string{"facts", "--quiet", path}, facts},
			{".report.json", []string{"check", "--quiet", "--format", "json", path}, reports},
			{".table.txt", []string{"check", "--quiet", path}, nil},
			{".sarif", []string{"check", "--quiet", "--format", "sarif", path}, sarif},
			{".junit.xml", []string{"check", "--quiet", "--format", "junit", path}, nil},
			{".signatures.txt", []string{"signatures", "--quiet", "--detail", path}, nil},
		} {
			got, errs, _ := command(tc.args...)
			if len(errs) > 0 {
				t.Errorf("%s: %s", tc.args, errs)
			}
			if tc.schema != nil {
				validate(t, tc.schema, name+tc.file, got)
			}
			golden := filepath.Join(root, "testdata/golden", name+tc.file)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s%s is not what is printed now: make golden", name, tc.file)
			}
		}
	}
}

// The command that a finding names shows something.
func TestLook(t *testing.T) {
	t.Chdir(filepath.Join(otatest.Root(t), "testdata/updates"))
	looked := 0
	for _, name := range []string{"tampered.zip", "unsigned.zip", "twice.zip", "runs.zip", "sha1.zip"} {
		out, _, _ := command("check", "--quiet", name)
		for line := range strings.Lines(string(out)) {
			look, ok := strings.CutPrefix(strings.TrimSpace(line), "Look: otavet ")
			if !ok {
				continue
			}
			var args []string
			for _, a := range strings.Fields(look) { // none of these has a space in it
				args = append(args, strings.Trim(a, "'"))
			}
			shown, errs, exit := command(append(args, "--quiet")...)
			if len(shown) == 0 || len(errs) > 0 || exit == 2 || exit == 3 {
				t.Errorf("%s: %s: exit %d, %s", name, look, exit, errs)
			}
			looked++
		}
	}
	if looked < 4 {
		t.Errorf("%d findings could be looked at", looked)
	}
}

// Every example and every piece of public data gives JSON that is the same for any
// number of jobs, on a machine that is busy, and that keeps to the schemas.
func TestSameBytesOnALoadedMachine(t *testing.T) {
	loaded(t, examples(t), 10)
}

func TestSameBytesOnALoadedMachineInData(t *testing.T) {
	var paths []string
	for _, pattern := range []string{"recovery/*.zip", "rom/*", "transfer/*"} {
		found, err := filepath.Glob(filepath.Join(otatest.Data(t), pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d, %v", pattern, len(found), err)
		}
		paths = append(paths, found...)
	}
	loaded(t, paths, 4) // dumps of whole devices
}

func examples(t testing.TB) []string {
	paths, err := filepath.Glob(filepath.Join(otatest.Root(t), "testdata/updates/*.zip"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no examples")
	}
	return append(paths, filepath.Join(otatest.Root(t), "testdata/updates/source"), filepath.Join(otatest.Root(t), "testdata/images/layers/rom.zip"))
}

func loaded(t *testing.T, paths []string, rounds int) {
	if testing.Short() {
		t.Skip("a minute of work, which the race detector makes ten")
	}
	facts, reports := schema(t, fact.JSONSchema()), schema(t, report.JSONSchema())
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				_ = fmt.Sprint(n)
			}
		})
	}
	defer wg.Wait()
	defer stop.Store(true)
	for _, path := range paths {
		for _, verb := range [][]string{{"check", "--format", "json"}, {"facts", "--kinds", "files,members,script,metadata,signatures,certificates,partitions"}} {
			var first []byte
			for round := range rounds {
				jobs := []string{"--jobs=1", "--jobs=8"}[round%2]
				got, errs, exit := command(append(verb, "--quiet", jobs, path)...)
				if exit == 3 { // refused: in the same words each time
					got = errs
				}
				if round == 0 {
					first = got
					switch {
					case exit == 3:
					case verb[0] == "check":
						validate(t, reports, path, got)
					default:
						validate(t, facts, path, got)
					}
				}
				if !bytes.Equal(got, first) {
					t.Errorf("%s %s: round %d with %s differs", verb[0], path, round, jobs)
				}
			}
		}
	}
	t.Logf("%d updates, %d rounds each of check and facts", len(paths), rounds)
}

// BenchmarkCheck is the whole process, from start to exit, on a small update; the
// process that only prints its version is what any process costs.
func BenchmarkCheck(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "otavet")
	build := exec.Command("go", "build", "-o", bin, ".")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	example := filepath.Join(otatest.Root(b), "testdata/updates/example.zip")
	for _, args := range [][]string{{"version"}, {"check", "--quiet", "--exit-zero", example}} {
		b.Run(strings.Fields(args[0])[0], func(b *testing.B) {
			for b.Loop() {
				if out, err := exec.Command(bin, args...).CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
			}
		})
	}
}
