package ota

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/codec"
	"github.com/otavet/otavet/ota/edify"
	"github.com/otavet/otavet/ota/image/transfer"
	"github.com/otavet/otavet/ota/parse"
	"github.com/otavet/otavet/ota/verity"
)

// A BlockUpdate is a transfer list of the package and what it writes.
type BlockUpdate struct {
	Member string // the list
	*transfer.List
}

// blockPartitions makes partitions of what the script has transfer lists write.
func (p *Package) blockPartitions(ctx context.Context, plan *edify.Plan, doubts map[string]bool) {
	for i := range plan.Block {
		b := &plan.Block[i]
		name, slot := splitSlot(parse.Escape(cmp.Or(b.Partition, path.Base(b.Device))))
		q := &Partition{Name: p.freeName(name, slot), Slot: slot, Form: "block-update", Outer: []string{parse.Escape(b.Transfer)}}
		p.Partitions = append(p.Partitions, q)
		image, err := p.blockImage(ctx, q, b)
		if err != nil {
			p.note(err)
			q.err = err
			continue
		}
		q.Image = image
		if b.Conditional != "" {
			p.doubt(doubts, b.Pos, fmt.Errorf("whether the partition %s is written depends on %s: %w", name, parse.EscapeText(b.Conditional), ErrUndecided))
		}
	}
}

// blockImage is the image that a transfer list writes.
func (p *Package) blockImage(ctx context.Context, q *Partition, u *edify.BlockUpdate) (blob.Blob, error) {
	if u.Transfer == "" || u.NewData == "" {
		return nil, fmt.Errorf("the script does not tell its transfer list or new data: %w", ErrUndecided)
	}
	member := parse.Escape(u.Transfer)
	text, err := p.memberBlob(ctx, member)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", member, err)
	}
	list, err := transfer.Open(text, p.budget)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", member, err)
	}
	p.take(member)
	p.Blocks = append(p.Blocks, &BlockUpdate{member, list})
	q.blocks = list
	for _, note := range list.Notes {
		p.Notes = append(p.Notes, member+": "+note)
	}
	if c := list.Incremental(); c != nil {
		what := "it needs the older image"
		if !c.Known() {
			what = "a command that is not known"
		}
		return nil, fmt.Errorf("%s, line %d: %s: %w", member, c.Line, parse.EscapeText(c.Op),
			&parse.Error{Format: "block update", Off: c.Offset, Msg: what + "; incremental updates are not applied yet", Kind: parse.ErrUnsupported})
	}
	data, err := p.newData(ctx, parse.Escape(u.NewData), list.NewData())
	if err != nil {
		return nil, err
	}
	return newLazy(list.Size(), func() (blob.Blob, error) {
		image, err := list.Image(data)
		if err != nil {
			return nil, err
		}
		return p.hashTrees(list, image)
	}), nil
}

// hashTrees puts what compute_hash_tree commands compute into an image. A tree is
// computed when somebody reads it, and its root compared with that of the list.
func (p *Package) hashTrees(list *transfer.List, image blob.Blob) (blob.Blob, error) {
	for i := range list.Commands {
		c := &list.Commands[i]
		if c.Op != transfer.OpComputeHashTree {
			continue
		}
		// Args: the source's blocks, the algorithm, the salt, the root.
		if len(c.Args) != 4 || len(c.Target) != 1 {
			return nil, listError(c, "it takes one run of blocks for the tree, its source, algorithm, salt and root", nil)
		}
		source, err := transfer.ParseRanges(c.Args[0])
		if err != nil {
			return nil, listError(c, "its source is no set of blocks", err.Error())
		}
		algorithm, err := verity.ParseHash(c.Args[1])
		if err != nil {
			return nil, err
		}
		salt, err1 := hex.DecodeString(c.Args[2])
		root, err2 := hex.DecodeString(c.Args[3])
		if err1 != nil || err2 != nil {
			return nil, listError(c, "its salt or root is not hexadecimal", nil)
		}
		var runs []blob.Extent
		for _, r := range source {
			runs = append(runs, blob.Extent{Off: r.First * transfer.BlockSize, Len: (r.End - r.First) * transfer.BlockSize})
		}
		data, err := blob.Extents(image, runs)
		if err != nil {
			return nil, listError(c, "its source lies outside the image", nil)
		}
		at, size := c.Target[0].First*transfer.BlockSize, transfer.Blocks(c.Target)*transfer.BlockSize
		tree := newLazy(size, func() (blob.Blob, error) {
			return p.hashTree(c, data, size, verity.Tree{Hash: algorithm, Salt: salt, BlockSize: transfer.BlockSize}, root)
		})
		end := image.Size()
		image, err = blob.Extents(blob.Concat(image, tree), []blob.Extent{{Off: 0, Len: at}, {Off: end, Len: size}, {Off: at + size, Len: end - at - size}})
		if err != nil {
			return nil, listError(c, "its tree lies outside the image", nil)
		}
	}
	return image, nil
}

