package arsc_test

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/inspect/format/arsc"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// TestFramework holds the framework's own table, the largest there is, against
// aapt: every value in every configuration, and what it says of the app.
func TestFramework(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 45 MB")
	}
	otatest.Tool(t, "aapt")
	apk := otatest.Framework(t)
	f, table := app(t, apk)
	raw := otatest.Member(t, apk, "resources.arsc")
	began := time.Now()
	got := strings.TrimSpace(dump(table, raw))
	ours := time.Since(began)
	began = time.Now()
	want, err := output(t, "aapt", "dump", "--values", "resources", apk)
	if err != nil || got != want {
		t.Fatalf("%v: %s", err, difference(got, want))
	}
	theirs := time.Since(began)
	b := &badging{t: t, apk: apk, table: table, pkg: f.Root.Named("", "package").Value.String}
	badge, err := output(t, "aapt", "dump", "badging", apk)
	ourBadge := b.dump(f.Root)
	if err != nil {
		t.Error(err)
	}
	// aapt is Android 11's, to which Canadian English was international English, and not near
	// that of the US; since then it is. The table has no plain "en", so the two choose differently.
	const older = "application-label-en"
	if got, want := without(ourBadge, older), without(badge, older); got != want || ourBadge == badge {
		t.Errorf("badging: %s", difference(got, want))
	}
	t.Logf("1 exception: %s: aapt chooses en-XC where Android of today chooses en-CA", older)
	n, size := every(t, table)
	t.Logf("%d lines of aapt's dump of the framework's %d bytes of table are equal, in %v here and %v there; %d lines of badging; %d values, %d bytes of text",
		strings.Count(want, "\n")+1, len(raw), ours.Round(time.Millisecond), theirs.Round(time.Millisecond), strings.Count(badge, "\n")+1, n, size)
}

// without is a text without the line that begins so.
func without(text, line string) string {
	before, rest, _ := strings.Cut(text, "\n"+line+":")
	_, after, _ := strings.Cut(rest, "\n")
	return before + "\n" + after
}

// every reads every value in every configuration, and gives how many there are, items of bags
// each for itself, and the length of all their text.
func every(t testing.TB, table *arsc.Table) (values, text int) {
	for _, p := range table.Packages() {
		for _, typ := range p.Types() {
			for i := range typ.Configs() {
				for e, err := range typ.Entries(i) {
					if err != nil {
						t.Fatal(err)
					}
					text += len(e.Name) + len(e.Value.String)
					for j := range e.Items {
						text += len(e.Items[j].Value.String)
					}
					values += max(len(e.Items), 1)
				}
			}
		}
	}
	return values, text
}

// TestFrameworkMemory bounds what the framework's table needs: twice the file, one of
// them the caller's own, and 48 MB.
func TestFrameworkMemory(t *testing.T) {
	raw := otatest.Member(t, otatest.Framework(t), "resources.arsc")
	most := 48<<20 + 2*uint64(len(raw))
	// So the heap never holds more garbage than this much beside what lives; the peak is then
	// what a program with that limit would see.
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	runtime.GC()
	stop, peak := make(chan bool), make(chan uint64)
	go func() {
		var m runtime.MemStats
		top := uint64(0)
		for {
			runtime.ReadMemStats(&m)
			top = max(top, m.HeapAlloc)
			select {
			case <-stop:
				peak <- top
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	table, err := arsc.Open(blob.Bytes(raw), parse.NewBudget(parse.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	every(t, table)
	for id := uint32(0x01010000); id < 0x01210000; id += 0x10000 {
		for i := range uint32(200) {
			if _, _, err := table.Resolve(id+i, device()); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop <- true
	top := <-peak
	runtime.KeepAlive(raw)
	t.Logf("%d MB of heap at most, opening and reading a table of %d MB; %d MB are allowed", top>>20, len(raw)>>20, most>>20)
	if top > most {
		t.Errorf("the heap grew to %d bytes, more than %d", top, most)
	}
}

// BenchmarkFramework opens the framework's table and reads every value in every
// configuration; the house asks for less than 0.2 s. Beside it, for the same bytes: reading and
// adding them up, and aapt.
func BenchmarkFramework(b *testing.B) {
	apk := otatest.Framework(b)
	raw := otatest.Member(b, apk, "resources.arsc")
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			table, err := arsc.Open(blob.Bytes(raw), parse.NewBudget(parse.Limits{}))
			if err != nil {
				b.Fatal(err)
			}
			n, _ = every(b, table)
		}
		b.ReportMetric(float64(n), "values/op")
	})
	b.Run("limit=copy+sum", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		var sum uint64
		for b.Loop() {
			for _, c := range bytes.Clone(raw) {
				sum += uint64(c)
			}
		}
		if sum == 0 {
			b.Error("nothing was read")
		}
	})
	b.Run("peer=aapt", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if _, err := otatest.Run(b, "aapt", "dump", "--values", "resources", apk); err != nil {
				b.Fatal(err)
			}
		}
	})
}
