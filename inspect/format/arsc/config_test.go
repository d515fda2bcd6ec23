package arsc_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

func locale(language, region string) arsc.Config {
	var c arsc.Config
	c.SetLocale(language, region)
	return c
}

func TestConfigString(t *testing.T) {
	for _, tc := range []struct {
		c    arsc.Config
		want string
	}{
		{arsc.Config{}, ""},
		{arsc.Config{Language: [2]byte{'e', 'n'}, Region: [2]byte{'U', 'S'}, SmallestScreenWidthDP: 600, SDK: 21}, "en-rUS-sw600dp-v21"},
		{locale("es", "419"), "es-r419"},
		{locale("fil", "PH"), "fil-rPH"},
		{arsc.Config{Language: [2]byte{'s', 'r'}, Script: [4]byte{'L', 'a', 't', 'n'}}, "b+sr+Latn"},
		{arsc.Config{Language: [2]byte{'s', 'r'}, Script: [4]byte{'L', 'a', 't', 'n'}, ScriptComputed: true}, "sr"},
		{arsc.Config{Language: [2]byte{'d', 'e'}, Region: [2]byte{'D', 'E'}, Variant: [8]byte{'1', '9', '0', '1'}}, "b+de+DE+1901"},
		{arsc.Config{Language: [2]byte{'a', 'r'}, Numbering: [8]byte{'l', 'a', 't', 'n'}}, "b+ar+u+nu+latn"},
		{arsc.Config{Language: [2]byte{'d', 'e'}, Gender: 2}, "de-feminine"},
		{arsc.Config{MCC: 310, MNC: 4, ScreenLayout: 0x80 | 0x20 | 4, ScreenLayout2: 2, ColorMode: 8 | 2, Orientation: 2, UIMode: 0x20 | 6, Density: 0xfffe,
			Touchscreen: 3, InputFlags: 2 | 8, Keyboard: 2, Navigation: 4, ScreenWidth: 320, ScreenHeight: 480, SDK: 36, MinorSDK: 1},
			"mcc310-mnc4-ldrtl-xlarge-long-round-highdr-widecg-land-watch-night-anydpi-finger-keyshidden-qwerty-navhidden-wheel-320x480-v36.1"},
		{arsc.Config{Density: 213, ScreenWidthDP: 100, ScreenHeightDP: 200}, "w100dp-h200dp-tvdpi"},
		{arsc.Config{Density: 333, Orientation: 9, ScreenLayout: 0xc0}, "layoutDir=192-orientation=9-333dpi"},
	} {
		if got := tc.c.String(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
	for _, l := range [][2]string{{"en", "US"}, {"fil", ""}, {"es", "419"}, {"haw", "001"}} {
		c := locale(l[0], l[1])
		if a, b := c.Locale(); a != l[0] || b != l[1] {
			t.Errorf("%q: %q, %q", l, a, b)
		}
	}
}

// TestPreference: of the values with the first configurations, for the request
// the one is used; -1 for none. The expectations are the platform's documents
// ("How Android finds the best-matching resource", "Language and locale
// resolution") and the comments of ResTable_config.
func TestPreference(t *testing.T) {
	phone := arsc.Config{SDK: 33, Density: 420, Orientation: 1, ScreenLayout: 0x40 | 0x20 | 2, SmallestScreenWidthDP: 411, ScreenWidthDP: 411, ScreenHeightDP: 800, Touchscreen: 3, InputFlags: 3, UIMode: 1}
	in := func(language, region string) arsc.Config {
		c := phone
		c.SetLocale(language, region)
		return c
	}
	l := func(locales ...string) (list []arsc.Config) {
		for _, s := range locales {
			switch {
			case len(s) > 3:
				list = append(list, locale(s[:2], s[3:]))
			default:
				list = append(list, locale(s, ""))
			}
		}
		return list
	}
	// The platform does not ask whether the other's locale is the better: see BetterThan.
	const unsorted = "a later value without language, in a file that is not sorted"
	night := phone
	night.UIMode |= 0x20
	for _, tc := range []struct {
		name    string
		request arsc.Config
		configs []arsc.Config
		want    int
	}{
		{"default alone", phone, []arsc.Config{{}}, 0},
		{"equal: the first", phone, []arsc.Config{{SDK: 21}, {SDK: 21}}, 0},
		{"nothing matches", phone, []arsc.Config{{SDK: 34}}, -1},
		{"the higher release", phone, []arsc.Config{{}, {SDK: 21}, {SDK: 31}, {SDK: 34}}, 2},
		{unsorted, in("de", "DE"), []arsc.Config{locale("de", ""), {SDK: 31}}, 1},
		{"language before release, in sorted order, not reversed", in("de", "DE"), []arsc.Config{{SDK: 31}, locale("de", "")}, 1},
		{"network before language", arsc.Config{MCC: 310, Language: [2]byte{'d', 'e'}, Script: [4]byte{'L', 'a', 't', 'n'}}, []arsc.Config{locale("de", ""), {MCC: 310}}, 1},
		{"another network", phone, []arsc.Config{{MCC: 310}}, -1},
		{"smallest width before orientation", phone, []arsc.Config{{Orientation: 1}, {SmallestScreenWidthDP: 320}}, 1},
		{"the largest width that fits", phone, []arsc.Config{{SmallestScreenWidthDP: 320}, {SmallestScreenWidthDP: 400}, {SmallestScreenWidthDP: 600}}, 1},
		{"night", night, []arsc.Config{{}, {UIMode: 0x20}}, 1},
		{"not night", phone, []arsc.Config{{}, {UIMode: 0x20}}, 0},
		{"density: scale down", phone, []arsc.Config{{Density: 160}, {Density: 480}, {Density: 320}, {Density: 640}}, 1},
		{"density: any", phone, []arsc.Config{{Density: 420}, {Density: 0xfffe}}, 1},
		{"density: all lower", phone, []arsc.Config{{Density: 160}, {Density: 240}}, 1},
		{"soft keyboard for keysexposed", phone, []arsc.Config{{}, {InputFlags: 1}}, 1},
		{"keyssoft before keysexposed", phone, []arsc.Config{{InputFlags: 1}, {InputFlags: 3}}, 1},
		{"normal size over none", phone, []arsc.Config{{}, {ScreenLayout: 2}}, 1},
		{"small size", phone, []arsc.Config{{ScreenLayout: 1}, {}}, 1},
		{"right to left", phone, []arsc.Config{{ScreenLayout: 0x80}}, -1},

		{"en-US takes no language before en-GB", in("en", "US"), l("", "en-GB"), 0},
		{"en-US takes en before none", in("en", "US"), l("", "en"), 1},
		{"en-GB takes en-001 before en", in("en", "GB"), l("en", "en-001"), 1},
		{"en takes en-CA before none", in("en", ""), l("", "en-CA"), 1},
		{"en does not take en-XA, which is no English", in("en", ""), l("en-XA"), -1},
		{"en-XA takes no en", in("en", "XA"), l("", "en", "en-XA"), 2},
		{"en-AU takes en-GB before en-US", in("en", "AU"), l("en-US", "en-GB"), 1},
		{"en-PR takes none before en-GB", in("en", "PR"), l("", "en-GB"), 0},
		{"es-AR takes es-419 before es", in("es", "AR"), l("es", "es-419"), 1},
		{"es-AR takes es-US before es-ES, for want of es-419", in("es", "AR"), l("es-ES", "es-US"), 1},
		{"es-AR takes es-419 before es-US", in("es", "AR"), l("es-US", "es-419"), 1},
		{"pt-AO takes pt-PT before pt", in("pt", "AO"), l("pt", "pt-PT"), 1},
		{"fr-CH takes fr-FR for want of fr", in("fr", "CH"), l("fr-CA", "fr-FR"), 1},
		{"zh-HK does not take zh-CN", in("zh", "HK"), l("zh-CN"), -1},
		{"zh-MO takes zh-HK before zh-TW", in("zh", "MO"), l("zh-TW", "zh-HK"), 1},
		{"sr-RS does not take b+sr+Latn", in("sr", "RS"), []arsc.Config{{Language: [2]byte{'s', 'r'}, Script: [4]byte{'L', 'a', 't', 'n'}}}, -1},
		{"Tagalog is Filipino", in("fil", "PH"), l("", "tl"), 1},
		{"unknown language: the region must be equal", in("qq", "XX"), l("qq-YY"), -1},
		{"another language", in("de", "DE"), l("fr"), -1},
	} {
	again:
		var entries [][]byte
		for _, c := range tc.configs {
			entries = append(entries, typ(1, 0, store(c), simple(0, 0x10, uint32(len(entries)))))
		}
		e, ok, err := open(t, table(pack(0x7f, append([][]byte{spec(1, 0)}, entries...)...))).Best(0x7f010000, tc.request)
		got := -1
		if ok {
			got = int(e.Value.Data)
		}
		if err != nil || got != tc.want {
			t.Errorf("%s: %d, %v; want %d", tc.name, got, err, tc.want)
		}
		// The order in the file matters only between equals, and in one case more.
		if n := len(tc.configs); n > 1 && tc.configs[0] != tc.configs[1] && !strings.HasSuffix(tc.name, "reversed") && tc.name != unsorted {
			tc.name += ", reversed"
			tc.configs = slices.Clone(tc.configs)
			slices.Reverse(tc.configs)
			if tc.want >= 0 {
				tc.want = n - 1 - tc.want
			}
			goto again
		}
	}
}

// store is a ResTable_config of 64 bytes.
func store(c arsc.Config) []byte {
	computed := uint8(0)
	if c.ScriptComputed {
		computed = 1
	}
	return le(uint32(64), c.MCC, c.MNC, c.Language[:], c.Region[:], c.Orientation, c.Touchscreen, c.Density, c.Keyboard, c.Navigation, c.InputFlags, c.Gender,
		c.ScreenWidth, c.ScreenHeight, c.SDK, c.MinorSDK, c.ScreenLayout, c.UIMode, c.SmallestScreenWidthDP, c.ScreenWidthDP, c.ScreenHeightDP,
		c.Script[:], c.Variant[:], c.ScreenLayout2, c.ColorMode, uint16(0), computed, c.Numbering[:], []byte{0, 0, 0})
}

// Every size that configurations have had is read, and what a shorter one lacks is zero.
func TestConfigSizes(t *testing.T) {
	full := arsc.Config{MCC: 310, Language: [2]byte{'s', 'r'}, Script: [4]byte{'L', 'a', 't', 'n'}, SDK: 21, ScreenLayout: 2, SmallestScreenWidthDP: 600,
		ScreenWidthDP: 700, Variant: [8]byte{'x'}, ScreenLayout2: 2, Numbering: [8]byte{'l', 'a', 't', 'n'}}
	for _, size := range []int{28, 32, 36, 40, 48, 52, 56, 64, 72} {
		b := append(store(full), make([]byte, 8)...)[:size]
		b = put32(b, 0, uint32(size))
		got := open(t, table(pack(0x7f, spec(1, 0), typ(1, 0, b, simple(0, 3, 0))))).Packages()[0].Types()[0].Configs()[0]
		want := full
		if size < 64 {
			want.Numbering = [8]byte{}
			copy(want.Numbering[:], full.Numbering[:max(0, size-53)])
		}
		if size < 52 {
			want.ScreenLayout2 = 0
		}
		if size < 48 {
			want.Variant = [8]byte{}
		}
		if size < 40 {
			want.Script = [4]byte{}
		}
		if size < 36 {
			want.ScreenWidthDP = 0
		}
		if size < 32 {
			want.ScreenLayout, want.SmallestScreenWidthDP = 0, 0
		}
		if got != want {
			t.Errorf("%d bytes: %+v\nwant %+v", size, got, want)
		}
	}
}

func TestMoreSpecific(t *testing.T) {
	order := []arsc.Config{{SDK: 30}, {Density: 320, Orientation: 1}, {SmallestScreenWidthDP: 600}, locale("de", ""), locale("de", "DE"), {MCC: 310}}
	for i := range order {
		for j := range order {
			if got := order[i].MoreSpecificThan(&order[j]); got != (i > j) {
				t.Errorf("%q more specific than %q: %v", order[i], order[j], got)
			}
		}
	}
}

// large is a table of some 32 MiB, in the manner of the framework's: 120,000
// strings, 300 locales, 3000 entries in each.
func large() []byte {
	words := make([]string, 120000)
	for i := range words {
		words[i] = fmt.Sprintf("%0110d", i)
	}
	keys := make([]string, 3000)
	flags := make([]uint32, len(keys))
	entries := make([][]byte, len(keys))
	for i := range keys {
		keys[i] = fmt.Sprintf("config_name_of_entry_%d", i)
		entries[i] = simple(uint32(i), 3, uint32(i*40))
	}
	types, names := pool16("string"), pool8(keys...)
	body := slices.Concat(types, names, spec(1, flags...))
	one := typ(1, 0, config(64), entries...)
	for i := range 300 {
		at := len(body)
		body = append(body, one...)
		copy(body[at+20+8:], []byte{'a' + byte(i/26), 'a' + byte(i%26)})
	}
	pkg := chunkOf(0x200, le(uint32(0x7f), name16("com.example", 128), uint32(288), uint32(0), uint32(288+len(types)), uint32(0), uint32(0)), body)
	return chunkOf(2, le(uint32(1)), append(pool8(words...), pkg...))
}

// TestLarge bounds what opening a large table costs in memory: the table itself,
// and little more.
func TestLarge(t *testing.T) {
	b := large()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	table, err := arsc.Open(blob.Bytes(b), parse.NewBudget(parse.Limits{}))
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	grown := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d bytes of table, %d allocated", len(b), grown)
	if len(b) < 30<<20 || grown > uint64(len(b))+1<<20 {
		t.Errorf("opening %d bytes allocates %d", len(b), grown)
	}
	e, ok, err := table.Resolve(0x7f010005, locale("ab", ""))
	if err != nil || !ok || e.Value.String != fmt.Sprintf("%0110d", 200) || e.Config.String() != "ab" {
		t.Errorf("%+v, %v, %v", e, ok, err)
	}
}

func BenchmarkOpen(b *testing.B) {
	data := large()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := arsc.Open(blob.Bytes(data), nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEntries reads every value of a large table.
func BenchmarkEntries(b *testing.B) {
	table := open(b, large())
	for b.Loop() {
		n := 0
		for _, typ := range table.Packages()[0].Types() {
			for i := range typ.Configs() {
				for _, err := range typ.Entries(i) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
		}
		b.ReportMetric(float64(n), "entries/op")
	}
}

func BenchmarkResolve(b *testing.B) {
	table := open(b, large())
	request := locale("de", "DE")
	for b.Loop() {
		if _, ok, err := table.Resolve(0x7f010005, request); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func TestAnd(t *testing.T) {
	config := func(language string, f func(*arsc.Config)) (c arsc.Config) {
		c.SetLocale(language, "")
		if f != nil {
			f(&c)
		}
		return c
	}
	land := func(c *arsc.Config) { c.Orientation = 2 }
	port := func(c *arsc.Config) { c.Orientation = 1 }
	v21 := func(c *arsc.Config) { c.SDK = 21 }
	v30 := func(c *arsc.Config) { c.SDK = 30 }
	for _, tc := range []struct {
		a, b arsc.Config
		want string // "-": none
	}{
		{config("", nil), config("de", nil), "de"},
		{config("de", nil), config("", land), "de-land"},
		{config("", land), config("de", nil), "de-land"},
		{config("de", nil), config("fr", nil), "-"},
		{config("", land), config("", port), "-"},
		{config("", v30), config("", v21), "v30"},
		{config("de", v21), config("de", land), "de-land-v21"},
	} {
		got, ok := tc.a.And(tc.b)
		if s := got.String(); ok != (tc.want != "-") || ok && s != tc.want {
			t.Errorf("%s.And(%s) = %s, %v, want %s", tc.a, tc.b, s, ok, tc.want)
		}
	}
}
