package ext4_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/ext4"
	"github.com/otavet/otavet/ota/parse"
)

// file is an image with one file, of inode 12.
func file(n bentInode, data ...[]byte) *bent {
	return &bent{inodes: []bentInode{{}, n}, data: append([][]byte{entries(2, 2, dirent(12, 0, byte(kindOf(n.mode)), "f"))}, data...)}
}

func kindOf(mode uint16) int {
	return map[uint16]int{0x8000: 1, 0x4000: 2, 0x2000: 3, 0x6000: 4, 0x1000: 5, 0xc000: 6, 0xa000: 7}[mode&0xf000]
}

// root is an image whose root has these entries, and inodes from 12 on.
func root(list [][]byte, data [][]byte, inodes ...bentInode) *bent {
	return &bent{inodes: append([]bentInode{{}}, inodes...), data: append([][]byte{entries(2, 2, list...)}, data...)}
}

func regular(size int, block []byte) bentInode {
	return bentInode{mode: 0x81a4, size: uint32(size), flags: extents, block: block}
}

// attrs is a list of attributes of an inode, or a block of them.
func attrs(list ...[]byte) []byte { return append([]byte{0, 0, 2, 0xea}, slices.Concat(list...)...) }

func attrEntry(index byte, name string, offset, inode, size int) []byte {
	p := []byte{byte(len(name)), index}
	p = le.AppendUint16(p, uint16(offset))
	p = le.AppendUint32(p, uint32(inode))
	p = le.AppendUint32(p, uint32(size))
	p = append(le.AppendUint32(p, 0), name...)
	return append(p, make([]byte, -len(name)&3)...)
}

var zero = make([]byte, 100)

