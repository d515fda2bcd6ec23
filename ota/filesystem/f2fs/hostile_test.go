package f2fs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/f2fs"
	"github.com/otavet/otavet/ota/filesystem/vfs"
	"github.com/otavet/otavet/ota/parse"
)

// A patient is an image of which one thing is broken.
type patient struct {
	*edited
	t testing.TB
	f *f2fs.FS // as it was
}

// inode is the node of a file.
func (p *patient) inode(name string) []byte { return p.at(p.node(p.t, p.number(name)))[:block] }

func (p *patient) number(name string) uint32 {
	info, err := p.f.Stat(name)
	if err != nil {
		p.t.Fatal(err)
	}
	return uint32(info.Sys().(*vfs.Meta).Inode)
}

// addrs are the addresses in an inode.
func (p *patient) addrs(name string) []byte {
	p.inode(name)
	return p.addrsAt(p.node(p.t, p.number(name)))
}

func (p *patient) addrsAt(n int64) []byte {
	if raw := p.get(n); raw[3]&0x20 != 0 {
		return p.get(n + 360 + int64(le.Uint16(raw[360:])))
	}
	return p.get(n + 360)
}

// entry is an entry of a folder whose entries are in its inode.
func (p *patient) entry(folder, name string) []byte {
	all := p.addrs(folder)
	attrs := 50
	if n := p.inode(folder); n[3]&0x20 != 0 && le.Uint32(p.get(superFeature))&0x40 != 0 {
		attrs = int(le.Uint16(n[362:]))
	}
	all = all[4 : len(all)-24-20-4*attrs]
	slots := len(all) * 8 / 153
	all = all[len(all)-slots*19:]
	i := bytes.Index(all[slots*11:], []byte(name)) / 8
	return all[11*i:][:11]
}

