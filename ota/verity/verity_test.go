package verity_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/verity"
)

// fixture is a committed file of another tool: see testdata/images/README.md.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(otatest.Root(t), "testdata/images/verity", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// stream is the first n bytes of what the fixtures are of.
func stream(n int64) []byte {
	var out []byte
	d := []byte("verity")
	for int64(len(out)) < n {
		s := sha256.Sum256(d)
		d = s[:]
		out = append(out, d...)
	}
	return out[:n]
}

// A treeCase and a fecCase are lines of cases.txt.
type treeCase struct {
	file, tool string
	tree       verity.Tree
	size       int64
	root       []byte
}

type fecCase struct {
	file, tool string
	fec        verity.FEC
	size       int64
	tree       string // whose blocks follow the data's; or "-"
	header     bool
}

func cases(t testing.TB) (trees []treeCase, fecs []fecCase) {
	number := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for line := range strings.Lines(string(fixture(t, "cases.txt"))) {
		f := strings.Fields(line)
		switch f[0] {
		case "tree":
			c := treeCase{file: f[1], tool: f[2], size: number(f[6]), root: unhex(t, f[8])}
			h, err := verity.ParseHash(f[3])
			if err != nil {
				t.Fatal(err)
			}
			salt := unhex(t, strings.Trim(f[7], "-"))
			if c.tool == "build_verity_tree" {
				// HashTreeBuilder reads the text of a salt as a number.
				salt = bytes.TrimLeft(salt, "\x00")
			}
			c.tree = verity.Tree{Hash: h, Salt: salt, BlockSize: int(number(f[4])), Bare: f[5] == "true"}
			trees = append(trees, c)
		case "fec":
			fecs = append(fecs, fecCase{file: f[1], tool: f[2], size: number(f[5]), tree: f[6], header: f[7] == "true",
				fec: verity.FEC{Roots: int(number(f[3])), BlockSize: int(number(f[4]))}})
		default:
			t.Fatal(line)
		}
	}
	return trees, fecs
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A file is bytes that can be written anywhere.
type file []byte

func (f file) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(f)) || len(p) > len(f)-int(off) {
		return 0, errors.New("written outside of the tree")
	}
	return copy(f[off:], p), nil
}

