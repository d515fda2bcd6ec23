package ext4

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// maxAttrs bounds the values of the extended attributes of one file, in bytes.
// In inode and block there is room for less than 64 KiB, and Linux sets none that is longer.
const maxAttrs = 1 << 20

// An attr is an entry of a list of attributes.
type attr struct {
	index  byte   // e_name_index
	name   string // e_name
	offset uint16 // e_value_offs
	inode  uint32 // e_value_inum
	size   uint32 // e_value_size
	value  []byte // unless it is in inode
}

// attrList reads the entries of list, whose values are in it, too: at offsets
// from origin, which is before it or its beginning, and behind its end mark.
func attrList(list []byte, origin int, bad func(string, any) error) ([]attr, error) {
	var attrs []attr
	le := binary.LittleEndian
	at := 0
	for {
		switch rest := list[at:]; {
		case len(rest) >= 4 && le.Uint32(rest) == 0:
			return attrs, fillAttrs(list, origin, at+4, attrs, bad)
		case len(rest) < lenAttr:
			return nil, bad("its attributes have no end", nil)
		}
		e := list[at:]
		n := int(e[0])
		next := lenAttr + (n+3)&^3
		if next > len(e) {
			return nil, bad("the name of an attribute runs past its end", n)
		}
		attrs = append(attrs, attr{
			name: string(e[lenAttr : lenAttr+n]), index: e[1], offset: le.Uint16(e[2:]), inode: le.Uint32(e[4:]), size: le.Uint32(e[8:]),
		})
		at += next
	}
}

// fillAttrs sets the values, which the entries before end have the places of.
func fillAttrs(list []byte, origin, end int, attrs []attr, bad func(string, any) error) error {
	for i := range attrs {
		a := &attrs[i]
		off := int64(a.offset) - int64(origin)
		if a.inode != 0 || a.size == 0 {
			continue
		}
		if off < int64(end) || off+int64(a.size) > int64(len(list)) {
			return bad("the value of an attribute is not behind the names", off)
		}
		a.value = list[off : off+int64(a.size)]
	}
	return nil
}

// bodyAttrs are the attributes in the inode.
func (n *inode) bodyAttrs() ([]attr, error) {
	if n.body == nil {
		return nil, nil
	}
	return attrList(n.body[4:], 0, func(msg string, got any) error { return n.fail(parse.ErrFormat, msg, got) })
}

// blockAttrs are the attributes in the inode's block of them.
func (f *FS) blockAttrs(n *inode) ([]attr, error) {
	if n.attrs == 0 {
		return nil, nil
	}
	off := int64(-1)
	bad := func(msg string, got any) error { return fail(off, parse.ErrFormat, inodeWords(n)+msg, got) }
	if !f.holds(n.attrs, 1) {
		return nil, n.fail(parse.ErrFormat, "its block of attributes lies outside the file system", n.attrs)
	}
	off = int64(n.attrs) * f.block
	p, err := blob.ReadRange(f.b, off, f.block)
	if err != nil {
		return nil, err
	}
	switch magic := binary.LittleEndian.Uint32(p); {
	case magic != attrMagic:
		return nil, bad("its block of attributes begins otherwise", magic)
	case binary.LittleEndian.Uint32(p[8:]) != 1: // h_blocks
		return nil, bad("its attributes are not in one block", nil)
	case f.sums && !f.attrsSum(p, n.attrs):
		return nil, bad("its block of attributes does not have its checksum", nil)
	}
	return attrList(p[lenAttrs:], lenAttrs, bad)
}

// Xattrs gives the extended attributes. Beside those that Linux lists there are
// encryption.c (the policy of an encrypted file), verity.v, and for unknown
// namespaces index-N.
func (n *inode) Xattrs() ([]vfs.Xattr, error) {
	f := n.f
	body, err := n.bodyAttrs()
	if err != nil {
		return nil, err
	}
	block, err := f.blockAttrs(n)
	if err != nil {
		return nil, err
	}
	var list []vfs.Xattr
	total := 0
	for i, a := range append(body, block...) {
		if a.index == attrSystem && a.name == "data" && i < len(body) && n.flags&flagInline != 0 {
			continue // which is the file's own bytes
		}
		if a.inode != 0 {
			if a.value, err = f.attrInode(n, &a); err != nil {
				return nil, err
			}
		}
		if total += len(a.value); total > maxAttrs {
			return nil, n.fail(parse.ErrLimit, fmt.Sprintf("more than %d bytes of attributes", maxAttrs), nil)
		}
		list = append(list, vfs.Xattr{Name: attrName(a.index, a.name), Value: slices.Clone(a.value)})
	}
	return list, nil
}

func attrName(index byte, name string) string {
	prefix := ""
	if int(index) < len(attrPrefixes) {
		prefix = attrPrefixes[index]
	}
	if prefix == "" && index != 0 {
		prefix = fmt.Sprintf("index-%d.", index)
	}
	return prefix + parse.Escape(name)
}

// attrInode reads a value that has an inode of its own, with the feature
// ea_inode. Its checksum is in the place of the time of access.
func (f *FS) attrInode(n *inode, a *attr) ([]byte, error) {
	bad := func(msg string, got any) ([]byte, error) {
		return nil, n.fail(parse.ErrFormat, "the value of its attribute "+attrName(a.index, a.name)+msg, got)
	}
	if f.super.incompat&incompatEAInode == 0 {
		return bad(" is in an inode, in a file system without ea_inode", a.inode)
	}
	in, err := f.inode(a.inode)
	if err != nil {
		return nil, err
	}
	if in.flags&flagEAInode == 0 || in.kind() != modeFile || in.size != uint64(a.size) {
		return bad(" is in an inode that is not of that kind", a.inode)
	}
	if a.size > maxAttrs {
		return nil, n.fail(parse.ErrLimit, fmt.Sprintf("more than %d bytes of attributes", maxAttrs), a.size)
	}
	d, err := f.data(in)
	if err != nil {
		return nil, err
	}
	p, err := blob.ReadAll(d, maxAttrs)
	if err != nil {
		return nil, err
	}
	if crc32c(f.seed, p) != in.atime {
		return bad(" does not have its checksum", a.inode)
	}
	return p, nil
}
