package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/otatest"
)

const module = "github.com/otavet/otavet/"

// floors says who may import whom: a package may import the packages that its
// row names, and no other of the module. A pattern that ends in * covers the folder.
var floors = []struct {
	pkg string
	may []string
}{
	{"ota/parse", nil},
	{"inspect/fact", nil},
	{"ota/signature/known", nil},
	{"ota/blob", ground},
	{"ota/archive", over(ground, "ota/blob")},
	{"ota/codec", over(ground, "ota/blob")},
	{"ota/wire", over(ground, "ota/blob")},
	{"ota/verity", over(ground, "ota/blob")},
	{"ota/image/*", over(ground, "ota/blob", "ota/codec", "ota/wire")},
	{"ota/filesystem/vfs", over(ground, "ota/blob")},
	{"ota/filesystem/*", over(ground, "ota/blob", "ota/codec", "ota/filesystem/vfs")},
	{"ota/edify", ground},
	{"ota/signature", over(ground, "ota/blob", "ota/signature/known")},
	{"ota/signature/wholefile", over(ground, "ota/blob", "ota/signature", "ota/signature/known")},
	{"ota/signature/jar", over(ground, "ota/blob", "ota/signature", "ota/signature/known")},
	{"ota/signature/apk", over(ground, "ota/blob", "ota/archive", "ota/signature", "ota/signature/known", "ota/signature/jar")},
	{"ota/signature/avb", over(ground, "ota/blob", "ota/signature", "ota/signature/known", "ota/verity")},
	{"ota/signature/apex", over(ground, "ota/blob", "ota/wire", "ota/signature", "ota/signature/known", "ota/signature/avb")},
	{"ota/signature/bootsig", over(ground, "ota/blob", "ota/signature", "ota/signature/known", "ota/verity")},
	{"ota/signature/detached", over(ground, "ota/blob", "ota/signature", "ota/signature/known")},
	{"ota/signature/payloadsig", over(ground, "ota/blob", "ota/signature", "ota/signature/known", "ota/image/payload")},
	{"ota", over(ground, "ota/blob", "ota/archive", "ota/edify", "ota/codec", "ota/wire", "ota/verity", "ota/image/*", "ota/filesystem/*")},
	{"policies", []string{"inspect/fact"}},
	{"policies/document", ground},
	{"policies/expr", []string{"inspect/fact", "policies"}},
	{"policies/packs", []string{"inspect/fact", "policies", "policies/document", "policies/expr"}},
	{"policies/report", []string{"inspect/fact", "policies"}},
	{"inspect/format/chunk", over(ground, "ota/blob")},
	{"inspect/format/*", over(ground, "ota/blob", "inspect/format/chunk")},
	{"inspect", over(ground, "inspect/fact", "ota", "ota/archive", "ota/blob")},
	{"inspect/extract/*", top},
	{"inspect/analyze/*", top},
	{"inspect/suite", []string{"inspect", "inspect/extract/*", "inspect/analyze/*"}},
	{"cmd/otavet", []string{"ota*", "inspect*", "policies*"}},
}

var (
	ground = []string{"ota/parse"}
	top    = []string{"inspect", "inspect/fact", "inspect/format/*", "inspect/program", "ota", "ota/archive", "ota/blob", "ota/parse",
		"ota/codec", "ota/wire", "ota/verity", "ota/signature*"}
)

func over(lower []string, more ...string) []string { return append(slices.Clone(lower), more...) }

// doors are the packages that alone may import a foreign module.
var doors = map[string][]string{
	"github.com/ProtonMail":        {"ota/signature/detached"},
	"github.com/sigstore/sigstore": {"ota/signature"},
	"filippo.io/mldsa":             {"ota/signature"},
	"golang.org/x/crypto":          {"ota/signature/detached", "ota/verity"},
	"github.com/spf13/cobra":       {"cmd/otavet"},
	"cel.dev/cel-go":               {"policies/expr"},
	"github.com/ulikunitz/xz":      {"ota/codec"},
	"github.com/klauspost":         {"ota/archive", "ota/codec"},
	"github.com/andybalholm":       {"ota/codec"},
	"github.com/pierrec/lz4":       {"ota/codec"},
	"google.golang.org/protobuf":   {"ota/wire"},
	"github.com/goccy/go-yaml":     {"policies/document"},
	"golang.org/x/term":            {"cmd/otavet"},
}

type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
	GoFiles                            []string
	Dir                                string
}

func goList(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports,GoFiles,Dir", "./...")
	cmd.Dir = otatest.Root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var pkgs []goPackage
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func matches(pattern, pkg string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(pkg, prefix)
	}
	return pattern == pkg
}

