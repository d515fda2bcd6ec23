package apk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

func framework(t testing.TB) *arsc.Table {
	t.Helper()
	table, err := arsc.Open(blob.Bytes(otatest.Member(t, otatest.Framework(t), tableName)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestAttributes holds every constant of attr.go, with the name beside it, against
// the framework's own table.
func TestAttributes(t *testing.T) {
	table := framework(t)
	src, err := parser.ParseFile(token.NewFileSet(), "attr.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(src, func(node ast.Node) bool {
		v, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(v.Names[0].Name, "attr") {
			return true
		}
		id, err := strconv.ParseUint(v.Values[0].(*ast.BasicLit).Value, 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSpace(v.Comment.Text())
		if got, ok := table.Lookup("android", "attr", name); !ok || got != uint32(id) {
			t.Errorf("%s: %s is %#x in the framework, %#x here", v.Names[0].Name, name, got, id)
		}
		n++
		return true
	})
	t.Logf("%d of %d ids equal those of the framework", n, n)
	if n < 40 {
		t.Error("too few")
	}
}

// TestFlags holds the names of protection levels against those that the framework
// lets manifests write. Newer ones than Android 10 it does not know.
func TestFlags(t *testing.T) {
	table := framework(t)
	id, _ := table.Lookup("android", "attr", "protectionLevel")
	e, ok, err := table.Best(id, arsc.Config{})
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	n := 0
	for _, item := range e.Items {
		res, ok := table.Resource(item.Name)
		if !ok {
			continue // the type and its limits
		}
		level, _ := item.Value.Int()
		got := strings.TrimPrefix(protection(uint32(level)), "normal|")
		// The former names of two flags.
		want := map[string]string{"system": "privileged", "textClassifier": "systemTextClassifier"}[res.Name]
		if want == "" {
			want = res.Name
		}
		if got != want {
			t.Errorf("%#x is %s, the framework says %s", level, got, res.Name)
		}
		n++
	}
	t.Logf("%d of %d names of protection levels equal those of the framework", n, n)
	if n < 20 {
		t.Error("too few")
	}
}

// The framework's own app: the largest manifest that is easy to get.
func TestFramework(t *testing.T) {
	path := otatest.Framework(t)
	otatest.Tool(t, "aapt")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := run(t.Context(), file(t, data, "system", "framework/framework-res.apk", fstest.MapFS{}))
	if err != nil {
		t.Fatal(err)
	}
	decode(t, f)
	a := f.Apps[0]
	if a.Package != "android" || !a.Privileged || !a.Persistent || a.Code.Form != fact.CodeNone {
		t.Errorf("%+v", a)
	}
	out, err := otatest.Run(t, "aapt", "dump", "permissions", path)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(line, "permission: "); ok {
			want = append(want, strings.TrimSpace(name))
		}
	}
	for _, p := range f.Permissions {
		if p.Use == fact.PermissionDeclares {
			got = append(got, p.Name)
		}
	}
	if len(want) == 0 || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %d permissions, aapt %d", len(got), len(want))
	}
	t.Logf("%d of %d permissions equal aapt's; %d components; notes %q", len(got), len(want), len(f.Components), a.Notes)
}
