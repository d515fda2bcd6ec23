package archive_test

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/parse"
)

// A tarMember is a header and its data, field by field, so that a test can lie
// in each. It shares no code with the reader.
type tarMember struct {
	name, link, prefix, magic, mode, size, mtime, chksum string // "": what is right
	typ                                                  byte
	data                                                 string
	pad                                                  string // behind the data, in place of zeros
	signed                                               bool   // the checksum takes bytes as signed
	raw                                                  string // if not empty, these bytes and nothing else
}

func (m tarMember) bytes() []byte {
	if m.raw != "" {
		return []byte(m.raw)
	}
	or := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	h := make([]byte, 512)
	copy(h[0:100], m.name)
	copy(h[100:108], or(m.mode, "0000644\x00"))
	copy(h[108:116], "0000000\x00")
	copy(h[116:124], "0000000\x00")
	copy(h[124:136], or(m.size, fmt.Sprintf("%011o\x00", len(m.data))))
	copy(h[136:148], or(m.mtime, "14616075051\x00"))
	copy(h[148:156], "        ")
	h[156] = m.typ
	copy(h[157:257], m.link)
	copy(h[257:265], or(m.magic, "ustar\x0000"))
	copy(h[345:500], m.prefix)
	sum := 0
	for _, c := range h {
		if m.signed {
			sum += int(int8(c))
		} else {
			sum += int(c)
		}
	}
	copy(h[148:156], or(m.chksum, fmt.Sprintf("%06o\x00 ", sum)))
	h = append(h, m.data...)
	n := -len(m.data) & 511
	return append(h, (m.pad + strings.Repeat("\x00", 512))[:n]...)
}

const tarEnd = 1024

// tarOf is a tar of these members and an end.
func tarOf(m ...tarMember) []byte { return append(tarBody(m...), make([]byte, tarEnd)...) }

func tarBody(m ...tarMember) []byte {
	var out []byte
	for _, m := range m {
		out = append(out, m.bytes()...)
	}
	return out
}

func tarFile(name, data string) tarMember { return tarMember{name: name, typ: '0', data: data} }
func tarDir(name string) tarMember        { return tarMember{name: name, typ: '5', mode: "0000755\x00"} }
func soft(name, target string) tarMember  { return tarMember{name: name, typ: '2', link: target} }
func hard(name, target string) tarMember  { return tarMember{name: name, typ: '1', link: target} }

// pax is a PAX header of these keys and values.
func pax(typ byte, keyed ...string) tarMember {
	m := tarMember{name: "PaxHeaders/x", typ: typ}
	for i := 0; i < len(keyed); i += 2 {
		body := " " + keyed[i] + "=" + keyed[i+1] + "\n"
		n := len(body) + 1
		for len(fmt.Sprint(n))+len(body) != n {
			n++
		}
		m.data += fmt.Sprint(n) + body
	}
	return m
}

func longName(typ byte, s string) tarMember {
	return tarMember{name: "././@LongLink", typ: typ, magic: "ustar  \x00", data: s}
}

func (m tarMember) with(change func(*tarMember)) tarMember { change(&m); return m }

// md5ed is data with md5sum's line behind it.
func md5ed(data []byte, format string) []byte {
	return append(bytes.Clone(data), fmt.Sprintf(format, fmt.Sprintf("%x", md5.Sum(data)))...)
}