// TestHostile breaks one thing at a time, and meets it.
func TestHostile(t *testing.T) {
	const packed = "lz4,compress_chksum/mixed"
	plain, tiny := fixture(t, "plain.img"), fixture(t, "tiny.img")
	put := le.PutUint32
	for _, tc := range []struct {
		image []byte
		path  string
		edit  func(p *patient)
		want  string // an error of reading the file; "" for a note
		kind  error
		note  string
	}{
		// Folders.
		{plain, "deep/d00/d00", func(p *patient) { put(p.entry("deep/d00", "d01")[4:], p.number("deep")) }, "file does not exist", fs.ErrNotExist, ""},
		{plain, "deep/d00/d01", func(p *patient) { put(p.entry("deep/d00", "d01")[4:], p.number("deep")) }, "a folder in folder", parse.ErrFormat, ""},
		{plain, "deep/d00/d01", func(p *patient) { put(p.entry("deep/d00", "d01")[4:], 3) }, "a folder that is in two places (0x3)", parse.ErrFormat, ""},
		{plain, "deep/d00/d01", func(p *patient) { put(p.entry("deep/d00", "d01")[4:], p.number("deep/d00")) }, "whose own .. is", parse.ErrFormat, ""},
		{plain, "deep/d00/file", func(p *patient) { put(p.entry("deep/d00", "d01")[4:], 2) }, "an entry of an inode that does not exist (0x2)", parse.ErrFormat, ""},
		{plain, "deep/d00/file", func(p *patient) { put(p.entry("deep/d00", "d01")[4:], 1<<31) }, "an entry of an inode that does not exist (0x80000000)", parse.ErrFormat, ""},
		{plain, "deep/d00/d01", func(p *patient) { put(p.entry("deep/d00", "d01")[4:], 50000) }, "no such node (0xc350)", parse.ErrFormat, ""},
		{plain, "deep/d00/d01", func(p *patient) { copy(p.entry("deep/d00", "d01")[8:], "\xff\xff") }, "a name runs past its block (0xffff)", parse.ErrFormat, ""},
		{plain, "deep/d00/file", func(p *patient) { copy(p.entry("deep/d00", "d01")[8:], "\x00\x00") }, "", nil, "an entry without a name is left out"},
		{plain, "deep/d00/d01", func(p *patient) { p.addrs("deep/d00")[4] &^= 2 }, "a folder without ..", parse.ErrFormat, ""},
		{plain, "deep/d00/d01/file", func(p *patient) { p.addrs("deep/d00")[4] &^= 2; p.inode("deep/d00")[3] |= 0x10 }, "", nil, ""},
		{plain, "deep/d00/file", func(p *patient) { p.inode("deep/d00")[3] &^= 1 }, "", nil, ""}, // as much is left free
		{plain, "deep/d00/file", func(p *patient) { put(p.entry("deep/d00", ".")[4:], 4) }, "a folder whose . is another one (0x4)", parse.ErrFormat, ""},
		{plain, "many", func(p *patient) { p.at(int64(le.Uint32(p.addrs("many"))) * block)[30+11*2+9] = 1 }, "a name runs past its block (0x104)", parse.ErrFormat, ""},
		{plain, "deep/d00/file", func(p *patient) { p.entry("deep/d00", "file")[10] = 2 }, "", nil, "says that it is another kind of file"},
		{plain, "many", func(p *patient) { put(p.addrs("many"), 5) }, "a block of its entries lies outside the main area (0x5)", parse.ErrFormat, ""},
		{plain, "many", func(p *patient) { // a block that was reserved, in place of a hole
			a := p.addrs("many")
			for le.Uint32(a) != 0 {
				a = a[4:]
			}
			put(a, 0xffffffff)
		}, "", nil, ""},
		{plain, "many", func(p *patient) { put(p.inode("many")[20:], 1<<20) }, "its size is more than its blocks could be", parse.ErrFormat, ""},
		// Inodes.
		{plain, "noise", func(p *patient) { p.inode("noise")[1] = 0 }, "it is of no kind", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { put(p.inode("noise")[12:], 0) }, "it is deleted, and named nevertheless", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { put(p.inode("noise")[20:], 1<<11) }, "its size is more than its blocks could be", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { p.inode("noise")[3] |= 4 }, "inline entries in what is no folder", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { p.inode("noise")[3] |= 2 }, "its size is more than the bytes in it", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { p.inode("noise")[3] |= 0x20 }, "extra attributes, in a file system without them", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { put(p.inode("noise")[block-24:], 9) }, "in the place of its node", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { put(p.inode("noise")[block-20:], 9) }, "of inode 9", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { p.at(p.entryOf(p.number("noise")) + 1)[0]++ }, "in the place of its node", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { put(p.at(p.entryOf(p.number("noise"))+5), 1030) }, "lies outside the main area (0x406)", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { put(p.at(p.entryOf(p.number("noise"))+5), 0xffffffff) }, "no such node", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { put(p.inode("noise")[block-16:], 8) }, "a node that is not the first of its file", parse.ErrFormat, ""},
		{plain, "modes", func(p *patient) { p.inode("modes")[3] |= 2 }, "inline data in what has no data", parse.ErrFormat, ""},
		{tiny, "inline", func(p *patient) { p.inode("inline")[3] &^= 0x20 }, "no extra attributes, in a file system that needs them", parse.ErrFormat, ""},
		{tiny, "inline", func(p *patient) { p.inode("inline")[360] = 22 }, "its extra attributes are not of whole words", parse.ErrFormat, ""},
		{tiny, "inline", func(p *patient) { p.inode("inline")[360] = 0 }, "its extra attributes are not of whole words (0x0)", parse.ErrFormat, ""},
		{tiny, "inline", func(p *patient) { p.inode("inline")[360] = 40 }, "more extra attributes than are known (0x28)", parse.ErrUnsupported, ""},
		{tiny, "inline", func(p *patient) { p.inode("inline")[363] = 8 }, "its extended attributes do not fit into it", parse.ErrFormat, ""},
		{tiny, "inline", func(p *patient) { p.inode("inline")[362] = 5 }, "its extended attributes do not fit into it (0x5)", parse.ErrFormat, ""},
		// Maps.
		{plain, "noise", func(p *patient) { put(p.addrs("noise"), 5) }, "a block of its data lies outside the main area (0x5)", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { put(p.addrs("noise"), 64<<20/block) }, "a block of its data lies outside the main area (0x4000)", parse.ErrFormat, ""},
		{plain, "noise", func(p *patient) { put(p.addrs("noise")[4:], 0xfffffffe) }, "a compressed cluster where none can be, at block (0x1)", parse.ErrFormat, ""},
		{plain, "large", func(p *patient) { put(p.inode("large")[block-44:], p.number("noise")) }, "in the place of its node", parse.ErrFormat, ""},
		{plain, "large", func(p *patient) { put(p.inode("large")[block-44:], 1<<30) }, "a node of a number that none can have", parse.ErrFormat, ""},
		{plain, "large", func(p *patient) { put(p.inode("large")[block-44:], p.number("large")) }, "is not in its place in the file", parse.ErrFormat, ""},
		{tiny, "holes", func(p *patient) { n := p.inode("holes"); copy(n[block-36:block-32], n[block-32:]) }, "is not in its place in the file", parse.ErrFormat, ""},
		{tiny, "holes", func(p *patient) { // a node below itself
			nid := le.Uint32(p.inode("holes")[block-28:])
			put(p.at(p.node(p.t, nid)), nid)
		}, "is not in its place in the file", parse.ErrFormat, ""},
		// Links.
		{plain, "links/self", func(p *patient) { put(p.inode("links/self")[16:], 0) }, "a link without a target", parse.ErrFormat, ""},
		{plain, "links/slow", func(p *patient) { p.inode("links/slow")[2] |= 4 }, "it is encrypted", parse.ErrUnsupported, ""},
		{plain, "noise", func(p *patient) { p.inode("noise")[2] |= 4 }, "it is encrypted", parse.ErrUnsupported, ""},
		{plain, "links/slow", func(p *patient) { put(p.inode("links/slow")[16:], 5000) }, "the target of a link is longer than 4096 bytes", parse.ErrLimit, ""},
		// Compression.
		{tiny, packed, func(p *patient) { p.inode(packed)[393] = 9 }, "compressed clusters of a size that there is not (0x9)", parse.ErrFormat, ""},
		{tiny, packed, func(p *patient) { p.inode(packed)[392] = 0 }, "it is compressed by LZO", parse.ErrUnsupported, ""},
		{tiny, packed, func(p *patient) { p.inode(packed)[392] = 3 }, "it is compressed by LZO-RLE", parse.ErrUnsupported, ""},
		{tiny, packed, func(p *patient) { p.inode(packed)[392] = 4 }, "it is compressed by an unknown algorithm (0x4)", parse.ErrUnsupported, ""},
		{tiny, packed, func(p *patient) { p.inode(packed)[392] = 2 }, "the compressed cluster at block 0 cannot be decoded: zstd: not a zstd frame", parse.ErrFormat, ""},
		{tiny, packed, func(p *patient) { p.inode(packed)[3] |= 2 }, "inline data that is compressed", parse.ErrFormat, ""},
		{tiny, packed, func(p *patient) { put(p.addrs(packed)[4:], 0) }, "the compressed cluster at block 0 goes on behind its end", parse.ErrFormat, ""},
		{tiny, packed, func(p *patient) { clear(p.addrs(packed)[4:16]) }, "the compressed cluster at block 0 is stored nowhere", parse.ErrFormat, ""},
		{tiny, packed, func(p *patient) { put(p.addrs(packed)[4:], 0xfffffffe) }, "the compressed cluster at block 0 lies outside the main area (0xfffffffe)", parse.ErrFormat, ""},
		{tiny, packed, func(p *patient) { put(p.cluster(packed), 0xfffffff0) }, "the compressed cluster at block 0 is longer than its blocks (0xfffffff0)", parse.ErrFormat, ""},
		{tiny, packed, func(p *patient) { put(p.cluster(packed)[4:], 1) }, "the compressed cluster at block 0 does not have its checksum (0x1)", parse.ErrFormat, ""},
		{tiny, packed, func(p *patient) { p.inode(packed)[394] = 0; put(p.cluster(packed), 3000) }, "the compressed cluster at block 0 ", parse.ErrFormat, ""},
		{tiny, "zstd/mixed", func(p *patient) { p.zstd(10) }, "the compressed cluster at block 0 is not as long as it has to be (0xa)", parse.ErrFormat, ""},
		{tiny, "zstd/mixed", func(p *patient) { p.zstd(16 << 10) }, "", nil, ""},
		{tiny, "zstd/mixed", func(p *patient) { p.zstd(16<<10 + 1) }, "the compressed cluster at block 0: zstd: ", parse.ErrLimit, ""},
		{tiny, "zstd/mixed", func(p *patient) { p.cluster("zstd/mixed")[24] = 0 }, "the compressed cluster at block 0 cannot be decoded: zstd: not a zstd frame", parse.ErrFormat, ""},
	} {
		p := &patient{edit(tc.image), t, open(t, tc.image)}
		tc.edit(p)
		p.mend()
		notes, err := read(p.edited, tc.path)
		switch {
		case tc.want == "" && (err != nil || !strings.Contains(notes, tc.note)):
			t.Errorf("%s: %v, notes %q, want %q", tc.path, err, notes, tc.note)
		case tc.want != "" && (!errors.Is(err, tc.kind) || !strings.Contains(fmt.Sprint(err), tc.want)):
			t.Errorf("%s: %v, want %q", tc.path, err, tc.want)
		}
	}
}

