package otatest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/payload"
	"github.com/otavet/otavet/ota/otatest"
)

// A small corpus is read back by our own readers, is kept, and is decoded by the
// tools that set the limits.
func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a corpus")
	}
	dir := t.TempDir()
	t.Setenv("OTAVET_BENCH", dir)
	const size = 16 << 20
	path := otatest.Corpus(t, size)
	p, zip := openCorpus(t, path)
	defer zip.Close()
	if !p.Full() || len(p.Notes()) > 0 || len(p.Unknown()) > 0 {
		t.Errorf("notes %q, unknown %v", p.Notes(), p.Unknown())
	}
	total, types := int64(0), map[payload.OpType]int{}
	for _, part := range p.Partitions {
		total += part.New.Size
		for _, op := range part.Operations {
			types[op.Type]++
		}
		if err := part.Check(payload.Options{Decode: decode}); err != nil {
			t.Error(err)
		}
	}
	if total != size || types[payload.ReplaceXZ] == 0 {
		t.Errorf("%d bytes, operations %v", total, types)
	}
	made, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(otatest.Corpus(t, size)); err != nil || !again.ModTime().Equal(made.ModTime()) {
		t.Errorf("it is made anew: %v", err)
	}
	if left, err := os.ReadDir(dir); len(left) != 1 || err != nil {
		t.Errorf("left beside it: %v, %v", left, err)
	}
	l := otatest.Limits(t, path)
	if l.SHA256.Out != size || l.XZ.Ops != types[payload.ReplaceXZ] || l.Bzip2.Ops != types[payload.ReplaceBZ] || l.Zstd.Ops != types[payload.ReplaceZstd] || l.XZ.Wall == 0 {
		t.Errorf("%+v, operations %v", l, types)
	}
}

// openCorpus finds the payload by the bytes that it begins with.
func openCorpus(t testing.TB, path string) (*payload.Payload, *blob.File) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	zip, err := blob.NewFile(f)
	if err != nil {
		t.Fatal(err)
	}
	head, err := blob.ReadRange(zip, 0, min(zip.Size(), 1<<16))
	if err != nil {
		t.Fatal(err)
	}
	at := int64(bytes.Index(head, []byte("payload.binCrAU"))) + int64(len("payload.bin"))
	tail, err := blob.ReadRange(zip, max(0, zip.Size()-1<<16), min(zip.Size(), 1<<16))
	if err != nil {
		t.Fatal(err)
	}
	// The next local header is that of payload_properties.txt.
	end := zip.Size() - int64(len(tail)) + int64(bytes.Index(tail, []byte("payload_properties.txt"))) - 30
	section, err := blob.Section(zip, at, end-at)
	if err != nil {
		t.Fatal(err)
	}
	p, err := payload.Open(section, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, zip
}

// BenchmarkLimits measures the C tools over the corpus that other benchmarks
// read, which it makes where there is none.
func BenchmarkLimits(b *testing.B) {
	path := otatest.Corpus(b, otatest.CorpusSize)
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	var l otatest.CorpusLimits
	for b.Loop() {
		l = otatest.Limits(b, path)
	}
	b.Logf("%s of %d bytes, %d cores", filepath.Base(filepath.Dir(path)), st.Size(), l.Cores)
	for _, one := range []struct {
		name string
		otatest.Limit
	}{{"xz", l.XZ}, {"bzip2", l.Bzip2}, {"zstd", l.Zstd}, {"sha256sum", l.SHA256}, {"replace", l.Replace}, {"zero", l.Zero}} {
		b.Logf("%-9s %s", one.name, one.Limit)
		if one.Wall > 0 {
			b.ReportMetric(float64(one.Out)/1e6/one.Wall.Seconds(), one.name+"-MB/s")
		}
	}
}
