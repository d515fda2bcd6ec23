package apk_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/apk"
)

// TestManyPairs: a block counts wherever it stands among the pairs.
func TestManyPairs(t *testing.T) {
	pairs := make([]testPair, 5000, 5002)
	for i := range pairs {
		pairs[i] = testPair{id: 0x10000 + uint32(i), raw: make([]byte, i%7)}
	}
	pairs = append(pairs, testPair{id: idV2, signers: []testSigner{rsaKey("a")}})
	broken := with(rsaKey("a"), func(s *testSigner) { s.signature = func(_ uint32, sig []byte) []byte { return flip(sig, 9) } })
	for _, c := range []struct {
		v3     testSigner
		want   signature.Tri
		reason string
	}{{rsaKey("a"), signature.Yes, ""}, {broken, signature.No, "the signature is not the key's"}} {
		file := build(t, base(t, 28, 0), false, append(pairs, testPair{id: idV3, signers: []testSigner{c.v3}})...)
		if r := check(t, "v3 behind 5000 pairs", file, apk.Options{MinSDK: 28}, c.want, c.reason); r != nil && r.Scheme != 3 {
			t.Errorf("scheme %d", r.Scheme)
		}
		bud := parse.NewBudget(parse.Limits{Entries: 4000})
		if _, err := apk.Verify(t.Context(), blob.Bytes(file), apk.Options{}, bud); !errors.Is(err, parse.ErrLimit) {
			t.Errorf("beyond the budget: %v", err)
		}
	}
}

// TestManyTwins has names that all occur twice: a look at each for each would take
// minutes.
func TestManyTwins(t *testing.T) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for range 2 {
		for i := range 150000 {
			if _, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%06d", i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if _, err := apk.Verify(ctx, blob.Bytes(buf.Bytes()), apk.Options{}, nil); !errors.Is(err, signature.ErrNone) {
		t.Error(err)
	}
}

// TestRowsWithoutContents has what releases refuse whatever the file is, on system
// partitions too, where its contents are not compared.
func TestRowsWithoutContents(t *testing.T) {
	u := base(t, 28, 0)
	v2 := func(align bool, s ...testSigner) []byte { return build(t, u, align, testPair{id: idV2, signers: s}) }
	alg := func(key string, id uint32, digest func(d []byte) []byte) testSigner {
		s := testSigner{key: key, algs: []uint32{id}}
		if digest != nil {
			s.digest = func(_ uint32, d []byte) []byte { return digest(d) }
		}
		return s
	}
	first := func(d []byte) []byte { return flip(d, 0) }
	const no, open = signature.No, signature.Unknown
	for _, c := range []struct {
		name   string
		file   []byte
		least  int
		intact signature.Tri
		reason string
		system signature.Tri
	}{
		{"unknown algorithm", v2(false, alg("a", 0x9999, nil)), 24, open, "no signature of an algorithm that is known", no},
		{"verity before 9", v2(true, alg("a", 0x0421, nil)), 24, open, "no signature of an algorithm that is known", signature.Yes},
		{"contents changed", v2(false, alg("a", 0x0103, first)), 28, no, "SHA-256 of 1 MiB chunks differs", signature.Yes},
		{"verity of other contents", v2(true, alg("a", 0x0421, first)), 28, no, "verity SHA-256 differs", signature.Yes},
		{"verity too short", v2(true, alg("a", 0x0421, func(d []byte) []byte { return d[:39] })), 28, no, "not of 40 bytes", no},
		{"verity of another size", v2(true, alg("a", 0x0421, func(d []byte) []byte { return flip(d, 32) })), 28, no, "the size that its verity digest states", no},
		{"two signers disagree", v2(false, alg("a", 0x0103, first), alg("b", 0x0103, nil)), 28, no, "SHA-256 of 1 MiB chunks", no},
		{"two signers agree on other contents", v2(false, alg("a", 0x0103, first), alg("b", 0x0103, first)), 28, no, "SHA-256 of 1 MiB chunks differs", signature.Yes},
	} {
		r := check(t, c.name, c.file, apk.Options{MinSDK: c.least}, c.intact, c.reason)
		if r == nil {
			continue
		}
		installs, system := r.Accepts[0], r.Accepts[len(r.Accepts)-1]
		if installs.Reader != "PackageManager" || installs.Takes != no {
			t.Errorf("%s: %+v", c.name, installs)
		}
		if !strings.HasSuffix(system.Reader, "partition") || system.Takes != c.system {
			t.Errorf("%s: %+v", c.name, system)
		}
	}
}

// broken is a blob that cannot be read from a place on.
type broken struct {
	blob.Blob
	from int64
}

var errBroken = errors.New("input/output error")

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.from {
		return 0, errBroken
	}
	return b.Blob.ReadAt(p, off)
}

// TestReadIDSig: an .idsig that cannot be read is no answer about the app, and its
// reading ends with the context.
func TestReadIDSig(t *testing.T) {
	file := build(t, member(t, base(t, 28, 0), "large", make([]byte, 1<<20)), false, testPair{id: idV3, signers: []testSigner{rsaKey("a")}})
	sig := idsig(t, file, v4Info{key: "a", alg: 0x0103})
	for _, from := range []int64{0, 12000} {
		r, err := apk.Verify(t.Context(), blob.Bytes(file), apk.Options{MinSDK: 28, IDSig: broken{blob.Bytes(sig), from}}, nil)
		if !errors.Is(err, errBroken) {
			t.Errorf("from %d: %v, %v", from, r, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	end := &ending{Blob: blob.Bytes(sig), cancel: cancel}
	if _, err := apk.Verify(ctx, blob.Bytes(file), apk.Options{MinSDK: 28, IDSig: end}, nil); !errors.Is(err, context.Canceled) || end.reads != 1 {
		t.Errorf("cancelled: %v after %d reads", err, end.reads)
	}
}

// ending ends a context when it is read.
type ending struct {
	blob.Blob
	cancel func()
	reads  int
}

func (e *ending) ReadAt(p []byte, off int64) (int, error) {
	e.cancel()
	e.reads++
	return e.Blob.ReadAt(p, off)
}
