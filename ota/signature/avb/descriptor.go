package avb

import (
	"bytes"

	"github.com/otavet/otavet/ota/parse"
)

// A Descriptor is one of those that a vbmeta struct signs. All but one of its fields are nil.
type Descriptor struct {
	Tag      uint64
	Offset   int64 // in the image
	Property *Property
	Hashtree *Hashtree
	Hash     *Hash
	Cmdline  *Cmdline
	Chain    *Chain
}

// A Property is AvbPropertyDescriptor.
type Property struct{ Key, Value string }

// A Hashtree is AvbHashtreeDescriptor: a partition whose blocks are verified as they are read.
type Hashtree struct {
	Partition                       string
	Version                         uint32 // of dm-verity
	ImageSize, TreeOffset, TreeSize uint64
	DataBlock, HashBlock            uint32
	FECRoots                        uint32
	FECOffset, FECSize              uint64
	Algorithm                       string
	Salt, Root                      []byte
	DoNotUseAB, CheckAtMostOnce     bool
}

// A Hash is AvbHashDescriptor: a partition that is read whole.
type Hash struct {
	Partition    string
	ImageSize    uint64
	Algorithm    string
	Salt, Digest []byte // Digest is empty where it is kept on the device
	DoNotUseAB   bool
}

// A Cmdline is AvbKernelCmdlineDescriptor.
type Cmdline struct {
	Flags uint32 // 1: if hash trees are used; 2: if they are not
	Text  string
}

// A Chain is AvbChainPartitionDescriptor: a partition with a vbmeta struct of its own, signed by that key.
type Chain struct {
	Partition        string
	RollbackLocation uint32 // of 1 to 31: see Check
	PublicKey        []byte
	DoNotUseAB       bool
}

// readDescriptors reads those in the auxiliary block.
func (v *VBMeta) readDescriptors(at span, bud *parse.Budget) error {
	base := v.Offset + lenHeader + int64(v.auth) + int64(at.off)
	p := v.aux()[at.off:][:at.size]
	for len(p) > 0 {
		if len(p) < lenDescriptor {
			return fail(base, parse.ErrFormat, "a descriptor runs past the end", len(p))
		}
		c := parse.NewCursor("avb", p, base)
		tag, size := c.U64BE(), c.U64BE()
		if size%8 != 0 || size > uint64(len(p)-lenDescriptor) {
			return fail(base+8, parse.ErrFormat, "a descriptor of a wrong length", size)
		}
		if err := bud.Entry("avb", 1); err != nil {
			return err
		}
		d := Descriptor{Tag: tag, Offset: base}
		r := &reader{c: parse.NewCursor("avb", p[lenDescriptor:][:size], base+lenDescriptor)}
		if err := r.descriptor(&d); err != nil {
			return err
		}
		v.Descriptors = append(v.Descriptors, d)
		p = p[lenDescriptor+size:]
		base += int64(lenDescriptor + size)
	}
	return nil
}

// A reader reads a descriptor behind its length.
type reader struct{ c *parse.Cursor }

func (r *reader) descriptor(d *Descriptor) error {
	var err error
	switch d.Tag {
	case tagProperty:
		d.Property, err = r.property()
	case tagHashtree:
		d.Hashtree, err = r.hashtree()
	case tagHash:
		d.Hash, err = r.hash()
	case tagCmdline:
		d.Cmdline, err = r.cmdline()
	case tagChain:
		d.Chain, err = r.chain()
	default:
		return nil // which libavb passes over
	}
	if err == nil {
		err = r.c.Err()
	}
	return err
}

// bytes gives n bytes that follow, n from the file.
func (r *reader) bytes(n uint64) []byte {
	if n > uint64(r.c.Len()) {
		r.c.Fail(parse.ErrFormat, "a descriptor whose parts are longer than it", n)
		return nil
	}
	return bytes.Clone(r.c.Bytes(int(n)))
}

func (r *reader) text(n uint64) string {
	off := r.c.Offset()
	s, err := text(off, r.bytes(n))
	if err != nil {
		r.c.Fail(parse.ErrFormat, "text that is no UTF-8", nil)
	}
	return s
}

func (r *reader) property() (*Property, error) {
	key, value := r.c.U64BE(), r.c.U64BE()
	p := &Property{Key: r.text(key)}
	r.nul()
	p.Value = parse.EscapeText(string(r.bytes(value)))
	r.nul()
	return p, nil
}

// nul reads the byte that ends a key or a value.
func (r *reader) nul() {
	if r.c.Err() == nil && r.c.U8() != 0 {
		r.c.Fail(parse.ErrFormat, "a key or value without its end", nil)
	}
}

// algorithm reads a name of 32 bytes.
func (r *reader) algorithm() string {
	p := r.c.Bytes(32)
	name, _, ended := bytes.Cut(p, []byte{0})
	if !ended {
		r.c.Fail(parse.ErrFormat, "a hash algorithm whose name has no end", nil)
	}
	return parse.EscapeText(string(name))
}

func (r *reader) hashtree() (*Hashtree, error) {
	c := r.c
	t := &Hashtree{Version: c.U32BE(), ImageSize: c.U64BE(), TreeOffset: c.U64BE(), TreeSize: c.U64BE(), DataBlock: c.U32BE(), HashBlock: c.U32BE(),
		FECRoots: c.U32BE(), FECOffset: c.U64BE(), FECSize: c.U64BE()}
	t.Algorithm = r.algorithm()
	name, salt, root := c.U32BE(), c.U32BE(), c.U32BE()
	flags := c.U32BE()
	t.DoNotUseAB, t.CheckAtMostOnce = flags&flagDoNotUseAB != 0, flags&flagCheckAtMostOnce != 0
	c.Skip(60)
	t.Partition, t.Salt, t.Root = r.text(uint64(name)), r.bytes(uint64(salt)), r.bytes(uint64(root))
	return t, nil
}

func (r *reader) hash() (*Hash, error) {
	c := r.c
	h := &Hash{ImageSize: c.U64BE()}
	h.Algorithm = r.algorithm()
	name, salt, digest := c.U32BE(), c.U32BE(), c.U32BE()
	h.DoNotUseAB = c.U32BE()&flagDoNotUseAB != 0
	c.Skip(60)
	h.Partition, h.Salt, h.Digest = r.text(uint64(name)), r.bytes(uint64(salt)), r.bytes(uint64(digest))
	return h, nil
}

func (r *reader) cmdline() (*Cmdline, error) {
	flags, n := r.c.U32BE(), r.c.U32BE()
	return &Cmdline{flags, r.text(uint64(n))}, nil
}

func (r *reader) chain() (*Chain, error) {
	c := r.c
	ch := &Chain{RollbackLocation: c.U32BE()}
	name, key := c.U32BE(), c.U32BE()
	ch.DoNotUseAB = c.U32BE()&flagDoNotUseAB != 0
	c.Skip(60)
	ch.Partition, ch.PublicKey = r.text(uint64(name)), r.bytes(uint64(key))
	return ch, nil
}
