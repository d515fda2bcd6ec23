package inspect_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/suite"
	"github.com/otavet/otavet/ota"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

func open(t testing.TB, path string) *ota.Package {
	t.Helper()
	p, err := ota.OpenPath(t.Context(), path, ota.Options{Spool: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func run(t testing.TB, p *ota.Package, want []fact.Kind, jobs int) *fact.Facts {
	t.Helper()
	f, err := inspect.Run(t.Context(), p, suite.All(), want, inspect.Options{Jobs: jobs, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// inputs are all examples that open, and all public data where it is there.
func inputs(t testing.TB) []string {
	var paths []string
	root := otatest.Root(t)
	for _, name := range []string{"example.zip", "ec.zip", "sha1.zip", "runs.zip", "tampered.zip", "unsigned.zip", "twice.zip", "jar.zip", "source"} {
		paths = append(paths, filepath.Join(root, "testdata/updates", name))
	}
	return append(paths, filepath.Join(root, "testdata/updates/nimbus-ab.zip"), filepath.Join(root, "testdata/images/layers/rom.zip"))
}

func dataInputs(t testing.TB) []string {
	var paths []string
	for _, pattern := range []string{"recovery/*.zip", "rom/*", "transfer/*", "apex/*.apex", "apex/*.capex", "payload/full_payload.bin", "sparse/*.img", "droidbench/apk/Lifecycle/*.apk"} {
		found, err := filepath.Glob(filepath.Join(otatest.Data(t), pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		for _, path := range found {
			if filepath.Base(path) != "random.zip" { // no zip at all
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// Every place that a fact names can be opened again and holds the same bytes.
// Folders have no bytes: they are counted apart.
func TestEveryLocationReopens(t *testing.T) {
	reopen(t, inputs(t))
}

func TestEveryLocationReopensInData(t *testing.T) {
	reopen(t, dataInputs(t))
}

func reopen(t *testing.T, paths []string) {
	opened, folders := 0, 0
	for _, path := range paths {
		p := open(t, path)
		facts := run(t, p, fact.All(), 2)
		seen := map[string]string{}
		exempt := withoutBytes(facts)
		facts.Locations(func(l *fact.Location) {
			text := l.String()
			back, err := fact.ParseLocation(text)
			if err != nil || back.String() != text {
				t.Errorf("%s: %s is not read back: %v", path, text, err)
				return
			}
			if l.SHA256 == "" {
				if !exempt[l] {
					t.Errorf("%s: %s names bytes without a hash", path, text)
				}
				folders++
				return
			}
			whole, _, _ := strings.Cut(text, "#")
			if seen[whole] == "" {
				b, closer, err := inspect.Open(t.Context(), p, back)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					return
				}
				defer closer()
				if seen[whole], err = inspect.Hash(t.Context(), b, nil); err != nil {
					t.Errorf("%s: %s: %v", path, text, err)
				}
				if l.Offset != nil && *l.Offset > b.Size() {
					t.Errorf("%s: %s is beyond the end", path, text)
				}
			}
			if seen[whole] != l.SHA256 {
				t.Errorf("%s: %s holds %s, the fact says %s", path, text, seen[whole], l.SHA256)
			}
			opened++
		})
	}
	t.Logf("%d updates: %d places opened again, %d without bytes of their own (folders, links, gaps)", len(paths), opened, folders)
	if opened == 0 {
		t.Error("no place was looked at")
	}
}

// withoutBytes are the places that have none of their own: a folder as the update
// or a partition, an installed folder or link, what a gap says could not be read.
func withoutBytes(f *fact.Facts) map[*fact.Location]bool {
	none := map[*fact.Location]bool{}
	for i := range f.Update {
		none[&f.Update[i].At] = f.Update[i].SHA256 == nil
	}
	for i := range f.Partitions {
		none[&f.Partitions[i].At] = f.Partitions[i].Form != "raw"
	}
	for i := range f.Files {
		none[&f.Files[i].At] = !strings.HasPrefix(f.Files[i].Mode, "-")
	}
	for i := range f.Gaps {
		none[&f.Gaps[i].At] = true
	}
	return none
}

// The same update makes the same bytes, however many work on it.
func TestJobsDoNotShow(t *testing.T) {
	for _, path := range inputs(t) {
		var first []byte
		for _, jobs := range []int{1, 8, 3, 8} {
			text, err := json.Marshal(run(t, open(t, path), fact.All(), jobs))
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = text
			}
			if !bytes.Equal(first, text) {
				t.Errorf("%s: --jobs %d gives other facts than --jobs 1", path, jobs)
			}
		}
	}
}

func fakeSuite(run func(context.Context, *inspect.File) (fact.Facts, error)) inspect.Suite {
	return inspect.Suite{Extractors: []*inspect.Extractor{{Name: "fake", Doc: "for tests", Emits: []fact.Kind{fact.KindMetadata},
		Match: func(at fact.Location, _ fs.FileInfo, _ func() []byte) bool {
			return at.Path == "META-INF/com/android/metadata"
		}, Run: run}}}
}

func TestErrorsBecomeGaps(t *testing.T) {
	p := open(t, filepath.Join(otatest.Root(t), "testdata/updates/example.zip"))
	f, err := inspect.Run(t.Context(), p, fakeSuite(func(context.Context, *inspect.File) (fact.Facts, error) {
		return fact.Facts{}, errors.New("no luck\x1b[31m")
	}), nil, inspect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.Gaps {
		if g.Reason == "fake: no luck%1B[31m" && g.Cause == fact.CauseUndecided && g.Blinds[0] == fact.KindMetadata {
			return
		}
	}
	t.Errorf("gaps %+v", f.Gaps)
}

func TestPanicEndsTheRun(t *testing.T) {
	p := open(t, filepath.Join(otatest.Root(t), "testdata/updates/example.zip"))
	f, err := inspect.Run(t.Context(), p, fakeSuite(func(context.Context, *inspect.File) (fact.Facts, error) {
		panic("at the disco")
	}), nil, inspect.Options{Jobs: 2})
	var internal *inspect.ErrInternal
	if !errors.As(err, &internal) || f != nil || !strings.Contains(err.Error(), "fake on META-INF/com/android/metadata") {
		t.Errorf("facts %v, error %v", f, err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	p := open(t, filepath.Join(otatest.Root(t), "testdata/updates/example.zip"))
	why := errors.New("enough")
	_, err := inspect.Run(ctx, p, fakeSuite(func(context.Context, *inspect.File) (fact.Facts, error) {
		cancel(why)
		return fact.Facts{}, nil
	}), nil, inspect.Options{})
	if !errors.Is(err, why) {
		t.Errorf("error %v", err)
	}
}

// Only what is wanted runs, and what it needs.
func TestWantedKinds(t *testing.T) {
	p := open(t, filepath.Join(otatest.Root(t), "testdata/updates/example.zip"))
	f := run(t, p, []fact.Kind{fact.KindScript}, 1)
	if got, want := kindNames(f), "gaps script"; got != want || len(f.Script) == 0 || len(f.Signatures)+len(f.Members) > 0 {
		t.Errorf("kinds %s, want %s", got, want)
	}
	f = run(t, p, []fact.Kind{fact.KindUpdate}, 1)
	if got, want := kindNames(f), "gaps metadata properties script update"; got != want || len(f.Update) != 1 {
		t.Errorf("kinds %s, want %s: the update needs them", got, want)
	}
	f = run(t, p, nil, 1)
	if got, want := kindNames(f), "apps certificates components defaults gaps members metadata modules partitions permissions properties script settings signatures statements update"; got != want {
		t.Errorf("kinds %s, want %s", got, want)
	}
}

func kindNames(f *fact.Facts) string {
	var names []string
	for _, k := range f.Kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, " ")
}

func TestSuiteIsSane(t *testing.T) {
	if err := suite.All().Validate(); err != nil {
		t.Error(err)
	}
	loop := inspect.Suite{Analyses: []*inspect.Analysis{
		{Name: "a", Doc: "a", Needs: []fact.Kind{fact.KindScript, fact.KindMetadata}, Emits: []fact.Kind{fact.KindUpdate}},
		{Name: "b", Doc: "b", Needs: []fact.Kind{fact.KindUpdate}, Emits: []fact.Kind{fact.KindMetadata}},
	}}
	if err := loop.Validate(); err == nil {
		t.Error("a needs b, b needs a, and nobody objects")
	}
}

// A container in a container in a container ends at the limit, as a gap.
func TestNestingEnds(t *testing.T) {
	inner := []byte("the core")
	for range 12 {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		f, err := w.Create("in.zip")
		if err != nil {
			t.Fatal(err)
		}
		f.Write(inner)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		inner = buf.Bytes()
	}
	p, err := ota.Open(t.Context(), blob.Bytes(inner), "nest.zip", ota.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := run(t, p, nil, 1)
	deep := 0
	for _, g := range f.Gaps {
		if g.Cause == fact.CauseLimit {
			deep = len(g.At.Inner)
		}
	}
	if deep == 0 || deep > 8 {
		t.Errorf("ends %d deep: %+v", deep, f.Gaps)
	}
}

// Containers that each keep to their limits, and together do not, end the run.
func TestContainersTogether(t *testing.T) {
	zipped := func(files map[string][]byte) []byte {
		var buf bytes.Buffer
		w := zip.NewWriter(&buf)
		for name, data := range files {
			f, err := w.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			f.Write(data)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	inner := zipped(map[string][]byte{"zeros": make([]byte, 1<<20)})
	outer := map[string][]byte{}
	for i := range 20 {
		outer[string(rune('a'+i))+".apk"] = inner
	}
	for limit, want := range map[int64]error{64 << 20: nil, 8 << 20: parse.ErrLimit} {
		p, err := ota.Open(t.Context(), blob.Bytes(zipped(outer)), "many.zip", ota.Options{Limits: parse.Limits{Produced: limit}})
		if err != nil {
			t.Fatal(err)
		}
		f, err := inspect.Run(t.Context(), p, suite.All(), nil, inspect.Options{Jobs: 2})
		if !errors.Is(err, want) || (f == nil) != (want != nil) {
			t.Errorf("limit %d: %v, want %v", limit, err, want)
		}
	}
}

// brokenFS has one folder that cannot be listed.
type brokenFS struct {
	fstest.MapFS
	dir string
}

func (b brokenFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == b.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("medium error")}
	}
	return b.MapFS.ReadDir(name)
}

// A file that cannot be read blinds itself, a folder blinds everything: what is in
// it is not known.
func TestWhomGapsReach(t *testing.T) {
	fsys := brokenFS{fstest.MapFS{
		"system/build.prop":                {},
		"system/app/a.apk":                 {Data: []byte("PK\x03\x04 and no more")},
		"system/etc/security/otacerts.zip": {},
	}, "system/etc"}
	p, err := ota.OpenFS(t.Context(), fsys, "rom", ota.Options{})
	if err != nil {
		t.Fatal(err)
	}
	reaches := map[string][]fact.Subject{}
	for _, g := range run(t, p, nil, 1).Gaps {
		if slices.Contains(g.Blinds, fact.KindCertificates) { // the walk's own
			reaches[g.At.String()] = g.Subjects
		}
	}
	if got, ok := reaches["system:etc"]; !ok || len(got) != 0 {
		t.Errorf("the folder reaches %v (%v)", got, ok)
	}
	// Apps and files that it may hide are missing in what is counted, and that is said.
	for _, want := range []struct {
		kind    fact.Kind
		subject fact.Subject
	}{{fact.KindPartitions, fact.Subject{Kind: "partition", ID: "system"}}, {fact.KindSignatures, fact.Subject{Kind: "signature", ID: "apk"}}} {
		found := false
		for _, g := range run(t, p, []fact.Kind{want.kind}, 1).Gaps {
			found = found || strings.Contains(g.Reason, "medium error") && slices.Contains(g.Blinds, want.kind) && slices.Contains(g.Subjects, want.subject)
		}
		if !found {
			t.Errorf("no gap of %s says that the folder could not be listed", want.kind)
		}
	}
	if got := reaches["system:app/a.apk"]; len(got) != 1 || got[0] != (fact.Subject{Kind: "file", ID: "/system/app/a.apk"}) {
		t.Errorf("the app reaches %v", got)
	}
}
