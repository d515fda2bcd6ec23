package axml_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otavet/otavet/inspect/format/axml"
	"github.com/otavet/otavet/ota/blob"
	"github.com/otavet/otavet/ota/otatest"
	"github.com/otavet/otavet/ota/parse"
)

// put16 and put32 change a copy of b.
func put16(b []byte, off int, v uint16) []byte {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint16(b[off:], v)
	return b
}

func put32(b []byte, off int, v uint32) []byte {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint32(b[off:], v)
	return b
}

// A hostile file is refused with an error of the kind, or read, with the note.
type hostile struct {
	name   string
	data   []byte
	refuse error
	note   string
	// aapt is what aapt does, which reads with Android 10's own code: "" the same.
	// "stops" where it prints what came before the fault and no error; "crashes" where it
	// prints a string that is missing, or at a depth below zero (Android does not print).
	aapt string
}

func hostiles() []hostile {
	good := manifest()
	p := pool16(words...)
	at := 8 + len(p) + len(ids()) // the first node
	root := at + 24               // the element manifest
	attrExt := root + 16
	junk := chunkOf(0x0777, nil, le(uint32(1)))
	deep := func(n int) []byte {
		return file(p, ids(), bytes.Repeat(start(2), n), bytes.Repeat(end(2), n))
	}
	nodes := func(parts ...any) []byte { return file(p, ids(), le(parts...)) }
	return []hostile{
		{name: "honest", data: good},
		{name: "empty", data: nil, refuse: parse.ErrFormat},
		{name: "four bytes", data: good[:4], refuse: parse.ErrFormat},
		{name: "root type 0", data: put16(good, 0, 0), note: "type 0x0, not XML"},
		{name: "root type 1", data: put16(good, 0, 1), note: "type 0x1, not XML"},
		{name: "root header 12 bytes, with four to skip", data: file2(12, []byte("skip"), p, ids(), tree()), note: "header is 12 bytes"},
		{name: "root header 10 bytes, with two to skip", data: file2(10, []byte("sk"), p, ids(), tree()), note: "header is 10 bytes"},
		{name: "root header past the file", data: put16(good, 2, 0xfffc), refuse: parse.ErrFormat},
		{name: "root size too large", data: put32(good, 4, uint32(len(good)+4)), refuse: parse.ErrFormat},
		{name: "bytes behind the end", data: append(bytes.Clone(good), "0123"...), note: "4 bytes follow"},
		{name: "no string pool", data: file(ids(), tree()), refuse: parse.ErrFormat},
		{name: "pool behind the nodes", data: file(ids(), tree(), p), refuse: parse.ErrFormat},
		{name: "pool of type 0", data: put16(good, 8, 0), refuse: parse.ErrFormat},
		{name: "pool's header of 32 bytes", data: file(pool32(), ids(), tree()), note: "string pool is 32 bytes"},
		{name: "pool's header of 24 bytes", data: put16(good, 8+2, 24), refuse: parse.ErrFormat},
		{name: "pool's header of 0x1c01 bytes", data: put16(good, 8+2, 0x1c01), refuse: parse.ErrFormat},
		{name: "resource map's header of 12 bytes", data: file(p, chunkOf(0x180, le(uint32(7)), le(uint32(0x01010003), uint32(0x0101000f))), tree()), note: "resource map is 12 bytes"},
		{name: "two pools", data: file(pool16("x"), p, ids(), tree()), note: "second string pool"},
		{name: "no resource map", data: file(p, tree())},
		{name: "unknown chunk before the pool", data: file(junk, p, ids(), tree()), note: "unknown type 0x777"},
		{name: "unknown chunk before the nodes", data: file(p, ids(), junk, tree()), note: "unknown type 0x777"},
		{name: "unknown node", data: nodes(start(2), node(0x0150, uint32(0)), end(2)), note: "node of the unknown type 0x150"},
		{name: "unknown node without a node's header", data: nodes(start(2), junk, end(2)), refuse: parse.ErrFormat, aapt: "stops"},
		{name: "string count too large", data: put32(good, 8+8, 0x7fffffff), refuse: parse.ErrFormat},
		{name: "string count too small", data: put32(good, 8+8, 3), note: "string 5 is missing", aapt: "crashes"},
		{name: "string count zero", data: put32(good, 8+8, 0), note: "is missing", aapt: "crashes"},
		{name: "string count into the data", data: put32(good, 8+8, 12)},
		{name: "style count without styles", data: put32(good, 8+12, 5), refuse: parse.ErrFormat},
		{name: "strings begin outside", data: put32(good, 8+20, 1<<20), refuse: parse.ErrFormat},
		{name: "UTF-8 flag lies", data: put32(good, 8+16, 1<<8), note: "is missing", aapt: "crashes"},
		{name: "UTF-16 flag lies", data: put32(file(pool8(words...), ids(), tree()), 8+16, 0), refuse: parse.ErrFormat},
		{name: "string offset outside", data: put32(good, 8+28+4*2, 1<<20), note: "string 2 is missing", aapt: "crashes"},
		{name: "string number out of range", data: nodes(start(99), end(99)), note: "string 99 is missing", aapt: "crashes"},
		{name: "attribute's name out of range", data: nodes(start(2, attr(none, 99, none, 0x10, 1)), end(2)), note: "string 99 is missing", aapt: "crashes"},
		{name: "attribute's string out of range", data: nodes(start(2, attr(none, 5, 98, 3, 98)), end(2)), note: "string 98 is missing", aapt: "crashes"},
		{name: "attributes further apart", data: nodes(node(0x102, none, uint32(2), uint16(20), uint16(24), uint16(1), uint32(0), uint16(0),
			attr(none, 5, 4, 3, 4), uint32(0)), end(2)), note: "24 bytes apart"},
		{name: "attributes begin later", data: nodes(node(0x102, none, uint32(2), uint16(28), uint16(20), uint16(1), uint32(0), uint16(0),
			uint32(0), uint32(0), attr(none, 5, 4, 3, 4)), end(2)), note: "begin at 28"},
		{name: "attributes of size zero", data: put16(good, attrExt+10, 0), note: "0 bytes apart"},
		{name: "attributes of size zero, 65535 of them", data: put16(put16(good, attrExt+10, 0), attrExt+12, 0xffff), note: "0 bytes apart"},
		{name: "attributes that overlap twice", data: put16(put16(nodes(start(2, attr(none, 5, 4, 3, 4)), start(2, attr(none, 5, 4, 3, 4)), start(2), end(2)),
			at+16+10, 0), at+16+12, 0xffff), note: "0 bytes apart"},
		{name: "attributes that overlap too often", data: nodes(start0(0xffff), start0(0xffff), end(2)), refuse: parse.ErrLimit, aapt: "reads"},
		{name: "more attributes than fit", data: put16(good, attrExt+12, 3), refuse: parse.ErrFormat, aapt: "stops"},
		{name: "attributes of size 21 past the end", data: put16(good, attrExt+10, 21), refuse: parse.ErrFormat, aapt: "stops"},
		{name: "node's header of 20 bytes", data: nodes(chunkOf(0x102, le(uint32(1), none, uint32(7)), le(none, uint32(2), uint16(20), uint16(20), uint16(0), uint32(0), uint16(0))), end(2)), note: "header is 20 bytes"},
		{name: "node's header of 12 bytes", data: nodes(start(2), chunkOf(0x103, le(uint32(1)), le(none, none)), end(2)), refuse: parse.ErrFormat, aapt: "stops"},
		{name: "node of odd size", data: put32(good, root+4, 57), refuse: parse.ErrFormat, aapt: "stops"},
		{name: "node of size zero", data: put32(good, root+4, 0), refuse: parse.ErrFormat, aapt: "stops"},
		{name: "end of namespace of no size", data: nodes(start(2), node(0x101), end(2)), refuse: parse.ErrFormat, aapt: "stops"},
		{name: "end of namespace of no size after the root", data: nodes(start(2), end(2), node(0x101)), note: "follows the root element is broken", aapt: "stops"},
		{name: "namespaces that nobody ends", data: nodes(node(0x100, uint32(6), uint32(7)), node(0x100, uint32(1), uint32(1)), start(2), end(2))},
		{name: "dummy namespaces without names", data: nodes(node(0x100, none, none), node(0x100, uint32(98), uint32(99)), start(2), end(2), node(0x101, uint32(98), uint32(99))), note: "string 98 is missing", aapt: "crashes"},
		{name: "dummy namespace within the root", data: nodes(start(2), node(0x100, uint32(0), uint32(0)), node(0x101, uint32(3), uint32(3)), end(2))},
		{name: "ends of other names", data: nodes(start(2), start(3), end(2), end(1))},
		{name: "elements not closed", data: nodes(start(2), start(3)), note: "2 elements are not closed"},
		{name: "end before the beginning", data: nodes(end(2), start(2), end(2)), note: "not begun", aapt: "stops"},
		{name: "two roots", data: nodes(start(2), end(2), start(3), end(3)), note: "beside the root"},
		{name: "text everywhere", data: nodes(node(0x104, uint32(4), le(uint16(8), uint16(0), uint32(0))), start(2), node(0x104, uint32(4), le(uint16(8), uint16(0), uint32(0))), end(2)), note: "text outside"},
		{name: "text without a string", data: nodes(start(2), node(0x104, uint32(99), le(uint16(8), uint16(0x0300), uint32(99))), end(2)), note: "string 99 is missing", aapt: "crashes"},
		{name: "text too small", data: nodes(start(2), node(0x104, uint32(4), uint32(0)), end(2)), refuse: parse.ErrFormat, aapt: "stops"},
		{name: "no element", data: nodes(node(0x100, uint32(6), uint32(7)), node(0x101, uint32(6), uint32(7))), refuse: parse.ErrFormat, aapt: "reads"},
		{name: "one node that ends with the file", data: nodes(start(2)), refuse: parse.ErrFormat},
		{name: "512 deep", data: deep(512)},
		{name: "513 deep", data: deep(513), refuse: parse.ErrLimit, aapt: "reads"},
		{name: "strings that overlap", data: file(overlap(), tree()), refuse: parse.ErrLimit, aapt: "reads"},
	}
}

