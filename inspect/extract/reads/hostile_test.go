package reads

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// members are the members of the sample.
func members(t testing.TB) map[string][]byte {
	m := map[string][]byte{}
	for _, name := range []string{manifestName, tableName, "classes.dex", "classes2.dex"} {
		if m[name] = otatest.Member(t, sample, name); m[name] == nil {
			t.Fatalf("no %s", name)
		}
	}
	return m
}

// lone is an app that is the update, of these members.
func lone(t testing.TB, members map[string][]byte) *inspect.File {
	fsys := fstest.MapFS{}
	for name, data := range members {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return &inspect.File{Path: firstDex, At: fact.Location{Path: firstDex}, Blob: blob.Bytes(members[firstDex]), FS: fsys, Lone: true, Spool: t.TempDir()}
}

// What cannot be read is a gap, and what can is still read.
func TestBroken(t *testing.T) {
	whole, err := run(t.Context(), lone(t, members(t)))
	if err != nil {
		t.Fatal(err)
	}
	count := func(facts fact.Facts, keep func(fact.Default) bool) (n int) {
		for _, d := range facts.Defaults {
			if keep(d) {
				n++
			}
		}
		return n
	}
	all := func(fact.Default) bool { return true }
	// A class of the first file whose members run past its end.
	classAt := func(name string) int {
		files, err := dex.Open(members(t)[firstDex], nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range files[0].ClassDefs.Len {
			if def, err := files[0].Class(i); err == nil && files[0].TypeName(def.Type) == name {
				return int(files[0].ClassDefs.Off + 32*i)
			}
		}
		t.Fatalf("no %s", name)
		return 0
	}
	for name, tc := range map[string]struct {
		change func(map[string][]byte)
		gap    string
		cause  fact.Cause
		keep   func(fact.Default) bool
	}{
		"manifest": {func(m map[string][]byte) { m[manifestName] = []byte("<manifest/>") }, "whose preferences", fact.CauseFormat,
			func(d fact.Default) bool { return d.Store != fact.StorePreferences && d.Store != fact.StoreResource }},
		"no file": {func(m map[string][]byte) { m["classes2.dex"] = []byte("dex\n035\x00") }, "classes2.dex: dex: shorter", fact.CauseFormat,
			func(d fact.Default) bool { return d.At.Path != "classes2.dex" }},
		"version": {func(m map[string][]byte) { copy(m["classes2.dex"][4:], "099") }, "classes2.dex: dex: unknown version", fact.CauseUnsupported,
			func(d fact.Default) bool { return d.At.Path != "classes2.dex" }},
		"class": {func(m map[string][]byte) {
			data := m[firstDex]
			binary.LittleEndian.PutUint32(data[classAt("Lcom/example/reads/Platform;")+24:], uint32(len(data)-1))
		}, "Lcom/example/reads/Platform;: dex: ", fact.CauseFormat,
			func(d fact.Default) bool { return !strings.Contains(d.At.Symbol, "Platform") }},
	} {
		t.Run(name, func(t *testing.T) {
			m := members(t)
			tc.change(m)
			facts, err := run(t.Context(), lone(t, m))
			if err != nil {
				t.Fatal(err)
			}
			if len(facts.Gaps) != 1 || !strings.Contains(facts.Gaps[0].Reason, tc.gap) || facts.Gaps[0].Cause != tc.cause {
				t.Errorf("gaps %+v, want %q", facts.Gaps, tc.gap)
			} else if g := facts.Gaps[0]; !slices.Equal(g.Blinds, []fact.Kind{fact.KindDefaults, fact.KindSettings}) ||
				name != "manifest" && !slices.Equal(g.Subjects, []fact.Subject{fact.AppSubject("com.example.reads")}) {
				t.Errorf("the gap reaches %v, blinds %v", g.Subjects, g.Blinds)
			}
			if got, want := count(facts, all), count(whole, tc.keep); got != want {
				t.Errorf("%d facts, want %d", got, want)
			}
			decode(t, facts)
		})
	}
	t.Run("table", func(t *testing.T) {
		m := members(t)
		m[tableName] = m[tableName][:20]
		facts, err := run(t.Context(), lone(t, m))
		if err != nil || len(facts.Gaps) != 1 {
			t.Fatalf("%v, gaps %+v", err, facts.Gaps)
		}
		sync := 0
		for _, d := range facts.Defaults {
			if d.Key != nil && *d.Key == "sync" && d.Value == nil && strings.Contains(d.Note, "the resource table could not be read") {
				sync++
			}
		}
		if sync != 1 {
			t.Errorf("%d reads say that the table is broken, want 1", sync)
		}
	})
}

// What is too much is a gap that says so; a method that is not followed keeps its reads.
func TestLimits(t *testing.T) {
	start := func() *container {
		c := newContainer(lone(t, members(t)))
		c.open = c.sibling
		return c
	}
	names := []string{"classes.dex", "classes2.dex"}
	for name, change := range map[string]func(*container){
		"bytes": func(c *container) { c.bytesLeft = 100 },
		"units": func(c *container) { c.unitsLeft = 100 },
		"text":  func(c *container) { c.textLeft = 10 * factSize },
	} {
		c := start()
		change(c)
		facts, err := c.scan(t.Context(), names)
		if err != nil || len(facts.Gaps) == 0 || facts.Gaps[0].Cause != fact.CauseLimit || len(facts.Defaults) > 10 {
			t.Errorf("%s: %v, %d facts, gaps %+v", name, err, len(facts.Defaults), facts.Gaps)
		}
	}
	whole, err := start().scan(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	c := start()
	c.flowLeft = 0
	facts, err := c.scan(t.Context(), names)
	if err != nil || len(facts.Gaps) > 0 || len(facts.Defaults) != len(whole.Defaults) {
		t.Errorf("not followed: %v, %d of %d facts, gaps %+v", err, len(facts.Defaults), len(whole.Defaults), facts.Gaps)
	}
	known := map[string]bool{}
	for _, d := range whole.Defaults {
		known[d.At.String()+say(d)] = true
	}
	large := 0
	for _, d := range facts.Defaults {
		if strings.Contains(d.Note, noteBig) {
			large++
		} else if !known[d.At.String()+say(d)] {
			t.Errorf("not followed, it says %s", say(d))
		}
	}
	if large == 0 {
		t.Error("nothing says that a method was not followed")
	}
}

// FuzzRun bends the sample's DEX files, at places and with bytes that edits give: three bytes each.
func FuzzRun(f *testing.F) {
	m := members(f)
	for i := range 8 {
		edits := make([]byte, 0, 60)
		for j := range 20 {
			edits = append(edits, byte(i*37+j*11), byte(j*7+i), byte(i*j))
		}
		f.Add(edits, []byte{})
	}
	f.Add([]byte{}, m[firstDex])
	f.Add([]byte{}, m["classes2.dex"])
	f.Fuzz(func(t *testing.T, edits, second []byte) {
		m := maps.Clone(m)
		data := slices.Clone(m[firstDex])
		for ; len(edits) >= 3; edits = edits[3:] {
			data[int(binary.LittleEndian.Uint16(edits))%len(data)] = edits[2]
		}
		m[firstDex] = data
		if len(second) > 0 {
			m["classes2.dex"] = second
		}
		file := lone(t, m)
		facts, err := run(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range facts.Defaults {
			if d.Source == fact.SourceRead && (*d.At.Offset < 0 || *d.At.Offset >= int64(len(m[d.At.Path]))) {
				t.Fatalf("%s is outside of its file", d.At.String())
			}
		}
		decode(t, facts)
	})
}
