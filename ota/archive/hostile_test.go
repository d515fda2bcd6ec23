package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/ota/archive"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

var update = flag.Bool("update", false, "write the golden files anew")

type (
	builder = otatest.ZipBuilder
	member  = otatest.ZipMember
	header  = otatest.ZipHeader
)

// A hostile file, and the answer it must get: must is the heart of it, which
// stands in the golden file's whole.
type hostile struct {
	name string
	data []byte
	must string
}

func file(name, data string) member { return member{Name: name, Data: []byte(data)} }

func zipOf(m ...member) builder { return builder{Members: m} }

func built(b builder) []byte { return b.Bytes() }

// with is a member whose central record and local header are both changed.
func with(m member, change func(*header)) member {
	m.Local, m.Central = change, change
	return m
}

func central(m member, change func(*header)) member { m.Central = change; return m }
func local(m member, change func(*header)) member   { m.Local = change; return m }

var zeros = make([]byte, 10<<20)

// overlapBomb is 1000 entries whose local headers quote each other (Fifield):
// each header's extra field swallows the next header, and all end in one
// stream.
func overlapBomb(count int, plain []byte) []byte {
	stream := otatest.Deflate(plain)
	b := builder{}
	for i := range count {
		// From here to the stream lie the headers that follow.
		rest := (count - 1 - i) * (30 + 4)
		m := member{Name: fmt.Sprintf("%04d", i), Data: plain, Raw: []byte{}}
		if i == count-1 {
			m.Raw = stream
		}
		m.Local = func(h *header) { h.Method, h.Stored, h.ExtraLen = 8, uint32(len(stream)), rest }
		m.Central = func(h *header) { h.Method, h.Stored = 8, uint32(len(stream)) }
		b.Members = append(b.Members, m)
	}
	return b.Bytes()
}

// signingBlock is an APK signing block with that much in it.
func signingBlock(n int) []byte {
	p := binary.LittleEndian.AppendUint64(nil, uint64(n+24))
	p = append(p, bytes.Repeat([]byte{7}, n)...)
	p = binary.LittleEndian.AppendUint64(p, uint64(n+24))
	return append(p, "APK Sig Block 42"...)
}

