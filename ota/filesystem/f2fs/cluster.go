package f2fs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/parse"
)

// A clusterKey is the first block of a cluster of a file.
type clusterKey struct {
	inode uint32
	first uint64
}

// algorithmError refuses what is not decoded, by name.
func (n *inode) algorithmError() error {
	switch n.algorithm {
	case packLZ4, packZstd:
		return nil
	case packLZO:
		return n.fail(parse.ErrUnsupported, "it is compressed by LZO", nil)
	case packLZORLE:
		return n.fail(parse.ErrUnsupported, "it is compressed by LZO-RLE", nil)
	}
	return n.fail(parse.ErrUnsupported, "it is compressed by an unknown algorithm", n.algorithm)
}

// readCluster reads from the compressed cluster that has the block.
func (d *data) readCluster(p []byte, off int64, l *leaf, block uint64) (int, error) {
	first := d.cluster(block)
	skip := off - int64(first)*d.f.block
	size := int(d.f.block) << d.n.logCluster
	if skip == 0 && len(p) >= size {
		return size, d.unpack(p[:size:size], l, first)
	}
	whole, err := d.whole(l, first, size)
	if err != nil {
		return 0, err
	}
	return copy(p, whole[skip:]), nil
}

// whole gives a decoded cluster, which is kept for some time.
func (d *data) whole(l *leaf, first uint64, size int) ([]byte, error) {
	f, k := d.f, clusterKey{d.n.number, first}
	f.mu.Lock()
	p, ok := f.clusters.Get(k)
	f.mu.Unlock()
	if ok {
		return p, nil
	}
	p = make([]byte, size)
	if err := d.unpack(p, l, first); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clusters.Put(k, p, int64(size))
	return p, nil
}

// unpack decodes the cluster that begins with block first: f2fs_decompress_cluster.
// Behind the mark are the blocks that it is stored in, then nothing.
func (d *data) unpack(dst []byte, l *leaf, first uint64) error {
	bad := func(msg string, got any) error {
		return d.n.fail(parse.ErrFormat, fmt.Sprintf("the compressed cluster at block %d %s", first, msg), got)
	}
	if err := d.n.algorithmError(); err != nil {
		return err
	}
	block := int(d.f.block)
	var raw []byte
	ended := false
	for i := uint64(1); i < 1<<d.n.logCluster; i++ {
		switch addr := l.addr(first + i); {
		case addr == nullAddr || addr == newAddr:
			ended = true
		case !d.f.super.holds(addr):
			return bad("lies outside the main area", addr)
		case ended: // f2fs_sanity_check_cluster
			return bad("goes on behind its end", addr)
		default:
			if raw == nil {
				raw = make([]byte, 0, len(dst))
			}
			n := len(raw)
			raw = raw[:n+block]
			if _, err := blob.ReadFull(d.f.b, raw[n:], int64(addr)*d.f.block); err != nil {
				return err
			}
		}
	}
	if len(raw) == 0 {
		return bad("is stored nowhere", nil)
	}
	le := binary.LittleEndian
	size, sum := le.Uint32(raw), le.Uint32(raw[4:])
	raw = raw[lenPacked:]
	if uint64(size) > uint64(len(raw)) {
		return bad("is longer than its blocks", size)
	}
	raw = raw[:size]
	if d.n.compress&packSum != 0 && crc(superMagic, raw) != sum {
		return bad("does not have its checksum", sum)
	}
	n, err := decode(d.n.algorithm, dst, raw)
	var e *parse.Error
	switch {
	case err == nil && n == len(dst):
		return nil
	case err == nil:
		return bad("is not as long as it has to be", n)
	case errors.As(err, &e) && !errors.Is(err, parse.ErrFormat):
		return d.n.fail(e.Kind, fmt.Sprintf("the compressed cluster at block %d: %v", first, err), nil)
	}
	return bad(fmt.Sprintf("cannot be decoded: %v", err), nil)
}

// decode fills dst with what was compressed into src.
func decode(algorithm uint8, dst, src []byte) (int, error) {
	if algorithm == packLZ4 {
		return codec.DecodeLZ4Block(dst, src)
	}
	z, err := codec.NewReader(codec.Zstd, bytes.NewReader(src), int64(len(dst)))
	if err != nil {
		return 0, err
	}
	defer z.Close()
	n, err := io.ReadFull(z, dst)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	// Only the end says that all before it holds.
	if _, err = z.Read(make([]byte, 1)); err == io.EOF {
		err = nil
	}
	return n, err
}
