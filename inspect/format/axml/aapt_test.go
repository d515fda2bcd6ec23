package axml_test

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// apks are all APKs in the folder of test data, every step'th of them.
func apks(t testing.TB, step int, elem ...string) []string {
	t.Helper()
	var names []string
	n := 0
	err := filepath.WalkDir(otatest.Data(t, elem...), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".apk") {
			if n%step == 0 {
				names = append(names, name)
			}
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// xmls are the binary XML files of an APK, by name, in the archive's order.
func xmls(t testing.TB, apk string) (names []string, data [][]byte) {
	t.Helper()
	z, err := zip.OpenReader(apk)
	if err != nil {
		t.Logf("%s: %v", apk, err)
		return nil, nil
	}
	defer z.Close()
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".xml") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		p, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		if len(p) > 4 && p[0] == 3 && p[1] == 0 {
			names, data = append(names, f.Name), append(data, p)
		}
	}
	return names, data
}

// TestXMLTree holds every binary XML file of every APK against aapt's dump.
func TestXMLTree(t *testing.T) {
	otatest.Tool(t, "aapt")
	files := append(apks(t, 1, "rom"), apks(t, 10, "droidbench")...)
	var trees, same, lines int
	for _, apk := range files {
		names, data := xmls(t, apk)
		if len(names) == 0 {
			continue
		}
		want, err := otatest.Run(t, "aapt", append([]string{"dump", "xmltree", apk}, names...)...)
		if err != nil {
			t.Errorf("%s: %v: %.200s", apk, err, want)
			continue
		}
		var b strings.Builder
		for i, p := range data {
			f, err := axml.Open(blob.Bytes(p), nil)
			if err != nil {
				t.Errorf("%s %s: %v", apk, names[i], err)
				continue
			}
			if len(f.Notes) > 0 {
				t.Logf("%s %s: %q", apk, names[i], f.Notes)
			}
			dump(&b, f)
		}
		trees += len(names)
		if got := strings.TrimSpace(b.String()); got != want {
			t.Errorf("%s: %s", apk, difference(got, want))
			continue
		}
		same += len(names)
		lines += strings.Count(want, "\n") + 1
	}
	t.Logf("%d of %d XML files in %d APKs equal aapt's dump, %d lines", same, trees, len(files), lines)
	if trees == 0 {
		t.Error("no XML files")
	}
}

// difference is the first line in which two texts differ.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d:\n got %q\nwant %q", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// dump writes a file as aapt dump xmltree does.
func dump(w *strings.Builder, f *axml.File) {
	var known []axml.Scope
	element(w, f.Root, 0, &known)
	for _, e := range f.More {
		element(w, e, 0, &known)
	}
}

func element(w *strings.Builder, e *axml.Element, depth int, known *[]axml.Scope) {
	indent := func() string { return strings.Repeat("  ", depth) }
	prefix := func(uri string) string {
		if uri == "" {
			return ""
		}
		for _, s := range *known {
			if s.URI == uri {
				return s.Prefix + ":"
			}
		}
		return uri + ":"
	}
	n := len(*known)
	for _, s := range e.Scope {
		*known = append(*known, s)
		fmt.Fprintf(w, "%sN: %s=%s\n", indent(), s.Prefix, s.URI)
		depth++
	}
	if e.Comment != "" {
		fmt.Fprintf(w, "%s <!-- %s -->\n", indent(), e.Comment)
	}
	fmt.Fprintf(w, "%sE: %s%s (line=%d)\n", indent(), prefix(e.Namespace), e.Name, e.Line)
	depth++
	for i := range e.Attributes {
		a := &e.Attributes[i]
		fmt.Fprintf(w, "%sA: %s%s", indent(), prefix(a.Namespace), a.Name)
		if a.ResourceID != 0 {
			fmt.Fprintf(w, "(0x%08x)", a.ResourceID)
		}
		switch a.Value.Type {
		case chunk.Null:
			w.WriteString("=(null)")
		case chunk.Reference:
			fmt.Fprintf(w, "=@0x%08x", a.Value.Data)
		case chunk.Attribute:
			fmt.Fprintf(w, "=?0x%08x", a.Value.Data)
		case chunk.String:
			fmt.Fprintf(w, "=\"%s\"", normalize(a.Raw))
		default:
			fmt.Fprintf(w, "=(type 0x%x)0x%x", uint8(a.Value.Type), a.Value.Data)
		}
		if a.HasRaw {
			fmt.Fprintf(w, " (Raw: \"%s\")", normalize(a.Raw))
		}
		w.WriteByte('\n')
		// Not printed, but what Android uses, and in all files that are not hostile the same.
		if a.Value.Type == chunk.String && a.Value.String != a.Raw {
			fmt.Fprintf(w, "%q is not %q\n", a.Value.String, a.Raw)
		}
	}
	text := e.Text
	for i := 0; ; i++ {
		for len(text) > 0 && text[0].Before == i {
			fmt.Fprintf(w, "%sC: \"%s\"\n", indent(), normalize(text[0].String))
			text = text[1:]
		}
		if i == len(e.Children) {
			break
		}
		element(w, e.Children[i], depth, known)
	}
	*known = (*known)[:n]
}

// normalize: ResTable::normalizeForOutput.
func normalize(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(s)
}
