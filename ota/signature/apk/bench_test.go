package apk_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// BenchmarkVerify verifies all apps and modules of the public data, for the releases that their manifests name, beside apksig
// in one JVM, which has seen all files before the clock starts, and beside SHA-256 over the same bytes. The files were made
// small for the data; keys cost the same for a large app, of which there is one here.
func BenchmarkVerify(b *testing.B) {
	var list []question
	var files [][]byte
	for path := range appPaths(b) {
		list = append(list, question{path: path, least: -1, most: newest})
	}
	ask(b, list)
	for _, q := range list {
		p, err := os.ReadFile(q.path)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, p)
	}
	rate(b, "data", files, func(i int) apk.Options {
		return apk.Options{MinSDK: list[i].answer.from, TargetSDK: list[i].answer.target}
	})
	b.Run("data/apksig", func(b *testing.B) {
		passes := func(n int) time.Duration {
			var all []question
			for range n {
				all = append(all, list...)
			}
			began := time.Now()
			ask(b, all)
			return time.Since(began)
		}
		b.ResetTimer()
		one := passes(1)
		pass := (passes(1+b.N) - one) / time.Duration(b.N)
		b.ReportMetric(float64(pass), "ns/op")
		b.ReportMetric(float64(len(files))/pass.Seconds(), "files/s")
	})
	large := base(b, 28, 0)
	p := split(large)
	p[0] = append(p[0], make([]byte, 32<<20)...)
	binary.LittleEndian.PutUint32(p[2][16:], uint32(len(p[0])))
	rate(b, "large", [][]byte{build(b, bytes.Join(p[:], nil), false, testPair{id: idV2, signers: []testSigner{rsaKey("a")}}, testPair{id: idV3, signers: []testSigner{rsaKey("a")}})},
		func(int) apk.Options { return apk.Options{MinSDK: 28} })
}

// newest is the last SDK that apksig is asked about.
const newest = 33

func appPaths(t testing.TB) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := filepath.WalkDir(otatest.Data(t), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && (strings.HasSuffix(path, ".apk") || strings.HasSuffix(path, "apex")) {
			out[path] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func rate(b *testing.B, name string, files [][]byte, options func(int) apk.Options) {
	total := int64(0)
	for _, p := range files {
		total += int64(len(p))
	}
	b.Run(name+"/verify", func(b *testing.B) {
		b.SetBytes(total)
		b.ReportAllocs()
		for b.Loop() {
			for i, p := range files {
				if _, err := apk.Verify(context.Background(), blob.Bytes(p), options(i), nil); err != nil && !errors.Is(err, signature.ErrNone) {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(len(files)*b.N)/b.Elapsed().Seconds(), "files/s")
	})
	b.Run(name+"/sha256", func(b *testing.B) {
		b.SetBytes(total)
		for b.Loop() {
			for _, p := range files {
				sha256.Sum256(p)
			}
		}
	})
}