// pool32 is the pool of words with a header that is four bytes longer.
func pool32() []byte {
	b := pool16(words...)
	start := binary.LittleEndian.Uint32(b[20:]) + 4
	return chunkOf(1, le(b[8:20], start, uint32(0), uint32(0xdeadbeef)), b[28:])
}

func file2(header uint16, more []byte, chunks ...[]byte) []byte {
	b := file(append([][]byte{more}, chunks...)...)
	return put16(b, 2, header)
}

// start0 is an element whose attributes all lie in one place.
func start0(count uint16) []byte {
	return node(0x102, none, uint32(2), uint16(20), uint16(0), count, uint32(0), uint16(0), attr(none, 5, 4, 3, 4))
}

// overlap is a pool of 1000 strings that all are one of 4000 characters.
func overlap() []byte {
	n := uint32(1000)
	data := le(uint16(4000), bytes.Repeat([]byte("a\x00"), 4000), uint32(0))
	data = append(data, 0, 0)
	return chunkOf(1, le(n, uint32(0), uint32(0), 28+4*n, uint32(0)), append(make([]byte, 4*n), data...))
}

func TestHostile(t *testing.T) {
	for _, h := range hostiles() {
		f, err := axml.Open(blob.Bytes(h.data), nil)
		var pe *parse.Error
		switch {
		case h.refuse != nil && !(errors.Is(err, h.refuse) && errors.As(err, &pe)):
			t.Errorf("%s: %v, want an error that is %v", h.name, err, h.refuse)
		case h.refuse == nil && err != nil:
			t.Errorf("%s: %v", h.name, err)
		case h.refuse == nil && h.note == "" && len(f.Notes) > 0:
			t.Errorf("%s: notes %q", h.name, f.Notes)
		case h.refuse == nil && !strings.Contains(strings.Join(f.Notes, "\n"), h.note):
			t.Errorf("%s: notes %q, want %q", h.name, f.Notes, h.note)
		}
	}
}

