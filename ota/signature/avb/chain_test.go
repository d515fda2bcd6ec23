package avb_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/signature/avb"
	"github.com/otavet/otavet/ota/verity"
)

func openImage(t testing.TB, b []byte) *avb.VBMeta {
	t.Helper()
	v, _, err := avb.OpenImage(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The digest of a chain is the one that avbtool computes.
func TestDigest(t *testing.T) {
	all := fixtures(t)
	var structs []*avb.VBMeta
	for _, name := range []string{"chain", "tree-sha256", "rsa4096-256"} {
		structs = append(structs, openImage(t, all[name]))
	}
	text, err := os.ReadFile("testdata/digests.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA512} {
		d, err := avb.Digest(h, structs...)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "sha%d %x\n", h.Size()*8, d)
	}
	if got.String() != string(text) {
		t.Errorf("got\n%swant\n%s", &got, text)
	}
	if _, err := avb.Digest(crypto.SHA1, structs...); !errors.Is(err, parse.ErrUnsupported) {
		t.Error(err)
	}
	for a, want := range map[avb.Algorithm]crypto.Hash{0: crypto.SHA256, 1: crypto.SHA256, 6: crypto.SHA512, 7: 0, 9: 0} {
		if got := a.DigestHash(); got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
}

// libavb's rules of chains, each broken by itself.
func TestChainRules(t *testing.T) {
	all := fixtures(t)
	type part struct {
		main, chained *avb.VBMeta
		chain         *avb.Chain
	}
	for name, tc := range map[string]struct {
		bend func(*part)
		want string
	}{
		"none":           {func(*part) {}, ""},
		"location 0":     {func(p *part) { p.chain.RollbackLocation = 0 }, "location 0"},
		"location 32":    {func(p *part) { p.chain.RollbackLocation = 32 }, "above 31 (0x20)"},
		"location 31":    {func(p *part) { p.chain.RollbackLocation = 31 }, ""},
		"main at 32":     {func(p *part) { p.main.RollbackLocation = 32 }, "above 31 (0x20) at byte 0x7c"},
		"main at 31":     {func(p *part) { p.main.RollbackLocation = 31 }, ""},
		"chained at 32":  {func(p *part) { p.chained.RollbackLocation = 32 }, ""},
		"not verified":   {func(p *part) { p.main.RollbackLocation, p.main.Flags = 32, avb.FlagVerificationDisabled }, ""},
		"flags":          {func(p *part) { p.chained.Flags = avb.FlagHashtreeDisabled }, "has flags"},
		"not signed":     {func(p *part) { p.chained.Algorithm = 0 }, "not signed"},
		"another key":    {func(p *part) { p.chained.PublicKey = p.main.PublicKey }, "another key"},
		"a shorter key":  {func(p *part) { p.chain.PublicKey = p.chain.PublicKey[:8] }, "another key"},
		"its own chains": {func(p *part) { p.chained.Descriptors = p.main.Descriptors }, "chains of its own"},
		"31 chains":      {func(p *part) { p.main.Descriptors = chains(p.chain, 31) }, ""},
		"32 chains":      {func(p *part) { p.main.Descriptors = chains(p.chain, 32) }, "more than 31"},
	} {
		p := part{main: openImage(t, all["chain"]), chained: openImage(t, all["tree-sha256"])}
		p.chain = p.main.Descriptors[0].Chain
		tc.bend(&p)
		err := p.main.CheckMain()
		if err == nil {
			err = p.chain.Check(p.chained)
		}
		var bad *parse.Error
		switch {
		case err == nil && tc.want == "":
		case !errors.As(err, &bad) || bad.Kind != parse.ErrFormat || tc.want == "" || !strings.Contains(err.Error(), tc.want):
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	v := openImage(t, all["chain"])
	if n := len(v.Notes()); n != 3 {
		t.Error(v.Notes())
	}
	v.Descriptors[1].Chain.RollbackLocation = 1
	if notes := v.Notes(); len(notes) != 4 || notes[3] != "chained partitions system and vendor share rollback index location 1" {
		t.Error(notes)
	}
}

func chains(c *avb.Chain, n int) []avb.Descriptor {
	list := make([]avb.Descriptor, n)
	for i := range list {
		list[i].Chain = c
	}
	return list
}

// Error correction is right, differs, does not fit, or is absent.
func TestFEC(t *testing.T) {
	all := fixtures(t)
	for _, name := range []string{"tree-fec", "tree-blake2b"} {
		b := all[name]
		d := openImage(t, b).Descriptors[0].Hashtree
		if err := d.CheckFEC(blob.Bytes(b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// A byte of data, of the tree, of the parity's first and last.
		for _, at := range []uint64{0, d.TreeOffset + 5, d.FECOffset, d.FECOffset + d.FECSize - 1} {
			bent := bytes.Clone(b)
			bent[at] ^= 1
			if err := d.CheckFEC(blob.Bytes(bent)); !errors.Is(err, parse.ErrFormat) {
				t.Errorf("%s, byte %d: %v", name, at, err)
			}
		}
		for what, bend := range map[string]func(*avb.Hashtree){
			"outside":         func(h *avb.Hashtree) { h.FECOffset = uint64(len(b)) - 1 },
			"far outside":     func(h *avb.Hashtree) { h.FECOffset = 1<<64 - 1 },
			"too long":        func(h *avb.Hashtree) { h.FECSize = 1<<64 - 1 },
			"short":           func(h *avb.Hashtree) { h.FECSize -= 4096 },
			"within a block":  func(h *avb.Hashtree) { h.FECOffset++ },
			"no roots":        func(h *avb.Hashtree) { h.FECRoots = 0 },
			"roots without n": func(h *avb.Hashtree) { h.FECRoots = 1<<32 - 1 },
			"other roots":     func(h *avb.Hashtree) { h.FECRoots++ },
			"other blocks":    func(h *avb.Hashtree) { h.DataBlock = 1 << 31 },
			"of nothing":      func(h *avb.Hashtree) { h.FECOffset = 0 },
		} {
			h := *d
			bend(&h)
			if err := h.CheckFEC(blob.Bytes(b)); !errors.Is(err, parse.ErrFormat) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		h := *d
		h.FECRoots = 40
		if err := h.CheckFEC(blob.Bytes(b)); !errors.Is(err, parse.ErrUnsupported) {
			t.Error(err)
		}
	}
	b := all["tree-sha256"]
	if err := openImage(t, b).Descriptors[0].Hashtree.CheckFEC(blob.Bytes(b)); !errors.Is(err, verity.ErrNoFEC) {
		t.Error(err)
	}
}

// BenchmarkHashtree checks a partition of 256 MiB with its tree, beside one SHA-256 of the same bytes.
func BenchmarkHashtree(b *testing.B) {
	const size = 256 << 20
	data := make([]byte, size)
	sum := sha256.Sum256(nil)
	for i := 0; i < size; i += len(sum) {
		copy(data[i:], sum[:])
		sum = sha256.Sum256(sum[:])
	}
	salt, err := hex.DecodeString(strings.Repeat("5a", 32))
	if err != nil {
		b.Fatal(err)
	}
	tree := verity.Tree{Hash: verity.SHA256, Salt: salt, BlockSize: 4096, Bare: true}
	n, err := tree.Size(size)
	if err != nil {
		b.Fatal(err)
	}
	image := append(data, make([]byte, n)...)
	builder, err := tree.NewBuilder(size, at(image[size:]))
	if err != nil {
		b.Fatal(err)
	}
	builder.Write(image[:size])
	root, err := builder.Finish()
	if err != nil {
		b.Fatal(err)
	}
	d := &avb.Hashtree{Version: 1, ImageSize: size, TreeOffset: size, TreeSize: uint64(n), DataBlock: 4096, HashBlock: 4096, Algorithm: "sha256", Salt: salt, Root: root}
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			sha256.Sum256(image[:size])
		}
	})
	b.Run("check", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if root, stored := d.Check(blob.Bytes(image), nil); root != nil || stored != nil {
				b.Fatal(root, stored)
			}
		}
	})
}

// at is memory that a Builder writes to.
type at []byte

func (m at) WriteAt(p []byte, off int64) (int, error) { return copy(m[off:], p), nil }
