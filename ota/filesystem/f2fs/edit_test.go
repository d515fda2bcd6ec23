package f2fs_test

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"testing"

	"github.com/otavet/otavet/ota/blob"
)

var le = binary.LittleEndian

const block = 4096

// sums are the remainders of bytes by the polynomial of CRC-32, written down once more.
var sums = func() (t [256]uint32) {
	for i := range t {
		t[i] = uint32(i)
		for range 8 {
			t[i] = t[i]>>1 ^ t[i]&1*crc32.IEEE
		}
	}
	return t
}()

// sumOf is the checksum of F2FS.
func sumOf(seed uint32, p ...[]byte) uint32 {
	for _, p := range p {
		for _, c := range p {
			seed = seed>>8 ^ sums[byte(seed)^c]
		}
	}
	return seed
}

// An edited image is one whose blocks have been changed, without a copy of the rest.
type edited struct {
	base   []byte
	blocks map[int64][]byte
	size   int64
	reads  func(off, n int64) error // told of each, if there is one
}

func edit(base []byte) *edited {
	return &edited{base: base, blocks: map[int64][]byte{}, size: int64(len(base))}
}

// at gives the bytes from off to the end of its block, to be changed.
func (e *edited) at(off int64) []byte {
	n := off / block
	p := e.blocks[n]
	if p == nil {
		p = append([]byte(nil), e.base[n*block:][:block]...)
		e.blocks[n] = p
	}
	return p[off%block:]
}

// get gives the bytes from off to the end of its block, to be read.
func (e *edited) get(off int64) []byte {
	if p := e.blocks[off/block]; p != nil {
		return p[off%block:]
	}
	return e.base[off:][:block-off%block]
}

func (e *edited) Size() int64 { return e.size }

func (e *edited) ReadAt(p []byte, off int64) (int, error) {
	if e.reads != nil {
		if err := e.reads(off, int64(len(p))); err != nil {
			return 0, err
		}
	}
	n := 0
	for n < len(p) && off+int64(n) < e.size {
		at := off + int64(n)
		n += copy(p[n:], e.get(at)[:min(block-at%block, e.size-at)])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

var _ blob.Blob = (*edited)(nil)

// Where the superblock has what is needed here.
const (
	super        = 1024
	superFeature = super + 2180
	superUUID    = super + 108
)

// node is where a node is.
func (e *edited) node(t testing.TB, nid uint32) int64 {
	t.Helper()
	return int64(le.Uint32(e.get(e.entryOf(nid) + 5)[:4])) * block
}

// entryOf is where the entry of a node is, in the table or in the journal.
func (e *edited) entryOf(nid uint32) int64 {
	for i := range int64(le.Uint16(e.get(e.journal()))) {
		if at := e.journal() + 2 + 13*i; le.Uint32(e.get(at)) == nid {
			return at + 4
		}
	}
	k := e.checkpoint()
	bits := k + 192 + int64(le.Uint32(e.get(k+156)))
	if le.Uint32(e.get(k+132))&0x400 != 0 {
		bits = k + 196
	}
	nat := int64(le.Uint32(e.get(super + 84)))
	n := int64(nid) / 455
	addr := nat + 2*n - n%512
	if e.get(bits + n/8)[0]<<(n%8)&0x80 != 0 {
		addr += 512
	}
	return addr*block + int64(nid)%455*9
}

// journal is where the changes to the table of nodes are.
func (e *edited) journal() int64 {
	k := e.checkpoint()
	flags, blocks := le.Uint32(e.get(k+132)), int64(le.Uint32(e.get(k+136)))
	switch {
	case flags&4 != 0: // compact summaries
		return k + int64(le.Uint32(e.get(k+140)))*block
	case flags&0x21 != 0:
		return k + (blocks-7)*block + 3584
	}
	return k + (blocks-4)*block + 3584
}

// checkpoint is where the newer of the two checkpoints is.
func (e *edited) checkpoint() int64 {
	k := int64(le.Uint32(e.get(super+76))) * block
	if le.Uint64(e.get(k+512*block)) > le.Uint64(e.get(k)) {
		k += 512 * block
	}
	return k
}

// mend makes the checksums of all blocks that were changed hold.
func (e *edited) mend() {
	for n, p := range e.blocks {
		switch {
		case n <= 1:
			if le.Uint32(p[superFeature:])&0x800 != 0 {
				le.PutUint32(p[super+3068:], sumOf(0xf2f52010, p[super:super+3068]))
			}
		case e.isCheckpoint(n):
			if at := le.Uint32(p[164:]); at >= 192 && at <= block-4 {
				le.PutUint32(p[at:], sumOf(0xf2f52010, p[:at], p[at+4:]))
			}
		default:
			mendInode(p, e.get(0))
		}
	}
}

func (e *edited) isCheckpoint(n int64) bool {
	first := int64(le.Uint32(e.get(super + 76)))
	for _, k := range []int64{first, first + 512} {
		if n == k || k*block < e.size && n == k+int64(le.Uint32(e.get(k * block)[136:]))-1 {
			return true
		}
	}
	return false
}

// mendInode makes the checksum of an inode hold, if p has one.
func mendInode(p, first []byte) {
	foot := p[block-24:]
	if le.Uint32(first[superFeature:])&0x20 == 0 || p[3]&0x20 == 0 || le.Uint32(foot) != le.Uint32(foot[4:]) || le.Uint16(p[360:]) < 12 {
		return
	}
	seed := sumOf(math.MaxUint32, first[superUUID:superUUID+16])
	le.PutUint32(p[368:], 0)
	le.PutUint32(p[368:], sumOf(seed, foot[4:8], p[68:72], p))
}
