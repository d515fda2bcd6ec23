package f2fs

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

var errNegative = errors.New("f2fs: negative offset")

// data is the bytes of an inode as a blob.Blob. It keeps the part of the map
// that was used last.
type data struct {
	f    *FS
	n    *inode
	size int64
	last atomic.Pointer[leaf]
}

// Data gives the bytes of a regular file: see vfs.Inode.
func (n *inode) Data() (blob.Blob, error) {
	if n.encrypted() {
		return nil, n.fail(parse.ErrUnsupported, "it is encrypted", nil)
	}
	if n.inline&inlineData != 0 {
		return blob.Bytes(n.inlined()[:n.size:n.size]), nil
	}
	// Of a file without a compressed cluster the algorithm does not matter.
	if n.compressed && (n.packed > 0 || n.inline&inlineFreed != 0) {
		if err := n.algorithmError(); err != nil {
			return nil, err
		}
	}
	return &data{f: n.f, n: n, size: int64(n.size)}, nil
}

// Target gives the target of a symbolic link: see vfs.Inode.
func (n *inode) Target() (string, error) {
	switch {
	case n.size == 0:
		return "", n.fail(parse.ErrFormat, "a link without a target", nil)
	case n.size > vfs.MaxLink:
		return "", n.fail(parse.ErrLimit, fmt.Sprintf("the target of a link is longer than %d bytes", vfs.MaxLink), n.size)
	}
	d, err := n.Data()
	if err != nil {
		return "", err
	}
	p, err := blob.ReadAll(d, vfs.MaxLink)
	return string(p), err
}

func (d *data) Size() int64 { return d.size }

func (d *data) leaf(block uint64) (*leaf, error) {
	if l := d.last.Load(); l != nil && l.first <= block && block < l.end {
		return l, nil
	}
	l, err := d.f.leafOf(d.n, block)
	if err != nil {
		return nil, err
	}
	d.last.Store(l)
	return l, nil
}

// ReadAt: see blob.Blob.
func (d *data) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegative
	}
	if off >= d.size {
		return 0, io.EOF
	}
	var eof error
	if most := d.size - off; int64(len(p)) > most {
		p, eof = p[:most], io.EOF
	}
	for done := 0; done < len(p); {
		n, err := d.readSome(p[done:], off+int64(done))
		done += n
		if err != nil {
			return done, err
		}
	}
	return len(p), eof
}

// readSome reads what lies together, at least one byte.
func (d *data) readSome(p []byte, off int64) (int, error) {
	block := uint64(off / d.f.block)
	l, err := d.leaf(block)
	if err != nil {
		return 0, err
	}
	if d.n.compressed && l.addr(d.cluster(block)) == packedAddr {
		return d.readCluster(p, off, l, block)
	}
	first, err := d.addr(l, block)
	if err != nil {
		return 0, err
	}
	end := block + 1
	most := block + 1 + uint64(len(p))/uint64(d.f.block) + 1
	if l.addrs == nil {
		end = l.end
	}
	for ; end < min(l.end, most); end++ {
		addr, err := d.addr(l, end)
		if err != nil || first == nullAddr && addr != nullAddr || first != nullAddr && uint64(addr) != uint64(first)+end-block {
			break // an error is that of the block, when it is asked for
		}
	}
	skip := off - int64(block)*d.f.block
	if n := int64(end-block)*d.f.block - skip; n < int64(len(p)) {
		p = p[:n]
	}
	if first == nullAddr {
		clear(p)
		return len(p), nil
	}
	return blob.ReadFull(d.f.b, p, int64(first)*d.f.block+skip)
}

// cluster is the first block of the cluster that a block is in.
func (d *data) cluster(block uint64) uint64 { return block &^ (1<<d.n.logCluster - 1) }

// addr is where a block is that is not compressed; nullAddr: it is zeros.
func (d *data) addr(l *leaf, block uint64) (uint32, error) {
	switch addr := l.addr(block); {
	case addr == nullAddr, addr == newAddr:
		return nullAddr, nil
	case d.f.super.holds(addr):
		return addr, nil
	case addr == packedAddr:
		return 0, d.n.fail(parse.ErrFormat, "a compressed cluster where none can be, at block", block)
	default:
		return 0, d.n.fail(parse.ErrFormat, "a block of its data lies outside the main area", addr)
	}
}
