package edify

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/parse"
)

var update = flag.Bool("update", false, "write the golden files")

// dump writes a plan as text, one line for each thing.
func dump(p *Plan) string {
	var b strings.Builder
	line := func(at Pos, what, cond string) {
		if cond != "" {
			what += " | if " + cond
		}
		fmt.Fprintf(&b, "  %d: %s\n", at.Line, parse.EscapeText(what))
	}
	head := func(name string, n int) {
		if n > 0 {
			b.WriteString(name + "\n")
		}
	}
	head("calls", len(p.Calls))
	for _, s := range p.Calls {
		text := fmt.Sprintf("%s %s(%s)", s.Effect, s.Name, strings.Join(s.Args, ", "))
		if s.Never {
			text = "never " + text
		}
		line(s.Pos, text, s.Conditional)
	}
	head("nodes", len(p.Nodes))
	for _, n := range p.Nodes {
		line(n.Pos, dumpNode(n), n.Conditional)
	}
	head("temporary", len(p.Temporary))
	for _, n := range p.Temporary {
		line(n.Pos, dumpNode(n), n.Conditional)
	}
	head("raw", len(p.Raw))
	for _, i := range p.Raw {
		line(i.Pos, fmt.Sprintf("%s [%s] %s%s%s", i.Device, i.Partition, named("member=", i.Member), named("from=", i.From), dumpPatch(i.Patch)), i.Conditional)
	}
	head("block", len(p.Block))
	for _, u := range p.Block {
		line(u.Pos, fmt.Sprintf("%s [%s] %s %s %s", u.Device, u.Partition, u.Transfer, u.NewData, u.PatchData), u.Conditional)
	}
	head("mounts", len(p.Mounts))
	for _, m := range p.Mounts {
		line(m.Pos, fmt.Sprintf("%s %s [%s] %s formatted=%t", m.Point, m.Device, m.Partition, m.FS, m.Formatted), m.Conditional)
	}
	head("deleted", len(p.Deleted))
	for _, d := range p.Deleted {
		line(d.Pos, fmt.Sprintf("%s recursive=%t", d.Path, d.Recursive), d.Conditional)
	}
	head("unfollowed", len(p.Unfollowed))
	for _, u := range p.Unfollowed {
		line(u.Pos, fmt.Sprintf("%s: %s (%s) prefix=%q members=%q", u.Call, u.Why, u.Cause, u.Prefix, u.Members), u.Conditional)
	}
	head("notes", len(p.Notes))
	for _, n := range p.Notes {
		line(n.Pos, n.Text, "")
	}
	if p.Aborts != nil {
		fmt.Fprintf(&b, "aborts at line %d\n", p.Aborts.Line)
	}
	return b.String()
}

func named(name, s string) string {
	if s == "" {
		return ""
	}
	return name + s + " "
}

func dumpPatch(p *Patch) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("patch=%s/%d%q ", p.SHA1, p.Size, p.Members)
}

func dumpNode(n Node) string {
	s := n.Path + " " + named("member=", n.Member) + named("link=", n.Link) + named("from=", n.From) + dumpPatch(n.Patch)
	if n.Dir {
		s += "dir "
	}
	if n.UID != nil {
		s += fmt.Sprintf("uid=%d ", *n.UID)
	}
	if n.GID != nil {
		s += fmt.Sprintf("gid=%d ", *n.GID)
	}
	if n.Mode != nil {
		s += fmt.Sprintf("mode=%04o ", *n.Mode)
	}
	if n.Capabilities != nil {
		s += fmt.Sprintf("caps=%#x ", *n.Capabilities)
	}
	return strings.TrimSpace(s + named("label=", n.Label))
}

// golden compares with a file in testdata; the script stands beside it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the plan differs from %s (-update writes it):\n%s", path, got)
	}
}

func mustParse(t *testing.T, src string) *Script {
	t.Helper()
	s, err := Parse([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
