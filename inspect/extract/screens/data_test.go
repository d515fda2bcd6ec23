package screens

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// aaptElement matches an element of aapt dump xmltree, and aaptAttribute an attribute with its number, name and value.
var (
	aaptElement   = regexp.MustCompile(`^ *E: (\S+)`)
	aaptAttribute = regexp.MustCompile(`^ *A: (\S*?)(?:\((0x[0-9a-f]+)\))?=(.*?)(?: \(Raw: ".*"\))?$`)
)

// aaptKeys lists the keys of a screen and what stands as their defaults, as aapt has them; false where
// the file is no screen.
func aaptKeys(t *testing.T, apk, member string) (keys []string, ok bool) {
	t.Helper()
	out, err := otatest.Run(t, "aapt", "dump", "xmltree", apk, member)
	if err != nil {
		t.Fatalf("aapt: %v: %s", err, out)
	}
	root := ""
	var element string
	var key, value string
	flush := func() {
		if key != "" && key != `""` {
			keys = append(keys, key+" = "+value)
		}
		key, value = "", ""
	}
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if m := aaptElement.FindStringSubmatch(line); m != nil {
			flush()
			element = m[1]
			root = cmp.Or(root, element)
		}
		m := aaptAttribute.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		own := m[1] == "app:key" || m[1] == "app:defaultValue" // androidx asks for its own first
		switch {
		case own && strings.HasPrefix(element, "android.preference."):
		case m[1] == "app:key", m[2] == "0x010101e8" && key == "":
			key = m[3]
		case m[1] == "app:defaultValue", m[2] == "0x010101ed" && value == "":
			value = m[3]
		}
	}
	flush()
	return keys, root == "PreferenceScreen" || strings.HasSuffix(root, ".PreferenceScreen")
}

// agrees tells whether a fact agrees with what aapt prints of a key and default: references by their
// being ones, numbers and truth by their value.
func agrees(d fact.Default, line string) bool {
	key, value, _ := strings.Cut(line, " = ")
	if !strings.HasPrefix(key, "@") && (d.Key == nil || fmt.Sprintf("%q", *d.Key) != key) {
		return false
	}
	text := "?"
	if d.Value != nil {
		text = *d.Value
	}
	switch {
	case value == "":
		return strings.Contains(d.Note, "no default declared")
	case strings.HasPrefix(value, "@0x00000000"):
		return d.Note == noteNull
	case strings.HasPrefix(value, "@"):
		return d.Resource != "" || strings.Contains(d.Note, "it refers to")
	case strings.HasPrefix(value, "?"):
		return strings.Contains(d.Note, "theme")
	case value == "(type 0x12)0xffffffff":
		return text == "true"
	case value == "(type 0x12)0x0":
		return text == "false"
	case strings.HasPrefix(value, "(type 0x10)0x"):
		var n int32
		fmt.Sscanf(value, "(type 0x10)0x%x", &n)
		return text == fmt.Sprint(n)
	case strings.HasPrefix(value, "(type 0x4)0x3f000000"):
		return text == "0.5"
	}
	return strings.ReplaceAll(value, "%", "%25") == `"`+text+`"`
}

// TestXMLTree holds the screens of every app of the public test data, and of ours, against what aapt finds
// in any XML file of them.
func TestXMLTree(t *testing.T) {
	otatest.Tool(t, "aapt")
	list, err := filepath.Glob("testdata/*.apk")
	if err != nil {
		t.Fatal(err)
	}
	ours := len(list)
	list = append(list, otatest.APKs(t)...)
	screens, keys, right, files, foreign := 0, 0, 0, 0, 0
	for i, path := range list {
		facts, err := run(t.Context(), openFile(t, path))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, g := range facts.Gaps {
			t.Errorf("%s: %s", path, g.Reason)
		}
		got := map[string]map[int64][]fact.Default{} // by member and element
		for _, d := range facts.Defaults {
			m := d.At.Inner[0]
			if got[m] == nil {
				got[m] = map[int64][]fact.Default{}
			}
			got[m][*d.At.Offset] = append(got[m][*d.At.Offset], d)
		}
		otatest.Members(t, path, func(name string, read func() ([]byte, error)) {
			if !strings.HasPrefix(name, "res/") || !strings.HasSuffix(name, ".xml") {
				return
			}
			data, err := read()
			if err != nil {
				t.Fatal(err)
			}
			// Asking aapt of thirty thousand layouts would take an hour.
			if !strings.Contains(string(data), "PreferenceScreen") && !strings.Contains(string(data), utf16("PreferenceScreen")) {
				return
			}
			files++
			want, ok := aaptKeys(t, path, name)
			if !ok {
				return
			}
			screens++
			if i >= ours {
				foreign++
			}
			var offs []int64
			for off := range got[name] {
				offs = append(offs, off)
			}
			slices.Sort(offs)
			keys += len(want)
			if len(offs) != len(want) {
				t.Errorf("%s!/%s: %d keys, aapt has %d: %q", path, name, len(offs), len(want), want)
				return
			}
			for j, off := range offs {
				bad := slices.IndexFunc(got[name][off], func(d fact.Default) bool { return !agrees(d, want[j]) })
				if bad < 0 {
					right++
				} else {
					t.Errorf("%s!/%s: %s, aapt has %s", path, name, say(got[name][off][bad]), want[j])
				}
			}
			delete(got, name)
		})
		for name := range got {
			t.Errorf("%s!/%s: aapt knows no such screen", path, name)
		}
	}
	t.Logf("%d of %d keys as aapt has them, on %d preference screens (%d of the public test data) among %d files that could be one, in %d apps",
		right, keys, screens, foreign, files, len(list))
	if foreign == 0 {
		t.Error("no screen in the public test data")
	}
}

// TestAttributes looks the attributes up in the framework's own table.
func TestAttributes(t *testing.T) {
	table, err := arsc.Open(blob.Bytes(otatest.Member(t, otatest.Framework(t), tableName)), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint32{"key": attrKey, "defaultValue": attrDefaultValue, "persistent": attrPersistent} {
		if id, ok := table.Lookup("android", "attr", name); !ok || id != want {
			t.Errorf("%s is %#x, want %#x", name, id, want)
		}
	}
}
