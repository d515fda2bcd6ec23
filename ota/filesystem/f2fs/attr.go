package f2fs

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// Xattrs reads the attributes, which begin in the inode, if there is room for
// them, and go on in a node, within an attribute, too: read_all_xattrs.
func (n *inode) Xattrs() ([]vfs.Xattr, error) {
	p := n.inlineAttrs()
	if n.xattrNode != 0 {
		m, err := n.nodeAt(n.xattrNode, xattrPlace)
		if err != nil {
			return nil, err
		}
		p = slices.Concat(p, m.data[:len(m.data)-lenFooter])
	}
	if len(p) == 0 {
		return nil, nil
	}
	le := binary.LittleEndian
	magic := le.Uint32(p)
	p = p[lenXattrs:]
	if magic == 0 && (len(p) < lenXattr || le.Uint32(p) == 0) {
		return nil, nil // never written to
	}
	if magic != xattrMagic {
		return nil, n.fail(parse.ErrFormat, "its extended attributes begin otherwise", magic)
	}
	var list []vfs.Xattr
	for len(p) >= lenXattr && le.Uint32(p) != 0 {
		name, value := int(p[1]), int(le.Uint16(p[2:]))
		size := (lenXattr + name + value + 3) &^ 3
		if size > len(p) {
			return nil, n.fail(parse.ErrFormat, "an extended attribute runs past its end", size)
		}
		at := lenXattr + name
		list = append(list, vfs.Xattr{Name: attrName(p[0], string(p[lenXattr:at])), Value: slices.Clone(p[at : at+value])})
		p = p[size:]
	}
	return list, nil
}

func attrName(index byte, name string) string {
	prefix := ""
	if int(index) < len(attrPrefixes) {
		prefix = attrPrefixes[index]
	}
	if prefix == "" {
		prefix = fmt.Sprintf("index-%d.", index)
	}
	return prefix + parse.Escape(name)
}