func hostileTars() []hostile {
	a, b := tarFile("a.img", "alpha"), tarFile("b.img", "bravo")
	ab := tarOf(a, b)
	sparse := tarMember{name: "s", typ: 'S', magic: "ustar  \x00"}
	list := []hostile{
		// Names.
		{"names", tarOf(
			tarFile("../up", "1"), tarFile("/abs", "2"), tarFile(`C:\win`, "3"), tarFile("a\x1b[2Jb", "4"), tarFile("\u202egpj.exe", "5"),
			tarFile("a//b", "6"), tarFile("d/./a", "7"), tarFile("", "8"), tarFile("caf\xe9", "9"), tarFile("café", "10"), tarFile("CON.txt", "11"),
			tarFile("dot.", "12"), tarFile("a:b", "13"), tarFile("..", "14"), tarFile("./../x", "15"), tarFile("x/..", "16")), "refused: the name has the element .."},
		{"names-dot", tarOf(tarDir("./"), tarFile("./a", "1"), tarFile("././b", "2"), tarFile(".//c", "3"), tarFile(".hidden", "4")), "a = \"1\""},
		{"name-root", tarOf(tarFile(".", "1"), tarFile("./a", "2")), "refused: another entry makes its name a folder"},
		{"name-absolute", tarOf(tarFile("/abs", "2")), "refused: the name is an absolute path"},
		{"name-nul-pax", tarOf(pax('x', "path", "boot.img\x00.txt"), a), "refused: the name holds a NUL byte"},
		{"name-nul-long", tarOf(longName('L', "boot.img\x00.txt\x00"), a), "its long name goes on behind a NUL byte"},
		{"name-empty-pax", tarOf(pax('x', "path", ""), a), "refused: its long name is empty"},
		{"name-prefix", tarOf(tarFile("x", "1").with(func(m *tarMember) { m.prefix = "../.." })), "refused: the name has the element .."},
		{"name-prefix-gnu", tarOf(tarFile("x", "1").with(func(m *tarMember) { m.prefix, m.magic = "../..", "ustar  \x00" })), "x = \"1\""},
		{"name-deep", tarOf(longName('L', strings.Repeat("n/", 300)+"x\x00"), a), "refused: the name has more than 256 elements"},
		{"name-65536", tarOf(longName('L', strings.Repeat("n", 65536)+"\x00"), a), "the name is 65536 bytes long"},
		{"name-65537", tarOf(longName('L', strings.Repeat("n", 65537)+"\x00"), a), "a long name is longer than 64 KiB"},
		{"name-65537-pax", tarOf(pax('x', "path", strings.Repeat("n", 65537)), a), "a name is longer than 64 KiB"},
		{"twin-case", tarOf(tarFile("App/x", "1"), tarFile("./app/x", "2")), "differs from entry 0 in the case of letters only"},
		{"twin-unicode", tarOf(tarFile("caf\u00e9", "1"), tarFile("cafe\u0301", "2")), "in the Unicode form of letters only"},
		{"twin-slash", tarOf(tarFile("a", "1"), tarDir("a/")), "refused: another entry makes its name a file"},

		// The same name more than once.
		{"dup", tarOf(tarFile("boot.img", "good"), a, tarFile("boot.img", "evil")), "boot.img = \"evil\""},
		{"dup-dot", tarOf(tarFile("boot.img", "good"), tarFile("./boot.img", "evil")), "refused: entry 1 has the same name and comes later"},
		{"dup-thrice", tarOf(tarFile("x", "1"), tarFile("x", "2"), tarFile("x", "3")), "2 entries before it have the same name"},
		{"dup-last-refused", tarOf(tarFile("x", "1"), sparse.with(func(m *tarMember) { m.name = "x" })), "2 entries, 0 shown"},
		{"dup-folder", tarOf(tarDir("a/"), tarFile("a/x", "1"), tarDir("a")), "a/x = \"1\""},
		{"file-and-folder", tarOf(tarFile("a", "1"), tarFile("a/b/c", "2"), tarFile("a", "3")), "refused: its folder a is a file in another entry"},
		{"folder-and-file", tarOf(tarFile("a/b/c", "1"), tarFile("a", "2")), "refused: another entry makes its name a folder"},
		{"link-then-write", tarOf(soft("lib", "/etc"), tarFile("lib/passwd", "x")), "refused: its folder lib is a file in another entry"},

		// Links.
		{"hard", tarOf(a, hard("h", "./a.img"), hard("i", "h")), "i = \"alpha\""},
		{"hard-later", tarOf(hard("h", "a.img"), a), "refused: a hard link to what is no earlier entry"},
		{"hard-self", tarOf(hard("h", "h")), "refused: a hard link to what is no earlier entry"},
		{"hard-outside", tarOf(a, hard("h", "../a.img"), hard("i", "/etc/passwd")), "refused: a hard link whose target cannot be: it has the element .."},
		{"hard-to-folder", tarOf(tarDir("d"), hard("h", "d")), "refused: a hard link to entry 0, which is no regular file"},
		{"hard-to-link", tarOf(soft("l", "/etc"), hard("h", "l")), "refused: a hard link to entry 0, which is no regular file"},
		{"hard-to-refused", tarOf(sparse, hard("h", "s")), "refused: a hard link to entry 0, which is refused"},
		{"hard-chain-refused", tarOf(hard("g", "x"), hard("h", "g")), "refused: a hard link to entry 0, which is refused"},
		{"hard-before-dup", tarOf(tarFile("x", "old"), hard("h", "x"), tarFile("x", "new")), "h = \"old\""},
		{"hard-after-dup", tarOf(tarFile("x", "old"), tarFile("x", "new"), hard("h", "x")), "h = \"new\""},
		{"hard-over-target", tarOf(tarFile("x", "old"), hard("x", "x")), "x = \"old\""},
		{"hard-with-size", tarOf(a, hard("h", "a.img").with(func(m *tarMember) { m.size = "00000000005\x00" })), "its header declares 5 bytes, which its type does not have"},
		{"hard-with-data", tarOf(a, hard("h", "a.img").with(func(m *tarMember) { m.data = "other" })), "no header stands where one must"},
		{"soft", tarOf(soft("l", "d/t"), soft("up", "../.."), soft("abs", "/etc"), soft("loop", "loop"), soft("none", ""), soft("esc", "a\x1bb")), "abs -> /etc"},
		{"soft-with-size", tarOf(soft("l", "t").with(func(m *tarMember) { m.size = "00000001000\x00" }), tarFile("hidden", ""), a), "GNU tar skips as many when it lists the archive, and none when it unpacks it"},
		{"soft-long", tarOf(longName('K', strings.Repeat("x", 5000)+"\x00"), soft("l", "")), "the target of l is longer than 4096 bytes"},
		{"soft-two-targets", tarOf(longName('K', "good\x00"), pax('x', "linkpath", "evil"), soft("l", "")), "refused: its long link and its PAX header contradict each other"},

		// Types.
		{"types", tarOf(
			tarMember{name: "old", data: "1"}, tarMember{name: "olddir/"}, tarMember{name: "contiguous", typ: '7', data: "2"},
			tarMember{name: "char", typ: '3'}, tarMember{name: "block", typ: '4'}, tarMember{name: "fifo", typ: '6'}, tarMember{name: "dir", typ: '5'},
			tarMember{name: "set", typ: '0', mode: "0106755\x00"}), "contiguous = \"2\""},
		{"type-unknown", tarOf(tarMember{name: "q", typ: 'Q', data: "1"}, tarMember{name: "nul", typ: 0xff, data: "1"}, a), "refused: type Q (0x51) is unknown"},
		{"type-named", tarOf(tarMember{name: "d", typ: 'D', data: "Yx\x00\x00"}, tarMember{name: "m", typ: 'M', data: "1"}, tarMember{name: "n", typ: 'N', data: "1"},
			tarMember{name: "a", typ: 'A', data: "1"}, b), "refused: a folder of an incremental backup"},
		{"folder-with-data", tarOf(tarFile("d/", "data"), tarFile("d/x", "1")), "a folder with 4 bytes of data"},
		{"folder-with-size", tarOf(tarDir("d").with(func(m *tarMember) { m.size = "00000000777\x00" }), a), "its header declares 511 bytes, which its type does not have"},
		{"sparse-map", append(append(sparseHeader(), make([]byte, 512)...), tarOf(a)...), "GNU tar then takes that block for a header"},
		{"sparse-map-cut", append(sparseHeader(), make([]byte, 100)...), "the file ends within the map of a sparse file"},

		// Numbers.
		{"size-negative", tarOf(a.with(func(m *tarMember) { m.size = strings.Repeat("\xff", 12) })), "the size of entry 0 is negative at byte 0x7c"},
		{"size-2^63", tarOf(a.with(func(m *tarMember) { m.size = "\x80\x00\x00\x00\x80" + strings.Repeat("\x00", 7) })), "is a number of 2^63 or more"},
		{"size-2^63-1", tarOf(a.with(func(m *tarMember) { m.size = "\x80\x00\x00\x00\x7f" + strings.Repeat("\xff", 7) })), "the file ends within the data of entry 0, a.img"},
		{"size-8GiB", tarOf(a.with(func(m *tarMember) { m.size = "777777777777" })), "the file ends within the data of entry 0"},
		{"size-one-more", tarBody(a, b.with(func(m *tarMember) { m.size = "00000001001\x00" })), "of which this many bytes are missing (0x1)"},
		{"size-text", tarOf(a.with(func(m *tarMember) { m.size = "12x" })), "the size of entry 0 is not a number"},
		{"size-spaces", tarOf(a.with(func(m *tarMember) { m.size = "         5 x" })), "a.img = \"alpha\""},
		{"size-pax", tarOf(pax('x', "size", "3"), a), "a.img = \"alp\""},
		{"size-pax-hides", tarOf(pax('x', "size", "1536"), a, b, tarFile("c", "c")), "c = \"c\""},
		{"size-pax-negative", tarOf(pax('x', "size", "-1"), a), "the size in a PAX header is no number of bytes"},
		{"size-pax-huge", tarOf(pax('x', "size", "9223372036854775808"), a), "the size in a PAX header is no number of bytes"},
		{"mode-and-time", tarOf(a.with(func(m *tarMember) { m.mode, m.mtime = "rw-r--r-", "yesterday" })), "its mode is not a number"},
		{"time-pax", tarOf(pax('x', "mtime", "1.5e9"), a, pax('x', "mtime", ""), b), "its time is no time"},

		// PAX headers and long names.
		{"pax-two-names", tarOf(longName('L', "good\x00"), pax('x', "path", "evil"), a), "refused: its long name and its PAX header contradict each other"},
		{"pax-one-name-twice", tarOf(longName('L', "good\x00"), pax('x', "path", "good"), a), "good = \"alpha\""},
		{"pax-twice", tarOf(pax('x', "path", "one"), pax('x', "path", "two"), a), "it has two PAX headers, of which the last counts"},
		{"pax-solaris", tarOf(pax('X', "path", "two"), a), "two = \"alpha\""},
		{"pax-key-twice", tarOf(pax('x', "path", "one", "path", "two"), a), "two = \"alpha\""},
		{"pax-sparse", tarOf(pax('x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "real", "GNU.sparse.realsize", "1099511627776"), a), "refused: a sparse file (GNU.sparse 1.0)"},
		{"pax-global", tarOf(pax('g', "comment", "4f"), a, b), "b.img = \"bravo\""},
		{"pax-global-path", tarOf(pax('g', "path", "evil"), a, b), "a global PAX header gives every member one path"},
		{"pax-global-size", tarOf(pax('g', "size", "0"), a, b), "a global PAX header gives every member one size"},
		{"pax-global-sparse", tarOf(pax('g', "GNU.sparse.size", "1"), a), "a global PAX header gives every member one GNU.sparse"},
		{"pax-nobody", tarOf(a, pax('x', "path", "x")), "a PAX header or long name has no member behind it"},
		{"pax-nobody-cut", tarBody(a, pax('x', "path", "x")), "a PAX header or long name has no member behind it"},
		{"pax-too-long", tarOf(tarMember{name: "x", typ: 'x', size: "77777777777\x00"}), "a PAX header is longer than 1 MiB"},
		{"pax-cut", tarOf(tarMember{name: "x", typ: 'x', size: "00000004000\x00"}), "the file ends within a PAX header or long name"},
		{"pax-record-length", tarOf(tarMember{name: "x", typ: 'x', data: "99 path=x\n"}, a), "a record of a PAX header is malformed"},
		{"pax-record-short", tarOf(tarMember{name: "x", typ: 'x', data: "3 path=x\n"}, a), "a record of a PAX header is malformed"},
		{"pax-record-zero", tarOf(tarMember{name: "x", typ: 'x', data: "0 \n"}, a), "a record of a PAX header is malformed"},
		{"pax-record-no-equals", tarOf(tarMember{name: "x", typ: 'x', data: "8 pathx\n"}, a), "a record of a PAX header is malformed"},
		{"pax-record-no-key", tarOf(tarMember{name: "x", typ: 'x', data: "5 =x\n"}, a), "a record of a PAX header is malformed"},
		{"pax-record-tail", tarOf(tarMember{name: "x", typ: 'x', data: "10 path=x\n\x00\x00"}, a), "a record of a PAX header is malformed at byte 0x20a"},
		{"long-name-folder", tarOf(longName('L', "d/\x00"), a.with(func(m *tarMember) { m.data = "" })), "d/ "},

		// Headers and what is between them.
		{"v7", tarOf(a.with(func(m *tarMember) { m.magic, m.typ, m.prefix = "\x00\x00\x00\x00\x00\x00\x00\x00", 0, "no prefix" })), "a.img = \"alpha\""},
		{"checksum-signed", tarOf(tarFile("caf\xc3\xa9", "x").with(func(m *tarMember) { m.signed = true })), "café = \"x\""},
		{"checksum", tarOf(a, b.with(func(m *tarMember) { m.chksum = "0000001\x00" })), "no header stands where one must"},
		{"checksum-first", tarOf(a.with(func(m *tarMember) { m.chksum = "0000001\x00" })), "not a tar"},
		{"checksum-blank", tarOf(a.with(func(m *tarMember) { m.chksum = "        " })), "not a tar"},
		{"padding", tarOf(a.with(func(m *tarMember) { m.pad = "hidden" }), b), "the 507 bytes behind its data, up to the next block, are not all zeros"},
		{"padding-last", tarOf(a.with(func(m *tarMember) { m.pad = "hidden" })), "the 507 bytes behind its data"},
		{"not-a-tar", bytes.Repeat([]byte("text "), 300), "not a tar"},
		{"zeros-signed", append([]byte("\x80\x80"), make([]byte, 1022)...), "not a tar"},
		{"text", []byte("text"), "not a tar"},
		{"nothing", nil, "the file is empty"},

		// The end and what is behind.
		{"end-missing", tarBody(a), "without the two blocks of zeros"},
		{"end-padding-missing", tarBody(a)[:512+5], "a.img = \"alpha\""},
		{"end-one-block", tarBody(a, tarMember{raw: string(make([]byte, 512))}), "one block of zeros ends the archive, where there must be two"},
		{"end-one-block-then-more", append(tarBody(a, tarMember{raw: string(make([]byte, 512))}), tarOf(b)...), "one block of zeros ends the archive at 0x400"},
		{"end-10240", append(tarOf(a), make([]byte, 10240-2048)...), "a.img = \"alpha\""},
		{"end-data", append(tarOf(a), "hidden"...), "6 bytes at 0x800 follow the end and belong to no member (data)"},
		{"end-tar", append(tarOf(a), tarOf(b)...), "begins with a tar's header, which GNU tar reads with --ignore-zeros"},
		{"end-zeros", append(tarOf(a), make([]byte, 3<<20)...), "3145728 bytes follow the end at 0x800, of which the first MiB are zeros"},
		{"end-zeros-then-md5", md5ed(append(tarOf(a), make([]byte, 3<<20)...), "%s  a.tar\n"), "MD5 at 0x300800 of a.tar: right"},
		{"empty", make([]byte, 1024), "no members"},
		{"empty-one-block", make([]byte, 512), "no members"},

		// Samsung's line.
		{"md5", md5ed(ab, "%s  AP.tar\n"), "MD5 at 0xc00 of AP.tar: right"},
		{"md5-crlf", md5ed(ab, "%s *AP.tar\r\n"), "MD5 at 0xc00 of AP.tar: right"},
		{"md5-no-newline", md5ed(ab, "%s  AP.tar"), "MD5 at 0xc00 of AP.tar: right"},
		{"md5-wrong", append(bytes.Clone(ab), "00000000000000000000000000000000  AP.tar\n"...), "the MD5 line says 00000000000000000000000000000000"},
		{"md5-no-end", md5ed(tarBody(a, b), "%s  AP.tar\n"), "the archive has no end: the MD5 line follows the last member"},
		{"md5-name", md5ed(ab, "%s  ../\x1b[2J.tar\n"), "of ../%1B[2J.tar"},
		{"md5-twice", md5ed(md5ed(ab, "%s  one.tar\n"), "%s  two.tar\n"), "of two.tar: right"},
		{"md5-behind-data", md5ed(append(tarOf(a), "\x00hidden\x7f\n"...), "%s  AP.tar\n"), "8 bytes at 0x801 follow the end"},
		{"md5-size-lies", md5ed(append(tarOf(a), "original_tar_file_size:4\n"...), "%s  AP.tar\n"), "says that the tar had 4 bytes, and it has 2048"},
		{"md5-hex", append(bytes.Clone(ab), "0000000000000000000000000000000g  AP.tar\n"...), "41 bytes at 0xc00 follow the end"},
		{"md5-too-far", append(bytes.Clone(ab), "00000000000000000000000000000000  "+strings.Repeat("x", 9000)+"\n"...), "9035 bytes at 0xc00 follow the end"},
		{"md5-in-the-middle", append(bytes.Clone(ab), strings.Repeat("0", 64)+"  "+strings.Repeat("x", 8192-34)...), "8224 bytes at 0xc00 follow the end"},
		{"md5-behind-broken-header", md5ed(append(tarBody(a), (strings.Repeat("x", 511)+"\n")...), "%s  AP.tar\n"), "no header stands where one must"},
	}
	return list
}

// sparseHeader is a header whose map goes on in the next block.
func sparseHeader() []byte {
	h := tarMember{name: "s", typ: 'S', magic: "ustar  \x00"}.bytes()
	h[482] = 1
	sum := 0
	copy(h[148:156], "        ")
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// describeTar writes all that a reader of the tar is told.
func describeTar(data []byte) string {
	var out strings.Builder
	z, err := archive.OpenTar(blob.Bytes(data), parse.NewBudget(parse.Limits{Entries: 2000, Produced: 64 << 20}))
	if err != nil {
		var pe *parse.Error
		if !errors.As(err, &pe) {
			fmt.Fprintf(&out, "error of a wrong type %T: ", err)
		}
		fmt.Fprintf(&out, "error: %v\n", err)
		return out.String()
	}
	clip := func(s string) string {
		if len(s) > 200 {
			s = s[:60] + fmt.Sprintf("…(%d)", len(s))
		}
		return s
	}
	for _, n := range z.Notes() {
		fmt.Fprintf(&out, "note: %s\n", n)
	}
	if _, name, off, ok := z.MD5(); ok {
		result := "right"
		if err := z.CheckMD5(); err != nil {
			result = err.Error()
		}
		fmt.Fprintf(&out, "MD5 at %#x of %s: %s\n", off, name, result)
	}
	shown := 0
	for _, e := range z.Entries() {
		fmt.Fprintf(&out, "entry %d: %s %v %d at %#x %#x\n", e.Index, clip(e.Name), e.Mode, e.Size, e.Header, e.Data)
		if e.Refused != "" {
			fmt.Fprintf(&out, "  refused: %s\n", e.Refused)
		} else {
			shown++
		}
		for _, n := range e.Notes {
			fmt.Fprintf(&out, "  note: %s\n", n)
		}
	}
	fmt.Fprintf(&out, "%d entries, %d shown\n", len(z.Entries()), shown)
	fs.WalkDir(z, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			fmt.Fprintf(&out, "walk %s: %v\n", clip(path), err)
		case d.Type() == fs.ModeSymlink:
			target, err := z.ReadLink(path)
			fmt.Fprintf(&out, "%s -> %s", clip(path), clip(target))
			if err != nil {
				fmt.Fprintf(&out, "%v", err)
			}
			fmt.Fprintln(&out)
		case d.IsDir():
			if path != "." {
				fmt.Fprintf(&out, "%s/\n", clip(path))
			}
		case d.Type() != 0:
			_, err := z.Open(path)
			fmt.Fprintf(&out, "%v\n", err)
		default:
			p, err := fs.ReadFile(z, path)
			fmt.Fprintf(&out, "%s = %s", clip(path), clip(fmt.Sprintf("%q", p)))
			if err != nil {
				fmt.Fprintf(&out, ", then %v", err)
			}
			fmt.Fprintln(&out)
		}
		return nil
	})
	return out.String()
}

func TestHostileTar(t *testing.T) {
	golden := filepath.Join("testdata", "hostile-tar.golden")
	var all strings.Builder
	want := map[string]string{}
	if !*update {
		p, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range strings.Split(string(p), "\n== ")[1:] {
			name, text, _ := strings.Cut(s, "\n")
			want[name] = strings.TrimSuffix(text, "\n") + "\n"
		}
	}
	for _, h := range hostileTars() {
		t.Run(h.name, func(t *testing.T) {
			got := describeTar(h.data)
			fmt.Fprintf(&all, "\n== %s\n%s", h.name, got)
			if !strings.Contains(got, h.must) {
				t.Errorf("got\n%swant it to say %q", got, h.must)
			}
			if !*update && got != want[h.name] {
				t.Errorf("got\n%swant\n%s", got, want[h.name])
			}
		})
		delete(want, h.name)
	}
	for name := range want {
		t.Errorf("%s: in the golden file, and nobody makes it", name)
	}
	if *update {
		text := "What a reader of each file of tarhostile_test.go is told. Written by go test -update.\n" + all.String()
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
