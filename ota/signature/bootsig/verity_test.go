package bootsig_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature"
	"github.com/otavet/otavet/ota/signature/bootsig"
	"github.com/otavet/otavet/ota/verity"
)

// The filesystem of the fixtures, and what follows it.
const (
	filesystem = 160 * 4096
	tree       = 3 * 4096
	block      = 32 << 10
)

func systemImage(t testing.TB, name string) []byte {
	t.Helper()
	return otatest.Fixture(t, "testdata/"+name+".img.gz")
}

func verityKey(t testing.TB) *bootsig.Key {
	t.Helper()
	b, err := os.ReadFile("testdata/verity_key")
	if err != nil {
		t.Fatal(err)
	}
	k, err := bootsig.ParseKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func find(t testing.TB, b []byte) *bootsig.Metadata {
	t.Helper()
	m, err := bootsig.Find(blob.Bytes(b), filesystem)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// words are all answers about an image.
func words(b []byte, size int64, keys ...*bootsig.Key) string {
	image := blob.Bytes(b)
	m, err := bootsig.Find(image, size)
	if err != nil {
		return err.Error()
	}
	r := m.Verify(keys...)
	s := fmt.Sprintf("at %d, %s", m.Offset, r.Intact)
	for _, x := range r.Signers {
		s += " " + x.Digest
	}
	s += ";"
	for _, a := range r.Accepts {
		s += " " + a.Takes.String()
	}
	root, stored := m.CheckTree(image, nil)
	return s + fmt.Sprintf("; root %s, tree %s, parity %s", kind(root), kind(stored), kind(bootsig.CheckFEC(image)))
}

func kind(err error) string {
	switch {
	case err == nil:
		return "right"
	case errors.Is(err, verity.ErrNoFEC):
		return "none"
	case errors.Is(err, parse.ErrFormat):
		return "wrong"
	case errors.Is(err, parse.ErrUnsupported):
		return "not judged"
	}
	return err.Error()
}

// What AOSP's tools made of a filesystem holds, as each release arranged it; verity_verifier says so as well, which knows SHA-256 alone.
func TestVerity(t *testing.T) {
	text, err := os.ReadFile("testdata/verifier.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"fec":   "at 667648, yes SHA-256; unknown yes; root right, tree right, parity right",
		"plain": "at 667648, yes SHA-256; unknown yes; root right, tree right, parity none",
		"old":   "at 655360, yes SHA-256; unknown yes; root right, tree right, parity none",
		"sha1":  "at 655360, yes SHA-1; unknown no; root right, tree right, parity none",
		"off":   "at 667648, yes SHA-256; no no yes; root right, tree right, parity none",
	} {
		b := systemImage(t, name)
		got := words(b, filesystem, verityKey(t))
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if strings.Contains(string(text), name+" VERIFIED\n") != strings.Contains(got, "yes SHA-256") {
			t.Errorf("%s: verity_verifier says otherwise:\n%s", name, text)
		}
		// The end of the filesystem may not be known: then the block must be at an end, of image or data.
		unknown := words(b, 0, verityKey(t))
		if (unknown == want) != (name != "old" && name != "sha1") {
			t.Errorf("%s, without its filesystem's size: %s", name, unknown)
		}
		// Behind a partition's last zeros it is found by the filesystem's size.
		if name != "fec" {
			if padded := words(append(bytes.Clone(b), make([]byte, 1<<20)...), filesystem, verityKey(t)); padded != want {
				t.Errorf("%s, padded: %s", name, padded)
			}
		}
		if none := words(b, filesystem); !strings.Contains(none, "unknown; ") || strings.Contains(strings.SplitN(none, "; ", 3)[1], "yes yes") {
			t.Errorf("%s without a key: %s", name, none)
		}
	}
	r := find(t, systemImage(t, "off")).Verify()
	if !slices.ContainsFunc(r.Notes, func(s string) bool { return strings.Contains(s, "VOFF") }) {
		t.Error(r.Notes)
	}
}

// Another byte is found where it is.
func TestVerityFlips(t *testing.T) {
	b := systemImage(t, "fec")
	key := verityKey(t)
	for at, want := range map[int]string{
		0:                                 "yes; root wrong, tree wrong, parity wrong",
		filesystem - 1:                    "yes; root wrong, tree wrong, parity wrong",
		filesystem:                        "yes; root right, tree wrong, parity wrong",
		filesystem + tree - 1:             "yes; root right, tree wrong, parity wrong",
		filesystem + tree + 8:             "unknown; root right, tree right, parity wrong",
		filesystem + tree + 300:           "unknown; root right, tree right, parity wrong",
		filesystem + tree + block - 1:     "yes; root right, tree right, parity wrong",
		filesystem + tree + block:         "yes; root right, tree right, parity wrong",
		len(b) - 4096 + 4 + 4 + 4 + 4 + 4: "yes; root right, tree right, parity right", // the copy at the block's end stands for it
	} {
		bent := bytes.Clone(b)
		bent[at] ^= 1
		s := words(bent, filesystem, key)
		_, s, _ = strings.Cut(s, ", ")
		intact, rest, _ := strings.Cut(s, ";")
		_, rest, _ = strings.Cut(rest, ";")
		if got := strings.TrimSuffix(intact, " SHA-256") + ";" + rest; got != want {
			t.Errorf("byte %d: %s, want %s", at, got, want)
		}
	}
	// The digest of the parity in both copies of the header, which is right itself.
	bent := bytes.Clone(b)
	bent[len(b)-4096+28] ^= 1
	bent[len(b)-60+28] ^= 1
	if err := bootsig.CheckFEC(blob.Bytes(bent)); !errors.Is(err, parse.ErrFormat) || !strings.Contains(err.Error(), "digest") {
		t.Error(err)
	}
	// Each bit of what is signed, and of the signature.
	m := find(t, b)
	r := m.Verify(key)
	table := r.Covers[0]
	for at := m.Offset; at < table.End; at++ {
		for bit := range 8 {
			bent := bytes.Clone(b[m.Offset:][:block])
			bent[at-m.Offset] ^= 1 << bit
			image := append(make([]byte, 4096), bent...)
			x, err := bootsig.Find(blob.Bytes(image), 4096)
			if err != nil {
				if at >= table.First {
					t.Fatal(err)
				}
				continue
			}
			if r := x.Verify(key); r.Intact == signature.Yes {
				t.Errorf("bit %d of byte %d of the block is another, and it holds", bit, at-m.Offset)
			}
		}
	}
	// An image that is cut off.
	for n := 0; n < len(b); n += 4096 {
		if got := words(b[:n], filesystem, key); strings.Contains(got, "root right, tree right, parity right") {
			t.Errorf("%d bytes: %s", n, got)
		}
	}
}

// bend gives an image with another header or table, the signature of which is no matter.
func bend(t testing.TB, f func(block []byte)) []byte {
	b := bytes.Clone(systemImage(t, "plain"))
	f(b[filesystem+tree:])
	return b
}

func retable(old, new string) func([]byte) {
	return func(b []byte) {
		n := binary.LittleEndian.Uint32(b[264:])
		s := strings.Replace(string(b[268:][:n]), old, new, 1)
		clear(b[268:])
		copy(b[268:], s)
		binary.LittleEndian.PutUint32(b[264:], uint32(len(s)))
	}
}

func TestVerityTables(t *testing.T) {
	put := func(at int, v uint32) func([]byte) {
		return func(b []byte) { binary.LittleEndian.PutUint32(b[at:], v) }
	}
	const root = " sha256 "
	for name, tc := range map[string]struct {
		bend func([]byte)
		want string
	}{
		"none":              {func([]byte) {}, ""},
		"no magic":          {put(0, 0), "no signature of this scheme"},
		"version 1":         {put(4, 1), "another version of dm-verity metadata (0x1) at byte 0xa3004"},
		"length 19":         {put(264, 19), "a dm-verity table of no possible length (0x13) at byte 0xa3108"},
		"length of 4 GiB":   {put(264, 1<<32-1), "a dm-verity table of no possible length (0xffffffff) at byte 0xa3108"},
		"longest":           {put(264, block-268), "a character that is not of printable ASCII (0x0)"},
		"zero inside":       {func(b []byte) { b[280] = 0 }, "a character that is not of printable ASCII (0x0)"},
		"format 0":          {retable("1 /dev", "0 /dev"), "another version of dm-verity (0)"},
		"blocks of 1024":    {retable(" 4096 4096 ", " 1024 4096 "), "other blocks than of 4096 bytes (1024 4096)"},
		"hash blocks":       {retable(" 4096 4096 ", " 4096 1024 "), "other blocks than of 4096 bytes (4096 1024)"},
		"sha1":              {retable(root, " sha1 "), "another hash than sha256 (sha1)"},
		"octal":             {retable(" 160 160 ", " 0240 160 "), "no number of blocks (0240)"},
		"negative":          {retable(" 160 160 ", " -160 160 "), "no number of blocks (-160)"},
		"no blocks":         {retable(" 160 160 ", " 0 0 "), "no number of blocks (0)"},
		"2^64 blocks":       {retable(" 160 160 ", " 18446744073709551616 160 "), "no number of blocks (18446744073709551616)"},
		"2^60 blocks":       {retable(" 160 160 ", " 1152921504606846976 160 "), "no number of blocks (1152921504606846976)"},
		"fewer blocks":      {retable(" 160 160 ", " 159 160 "), "the dm-verity table is of 651264 bytes, and tree or metadata begin at 655360"},
		"more blocks":       {retable(" 160 160 ", " 161 160 "), "the dm-verity table is of 659456 bytes, and tree or metadata begin at 655360"},
		"fewer, tree moved": {retable(" 160 160 ", " 159 159 "), "root wrong, tree wrong"},
		"tree far away":     {retable(" 160 160 ", " 163 1000 "), "root wrong, tree wrong"},
		"odd salt":          {retable("dfe7", "dfe"), "root or salt are not in hexadecimal"},
		"no salt":           {retable(" aee087a5be3b982978c923f566a94613496b417f2af592639bc80d141e34dfe7", " "), "root wrong, tree wrong"},
		"short root":        {retable(root, root+"00"), "root or salt are not in hexadecimal, or not as long as they should be"},
		"other root":        {func(b []byte) { i := bytes.Index(b, []byte(root)) + len(root); b[i] ^= 1 }, "root wrong, tree wrong"},
		"nine parts":        {retable(" 4096 4096 ", " 4096 "), "fewer parts than ten (0x9)"},
		"options":           {retable("dfe7", "dfe7 1 ignore_zero_blocks"), "root right, tree right"},
		"many options":      {retable("dfe7", "dfe7"+strings.Repeat(" x", 100)), "more parts than are read (0x6e)"},
		"garbage behind":    {func(b []byte) { b[block-1] = 1 }, "root right, tree right"},
		"disabled":          {func(b []byte) { copy(b, "VOFF") }, "root right, tree right"},
		"another block too": {func(b []byte) {}, ""},
	} {
		b := bend(t, tc.bend)
		m, err := bootsig.Find(blob.Bytes(b), filesystem)
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case m.Table == nil:
			got = m.TableError.Error()
			if root, stored := m.CheckTree(blob.Bytes(b), nil); root == nil || stored == nil {
				t.Errorf("%s: a broken table, and a tree that is right", name)
			}
		default:
			got = words(b, filesystem)
		}
		var bad *parse.Error
		if err != nil && err != signature.ErrNone && !errors.As(err, &bad) || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	m := find(t, bend(t, retable("dfe7", "dfe7 1 ignore_zero_blocks")))
	if len(m.Table.Options) != 2 || len(m.Notes) != 1 {
		t.Errorf("%+v", m)
	}
	m = find(t, bend(t, func(b []byte) { b[block-1] = 1 }))
	if len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "zeros") {
		t.Errorf("%+v", m)
	}
	// Two blocks: libfec takes the one at the end, fs_mgr up to Android 6 the one behind the filesystem.
	b := append(systemImage(t, "old"), systemImage(t, "plain")[filesystem+tree:]...)
	m = find(t, b)
	if m.Offset != int64(len(b)-block) || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "another block of metadata at byte 0xa0000") {
		t.Errorf("%+v", m)
	}
	// A filesystem that is larger than what is covered.
	m, err := bootsig.Find(blob.Bytes(systemImage(t, "plain")), filesystem+4096)
	if err != nil || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "covers 655360 bytes, the filesystem has 659456") {
		t.Errorf("%+v, %v", m, err)
	}
	for _, n := range []int64{-1, 1, 1 << 62} {
		if _, err := bootsig.Find(blob.Bytes(make([]byte, 1<<20)), n); err != signature.ErrNone {
			t.Errorf("filesystem of %d bytes: %v", n, err)
		}
	}
}

// The key of /verity_key is read as AOSP wrote it, and one byte more, less or other is refused.
func TestVerityKey(t *testing.T) {
	b, err := os.ReadFile("testdata/verity_key")
	if err != nil {
		t.Fatal(err)
	}
	der, err := otatest.Run(t, "openssl", "x509", "-in", "testdata/rsa2048.x509.pem", "-noout", "-pubkey")
	if err != nil {
		t.Fatal(der)
	}
	sum, err := otatest.Run(t, "sh", "-c", "openssl x509 -in testdata/rsa2048.x509.pem -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256")
	if k := verityKey(t); err != nil || !strings.HasSuffix(sum, k.KeySHA256) {
		t.Errorf("%s, openssl says %s, %v", k.KeySHA256, sum, err)
	}
	for at := range b {
		bent := bytes.Clone(b)
		bent[at] ^= 1 << (at % 8)
		if _, err := bootsig.ParseKey(bent); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("byte %d is another: %v", at, err)
		}
		if _, err := bootsig.ParseKey(b[:at]); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%d bytes: %v", at, err)
		}
	}
	if _, err := bootsig.ParseKey(append(b, 0)); !errors.Is(err, parse.ErrFormat) {
		t.Error(err)
	}
}
