package reads

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// openFile is a file as the driver hands it over, on a partition.
func openFile(t testing.TB, path string) *inspect.File {
	t.Helper()
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := blob.NewFile(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	name := filepath.Base(path)
	f := &inspect.File{Path: name, At: fact.Location{Partition: "system", Path: name, Device: "/system/" + name}, Blob: b,
		FS: os.DirFS(filepath.Dir(path)), Spool: t.TempDir()}
	if inside, budget, err := ota.Inside(t.Context(), b, nil, ""); err == nil {
		f.Inside, f.Budget = inside, budget
	}
	return f
}

// containers are the files of the public test data that hold code.
func containers(t testing.TB, folders ...string) []string {
	t.Helper()
	var list []string
	for _, dir := range folders {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			otatest.Members(t, path, func(name string, _ func() ([]byte, error)) {
				if name == firstDex {
					list = append(list, path)
				}
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// invocation is a line of dexdump -d: offset in the file, opcode, method.
var invocation = regexp.MustCompile(`^([0-9a-f]+): .*\|[0-9a-f]+: invoke-[a-z/]+ \{[^}]*\}, (L[^;]*;)\.([^:]*):(\S*)`)

// dexdumpReads lists the offsets of the calls of getters in a DEX file, as dexdump finds them.
func dexdumpReads(t *testing.T, data []byte) map[int64]*getter {
	t.Helper()
	path := filepath.Join(t.TempDir(), "classes.dex")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(otatest.Tool(t, "dexdump"), "-d", path)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dexdump: %v", err)
	}
	found := map[int64]*getter{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), []byte(", Landroid/")) { // to spare the expression
			continue
		}
		m := invocation.FindSubmatch(lines.Bytes())
		if m == nil {
			continue
		}
		if g := getters[string(m[2])+"->"+string(m[3])+string(m[4])]; g != nil {
			off, err := strconv.ParseInt(string(m[1]), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			found[off] = g
		}
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	return found
}

// TestDexdump finds the calls of getters in dexdump's text, and our facts at the same bytes.
func TestDexdump(t *testing.T) {
	otatest.Tool(t, "dexdump")
	list := containers(t, otatest.Data(t, "rom"), otatest.Data(t, "droidbench", "apk"))
	if testing.Short() {
		list = list[:5]
	}
	files, calls, equal, resources := 0, 0, 0, 0
	var share, simple shares // with what is forgotten at each label, for comparison
	for _, path := range list {
		facts, err := run(t.Context(), openFile(t, path))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if len(facts.Gaps) > 0 {
			t.Errorf("%s: gaps %+v", path, facts.Gaps)
		}
		c := newContainer(openFile(t, path))
		c.flowLeft = 0
		less, err := c.run(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		simple.addAll(less)
		share.addAll(facts)
		ours := map[string]map[int64]string{}
		for _, d := range facts.Defaults {
			if d.Source != fact.SourceRead || strings.HasPrefix(d.Note, "through ") {
				continue
			}
			member := d.At.Inner[0]
			if ours[member] == nil {
				ours[member] = map[int64]string{}
			}
			ours[member][*d.At.Offset] = d.Store
		}
		otatest.Members(t, path, func(name string, read func() ([]byte, error)) {
			if _, ok := dexNumber(name); !ok {
				return
			}
			files++
			data, err := read()
			if err != nil {
				t.Fatalf("%s!/%s: %v", path, name, err)
			}
			for off, g := range dexdumpReads(t, data) {
				store, ok := ours[name][off]
				delete(ours[name], off)
				switch {
				case g.id && !ok: // a computed id, or the framework's: no fact
					resources++
				case store != g.store:
					t.Errorf("%s!/%s: at %#x dexdump sees a read of %s, we %q", path, name, off, g.store, store)
					calls++
				default:
					calls++
					equal++
				}
			}
			for off, store := range ours[name] {
				t.Errorf("%s!/%s: at %#x we see a read of %s, dexdump none", path, name, off, store)
			}
		})
	}
	t.Logf("%d of %d reads that dexdump shows have a fact, in %d DEX files of %d containers; %d more are of resources of other packages or computed ids",
		equal, calls, files, len(list), resources)
	t.Log(share.String())
	t.Logf("forgetting all at each label:\n%s", simple.String())
	if calls < 500 && !testing.Short() {
		t.Errorf("only %d reads", calls)
	}
}

// shares counts what is constant, by store.
type shares struct {
	reads, keys, both map[string]int
	calls             int // of wrappers, with a constant key
}

// addAll counts each read once, in however many configurations its default is told.
func (s *shares) addAll(facts fact.Facts) {
	if s.reads == nil {
		s.reads, s.keys, s.both = map[string]int{}, map[string]int{}, map[string]int{}
	}
	seen := map[string]bool{}
	for _, d := range facts.Defaults {
		through := strings.HasPrefix(d.Note, "through ")
		if d.Source != fact.SourceRead || seen[fmt.Sprint(through, d.At)] {
			continue
		}
		seen[fmt.Sprint(through, d.At)] = true
		if through {
			if d.Key != nil {
				s.calls++
			}
			continue
		}
		s.reads[d.Store]++
		if d.Key == nil {
			continue
		}
		s.keys[d.Store]++
		if d.Value != nil || d.Note == noteNull || strings.HasPrefix(d.Note, "no default") || d.Store == fact.StoreResource {
			s.both[d.Store]++
		}
	}
}

func (s *shares) String() string {
	var b strings.Builder
	for _, store := range slices.Sorted(maps.Keys(s.reads)) {
		n := s.reads[store]
		fmt.Fprintf(&b, "%d of %d reads of %s have a constant key (%d %%), %d key and default (%d %%)\n",
			s.keys[store], n, store, 100*s.keys[store]/n, s.both[store], 100*s.both[store]/n)
	}
	fmt.Fprintf(&b, "%d calls of wrappers have a constant key", s.calls)
	return b.String()
}
