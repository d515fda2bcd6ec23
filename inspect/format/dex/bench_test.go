package dex_test

import (
	"testing"

	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/otatest"
)

// largest is the largest DEX file of the public test data.
func largest(b *testing.B) []byte {
	var data []byte
	for _, s := range samples(b, 1, otatest.Data(b, "droidbench", "apk"), otatest.Data(b, "rom")) {
		if len(s.data) > len(data) {
			data = s.data
		}
	}
	return data
}

// BenchmarkOpen opens the largest DEX file found.
func BenchmarkOpen(b *testing.B) {
	data := largest(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dex.Open(data, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWalk decodes every instruction of it. The house asks for 6 million a second and more:
// 6 million in 0.8 s, with opening.
func BenchmarkWalk(b *testing.B) {
	data := largest(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		files, err := dex.Open(data, nil)
		if err != nil {
			b.Fatal(err)
		}
		var members dex.ClassData
		strings := 0
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
					d := code.Decoder()
					for d.Next() {
						n++
						if d.Insn.Op == dex.OpConstString {
							strings++
						}
					}
					if d.Err() != nil {
						b.Fatal(d.Err())
					}
				}
			}
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Minsn/s")
	b.ReportMetric(float64(n)/float64(b.N), "insn/op")
}