func hostiles() []hostile {
	a, bb := file("a.txt", "alpha"), file("b.txt", "bravo")
	deflated := member{Name: "d.txt", Data: []byte(strings.Repeat("delta ", 50)), Deflate: true}
	small := otatest.Deflate(zeros)
	described := func(m member, sig, wide bool) member {
		n := len(m.Data)
		if m.Deflate {
			n = len(otatest.Deflate(m.Data))
		}
		m.Descriptor = otatest.ZipDescriptor(m.Data, n, sig, wide)
		return m
	}
	zip64 := func(values ...uint64) func(*header) {
		return func(h *header) {
			h.Stored, h.Size, h.Extra = 0xffffffff, 0xffffffff, otatest.ZipExtra(1, values...)
		}
	}
	comment64k := strings.Repeat("c", 65535)
	inner := built(zipOf(file("inner", "x")))
	list := []hostile{
		// The measured table.
		{"dup-classes", built(zipOf(file("classes.dex", "good"), a, file("classes.dex", "evil"))), "refused: entry 0 has the same name and comes first"},
		{"dup-thrice", built(zipOf(file("x", "1"), file("x", "2"), file("x", "3"))), "x = \"1\""},
		{"janus-shifted", built(builder{Prefix: []byte("dex\n035\x00padding."), Shift: true, Members: []member{a}}), "16 bytes before the first member (data)"},
		{"janus-not-shifted", built(builder{Prefix: []byte("dex\n035\x00padding."), Members: []member{a}}), "prefix data: the central directory stands 16 bytes further on"},
		{"lfh-name-mismatch", built(zipOf(local(a, func(h *header) { h.Name = "z.txt" }), bb)), "refused: its local header has another name: z.txt"},
		{"lfh-name-length", built(zipOf(local(a, func(h *header) { h.Name = "a.tx" }))), "refused: its local header has another name: a.tx"},
		{"overlap-bomb", overlapBomb(4, bytes.Repeat([]byte("bomb"), 500)), "refused: overlaps entry 0"},
		{"overlap-same-data", built(zipOf(a, member{Name: "a.txt", Data: a.Data, NoLocal: true, Central: func(h *header) { h.Offset = 0 }})), "note: overlaps entry 0"},
		{"size-lie-small", built(zipOf(with(member{Name: "x", Data: zeros, Raw: small}, func(h *header) { h.Method, h.Size = 8, 10 }))), "x is longer than declared (0xa)"},
		{"size-lie-huge", built(zipOf(with(member{Name: "x", Data: zeros, Raw: small}, func(h *header) { h.Method, h.Size = 8, 0xfffffffe }))), "refused: declares 4294967294 bytes, more than deflate can make"},
		{"size-lie-larger", built(zipOf(with(deflated, func(h *header) { h.Size++ }))), "d.txt is 1 bytes shorter than declared"},
		{"names", built(zipOf(
			file("../up", "1"), file("/abs", "2"), file(`C:\win`, "3"), file("a\x1b[2Jb", "4"), file("\u202egpj.exe", "5"),
			member{Name: "link", Data: []byte("/etc/passwd"), Mode: 0o120777}, file("link/x", "6"),
			file("a//b", "7"), file("./a", "8"), file("", "9"), file("a\x00b", "10"), file("caf\xe9", "11"), file("café", "12"),
			file("CON.txt", "13"), file("dot.", "14"), file("space /x", "15"), file("a:b", "16"), file("..\\..\\y", "17"), file("..", "18"), file("lpt1", "19"))), "refused: the name has the element .."},
		{"long-name", built(zipOf(file(strings.Repeat("n", 65535), "x"))), "the name is 65535 bytes long"},
		{"deep-name", built(zipOf(file(strings.Repeat("n/", 32767)+"x", "x"), file(strings.Repeat("n/", 255)+"x", "x"))), "refused: the name has more than 256 elements"},
		{"fake-encrypted", built(zipOf(with(deflated, func(h *header) { h.Flags |= 1 }))), "flagged as encrypted"},
		{"strong-encryption", built(zipOf(with(a, func(h *header) { h.Flags |= 1<<6 | 1 }))), "flagged as encrypted"},
		{"fake-encrypted-central", built(zipOf(central(a, func(h *header) { h.Flags |= 1 }))), "its local header has the flags 0x0000, the directory 0x0001"},
		{"entry-count-65535", built(builder{Members: []member{a}, End: func(e *otatest.ZipEnd) { e.OnDisk, e.Count = 0xffff, 0xffff }}), "cannot hold as many entries as are counted (0xffff)"},
		{"zip64-missing-locator", built(builder{Members: []member{a}, End: func(e *otatest.ZipEnd) { e.Offset = 0xffffffff }}), "its locator is missing"},
		{"eocd-length-plus-5", built(builder{Members: []member{a}, Comment: "signed", End: func(e *otatest.ZipEnd) { e.CommentLen = 11 }}), "the comment is said to be 5 bytes longer than the file"},
		{"eocd-length-0", built(builder{Members: []member{a}, Comment: "signed", End: func(e *otatest.ZipEnd) { e.CommentLen = 0 }}), "6 bytes follow the comment"},
		{"trailing", built(builder{Members: []member{a}, Tail: []byte("tail")}), "4 bytes follow the comment"},

		// Names that some cannot tell apart.
		{"twin-case", built(zipOf(file("App/x", "1"), file("app/x", "2"))), "differs from entry 0 in the case of letters only"},
		{"twin-unicode", built(zipOf(file("caf\u00e9", "1"), file("cafe\u0301", "2"), file("\uac01", "3"), file("\u1100\u1161\u11a8", "4"))), "differs from entry 0 in the Unicode form of letters only"},
		{"twin-slash", built(zipOf(file("a", "1"), file("a/", ""))), "refused: another entry makes its name a file"},
		{"file-and-folder", built(zipOf(file("a", "1"), file("a/b/c", "2"))), "refused: its folder a is a file in another entry"},
		{"folder-and-file", built(zipOf(file("a/b/c", "2"), file("a", "1"))), "refused: another entry makes its name a folder"},
		{"dup-folder", built(zipOf(file("a/", ""), file("a/", ""), file("a/x", "x"))), "a/x = \"x\""},

		// Directory and local header disagree.
		{"lfh-size", built(zipOf(local(a, func(h *header) { h.Size = 4 }))), "refused: its local header contradicts the directory: 4 bytes stored as 5"},
		{"lfh-crc", built(zipOf(local(a, func(h *header) { h.CRC = 1 }))), "CRC 00000001"},
		{"lfh-method", built(zipOf(local(deflated, func(h *header) { h.Method = 0 }))), "its local header says method 0"},
		{"lfh-badpack", built(zipOf(local(deflated, func(h *header) { h.Method = 0x7261 }))), "its local header says method 29281"},
		{"lfh-signature", built(zipOf(local(a, func(h *header) { h.Signature = 0x11111111 }), bb)), "refused: no local header stands at its offset"},
		{"lfh-offset-outside", built(zipOf(central(a, func(h *header) { h.Offset = 1 << 20 }))), "refused: its local header does not lie before the directory"},
		{"lfh-offset-directory", built(zipOf(a, central(bb, func(h *header) { h.Offset = 70 }))), "refused: its local header does not lie before the directory"},
		{"lfh-huge-extra", built(zipOf(local(a, func(h *header) { h.ExtraLen = 0xffff }))), "refused: its local header runs into the directory"},
		{"data-into-directory", built(zipOf(with(a, func(h *header) { h.Stored, h.Size = 6, 6 }))), "refused: its data runs into the directory"},
		{"crc", built(zipOf(with(a, func(h *header) { h.CRC = 1 }), with(deflated, func(h *header) { h.CRC = 1 }))), "does not have the declared CRC-32 00000001"},
		{"stored-sizes", built(zipOf(with(a, func(h *header) { h.Size = 3 }))), "refused: stored, but 3 bytes are declared and 5 are there"},
		{"method-21", built(zipOf(with(a, func(h *header) { h.Method = 21 }))), "refused: compression method 21 (0x15) is not supported"},
		{"method-badpack", built(zipOf(with(a, func(h *header) { h.Method = 0x7261 }))), "refused: compression method 29281 (0x7261) is not supported"},
		{"not-deflate", built(zipOf(member{Name: "x", Data: []byte("12345678"), Deflate: true, Raw: []byte{7, 7, 7}})), "is not deflate data"},
		{"deflate-cut", built(zipOf(member{Name: "x", Data: deflated.Data, Deflate: true, Raw: otatest.Deflate(deflated.Data)[:5]})), "ends within its deflate data"},
		{"deflate-tail", built(zipOf(member{Name: "x", Data: deflated.Data, Deflate: true, Raw: append(otatest.Deflate(deflated.Data), "tail"...)})), "x = \"delta"},

		// Data descriptors.
		{"descriptor", built(zipOf(described(deflated, true, false), described(a, false, false), described(bb, true, true))), "sizes of 8 bytes: libziparchive does not extract it"},
		{"descriptor-lies", built(zipOf(member{Name: "x", Data: deflated.Data, Deflate: true, Descriptor: otatest.ZipDescriptor([]byte("else"), 4, true, false)}, a)), "refused: its data descriptor contradicts the directory"},
		{"descriptor-missing", built(zipOf(member{Name: "x", Data: deflated.Data, Deflate: true, Descriptor: []byte{}}, file("f/", ""))), "refused: its data descriptor contradicts the directory or is missing"},
		{"descriptor-central-only", built(zipOf(central(a, func(h *header) { h.Flags |= 8 }))), "its local header has the flags 0x0000, the directory 0x0008"},

		// The end record.
		{"empty", built(builder{}), "no entries"},
		{"short", []byte("PK\x05\x06"), "shorter than an end of central directory record"},
		{"not-a-zip", bytes.Repeat([]byte("text "), 100), "not a zip"},
		{"cut-short", built(zipOf(a, bb))[:60], "the archive is cut short"},
		{"eocd-in-comment", built(builder{Members: []member{a}, Comment: string(inner)}), "prefix data: the central directory stands 113 bytes further on"},
		{"eocd-in-comment-absolute", endInComment(a), "inner = \"x\""},
		{"eocd-signature-in-comment", built(builder{Members: []member{a}, Comment: "PK\x05\x06 and so on, and so on, and so on"}), "the comment holds another end record signature"},
		{"comment-65535", built(builder{Members: []member{a}, Comment: comment64k}), "the comment is 65535 bytes long"},
		{"comment-too-far", built(builder{Members: []member{a}, Comment: comment64k, Tail: []byte("x")}), "the archive is cut short"},
		{"count-too-small", built(builder{Members: []member{a, bb}, End: func(e *otatest.ZipEnd) { e.OnDisk, e.Count = 1, 1 }}), "51 bytes of further records, which Java reads and others do not"},
		{"count-too-large", built(builder{Members: []member{a}, Extra: make([]byte, 46), End: func(e *otatest.ZipEnd) { e.OnDisk, e.Count = 2, 2 }}), "no central record 1 (0x0)"},
		{"count-on-disk", built(builder{Members: []member{a, bb}, End: func(e *otatest.ZipEnd) { e.OnDisk = 1 }}), "counts 1 entries in this part, which minzip reads, and 2 in all"},
		{"multi-part", built(builder{Members: []member{a}, End: func(e *otatest.ZipEnd) { e.Disk = 3 }}), "part 3 of several"},
		{"directory-outside", built(builder{Members: []member{a}, End: func(e *otatest.ZipEnd) { e.Size += 100 }}), "does not end before the end record"},
		{"directory-digital-signature", built(builder{Members: []member{a}, Extra: []byte("PK\x05\x05\x00\x00")}), "6 bytes of a digital signature"},
		{"two-directories", built(builder{Members: []member{a}, Behind: built(zipOf(file("q.txt", "quebe")))[40 : 40+51]}), "51 bytes at 0x5b stand between the directory and the end record"},
		{"central-name-too-long", built(zipOf(central(a, func(h *header) { h.NameLen = 1000 }))), "central record 0 runs past the directory"},
		{"central-huge-extra", built(zipOf(central(a, func(h *header) { h.ExtraLen = 0xffff }))), "central record 0 runs past the directory"},
		{"made-by", built(zipOf(central(a, func(h *header) { h.MadeBy = 10 << 8 }))), "made on system 10: minzip refuses the archive"},

		// Zip64.
		{"zip64", built(builder{Zip64: true, Members: []member{with(a, zip64(5, 5))}}), "a.txt = \"alpha\""},
		{"zip64-count-lies", built(builder{Zip64: true, Members: []member{a}, End64: func(e *otatest.ZipEnd64) { e.Count = 1 << 32 }}), "cannot hold as many entries as are counted (0x100000000)"},
		{"zip64-offset-2^63", built(builder{Zip64: true, Members: []member{a}, End64: func(e *otatest.ZipEnd64) { e.Offset = 1 << 63 }}), "does not end before the zip64 end record"},
		{"zip64-size-2^64-1", built(builder{Zip64: true, Members: []member{a}, End64: func(e *otatest.ZipEnd64) { e.Size = 1<<64 - 1 }}), "does not end before the zip64 end record"},
		{"zip64-locator-2^63", built(builder{Zip64: true, Members: []member{a}, Locator: func(l *otatest.ZipLocator64) { l.Offset = 1 << 63 }}), "does not lie before its locator"},
		{"zip64-locator-elsewhere", built(builder{Zip64: true, Members: []member{a}, Locator: func(l *otatest.ZipLocator64) { l.Offset = 0 }}), "no zip64 end record where its locator points"},
		{"zip64-contradiction", built(builder{Zip64: true, Members: []member{a, bb}, End: func(e *otatest.ZipEnd) { e.OnDisk, e.Count = 1, 1 }}), "contradict each other"},
		{"zip64-unused", built(builder{Zip64: true, Members: []member{a}, End: func(e *otatest.ZipEnd) {
			*e = otatest.ZipEnd{Signature: 0x06054b50, OnDisk: 1, Count: 1, Size: 51, Offset: 40}
		}}), "nothing refers to it"},
		{"zip64-extra-missing", built(zipOf(with(a, func(h *header) { h.Size = 0xffffffff }), bb)), "refused: a size or offset refers to a zip64 field, which is missing"},
		{"zip64-extra-short", built(zipOf(with(a, zip64(5)), bb)), "refused: the zip64 field does not hold exactly the sizes it is needed for"},
		{"zip64-extra-2^63", built(zipOf(with(a, zip64(5, 1<<63)), bb)), "refused: the zip64 field holds a size or offset of 2^63 or more"},
		{"zip64-extra-offset", built(zipOf(a, central(bb, func(h *header) { h.Offset, h.Extra = 0xffffffff, otatest.ZipExtra(1, 40) }))), "b.txt = \"bravo\""},
		{"zip64-extra-offset-2^63", built(zipOf(a, central(bb, func(h *header) { h.Offset, h.Extra = 0xffffffff, otatest.ZipExtra(1, 1<<63+40) }))), "refused: the zip64 field holds a size or offset of 2^63 or more"},
		{"zip64-extra-all-three", built(zipOf(a, central(bb, func(h *header) { h.Offset, h.Extra = 0xffffffff, otatest.ZipExtra(1, 5, 5, 40) }))), "b.txt = \"bravo\""},
		{"zip64-lfh-one-size", built(zipOf(local(a, func(h *header) { h.Size, h.Extra = 0xffffffff, otatest.ZipExtra(1, 5) }))), "refused: in its local header one size alone refers to a zip64 field"},
		{"zip64-lfh-lies", built(zipOf(local(a, zip64(6, 5)))), "refused: its local header contradicts the directory: 6 bytes"},
		{"zip64-lfh-missing", built(zipOf(local(a, func(h *header) { h.Stored, h.Size = 0xffffffff, 0xffffffff }))), "refused: in its local header a size or offset refers to a zip64 field, which is missing"},

		// Bytes that belong to nobody.
		{"gap", built(zipOf(a, member{Name: "b.txt", Data: bb.Data, Before: []byte("hidden")})), "6 bytes at 0x28 belong to no member (data)"},
		{"gap-zeros", built(zipOf(a, member{Name: "b.txt", Data: bb.Data, Before: make([]byte, 12)})), "12 bytes at 0x28 belong to no member (zeros, as for alignment)"},
		{"gap-member", built(zipOf(a, member{Name: "gone", Data: []byte("x"), NoCentral: true}, bb)), "35 bytes at 0x28 belong to no member (begins with a local header)"},
		{"gap-before-directory", built(builder{Members: []member{a}, Gap: []byte("hidden")}), "6 bytes at 0x28 belong to no member"},
		{"gap-many", built(zipOf(gaps(20)...)), "20 gaps in all"},
		{"signing-block", built(builder{Members: []member{a}, Gap: signingBlock(100)}), "an APK signing block of 132 bytes at 0x28"},
		{"signing-block-behind-gap", built(builder{Members: []member{a}, Gap: append([]byte("hidden"), signingBlock(100)...)}), "an APK signing block of 132 bytes at 0x2e"},
		{"signing-block-wraps", built(builder{Members: []member{a}, Gap: wrapped()}), "132 bytes at 0x28 belong to no member (data)"},

		// Others.
		{"links", built(zipOf(member{Name: "l", Data: []byte("d/t"), Mode: 0o120777}, file("d/t", "x"), member{Name: "e", Mode: 0o120777}, member{Name: "long", Data: bytes.Repeat([]byte("x"), 5000), Mode: 0o120777})), "a symbolic link"},
		{"devices", built(zipOf(member{Name: "fifo", Data: []byte("x"), Mode: 0o010644}, member{Name: "dir", Data: []byte("x"), Mode: 0o040755}, member{Name: "set", Data: []byte("x"), Mode: 0o104755})), "its attributes do not say regular file"},
		{"folder-with-data", built(zipOf(file("f/", "data"))), "a folder with 4 bytes of data"},
		{"nested", built(zipOf(member{Name: "inner.zip", Data: inner})), "inner.zip = \"PK"},
		{"quine", built(zipOf(member{Name: "q.zip", Data: nil, Raw: []byte{0x4c, 0xcd, 0xe1, 0x15}, Deflate: true})), "q.zip"},
	}
	return list
}

