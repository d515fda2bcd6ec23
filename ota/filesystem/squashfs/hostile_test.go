package squashfs_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/filesystem/squashfs"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// A hostile image is wrong in one way.
type hostile struct {
	name  string
	build func(m *image) ent
	kind  error // nil: all can be read
	says  string
}

func testHostile(t *testing.T, list []hostile) {
	t.Helper()
	for _, tc := range list {
		var m image
		f, err := squashfs.Open(blob.Bytes(m.bytes(tc.build(&m))), nil)
		if err == nil {
			_, err = walk(f)
		}
		var pe *parse.Error
		switch {
		case tc.kind == nil && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.kind == nil:
		case !errors.As(err, &pe) || pe.Kind != tc.kind || pe.Format != "squashfs" || !strings.Contains(err.Error(), tc.says):
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// with is an image of one inode, of such a type.
func with(kind uint16, rest ...any) func(m *image) ent {
	return func(m *image) ent {
		m.file()
		m.fragments = otatest.LE(uint64(96), uint32(4096|1<<24), uint32(0), uint64(96), uint32(4097|1<<24), uint32(0), uint64(1<<40), uint32(1), uint32(0))
		return m.top(m.inode(kind, 0, rest...).as("x"))
	}
}

// good is an image that is right.
func good(m *image) ent { return with(3, uint32(1), uint32(1), "x")(m) }

// changed is a right image after a change.
func changed(change func([]byte)) func(m *image) ent {
	return func(m *image) ent {
		m.change = change
		return good(m)
	}
}

func u16(at int, v uint16) func(*image) ent {
	return changed(func(b []byte) { le.PutUint16(b[at:], v) })
}

func u32(at int, v uint32) func(*image) ent {
	return changed(func(b []byte) { le.PutUint32(b[at:], v) })
}

func u64(at int, v uint64) func(*image) ent {
	return changed(func(b []byte) { le.PutUint64(b[at:], v) })
}

// pointer changes the first entry of an index that the superblock has at at.
func pointer(at int, v uint64) func(*image) ent {
	return changed(func(b []byte) { le.PutUint64(b[le.Uint64(b[at:]):], v) })
}

func TestHostileSuper(t *testing.T) {
	testHostile(t, []hostile{
		{"as it should be", good, nil, ""},
		{"magic", u32(0, 0x12345678), parse.ErrFormat, "no magic of a superblock (0x12345678) at byte 0x0"},
		{"version 3.1", u32(28, 0x10003), parse.ErrUnsupported, "version 3.1; only 4.0 is read at byte 0x1c"},
		{"version 2.0", u32(28, 2), parse.ErrUnsupported, "version 2.0; only 4.0 is read"},
		{"version 1.0", u32(28, 1), parse.ErrUnsupported, "version 1.0; only 4.0 is read"},
		{"version 4.1", u32(28, 0x10004), parse.ErrUnsupported, "version 4.1; only 4.0 is read"},
		{"version 3.0, big-endian", changed(func(b []byte) { copy(b, "sqsh"); copy(b[28:], []byte{0, 3, 0, 0}) }), parse.ErrUnsupported, "version 3.0, big-endian; only 4.0 is read at byte 0x1c"},
		{"compression 0", u16(20, 0), parse.ErrUnsupported, "a compression that is not known (0x0) at byte 0x14"},
		{"compression 7", u16(20, 7), parse.ErrUnsupported, "a compression that is not known (0x7)"},
		{"blocks of 2 KiB", changed(func(b []byte) { le.PutUint32(b[12:], 2048); le.PutUint16(b[22:], 11) }), parse.ErrFormat, "a size of blocks that is not 4 KiB to 1 MiB"},
		{"blocks of 2 MiB", changed(func(b []byte) { le.PutUint32(b[12:], 2<<20); le.PutUint16(b[22:], 21) }), parse.ErrFormat, "a size of blocks that is not 4 KiB to 1 MiB"},
		{"blocks of two sizes", u16(22, 13), parse.ErrFormat, "or not that of its logarithm (0x1000) at byte 0xc"},
		{"longer than the image", u64(40, 1<<40), parse.ErrFormat, "the file system does not end within the"},
		{"shorter than a superblock", u64(40, 95), parse.ErrFormat, "the file system does not end within the"},
		{"a negative size", u64(40, 1<<63), parse.ErrFormat, "the file system does not end within the"},
		{"no owners", u16(26, 0), parse.ErrFormat, "no owners at byte 0x1a"},
		{"owners behind the end", u64(48, 1<<62), parse.ErrFormat, "the table of owners is not in the file system (0x4000000000000000) at byte 0x30"},
		{"owners in the superblock", u64(48, 88), parse.ErrFormat, "the table of owners is not in the file system"},
		{"65535 owners", u16(26, 65535), parse.ErrFormat, "the table of owners is not in the file system"},
		{"a block of owners behind the end", pointer(48, 1<<40), parse.ErrFormat, "the table of owners has a block that is not in the file system (0x10000000000)"},
		{"2048 owners", u16(26, 2048), parse.ErrFormat, "metadata"},
		{"inodes in the superblock", u64(64, 90), parse.ErrFormat, "the inodes are not between the superblock and the folders (0x5a) at byte 0x40"},
		{"inodes behind the folders", changed(func(b []byte) { copy(b[64:80], append(bytes.Clone(b[72:80]), b[64:72]...)) }), parse.ErrFormat, "the inodes are not between the superblock and the folders"},
		{"folders behind the fragments", u64(80, 100), parse.ErrFormat, "the folders are not before the tables that follow"},
		{"folders at the end", changed(func(b []byte) { le.PutUint32(b[16:], 0); le.PutUint64(b[72:], uint64(len(b))) }), parse.ErrFormat, "the folders are not before the tables that follow"},
		{"2^32-1 fragments", u32(16, none), parse.ErrFormat, "the table of fragments is not in the file system"},
		{"a table for NFS behind the end", u64(88, 1<<40), parse.ErrFormat, "the table of inodes for NFS is not in the file system"},
		{"the root behind its block", u64(32, 8191), parse.ErrFormat, "a place behind the end of its block of metadata (0x1fff)"},
		{"the root in no block", u64(32, 0xffff), parse.ErrFormat, "no place of an inode (0xffff) at byte 0x20"},
		{"the root far away", u64(32, 0xffffffff0000), parse.ErrFormat, "a block of metadata that is not where the inodes are"},
		{"the root at a negative offset", u64(32, 0xffffffffffff0000), parse.ErrFormat, "no place of an inode"},
		{"a root that is none", func(m *image) ent { return m.link("x") }, parse.ErrFormat, "the root is not a folder"},

		{"options that are compressed", changed(func(b []byte) { le.PutUint16(b[24:], 1<<10) }), parse.ErrFormat, "compressed options of the compressor"},
		{"options of no bytes", changed(func(b []byte) { le.PutUint16(b[24:], 1<<10); le.PutUint16(b[96:], 0x8000) }), parse.ErrFormat, "options of the compressor of a wrong size"},
		{"options of 8193 bytes", changed(func(b []byte) { le.PutUint16(b[24:], 1<<10); le.PutUint16(b[96:], 0xa001) }), parse.ErrFormat, "options of the compressor of a wrong size"},
		{"lz4 without options", u16(20, 5), parse.ErrFormat, "lz4 without its options"},
		{"lz4 with short options", changed(func(b []byte) {
			le.PutUint16(b[20:], 5)
			le.PutUint16(b[24:], 1<<10)
			le.PutUint16(b[96:], 0x8004)
		}), parse.ErrFormat, "options of lz4 of a wrong size (0x4)"},
		{"lz4 of another version", changed(func(b []byte) {
			le.PutUint16(b[20:], 5)
			le.PutUint16(b[24:], 1<<10)
			copy(b[96:], otatest.LE(uint16(0x8008), uint32(2), uint32(0)))
		}), parse.ErrUnsupported, "a version of lz4 that is not known (0x2) at byte 0x62"},

		{"a block of no metadata", changed(func(b []byte) { le.PutUint16(b[le.Uint64(b[64:]):], 0x8000) }), parse.ErrFormat, "a block of metadata of a wrong size (0x8000)"},
		{"a block of 8193 bytes of metadata", changed(func(b []byte) { le.PutUint16(b[le.Uint64(b[64:]):], 0xa001) }), parse.ErrFormat, "a block of metadata of a wrong size (0xa001)"},
		{"a block that is not compressed", changed(func(b []byte) { b[le.Uint64(b[64:])+1] &= 0x7f }), parse.ErrFormat, "a compressed block: zlib"},
		{"a block of metadata that becomes nothing", changed(func(b []byte) {
			copy(b[le.Uint64(b[64:]):], otatest.LE(uint16(len(deflated(0))), deflated(0)))
		}), parse.ErrFormat, "a block of metadata that is empty"},
		{"a block that lzo compressed", changed(func(b []byte) { b[20] = 3; b[le.Uint64(b[64:])+1] &= 0x7f }), parse.ErrUnsupported, "a block that lzo has compressed"},
		{"nothing that lzo compressed", u16(20, 3), nil, ""},
	})
}

func TestHostileInodes(t *testing.T) {
	owner := func(at int) func(m *image) ent {
		return func(m *image) ent {
			e := good(m)
			m.inodes[len(m.inodes)-32+at] = 1
			return e
		}
	}
	mode := func(v uint16) func(m *image) ent {
		return func(m *image) ent {
			e := good(m)
			le.PutUint16(m.inodes[len(m.inodes)-32+2:], v)
			return e
		}
	}
	reg := func(start, fragment, offset, size uint32, words ...uint32) func(m *image) ent {
		return with(2, start, fragment, offset, size, words)
	}
	long := func(start, size uint64, words ...uint32) func(m *image) ent {
		return with(9, start, size, uint64(0), uint32(1), none, uint32(0), none, words)
	}
	testHostile(t, []hostile{
		{"type 0", with(0), parse.ErrFormat, "an unknown type (0x0)"},
		{"type 15", with(15), parse.ErrFormat, "an entry of an unknown type (0x8)"},
		{"an owner that is not there", owner(4), parse.ErrFormat, "an owner that is not in the table (0x1)"},
		{"a group that is not there", owner(6), parse.ErrFormat, "an owner that is not in the table (0x1)"},
		{"a mode with its type", mode(0o040755), nil, ""},
		{"a mode with another type", mode(0o100755), parse.ErrFormat, "a mode of another type (0x81ed)"},

		{"a file of 2^63 bytes", long(96, 1<<63), parse.ErrFormat, "a file that is larger than any"},
		{"a file of 2^40 bytes", long(96, 1<<40), parse.ErrFormat, "a file of more blocks than the inodes have room to list"},
		{"a file far away", long(1<<60, 5000, 4096, 1000), parse.ErrFormat, "its blocks are not in the file system"},
		{"a file that has no blocks", long(96, 1<<17), parse.ErrFormat, "inode 2: block 0 is not in the file system"},
		{"a file at the end", reg(5000, none, 0, 4096, 4096|1<<24), parse.ErrFormat, "its blocks are not in the file system"},
		{"a file over the end", reg(3000, none, 0, 4096, 4096|1<<24), parse.ErrFormat, "block 0 is not in the file system"},
		{"a file in the superblock", reg(95, none, 0, 4096, 4096|1<<24), parse.ErrFormat, "a block that is not in the file system"},
		{"a block of 2^25 bytes", reg(96, none, 0, 4096, 1<<25), parse.ErrFormat, "block 0 has no size (0x2000000)"},
		{"a block of 4097 bytes", reg(96, none, 0, 4096, 4097|1<<24), parse.ErrFormat, "a block of a wrong size (0x1001001)"},
		{"a compressed block of 4097 bytes", reg(96, none, 0, 4096, 4097), parse.ErrFormat, "a block of a wrong size (0x1001)"},
		{"a block of 4095 bytes", reg(96, none, 0, 4096, 4095|1<<24), parse.ErrFormat, "block 0 does not become as long as it has to be (0xfff)"},
		{"a block of no bytes", reg(96, none, 0, 4096, 1<<24), parse.ErrFormat, "a block of a wrong size"},
		{"a last block that is too long", reg(96, none, 0, 100, 101|1<<24), parse.ErrFormat, "block 0 does not become as long as it has to be (0x65)"},
		{"a block of 100 bytes", reg(96, none, 0, 100, 100|1<<24), nil, ""},
		{"a block of noise", reg(96, none, 0, 100, 100), parse.ErrFormat, "block 0: a compressed block: zlib"},
		{"a hole", reg(96, none, 0, 100, 0), nil, ""},
		{"a fragment", reg(96, 0, 3996, 100), nil, ""},
		{"a fragment that is too short", reg(96, 0, 3997, 100), parse.ErrFormat, "its fragment is shorter than what it has of it"},
		{"a fragment with an offset of 4 GiB", reg(96, 0, none, 100), parse.ErrFormat, "its fragment is shorter than what it has of it"},
		{"a fragment of 4097 bytes", reg(96, 1, 0, 100), parse.ErrFormat, "a block of a wrong size"},
		{"a fragment far away", reg(96, 2, 0, 100), parse.ErrFormat, "a fragment that is not in the file system (0x10000000000)"},
		{"a fragment that is not there", reg(96, 3, 0, 100), parse.ErrFormat, "a fragment that is not in the table (0x3)"},
		{"a fragment, and no blocks, far away", reg(none, 0, 0, 100), nil, ""},
		{"a fragment that is not needed", reg(96, 0, 0, 4096, 4096|1<<24), nil, ""},

		{"a target of 4096 bytes", with(3, uint32(1), uint32(4096), strings.Repeat("x", 4096)), nil, ""},
		{"a target of 4097 bytes", with(3, uint32(1), uint32(4097), strings.Repeat("x", 4097)), parse.ErrLimit, "the target of a link of more than 4096 bytes"},
		{"a target of 4 GiB", with(3, uint32(1), none), parse.ErrLimit, "the target of a link of more than 4096 bytes"},
		{"a target of 4 GiB, with attributes", with(10, uint32(1), none), parse.ErrLimit, "the target of a link of more than 4096 bytes"},
		{"a target over blocks of metadata", func(m *image) ent {
			for range 255 {
				m.link("x")
			}
			e := m.link(strings.Repeat("x", 300))
			return m.top(e.as("x"))
		}, nil, ""},
	})
}

func TestHostileLists(t *testing.T) {
	// list is an image whose root has these bytes as its list.
	list := func(size uint32, b ...any) func(m *image) ent {
		return func(m *image) ent {
			m.link("x")
			m.dirs = otatest.LE(b...)
			return m.inode(8, root, uint32(2), size, uint32(0), uint32(0), uint16(0), uint16(0), none)
		}
	}
	entry := []any{uint32(0), uint32(0), uint32(1), uint16(0), uint16(0), uint16(3), uint16(0), []byte("x")}
	wide := func(n uint16, rest int) []any {
		return append(append([]any{}, entry[:6]...), n, make([]byte, rest))
	}
	deltas := func(m *image) ent { // numbers above and below that of the header
		a, b := m.inode(3, 40000, uint32(1), uint32(1), "a"), m.inode(3, 90000, uint32(1), uint32(1), "b")
		m.dirs = otatest.LE(uint32(1), uint32(0), uint32(65000), uint16(a.ref), int16(-25000), uint16(3), uint16(0), []byte("a"),
			uint16(b.ref), int16(25000), uint16(3), uint16(0), []byte("b"))
		return m.inode(1, root, uint32(0), uint32(2), uint16(3+12+18), uint16(0), uint32(root+1))
	}
	testHostile(t, []hostile{
		{"a list", list(3+21, entry...), nil, ""},
		{"a list of 4 GiB", list(none, entry...), parse.ErrFormat, "a block of metadata"},
		{"a list of zeros", list(none, make([]byte, 100)), parse.ErrFormat, "an entry states a number that its inode has not (0x0)"},
		{"a list that ends within a header", list(10, make([]byte, 100)), parse.ErrFormat, "its list ends within a header (0x7)"},
		{"a list of a header", list(3+12+8, entry...), parse.ErrFormat, "its list ends within a header (0x14)"},
		{"a list that ends within an entry", list(3+21, wide(1, 2)...), parse.ErrFormat, "an entry runs past the end of its list"},
		{"a list of fewer entries than its header says", list(3+21, append([]any{uint32(1)}, append(entry[1:], make([]byte, 100))...)...), parse.ErrFormat, "an entry runs past the end of its list"},
		{"256 entries", func(m *image) ent {
			e := m.link("x")
			m.dirs = otatest.LE(uint32(255), uint32(0), uint32(1))
			for i := range 256 {
				m.dirs = append(m.dirs, otatest.LE(uint16(e.ref), int16(0), uint16(3), uint16(1), []byte{byte(i/16 + 'a'), byte(i%16 + 'a')})...)
			}
			return m.inode(1, root, uint32(0), uint32(2), uint16(3+12+256*10), uint16(0), uint32(root+1))
		}, nil, ""},
		{"257 entries", list(3000, uint32(256), make([]byte, 3000)), parse.ErrFormat, "a run of more than 256 entries (0x100)"},
		{"2^32 entries", list(3000, none, make([]byte, 3000)), parse.ErrFormat, "a run of more than 256 entries"},
		{"a name of 256 bytes", list(3+12+8+256, append(append([]any{}, entry[:6]...), uint16(255), bytes.Repeat([]byte{'x'}, 256))...), nil, ""},
		{"a name of 257 bytes", list(1000, wide(256, 1000)...), parse.ErrFormat, "a name of more than 256 bytes (0x101)"},
		{"a name of 64 KiB", list(1000, wide(65535, 1000)...), parse.ErrFormat, "a name of more than 256 bytes"},
		{"an inode that is not there", list(3+21, append([]any{uint32(0), uint32(1 << 30)}, entry[2:]...)...), parse.ErrFormat, "a block of metadata that is not where the inodes are"},
		{"no bytes", list(2), nil, ""},
		{"numbers on both sides", deltas, nil, ""},
		{"a list far away", func(m *image) ent { return m.inode(1, root, none, uint32(2), uint16(100), uint16(0), uint32(0)) }, parse.ErrFormat, "a block of metadata that is not where the folders are"},
		{"a list behind its block", func(m *image) ent {
			m.dir(5, 5)
			m.dirs = []byte{0}
			return m.inode(1, root, uint32(0), uint32(2), uint16(100), uint16(2), uint32(0))
		}, parse.ErrFormat, "a place behind the end of its block of metadata (0x2)"},
	})
}

func TestHostileXattrs(t *testing.T) {
	attrs := func(count uint32, b ...any) func(m *image) ent {
		return func(m *image) ent {
			m.xattrs = otatest.LE(b...)
			m.xattrIDs = otatest.LE(uint64(0), count, uint32(0))
			return m.top(m.inode(10, 0, uint32(1), uint32(1), "x", uint32(0)).as("x"))
		}
	}
	one := []any{uint16(2), uint16(1), []byte("a"), uint32(1), []byte("b")}
	zeros := attrs(none, bytes.Repeat(otatest.LE(uint16(0), uint16(0), uint32(0)), 1<<18)) // attributes that take no room
	table := func(change func(b []byte)) func(m *image) ent {
		return func(m *image) ent {
			m.change = func(b []byte) { change(b[le.Uint64(b[56:]):]) }
			return attrs(1, one...)(m)
		}
	}
	testHostile(t, []hostile{
		{"an attribute", attrs(1, one...), nil, ""},
		{"no table", with(10, uint32(1), uint32(1), "x", uint32(7)), nil, ""},
		{"attributes that are not there", attrs(4, one...), parse.ErrFormat, "a block of metadata that is not where the attributes are"},
		{"a name of 64 KiB", attrs(1, uint16(2), uint16(65535), []byte("a")), parse.ErrFormat, ""},
		{"a value of 4 GiB", attrs(1, uint16(2), uint16(1), []byte("a"), none, []byte("b")), parse.ErrLimit, "extended attributes of more than 1048576 bytes"},
		{"a value elsewhere", attrs(1, uint16(0x102), uint16(1), []byte("a"), uint32(8), uint64(17), uint32(1), []byte("b")), nil, ""},
		{"a value elsewhere, of a wrong size", attrs(1, uint16(0x102), uint16(1), []byte("a"), uint32(7), uint64(0)), parse.ErrFormat, "an attribute's value is elsewhere, and not where (0x7)"},
		{"a value far away", attrs(1, uint16(0x102), uint16(1), []byte("a"), uint32(8), uint64(1<<40)), parse.ErrFormat, "a block of metadata that is not where the attributes are"},
		{"a value at a negative offset", attrs(1, uint16(0x102), uint16(1), []byte("a"), uint32(8), ^uint64(0)), parse.ErrFormat, "a block of metadata that is not where the attributes are"},
		{"a type that is none", attrs(1, append([]any{uint16(3)}, one[1:]...)...), nil, ""},
		{"4 G attributes of no bytes", zeros, parse.ErrLimit, "extended attributes of more than 1048576 bytes"},
		{"a value that is elsewhere, again and again", attrs(40, bytes.Repeat(otatest.LE(uint16(0x102), uint16(1), []byte("a"), uint32(8), uint64(40*17)), 40), uint32(60000), make([]byte, 60000)),
			parse.ErrLimit, "extended attributes of more than 1048576 bytes"},
		{"attributes behind their table", table(func(b []byte) { le.PutUint64(b, 1<<40) }), parse.ErrFormat, "the attributes are not before their table"},
		{"an inode that the table has not", table(func(b []byte) { le.PutUint32(b[8:], 0) }), parse.ErrFormat, "its attributes are not in the table (0x0)"},
		{"2^32-1 inodes", table(func(b []byte) { le.PutUint32(b[8:], none) }), parse.ErrFormat, "the table of attributes is not in the file system"},
		{"a table behind the end", func(m *image) ent {
			m.change = func(b []byte) { le.PutUint64(b[56:], uint64(len(b)-8)) }
			return attrs(1, one...)(m)
		}, parse.ErrFormat, "the table of attributes is not in the file system"},
	})
	var m image
	f := open(t, m.bytes(attrs(2, append([]any{uint16(3), uint16(1), []byte("z"), uint32(0)}, one...)...)(&m)))
	if list, err := f.Xattrs("x"); len(list) != 1 || list[0].Name != "security.a" || string(list[0].Value) != "b" || err != nil || len(f.Notes()) != 1 {
		t.Errorf("%v, %v, %q", list, err, f.Notes())
	}
}