// cluster is the first cluster of a compressed file, as it is stored.
func (p *patient) cluster(name string) []byte {
	a := p.addrs(name)
	if le.Uint32(a) != 0xfffffffe {
		p.t.Fatalf("%s is not compressed", name)
	}
	return p.at(int64(le.Uint32(a[4:])) * block)
}

// zstd makes the first cluster of zstd/mixed n bytes of one kind: a frame of RFC 8878
// with its size, and a block of RLE.
func (p *patient) zstd(n int) {
	raw := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0}
	raw = le.AppendUint32(raw, uint32(n))
	raw = append(le.AppendUint32(raw, uint32(n)<<3|2|1)[:12], 'x')
	c := p.cluster("zstd/mixed")
	le.PutUint32(c, uint32(len(raw)))
	copy(c[24:], raw)
}

// read does all that there is to do with one file.
func read(b blob.Blob, path string) (string, error) {
	f, err := f2fs.Open(b, nil)
	if err != nil {
		return "", err
	}
	notes := func() string { return strings.Join(f.Notes(), "\n") }
	info, err := f.Stat(path)
	if err != nil {
		return notes(), err
	}
	if up := path[:max(0, strings.LastIndexByte(path, '/'))]; up != "" {
		if _, err := f.ReadDir(up); err != nil {
			return notes(), err
		}
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		_, err = f.ReadDir(path)
	case fs.ModeSymlink:
		_, err = f.ReadLink(path)
	default:
		var d blob.Blob
		if d, _, err = f.Blob(path); err != nil {
			break
		}
		p := make([]byte, 100<<10)
		for off := int64(0); off < d.Size() && err == nil; off += int64(len(p)) {
			if d.Size() > 1<<30 && off > 30<<20 && off < d.Size()/2 { // a hole
				off = d.Size() / 2 &^ (block - 1)
			}
			_, err = blob.ReadFull(d, p[:min(int64(len(p)), d.Size()-off)], off)
		}
	}
	return notes(), err
}

