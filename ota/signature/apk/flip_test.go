package apk_test

import (
	"archive/zip"
	"bytes"
	"context"
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
