package verity

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"math/bits"
	"strings"

	"github.com/otavet/otavet/ota/parse"
	"golang.org/x/crypto/blake2b"
)

const (
	// minBlock and maxBlock: dm-verity takes no smaller block than a sector's
	// 512 bytes; veritysetup makes none above 512 KiB, Linux maps none above the
	// page of 64 KiB that some processors have. Android's are all of 4096.
	minBlock = 512
	maxBlock = 64 << 10

	// maxSalt is what veritysetup takes at most. Android's salts are as long as a
	// digest. A salt is hashed before each block: it must not cost more than they do.
	maxSalt = 256

	// maxData keeps every sum of sizes below 2^63. No storage is that large.
	maxData = 1 << 60
)

func fail(off int64, kind error, msg string, got any) error {
	return &parse.Error{Format: "verity", Off: off, Msg: msg, Got: got, Kind: kind}
}

// A Hash is a hash function of trees, by the name that manifests, transfer lists
// and descriptors have for it.
type Hash string

// The hash functions of trees.
const (
	SHA1   Hash = "sha1"
	SHA256 Hash = "sha256"
	SHA384 Hash = "sha384"
	SHA512 Hash = "sha512"

	BLAKE2b256 Hash = "blake2b-256" // BLAKE2b with a digest of 32 bytes, no key, and no salt of its own
)

// ParseHash finds the hash function of that name, in upper or lower case as AOSP
// takes it. Others are ErrUnsupported.
func ParseHash(name string) (Hash, error) {
	h := Hash(strings.ToLower(name))
	if h.new() == nil {
		return "", fail(-1, parse.ErrUnsupported, "a hash function that is not known here", name)
	}
	return h, nil
}

func (h Hash) new() hash.Hash {
	switch h {
	case SHA1:
		return sha1.New()
	case SHA256:
		return sha256.New()
	case SHA384:
		return sha512.New384()
	case SHA512:
		return sha512.New()
	case BLAKE2b256:
		b, err := blake2b.New256(nil)
		if err != nil {
			return nil // it is of keys that are too long only
		}
		return b
	}
	return nil
}

// Size is the length of a digest in bytes; of a Hash that is none of the constants, 0.
func (h Hash) Size() int {
	if f := h.new(); f != nil {
		return f.Size()
	}
	return 0
}

// A Tree says how a hash tree is made.
type Tree struct {
	Hash      Hash
	Salt      []byte // at most 256 bytes
	BlockSize int    // of data and of the tree: a power of two from 512 to 65536

	// Bare tells what becomes of data of one block. If it is set, as for avbtool,
	// veritysetup and the kernel, the block's digest is the root and there is no
	// tree. If not, as for AOSP's HashTreeBuilder, which serves payloads, transfer
	// lists and build_verity_tree, the tree has a block with the one digest. More
	// data make no difference.
	Bare bool
}

// Size is the size of the tree over data of that size. Data that end within a block
// count as if zeros filled it: avbtool fills it so, HashTreeBuilder refuses it.
//
// Wrong block sizes and data of no bytes are ErrFormat, hash functions that are not
// known ErrUnsupported, salts of more than 256 bytes and data of more than 2^60 ErrLimit.
func (t Tree) Size(data int64) (int64, error) {
	p, err := t.plan(data)
	return p.size, err
}

// A plan is the shape of a tree.
type plan struct {
	levels []level // the lowest first
	size   int64   // of all
	block  int     // bytes of a block,
	sum    int     // of a digest,
	slot   int     // from one digest to the next
}

// A level is a run of blocks in the tree that has one digest of each of count blocks.
type level struct {
	off, size, count int64
}

func (t Tree) plan(data int64) (plan, error) {
	n := t.Hash.Size()
	switch {
	case n == 0:
		return plan{}, fail(-1, parse.ErrUnsupported, "a hash function that is not known here", string(t.Hash))
	case len(t.Salt) > maxSalt:
		return plan{}, fail(-1, parse.ErrLimit, "a salt of more than 256 bytes", len(t.Salt))
	}
	if err := checkSizes(t.BlockSize, data); err != nil {
		return plan{}, err
	}
	p := plan{block: t.BlockSize, sum: n, slot: 1 << bits.Len(uint(n-1))}
	block, each := int64(p.block), int64(p.block/p.slot)
	for n := divide(data, block); n > 1 || len(p.levels) == 0 && !t.Bare; {
		l := level{count: n}
		n = divide(n, each)
		l.size = n * block
		p.levels = append(p.levels, l)
	}
	for i := len(p.levels) - 1; i >= 0; i-- {
		p.levels[i].off = p.size
		p.size += p.levels[i].size
	}
	return p, nil
}

func checkSizes(block int, data int64) error {
	switch {
	case block < minBlock || block > maxBlock || block&(block-1) != 0:
		return fail(-1, parse.ErrFormat, "the block size is no power of two from 512 to 65536", block)
	case data <= 0:
		return fail(-1, parse.ErrFormat, "data of no bytes", data)
	case data > maxData:
		return fail(-1, parse.ErrLimit, "data of more than 2^60 bytes", data)
	}
	return nil
}

// divide rounds up.
func divide(a, b int64) int64 { return (a-1)/b + 1 }

// A hasher makes digests of blocks.
type hasher struct {
	h    hash.Hash
	salt []byte
	sum  []byte
}

func (t Tree) hasher() *hasher {
	h := t.Hash.new()
	return &hasher{h: h, salt: t.Salt, sum: make([]byte, 0, h.Size())}
}

// digest is that of block, right until the next one is asked for.
func (h *hasher) digest(block []byte) []byte {
	h.h.Reset()
	h.h.Write(h.salt)
	h.h.Write(block)
	return h.h.Sum(h.sum)
}