func TestFloors(t *testing.T) {
	for _, p := range goList(t) {
		pkg := strings.TrimPrefix(p.ImportPath, module)
		if pkg == "ota/otatest" {
			continue // tests only: TestOnlyTestsImportOtatest
		}
		i := slices.IndexFunc(floors, func(row struct {
			pkg string
			may []string
		}) bool {
			return matches(row.pkg, pkg)
		})
		if i < 0 {
			t.Errorf("%s stands on no floor: give it a row", pkg)
			continue
		}
		for _, imp := range p.Imports {
			own, inside := strings.CutPrefix(imp, module)
			if inside {
				if !slices.ContainsFunc(floors[i].may, func(pattern string) bool { return matches(pattern, own) }) {
					t.Errorf("%s imports %s, which its floor does not allow", pkg, own)
				}
				continue
			}
			for dep, door := range doors {
				if strings.HasPrefix(imp, dep) && !slices.Contains(door, pkg) {
					t.Errorf("%s imports %s: the only door to it is %v", pkg, imp, door)
				}
			}
			if foreign(imp) && !slices.ContainsFunc(keys(doors), func(dep string) bool { return strings.HasPrefix(imp, dep) }) {
				t.Errorf("%s imports %s, which has no door", pkg, imp)
			}
		}
	}
}

// foreign tells import paths of other modules from those of the standard library.
func foreign(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return strings.Contains(first, ".")
}

func keys(m map[string][]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

func TestOnlyTestsImportOtatest(t *testing.T) {
	for _, p := range goList(t) {
		if slices.Contains(p.Imports, module+"ota/otatest") {
			t.Errorf("%s imports ota/otatest outside its tests", p.ImportPath)
		}
	}
}

// The suite lists every extractor and analysis that has a folder.
func TestSuiteIsWhole(t *testing.T) {
	root := otatest.Root(t)
	text, err := os.ReadFile(filepath.Join(root, "inspect/suite/suite.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []struct{ dir, value string }{{"extract", ".Extractor"}, {"analyze", ".Analysis"}} {
		dirs, err := os.ReadDir(filepath.Join(root, "inspect", kind.dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dirs {
			if d.IsDir() && !bytes.Contains(text, []byte(d.Name()+kind.value)) {
				t.Errorf("inspect/%s/%s is not in the suite", kind.dir, d.Name())
			}
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, p := range goList(t) {
		set := token.NewFileSet()
		documented := false
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			documented = documented || file.Doc != nil
			for _, d := range file.Decls {
				for _, bare := range undocumented(d) {
					t.Errorf("%s: %s has no comment", set.Position(bare.Pos()), bare.Name)
				}
			}
		}
		if !documented {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

func undocumented(d ast.Decl) []*ast.Ident {
	var bare []*ast.Ident
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && receiverIsExported(d) && !obvious[d.Name.Name] {
			bare = append(bare, d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					bare = append(bare, s.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						bare = append(bare, n)
					}
				}
			}
		}
	}
	return bare
}

// obvious are methods whose contract is that of a standard interface.
var obvious = map[string]bool{"String": true, "Error": true, "Unwrap": true, "Is": true, "Close": true, "Read": true, "ReadAt": true,
	"Size": true, "Open": true, "Stat": true, "Lstat": true, "ReadDir": true, "ReadLink": true, "ReadFile": true, "MarshalJSON": true, "UnmarshalJSON": true,
	"Less": true, "Len": true, "Swap": true, "Blob": true}

func receiverIsExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// vendors must not stand where things are judged: what a feature or a signature is may not
// depend on whose it is. META-INF/com/google is a path of every update.
var vendors = regexp.MustCompile(`(?i)\b(xiaomi|miui|samsung|huawei|oppo|vivo|realme|oneplus|lenovo|motorola|tecno|infinix|htc|asus|zte|meizu|nokia|coolpad|lineageos|cyanogen(mod)?|micloud)\b`)

// benchmarks are the names by which a program could know that it is being tested.
var benchmarks = regexp.MustCompile(`(?i)(droidbench|otasigned|ziptest|jarsigned|fake-update|flounder|r11btwifi|tb350fu|k65v1|x00id|rm6785|secret-os)`)

func TestGuardedNames(t *testing.T) {
	root := otatest.Root(t)
	fixtures := map[string]bool{}
	for _, dir := range []string{"testdata/updates", "testdata/images", "testdata/apps"} {
		list, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			continue // not there yet
		}
		for _, f := range list {
			if strings.Contains(f.Name(), ".") && f.Name() != "README.md" {
				fixtures[f.Name()] = true
			}
		}
	}
	if len(fixtures) == 0 {
		t.Fatal("no fixtures: the guard guards nothing")
	}
	for _, path := range tracked(t, root) {
		data := strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".models")
		if strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !data || strings.HasPrefix(path, "testdata/") || strings.Contains(path, "/testdata/") {
			continue
		}
		f, err := os.Open(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for n := 1; lines.Scan(); n++ {
			for name := range fixtures {
				if strings.Contains(lines.Text(), name) {
					t.Errorf("%s:%d names the fixture %s", path, n, name)
				}
			}
			if m := benchmarks.FindString(lines.Text()); m != "" {
				t.Errorf("%s:%d names the benchmark %s", path, n, m)
			}
			judging := strings.HasPrefix(path, "policies/") || strings.HasPrefix(path, "inspect/program/") || strings.HasPrefix(path, "inspect/analyze/")
			if m := vendors.FindString(lines.Text()); judging && m != "" {
				t.Errorf("%s:%d names the vendor %s", path, n, m)
			}
		}
		f.Close()
	}
}

func tracked(t *testing.T, root string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if !d.IsDir() {
			rel, _ := filepath.Rel(root, path)
			paths = append(paths, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
