package arsc_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/inspect/format/chunk"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// TestResources holds every table against aapt's dump of it, value by value.
func TestResources(t *testing.T) {
	otatest.Tool(t, "aapt")
	var none, same, lines, configs, sameConfigs int
	apks := otatest.APKs(t)
	if testing.Short() {
		apks = apks[:min(len(apks), 20)]
	}
	for _, apk := range apks {
		p := otatest.Member(t, apk, "resources.arsc")
		if p == nil {
			none++
			p = table()
		}
		table, err := arsc.Open(blob.Bytes(p), nil)
		if err != nil {
			t.Errorf("%s: %v", apk, err)
			continue
		}
		if notes := table.Notes(); len(notes) > 0 {
			t.Logf("%s: %q", apk, notes)
		}
		want, err := otatest.Run(t, "aapt", "dump", "--values", "resources", apk)
		if err != nil {
			t.Errorf("%s: %v: %.200s", apk, err, want)
			continue
		}
		if got := strings.TrimSpace(dump(table, p)); got == want {
			same++
			lines += strings.Count(want, "\n") + 1
		} else {
			t.Errorf("%s: %s", apk, difference(got, want))
		}
		want, err = otatest.Run(t, "aapt", "dump", "configurations", apk)
		if err != nil {
			t.Errorf("%s: %v", apk, err)
		}
		got := configurations(table)
		if w := strings.Split(want, "\n"); equalSorted(got, w) {
			sameConfigs++
			configs += len(w)
		} else {
			t.Errorf("%s: configurations %q, want %q", apk, got, w)
		}
	}
	t.Logf("%d of %d APKs equal aapt's dump of resources, %d lines; %d of them have no table, which aapt takes for an empty one", same, len(apks), lines, none)
	t.Logf("%d of %d APKs equal aapt's dump of configurations, %d of them", sameConfigs, len(apks), configs)
	if same == 0 {
		t.Error("nothing was compared")
	}
}

func equalSorted(a, b []string) bool {
	// Run cuts an empty line off, which is the default configuration: the dump of resources holds it.
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	a = slices.DeleteFunc(a, func(s string) bool { return s == "" })
	b = slices.DeleteFunc(b, func(s string) bool { return s == "" })
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

func configurations(t *arsc.Table) []string {
	var list []string
	for _, p := range t.Packages() {
		for _, typ := range p.Types() {
			for _, c := range typ.Configs() {
				list = append(list, c.String())
			}
		}
	}
	if len(list) == 0 {
		list = []string{""}
	}
	return list
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

// A dumper writes a table as aapt dump --values resources does.
type dumper struct {
	strings.Builder
	kind string // of the strings, which aapt tells: string8 or string16
}

// dump is the dump of the table whose bytes are raw.
func dump(t *arsc.Table, raw []byte) string {
	w := &dumper{kind: "string16"}
	if len(raw) > 12+28 && raw[12+16+1]&1 != 0 { // the flag of the pool, which comes first
		w.kind = "string8"
	}
	fmt.Fprintf(w, "Package Groups (%d)\n", len(t.Packages()))
	for i, p := range t.Packages() {
		fmt.Fprintf(w, "Package Group %d id=0x%02x packageCount=1 name=%s\n", i, p.ID, p.Name)
		if len(p.Types()) == 0 { // aapt does not name it: both such tables here are of APEX files
			continue
		}
		fmt.Fprintf(w, "  Package 0 id=0x%02x name=%s\n", p.ID, p.Name)
		for _, typ := range p.Types() {
			if typ.Len() > 0 { // aapt keeps no others
				w.typ(t, p, typ)
			}
		}
	}
	return w.String()
}

func (w *dumper) typ(t *arsc.Table, p *arsc.Package, typ *arsc.Type) {
	configs := typ.Configs()
	fmt.Fprintf(w, "    type %d configCount=%d entryCount=%d\n", typ.ID-1, len(configs), typ.Len())
	for i := range typ.Len() {
		id := uint32(p.ID)<<24 | uint32(typ.ID)<<16 | uint32(i)
		if r, ok := t.Resource(id); ok {
			fmt.Fprintf(w, "      spec resource 0x%08x %s:%s/%s: flags=0x%08x\n", r.ID, r.Package, r.Type, r.Name, r.Flags)
		} else {
			fmt.Fprintf(w, "      INVALID TYPE CONFIG FOR RESOURCE 0x%08x\n", id)
		}
	}
	for i, c := range configs {
		name := c.String()
		if name == "" {
			name = "(default)"
		}
		fmt.Fprintf(w, "      config %s:\n", name)
		for e, err := range typ.Entries(i) {
			fmt.Fprintf(w, "        resource 0x%08x %s:%s/%s: ", e.ID, p.Name, typ.Name, e.Name)
			public := ""
			if e.Flags&arsc.FlagPublic != 0 {
				public = " (PUBLIC)"
			}
			switch {
			case err != nil:
				fmt.Fprintf(w, "%v\n", err)
			case e.Bag():
				fmt.Fprintf(w, "<bag>%s\n          Parent=0x%08x(Resolved=0x%08x), Count=%d\n", public, e.Parent, e.Parent, len(e.Items))
				for i, item := range e.Items {
					fmt.Fprintf(w, "          #%d (Key=0x%08x): %s\n", i, item.Name, w.value(item.Value))
				}
			default:
				fmt.Fprintf(w, "t=0x%02x d=0x%08x (s=0x0008 r=0x00)%s\n          %s\n", uint8(e.Value.Type), e.Value.Data, public, w.value(e.Value))
			}
		}
	}
}

// value: ResTable::print_value. For aapt every integer is a color.
func (w *dumper) value(v arsc.Value) string {
	switch v.Type {
	case chunk.Null:
		return [...]string{"(null)", "(null empty)"}[v.Data&1]
	case chunk.Reference:
		return fmt.Sprintf("(reference) 0x%08x", v.Data)
	case chunk.DynamicReference:
		return fmt.Sprintf("(dynamic reference) 0x%08x", v.Data)
	case chunk.Attribute:
		return fmt.Sprintf("(attribute) 0x%08x", v.Data)
	case chunk.DynamicAttribute:
		return fmt.Sprintf("(dynamic attribute) 0x%08x", v.Data)
	case chunk.String:
		s, _, _ := strings.Cut(v.String, "\x00")
		return "(" + w.kind + `) "` + strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(s) + `"`
	case chunk.Float:
		return fmt.Sprintf("(float) %.6g", math.Float32frombits(v.Data))
	case chunk.Dimension:
		n, unit, _ := v.Complex()
		if n < 0 {
			// aapt prints the sign's bit as one of the number; TypedValue.complexToFloat does not.
			n += float32(uint32(1) << (24 - []int{0, 7, 15, 23}[v.Data>>4&3]))
		}
		return fmt.Sprintf("(dimension) %f%s", n, unit)
	case chunk.Fraction:
		n, unit, _ := v.Complex()
		return fmt.Sprintf("(fraction) %f%s", n, unit)
	}
	return fmt.Sprintf("(color) #%08x", v.Data)
}