// hashTree computes one tree. The updater reads the salt as a number, and loses its leading
// zeros (blockimg.cpp, PerformCommandComputeHashTree): a root that holds only without
// them is what the device computes.
func (p *Package) hashTree(c *transfer.Command, data blob.Blob, size int64, tree verity.Tree, root []byte) (blob.Blob, error) {
	want, err := tree.Size(data.Size())
	if err != nil {
		return nil, err
	}
	if want != size {
		return nil, listError(c, "its tree does not fit the blocks for it", want)
	}
	salts := [][]byte{tree.Salt}
	if short := bytes.TrimLeft(tree.Salt, "\x00"); len(short) < len(tree.Salt) {
		salts = append(salts, short)
	}
	for _, tree.Salt = range salts {
		out, err := blob.NewScratch(p.opts.Spool, size)
		if err != nil {
			return nil, err
		}
		got, err := computeTree(tree, data, out)
		if err == nil && bytes.Equal(got, root) {
			p.keep(out.Close)
			return out, nil
		}
		out.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, listError(c, "the root of the tree is not the one it states", hex.EncodeToString(root))
}

func computeTree(tree verity.Tree, data blob.Blob, out io.WriterAt) ([]byte, error) {
	b, err := tree.NewBuilder(data.Size(), out)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyBuffer(b, blob.Reader(data), make([]byte, 256<<10)); err != nil {
		return nil, err
	}
	return b.Finish()
}

func listError(c *transfer.Command, msg string, got any) error {
	return &parse.Error{Format: "transfer list", Off: c.Offset, Msg: fmt.Sprintf("line %d, %s: %s", c.Line, c.Op, msg), Got: got, Kind: parse.ErrFormat}
}

// newData opens the data of a block update: one member or several parts of one,
// compressed or not. size is how much the list takes from it.
func (p *Package) newData(ctx context.Context, member string, size int64) (blob.Blob, error) {
	names := []string{member}
	if _, err := fs.Stat(p.Members, member); err != nil {
		if names = p.splitData(member); names == nil {
			return nil, fmt.Errorf("%s: %w", member, ErrMissing)
		}
	}
	var parts []blob.Blob
	for _, name := range names {
		b, err := p.memberBlob(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p.take(name)
		parts = append(parts, b)
	}
	data := parts[0]
	if len(parts) > 1 {
		data = blob.Concat(parts...)
	}
	head, err := peek(data, codec.DetectSize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", member, err)
	}
	// New data may begin with anything: that they are compressed, the name alone says.
	method, ok := map[string]codec.Method{".br": codec.Brotli, ".xz": codec.XZ, ".lzma": codec.LZMA, ".gz": codec.Gzip, ".zst": codec.Zstd,
		".lz4": codec.LZ4}[strings.ToLower(path.Ext(member))]
	if !ok {
		return data, nil
	}
	if found, sure := codec.Detect(head); sure && found != method && method != codec.Brotli {
		method = found
	}
	if err := p.budget.Produce("block update", size); err != nil {
		return nil, err
	}
	return p.decompressed(ctx, data, method, size)
}

// splitData finds the parts of new data that some vendors split: NAME.1, NAME.2
// and so on, from 0 or 1.
func (p *Package) splitData(member string) []string {
	var names []string
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s.%d", member, n)
		if _, err := fs.Stat(p.Members, name); err != nil {
			if n == 0 {
				continue
			}
			return slices.Clip(names)
		}
		names = append(names, name)
	}
}
