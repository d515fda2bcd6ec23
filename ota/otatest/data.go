// Package otatest holds what tests of several packages need: where test data is
// found, builders of small updates, and suites that every implementation of a
// kind must pass. Only test files import it.
package otatest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Root is the module's root folder.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = up
	}
}

// Data is the path of something in the folder of public test data, which is not
// part of the project: the variable OTAVET_DATA names it, else it is
// ../shared/data beside the module root. Where the folder is absent the test is
// skipped by name; where OTAVET_DATA is set and it is absent, the test fails.
func Data(t testing.TB, elem ...string) string {
	t.Helper()
	dir, set := os.LookupEnv("OTAVET_DATA")
	if !set {
		dir = filepath.Join(filepath.Dir(Root(t)), "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		if set {
			t.Fatalf("OTAVET_DATA: %v", err)
		}
		t.Skip("needs the public test data: set OTAVET_DATA to its folder")
	}
	path := filepath.Join(append([]string{dir}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("test data: %v", err)
	}
	return path
}

// Tool is the path of a foreign program that serves as the other opinion. Where
// it is not installed the test is skipped by name, unless OTAVET_TOOLS=all says
// that none may be missing, as the full check does.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("OTAVET_TOOLS") == "all" {
			t.Fatalf("OTAVET_TOOLS=all, and %s is missing", name)
		}
		t.Skipf("needs %s", name)
	}
	return path
}

// Run runs a foreign program and gives its output, both streams. A status other
// than zero is the second result's to tell.
func Run(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(Tool(t, name), args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
