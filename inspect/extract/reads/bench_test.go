package reads

import (
	"context"
	"testing"

	"github.com/otavet/otavet/inspect"
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
)

// BenchmarkScan finds the reads of the largest DEX file of the public test data, and, for comparison, decodes
// each of its instructions once. Both open the file.
func BenchmarkScan(b *testing.B) {
	var data []byte
	for _, path := range containers(b, otatest.Data(b, "rom"), otatest.Data(b, "droidbench", "apk")) {
		if d := otatest.Member(b, path, firstDex); len(d) > len(data) {
			data = d
		}
	}
	insns := 0
	b.Run("walk", func(b *testing.B) {
		for b.Loop() {
			insns = walkAll(b, data)
		}
		b.ReportMetric(float64(insns*b.N)/b.Elapsed().Seconds()/1e6, "Minsn/s")
	})
	b.Run("reads", func(b *testing.B) {
		b.ReportAllocs()
		found := 0
		for b.Loop() {
			f := &inspect.File{Path: "x.dex", At: fact.Location{Partition: "system", Path: "x.dex"}, Blob: blob.Bytes(data)}
			c := newContainer(f)
			c.open = func(context.Context, string) (blob.Blob, fact.Location, func() error, error) {
				return f.Blob, f.At, func() error { return nil }, nil
			}
			facts, err := c.scan(b.Context(), []string{"x.dex"})
			if err != nil || len(facts.Gaps) > 0 {
				b.Fatal(err, facts.Gaps)
			}
			found = len(facts.Defaults)
		}
		b.ReportMetric(float64(insns*b.N)/b.Elapsed().Seconds()/1e6, "Minsn/s")
		b.ReportMetric(float64(found), "facts")
	})
}

func walkAll(b *testing.B, data []byte) (n int) {
	files, err := dex.Open(data, nil)
	if err != nil {
		b.Fatal(err)
	}
	var members dex.ClassData
	for _, f := range files {
		for i := range f.ClassDefs.Len {
			def, err := f.Class(i)
			if err != nil {
				b.Fatal(err)
			}
			if err := f.ClassData(def, &members); err != nil {
				b.Fatal(err)
			}
			for _, m := range members.Methods() {
				code, err := f.Code(m)
				if err != nil {
					b.Fatal(err)
				}
				if code == nil {
					continue
				}
				for d := code.Decoder(); d.Next(); {
					n++
				}
			}
		}
	}
	return n
}
