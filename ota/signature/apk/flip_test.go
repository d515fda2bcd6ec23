package apk_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// tiny is an app of one member, signed by v2 and v3.
func tiny(t testing.TB) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "a", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("member"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	v3 := testSigner{key: "ec256", algs: []uint32{0x0201}, min: 28, max: 1<<31 - 1}
	return build(t, buf.Bytes(), false, testPair{id: idV2, signers: []testSigner{with(v3, func(s *testSigner) { s.attrs = [][]byte{attr(0xbeeff00d, u32(3))} })}},
		testPair{id: idV3, signers: []testSigner{v3}})
}

// TestFlips changes every bit: of what a scheme covers none may be, and a file that
// is still taken differs where the scheme says that it does not cover it.
func TestFlips(t *testing.T) {
	file := tiny(t)
	for _, c := range []struct {
		scheme signature.Scheme
		o      apk.Options
	}{{signature.SchemeAPKv2, apk.Options{MinSDK: 24, MaxSDK: 27}}, {signature.SchemeAPKv3, apk.Options{MinSDK: 28, MaxSDK: 33}}} {
		whole, err := apk.Verify(context.Background(), blob.Bytes(file), c.o, nil)
		if err != nil || whole.Intact != signature.Yes {
			t.Fatalf("%v, %v", whole, err)
		}
		var covers, unsigned []signature.Range
		for _, r := range whole.Results {
			if r.Scheme == c.scheme {
				covers, unsigned = r.Covers, r.Unsigned
			}
		}
		taken := 0
		for i := range file {
			covered := in(covers, i)
			if covered == in(unsigned, i) {
				t.Fatalf("byte %d is both covered and not, or neither", i)
			}
			for bit := range 8 {
				b := bytes.Clone(file)
				b[i] ^= 1 << bit
				r, err := apk.Verify(context.Background(), blob.Bytes(b), c.o, nil)
				if err != nil || r.Intact != signature.Yes {
					continue
				}
				taken++
				if covered {
					t.Fatalf("%s covers byte %d, whose bit %d may be changed", c.scheme, i, bit)
				}
			}
		}
		t.Logf("%s: %d flips of %d bytes, %d are taken", c.scheme, len(file)*8, len(file), taken)
	}
}

func in(list []signature.Range, i int) bool {
	for _, r := range list {
		if int64(i) >= r.First && int64(i) < r.End {
			return true
		}
	}
	return false
}

func TestTruncation(t *testing.T) {
	otatest.TestTruncation(t, tiny(t), func(b blob.Blob) error {
		_, err := apk.Verify(context.Background(), b, apk.Options{}, nil)
		return err
	})
}

// BenchmarkVerify verifies the apps of the public data that v2 or v3 signs as a
// release from 9 on does, and hashes the same bytes beside it.
func BenchmarkVerify(b *testing.B) {
	var files [][]byte
	err := filepath.WalkDir(otatest.Data(b), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.HasSuffix(path, ".apk") && !strings.HasSuffix(path, "apex") {
			return err
		}
		p, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if r, err := apk.Verify(context.Background(), blob.Bytes(p), apk.Options{MinSDK: 28}, nil); err == nil && r.Scheme > 1 {
			files = append(files, p)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	rate(b, "data", files)
	// An app of usual size: what verifying keys costs is the same for a small one.
	large := base(b, 28, 0)
	p := split(large)
	p[0] = append(p[0], make([]byte, 32<<20)...)
	binary.LittleEndian.PutUint32(p[2][16:], uint32(len(p[0])))
	rate(b, "large", [][]byte{build(b, bytes.Join(p[:], nil), false, testPair{id: idV2, signers: []testSigner{rsaKey("a")}}, testPair{id: idV3, signers: []testSigner{rsaKey("a")}})})
}

func rate(b *testing.B, name string, files [][]byte) {
	total := int64(0)
	for _, p := range files {
		total += int64(len(p))
	}
	b.Run(name+"/verify", func(b *testing.B) {
		b.SetBytes(total)
		b.ReportAllocs()
		for b.Loop() {
			for _, p := range files {
				if _, err := apk.Verify(context.Background(), blob.Bytes(p), apk.Options{MinSDK: 28}, nil); err != nil {
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
