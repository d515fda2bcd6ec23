package dex_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/dex"
	"github.com/otavet/otavet/ota/otatest"
)

// assembled gives the DEX files in the folder that OTAVET_DEX names, which
// ota/otatest/dexcorpus.sh makes.
func assembled(t testing.TB) (list []sample) {
	t.Helper()
	dir := os.Getenv("OTAVET_DEX")
	if dir == "" {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".dex") {
			return err
		}
		data, err := os.ReadFile(path)
		list = append(list, sample{path, data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// corpus gives the assembled files, or without them those of the public test data, each
// once. Of the latter, most are small apps that hold one and the same library.
func corpus(b *testing.B) (list []sample) {
	b.Helper()
	all := assembled(b)
	if all == nil {
		all = samples(b, 1, otatest.Data(b))
	}
	seen := map[[32]byte]bool{}
	for _, s := range all {
		if h := sha256.Sum256(s.data); !seen[h] {
			seen[h] = true
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		b.Fatal("no DEX files")
	}
	return list
}

// BenchmarkOpen opens the largest DEX file found.
func BenchmarkOpen(b *testing.B) {
	var data []byte
	for _, s := range corpus(b) {
		if len(s.data) > len(data) {
			data = s.data
		}
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dex.Open(data, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWalk opens every DEX file there is and decodes every instruction. The house asks for 6
// million in 0.8 s, and on the corpus that OTAVET_DEX names there are more. Beside it, the
// limit: adding up the bytes of the same files; and the peer: dexdump, which also prints.
func BenchmarkWalk(b *testing.B) {
	list := corpus(b)
	size := int64(0)
	for _, s := range list {
		size += int64(len(s.data))
	}
	b.Run("read", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n = 0
			for _, s := range list {
				n += walkAll(b, s.data)
			}
		}
		b.ReportMetric(float64(n), "insn/op")
		b.ReportMetric(float64(len(list)), "files/op")
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Minsn/s")
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*6e6/float64(n), "s/6Minsn")
	})
	b.Run("limit=sum", func(b *testing.B) {
		b.SetBytes(size)
		sum := uint64(0)
		for b.Loop() {
			for _, s := range list {
				for _, c := range s.data {
					sum += uint64(c)
				}
			}
		}
		if sum == 0 {
			b.Error("nothing was read")
		}
	})
	b.Run("peer=dexdump", func(b *testing.B) {
		tool := otatest.Tool(b, "dexdump")
		dir := b.TempDir()
		for i, s := range list {
			list[i].name = filepath.Join(dir, fmt.Sprintf("%d.dex", i))
			if err := os.WriteFile(list[i].name, s.data, 0o600); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(size)
		for b.Loop() {
			for _, s := range list {
				if err := exec.Command(tool, "-d", s.name).Run(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// walkAll gives the number of instructions of all files in data.
func walkAll(b *testing.B, data []byte) (n int) {
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
	return n
}