// endInComment is an archive whose comment is the rest of another archive, whose
// offsets are right in the whole file.
func endInComment(m member) []byte {
	b := builder{Members: []member{m}, End: func(e *otatest.ZipEnd) { e.CommentLen = 0 }}
	inner := builder{Prefix: b.Bytes(), Shift: true, Members: []member{file("inner", "x")}}
	n := len(inner.Bytes()) - len(inner.Prefix)
	b.End = func(e *otatest.ZipEnd) { e.CommentLen = n }
	inner.Prefix = b.Bytes()
	return inner.Bytes()
}

func gaps(n int) []member {
	var out []member
	for i := range n {
		out = append(out, member{Name: fmt.Sprint(i), Before: []byte("gap!")})
	}
	return out
}

func wrapped() []byte {
	p := signingBlock(100)
	binary.LittleEndian.PutUint64(p[len(p)-24:], 1<<64-8)
	return p
}

// describe writes all that a reader of the archive is told.
func describe(data []byte) string {
	var out strings.Builder
	z, err := archive.OpenZip(blob.Bytes(data), parse.NewBudget(parse.Limits{Entries: 2000, Produced: 64 << 20}))
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
	for _, e := range z.Entries() {
		fmt.Fprintf(&out, "entry %d: %s %v %d of %d at %#x %#x\n", e.Index, clip(e.Name), e.Mode, e.Stored, e.Size, e.Header, e.Data)
		if e.Refused != "" {
			fmt.Fprintf(&out, "  refused: %s\n", e.Refused)
		}
		for _, n := range e.Notes {
			fmt.Fprintf(&out, "  note: %s\n", n)
		}
	}
	fs.WalkDir(z, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			fmt.Fprintf(&out, "walk %s: %v\n", clip(path), err)
			return nil
		}
		if d.IsDir() {
			if path != "." && len(path) < 200 {
				fmt.Fprintf(&out, "%s/\n", clip(path))
			}
			return nil
		}
		f, err := z.Open(path)
		if err != nil {
			fmt.Fprintf(&out, "open %s: %v\n", clip(path), err)
			return nil
		}
		defer f.Close()
		p, err := io.ReadAll(f)
		fmt.Fprintf(&out, "%s = %s", clip(path), clip(fmt.Sprintf("%q", p)))
		if err != nil {
			fmt.Fprintf(&out, ", then %v", err)
		}
		if d.Type() == fs.ModeSymlink {
			target, err := z.ReadLink(path)
			fmt.Fprintf(&out, ", a link to %q %v", clip(target), err)
		}
		fmt.Fprintln(&out)
		return nil
	})
	return out.String()
}

func TestHostile(t *testing.T) {
	golden := filepath.Join("testdata", "hostile.golden")
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
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			got := describe(h.data)
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
		text := "What a reader of each file of hostile_test.go is told. Written by go test -update.\n" + all.String()
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