// build makes a tree of data that come in pieces of the given size.
func build(t testing.TB, tree verity.Tree, data []byte, piece int) (made, root []byte) {
	t.Helper()
	n, err := tree.Size(int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	made = bytes.Repeat([]byte{0xee}, int(n)) // the builder writes zeros, too
	b, err := tree.NewBuilder(int64(len(data)), file(made))
	if err != nil {
		t.Fatal(err)
	}
	for len(data) > 0 {
		k := min(piece, len(data))
		if n, err := b.Write(data[:k]); n != k || err != nil {
			t.Fatal(n, err)
		}
		data = data[k:]
	}
	root, err = b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.Finish(); !bytes.Equal(again, root) || err != nil {
		t.Error("finished twice, it has another root")
	}
	return made, root
}

// TestTrees makes the trees that avbtool, build_verity_tree and veritysetup made,
// and finds theirs right.
func TestTrees(t *testing.T) {
	trees, _ := cases(t)
	for _, c := range trees {
		t.Run(c.file, func(t *testing.T) {
			want, data := fixture(t, c.file), stream(c.size)
			for _, piece := range []int{1 << 30, 4096, 4095, 300, 9000} {
				got, root := build(t, c.tree, data, piece)
				if !bytes.Equal(got, want) {
					t.Errorf("in pieces of %d: the tree is not %s's", piece, c.tool)
				}
				if !bytes.Equal(root, c.root) {
					t.Errorf("in pieces of %d: root %x, %s has %x", piece, root, c.tool, c.root)
				}
			}
			if err := c.tree.Check(blob.Bytes(data), blob.Bytes(want), c.root); err != nil {
				t.Error(err)
			}
			if err := c.tree.CheckTree(c.size, blob.Bytes(want), c.root); err != nil {
				t.Error(err)
			}
			b, err := c.tree.NewBuilder(c.size, nil)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(data)
			if root, err := b.Finish(); err != nil || !bytes.Equal(root, c.root) {
				t.Errorf("without a place for the tree: %x, %v", root, err)
			}
		})
	}
}

// TestEveryByte changes each byte of trees, roots and data: Check finds every change,
// and tells the block.
func TestEveryByte(t *testing.T) {
	trees, _ := cases(t)
	for _, c := range trees {
		tree, data, root := fixture(t, c.file), stream(c.size), bytes.Clone(c.root)
		if c.size > 1<<16 {
			continue
		}
		check := func(where string, b []byte, i int, text string) {
			t.Helper()
			b[i] ^= 0x10
			err := c.tree.Check(blob.Bytes(data), blob.Bytes(tree), root)
			b[i] ^= 0x10
			var pe *parse.Error
			if !errors.As(err, &pe) || pe.Kind != parse.ErrFormat || !strings.Contains(pe.Msg, text) {
				t.Errorf("%s: byte %#x of the %s: %v", c.file, i, where, err)
				return
			}
			if block := int64(i / c.tree.BlockSize * c.tree.BlockSize); where != "root" && pe.Off != block {
				t.Errorf("%s: byte %#x of the %s: the error is at %#x", c.file, i, where, pe.Off)
			}
		}
		for i := range tree {
			check("tree", tree, i, "block")
		}
		for i := 0; i < len(data); i += 61 {
			check("data", data, i, "data")
		}
		for i := range root {
			check("root", root, i, "root says")
		}
	}
}

// TestPadding: bytes that no digest takes are zero, even if the root covers them.
func TestPadding(t *testing.T) {
	tree := verity.Tree{Hash: verity.SHA1, BlockSize: 512}
	data := stream(512 * 3)
	made, _ := build(t, tree, data, 512)
	for _, i := range []int{20, 31, 96, 511} {
		made[i] = 1
		// The root is the digest of the tree's one block.
		bare := tree
		bare.Bare = true
		_, root := build(t, bare, made, 512)
		err := tree.Check(blob.Bytes(data), blob.Bytes(made), root)
		var pe *parse.Error
		if !errors.As(err, &pe) || pe.Off != int64(i) || !strings.Contains(pe.Msg, "padding") {
			t.Errorf("byte %d: %v", i, err)
		}
		made[i] = 0
	}
}

// TestTreeSizes holds sizes against those that build_verity_tree -s and, of other hashes,
// calc_hash_level_offsets of avbtool.py say.
func TestTreeSizes(t *testing.T) {
	for _, c := range []struct {
		hash       verity.Hash
		data, size int64
	}{
		{verity.SHA256, 1, 4096},
		{verity.SHA256, 4096, 4096},
		{verity.SHA256, 4096 * 128, 4096},
		{verity.SHA256, 4096*128 + 1, 3 * 4096},
		{verity.SHA256, 4096 * 128 * 128, 129 * 4096},
		{verity.SHA256, 16 << 30, 135278592}, // also in avbroot, as the largest that it takes
		{verity.SHA1, 16 << 30, 135278592},
		{verity.SHA512, 16 << 30, 272699392},
		{verity.SHA384, 16 << 30, 272699392},
		{verity.SHA512, 1 << 60, 18300341342965760},
	} {
		got, err := verity.Tree{Hash: c.hash, BlockSize: 4096}.Size(c.data)
		if err != nil || got != c.size {
			t.Errorf("%s, %d: %d, %v; want %d", c.hash, c.data, got, err, c.size)
		}
	}
}

func TestHashes(t *testing.T) {
	for name, want := range map[string]verity.Hash{"sha1": "sha1", "SHA256": "sha256", "Sha384": "sha384", "sha512": "sha512", "BLAKE2b-256": "blake2b-256"} {
		if got, err := verity.ParseHash(name); got != want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "blake2b", "sha224", "md5", "sha256 "} {
		if _, err := verity.ParseHash(name); !errors.Is(err, parse.ErrUnsupported) || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestRefused: what makes no tree or parity, and is made neither.
func TestRefused(t *testing.T) {
	good := verity.Tree{Hash: verity.SHA256, BlockSize: 4096}
	for _, c := range []struct {
		change func(*verity.Tree)
		size   int64
		kind   error
	}{
		{func(t *verity.Tree) { t.Hash = "blake2b" }, 4096, parse.ErrUnsupported},
		{func(t *verity.Tree) { t.BlockSize = 0 }, 4096, parse.ErrFormat},
		{func(t *verity.Tree) { t.BlockSize = -4096 }, 4096, parse.ErrFormat},
		{func(t *verity.Tree) { t.BlockSize = 256 }, 4096, parse.ErrFormat},
		{func(t *verity.Tree) { t.BlockSize = 131072 }, 4096, parse.ErrFormat},
		{func(t *verity.Tree) { t.BlockSize = 4095 }, 4096, parse.ErrFormat},
		{func(t *verity.Tree) { t.Salt = make([]byte, 257) }, 4096, parse.ErrLimit},
		{func(t *verity.Tree) {}, 0, parse.ErrFormat},
		{func(t *verity.Tree) {}, -1, parse.ErrFormat},
		{func(t *verity.Tree) {}, 1<<60 + 1, parse.ErrLimit},
		{func(t *verity.Tree) {}, 1<<63 - 1, parse.ErrLimit},
	} {
		tree := good
		c.change(&tree)
		if _, err := tree.Size(c.size); !errors.Is(err, c.kind) {
			t.Errorf("%+v, %d: %v", tree, c.size, err)
		}
		if _, err := tree.NewBuilder(c.size, nil); !errors.Is(err, c.kind) {
			t.Errorf("%+v, %d: %v", tree, c.size, err)
		}
	}
	data := stream(8192)
	made, root := build(t, good, data, 8192)
	check := func(data, tree, root []byte) error {
		return good.Check(blob.Bytes(data), blob.Bytes(tree), root)
	}
	for i, err := range []error{
		check(data, made[:4095], root), check(data, append(made, 0), root), check(data, nil, root),
		check(data, made, root[:31]), check(data, made, nil), check(nil, made, root), check(data[:8000], made, root),
	} {
		if !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestBuilderErrors: too little, too much, and a place that cannot be written.
func TestBuilderErrors(t *testing.T) {
	tree := verity.Tree{Hash: verity.SHA256, BlockSize: 512}
	for _, n := range []int{0, 1, 512, 8191} {
		b, _ := tree.NewBuilder(8192, nil)
		b.Write(make([]byte, n))
		if _, err := b.Finish(); !errors.Is(err, parse.ErrFormat) {
			t.Errorf("%d bytes of 8192: %v", n, err)
		}
	}
	b, _ := tree.NewBuilder(8192, nil)
	b.Write(make([]byte, 8000))
	if n, err := b.Write(make([]byte, 193)); n != 0 || !errors.Is(err, parse.ErrFormat) {
		t.Errorf("a byte too many: %d, %v", n, err)
	}
	if _, err := b.Finish(); !errors.Is(err, parse.ErrFormat) {
		t.Errorf("after a byte too many: %v", err)
	}
	// 16 digests are a block of the lowest level: the second fails, then that of the level above.
	for room := range int64(3) {
		b, _ = tree.NewBuilder(512*32, full(room))
		_, err := io.Copy(b, bytes.NewReader(make([]byte, 512*32)))
		_, end := b.Finish()
		if end != errFull || err != nil && err != errFull {
			t.Errorf("room for %d blocks: %v, %v", room, err, end)
		}
	}
}

var errFull = errors.New("full")

// full fails from the block of that number on, counted as they come.
type full int64

func (f full) WriteAt(p []byte, off int64) (int, error) {
	// The levels lie in the order 2, 0, 1 of when they are written.
	if order := []int64{2, 0, 1}[off/512]; order >= int64(f) {
		return 0, errFull
	}
	return len(p), nil
}
