package verity_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/image/sparse"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/verity"
)

// A hashtree is what a test needs of AVB's hashtree descriptor.
type hashtree struct {
	tree         verity.Tree
	size         int64 // of the data
	off, n       int64 // of the tree
	root         []byte
	fec          verity.FEC
	fecOff, fecN int64
}

// findHashtree reads footer, vbmeta image and descriptors of an image that is right.
func findHashtree(t testing.TB, img []byte) (h hashtree, ok bool) {
	t.Helper()
	be := binary.BigEndian
	footer := img[len(img)-64:]
	if string(footer[:4]) != "AVBf" {
		return h, false
	}
	vbmeta := img[be.Uint64(footer[20:]):]
	descriptors := vbmeta[256+be.Uint64(vbmeta[12:])+be.Uint64(vbmeta[96:]):][:be.Uint64(vbmeta[104:])]
	for len(descriptors) > 0 {
		d := descriptors[:16+be.Uint64(descriptors[8:])]
		descriptors = descriptors[len(d):]
		if be.Uint64(d) != 1 {
			continue
		}
		u32, u64 := func(at int) int { return int(be.Uint32(d[at:])) }, func(at int) int64 { return int64(be.Uint64(d[at:])) }
		name := string(bytes.TrimRight(d[72:104], "\x00"))
		alg, err := verity.ParseHash(name)
		if err != nil {
			t.Fatal(err)
		}
		salt := 180 + u32(104)
		root := salt + u32(108)
		return hashtree{
			tree: verity.Tree{Hash: alg, Salt: d[salt:root], BlockSize: u32(44), Bare: true},
			size: u64(20), off: u64(28), n: u64(36), root: d[root : root+u32(112)],
			fec: verity.FEC{Roots: u32(52), BlockSize: u32(44)}, fecOff: u64(56), fecN: u64(64),
		}, true
	}
	return h, false
}

// reproduce makes an image's tree, root and parity again.
func reproduce(t *testing.T, img []byte, h hashtree) {
	t.Helper()
	data := img[:h.size]
	made, root := build(t, h.tree, data, 1<<20)
	if !bytes.Equal(root, h.root) {
		t.Errorf("root %x, the descriptor has %x", root, h.root)
	}
	if h.n > 0 {
		stored := img[h.off:][:h.n]
		if !bytes.Equal(made, stored) {
			t.Error("the tree is not the stored one")
		}
		if err := h.tree.Check(blob.Bytes(data), blob.Bytes(stored), h.root); err != nil {
			t.Error(err)
		}
	}
	if h.fecN > 0 {
		if err := h.fec.Check(blob.Bytes(img[:h.fecOff]), blob.Bytes(img[h.fecOff:][:h.fecN])); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%s, %d bytes, tree of %d, parity of %d", h.tree.Hash, h.size, h.n, h.fecN)
}

// TestAPEX reproduces the trees of payload images that the platform's own tools made.
func TestAPEX(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(otatest.Data(t, "apex"), "*apex"))
	if err != nil {
		t.Fatal(err)
	}
	trees := 0
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, ".capex") {
				b = member(t, b, "original_apex")
			}
			img := member(t, b, "apex_payload.img")
			if img == nil {
				return // corrupted on purpose: there is no image
			}
			h, ok := findHashtree(t, img)
			if !ok {
				return // unsigned on purpose: there is no tree
			}
			reproduce(t, img, h)
			trees++
		})
	}
	if trees != 12 {
		t.Errorf("%d trees", trees)
	}
}

// member is a file of a zip; nil if its checksum is wrong.
func member(t *testing.T, b []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(f)
	if err == zip.ErrChecksum {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPartition reproduces the tree of a shipped partition.
func TestPartition(t *testing.T) {
	b, err := os.ReadFile(otatest.Data(t, "sparse", "lineage-a51-odm.img"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := sparse.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	img, err := blob.ReadAll(m, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	h, ok := findHashtree(t, img)
	if !ok {
		t.Fatal("no hashtree")
	}
	reproduce(t, img, h)
}
