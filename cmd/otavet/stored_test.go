package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// Facts that were stored give the same results, counts and outcome as the update
// itself, and say that they were stored.
func TestStoredFacts(t *testing.T) {
	for _, path := range examples(t) {
		text, _, exit := command("facts", "--quiet", path)
		if exit != 0 {
			continue // refused
		}
		stored := filepath.Join(t.TempDir(), "facts.json")
		if err := os.WriteFile(stored, text, 0o600); err != nil {
			t.Fatal(err)
		}
		var live, again map[string]any
		for _, run := range []struct {
			path string
			to   *map[string]any
		}{{path, &live}, {stored, &again}} {
			out, errs, _ := command("check", "--quiet", "--format", "json", run.path)
			if err := json.Unmarshal(out, run.to); err != nil {
				t.Fatalf("%s: %v: %s", run.path, err, errs)
			}
		}
		for _, key := range []string{"update", "results", "counts", "subject_counts", "outcome", "exit", "gaps", "inventory"} {
			if !reflect.DeepEqual(live[key], again[key]) {
				t.Errorf("%s: %s differs when judged from stored facts", path, key)
			}
		}
		if live["judged_from"] != "update" || again["judged_from"] != "facts" {
			t.Errorf("%s: judged from %v and %v", path, live["judged_from"], again["judged_from"])
		}
	}
}