// TestHostileAAPT tells whether aapt, whose code is Android 10's, reads and
// refuses the same files, and where it reads one whole, whether it sees the same.
func TestHostileAAPT(t *testing.T) {
	otatest.Tool(t, "aapt")
	same, trees := 0, 0
	all := hostiles()
	for _, h := range all {
		apk := filepath.Join(t.TempDir(), "x.apk")
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.Create("AndroidManifest.xml")
		if err == nil {
			_, err = w.Write(h.data)
		}
		if err := errors.Join(err, z.Close(), os.WriteFile(apk, b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
		out, err := otatest.Run(t, "aapt", "dump", "xmltree", apk, "AndroidManifest.xml")
		var exit *exec.ExitError
		got := "reads"
		if strings.Contains(out, "ERROR") || strings.Contains(out, "W/") && !strings.Contains(out, "E:") {
			got = "refuses"
		} else if errors.As(err, &exit) && exit.ExitCode() == -1 {
			got = "crashes" // by a signal
		}
		want := "reads"
		if h.refuse != nil {
			want = "refuses"
		}
		if h.aapt == "stops" {
			h.aapt = "reads"
		}
		if h.aapt != "" {
			want = h.aapt
		} else {
			same++
		}
		if got != want {
			t.Errorf("%s: aapt %s, want %s: %.300s", h.name, got, want, out)
		}
		if f, err := axml.Open(blob.Bytes(h.data), nil); err == nil && h.aapt == "" {
			var b strings.Builder
			dump(&b, f)
			if got, want := elements(b.String()), elements(out); got != want {
				t.Errorf("%s: %s", h.name, difference(got, want))
			} else {
				trees++
			}
		}
	}
	t.Logf("%d of %d hostile files meet in aapt what they meet here; of %d the same elements and attributes are read", same, len(all), trees)
}

// elements are the lines of a dump that tell of elements and attributes, without
// their depth, which aapt takes from namespaces too.
func elements(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "E: ") || strings.HasPrefix(line, "A: ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// Where names lie, the resource id does not.
func TestAttributeByID(t *testing.T) {
	b := file(pool16("", "", "manifest", "application"), ids(), start(2), start(3, attr(none, 1, none, 0x12, 1)), end(3), end(2))
	f, err := axml.Open(blob.Bytes(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	a := f.Root.Children[0].Attribute(0x0101000f)
	if a == nil || a.Name != "" {
		t.Fatalf("%+v", a)
	}
	if v, ok := a.Value.Bool(); !v || !ok {
		t.Errorf("%+v", a.Value)
	}
	n := 0
	for range f.Root.All {
		n++
	}
	if n != 2 {
		t.Errorf("%d elements", n)
	}
}
