package ext4

import (
	"fmt"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// Target gives the target of a symbolic link: see vfs.Inode.
func (n *inode) Target() (string, error) {
	switch {
	case n.flags&flagEncrypt != 0:
		return "", n.fail(parse.ErrUnsupported, "it is encrypted", nil)
	case n.size == 0:
		return "", n.fail(parse.ErrFormat, "a link without a target", nil)
	case n.size > vfs.MaxLink:
		return "", n.fail(parse.ErrLimit, fmt.Sprintf("the target of a link is longer than %d bytes", vfs.MaxLink), n.size)
	}
	if n.f.fast(n) {
		if n.size >= uint64(len(n.block)) {
			return "", n.fail(parse.ErrFormat, "the target of a link does not fit into it", n.size)
		}
		return string(n.block[:n.size]), nil
	}
	d, err := n.f.data(n)
	if err != nil {
		return "", err
	}
	p, err := blob.ReadAll(d, vfs.MaxLink)
	return string(p), err
}

// fast tells whether the target of a link is in its inode, where a map would be:
// when no blocks are counted as its own, but one of attributes: ext4_inode_is_fast_symlink.
func (f *FS) fast(n *inode) bool {
	if n.flags&flagInline != 0 {
		return false
	}
	attrs := uint64(0)
	if n.attrs != 0 {
		if attrs = uint64(f.block) / 512; f.super.roCompat&roCompatBigalloc != 0 {
			attrs = 2 << f.super.logCluster
		}
	}
	return n.sectors == attrs
}