// hostiles are images that are broken in one place each, and what is said of it.
func hostiles() map[string]struct {
	image *bent
	want  string
} {
	type h = struct {
		image *bent
		want  string
	}
	data := bytes.Repeat([]byte("data"), 1024)
	super := func(at int, v uint32) *bent {
		return &bent{super: map[int]uint32{at: v}, data: [][]byte{entries(2, 2)}}
	}
	one := func(e ...[]byte) *bent { return root(e, [][]byte{entries(12, 2)}, folderAt(9), regular(4, nil)) }
	ext := func(root []byte, more ...[]byte) *bent {
		return file(regular(100, root), append([][]byte{data}, more...)...)
	}
	body := func(p []byte) *bent {
		n := regular(0, tree(0, 4))
		n.body = p
		return file(n)
	}
	return map[string]h{
		"no magic":                  {super(0x38, 0x1ef54), "no superblock"},
		"block size":                {super(0x18, 7), "a block size that is none"},
		"inode size":                {super(0x58, 0x00c0), "an inode size that is none"},
		"inode size 64":             {super(0x58, 64), "an inode size that is none"},
		"no blocks":                 {super(4, 0), "a count of blocks that cannot be"},
		"more blocks":               {super(4, 1000), "the file system is longer than what holds it"},
		"first block":               {super(0x14, 1), "the first block of data is another one"},
		"blocks of a group":         {super(0x20, 40000), "a count of blocks of a group that cannot be"},
		"no group":                  {super(0x20, 0), "a count of blocks of a group that cannot be"},
		"inodes of a group":         {super(0x28, 0), "a count of inodes of a group that cannot be"},
		"inodes":                    {super(0, 81), "a count of inodes that its groups cannot have"},
		"no inodes":                 {super(0, 1), "a count of inodes that its groups cannot have"},
		"revision":                  {super(0x4c, 2), "a later revision"},
		"unknown feature":           {super(0x60, 0x800042), "features that are not read: incompat_0x800000"},
		"compression":               {super(0x60, 0x1043), "features that are not read: compression, dirdata"},
		"journal":                   {super(0x60, 0x4a), "features that are not read: journal_dev"},
		"size of group descriptors": {&bent{super: map[int]uint32{0x60: 0xc2, 0xfc: 32 << 16}, data: [][]byte{entries(2, 2)}}, "a size of group descriptors that is none"},
		"kind of checksums":         {super(0x64, 0x400), "another kind of checksums"},
		"checksum":                  {&bent{super: map[int]uint32{0x64: 0x400, 0x174: 0x100}, data: [][]byte{entries(2, 2)}}, "the superblock does not have its checksum"},
		"inodes outside":            {&bent{table: 9, data: [][]byte{entries(2, 2)}}, "the inodes of group 0 lie outside"},
		"inodes at 0":               {&bent{table: 1 << 31, data: [][]byte{entries(2, 2)}}, "the inodes of group 0 lie outside"},

		"root a file":     {&bent{root: regular(4, extent(8, 1)), data: [][]byte{data}}, "the root is not a folder"},
		"no root":         {&bent{root: bentInode{mode: 1, deleted: true}, data: [][]byte{data}}, "it is deleted"},
		"root elsewhere":  {&bent{data: [][]byte{entries(2, 12)}}, "whose own .. is 12"},
		"no dot":          {&bent{data: [][]byte{append(dirent(0, bentBlock, 0, ""), zero...)}}, "a folder without . and .."},
		"dot elsewhere":   {one(dirent(12, 0, 2, "a")), "-"},
		"other dot":       {root([][]byte{dirent(12, 0, 2, "a")}, [][]byte{entries(13, 2)}, folderAt(9)), "a folder whose . is another one"},
		"other first":     {root([][]byte{dirent(12, 0, 2, "a")}, [][]byte{dirent(13, bentBlock, 1, "x")}, folderAt(9)), "does not begin with . and .."},
		"loop":            {root([][]byte{dirent(12, 0, 2, "a")}, [][]byte{entries(12, 2, dirent(12, 0, 2, "again"))}, folderAt(9)), "a folder in folder 12, whose own .. is 2"},
		"loop of two":     {root([][]byte{dirent(12, 0, 2, "a")}, [][]byte{entries(12, 2, dirent(13, 0, 2, "b")), entries(13, 12, dirent(12, 0, 2, "a"))}, folderAt(9), folderAt(10)), "a folder in folder 13, whose own .. is 2"},
		"back to root":    {root([][]byte{dirent(12, 0, 2, "a")}, [][]byte{entries(12, 2, dirent(2, 0, 2, "b"))}, folderAt(9)), "a folder that is in two places"},
		"root in root":    {root([][]byte{dirent(2, 0, 2, "a")}, nil), "a folder that is in two places"},
		"own parent":      {root([][]byte{dirent(12, 0, 2, "a")}, [][]byte{entries(12, 12)}, folderAt(9)), "whose own .. is 12"},
		"twice":           {one(dirent(12, 0, 2, "a"), dirent(12, 0, 2, "b")), "a folder that is in two places"},
		"rec_len 0":       {&bent{data: [][]byte{append(slices.Concat(dirent(2, 0, 2, "."), dirent(2, 0, 2, "..")), dirent(12, -1, 1, "x")...)}}, "an entry of a wrong length"},
		"rec_len 13":      {one(dirent(12, 13, 2, "a")), "an entry of a wrong length (0xd)"},
		"rec_len 8":       {one(dirent(12, 8, 2, "")), "an entry of a wrong length (0x8)"},
		"rec_len past":    {one(dirent(12, 4092, 2, "a")), "an entry of a wrong length (0xffc)"},
		"name past":       {one(dirent(12, 12, 2, "abcdefgh")), "an entry of a wrong length (0xc)"},
		"near the end":    {one(dirent(12, bentBlock-24-4, 2, "a")), "an entry runs past its block"},
		"no such inode":   {one(dirent(81, 0, 1, "a")), "an entry of an inode that does not exist"},
		"reserved inode":  {one(dirent(7, 0, 1, "a")), "an inode that is the file system's own"},
		"no name":         {one(dirent(12, 12, 1, "")), "an entry of a folder without a name"},
		"half a block":    {root([][]byte{dirent(12, 0, 2, "a")}, nil, bentInode{mode: 0x41ed, links: 2, size: 100, flags: extents, block: extent(8, 1)}), "not of whole blocks"},
		"empty folder":    {root([][]byte{dirent(12, 0, 2, "a")}, nil, bentInode{mode: 0x41ed, links: 2, flags: extents, block: extent(8, 1)}), "not of whole blocks"},
		"hole in folder":  {root([][]byte{dirent(12, 0, 2, "a")}, nil, bentInode{mode: 0x41ed, links: 2, size: bentBlock, flags: extents, block: tree(0, 4)}), "an entry of a wrong length (0x0)"},
		"huge folder":     {root([][]byte{dirent(12, 0, 2, "a")}, nil, bentInode{mode: 0x41ed, links: 2, size: 1 << 30, flags: extents, block: tree(0, 4)}), "a folder of more than 67108864 bytes"},
		"folder a file":   {one(dirent(13, 0, 2, "a")), "-"},
		"deleted":         {file(bentInode{mode: 0x81a4, deleted: true}), "it is deleted"},
		"no kind":         {file(bentInode{mode: 0x01a4}), "it is of no kind"},
		"kind 15":         {file(bentInode{mode: 0xf1a4}), "it is of no kind"},
		"extra_isize":     {file(bentInode{mode: 0x81a4, extra: 132}), "its fields do not end within it"},
		"extra_isize odd": {file(bentInode{mode: 0x81a4, extra: 30}), "its fields do not end within it"},
		"size":            {file(bentInode{mode: 0x81a4, flags: extents, sizeHigh: 1 << 20, block: extent(9, 1)}, data), "its size is more than its blocks could be"},
		"negative size":   {file(bentInode{mode: 0x81a4, flags: extents, sizeHigh: 1 << 31, block: extent(9, 1)}, data), "its size is more than its blocks could be"},

		"no extents":        {ext(zero[:12]), "its extents begin otherwise"},
		"five extents":      {ext(tree(0, 5, leafEntry(0, 1, 9))), "more extents than there is room for"},
		"more than most":    {ext(tree(0, 0, leafEntry(0, 1, 9))), "more extents than there is room for"},
		"depth 6":           {ext(tree(6, 4, indexEntry(0, 9))), "its extents are not as deep as they have to be"},
		"depth of a child":  {ext(tree(2, 4, indexEntry(0, 10)), tree(2, 300, indexEntry(0, 10))), "its extents are not as deep as they have to be"},
		"index to itself":   {ext(tree(1, 4, indexEntry(0, 10)), tree(1, 300, indexEntry(0, 10))), "its extents are not as deep as they have to be"},
		"no index":          {ext(tree(1, 4)), "leads nowhere"},
		"index to 0":        {ext(tree(1, 4, indexEntry(0, 0))), "leads to block 0"},
		"index outside":     {ext(tree(1, 4, indexEntry(0, 11))), "lie outside the file system"},
		"index order":       {ext(tree(1, 4, indexEntry(0, 10), indexEntry(0, 10)), tree(0, 300)), "out of order"},
		"leaf before":       {ext(tree(1, 4, indexEntry(0, 10), indexEntry(5, 10)), tree(0, 300, leafEntry(0, 6, 9))), "an extent is out of order"},
		"leaf behind":       {ext(tree(1, 4, indexEntry(0, 10), indexEntry(5, 10)), tree(0, 300, leafEntry(7, 1, 9))), "an extent is out of order"},
		"no blocks at all":  {ext(tree(0, 4, leafEntry(0, 0, 9))), "an extent of no blocks"},
		"extent order":      {ext(tree(0, 4, leafEntry(3, 1, 9), leafEntry(0, 1, 9))), "an extent is out of order"},
		"overlap":           {ext(tree(0, 4, leafEntry(0, 2, 8), leafEntry(1, 1, 9))), "an extent is out of order"},
		"extent outside":    {ext(tree(0, 4, leafEntry(0, 2, 9))), "an extent lies outside the file system"},
		"extent at 0":       {ext(tree(0, 4, leafEntry(0, 1, 0))), "an extent lies outside the file system"},
		"behind 2^32":       {ext(tree(0, 4, leafEntry(0, 1, 9), leafEntry(-1, 2, 8))), "an extent is out of order"},
		"direct outside":    {file(bentInode{mode: 0x81a4, size: 5, block: []byte{11, 0, 0, 0}}, data), "a block of it lies outside"},
		"indirect outside":  {file(bentInode{mode: 0x81a4, size: 60000, block: append(zero[:48:48], 11)}, data), "a block of its map lies outside"},
		"indirect to data":  {file(bentInode{mode: 0x81a4, size: 60000, block: append(zero[:48:48], 9)}, data), "a block of it lies outside"},
		"thrice indirect":   {file(bentInode{mode: 0x81a4, sizeHigh: 4, block: append(zero[:56:56], 9)}, data), "a block of its map lies outside"},
		"nowhere to go on":  {file(bentInode{mode: 0x81a4, sizeHigh: 1026, block: append(zero[:56:56], 9)}, data), "its size is more than its blocks could be"},
		"no inline data":    {file(bentInode{mode: 0x81a4, size: 5, flags: inline}), "it has no inline data"},
		"inline in inode":   {file(bentInode{mode: 0x81a4, size: 5, flags: inline, body: attrs(attrEntry(7, "data", 0, 12, 5))}), "its inline data is in another inode"},
		"inline folder":     {root([][]byte{dirent(12, 0, 2, "a")}, nil, bentInode{mode: 0x41ed, size: 61, flags: inline, body: attrs(attrEntry(7, "data", 0, 0, 0), zero[:4])}), "its size is not that of the bytes in it"},
		"link without":      {file(bentInode{mode: 0xa1ff}), "a link without a target"},
		"link of 60 inside": {file(bentInode{mode: 0xa1ff, size: 60, block: bytes.Repeat([]byte("t"), 60)}), "does not fit into it"},
		"giant link":        {file(bentInode{mode: 0xa1ff, size: 4097, flags: extents, sectors: 8, block: extent(9, 1)}, data), "the target of a link is longer than 4096 bytes"},

		"attributes without end":   {body(attrs(slices.Repeat([][]byte{attrEntry(1, "a", 0, 0, 0)}, 5)...)), "its attributes have no end"},
		"name of an attribute":     {body(attrs(attrEntry(1, "a", 0, 0, 0), []byte{255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})), "the name of an attribute runs past its end"},
		"value in the names":       {body(attrs(attrEntry(1, "abcd", 20, 0, 4), zero[:20])), "the value of an attribute is not behind the names"},
		"value outside":            {body(attrs(attrEntry(1, "abcd", 88, 0, 5), zero[:20])), "the value of an attribute is not behind the names"},
		"value of 4 GiB":           {body(attrs(attrEntry(1, "abcd", 40, 0, -1), zero[:20])), "the value of an attribute is not behind the names"},
		"value in an inode":        {body(attrs(attrEntry(1, "abcd", 0, 12, 5), zero[:20])), "without ea_inode"},
		"block of attributes":      {file(bentInode{mode: 0x81a4, attrs: 10}, data), "its block of attributes lies outside"},
		"no block of attributes":   {file(bentInode{mode: 0x81a4, attrs: 9}, data), "its block of attributes begins otherwise"},
		"two blocks of attributes": {file(bentInode{mode: 0x81a4, attrs: 9}, attrs(le.AppendUint32(le.AppendUint32(nil, 1), 2))), "its attributes are not in one block"},
		"value before its block":   {file(bentInode{mode: 0x81a4, attrs: 9}, slices.Concat(attrs([]byte{1, 0, 0, 0, 1, 0, 0, 0}), zero[:20], attrEntry(1, "abcd", 8, 0, 4), zero[:8])), "the value of an attribute is not behind the names"},
	}
}

