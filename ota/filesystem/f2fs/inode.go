package f2fs

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"time"

	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// fail is an error about the inode.
func (n *inode) fail(kind error, msg string, got any) error {
	return fail(n.off, kind, fmt.Sprintf("inode %d: %s", n.number, msg), got)
}

// inode reads an inode, as f2fs_iget does.
func (f *FS) inode(number uint32) (*inode, error) {
	m, err := f.node(number, number)
	if err != nil {
		return nil, err
	}
	n := &inode{f: f, number: number, block: m.data, off: m.off}
	c := parse.NewCursor("f2fs", m.data, m.off)
	n.read(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	if m.place() != 0 {
		return nil, n.fail(parse.ErrFormat, "a node that is not the first of its file", m.place())
	}
	if err := n.readExtra(); err != nil {
		return nil, err
	}
	if n.links == 0 {
		return nil, n.fail(parse.ErrFormat, "it is deleted, and named nevertheless", nil)
	}
	return n, n.check()
}

// words is how many words i_addr has, with what is taken from it.
func (n *inode) words() int { return (len(n.block) - inodeAddrs - inodeNIDs - lenFooter) / 4 }

// readExtra reads the extra attributes, which take the first words of i_addr, and
// how many of the last ones are left to extended attributes: do_read_inode.
func (n *inode) readExtra() error {
	le := binary.LittleEndian
	s := &n.f.super
	extra := n.block[inodeAddrs : inodeAddrs+maxExtra]
	size := 0
	if n.inline&inlineExtra != 0 {
		size = int(le.Uint16(extra))
		switch {
		case s.feature&featureExtraAttr == 0:
			return n.fail(parse.ErrFormat, "extra attributes, in a file system without them", nil)
		case size%4 != 0 || size < minExtra:
			return n.fail(parse.ErrFormat, "its extra attributes are not of whole words", size)
		case size > maxExtra:
			return n.fail(parse.ErrUnsupported, "more extra attributes than are known", size)
		}
	}
	n.extra = size / 4
	fits := func(end int) bool { return size >= end } // F2FS_FITS_IN_INODE
	if s.feature&featureInodeSum != 0 && fits(inodeSum+4-inodeAddrs) && !n.sum() {
		return n.fail(parse.ErrFormat, "it does not have its checksum", nil)
	}
	switch {
	case s.feature&featureFlexibleXattr != 0:
		if n.inline&inlineExtra == 0 {
			return n.fail(parse.ErrFormat, "no extra attributes, in a file system that needs them", nil)
		}
		n.attrs = int(le.Uint16(extra[2:])) // i_inline_xattr_size
	case n.inline&(inlineXattr|inlineDentry) != 0:
		n.attrs = xattrWords
	}
	most := n.words() - maxExtra/4 - 1 - minInline/4 // MAX_INLINE_XATTR_SIZE
	if n.attrs > most || n.inline&inlineXattr != 0 && n.attrs < lenXattrs/4 {
		return n.fail(parse.ErrFormat, "its extended attributes do not fit into it", n.attrs)
	}
	if s.feature&featureCompression != 0 && n.kind().IsRegular() && n.flags&flagCompressed != 0 && fits(maxExtra) {
		n.compressed = true
		n.packed = le.Uint64(extra[24:]) // i_compr_blocks
		n.algorithm, n.logCluster = extra[32], extra[33]
		n.compress = le.Uint16(extra[34:])
		if n.logCluster < minLogUnits || n.logCluster > maxLogUnits {
			return n.fail(parse.ErrFormat, "compressed clusters of a size that there is not", n.logCluster)
		}
	}
	return nil
}

// sum verifies the checksum of the inode, f2fs_inode_chksum: of its number, its
// generation and its block, in which the checksum counts as zero.
func (n *inode) sum() bool {
	var words [8]byte
	binary.LittleEndian.PutUint32(words[:], n.number)
	binary.LittleEndian.PutUint32(words[4:], n.generation)
	sum := crc(n.f.seed, words[:])
	sum = crc(sum, n.block[:inodeSum])
	sum = crc(sum, []byte{0, 0, 0, 0})
	sum = crc(sum, n.block[inodeSum+4:])
	return sum == binary.LittleEndian.Uint32(n.block[inodeSum:])
}

// check refuses kinds, flags and sizes that nothing can have.
func (n *inode) check() error {
	kind := n.kind()
	file, folder := kind.IsRegular() || kind == fs.ModeSymlink, kind.IsDir()
	if kind == fs.ModeIrregular {
		return n.fail(parse.ErrFormat, "it is of no kind", n.mode)
	}
	switch {
	case n.inline&inlineData != 0 && !file:
		return n.fail(parse.ErrFormat, "inline data in what has no data", n.mode)
	case n.inline&inlineData != 0 && n.compressed:
		return n.fail(parse.ErrFormat, "inline data that is compressed", nil)
	case n.inline&inlineDentry != 0 && !folder:
		return n.fail(parse.ErrFormat, "inline entries in what is no folder", n.mode)
	case !file && !folder:
		n.size = 0 // no block of theirs is read
	case n.inline&inlineData != 0 && n.size > uint64(len(n.inlined())):
		return n.fail(parse.ErrFormat, "its size is more than the bytes in it", n.size)
	case n.size > n.maxBlocks()*uint64(n.f.block):
		return n.fail(parse.ErrFormat, "its size is more than its blocks could be", n.size)
	}
	return nil
}

// addrs are the words of the inode that give where its blocks are.
func (n *inode) addrs() []byte {
	return n.block[inodeAddrs+4*n.extra : inodeAddrs+4*(n.words()-n.attrs)]
}

// inlined are the bytes in which inline data and entries are: MAX_INLINE_DATA.
// The first word is left out.
func (n *inode) inlined() []byte { return n.addrs()[4:] }

// inlineAttrs are the bytes in which extended attributes are.
func (n *inode) inlineAttrs() []byte {
	if n.inline&inlineXattr == 0 {
		return nil
	}
	end := inodeAddrs + 4*n.words()
	return n.block[end-4*n.attrs : end]
}

func (n *inode) kind() fs.FileMode { return vfs.Mode(n.mode).Type() }

func (n *inode) encrypted() bool { return n.advise&adviseEncrypt != 0 }

// Attr is what Stat tells: see vfs.Inode.
func (n *inode) Attr() vfs.Attr {
	a := vfs.Attr{Mode: vfs.Mode(n.mode), Size: int64(n.size), ModTime: n.modTime(), Meta: vfs.Meta{
		UID: n.uid, GID: n.gid, Inode: uint64(n.number), Links: n.links,
		Verity: n.advise&adviseVerity != 0, Encrypted: n.encrypted(), Casefold: n.flags&flagCasefold != 0, Immutable: n.flags&flagImmutable != 0,
	}}
	a.Major, a.Minor = n.device()
	return a
}

// modTime is i_mtime, seconds since 1970. Those that lie beyond what Go can say
// without overflow are left out.
func (n *inode) modTime() time.Time {
	const most = math.MaxInt64 / 2
	return time.Unix(max(-most, min(n.mtime, most)), int64(n.mtimeNano)).UTC()
}

// device gives the numbers of a device node: those of the old form are in the
// first word, of the new form in the second: __get_inode_rdev.
func (n *inode) device() (major, minor uint32) {
	if n.kind()&fs.ModeDevice == 0 {
		return 0, 0
	}
	p := n.addrs()
	if dev := binary.LittleEndian.Uint32(p); dev != 0 {
		return vfs.OldDevice(dev)
	}
	return vfs.Device(binary.LittleEndian.Uint32(p[4:]))
}
