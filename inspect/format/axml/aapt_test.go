package axml_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// xmls are the binary XML files of an APK, whatever they are called, in the
// archive's order.
func xmls(t testing.TB, apk string) (names []string, data [][]byte) {
	t.Helper()
	otatest.Members(t, apk, func(name string, read func() ([]byte, error)) {
		p, err := read()
		if err != nil { // the payload of an APEX file that was broken on purpose
			t.Logf("%s: %s: %v", apk, name, err)
		} else if len(p) > 8 && p[0] == 3 && p[1] == 0 && p[2] == 8 && int(binary.LittleEndian.Uint32(p[4:])) == len(p) {
			names, data = append(names, name), append(data, p)
		}
	})
	return names, data
}

// TestXMLTree holds every binary XML file of every APK against aapt's dump.
func TestXMLTree(t *testing.T) {
	apks := otatest.APKs(t)
	if testing.Short() {
		apks = apks[:min(len(apks), 20)]
	}
	var c comparison
	for _, apk := range apks {
		names, data := xmls(t, apk)
		if len(names) == 0 {
			t.Errorf("%s: no binary XML", apk)
			continue
		}
		c.apk(t, apk, names, data)
	}
	t.Logf("%d of %d XML files in %d APKs equal aapt's dump, %d lines; aapt fails on none", c.same, c.files, len(apks), c.lines)
}

// TestFramework holds the framework's own manifest, the largest there is, and all
// other XML files of its APK against aapt's dump.
func TestFramework(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 45 MB")
	}
	apk := otatest.Framework(t)
	names, data := xmls(t, apk)
	if !slices.Contains(names, "AndroidManifest.xml") {
		t.Fatal("no manifest")
	}
	var c comparison
	// The names of all are too long for one command line.
	for len(names) > 0 {
		n := min(len(names), 1000)
		c.apk(t, apk, names[:n], data[:n])
		names, data = names[n:], data[n:]
	}
	t.Logf("%d of %d XML files of the framework equal aapt's dump, %d lines", c.same, c.files, c.lines)
}

// A comparison counts what was compared.
type comparison struct{ files, same, lines int }

// apk compares some files of one APK, whose dumps aapt writes one behind the other.
func (c *comparison) apk(t *testing.T, apk string, names []string, data [][]byte) {
	c.files += len(names)
	want, err := otatest.Run(t, "aapt", append([]string{"dump", "xmltree", apk}, names...)...)
	if err != nil {
		t.Errorf("%s: %v: %.200s", apk, err, want)
		return
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
	if got := strings.TrimSpace(b.String()); got != want {
		t.Errorf("%s: %s", apk, difference(got, want))
		return
	}
	c.same += len(names)
	c.lines += strings.Count(want, "\n") + 1
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