// TestHostile: each is refused with its own words, in a *parse.Error, or where it does no harm read on.
func TestHostile(t *testing.T) {
	for name, h := range hostiles() {
		t.Run(name, func(t *testing.T) {
			errs := visit(t, h.image.bytes(), 1<<20)
			all := fmt.Sprint(errs)
			if h.want != "-" && !strings.Contains(all, h.want) {
				t.Errorf("got %s, want %s", all, h.want)
			}
			if h.want == "-" && name == "dot elsewhere" && errs != nil {
				t.Errorf("a good image: %s", all)
			}
		})
	}
}

// visit reads everything of an image, at most that many bytes of each file, and
// gives the errors.
func visit(t testing.TB, image []byte, most int64) (errs []error) {
	t.Helper()
	met := func(err error) {
		if err == nil {
			return
		}
		var pe *parse.Error
		if !errors.As(err, &pe) {
			t.Errorf("%T is no *parse.Error: %v", err, err)
		} else if pe.Off > int64(len(image)) {
			t.Errorf("an offset outside: %v", err)
		}
		errs = append(errs, err)
	}
	f, err := ext4.Open(blob.Bytes(image), parse.NewBudget(parse.Limits{Entries: 500}))
	if err != nil {
		met(err)
		return errs
	}
	err = fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			met(err)
			return nil
		}
		info, err := d.Info()
		met(err)
		again, err := f.Lstat(name)
		if err != nil {
			met(err)
			return nil
		}
		if info != nil && (info.Mode() != again.Mode() || info.Mode().Type() != d.Type()) {
			t.Errorf("%s: %v, %v and %v", name, d, info, again)
		}
		_, err = f.Xattrs(name)
		met(err)
		switch again.Mode().Type() {
		case fs.ModeSymlink:
			_, err := f.ReadLink(name)
			met(err)
		case 0:
			b, _, err := f.Blob(name)
			if err != nil {
				met(err)
				break
			}
			_, err = io.Copy(io.Discard, io.NewSectionReader(b, 0, min(most, b.Size())))
			met(err)
			_, err = io.Copy(io.Discard, io.NewSectionReader(b, max(b.Size()-5000, 0), min(5000, b.Size())))
			met(err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if n := len(f.Notes()); n > 32 {
		t.Errorf("%d notes", n)
	}
	return errs
}