// TestXattrs breaks extended attributes.
func TestXattrs(t *testing.T) {
	image := fixture(t, "tiny.img")
	for _, tc := range []struct {
		path string
		edit func(p *patient)
		want string
	}{
		{"inline", func(p *patient) { p.attrs("inline")[0]++ }, "its extended attributes begin otherwise"},
		{"inline", func(p *patient) { p.attrs("inline")[26] = 0xff }, "an extended attribute runs past its end"},
		{"inline", func(p *patient) { copy(p.attrs("inline")[24:], "\x01\x00\x00\x00\x00\x00\x00\x00") }, "[{user. []}]"}, // a name of nothing
		{"inline", func(p *patient) { clear(p.attrs("inline")[:28]) }, "[]"},                                              // never written to
		{"inline", func(p *patient) { p.inode("inline")[362] = 6; clear(p.attrs("inline")[:24]) }, "[]"},                  // nor with room for any
		{"blocks", func(p *patient) { le.PutUint32(p.at(p.node(p.t, le.Uint32(p.inode("blocks")[76:]))+block-16), 0) }, "is not in its place in the file"},
		{"blocks", func(p *patient) { le.PutUint32(p.inode("blocks")[76:], 3) }, "in the place of its node"},
		{"blocks", func(p *patient) { le.PutUint32(p.inode("blocks")[76:], p.number("blocks")) }, "is not in its place in the file"},
		{"blocks", func(p *patient) { le.PutUint32(p.inode("blocks")[76:], 1<<30) }, "a node of a number that none can have"},
	} {
		p := &patient{edit(image), t, open(t, image)}
		tc.edit(p)
		p.mend()
		f, err := f2fs.Open(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		list, err := f.Xattrs(tc.path)
		if tc.want[0] == '[' && (err != nil || fmt.Sprint(list) != tc.want) || tc.want[0] != '[' && (!errors.Is(err, parse.ErrFormat) || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v %v, want %q", tc.path, list, err, tc.want)
		}
	}
}

// attrs are the extended attributes in an inode with extra attributes.
func (p *patient) attrs(name string) []byte {
	n := p.inode(name)
	return n[block-44-4*int(le.Uint16(n[362:])):]
}
